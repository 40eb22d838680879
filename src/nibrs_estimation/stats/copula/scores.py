"""Ranks of covariates as normal scores."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Ties = Literal["min", "average"]


def normal_scores(x: Floats, ties: Ties = "average") -> Floats:
    """Φ⁻¹(rank / (n + 1)) of n values; missing values (NaN) get the score 0 of the middle.

    Args:
        x: (n,) values.
        ties: rank of equal values: their mean, or the smallest.
    """
    scores = np.zeros(len(x))
    known = ~np.isnan(x)
    ranks = stats.rankdata(x[known], method=ties)
    scores[known] = stats.norm.ppf(ranks / (known.sum() + 1))
    return scores
