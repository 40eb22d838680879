"""The second estimator written out: one agency, one cell, one step after another."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from nibrs_estimation.stats.copula.form import merged

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """R respondents, then N nonrespondents: groups, covariates, benchmark; a total and two rows of its block."""

    group: NDArray[np.int64]
    covariates: Floats
    size: Floats
    total: Floats
    rows: Floats

    @property
    def respondents(self) -> int:
        return len(self.total)


def scores(x: Floats, *, is_sound: bool) -> Floats:
    return np.asarray(stats.norm.ppf(stats.rankdata(x, "average" if is_sound else "min") / (len(x) + 1)))


def mean_under_copula(values: Floats, z: Floats, z_new: Floats, among: Floats, *, is_sound: bool) -> Floats:
    """E for rows of z_new, from respondents with values; ``among`` are the covariates of everybody of the group."""
    n = len(values)
    distinct = np.unique(values)
    if len(distinct) == 1:
        return np.full(len(z_new), distinct[0])
    p = z.shape[1]
    if is_sound:
        score = stats.norm.ppf(stats.rankdata(values) / (n + 1))
        r = np.array([np.corrcoef(z[:, a], score)[0, 1] if z[:, a].std() > 0 else 0.0 for a in range(p)])
        between = np.corrcoef(among.T).reshape(p, p) if p > 1 else np.ones((1, 1))
        between = np.nan_to_num(between)
        np.fill_diagonal(between, 1.0 + (1e-6 if p > 1 or len(among) else 0.0))
    else:
        r = np.sin(np.pi / 2 * np.array([np.nan_to_num(stats.kendalltau(z[:, a], values).statistic) for a in range(p)]))
        between = np.eye(p)
        for a in range(p):
            for b in range(a):
                tau = np.nan_to_num(stats.kendalltau(among[:, a], among[:, b]).statistic)
                between[a, b] = between[b, a] = np.sin(np.pi / 2 * tau)
    beta = np.linalg.pinv(between) @ r
    explained = r @ beta
    if explained > 1 - 1e-6:
        beta *= np.sqrt((1 - 1e-6) / explained)
        explained = 1 - 1e-6
    sigma = np.sqrt(max(1 - explained, 1e-6))
    found = []
    for row in z_new:
        mu = row @ beta
        mean = distinct[-1]
        for below, above in itertools.pairwise(distinct):
            q = stats.norm.ppf((values <= below).mean())
            mean -= (above - below) * stats.norm.cdf((q - mu) / sigma)
        found.append(mean)
    return np.array(found)


@dataclass(frozen=True)
class Groups:
    """Merged groups, and normal scores within them and among all agencies."""

    group: NDArray[np.int64]
    z: Floats
    everybody: Floats
    R: int

    def means(
        self, values: Floats, takes_part: NDArray[np.bool_], g: int, *, is_sound: bool
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """E of every agency by the margin of a group, and the respondents of that margin."""
        own = takes_part & (self.group[: self.R] == g)
        is_single = len(np.unique(self.group)) == 1
        if not is_single and (own.sum() < 10 or (values[own] > 0).sum() < 5):
            if not takes_part.any():
                return np.zeros(len(self.group)), np.ones(self.R, dtype=bool)
            of_all = pooled(values[takes_part], self.everybody[: self.R][takes_part], self.everybody, is_sound=is_sound)
            return of_all, np.ones(self.R, dtype=bool)
        base = self.group[: self.R] == g
        if not own.any():
            return np.zeros(len(self.group)), base
        p = self.z.shape[1]
        q = p if not is_sound or base.sum() >= 10 * p else 1
        z, among = self.z[:, :q], self.z[self.group == g, :q]
        return mean_under_copula(values[own], z[: self.R][own], z, among, is_sound=is_sound), base


def imputed(problem: Problem, *, is_sound: bool) -> Floats:
    """Imputed total and rows of every nonrespondent: (N, 3)."""
    R, n = problem.respondents, len(problem.group)
    group = merged(problem.group, np.arange(n) < R)
    z = np.zeros_like(problem.covariates)
    for g in np.unique(group):
        for a in range(z.shape[1]):
            z[group == g, a] = scores(problem.covariates[group == g, a], is_sound=is_sound)
    groups = Groups(group, z, scores(problem.covariates[:, 0], is_sound=is_sound)[:, None], R)

    def means(values: Floats, takes_part: NDArray[np.bool_]) -> Floats:
        found = np.zeros(n)
        for g in np.unique(group):
            found[group == g] = groups.means(values, takes_part, g, is_sound=is_sound)[0][group == g]
        return found

    total = problem.total
    of_total = totals(problem, groups) if is_sound else means(total, np.ones(R, dtype=bool))
    has_total = total > 0
    part = np.divide(problem.rows.sum(axis=1), total, out=np.zeros(R), where=has_total)
    found = np.zeros((n - R, 3))
    found[:, 0] = of_total[R:]
    if not has_total.any() or part[has_total].max() <= 0:
        return found
    low, high = part[has_total].min(), part[has_total].max()
    of_part = np.full(n, high) if high - low < 1e-9 else means(part, has_total)
    E = np.column_stack([means(row, has_total) for row in problem.rows.T])
    has_block = part > 0
    shares = (problem.rows[has_block] / (total * part)[has_block, None]).mean(axis=0)
    for i in range(R, n):
        found[i - R, 1:] = of_total[i] * of_part[i] * (E[i] / E[i].sum() if E[i].sum() > 0 else shares)
    return found


def totals(problem: Problem, groups: Groups) -> Floats:
    """Totals of every agency as ratios to the benchmark."""
    R, size = groups.R, problem.size
    has_size = size[:R] > 0
    ratio = np.divide(problem.total, size[:R], out=np.zeros(R), where=has_size)
    found = np.zeros(len(groups.group))
    for g in np.unique(groups.group):
        E, base = groups.means(ratio, has_size, g, is_sound=True)
        used, without = base & has_size, base & ~has_size
        expected = (size[:R] * E[:R])[used].sum()
        factor = problem.total[used].sum() / expected if expected > 0 else 0.0
        here = groups.group == g
        found[here] = factor * (size * E)[here]
        found[here & (size <= 0)] = problem.total[without].mean() if without.any() else 0.0
    return found


def pooled(values: Floats, z: Floats, z_new: Floats, *, is_sound: bool) -> Floats:
    """As :func:`mean_under_copula` with the one covariate of all agencies, whose variance needs no ridge."""
    n = len(values)
    distinct = np.unique(values)
    if len(distinct) == 1:
        return np.full(len(z_new), distinct[0])
    if is_sound:
        score = stats.norm.ppf(stats.rankdata(values) / (n + 1))
        r = np.corrcoef(z[:, 0], score)[0, 1] if z[:, 0].std() > 0 else 0.0
    else:
        r = np.sin(np.pi / 2 * np.nan_to_num(stats.kendalltau(z[:, 0], values).statistic))
    r = float(np.clip(r, -np.sqrt(1 - 1e-6), np.sqrt(1 - 1e-6)))
    sigma = np.sqrt(max(1 - r * r, 1e-6))
    q = stats.norm.ppf([(values <= below).mean() for below in distinct[:-1]])
    mu = z_new[:, 0] * r
    return np.asarray(distinct[-1] - (np.diff(distinct) * stats.norm.cdf((q - mu[:, None]) / sigma)).sum(axis=1))
