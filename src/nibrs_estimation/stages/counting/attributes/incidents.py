"""Dates, times and clearance of incidents."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from nibrs_estimation.stages.counting.attributes.recode import Records, category
from nibrs_estimation.stages.counting.segments import Segments
from nibrs_estimation.tables.definition import Level


def _months(level: Level, segments: Segments) -> pl.LazyFrame:
    """Months of the incident, or of the report if only that is known."""
    return segments.incident.select("incident_id", code=pl.col("incident_date").dt.month().cast(pl.String))


def _incident_hours(level: Level, segments: Segments) -> pl.LazyFrame:
    return _hours(segments.incident.filter(~pl.col("is_report_date")))


def _report_hours(level: Level, segments: Segments) -> pl.LazyFrame:
    return _hours(segments.incident.filter("is_report_date"))


def _hours(incidents: pl.LazyFrame) -> pl.LazyFrame:
    return incidents.select("incident_id", code=pl.col("incident_hour").cast(pl.String))


def _exceptional(level: Level, segments: Segments) -> pl.LazyFrame:
    return segments.incident.select("incident_id", code="cleared_exceptionally_code")


def clearance(segments: Segments) -> pl.LazyFrame:
    """Clearance of every incident: incident_id, ``clearance`` (Int8): 1 not cleared, 2 by arrest, 3 exceptionally.

    With an arrest and an exceptional clearance it is 2 (handbook 10).
    """
    arrests = segments.arrestee.filter(~pl.col("is_group_b")).select("incident_id").unique()
    is_exceptional = category("exceptional5", "cleared_exceptionally_code").is_not_null()
    return segments.incident.join(arrests.with_columns(is_arrest=True), on="incident_id", how="left").select(
        "incident_id",
        clearance=pl.when("is_arrest").then(2).when(is_exceptional).then(3).otherwise(1).cast(pl.Int8),
    )


RECORDS: Mapping[str, Records] = {
    "incident_month": _months,
    "incident_hour": _incident_hours,
    "report_hour": _report_hours,
    "cleared_exceptionally": _exceptional,
}
