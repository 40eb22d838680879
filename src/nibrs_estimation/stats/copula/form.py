"""Agencies that reported and agencies that did not, laid out for the second estimator of any number of columns.

Agencies are in groups that are alike. In each group covariates become normal scores of their ranks. A group with few
respondents is merged with its neighbor; beside the groups there is one of all agencies, with the first covariate alone,
for columns that few respondents of a group have. Source: handbook 15.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from nibrs_estimation.stats.copula.scores import normal_scores

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Method = Literal["sound", "reference"]
#: A group with fewer respondents is merged with the next one.
LEAST_RESPONDENTS = 30
#: By ``sound``, a group has all covariates only with so many respondents for each of them, otherwise the first.
RESPONDENTS_PER_COVARIATE = 10
#: Added to the diagonal of the covariates' correlations by ``sound``.
_RIDGE = 1e-6


class Agencies(NamedTuple):
    """All agencies; n of them.

    Attributes:
        group: (n,) groups; neighbors have adjacent numbers.
        row: (n,) row of y of respondents; -1 for nonrespondents.
        covariates: (n, p) the first is known for all; NaN where one is not known.
        size: (n,) benchmark, at least 0.
        categories: (n, C) categories of agencies that have columns of their own.
    """

    group: Integers
    row: Integers
    covariates: Floats
    size: Floats
    categories: NDArray[np.bool_]


class Members(NamedTuple):
    """Agencies of each domain: (k,) each.

    Attributes:
        agency: position of the agency.
        domain: number of the domain.
        share: share of the agency in the domain.
    """

    agency: Integers
    domain: Integers
    share: Floats


class Form(NamedTuple):
    """R respondents and N nonrespondents, each sorted by G groups.

    Attributes:
        first_r, first_n: (G + 1,) first respondent and nonrespondent of each group.
        group_r: (R,) group of each respondent.
        position: (rows of y,) position of the respondent; -1 for rows without agency.
        covariates: (G,) number of covariates that are used.
        inverse: (G, p, p) inverse of the correlations of the covariates.
        z_r, z_n: (R, p), (p, N) normal scores within the group; each is read along its rows.
        all_r, all_n: (R,), (N,) normal scores of the first covariate among all agencies.
        size_r, size_n: (R,), (N,) benchmarks.
        category_n: (N, C) categories of nonrespondents.
        agency_n: (N,) position of each nonrespondent among all agencies.
        first_member: (N + 1,) first membership of each nonrespondent.
        domain, share: (k,) of each membership.
        domains: number of domains.
    """

    first_r: Integers
    first_n: Integers
    group_r: Integers
    position: Integers
    covariates: Integers
    inverse: Floats
    z_r: Floats
    z_n: Floats
    all_r: Floats
    all_n: Floats
    size_r: Floats
    size_n: Floats
    category_n: NDArray[np.bool_]
    agency_n: Integers
    first_member: Integers
    domain: Integers
    share: Floats
    domains: int


def copula_form(agencies: Agencies, members: Members, rows: int, domains: int, method: Method = "sound") -> Form:
    """Lay out the agencies.

    Args:
        agencies: all agencies.
        members: the domains to which they belong.
        rows: number of rows of y.
        domains: number of domains.
        method: ``sound``, or ``reference``: equal values have the smallest rank, and all covariates are used.
    """
    responds = agencies.row >= 0
    group = merged(agencies.group, responds)
    order = np.lexsort((np.arange(len(group)), group))
    of_r, of_n = order[responds[order]], order[~responds[order]]
    G = int(group.max(initial=-1)) + 1
    ties: Literal["min", "average"] = "min" if method == "reference" else "average"
    n, p = agencies.covariates.shape
    z, used, inverse = np.zeros((n, p)), np.ones(G, dtype=np.int64), np.zeros((G, p, p))
    for g in range(G):
        inside = np.flatnonzero(group == g)
        z[inside] = np.column_stack([normal_scores(x, ties) for x in agencies.covariates[inside].T])
        # A covariate that nobody knows, or that is the same everywhere, explains nothing.
        if method == "reference" or responds[inside].sum() >= RESPONDENTS_PER_COVARIATE * p:
            used[g] = p
        q = used[g]
        inverse[g, :q, :q] = np.linalg.pinv(_correlations(z[inside, :q], method))
    everybody = normal_scores(agencies.covariates[:, 0], ties)
    position = np.full(rows, -1)
    position[agencies.row[of_r]] = np.arange(len(of_r))
    first_member, domain, share = _members_of(members, of_n, n)
    return Form(
        first_r=np.searchsorted(group[of_r], np.arange(G + 1)),
        first_n=np.searchsorted(group[of_n], np.arange(G + 1)),
        group_r=group[of_r],
        position=position,
        covariates=used,
        inverse=inverse,
        z_r=z[of_r],
        z_n=np.ascontiguousarray(z[of_n].T),
        all_r=everybody[of_r],
        all_n=everybody[of_n],
        size_r=agencies.size[of_r],
        size_n=agencies.size[of_n],
        category_n=agencies.categories[of_n],
        agency_n=of_n,
        first_member=first_member,
        domain=domain,
        share=share,
        domains=domains,
    )


def merged(group: Integers, responds: NDArray[np.bool_]) -> Integers:
    """Groups, of which those with too few respondents are merged with the next, and the last with the one before.

    Args:
        group: (n,) numbers of groups; neighbors have adjacent numbers.
        responds: (n,)

    Returns:
        (n,) numbers from 0.
    """
    numbers = np.unique(group)
    count = np.array([(responds & (group == number)).sum() for number in numbers])
    found, inside = np.zeros(len(numbers), dtype=np.int64), 0
    for k in range(1, len(numbers)):
        inside += count[k - 1]
        is_full = inside >= LEAST_RESPONDENTS and count[k:].sum() >= LEAST_RESPONDENTS
        found[k] = found[k - 1] + is_full
        inside = 0 if is_full else inside
    return found[np.searchsorted(numbers, group)]


def _correlations(z: Floats, method: Method) -> Floats:
    """Correlations of covariates: of their normal scores, or sin(π τ_b / 2)."""
    p = z.shape[1]
    if method == "reference":
        found = np.eye(p)
        for a in range(p):
            for b in range(a):
                tau = stats.kendalltau(z[:, a], z[:, b]).statistic
                found[a, b] = found[b, a] = np.sin(np.pi / 2 * np.nan_to_num(tau))
        return _positive(found)
    spread = z.std(axis=0)
    centered = (z - z.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    found = centered.T @ centered / len(z)
    np.fill_diagonal(found, 1.0 + _RIDGE)
    return np.asarray(found)


def _positive(correlations: Floats) -> Floats:
    """Correlations with eigenvalues of at least 1e-6: unchanged where they are."""
    values, vectors = np.linalg.eigh(correlations)
    if values.min() >= _RIDGE:
        return correlations
    near = (vectors * np.maximum(values, _RIDGE)) @ vectors.T
    scale = np.sqrt(np.diag(near))
    return np.asarray(near / np.outer(scale, scale))


def _members_of(members: Members, agencies: Integers, n: int) -> tuple[Integers, Integers, Floats]:
    """Memberships of some agencies, in their order."""
    number = np.full(n, -1)
    number[agencies] = np.arange(len(agencies))
    own = number[members.agency]
    kept = np.flatnonzero(own >= 0)
    order = kept[np.lexsort((members.domain[kept], own[kept]))]
    first = np.searchsorted(own[order], np.arange(len(agencies) + 1))
    return first, members.domain[order], members.share[order]
