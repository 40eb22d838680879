"""The agencies of a zip and the months that they reported.

Source: specification 02, sections 5.2, 12.3 and 12.4 step 8.
"""

from __future__ import annotations

import logging

import polars as pl

from nibrs_estimation.model import agency
from nibrs_estimation.sources.cde.archive import Archive
from nibrs_estimation.sources.cde.decode import read_typed
from nibrs_estimation.sources.cde.layout import AGENCIES, AGENCY
from nibrs_estimation.sources.cde.segments import read_incidents, without_duplicates

_log = logging.getLogger(__name__)


def read_agencies(archive: Archive) -> pl.DataFrame:
    """The agencies of the zip, with exactly the dataset's columns.

    Raises:
        PipelineError: as :func:`~nibrs_estimation.sources.cde.segments.read_incidents`.
    """
    agencies = read_typed(archive, AGENCIES, AGENCY.fields)
    if unknown := agencies["population"].null_count():
        _log.warning("%s: %d agencies have no population; it is taken as 0", archive.path, unknown)
    completed = agencies.with_columns(
        pl.col("population").fill_null(0),
        pl.col("is_covered", "is_dormant", "has_participated").fill_null(False),
        # Counties come separated by ', ', areas by '; ' since their names hold ', ' (02 Q9).
        pl.col("county_name").str.replace_all(r"\s*[;,]\s*", ";"),
        pl.col("msa_name").str.replace_all(r"\s*;\s*", ";"),
        is_nibrs=(pl.col("reporting_type") == "I").fill_null(False),
        **{name: pl.lit(value) for name, value in AGENCY.constants.items()},
    )
    unique = without_duplicates(archive, AGENCIES, agency.AGENCY, completed)
    return unique.select(agency.AGENCY.schema.names())


def read_report_months(archive: Archive, agencies: pl.DataFrame, year: int) -> pl.DataFrame:
    """The months that the agencies reported, with exactly the dataset's columns.

    The layout since 2021 lists incidents only. So a month with an incident of the year is reported; an empty month of
    an agency that participated is inferred to be a zero report from its NIBRS start on, and not reported before it or
    where the start is unknown.

    Raises:
        PipelineError: as :func:`~nibrs_estimation.sources.cde.segments.read_incidents`.
    """
    with_incidents = (
        read_incidents(archive)
        .filter(pl.col("data_year") == year)
        .select("agency_id", "month", has_incidents=True)
        .unique()
    )
    start = pl.col("nibrs_start_date")
    first_of_month = pl.date(year, pl.col("month"), 1)
    return (
        agencies.join(pl.DataFrame({"month": range(1, 13)}, schema={"month": pl.Int8}), how="cross")
        .join(with_incidents, on=["agency_id", "month"], how="left")
        .with_columns(pl.col("has_incidents").fill_null(False))
        .filter(pl.col("has_incidents") | (pl.col("has_participated") & (start.dt.month_start() <= first_of_month)))
        .with_columns(
            status=pl.when("has_incidents").then(pl.lit("I")).otherwise(pl.lit("Z")),
            status_source=pl.when("has_incidents").then(pl.lit("reported")).otherwise(pl.lit("inferred")),
        )
        .select(agency.REPORT_MONTH.schema.names())
    )
