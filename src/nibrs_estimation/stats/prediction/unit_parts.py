"""One estimate unit by unit: what of its prediction error each agency makes, so that two estimates can be compared.

The prediction error of a total in a domain is Σ c e with c = w - 1 of a respondent and -1 of a nonrespondent, e the
deviation of its count from θ m. If ratios are those of the place, all its respondents have c = k of module
``expansion``. Beyond Poisson noise e has the standard deviation τ θ m^(γ/2) (module ``layout``). Here
the sums that module ``layout`` makes for all columns at once are kept apart by unit. Source: handbook 11.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nibrs_estimation.stats.linearization.variance_form import Memberships
from nibrs_estimation.stats.prediction.expansion import Expansion, expansion, with_own_weights
from nibrs_estimation.stats.prediction.form import PredictionForm
from nibrs_estimation.stats.prediction.kernels import Model, dispersions
from nibrs_estimation.stats.prediction.layout import Design, known_miss, modeled_size, sort_order, sums_of
from nibrs_estimation.stats.prediction.units import Settings, Units

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class UnitForm(NamedTuple):
    """A prediction form with its units, made by :func:`unit_form`: n units, r respondents.

    Attributes:
        design: the units of the form, laid out.
        settings: those of the form.
        units: its units, in its order.
        row: (n,) number of each unit in the order in which units were given.
        agency: (n,) number of the agency.
        modeled: (n,) benchmark in the variance.
        respondent: (r,) units that respond.
        member: units of all domains, sorted by domain and unit.
        first_member: (G + 1,) first member of each domain.
        expanding: what nonrespondents take from respondents by ratios of places; not used by others.
    """

    design: Design
    settings: Settings
    units: Units
    row: Integers
    agency: Integers
    modeled: Floats
    respondent: Integers
    member: Integers
    first_member: Integers
    expanding: Expansion

    @property
    def psus(self) -> int:
        """Number of rows of y."""
        return len(self.design.positions.first_position) - 1

    def of_domain(self, domain: int) -> Integers:
        """Units of a domain, ascending."""
        return self.member[self.first_member[domain] : self.first_member[domain + 1]]


class Column(NamedTuple):
    """Counts of a column, of the difference z = a - b of two, or of z = a - R b of their ratio: (PSUs,) each.

    Attributes:
        value: y, or z.
        noise: counts that have Poisson noise: y; of a - b, what is counted in only one of a and b; of a - R b, where a
            is part of b, (1 - R)² of a and R² of the rest.
        scale: counts to which the dispersion is relative: y; of z, what is counted in either. It makes values of
            different groups comparable; a - b itself would not do, as it is 0 where a and b are equally frequent. Of
            a - R b it is b.
    """

    value: Floats
    noise: Floats
    scale: Floats


class Residuals(NamedTuple):
    """Residuals of respondents and what is made of them.

    Attributes:
        residual: (r,) √c ẽ of module ``residuals``; their squares add up to the group's Σ ê² (m + 1)^(-γ/2).
        noise: (r,) what Poisson noise adds to the square.
        is_used: (r,) the respondent's group has residuals and a ratio above 0.
        scale: (H,) θ of ``Column.scale``.
        tau: (H,) τ².
    """

    residual: Floats
    noise: Floats
    is_used: NDArray[np.bool_]
    scale: Floats
    tau: Floats


class Part(NamedTuple):
    """The prediction error of one estimate; k units.

    Attributes:
        unit: (k,) its units.
        coefficient: (k,) c.
        expected: (k,) expected counts that have Poisson noise, θ m, or by ratios of the place θ̃ m.
        poisson: Poisson part of the variance.
        error: (k,) c τ θ m^(γ/2), signed; 0 of donors.
        donor: (k,) θ x standard deviation of the size of a donor.
        state: (K,) σ_s Σ_h θ E of each state.
        gap: known miss of an estimate that is not corrected; 0 of others.
    """

    unit: Integers
    coefficient: Floats
    expected: Floats
    poisson: float
    error: Floats
    donor: Floats
    state: Floats
    gap: float

    def variance(self) -> float:
        """V of the estimate, as :func:`nibrs_estimation.stats.prediction.estimates.prediction_estimates` gives it."""
        squares = sum(float(values @ values) for values in (self.error, self.donor, self.state))
        return self.poisson + squares + self.gap**2

    def over(self, divisor: float) -> Part:
        """The error of the estimate over a number."""
        if divisor == 1:
            return self
        return self._replace(
            expected=self.expected / divisor**2,
            poisson=self.poisson / divisor**2,
            error=self.error / divisor,
            donor=self.donor / divisor,
            state=self.state / divisor,
            gap=self.gap / divisor,
        )


def unit_form(form: PredictionForm, units: Units, members: Memberships, agency: NDArray[np.integer]) -> UnitForm:
    """A form with the units of which it was made, for differences.

    Args:
        form: made of these units and memberships by :func:`nibrs_estimation.stats.prediction.form.prediction_form`.
        units: n units.
        members: units of the domains.
        agency: (n,) number of each unit's agency, the same in all places and years. An agency that is several units of
            a domain is matched with itself in another from the largest share to the smallest.

    Raises:
        ValueError: units or memberships are not those of the form, agency has another shape, or a row of y is of two
            agencies.
    """
    n, domains = len(units.psu), form.design.domains
    if agency.shape != (n,):
        raise ValueError(f"there are {n} units, but agency has shape {agency.shape}")
    units = with_own_weights(units) if form.settings.is_of_place else units
    order = sort_order(units)
    taken = units.taken(order)
    respondent = np.flatnonzero(taken.psu >= 0)
    groups = len(form.design.groups.place)
    # Sums in the same order are equal to the last bit.
    expanded = sums_of(taken.group[respondent], (taken.weight * taken.size)[respondent], int(taken.group.max()) + 1)
    is_same = np.array_equal(taken.psu[respondent], form.design.groups.psu) and len(expanded) == groups
    if not (is_same and np.array_equal(expanded, form.design.groups.expanded)):
        raise ValueError("the units are not those of the form: give those of which it was made")
    number = np.empty(n, dtype=np.int64)
    number[order] = np.arange(n)
    by_domain = np.lexsort((number[members.unit], members.domain))
    place = np.full(members.domains, -1)
    place[members.domain] = units.place[members.unit]
    if not np.array_equal(place, domains.place):
        raise ValueError("the memberships are not those of the form: give those of which it was made")
    responding = units.psu >= 0
    pairs = np.unique(np.stack([units.psu[responding], agency[responding]], axis=1), axis=0)
    if len(pairs) != len(np.unique(units.psu[responding])):
        raise ValueError("a row of y is of units of several agencies: a row is the counts of one agency")
    return UnitForm(
        design=form.design,
        settings=form.settings,
        units=taken,
        row=order,
        agency=agency[order].astype(np.int64),
        modeled=modeled_size(taken, groups),
        respondent=respondent,
        member=number[members.unit][by_domain],
        first_member=np.searchsorted(members.domain[by_domain], np.arange(members.domains + 1)).astype(np.int64),
        expanding=expansion(taken, groups, form.settings.prior_agencies),
    )


def plain(y: Floats) -> Column:
    """A column of counts."""
    return Column(y, y, y)


def column_difference(a: Floats, b: Floats, common: Floats) -> Column:
    """The difference z = a - b of two columns, of which ``common`` is counted in both."""
    return Column(a - b, a + b - 2 * common, a + b - common)


def ratio_column(a: Floats, b: Floats, ratio: float | Floats) -> Column:
    """The column a - R b, whose error over the total of b is that of the ratio R of a to b; a is part of b."""
    return Column(a - ratio * b, a * (1 - 2 * ratio) + ratio**2 * b, b)


def total_of(form: UnitForm, y: Floats, unit: Integers) -> float:
    """T of some units of a place, not yet at least what was reported."""
    expanded = float((form.units.weight * _counts(form, y))[unit].sum())
    if form.settings.is_of_place:
        return expanded + _expected(form, y, unit)[0]
    return expanded - (_miss(form, y, unit) if form.settings.corrects else 0.0)


def reported_of(form: UnitForm, own: Floats, unit: Integers) -> float:
    """S of some units: Σ share x reported value."""
    return float(_counts(form, own)[unit].sum())


def residuals_of(form: UnitForm, column: Column) -> Residuals:
    """Residuals of all respondents and the dispersion of all groups (modules ``residuals`` and ``kernels``)."""
    psu = form.design.groups.psu
    return residuals_from(form, column.value[psu], column.noise[psu], column.scale)


def of_respondents(form: UnitForm, a: Floats, b: Floats) -> tuple[Column, Floats]:
    """(r,) a - R b of respondents with the ratio R of each one's place, and R."""
    design = form.design
    groups, place = design.groups, np.maximum(design.groups.place, 0)
    calibration = groups.calibration if form.settings.corrects or form.settings.is_of_place else 1.0
    above, below = (
        sums_of(
            place,
            calibration * sums_of(form.units.group, form.units.weight * _counts(form, y), len(place)),
            design.places,
        )
        for y in (a, b)
    )
    ratio = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
    R = ratio[place][form.units.group[form.respondent]]
    return ratio_column(a[groups.psu], b[groups.psu], R), R


