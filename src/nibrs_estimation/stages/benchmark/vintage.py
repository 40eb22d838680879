"""Benchmarks of other years brought to the data year by the respondents' own counts (handbook 06)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.benchmark import BENCHMARK_FACTOR
from nibrs_estimation.stages.benchmark.benchmark import COUNTS, Issue

#: Offenses with which a factor is shrunk: that of a crime to that of all crimes, and that to 1.
SHRINKAGE = 1_000.0
#: What benchmarks of one kind have in common.
VINTAGE = ["benchmark_source", "benchmark_year"]


def bring_to_year(
    given: pl.DataFrame, completed: pl.DataFrame, year: int
) -> tuple[pl.DataFrame, pl.DataFrame, list[Issue]]:
    """Multiply benchmarks of another year than the data year by how much crime has changed since.

    The factor of a vintage and crime is, over the respondents with such a benchmark, the sum of their own counts of the
    data year over the sum of the benchmarks. It is shrunk to the factor of all crimes, and that to 1, each with the
    weight of 1,000 offenses. Respondents' and nonrespondents' benchmarks are treated alike.

    Args:
        given: benchmarks of the agencies, missing where they have none; any columns of :data:`CANDIDATE`.
        completed: the own candidates of the respondents, of the data year.
        year: the data year.

    Returns:
        The benchmarks, dataset ``benchmark_factor``, and issues.
    """
    # Smoothed counts of several years have no year of their own.
    is_other = pl.col("benchmark_source").is_not_null() & pl.col("benchmark_year").ne_missing(year)
    pairs = given.filter(is_other).join(completed, on="agency_id", suffix="_own")
    if pairs.is_empty():
        return given, BENCHMARK_FACTOR.empty().collect(), []
    factors = _factors(pairs)
    rule = f"Multiplied by crime's change since; {told(factors)}."
    return (
        multiplied(given, is_other, factors),
        filed(factors),
        [("benchmark of another year", given.filter(is_other).height, None, rule)],
    )


def multiplied(given: pl.DataFrame, is_affected: pl.Expr, factors: pl.DataFrame) -> pl.DataFrame:
    """The benchmarks of some agencies times the factors of their vintage and crime; as they are without a factor."""
    wide = factors.pivot("crime", index=VINTAGE, values="factor")
    # Crimes without a factor have no column.
    known = [count for count in COUNTS if count in wide.columns]
    aligned = given.join(
        wide.select(*VINTAGE, *known), on=VINTAGE, how="left", nulls_equal=True, suffix="_factor", maintain_order="left"
    ).with_columns(
        pl.when(is_affected)
        .then(pl.col(count) * pl.col(f"{count}_factor").fill_null(1.0))
        .otherwise(count)
        .alias(count)
        for count in known
    )
    return aligned.drop(f"{count}_factor" for count in known)


def filed(factors: pl.DataFrame) -> pl.DataFrame:
    """The factors as rows of dataset ``benchmark_factor``."""
    vintage = pl.concat_str(
        "benchmark_source", pl.col("benchmark_year").cast(pl.String), separator=" ", ignore_nulls=True
    )
    return BENCHMARK_FACTOR.cast(factors.with_columns(pl.col("crime").str.strip_prefix("n_"), vintage=vintage))


def told(factors: pl.DataFrame) -> str:
    """The factors of all crimes in words."""
    totals = factors.filter(pl.col("crime") == "total").select(*VINTAGE, "agencies", "factor")
    return "all crimes: " + "; ".join(
        f"{source} {vintage or 'without year'}: {factor:.3f} from {n:,} respondents"
        for source, vintage, n, factor in totals.iter_rows()
    )


def _factors(pairs: pl.DataFrame) -> pl.DataFrame:
    """Factors by vintage and crime, those of all crimes as ``total``."""
    long = pl.concat(
        pairs.select(
            "agency_id", *VINTAGE, crime=pl.lit(count), offenses=pl.col(count).clip(0), own=pl.col(f"{count}_own")
        )
        for count in COUNTS
    ).sort("crime", *VINTAGE, "agency_id")
    by_crime = long.group_by(*VINTAGE, "crime", maintain_order=True).agg(
        agencies=pl.len().cast(pl.Int64), offenses=pl.col("offenses").sum(), own=pl.col("own").sum()
    )
    totals = (
        by_crime.group_by(VINTAGE, maintain_order=True)
        .agg(pl.col("agencies").first(), pl.col("offenses", "own").sum())
        .with_columns(crime=pl.lit("total"), factor=(pl.col("own") + SHRINKAGE) / (pl.col("offenses") + SHRINKAGE))
    )
    of_all = totals.select(*VINTAGE, of_all="factor")
    shrunk = by_crime.join(of_all, on=VINTAGE, nulls_equal=True, maintain_order="left").with_columns(
        factor=(pl.col("own") + SHRINKAGE * pl.col("of_all")) / (pl.col("offenses") + SHRINKAGE)
    )
    names = [*VINTAGE, "crime", "agencies", "offenses", "factor"]
    return pl.concat([totals.select(names), shrunk.select(names)]).sort(*VINTAGE, "crime", nulls_last=True)
