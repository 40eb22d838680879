"""The form of prediction variances: units laid out, the settings, and figures of the domains that need no column.

Source: handbook 11.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nibrs_estimation.stats.linearization.variance_form import Memberships
from nibrs_estimation.stats.prediction.expansion import with_own_weights
from nibrs_estimation.stats.prediction.layout import Design, lay_out, sort_order, sums_of
from nibrs_estimation.stats.prediction.units import Settings, Units, check

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
#: σ_s, relative, where respondents are of fewer than LEAST_STATES states.
USUAL_STATE_DEVIATION = 0.04
LEAST_STATES = 20


class Nation(NamedTuple):
    """Respondents of the nation's groups: (n,) each."""

    psu: Integers
    weight: Floats
    share: Floats
    size: Floats
    state: Integers
    group: Integers


class PredictionForm(NamedTuple):
    """What ``prediction_estimates`` needs, and figures of the domains that need no column.

    Attributes:
        design: the units.
        settings: the settings.
        unreported_ratio: (G,) ρ, size of nonrespondents over that of respondents; infinite without the latter.
        nation: respondents of the nation, for :func:`state_variance`.
    """

    design: Design
    settings: Settings
    unreported_ratio: Floats
    nation: Nation


def prediction_form(
    units: Units, members: Memberships, psus: int, *, settings: Settings | None = None
) -> PredictionForm:
    """Prepare units for estimates of any number of columns.

    Args:
        units: respondents and nonrespondents.
        members: units of the domains; nonrespondents are members, too. A domain is of one place.
        psus: number of rows of y.
        settings: the model.

    Raises:
        ValueError: shapes or numbers do not fit, a group or a domain has units of several places, or a membership is
            given twice.
    """
    settings = settings or Settings()
    check(units, members, psus, settings)
    units = with_own_weights(units) if settings.is_of_place else units
    order = sort_order(units)
    units, members = units.taken(order), _of_taken(members, order)
    groups = int(units.group.max()) + 1
    return PredictionForm(
        design=lay_out(units, members, psus, groups, settings),
        settings=settings,
        unreported_ratio=_unreported_ratio(units, members),
        nation=_nation(units),
    )


def with_state_variance(form: PredictionForm, state_variance: float) -> PredictionForm:
    """The same form with another σ_s², such as that of :func:`state_variance`."""
    return form._replace(settings=replace(form.settings, state_variance=state_variance))


def state_variance(form: PredictionForm, y_total: Floats) -> float:
    """σ_s², the variance of the relative deviation that the units of a state have in common.

        max(0, Σ_states [(Σ e)² - Σ e²]) / Σ_states (Σ θ m)²,    e = y - θ_h m of the nation's respondents.

    It is 0.04² where the nation's respondents with a benchmark are of fewer than 20 states.

    Args:
        form: form with the nation as level 0.
        y_total: (PSUs,) incidents of each PSU.

    Raises:
        ValueError: y_total is of other PSUs, or has values that are not finite numbers of at least 0.
    """
    psus = len(form.design.positions.first_position) - 1
    if y_total.shape != (psus,):
        raise ValueError(f"there are {psus} PSUs, but y_total has shape {y_total.shape}")
    if not (np.isfinite(y_total).all() and (y_total >= 0).all()):
        raise ValueError("y_total must be finite numbers of at least 0")
    psu, weight, share, size, state, group = form.nation
    if len(np.unique(state[size > 0])) < LEAST_STATES:
        return USUAL_STATE_DEVIATION**2
    y = share * y_total[psu]
    total, expanded = np.bincount(group, weight * y), np.bincount(group, weight * size)
    theta = np.divide(total, expanded, out=np.zeros_like(total), where=expanded > 0)
    expected = theta[group] * size
    e = y - expected
    common = (np.bincount(state, e) ** 2 - np.bincount(state, e * e)).sum()
    scale = (np.bincount(state, expected) ** 2).sum()
    return float(max(0.0, common) / scale) if scale > 0 else 0.0


def _of_taken(members: Memberships, rows: Integers) -> Memberships:
    """Memberships of the units in ``rows``, which are numbered anew in that order."""
    number = np.full(int(members.unit.max(initial=-1)) + 1 + int(rows.max(initial=-1)) + 1, -1)
    number[rows] = np.arange(len(rows))
    unit = number[members.unit]
    order = np.flatnonzero(unit >= 0)
    order = order[np.lexsort((members.domain[order], unit[order]))]
    return Memberships(unit[order], members.domain[order], members.domains)


def _nation(units: Units) -> Nation:
    of = np.flatnonzero((units.place_level[units.place] == 0) & (units.psu >= 0))
    return Nation(
        psu=units.psu[of].astype(np.int64),
        weight=units.weight[of],
        share=units.share[of],
        size=units.size[of],
        state=units.state[of].astype(np.int64),
        group=units.group[of].astype(np.int64),
    )


def _unreported_ratio(units: Units, members: Memberships) -> Floats:
    missing, reported = (
        sums_of(members.domain, np.where(chosen, units.size, 0.0)[members.unit], members.domains)
        for chosen in (units.psu < 0, units.psu >= 0)
    )
    ratio = np.divide(missing, reported, out=np.full(members.domains, np.inf), where=reported > 0)
    return np.where(missing > 0, ratio, 0.0)
