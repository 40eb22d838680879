"""Linear programs about calibration: whether a solution exists, and the smallest possible upper bound.

They take much longer than Newton's method, so they are used only for cells that Newton's method leaves undecided.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nibrs_estimation.stats.calibration.basis import basis_of
from nibrs_estimation.stats.calibration.checks import check_problem
from nibrs_estimation.stats.calibration.layout import by_block, by_record, lay_out
from nibrs_estimation.stats.calibration.newton import Problem, is_proven_infeasible

Floats = NDArray[np.float64]
_PRECISE = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


def prove_infeasible(problem: Problem, cell: int) -> bool:
    """Whether it can be proven that no g-weights within the bounds meet the totals of a cell.

    The program is: minimize Σ |s_j| subject to Σ d_i g_i z_i + s = T and L ≤ g ≤ U. Its dual solution is the λ with
    |λ_j| ≤ 1 that maximizes λ'T - Σ d_i max(L η_i, U η_i). Whether this λ is a proof is then computed directly, so
    the result does not depend on tolerances of the solver.
    """
    one = problem.keep(np.arange(len(problem.lower)) == cell)
    z, d = by_record(one.basis.z), one.d.reshape(-1)
    n, p = z.shape
    slack = np.eye(p)
    solved = _solve(
        np.concatenate([np.zeros(n), np.ones(2 * p)]),
        A_eq=np.hstack([(d[:, None] * z).T, slack, -slack]),
        b_eq=one.basis.totals[0],
        bounds=np.vstack([np.tile([one.lower[0], one.upper[0]], (n, 1)), np.tile([0.0, np.inf], (2 * p, 1))]),
    )
    return solved.status == 0 and bool(is_proven_infeasible(one, solved.eqlin.marginals[None, :])[0])


def smallest_upper_bound(controls: Floats, design_weights: Floats, totals: Floats, *, lower: float) -> float:
    """Smallest upper bound on the g-weights with which the totals can be met.

    With y_i = (g_i - L) / (U - L) and t = 1 / (U - L) the program is linear: maximize t subject to
    Σ d_i y_i x_i = t (T - L Σ d_i x_i) and 0 ≤ y ≤ 1. (With the logit distance g stays below its bound, so it needs a
    slightly larger bound.)

    Args:
        controls: (n, p) values of the controls.
        design_weights: (n,) design weights, above 0.
        totals: (p,) totals to be met.
        lower: lower bound of g, finite.

    Returns:
        The bound; it may be below 1. Infinite if the totals cannot be met with any upper bound.

    Raises:
        ValueError: shapes do not fit, a number is not finite, or a design weight is not above 0.

    Example:
        >>> x = np.array([[10.0, 100], [40, 300], [25, 400], [5, 80]])
        >>> round(smallest_upper_bound(x, np.full(4, 1.5), np.array([115.0, 1380]), lower=2 / 3), 6)
        1.232143
    """
    x, d, T = check_problem(controls, design_weights, totals)
    if not math.isfinite(lower):
        raise ValueError(f"the lower bound is {lower}: it must be a finite number")
    layout, where = lay_out(np.array([len(x)]))
    d_blocks = by_block(d[:, None], where, layout)[:, 0, :]
    basis = basis_of(layout, by_block(x, where, layout), d_blocks, T[None, :], None)
    if basis.contradicts[0]:
        return math.inf
    z = by_record(basis.z)[where][:, basis.is_used[0]]
    most = (d[:, None] * z).T
    above = basis.totals[0, basis.is_used[0]] - lower * most.sum(axis=1)
    if np.abs(above).max(initial=0.0) <= 1e-12 * np.abs(most).sum():
        return lower
    solved = _solve(
        np.append(np.zeros(len(x)), -1.0),
        A_eq=np.column_stack([most, -above]),
        b_eq=np.zeros(len(above)),
        bounds=np.vstack([np.tile([0.0, 1.0], (len(x), 1)), [0.0, np.inf]]),
    )
    largest = float(solved.x[-1]) if solved.status == 0 else 0.0
    return lower + 1 / largest if largest > 1e-9 else math.inf


def _solve(objective: Floats, **conditions: Floats) -> Any:
    """Minimize a linear objective; the result of ``scipy.optimize.linprog``."""
    from scipy.optimize import linprog  # noqa: PLC0415 (takes half a second to import, and few runs need it)

    return linprog(objective, method="highs", options=_PRECISE, **conditions)
