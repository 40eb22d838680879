"""Weights of nation and regions: groups are the national classes, merged where they cannot be fitted (05 5.2, 5.3)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.fields import WeightRule
from nibrs_estimation.survey.weights.collapse import Group, partner_of
from nibrs_estimation.survey.weights.fit import (
    FULL_COVERAGE,
    NAMES,
    Cells,
    Fit,
    Flags,
    Floats,
    Integers,
    assign_full_response,
    fit_with_bounds,
)

#: Class -> class into which it is always merged: cities of 250,000 or over, and MSA counties under 25,000.
ALWAYS_MERGED = {2: 1, 3: 1, 12: 11}
NATION_CONTROLS = ("total", "murder", "rape", "aggravated_assault", "burglary", "robbery", "larceny", "vehicle_theft")
REGION_CONTROLS = (
    "total",
    "violent",
    "property",
    "murder",
    "rape",
    "aggravated_assault",
    "burglary",
    "robbery",
    "larceny",
    "vehicle_theft",
)
#: Before this year there were too few responding large cities to control assaults and robberies separately.
FIRST_YEAR_OF_BOTH = 2023
CANNOT_BE_MET, NO_RESPONDENT = "controls cannot be met", "no respondent"
#: A nonrespondent with this share of its group's benchmark may stand apart; so many at most in a group.
GIANT_SHARE, MOST_GIANTS = 0.05, 3


@dataclass(frozen=True)
class FittedGroups:
    """The final groups of a geography.

    Attributes:
        groups: the groups in order; cell number k is ``groups[k]``.
        cell: (n,) number of the group of each unit.
        controls: (n, 11) the controls, the last one agg + k rob of the group.
        fit: weights and how they were computed; its units are in the given order.
        design_weight: N/n of the geography, NaN if no agency responds.
        merged_from: which groups were merged into each group and why, or None.
    """

    groups: list[Group]
    cell: Integers
    controls: Floats
    fit: Fit
    design_weight: float
    merged_from: list[str | None]


def fit_geography(
    weight_class: NDArray[np.int64],
    is_respondent: Flags,
    controls: Floats,
    year: int,
    *,
    is_region: bool,
    has_giants_apart: bool = True,
) -> FittedGroups:
    """Fit the groups of the nation or a region; groups that cannot be fitted are merged until all can be fitted.

    If only one group is left and it cannot be fitted, its respondents have as weight the inverse of their share of
    crime.

    Args:
        weight_class: (n,) national class of each unit, 1 to 20.
        is_respondent: (n,)
        controls: (n, 10) benchmark in the order of ``CONTROLS``.
        year: data year.
        is_region: whether it is a region. Regions first merge groups without respondents, and give weight 1 in groups
            whose respondents have 0.99 of the crime.
        has_giants_apart: whether a group that cannot be fitted is first fitted without its largest nonrespondents.
    """
    merges: dict[Group, list[str]] = {}
    number, groups = _first_groups(weight_class)
    if is_region:
        number, groups = _merge_empty(number, groups, is_respondent, controls[:, 0], merges)
    geography = _Geography(number, is_respondent, controls, year, is_region, has_giants_apart)
    groups = _merge_until_fitted(geography, groups, merges)
    cells, fit, units = geography.fitted(groups)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1 / cells.coverage()
    _, respondents = cells.counts()
    is_undecided = (fit.rule == "") & (cells.coverage() > 0)
    fit.is_selected[is_undecided, 0] = True
    fit.assign(cells, is_undecided, WeightRule.INVERSE_COVERAGE, inverse)
    # Without crime the weight is computed from numbers of agencies.
    fit.assign(cells, (fit.rule == "") & (respondents > 0), WeightRule.EQUAL, geography.design_weight)
    fit.assign(cells, np.ones(len(groups), dtype=np.bool_), WeightRule.NO_RESPONSE, None)
    back = np.empty(len(units), dtype=np.int64)
    back[units] = np.arange(len(units))
    fit.weights = fit.weights[back]
    merged_from = ["; ".join(merges[group]) if group in merges else None for group in groups]
    return FittedGroups(groups, cells.cell[back], cells.controls[back], fit, geography.design_weight, merged_from)


@dataclass(frozen=True)
class _Geography:
    """The nation or a region: its units, with the class by which each is grouped."""

    number: Integers
    is_respondent: Flags
    controls: Floats
    year: int
    is_region: bool
    has_giants_apart: bool

    @property
    def design_weight(self) -> float:
        """N/n, NaN if no agency responds."""
        n = int(self.is_respondent.sum())
        return len(self.number) / n if n else np.nan

    def fitted(self, groups: list[Group]) -> tuple[Cells, Fit, Integers]:
        """Units of some groups, sorted by group, their fit, and the indices of the units."""
        cell_of_class = np.full(self.number.max() + 1, -1)
        for cell, group in enumerate(groups):
            cell_of_class[list(group.classes)] = cell
        cell_of = cell_of_class[self.number]
        units = np.flatnonzero(cell_of >= 0)
        units = units[np.argsort(cell_of[units], kind="stable")]
        extended = _with_aggrob(self.controls[units], cell_of[units], len(groups))
        d = self.design_weight
        cells = Cells(cell_of[units], self.is_respondent[units], extended, np.full(len(groups), d))
        fit = Fit.nothing(cells)
        assign_full_response(cells, fit)
        if self.is_region:
            fit.assign(cells, np.nan_to_num(cells.coverage(), nan=0.0) >= FULL_COVERAGE, WeightRule.FULL_COVERAGE, 1.0)
        if self.is_respondent.any():
            names = [_controls(group, self.year, is_region=self.is_region) for group in groups]
            # A weight of 1 is g = n/N.
            lower = np.full(len(groups), self.is_respondent.sum() / len(self.number))
            fit_with_bounds(cells, fit, names, lower)
            if self.has_giants_apart:
                _fit_with_giants_apart(cells, fit, names, lower)
        return cells, fit, units


def _fit_with_giants_apart(cells: Cells, fit: Fit, names: list[tuple[str, ...]], lower: Floats) -> None:
    """Fit undecided cells without their one, two or three largest nonrespondents.

    What stands apart has the mix of the cell: its benchmark times the ratio of the cell's respondents. So all weights
    are multiplied by the benchmark total with it over that without it, and the total is met; other controls are not.
    """
    total = cells.controls[:, 0]
    of_cell = cells.totals()[:, 0]
    may_be_apart = ~cells.is_respondent & (total >= GIANT_SHARE * np.maximum(of_cell, 1.0)[cells.cell])
    order = np.lexsort((-total, ~may_be_apart, cells.cell))
    first = np.searchsorted(cells.cell, np.arange(cells.number))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - first[cells.cell[order]]
    for most in range(1, MOST_GIANTS + 1):
        is_apart = may_be_apart & (rank < most)
        undecided = (fit.rule == "") & (np.bincount(cells.cell[is_apart], minlength=cells.number) == most)
        if not undecided.any():
            return
        rest = replace(cells, controls=np.where(is_apart[:, None], 0.0, cells.controls))
        trial = Fit.nothing(rest)
        trial.assign(rest, ~undecided, WeightRule.EQUAL, None)
        fit_with_bounds(rest, trial, names, lower)
        of_rest = rest.totals()[:, 0]
        # Where the others have no crime, there is no ratio for those that stand apart.
        is_fitted = undecided & (trial.rule == WeightRule.CALIBRATED) & (of_rest > 0)
        scale = of_cell / np.where(is_fitted, of_rest, 1.0)
        units = is_fitted[cells.cell] & cells.is_respondent
        fit.weights[units] = (trial.weights * scale[cells.cell])[units]
        fit.rule[is_fitted], fit.is_selected[is_fitted, 0] = WeightRule.CALIBRATED, True
        fit.lower[is_fitted], fit.upper[is_fitted] = trial.lower[is_fitted], trial.upper[is_fitted]
        fit.giants_apart[is_fitted] = most
        fit.attempts += trial.attempts


def _merge_until_fitted(geography: _Geography, groups: list[Group], merges: dict[Group, list[str]]) -> list[Group]:
    """Merge each group that cannot be fitted with a partner, in numeric order, until all can be or one is left."""
    _, fit, _ = geography.fitted(groups)
    is_fitted = {group: bool(rule) for group, rule in zip(groups, fit.rule, strict=True)}
    while len(is_fitted) > 1 and geography.is_respondent.any():
        failing = next((group for group in sorted(is_fitted, key=_order) if not is_fitted[group]), None)
        if failing is None:
            break
        partner = partner_of(failing, list(is_fitted))
        both = failing.merged(partner)
        reason = f"{_name(failing)} into {_name(partner)}: {CANNOT_BE_MET}"
        merges[both] = [*merges.pop(failing, []), *merges.pop(partner, []), reason]
        is_fitted = {group: done for group, done in is_fitted.items() if group not in (failing, partner)}
        is_fitted[both] = bool(geography.fitted([both])[1].rule[0])
    return sorted(is_fitted, key=_order)


def _order(group: Group) -> tuple[int, ...]:
    return group.classes


def _first_groups(weight_class: NDArray[np.int64]) -> tuple[Integers, list[Group]]:
    """The class by which each unit is grouped, and one group for each class."""
    number = weight_class.astype(np.int64)
    for one, other in ALWAYS_MERGED.items():
        number[number == one] = other
    super_group = dict(code_list("weight_class").select("weight_class", "super_group").iter_rows())
    return number, [Group((int(k),), frozenset({super_group[int(k)]})) for k in np.unique(number)]


def _merge_empty(
    number: Integers, groups: list[Group], is_respondent: Flags, total: Floats, merges: dict[Group, list[str]]
) -> tuple[Integers, list[Group]]:
    """Merge classes without respondents into the class with the closest mean of total crime (handbook 07)."""
    super_group = {group.number: group.super_groups for group in groups}
    members = {group.number: group.classes for group in groups}
    reasons: dict[int, list[str]] = {}
    number = number.copy()
    while len(members) > 1:
        mean = {k: float(total[number == k].mean()) for k in sorted(members)}
        empty = [k for k in sorted(members) if not is_respondent[number == k].any()]
        if not empty:
            break
        moved = min(empty, key=lambda k: (mean[k], k))
        target = min((k for k in members if k != moved), key=lambda k: (abs(mean[moved] - mean[k]), mean[k], k))
        number[number == moved] = target
        reasons[target] = [*reasons.get(target, []), *reasons.pop(moved, []), f"{moved} into {target}: {NO_RESPONDENT}"]
        members.pop(moved)
    # The target class keeps its number and super group; the moved classes get both.
    left = [Group(members[k], super_group[k]) for k in sorted(members)]
    merges |= {group: reasons[group.number] for group in left if group.number in reasons}
    return number, left


def _controls(group: Group, year: int, *, is_region: bool) -> tuple[str, ...]:
    wanted = REGION_CONTROLS if is_region else NATION_CONTROLS
    if group.classes == (1,) and year < FIRST_YEAR_OF_BOTH:
        return (*(name for name in wanted if name not in ("aggravated_assault", "robbery")), "assault_and_robbery")
    return wanted


def _with_aggrob(controls: Floats, cell: Integers, groups: int) -> Floats:
    """Add agg + k rob, k = Σ agg / Σ rob of the group, so that both have the same total (handbook 07)."""
    agg, rob = controls[:, NAMES.index("aggravated_assault")], controls[:, NAMES.index("robbery")]
    sums = [np.bincount(cell, values, groups) for values in (agg, rob)]
    factor = np.divide(sums[0], sums[1], out=np.zeros(groups), where=sums[1] > 0)
    return np.column_stack([controls, agg + factor[cell] * rob])


def _name(group: Group) -> str:
    return "; ".join(map(str, group.classes))
