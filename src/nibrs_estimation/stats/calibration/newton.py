"""Newton's method for the calibration of all cells at once.

The multipliers λ of a cell minimise the convex dual

    D(λ) = Σ d_i F(x_i'λ) - λ'T,    F = ∫ g,    gradient Σ d_i g(η_i) x_i - T,    Hessian Σ d_i g'(η_i) x_i x_i'.

A step is taken if it lowers D enough (Armijo); else it is shortened. Most steps need no look at D: where |g''| ≤ S g'
and no η moves by more than 1.5 / S, D falls by at least a tenth of what its slope promises (Bach 2010, Electronic
Journal of Statistics 4:384-414, proposition 1).

A cell that cannot be solved shows itself on the way. Whatever g-weights between L and U are chosen, Σ d_i g_i η_i is at
most Σ d_i max(L η_i, U η_i); so if for one λ that is less than λ'T, no weights meet T (Farkas). D then has no minimum,
and the steps run off in such a direction.
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
MAX_STEPS = 200
#: Share of the accepted error at which no further step is worth its while.
_ENOUGH = 0.01
#: Largest S |Δη| of a step that needs no look at D.
_CERTAIN = 1.5
#: A step moves no S η by more than this at first, later than twice what has been reached.
_REACH = 8.0
#: Ridge relative to the trace of the Hessian: safely above the rounding of its factorisation, which so never fails.
_RIDGE = 1e-13
#: Steps before infeasibility is looked for; most cells that can be solved are solved by then.
_PATIENCE = 4
#: Cells at rest are removed when the open ones have at most this share of the blocks.
_SPARSE = 0.7


@dataclass(frozen=True)
class Problem:
    """C cells with p directions in m blocks of 32 records; see ``Basis`` for the directions.

    Attributes:
        layout: of the cells.
        d: (m, 32) design weights.
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

    def of_cell(self, cell: int) -> Problem:
        """The problem of one cell."""
        is_it = np.arange(len(self.lower)) == cell
        layout, blocks = self.layout.keep(is_it)
        basis = self.basis.keep(is_it, blocks)
        return Problem(layout, self.d[blocks], basis, self.lower[is_it], self.upper[is_it], self.method)


@dataclass(frozen=True)
class Solution:
    """What became of C cells.

    Attributes:
        g: (m, 32) g-weights last reached.
        multipliers: (C, p) of the directions.
        is_converged: (C,) totals are met.
        is_infeasible: (C,) proven: no g-weights within the bounds meet the totals.
        steps: (C,) steps tried.
    """

    g: Floats
    multipliers: Floats
    is_converged: Flags
    is_infeasible: Flags
    steps: Indices


def solve(problem: Problem, is_open: Flags) -> Solution:
    """Solve the cells that are open; the others keep g = 1."""
    C, p = problem.basis.totals.shape
    solution = Solution(
        g=np.ones_like(problem.d),
        multipliers=np.zeros((C, p)),
        is_converged=np.zeros(C, dtype=np.bool_),
        is_infeasible=np.zeros(C, dtype=np.bool_),
        steps=np.zeros(C, dtype=np.intp),
    )
    if is_open.any():
        work = _Work.start(problem)
        if not is_open.all():
            work = work.keep(is_open)
        with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
            _run(work, solution)
    return solution


def is_proven_infeasible(problem: Problem, multipliers: Floats) -> Flags:
    """Whether multipliers (C, p) prove that no g-weights within the bounds meet the totals, not even nearly.

    Rounding and the accepted error of the totals are on the side of the cell.
    """
    eta = (multipliers[problem.layout.cell][:, None, :] @ problem.basis.z)[:, 0, :]
    return _is_proven(_Work.start(problem), eta, multipliers)


@dataclass
class _Work:
    """Cells at work: what they are, and where each of them stands. Removing cells leaves the others as they are."""

    method: Method
    layout: Layout
    # By cell.
    number: Indices
    is_open: Flags
    lower: Floats
    upper: Floats
    totals: Floats
    back: Floats
    to_lambda: Floats
    allowance: Floats
    idle: Floats
    multipliers: Floats
    move: Floats
    share: Floats
    slope: Floats
    miss: Floats
    is_certain: Flags
    # By block.
    block: Indices
    z: Floats
    d: Floats
    eta: Floats
    eta_move: Floats

    @staticmethod
    def start(problem: Problem) -> _Work:
        basis = problem.basis
        C, p = basis.totals.shape
        return _Work(
            method=problem.method,
            layout=problem.layout,
            number=np.arange(C),
            is_open=np.ones(C, dtype=np.bool_),
            lower=problem.lower,
            upper=problem.upper,
            totals=basis.totals,
            back=basis.back,
            to_lambda=basis.to_lambda,
            allowance=basis.allowance,
            # Unused directions have no curvature; theirs is set to 1, and as they have no residual they stay at 0.
            idle=np.where(basis.is_used, 0.0, 1.0)[:, :, None] * np.eye(p),
            multipliers=np.zeros((C, p)),
            move=np.zeros((C, p)),
            share=np.zeros(C),
            slope=np.zeros(C),
            miss=np.full(C, np.inf),
            is_certain=np.ones(C, dtype=np.bool_),
            block=np.arange(len(problem.d)),
            z=basis.z,
            d=problem.d,
            eta=np.zeros_like(problem.d),
            eta_move=np.zeros_like(problem.d),
        )

    def keep(self, cells: Flags) -> _Work:
        layout, blocks = self.layout.keep(cells)
        by_block = ("block", "z", "d", "eta", "eta_move")
        kept = {
            field.name: getattr(self, field.name)[blocks if field.name in by_block else cells]
            for field in fields(self)
            if field.name not in ("method", "layout")
        }
        return _Work(method=self.method, layout=layout, **kept)

    def distance(self) -> Distance:
        return DISTANCES[self.method](self.lower[self.layout.cell], self.upper[self.layout.cell])


