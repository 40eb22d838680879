"""Errors and intervals of summary estimates of synthetic nations that mix incidents and Return A.

    python -m benchmarks.mixed_nation [SCALE] [NATIONS] [random|large|states]

Prints for each nation the relative error of violent and property crime, whether the interval holds the truth, and the
share of states whose intervals do; then the means; that of relative errors is signed.
"""

from __future__ import annotations

import argparse
from typing import get_args

import polars as pl
from tests.support.mixed_nation import YEAR, errors_of, mixed_nation
from tests.support.summary_run import estimated

from nibrs_estimation.sources.synthetic.reporting import Response


def main(scale: float, nations: int, response: Response) -> None:
    """Estimate nations and print their errors."""
    found = []
    for seed in range(1, nations + 1):
        nation = mixed_nation(scale, seed, response)
        errors = errors_of(nation, estimated(nation.given, YEAR, seed, "cell_estimate", second_estimator="none"))
        found.append(errors.with_columns(seed=pl.lit(seed)))
        for row in errors.iter_rows(named=True):
            print(seed, row)
    print(
        pl.concat(found)
        .group_by("crime")
        .agg(
            pl.col("relative_error").mean(),
            largest=pl.col("relative_error").abs().max(),
            held=pl.col("is_held").mean(),
            states=pl.col("states_held").mean(),
        )
        .sort("crime")
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("scale", type=float, nargs="?", default=0.02)
    parser.add_argument("nations", type=int, nargs="?", default=6)
    parser.add_argument("response", choices=get_args(Response), nargs="?", default="random")
    asked = parser.parse_args()
    main(asked.scale, asked.nations, asked.response)
