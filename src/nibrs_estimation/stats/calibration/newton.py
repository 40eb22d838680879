"""Newton's method for the calibration of all cells at once.

The multipliers λ of a cell minimize the convex dual

    D(λ) = Σ d_i F(x_i'λ) - λ'T,    F = ∫ g,    gradient Σ d_i g(η_i) x_i - T,    Hessian Σ d_i g'(η_i) x_i x_i'.

A step is taken if it lowers D enough (Armijo); else it is shortened. Most steps need no look at D: where |g''| ≤ S g'
and no η moves by more than 1.7 / S, D falls by at least 4 % of what its slope promises (Bach 2010, Electronic Journal
of Statistics 4:384-414, proposition 1).

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
MAX_STEPS = 300
#: Share of the accepted error, and largest S |Δη| of the step to there, at which a further step would do nothing.
_ENOUGH, _SMALL = 0.5, 1e-4
#: Largest S |Δη| of a step that needs no look at D.
_CERTAIN = 1.7
#: Added to the Hessian's diagonal, relative and absolute; above the rounding of its factorisation, so that never fails.
_RIDGE, _FLOOR = 1e-13, 1e-30
#: Steps after which truncated distances are given curvature in proportion to the residual per unit, and how much.
_DOUBT, _BEYOND = 100, 0.01
#: Steps before infeasibility is looked for; most cells that can be solved are solved by then.
_PATIENCE = 5
#: Cells at rest are removed when the open ones have at most this share of the blocks.
_SPARSE = 0.7


@dataclass(frozen=True)
class Problem:
    """C cells with p directions in m blocks of 128 records; see ``Basis`` for the directions.

    Attributes:
        layout: of the cells.
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
    """What became of C cells.

    Attributes:
        g: (m, 128) g-weights last reached.
        multipliers: (C, p) of the directions.
        is_infeasible: (C,) proven: no g-weights within the bounds meet the totals.
        steps: (C,) steps tried.
    """

    g: Floats
    multipliers: Floats
    is_infeasible: Flags
    steps: Indices


def solve(problem: Problem, is_open: Flags) -> Solution:
    """Solve the cells that are open, as far as they can be solved; the others keep g = 1."""
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

    Rounding and the accepted error of the totals are on the side of the cell.
    """
    work = _start(problem, np.arange(len(multipliers)), np.arange(len(problem.d)))
    work.multipliers = multipliers
    work.eta = work.along(multipliers)
    return _is_proven(work)


@dataclass
class _Work:
    """Cells at work: what they are, and where each of them stands. Removing cells leaves the others as they are.

    Attributes:
        number, block: of the cells and blocks in the whole problem.
        is_open: cells that are not decided yet.
        idle: (C, p, p) curvature that unused directions are given; as they have no residual they stay at 0.
        multipliers, eta: where the cells stand.
        step, eta_step: what is tried next.
        slope: of D along the step, at its start.
        reach: largest S |Δη| of the step.
        is_certain: the step lowers D for certain.
        is_near: totals were met to the accepted error where the step starts.
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
        kept = {
            field.name: getattr(self, field.name)[blocks if field.name in by_block else cells]
            for field in fields(self)
            if field.name not in ("method", "layout")
        }
        return _Work(method=self.method, layout=layout, **kept)

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

        # Where the totals are met, one more step is for the weights: small agencies beside a huge one matter little to
        # the totals. It is spared if the totals are met very well by a step so small that the next would do nothing.
        is_met = work.is_open & is_near & (work.is_near | ((miss <= _ENOUGH) & (work.reach <= _SMALL)))
        is_closed = is_met | (work.is_open & (step == MAX_STEPS))
        if step >= _PATIENCE and not is_met.all():
            is_proven = work.is_open & ~is_met & _is_proven(work)
            solution.is_infeasible[work.number[is_proven]] = True
            is_closed |= is_proven
        any_closed = bool(is_closed.any())
        if any_closed:
            _close(work, is_closed, solution, g, step)
            if not work.is_open.any():
                return

        hessian = _hessian(work, derivative) * ridge + work.idle
        if step >= _DOUBT:
            hessian += _doubt(work, residual)[:, None, None] * one
        tried = work.step, work.eta_step, work.slope, work.reach
        if not all_taken:
            # What has not been taken, or is at rest, is not used, and might be no number.
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
    """Note what became of cells, and let them rest."""
    number, blocks = work.number[cells], cells[work.layout.cell]
    solution.g[work.block[blocks]] = g[blocks]
    solution.multipliers[number] = work.multipliers[cells]
    solution.steps[number] = step
    work.is_open &= ~cells


def _hessian(work: _Work, derivative: Floats) -> Floats:
    return work.layout.sum((work.dz * derivative[:, None, :]) @ work.z.transpose(0, 2, 1))


def _doubt(work: _Work, residual: Floats) -> Floats:
    """Curvature where bounds cut off: steps may go to and fro in directions of which the Hessian sees nothing."""
    size = np.sqrt((residual**2).sum(axis=1) / work.layout.sum(work.d.sum(axis=1)))
    return np.where(work.is_smooth, 0.0, _BEYOND * size)


def _plan(work: _Work, move: Floats, residual: Floats) -> None:
    """Try Newton's move next, but no farther than is certain or than twice what has been reached."""
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
    """Shorten what was not taken, to where the slope would be 0 if it changed evenly, but by half at least."""
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
    """Whether the trial lowers D enough; close to the minimum, whether its slope shows that it does."""
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
    play = (of_controls * np.where(np.isfinite(work.allowance), work.allowance, 0.0)).sum(axis=1)
    play += 1e-13 * (work.layout.sum((work.d * size).sum(axis=1)) + np.abs(wanted))
    return np.asarray(greatest + play < wanted)
