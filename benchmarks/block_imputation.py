"""Outlier months found, time of the steps, and error of block imputation, on the synthetic nation.

    uv run python -m benchmarks.block_imputation [--scale 1.0] [--patterns 40]

Limits (issue of part 3): months, patterns and outliers under 15 s, donor model and matching under 10 s; nine in ten of
the planted x10 months found in agencies of 50 offenses a year or more, nine in ten of the x0 months in those of 240 or
more, false alarms under 1 % for low and for high months; mean relative error of the total offenses of partial reporters
within 1 % and two Monte-Carlo standard errors.
"""

from __future__ import annotations

import argparse

import polars as pl
from tests.support.imputation_study import SEED, YEAR, filling_errors, found_rates, planted_and_plain, steps

from nibrs_estimation.sources.synthetic.source import SyntheticSource


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--scale", type=float, default=1.0)
    options.add_argument("--patterns", type=int, default=40)
    options.add_argument("--nations", type=int, default=3, help="nations whose outlier months are looked for")
    arguments = options.parse_args()
    judged = []
    for seed in range(SEED, SEED + arguments.nations):
        print(f"generating the history of nation {seed} at scale {arguments.scale} ...", flush=True)
        data = {
            name: frame.lazy() for name, frame in SyntheticSource(arguments.scale).ingest_agencies(YEAR, seed).items()
        }
        made = steps(data)
        judged.append(planted_and_plain(made, seed))
    detection(pl.concat(judged))
    accuracy(filling_errors(made, data, arguments.patterns), arguments.patterns)


def detection(marked: pl.DataFrame) -> None:
    """Print which planted months were found, and how often others were colored, by size of agency."""
    columns = found_rates()
    with pl.Config(tbl_cols=20, tbl_rows=20, float_precision=4, tbl_width_chars=200):
        print("outlier months of five years, by offenses of a normal year of the agency:")
        print(marked.group_by("size").agg(**columns).sort("size"))
        print(marked.filter(pl.col("a_year") >= 50).select(**columns).with_columns(size=pl.lit("50 or more")))
        print(marked.filter(pl.col("a_year") >= 240).select(**columns).with_columns(size=pl.lit("240 or more")))
        print(marked.select(**columns).with_columns(size=pl.lit("all")))


def accuracy(table: pl.DataFrame, n_patterns: int) -> None:
    """Print the errors of filled totals."""
    with pl.Config(tbl_cols=20, tbl_rows=20, float_precision=4, tbl_width_chars=200):
        print(f"errors of the totals of partial reporters over {n_patterns} patterns, relative (agency_: offenses):")
        print(table)
    total = table.filter(pl.col("kind") == "all").row(0, named=True)
    limit = 0.01 + 2 * total["mc_se"]
    print(f"mean relative error of all offenses {total['error_blocks']:+.4f}, limit {limit:.4f}")


if __name__ == "__main__":
    main()
