"""Incident reports against summary reports of the same agencies (handbook: quality checks)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.completeness import PART1P, PART1V
from nibrs_estimation.model.quality import SUMMARY_COMPARISON
from nibrs_estimation.stages.validation.scope import is_large

#: Statuses of agencies that are compared: active and federal.
_STATUSES = ("A", "F")
#: Line of the Return A with the sum of all offenses.
_GRAND_TOTAL = 25
#: What a summary counts beside Part I offenses: simple assaults.
_SIMPLE_ASSAULT = ("13B", "13C")
#: (offenses in incidents, offenses in summaries), each "some", "none" or "missing" -> kind.
_KINDS = {
    ("some", "some"): "both",
    ("some", "none"): "no_summary_offenses",
    ("some", "missing"): "no_summary",
    ("none", "some"): "no_incident_offenses",
    ("missing", "some"): "no_incidents",
    ("none", "none"): "neither_has_offenses",
    ("missing", "none"): "empty_summary_only",
    ("none", "missing"): "no_summary_empty_incidents",
    ("missing", "missing"): "missing",
}


def compare_with_summaries(
    reporting_pattern: pl.LazyFrame,
    report_month: pl.LazyFrame,
    agency_month_offense: pl.LazyFrame,
    srs_month: pl.LazyFrame,
    police_employees: pl.LazyFrame,
    year: int,
) -> pl.DataFrame:
    """Say of each active or federal agency which of its two reports of the year exist and have offenses.

    Offenses without a report count as a report: the months of an agency are as in dataset ``agency_month_offense``.
    """
    in_year = pl.col("data_year") == year
    agencies = reporting_pattern.filter(in_year & pl.col("agency_status").is_in(_STATUSES)).select(
        "agency_id", "ori", "agency_name", "state_abbr", "population", "is_nibrs"
    )
    months = (
        report_month.filter(in_year)
        .group_by("agency_id")
        .agg(
            incident_months=pl.col("month").filter(pl.col("form_code") == "N").n_unique(),
            summary_months=pl.col("month").filter(pl.col("form_code") == "R").n_unique(),
        )
    )
    is_comparable = pl.col("offense_code").is_in([*PART1V, *PART1P, *_SIMPLE_ASSAULT])
    offenses = (
        agency_month_offense.filter(in_year & (pl.col("n") > 0))
        .group_by("agency_id")
        .agg(
            n_incident_offenses=pl.col("n").sum(),
            n_comparable=pl.coalesce("n_summary", "n").filter(is_comparable).sum(),
        )
    )
    summaries = (
        srs_month.filter(in_year & (pl.col("item_code") == _GRAND_TOTAL))
        .group_by("agency_id")
        .agg(n_summary_offenses=pl.col("n").sum())
    )
    numbers = ("incident_months", "summary_months", "n_incident_offenses", "n_comparable", "n_summary_offenses")
    compared = agencies
    for table in (months, offenses, summaries):
        compared = compared.join(table, on="agency_id", how="left")
    kinds = pl.concat_str(
        [_state("n_incident_offenses", "incident_months"), _state("n_summary_offenses", "summary_months")],
        separator="/",
    )
    return SUMMARY_COMPARISON.cast(
        compared.with_columns(pl.col(numbers).fill_null(0))
        .with_columns(
            is_large=is_large(police_employees),
            kind=kinds.replace_strict({"/".join(states): kind for states, kind in _KINDS.items()}),
        )
        .sort("agency_id")
        .collect()
    )


def _state(offenses: str, months: str) -> pl.Expr:
    """Whether there are offenses ("some"), only reports ("none"), or neither ("missing")."""
    return (
        pl.when(pl.col(offenses) > 0)
        .then(pl.lit("some"))
        .when((pl.col(months) > 0) | (pl.col(offenses) < 0))
        .then(pl.lit("none"))
        .otherwise(pl.lit("missing"))
    )
