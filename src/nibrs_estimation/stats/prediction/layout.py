"""Units and domains, laid out once for the prediction variance of any number of columns.

For a total T = Σ_h Σ_s w y of respondents s in groups h, with nonrespondents r, benchmark sizes m, X̂ = Σ_s w m and
θ = T/X̂, of the group's units in the domain or of the whole place, the variance in a place or domain D of it is

    V = Σ_s w max(w - 1, 0) y + Σ_h τ²_h θ²_hD A_hD + Σ_h B_hD θ²_hD + σ_s² Σ_states (Σ_h θ_hD E_hDs)²,
    A = Σ_s (w - 1)² m^γ + Σ_r m^γ,    B = Σ_donors (variance of their size),    E = Σ_s (w - 1) m - Σ_r m.

If ratios are those of the place, w - 1 is k_hD of module ``expansion``, and sums of respondents s are over all of the
place, because all of them predict the nonrespondents of the domain: a domain has a pair with every group of its place.

τ²_h is made from the residuals of the group and those of a pool of groups, column by column (module ``kernels``). All
sums that do not depend on a column are made here. Source: handbook 11.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.stats.linearization.variance_form import Memberships
from nibrs_estimation.stats.prediction.expansion import Expansion, divided, expansion, factors
from nibrs_estimation.stats.prediction.residuals import WeightedBasis, weighted_basis
from nibrs_estimation.stats.prediction.units import Settings, Units, distinct

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
#: A pool of fewer groups with residuals is replaced by all groups of the level.
LEAST_GROUPS = 5
#: A level with fewer degrees of freedom in all is replaced by the nation.
LEAST_POOLED_FREEDOM = 30
#: Groups calibrated to at least so many controls have a pool of their own.
MANY_CONTROLS = 8
#: A known miss below this share of the benchmark is rounding.
_MET = 1e-9


class Groups(NamedTuple):
    """Weight groups, their respondents (n, sorted by group) and what they are calibrated to; M moments of all groups.

    Attributes:
        place: (H,) place of each group; -1 where it has no unit.
        expands: (H,) its counts predict nonrespondents of the place (module ``expansion``); False if ratios are those
            of groups.
        has_residuals: (H,) the group takes part in the pooling: it has nonrespondents, and respondents enough.
        rank: (H,) columns of the basis that are used, the last ones.
        sums: (H, 3) sums of residuals to which a group adds: its pool, its level, all groups.
        pool: (H,) the sum from which its pooled dispersion comes.
        expanded: (H,) X̂.
        calibration: (H,) what the group's sum counts for in the total of the place: X / X̂, or 1 + k of the place.
        root_size: (H,) Σ_s m^(γ/2).
        freedom: (H,) effective degrees of freedom of the group's own dispersion, if nothing were Poisson noise.
        mean_size: (H,) Σ_s m² / Σ_s m.
        first_moment: (H + 1,) first moment of each group: its total, its noise, b, d.
        diagonal: (H, p) κ, in the columns of the basis.
        first_unit: (H + 1,) first respondent of each group.
        psu: (n,)
        scaled: (n,) share / √v.
        multiplier: (n,) c.
        basis: (n, p) Q.
    """

    place: Integers
    expands: Flags
    has_residuals: Flags
    rank: Integers
    sums: Integers
    pool: Integers
    expanded: Floats
    calibration: Floats
    root_size: Floats
    freedom: Floats
    mean_size: Floats
    first_moment: Integers
    diagonal: Floats
    first_unit: Integers
    psu: Integers
    scaled: Floats
    multiplier: Floats
    basis: Floats


class Positions(NamedTuple):
    """Respondents sorted by PSU, so that a loop over the values of a column reads forward.

    Those of groups on which no domain depends are left out.

    Attributes:
        first_position: (PSUs + 1,) first position of each PSU.
        group: (n,)
        share: (n,)
        first_number: (n + 1,) first number of each position.
        numbers: of each position: weight x max(weight - 1, 0) x share; c share²/v; then its factors of the group's
            moments: weight x share; share x (m + 1)^(-γ/2); where the group has residuals, of b and of d.
        first_member: (n + 1,) first membership of each position.
        domain: (k,) domain of each membership.
        pair: (k,) pair of domain and group of each membership.
        counts: (k,) False where an earlier unit of the same PSU is in the domain.
    """

    first_position: Integers
    group: Integers
    share: Floats
    first_number: Integers
    numbers: Floats
    first_member: Integers
    domain: Integers
    pair: Integers
    counts: Flags


class Domains(NamedTuple):
    """Domains and groups (*pairs*, sorted by both): those in which they have units, or all with respondents.

    Attributes:
        place: (G,) place of each domain; -1 where it has no unit.
        is_predicted: (G,) it has nonrespondents that are predicted by counts of the place.
        first_pair: (G + 1,) first pair of each domain.
        group: (pairs,) group of each pair.
        expanded: (pairs,) X̂ of the domain's units.
        factor: (pairs,) k, how often the group's sum stands for nonrespondents of the domain; 0 if ratios are not those
            of the place.
        gap: (pairs,) X̂ - X of the domain's units, the known miss; 0 where it is rounding or ratios are those of the
            place.
        spread: (pairs,) A.
        donor: (pairs,) B.
        first_state: (G + 1,) first entry of each domain among those of states.
        state: (entries,) state, ascending within a domain.
        state_pair: (entries,) pair of the entry.
        imbalance: (entries,) E.
    """

    place: Integers
    is_predicted: Flags
    first_pair: Integers
    group: Integers
    expanded: Floats
    factor: Floats
    gap: Floats
    spread: Floats
    donor: Floats
    first_state: Integers
    state: Integers
    state_pair: Integers
    imbalance: Floats


class Design(NamedTuple):
    """Units as the kernels need them, and the number of places."""

    groups: Groups
    positions: Positions
    domains: Domains
    places: int


def lay_out(units: Units, members: Memberships, psus: int, groups: int, settings: Settings) -> Design:
    """Lay out sorted units (see :func:`sort_order`)."""
    modeled = modeled_size(units, groups)
    respondents = np.flatnonzero(units.psu >= 0)
    group = units.group[respondents].astype(np.int64)
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    size = units.size[respondents]
    found = weighted_basis(
        np.array(units.controls[respondents], dtype=np.float64), size, modeled[respondents], starts, settings.gamma
    )
    expanding = expansion(units, groups, settings.prior_agencies) if settings.is_of_place else None
    laid_out = _groups(units, groups, expanding, respondents, modeled, found, starts, settings.gamma)
    domains, pair = _domains(units, members, modeled, groups, expanding, settings.gamma)
    order = np.lexsort((np.arange(len(respondents)), units.psu[respondents])).astype(np.int64)
    order = order[_is_needed(laid_out, domains)[group[order]]]
    positions = _positions(units, respondents, order, modeled, found, laid_out, psus, settings.gamma)
    positions = _with_members(positions, units, members, pair, respondents[order])
    return Design(laid_out, positions, domains, len(units.place_level))


def sort_order(units: Units) -> Integers:
    """Units by group and PSU, then by everything else, so that sums do not depend on the order of the input."""
    keys = [*units.controls.T]
    keys += [units.weight, units.share, units.donor_variance, units.size, units.state]
    responds_last = np.where(units.psu >= 0, units.psu, np.iinfo(np.int64).max)
    return np.lexsort((*keys, responds_last, units.group)).astype(np.int64)


def modeled_size(units: Units, groups: int) -> Floats:
    """The size, and the mean of the group's units for respondents of size 0, whose counts it cannot explain."""
    number = np.bincount(units.group, minlength=groups)
    mean = sums_of(units.group, units.size, groups) / np.maximum(number, 1)
    return np.where((units.psu >= 0) & (units.size == 0), mean[units.group], units.size)


