"""Newton's method for the calibration of all cells at once.

The multipliers λ of a cell minimize the convex dual

    D(λ) = Σ d_i F(x_i'λ) - λ'T,    F = ∫ g,    gradient Σ d_i g(η_i) x_i - T,    Hessian Σ d_i g'(η_i) x_i x_i'.

A step is accepted if it lowers D enough (Armijo); otherwise it is shortened. For most steps D need not be computed: if
|g''| ≤ S g' and no η changes by more than 1.7 / S, D falls by at least 4 % of what its slope predicts (Bach 2010,
Electronic Journal of Statistics 4:384-414, proposition 1).

The multipliers may prove that a cell has no solution. For all g-weights between L and U, Σ d_i g_i η_i is at most
Σ d_i max(L η_i, U η_i). So if this is less than λ'T for some λ, no weights meet T (Farkas). D then has no minimum, and
the steps diverge in the direction of such a λ.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from nibrs_estimation.stats.calibration.basis import Basis
from nibrs_estimation.stats.calibration.distance import DISTANCES, Distance, Method
from nibrs_estimation.stats.calibration.layout import Layout

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Indices = NDArray[np.intp]
MAX_STEPS = 300
#: If the error is below this share of the accepted error, after a step with S |Δη| below this, no further step is made.
_ENOUGH, _SMALL = 0.5, 1e-4
#: Largest S |Δη| of a step that is accepted without computing D.
_CERTAIN = 1.7
#: Added to the Hessian's diagonal, relative and absolute; larger than rounding, so that its factorization never fails.
_RIDGE, _FLOOR = 1e-13, 1e-30
#: After this many steps truncated distances are given extra curvature: this factor times the residual per unit.
_STEPS_BEFORE_CURVATURE, _EXTRA_CURVATURE = 100, 0.01
#: Steps before the first check for infeasibility; most cells that have a solution are solved by then.
_STEPS_BEFORE_PROOF = 5
#: Decided cells are removed when the open ones have at most this share of the blocks.
_SPARSE = 0.7


@dataclass(frozen=True)
class Problem:
    """C cells with p directions in m blocks of 128 records; see ``Basis`` for the directions.

    Attributes:
        layout: layout of the cells.
        d: (m, 128) design weights.
        basis: directions and totals.
        lower: (C,) lower bounds of g.
        upper: (C,) upper bounds of g.
        method: distance.
    """

    layout: Layout
    d: Floats
    basis: Basis
    lower: Floats
    upper: Floats
    method: Method

    def keep(self, cells: Flags) -> Problem:
        """The problem of some of the cells."""
        layout, blocks = self.layout.keep(cells)
        basis = self.basis.keep(cells, blocks)
        return Problem(layout, self.d[blocks], basis, self.lower[cells], self.upper[cells], self.method)


@dataclass(frozen=True)
class Solution:
    """Results for C cells.

    Attributes:
        g: (m, 128) g-weights after the last step.
        multipliers: (C, p) multipliers of the directions.
        is_infeasible: (C,) proven: no g-weights within the bounds meet the totals.
        steps: (C,) steps tried.
    """

    g: Floats
    multipliers: Floats
    is_infeasible: Flags
    steps: Indices


def solve(problem: Problem, is_open: Flags) -> Solution:
    """Solve the cells that are open, where possible; the others have g = 1."""
    C, p = problem.basis.totals.shape
    solution = Solution(
        g=np.ones(problem.d.shape),
        multipliers=np.zeros((C, p)),
        is_infeasible=np.zeros(C, dtype=np.bool_),
        steps=np.zeros(C, dtype=np.intp),
    )
    if is_open.any():
        numbers, blocks = np.flatnonzero(is_open), np.flatnonzero(is_open[problem.layout.cell])
        work = _start(problem if is_open.all() else problem.keep(is_open), numbers, blocks)
        with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
            _run(work, solution)
    return solution


def is_proven_infeasible(problem: Problem, multipliers: Floats) -> Flags:
    """Whether multipliers (C, p) prove that no g-weights within the bounds meet the totals, not even nearly.

    Rounding and the accepted error of the totals are allowed for: a doubtful case is not a proof.
    """
    work = _start(problem, np.arange(len(multipliers)), np.arange(len(problem.d)))
    work.multipliers = multipliers
    work.eta = work.along(multipliers)
    return _is_proven(work)


@dataclass
class _Work:
    """State of the cells during the iterations. Removing cells does not change the others.

    Attributes:
        number, block: indices of the cells and blocks in the whole problem.
        is_open: cells that are not decided yet.
        idle: (C, p, p) curvature given to unused directions; they have no residual, so their multipliers stay 0.
        multipliers, eta: current values.
        step, eta_step: changes of both in the next step.
        slope: derivative of D along the step, at its start.
        reach: largest S |Δη| of the step.
        is_certain: the step is known to lower D.
        is_near: the totals are met to the accepted error at the start of the step.
    """

    method: Method
    layout: Layout
    # By cell.
    number: Indices
    is_open: Flags
    lower: Floats
    upper: Floats
    sharpness: Floats
    is_smooth: Flags
    totals: Floats
    back: Floats
    to_lambda: Floats
    allowance: Floats
    idle: Floats
    multipliers: Floats
    step: Floats
    slope: Floats
    reach: Floats
    is_certain: Flags
    is_near: Flags
    # By block.
    block: Indices
    z: Floats
    dz: Floats
    d: Floats
    eta: Floats
    eta_step: Floats

    def keep(self, cells: Flags) -> _Work:
        layout, blocks = self.layout.keep(cells)
        by_block = ("block", "z", "dz", "d", "eta", "eta_step")
        retained = {
            field.name: getattr(self, field.name)[blocks if field.name in by_block else cells]
            for field in fields(self)
            if field.name not in ("method", "layout")
        }
        return _Work(method=self.method, layout=layout, **retained)

    def distance(self) -> Distance:
        return DISTANCES[self.method](self.layout.spread(self.lower), self.layout.spread(self.upper))

    def along(self, multipliers: Floats) -> Floats:
        """Σ_j multiplier_j z_j of every record."""
        return (self.layout.spread(multipliers)[:, None, :] @ self.z)[:, 0, :]


def _start(problem: Problem, number: Indices, block: Indices) -> _Work:
    basis = problem.basis
    C, p = basis.totals.shape
    sharpness, is_smooth = DISTANCES[problem.method].curvature(problem.lower, problem.upper)
    return _Work(
        method=problem.method,
        layout=problem.layout,
        number=number,
        is_open=np.ones(C, dtype=np.bool_),
        lower=problem.lower,
        upper=problem.upper,
        sharpness=sharpness,
        is_smooth=is_smooth,
        totals=basis.totals,
        back=basis.back,
        to_lambda=basis.to_lambda,
        allowance=basis.allowance,
        idle=np.where(basis.is_used, _FLOOR, 1.0)[:, :, None] * np.eye(p),
        multipliers=np.zeros((C, p)),
        step=np.zeros((C, p)),
        slope=np.zeros(C),
        reach=np.zeros(C),
        is_certain=np.zeros(C, dtype=np.bool_),
        is_near=np.zeros(C, dtype=np.bool_),
        block=block,
        z=basis.z,
        dz=problem.d[:, None, :] * basis.z,
        d=problem.d,
        eta=np.zeros(problem.d.shape),
        eta_step=np.zeros(problem.d.shape),
    )


def _run(work: _Work, solution: Solution) -> None:
    distance = work.distance()
    # At g = 1 the Hessian is the identity: the directions have length one and are orthogonal.
    residual = work.layout.sum(work.dz.sum(axis=2)) - work.totals
    _plan(work, -residual, residual)
    one = np.eye(residual.shape[1])
    ridge = 1 + _RIDGE * one
    for step in range(1, MAX_STEPS + 1):
        trial = work.eta + work.eta_step
        g, derivative = distance.g(trial)
        residual = work.layout.sum((work.dz @ g[:, :, None])[:, :, 0]) - work.totals
        miss = (np.abs((work.back @ residual[:, :, None])[:, :, 0]) / work.allowance).max(axis=1)
        is_near = miss <= 1
        is_taken = (is_near | work.is_certain) & work.is_open
        all_taken = bool(is_taken.all())
        if all_taken:
            work.eta, work.multipliers = trial, work.multipliers + work.step
        else:
            slope = (residual * work.step).sum(axis=1)
            is_taken |= work.is_open & _lowers_dual(work, distance, trial, slope)
            work.multipliers = np.where(is_taken[:, None], work.multipliers + work.step, work.multipliers)
            work.eta = np.where(work.layout.spread(is_taken)[:, None], trial, work.eta)

        # Where the totals are met, one more step is made for the weights: small agencies next to a huge one have little
        # effect on the totals. It is omitted if the step was so small that the next one would change nothing.
        is_met = work.is_open & is_near & (work.is_near | ((miss <= _ENOUGH) & (work.reach <= _SMALL)))
        is_closed = is_met | (work.is_open & (step == MAX_STEPS))
        if step >= _STEPS_BEFORE_PROOF and not is_met.all():
            is_proven = work.is_open & ~is_met & _is_proven(work)
            solution.is_infeasible[work.number[is_proven]] = True
            is_closed |= is_proven
        any_closed = bool(is_closed.any())
        if any_closed:
            _close(work, is_closed, solution, g, step)
            if not work.is_open.any():
                return

        hessian = _hessian(work, derivative) * ridge + work.idle
        if step >= _STEPS_BEFORE_CURVATURE:
            hessian += _extra_curvature(work, residual)[:, None, None] * one
        tried = work.step, work.eta_step, work.slope, work.reach
        if not all_taken:
            # Values of cells that are decided, or whose step was not accepted, are not used; they may be NaN.
            hessian = np.where(is_taken[:, None, None], hessian, one)
            residual = np.where(is_taken[:, None], residual, 0.0)
        _plan(work, np.asarray(-np.linalg.solve(hessian, residual[:, :, None])[:, :, 0]), residual)
        if all_taken:
            work.is_near = is_near
        else:
            work.is_near = np.where(is_taken, is_near, work.is_near)
            _shorten(work, tried, is_taken, slope)
        if any_closed and np.count_nonzero(work.is_open[work.layout.cell]) <= _SPARSE * len(work.layout.cell):
            work = work.keep(work.is_open)
            distance = work.distance()


def _close(work: _Work, cells: Flags, solution: Solution, g: Floats, step: int) -> None:
    """Store the results of cells that are decided, and mark them as closed."""
    number, blocks = work.number[cells], cells[work.layout.cell]
    solution.g[work.block[blocks]] = g[blocks]
    solution.multipliers[number] = work.multipliers[cells]
    solution.steps[number] = step
    work.is_open &= ~cells


def _hessian(work: _Work, derivative: Floats) -> Floats:
    return work.layout.sum((work.dz * derivative[:, None, :]) @ work.z.transpose(0, 2, 1))


def _extra_curvature(work: _Work, residual: Floats) -> Floats:
    """Extra curvature where g is truncated: without it, steps may oscillate where the Hessian is 0."""
    size = np.sqrt((residual**2).sum(axis=1) / work.layout.sum(work.d.sum(axis=1)))
    return np.where(work.is_smooth, 0.0, _EXTRA_CURVATURE * size)


def _plan(work: _Work, move: Floats, residual: Floats) -> None:
    """Set the next step to Newton's, limited to a step that is certain or to twice the largest η so far."""
    eta_move = work.along(move)
    reach = work.sharpness * work.layout.max(np.abs(eta_move).max(axis=1))
    slope = (residual * move).sum(axis=1)
    if (reach > _CERTAIN).any():
        reached = work.sharpness * work.layout.max(np.abs(work.eta).max(axis=1))
        share = np.minimum(1.0, np.maximum(_CERTAIN, 2 * reached) / np.maximum(reach, _CERTAIN))
        move, slope, reach = share[:, None] * move, share * slope, share * reach
        eta_move = work.layout.spread(share)[:, None] * eta_move
    work.step, work.eta_step, work.slope, work.reach = move, eta_move, slope, reach
    work.is_certain = work.is_smooth & (reach <= _CERTAIN)


