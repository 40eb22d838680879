"""Converted incidents and Return A together, agency by agency and month by month (handbook 16)."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.return_a_file import ACTUAL, ITEM_COLUMNS
from nibrs_estimation.model.summary import INCIDENT_RESPONSE, ORIGINS, SUMMARY_MONTH
from nibrs_estimation.stages.summary.lines import Floats, converted_lines, rebuild_totals, reported_lines
from nibrs_estimation.stages.summary.years import with_rape_of_year
from nibrs_estimation.survey.months import MONTHS_PER_YEAR

Flags = NDArray[np.bool_]
_INCIDENTS, _FILLED, _RETURN_A = range(len(ORIGINS))


def combine_summaries(
    agency: pl.LazyFrame,
    universe: pl.LazyFrame,
    incident_summary: pl.LazyFrame,
    incident_response: pl.LazyFrame,
    known_month: pl.LazyFrame,
    block_reference: pl.LazyFrame,
    removed_month: pl.LazyFrame,
    summary_report: pl.LazyFrame,
    year: int,
) -> pl.DataFrame:
    """Choose the counts of every agency and month.

    An agency whose incidents are enough for estimates counts by its converted incidents, with what fills its months;
    what fills a month never lowers what the agency reported. In months before it started NIBRS its Return A counts, if
    there is one. All other agencies count by their Return A. Code list ``summary_override`` names agencies whose Return
    A counts although they have incidents.
    """
    of_year = agency.filter(pl.col("data_year") == year).select("agency_id", "ori", "nibrs_start_date").collect()
    eligible = universe.filter("is_eligible").select("agency_id").collect()
    override = code_list("summary_override").filter(pl.col("data_year") == str(year))["ori"]
    agencies = (
        of_year.join(eligible, on="agency_id", how="semi")
        .join(incident_response.filter("is_respondent").collect(), on="agency_id", how="semi")
        .filter(~pl.col("ori").is_in(override.implode()))
        .sort("agency_id")
    )
    reports = with_rape_of_year(summary_report.filter(pl.col("card") == ACTUAL).collect(), year)
    reports = reports.join(eligible, on="agency_id", how="semi")
    counts = incident_summary.collect()
    ids = agencies["agency_id"]
    own = converted_lines(counts, ids)
    filled, is_filled = filled_lines(
        counts, own, ids, known_month.collect(), block_reference.collect(), removed_month.collect()
    )
    of_reports = reported_lines(reports, ids)
    is_reported = _has_report(reports, ids)
    is_late = months_before_start(agencies["nibrs_start_date"], year)
    combined = combined_lines(own, filled, of_reports, is_reported, is_late)
    origin = np.where(is_late & is_reported, _RETURN_A, np.where(is_filled, _FILLED, _INCIDENTS))
    rows = pl.DataFrame(
        {
            "agency_id": np.repeat(ids.to_numpy(), MONTHS_PER_YEAR),
            "month": np.tile(np.arange(1, MONTHS_PER_YEAR + 1), len(ids)),
            "origin": pl.Series(list(ORIGINS)).gather(origin.ravel()),
            "is_within_another": False,
            **dict(zip(ITEM_COLUMNS, combined.reshape(-1, len(ITEM_COLUMNS)).T, strict=True)),
        }
    )
    others = reports.join(agencies, on="agency_id", how="anti").with_columns(origin=pl.lit("return_a"))
    return pl.concat([SUMMARY_MONTH.cast(rows), SUMMARY_MONTH.cast(others)])


def accept_incidents(universe: pl.LazyFrame, incident_summary: pl.LazyFrame) -> pl.DataFrame:
    """Use the incidents of every eligible agency that has any, whatever its months: for series of many years."""
    months = incident_summary.select("agency_id", "month").unique().group_by("agency_id").len("months_usable")
    return INCIDENT_RESPONSE.cast(
        universe.filter("is_eligible")
        .select("agency_id")
        .join(months, on="agency_id", how="left")
        .sort("agency_id")
        .collect()
        .with_columns(
            pl.col("months_usable").fill_null(0),
            is_full_year=pl.lit(True),
            is_respondent=pl.col("months_usable").is_not_null(),
            nonresponse_reason=pl.when(pl.col("months_usable").is_null()).then(pl.lit("reports no incidents")),
        )
    )


def combined_lines(own: Floats, filled: Floats, of_reports: Floats, is_reported: Flags, is_late: Flags) -> Floats:
    """The lines of each month, with totals that are sums of their parts: (n, 12, 26).

    Args:
        own: (n, 12, 26) converted incidents as reported.
        filled: (n, 12, 26) the same with what fills months.
        of_reports: (n, 12, 26) Return A.
        is_reported: (n, 12) the month has a Return A.
        is_late: (n, 12) the month is before the start of NIBRS.
    """
    chosen = np.fmax(own, filled)
    chosen = np.where(is_late[:, :, None], filled, chosen)
    chosen = np.where((is_late & is_reported)[:, :, None], of_reports, chosen)
    return rebuild_totals(chosen)


def filled_lines(
    incident_summary: pl.DataFrame,
    own: Floats,
    ids: pl.Series,
    known_month: pl.DataFrame,
    block_reference: pl.DataFrame,
    removed_month: pl.DataFrame,
) -> tuple[Floats, Flags]:
    """Converted incidents with what fills the months that are not known, and (n, 12) which months that is.

    Nothing is converted again: what fills a month is a multiple of the agency's own known months, spread over its open
    months by their normal shares, and a multiple of the same month of a donor.

    Args:
        incident_summary: dataset of that name, of all states.
        own: (n, 12, 26) converted incidents of the agencies.
        ids: (n,) agencies, ascending.
        known_month: dataset of that name.
        block_reference: dataset of that name.
        removed_month: dataset of that name.
    """
    rows = pl.DataFrame({"agency_id": ids}).with_row_index("row")
    replaced = removed_month.filter(pl.col("reason") != "before_start").join(rows, on="agency_id")
    kept = own.copy()
    kept[replaced["row"].to_numpy(), replaced["month"].to_numpy() - 1] = 0.0
    added = np.zeros_like(own)
    references = block_reference.join(rows, on="agency_id")
    is_own = pl.col("donor_agency_id") == pl.col("agency_id")
    of_own = references.filter(is_own)
    scaled = np.zeros((len(ids), own.shape[2]))
    at = of_own["row"].to_numpy()
    np.add.at(scaled, at, own[at, of_own["month"].to_numpy() - 1] * of_own["scale"].to_numpy()[:, None])
    added += scaled[:, None, :] * _open_shares(known_month.join(rows, on="agency_id"), len(ids))[:, :, None]
    given = references.filter(~is_own).sort("row", "month")
    donors = given["donor_agency_id"].unique().sort()
    of_donors = converted_lines(incident_summary, donors)
    donor = donors.search_sorted(given["donor_agency_id"]).to_numpy()
    month = given["month"].to_numpy() - 1
    np.add.at(added, (given["row"].to_numpy(), month), of_donors[donor, month] * given["scale"].to_numpy()[:, None])
    is_filled = np.zeros(own.shape[:2], dtype=np.bool_)
    is_filled[replaced["row"].to_numpy(), replaced["month"].to_numpy() - 1] = True
    return kept + added, is_filled | (added > 0).any(axis=2)


def months_before_start(start: pl.Series, year: int) -> Flags:
    """(n, 12) months of the data year before the month in which an agency started NIBRS in that year."""
    first = start.to_frame("start").select(
        pl.when(pl.col("start").dt.year() == year).then(pl.col("start").dt.month()).otherwise(1).fill_null(1)
    )
    return np.asarray(np.arange(1, MONTHS_PER_YEAR + 1)[None, :] < first.to_series().to_numpy()[:, None])


def _open_shares(known_month: pl.DataFrame, n: int) -> Floats:
    """(n, 12) shares of the part of an agency's year that is not known, by month; 0 where all is known."""
    open_ = np.zeros((n, MONTHS_PER_YEAR))
    part = (1 - known_month["known_part"].to_numpy()) * known_month["month_share"].to_numpy()
    open_[known_month["row"].to_numpy(), known_month["month"].to_numpy() - 1] = part
    sums = open_.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(open_, sums, out=np.zeros_like(open_), where=sums > 0))


def _has_report(reports: pl.DataFrame, ids: pl.Series) -> Flags:
    flags = np.zeros((len(ids), MONTHS_PER_YEAR), dtype=np.bool_)
    rows = reports.select("agency_id", "month").join(
        pl.DataFrame({"agency_id": ids}).with_row_index("row"), on="agency_id"
    )
    flags[rows["row"].to_numpy(), rows["month"].to_numpy() - 1] = True
    return flags
