"""Offenses of agencies by month, counted from incidents."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model import agency
from nibrs_estimation.sources.hierarchy import in_summary


def count_offenses(agencies: pl.DataFrame, incidents: pl.DataFrame, offenses: pl.DataFrame, year: int) -> pl.DataFrame:
    """Offenses of a year by agency, month of the incident and code: dataset ``agency_month_offense``.

    Args:
        agencies: ``agency_id`` and ``ori``.
        incidents: ``incident_id``, ``agency_id`` and ``incident_date``; those of other years are left out.
        offenses: ``incident_id`` and ``offense_code``.
        year: the year.
    """
    date = pl.col("incident_date")
    counted = (
        incidents.filter(date.dt.year() == year)
        .select("incident_id", "agency_id", data_year=pl.lit(year, pl.Int16), month=date.dt.month())
        .join(offenses.select("incident_id", "offense_code"), on="incident_id", how="left")
        .with_columns(pl.col("offense_code").fill_null("none"))
    )
    return (
        counted.with_columns(in_summary(counted))
        .group_by("agency_id", "data_year", "month", "offense_code")
        .agg(n=pl.len().cast(pl.Int32), n_summary=pl.col("in_summary").sum().cast(pl.Int32))
        .join(agencies.select("agency_id", "ori"), on="agency_id")
        .select(agency.AGENCY_MONTH_OFFENSE.schema.names())
    )