def _shorten(work: _Work, tried: tuple[Floats, ...], is_taken: Flags, slope_there: Floats) -> None:
    """Shorten steps that were not accepted, to where a linear slope would be 0, and at least by half."""
    step, eta_step, slope, reach = tried
    factor = slope / (slope - slope_there)
    factor = np.where(factor > 0.1, np.minimum(factor, 0.5), 0.1)
    work.step = np.where(is_taken[:, None], work.step, factor[:, None] * step)
    taken_blocks = work.layout.spread(is_taken)[:, None]
    work.eta_step = np.where(taken_blocks, work.eta_step, work.layout.spread(factor)[:, None] * eta_step)
    work.slope = np.where(is_taken, work.slope, factor * slope)
    work.reach = np.where(is_taken, work.reach, factor * reach)
    work.is_certain = work.is_smooth & (work.reach <= _CERTAIN)


def _lowers_dual(work: _Work, distance: Distance, trial: Floats, slope: Floats) -> Flags:
    """Whether the step lowers D enough; close to the minimum, where D is rounding, whether its slope shows it."""
    change = work.d * (distance.integral(trial) - distance.integral(work.eta))
    wanted = (work.step * work.totals).sum(axis=1)
    rise = work.layout.sum(change.sum(axis=1)) - wanted
    noise = 1e-13 * (work.layout.sum(np.abs(change).sum(axis=1)) + np.abs(wanted))
    is_lower = rise <= 1e-4 * work.slope
    return np.asarray(is_lower | ((rise <= noise) & (np.abs(slope) <= 0.9 * np.abs(work.slope))))


def _is_proven(work: _Work) -> Flags:
    lower, upper = (work.layout.spread(bound)[:, None] for bound in (work.lower, work.upper))
    size = np.abs(work.eta)
    rounding = 1e-13 * work.layout.max(size.max(axis=1))
    sign = np.where(size > work.layout.spread(rounding)[:, None], np.sign(work.eta), 0.0)
    with np.errstate(invalid="ignore"):
        # 0 times an infinite bound is 0 here.
        most = np.where(sign > 0, upper * work.eta, np.where(sign < 0, lower * work.eta, 0.0))
    greatest = work.layout.sum((work.d * most).sum(axis=1))
    wanted = (work.multipliers * work.totals).sum(axis=1)
    of_controls = np.abs((work.to_lambda @ work.multipliers[:, :, None])[:, :, 0])
    tolerance = (of_controls * np.where(np.isfinite(work.allowance), work.allowance, 0.0)).sum(axis=1)
    tolerance += 1e-13 * (work.layout.sum((work.d * size).sum(axis=1)) + np.abs(wanted))
    return np.asarray(greatest + tolerance < wanted)
