"""Weights of nation and regions: groups are the national classes, merged where they cannot be fitted (05 5.2, 5.3)."""

from __future__ import annotations

from dataclasses import dataclass

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
    fit_with_bounds,
    settle_full_response,
)

#: Cities of 250,000 or over are one group, and MSA counties under 25,000.
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
#: Before this year the largest cities were too few for assaults and robberies apart.
FIRST_YEAR_OF_BOTH = 2023
CANNOT_BE_MET, NO_RESPONDENT = "controls cannot be met", "no respondent"


@dataclass(frozen=True)
class FittedGroups:
    """The final groups of a geography.

    Attributes:
        groups: in order; cell number k is ``groups[k]``.
        cell: (n,) number of the group of each unit.
        controls: (n, 11) the controls with agg + k rob of the group.
        fit: how their weights were made; its units are in the order that was given.
        design_weight: N/n of the geography, NaN if nobody responds.
        merged_from: what was merged into each group and why, or None.
    """

    groups: list[Group]
    cell: Integers
    controls: Floats
    fit: Fit
    design_weight: float
    merged_from: list[str | None]


def fit_geography(
    weight_class: NDArray[np.int64], is_respondent: Flags, controls: Floats, year: int, *, is_region: bool
) -> FittedGroups:
    """Fit the groups of nation or a region, merging those that cannot be fitted until all are.

    Where one group is left and cannot be fitted either, its respondents have the inverse of their share of crime.

    Args:
        weight_class: (n,) national class of each unit, 1 to 20.
        is_respondent: (n,)
        controls: (n, 10) benchmark in the order of ``CONTROLS``.
        year: data year.
        is_region: regions merge groups without respondents beforehand and leave alone those with 0.99 of the crime.
    """
    merges: dict[Group, list[str]] = {}
    number, groups = _first_groups(weight_class)
    if is_region:
        number, groups = _merge_empty(number, groups, is_respondent, controls[:, 0], merges)
    place = _Geography(number, is_respondent, controls, year, is_region)
    groups = _merge_until_fitted(place, groups, merges)
    cells, fit, units = place.fitted(groups)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1 / cells.coverage()
    _, respondents = cells.counts()
    is_left = (fit.rule == "") & (cells.coverage() > 0)
    fit.is_selected[is_left, 0] = True
    fit.settle(cells, is_left, WeightRule.INVERSE_COVERAGE, inverse)
    # Without crime to go by, agencies count.
    fit.settle(cells, (fit.rule == "") & (respondents > 0), WeightRule.EQUAL, place.design_weight)
    fit.settle(cells, np.ones(len(groups), dtype=np.bool_), WeightRule.NO_RESPONSE, None)
    back = np.empty(len(units), dtype=np.int64)
    back[units] = np.arange(len(units))
    fit.weights = fit.weights[back]
    told = ["; ".join(merges[group]) if group in merges else None for group in groups]
    return FittedGroups(groups, cells.cell[back], cells.controls[back], fit, place.design_weight, told)


@dataclass(frozen=True)
class _Geography:
    """Nation or a region: its units, with the class by which each is grouped."""

    number: Integers
    is_respondent: Flags
    controls: Floats
    year: int
    is_region: bool

    @property
    def design_weight(self) -> float:
        """N/n, NaN if nobody responds."""
        n = int(self.is_respondent.sum())
        return len(self.number) / n if n else np.nan

    def fitted(self, groups: list[Group]) -> tuple[Cells, Fit, Integers]:
        """Units of some groups by group, their fit, and the positions of the units."""
        places = np.full(self.number.max() + 1, -1)
        for place, group in enumerate(groups):
            places[list(group.classes)] = place
        place_of = places[self.number]
        units = np.flatnonzero(place_of >= 0)
        units = units[np.argsort(place_of[units], kind="stable")]
        extended = _with_aggrob(self.controls[units], place_of[units], len(groups))
        d = self.design_weight
        cells = Cells(place_of[units], self.is_respondent[units], extended, np.full(len(groups), d))
        fit = Fit.nothing(cells)
        settle_full_response(cells, fit)
        if self.is_region:
            fit.settle(cells, np.nan_to_num(cells.coverage(), nan=0.0) >= FULL_COVERAGE, WeightRule.FULL_COVERAGE, 1.0)
        if self.is_respondent.any():
            names = [_controls(group, self.year, is_region=self.is_region) for group in groups]
            # A weight of 1 is g = n/N.
            fit_with_bounds(cells, fit, names, np.full(len(groups), self.is_respondent.sum() / len(self.number)))
        return cells, fit, units


