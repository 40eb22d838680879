"""Weights of all geographies: time and peak memory, and error of an outcome beside that of N/n weights.

    uv run python -m benchmarks.weighting [--scale 1.0] [--patterns 50] [--study-scale 0.3]

The outcome is the incidents of the data year, which the benchmark of earlier years foretells but does not know. N/n
weights are those of the same cells without calibration. Limits: 30 s, 2 GiB; an error below that of N/n weights.
"""

from __future__ import annotations

import argparse
import resource
import time

import polars as pl
from benchmarks.weighted_nation import YEAR, incidents, nation, responding

from nibrs_estimation.model.fields import WEIGHT_LEVELS
from nibrs_estimation.model.weights import STATE_WEIGHT_GROUP
from nibrs_estimation.stages.weighting.weights import weight_agencies

LIMIT_S, LIMIT_GIB = 30.0, 2.0
SEED, SHARE = 2, 0.75
KEY = ["weight_variable", "geography_code", "weight_group"]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--scale", type=float, default=1.0)
    options.add_argument("--study-scale", type=float, default=0.3)
    options.add_argument("--patterns", type=int, default=50)
    arguments = options.parse_args()
    frame, pieces = nation(arguments.scale, SEED)
    frame = responding(frame, SHARE, 0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    start = time.perf_counter()
    made = weight_agencies(frame.lazy(), pieces.lazy(), STATE_WEIGHT_GROUP.empty(), YEAR)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    cells = made["weight_cell"]
    print(f"{frame.height:,} agencies, {cells.height:,} cells, {cells['attempts'].sum():,} calibrations that count")
    print(f"  {seconds:.1f} s, ratio to the limit of {LIMIT_S:.0f} s: {seconds / LIMIT_S:.2f}")
    ratio = peak / LIMIT_GIB
    print(f"  peak {peak:.2f} GiB (before {before:.2f}), ratio to the limit of {LIMIT_GIB:.0f} GiB: {ratio:.2f}")
    with pl.Config(tbl_rows=40):
        print(cells.group_by("weight_variable", "rule").len().sort("weight_variable", "rule"))
    study = errors(arguments.study_scale, arguments.patterns)
    with pl.Config(tbl_rows=20, float_precision=4, tbl_width_chars=140):
        print(f"relative RMSE of totals over {arguments.patterns} patterns at scale {arguments.study_scale}:")
        print(study)


def errors(scale: float, patterns: int) -> pl.DataFrame:
    """By level: relative RMSE with calibrated and with N/n weights, their ratio, and the mean relative errors."""
    frame, pieces = nation(scale, SEED)
    truth = frame.select("agency_id").with_columns(y=pl.Series(incidents(frame, scale, SEED)))
    rows = []
    for pattern in range(1, patterns + 1):
        drawn = responding(frame, SHARE, pattern)
        made = weight_agencies(drawn.lazy(), pieces.lazy(), STATE_WEIGHT_GROUP.empty(), YEAR)
        cells = made["weight_cell"].select(*KEY, plain=pl.col("eligible_agencies") / pl.col("responding_agencies"))
        y = pl.col("y") * pl.col("population_share")
        rows.append(
            made["agency_weight"]
            .join(truth, on="agency_id")
            .join(cells, on=KEY)
            .sort(*KEY, "agency_id")
            .group_by("weight_variable", "geography_code")
            .agg(
                truth=y.sum(),
                calibrated=(y * pl.col("weight").fill_null(0)).sum(),
                plain=(y * pl.col("plain")).filter(pl.col("weight").is_not_null()).sum(),
            )
        )
    of_geography = (
        pl.concat(rows)
        .filter(pl.col("truth") > 0)
        .with_columns(pl.col("calibrated", "plain") / pl.col("truth") - 1)
        .group_by("weight_variable", "geography_code")
        .agg(
            rmse_calibrated=(pl.col("calibrated") ** 2).mean().sqrt(),
            rmse_plain=(pl.col("plain") ** 2).mean().sqrt(),
            bias_calibrated=pl.col("calibrated").mean(),
            bias_plain=pl.col("plain").mean(),
        )
    )
    order = {weight: place for place, weight in enumerate(WEIGHT_LEVELS)}
    return (
        of_geography.sort("geography_code")
        .group_by("weight_variable")
        .agg(geographies=pl.len(), **{name: pl.col(name).mean() for name in of_geography.columns[2:]})
        .with_columns(ratio=pl.col("rmse_calibrated") / pl.col("rmse_plain"))
        .sort(pl.col("weight_variable").replace_strict(order, return_dtype=pl.Int32))
    )


if __name__ == "__main__":
    main()
