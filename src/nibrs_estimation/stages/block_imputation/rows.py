"""Rows of the datasets of filled months that both rules write (handbook 04)."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.blocks import BLOCK_MONTH, REMOVED_MONTH
from nibrs_estimation.model.completeness import COPIED_GROUPS
from nibrs_estimation.model.fields import MONTHS
from nibrs_estimation.survey.months import MONTHS_PER_YEAR

Floats = NDArray[np.float64]


def removed_months(agency: pl.LazyFrame, replaced: pl.DataFrame, year: int) -> pl.DataFrame:
    """Dataset ``removed_month``: months that are filled, and those before the start of NIBRS (handbook 04).

    Args:
        agency: dataset of that name.
        replaced: ``agency_id``, ``month`` and ``reason`` of the months that are filled.
        year: the data year.
    """
    first = pl.date(year, "month", 1)
    before = (
        agency.filter((pl.col("data_year") == year) & (pl.col("nibrs_start_date") > dt.date(year, 1, 1)))
        .select("agency_id", "nibrs_start_date")
        .join(pl.LazyFrame({"month": MONTHS}, schema={"month": pl.Int8}), how="cross")
        .filter(first < pl.col("nibrs_start_date"))
        .select(
            "agency_id",
            "month",
            kept_from=pl.when(pl.col("nibrs_start_date").dt.month_start() == first).then("nibrs_start_date"),
            reason=pl.lit("before_start"),
        )
        .collect()
    )
    gone = REMOVED_MONTH.cast(replaced.select("agency_id", "month", "reason", kept_from=pl.lit(None, dtype=pl.Date)))
    return pl.concat([gone, before.join(gone, on=["agency_id", "month"], how="anti")])


def block_months(
    ids: NDArray[np.int32], flags: NDArray[np.integer], own: Floats, filled: Floats, completed: Floats
) -> pl.DataFrame:
    """Dataset ``block_month``.

    Args:
        ids: (n,) identifiers.
        flags: (n, 12) column ``month_flag``, 0 for none.
        own: (n, 12, groups) offenses that were reported, NaN for none.
        filled: (n, 12, groups) those that are filled.
        completed: (n, 12, groups) those of the completed year.
    """
    columns = {
        "agency_id": np.repeat(ids, MONTHS_PER_YEAR),
        "month": np.tile(np.array(MONTHS), len(ids)),
        "month_flag": flags.ravel(),
    }
    for prefix, values in (("own", own), ("filled", filled), ("completed", completed)):
        columns |= {f"{prefix}_{group}": values[:, :, k].ravel() for k, group in enumerate(COPIED_GROUPS)}
    frame = pl.DataFrame(columns).with_columns(
        pl.col("month_flag").replace(0, None), pl.selectors.float().fill_nan(None)
    )
    return BLOCK_MONTH.cast(frame)
