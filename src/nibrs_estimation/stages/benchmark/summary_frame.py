"""The frame of summary estimates: agencies respond whose summary counts are known (handbook 16)."""

from __future__ import annotations

from typing import Literal

import polars as pl

from nibrs_estimation.model.agency import HISTORY_YEARS
from nibrs_estimation.model.benchmark import BENCHMARK_FACTOR, CRIMES, WEIGHTING_FRAME, WEIGHTING_ISSUE
from nibrs_estimation.model.return_a import ITEMS_OF_CRIME
from nibrs_estimation.model.summary import INCIDENT_RESPONSE
from nibrs_estimation.stages.benchmark.benchmark import (
    CANDIDATE,
    COUNTS,
    first_candidates,
    read_smoothed_counts,
    recent_candidates,
    with_sums,
    without_negatives,
)
from nibrs_estimation.stages.benchmark.frame import (
    determine_responses,
    eligible_agencies,
    reported_months,
    require_one_row_each,
)
from nibrs_estimation.stages.benchmark.hot_deck import donors_of_class, near_donors
from nibrs_estimation.stages.benchmark.vintage import bring_to_year
from nibrs_estimation.survey.eligibility import with_own_reports


def judge_incident_responses(
    agency: pl.LazyFrame,
    universe: pl.LazyFrame,
    agency_month: pl.LazyFrame,
    outlier_month: pl.LazyFrame,
    block_reference: pl.LazyFrame,
    reporting_status: pl.LazyFrame,
    srs_benchmark: pl.LazyFrame,
    agency_month_offense: pl.LazyFrame,
    year: int,
) -> pl.DataFrame:
    """Determine which agencies' incidents are enough for estimates, by the rule of the incident estimates."""
    agencies = eligible_agencies(universe, with_own_reports(agency, agency_month_offense), year)
    months = reported_months(agency_month, outlier_month, year)
    smoothed = read_smoothed_counts(srs_benchmark, agencies)
    return INCIDENT_RESPONSE.cast(
        determine_responses(agencies, months, smoothed.totals, reporting_status, block_reference, year)
    )


def build_summary_frame(
    agency: pl.LazyFrame,
    universe: pl.LazyFrame,
    summary_agency: pl.LazyFrame,
    summary_year: pl.LazyFrame,
    report_month: pl.LazyFrame,
    srs_month: pl.LazyFrame,
    srs_benchmark: pl.LazyFrame,
    agency_month_offense: pl.LazyFrame,
    year: int,
    seed: int,
    benchmark_rule: Literal["own_first", "reference"],
) -> dict[str, pl.DataFrame]:
    """Determine which agencies respond with summary counts, and the summary counts of each in a full year.

    Benchmarks are Return A of the data year and the four before, smoothed counts, or the completed year of the agency.

    Raises:
        PipelineError: an agency has no class, no agency has a benchmark, or rows were lost or duplicated.
    """
    agencies = eligible_agencies(universe, with_own_reports(agency, agency_month_offense), year)
    smoothed = read_smoothed_counts(srs_benchmark, agencies)
    recent, recent_issues = recent_candidates(
        report_month, srs_month, agencies, year, first_year=year - HISTORY_YEARS + 1
    )
    described = summary_agency.collect()
    own = _own_candidates(described, summary_year.collect(), year)
    completed = own.join(described.filter("is_respondent"), on="agency_id", how="semi")
    given, issues = without_negatives(first_candidates(agencies, [recent, smoothed.candidates, own]))
    factors = BENCHMARK_FACTOR.empty().collect()
    if benchmark_rule == "reference":
        given, of_deck = donors_of_class(given, seed)
    else:
        given, factors, of_vintage = bring_to_year(given, completed, year)
        given, of_deck = near_donors(given, seed)
        issues += of_vintage
    benchmark, of_sums = with_sums(given)
    responses = described.select(
        "agency_id",
        "is_respondent",
        months_usable="months_known",
        nonresponse_reason=pl.when(~pl.col("is_respondent")).then(pl.lit("fewer than three usable months")),
    )
    frame = agencies.join(responses, on="agency_id").join(benchmark, on="agency_id").sort("agency_id")
    require_one_row_each(frame, agencies)
    found = [*smoothed.issues, *recent_issues, *issues, *of_deck, *of_sums]
    return {
        WEIGHTING_FRAME.name: WEIGHTING_FRAME.cast(frame),
        BENCHMARK_FACTOR.name: factors,
        WEIGHTING_ISSUE.name: pl.DataFrame(found, schema=WEIGHTING_ISSUE.schema, orient="row"),
    }


def _own_candidates(described: pl.DataFrame, lines: pl.DataFrame, year: int) -> pl.DataFrame:
    """The completed year of every agency with a known month."""
    signs = {
        CRIMES[crime]: sum(
            sign * pl.col("completed").filter(pl.col("item_code") == item).sum() for item, sign in items.items()
        )
        for crime, items in ITEMS_OF_CRIME.items()
    }
    sums = lines.sort("agency_id", "item_code").group_by("agency_id", maintain_order=True).agg(**signs)
    return (
        described.filter(pl.col("months_known") > 0)
        .join(sums, on="agency_id", how="left")
        .select(
            "agency_id",
            "is_full_year",
            benchmark_source=pl.lit("own"),
            benchmark_year=pl.lit(year, pl.Int16),
            benchmark_months="months_known",
            **{count: pl.col(count).fill_null(0.0) for count in COUNTS},
        )
        .select(pl.col(name).cast(dtype) for name, dtype in CANDIDATE.items())
    )
