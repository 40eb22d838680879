"""A donor for every agency with missing or low months, and the months that are copied (handbook 04)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.blocks import BLOCK_AGENCY, BLOCK_MONTH, BLOCK_REFERENCE, REMOVED_MONTH
from nibrs_estimation.model.completeness import COPIED_GROUPS, MIN_MONTHS_REPORTED
from nibrs_estimation.model.fields import MONTHS
from nibrs_estimation.model.outliers import HIGH_COLORS, LOW_COLORS
from nibrs_estimation.stats import random
from nibrs_estimation.stats.imputation.matching import draw_nearest
from nibrs_estimation.stats.imputation.regression import LinearModel, stepwise, treatment_dummies
from nibrs_estimation.survey.eligibility import ineligible_reason, with_own_reports

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MONTHS_PER_YEAR = len(MONTHS)
MISSING, LOW = 1, 2
#: Number of days that count as a month of certification.
DAYS_PER_MONTH = 30
#: Type into which types of agency without a donor are merged (handbook 04).
OTHER = "Other"
#: Matching rule -> attributes that donor and recipient must share; if a recipient finds no donor, the next rule
#: applies.
CLASSES = {"class": ("has_population", "is_covering"), "without_covering": ("has_population",), "anybody": ()}


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
    agencies = _agencies(with_own_reports(agency, agency_month_offense), agency_month, police_employees, year)
    months = _months(agencies, agency_month, outlier_month, year)
    is_recipient = np.asarray(months.is_missing.any(axis=1) | months.is_low.any(axis=1))
    is_donor = np.asarray(~is_recipient & ~months.is_high.any(axis=1))
    observed = np.nansum(months.own, axis=(1, 2))
    model = fit_donor_model(agencies, observed, is_donor, year)
    predicted = np.zeros(agencies.height) if model is None else model.predict(_design(agencies, is_donor, year))
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
        donor_agency_id=pl.Series(np.where(donor >= 0, ids[donor], -1)).replace(-1, None),
        distance=pl.Series(np.where(donor >= 0, np.abs(predicted - predicted[donor]), np.nan)).fill_nan(None),
        match_rule=rule,
    )
    references = _references(ids, donor, flags)
    return {
        BLOCK_AGENCY.name: BLOCK_AGENCY.cast(described),
        BLOCK_MONTH.name: _block_months(ids, flags, months.own, donor_months, completed),
        BLOCK_REFERENCE.name: references,
        REMOVED_MONTH.name: removed_months(agency, references, year),
    }


def fit_donor_model(agencies: pl.DataFrame, observed: Floats, is_donor: Flags, year: int) -> LinearModel | None:
    """The model of the donors' offenses selected by AIC, None without donors; arguments as in :func:`choose_donors`."""
    if not is_donor.any():
        return None
    design = {term: columns[is_donor] for term, columns in _design(agencies, is_donor, year).items()}
    return stepwise(observed[is_donor], design)


def match(
    agencies: pl.DataFrame, predicted: Floats, is_recipient: Flags, is_donor: Flags, seed: int
) -> tuple[NDArray[np.int64], pl.Series]:
    """Find the donor of each recipient: index of the donor, -1 for other agencies, and the matching rule.

    Args:
        agencies: ``agency_id``, ``has_population`` and ``is_covering``, sorted by agency_id.
        predicted: (n,) offenses in a year predicted by the donor model.
        is_recipient: (n,) agencies that need a donor.
        is_donor: (n,) agencies that may be a donor.
        seed: seed of the run.
    """
    ids = agencies["agency_id"].to_numpy()
    donor = np.full(len(ids), -1)
    rule = np.zeros(len(ids), dtype=np.int64)
    point = random.uniform(seed, "block donor", ids)
    waiting = is_recipient.copy()
    for number, columns in enumerate(CLASSES.values(), start=1):
        key = np.zeros(len(ids), dtype=np.int64)
        for column in columns:
            key = 2 * key + agencies[column].to_numpy()
        for value in np.unique(key[waiting]):
            donors = np.flatnonzero(is_donor & (key == value))
            recipients = np.flatnonzero(waiting & (key == value))
            if not len(donors):
                continue
            donor[recipients] = donors[draw_nearest(predicted[donors], predicted[recipients], point[recipients])]
            waiting[recipients] = False
            rule[recipients] = number
    return donor, pl.Series([None, *CLASSES], dtype=pl.String).gather(rule)


