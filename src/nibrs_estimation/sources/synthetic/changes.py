"""How crime changes: from year to year in the nation and in each agency, with the seasons, and from month to month.

The smaller an agency, the more it changes: the standard deviations fall with a power of its annual offenses. A class of
crime changes with its agency, and beyond that by itself as its own offenses are fewer (sources/synthetic/README.md).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl

from nibrs_estimation.sources.synthetic.marginals import Floats, Integers, parameter, table
from nibrs_estimation.sources.synthetic.rates import CLASSES, UsualCrime, drift_variance
from nibrs_estimation.stats import random

YEAR_SIGMA, YEAR_MEMORY = 0.05, 0.7
#: What lies further back than this many steps, an AR(1) has forgotten.
_STEPS_REMEMBERED = 20
_MONTHS = np.arange(12)


def monthly_factors(agencies: pl.DataFrame, usual: UsualCrime, year: int, seed: int) -> Floats:
    """What each month of the year holds of a usual year's crime: (n agencies, 8 classes, 12 months), its mean 1 / 12.

    Args:
        agencies: rows of :func:`~nibrs_estimation.sources.synthetic.agency_frame`.
        usual: of the same agencies.
        year: data year.
        seed: seed of the run.
    """
    effect = _drift(agencies, usual, year, seed) + _month_effect(agencies, usual, year, seed)
    effect = np.exp(effect, out=effect)
    effect *= month_shares(agencies)
    effect *= year_effect(year, seed)
    return effect


def year_effect(year: int, seed: int) -> float:
    """The nation's level in a year beside that of 2013: the known trend, times exp of an AR(1) of sd 0.05."""
    level = table("crime_level")
    years, rates = level["year"].to_numpy(), level["part_one_per_100000"].to_numpy()
    trend = float(np.exp(np.interp(year, years, np.log(rates / rates[0]))))
    shocks = random.normal(seed, "year", year - np.arange(_STEPS_REMEMBERED))
    return trend * float(np.exp(YEAR_SIGMA * _autoregressive(shocks, YEAR_MEMORY)))


def month_shares(agencies: pl.DataFrame) -> Floats:
    """The share of a year's crime that falls in each month: (n, 8, 12), adding up to 1 over months.

    They are those of the agency's region, and for robbery, aggravated assault and burglary changed as these differ
    from all Part I offenses in the nation.
    """
    shares = _season()
    place = agencies["region_code"].cast(pl.Int64).fill_null(0).to_numpy()
    return np.asarray(shares[place], dtype=np.float64)


@cache
def _season() -> Floats:
    """Month shares by region code, 0 being none, and class of crime: (5, 8, 12)."""
    rows = {
        (row[0], row[1]): np.array(row[2:], dtype=np.float64)
        for row in table("season").drop("source").cast({"value": pl.String}).iter_rows()
    }
    nation = rows["nation", "all"]
    by_region = np.stack([nation, *(rows["region", str(code)] for code in range(1, 5))])
    by_class = np.stack([rows.get(("crime_class", name), nation) / nation for name in CLASSES])
    shares = by_region[:, None, :] * by_class
    return np.asarray(shares / shares.sum(axis=2, keepdims=True), dtype=np.float64)


def _drift(agencies: pl.DataFrame, usual: UsualCrime, year: int, seed: int) -> Floats:
    """Log effects of slow change, (n, 8, 12): an AR(1) at the starts of the years, straight lines between them."""
    common, own = _shared_and_own(drift_variance(usual.part_one), drift_variance(usual.by_class))
    memory, since = parameter("drift_memory"), (_MONTHS + 0.5) / 12
    unit, step = agencies["agency_id"].to_numpy(), np.arange(_STEPS_REMEMBERED)
    ends = []
    for start in (year, year + 1):
        shocks = random.normal(seed, "drift", unit[:, None, None], _key(start - step, len(CLASSES) + 1))
        ends.append(_autoregressive(shocks, memory))
    path = ends[0][:, :, None] * (1 - since) + ends[1][:, :, None] * since
    variance = (1 - since) ** 2 + since**2 + 2 * memory * since * (1 - since)
    return _combined(common, own, path, variance)


def _month_effect(agencies: pl.DataFrame, usual: UsualCrime, year: int, seed: int) -> Floats:
    """Log effects of single months, (n, 8, 12): an AR(1) from month to month."""
    common, own = _shared_and_own(_month_variance(usual.part_one), _month_variance(usual.by_class))
    memory, remembered = parameter("month_memory"), 6
    number = 12 * year + np.arange(-remembered, 12)
    shocks = random.normal(
        seed, "month_effect", agencies["agency_id"].to_numpy()[:, None, None], _key(number, len(CLASSES) + 1)
    )
    effect = [shocks[:, :, 0]]
    for month in range(1, len(number)):
        effect.append(memory * effect[-1] + np.sqrt(1 - memory**2) * shocks[:, :, month])
    return _combined(common, own, np.stack(effect[remembered:], axis=2), np.ones(12))


def _month_variance(offenses_a_year: Floats) -> Floats:
    """Variance of the log effect of a month by annual offenses."""
    with np.errstate(divide="ignore"):
        sigma = parameter("month_scale") * offenses_a_year ** parameter("month_exponent")
    return np.asarray(np.clip(sigma, parameter("month_least"), parameter("month_most")) ** 2, dtype=np.float64)


def _shared_and_own(of_agency: Floats, of_class: Floats) -> tuple[Floats, Floats]:
    """Variances of the effect that all classes of an agency share, (n,), and of what each adds to it, (n, 8)."""
    return of_agency, np.maximum(of_class - of_agency[:, None], 0.0)


def _combined(common: Floats, own: Floats, path: Floats, variance: Floats) -> Floats:
    """Log effects (n, 8, 12), of which exp has mean 1.

    Args:
        common: (n,) variances of the shared effect.
        own: (n, 8) variances of the classes' own effects.
        path: (n, 9, 12) normal numbers: the classes' own, then the shared.
        variance: (12,) their variances.
    """
    effect = np.sqrt(own)[:, :, None] * path[:, :-1] + np.sqrt(common)[:, None, None] * path[:, -1:]
    effect -= (own + common[:, None])[:, :, None] * variance / 2
    return np.asarray(effect, dtype=np.float64)


def _key(step: Integers, series: int) -> Integers:
    """Indices (series, steps) of the random numbers of several series."""
    return np.asarray(np.arange(series)[:, None] + 100 * step, dtype=np.int64)


def _autoregressive(shocks: Floats, memory: float) -> Floats:
    """The newest value of a standard normal AR(1) with these shocks, newest first along the last axis."""
    weights = memory ** np.arange(shocks.shape[-1])
    return np.asarray(shocks @ (weights / np.sqrt((weights**2).sum())), dtype=np.float64)
