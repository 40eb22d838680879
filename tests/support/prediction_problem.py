"""Places, units and counts whose prediction variance is checked: the worked example, random problems, a nation."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.stats.prediction import (
    Memberships,
    PredictionEstimates,
    PredictionForm,
    Settings,
    Units,
    prediction_estimates,
    prediction_form,
)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
PER_UNIT = ("psu", "place", "group", "weight", "share", "size", "controls", "state", "donor_variance")


@dataclass(frozen=True)
class Problem:
    """What is estimated: dense counts (PSUs, cells), denominators (PSUs, K), and the numbers of each.

    ``offenses`` (n, E) are benchmarks of the units that may take the place of their size.
    """

    units: Units
    members: Memberships
    y: Floats
    own: Floats
    b: Floats
    own_b: Floats
    denominator_of: Integers
    settings: Settings
    floors_ratios: bool = False
    offenses: Floats | None = None

    def by_offense(self, offense: int, **choices: Any) -> "Problem":
        """The same, estimated by ratios of places to the benchmark of an offense."""
        assert self.offenses is not None
        size = self.offenses[:, offense]
        units = replace(self.units, size=size, controls=np.column_stack([size, self.units.controls]))
        return replace(self, units=units, settings=replace(self.settings, is_of_place=True, **choices))

    def form(self) -> PredictionForm:
        return prediction_form(self.units, self.members, len(self.y), settings=self.settings)

    def estimate(self, threads: int = 2) -> PredictionEstimates:
        return prediction_estimates(
            self.form(),
            sparse.csc_array(self.y),
            sparse.csc_array(self.own),
            sparse.csc_array(self.b),
            self.denominator_of,
            own_denominators=sparse.csc_array(self.own_b) if self.floors_ratios else None,
            threads=threads,
        )


# The example of sums with calibration weights of handbook 11: linear calibration from N/n to the total.
SIZE = np.array([100.0, 80, 50, 170, 110, 150, 20, 40, 10, 30, 60])
GROUP = np.repeat([0, 1], [6, 5])
RESPONDS = np.array([1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0], dtype=bool)
COUNTS = np.array([[60.0, 20, 35, 70, 14, 12, 6], [20, 8, 10, 30, 5, 4, 3]]).T


def example() -> Problem:
    weight = np.zeros(11)
    for h in (0, 1):
        of = np.equal(GROUP, h)
        s = of & RESPONDS
        d, m = of.sum() / s.sum(), SIZE[s]
        weight[s] = d * (1 + (SIZE[of].sum() - d * m.sum()) / (d * (m**2).sum()) * m)
    psu, zeros = np.full(11, -1), np.zeros(11, dtype=np.int64)
    psu[RESPONDS] = np.arange(7)
    units = Units(
        psu=psu,
        place=zeros,
        group=GROUP,
        weight=weight,
        share=np.ones(11),
        size=SIZE,
        controls=SIZE[:, None],
        state=zeros,
        donor_variance=np.zeros(11),
        place_level=np.array([0]),
    )
    members = Memberships(np.arange(11), zeros, 1)
    return Problem(units, members, COUNTS, COUNTS, COUNTS[:, [0]], COUNTS[:, [0]], np.array([-1, 0]), Settings())


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Small designs: several places, levels, groups and domains, shares, weights near 1, agencies of size 0, donors.

    Groups have no, one or all respondents; an agency may be two units of a place. Cells 0 and 1 are what groups are
    calibrated to, cell 2 is empty, cell 3 is mostly cell 4. If ratios are those of places, sizes are of an offense,
    which the weights do not meet and no or few agencies may have.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    agencies, places = draw(st.sampled_from([80, 150, 25, 3])), draw(st.sampled_from([3, 4, 1]))
    offenses = rng.poisson(draw(st.sampled_from([3, 50])), (agencies, 10)) * (rng.random((agencies, 1)) < 0.9)
    x: Floats = np.column_stack([offenses.sum(axis=1), offenses]).astype(np.float64)
    responds = rng.random(agencies) < draw(st.sampled_from([0.5, 0.9]))
    responds[0] = True
    row = np.where(responds, np.cumsum(responds) - 1, -1)
    of_state = rng.integers(0, 4, agencies)
    has_donor = ~responds & (rng.random(agencies) < 0.3)
    is_of_place, has_offense = draw(st.booleans()), rng.random(agencies) < draw(st.sampled_from([0.05, 1.0]))
    explaining = x[:, 1] * has_offense if is_of_place else x[:, 0]
    columns: list[list[Any]] = [[] for _ in PER_UNIT]
    unit: list[int] = []
    domain: list[int] = []
    domains = first_group = units = 0
    for place in range(places):
        of = rng.choice(agencies, rng.integers(2 + agencies // 3, agencies + 1), replace=False)
        of = np.append(of, of[: int(rng.integers(0, 2))])
        n, H = len(of), int(rng.integers(1, 8))
        h = rng.integers(0, H, n)
        share = np.where(rng.random(n) < 0.7, 1.0, rng.uniform(0.1, 1, n))
        weight = rng.uniform(0.9, 1.1, n) if draw(st.booleans()) else rng.uniform(1, 4, n)
        is_full = np.array([responds[of[h == k]].all() for k in range(H)])
        weight = np.where(responds[of], np.where(is_full[h] & (rng.random() < 0.7), 1.0, weight), 0.0)
        used = (rng.random((H, 11)) < 0.6) & (rng.random((H, 1)) < 0.8)
        used[:, 0] |= used.any(axis=1)
        values = (
            row[of],
            np.full(n, place),
            first_group + h,
            weight,
            share,
            explaining[of] * share,
            np.column_stack([explaining[of] * share * used[h, 0], x[of] * share[:, None] * used[h]]),
            of_state[of],
            np.where(has_donor[of], rng.uniform(1, 50, n), 0.0),
        )
        for column, value in zip(columns, values, strict=True):
            column.append(value)
        part = rng.random(n) < 0.5
        for inside in (np.arange(n), np.flatnonzero(part), np.flatnonzero(~part), np.zeros(0, dtype=int)):
            unit.extend(units + inside)
            domain.extend([domains] * len(inside))
            domains += 1
        first_group, units = first_group + H, units + n
    arrays = dict(zip(PER_UNIT, (np.concatenate(column) for column in columns), strict=True))
    level = np.array([0, 1, 1, 2])[:places] if draw(st.booleans()) else np.zeros(places, dtype=np.int64)
    known = x[responds]
    scale = draw(st.sampled_from([0.05, 0.5, 20.0]))
    y: Floats = rng.poisson(scale * known[:, [0]] * rng.gamma(2, 0.1, (len(known), 7))).astype(np.float64)
    y *= rng.random(y.shape) < draw(st.sampled_from([0.3, 0.95]))
    y[:, 0], y[:, 1], y[:, 2] = known[:, 0], 2 * known[:, 0] + known[:, 1], 0
    y[:, 3] = np.where(rng.random(len(y)) < 0.8, y[:, 4], y[:, 3])
    adds = rng.integers(0, 2, (7, 3)).astype(np.float64)
    adds[:, 0] = np.arange(7) == 4
    own = np.floor(y * np.where(rng.random((len(y), 1)) < 0.8, 1, rng.random((len(y), 1))))
    denominator_of = rng.integers(-1, 3, 7)
    denominator_of[[3, 4]] = 0
    return Problem(
        Units(**arrays, place_level=level),
        Memberships(np.array(unit), np.array(domain), domains),
        y,
        own,
        y @ adds,
        own @ adds,
        denominator_of,
        Settings(
            gamma=draw(st.sampled_from([1.5, 1.85])),
            state_variance=draw(st.sampled_from([0.0, 0.01])),
            corrects=draw(st.booleans()),
            is_of_place=is_of_place,
        ),
        floors_ratios=draw(st.booleans()),
    )


def nation(rng: np.random.Generator, states: int = 4, responding: float = 0.7) -> Problem:
    """A nation of 60 agencies in each state, in 6 groups calibrated to the total; domains: all, and states."""
    n = 60 * states
    x: Floats = (rng.poisson(rng.gamma(0.6, 100, (n, 3))) + 1).astype(np.float64)
    size, group, state = x.sum(axis=1), np.arange(n) % 6, np.repeat(np.arange(states), 60)
    responds = rng.random(n) < responding
    weight = np.zeros(n)
    for h in range(6):
        of = group == h
        weight[of & responds] = size[of].sum() / size[of & responds].sum()
    psu = np.where(responds, np.cumsum(responds) - 1, -1)
    units = Units(
        psu=psu,
        place=np.zeros(n, dtype=int),
        group=group,
        weight=weight,
        share=np.ones(n),
        size=size,
        controls=size[:, None],
        state=state,
        donor_variance=np.zeros(n),
        place_level=np.array([0]),
    )
    members = Memberships(np.tile(np.arange(n), 2), np.append(np.zeros(n, dtype=int), 1 + state), 1 + states)
    level = rng.lognormal(0, 0.1, (states, 1))[state]
    y = rng.poisson(0.5 * x * level)[responds].astype(float)
    b = y.sum(axis=1, keepdims=True)
    return Problem(units, members, y, y, b, b, np.zeros(3, dtype=int), Settings(), floors_ratios=True, offenses=x)
