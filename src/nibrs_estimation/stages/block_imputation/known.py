"""Which months of the data year are known (handbook 04)."""

from __future__ import annotations

import numpy as np
import polars as pl

from nibrs_estimation.model.blocks import KNOWN_MONTH
from nibrs_estimation.model.completeness import COPIED_GROUPS
from nibrs_estimation.model.fields import MONTHS
from nibrs_estimation.model.outliers import LOW_COLORS
from nibrs_estimation.survey.eligibility import ineligible_reason, with_own_reports
from nibrs_estimation.survey.months import MONTHS_PER_YEAR, MonthStatus, judge, known_part


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
