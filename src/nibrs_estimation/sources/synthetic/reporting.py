"""Which agencies report to NIBRS, and which months (specification 02, section 15.2, step 6)."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.sources.synthetic.marginals import Floats, draw, table
from nibrs_estimation.stats import random

_INCONSISTENT_SHARE = 0.7


def is_nibrs_reporter(agencies: pl.DataFrame, year: int, seed: int) -> pl.Series:
    """Whether each agency has changed over to NIBRS by the year: never back, and big cities later.

    Covered and dormant agencies and those that report officers only (status L) never do.
    """
    reports = ~(agencies["is_covered"] | agencies["is_dormant"] | (agencies["agency_status"] == "L"))
    return reports & pl.Series("is_nibrs", _readiness(agencies, seed) < _share(agencies, year))


def reported_months(agencies: pl.DataFrame, year: int, seed: int) -> NDArray[np.bool_]:
    """The months that each agency reported: (n, 12).

    Most NIBRS agencies report every month; some start late, stop early, leave months out, or send nothing.
    """
    unit = agencies["agency_id"].to_numpy()
    pattern = draw("reporting_pattern", seed, unit, year).to_numpy()[:, None]
    month = np.arange(1, 13)
    turn = _turning_month(agencies, year, seed)[:, None]
    sent = random.uniform(seed, "inconsistent", unit[:, None], year * 100 + month) < _INCONSISTENT_SHARE
    months = np.select(
        [pattern == "full", pattern == "late", pattern == "quit", pattern == "inconsistent"],
        [np.ones_like(sent), month >= turn, month < turn, sent],
        default=False,
    )
    return np.asarray(months & agencies["is_nibrs"].to_numpy()[:, None], dtype=np.bool_)


def nibrs_start(agencies: pl.DataFrame, year: int, seed: int) -> pl.Series:
    """First day of NIBRS reporting: in the year for late starters, else when the agency changed over."""
    years = table("nibrs_share")["year"].to_list()
    readiness = _readiness(agencies, seed)
    waited = sum((readiness >= _share(agencies, known)).astype(np.int64) for known in years[:-1])
    start = np.minimum(np.array(years)[waited], year)
    pattern = draw("reporting_pattern", seed, agencies["agency_id"].to_numpy(), year)
    is_late = pl.col("pattern") == "late"
    dates = agencies.select("is_nibrs", pattern=pattern, start=start, turn=_turning_month(agencies, year, seed)).select(
        pl.when("is_nibrs").then(
            pl.date(pl.when(is_late).then(year).otherwise("start"), pl.when(is_late).then("turn").otherwise(1), 1)
        )
    )
    return dates.to_series()


def _turning_month(agencies: pl.DataFrame, year: int, seed: int) -> NDArray[np.int64]:
    """The first month of late starters and the first without a report of quitters: 2 to 12."""
    point = random.uniform(seed, "turning_month", agencies["agency_id"].to_numpy(), year)
    return np.asarray(np.floor(2 + 11 * point), dtype=np.int64)


def _readiness(agencies: pl.DataFrame, seed: int) -> Floats:
    """One number in (0, 1) per agency, which is a NIBRS agency once its probability to be one exceeds it."""
    return random.uniform(seed, "nibrs", agencies["agency_id"].to_numpy())


def _share(agencies: pl.DataFrame, year: int) -> Floats:
    """Probability of being a NIBRS agency: the year's share, with the odds of the population group."""
    shares = table("nibrs_share")
    share = float(np.interp(year, shares["year"].to_numpy(), shares["share"].to_numpy()))
    odds_ratio = agencies.join(table("population_group"), on="population_group_code", how="left", maintain_order="left")
    odds = share / (1 - share) * odds_ratio["nibrs_odds"].to_numpy()
    return np.asarray(odds / (1 + odds), dtype=np.float64)
