"""The year of agencies that sent Return A for some months only (handbook 16)."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.completeness import MIN_MONTHS_REPORTED
from nibrs_estimation.model.outliers import HIGH_COLORS
from nibrs_estimation.model.return_a import GRAND_TOTAL, PARTS
from nibrs_estimation.model.return_a_file import ACTUAL, ITEMS
from nibrs_estimation.model.summary import SUMMARY_AGENCY, SUMMARY_ISSUE, SUMMARY_YEAR
from nibrs_estimation.stages.summary.issues import issue
from nibrs_estimation.stages.summary.lines import Floats, converted_lines, reported_lines
from nibrs_estimation.stages.summary.years import rule_of_year, with_rape_of_year
from nibrs_estimation.survey.donors import match, predict_by_donors
from nibrs_estimation.survey.months import MONTHS_PER_YEAR, MonthStatus, judge, known_part
from nibrs_estimation.survey.own_months import added_by_month, fill_from_own_months

Flags = NDArray[np.bool_]
#: Numbers of the reference's donor model.
_NUMBERS = ("population", "male_officers", "female_officers")
#: A total that differs from the sum of its parts by so much is not rounding.
_TOLERANCE = 0.5


class Filled(NamedTuple):
    """The completed year of n agencies.

    Attributes:
        lines: (n, 26) offenses of the year.
        known: (n, 12) part of each month that is known.
        known_share: (n,) share of a normal year in the known months.
        own_weight: (n,) weight of own months; NaN by the reference's rule.
        donor: (n,) position of the donor, -1 for none.
    """

    lines: Floats
    known: Floats
    known_share: Floats
    own_weight: Floats
    donor: NDArray[np.int64]


def fill_summaries(
    agency: pl.LazyFrame,
    universe: pl.LazyFrame,
    police_employees: pl.LazyFrame,
    outlier_month: pl.LazyFrame,
    incident_summary: pl.LazyFrame,
    summary_report: pl.LazyFrame,
    summary_month: pl.LazyFrame,
    year: int,
    seed: int,
    month_rule: Literal["own_months", "reference"],
) -> dict[str, pl.DataFrame]:
    """Complete the year of every agency with a known month.

    By rule ``own_months`` an agency with three known months or more is filled from these, scaled by the season, and of
    small agencies in part from a donor of their level; by rule ``reference`` with whole months of a donor. An agency
    with fewer known months does not respond; its year, which is its benchmark, is its known months over their share of
    a normal year.
    """
    agencies = _agencies(agency, universe, police_employees, year)
    ids = agencies["agency_id"]
    months = summary_month.collect()
    chosen = reported_lines(months, ids)
    origins = months.group_by("agency_id").agg(is_converted=(pl.col("origin") != "return_a").any())
    agencies = agencies.join(origins, on="agency_id", how="left", maintain_order="left")
    is_converted = agencies["is_converted"].fill_null(False).to_numpy()
    is_reported = np.asarray(np.isfinite(chosen).any(axis=2))
    is_within = _within_another(months, ids)
    fill = _from_own if month_rule == "own_months" else _from_donors
    is_high = _high_agencies(outlier_month, ids, year)
    filled = fill(agencies, chosen, is_reported, is_converted[:, None] | is_within, is_high, seed)
    own = _as_reported(chosen, months, incident_summary.collect(), summary_report.collect(), ids, year)
    completed, reported = filled.lines, np.nan_to_num(own).sum(axis=1)
    is_negative = np.asarray((completed < 0).any(axis=1) | (reported < 0).any(axis=1))
    completed, reported = np.maximum(completed, 0.0), np.maximum(reported, 0.0)
    months_known = (filled.known > 0).sum(axis=1)
    is_respondent = is_converted | (months_known >= MIN_MONTHS_REPORTED)
    described = agencies.with_columns(
        origin=pl.when(pl.col("is_converted").is_not_null()).then(
            pl.when("is_converted").then(pl.lit("incidents")).otherwise(pl.lit("return_a"))
        ),
        months_reported=pl.Series(is_reported.sum(axis=1)),
        months_known=pl.Series(months_known),
        is_full_year=pl.Series((filled.known == 1).all(axis=1)),
        is_respondent=pl.Series(is_respondent),
        known_share=pl.Series(filled.known_share),
        own_weight=pl.Series(filled.own_weight).fill_nan(None),
        donor_agency_id=pl.Series(np.where(filled.donor >= 0, ids.to_numpy()[filled.donor], -1)).replace(-1, None),
        n_reported=pl.Series(reported[:, GRAND_TOTAL]),
        n_completed=pl.Series(completed[:, GRAND_TOTAL]),
    )
    row, item = np.nonzero((completed > 0) | (reported > 0))
    lines = pl.DataFrame(
        {
            "agency_id": ids.gather(row),
            "item_code": item,
            "reported": reported[row, item],
            "completed": completed[row, item],
        }
    )
    issues = [
        *issue(
            "negative year",
            agencies.filter(pl.Series(is_negative)),
            agencies,
            "Lines whose sum over the year is below 0 are set to 0: corrections of earlier years are no crime.",
        ),
        *issue(
            "total unlike its parts",
            _unlike_parts(chosen, ids),
            agencies,
            "Kept as reported: some states send totals without parts. Tables use totals.",
        ),
    ]
    return {
        SUMMARY_AGENCY.name: SUMMARY_AGENCY.cast(described),
        SUMMARY_YEAR.name: SUMMARY_YEAR.cast(lines),
        SUMMARY_ISSUE.name: pl.DataFrame(issues, schema=SUMMARY_ISSUE.schema, orient="row"),
    }


def _agencies(agency: pl.LazyFrame, universe: pl.LazyFrame, police_employees: pl.LazyFrame, year: int) -> pl.DataFrame:
    """The eligible agencies with what donors and seasons depend on, by agency_id."""
    suburban = agency.filter(pl.col("data_year") == year).select("agency_id", "is_suburban").unique("agency_id")
    staff = police_employees.select("agency_id", "male_officers", "female_officers", "is_covering")
    return (
        universe.filter("is_eligible")
        .join(suburban, on="agency_id", how="left")
        .join(staff, on="agency_id", how="left")
        .select(
            "agency_id", "ori", "state_abbr", "region_code", "population", "population_group_code", "agency_type_name",
            pl.col("is_suburban", "is_covering").fill_null(False),
            pl.col("male_officers", "female_officers").fill_null(0),
            has_population=pl.col("population") > 0,
        )
        .sort("agency_id")
        .collect()
    )  # fmt: skip


def _from_own(
    agencies: pl.DataFrame, lines: Floats, is_reported: Flags, is_certain: Flags, is_high: Flags, seed: int
) -> Filled:
    """From known months, as months of incidents are filled; high months do not matter there.

    Args:
        agencies: n agencies.
        lines: (n, 12, 26) offenses, NaN where a month was not reported.
        is_reported: (n, 12) the month was reported.
        is_certain: (n, 12) the month is known, whatever it looks like: it is completed, or another month holds it.
        is_high: (n,) the agency has a month that is too high.
        seed: of the run.
    """
    del is_high
    total = np.where(is_reported, np.maximum(lines[:, :, GRAND_TOTAL], 0.0), np.nan)
    status, shares = judge(total, np.zeros(total.shape, dtype=np.bool_), agencies)
    known = known_part(status, pl.Series([None] * agencies.height, dtype=pl.Date), 0)
    known[is_certain] = 1.0
    n_known = (known > 0).sum(axis=1)
    is_recipient = (n_known >= MIN_MONTHS_REPORTED) & (known < 1).any(axis=1)
    # Whose months are lumped has a known year, but no months to give.
    is_donor = ((status == MonthStatus.KNOWN) | is_certain).all(axis=1)
    classes = agencies.select("has_population", "is_covering").to_numpy() @ np.array([2, 1])
    ids = agencies["agency_id"].to_numpy()
    filled = fill_from_own_months(total, known, shares, is_recipient, is_donor, classes, ids, seed)
    is_known, reported = (known > 0)[:, :, None], np.nan_to_num(lines)
    own = np.where(is_known, reported, 0.0)
    added = np.nan_to_num(added_by_month(own, known, shares, is_recipient, filled))
    # What fills a month never lowers what was reported of it.
    completed = np.where(is_known, own + added, np.maximum(reported, added))
    share = (known * shares).sum(axis=1)
    is_few = ~is_recipient & (n_known > 0) & (share < 1)
    scale = np.where(is_few, 1 / np.where(share > 0, share, 1.0), 1.0)
    of_year = np.where(is_few[:, None], own.sum(axis=1) * scale[:, None], completed.sum(axis=1))
    return Filled(of_year, known, share, filled.own_weight, filled.donor)


def _from_donors(
    agencies: pl.DataFrame, lines: Floats, is_reported: Flags, is_certain: Flags, is_high: Flags, seed: int
) -> Filled:
    """By the reference's rule: whole months of the donor whose predicted year is nearest, unscaled."""
    del is_certain
    own = np.nan_to_num(lines)
    observed = own[:, :, GRAND_TOTAL].sum(axis=1)
    n_reported = is_reported.sum(axis=1)
    is_full = n_reported == MONTHS_PER_YEAR
    is_recipient = ~is_full & (n_reported >= MIN_MONTHS_REPORTED)
    is_donor = np.asarray(is_full & ~is_high & (own >= 0).all(axis=(1, 2)))
    merged = dict(code_list("donor_state").iter_rows())
    predicted = predict_by_donors(agencies, observed, is_donor, "state_abbr", _NUMBERS, merged)
    donor, _ = match(agencies, predicted, is_recipient, is_donor, seed)
    is_copied = ~is_reported & (donor >= 0)[:, None]
    completed = np.where(is_copied[:, :, None], own[donor], own).sum(axis=1)
    share = n_reported / MONTHS_PER_YEAR
    is_few = (n_reported > 0) & (n_reported < MIN_MONTHS_REPORTED)
    scale = np.where(is_few, 1 / np.where(share > 0, share, 1.0), 1.0)
    weight = np.full(agencies.height, np.nan)
    return Filled(completed * scale[:, None], is_reported.astype(np.float64), share, weight, donor)


