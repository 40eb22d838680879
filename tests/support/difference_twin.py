"""Differences of estimates by loops over units, slow and obvious."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.support.prediction_problem import Problem
from tests.support.prediction_twin import Twin

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


class SlowDifferences:
    """One column in one domain, or its ratio to another, with loops over units."""

    def __init__(self, problem: Problem, agency: Integers, y: Floats, domain: int, below: Floats | None = None) -> None:
        self.twin, self.agency = Twin(problem), agency
        self.units = self.twin.units
        self.place = self.units.place[problem.members.unit[problem.members.domain == domain][0]]
        self.column, self.y = y, self.twin.of_units(y)
        members = problem.members
        self.inside = np.isin(np.arange(len(agency)), members.unit[members.domain == domain])
        #: Of a ratio z = y - R b takes the place of y, with the Poisson noise of z, relative to b, over the total of b.
        self.ratio, self.divisor, self.b = 0.0, 1.0, np.zeros(len(agency))
        self.noise, self.scale = self.y, self.y
        self.tau = self.twin.dispersion(self.y, self.y, self.y)
        if below is not None:
            self.b = self.twin.of_units(below)
            self.divisor = self.twin.total(self.b, self.inside)
            self.ratio = max(self.twin.total(self.y, self.inside), 0.0) / self.divisor
            self.noise, self.scale = self.y * (1 - 2 * self.ratio) + self.ratio**2 * self.b, self.b
            self.tau = self.twin.dispersion_of_ratio(self.y, self.b)

    def variance(self) -> float:
        terms = ((1.0, self.y), (-self.ratio, self.b))
        return self.twin.variance(self.inside, self.tau, self.noise, self.scale, terms) / self.divisor**2

    def total(self) -> float:
        return self.twin.total(self.y, self.inside)

    def concerned(self) -> Flags:
        """Units with an error: of the domain, or with ratios of the place all its respondents."""
        if not self.twin.settings.is_of_place:
            return self.inside
        responds = self.units.psu >= 0
        of_place: Flags = (self.units.place == self.place) & responds | self.inside & ~responds
        return of_place

    def poisson(self, y: Floats) -> float:
        weight = self.units.weight
        noise = float((weight * np.maximum(weight - 1, 0) * y)[self.inside].sum())
        if self.twin.settings.is_of_place:
            noise += (self.twin.coefficients(self.inside) ** 2 * y).sum() + self.twin.expected(y, self.inside).sum()
        return noise

    def expected(self, i: int) -> float:
        if self.twin.settings.is_of_place:
            ratio = self.twin.shrunken_ratios(self.noise, self.place).get(self.units.group[i], 0.0)
            return float(ratio * self.units.size[i]) / self.divisor**2
        return float(self.theta_of(self.noise, i) * self.units.size[i]) / self.divisor**2

    def theta_of(self, y: Floats, i: int) -> float:
        of_group = self.units.group == self.units.group[i]
        of = of_group & self.inside
        return self.twin.theta(y, of if (self.units.weight * self.units.size)[of].sum() > 0 else of_group)

    def theta(self, i: int) -> float:
        return (self.theta_of(self.y, i) - self.ratio * self.theta_of(self.b, i)) / self.divisor

    def coefficient(self, i: int) -> float:
        if self.twin.settings.is_of_place:
            return float(self.twin.coefficients(self.inside)[i])
        return float(self.units.weight[i] - 1) if self.units.psu[i] >= 0 else -1.0

    def error(self, i: int) -> float:
        if self.units.donor_variance[i] > 0:
            return 0.0
        deviation = self.twin.modeled[i] ** (self.twin.settings.gamma / 2)
        scale = self.theta_of(self.scale, i) / self.divisor
        return float(self.coefficient(i) * np.sqrt(self.tau[self.units.group[i]]) * scale * deviation)

    def donor(self, i: int) -> float:
        return float(self.theta(i) * np.sqrt(self.units.donor_variance[i]))

    def states(self) -> dict[int, float]:
        """Σ θ (w - 1) m of each state."""
        found: dict[int, float] = {}
        for i in map(int, np.flatnonzero(self.concerned())):
            state = int(self.units.state[i])
            found[state] = found.get(state, 0.0) + self.theta(i) * self.coefficient(i) * self.units.size[i]
        return found

    def common_states(self, other: "SlowDifferences") -> float:
        one, two = self.states(), other.states()
        product = sum(one[state] * two[state] for state in one.keys() & two.keys())
        deviations = [np.sqrt(of.twin.settings.state_variance) for of in (self, other)]
        return float(deviations[0] * deviations[1] * product)

    def common_gap(self, other: "SlowDifferences") -> float:
        if any(of.twin.settings.corrects or of.twin.settings.is_of_place for of in (self, other)):
            return 0.0
        return self.gap() * other.gap()

    def gap(self) -> float:
        known = self.twin.gap(self.y, self.inside) - self.ratio * self.twin.gap(self.b, self.inside)
        return known / self.divisor

    def ratio_of_place(self, place: int) -> float:
        of = self.units.place == place
        divisor = self.twin.total(self.b, of)
        return float(self.twin.total(self.y, of) / divisor) if divisor > 0 else 0.0

    def residuals(self) -> dict[int, tuple[float, float, float]]:
        """Of respondents of the level in groups with residuals: ê/√v, y/v, √v."""
        found = {}
        level = self.units.place_level[self.place]
        for h in np.unique(self.units.group):
            s = self.twin.respondents(h)
            is_of_level = (self.units.place_level[self.units.place[self.units.group == h]] == level).all()
            theta = self.twin.theta(self.scale, self.units.group == h)
            if not (is_of_level and self.twin.has_residuals[h] and theta > 0):
                continue
            v = (self.twin.modeled[s] + 1) ** self.twin.settings.gamma
            hat = self.twin.hat[h]
            R = self.ratio_of_place(self.units.place[s[0]])
            z, noise = self.y[s] - R * self.b[s], self.y[s] * (1 - 2 * R) + R**2 * self.b[s]
            e = z / np.sqrt(v) - hat @ (z / np.sqrt(v))
            e = e / np.sqrt(1 - np.minimum(np.diag(hat), 0.98))
            for k, i in enumerate(s):
                found[int(i)] = (e[k], noise[k] / v[k], np.sqrt(v[k]))
        return found

    def numbered(self, chosen: Flags) -> dict[tuple[int, int], int]:
        """Units by agency and occurrence, the largest share first."""
        found: dict[tuple[int, int], int] = {}
        for i in sorted(np.flatnonzero(chosen), key=lambda i: -self.units.share[i]):
            occurrence = sum(agency == self.agency[i] for agency, _ in found)
            found[int(self.agency[i]), occurrence] = int(i)
        return found

    def of_level(self) -> Flags:
        level: Flags = self.units.place_level[self.units.place] == self.units.place_level[self.place]
        return level & (self.units.psu >= 0)


def pairs_of(one: dict[Any, int], two: dict[Any, int]) -> list[tuple[int, int]]:
    return [(one[key], two[key]) for key in sorted(one.keys() & two.keys())]


def slow_correlation(
    one: SlowDifferences, two: SlowDifferences, pairs: list[tuple[int, int]], common: Floats | None = None
) -> float:
    """``common``: counts of units that are in both columns."""
    residuals, others = one.residuals(), two.residuals()
    pairs = [(i, j) for i, j in pairs if i in residuals and j in others]
    if len(pairs) < 5:
        return 0.0
    above, first, second = 0.0, 0.0, 0.0
    for i, j in pairs:
        (e, noise, root), (f, other_noise, other_root) = residuals[i], others[j]
        both = 0.0 if common is None else common[i]
        above += (e * f - both / (root * other_root)) * np.sqrt(root * other_root)
        first += (e**2 - noise) * root
        second += (f**2 - other_noise) * other_root
    if min(first, second) <= 0:
        return 0.0
    return float(np.clip(above / np.sqrt(first * second), -1, 1))
