"""Counts of a year for grants, without the hierarchy rule, and several years side by side (handbook 16)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.fields import MONTHS
from nibrs_estimation.model.grants import COUNTS, GRANT_FLAG, GRANT_YEAR
from nibrs_estimation.model.return_a_file import ACTUAL
from nibrs_estimation.model.summary import TRAFFICKING
from nibrs_estimation.pipeline.task import DocumentWriter
from nibrs_estimation.stages.summary.combine import months_before_start
from nibrs_estimation.stages.summary.years import with_rape_of_year
from nibrs_estimation.survey.eligibility import ineligible_reason, with_own_reports

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
#: Lines that are compared and counted; aggravated assaults by their weapons.
LINES = (0, 2, 5, 11, 12, 13, 14)
_ASSAULTS = (11, 12, 13, 14)


def count_grants(
    agency: pl.LazyFrame,
    agency_month_offense: pl.LazyFrame,
    agency_county: pl.LazyFrame,
    judicial_district: pl.LazyFrame,
    report_month: pl.LazyFrame,
    unranked_summary: pl.LazyFrame,
    summary_report: pl.LazyFrame,
    year: int,
) -> dict[str, pl.DataFrame]:
    """Count the year of every agency that is active, not covered and not federal, also outside the states.

    Incidents count from the month in which an agency started NIBRS, its Return A before. If its Return A has more of
    an offense than its incidents in any of these months, its incidents are incomplete, and the Return A of the whole
    year counts. Human trafficking is counted from incidents only.
    """
    agencies = _agencies(agency, agency_month_offense, agency_county, judicial_district, year)
    ids = agencies["agency_id"]
    is_reported = _reported_months(report_month, ids, year)
    incidents = _array(unranked_summary.collect(), ids, (*LINES, *TRAFFICKING), agencies["has_incidents"].to_numpy())
    reports = with_rape_of_year(summary_report.filter(pl.col("card") == ACTUAL).collect(), year)
    of_reports = _array(_long(reports), ids, LINES, np.ones(len(ids), dtype=np.bool_))
    start = agencies["nibrs_start_date"]
    is_nibrs = (start.dt.year() <= year).fill_null(False).to_numpy()
    is_late = np.asarray(months_before_start(start, year) & is_nibrs[:, None])
    chosen, is_switched, is_above = chosen_months(incidents, of_reports, is_reported, is_nibrs, is_late)
    numbers = _annual(chosen)
    described = agencies.with_columns(
        data_year=pl.lit(year),
        months_reported=pl.Series(is_reported.sum(axis=1)),
        is_switched=pl.Series(is_switched),
        **{name: pl.Series(values).fill_nan(None) for name, values in zip(COUNTS, numbers.T, strict=True)},
    )
    row, month, line = np.nonzero(is_above)
    flags = pl.DataFrame(
        {
            "agency_id": ids.gather(row),
            "month": month + 1,
            "item_code": np.array(LINES)[line],
            "n_return_a": of_reports[row, month, line],
            "n_incidents": incidents[row, month, line],
        }
    )
    return {GRANT_YEAR.name: GRANT_YEAR.cast(described), GRANT_FLAG.name: GRANT_FLAG.cast(flags)}


def chosen_months(
    incidents: Floats, of_reports: Floats, is_reported: Flags, is_nibrs: Flags, is_late: Flags
) -> tuple[Floats, Flags, Flags]:
    """The counts of each month, which agencies switch to their Return A, and where that has more.

    Args:
        incidents: (n, 12, 9) incidents of the lines and of two kinds of trafficking, NaN for agencies without any.
        of_reports: (n, 12, 7) Return A of the lines, 0 where there is none.
        is_reported: (n, 12) a report of either form was received.
        is_nibrs: (n,) the agency has started NIBRS in the year or before.
        is_late: (n, 12) the month is before the start.

    Returns:
        (n, 12, 9) counts, NaN where nothing is known; (n,); (n, 12, 7).
    """
    n_lines = of_reports.shape[2]
    by_incidents = is_nibrs[:, None] & ~is_late
    with np.errstate(invalid="ignore"):
        is_above = np.asarray(by_incidents[:, :, None] & (of_reports > incidents[:, :, :n_lines]))
    is_switched = np.asarray(is_above.any(axis=(1, 2)))
    # Where a month was reported, an agency without incidents has none of an offense.
    own = np.where(np.isnan(incidents) & is_reported[:, :, None], 0.0, incidents)
    own = np.where((incidents == 0) & ~is_reported[:, :, None], np.nan, own)
    returns = np.where((of_reports == 0) & ~is_reported[:, :, None], np.nan, of_reports)
    use_incidents = by_incidents & ~is_switched[:, None]
    lines = np.where(use_incidents[:, :, None], own[:, :, :n_lines], returns)
    # After a switch the Return A counts whatever it has.
    lines = np.where((by_incidents & is_switched[:, None])[:, :, None], of_reports, lines)
    of_incidents = np.where(is_switched[:, None, None], incidents, own)[:, :, n_lines:]
    trafficking = np.where(by_incidents[:, :, None], of_incidents, np.nan)
    return np.concatenate([lines, trafficking], axis=2), is_switched, is_above


def combine_grants(grant_year: pl.LazyFrame, government: pl.LazyFrame) -> dict[str, DocumentWriter]:
    """Write a row for each agency with the counts of all years, ``BJS_Grant.csv``.

    Years are joined by ORI; name, county and district are those of the latest year that has them.
    """
    years = grant_year.collect()
    table = grant_table(years, government.collect())

    def write(path: Path) -> None:
        table.write_csv(path)

    return {"BJS_Grant.csv": write}


def grant_table(years: pl.DataFrame, government: pl.DataFrame) -> pl.DataFrame:
    """The rows of ``BJS_Grant.csv``.

    Args:
        years: dataset ``grant_year`` of several years.
        government: dataset of that name.
    """
    described = (
        years.sort("ori", "data_year")
        .group_by("ori", maintain_order=True)
        .agg(
            pl.col("state_abbr", "agency_name", "county_name", "judicial_district_name").drop_nulls().last(),
            data_year_agn_info=pl.col("data_year").last(),
        )
        .join(government, on="ori", how="left", maintain_order="left")
        .select(
            "data_year_agn_info",
            GOVID_2023="government_id",
            ORI="ori",
            STATE="state_abbr",
            AGENCY_NAME="agency_name",
            COUNTY="county_name",
            govtype_2023="government_type",
            Judicial_District="judicial_district_name",
        )
        .select("GOVID_2023", pl.all().exclude("GOVID_2023"))
    )
    for year in years["data_year"].unique().sort():
        names = {name: f"{label}_{year}" for name, label in COUNTS.items()}
        of_year = years.filter(pl.col("data_year") == year).select(
            ORI="ori",
            **{label: pl.col(name).clip(lower_bound=0) for name, label in names.items()},
            **{f"MO_{year}": pl.col("months_reported")},
            **{f"der_switch_over_to_returna_{year}": pl.col("is_switched").cast(pl.Int8)},
        )
        described = described.join(of_year, on="ORI", how="left", maintain_order="left")
    return described


def _agencies(
    agency: pl.LazyFrame,
    agency_month_offense: pl.LazyFrame,
    agency_county: pl.LazyFrame,
    judicial_district: pl.LazyFrame,
    year: int,
) -> pl.DataFrame:
    """The agencies of the year by number, with their main county and district."""
    reason = ineligible_reason()
    counties = (
        agency_county.filter(pl.col("data_year") <= year)
        .filter(pl.col("data_year") == pl.col("data_year").max().over("ori"))
        # Of counties without known residents the first counts.
        .sort("ori", "population", "county_fips", descending=[False, True, False], nulls_last=True)
        .group_by("ori", maintain_order=True)
        .agg(
            pl.col("county_fips", "county_name", "population").first(),
            of_county=pl.col("judicial_district_name").first(),
        )
    )
    has_incidents = (
        agency_month_offense.filter((pl.col("data_year") == year) & (pl.col("n") > 0))
        .select("agency_id", has_incidents=pl.lit(True))
        .unique()
    )
    return (
        with_own_reports(agency, agency_month_offense)
        .filter((pl.col("data_year") == year) & (reason.is_null() | (reason == "outside the states")))
        .select("agency_id", "ori", "state_abbr", "agency_name", "nibrs_start_date", "judicial_district_code")
        .join(counties, on="ori", how="left")
        .join(judicial_district, on="judicial_district_code", how="left")
        .join(has_incidents, on="agency_id", how="left")
        .with_columns(
            pl.col("population").fill_null(0),
            pl.col("has_incidents").fill_null(False),
            judicial_district_name=pl.coalesce("judicial_district_name", "of_county"),
        )
        .sort("agency_id")
        .collect()
    )


def _reported_months(report_month: pl.LazyFrame, ids: pl.Series, year: int) -> Flags:
    """(n, 12) months with a report of either form."""
    flags = np.zeros((len(ids), len(MONTHS)), dtype=np.bool_)
    rows = (
        report_month.filter((pl.col("data_year") == year) & pl.col("month").is_in(MONTHS))
        .select("agency_id", "month")
        .unique()
        .collect()
        .join(pl.DataFrame({"agency_id": ids}).with_row_index("row"), on="agency_id")
    )
    flags[rows["row"].to_numpy(), rows["month"].to_numpy() - 1] = True
    return flags


def _long(reports: pl.DataFrame) -> pl.DataFrame:
    names = [f"item_{line}" for line in LINES]
    long = reports.select("agency_id", "month", *names).unpivot(
        index=["agency_id", "month"], variable_name="item", value_name="n"
    )
    return long.with_columns(item_code=pl.col("item").str.strip_prefix("item_").cast(pl.Int8)).drop_nulls("n")


def _array(counts: pl.DataFrame, ids: pl.Series, lines: tuple[int, ...], is_known: Flags) -> Floats:
    """(n, 12, lines) counts, 0 where there is none, and NaN for agencies of which nothing is known."""
    values = np.where(is_known[:, None, None], 0.0, np.full((len(ids), len(MONTHS), len(lines)), np.nan))
    place = pl.col("item_code").replace_strict(lines, range(len(lines)), default=None, return_dtype=pl.Int64)
    rows = (
        counts.select("agency_id", "month", "n", place=place)
        .drop_nulls("place")
        .join(pl.DataFrame({"agency_id": ids}).with_row_index("row"), on="agency_id")
    )
    values[rows["row"].to_numpy(), rows["month"].to_numpy() - 1, rows["place"].to_numpy()] = rows["n"].to_numpy()
    return values


def _annual(chosen: Floats) -> Floats:
    """(n, 7) counts of the year, in the order of :data:`COUNTS`; NaN where no month is known."""
    sums, is_known = np.nansum(chosen, axis=1), np.asarray(np.isfinite(chosen).any(axis=1))
    has_any = np.asarray(is_known.any(axis=1))
    has_trafficking = np.asarray(is_known[:, -2:].any(axis=1))
    at = {line: position for position, line in enumerate(LINES)}
    assaults = sums[:, [at[line] for line in _ASSAULTS]].sum(axis=1)
    crimes = np.stack([sums[:, at[0]], sums[:, at[2]], assaults, sums[:, at[5]]], axis=1)
    sex, labor = sums[:, -2], sums[:, -1]
    trafficking = np.where(has_trafficking[:, None], np.stack([sex + labor, sex, labor], axis=1), np.nan)
    return np.where(has_any[:, None], np.concatenate([crimes, trafficking], axis=1), np.nan)
