"""Standard errors of rule ``regression``: dispersion of regression residuals by weight group, shrunk to the place's.

A rival of the prediction variance (``stats/prediction``) for the same totals. An estimate is T = Σ_R w y - θ (X̂ - X),
where θ is the ratio of the place to the benchmark x_o that explains the outcome or, where the place has too few
respondents with a value, the ratio of the weight group to all crime. So its error is that of Σ w z with
z = y - θ x_o = y - m. With e the residuals of z from the controls of the group, h the leverages of that regression, and
x the benchmark of all crime,

    s_c = mean over the group's respondents of e² / ((1 - h) x^γ),    S_c = (n_c s_c + 10 S) / (n_c + 10),
    V = Σ_c S_c [Σ_N x^γ + Σ_R (w - 1)² x^γ] + τ² Σ_states D²,         D = Σ_R (w - 1) m - Σ_N m.

S is the mean over all respondents of the place. Sums of V and D are over the units of the domain. e² / (1 - h) is
"HC2" of MacKinnon and White (1985). Source: handbook 13.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.model.fields import GEOGRAPHY_LEVELS
from nibrs_estimation.stats.linearization.control_basis import control_basis, cross_products
from nibrs_estimation.stats.prediction import Units
from nibrs_estimation.survey.prediction import LEAST_RESPONDENTS, PlaceUnits

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


class _Sums(NamedTuple):
    """Matrices that add up units: (P, n) by place and (H, n) by weight group."""

    by_place: sparse.csr_array
    by_group: sparse.csr_array


def regression_errors(of_places: PlaceUnits, y: sparse.csc_array, explained_by: NDArray[np.integer]) -> Floats:
    """Standard error of the estimate of every outcome in every domain: (domains, outcomes).

    It is 0 where every agency responds with weight 1, but also where a place has no residual above 0: if it has one
    respondent, or none with a value. The rule does not know the error there.

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
    sums = _Sums(_adder(units.place, len(units.place_level)), _adder(units.group, int(units.group.max()) + 1))
    counts = y.tocsr()[np.where(responds, units.psu, 0)].toarray() * np.where(responds, units.share, 0.0)[:, None]
    expected = _expected(of_places, counts, explained_by, sums)
    dispersion = _dispersion(units, counts - expected, sums)
    beyond = np.where(responds, units.weight - 1, -1.0)
    members, groups = of_places.members, len(dispersion)
    spread = beyond**2 * _scale(units)
    of_domain = sparse.csr_array(
        (spread[members.unit], (members.domain, units.group[members.unit])), shape=(members.domains, groups)
    )
    variance = of_domain @ dispersion + _of_states(of_places, beyond[:, None] * expected)
    return np.asarray(np.sqrt(variance), dtype=np.float64)


def _adder(number: NDArray[np.integer], length: int) -> sparse.csr_array:
    """(length, n) matrix that adds up the units of each number."""
    n = len(number)
    return sparse.csr_array((np.ones(n), (number, np.arange(n))), shape=(length, n))


def _scale(units: Units) -> Floats:
    """(n,) x^γ, x at least 1: of agencies without crime counts vary, too."""
    return np.asarray(np.maximum(units.size, 1.0) ** GAMMA, dtype=np.float64)


def _expected(of_places: PlaceUnits, counts: Floats, explained_by: NDArray[np.integer], sums: _Sums) -> Floats:
    """(n, outcomes) m: each unit's count by the ratio with which ``survey.prediction.Predictions`` estimates."""
    units = of_places.units
    size, benchmark = units.size[:, None], of_places.benchmarks[:, explained_by]
    weight = units.weight[:, None]
    of_group = _ratio(sums.by_group @ (weight * counts), sums.by_group @ (weight * size))
    of_place = _ratio(sums.by_place @ (weight * counts), sums.by_place @ (weight * benchmark))
    # An agency may be several units of a place; it is one respondent.
    _, first = np.unique(units.psu * len(of_place) + units.place, return_index=True)
    respondents = sums.by_place[:, first] @ (counts[first] > 0).astype(np.float64)
    is_of_place = (explained_by > 0) & (respondents >= LEAST_RESPONDENTS) & (of_place > 0)
    by_place, by_group = of_place[units.place] * benchmark, of_group[units.group] * size
    return np.asarray(np.where(is_of_place[units.place], by_place, by_group), dtype=np.float64)


def _ratio(above: Floats, below: Floats) -> Floats:
    """Quotient, and 0 where ``below`` is 0."""
    quotient = np.zeros_like(above)
    np.divide(above, below, out=quotient, where=below > 0)
    return quotient


def _dispersion(units: Units, z: Floats, sums: _Sums) -> Floats:
    """(H, outcomes) S_c; the place's dispersion where a group has no respondent, 0 where the place has none."""
    rows = np.flatnonzero(units.psu >= 0)
    starts = np.flatnonzero(np.diff(units.group[rows], prepend=-1))
    basis = control_basis(units.controls[rows], starts).basis
    residuals = z[rows]
    along = np.repeat(cross_products(basis, residuals, starts), np.diff(starts, append=len(rows)), axis=0)
    for column in range(basis.shape[1]):
        residuals -= basis[:, [column]] * along[:, column]
    leverage = np.minimum((basis * basis).sum(axis=1), LARGEST_LEVERAGE)
    squares = residuals**2 / ((1 - leverage) * _scale(units)[rows])[:, None]
    of_group, of_place = sums.by_group[:, rows], sums.by_place[:, rows]
    number, number_of_place = (matrix.sum(axis=1)[:, None] for matrix in (of_group, of_place))
    pooled = _ratio(of_place @ squares, np.broadcast_to(number_of_place, (len(number_of_place), z.shape[1])))
    place = np.zeros(len(number), dtype=np.int64)
    place[units.group] = units.place
    return np.asarray((of_group @ squares + PRIOR_AGENCIES * pooled[place]) / (number + PRIOR_AGENCIES))


def _of_states(of_places: PlaceUnits, imbalance: Floats) -> Floats:
    """(domains, outcomes) τ² Σ_states D² of the domains of the nation and of regions; 0 of others."""
    units, members = of_places.units, of_places.members
    has_states = np.isin(units.place_level[units.place[members.unit]], _LEVELS_OF_STATES)
    unit, domain = members.unit[has_states], members.domain[has_states]
    states = int(units.state.max()) + 1
    by_state = sparse.csr_array(
        (np.ones(len(unit)), (domain * states + units.state[unit], unit)),
        shape=(members.domains * states, len(units.psu)),
    )
    of_state = (by_state @ imbalance).reshape(members.domains, states, imbalance.shape[1])
    return np.asarray(STATE_DEVIATION**2 * (of_state**2).sum(axis=1))
