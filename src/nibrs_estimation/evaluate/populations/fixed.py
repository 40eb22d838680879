"""Fixed populations: agencies whose year is known, with a benchmark, of which a drawing hides a part (handbook 13)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.evaluate.estimating import Drawing
from nibrs_estimation.evaluate.patterns import Members, responding_months
from nibrs_estimation.model.agency import AGENCY, AGENCY_MONTH_OFFENSE, HISTORY_YEARS, REPORT_MONTH
from nibrs_estimation.model.geography import SRS_BENCHMARK
from nibrs_estimation.model.return_a import OFFENSES_OF_CRIME
from nibrs_estimation.sources.synthetic.srs import benchmark_rows
from nibrs_estimation.stats import random

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
#: Benchmark of a fixed population -> what it is.
BENCHMARKS = {
    "halves": "one half of the year is the benchmark, the other the year to be estimated, both ways in turn",
    "noise": "the year itself, changed at random as much as two years change an agency",
    "before": "the year before, from a file of its own",
    "none": "there is none: agencies have their own months, or a donor's",
}
MONTHS_PER_HALF = 6
#: Standard deviation of the change of log crime in a year: DRIFT times annual offenses to the power of DRIFT_POWER, and
#: at most LARGEST_DRIFT (FBI Return A master files of 1970 to 1974; sources/synthetic/README.md).
DRIFT, DRIFT_POWER, LARGEST_DRIFT = 0.97, -0.26, 0.9
#: The benchmark of a real run is two or three years old.
YEARS_OF_NOISE = 2


@dataclass(frozen=True)
class Year:
    """A year of which agencies reported some months.

    Attributes:
        offenses: ``agency_id``, ``offense_code`` and ``n`` of all twelve months, not in whole numbers.
        sent: (n, 12) months that each agency reported.
    """

    offenses: pl.DataFrame
    sent: Flags


@dataclass(frozen=True)
class FixedPopulation:
    """Agencies with a known year.

    Attributes:
        year: data year.
        agencies: rows of dataset ``agency``, by agency_id.
        offenses: ``agency_id``, ``month``, ``offense_code`` and ``n`` of the months, at least 1.
        members: what patterns are drawn from.
        before: (n, 9) a year's counts of the year before by crime, NaN where not known; None without such a file.
        of_year: the year, where not all of its months are known; None where ``offenses`` are all of it.
    """

    year: int
    agencies: pl.DataFrame
    offenses: pl.DataFrame
    members: Members
    before: Floats | None = None
    of_year: Year | None = None


def draw(
    population: FixedPopulation,
    pattern: str,
    benchmark: str,
    responses: pl.DataFrame | None,
    number: int,
    seed: int,
) -> Drawing:
    """The population of a drawing, as its agencies report it.

    Args:
        population: the population.
        pattern: who responds, of :data:`~nibrs_estimation.evaluate.patterns.PATTERNS`.
        benchmark: of :data:`BENCHMARKS`.
        responses: real responses, for the patterns that need them.
        number: of the drawing, from 1.
        seed: of the backtest.
    """
    offenses, counts = population.offenses, population.before
    if benchmark == "halves":
        first = number % 2 == 1
        is_first = pl.col("month") <= MONTHS_PER_HALF
        offenses = _stretched(offenses.filter(is_first != first), number, seed)
        counts = _by_crime(population.agencies, population.offenses.filter(is_first == first))
    of_year = offenses if population.of_year is None else population.of_year.offenses
    if benchmark == "noise":
        counts = _noisy(population.agencies, _by_crime(population.agencies, of_year), number, seed)
    months = responding_months(pattern, population.members, responses, number, seed)
    reports = _reports(population, offenses, months, is_late=pattern == "start-dates")
    if counts is not None:
        known = np.isfinite(counts).all(axis=1)
        by_crime = dict(zip(OFFENSES_OF_CRIME, counts[known].T, strict=True))
        reports[SRS_BENCHMARK.name] = benchmark_rows(population.agencies.filter(pl.Series(known)), by_crime)
    truth = of_year.group_by("agency_id", "offense_code").agg(pl.col("n").sum())
    return Drawing({name: table.lazy() for name, table in reports.items()}, truth, population.year)


def _stretched(offenses: pl.DataFrame, number: int, seed: int) -> pl.DataFrame:
    """Half a year as a year: each month becomes two of half its offenses."""
    key = offenses["month"].cast(pl.Int64) * 1000 + offenses["offense_code"].rank("dense").cast(pl.Int64)
    point = random.uniform(seed, f"half months {number}", offenses["agency_id"].to_numpy(), key.to_numpy())
    first = (offenses["n"].to_numpy() / 2 + (point < 0.5) / 2).astype(np.int64)
    place = 2 * ((pl.col("month") - 1) % MONTHS_PER_HALF) + 1
    split = offenses.with_columns(first=pl.Series(first), place=place)
    return pl.concat(
        split.select("agency_id", "offense_code", month=month.cast(pl.Int8), n=n.cast(pl.Int32))
        for month, n in ((pl.col("place"), pl.col("first")), (pl.col("place") + 1, pl.col("n") - pl.col("first")))
    ).filter(pl.col("n") > 0)


def _by_crime(agencies: pl.DataFrame, offenses: pl.DataFrame) -> Floats:
    """(n, 9) offenses of each agency by crime."""
    row = agencies.select("agency_id").with_row_index("row")
    counted = offenses.join(row, on="agency_id")
    columns = []
    for codes in OFFENSES_OF_CRIME.values():
        some = counted.filter(pl.col("offense_code").is_in(codes))
        columns.append(np.bincount(some["row"].to_numpy(), some["n"].to_numpy(), agencies.height))
    return np.column_stack(columns)


def _noisy(agencies: pl.DataFrame, counts: Floats, number: int, seed: int) -> Floats:
    """Counts of another year: the level of each agency and of each of its crimes changes, and chance comes on top."""
    unit = agencies["agency_id"].to_numpy()
    level = _drift(counts.sum(axis=1))
    own = np.sqrt(np.maximum(_drift(counts) ** 2 - level[:, None] ** 2, 0.0))
    common = random.normal(seed, f"benchmark level {number}", unit)[:, None] * level[:, None]
    each = random.normal(seed, f"benchmark crime {number}", unit[:, None], np.arange(counts.shape[1])) * own
    # Without the second term a benchmark would on average be above the year.
    change = common + each - (level[:, None] ** 2 + own**2) / 2
    crime = np.arange(counts.shape[1])
    return random.poisson(seed, f"benchmark {number}", unit[:, None], crime, mean=counts * np.exp(change)).astype(float)


def _drift(counts: Floats) -> Floats:
    sd = np.sqrt(YEARS_OF_NOISE) * DRIFT * np.maximum(counts, 1.0) ** DRIFT_POWER
    return np.asarray(np.minimum(sd, LARGEST_DRIFT))


def _reports(
    population: FixedPopulation, offenses: pl.DataFrame, months: Flags, *, is_late: bool
) -> dict[str, pl.DataFrame]:
    """What is reported: datasets ``agency``, ``report_month`` and ``agency_month_offense``."""
    first = np.where(is_late & months.any(axis=1), months.argmax(axis=1), 0)
    if population.of_year is not None:
        months = months & population.of_year.sent
    responds, year = months.any(axis=1), population.year
    long_ago = dt.date(year - HISTORY_YEARS, 1, 1)
    agencies = population.agencies.with_columns(
        first=pl.Series(first), is_nibrs=pl.Series(responds), has_participated_nibrs=pl.Series(responds)
    ).with_columns(
        has_participated="has_participated_nibrs",
        nibrs_start_date=pl.when("is_nibrs").then(
            pl.when(pl.col("first") > 0).then(pl.date(year, pl.col("first") + 1, 1)).otherwise(pl.lit(long_ago))
        ),
    )
    row, month = np.nonzero(months)
    sent = population.agencies.select("agency_id", "ori", "data_year")[row].with_columns(
        month=pl.Series(month + 1, dtype=pl.Int8)
    )
    key = ["agency_id", "month"]
    counted = offenses.join(sent, on=key)
    some = counted.select(*key, status=pl.lit("I")).unique()
    reported = sent.join(some, on=key, how="left", maintain_order="left").with_columns(
        pl.col("status").fill_null("Z"), form_code=pl.lit("N"), status_source=pl.lit("reported")
    )
    return {
        AGENCY.name: AGENCY.cast(agencies),
        REPORT_MONTH.name: REPORT_MONTH.cast(reported),
        # The benchmark counts as the reports do, and nobody sends a summary.
        AGENCY_MONTH_OFFENSE.name: AGENCY_MONTH_OFFENSE.cast(counted.with_columns(n_summary="n")),
    }
