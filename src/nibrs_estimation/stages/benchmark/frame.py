"""The frame of the weights: the eligible agencies, which of them responded, and their benchmark (handbook 06)."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import polars as pl

from nibrs_estimation.model.benchmark import BENCHMARK_FACTOR, WEIGHTING_FRAME, WEIGHTING_ISSUE
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.completeness import MIN_MONTHS_REPORTED
from nibrs_estimation.model.outliers import LOW_COLORS
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.stages.benchmark.benchmark import (
    completed_candidates,
    first_candidates,
    rate_candidates,
    read_smoothed_counts,
    recent_candidates,
    with_sums,
    without_negatives,
)
from nibrs_estimation.stages.benchmark.hierarchy import add_lesser_offenses
from nibrs_estimation.stages.benchmark.hot_deck import donors_of_class, near_donors
from nibrs_estimation.stages.benchmark.vintage import bring_to_year
from nibrs_estimation.survey.eligibility import with_own_reports
from nibrs_estimation.survey.months import published_month_shares

#: An agency with at least this many smoothed offenses a year must be in the incident data (handbook 06).
SIZEABLE_TOTAL = 50
#: An agency that starts in this month or later has not reported enough of the year.
FIRST_LATE_MONTH = 11


def build_frame(
    agency: pl.LazyFrame,
    universe: pl.LazyFrame,
    agency_month: pl.LazyFrame,
    outlier_month: pl.LazyFrame,
    block_reference: pl.LazyFrame,
    block_month: pl.LazyFrame,
    known_month: pl.LazyFrame,
    reporting_status: pl.LazyFrame,
    report_month: pl.LazyFrame,
    srs_month: pl.LazyFrame,
    srs_benchmark: pl.LazyFrame,
    agency_month_offense: pl.LazyFrame,
    year: int,
    seed: int,
    benchmark_rule: Literal["own_first", "reference"],
) -> dict[str, pl.DataFrame]:
    """Determine for each eligible agency whether it responded, and its crimes in a full year.

    Raises:
        PipelineError: an agency has no class, no agency has a benchmark, or rows were lost or duplicated.
    """
    agencies = eligible_agencies(universe, with_own_reports(agency, agency_month_offense), year)
    months = reported_months(agency_month, outlier_month, year)
    smoothed = read_smoothed_counts(srs_benchmark, agencies)
    responses = determine_responses(agencies, months, smoothed.totals, reporting_status, block_reference, year)
    recent, recent_issues = recent_candidates(report_month, srs_month, agencies, year)
    respondents = responses.filter("is_respondent").select("agency_id", "is_full_year")
    filled = block_month.filter(pl.col("month_flag").is_not_null()).select("agency_id", "month").collect()
    own = months.join(filled, on=["agency_id", "month"], how="anti")
    completed = completed_candidates(respondents, own, block_reference, agency_month_offense, year)
    sources = [recent, smoothed.candidates, completed]
    factors = BENCHMARK_FACTOR.empty().collect()
    if benchmark_rule == "reference":
        given, issues = without_negatives(first_candidates(agencies, sources))
        given, of_deck = donors_of_class(given, seed)
    else:
        rates = _own_rates(known_month, agency_month, agencies, agency_month_offense, year)
        rates = rates.join(completed, on="agency_id", how="anti")
        given, issues = without_negatives(first_candidates(agencies, [*sources, rates]))
        given, of_years, of_vintage = bring_to_year(given, completed, year)
        given, of_summaries, of_hierarchy = add_lesser_offenses(
            given, own.join(respondents, on="agency_id", how="semi"), agency_month_offense, year
        )
        factors = pl.concat([of_years, of_summaries])
        given, of_deck = near_donors(given, seed)
        issues += [*of_vintage, *of_hierarchy]
    benchmark, of_sums = with_sums(given)
    issues += [*of_deck, *of_sums]
    frame = agencies.join(responses, on="agency_id").join(benchmark, on="agency_id").sort("agency_id")
    require_one_row_each(frame, agencies)
    found = [*smoothed.issues, *recent_issues, *issues]
    return {
        WEIGHTING_FRAME.name: WEIGHTING_FRAME.cast(frame),
        BENCHMARK_FACTOR.name: factors,
        WEIGHTING_ISSUE.name: pl.DataFrame(found, schema=WEIGHTING_ISSUE.schema, orient="row"),
    }


def _own_rates(
    known_month: pl.LazyFrame,
    agency_month: pl.LazyFrame,
    agencies: pl.DataFrame,
    agency_month_offense: pl.LazyFrame,
    year: int,
) -> pl.DataFrame:
    """Candidates from an agency's own known months, of the data year or the year before, however few they are."""
    known = known_month.select("agency_id", "month", "known_part", "month_share").collect()
    before = (
        agency_month.filter((pl.col("data_year") == year - 1) & pl.col("is_reported"))
        .select("agency_id", "month")
        .collect()
        .join(agencies.select("agency_id", "region_code"), on="agency_id")
        .join(published_month_shares(), on=["region_code", "month"])
        .with_columns(known_part=pl.lit(1.0))
    )
    return pl.concat(
        [
            rate_candidates(known, agency_month_offense, year),
            rate_candidates(before.select(known.columns), agency_month_offense, year - 1),
        ]
    )