def _groups(
    units: Units,
    groups: int,
    expanding: Expansion | None,
    respondents: Integers,
    modeled: Floats,
    found: WeightedBasis,
    starts: Integers,
    gamma: float,
) -> Groups:
    group, size, modeled = units.group[respondents], units.size[respondents], modeled[respondents]
    occupied, n = group[starts], np.bincount(group, minlength=groups)
    rank, diagonal = np.zeros(groups, dtype=np.int64), np.zeros((groups, found.basis.shape[1]))
    rank[occupied], diagonal[occupied] = found.rank, found.diagonal
    has_nonrespondents = np.bincount(units.group[units.psu < 0], minlength=groups) > 0
    expanded = sums_of(group, units.weight[respondents] * size, groups)
    has_residuals = has_nonrespondents & (n - rank >= 1) & (expanded > 0)
    place = np.full(groups, -1)
    place[units.group] = units.place
    level = np.where(place >= 0, units.place_level[place], 0).astype(np.int64)
    sums, pool = _pools(level, rank >= MANY_CONTROLS, has_residuals, n - rank)

    def by_group(values: Floats) -> Floats:
        return sums_of(group, values, groups)

    root, full = by_group(modeled ** (gamma / 2)), by_group(modeled**gamma)
    if expanding is None:
        known = sums_of(units.group, units.size, groups)
        calibration = 1 - divided(known_miss(expanded, known, expanded), expanded)
    else:
        calibration = 1 + _factors_of_places(units, expanding)
    return Groups(
        place=place,
        expands=np.zeros(groups, dtype=np.bool_) if expanding is None else expanding.expands,
        has_residuals=has_residuals,
        rank=rank,
        sums=sums,
        pool=pool,
        expanded=expanded,
        calibration=calibration,
        root_size=root,
        freedom=np.where(has_residuals, divided(root**2, full) * divided(n - rank, n), 0.0),
        mean_size=divided(by_group(modeled**2), by_group(modeled)),
        first_moment=_offsets(2 + np.where(has_residuals, 2 * rank, 0)),
        diagonal=diagonal,
        first_unit=_firsts(group, groups),
        psu=units.psu[respondents].astype(np.int64),
        scaled=units.share[respondents] / (modeled + 1) ** (gamma / 2),
        multiplier=found.multiplier,
        basis=found.basis,
    )