def _merge_until_fitted(place: _Geography, groups: list[Group], merges: dict[Group, list[str]]) -> list[Group]:
    """Merge groups that cannot be fitted with a partner, in numeric order, until all can or one is left."""
    _, fit, _ = place.fitted(groups)
    is_fitted = {group: bool(rule) for group, rule in zip(groups, fit.rule, strict=True)}
    while len(is_fitted) > 1 and place.is_respondent.any():
        failing = next((group for group in sorted(is_fitted, key=_order) if not is_fitted[group]), None)
        if failing is None:
            break
        partner = partner_of(failing, list(is_fitted))
        both = failing.merged(partner)
        why = f"{_name(failing)} into {_name(partner)}: {CANNOT_BE_MET}"
        merges[both] = [*merges.pop(failing, []), *merges.pop(partner, []), why]
        is_fitted = {group: done for group, done in is_fitted.items() if group not in (failing, partner)}
        is_fitted[both] = bool(place.fitted([both])[1].rule[0])
    return sorted(is_fitted, key=_order)


def _order(group: Group) -> tuple[int, ...]:
    return group.classes


def _first_groups(weight_class: NDArray[np.int64]) -> tuple[Integers, list[Group]]:
    """The class by which each unit is grouped, and a group for each."""
    number = weight_class.astype(np.int64)
    for one, other in ALWAYS_MERGED.items():
        number[number == one] = other
    super_group = dict(code_list("weight_class").select("weight_class", "super_group").iter_rows())
    return number, [Group((int(k),), frozenset({super_group[int(k)]})) for k in np.unique(number)]


def _merge_empty(
    number: Integers, groups: list[Group], is_respondent: Flags, total: Floats, merges: dict[Group, list[str]]
) -> tuple[Integers, list[Group]]:
    """Move classes without respondents into the one with the nearest mean of total crime (handbook 07)."""
    super_group = {group.number: group.super_groups for group in groups}
    members = {group.number: group.classes for group in groups}
    told: dict[int, list[str]] = {}
    number = number.copy()
    while len(members) > 1:
        mean = {k: float(total[number == k].mean()) for k in sorted(members)}
        empty = [k for k in sorted(members) if not is_respondent[number == k].any()]
        if not empty:
            break
        moved = min(empty, key=lambda k: (mean[k], k))
        target = min((k for k in members if k != moved), key=lambda k: (abs(mean[moved] - mean[k]), mean[k], k))
        number[number == moved] = target
        told[target] = [*told.get(target, []), *told.pop(moved, []), f"{moved} into {target}: {NO_RESPONDENT}"]
        members.pop(moved)
    # The target keeps its number and its kind; the classes that moved take them over.
    left = [Group(members[k], super_group[k]) for k in sorted(members)]
    merges |= {group: told[group.number] for group in left if group.number in told}
    return number, left


def _controls(group: Group, year: int, *, is_region: bool) -> tuple[str, ...]:
    wanted = REGION_CONTROLS if is_region else NATION_CONTROLS
    if group.classes == (1,) and year < FIRST_YEAR_OF_BOTH:
        return (*(name for name in wanted if name not in ("aggravated_assault", "robbery")), "assault_and_robbery")
    return wanted


def _with_aggrob(controls: Floats, place: Integers, groups: int) -> Floats:
    """Add agg + k rob, k = Σ agg / Σ rob of the group, so that both weigh the same (handbook 07)."""
    agg, rob = controls[:, NAMES.index("aggravated_assault")], controls[:, NAMES.index("robbery")]
    sums = [np.bincount(place, values, groups) for values in (agg, rob)]
    factor = np.divide(sums[0], sums[1], out=np.zeros(groups), where=sums[1] > 0)
    return np.column_stack([controls, agg + factor[place] * rob])


def _name(group: Group) -> str:
    return "; ".join(map(str, group.classes))
