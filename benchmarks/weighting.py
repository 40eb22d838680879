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
from tests.support.weight_errors import SEED, SHARE, errors
from tests.support.weighted_nation import YEAR, nation, responding

from nibrs_estimation.model.weights import STATE_WEIGHT_GROUP
from nibrs_estimation.stages.weighting.weights import weight_agencies

LIMIT_S, LIMIT_GIB = 30.0, 2.0


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
    made = weight_agencies(frame.lazy(), pieces.lazy(), STATE_WEIGHT_GROUP.empty(), YEAR, "corrected")
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    cells = made["weight_cell"]
    print(f"{frame.height:,} agencies, {cells.height:,} cells, {cells['attempts'].sum():,} calibrations that count")
    print(f"  {seconds:.1f} s, ratio to the limit of {LIMIT_S:.0f} s: {seconds / LIMIT_S:.2f}")
    ratio = peak / LIMIT_GIB
    print(f"  peak {peak:.2f} GiB (before {before:.2f}), ratio to the limit of {LIMIT_GIB:.0f} GiB: {ratio:.2f}")
    with pl.Config(tbl_rows=40):
        print(cells.group_by("geography_level", "rule").len().sort("geography_level", "rule"))
    study = errors(arguments.study_scale, arguments.patterns)
    with pl.Config(tbl_rows=20, float_precision=4, tbl_width_chars=140):
        print(f"relative RMSE of totals over {arguments.patterns} patterns at scale {arguments.study_scale}:")
        print(study)


if __name__ == "__main__":
    main()