def _within_another(months: pl.DataFrame, ids: pl.Series) -> Flags:
    """(n, 12) months whose offenses stand in another month's report."""
    flags = np.zeros((len(ids), MONTHS_PER_YEAR), dtype=np.bool_)
    rows = months.filter("is_within_another").join(
        pl.DataFrame({"agency_id": ids}).with_row_index("row"), on="agency_id"
    )
    flags[rows["row"].to_numpy(), rows["month"].to_numpy() - 1] = True
    return flags


def _high_agencies(outlier_month: pl.LazyFrame, ids: pl.Series, year: int) -> Flags:
    """(n,) agencies with a month of incidents that is too high; nobody in years without search for outliers."""
    if rule_of_year(year, "donors") == "any":
        return np.zeros(len(ids), dtype=np.bool_)
    high = outlier_month.filter((pl.col("data_year") == year) & pl.col("color").is_in(HIGH_COLORS))
    return np.asarray(ids.is_in(high.select("agency_id").unique().collect()["agency_id"].implode()).to_numpy())


def _as_reported(
    chosen: Floats,
    months: pl.DataFrame,
    incident_summary: pl.DataFrame,
    summary_report: pl.DataFrame,
    ids: pl.Series,
    year: int,
) -> Floats:
    """(n, 12, 26) lines as reported: converted incidents without what fills months."""
    converted = months.filter(pl.col("origin") != "return_a").select("agency_id", "month")
    rows = converted.join(pl.DataFrame({"agency_id": ids}).with_row_index("row"), on="agency_id")
    at = (rows["row"].to_numpy(), rows["month"].to_numpy() - 1)
    own = chosen.copy()
    own[at] = converted_lines(incident_summary, ids)[at]
    reports = with_rape_of_year(summary_report.filter(pl.col("card") == ACTUAL), year)
    of_reports = reported_lines(reports, ids)
    is_return_a = np.asarray(np.isfinite(chosen).any(axis=2))
    is_return_a[at] = False
    own[is_return_a] = of_reports[is_return_a]
    return own


def _unlike_parts(lines: Floats, ids: pl.Series) -> pl.DataFrame:
    """Months of agencies with parts of a crime whose sum is not its total."""
    is_unlike = np.zeros(lines.shape[:2], dtype=np.bool_)
    for total, parts in PARTS.items():
        if total in ITEMS and total != GRAND_TOTAL:
            of_parts = lines[:, :, list(parts)]
            told = np.isfinite(of_parts).any(axis=2) & (np.nan_to_num(of_parts) != 0).any(axis=2)
            is_unlike |= told & (np.abs(np.nan_to_num(of_parts).sum(axis=2) - lines[:, :, total]) > _TOLERANCE)
    return pl.DataFrame({"agency_id": ids.gather(np.nonzero(is_unlike)[0])})
