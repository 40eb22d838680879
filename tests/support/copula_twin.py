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


def imputed(problem: Problem, *, is_sound: bool) -> Floats:
    """Imputed total and rows of every nonrespondent: (N, 3)."""
    R, p = problem.respondents, problem.covariates.shape[1]
    responds = np.arange(len(problem.group)) < R
    group = merged(problem.group, responds)
    everybody = scores(problem.covariates[:, 0], is_sound=is_sound)[:, None]
    z = np.zeros_like(problem.covariates)
    for g in np.unique(group):
        inside = group == g
        for a in range(p):
            z[inside, a] = scores(problem.covariates[inside, a], is_sound=is_sound)

    def means(values: Floats, takes_part: NDArray[np.bool_]) -> Floats:
        """E of every agency."""
        result = np.zeros(len(group))
        for g in np.unique(group):
            own = takes_part & (group[:R] == g)
            is_pooled = own.sum() < 10 or (values[own] > 0).sum() < 5
            # A single group is all agencies.
            is_pooled &= len(np.unique(group)) > 1
            used = takes_part if is_pooled else own
            if not used.any():
                continue
            q = p if not is_sound or (group[:R] == g).sum() >= 10 * p else 1
            columns, among = (everybody, everybody) if is_pooled else (z[:, :q], z[group == g, :q])
            if is_pooled:
                found = pooled(values[used], columns[:R][used], columns, is_sound=is_sound)
            else:
                found = mean_under_copula(values[used], columns[:R][used], columns, among, is_sound=is_sound)
            result[group == g] = found[group == g]
        return result

    total, size = problem.total, problem.size
    if is_sound:
        has_size = size[:R] > 0
        ratio = np.divide(total, size[:R], out=np.zeros(R), where=has_size)
        imputed_total = np.zeros(len(group))
        for g in np.unique(group):
            own = has_size & (group[:R] == g)
            is_pooled = (own.sum() < 10 or (ratio[own] > 0).sum() < 5) and len(np.unique(group)) > 1
            base = np.ones(R, dtype=bool) if is_pooled else group[:R] == g
            used = base & has_size
            q = p if (group[:R] == g).sum() >= 10 * p else 1
            columns, among = (everybody, everybody) if is_pooled else (z[:, :q], z[group == g, :q])
            here = (group == g) & (size > 0)
            if used.any():
                how = pooled if is_pooled else mean_under_copula
                extra = () if is_pooled else (among,)
                E = how(ratio[used], columns[:R][used], columns, *extra, is_sound=True)
                below = (size[:R] * E[:R])[used].sum()
                kappa = total[used].sum() / below if below > 0 else 0.0
                imputed_total[here] = kappa * size[here] * E[here]
            without = base & ~has_size
            imputed_total[(group == g) & (size <= 0)] = total[without].mean() if without.any() else 0.0
    else:
        imputed_total = means(total, np.ones(R, dtype=bool))
    has_total = total > 0
    part = np.divide(problem.rows.sum(axis=1), total, out=np.zeros(R), where=has_total)
    found = np.zeros((len(group) - R, 3))
    found[:, 0] = imputed_total[R:]
    if not has_total.any() or part[has_total].max() <= 0:
        return found
    low, high = part[has_total].min(), part[has_total].max()
    of_part = np.full(len(group), high) if high - low < 1e-9 else means(part, has_total)
    E = np.column_stack([means(problem.rows[:, j], has_total) for j in range(problem.rows.shape[1])])
    with_block = part > 0
    shares = np.array(
        [(problem.rows[with_block, j] / (total * part)[with_block]).mean() for j in range(E.shape[1])]
    )  # fmt: skip
    for i in range(R, len(group)):
        target = imputed_total[i] * of_part[i]
        found[i - R, 1:] = target * (E[i] / E[i].sum() if E[i].sum() > 0 else shares)
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
