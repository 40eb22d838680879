"""Reported months and offenses by month of several years, without generating the segments of incidents.

Source: sources/synthetic/README.md; handbook 02.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from nibrs_estimation.model.agency import AGENCY_MONTH_OFFENSE, REPORT_MONTH
from nibrs_estimation.sources.hierarchy import in_summary
from nibrs_estimation.sources.synthetic.crime import incidents_by_month, latent_incidents, sent_incidents
from nibrs_estimation.sources.synthetic.offenses import offense_rows
from nibrs_estimation.sources.synthetic.reporting import reported_months, reported_summaries
from nibrs_estimation.sources.synthetic.srs import summary_months


@dataclass(frozen=True)
class StateYear:
    """Reports of some states in a year: datasets ``report_month``, ``agency_month_offense``, ``srs_month``."""

    months: pl.DataFrame
    offenses: pl.DataFrame
    summaries: pl.DataFrame


def state_year(agencies: pl.DataFrame, year: int, seed: int) -> StateYear:
    """Generate the year of some states without the segments of their incidents.

    Args:
        agencies: the agencies of whole states in that year, by agency_id.
        year: any year.
        seed: seed of the run.
    """
    latent = latent_incidents(agencies, year, seed)
    reported = sent_incidents(agencies, latent, reported_months(agencies, year, seed), year, seed, "N")
    return StateYear(
        _report_months(agencies, reported, year, seed),
        offenses_by_month(agencies, reported, year, seed),
        summary_months(agencies, latent, year, seed),
    )


def _report_months(agencies: pl.DataFrame, reported: pl.DataFrame, year: int, seed: int) -> pl.DataFrame:
    counts = incidents_by_month(reported, agencies)
    forms = []
    for form, months in (
        ("N", reported_months(agencies, year, seed)),
        ("R", reported_summaries(agencies, year, seed)),
    ):
        place, month = np.nonzero(months)
        # A summary does not state whether incidents were reported.
        status = np.where(counts[place, month] > 0, "I", "Z") if form == "N" else np.full(len(place), "U")
        forms.append(
            agencies.select("agency_id", "ori", "data_year")[place].with_columns(
                month=pl.Series(month + 1, dtype=pl.Int8),
                form_code=pl.lit(form),
                status=pl.Series(status, dtype=pl.String),
                status_source=pl.lit("reported"),
            )
        )
    return pl.concat(forms).select(REPORT_MONTH.schema.names())


def offenses_by_month(agencies: pl.DataFrame, reported: pl.DataFrame, year: int, seed: int) -> pl.DataFrame:
    """Dataset ``agency_month_offense`` of a year: the offenses of reported incidents.

    Args:
        agencies: the agencies of whole states in that year, by agency_id.
        reported: their reported incidents.
        year: any year.
        seed: seed of the run.
    """
    rows = offense_rows(reported, seed)
    counted = (
        rows.with_columns(in_summary(rows))
        .join(reported.select("incident_id", "agency_id", "month"), on="incident_id")
        .group_by("agency_id", "month", "offense_code")
        .agg(n=pl.len(), n_summary=pl.col("in_summary").sum())
    )
    return (
        counted.join(agencies.select("agency_id", "ori"), on="agency_id")
        .with_columns(data_year=pl.lit(year))
        .select(pl.col(column.name).cast(column.dtype) for column in AGENCY_MONTH_OFFENSE.columns)
    )
