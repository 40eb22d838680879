"""The tables of chapter 13 of the handbook from the published files of backtests, as Markdown.

nibrs backtest --population return-a:RETURNA2013.zip --pattern random --repeat 40
uv run python -m benchmarks.backtest_tables artifacts/backtest-*/backtest
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl

from nibrs_estimation.evaluate.scores import ALL, SIZES, score_backtest
from nibrs_estimation.model.backtest import COUNT, DIFFERENCE, LEVELS, PERCENTAGE, RULES

#: Outcomes of the tables: what the benchmark holds, and what it does not.
OUTCOMES = (
    "Part I offenses", "violent crime", "murder", "robbery", "burglary", "larceny", "vehicle theft", "simple assault",
    "drug offenses", "vandalism", "kidnapping",
)  # fmt: skip
PLACES = ("nation", "region", "state")
_COLUMNS = {"bias_pct": 2, "rmse_pct": 2, "coverage_pct": 0, "width_pct": 1, "se_over_rmse": 2}


def main() -> None:
    """Print the tables of each folder."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("folder", nargs="+", type=Path, help="folders with backtest_estimate")
    folders = options.parse_args().folder
    for folder in folders:
        metadata = json.loads((folder / "run_metadata.json").read_text(encoding="utf-8"))
        estimates = pl.scan_parquet(folder / "backtest_estimate" / "*.parquet")
        scores = score_backtest(estimates)
        drawings = estimates.select(pl.col("pattern_number").n_unique()).collect().item()
        print(f"\n### {metadata['source']}\n\n{drawings} drawings.\n")
        counts = scores.filter((pl.col("measure") == COUNT) & pl.col("level").is_in(PLACES))
        print_scores("outcome", counts.filter(pl.col("size") == ALL), OUTCOMES)
        print_scores("size", counts.filter((pl.col("outcome") == ALL) & (pl.col("level") == "state")), SIZES.values())
        print_levels(scores.filter(pl.col("outcome") == ALL))
    print_together(folders)


def print_together(folders: list[Path]) -> None:
    """Coverage with its Monte Carlo error and width over 2 x 1.96 x RMSE, of the drawings of all folders together.

    Places without nonrespondents have no interval and do not count. Drawings are independent, their cells are not:
    the error is that of the mean over drawings.
    """
    counts = pl.concat(
        pl.scan_parquet(folder / "backtest_estimate" / "*.parquet")
        .filter((pl.col("measure") == COUNT) & (pl.col("true_count") > 0) & pl.col("upper_bound").is_not_null())
        .filter(pl.col("level").is_in(PLACES))
        .with_columns(folder=pl.lit(number))
        .collect()
        for number, folder in enumerate(folders)
    ).with_columns(
        holds=pl.col("truth").is_between(
            pl.col("lower_bound") - 1e-9 * pl.col("truth"), pl.col("upper_bound") + 1e-9 * pl.col("truth")
        ),
        width=pl.col("upper_bound") - pl.col("lower_bound"),
        error=pl.col("estimate") - pl.col("truth"),
    )
    rules = [rule for rule in RULES if rule in counts["rule"]]
    print("### All folders together\n\nEach cell: coverage % (Monte Carlo error) / width over 2 x 1.96 x RMSE.\n")
    print(f"| level | outcome | {' | '.join(rules)} |\n" + "|---" * (2 + len(rules)) + "|")
    for level in PLACES:
        of_level = counts.filter(pl.col("level") == level)
        for outcome in (ALL, *OUTCOMES):
            cells = of_level.filter((pl.col("outcome") == outcome) | pl.lit(outcome == ALL))
            if cells.height:
                shown = [_coverage_and_width(cells.filter(pl.col("rule") == rule)) for rule in rules]
                print(f"| {level} | {outcome} | {' | '.join(shown)} |")
    print()


def _coverage_and_width(cells: pl.DataFrame) -> str:
    if cells.is_empty():
        return "–"
    drawings = cells.group_by("folder", "pattern_number").agg(held=pl.col("holds").sum(), of=pl.len()).to_numpy()
    held, of = drawings[:, 2], drawings[:, 3]
    coverage = held.sum() / of.sum()
    # A ratio of means over drawings, linearized.
    error = np.sqrt(((held - coverage * of) ** 2).sum()) / of.sum()
    width = (
        cells.group_by("folder", "geography_number", "outcome")
        .agg(ratio=pl.col("width").mean() / (2 * 1.96 * (pl.col("error") ** 2).mean().sqrt()))["ratio"]
        .to_numpy()
    )
    return f"{100 * coverage:.1f} ({100 * error:.1f}) / {np.median(width):.2f}"


def print_scores(key: str, rows: pl.DataFrame, order: Iterable[str]) -> None:
    """Bias, RMSE, coverage, width and SE/RMSE by level and outcome or size, each rule with its numbers in a cell."""
    rules = [rule for rule in RULES if rule in rows["rule"]]
    print(f"Each cell: bias % / RMSE % / coverage % / width % / SE/RMSE.\n\n| level | {key} | {' | '.join(rules)} |")
    print("|---" * (2 + len(rules)) + "|")
    for level in PLACES:
        for name in order:
            of_name = rows.filter(pl.col("level") == level, pl.col(key) == name)
            if of_name.height:
                cells = [_numbers(of_name.filter(pl.col("rule") == rule)) for rule in rules]
                print(f"| {level} | {name} | {' | '.join(cells)} |")
    print()


def _numbers(row: pl.DataFrame) -> str:
    values = row.row(0, named=True)
    return " / ".join(
        "–" if values[column] is None else f"{values[column]:.{digits}f}" for column, digits in _COLUMNS.items()
    )


def print_levels(rows: pl.DataFrame) -> None:
    """Coverage of all outcomes together, by level: of counts, of percentages and of differences."""
    # Classes of size weigh as many cells as they have.
    pooled = rows.group_by("rule", "measure", "level").agg(
        (pl.col("coverage_pct") * pl.col("cells")).sum() / pl.col("cells").sum()
    )
    rules = [rule for rule in RULES if rule in rows["rule"]]
    found = {(*key,): value for *key, value in pooled.iter_rows()}
    print(
        f"Coverage of counts / percentages / differences, %.\n\n| level | {' | '.join(rules)} |\n"
        + "|---" * (1 + len(rules))
        + "|"
    )
    for level in LEVELS:
        if level in rows["level"]:
            cells = [
                " / ".join("–" if (value := found.get((rule, measure, level))) is None else f"{value:.0f}"
                           for measure in (COUNT, PERCENTAGE, DIFFERENCE))
                for rule in rules
            ]  # fmt: skip
            print(f"| {level} | {' | '.join(cells)} |")
    print()


if __name__ == "__main__":
    main()
