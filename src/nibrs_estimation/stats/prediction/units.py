"""What prediction variances are made of: units of places that respond or do not, and the settings of the model.

A *place* has weights of its own: the nation, a region, a state, ... Its units belong to weight groups, and the
benchmark of every unit is known. Source: handbook 11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nibrs_estimation.stats.linearization.variance_form import Memberships

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
#: The variance of a unit's count that is not Poisson grows with this power of its benchmark (γ).
GAMMA = 1.85
#: Degrees of freedom with which the pooled dispersion counts beside a group's own (d₀).
PRIOR_FREEDOM = 10.0
#: The ratio of a weight group is shrunk to that of its place with the weight of so many agencies (K).
PRIOR_AGENCIES = 10.0


@dataclass(frozen=True)
class Settings:
    """The model of the dispersion, and whether estimates are corrected.

    Attributes:
        gamma: γ, the power of the benchmark.
        prior_freedom: d₀, degrees of freedom of the pooled dispersion.
        state_variance: σ_s², variance of the relative deviation that the units of a state have in common.
        corrects: estimates are corrected by the known miss of domains; if not, they are weighted sums and the known
            miss, squared, is part of the variance.
        is_of_place: nonrespondents are predicted by the ratio of their group, shrunk to that of the whole place (module
            ``expansion``), and the error of a count is relative to the ratio of the place. The benchmark may be one
            that the weights do not meet, such as that of an offense. Weights are used only in places where no
            respondent has the benchmark: there estimates are weighted sums, and their variance is only the Poisson
            part.
        prior_agencies: K; the ratio of a group with so many respondents of equal benchmarks counts half. Only used if
            ratios are those of the place.
    """

    gamma: float = GAMMA
    prior_freedom: float = PRIOR_FREEDOM
    state_variance: float = 0.0
    corrects: bool = True
    is_of_place: bool = False
    prior_agencies: float = PRIOR_AGENCIES


@dataclass(frozen=True)
class Units:
    """Agencies of places, in any order: n units, H groups, P places, K states, L levels.

    A primary sampling unit (PSU), an agency, may be a unit of several places, and several units of one place, such as
    units of two divisions of an area. Counts and benchmarks are those of the unit, that is, the agency's times share.

    Attributes:
        psu: (n,) row of the agency in y; -1 of a nonrespondent.
        place: (n,) 0 to P - 1.
        group: (n,) weight group, 0 to H - 1; a group is of one place.
        weight: (n,) weight of a respondent, above 0; 0 of a nonrespondent.
        share: (n,) share of the agency's values that is in the place.
        size: (n,) m, the benchmark that explains the columns times share, at least 0.
        controls: (n, p) controls to which the unit's group was calibrated, times share, the total first; 0 where they
            were not used.
        state: (n,) 0 to K - 1.
        donor_variance: (n,) variance of the size of a nonrespondent whose benchmark is that of a donor or class: the
            variance in the class, and the squared distance from its mean; 0 of others.
        place_level: (P,) level of each place, 0 to L - 1; 0 is the nation.
    """

    psu: NDArray[np.integer]
    place: NDArray[np.integer]
    group: NDArray[np.integer]
    weight: Floats
    share: Floats
    size: Floats
    controls: Floats
    state: NDArray[np.integer]
    donor_variance: Floats
    place_level: NDArray[np.integer]

    def taken(self, rows: NDArray[Any]) -> Units:
        """Some of the units, in the order of ``rows``."""
        return Units(
            psu=self.psu[rows],
            place=self.place[rows],
            group=self.group[rows],
            weight=self.weight[rows],
            share=self.share[rows],
            size=self.size[rows],
            controls=self.controls[rows],
            state=self.state[rows],
            donor_variance=self.donor_variance[rows],
            place_level=self.place_level,
        )


def check(units: Units, members: Memberships, psus: int, settings: Settings) -> None:
    """Raise a ValueError that says what does not fit."""
    _check_shapes(units, members)
    _check_numbers(units, members, psus)
    _check_values(units)
    _check_nesting(units, members)
    positive = (settings.gamma, settings.prior_freedom, settings.prior_agencies)
    if not (min(positive) > 0 and settings.state_variance >= 0):
        raise ValueError("gamma, prior_freedom and prior_agencies must be above 0, and state_variance at least 0")


def _check_shapes(units: Units, members: Memberships) -> None:
    n = len(units.psu)
    if n == 0:
        raise ValueError("there are no units: nothing can be estimated")
    for name in ("psu", "place", "group", "weight", "share", "size", "state", "donor_variance"):
        shape = getattr(units, name).shape
        if shape != (n,):
            raise ValueError(f"there are {n} units, but {name} has shape {shape}")
    if units.controls.ndim != 2 or len(units.controls) != n:
        raise ValueError(f"there are {n} units, but controls has shape {units.controls.shape}")
    if units.controls.shape[1] == 0:
        raise ValueError("controls must have the total as their first column")
    if members.unit.shape != members.domain.shape:
        raise ValueError(f"memberships have {members.unit.shape} units, but {members.domain.shape} domains")


def _check_numbers(units: Units, members: Memberships, psus: int) -> None:
    for name, numbers, least, limit in (
        ("psu", units.psu, -1, psus),
        ("place", units.place, 0, len(units.place_level)),
        ("group", units.group, 0, None),
        ("state", units.state, 0, None),
        ("place_level", units.place_level, 0, None),
        ("units of memberships", members.unit, 0, len(units.psu)),
        ("domains", members.domain, 0, members.domains),
    ):
        if len(numbers) and (numbers.min() < least or (limit is not None and numbers.max() >= limit)):
            highest = "" if limit is None else f" to {limit - 1}"
            raise ValueError(f"{name}: from {numbers.min()} to {numbers.max()}, but must go from {least}{highest}")


def _check_values(units: Units) -> None:
    for name in ("weight", "share", "size", "controls", "donor_variance"):
        values = getattr(units, name)
        if not np.isfinite(values).all():
            raise ValueError(f"{name} must be finite numbers")
        if name != "controls" and (values < 0).any():
            raise ValueError(f"{name} must be at least 0")
    responds = units.psu >= 0
    if ((units.weight > 0) != responds).any():
        raise ValueError("weight must be above 0 of respondents, and 0 of nonrespondents (psu -1)")
    if (units.donor_variance[responds] > 0).any():
        raise ValueError("donor_variance must be 0 of respondents")


def _check_nesting(units: Units, members: Memberships) -> None:
    if not _is_nested(units.group, units.place):
        raise ValueError("a group has units of several places: number groups so that each is of one place")
    if not _is_nested(members.domain, units.place[members.unit]):
        raise ValueError("a domain has units of several places: define one domain for each place")
    pairs = members.unit.astype(np.int64) * members.domains + members.domain
    if len(distinct(pairs)) != len(pairs):
        raise ValueError("a membership is given twice: a unit can be in a domain only once")


def distinct(numbers: Integers) -> Integers:
    """The different numbers, ascending. NumPy's ``unique`` hashes them, which takes several times as long."""
    ordered = np.sort(numbers)
    return ordered[np.diff(ordered, prepend=ordered[:1] - 1) > 0]


def _is_nested(inner: NDArray[np.integer], outer: NDArray[np.integer]) -> bool:
    """Whether each number of ``inner`` is always with the same number of ``outer``."""
    with_ = np.zeros(int(inner.max(initial=-1)) + 1, dtype=np.int64)
    with_[inner] = outer
    return bool((with_[inner] == outer).all())
