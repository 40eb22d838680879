"""Linear programs about calibration: is there a solution at all, and how small may the upper bound be?

They cost many times what Newton's method costs, so only a cell that Newton's method leaves undecided comes here.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from nibrs_estimation.stats.calibration.basis import basis_of
from nibrs_estimation.stats.calibration.checks import check_problem
from nibrs_estimation.stats.calibration.layout import BLOCK, place

Floats = NDArray[np.float64]
_PRECISE = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


def farkas_multipliers(z: Floats, d: Floats, totals: Floats, lower: float, upper: float) -> Floats:
    """Multipliers that prove infeasibility if any do.

    The program is: smallest Σ |s_j| with Σ d_i g_i z_i + s = T and L ≤ g ≤ U. Its dual solution is the λ with
    |λ_j| ≤ 1 for which λ'T exceeds Σ d_i max(L η_i, U η_i) by most.

    Args:
        z: (n, r) directions.
        d: (n,) design weights.
        totals: (r,) along the directions.
        lower: bound of g.
        upper: bound of g.

    Returns:
        (r,) multipliers; 0 where the program was not solved.
    """
    n, r = z.shape
    one = np.eye(r)
    solved = linprog(
        np.concatenate([np.zeros(n), np.ones(2 * r)]),
        A_eq=np.hstack([(d[:, None] * z).T, one, -one]),
        b_eq=totals,
        bounds=np.vstack([np.tile([lower, upper], (n, 1)), np.tile([0.0, np.inf], (2 * r, 1))]),
        method="highs",
        options=_PRECISE,
    )
    return np.asarray(solved.eqlin.marginals) if solved.status == 0 else np.zeros(r)


def smallest_upper_bound(controls: Floats, design_weights: Floats, totals: Floats, *, lower: float) -> float:
    """Smallest upper bound on the g-weights at which weights meet the totals.

    With y_i = (g_i - L) / (U - L) and t = 1 / (U - L) the program is linear: largest t with
    Σ d_i y_i x_i = t (T - L Σ d_i x_i) and 0 ≤ y ≤ 1. (The logit distance keeps g below its bound, so it needs a bound
    a little above this one.)

    Args:
        controls: (n, p) values of the controls.
        design_weights: (n,) above 0.
        totals: (p,) to be met.
        lower: lower bound of g, finite.

    Returns:
        The bound; it may be below 1. Infinite if no upper bound would do.

    Raises:
        ValueError: shapes do not fit, a number is not finite, or a design weight is not above 0.

    Example:
        >>> x = np.array([[10.0, 100], [40, 300], [25, 400], [5, 80]])
        >>> round(smallest_upper_bound(x, np.full(4, 1.5), np.array([115.0, 1380]), lower=2 / 3), 6)
        1.232143
    """
    x, d, T = check_problem(controls, design_weights, totals)
    if not math.isfinite(lower):
        raise ValueError(f"the lower bound is {lower}: the smallest upper bound is that to a finite lower bound")
    n, p = x.shape
    layout, where = place(np.zeros(n, dtype=np.intp), 1)
    blocks = np.zeros((len(layout.cell) * BLOCK, p))
    blocks[where] = x
    weights = np.zeros(len(blocks))
    weights[where] = d
    shape = (len(layout.cell), BLOCK)
    basis = basis_of(layout, blocks.reshape(*shape, p).transpose(0, 2, 1), weights.reshape(shape), T[None, :], None)
    if basis.contradiction.any():
        return math.inf
    used = basis.is_used[0]
    z = basis.z.transpose(0, 2, 1).reshape(-1, p)[where][:, used]
    most = (d[:, None] * z).T
    above = basis.totals[0, used] - lower * most.sum(axis=1)
    if np.abs(above).max(initial=0.0) <= 1e-12 * np.abs(most).sum():
        return lower
    solved = linprog(
        np.append(np.zeros(n), -1.0),
        A_eq=np.column_stack([most, -above]),
        b_eq=np.zeros(len(above)),
        bounds=np.vstack([np.tile([0.0, 1.0], (n, 1)), [0.0, np.inf]]),
        method="highs",
        options=_PRECISE,
    )
    largest = float(solved.x[-1]) if solved.status == 0 else 0.0
    return lower + 1 / largest if largest > 1e-9 else math.inf
