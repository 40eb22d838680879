"""The agencies of a zip, the months that they reported, and their offenses by month.

Source: specification 02, sections 5.2, 12.3 and 12.4 step 8; 03 section 3.
"""

from __future__ import annotations

import logging

import polars as pl

from nibrs_estimation.model import agency
from nibrs_estimation.sources.cde.accounts import Accounts
from nibrs_estimation.sources.cde.archive import Archive
from nibrs_estimation.sources.cde.decode import read_typed
from nibrs_estimation.sources.cde.layout import AGENCIES, AGENCY, OLD_LAYOUT
from nibrs_estimation.sources.cde.segments import without_repeats

_log = logging.getLogger(__name__)

#: What stands in place of an area's name where there is none (02 Q9).
_NO_MSA = ("NON-MSA", "NOT SPECIFIED", "NOT AVAILABLE")
#: Mean number of incidents in the other months from which an empty month is suspicious: at a steady rate of 10 a
#: month, one month in 22,000 is empty.
SUSPICIOUS_MEAN = 10

_FLAGS = (
    "is_covered",
    "is_dormant",
    "is_direct_contributor",
    "is_publishable",
    "is_suburban",
    "is_most_in_population",
    "has_participated",
    "has_participated_nibrs",
    "has_police_employees",
)


def read_agencies(archive: Archive, year: int, accounts: Accounts) -> pl.DataFrame:
    """The agencies of the zip, with exactly the dataset's columns.

    Raises:
        PipelineError: as :func:`~nibrs_estimation.sources.cde.decode.read_typed`.
    """
    agencies = read_typed(archive, AGENCIES, AGENCY.fields, year, accounts)
    agencies = without_repeats(AGENCIES, agency.AGENCY, agencies, accounts)
    accounts.kept(AGENCIES, agency.AGENCY.name, agencies.height)
    if unknown := agencies["population"].null_count():
        _log.warning("%s: %d agencies have no population; it is taken as 0", archive.path, unknown)
    # Counties come separated by ', ' or '; ', areas by '; ' since their names hold ', ' (02 Q9).
    counties, areas = _listed("county_name", r"\s*[;,]\s*"), _listed("msa_name", r"\s*;\s*")
    completed = agencies.with_columns(
        # What an agency that reports must be, where the zip does not say it (02 section 5.3).
        pl.col("agency_type_name").fill_null("Unknown"),
        pl.col("agency_status").fill_null("A"),
        pl.col("state_name").fill_null(pl.col("state_abbr")),
        pl.col("region_code").fill_null(99),
        pl.col("population").fill_null(0),
        pl.col(_FLAGS).fill_null(False),
        county_name=counties.list.join(";"),
        msa_name=areas.list.join(";"),
        metro_division_name=pl.lit(None, pl.String),
        is_in_msa=pl.col("msa_name").is_not_null() & (areas.list.len() > 0),
        is_nibrs=(pl.col("reporting_type") == "I").fill_null(False),
        judicial_district_code=pl.lit(None, pl.String),
        field_office_code=pl.lit(None, pl.String),
        **{name: pl.lit(value) for name, value in AGENCY.constants.items()},
    )
    return completed.with_columns(
        pl.when(pl.col("county_name", "msa_name") != "").then(pl.col("county_name", "msa_name"))
    ).select(pl.col(name).cast(dtype) for name, dtype in agency.AGENCY.schema.items())


def _listed(column: str, separator: str) -> pl.Expr:
    names = pl.col(column).str.replace_all(separator, ";").str.split(";")
    is_name = ~pl.element().str.to_uppercase().is_in(_NO_MSA) & (pl.element() != "")
    return names.list.eval(pl.element().filter(is_name)).list.unique().list.sort()