def residuals_from(form: UnitForm, value: Floats, noise: Floats, scale_of: Floats) -> Residuals:
    """Of respondents' values, with the part of them that is noise; τ² is relative to a column."""
    design, settings = form.design, form.settings
    groups, group = design.groups, form.units.group[form.respondent]
    scaled = groups.scaled * value
    residual = scaled.copy()
    for direction in groups.basis.T:
        residual -= direction * sums_of(group, direction * scaled, len(groups.place))[group]
    residual *= np.sqrt(groups.multiplier)
    noise = groups.scaled * noise
    numerator = np.where(groups.has_residuals, sums_of(group, residual**2 - noise, len(groups.place)), 0.0)
    scale = _ratios(form, scale_of)
    model = Model(settings.prior_freedom, settings.state_variance, settings.corrects, False, settings.is_of_place)
    tau, pools = np.zeros(len(scale)), np.zeros((2, int(groups.sums.max()) + 1))
    dispersions(design, model, scale, numerator, pools, tau)
    return Residuals(residual, noise, (groups.has_residuals & (scale > 0))[group], scale, tau)


def part_of(form: UnitForm, column: Column, found: Residuals, unit: Integers) -> Part:
    """The prediction error of the total of some units of one place."""
    units, settings = form.units, form.settings
    weight = units.weight[unit]
    poisson = float((weight * np.maximum(weight - 1, 0) * _counts(form, column.noise)[unit]).sum())
    gap = 0.0 if settings.corrects or settings.is_of_place else _miss(form, column.value, unit)
    theta, scale = (_ratios_of_domain(form, y, unit) for y in (column.value, column.scale))
    coefficient = np.where(units.psu[unit] >= 0, weight - 1, -1.0)
    expected = _ratios_of_domain(form, column.noise, unit) * units.size[unit]
    if settings.is_of_place:
        poisson += sum(_expected(form, column.noise, unit))
        unit, coefficient = _errors_of_place(form, unit)
        theta, scale = (_ratios(form, y)[units.group[unit]] for y in (column.value, column.scale))
        expected = (_shrunken_ratios(form, column.noise) * units.size)[unit]
    donor = units.donor_variance[unit]
    spread = np.where(donor > 0, 0.0, form.modeled[unit] ** (settings.gamma / 2))
    state = np.zeros(int(units.state.max()) + 1)
    np.add.at(state, units.state[unit], theta * coefficient * units.size[unit])
    return Part(
        unit=unit,
        coefficient=coefficient,
        expected=expected,
        poisson=poisson,
        error=coefficient * np.sqrt(found.tau[units.group[unit]]) * scale * spread,
        donor=theta * np.sqrt(donor),
        state=np.sqrt(settings.state_variance) * state,
        gap=gap,
    )


