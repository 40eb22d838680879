"""The prediction variance as its formulas say, slowly: loops over units and cells."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nibrs_estimation.stats.prediction import Units
from tests.support.prediction_problem import Problem

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Twin:
    """The handbook's formulas with loops over groups and domains, dense."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.settings = problem, problem.settings
        self.units = units = self.with_own_weights(problem.units) if self.settings.is_of_place else problem.units
        self.responds = units.psu >= 0
        self.H = int(units.group.max()) + 1
        self.modeled = units.size.copy()
        for h in range(self.H):
            of = units.group == h
            if of.any():
                self.modeled[of & self.responds & (units.size == 0)] = units.size[of].mean()
        self.hat: list[Floats] = []
        self.rank, self.has_residuals = np.zeros(self.H, dtype=int), np.zeros(self.H, dtype=bool)
        for h in range(self.H):
            self.hat.append(self.hat_matrix(h))
        self.choose_pools()
        self.known: dict[tuple[int, bool], Floats] = {}
        self.found: dict[bytes, Floats] = {}

    @staticmethod
    def with_own_weights(units: Units) -> Units:
        weight = units.weight.copy()
        for place in range(len(units.place_level)):
            of = (units.place == place) & (units.psu >= 0)
            if units.size[of].sum() > 0:
                weight[of] = 1.0
        return replace(units, weight=weight)

    def shrunken_ratios(self, y: Floats, place: int) -> dict[int, float]:
        """θ̃ of the groups of a place that take part in ratios; y by unit."""
        units, prior = self.units, self.settings.prior_agencies
        groups = []
        for h in np.unique(units.group[units.place == place]):
            of = units.group == h
            if (of & self.responds).any() and (units.size[of & self.responds].sum() > 0 or (of & ~self.responds).any()):
                groups.append(int(h))
        every = np.isin(units.group, groups) & self.responds
        if units.size[every].sum() == 0:
            return {}
        of_place = y[every].sum() / units.size[every].sum()
        found = {}
        for h in np.unique(units.group[units.place == place]):
            s = self.respondents(h)
            x = units.size[s].sum()
            found[int(h)] = of_place
            if x > 0:
                K = prior * (units.size[s] ** 2).sum() / x
                found[int(h)] = (y[s].sum() + K * of_place) / (x + K)
        return found

    def expected(self, y: Floats, D: NDArray[Any]) -> Floats:
        """What each nonrespondent of a domain is expected to have, by unit."""
        found = np.zeros(len(y))
        if D.any():
            for h, ratio in self.shrunken_ratios(y, self.units.place[D][0]).items():
                of = D & ~self.responds & (self.units.group == h)
                found[of] = ratio * self.units.size[of]
        return found

    def is_predicted(self, y: Floats, D: NDArray[Any]) -> bool:
        """Nonrespondents of the domain have an expected count above 0."""
        return self.settings.is_of_place and bool(self.expected(y, D).sum() > 0)

    def coefficients(self, D: NDArray[Any]) -> Floats:
        """Factor k of respondents of the place, from what each alone would add; -1 of nonrespondents in D."""
        if D.tobytes() in self.found:
            return self.found[D.tobytes()]
        c = self.found[D.tobytes()] = np.where(D & ~self.responds, -1.0, 0.0)
        for i in np.flatnonzero(self.responds & (self.units.place == self.units.place[D][0])):
            alone = np.zeros(len(c))
            alone[i] = 1.0
            c[i] = self.expected(alone, D).sum()
        return c

    def respondents(self, h: int) -> Integers:
        return np.flatnonzero((self.units.group == h) & self.responds)

    def hat_matrix(self, h: int) -> Floats:
        s = self.respondents(h)
        if len(s) == 0:
            return np.zeros((0, 0))
        root = (self.modeled[s] + 1) ** (self.settings.gamma / 2)
        alone = self.units.size[s][:, None] / root[:, None]
        x = self.units.controls[s] / root[:, None]
        rank = self.rank_of(x)
        if rank == 0 or len(s) - rank < max(4, rank):
            x = alone
        self.rank[h] = rank = self.rank_of(x)
        missing = ((self.units.group == h) & ~self.responds).any()
        self.has_residuals[h] = missing and len(s) - rank >= 1 and (self.units.size[s] > 0).any()
        x = x / np.maximum(np.sqrt((x**2).sum(axis=0)), 1e-300)
        hat: Floats = x @ np.linalg.pinv(x, rcond=1e-5)
        return hat

    @staticmethod
    def rank_of(x: Floats) -> int:
        length = np.sqrt((x**2).sum(axis=0))
        x = x / np.where(length > 0, length, 1)
        return int(np.linalg.matrix_rank(x, tol=1e-5)) if x.any() else 0

    def choose_pools(self) -> None:
        level = np.zeros(self.H, dtype=int)
        level[self.units.group] = self.units.place_level[self.units.place]
        many = self.rank >= 8
        freedom = np.array([len(self.respondents(h)) - self.rank[h] for h in range(self.H)]) * self.has_residuals
        self.pool = []
        for h in range(self.H):
            pool = self.has_residuals & (level == level[h]) & (many == many[h])
            if pool.sum() < 5:
                pool = self.has_residuals & (level == level[h])
            if freedom.sum() >= 30 and freedom[level == level[h]].sum() < 30:
                pool = self.has_residuals & (level == 0)
                if freedom[level == 0].sum() < 30:
                    pool = self.has_residuals
            self.pool.append(pool)

    def theta(self, y: Floats, of: NDArray[Any]) -> float:
        """Of some units, or of their place; y by unit."""
        if self.settings.is_of_place and of.any():
            place = self.units.place == self.units.place[of][0]
            if self.units.size[place & self.responds].sum() == 0:
                return 0.0
            return float(self.total(y, place) / self.total(self.units.size * self.responds, place))
        expanded = (self.units.weight * self.units.size)[of].sum()
        return float((self.units.weight * y)[of].sum() / expanded) if expanded > 0 else 0.0

    def dispersion(self, z: Floats, noise: Floats, y_theta: Floats) -> Floats:
        """τ² of each group: z gives the residuals, ``noise`` what is Poisson, ``y_theta`` θ."""
        gamma, num, den, tau = self.settings.gamma, np.zeros(self.H), np.zeros(self.H), np.zeros(self.H)
        theta = np.array([self.theta(y_theta, self.units.group == h) for h in range(self.H)])
        for h in range(self.H):
            s = self.respondents(h)
            if not self.has_residuals[h] or theta[h] == 0:
                continue
            m = self.modeled[s]
            v = (m + 1) ** gamma
            e = z[s] / np.sqrt(v) - self.hat[h] @ (z[s] / np.sqrt(v))
            squares = v * e**2 / (1 - np.minimum(np.diag(self.hat[h]), 0.98))
            num[h] = ((squares - noise[s]) * (m + 1) ** (-gamma / 2)).sum()
            den[h] = theta[h] ** 2 * (m ** (gamma / 2)).sum()
        for h in range(self.H):
            s, pool = self.respondents(h), self.pool[h]
            if theta[h] == 0:
                continue
            below = den[pool].sum()
            tau[h] = pooled = max(0.0, num[pool].sum()) / below if below > 0 else 0.0
            if self.has_residuals[h]:
                m, n = self.modeled[s], len(s)
                lam = pooled * theta[h] * (m**2).sum() / m.sum()
                nu = (m ** (gamma / 2)).sum() ** 2 / (m**gamma).sum() * (n - self.rank[h]) / n * (lam / (1 + lam)) ** 2
                d = self.settings.prior_freedom
                tau[h] = max(0.0, (nu * num[h] / den[h] + d * pooled) / (nu + d))
        return tau

    def gap(self, y: Floats, D: NDArray[Any]) -> float:
        units, gap = self.units, 0.0
        for h in np.unique(units.group[D]):
            of = D & (units.group == h)
            gap += self.theta(y, units.group == h) * ((units.weight - 1) * units.size * of).sum()
        # Nonrespondents have weight 0, so (w - 1) m is -m: X̂ - X.
        return gap

    def total(self, y: Floats, D: NDArray[Any]) -> float:
        total = float((self.units.weight * y)[D].sum())
        if self.settings.is_of_place:
            total += self.expected(y, D).sum()
        elif self.settings.corrects:
            total -= self.gap(y, D)
        return total

    def variance(
        self, D: NDArray[Any], tau: Floats, poisson: Floats, of_size: Floats, others: tuple[tuple[float, Floats], ...]
    ) -> float:
        """``of_size``: column whose θ scales the dispersion; ``others``: factors and columns of the other terms."""
        units, gamma = self.units, self.settings.gamma
        if self.settings.is_of_place:
            return self.variance_of_place(D, tau, poisson, of_size, others)
        V = (units.weight * np.maximum(units.weight - 1, 0) * poisson)[D].sum()
        states: dict[int, float] = {}
        donor = units.donor_variance > 0
        for h in np.unique(units.group[D]):
            of, group = D & (units.group == h), units.group == h
            known = of if (units.weight * units.size)[of].sum() > 0 else group
            theta = sum(factor * self.theta(y, known) for factor, y in others)
            spread = ((units.weight - 1) ** 2 * self.modeled**gamma)[of & ~donor].sum()
            V += tau[h] * self.theta(of_size, known) ** 2 * spread + units.donor_variance[of].sum() * theta**2
            for state in np.unique(units.state[of]):
                E = ((units.weight - 1) * units.size)[of & (units.state == state)].sum()
                states[state] = states.get(state, 0) + theta * E
        V += self.settings.state_variance * sum(value**2 for value in states.values())
        if not self.settings.corrects:
            V += sum(factor * self.gap(y, D) for factor, y in others) ** 2
        return max(float(V), 0.0)

    def variance_of_place(
        self, D: NDArray[Any], tau: Floats, poisson: Floats, of_size: Floats, others: tuple[tuple[float, Floats], ...]
    ) -> float:
        units, c = self.units, self.coefficients(D)
        V = (units.weight * np.maximum(units.weight - 1, 0) * poisson)[D].sum()
        V += (c**2 * poisson)[self.responds].sum() + self.expected(poisson, D).sum()
        scale, theta = self.theta(of_size, D), sum(factor * self.theta(y, D) for factor, y in others)
        is_donor = units.donor_variance > 0
        V += (tau[units.group] * scale**2 * c**2 * self.modeled**self.settings.gamma)[~is_donor].sum()
        V += theta**2 * units.donor_variance[D].sum()
        for state in np.unique(units.state):
            V += self.settings.state_variance * (theta * (c * units.size)[units.state == state].sum()) ** 2
        return max(float(V), 0.0)

    def of_units(self, column: Floats) -> Floats:
        return np.where(self.responds, self.units.share * column[self.units.psu], 0.0)

    def estimates(self) -> dict[tuple[int, int], tuple[float, ...]]:
        found = {}
        for cell in range(self.problem.y.shape[1]):
            for g in range(self.problem.members.domains):
                D = np.isin(np.arange(len(self.responds)), self.problem.members.unit[self.problem.members.domain == g])
                counted = D & self.responds & (self.problem.y[self.units.psu, cell] > 0)
                if counted.any() or self.is_predicted(self.of_units(self.problem.y[:, cell]), D):
                    found[cell, g] = self.estimate(cell, D, np.unique(self.units.psu[counted]))
        return found

    def estimate(self, cell: int, D: NDArray[Any], counted: Integers) -> tuple[float, ...]:
        p = self.problem
        y, own = self.of_units(p.y[:, cell]), self.of_units(p.own[:, cell])
        if (cell, False) not in self.known:
            self.known[cell, False] = self.dispersion(y, y, y)
        tau = self.known[cell, False]
        total, reported = self.total(y, D), own[D].sum()
        published = max(total, reported) if self.settings.corrects else total
        error = np.sqrt(self.variance(D, tau, y, y, ((1.0, y),)))
        numbers = (published, error, reported, len(counted), p.y[counted, cell].sum())
        theta = self.theta(y, self.units.group == self.units.group[D].min())
        return (*numbers, *self.ratio(cell, D, y, total, reported), theta)

    def ratio(self, cell: int, D: NDArray[Any], y: Floats, total: float, reported: float) -> tuple[float, float]:
        p, k = self.problem, int(self.problem.denominator_of[cell])
        if k < 0:
            return np.nan, np.nan
        b = self.of_units(p.b[:, k])
        below = self.total(b, D)
        if not ((b[D] > 0).any() or self.is_predicted(b, D)):
            return np.nan, np.nan
        if p.floors_ratios and self.settings.corrects:
            total, below = max(total, reported), max(below, self.of_units(p.own_b[:, k])[D].sum())
        if below <= 0:
            return np.nan, np.nan
        R = max(total, 0.0) / below
        if (cell, True) not in self.known:
            self.known[cell, True] = self.dispersion_of_ratio(y, b)
        tau = self.known[cell, True]
        V = self.variance(D, tau, y * (1 - 2 * R) + R**2 * b, b, ((1.0, y), (-R, b)))
        return R, np.sqrt(V) / below

    def dispersion_of_ratio(self, y: Floats, b: Floats) -> Floats:
        R = np.zeros(len(y))
        for place in range(len(self.units.place_level)):
            of = self.units.place == place
            divisor = self.total(b, of)
            R[of] = self.total(y, of) / divisor if divisor > 0 else 0.0
        return self.dispersion(y - R * b, y * (1 - 2 * R) + R**2 * b, b)