def _factors_of_places(units: Units, expanding: Expansion) -> Floats:
    """(H,) k of each group in the whole of its place."""
    places = Memberships(np.arange(len(units.psu)), units.place, len(units.place_level))
    of_groups: Floats = factors(expanding, units, places).sum(axis=0)
    return of_groups


def _pools(level: Integers, has_many: Flags, has_residuals: Flags, freedom: Integers) -> tuple[Integers, Integers]:
    """To which sums each group adds (H, 3), and from which it takes its pooled dispersion (H,).

    Sums are numbered: two of each level, for few and many controls, then one of each level, then one of all.
    """
    L = int(level.max()) + 1
    own, of_level, of_all = 2 * level + has_many, 2 * L + level, np.full(len(level), 3 * L)
    groups = np.bincount(own[has_residuals], minlength=2 * L)
    of_each = sums_of(level[has_residuals], freedom[has_residuals], L)
    pool = np.where(groups[own] < LEAST_GROUPS, of_level, own)
    if of_each.sum() >= LEAST_POOLED_FREEDOM:
        nation = 2 * L if of_each[0] >= LEAST_POOLED_FREEDOM else 3 * L
        pool = np.where(of_each[level] < LEAST_POOLED_FREEDOM, nation, pool)
    return np.stack([own, of_level, of_all], axis=1), pool


