"""Which months of the data year are known (handbook 04)."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.blocks import KNOWN_MONTH
from nibrs_estimation.model.completeness import COPIED_GROUPS
from nibrs_estimation.model.fields import MONTHS
from nibrs_estimation.model.outliers import LOW_COLORS
from nibrs_estimation.survey.eligibility import ineligible_reason, with_own_reports
from nibrs_estimation.survey.months import (
    MONTHS_PER_YEAR,
    MonthStatus,
    known_part,
    month_shares,
    month_status,
)

#: Population groups of counties begin with 8 or 9.
COUNTIES = "^[89]"


def judge_months(
    agency: pl.LazyFrame,
    agency_month: pl.LazyFrame,
    outlier_month: pl.LazyFrame,
    agency_month_offense: pl.LazyFrame,
    year: int,
) -> pl.DataFrame:
    """Say of every month of the data year whether it is known, and what share of a normal year falls in it.

    Agencies are those that are eligible, report incidents, and reported at least one month.
    """
    months = (
        agency_month.filter((pl.col("data_year") == year) & pl.col("is_reported"))
        .join(outlier_month.drop("n_all"), on=["agency_id", "data_year", "month"], how="left")
        .select(
            "agency_id",
            "month",
            n=pl.sum_horizontal(f"n_{group}" for group in COPIED_GROUPS),
            is_low=pl.col("color").is_in(LOW_COLORS).fill_null(False),
        )
        .collect()
    )
    agencies = (
        with_own_reports(agency, agency_month_offense)
        .filter((pl.col("data_year") == year) & "is_nibrs" & ineligible_reason().is_null())
        .select("agency_id", "region_code", "population_group_code", "nibrs_start_date")
        .sort("agency_id")
        .collect()
        .join(months, on="agency_id", how="semi", maintain_order="left")
        .with_row_index("row")
    )
    months = months.join(agencies.select("agency_id", "row"), on="agency_id")
    place = (months["row"].to_numpy(), months["month"].to_numpy() - 1)
    counts = np.full((agencies.height, MONTHS_PER_YEAR), np.nan)
    counts[place] = months["n"].to_numpy()
    is_low = np.zeros(counts.shape, dtype=np.bool_)
    is_low[place] = months["is_low"].to_numpy()
    status, shares = judge(counts, is_low, agencies)
    return KNOWN_MONTH.cast(
        pl.DataFrame(
            {
                "agency_id": np.repeat(agencies["agency_id"].to_numpy(), MONTHS_PER_YEAR),
                "month": np.tile(np.array(MONTHS), agencies.height),
                "n_offenses": counts.ravel(),
                "month_status": pl.Series([each.name.lower() for each in MonthStatus]).gather(status.ravel()),
                "known_part": known_part(status, agencies["nibrs_start_date"], year).ravel(),
                "month_share": shares.ravel(),
            }
        ).with_columns(pl.col("n_offenses").fill_nan(None))
    )


def judge(
    counts: NDArray[np.float64], is_low: NDArray[np.bool_], agencies: pl.DataFrame
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Status and normal share of each month, (n, 12) both.

    Args:
        counts: (n, 12) offenses, NaN where not reported.
        is_low: (n, 12) the outlier rule found the month too low.
        agencies: n rows with ``region_code`` and ``population_group_code``.
    """
    is_full = (month_status(counts, is_low) == MonthStatus.KNOWN).all(axis=1)
    is_county = agencies["population_group_code"].str.contains(COUNTIES).fill_null(False).to_numpy()
    region = agencies["region_code"].fill_null(0).to_numpy()
    shares = month_shares(counts, is_full, region, is_county)
    return month_status(counts, is_low, shares), shares
