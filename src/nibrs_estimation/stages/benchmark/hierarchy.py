"""Summary counts of the data year brought to the counting of incident reports (handbook 06)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.benchmark import BENCHMARK_FACTOR
from nibrs_estimation.stages.benchmark.benchmark import Issue, crime_counts
from nibrs_estimation.stages.benchmark.vintage import SHRINKAGE, filed, multiplied, told


def add_lesser_offenses(
    given: pl.DataFrame, own: pl.DataFrame, agency_month_offense: pl.LazyFrame, year: int
) -> tuple[pl.DataFrame, pl.DataFrame, list[Issue]]:
    """Multiply Return A counts of the data year by what the hierarchy rule leaves out.

    Of an incident, a Return A counts the most serious offense only, an incident report all. The factor of a crime is,
    over the respondents' own months, the number of its offenses over the number that a summary would count. It is
    shrunk to 1 with the weight of 1,000 offenses, and not to the factor of all crimes: no murder is left out, however
    many larcenies are. Offenses of which the source cannot tell what a summary would count are left out of both sums.
    Counts of other years need no such factor, because :func:`bring_to_year` compares them with incident reports.

    Args:
        given: benchmarks of the agencies, missing where they have none; any columns of :data:`CANDIDATE`.
        own: ``agency_id`` and ``month`` of the respondents' own months of the data year.
        agency_month_offense: dataset of that name.
        year: the data year.

    Returns:
        The benchmarks, dataset ``benchmark_factor``, and issues.
    """
    is_summary = (pl.col("benchmark_source") == "recent").fill_null(False) & pl.col("benchmark_year").eq_missing(year)
    counts = (
        crime_counts(agency_month_offense, year)
        .drop_nulls("n_summary")
        .join(own, on=["agency_id", "month"], how="semi")
    )
    changed = given.filter(is_summary).height
    if not changed or counts.is_empty():
        return given, BENCHMARK_FACTOR.empty().collect(), []
    factors = _factors(counts).with_columns(
        agencies=pl.lit(counts["agency_id"].n_unique(), pl.Int64),
        benchmark_source=pl.lit("recent"),
        benchmark_year=pl.lit(year, pl.Int16),
    )
    rule = f"Multiplied by all offenses over those that the hierarchy rule counts; {told(factors)}."
    return (
        multiplied(given, is_summary, factors),
        filed(factors),
        [("summary counts of the data year", changed, None, rule)],
    )


def _factors(counts: pl.DataFrame) -> pl.DataFrame:
    """``crime``, ``offenses`` (those that a summary counts) and ``factor``; those of all crimes as ``total``."""
    sums = counts.group_by("crime").agg(own=pl.col("n").sum(), offenses=pl.col("n_summary").sum())
    total = sums.select(pl.lit("total").alias("crime"), pl.col("own", "offenses").sum())
    own, offenses = pl.col("own") + SHRINKAGE, pl.col("offenses") + SHRINKAGE
    return pl.concat([sums.sort("crime"), total]).select("crime", "offenses", factor=own / offenses)