def _run(work: _Work, solution: Solution) -> None:
    distance = work.distance()
    for step in range(MAX_STEPS + 1):
        trial = work.eta + work.share[work.layout.cell][:, None] * work.eta_move
        g, derivative = distance.g(trial)
        residual = work.layout.sum((work.z @ (work.d * g)[:, :, None])[:, :, 0]) - work.totals
        of_controls = np.abs((work.back @ residual[:, :, None])[:, :, 0])
        miss = (of_controls / work.allowance).max(axis=1)
        slope = (residual * work.move).sum(axis=1)

        is_taken = work.is_certain | (miss <= 1)
        if not is_taken.all():
            is_taken |= _lowers_dual(work, distance, trial, slope)
        is_taken &= work.is_open
        work.multipliers += np.where(is_taken, work.share, 0.0)[:, None] * work.move
        work.eta = np.where(is_taken[work.layout.cell][:, None], trial, work.eta)

        is_met = miss <= np.where(work.miss <= 1, 1.0, _ENOUGH)
        work.miss = np.where(is_taken, miss, work.miss)
        is_proven = np.zeros_like(is_met)
        if step >= _PATIENCE:
            is_proven = ~is_met & _is_proven(work, work.eta, work.multipliers)
        is_closed = work.is_open & (is_met | is_proven | (step == MAX_STEPS))
        if is_closed.any():
            number, closed_blocks = work.number[is_closed], is_closed[work.layout.cell]
            solution.g[work.block[closed_blocks]] = g[closed_blocks]
            solution.multipliers[number] = work.multipliers[is_closed]
            solution.is_converged[number] = is_met[is_closed]
            solution.is_infeasible[number] = is_proven[is_closed]
            solution.steps[number] = step
            work.is_open &= ~is_closed
            if not work.is_open.any():
                return

        hessian = work.layout.sum((work.z * (work.d * derivative)[:, None, :]) @ work.z.transpose(0, 2, 1))
        move = _direction(hessian + work.idle, residual, is_taken & work.is_open)
        shorter = _shorter(work.share, work.slope, slope)
        work.move = np.where(is_taken[:, None], move, work.move)
        work.slope = np.where(is_taken, (residual * move).sum(axis=1), work.slope)
        work.eta_move = (work.move[work.layout.cell][:, None, :] @ work.z)[:, 0, :]
        reach = work.layout.max(distance.sharpness * np.abs(work.eta_move).max(axis=1))
        reached = work.layout.max(distance.sharpness * np.abs(work.eta).max(axis=1))
        limit = np.maximum(_REACH, 2 * reached)
        work.share = np.where(is_taken, np.where(reach > limit, limit / reach, 1.0), shorter)
        work.is_certain = distance.is_smooth[work.layout.first] & (work.share * reach <= _CERTAIN)

        open_blocks = work.is_open[work.layout.cell]
        if np.count_nonzero(open_blocks) <= _SPARSE * len(open_blocks):
            work = work.keep(work.is_open)
            distance = work.distance()


def _lowers_dual(work: _Work, distance: Distance, trial: Floats, slope: Floats) -> Flags:
    """Whether the trial lowers D enough; close to the minimum, whether its slope shows that it does."""
    change = work.d * (distance.integral(trial) - distance.integral(work.eta))
    wanted = work.share * (work.move * work.totals).sum(axis=1)
    rise = work.layout.sum(change.sum(axis=1)) - wanted
    noise = 1e-13 * (work.layout.sum(np.abs(change).sum(axis=1)) + np.abs(wanted))
    return (rise <= 1e-4 * work.share * work.slope) | ((rise <= noise) & (np.abs(slope) <= 0.9 * np.abs(work.slope)))


def _shorter(share: Floats, slope: Floats, slope_there: Floats) -> Floats:
    """A shorter step: to where the slope would be 0 if it changed evenly, within a tenth and a half of the step."""
    factor = slope / (slope - slope_there)
    return share * np.where(factor > 0.1, np.minimum(factor, 0.5), 0.1)


def _direction(hessian: Floats, residual: Floats, is_wanted: Flags) -> Floats:
    """Newton's direction where it is wanted; elsewhere the Hessian may be anything and is not used."""
    p = hessian.shape[1]
    trace = np.trace(hessian, axis1=1, axis2=2)
    is_wanted = is_wanted & np.isfinite(trace)
    if not is_wanted.all():
        hessian, trace = np.where(is_wanted[:, None, None], hessian, 0.0), np.where(is_wanted, trace, 1.0)
    hessian += (_RIDGE * trace + 1e-30)[:, None, None] * np.eye(p)
    return -np.linalg.solve(hessian, residual[:, :, None])[:, :, 0]


def _is_proven(work: _Work, eta: Floats, multipliers: Floats) -> Flags:
    lower, upper = work.lower[work.layout.cell][:, None], work.upper[work.layout.cell][:, None]
    with np.errstate(over="ignore", invalid="ignore"):
        most = np.where(eta > 0, upper * eta, np.where(eta < 0, lower * eta, 0.0))
        most = work.layout.sum((work.d * most).sum(axis=1))
        size = work.layout.sum((work.d * np.abs(eta)).sum(axis=1))
        wanted = (multipliers * work.totals).sum(axis=1)
        of_controls = np.abs((work.to_lambda @ multipliers[:, :, None])[:, :, 0])
        play = (of_controls * np.where(np.isfinite(work.allowance), work.allowance, 0.0)).sum(axis=1)
        return most + play + 1e-13 * (size + np.abs(wanted)) < wanted
