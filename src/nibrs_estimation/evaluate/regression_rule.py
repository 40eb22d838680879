"""Standard errors of rule ``regression``: dispersion of regression residuals by weight group, shrunk to the place's.

A rival of the prediction variance (``stats/prediction``) for the same totals, which are ratio estimates: with x_o the
benchmark that explains the outcome, respondents R of group c stand k_c times for nonrespondents N of the domain (module
``stats/prediction/expansion``), and θ = T / X_o of the place. The error is that of Σ_R k z - Σ_N z with z = y - m and m
= θ x_o. With e the residuals of z from x_o in the group, h the leverages of that regression, and x the benchmark of
all crime,

    s_c = mean over the group's respondents of e² / ((1 - h) x^γ),    S_c = (n_c s_c + 10 S) / (n_c + 10),
    V = Σ_c S_c [Σ_N x^γ + Σ_R k_c² x^γ] + τ² Σ_states D²,            D = Σ_R k m - Σ_N m.

S is the mean over all respondents of the place. Sums over R are over the place, those over N over the domain. e² / (1 -
h) is "HC2" of MacKinnon and White (1985). Source: handbook 13.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.model.fields import GEOGRAPHY_LEVELS
from nibrs_estimation.stats.linearization.variance_form import Memberships
from nibrs_estimation.stats.prediction import Units, expansion, factors, with_own_weights
from nibrs_estimation.stats.prediction.units import PRIOR_AGENCIES
from nibrs_estimation.survey.prediction import PlaceUnits, explained_domains, units_of_benchmark

Floats = NDArray[np.float64]
#: The variance of a unit's count about its expected count grows with this power of its benchmark.
GAMMA = 1.4
#: The place's dispersion counts beside that of a group as much as so many agencies.
PRIOR_OF_DISPERSION = 10.0
#: An agency that alone decides a coefficient has leverage 1 and no residual: 0 / 0 without a limit.
LARGEST_LEVERAGE = 0.9
#: Relative deviation that the agencies of a state have in common.
STATE_DEVIATION = 0.05
#: Levels of which a place has several states, so that these deviations are part of the error.
_LEVELS_OF_STATES = [number for number, name in enumerate(GEOGRAPHY_LEVELS) if name in {"nation", "region"}]


def regression_errors(of_places: PlaceUnits, y: sparse.csc_array, explained_by: NDArray[np.integer]) -> Floats:
    """Standard error of the estimate of every outcome in every domain: (domains, outcomes).

    It is 0 where every agency responds, but also where a place has no residual above 0: if it has one respondent, or
    none with a value. The rule does not know the error there.

    Args:
        of_places: n units of :func:`~nibrs_estimation.survey.prediction.prediction_units`, in its order.
        y: (PSUs, outcomes) completed offenses of whole agencies.
        explained_by: (outcomes,) position in ``EXPLAINED`` of each outcome's benchmark; 0 for all crime.

    Raises:
        ValueError: there is not one benchmark for each outcome.
    """
    if explained_by.shape != (y.shape[1],):
        raise ValueError(f"y has {y.shape[1]} outcomes, but explained_by has shape {explained_by.shape}")
    units = of_places.units
    responds = units.psu >= 0
    counts = y.tocsr()[np.where(responds, units.psu, 0)].toarray() * np.where(responds, units.share, 0.0)[:, None]
    errors = _errors(of_places, counts, 0)
    is_explained = explained_domains(of_places)
    for position in np.unique(explained_by[explained_by > 0]):
        columns = np.flatnonzero(explained_by == position)
        own = _errors(of_places, counts[:, columns], int(position))
        errors[:, columns] = np.where(is_explained[:, [position]], own, errors[:, columns])
    return errors


def _errors(of_places: PlaceUnits, counts: Floats, position: int) -> Floats:
    """Standard errors by one benchmark: (domains, outcomes)."""
    units, members = with_own_weights(units_of_benchmark(of_places, position)), of_places.members
    groups, places, n = int(units.group.max()) + 1, len(units.place_level), len(units.psu)
    responds = units.psu >= 0
    found = expansion(units, groups, PRIOR_AGENCIES)
    # Whole places, so that every group has its factor.
    of_wholes = factors(found, units, Memberships(np.arange(n), units.place, places)).sum(axis=0)
    times = np.where(responds, units.weight + of_wholes[units.group], 0.0)[:, None]
    by_group, by_place, size = _adder(units.group, groups), _adder(units.place, places), units.size[:, None]
    ratio = _ratio(by_place @ (times * counts), by_place @ (times * size))
    x = np.maximum(of_places.benchmarks[:, 0], 1.0) ** GAMMA
    dispersion = _dispersion(units, counts - ratio[units.place] * size, x)
    k = factors(found, units, members)
    # Weights of respondents are 1, but where none in the place has the benchmark.
    beyond = np.where(responds, units.weight - 1, -1.0)
    inside = sparse.csr_array(
        ((beyond**2 * x)[members.unit], (members.domain, units.group[members.unit])), shape=k.shape
    )
    squares = inside + k.power(2) @ sparse.diags_array(by_group @ np.where(responds, x, 0.0))
    variance = squares @ dispersion + _of_states(units, members, k, beyond, ratio)
    return np.asarray(np.sqrt(variance), dtype=np.float64)


def _dispersion(units: Units, z: Floats, x: Floats) -> Floats:
    """(H, outcomes) S_c; the place's dispersion where a group has no respondent, 0 where the place has none."""
    groups = int(units.group.max()) + 1
    responds = (units.psu >= 0)[:, None]
    by_group, by_place = _adder(units.group, groups), _adder(units.place, len(units.place_level))
    size = units.size[:, None] * responds
    squared_size = by_group @ size**2
    slope = _ratio(by_group @ (size * z), np.broadcast_to(squared_size, (groups, z.shape[1])))
    leverage = np.minimum(_ratio(size**2, squared_size[units.group]), LARGEST_LEVERAGE)
    squares = responds * (z - slope[units.group] * size) ** 2 / ((1 - leverage) * x[:, None])
    number, number_of_place = (matrix @ responds.astype(np.float64) for matrix in (by_group, by_place))
    pooled = _ratio(by_place @ squares, np.broadcast_to(number_of_place, (len(number_of_place), z.shape[1])))
    place = np.zeros(groups, dtype=np.int64)
    place[units.group] = units.place
    return np.asarray((by_group @ squares + PRIOR_OF_DISPERSION * pooled[place]) / (number + PRIOR_OF_DISPERSION))


