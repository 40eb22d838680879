"""Summary reports (Return A) of the synthetic nation, from the same latent crime as its incidents.

Source: handbook 02 and data/srs_mapping.csv.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from nibrs_estimation.model.agency import SRS_MONTH
from nibrs_estimation.model.benchmark import PROPERTY, VIOLENT
from nibrs_estimation.model.geography import SRS_BENCHMARK
from nibrs_estimation.model.return_a import OFFENSES_OF_CRIME, with_totals
from nibrs_estimation.sources.synthetic.crime import annual_counts, sent_incidents
from nibrs_estimation.sources.synthetic.faults import months_per_report
from nibrs_estimation.sources.synthetic.marginals import Floats, offenses, table
from nibrs_estimation.sources.synthetic.offenses import summary_counts, summary_offenses
from nibrs_estimation.sources.synthetic.reporting import reported_summaries
from nibrs_estimation.stats import random

#: The benchmark is the mean of this many years, with a random error, and lacks some agencies.
BENCHMARK_YEARS, BENCHMARK_SIGMA, BENCHMARK_GAPS = 5, 0.1, 0.02


def summary_months(agencies: pl.DataFrame, latent: pl.DataFrame, year: int, seed: int) -> pl.DataFrame:
    """Dataset ``srs_month`` of some states in a year: items above 0 in months with a summary.

    Of each incident the most serious offense counts (hierarchy rule).

    Some agencies put the crime of three, six or twelve months into the summary of the last of them.

    Args:
        agencies: the agencies of whole states, by agency_id.
        latent: their incidents, reported or not.
        year: data year.
        seed: seed of the run.
    """
    months = reported_summaries(agencies, year, seed)
    number, _ = months_per_report(agencies, year, seed)
    sent = sent_incidents(agencies, latent, months, year, seed, "R")
    place = np.searchsorted(agencies["agency_id"].to_numpy(), sent["agency_id"].to_numpy())
    report = -(-sent["month"].to_numpy() // number[place]) * number[place]
    sent = sent.with_columns(summary_offenses(sent, seed).alias("offense"), month=pl.Series(report, dtype=pl.Int8))
    counts = sent.group_by("agency_id", "month", "offense").len("incidents").sort("agency_id", "month", "offense")
    details = spread_over_items(counts, year, seed).group_by("agency_id", "month", "item_code").agg(pl.col("n").sum())
    totals = with_totals(details.filter(pl.col("n") > 0))
    return totals.with_columns(data_year=pl.lit(year, pl.Int16)).select(
        pl.col(column.name).cast(column.dtype) for column in SRS_MONTH.columns
    )


def benchmark(agencies: pl.DataFrame, year: int, seed: int) -> pl.DataFrame:
    """Dataset ``srs_benchmark``: smoothed annual counts of the agencies by type of crime.

    Args:
        agencies: all agencies of a data year.
        year: data year; the benchmark is of earlier years.
        seed: seed of the run.
    """
    years = range(year - BENCHMARK_YEARS, year)
    mean = sum(summary_counts(annual_counts(agencies, former, seed)) for former in years) / BENCHMARK_YEARS
    unit = agencies["agency_id"].to_numpy()
    error = np.exp(BENCHMARK_SIGMA * random.normal(seed, "benchmark", unit))[:, None]
    is_there = random.uniform(seed, "benchmark gap", unit) >= BENCHMARK_GAPS
    codes = offenses()["offense_code"]
    columns = {
        kind: (mean * error)[:, codes.is_in(list(members)).to_numpy()].sum(axis=1)
        for kind, members in OFFENSES_OF_CRIME.items()
    }
    return benchmark_rows(agencies.filter(pl.Series(is_there)), {kind: n[is_there] for kind, n in columns.items()})


def benchmark_rows(agencies: pl.DataFrame, columns: Mapping[str, Floats]) -> pl.DataFrame:
    """Rows of dataset ``srs_benchmark`` for the period `smoothed`.

    Args:
        agencies: ``ori`` and ``legacy_ori``.
        columns: a year's counts of the agencies for each crime of
            :data:`~nibrs_estimation.model.return_a.OFFENSES_OF_CRIME`.
    """
    counts = dict(columns)
    counts["assault"] = counts["aggravated_assault"] + counts["simple_assault"]
    counts["violent"] = np.sum([counts[kind] for kind in VIOLENT], axis=0)
    counts["property"] = np.sum([counts[kind] for kind in PROPERTY], axis=0)
    counts["total"] = counts["violent"] + counts["property"]
    wide = agencies.select("ori", "legacy_ori").with_columns(
        pl.Series(kind, np.round(values, 3)) for kind, values in counts.items()
    )
    return (
        wide.unpivot(index=["ori", "legacy_ori"], variable_name="crime_type", value_name="n_twelve_months")
        .with_columns(period=pl.lit("smoothed"), n_reported="n_twelve_months")
        .select(pl.col(column.name).cast(column.dtype) for column in SRS_BENCHMARK.columns)
    )


def spread_over_items(counts: pl.DataFrame, year: int, seed: int) -> pl.DataFrame:
    """Spread the incidents of each agency, month and offense over the items of the Return A.

    The numbers of items are integers that add up to the incidents and have the shares of the items on average.

    Args:
        counts: ``agency_id``, ``month``, ``offense`` (number of the offense in ``offense.csv``) and ``incidents``.
        year: data year.
        seed: seed of the run.

    Returns:
        ``agency_id``, ``month``, ``item_code`` and ``n``, several rows for an item if offenses share it; offenses that
        no summary has are left out.
    """
    mapping = table("srs_mapping").with_columns(
        start=pl.col("share").cum_sum().over("offense_code") - pl.col("share"),
        end=pl.col("share").cum_sum().over("offense_code").round(9),
    )
    codes = offenses().select("offense_code", offense=pl.int_range(pl.len(), dtype=pl.Int16))
    key = year * 100 + counts["month"].to_numpy().astype(np.int64)
    point = random.uniform(seed, "return a", counts["agency_id"].to_numpy(), key * 100 + counts["offense"].to_numpy())
    spread = counts.with_columns(point=point).join(mapping.join(codes, on="offense_code"), on="offense")
    upto = [(pl.col("incidents") * pl.col(end) + pl.col("point")).floor() for end in ("end", "start")]
    return spread.select("agency_id", "month", pl.col("item_code").cast(pl.Int8), n=(upto[0] - upto[1]).cast(pl.Int32))
