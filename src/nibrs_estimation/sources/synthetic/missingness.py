"""Items that agencies leave unknown or empty (sources/synthetic/README.md).

An agency's share of missing items has a random effect on the logit, so agencies differ as they do in real data. The
shares of ``missing.csv`` are means over agencies.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
from numpy.typing import ArrayLike
from scipy import special

from nibrs_estimation.sources.synthetic.marginals import Booleans, Floats, Integers, table
from nibrs_estimation.stats import random

#: Standard deviation of the agencies' effects on the logit.
SIGMA = 0.7
_NODES = 40


def missing_probability(item: str, seed: int, agency_id: ArrayLike) -> Floats:
    """The share of missing values of an item in each agency: (n,) for (n,) agencies."""
    effect = SIGMA * random.normal(seed, f"missing_by_agency_{item}", agency_id)
    return np.asarray(special.expit(_intercept(item) + effect), dtype=np.float64)


def is_missing(item: str, seed: int, unit: Integers, agency_id: Integers) -> Booleans:
    """Whether the item is missing: (n,) for (n,) units of (n,) agencies."""
    point = random.uniform(seed, f"missing_{item}", unit)
    return np.asarray(point < missing_probability(item, seed, agency_id), dtype=np.bool_)


def with_missing(values: pl.Series, item: str, seed: int, unit: Integers, agency_id: Integers) -> pl.Series:
    """The values, replaced by codes for missing values (or null) where the item is missing.

    Args:
        values: (n,) texts.
        item: an item of ``missing.csv``; an item that is not in the file is never missing.
        seed: seed of the run.
        unit: (n,) keys of the units.
        agency_id: (n,) the agencies that reported them.
    """
    codes = _rows(item)
    if codes.is_empty():
        return values
    rows = np.flatnonzero(is_missing(item, seed, unit, agency_id))
    place = random.categorical(seed, f"missing_code_{item}", unit[rows], probabilities=codes["share"].to_numpy())
    # Polars scatters in place, and the true values stay.
    return values.clone().scatter(rows, codes["missing_code"].gather(place))


@cache
def _rows(item: str) -> pl.DataFrame:
    return table("missing").filter(pl.col("item") == item)


@cache
def _intercept(item: str) -> float:
    """The logit to which the effect is added, such that the mean over agencies is the item's share."""
    from scipy import optimize  # noqa: PLC0415 (slow to import)

    share = _rows(item)["share"].sum()
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    weights = weights / weights.sum()

    def excess(logit: float) -> float:
        return float(weights @ special.expit(logit + SIGMA * nodes) - share)

    return float(optimize.brentq(excess, -20, 20))
