"""Error of an outcome with calibrated weights, beside that of N/n weights."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.fields import GEOGRAPHY_LEVELS
from nibrs_estimation.model.weights import STATE_WEIGHT_GROUP
from nibrs_estimation.stages.weighting.weights import weight_agencies
from tests.support.weighted_nation import YEAR, incidents, nation, responding

SEED, SHARE = 2, 0.75
KEY = ["geography_level", "geography_code", "weight_group"]


def errors(scale: float, patterns: int) -> pl.DataFrame:
    """By level: relative RMSE with calibrated and with N/n weights, their ratio, and the mean relative errors."""
    frame, pieces = nation(scale, SEED)
    truth = frame.select("agency_id").with_columns(y=pl.Series(incidents(frame, scale, SEED)))
    rows = []
    for pattern in range(1, patterns + 1):
        drawn = responding(frame, SHARE, pattern)
        made = weight_agencies(drawn.lazy(), pieces.lazy(), STATE_WEIGHT_GROUP.empty(), YEAR, "corrected")
        cells = made["weight_cell"].select(*KEY, plain=pl.col("eligible_agencies") / pl.col("responding_agencies"))
        y = pl.col("y") * pl.col("population_share")
        rows.append(
            made["agency_weight"]
            .join(truth, on="agency_id")
            .join(cells, on=KEY)
            .sort(*KEY, "agency_id")
            .group_by("geography_level", "geography_code")
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
        .group_by("geography_level", "geography_code")
        .agg(
            rmse_calibrated=(pl.col("calibrated") ** 2).mean().sqrt(),
            rmse_plain=(pl.col("plain") ** 2).mean().sqrt(),
            bias_calibrated=pl.col("calibrated").mean(),
            bias_plain=pl.col("plain").mean(),
        )
    )
    order = {weight: place for place, weight in enumerate(GEOGRAPHY_LEVELS)}
    return (
        of_geography.sort("geography_code")
        .group_by("geography_level")
        .agg(geographies=pl.len(), **{name: pl.col(name).mean() for name in of_geography.columns[2:]})
        .with_columns(ratio=pl.col("rmse_calibrated") / pl.col("rmse_plain"))
        .sort(pl.col("geography_level").replace_strict(order, return_dtype=pl.Int32))
    )
