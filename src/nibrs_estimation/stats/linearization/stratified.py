"""Taylor-linearized variance of totals from a stratified sample without replacement, with finite population correction.

Primary sampling units are the rows. Source: handbook 11; Särndal, Swensson and Wretman (1992),
sections 3.7 and 10.3 (domains).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
#: Below this share of the raw sum of squares the moments have lost their digits.
_CANCELLATION = 1e-6


@dataclass(frozen=True)
class StratifiedTotals:
    """Estimated totals; all arrays are (domains, cells).

    Attributes:
        total: sum of weight times value.
        standard_error: of ``total``.
        unweighted_total: sum of the sampled values.
        unit_count: sampled units with a value above 0.
    """

    total: Floats
    standard_error: Floats
    unweighted_total: Floats
    unit_count: Floats


def stratified_totals(
    y: sparse.csr_array,
    weights: Floats,
    stratum: NDArray[np.integer],
    stratum_population: NDArray[np.integer],
    domains: sparse.csr_array,
    *,
    single_psu: Literal["refuse", "average", "adjust"] = "refuse",
) -> StratifiedTotals:
    """Totals of every cell in every domain, with standard errors.

    For a domain g the linearized variate is u_k = w_k y_k if unit k is in g, otherwise 0. Units outside the domain stay
    in the sample, so a domain need not be a union of strata. Then

        V = (H / H_ok) Σ_h (1 - f_h) n_h / (n_h - 1) [Σ u_k² - (Σ u_k)² / n_h],    f_h = n_h / N_h,

    computed from weighted moments. Where the bracket is below 1e-6 of Σ u_k², it is computed again from residuals; it
    is never below 0. Strata with f_h = 1 contribute 0 and do not count as single-PSU strata.

    The sums run in the order of the rows, so the same rows in the same order give the same bits.

    Args:
        y: (n, m) values of the n sampled units in m cells.
        weights: (n,) their weights.
        stratum: (n,) their strata, 0 to H - 1.
        stratum_population: (H,) N_h, units in each stratum of the population.
        domains: (G, n) 1 where a unit is in a domain, otherwise 0.
        single_psu: what to do with single-PSU strata, which have one sampled unit out of several: refuse them, or
            apply one of two rules of R's survey package (``lonely.psu``).
            "average" omits them and multiplies the variance by H / H_ok. H is the number of strata of the whole design
            that have sampled units, H_ok the number of those with several. The factor is the same in every domain,
            also in one that has no unit in a single-PSU stratum. (If R is applied to the subset of the domain, it
            counts only the strata of the subset.)
            "adjust" gives such a stratum the variance (1 - 1 / N_h) u_k²: its unit is not centered at the mean of its
            stratum, which is the unit itself. R's manual states that it centers at the mean of the sample, but its
            ``svytotal`` centers at 0; this function does the same.

    Raises:
        ValueError: shapes or numbers do not fit, a stratum of the population has no sampled unit or fewer units
            than were sampled, a single-PSU stratum is refused, or all strata are single-PSU strata.
    """
    # Sums of narrow integers would overflow.
    y = y.astype(np.float64)
    H = len(stratum_population)
    N = np.asarray(stratum_population, dtype=np.float64)
    n = np.bincount(stratum, minlength=H).astype(np.float64)
    _check(y, weights, stratum, N, n, domains)
    is_single_psu = (n == 1) & (N > 1)
    if is_single_psu.any() and single_psu == "refuse":
        raise ValueError(
            f"strata {np.flatnonzero(is_single_psu).tolist()} have one sampled unit out of several, so their variance "
            "cannot be estimated: collapse each with a neighbor, or use the average rule"
        )
    strata, single_psu_strata = np.count_nonzero(n), np.count_nonzero(is_single_psu)
    if strata and single_psu_strata == strata and single_psu == "average":
        raise ValueError("every stratum has one sampled unit out of several: there is no variance to average")

    u = sparse.csr_array(y.multiply(weights[:, None]))
    u2 = sparse.csr_array(u.multiply(u))
    variance = _within_strata(u, u2, stratum, n, N, domains)
    if single_psu == "adjust":
        adjustment = np.where(is_single_psu, 1 - 1 / np.maximum(N, 1), 0.0)[stratum]
        variance += (domains @ sparse.csr_array(u2.multiply(adjustment[:, None]))).toarray()
    elif single_psu_strata:
        variance *= strata / (strata - single_psu_strata)
    positive = sparse.csr_array((y > 0).astype(np.float64))
    return StratifiedTotals(
        total=(domains @ u).toarray(),
        standard_error=np.sqrt(variance),
        unweighted_total=(domains @ y).toarray(),
        unit_count=(domains @ positive).toarray(),
    )


def variances_within(u: Floats, stratum: NDArray[np.integer], stratum_population: NDArray[np.integer]) -> Floats:
    """(1 - f_h) n_h / (n_h - 1) Σ (u_k - ū_h)² of every stratum, from residuals, so that nothing cancels.

    Args:
        u: (n, m) linearized variates of the sampled units.
        stratum: (n,) strata 0 to H - 1, ascending.
        stratum_population: (H,) N_h.

    Returns:
        (H, m); 0 where all units or none are sampled, NaN where one is sampled out of several.
    """
    N = np.asarray(stratum_population, dtype=np.float64)
    n = np.bincount(stratum, minlength=len(N)).astype(np.float64)
    variances = np.zeros((len(N), u.shape[1]))
    if not len(u):
        return variances
    starts = np.flatnonzero(np.diff(stratum, prepend=stratum[0] - 1))
    present = stratum[starts]
    mean = np.zeros_like(variances)
    mean[present] = np.add.reduceat(u, starts, axis=0) / n[present][:, None]
    squares = np.add.reduceat((u - mean[stratum]) ** 2, starts, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(n < N, (1 - n / N) * n / (n - 1), 0.0)
    factor[(n == 1) & (N > 1)] = np.nan
    variances[present] = factor[present][:, None] * squares
    return variances


def _within_strata(
    u: sparse.csr_array,
    u2: sparse.csr_array,
    stratum: NDArray[np.integer],
    n: Floats,
    N: Floats,
    domains: sparse.csr_array,
) -> Floats:
    """Σ_h (1 - f_h) n_h / (n_h - 1) [Σ u_k² - (Σ u_k)² / n_h] of strata with several, but not all, units sampled.

    The moments of all pairs of a domain and a stratum in which it has units are one product of sparse matrices.
    """
    domain, unit = domains.nonzero()
    counted = ((n > 1) & (n < N))[stratum[unit]]
    domain, unit = domain[counted].astype(np.int64), unit[counted]
    pairs, pair = np.unique(domain * len(n) + stratum[unit], return_inverse=True)
    g, h = np.divmod(pairs, len(n))
    inside = sparse.csr_array((np.ones(len(unit)), (pair, unit)), shape=(len(pairs), u.shape[0]))
    # The sums below run in the order of the units.
    inside.sort_indices()
    mean = (inside @ u).toarray() / n[h][:, None]
    Q = (inside @ u2).toarray()
    squares = Q - n[h][:, None] * mean * mean
    lost = (squares < _CANCELLATION * Q) & (Q > 0)
    for p in np.flatnonzero(lost.any(axis=1)):
        members = inside.indices[inside.indptr[p] : inside.indptr[p + 1]]
        squares[p, lost[p]] = _residual_squares(u[members][:, lost[p]], mean[p, lost[p]], n[h[p]])
    factor = (1 - n[h] / N[h]) * n[h] / (n[h] - 1)
    of_domain = sparse.csr_array((factor, (g, np.arange(len(pairs)))), shape=(domains.shape[0], len(pairs)))
    return np.asarray(of_domain @ np.maximum(squares, 0.0), dtype=np.float64)


def _residual_squares(u: sparse.csr_array, mean: Floats, n: float) -> Floats:
    """Σ (u_k - ū)² over the n units of a stratum, for each cell; units without a stored value have u_k = 0."""
    cells = len(mean)
    stored = np.bincount(u.indices, minlength=cells)
    squares = np.bincount(u.indices, weights=(u.data - mean[u.indices]) ** 2, minlength=cells)
    return np.asarray(squares + (n - stored) * mean**2, dtype=np.float64)


def _check(
    y: sparse.csr_array,
    weights: Floats,
    stratum: NDArray[np.integer],
    N: Floats,
    n: Floats,
    domains: sparse.csr_array,
) -> None:
    units = y.shape[0]
    if weights.shape != (units,) or stratum.shape != (units,) or domains.shape[1] != units:
        raise ValueError(
            f"y has {units} units, but weights {weights.shape}, stratum {stratum.shape} and domains {domains.shape} "
            "do not match"
        )
    if len(n) > len(N):
        raise ValueError(f"stratum {len(n) - 1} has no population: stratum_population has {len(N)} entries")
    if not (np.isfinite(weights).all() and np.isfinite(y.data).all() and np.isfinite(N).all()):
        raise ValueError("values, weights and stratum populations must be finite numbers")
    if not np.isin(domains.data, (0, 1)).all():
        raise ValueError("domains contain numbers other than 0 and 1")
    if (n > N).any():
        raise ValueError(f"strata {np.flatnonzero(n > N).tolist()} have more sampled units than their population")
    empty = (n == 0) & (N > 0)
    if empty.any():
        raise ValueError(
            f"strata {np.flatnonzero(empty).tolist()} have no sampled unit and cannot be estimated: collapse each with "
            "a neighbor"
        )
