"""Weights of cells, with or without calibration; sets of controls or bounds are tried in order (handbook 07).

A cell is a weight group of a geography. Units are sorted by cell; ``cell`` is the number of each unit's cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nibrs_estimation.model.fields import WeightRule
from nibrs_estimation.model.weights import CONTROLS
from nibrs_estimation.stats.calibration import calibrate_cells

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]

#: If respondents have at least this share of the crime, their weight is 1.
FULL_COVERAGE = 0.99
#: Upper bound of g-weights if only one is tried.
UPPER_BOUND = 10.0
#: Upper bounds tried for nation and regions; then smallest weights tried with the last bound (handbook 07).
UPPER_BOUNDS = (2.5, 5.0, UPPER_BOUND)
SMALLEST_WEIGHTS = (0.998, *(m / 100 for m in range(99, 89, -1)))

NAMES = (*CONTROLS, "assault_and_robbery")
BASE = ("total", "violent", "property")
CANDIDATES = ("murder", "rape", "aggravated_assault", "burglary", "robbery", "larceny", "vehicle_theft")
#: Given the property total, any two of these determine the third.
_OF_PROPERTY = frozenset(("burglary", "larceny", "vehicle_theft"))


@dataclass(frozen=True)
class Cells:
    """Units sorted by cell, and the design weight of each cell.

    Attributes:
        cell: (n,) number of the cell of each unit, ascending.
        is_respondent: (n,)
        controls: (n, 11) benchmark in the order of ``NAMES``.
        design_weight: (C,) d: N/n of the cell, or of the whole frame.
    """

    cell: Integers
    is_respondent: Flags
    controls: Floats
    design_weight: Floats

    @property
    def number(self) -> int:
        """Number of cells, C."""
        return len(self.design_weight)

    def totals(self, weights: Floats | None = None) -> Floats:
        """Sums of the controls, or of controls times weights, by cell: (C, 11); added in the order of the units."""
        values = self.controls if weights is None else self.controls * weights[:, None]
        return np.column_stack([np.bincount(self.cell, values[:, j], self.number) for j in range(values.shape[1])])

    def counts(self) -> tuple[Integers, Integers]:
        """Eligible units N and respondents n of every cell."""
        N = np.bincount(self.cell, minlength=self.number)
        return N, np.bincount(self.cell[self.is_respondent], minlength=self.number)

    def coverage(self) -> Floats:
        """r: respondents' share of the benchmark total; NaN if no unit of the cell has crime."""
        responding = self.totals(self.is_respondent.astype(np.float64))[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(responding / self.totals()[:, 0])


@dataclass
class Fit:
    """Weights, and how those of each cell were computed.

    Attributes:
        weights: (n,) NaN for nonrespondents and in cells without weights.
        rule: (C,) one of dataset ``weight_cell``'s rules, or empty while the cell is undecided.
        lower, upper: (C,) bounds of the g-weights, NaN if there are none.
        is_selected: (C, 11) controls of the model.
        attempts: (C,) number of calibrations tried.
        giants_apart: (C,) nonrespondents without which the cell was fitted.
    """

    weights: Floats
    rule: NDArray[np.str_]
    lower: Floats
    upper: Floats
    is_selected: Flags
    attempts: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    giants_apart: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @classmethod
    def nothing(cls, cells: Cells) -> Fit:
        """A fit in which all cells are undecided."""
        C = cells.number
        return cls(
            weights=np.full(len(cells.cell), np.nan),
            rule=np.full(C, "", dtype="U20"),
            lower=np.full(C, np.nan),
            upper=np.full(C, np.nan),
            is_selected=np.zeros((C, len(NAMES)), dtype=np.bool_),
            attempts=np.zeros(C, dtype=np.int64),
            giants_apart=np.zeros(C, dtype=np.int64),
        )

    def assign(self, cells: Cells, which: Flags, rule: WeightRule, weight: Floats | float | None) -> None:
        """Apply a rule to undecided cells among some, with the weight of respondents: (C,), one for all, or None."""
        which = which & (self.rule == "")
        self.rule[which] = rule
        if weight is not None:
            units = which[cells.cell] & cells.is_respondent
            self.weights[units] = np.broadcast_to(np.asarray(weight, dtype=np.float64), which.shape)[cells.cell[units]]


def assign_full_response(cells: Cells, fit: Fit) -> None:
    """Give weight 1 in cells in which all agencies respond."""
    N, n = cells.counts()
    fit.assign(cells, (n == N) & (N > 0), WeightRule.FULL_COVERAGE, 1.0)


def assign_by_coverage(cells: Cells, fit: Fit, *, one_without_crime: bool) -> None:
    """Decide the cells in which respondents have nearly all crime, or none (handbook 07).

    Args:
        cells: cells of states or smaller places.
        fit: is updated.
        one_without_crime: whether cells without crime get a weight of 1, as in metropolitan areas; otherwise they get
            N/n, which meets their controls.
    """
    _, n = cells.counts()
    r = cells.coverage()
    fit.assign(cells, n == 0, WeightRule.NO_RESPONSE, None)
    assign_full_response(cells, fit)
    fit.assign(cells, np.nan_to_num(r, nan=0.0) >= FULL_COVERAGE, WeightRule.FULL_COVERAGE, 1.0)
    if one_without_crime:
        fit.assign(cells, cells.totals()[:, 0] == 0, WeightRule.NO_CRIME, 1.0)
    # If respondents have no crime, no weight can meet the total.
    fit.assign(cells, r == 0, WeightRule.NO_RESPONSE, None)


def fit_with_subsets(cells: Cells, fit: Fit) -> None:
    """Calibrate to the largest set of controls that can be met; otherwise use inverse coverage (handbook 07).

    Sets are tried from the largest to the base {tot, viol, prop}, in a fixed order within each size. Of sets with
    the same span only one is tried. A set is skipped if it contains a control that cannot be met together with the
    base.
    """
    N, n = cells.counts()
    lower = n / np.maximum(N, 1)
    is_infeasible = np.zeros((cells.number, len(NAMES)), dtype=np.bool_)
    for extra in ((), *((name,) for name in CANDIDATES)):
        undecided = (fit.rule == "") & ~is_infeasible[:, 0]
        status, _ = _attempt(cells, fit, undecided, (*BASE, *extra), lower, UPPER_BOUND)
        column = NAMES.index(extra[0]) if extra else 0
        is_infeasible[status == "infeasible", column] = True
    base_fails = is_infeasible[:, 0]
    for names in _subsets():
        columns = [NAMES.index(name) for name in names if name not in BASE]
        undecided = (fit.rule == "") & ~base_fails & ~is_infeasible[:, columns].any(axis=1)
        if not undecided.any():
            continue
        status, weights = _attempt(cells, fit, undecided, names, lower, UPPER_BOUND)
        _accept(cells, fit, status == "converged", weights, names, lower, np.full(cells.number, UPPER_BOUND))
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1 / cells.coverage()
    is_undecided = fit.rule == ""
    fit.is_selected[is_undecided, 0] = True
    fit.assign(cells, is_undecided, WeightRule.INVERSE_COVERAGE, inverse)


def fit_with_bounds(cells: Cells, fit: Fit, names: Sequence[Sequence[str]], lower: Floats) -> None:
    """Calibrate to all controls with the smallest upper bound at which they can be met.

    If no upper bound is sufficient, weights below 1 are tried (handbook 07, with the robust solver). Cells whose
    controls still cannot be met stay undecided.

    Args:
        cells: cells of nation or regions.
        fit: is updated.
        names: controls of each cell.
        lower: (C,) n/N of the whole frame: with a smaller g the weight is below 1.
    """
    is_wanted = np.array([[name in cell for name in NAMES] for cell in names], dtype=np.bool_).reshape(-1, len(NAMES))

    def fit_within(which: Flags, low: Floats, upper: float) -> Flags:
        """Fit some cells with the given bounds, replacing an earlier fit; returns those that converged."""
        status, weights = _attempt(cells, fit, which, is_wanted, low, upper)
        is_met = np.asarray(status == "converged")
        _accept(cells, fit, is_met, weights, is_wanted, low, np.full(cells.number, upper))
        return is_met

    undecided = fit.rule == ""
    undecided &= ~fit_within(undecided, lower, UPPER_BOUNDS[0])
    # A solution within narrow bounds is also within wider ones, so bounds between are tried only if the widest
    # succeed.
    is_within_widest = fit_within(undecided, lower, UPPER_BOUNDS[-1])
    for upper in UPPER_BOUNDS[1:-1]:
        is_within_widest &= ~fit_within(is_within_widest, lower, upper)
    undecided = fit.rule == ""
    can_be_below = fit_within(undecided, SMALLEST_WEIGHTS[-1] * lower, UPPER_BOUND)
    for m in SMALLEST_WEIGHTS[:-1]:
        can_be_below &= ~fit_within(can_be_below, m * lower, UPPER_BOUND)


def _subsets() -> Iterator[tuple[str, ...]]:
    """The base with subsets of the candidates, one for each span."""
    for size in range(len(CANDIDATES), -1, -1):
        for extra in combinations(CANDIDATES, size):
            if len(_OF_PROPERTY & set(extra)) != 2:
                yield (*BASE, *extra)


def _attempt(
    cells: Cells, fit: Fit, which: Flags, names: Sequence[str] | Flags, lower: Floats, upper: float
) -> tuple[NDArray[np.str_], Floats]:
    """Calibrate some cells; returns (C,) status and (n,) weights, empty and NaN for other cells."""
    status, weights = np.full(cells.number, "", dtype="U13"), np.full(len(cells.cell), np.nan)
    if not which.any():
        return status, weights
    chosen = np.flatnonzero(which)
    position = np.full(cells.number, -1)
    position[chosen] = np.arange(len(chosen))
    units = np.flatnonzero(which[cells.cell] & cells.is_respondent)
    is_selected = names[chosen] if isinstance(names, np.ndarray) else _rows(names, len(chosen))
    result = calibrate_cells(
        cells.controls[units],
        cells.design_weight[cells.cell[units]],
        cells.totals()[chosen],
        position[cells.cell[units]],
        bounds=(lower[chosen], np.full(len(chosen), upper)),
        is_selected=is_selected,
    )
    fit.attempts[chosen] += 1
    status[chosen], weights[units] = result.status, result.weights
    return status, weights


def _accept(
    cells: Cells,
    fit: Fit,
    which: Flags,
    weights: Floats,
    names: Sequence[str] | Flags,
    lower: Floats,
    upper: Floats,
) -> None:
    fit.rule[which] = WeightRule.CALIBRATED
    fit.lower[which], fit.upper[which] = lower[which], upper[which]
    selected = names[which] if isinstance(names, np.ndarray) else _rows(names, int(which.sum()))
    fit.is_selected[which] = selected
    units = which[cells.cell]
    fit.weights[units] = weights[units]


def _rows(names: Sequence[str], number: int) -> Flags:
    return np.tile(np.array([name in names for name in NAMES]), (number, 1))