def month_flags(months: Months, donor: NDArray[np.int64]) -> NDArray[np.int8]:
    """Whether months are copied: (n, 12) 1 missing, 2 low and less than the donor's, 0 not copied (handbook 04)."""
    total = months.own.sum(axis=2)
    has_donor = (donor >= 0)[:, None]
    replaces = months.is_low & (total < total[donor])
    flags = np.where(months.is_missing, MISSING, np.where(replaces, LOW, 0))
    return np.where(has_donor, flags, 0).astype(np.int8)


def removed_months(agency: pl.LazyFrame, references: pl.DataFrame, year: int) -> pl.DataFrame:
    """Dataset ``removed_month``: the replaced months, and those before the start of NIBRS (handbook 04)."""
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
    replaced = references.select(
        "agency_id",
        "month",
        kept_from=pl.lit(None, dtype=pl.Date),
        reason=pl.when(pl.col("month_flag") == MISSING).then(pl.lit("missing")).otherwise(pl.lit("low")),
    )
    return pl.concat([replaced, before.join(replaced, on=["agency_id", "month"], how="anti")])


def _agencies(
    agency: pl.LazyFrame, agency_month: pl.LazyFrame, police_employees: pl.LazyFrame, year: int
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
        agency.filter((pl.col("data_year") == year) & "is_nibrs" & ineligible_reason().is_null())
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


def _design(agencies: pl.DataFrame, is_donor: Flags, year: int) -> Mapping[str, Floats]:
    """The terms of the donor model for all agencies (handbook 04)."""
    numeric = ("population", "male_officers", "female_officers", "months_certified")
    return {
        "is_suburban": _factor(agencies["is_suburban"].cast(pl.String), is_donor),
        "agency_type": _factor(agencies["agency_type_name"], is_donor, into=OTHER),
        "region": _factor(agencies["region_code"].cast(pl.String), is_donor),
        **{name: agencies[name].cast(pl.Float64).to_numpy()[:, None] for name in numeric},
        "is_covering": _factor(agencies["is_covering"].cast(pl.String), is_donor),
    }


def _factor(values: pl.Series, is_donor: Flags, into: str | None = None) -> Floats:
    """Dummies of a factor; levels without donor are merged into ``into``, otherwise into the one with most donors."""
    levels, count = np.unique(values.to_numpy()[is_donor], return_counts=True)
    target = str(into if into in levels else levels[np.argmax(count)])
    merged = np.where(np.isin(values.to_numpy(), levels), values.to_numpy(), target)
    return treatment_dummies(np.searchsorted(levels, merged), np.arange(len(levels)))


def _references(ids: NDArray[np.int32], donor: NDArray[np.int64], flags: NDArray[np.int8]) -> pl.DataFrame:
    row, month = np.nonzero(flags)
    frame = pl.DataFrame(
        {
            "agency_id": ids[row],
            "month": month + 1,
            "donor_agency_id": ids[donor[row]],
            "month_flag": flags[row, month],
        }
    )
    return BLOCK_REFERENCE.cast(frame)


def _block_months(
    ids: NDArray[np.int32], flags: NDArray[np.int8], own: Floats, donor: Floats, completed: Floats
) -> pl.DataFrame:
    n = len(ids)
    columns = {
        "agency_id": np.repeat(ids, MONTHS_PER_YEAR),
        "month": np.tile(np.array(MONTHS), n),
        "month_flag": flags.ravel(),
    }
    for prefix, values in (("own", own), ("donor", donor), ("completed", completed)):
        columns |= {f"{prefix}_{group}": values[:, :, k].ravel() for k, group in enumerate(COPIED_GROUPS)}
    frame = pl.DataFrame(columns).with_columns(
        pl.col("month_flag").replace(0, None), pl.selectors.float().fill_nan(None)
    )
    return BLOCK_MONTH.cast(frame)
