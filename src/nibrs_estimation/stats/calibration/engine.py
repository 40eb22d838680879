"""The two functions for calibration: one problem, or many cells together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nibrs_estimation.stats.calibration.basis import basis_of, contradiction
from nibrs_estimation.stats.calibration.certificate import prove_infeasible
from nibrs_estimation.stats.calibration.checks import check_bounds, check_cells, check_problem
from nibrs_estimation.stats.calibration.distance import Method
from nibrs_estimation.stats.calibration.layout import Layout, by_block, lay_out
from nibrs_estimation.stats.calibration.newton import Problem, solve

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Status = Literal["converged", "infeasible", "not_converged"]


@dataclass(frozen=True)
class Calibration:
    """Result of one calibration.

    Attributes:
        weights: (n,) calibrated weights; all NaN unless converged, so that no invalid weight is used by mistake.
        g_weights: (n,) weights divided by design weights, within the bounds; all NaN unless converged.
        status: "converged": every total is met to a relative error of 1e-9 (a total of 0 to 1e-9 times the root of
            Σ d x²); "infeasible": proven that no weights within the bounds meet them; "not_converged": neither.
        residuals: (p,) achieved minus given totals, also of dependent controls; of the last step if not converged.
        lambda_: (p,) multipliers in units of 1 / control, g = g(x'λ); NaN unless converged. With dependent controls
            they are not unique; those with the smallest Σ (λ_k |x_k|)² are given, |x_k|² = Σ d x_k².
        rank: number of independent controls.
        iterations: steps of Newton's method; 0 if the design weights meet the totals already.
        reason: why it did not converge; empty if it did.
    """

    weights: Floats
    g_weights: Floats
    status: Status
    residuals: Floats
    lambda_: Floats
    rank: int
    iterations: int
    reason: str


@dataclass(frozen=True)
class CellCalibrations:
    """Results of C calibrations with p controls and n records; for their meaning see ``Calibration``.

    Attributes:
        weights: (n,) NaN in cells that have not converged.
        g_weights: (n,) NaN in cells that have not converged.
        status: (C,)
        residuals: (C, p) also of controls that are not selected, which may have any residual.
        lambda_: (C, p) 0 for controls that are not selected.
        rank: (C,)
        iterations: (C,)
        reason: one for each cell.
    """

    weights: Floats
    g_weights: Floats
    status: NDArray[np.str_]
    residuals: Floats
    lambda_: Floats
    rank: NDArray[np.intp]
    iterations: NDArray[np.intp]
    reason: Sequence[str]


def calibrate(
    controls: ArrayLike,
    design_weights: ArrayLike,
    totals: ArrayLike,
    *,
    bounds: tuple[float, float],
    method: Method = "logit",
) -> Calibration:
    """Find the weights closest to the design weights that meet the totals.

    Weights w_i = d_i g_i minimize Σ d_i G(g_i) subject to Σ w_i x_i = T and L ≤ g_i ≤ U, where G is the distance of
    the method (``distance.py``). They are unique.

    Args:
        controls: (n, p) values x of the controls: any finite numbers, also negative ones. Controls may be linearly
            dependent; then their totals must satisfy the same dependences.
        design_weights: (n,) d, above 0.
        totals: (p,) T.
        bounds: (L, U) of the g-weights with L ≤ 1 ≤ U, finite for logit; (-inf, inf) for none. If one of them is 1,
            there is no logit distance, and only the design weights themselves are tried.
        method: "linear" (generalized regression), "raking" (multiplicative) or "logit" (bounded).

    Raises:
        ValueError: shapes do not fit, a number is not finite, a design weight is not above 0, or 1 is not
            between the bounds.

    Example:
        >>> violent_and_property = [[10, 100], [40, 300], [25, 400], [5, 80]]
        >>> result = calibrate(violent_and_property, [1.5] * 4, [115, 1380], bounds=(2 / 3, 2.5))
        >>> result.status, result.weights.round(6).tolist()
        ('converged', [1.420963, 1.102183, 1.953092, 1.57515])
    """
    x, d, T = check_problem(controls, design_weights, totals)
    if T.ndim != 1:
        raise ValueError(f"totals of one problem have shape {T.shape}, not ({x.shape[1]},)")
    lower, upper = check_bounds(*bounds, 1, method)
    result = _calibrate(x, d, T[None, :], np.array([len(x)]), lower, upper, None, method)
    return Calibration(
        weights=result.weights,
        g_weights=result.g_weights,
        status=result.status[0].item(),
        residuals=result.residuals[0],
        lambda_=result.lambda_[0],
        rank=int(result.rank[0]),
        iterations=int(result.iterations[0]),
        reason=result.reason[0],
    )


def calibrate_cells(
    controls: ArrayLike,
    design_weights: ArrayLike,
    totals: ArrayLike,
    cell: ArrayLike,
    *,
    bounds: tuple[ArrayLike, ArrayLike],
    is_selected: ArrayLike | None = None,
    method: Method = "logit",
) -> CellCalibrations:
    """Calibrate each cell separately, all in one call.

    The result of a cell does not depend on the other cells or their order, to the last bit. It is equal to that of
    ``calibrate`` (to the last bit if all controls are selected).

    Args:
        controls: (n, p) values of the records, sorted by cell.
        design_weights: (n,) design weights, above 0.
        totals: (C, p) totals of the cells.
        cell: (n,) cell of each record, 0 to C - 1, ascending. A cell without records converges only if its totals are
            0.
        bounds: lower and upper bounds of the g-weights, each one number or (C,).
        is_selected: (C, p) controls whose totals are to be met in each cell; all if None. If none is selected, g is 1.
        method: distance, as in ``calibrate``.

    Raises:
        ValueError: as in ``calibrate``, or records are not sorted by cell.
    """
    x, d, T = check_problem(controls, design_weights, totals)
    if T.ndim != 2:
        raise ValueError(f"totals have shape {T.shape}: they need one row for each cell")
    count = check_cells(cell, len(x), len(T))
    lower, upper = check_bounds(*bounds, len(T), method)
    chosen = None if is_selected is None else np.asarray(is_selected, dtype=np.bool_)
    if chosen is not None and chosen.shape != T.shape:
        raise ValueError(f"is_selected has shape {chosen.shape}, totals have {T.shape}")
    return _calibrate(x, d, T, count, lower, upper, chosen, method)


def _calibrate(
    x: Floats,
    d: Floats,
    totals: Floats,
    count: NDArray[np.intp],
    lower: Floats,
    upper: Floats,
    is_selected: Flags | None,
    method: Method,
) -> CellCalibrations:
    C = len(totals)
    layout, where = lay_out(count)
    x_blocks = by_block(x, where, layout)
    d_blocks = by_block(d[:, None], where, layout)[:, 0, :]
    basis = basis_of(layout, x_blocks, d_blocks, totals, is_selected)
    is_met = _is_met(_achieved(layout, x_blocks, d_blocks) - totals, 1e-2 * basis.allowance)
    # There is no logit distance with a bound of 1.
    no_room = np.asarray(((lower == 1) | (upper == 1)) & (method == "logit"))
    is_open = ~(is_met | basis.contradicts | no_room)
    problem = Problem(layout, d_blocks, basis, lower, upper, method)
    solution = solve(problem, is_open)

    # Rounding may have moved g past a bound in the last digit.
    g = np.minimum(np.maximum(solution.g, layout.spread(lower)[:, None]), layout.spread(upper)[:, None])
    residuals = _achieved(layout, x_blocks, d_blocks * g) - totals
    is_met = _is_met(residuals, basis.allowance)
    lambda_ = (basis.to_lambda @ solution.multipliers[:, :, None])[:, :, 0]
    status, reasons = np.full(C, "converged", dtype="U13"), [""] * C
    if not is_met.all():
        is_infeasible = np.asarray(basis.contradicts | no_room | solution.is_infeasible)
        for undecided in np.flatnonzero(~is_met & ~is_infeasible):
            is_infeasible[undecided] = prove_infeasible(problem, int(undecided))
        status[~is_met] = np.where(is_infeasible, "infeasible", "not_converged")[~is_met]
        g, lambda_ = np.where(is_met[layout.cell][:, None], g, np.nan), np.where(is_met[:, None], lambda_, np.nan)
        for failed in np.flatnonzero(~is_met).tolist():
            reasons[failed] = _reason(problem, failed, int(count[failed]), status[failed].item(), residuals[failed])
    return CellCalibrations(
        weights=d * g.reshape(-1)[where],
        g_weights=g.reshape(-1)[where],
        status=status,
        residuals=residuals,
        lambda_=lambda_,
        rank=basis.is_used.sum(axis=1),
        iterations=solution.steps,
        reason=reasons,
    )


def _achieved(layout: Layout, x: Floats, weights: Floats) -> Floats:
    return layout.sum((x @ weights[:, :, None])[:, :, 0])


def _is_met(residuals: Floats, allowance: Floats) -> Flags:
    return np.asarray((np.abs(residuals) <= allowance).all(axis=1))


def _reason(problem: Problem, cell: int, units: int, status: Status, residuals: Floats) -> str:
    basis, lower, upper = problem.basis, problem.lower[cell], problem.upper[cell]
    if basis.contradicts[cell]:
        controls = contradiction(basis, cell)
        named = ", ".join(str(control) for control in controls)
        if len(controls) == 1:
            return f"control {named} is 0 in every unit, but its total is not"
        if basis.is_used[cell].sum() == units:
            return f"fewer units than independent controls: {units} units cannot meet the totals of controls {named}"
        return f"contradictory totals: controls {named} are linearly dependent, and their totals violate the dependence"
    if status == "infeasible" and 1 in (lower, upper) and problem.method == "logit":
        return f"bounds: with {lower:g} and {upper:g} only the design weights are possible; they do not meet the totals"
    if status == "infeasible":
        return f"bounds: no g-weights from {lower:g} to {upper:g} meet the totals"
    excess = np.abs(residuals) / basis.allowance[cell]
    return (
        f"Newton's method stopped where the error of control {excess.argmax()} is {excess.max():.3g} times the "
        "accepted one, and a linear program did not prove that there is no solution"
    )