def _shrunken_ratios(form: UnitForm, y: Floats) -> Floats:
    """(n,) θ̃ of each unit's group."""
    units, found, groups = form.units, form.expanding, len(form.design.groups.place)
    of_group = np.where(found.expands, sums_of(units.group, units.weight * _counts(form, y), groups), 0.0)
    of_place = sums_of(np.maximum(found.place, 0), of_group, form.design.places)
    ratios: Floats = (found.own * of_group + found.common * of_place[np.maximum(found.place, 0)])[units.group]
    return ratios


def _factors(form: UnitForm, unit: Integers) -> Floats:
    """(H,) k of each group for the nonrespondents among some units of a place."""
    units, found = form.units, form.expanding
    nonrespondents = np.where(units.psu[unit] >= 0, 0.0, units.size[unit])
    missing = sums_of(units.group[unit], nonrespondents, len(found.place))
    # Of module ``expansion``, but for one domain: sparse matrices of one row take most of the time of a difference.
    takes = found.expands & (found.place == units.place[unit[0]])
    k: Floats = np.where(takes, found.own * missing + float(missing @ found.common), 0.0)
    return k


def _expected(form: UnitForm, y: Floats, unit: Integers) -> tuple[float, float]:
    """What the nonrespondents among some units are expected to have, Σ k y, and Σ k² y."""
    k = _factors(form, unit)
    # Products over units would be long enough for threads of the linear algebra, which wait for each other.
    of_groups = sums_of(form.units.group, form.units.weight * _counts(form, y), len(k))
    return float(k @ of_groups), float(k**2 @ of_groups)


