"""The variance of a stratum as a sum of squares, prepared once for a sample and applied to any number of cells.

For values z = share x y of the units of stratum h (0 outside the domain) the linearized variate is u = W (z - Q Qᵀz)
with W = factor x weight, and V = c (Σ u² - (Σ u)²/n), c = (1 - n/N) n/(n - 1) (handbook 11). With a basis Q rotated
so that QᵀW²Q = diag(k), this is

    V = c [Σ W²z² - Σ_j (a_jᵀz)² + Σ_j (b_jᵀz)² - (mᵀz)²/n],
    a_j = W²Q_j / √k_j,    b_j = (W²Q_j - k_j Q_j) / √k_j,    m = W1 - Q QᵀW1,

so a cell needs, besides a sum of squares, a few *moments*: products of its values with fixed vectors. The b_j are 0,
and omitted, where all weights of a group are equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nibrs_estimation.stats.linearization.control_basis import control_basis, cross_products

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
#: Below this share of k_j² the square of b_j is only rounding.
_ROUNDING = 1e-24


@dataclass(frozen=True)
class Sample:
    """Sampled units of several designs; n units, H strata. Units are in any order.

    A design is a sample for one set of weights: the whole population, a region of it, ... A primary sampling unit (PSU)
    may be a unit of several designs. It may also be several units of one design, such as units of two divisions of an
    area; units are independent.

    Attributes:
        psu: (n,) row of the PSU in y.
        weight: (n,) weights.
        share: (n,) share of the PSU's values that is in the design.
        stratum: (n,) 0 to H - 1.
        group: (n,) group of the stratum whose units were calibrated together; numbers are unique within a stratum.
        controls: (n, p) controls to which the group was calibrated, times share, the total first; 0 where the group
            was not calibrated.
        stratum_population: (H,) units of each stratum in the population.
        stratum_design: (H,) design of each stratum.
    """

    psu: NDArray[np.integer]
    weight: Floats
    share: Floats
    stratum: NDArray[np.integer]
    group: NDArray[np.integer]
    controls: Floats
    stratum_population: NDArray[np.integer]
    stratum_design: NDArray[np.integer]


@dataclass(frozen=True)
class Memberships:
    """Which units are in which domains: pairs in any order.

    A domain is part of one design. The other units of the design stay in its sample with values of 0.

    Attributes:
        unit: (k,) index of the unit in the sample.
        domain: (k,) 0 to ``domains`` - 1.
        domains: number of domains.
    """

    unit: NDArray[np.integer]
    domain: NDArray[np.integer]
    domains: int


class Strata(NamedTuple):
    """Units sorted by stratum, group and PSU, for the computation of residuals.

    Attributes:
        first_unit: (H + 1,) first unit of each stratum.
        first_group: (H + 1,) first group of each stratum.
        group_unit: (J + 1,) first unit of each group.
        rank: (J,) columns of the basis that are used, the last ones.
        psu: (n,)
        share: (n,)
        weight: (n,) W, weight times the factor for lost degrees of freedom.
        basis: (n, p) Q, rotated so that QᵀW²Q is diagonal.
        scale: (H,) c; 0 in strata without variance.
    """

    first_unit: Integers
    first_group: Integers
    group_unit: Integers
    rank: Integers
    psu: Integers
    share: Floats
    weight: Floats
    basis: Floats
    scale: Floats


class Moments(NamedTuple):
    """Vectors of the moments, by position: units sorted by PSU and stratum, so that a loop over PSUs reads forward.

    The moments of a stratum are the one with m, then for each group those with a and those with b. All vectors include
    the factors √c and share.

    Attributes:
        first_position: (PSUs + 1,) first position of each PSU.
        first_number: (n + 1,) index of the first number of each position, in ``numbers``.
        numbers: numbers of each position, adjacent because they are read together: weight x share; c W² share²; m, then
            a and b of its group (the last three only in strata with variance).
        first_moment: (n,) index of the group's first moment among those of its stratum.
        first_sign: (H + 1,) index of the first sign of each stratum, in ``signs``.
        signs: signs of the squares of a stratum's moments, 1.0 or -1.0.
        of_unit: (n,) position of each unit of :class:`Strata`.
    """

    first_position: Integers
    first_number: Integers
    numbers: Floats
    first_moment: Integers
    first_sign: Integers
    signs: Floats
    of_unit: Integers


class Domains(NamedTuple):
    """Domains of each position, and the strata with variance in which each domain has units (*pairs*, sorted by both).

    Attributes:
        first_member: (n + 1,) first membership of each position.
        domain: (k,) domain of each membership.
        pair: (k,) pair of each membership; -1 in a stratum without variance.
        is_first: (k,) False where an earlier unit of the same PSU is in the domain.
        first_pair: (G + 1,) first pair of each domain.
        pair_stratum: (pairs,) stratum of each pair.
        pair_moment: (pairs + 1,) first moment of each pair.
        is_estimable: (G,) False where a stratum of the design has only one sampled unit out of several.
    """

    first_member: Integers
    domain: Integers
    pair: Integers
    is_first: NDArray[np.bool_]
    first_pair: Integers
    pair_stratum: Integers
    pair_moment: Integers
    is_estimable: NDArray[np.bool_]


class VarianceForm(NamedTuple):
    """A sample and its domains, prepared for function ``cell_estimates``."""

    strata: Strata
    moments: Moments
    domains: Domains


def variance_form(sample: Sample, members: Memberships, psus: int) -> VarianceForm:
    """Prepare a sample for estimates of any number of cells.

    Args:
        sample: the sampled units.
        members: units of the domains.
        psus: number of rows of y.

    Raises:
        ValueError: shapes or numbers do not fit, a stratum has more sampled units than its population, a membership is
            given twice, or a domain has units of several designs.
    """
    _check(sample, members, psus)
    order = np.lexsort((sample.psu, sample.group, sample.stratum))
    stratum = sample.stratum[order].astype(np.int64)
    strata, a, b, mean = _strata(sample, order, stratum)
    moments = _moments(strata, sample.weight[order], stratum, a, b, mean, psus)
    unit = np.empty(len(order), dtype=np.int64)
    unit[order] = np.arange(len(order))
    domains = _domains(sample, members, unit[members.unit], stratum, strata, moments)
    return VarianceForm(strata, moments, domains)


def _strata(sample: Sample, order: Integers, stratum: Integers) -> tuple[Strata, Floats, Floats, Floats]:
    """Sorted units, and their a, b (n, p) and m (n,), without the factors √c and share; b is 0 where it is rounding."""
    H = len(sample.stratum_population)
    is_first = np.diff(stratum, prepend=-1) != 0
    is_first[1:] |= np.diff(sample.group[order]) != 0
    starts, group = np.flatnonzero(is_first), np.cumsum(is_first) - 1
    found = control_basis(np.asarray(sample.controls[order], dtype=np.float64), starts)
    weight = sample.weight[order] * found.factor[group]
    largest = np.maximum.reduceat(weight, starts)[group][:, None]
    relative = (weight[:, None] / largest) ** 2
    k, rotation = np.linalg.eigh(cross_products(found.basis, relative * found.basis, starts))
    # Eigenvalues are ascending: those of the unused columns, which are 0, are first.
    is_used = np.arange(k.shape[1]) >= (k.shape[1] - found.rank)[:, None]
    basis = np.where(is_used[group], np.einsum("kj,kji->ki", found.basis, rotation[group]), 0.0)
    root = np.sqrt(np.where(is_used, k, 1.0))[group]
    a = relative * basis / root
    b = a - root * basis
    is_rounding = np.add.reduceat(b * b, starts, axis=0) <= _ROUNDING
    b[is_rounding[group]] = 0.0
    along = cross_products(basis, weight[:, None], starts)[:, :, 0]
    mean = weight - (basis * along[group]).sum(axis=1)
    strata = Strata(
        first_unit=_firsts(stratum, H),
        first_group=_firsts(stratum[starts], H),
        group_unit=np.append(starts, len(order)),
        rank=found.rank,
        psu=sample.psu[order].astype(np.int64),
        share=np.asarray(sample.share[order], dtype=np.float64),
        weight=weight,
        basis=np.ascontiguousarray(basis),
        scale=_scale(stratum, sample.stratum_population),
    )
    return strata, a * largest, b * largest, mean


def _moments(
    strata: Strata, weight: Floats, stratum: Integers, a: Floats, b: Floats, mean: Floats, psus: int
) -> Moments:
    H, starts = len(strata.scale), strata.group_unit[:-1]
    group = np.repeat(np.arange(len(starts)), np.diff(strata.group_unit))
    has_variance = strata.scale > 0
    of_group = np.concatenate([a, b], axis=1)
    is_vector = np.add.reduceat(of_group * of_group, starts, axis=0) > 0
    is_vector &= has_variance[stratum[starts], None]
    count = is_vector.sum(axis=1)
    before = np.cumsum(count) - count
    first_moment = 1 + before - before[strata.first_group[stratum[starts]]]
    in_stratum = np.bincount(stratum[starts], count, minlength=H).astype(np.int64)
    first_sign = _offsets(in_stratum + has_variance)
    signs = np.full(first_sign[-1], -1.0)
    vector_group, column = np.nonzero(is_vector)
    at = (first_sign[stratum[starts]] + first_moment - before)[vector_group] + np.arange(len(column))
    signs[at[column >= a.shape[1]]] = 1.0

    n = np.diff(strata.first_unit)[stratum]
    root = np.sqrt(strata.scale)[stratum] * strata.share
    vectors = np.concatenate([(mean / np.sqrt(n))[:, None], of_group], axis=1) * root[:, None]
    numbers = np.concatenate([np.stack([weight * strata.share, (strata.weight * root) ** 2], axis=1), vectors], axis=1)
    is_stored = np.ones(numbers.shape, dtype=np.bool_)
    is_stored[:, 2:] = np.concatenate([has_variance[stratum, None], is_vector[group]], axis=1)
    positions = np.lexsort((stratum, strata.psu))
    of_unit = np.empty(len(positions), dtype=np.int64)
    of_unit[positions] = np.arange(len(positions))
    return Moments(
        first_position=_firsts(strata.psu[positions], psus),
        first_number=_offsets(is_stored[positions].sum(axis=1)),
        numbers=numbers[positions][is_stored[positions]],
        first_moment=first_moment[group][positions],
        first_sign=first_sign,
        signs=signs,
        of_unit=of_unit,
    )


def _domains(
    sample: Sample, members: Memberships, unit: Integers, stratum: Integers, strata: Strata, moments: Moments
) -> Domains:
    H, G = len(strata.scale), members.domains
    position = moments.of_unit[unit]
    order = np.lexsort((members.domain, position))
    domain, of_member = members.domain[order].astype(np.int64), stratum[unit[order]]
    has_variance = strata.scale[of_member] > 0
    pairs, number = np.unique(domain[has_variance] * H + of_member[has_variance], return_inverse=True)
    pair = np.full(len(domain), -1)
    pair[has_variance] = number
    pair_domain, pair_stratum = np.divmod(pairs, H)
    is_first = np.zeros(len(domain), dtype=np.bool_)
    is_first[np.unique(sample.psu[members.unit[order]] * G + domain, return_index=True)[1]] = True
    n = np.diff(strata.first_unit)
    designs_with_single_psu = np.unique(sample.stratum_design[(n == 1) & (sample.stratum_population > 1)])
    is_estimable = np.ones(G, dtype=np.bool_)
    is_estimable[domain[np.isin(sample.stratum_design[of_member], designs_with_single_psu)]] = False
    return Domains(
        first_member=_firsts(position[order], len(stratum)),
        domain=domain,
        pair=pair,
        is_first=is_first,
        first_pair=_firsts(pair_domain, G),
        pair_stratum=pair_stratum,
        pair_moment=_offsets(np.diff(moments.first_sign)[pair_stratum]),
        is_estimable=is_estimable,
    )


def _scale(stratum: Integers, stratum_population: NDArray[np.integer]) -> Floats:
    """(1 - n/N) n/(n - 1) of each stratum; 0 where all units are sampled, or fewer than two."""
    N = np.asarray(stratum_population, dtype=np.float64)
    n = np.bincount(stratum, minlength=len(N)).astype(np.float64)
    several = (n > 1) & (n < N)
    return np.where(several, (1 - n / np.where(several, N, 1.0)) * n / np.where(several, n - 1, 1.0), 0.0)


def _firsts(ascending: Integers, number: int) -> Integers:
    """First index of each of the numbers 0 to ``number``."""
    return np.searchsorted(ascending, np.arange(number + 1)).astype(np.int64)


def _offsets(sizes: Integers) -> Integers:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _check(sample: Sample, members: Memberships, psus: int) -> None:
    n, H = len(sample.psu), len(sample.stratum_population)
    arrays = (sample.weight, sample.share, sample.stratum, sample.group)
    if any(array.shape != (n,) for array in arrays) or sample.controls.ndim != 2 or len(sample.controls) != n:
        raise ValueError(
            f"the sample has {n} units, but weight, share, stratum and group {[array.shape for array in arrays]} and "
            f"controls {sample.controls.shape} do not match"
        )
    if n == 0:
        raise ValueError("the sample has no units: nothing can be estimated")
    if sample.stratum_design.shape != (H,):
        raise ValueError(f"there are {H} strata, but stratum_design has shape {sample.stratum_design.shape}")
    if members.unit.shape != members.domain.shape:
        raise ValueError(f"memberships have {members.unit.shape} units, but {members.domain.shape} domains")
    for name, numbers, limit in (
        ("PSUs", sample.psu, psus),
        ("strata", sample.stratum, H),
        ("units of memberships", members.unit, n),
        ("domains", members.domain, members.domains),
    ):
        if len(numbers) and not (numbers.min() >= 0 and numbers.max() < limit):
            raise ValueError(f"{name} go from {numbers.min()} to {numbers.max()}, but must go from 0 to {limit - 1}")
    if not all(np.isfinite(values).all() for values in (sample.weight, sample.share, sample.controls)):
        raise ValueError("weights, shares and controls must be finite numbers")
    if (sample.weight <= 0).any() or (sample.share < 0).any():
        raise ValueError("weights must be above 0 and shares at least 0: omit units without a weight")
    sampled = np.bincount(sample.stratum, minlength=H)
    if (sampled > sample.stratum_population).any():
        more = np.flatnonzero(sampled > sample.stratum_population)
        raise ValueError(f"strata {more.tolist()} have more sampled units than their population")
    design = sample.stratum_design[sample.stratum]
    if _repeats(members.unit, members.domain):
        raise ValueError("a membership is given twice: a unit can be in a domain only once")
    if len(np.unique(members.domain)) != len(np.unique(np.stack([members.domain, design[members.unit]]), axis=1).T):
        raise ValueError("a domain has units of several designs: define one domain for each design")


def _repeats(one: NDArray[np.integer], other: NDArray[np.integer]) -> bool:
    order = np.lexsort((other, one))
    return bool(((np.diff(one[order]) == 0) & (np.diff(other[order]) == 0)).any())
