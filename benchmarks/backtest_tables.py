"""Tables of chapter 13 of the handbook from the published files of backtests, as Markdown.

nibrs backtest --population return-a:RETURNA2013.zip --pattern random --repeat 40
uv run python -m benchmarks.backtest_tables artifacts/backtest-*/backtest
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import polars as pl

from nibrs_estimation.evaluate.scores import ALL, SIZES, score_backtest
from nibrs_estimation.model.backtest import COUNT, LEVELS, PERCENTAGE, RULES

#: Outcomes of the tables: what the benchmark holds, and what it does not.
OUTCOMES = (
    "Part I offenses", "violent crime", "murder", "robbery", "burglary", "larceny", "vehicle theft", "simple assault",
    "drug offenses", "vandalism", "kidnapping",
)  # fmt: skip
PLACES = ("nation", "region", "state")


def main() -> None:
    """Print the tables of each folder."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("folder", nargs="+", type=Path, help="folders with backtest_estimate")
    for folder in options.parse_args().folder:
        metadata = json.loads((folder / "run_metadata.json").read_text(encoding="utf-8"))
        estimates = pl.scan_parquet(folder / "backtest_estimate" / "*.parquet")
        scores = score_backtest(estimates).with_columns(
            pl.col("rule").replace_strict({rule: place for place, rule in enumerate(RULES)}).alias("order")
        )
        drawings = estimates.select(pl.col("pattern_number").n_unique()).collect().item()
        print(f"\n### {metadata['settings']['source']}\n\n{drawings} drawings.\n")
        rows = scores.filter((pl.col("measure") == COUNT) & (pl.col("size") == ALL))
        print_table("outcome", rows.filter(pl.col("level").is_in(PLACES)), OUTCOMES)
        rows = scores.filter((pl.col("measure") == COUNT) & (pl.col("outcome") == ALL))
        print_table("size", rows.filter(pl.col("level") == "state"), tuple(SIZES.values()))
        both = (
            scores.filter(pl.col("outcome") == ALL)
            .group_by("rule", "order", "measure", "level")
            .agg(
                # Classes of size weigh as many cells as they have.
                (pl.col("coverage_pct") * pl.col("cells")).sum() / pl.col("cells").sum(),
                pl.col("cells").sum(),
            )
        )
        print_levels(both)


def print_table(key: str, rows: pl.DataFrame, order: tuple[str, ...]) -> None:
    """A table of bias, RMSE, coverage, width and SE / RMSE, a row for each level, outcome or size, and rule."""
    print(f"| level | {key} | rules | cells | bias % | RMSE % | coverage % | width % | SE/RMSE |")
    print("|---|---|---|---|---|---|---|---|---|")
    for level in LEVELS:
        for name in order:
            for row in rows.filter(pl.col("level") == level, pl.col(key) == name).sort("order").iter_rows(named=True):
                numbers = " | ".join(
                    "–" if row[column] is None else f"{row[column]:.{digits}f}"
                    for column, digits in (("bias_pct", 2), ("rmse_pct", 2), ("coverage_pct", 0), ("width_pct", 1),
                                           ("se_over_rmse", 2))
                )  # fmt: skip
                print(f"| {level} | {name} | {row['rule']} | {row['cells']:,} | {numbers} |")
    print()


def print_levels(rows: pl.DataFrame) -> None:
    """Coverage of all outcomes together, by level."""
    print("| level | rules | coverage of counts % | of percentages % |\n|---|---|---|---|")
    for level in LEVELS:
        of_level = rows.filter(pl.col("level") == level)
        for (_, rule), some in of_level.sort("order").group_by("order", "rule", maintain_order=True):
            found = dict(some.select("measure", "coverage_pct").iter_rows())
            texts = ["–" if found.get(each) is None else f"{found[each]:.1f}" for each in (COUNT, PERCENTAGE)]
            print(f"| {level} | {rule} | {' | '.join(texts)} |")
    print()


if __name__ == "__main__":
    main()