def _of_states(units: Units, members: Memberships, k: sparse.csr_array, beyond: Floats, ratio: Floats) -> Floats:
    """(domains, outcomes) τ² Σ_states D² of the domains of the nation and of regions; 0 of others."""
    states, place = int(units.state.max()) + 1, np.zeros(members.domains, dtype=np.int64)
    place[members.domain] = units.place[members.unit]
    of_groups = sparse.csr_array(
        (np.where(units.psu >= 0, units.size, 0.0), (units.group, units.state)), shape=(k.shape[1], states)
    )
    inside = sparse.csr_array(
        ((beyond * units.size)[members.unit], (members.domain, units.state[members.unit])),
        shape=(members.domains, states),
    )
    squares = sparse.csr_array(k @ of_groups + inside).power(2).sum(axis=1)
    has_states = np.isin(units.place_level[place], _LEVELS_OF_STATES)
    return np.asarray(STATE_DEVIATION**2 * np.where(has_states, squares, 0.0)[:, None] * ratio[place] ** 2)


def _adder(number: NDArray[np.integer], length: int) -> sparse.csr_array:
    """(length, n) matrix that adds up the units of each number."""
    n = len(number)
    return sparse.csr_array((np.ones(n), (number, np.arange(n))), shape=(length, n))


def _ratio(above: Floats, below: Floats) -> Floats:
    """Quotient, and 0 where ``below`` is 0."""
    quotient = np.zeros_like(above)
    np.divide(above, below, out=quotient, where=below > 0)
    return quotient
