"""What respondents of a place stand for where ratios are those of the place: the nonrespondents of each domain.

A nonrespondent of group h is expected to have θ̃_h times its benchmark x, where θ̃_h is the ratio of the respondents of
the group, shrunk to that of the place. With Y and X_s the counts and benchmarks of respondents,

    θ̃_h = o_h Y_h + (1 - o_h X_sh) Y/X_s,    o_h = X_sh / (X_sh² + K Σ_s x²) = 1 / (X_sh + K Σ_s x² / X_sh).

The ratio of a group counts as much as its respondents are many: K = 10 respondents of equal benchmarks count half. With
X_rhD the benchmark of the nonrespondents of group h in the domain D, the total of D is

    T_D = Σ_s in D y + Σ_h X_rhD θ̃_h = Σ_s in D y + Σ_h k_hD Y_h,
    k_hD = o_h X_rhD + (1/X_s) Σ_g X_rgD (1 - o_g X_sg).

So the sum of the parts of a place is the place, all columns of one benchmark are expanded alike, and a domain in which
every agency responds is counted. Groups without benchmark and nonrespondents, such as arrests without an agency, stand
only for themselves: for them k is 0, and their counts are not in Y. Where no respondent of a place has the benchmark, k
is 0, and respondents keep their weights. Source: handbook 11.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.stats.linearization.variance_form import Memberships
from nibrs_estimation.stats.prediction.units import Units

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Expansion(NamedTuple):
    """What a nonrespondent of each group with benchmark 1 takes from the respondents of its group and place.

    Attributes:
        place: (H,) place of each group; -1 where it has no unit.
        expands: (H,) the group has respondents, and benchmarks of respondents or nonrespondents.
        own: (H,) o: of each count of the group.
        common: (H,) (1 - o X_sh) / X_s: of each count of the place.
    """

    place: Integers
    expands: NDArray[np.bool_]
    own: Floats
    common: Floats


def with_own_weights(units: Units) -> Units:
    """Units whose respondents count once where a respondent of the place has the benchmark."""
    has_benchmark = _of_places(units, (units.psu >= 0) & (units.size > 0)) > 0
    return replace(units, weight=np.where((units.psu >= 0) & has_benchmark[units.place], 1.0, units.weight))


def expansion(units: Units, groups: int, prior_agencies: float) -> Expansion:
    """The expansion of units, some of which may be of groups with a number below ``groups`` that have no unit."""
    responds = units.psu >= 0
    size = np.where(responds, units.size, 0.0)
    reported, squares = (np.bincount(units.group, values, groups).astype(np.float64) for values in (size, size**2))
    number, responding = (np.bincount(units.group, values, groups) for values in (np.ones(len(size)), responds))
    own = divided(reported, reported**2 + prior_agencies * squares)
    place = np.full(groups, -1)
    place[units.group] = units.place
    of_place = np.where(place >= 0, _of_places(units, size)[place], 0.0)
    return Expansion(
        place=place,
        expands=(responding > 0) & ((reported > 0) | (number > responding)),
        own=own,
        common=divided(1 - own * reported, of_place),
    )


def factors(found: Expansion, units: Units, members: Memberships) -> sparse.csr_array:
    """Factors k of every domain and group, (domains, H); only groups that expand have values, which may be 0."""
    groups, nonrespondents = len(found.place), np.where(units.psu >= 0, 0.0, units.size)
    missing = sparse.csr_array(
        (nonrespondents[members.unit], (members.domain, units.group[members.unit])), shape=(members.domains, groups)
    )
    missing.sum_duplicates()
    common = missing @ found.common
    # Every domain with all groups of its place.
    expanding = np.flatnonzero(found.expands)
    place = np.zeros(members.domains, dtype=np.int64)
    place[members.domain] = units.place[members.unit]
    is_of_place = sparse.csr_array(
        (np.ones(len(expanding)), (found.place[expanding], expanding)), shape=(len(units.place_level), groups)
    )
    domain, group = sparse.csr_array(is_of_place[place]).nonzero()
    all_pairs = sparse.csr_array((np.ones(len(domain)), (domain, group)), shape=missing.shape)
    own = (all_pairs * missing) @ sparse.diags_array(found.own)
    return sparse.csr_array(own + sparse.csr_array((common[domain], (domain, group)), shape=missing.shape))


def weights_of_psus(units: Units, members: Memberships, psus: int, found: Expansion | None) -> sparse.csr_array:
    """How often each PSU counts in each domain, (domains, PSUs): weight x share, and k x share if ratios expand."""
    responds = units.psu >= 0
    values, psu = units.weight * units.share, np.where(responds, units.psu, 0)
    inside = sparse.csr_array(
        (np.where(responds, values, 0.0)[members.unit], (members.domain, psu[members.unit])),
        shape=(members.domains, psus),
    )
    if found is None:
        return inside
    of_groups = sparse.csr_array((values[responds], (units.group[responds], psu[responds])), (len(found.place), psus))
    return sparse.csr_array(inside + factors(found, units, members) @ of_groups)


def _of_places(units: Units, values: NDArray[np.generic]) -> Floats:
    return np.bincount(units.place, values, len(units.place_level)).astype(np.float64)


def divided(a: NDArray[Any], b: NDArray[Any]) -> Floats:
    """Quotient, and 0 where b is not above 0."""
    quotient = np.zeros(len(a))
    np.divide(a, b, out=quotient, where=b > 0)
    return quotient
