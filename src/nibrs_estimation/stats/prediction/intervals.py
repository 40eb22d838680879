"""Intervals of estimates: what was reported is known, and what was not has a log-normal distribution.

Source: handbook 11.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
#: Normal quantile of intervals of 95 %.
QUANTILE = 1.96
#: A lower end less than so much above the reported count is the reported count.
_HALF_A_COUNT = 0.5


def unreported_interval(
    total: ArrayLike, standard_error: ArrayLike, reported: ArrayLike, rho: ArrayLike, *, quantile: float = QUANTILE
) -> tuple[Floats, Floats]:
    """Interval of a count: reported counts, and a log-normal interval of what was not reported.

    With S reported, U = max(T - S, 0) + ρ/2, V* = V + ρ(1 + ρ)/2, k = √ln(1 + V*/U²), quantile t:

        lower = S + U e^(-tk), but S if that is below S + ½, and at most T;
        upper = max(S + U e^(tk), T + t√V*), at most S + U + 2t√V*.

    Half a count of what was reported, times ρ, is added because a count of 0 is not sure to be 0 where agencies are
    missing. A standard error that is not known (NaN) gives NaN.

    Args:
        total: T, estimates; all arguments are broadcast against each other.
        standard_error: √V.
        reported: S, at least 0.
        rho: ρ of the domain, size of nonrespondents over that of respondents; where it is infinite, nothing limits the
            upper end.
        quantile: t.

    Returns:
        Lower and upper ends.

    Raises:
        ValueError: a number is negative.
    """
    T, error, S, ratio = (
        np.asarray(values, dtype=np.float64) for values in np.broadcast_arrays(total, standard_error, reported, rho)
    )
    for name, values in (("total", T), ("standard_error", error), ("reported", S), ("rho", ratio)):
        if (values < 0).any():
            raise ValueError(f"{name} must be at least 0")
    is_bounded = np.isfinite(ratio)
    ratio = np.where(is_bounded, ratio, 0.0)
    U = np.maximum(T - S, 0) + ratio / 2
    V = error**2 + ratio * (1 + ratio) / 2
    spread = quantile * np.sqrt(V)
    # Far from 0 in units of U, k and its exponential are infinite; the largest upper end limits what comes of them.
    with np.errstate(divide="ignore", over="ignore"):
        relative = np.divide(np.sqrt(V), U, out=np.zeros_like(V), where=U > 0)
        k = np.sqrt(np.log1p(relative**2))
        lower = S + U * np.exp(-quantile * k)
        upper = np.minimum(np.maximum(S + U * np.exp(quantile * k), T + spread), S + U + 2 * spread)
    # Where ρ/2 is much beside T - S, the lower end would be above the estimate.
    lower = np.minimum(np.where(lower < S + _HALF_A_COUNT, S, lower), np.maximum(T, S))
    known = np.isfinite(error)
    lower, upper = np.where(known, lower, np.nan), np.where(known, upper, np.nan)
    return np.where(is_bounded, lower, S), np.where(is_bounded, upper, np.inf)


def percentage_interval(
    percentage: ArrayLike, standard_error: ArrayLike, *, quantile: float = QUANTILE
) -> tuple[Floats, Floats]:
    """Interval of a percentage: R ± t SE, cut to 0 to 100."""
    R, error = np.asarray(percentage, dtype=np.float64), np.asarray(standard_error, dtype=np.float64)
    return np.clip(R - quantile * error, 0, 100), np.clip(R + quantile * error, 0, 100)