def _is_needed(groups: Groups, domains: Domains) -> Flags:
    """(H,) whether estimates of the domains depend on a group: by its place, or by a pool of residuals."""
    # Ratios of a group that is in a pool are those of its whole place.
    is_pooled = np.isin(groups.sums, groups.pool[domains.group]).any(axis=1)
    is_of_place = np.zeros(int(groups.place.max()) + 2, dtype=np.bool_)
    is_of_place[groups.place[is_pooled]] = True
    is_of_place[domains.place] = True
    return is_of_place[groups.place] & (groups.place >= 0)


def _positions(
    units: Units,
    respondents: Integers,
    order: Integers,
    modeled: Floats,
    found: WeightedBasis,
    groups: Groups,
    psus: int,
    gamma: float,
) -> Positions:
    """Positions without memberships: of respondents, in the order ``order``."""
    weight, share = units.weight[respondents], units.share[respondents]
    root = (modeled[respondents] + 1) ** (gamma / 2)
    expansion, of_group = weight * share, units.group[respondents]
    along = found.basis * groups.scaled[:, None]
    numbers = np.column_stack(
        [
            expansion * np.maximum(weight - 1, 0),
            found.multiplier * groups.scaled**2,
            expansion,
            share / root,
            along,
            found.multiplier[:, None] * along,
        ]
    )
    p = found.basis.shape[1]
    is_used = np.arange(p) >= (p - np.where(groups.has_residuals, groups.rank, 0)[of_group])[:, None]
    is_stored = np.concatenate([np.ones((len(weight), 4), dtype=np.bool_), is_used, is_used], axis=1)
    psu = units.psu[respondents][order]
    nothing = np.zeros(0, dtype=np.int64)
    return Positions(
        first_position=_firsts(psu, psus),
        group=of_group[order].astype(np.int64),
        share=share[order],
        first_number=_offsets(is_stored[order].sum(axis=1)),
        numbers=numbers[order][is_stored[order]],
        first_member=np.zeros(len(order) + 1, dtype=np.int64),
        domain=nothing,
        pair=nothing,
        counts=np.zeros(0, dtype=np.bool_),
    )


def _with_members(
    positions: Positions, units: Units, members: Memberships, pair: Integers, respondents: Integers
) -> Positions:
    """Positions with the memberships of their respondents, sorted by position and domain."""
    position = np.full(len(units.psu), -1)
    position[respondents] = np.arange(len(respondents))
    at = position[members.unit]
    kept = np.flatnonzero(at >= 0)
    kept = kept[np.lexsort((members.domain[kept], at[kept]))]
    domain, psu = members.domain[kept].astype(np.int64), units.psu[members.unit[kept]].astype(np.int64)
    counts = np.zeros(len(kept), dtype=np.bool_)
    counts[np.unique(psu * members.domains + domain, return_index=True)[1]] = True
    return positions._replace(
        first_member=_firsts(at[kept], len(respondents)), domain=domain, pair=pair[kept], counts=counts
    )


