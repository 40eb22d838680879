"""`nibrs compare`: the difference of two estimates, with its standard error and interval."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.table import Table
from rich.text import Text

from nibrs_estimation.cli.console import console
from nibrs_estimation.cli.estimates import EstimatedRun, required_run
from nibrs_estimation.cli.settings import load_settings
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.files import atomic_path
from nibrs_estimation.tables.read import table_definition

app = typer.Typer()
_NAMES = {"run": "Run", "geography": "Place", "row": "Row", "column": "Column", "series": "Persons"}
_MEANS = (
    "95 of 100 intervals hold the difference that would be found if all agencies had reported. Where one holds 0, the "
    "two are not clearly different."
)


@app.command(
    epilog="Examples: nibrs compare 1a --column violent --geography Vermont --geography Maine --rate; "
    "nibrs compare 1a --run y2023 --run y2024; "
    "nibrs compare 3a --column 1 --series Male --series Female"
)
def compare(
    table: Annotated[str, typer.Argument(help="Name of the table; `nibrs tables list` lists them.")],
    runs: Annotated[
        list[str] | None,
        typer.Option("--run", help="Id of a run; twice to compare two years. Default: the newest finished run."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column", "-c", help="Number or part of the name of a column; all. Default: 1; of two runs all."
        ),
    ] = None,
    geography: Annotated[
        list[str] | None,
        typer.Option("--geography", "-g", help="As of `nibrs tables show`; states; all. Default: the nation."),
    ] = None,
    row: Annotated[list[str] | None, typer.Option("--row", "-r", help="Number or label of a row. Default: 1.")] = None,
    series: Annotated[
        list[str] | None, typer.Option("--series", help="Number or name of a demographic series. Default: all persons.")
    ] = None,
    rate: Annotated[bool, typer.Option("--rate", help="Rates per 100,000 instead of counts.")] = False,
    show_suppressed: Annotated[
        bool, typer.Option("--show-suppressed", help="Compare the numbers that should not be published, too.")
    ] = False,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the differences to this file.")] = None,
) -> None:
    """Compare two years, places, columns, rows or groups of persons, with standard error and interval."""
    # Differences compile and compute; the other commands do not wait for their libraries.
    from nibrs_estimation.cli.comparing import Options, differences  # noqa: PLC0415

    compared_runs = _runs(runs or [])
    options = Options(
        runs=compared_runs,
        table=table_definition(table),
        geographies=tuple(geography or ()),
        rows=tuple(row or ("1",)),
        columns=tuple(column or (("all",) if len(compared_runs) == 2 else ("1",))),
        series=tuple(series or ()),
        is_rate=rate,
    )
    with console.status("Computing what both estimates have in common ..."):
        found = differences(options, shows_suppressed=show_suppressed)
    identities = "; ".join(run.identity.text for run in compared_runs)
    if csv is not None:
        about = {"table_name": table, "estimate": "rate" if rate else "count", "runs": identities}
        with atomic_path(csv) as path:
            found.with_columns(**{name: pl.lit(value) for name, value in about.items()}).write_csv(path)
        console.print(f"Wrote {found.height} differences to {csv}.", highlight=False)
        return
    _print(found, f"Table {table}, {'rates per 100,000' if rate else 'counts'}; {identities}", is_rate=rate)


def _runs(names: list[str]) -> tuple[EstimatedRun, ...]:
    """The runs of these names; the newest without a name."""
    if len(names) > 2 or len(set(names)) < len(names):
        raise UsageError("Give --run once, or twice with the ids of two runs.")
    scratch = load_settings().scratch_dir
    return tuple(required_run(scratch, name) for name in names) or (required_run(scratch, None),)


def _print(found: pl.DataFrame, title: str, *, is_rate: bool) -> None:
    """What all differences have in common above, and a line for each."""
    pairs = {name: (found[f"first_{name}"], found[f"second_{name}"]) for name in _NAMES}
    differs = next(name for name, (one, other) in pairs.items() if (one != other).any())
    varies = [name for name, (one, _) in pairs.items() if name != differs and one.n_unique() > 1]
    same = [one[0] for name, (one, _) in pairs.items() if name not in (differs, *varies, "series")]
    if "series" not in (differs, *varies) and pairs["series"][0][0] != "all persons":
        same.append(pairs["series"][0][0])
    console.print(Text(title, style="bold"))
    console.print(Text("; ".join(same)))
    shown = Table(box=None, pad_edge=False)
    for name in varies:
        shown.add_column(_NAMES[name])
    for side in (0, 1):
        shown.add_column(str(pairs[differs][side][0]), justify="right")
    for name in ("Difference", "95 % interval", "Change", "95 % interval"):
        shown.add_column(name, justify="right")
    shown.add_column("Clear?")
    digits = 1 if is_rate else 0
    for line in found.iter_rows(named=True):
        cells = [line[f"first_{name}"] for name in varies]
        shown.add_row(*cells, *_numbers(line, digits))
    console.print(shown)
    console.print(Text(_MEANS, style="dim"))
    hidden = found.filter(pl.col("missing") == "suppressed").height
    if hidden:
        console.print(Text(f"{hidden} with suppressed numbers; --show-suppressed compares them.", style="dim"))


def _numbers(line: dict[str, float | str | None], digits: int) -> list[str]:
    if line["missing"] is not None:
        return [str(line["missing"]), *[""] * 6]
    lower, upper = line["lower"], line["upper"]

    def number(name: str, sign: str = "") -> str:
        value = line[name]
        return "" if value is None else f"{value:{sign},.{digits}f}"

    def percent(name: str) -> str:
        value = line[name]
        return "" if value is None else f"{value:+,.1f} %"

    def interval(low: str, high: str) -> str:
        return f"{low} to {high}" if low and high else "not known"

    clear = "not known"
    if isinstance(lower, float) and isinstance(upper, float):
        clear = "higher" if lower > 0 else "lower" if upper < 0 else "no"
        clear = "equal" if lower == upper == 0 else clear
    return [
        number("first"),
        number("second"),
        number("difference", "+"),
        interval(number("lower", "+"), number("upper", "+")),
        percent("change"),
        interval(percent("change_lower"), percent("change_upper")),
        clear,
    ]
