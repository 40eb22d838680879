"""How the months that are not known are filled (handbook 04)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.blocks import BLOCK_AGENCY, BLOCK_MONTH, BLOCK_REFERENCE, REMOVED_MONTH
from nibrs_estimation.model.completeness import COPIED_GROUPS, MIN_MONTHS_REPORTED
from nibrs_estimation.model.outliers import HIGH_COLORS
from nibrs_estimation.stages.block_imputation.donors import choose_donors, possible_agencies
from nibrs_estimation.stages.block_imputation.rows import block_months, removed_months
from nibrs_estimation.survey.months import MONTHS_PER_YEAR
from nibrs_estimation.survey.own_months import Filled, added_by_month, fill_from_own_months

Floats = NDArray[np.float64]
NOT_REPORTED, NOT_KNOWN = 1, 2


def fill_months(
    agency: pl.LazyFrame,
    agency_month: pl.LazyFrame,
    outlier_month: pl.LazyFrame,
    police_employees: pl.LazyFrame,
    agency_month_offense: pl.LazyFrame,
    known_month: pl.LazyFrame,
    year: int,
    seed: int,
    month_rule: Literal["own_months", "reference"],
) -> dict[str, pl.DataFrame]:
    """Fill the months that are not known of agencies with three known months or more.

    By rule ``own_months`` from the agency's own known months, scaled by the season, and of small agencies in part from
    a donor of their level; by rule ``reference`` with whole months of a donor.
    """
    if month_rule == "reference":
        return choose_donors(agency, agency_month, outlier_month, police_employees, agency_month_offense, year, seed)
    agencies = possible_agencies(agency, agency_month_offense, agency_month, police_employees, year)
    return _filled_from_own(agency, agencies, agency_month, outlier_month, known_month, year, seed)


def _filled_from_own(
    agency: pl.LazyFrame,
    agencies: pl.DataFrame,
    agency_month: pl.LazyFrame,
    outlier_month: pl.LazyFrame,
    known_month: pl.LazyFrame,
    year: int,
    seed: int,
) -> dict[str, pl.DataFrame]:
    judged = agencies.select("agency_id").join(known_month.collect(), on="agency_id", how="left", maintain_order="left")
    judged = judged.sort("agency_id", "month")
    status = judged["month_status"].to_numpy().reshape(-1, MONTHS_PER_YEAR)
    known, shares = (judged[name].to_numpy().reshape(-1, MONTHS_PER_YEAR) for name in ("known_part", "month_share"))
    counts = _counts(agencies, agency_month, year)
    total = counts.sum(axis=2)
    n_known = (known > 0).sum(axis=1)
    is_recipient = (n_known >= MIN_MONTHS_REPORTED) & (known < 1).any(axis=1)
    # Whose months are lumped has a known year, but no months to give.
    is_donor = (status == "known").all(axis=1) & (known == 1).all(axis=1)
    classes = agencies.select("has_population", "is_covering").to_numpy() @ np.array([2, 1])
    ids = agencies["agency_id"].to_numpy()
    filled = fill_from_own_months(total, known, shares, is_recipient, is_donor, classes, ids, seed)
    added = added_by_month(counts, known, shares, is_recipient, filled)
    flags = np.where(is_recipient[:, None] & (known == 0), np.where(np.isnan(total), NOT_REPORTED, NOT_KNOWN), 0)
    own = np.where((known > 0)[:, :, None] | ~is_recipient[:, None, None], counts, np.nan)
    completed = np.where(np.isnan(own) & np.isnan(added), np.nan, np.nan_to_num(own) + np.nan_to_num(added))
    high = outlier_month.filter((pl.col("data_year") == year) & pl.col("color").is_in(HIGH_COLORS))
    n_high = agencies.select("agency_id").join(
        high.group_by("agency_id").len(name="months_high").collect(), on="agency_id", how="left", maintain_order="left"
    )["months_high"]
    described = agencies.with_columns(
        part=pl.Series(np.select([is_recipient, is_donor], ["recipient", "donor"], "neither")),
        months_missing=pl.Series(np.isnan(total).sum(axis=1)),
        months_low=pl.Series((np.isfinite(total) & (known == 0)).sum(axis=1)),
        months_high=n_high.fill_null(0),
        n_observed=pl.Series(np.nansum(total, axis=1)),
        n_completed=pl.Series(np.nansum(completed, axis=(1, 2))),
        n_predicted=pl.lit(None, pl.Float64),
        known_share=pl.Series((known * shares).sum(axis=1)),
        own_weight=pl.Series(filled.own_weight),
        donor_agency_id=pl.Series(np.where(filled.donor >= 0, ids[filled.donor], -1)).replace(-1, None),
        distance=pl.Series(filled.distance).fill_nan(None),
        match_rule=pl.Series(np.where(filled.donor >= 0, "class", "")).replace("", None),
    )
    months = block_months(ids, flags, counts, added, completed)
    reasons = judged["month_status"].replace("not_reported", "missing")
    replaced = months.select("agency_id", "month", "month_flag", reason=reasons).filter(
        pl.col("month_flag").is_not_null()
    )
    return {
        BLOCK_AGENCY.name: BLOCK_AGENCY.cast(described),
        BLOCK_MONTH.name: months,
        BLOCK_REFERENCE.name: _references(ids, known, filled),
        REMOVED_MONTH.name: removed_months(agency, replaced.drop("month_flag"), year),
    }


def _counts(agencies: pl.DataFrame, agency_month: pl.LazyFrame, year: int) -> Floats:
    """Offenses of the agencies by month and group, (n, 12, groups); NaN where not reported."""
    numbers = [f"n_{group}" for group in COPIED_GROUPS]
    months = (
        agency_month.filter((pl.col("data_year") == year) & pl.col("is_reported"))
        .select("agency_id", "month", *numbers)
        .collect()
        .join(agencies.select("agency_id").with_row_index("row"), on="agency_id")
    )
    counts = np.full((agencies.height, MONTHS_PER_YEAR, len(numbers)), np.nan)
    counts[months["row"].to_numpy(), months["month"].to_numpy() - 1] = months.select(numbers).to_numpy()
    return counts


def _references(ids: NDArray[np.int32], known: Floats, filled: Filled) -> pl.DataFrame:
    """What is added: an agency's own known months, and the donor's counts of the months that are not known."""
    own = np.nonzero((known > 0) & (filled.own_scale > 0)[:, None])
    given = np.nonzero((known == 0) & (filled.donor_scale > 0)[:, None])
    rows = np.concatenate([own[0], given[0]])
    frame = pl.DataFrame(
        {
            "agency_id": ids[rows],
            "donor_agency_id": np.concatenate([ids[own[0]], ids[filled.donor[given[0]]]]),
            "month": np.concatenate([own[1], given[1]]) + 1,
            "scale": np.concatenate([filled.own_scale[own[0]], filled.donor_scale[given[0]]]),
        }
    )
    return BLOCK_REFERENCE.cast(frame)
