"""Outlier months of every agency (handbook 03)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.agency import HISTORY_YEARS
from nibrs_estimation.model.outliers import OUTLIER_AGENCY, OUTLIER_MONTH
from nibrs_estimation.stages.outliers.colors import GREEN, color_months

MONTHS_PER_YEAR = 12
#: With fewer reported months a series does not show what is normal for the agency.
MIN_HISTORY_MONTHS = 24
#: With fewer green months in the data year, if there are earlier months, the agency has permanently changed its level.
MIN_GREEN_MONTHS = 4


def detect_outliers(
    agency: pl.LazyFrame, agency_month: pl.LazyFrame, year: int, outlier_rule: Literal["intended", "reference"]
) -> dict[str, pl.DataFrame]:
    """Color the months of each agency by comparison with its series of five years, the data year and the four before.

    In a series of fewer than 24 reported months all months are green. If fewer than four months of the data year are
    green, and the agency has earlier months, its level is assumed to have shifted, and the whole data year is green.
    """
    years = range(year - HISTORY_YEARS + 1, year + 1)
    months = (
        agency_month.filter(pl.col("data_year").is_in(list(years)) & pl.col("is_reported"))
        .select("agency_id", "data_year", "month", "n_all")
        .sort("agency_id", "data_year", "month")
        .collect()
    )
    ids, row = np.unique(months["agency_id"].to_numpy(), return_inverse=True)
    time = (months["data_year"].to_numpy() - years[0]) * MONTHS_PER_YEAR + months["month"].to_numpy() - 1
    values = np.full((len(ids), HISTORY_YEARS * MONTHS_PER_YEAR), np.nan)
    values[row, time] = months["n_all"].to_numpy()
    found = color_months(values, outlier_rule)
    present = np.isfinite(values)
    color, reason = explain_outliers(found.color, present)
    current = color[:, -MONTHS_PER_YEAR:]
    names = pl.Series(["", "green", "orange", "red", "blue", "brown"])
    oris = agency.sort("data_year").group_by("agency_id", maintain_order=True).agg(pl.col("ori").last()).collect()
    agencies = pl.DataFrame(
        {
            "agency_id": ids,
            "n_months": present.sum(axis=1),
            "mean_monthly_offenses": np.nansum(values, axis=1) / np.maximum(present.sum(axis=1), 1),
            "n_levels": found.n_levels,
            **{f"n_{name}": (current == number).sum(axis=1) for number, name in enumerate(names) if number},
            "reason": reason,
        },
        schema_overrides={"agency_id": pl.Int32, "reason": pl.String},
    ).join(oris, on="agency_id", how="left")
    return {
        OUTLIER_AGENCY.name: OUTLIER_AGENCY.cast(agencies),
        OUTLIER_MONTH.name: months.with_columns(color=names.gather(color[row, time])),
    }


def explain_outliers(color: NDArray[np.int8], present: NDArray[np.bool_]) -> tuple[NDArray[np.int8], list[str | None]]:
    """Make months green that are explained by a short history or a shift of level.

    Args:
        color: (n, t) colors of the months, the last twelve of them the data year's.
        present: (n, t) the reported months.

    Returns:
        The colors, and for each series the reason why months were made green, or None.
    """
    n, n_current = present.sum(axis=1), present[:, -MONTHS_PER_YEAR:].sum(axis=1)
    is_short = n < MIN_HISTORY_MONTHS
    n_green = (color[:, -MONTHS_PER_YEAR:] == GREEN).sum(axis=1)
    has_shifted = ~is_short & (n_current < n) & (n_current > 0) & (n_green < MIN_GREEN_MONTHS)
    # A year of fewer than four reported months always has fewer than four green ones: this alone is not a shift.
    has_shifted &= n_green < n_current
    explained = np.where(is_short[:, None] & present, GREEN, color)
    last_year = explained[:, -MONTHS_PER_YEAR:]
    last_year[has_shifted] = np.where(present[has_shifted, -MONTHS_PER_YEAR:], GREEN, last_year[has_shifted])
    reason = np.where(is_short, "short_history", np.where(has_shifted, "level_shift", ""))
    return explained.astype(np.int8), [str(text) or None for text in reason]
