"""The mean of a count under a Gaussian copula, given covariates: the compiled parts.

A count y of n respondents has the empirical distribution of its distinct values x_1 < ... < x_M, F_m, and the normal
score of the covariates z is

    μ = β'z,   β = Σ⁻¹ r,   σ² = 1 - r'β,

with r the correlations of y with the covariates and Σ those among covariates. A draw would be Q(Φ(μ + σ ε)), with Q
the inverse of F; only its mean is needed, and that has a closed form:

    E = x_M - Σ_{m<M} (x_{m+1} - x_m) Φ((Φ⁻¹(F_m) - μ)/σ).

r is the correlation of the normal scores of ranks, or sin(π τ_b / 2) with Kendall's tau-b. Source: handbook 15.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from nibrs_estimation.stats.copula.normal import distribution, quantile

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
#: A distribution of more distinct values is reduced to so many steps of equal probability; each keeps its mean.
MOST_STEPS = 256
#: Smallest σ², and largest r'Σ⁻¹r.
_LEAST_VARIANCE, _LARGEST_EXPLAINED = 1e-6, 1.0 - 1e-6
#: The normal density at 0.
_DENSITY = 1 / math.sqrt(2 * math.pi)

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def steps(values: Floats, zeros: int, x: Floats, q: Floats) -> int:
    """The distinct values of a count, and normal scores of its distribution below each.

    Args:
        values: (k,) counts above 0, ascending.
        zeros: number of respondents with a count of 0.
        x: result (M,), distinct values.
        q: result (M,): q[m] is Φ⁻¹(F_m), and M - 1 of them are set.

    Returns:
        M.
    """
    n, M, below = zeros + len(values), 0, 0
    if zeros > 0:
        x[0], q[0], M, below = 0.0, quantile(zeros / n), 1, zeros
    distinct = 0
    for i in range(len(values)):
        distinct += i == 0 or values[i] != values[i - 1]
    least = 1 if distinct <= MOST_STEPS else -(-len(values) // MOST_STEPS)
    i = 0
    while i < len(values):
        end = min(i + least, len(values))
        while end < len(values) and values[end] == values[end - 1]:
            end += 1
        total = 0.0
        for j in range(i, end):
            total += values[j]
        below += end - i
        x[M] = values[i] if values[i] == values[end - 1] else total / (end - i)
        q[M] = quantile(below / n)
        M += 1
        i = end
    return M


@_compiled
def expectation(x: Floats, q: Floats, M: int, mu: float, sigma: float) -> float:
    """E of a count with M steps, given the normal score μ of the covariates and its σ."""
    mean = float(x[M - 1])
    for m in range(M - 1):
        mean -= (x[m + 1] - x[m]) * distribution((q[m] - mu) / sigma)
    return mean


@_compiled
def expectation_and_slope(x: Floats, q: Floats, M: int, mu: float, sigma: float) -> tuple[float, float]:
    """E as :func:`expectation`, and its derivative in μ."""
    mean, slope = float(x[M - 1]), 0.0
    for m in range(M - 1):
        at = (q[m] - mu) / sigma
        mean -= (x[m + 1] - x[m]) * distribution(at)
        slope += (x[m + 1] - x[m]) * math.exp(-0.5 * at * at)
    return mean, slope * _DENSITY / sigma


@_compiled
def coefficients(r: Floats, inverse: Floats, p: int, beta: Floats) -> float:
    """β of p covariates from their correlations r, which are shrunk if they explain everything; returns σ."""
    explained = 0.0
    for a in range(p):
        beta[a] = 0.0
        for b in range(p):
            beta[a] += inverse[a, b] * r[b]
        explained += r[a] * beta[a]
    if explained > _LARGEST_EXPLAINED:
        factor = math.sqrt(_LARGEST_EXPLAINED / explained)
        for a in range(p):
            beta[a] *= factor
        explained = _LARGEST_EXPLAINED
    return math.sqrt(max(1.0 - explained, _LEAST_VARIANCE))


@_compiled
def score_correlations(
    z: Floats, order: Integers, values: Floats, zeros: int, sums: Floats, squares: Floats, p: int, r: Floats
) -> None:
    """Correlations of covariates with the normal scores of the mid-ranks of a count, into r.

    Args:
        z: (R, p) covariates of respondents.
        order: (k,) respondents with a count above 0, by it.
        values: (k,) their counts, ascending.
        zeros: number of respondents with a count of 0.
        sums: (p,) sums of the covariates over all of these respondents.
        squares: (p,) of their squares.
        p: number of covariates.
        r: (p,) result.
    """
    n = zeros + len(values)
    of_zero = quantile((zeros + 1) / 2 / (n + 1)) if zeros > 0 else 0.0
    total, total_square = zeros * of_zero, zeros * of_zero * of_zero
    for a in range(p):
        r[a] = of_zero * sums[a]
    i = 0
    while i < len(values):
        end = i + 1
        while end < len(values) and values[end] == values[i]:
            end += 1
        score = quantile((zeros + (i + 1 + end) / 2) / (n + 1))
        total += (end - i) * score
        total_square += (end - i) * score * score
        for j in range(i, end):
            for a in range(p):
                r[a] += (score - of_zero) * z[order[j], a]
        i = end
    spread = total_square - total * total / n
    for a in range(p):
        of_covariate = squares[a] - sums[a] * sums[a] / n
        r[a] = (
            (r[a] - sums[a] * total / n) / math.sqrt(spread * of_covariate) if spread > 0 and of_covariate > 0 else 0.0
        )


@_compiled
def tau_b(x: Floats, order: Integers, values: Floats, inside: Integers) -> float:
    """Kendall's tau-b of a covariate and a count that is mostly 0.

    Pairs of a count above 0 and a count of 0 are found from the ranks of x, pairs of two counts above 0 one by one, so
    this takes a time that grows with the square of k.

    Args:
        x: (R,) the covariate of respondents.
        order: (k,) respondents with a count above 0, by it.
        values: (k,) their counts, ascending.
        inside: (n,) all of these respondents.
    """
    n, k = len(inside), len(order)
    among = np.empty(n)
    for i in range(n):
        among[i] = x[inside[i]]
    among.sort()
    tied_x, i = 0.0, 0
    while i < n:
        end = i + 1
        while end < n and among[end] == among[i]:
            end += 1
        tied_x += (end - i) * (end - i - 1) / 2
        i = end
    concordant = 0.0
    for i in range(k):
        own = x[order[i]]
        below = np.searchsorted(among, own)
        above = n - np.searchsorted(among, own, side="right")
        # Against all others, as if they had a count of 0.
        concordant += below - above
        for j in range(i):
            # Pairs within were counted once from each side, in opposite directions, and cancelled.
            if values[i] > values[j]:
                concordant += np.sign(own - x[order[j]])
    pairs = n * (n - 1) / 2
    zeros = n - k
    tied_y, i = zeros * (zeros - 1) / 2, 0
    while i < k:
        end = i + 1
        while end < k and values[end] == values[i]:
            end += 1
        tied_y += (end - i) * (end - i - 1) / 2
        i = end
    product = (pairs - tied_x) * (pairs - tied_y)
    return concordant / math.sqrt(product) if product > 0 else 0.0
