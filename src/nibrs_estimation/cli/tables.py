"""`nibrs tables`: definitions of the tables, and their estimates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

tables_app = typer.Typer(
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Show the published tables: how they are defined, and what a run estimated.",
)
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
NoPagerOption = Annotated[bool, typer.Option("--no-pager", help="Print without a pager.")]


@tables_app.command("list", epilog="Example: nibrs tables list")
def list_tables(as_json: JsonOption = False, no_pager: NoPagerOption = False) -> None:
    """List the tables: what each counts, and its size."""
    from nibrs_estimation.cli import table_frame  # noqa: PLC0415 (Polars is slow to import)

    table_frame.print_list(as_json=as_json, is_paged=not no_pager)


@tables_app.command(
    "show",
    help="Show the estimates of a table from the newest finished run of real data; without a run, or with --frame, its "
    "definition.\n\nThe output is limited to one screen: totals, rates and the first blocks of the main columns. --all "
    "shows everything, --column one column in full, --row one row in full, both together one cell. Each estimate has "
    "its margin of error, 1.96 standard errors.",
    epilog="Examples: nibrs tables show 1a; nibrs tables show 3a --geography VT --column robbery; "
    "nibrs tables show 2a --row firearms --geography VT --geography NH; "
    "nibrs tables show 3a --series male; nibrs tables show 4b --geography all --csv 4b.csv",
)
def show_table(
    table: Annotated[str, typer.Argument(help="Name of the table or variant; `nibrs tables list` lists them.")],
    geography: Annotated[
        list[str] | None,
        typer.Option(
            "--geography",
            "-g",
            help="Name or part of it, postal code (VT), geography:102 or fips:50; repeat the option for several side "
            "by side; with --csv, --xlsx or --json also states or all. Default: the nation.",
        ),
    ] = None,
    series: Annotated[
        str | None, typer.Option("--series", help="Demographic series: number or part of its label, such as male.")
    ] = None,
    row: Annotated[
        list[str] | None,
        typer.Option("--row", "-r", help="Only these rows: number, label, block, or a part of labels."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column", "-c", help="Only this column, in full: number or part of its name; repeat the option for more."
        ),
    ] = None,
    run_id: Annotated[
        str | None,
        typer.Option("--run", help="Id of the run. Default: the newest finished run, of real data if there is one."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", "-a", help="Show all rows and columns, not only one screen.")
    ] = False,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv", help="Write the selected cells to this file in the format of estimates.csv, including zeros."
        ),
    ] = None,
    xlsx: Annotated[
        Path | None,
        typer.Option(
            "--xlsx",
            help="Write the selected cells to this workbook, with flags, reasons, source and definitions.",
        ),
    ] = None,
    show_suppressed: Annotated[
        bool, typer.Option("--show-suppressed", help="Show the numbers that should not be published, too.")
    ] = False,
    frame: Annotated[bool, typer.Option("--frame", help="Show how the table is defined.")] = False,
    as_json: JsonOption = False,
    no_pager: NoPagerOption = False,
) -> None:
    """Show a table."""
    from nibrs_estimation.cli import table_show  # noqa: PLC0415 (as above)

    request = table_show.Request(
        geographies=tuple(geography or ()),
        series=series,
        rows=tuple(row or ()),
        columns=tuple(column or ()),
        run_id=run_id,
        everything=everything,
        csv=csv,
        xlsx=xlsx,
        shows_suppressed=show_suppressed,
    )
    table_show.show(table, request, is_of_frame=frame, as_json=as_json, is_paged=not no_pager)