def _domains(
    units: Units,
    members: Memberships,
    modeled: Floats,
    groups: int,
    expanding: Expansion | None,
    gamma: float,
) -> tuple[Domains, Integers]:
    """Sums of the domains by group, and the pair of each membership."""
    order = np.argsort(members.unit, kind="stable")
    unit, domain = members.unit[order], members.domain[order].astype(np.int64)
    keys = domain * groups + units.group[unit]
    factor = sparse.csr_array((members.domains, groups))
    if expanding is None:
        pairs = distinct(keys)
    else:
        factor = factors(expanding, units, members)
        of_factor = sparse.coo_array(factor)
        predicting = of_factor.row.astype(np.int64) * groups + of_factor.col
        pairs = distinct(np.concatenate([keys, predicting]))
    number = np.searchsorted(pairs, keys)
    pair_domain, pair_group = np.divmod(pairs, groups)
    responds, is_donor = units.psu >= 0, units.donor_variance > 0

    def by_pair(values: Floats) -> Floats:
        return sums_of(number, values[unit], len(pairs))

    expanded, size = by_pair(units.weight * units.size), by_pair(units.size)
    place = np.full(members.domains, -1)
    place[domain] = units.place[unit]
    pair = np.empty(len(order), dtype=np.int64)
    pair[order] = number
    power = np.where(is_donor, 0.0, modeled**gamma)
    k, gap = np.zeros(len(pairs)), np.zeros(len(pairs))
    if expanding is not None:
        k[np.searchsorted(pairs, predicting)] = of_factor.data
        of_respondents = sums_of(units.group, np.where(responds, power, 0.0), groups)
        spread = k**2 * of_respondents[pair_group] + by_pair(np.where(responds, 0.0, power))
        states = _states_of_places(units, members, factor)
    else:
        gap = known_miss(expanded, size, sums_of(units.group, units.size, groups)[pair_group])
        beyond = np.where(responds, units.weight - 1, -1.0)
        spread = by_pair(beyond**2 * power)
        states = _states(domain, units.state[unit], number, (beyond * units.size)[unit])
    domain_of, state, state_pair, imbalance = states
    first_pair = _firsts(pair_domain, members.domains)
    domains = Domains(
        place=place,
        is_predicted=np.bincount(pair_domain, k > 0, members.domains) > 0,
        first_pair=first_pair,
        group=pair_group.astype(np.int64),
        expanded=expanded,
        factor=k,
        gap=gap,
        spread=spread,
        donor=by_pair(units.donor_variance),
        first_state=_firsts(domain_of, members.domains),
        state=state,
        # θ is the same in all pairs of a place.
        state_pair=state_pair if expanding is None else first_pair[domain_of],
        imbalance=imbalance,
    )
    return domains, pair


class _States(NamedTuple):
    """Entries of states, sorted by domain, state and pair."""

    domain: Integers
    state: Integers
    pair: Integers
    imbalance: Floats


def _states(domain: Integers, state: NDArray[np.integer], pair: Integers, values: Floats) -> _States:
    """Sums of the values by domain, state and pair; sums of 0 are left out."""
    K, P = int(state.max(initial=0)) + 1, int(pair.max(initial=0)) + 1
    entries, number = np.unique((domain * K + state) * P + pair, return_inverse=True)
    sums = sums_of(number, values, len(entries))
    entries, sums = entries[sums != 0], sums[sums != 0]
    domain_state, of_pair = np.divmod(entries, P)
    return _States(domain_state // K, domain_state % K, of_pair, sums)


def _states_of_places(units: Units, members: Memberships, factor: sparse.csr_array) -> _States:
    """E of domains and states, by all respondents of the place."""
    groups, states = factor.shape[1], int(units.state.max()) + 1
    responds = units.psu >= 0
    of_groups = sparse.csr_array(
        (np.where(responds, units.size, 0.0), (units.group, units.state)), shape=(groups, states)
    )
    missing = sparse.csr_array(
        (np.where(responds, 0.0, units.size)[members.unit], (members.domain, units.state[members.unit])),
        shape=(members.domains, states),
    )
    found = sparse.coo_array(factor @ of_groups - missing)
    domain, state = found.row.astype(np.int64), found.col.astype(np.int64)
    return _states(domain, state, np.zeros(len(domain), dtype=np.int64), found.data)


def sums_of(number: NDArray[np.integer], values: NDArray[Any], length: int) -> Floats:
    """Sum of the values of each of the numbers 0 to ``length`` - 1, in the order of the values."""
    return np.bincount(number, values, minlength=length).astype(np.float64)


def known_miss(expanded: Floats, known: Floats, scale: Floats) -> Floats:
    """X̂ - X, and 0 where it is rounding."""
    miss = expanded - known
    return np.where(np.abs(miss) <= _MET * scale, 0.0, miss)


def _firsts(ascending: NDArray[np.integer], number: int) -> Integers:
    """First index of each of the numbers 0 to ``number``."""
    return np.searchsorted(ascending, np.arange(number + 1)).astype(np.int64)


def _offsets(sizes: Integers) -> Integers:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
