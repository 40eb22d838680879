"""Time of months, outliers and filling, and error of the reference's block imputation, on the synthetic nation.

    uv run python -m benchmarks.block_imputation [--scale 1.0] [--patterns 40]

Limits: months, outliers and filling of five years by the default rules under 15 s, the reference's donor model and
matching under 10 s; mean relative error of the total offenses of partial reporters within 1 % and two Monte-Carlo
standard errors. Which months are found is measured by `odd_months.py`.
"""

from __future__ import annotations

import argparse

import polars as pl
from tests.support.imputation_study import SEED, YEAR, filling_errors, steps

from nibrs_estimation.sources.synthetic.source import SyntheticSource


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--scale", type=float, default=1.0)
    options.add_argument("--patterns", type=int, default=40)
    arguments = options.parse_args()
    print(f"generating the history of nation {SEED} at scale {arguments.scale} ...", flush=True)
    data = {name: frame.lazy() for name, frame in SyntheticSource(arguments.scale).ingest_agencies(YEAR, SEED).items()}
    accuracy(filling_errors(steps(data), data, arguments.patterns), arguments.patterns)


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
