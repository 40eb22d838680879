"""`nibrs sensitivity`: estimates if agencies that did not report had less or more crime than assumed."""

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
from nibrs_estimation.reading.runs import flow_of, required_run
from nibrs_estimation.reading.selection import STATES, find_column, find_places, find_rows
from nibrs_estimation.tables.labels import plain_label
from nibrs_estimation.tables.read import table_definition
from nibrs_estimation.tables.sensitivity import AS_ASSUMED, scaled_rows
from nibrs_estimation.tables.table_cells import TYPE_NUMBERS

app = typer.Typer()


@app.command(
    epilog="Examples: nibrs sensitivity 2a --column robbery; "
    "nibrs sensitivity 1a --column 17 --rate --geography all --nonrespondents 0.5,2 --csv violent.csv"
)
def sensitivity(
    table: Annotated[str, typer.Argument(help="Name of the table; `nibrs tables list` lists them.")],
    column: Annotated[str, typer.Option("--column", "-c", help="Number or part of the name of a column.")] = "1",
    row: Annotated[str, typer.Option("--row", "-r", help="Number or label of a row.")] = "1",
    nonrespondents: Annotated[
        str,
        typer.Option(
            "--nonrespondents",
            help="How much crime there was among what was not reported, beside what is assumed; separated by commas.",
        ),
    ] = "0.9,1.1",
    geography: Annotated[
        list[str] | None,
        typer.Option("--geography", "-g", help="As of `nibrs tables show`; all; or states. Default: states."),
    ] = None,
    rate: Annotated[bool, typer.Option("--rate", help="Rates instead of counts.")] = False,
    run_id: Annotated[
        str | None, typer.Option("--run", help="Id of the run. Default: the newest finished run.")
    ] = None,
    show_suppressed: Annotated[
        bool, typer.Option("--show-suppressed", help="Show the numbers that should not be published, too.")
    ] = False,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the numbers to this file.")] = None,
) -> None:
    """Show totals, intervals and ranks if what was not reported held less or more crime than assumed."""
    definition = table_definition(table)
    run = required_run(load_settings().scratch_dir, run_id, flow_of(definition))
    places = find_places(run, geography or (STATES,))
    found = find_rows(definition, row)
    if len(found) != 1:
        raise UsageError(f"{row!r} names {len(found)} rows of table {table}: give the number of one of them.")
    kind = TYPE_NUMBERS["rate" if rate else "count"]
    wanted = found[0]
    if rate:
        # A rate stands in a row of its own.
        wanted = next((other for other in definition.rows if other.of == wanted.row), wanted)
    of_column = find_column(definition, column)
    is_cell = (pl.col("row") == wanted.row) & (pl.col("column") == of_column.position)
    rows = run.rows(definition, places, None).filter(is_cell & (pl.col("estimate_type_num") == kind))
    is_hidden = pl.col("is_suppressed").fill_null(False) & (not show_suppressed)
    scaled = scaled_rows(rows.filter(~is_hidden), _factors(nonrespondents))
    hidden = rows.filter(is_hidden).height
    if scaled.is_empty() and not hidden:
        raise UsageError(
            f"Row {wanted.row} of table {table} has no {'rate' if rate else 'count'} here: `nibrs tables show {table} "
            "--frame` lists what its rows have."
        )
    named = scaled.join(
        places.select("geography_number", geography="estimate_geographic_location"), on="geography_number"
    )
    if csv is not None:
        about = {name: pl.lit(value) for name, value in run.identity.columns().items()}
        with atomic_path(csv) as path:
            named.with_columns(table_name=pl.lit(table), data_year=pl.lit(run.year), **about).write_csv(path)
        console.print(f"Wrote {named.height} rows to {csv}.", highlight=False)
        return
    what = f"{plain_label(wanted.label)}, {plain_label(of_column.label)}"
    console.print(Text(f"{what}; {run.identity.text}", style="bold"))
    console.print(_table(named))
    console.print(
        Text(
            "× tells how much crime there was among what was not reported, beside what the estimate assumes (× 1); "
            "then the rank of the place. Intervals allow for chance, not for another level of crime."
            + (f" Left out: {hidden} suppressed numbers; --show-suppressed shows them." if hidden else ""),
            style="dim",
        )
    )


def _factors(text: str) -> list[float]:
    """The factors that a text lists.

    Raises:
        UsageError: one is no number above 0.
    """
    try:
        factors = [float(part) for part in text.split(",")]
    except ValueError:
        factors = []
    if not factors or min(factors) <= 0:
        raise UsageError(f"{text!r} is no list of numbers above 0. Write --nonrespondents 0.9,1.1.")
    return factors


def _table(rows: pl.DataFrame) -> Table:
    """A line for each place, with estimate, interval and rank of each factor; as assumed first."""
    shown = Table(box=None, pad_edge=False)
    factors = sorted(rows["factor"].unique(), key=lambda factor: (factor != AS_ASSUMED, factor))
    shown.add_column("Place")
    shown.add_column("Reported", justify="right")
    for factor in factors:
        shown.add_column(f"× {factor:g}", justify="right")
        shown.add_column("95 % interval", justify="right")
        shown.add_column("Rank", justify="right")
    assumed = rows.filter(pl.col("factor") == AS_ASSUMED).sort("rank", "geography_number")
    for number, geography, reported in assumed.select("geography_number", "geography", "reported").iter_rows():
        line = [geography, f"{reported:,.0f}"]
        for factor in factors:
            (cell,) = rows.filter((pl.col("geography_number") == number) & (pl.col("factor") == factor)).to_dicts()
            low, high = cell["estimate_lower_bound"], cell["estimate_upper_bound"]
            interval = "" if low is None or high is None else f"{low:,.0f}–{high:,.0f}"
            line += [f"{cell['estimate']:,.0f}", interval, str(cell["rank"])]
        shown.add_row(*line)
    return shown