def eligible_agencies(universe: pl.LazyFrame, agency: pl.LazyFrame, year: int) -> pl.DataFrame:
    """The eligible agencies, sorted by agency_id, with both classes and the reporting data of dataset ``agency``.

    Raises:
        PipelineError: an agency has no class, or rows were lost or duplicated.
    """
    of_agency = agency.filter(pl.col("data_year") == year).select(
        "agency_id", "legacy_ori", "is_nibrs", "nibrs_start_date", "has_participated_nibrs"
    )
    eligible = universe.filter("is_eligible").sort("agency_id").collect()
    agencies = (
        eligible.with_columns(has_population=pl.col("population") > 0)
        .join(of_agency.collect(), on="agency_id")
        .join(code_list("substate_class_rule"), on=["population_group_code", "has_population"], how="left")
        .sort("agency_id")
    )
    require_one_row_each(agencies, eligible)
    without_class = agencies.filter(pl.col("substate_class").is_null() | pl.col("weight_class").is_null())
    if without_class.height:
        first = without_class.row(0, named=True)
        raise PipelineError(
            f"{without_class.height} eligible agencies have no weight class, the first {first['ori']} with population "
            f"group {first['population_group_code']!r}. Correct the population group in dataset agency: it must be one "
            "of 1A to 9E."
        )
    return agencies


def reported_months(agency_month: pl.LazyFrame, outlier_month: pl.LazyFrame, year: int) -> pl.DataFrame:
    """The reported months of the data year: ``agency_id``, ``month``, and ``is_low``, false if the color is unknown.

    They do not include months before the start of NIBRS, but include months with a corrected flag (handbook 02).
    """
    key = ["agency_id", "data_year", "month"]
    return (
        agency_month.filter((pl.col("data_year") == year) & pl.col("is_reported"))
        .join(outlier_month.select(*key, "color"), on=key, how="left")
        .select("agency_id", "month", is_low=pl.col("color").is_in(LOW_COLORS).fill_null(False))
        .collect()
    )


def determine_responses(
    agencies: pl.DataFrame,
    months: pl.DataFrame,
    smoothed_totals: pl.DataFrame,
    reporting_status: pl.LazyFrame,
    block_reference: pl.LazyFrame,
    year: int,
) -> pl.DataFrame:
    """Determine which agencies are respondents (resp_ind_m3), and the first rule that others fail (handbook 06).

    A respondent has reported incidents since October or earlier, has at least three usable months, and its year is
    complete: all twelve months were reported, or the missing months are copied.

    Args:
        agencies: result of :func:`eligible_agencies`.
        months: result of :func:`reported_months`.
        smoothed_totals: ``agency_id`` and ``smoothed_total``.
        reporting_status: dataset of that name.
        block_reference: dataset of that name.
        year: the data year.
    """
    usable = months.filter(~pl.col("is_low")).group_by("agency_id").agg(months_usable=pl.len().cast(pl.Int8))
    full = reporting_status.select("agency_id", "is_full_year").collect()
    # If one missing month of an agency is copied, all are.
    recipients = block_reference.select("agency_id", is_recipient=pl.lit(True)).unique().collect()
    known = agencies.select("agency_id", "is_nibrs", "nibrs_start_date", "has_participated_nibrs")
    for part in (usable, full, recipients, smoothed_totals):
        known = known.join(part, on="agency_id", how="left")
    determined = known.with_columns(
        pl.col("months_usable").fill_null(0),
        pl.col("is_nibrs", "has_participated_nibrs", "is_full_year", "is_recipient").fill_null(False),
    ).with_columns(
        nonresponse_reason=pl.when(~pl.col("is_nibrs"))
        .then(pl.lit("reports no incidents"))
        .when(pl.col("months_usable") < MIN_MONTHS_REPORTED)
        .then(pl.lit("fewer than three usable months"))
        .when((pl.col("smoothed_total") >= SIZEABLE_TOTAL) & ~pl.col("has_participated_nibrs"))
        .then(pl.lit("not in the incident data"))
        .when(pl.col("nibrs_start_date") >= dt.date(year, FIRST_LATE_MONTH, 1))
        .then(pl.lit("started after October"))
        .when(~pl.col("is_full_year") & ~pl.col("is_recipient"))
        .then(pl.lit("not completed"))
    )
    return determined.select(
        "agency_id",
        "months_usable",
        "is_full_year",
        "nonresponse_reason",
        is_respondent=pl.col("nonresponse_reason").is_null(),
    )


def require_one_row_each(frame: pl.DataFrame, agencies: pl.DataFrame) -> None:
    """Stop if a frame does not have one row for each agency.

    Raises:
        PipelineError: it does not.
    """
    if not frame["agency_id"].equals(agencies["agency_id"]):
        raise PipelineError(
            f"The frame of the weights has {frame.height} rows for {agencies.height} eligible agencies. Datasets "
            "agency, universe and reporting_status must have one row for each agency of the data year and be from "
            "one run: compute the run again with --force."
        )
