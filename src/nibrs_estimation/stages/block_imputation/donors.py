"""The reference pipeline's rule: whole months of a donor are copied into missing and low ones (handbook 04)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.blocks import BLOCK_AGENCY, BLOCK_MONTH, BLOCK_REFERENCE, REMOVED_MONTH
from nibrs_estimation.model.completeness import COPIED_GROUPS, MIN_MONTHS_REPORTED
from nibrs_estimation.model.fields import MONTHS
from nibrs_estimation.model.outliers import HIGH_COLORS, LOW_COLORS
from nibrs_estimation.stages.block_imputation.rows import block_months, removed_months
from nibrs_estimation.survey.donors import match, predict_by_donors
from nibrs_estimation.survey.eligibility import ineligible_reason, with_own_reports

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MONTHS_PER_YEAR = len(MONTHS)
MISSING, LOW = 1, 2
#: Number of days that count as a month of certification.
DAYS_PER_MONTH = 30
#: Attributes of the donor model that are numbers.
NUMBERS = ("population", "male_officers", "female_officers", "months_certified")


@dataclass(frozen=True)
class Months:
    """The months of n agencies.

    Attributes:
        own: (n, 12, 3) offenses of the copied groups, NaN where the month was not reported.
        is_low, is_high: (n, 12) the month is a low outlier, a high outlier.
    """

    own: Floats
    is_low: Flags
    is_high: Flags

    @property
    def is_missing(self) -> Flags:
        """(n, 12) the month was not reported."""
        return np.asarray(np.isnan(self.own).any(axis=2))


def choose_donors(
    agency: pl.LazyFrame,
    agency_month: pl.LazyFrame,
    outlier_month: pl.LazyFrame,
    police_employees: pl.LazyFrame,
    agency_month_offense: pl.LazyFrame,
    year: int,
    seed: int,
) -> dict[str, pl.DataFrame]:
    """Find a donor for each agency with missing or low months, and decide which of its months are copied.

    Donors are complete and have no outlier month. A linear model of their offenses, selected by AIC, predicts the year
    of every agency. The recipient gets the donor in its class whose prediction is closest to its own; ties are broken
    at random. A missing month is copied; a low month is copied only if the donor's month is larger.
    """
    agencies = possible_agencies(agency, agency_month_offense, agency_month, police_employees, year)
    months = _months(agencies, agency_month, outlier_month, year)
    is_recipient = np.asarray(months.is_missing.any(axis=1) | months.is_low.any(axis=1))
    is_donor = np.asarray(~is_recipient & ~months.is_high.any(axis=1))
    observed = np.nansum(months.own, axis=(1, 2))
    predicted = predict_by_donors(agencies, observed, is_donor, "region_code", NUMBERS)
    donor, rule = match(agencies, predicted, is_recipient, is_donor, seed)
    flags = month_flags(months, donor)
    is_copied = flags > 0
    donor_months = np.where((donor >= 0)[:, None, None], months.own[donor], np.nan)
    completed = np.where(is_copied[:, :, None], donor_months, months.own)
    ids = agencies["agency_id"].to_numpy()
    part = np.select([is_recipient, is_donor], ["recipient", "donor"], "neither")
    described = agencies.with_columns(
        part=pl.Series(part),
        months_missing=pl.Series(months.is_missing.sum(axis=1)),
        months_low=pl.Series(months.is_low.sum(axis=1)),
        months_high=pl.Series(months.is_high.sum(axis=1)),
        n_observed=pl.Series(observed),
        # Without a donor a missing month stays missing, and adds nothing.
        n_completed=pl.Series(np.nansum(completed, axis=(1, 2))),
        n_predicted=pl.Series(predicted),
        known_share=pl.Series(np.where(is_copied | months.is_missing, 0, 1).mean(axis=1)),
        own_weight=pl.lit(None, pl.Float64),
        donor_agency_id=pl.Series(np.where(donor >= 0, ids[donor], -1)).replace(-1, None),
        distance=pl.Series(np.where(donor >= 0, np.abs(predicted - predicted[donor]), np.nan)).fill_nan(None),
        match_rule=rule,
    )
    row, month = np.nonzero(is_copied)
    copied = {"agency_id": ids[row], "donor_agency_id": ids[donor[row]], "month": month + 1}
    filled = np.where(is_copied[:, :, None], donor_months, np.nan)
    reason = pl.Series(np.where(flags[row, month] == MISSING, "missing", "low"))
    return {
        BLOCK_AGENCY.name: BLOCK_AGENCY.cast(described),
        BLOCK_MONTH.name: block_months(ids, flags, months.own, filled, completed),
        BLOCK_REFERENCE.name: BLOCK_REFERENCE.cast(pl.DataFrame(copied).with_columns(scale=pl.lit(1.0))),
        REMOVED_MONTH.name: removed_months(
            agency, pl.DataFrame({"agency_id": ids[row], "month": month + 1, "reason": reason}), year
        ),
    }


def month_flags(months: Months, donor: NDArray[np.int64]) -> NDArray[np.int8]:
    """Whether months are copied: (n, 12) 1 missing, 2 low and less than the donor's, 0 not copied (handbook 04)."""
    total = months.own.sum(axis=2)
    has_donor = (donor >= 0)[:, None]
    replaces = months.is_low & (total < total[donor])
    flags = np.where(months.is_missing, MISSING, np.where(replaces, LOW, 0))
    return np.where(has_donor, flags, 0).astype(np.int8)