def _errors_of_place(form: UnitForm, unit: Integers) -> tuple[Integers, Floats]:
    """Respondents of the place of some units with their c = k, and nonrespondents among the units with -1."""
    units = form.units
    silent = unit[units.psu[unit] < 0]
    respondents = form.respondent[units.place[form.respondent] == units.place[unit[0]]]
    every = np.concatenate([respondents, silent])
    coefficient = np.concatenate([_factors(form, unit)[units.group[respondents]], np.full(len(silent), -1.0)])
    order = np.argsort(every)
    return every[order], coefficient[order]


def _counts(form: UnitForm, y: Floats) -> Floats:
    """(n,) counts of units: the agency's times share; 0 of nonrespondents."""
    counts = np.zeros(len(form.units.psu))
    counts[form.respondent] = form.units.share[form.respondent] * y[form.units.psu[form.respondent]]
    return counts


def _ratios(form: UnitForm, y: Floats) -> Floats:
    """(H,) θ of each group, or of its place."""
    groups, units = form.design.groups, form.units
    total, expanded = sums_of(units.group, units.weight * _counts(form, y), len(groups.place)), groups.expanded
    if form.settings.is_of_place:
        total, expanded = groups.calibration * total, groups.calibration * expanded
        place, places = np.maximum(groups.place, 0), form.design.places
        total, expanded = sums_of(place, total, places)[place], sums_of(place, expanded, places)[place]
    theta = np.zeros_like(total)
    np.divide(total, expanded, out=theta, where=expanded > 0)
    return theta


def _ratios_of_domain(form: UnitForm, y: Floats, unit: Integers) -> Floats:
    """θ_hD for each of the units; θ_h where none of them in the group responds or ratios are those of the place."""
    units, theta = form.units, _ratios(form, y)
    group = units.group[unit]
    if not form.settings.is_of_place:
        total = sums_of(group, (units.weight * _counts(form, y))[unit], len(theta))
        expanded = sums_of(group, (units.weight * units.size)[unit], len(theta))
        np.divide(total, expanded, out=theta, where=expanded > 0)
    of_units: Floats = theta[group]
    return of_units


def _miss(form: UnitForm, y: Floats, unit: Integers) -> float:
    """Σ_h θ_h (X̂_hD - X_hD): what the units' estimate misses of the benchmark, in counts."""
    units, of_group = form.units, _ratios(form, y)
    group, size = units.group[unit], units.size[unit]
    expanded = sums_of(group, units.weight[unit] * size, len(of_group))
    known, scale = sums_of(group, size, len(of_group)), sums_of(units.group, units.size, len(of_group))
    return float(of_group @ known_miss(expanded, known, scale))
