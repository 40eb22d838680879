"""Standard errors of rule ``regression``: dispersion of regression residuals by weight group, shrunk to the place's.

A rival of the prediction variance (``stats/prediction``) for the same totals, which are ratio estimates: with x_o the
benchmark that explains the outcome, θ = Σ_R w y / Σ_R w x_o of the place, and w the weights of ratio estimation. So the
error is that of Σ w z with z = y - θ x_o = y - m. With e the residuals of z from x_o in the group, h the leverages of
that regression, and x the benchmark of all crime,

    s_c = mean over the group's respondents of e² / ((1 - h) x^γ),    S_c = (n_c s_c + 10 S) / (n_c + 10),
    V = Σ_c S_c [Σ_N x^γ + Σ_R (w - 1)² x^γ] + τ² Σ_states D²,         D = Σ_R (w - 1) m - Σ_N m.

S is the mean over all respondents of the place. Sums of V and D are over the units of the domain. e² / (1 - h) is
"HC2" of MacKinnon and White (1985). Source: handbook 13.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.model.fields import GEOGRAPHY_LEVELS
from nibrs_estimation.stats.linearization.variance_form import Memberships
from nibrs_estimation.stats.prediction import Units
from nibrs_estimation.survey.prediction import LEAST_RESPONDENTS, PlaceUnits, units_of_benchmark

Floats = NDArray[np.float64]
#: The variance of a unit's count about its expected count grows with this power of its benchmark.
GAMMA = 1.4
#: The place's dispersion counts beside that of a group as much as so many agencies.
PRIOR_AGENCIES = 10.0
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
    units, members = of_places.units, of_places.members
    responds = units.psu >= 0
    counts = y.tocsr()[np.where(responds, units.psu, 0)].toarray() * np.where(responds, units.share, 0.0)[:, None]
    errors, _ = _errors(of_places, counts, 0)
    respondents = _respondents(units, counts)
    place = np.zeros(members.domains, dtype=np.int64)
    place[members.domain] = units.place[members.unit]
    for position in np.unique(explained_by[explained_by > 0]):
        columns = np.flatnonzero(explained_by == position)
        own, ratio = _errors(of_places, counts[:, columns], int(position))
        is_used = (respondents[:, columns] >= LEAST_RESPONDENTS) & (ratio > 0)
        errors[:, columns] = np.where(is_used[place], own, errors[:, columns])
    return errors


def _respondents(units: Units, counts: Floats) -> Floats:
    """(P, outcomes) agencies of each place with a count; an agency may be several units of a place."""
    places = len(units.place_level)
    _, first = np.unique(units.psu * places + units.place, return_index=True)
    return np.asarray(_adder(units.place, places)[:, first] @ (counts[first] > 0).astype(np.float64))


def _errors(of_places: PlaceUnits, counts: Floats, position: int) -> tuple[Floats, Floats]:
    """Standard errors by one benchmark (domains, outcomes), and its ratios θ (P, outcomes)."""
    units, members = units_of_benchmark(of_places, position), of_places.members
    by_place, weight, size = _adder(units.place, len(units.place_level)), units.weight[:, None], units.size[:, None]
    ratio = _ratio(by_place @ (weight * counts), by_place @ (weight * size))
    expected = ratio[units.place] * size
    x = np.maximum(of_places.benchmarks[:, 0], 1.0) ** GAMMA
    dispersion = _dispersion(units, counts - expected, x)
    beyond = np.where(units.psu >= 0, units.weight - 1, -1.0)
    of_domain = sparse.csr_array(
        ((beyond**2 * x)[members.unit], (members.domain, units.group[members.unit])),
        shape=(members.domains, len(dispersion)),
    )
    variance = of_domain @ dispersion + _of_states(units, members, beyond[:, None] * expected)
    return np.asarray(np.sqrt(variance), dtype=np.float64), ratio


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
    return np.asarray((by_group @ squares + PRIOR_AGENCIES * pooled[place]) / (number + PRIOR_AGENCIES))


def _of_states(units: Units, members: Memberships, imbalance: Floats) -> Floats:
    """(domains, outcomes) τ² Σ_states D² of the domains of the nation and of regions; 0 of others."""
    has_states = np.isin(units.place_level[units.place[members.unit]], _LEVELS_OF_STATES)
    unit, domain = members.unit[has_states], members.domain[has_states]
    states = int(units.state.max()) + 1
    by_state = sparse.csr_array(
        (np.ones(len(unit)), (domain * states + units.state[unit], unit)),
        shape=(members.domains * states, len(units.psu)),
    )
    of_state = (by_state @ imbalance).reshape(members.domains, states, imbalance.shape[1])
    return np.asarray(STATE_DEVIATION**2 * (of_state**2).sum(axis=1))


def _adder(number: NDArray[np.integer], length: int) -> sparse.csr_array:
    """(length, n) matrix that adds up the units of each number."""
    n = len(number)
    return sparse.csr_array((np.ones(n), (number, np.arange(n))), shape=(length, n))


def _ratio(above: Floats, below: Floats) -> Floats:
    """Quotient, and 0 where ``below`` is 0."""
    quotient = np.zeros_like(above)
    np.divide(above, below, out=quotient, where=below > 0)
    return quotient