def possible_agencies(
    agency: pl.LazyFrame,
    agency_month_offense: pl.LazyFrame,
    agency_month: pl.LazyFrame,
    police_employees: pl.LazyFrame,
    year: int,
) -> pl.DataFrame:
    """Agencies that may be donor or recipient: eligible, with at least three months of incidents; by agency_id."""
    reported = (
        agency_month.filter((pl.col("data_year") == year) & pl.col("is_reported"))
        .group_by("agency_id")
        .len(name="months_reported")
        .filter(pl.col("months_reported") >= MIN_MONTHS_REPORTED)
    )
    reference_date = pl.date(year, 1, 31)
    days = (reference_date - pl.col("nibrs_certification_date")).dt.total_days()
    return (
        with_own_reports(agency, agency_month_offense)
        .filter((pl.col("data_year") == year) & "is_nibrs" & ineligible_reason().is_null())
        .join(reported, on="agency_id", how="semi")
        .join(
            police_employees.select("agency_id", "male_officers", "female_officers", "is_covering"),
            on="agency_id",
            how="left",
            suffix="_completed",
        )
        .with_columns(
            has_population=pl.col("population") > 0,
            is_covering=pl.col("is_covering").fill_null(False),
            months_certified=pl.max_horizontal(days.fill_null(0), 0) / DAYS_PER_MONTH,
            male_officers=pl.col("male_officers_completed").fill_null(0),
            female_officers=pl.col("female_officers_completed").fill_null(0),
        )
        .sort("agency_id")
        .collect()
    )


def _months(agencies: pl.DataFrame, agency_month: pl.LazyFrame, outlier_month: pl.LazyFrame, year: int) -> Months:
    numbers = [f"n_{group}" for group in COPIED_GROUPS]
    current = (
        agency_month.filter((pl.col("data_year") == year) & pl.col("is_reported"))
        .join(outlier_month.drop("n_all"), on=["agency_id", "data_year", "month"], how="left")
        .select(
            "agency_id",
            "month",
            *numbers,
            is_low=pl.col("color").is_in(LOW_COLORS).fill_null(False),
            is_high=pl.col("color").is_in(HIGH_COLORS).fill_null(False),
        )
        .collect()
        .join(agencies.select("agency_id").with_row_index("row"), on="agency_id")
    )
    indices = (current["row"].to_numpy(), current["month"].to_numpy() - 1)
    own = np.full((agencies.height, MONTHS_PER_YEAR, len(numbers)), np.nan)
    own[indices] = current.select(numbers).to_numpy()
    is_low, is_high = (np.zeros(own.shape[:2], dtype=np.bool_) for _ in range(2))
    is_low[indices], is_high[indices] = current["is_low"].to_numpy(), current["is_high"].to_numpy()
    return Months(own, is_low, is_high)
