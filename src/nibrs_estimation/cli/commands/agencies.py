"""`nibrs agencies`: the agencies of a run, and what an estimate is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.table import Table
from rich.text import Text

from nibrs_estimation.cli.console import console
from nibrs_estimation.cli.settings import load_settings
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.files import atomic_path
from nibrs_estimation.pipeline.runs import MAIN_FLOW
from nibrs_estimation.reading.agencies import of_states
from nibrs_estimation.reading.run import Run
from nibrs_estimation.reading.runs import check_comparable, required_run
from nibrs_estimation.tables.read import table_definition

app = typer.Typer()
#: Agencies that are listed on a screen.
_MOST = 30


@app.command(
    epilog="Examples: nibrs agencies --incomplete --state VT; nibrs agencies --csv agencies.csv; "
    "nibrs agencies --table 1a --column robbery --geography VT --csv robbery.csv"
)
def agencies(
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="Only eligible agencies that did not report all months.")
    ] = False,
    state: Annotated[list[str] | None, typer.Option("--state", help="Only of this state: name or postal code.")] = None,
    table: Annotated[
        str | None, typer.Option("--table", help="With what the estimate of a cell of this table is made of.")
    ] = None,
    row: Annotated[str, typer.Option("--row", "-r", help="With --table: number or label of the row.")] = "1",
    column: Annotated[str, typer.Option("--column", "-c", help="With --table: number or name of the column.")] = "1",
    geography: Annotated[
        str | None, typer.Option("--geography", "-g", help="With --table: the place. Default: the nation.")
    ] = None,
    run_id: Annotated[
        str | None, typer.Option("--run", help="Id of the run. Default: the newest finished run.")
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write all columns to this file.")] = None,
) -> None:
    """List agencies: months reported, weights, benchmarks, counts; or what an estimate is made of."""
    settings = load_settings()
    definition = None if table is None else table_definition(table)
    if definition is None and (row, column, geography) != ("1", "1", None):
        raise UsageError("--row, --column and --geography name a cell of a table: name it with --table.")
    if definition is not None:
        check_comparable(definition)
    estimated = required_run(settings.scratch_dir, run_id)
    run = Run({MAIN_FLOW: estimated})
    found = (
        run.agencies(incomplete=incomplete)
        if definition is None
        else run.contributions(definition.table, geography, row, column)
    )
    found = found.filter(of_states(state)) if state else found
    if csv is not None:
        with atomic_path(csv) as path:
            found.write_csv(path)
        console.print(Text(f"Wrote {csv}: {found.height:,} agencies.\n{estimated.identity.text}"), soft_wrap=True)
        return
    console.print(Text(estimated.identity.text, style="bold"))
    if estimated.choice:
        console.print(Text(estimated.choice, style="yellow"))
    _print_agencies(found) if definition is None else _print_contributions(found)


def _print_agencies(found: pl.DataFrame) -> None:
    """A line for each agency, up to :data:`_MOST`."""
    shown = Table(box=None, pad_edge=False)
    for heading in ("Agency", "State"):
        shown.add_column(heading)
    for heading in ("Population", "Months", "Inferred", "Filled"):
        shown.add_column(heading, justify="right")
    shown.add_column("Filled from")
    shown.add_column("Left out because")
    names = (
        "agency_name", "state_abbr", "population", "months_reported", "months_inferred", "months_filled", "donor_ori",
        "status_reason",
    )  # fmt: skip
    for line in found.select(names).head(_MOST).iter_rows():
        shown.add_row(
            *(Text("" if value is None else f"{value:,}" if isinstance(value, int) else value) for value in line)
        )
    console.print(shown)
    _print_rest(found.height, "months reported of 12; of these inferred to be empty; filled in the estimates")


def _print_contributions(found: pl.DataFrame) -> None:
    """The agencies that add most to an estimate, and what they add to its error."""
    first = found.row(0, named=True)
    console.print(
        Text(
            f"Table {first['table_name']}, {first['row_label']}, {first['column_label']}, {first['geography_name']}: "
            f"estimate {first['estimate']:,.1f}, standard error {first['standard_error'] or 0:,.1f}"
        )
    )
    shown = Table(box=None, pad_edge=False)
    names = [
        name
        for name in ("ori", "state_abbr", "is_respondent", "weight_group", "benchmark", "count", "weight", "factor")
        if name in found.columns
    ]
    for name in names:
        shown.add_column(name, justify="left" if found.schema[name] == pl.String else "right")
    for line in found.sort("count", descending=True).select(names).head(_MOST).iter_rows():
        shown.add_row(*(f"{value:,.2f}" if isinstance(value, float) else str(value) for value in line))
    console.print(shown)
    _print_rest(found.height, "docs/user-guide/r.md explains the columns")


def _print_rest(n_agencies: int, meaning: str) -> None:
    more = n_agencies - _MOST
    rest = f" {more:,} more: --csv FILE writes all, with all columns." if more > 0 else ""
    console.print(Text(f"{n_agencies:,} agencies; {meaning}.{rest}", style="dim"))
