"""Months reported, per agency."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.results import REPORTING_STATUS
from nibrs_estimation.pipeline.errors import PipelineError

MONTHS_PER_YEAR = 12


def summarize_reporting(universe: pl.LazyFrame, report_month: pl.LazyFrame, year: int) -> pl.LazyFrame:
    """Count each agency's reported months of the data year: with incidents, empty, and inferred.

    A zero report is a report (02 section 12.4): an agency without crime in a quiet month is not missing.

    Raises:
        PipelineError: a month belongs to an agency that the universe does not hold.
    """
    # A form that does not say whether it is empty is no report of incidents (02 section 8.5).
    months = report_month.filter(
        (pl.col("data_year") == year) & (pl.col("form_code") == "N") & pl.col("status").is_in(["I", "Z"])
    )
    strangers = months.join(universe, on="agency_id", how="anti").select(pl.col("ori").unique().sort()).collect()
    if strangers.height:
        raise PipelineError(
            f"Dataset report_month holds months of {strangers.height} agencies that are not in the universe of {year}, "
            f"the first {strangers['ori'][0]}. Add them to dataset agency, or remove their months."
        )
    counted = months.group_by("agency_id").agg(
        months_reported=pl.len().cast(pl.Int8),
        months_with_incidents=(pl.col("status") == "I").sum().cast(pl.Int8),
        months_inferred=(pl.col("status_source") == "inferred").sum().cast(pl.Int8),
    )
    return (
        universe.join(counted, on="agency_id", how="left")
        .with_columns(pl.col("months_reported", "months_with_incidents", "months_inferred").fill_null(0))
        .with_columns(is_full_year=pl.col("months_reported") == MONTHS_PER_YEAR)
        .select(REPORTING_STATUS.schema.names())
    )
