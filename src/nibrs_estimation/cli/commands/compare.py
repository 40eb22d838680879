"""`nibrs compare`: the difference of two estimates, with its standard error and interval."""

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
from nibrs_estimation.reading.runs import EstimatedRun, check_comparable, required_run
from nibrs_estimation.tables.read import table_definition

app = typer.Typer()
_NAMES = {"run": "Run", "geography": "Place", "row": "Row", "column": "Column", "series": "Persons"}
_UNITS = {"count": "counts", "rate": "rates per 100,000", "percentage": "percentages"}
_DIGITS = {"count": 0, "rate": 1, "percentage": 2}
_MEANS = (
    "95 of 100 intervals hold the difference that would be found if all agencies had reported. Where one holds 0, the "
    "two are not clearly different."
)


@app.command(
    epilog="Examples: nibrs compare 1a --column violent_crime --geography Vermont --geography Maine --rate; "
    "nibrs compare 1a --run y2023 --run y2024; "
    "nibrs compare 3a --column 1 --series Male --series Female; "
    "nibrs compare 1a --column violent_crime --row 3 --run y2023 --run y2024 --percentage"
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
    percentage: Annotated[
        bool, typer.Option("--percentage", help="Percentages, such as rows as shares of the total, instead of counts.")
    ] = False,
    show_suppressed: Annotated[
        bool, typer.Option("--show-suppressed", help="Compare the numbers that should not be published, too.")
    ] = False,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the differences to this file.")] = None,
    page: Annotated[Path | None, typer.Option("--page", help="Write a page with a picture to this file.")] = None,
) -> None:
    """Compare two years, places, columns, rows or groups of persons, with standard error and interval."""
    # Differences compile and compute; the other commands do not wait for their libraries.
    from nibrs_estimation.reading.comparing import Options, differences  # noqa: PLC0415

    if rate and percentage:
        raise UsageError("Give --rate or --percentage, not both.")
    definition = table_definition(table)
    check_comparable(definition)
    compared_runs = _runs(runs or [])
    options = Options.of(
        compared_runs,
        definition,
        geography or (),
        row or (),
        column or (),
        series or (),
        "rate" if rate else "percentage" if percentage else "count",
    )
    with console.status("Computing what both estimates have in common ..."):
        found = differences(options, shows_suppressed=show_suppressed)
    unit = _UNITS[options.estimate]
    if csv is not None:
        about = {"table_name": table, "estimate": unit, "runs": "; ".join(run.identity.text for run in compared_runs)}
        with atomic_path(csv) as path:
            found.with_columns(**{name: pl.lit(value) for name, value in about.items()}).write_csv(path)
        console.print(f"Wrote {found.height} differences to {csv}.", highlight=False)
    words = _Words(found)
    if page is not None:
        labeled = found.with_columns(label=pl.Series(words.labels))
        title = f"{words.sides[0]} and {words.sides[1]}"
        of_both = f"Table {table}, {unit}; {words.same}"
        from nibrs_estimation.cli.compare_page import comparison_page  # noqa: PLC0415 (as above)

        content = comparison_page(labeled, title, of_both, words.sides, _MEANS, [run.identity for run in compared_runs])
        with atomic_path(page) as path:
            path.write_text(content, encoding="utf-8")
        console.print(f"Wrote {page}.", highlight=False)
    if csv is None and page is None:
        identities = "; ".join(run.identity.text for run in compared_runs)
        console.print(Text(f"Table {table}, {unit}; {identities}", style="bold"))
        _print(found, words, digits=_DIGITS[options.estimate])


def _runs(names: list[str]) -> tuple[EstimatedRun, ...]:
    """The runs of these names; the newest without a name."""
    if len(names) > 2 or len(set(names)) < len(names):
        raise UsageError("Give --run once, or twice with the ids of two runs.")
    scratch = load_settings().scratch_dir
    return tuple(required_run(scratch, name) for name in names) or (required_run(scratch, None),)


class _Words:
    """Which names of the differences differ between both sides, which from one to the next, and which are the same.

    Attributes:
        sides: names of the first and the second side.
        varies: columns of names that differ from one difference to the next.
        same: what all have in common, in words.
        labels: of each difference, what varies.
    """

    def __init__(self, found: pl.DataFrame) -> None:
        pairs = {name: (found[f"first_{name}"], found[f"second_{name}"]) for name in _NAMES}
        differs = next(name for name, (one, other) in pairs.items() if (one != other).any())
        self.sides = (str(pairs[differs][0][0]), str(pairs[differs][1][0]))
        self.varies = [name for name, (one, _) in pairs.items() if name != differs and one.n_unique() > 1]
        # The title names the runs.
        told = [name for name in _NAMES if name not in ("run", differs, *self.varies)]
        same = [str(pairs[name][0][0]) for name in told if pairs[name][0][0] is not None]
        self.same = "; ".join(same)
        self.labels = (
            found.select(
                pl.concat_str([f"first_{name}" for name in self.varies] or [pl.lit(self.same)], separator=", ")
            )
            .to_series()
            .to_list()
        )


def _print(found: pl.DataFrame, words: _Words, *, digits: int) -> None:
    """What all differences have in common above, and a line for each."""
    console.print(Text(words.same))
    shown = Table(box=None, pad_edge=False)
    for name in words.varies:
        shown.add_column(_NAMES[name])
    for side in words.sides:
        shown.add_column(side, justify="right")
    for name in ("Difference", "95 % interval", "Change", "95 % interval"):
        shown.add_column(name, justify="right")
    shown.add_column("Clear?")
    for line in found.iter_rows(named=True):
        cells = [line[f"first_{name}"] for name in words.varies]
        shown.add_row(*cells, *_numbers(line, digits))
    console.print(shown)
    console.print(Text(_MEANS, style="dim"))
    hidden = found.filter(pl.col("missing") == "suppressed").height
    if hidden:
        console.print(Text(f"{hidden} with suppressed numbers; --show-suppressed compares them.", style="dim"))


def _numbers(line: dict[str, float | str | None], digits: int) -> list[str]:
    if line["missing"] is not None:
        return [str(line["missing"]), *[""] * 6]

    def number(name: str, sign: str = "") -> str:
        value = line[name]
        return "" if value is None else f"{value:{sign},.{digits}f}"

    def percent(name: str) -> str:
        value = line[name]
        return "" if value is None else f"{value:+,.1f} %"

    def interval(low: str, high: str) -> str:
        return f"{low} to {high}" if low and high else "not known"

    return [
        number("first"),
        number("second"),
        number("difference", "+"),
        interval(number("lower", "+"), number("upper", "+")),
        percent("change"),
        interval(percent("change_lower"), percent("change_upper")),
        str(line["clear"]),
    ]
