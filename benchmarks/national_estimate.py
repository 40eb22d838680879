"""The tables of "A real national estimate" in chapter 13 from the published files of backtests, as Markdown.

nibrs backtest --population universe:RETURNA2013.zip --pattern reported-months --response-file FILE --repeat 10 \
    --rules "program+ratio+population ratio"
uv run python -m benchmarks.national_estimate artifacts/backtest-universe-*/backtest
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import polars as pl

from nibrs_estimation.model.backtest import COUNT, RULES

#: Crimes of the comparison with the plain estimator, and the three others of Part I and simple assault.
SIX = ("murder", "robbery", "aggravated assault", "burglary", "larceny", "vehicle theft")
NINE = (*SIX, "manslaughter", "rape", "simple assault")
LEVELS = ("nation", "region", "state")
MEAN_ERROR, COVERAGE = pl.col("relative").mean(), 100 * pl.col("holds").mean()


def main() -> None:
    """Print the tables of all folders together, a row for each."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("folder", nargs="+", type=Path, help="folders with backtest_estimate")
    options.add_argument("--all", type=Path, help="folder of a backtest in which all agencies respond")
    asked = options.parse_args()
    cells = {_name(folder): _cells(folder) for folder in asked.folder}
    _print_errors(cells)
    _print_coverage(cells, "drawings")
    if asked.all:
        full = _cells(asked.all).filter(rule="program", pattern_number="0001")
        told = full.select("geography_number", "outcome", truth="estimate")
        judged = {name: _judged(of_run, told) for name, of_run in cells.items()}
        _print_coverage(judged, "drawings, beside all reports")
        _print_states(judged, "Coverage in states beside all reports, %", COVERAGE, 0)
    _print_states(cells, "Coverage in states, %", COVERAGE, 0)
    _print_states(cells, "Median absolute error in states, %", pl.col("relative").abs().median(), 1)


def _name(folder: Path) -> str:
    source = json.loads((folder / "run_metadata.json").read_text(encoding="utf-8"))["source"]
    population, *parts = source.removeprefix("backtest:").split(",")
    told = dict(part.split("=", 1) for part in parts if "=" in part)
    return f"{population.partition(':')[0]}, {told['pattern']}, {told['benchmark']}"


def _cells(folder: Path) -> pl.DataFrame:
    """The counts of the nine crimes with their relative error in percent, and whether the interval holds the truth."""
    counts = (
        pl.scan_parquet(folder / "backtest_estimate" / "*.parquet")
        .filter((pl.col("measure") == COUNT) & pl.col("outcome").is_in(NINE) & pl.col("level").is_in(LEVELS))
        .filter(pl.col("truth") > 0)
    )
    return counts.with_columns(relative=100 * (pl.col("estimate") / pl.col("truth") - 1), holds=_holds()).collect()


def _holds() -> pl.Expr:
    rounding = 1e-9 * pl.col("truth")
    return pl.col("truth").is_between(pl.col("lower_bound") - rounding, pl.col("upper_bound") + rounding)


def _judged(cells: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """The same intervals, judged by another truth: ``geography_number``, ``outcome`` and ``truth``."""
    key = ["geography_number", "outcome"]
    return cells.drop("truth").join(told, on=key).with_columns(holds=_holds())


def _figure(rows: pl.DataFrame, figure: pl.Expr) -> float:
    return float(rows.select(figure).item())


def _print_row(*values: object) -> None:
    print(f"| {' | '.join(map(str, values))} |")


def _print_head(*names: str) -> None:
    print()
    _print_row(*names)
    print("|---" * len(names) + "|")


def _print_errors(cells: dict[str, pl.DataFrame]) -> None:
    """Mean error of the nation by crime, and the mean absolute error over drawings and six crimes."""
    _print_head("backtest", "agencies", "rule", *SIX, "mean absolute, six crimes")
    for name, of_run in cells.items():
        nation = of_run.filter(level="nation")
        for rule in (rule for rule in RULES if rule in nation["rule"]):
            of_rule = nation.filter(rule=rule)
            errors = [f"{_figure(of_rule.filter(outcome=crime), MEAN_ERROR):+.1f}" for crime in SIX]
            absolute = _figure(of_rule.filter(pl.col("outcome").is_in(SIX)), pl.col("relative").abs().mean())
            _print_row(name, f"{of_rule['responding_agencies'][0]:,}", rule, *errors, f"{absolute:.2f}")


def _print_coverage(cells: dict[str, pl.DataFrame], title: str) -> None:
    """Coverage of the program's intervals by level, of the nine crimes together."""
    _print_head("backtest", title, *LEVELS, "states without estimate")
    for name, of_run in cells.items():
        ours = of_run.filter(rule="program")
        shares = [_figure(ours.filter(level=level), COVERAGE) for level in LEVELS]
        missing = ours.filter(pl.col("estimate").is_null() & (pl.col("level") == "state"))
        drawings = ours["pattern_number"].n_unique()
        _print_row(name, drawings, *(f"{share:.1f}" for share in shares), missing["place"].n_unique())


def _print_states(cells: dict[str, pl.DataFrame], title: str, figure: pl.Expr, digits: int) -> None:
    """A figure of the states' estimates, by crime."""
    _print_head(title, *NINE)
    for name, of_run in cells.items():
        states = of_run.filter(rule="program", level="state")
        figures = (_figure(states.filter(outcome=crime), figure) for crime in NINE)
        _print_row(name, *(f"{value:.{digits}f}" for value in figures))


if __name__ == "__main__":
    main()