def report_months(
    agencies: pl.DataFrame, incidents: pl.DataFrame, months: pl.DataFrame | None, year: int, layout: str
) -> pl.DataFrame:
    """The months of the zip's year that the agencies reported, with the number of ``incidents`` beside the columns.

    Until 2020 the zip lists agencies and months, empty ones too. The layout since 2021 lists incidents only: there a
    month with an incident of the year is reported; an empty month of an agency that participated is inferred to be a
    zero report from its NIBRS start on, and not reported before it or where the start is unknown. Where an excerpt has
    no months, only months with incidents count.

    Args:
        agencies: of the zip.
        incidents: of the zip, with ``agency_id`` and ``incident_date``.
        months: the zip's monthly reports, or None where an excerpt lacks them.
        year: of the zip.
        layout: of the zip.
    """
    date = pl.col("incident_date")
    with_incidents = (
        incidents.filter(date.dt.year() == year).group_by("agency_id", month=date.dt.month()).agg(incidents=pl.len())
    )
    grid = (
        agencies.join(pl.DataFrame({"month": agency.MONTHS}, schema={"month": pl.Int8}), how="cross")
        .join(with_incidents, on=["agency_id", "month"], how="left")
        .with_columns(pl.col("incidents").fill_null(0), form_code=pl.lit("N"))
    )
    if months is not None and layout == OLD_LAYOUT:
        return _listed_months(grid, months, year)
    if months is None:
        grid = grid.filter(pl.col("incidents") > 0)
    first_of_month = pl.date(year, pl.col("month"), 1)
    has_started = pl.col("has_participated") & (pl.col("nibrs_start_date").dt.month_start() <= first_of_month)
    return grid.filter((pl.col("incidents") > 0) | has_started).with_columns(
        status=pl.when(pl.col("incidents") > 0).then(pl.lit("I")).otherwise(pl.lit("Z")),
        status_source=pl.when(pl.col("incidents") > 0).then(pl.lit("reported")).otherwise(pl.lit("inferred")),
    )


def count_offenses(agencies: pl.DataFrame, incidents: pl.DataFrame, offenses: pl.DataFrame, year: int) -> pl.DataFrame:
    """Offenses of the zip's year by agency, month of the incident and code: dataset ``agency_month_offense``."""
    date = pl.col("incident_date")
    return (
        incidents.filter(date.dt.year() == year)
        .select("incident_id", "agency_id", data_year=pl.lit(year, pl.Int16), month=date.dt.month())
        .join(offenses.select("incident_id", "offense_code"), on="incident_id", how="left")
        .with_columns(pl.col("offense_code").fill_null("none"))
        .group_by("agency_id", "data_year", "month", "offense_code")
        .agg(n=pl.len().cast(pl.Int32))
        .join(agencies.select("agency_id", "ori"), on="agency_id")
        .select(agency.AGENCY_MONTH_OFFENSE.schema.names())
    )


def _listed_months(grid: pl.DataFrame, months: pl.DataFrame, year: int) -> pl.DataFrame:
    is_reported = pl.col("status").is_in(["I", "Z"]) & (pl.col("form_year") == year)
    # One form may say incidents, another of the same month none.
    listed = months.filter(is_reported).group_by("agency_id", "month").agg(listed=pl.col("status").min())
    return (
        grid.join(listed, on=["agency_id", "month"], how="left")
        .with_columns(
            status=pl.when(pl.col("incidents") > 0).then(pl.lit("I")).otherwise("listed"),
            status_source=pl.lit("reported"),
        )
        .filter(pl.col("status").is_not_null())
    )


def list_suspicious_gaps(months: pl.DataFrame, accounts: Accounts) -> None:
    """Tell of empty months of agencies with many incidents a month; nothing acts on it (02 section 12.4 step 8)."""
    mean = pl.col("incidents").filter(pl.col("incidents") > 0).mean().over("agency_id")
    gaps = months.with_columns(mean=mean).filter((pl.col("incidents") == 0) & (pl.col("mean") >= SUSPICIOUS_MEAN))
    for ori, year, month, number in gaps.sort("ori", "month").select("ori", "data_year", "month", "mean").rows():
        accounts.lost("suspicious_gap", f"{ori} {year}-{month:02}", round(number))
