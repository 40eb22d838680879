"""Agencies that report to NIBRS, and their months (sources/synthetic/README.md)."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.sources.synthetic.marginals import Floats, draw, table
from nibrs_estimation.stats import random

#: Share of months that an inconsistent reporter sends.
_INCONSISTENT_SHARE = 0.7
#: Share of agencies that start during their first year instead of at its beginning.
_LATE_SHARE = 0.5
_DUAL_SHARE = 0.15
_YEARS_BEFORE = 5
_FULL_SUMMARY_SHARE, _NO_SUMMARY_SHARE = 0.85, 0.05


def is_nibrs_reporter(agencies: pl.DataFrame, year: int, seed: int) -> pl.Series:
    """Whether each agency has changed to NIBRS by the year. No agency changes back, and large cities change later.

    Covered and dormant agencies and those that report only officers (status L) never change.
    """
    return reports_crime(agencies) & pl.Series("is_nibrs", _readiness(agencies, seed) < _share(agencies, year))


def reported_months(agencies: pl.DataFrame, year: int, seed: int) -> NDArray[np.bool_]:
    """The months that each agency reported to NIBRS: (n, 12).

    Most NIBRS agencies report every month; some start late in their first year, stop early, omit months, or send
    nothing.
    """
    unit = agencies["agency_id"].to_numpy()
    pattern = draw("reporting_pattern", seed, unit, year).to_numpy()[:, None]
    month = np.arange(1, 13)
    stop = _turning_month(agencies, year, seed)[:, None]
    sent = random.uniform(seed, "inconsistent", unit[:, None], year * 100 + month) < _INCONSISTENT_SHARE
    months = np.select(
        [pattern == "full", pattern == "late", pattern == "quit", pattern == "inconsistent"],
        [np.ones_like(sent), np.ones_like(sent), month < stop, sent],
        default=False,
    )
    first_year, first_month = _start(agencies, seed)
    has_started = (first_year[:, None] != year) | (month >= first_month[:, None])
    return np.asarray(months & has_started & agencies["is_nibrs"].to_numpy()[:, None], dtype=np.bool_)


def reported_summaries(agencies: pl.DataFrame, year: int, seed: int) -> NDArray[np.bool_]:
    """The months for which each agency sent a summary (Return A): (n, 12).

    Agencies that do not report to NIBRS send summaries, and some of the others send both; a few omit months.
    """
    unit = agencies["agency_id"].to_numpy()
    is_nibrs = agencies["is_nibrs"].to_numpy()
    reports = reports_crime(agencies).to_numpy()
    is_dual = random.uniform(seed, "dual reporter", unit) < _DUAL_SHARE
    willing = random.uniform(seed, "summary pattern", unit, year)[:, None]
    month = np.arange(1, 13)
    sent = random.uniform(seed, "summary month", unit[:, None], year * 100 + month) < _INCONSISTENT_SHARE
    months = np.where(willing < _FULL_SUMMARY_SHARE, True, (willing < 1 - _NO_SUMMARY_SHARE) & sent)
    return np.asarray(months & (reports & (~is_nibrs | is_dual))[:, None], dtype=np.bool_)


def reports_crime(agencies: pl.DataFrame) -> pl.Series:
    """Whether agencies report crime: not if covered, dormant, or reporting only officers (status L)."""
    return ~(agencies["is_covered"] | agencies["is_dormant"] | (agencies["agency_status"] == "L"))


def nibrs_start(agencies: pl.DataFrame, seed: int) -> pl.Series:
    """First day of NIBRS reporting of each agency that reports to NIBRS."""
    year, month = _start(agencies, seed)
    dates = agencies.select("is_nibrs", year=year, month=month).select(
        pl.when("is_nibrs").then(pl.date("year", "month", 1))
    )
    return dates.to_series()


def _start(agencies: pl.DataFrame, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The year and month in which each agency changed: January, except for late starters."""
    known = table("nibrs_share")["year"]
    readiness = _readiness(agencies, seed)
    years = range(known.min(), known.max())  # type: ignore[arg-type]
    waited = sum((readiness >= _share(agencies, year)).astype(np.int64) for year in years)
    # Agencies that report in the first year of the table may have started earlier.
    year = np.where(waited > 0, years[0] + waited, years[0] - _YEARS_BEFORE)
    unit = agencies["agency_id"].to_numpy()
    is_late = random.uniform(seed, "late start", unit) < _LATE_SHARE
    month = np.floor(2 + 11 * random.uniform(seed, "start month", unit)).astype(np.int64)
    return year, np.where(is_late, month, 1)


def _turning_month(agencies: pl.DataFrame, year: int, seed: int) -> NDArray[np.int64]:
    """The first month without a report, for agencies that stop: 2 to 12."""
    point = random.uniform(seed, "turning_month", agencies["agency_id"].to_numpy(), year)
    return np.asarray(np.floor(2 + 11 * point), dtype=np.int64)


def _readiness(agencies: pl.DataFrame, seed: int) -> Floats:
    """A threshold in (0, 1) for each agency: it is a NIBRS agency when its probability exceeds the threshold."""
    return random.uniform(seed, "nibrs", agencies["agency_id"].to_numpy())


def _share(agencies: pl.DataFrame, year: int) -> Floats:
    """Probability of being a NIBRS agency: the year's share, with the odds of the population group."""
    shares = table("nibrs_share")
    share = float(np.interp(year, shares["year"].to_numpy(), shares["share"].to_numpy()))
    odds_ratio = agencies.join(table("population_group"), on="population_group_code", how="left", maintain_order="left")
    odds = share / (1 - share) * odds_ratio["nibrs_odds"].to_numpy()
    return np.asarray(odds / (1 + odds), dtype=np.float64)
