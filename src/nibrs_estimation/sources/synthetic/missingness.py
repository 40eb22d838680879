"""Items that agencies leave unknown or empty (sources/synthetic/README.md).

The logit of the probability that an item is missing has random effects of the agency, of its state and of the offense,
so they differ as they do in real data, and an effect of the arrest. The shares of ``missing.csv`` are means over
agencies. By ``blank=value`` the probability also depends on the value itself, a little.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import ArrayLike
from scipy import special

from nibrs_estimation.sources.synthetic.marginals import Booleans, Floats, Integers, table
from nibrs_estimation.sources.synthetic.nation import IDS_PER_STATE
from nibrs_estimation.stats import random

#: Standard deviations of the effects of agencies, states and offenses on the logit.
SIGMA, SIGMA_OF_STATE, SIGMA_OF_OFFENSE = 0.7, 0.3, 0.25
#: Effects of an arrest in the incident, and of none.
ARREST, NO_ARREST = -0.3, 0.1
#: By ``blank=value``: effects of values on the logit that the item is missing.
VALUE_EFFECTS: Mapping[str, Mapping[str, float]] = {
    "sex": {"M": 0.3},
    "race": {"B": 0.3},
    "ethnicity": {"H": 0.4},
}
#: By ``blank=value``: effect of an age below 18 years.
MINOR_EFFECT = -0.4
_NODES = 40


@dataclass(frozen=True)
class Circumstances:
    """On what it depends for n persons of incidents whether items are missing, beside their agencies.

    Attributes:
        offense: (n,) numbers of the main offenses.
        has_arrest: (n,) whether somebody was arrested.
        by_value: whether it depends on the value itself.
    """

    offense: Integers
    has_arrest: Booleans
    by_value: bool = False

    def effect(self, item: str, seed: int) -> Floats:
        """Effects on the logit that an item is missing, without that of the value: (n,)."""
        of_offense = SIGMA_OF_OFFENSE * random.normal(seed, f"missing_by_offense_{item}", self.offense)
        return np.asarray(of_offense + np.where(self.has_arrest, ARREST, NO_ARREST), dtype=np.float64)


def missing_probability(item: str, seed: int, agency_id: ArrayLike, effect: Floats | float = 0.0) -> Floats:
    """The share of missing values of an item in each agency: (n,) for (n,) agencies.

    Args:
        item: an item of ``missing.csv``.
        seed: seed of the run.
        agency_id: (n,) the agencies.
        effect: other effects on the logit, broadcast against the agencies.
    """
    agency = np.asarray(agency_id, dtype=np.int64)
    total = SIGMA * random.normal(seed, f"missing_by_agency_{item}", agency)
    total = total + SIGMA_OF_STATE * random.normal(seed, f"missing_by_state_{item}", agency // IDS_PER_STATE) + effect
    return np.asarray(special.expit(_intercept(item) + total), dtype=np.float64)


def is_missing(item: str, seed: int, unit: Integers, agency_id: Integers, effect: Floats | float = 0.0) -> Booleans:
    """Whether the item is missing: (n,) for (n,) units of (n,) agencies."""
    point = random.uniform(seed, f"missing_{item}", unit)
    return np.asarray(point < missing_probability(item, seed, agency_id, effect), dtype=np.bool_)


def value_effect(trait: str, values: pl.Series) -> Floats:
    """Effects on the logit of the values of a trait, by ``blank=value``: (n,)."""
    effects = VALUE_EFFECTS[trait]
    return values.replace_strict(effects, default=0.0, return_dtype=pl.Float64).to_numpy()


def with_missing(
    values: pl.Series, item: str, seed: int, unit: Integers, agency_id: Integers, effect: Floats | float = 0.0
) -> pl.Series:
    """The values, replaced by codes for missing values (or null) where the item is missing.

    Args:
        values: (n,) texts.
        item: an item of ``missing.csv``; an item that is not in the file is never missing.
        seed: seed of the run.
        unit: (n,) keys of the units.
        agency_id: (n,) the agencies that reported them.
        effect: other effects on the logit, broadcast against the agencies.
    """
    codes = _rows(item)
    if codes.is_empty():
        return values
    rows = np.flatnonzero(is_missing(item, seed, unit, agency_id, effect))
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
    spread = np.hypot(np.hypot(SIGMA, SIGMA_OF_STATE), SIGMA_OF_OFFENSE)

    def excess(logit: float) -> float:
        return float(weights @ special.expit(logit + spread * nodes) - share)

    return float(optimize.brentq(excess, -20, 20))
