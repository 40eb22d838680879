"""Differences of two estimates, counts or ratios, with standard errors: of two columns, places and years.

With the prediction errors of both estimates unit by unit (module ``unit_parts``) the variance of a difference is

    V = V₁ + V₂ - 2C.

What is in C:

* *Two columns of one domain*, by one benchmark: the rule of ratios with z = a - b takes the place of the sum, because
  the residuals of z show what a and b have in common. θ of states and donors is θ_a - θ_b, and Poisson noise is that of
  what is counted in only one of both. τ² is relative to θ of what is counted in either: relative to θ_a - θ_b it would
  have no limit where a and b are about equally frequent.
* *Two columns by different benchmarks*: C = Σ w max(w - 1, 0) x what is counted in both + r Σ x_a x_b, with the errors
  x = c τ θ m^(γ/2) of the same unit. r is one number for all groups of the level, the correlation of the residuals
  beyond Poisson noise. Deviations of states and donors' sizes are common to both.
* *Two places of one run*: units in both cancel as signed units, whether they are taken out, in domains of one place, or
  have C = Σ x₁ x₂, in places with weights of their own. The deviation of a state is common to both places.
* *Two years*: C = r Σ x₁ x₂ over the agencies of both years, r as above. Agencies that respond in one year only have
  x₁ x₂ < 0 and make the variance larger. Poisson noise, states and donors of two years are independent.

A ratio R = T_a / T_b has the error of z = a - R b over T_b (module ``kernels``), so its difference from another has
the same parts.

The interval is normal: a difference has no part that is known, and may be below 0. Source: handbook 11.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nibrs_estimation.stats.prediction.intervals import QUANTILE
from nibrs_estimation.stats.prediction.unit_parts import (
    Column,
    Part,
    Residuals,
    UnitForm,
    column_difference,
    of_respondents,
    part_of,
    plain,
    ratio_column,
    reported_of,
    residuals_from,
    residuals_of,
    total_of,
)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
#: With fewer respondents in common the correlation of residuals is taken to be 0.
LEAST_COMMON = 5
#: A variance below this share of those of both estimates is rounding, or what both have in common is not known exactly.
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Side:
    """One side of a difference: a column in a domain, or its ratio to another column.

    Attributes:
        form: units, by :func:`nibrs_estimation.stats.prediction.unit_parts.unit_form`. For a column of a category of
            agencies these are units of the category only.
        values: (PSUs,) completed counts of whole PSUs, at least 0.
        domain: number of the domain.
        own: (PSUs,) reported counts. The total of a corrected estimate is at least their sum; without them no total is
            raised.
        below: (PSUs,) completed counts of the denominator of a ratio; without them the side is a count.
        own_below: (PSUs,) reported counts of the denominator, if ``own`` is given.

    Raises:
        ValueError: counts are not (PSUs,) finite numbers of at least 0, the domain does not exist or has no units, or
            the total of the denominator is 0.
    """

    form: UnitForm
    values: Floats
    domain: int
    own: Floats | None = None
    below: Floats | None = None
    own_below: Floats | None = None
    unit: Integers = field(init=False, repr=False)

    def __post_init__(self) -> None:
        domains = len(self.form.first_member) - 1
        if not 0 <= self.domain < domains:
            raise ValueError(f"domain {self.domain} does not exist: there are {domains}, from 0")
        for name in ("values", "own", "below", "own_below"):
            counts = getattr(self, name)
            if counts is not None:
                _check_counts(name, counts, self.form.psus)
        unit = self.form.of_domain(self.domain)
        if not len(unit):
            raise ValueError(f"domain {self.domain} has no units: nothing can be estimated")
        object.__setattr__(self, "unit", unit)
        if self.divisor <= 0:
            raise ValueError("the total of the denominator is 0: there is no ratio")

    @property
    def place(self) -> int:
        """The place of the domain."""
        return int(self.form.design.domains.place[self.domain])

    @cached_property
    def divisor(self) -> float:
        """Total of the denominator; 1 of a count."""
        return 1.0 if self.below is None else self._total(self.below, self.own_below)

    @cached_property
    def estimate(self) -> float:
        """The estimate: a count, or a ratio."""
        total = self._total(self.values, self.own)
        return total if self.below is None else max(total, 0.0) / self.divisor

    @property
    def column(self) -> Column:
        """Counts whose prediction error, over the divisor, is that of the estimate."""
        return plain(self.values) if self.below is None else ratio_column(self.values, self.below, self.estimate)

    def residuals(self) -> Residuals:
        """Residuals of the respondents of all places; of a ratio, with the ratio of each place."""
        if self.below is None:
            return residuals_of(self.form, plain(self.values))
        column, _ = of_respondents(self.form, self.values, self.below)
        return residuals_from(self.form, column.value, column.noise, self.below)

    def _total(self, counts: Floats, own: Floats | None) -> float:
        total = total_of(self.form, counts, self.unit)
        if own is None or not self.form.settings.corrects:
            return total
        return max(total, reported_of(self.form, own, self.unit))


class InBoth(NamedTuple):
    """(PSUs,) what is counted in both of two columns a and b of one ratio and of another.

    Attributes:
        above: in a of both.
        first_above: in a of the first and b of the second.
        second_above: in b of the first and a of the second.
        below: in b of both.
    """

    above: Floats
    first_above: Floats
    second_above: Floats
    below: Floats

    def covariance(self, R: float | Floats, S: float | Floats) -> Floats:
        """Cov(a₁ - R b₁, a₂ - S b₂), where a unit that is counted has a variance of 1."""
        found: Floats = self.above - S * self.first_above - R * self.second_above + R * S * self.below
        return found


class Pieces(NamedTuple):
    """Units as parts of agencies: an agency is usually one unit, but may be several of a domain.

    Attributes:
        agency: (k,) number of the agency, the same in all places and years.
        piece: (k,) number of the unit among those of the agency, from the largest share on.
    """

    agency: Integers
    piece: Integers


class YearSide(NamedTuple):
    """What the difference from another year needs of a side; it can be kept until that year is estimated.

    Attributes:
        estimate: T.
        variance: V of the estimate.
        known_miss: what an estimate that is not corrected is known to miss; 0 of others.
        units: k units that have an error.
        error: (k,) their errors, ``Part.error``.
        respondents: r respondents of all places of the level that have residuals.
        residual: (r,) their residuals, ``Residuals.residual``.
        noise: (r,) what Poisson noise adds to the squares.
    """

    estimate: float
    variance: float
    known_miss: float
    units: Pieces
    error: Floats
    respondents: Pieces
    residual: Floats
    noise: Floats


class Difference(NamedTuple):
    """A difference of two estimates, in counts or as a difference of ratios.

    Attributes:
        first: first estimate.
        second: second estimate.
        difference: first - second.
        standard_error: its standard error, √V.
        lower: lower end of the interval of 95 %, difference - 1.96 standard errors.
        upper: upper end.
        correlation: r of the errors beyond Poisson noise of a unit that is in both; NaN of two columns by one
            benchmark, whose difference has residuals of its own.
        first_variance: V₁ of the first estimate.
        second_variance: V₂ of the second.
    """

    first: float
    second: float
    difference: float
    standard_error: float
    lower: float
    upper: float
    correlation: float
    first_variance: float
    second_variance: float

    @property
    def covariance(self) -> float:
        """C of V = V₁ + V₂ - 2C."""
        return (self.first_variance + self.second_variance - self.standard_error**2) / 2


def difference_of_columns(a: Side, b: Side, common: Floats | None = None) -> Difference:
    """Difference of two columns or groups in one domain.

    Args:
        a: first column.
        b: second column, in the same domain. It has the same ``UnitForm`` if the same benchmark explains both;
            otherwise one of the same units.
        common: (PSUs,) what is counted in both columns: b if b is part of a, 0 (if omitted) if no unit is in both.

    Raises:
        ValueError: the domains or their units are not the same, one is a ratio, or ``common`` is not from 0 to the
            lesser of both columns.
    """
    common = np.zeros(a.form.psus) if common is None else common
    _check_counts("common", common, a.form.psus)
    _check_same_domain(a, b, is_ratio=False)
    if (common > np.minimum(a.values, b.values)).any():
        raise ValueError("common is above one of the columns: what is counted in both is part of each")
    if a.form is not b.form:
        return _by_correlation(a, b, common)
    z = column_difference(a.values, b.values, common)
    of_z = part_of(a.form, z, residuals_of(a.form, z), a.unit).variance()
    return _of_sides(a, b, of_z, np.nan, _part(a)[0], _part(b)[0])


def difference_of_ratios(a: Side, b: Side, both: InBoth) -> Difference:
    """Difference of two ratios in one domain, such as shares of two rows, or of a row in two columns or groups.

    With the same benchmark the residuals of (y - R b) / T of the first less that of the second take the place of those
    of a ratio.

    Args:
        a: first ratio.
        b: second ratio, in the same domain; as of two columns.
        both: what is counted in both.

    Raises:
        ValueError: the domains or their units are not the same, or one is a count.
    """
    _check_same_domain(a, b, is_ratio=True)
    common = both.covariance(a.estimate, b.estimate)
    if a.form is not b.form:
        return _by_correlation(a, b, common)
    scale = float(np.sqrt(b.divisor / a.divisor))
    z = _ratios_apart(a.column, b.column, common, scale)
    psu = a.form.design.groups.psu
    (of_a, R), (of_b, S) = (of_respondents(side.form, side.values, _denominator(side)) for side in (a, b))
    of_both = InBoth(*(counts[psu] for counts in both)).covariance(R, S)
    of_place = _ratios_apart(of_a, of_b, of_both, scale)
    found = residuals_from(a.form, of_place.value, of_place.noise, z.scale)
    one, other = _part(a)[0], _part(b)[0]
    variance = part_of(a.form, z, found, a.unit).variance() / (a.divisor * b.divisor)
    variance = variance if variance > _ROUNDING * (one.variance() + other.variance()) else 0.0
    return _of_sides(a, b, variance, np.nan, one, other)


def _denominator(side: Side) -> Floats:
    assert side.below is not None
    return side.below


def _ratios_apart(first: Column, second: Column, common: Floats, scale: float) -> Column:
    """The column whose prediction error over √(TU) is that of the difference of two ratios with the divisors T and U.

    Args:
        first: z of the first ratio.
        second: z of the second.
        common: covariance of their counts.
        scale: √(U/T).
    """
    noise = first.noise * scale**2 + second.noise / scale**2 - 2 * common
    value = first.value * scale - second.value / scale
    return Column(value, noise, (first.scale * scale + second.scale / scale) / 2)


def _by_correlation(a: Side, b: Side, common: Floats) -> Difference:
    """Difference of two sides in one domain by different benchmarks; ``common``: covariance of their counts."""
    (one, of_a), (other, of_b) = _part(a), _part(b)
    at, to = _of_level(a), _of_level(b)
    at, to = at[_by_row(a.form, a.form.respondent[at])], to[_by_row(b.form, b.form.respondent[to])]
    r = _correlation_of(of_a, of_b, at, to, np.sqrt(_scaled(a, at) * _scaled(b, to)) * common[_psu(a, at)])
    _, i, j = np.intersect1d(a.form.row[one.unit], b.form.row[other.unit], assume_unique=True, return_indices=True)
    noise = part_of(a.form, plain(common), of_a, a.unit).poisson / (a.divisor * b.divisor)
    covariance = noise + r * float(one.error[i] @ other.error[j])
    covariance += float(one.donor[i] @ other.donor[j] + one.state @ other.state)
    return _of_sides(a, b, _variance(one, other, covariance), r, one, other)


def difference_of_places(first: Side, second: Side) -> Difference:
    """Difference of two places or domains of one run, for one column or ratio.

    Places may have units in common, and may be estimated by different benchmarks. An agency that is in both with
    different shares is taken to have its smaller part within its larger one.

    Args:
        first: column in the first domain.
        second: the same column in the second.

    Raises:
        ValueError: the columns or the units of the forms are not the same.
    """
    if not (np.array_equal(first.values, second.values) and _is_same(first.below, second.below)):
        raise ValueError("the values of both places differ: two places are compared for one column")
    _check_same_units(first.form, second.form)
    # By ratios of the place its respondents have errors in both, which are matched below.
    takes_out = (
        first.below is None
        and not first.form.settings.is_of_place
        and first.place == second.place
        and first.form is second.form
    )
    if takes_out:
        is_common = np.isin(first.unit, second.unit), np.isin(second.unit, first.unit)
        parts = _part(first, first.unit[~is_common[0]])[0], _part(second, second.unit[~is_common[1]])[0]
        variance = _variance(*parts, float(parts[0].state @ parts[1].state))
        return _of_sides(first, second, variance, 1.0, _part(first)[0], _part(second)[0])
    one, other = _part(first)[0], _part(second)[0]
    i, j = _matched(first.form, one.unit, second.form, other.unit)
    covariance = _common_noise(first, second, one, other, i, j) + float(one.error[i] @ other.error[j])
    covariance += float(one.donor[i] @ other.donor[j] + one.state @ other.state)
    return _of_sides(first, second, _variance(one, other, covariance), 1.0, one, other)


def difference_of_years(first: Side, second: Side) -> Difference:
    """Difference of two years, of a column or ratio in a place.

    Agencies of both years are found by ``UnitForm.agency``. r is that of respondents of both years in all places of the
    level; it is from -1 to 1, and 0 if they are fewer than five.

    Args:
        first: column in the place, in the first year.
        second: the column in the place in the second year; rows of y and numbers of domains may differ.
    """
    return difference_of_year_sides(year_side(first), year_side(second))


def year_side(side: Side) -> YearSide:
    """What the difference from another year needs of a side."""
    part, found = _part(side)
    form, at = side.form, _of_level(side)
    pieces, is_used = _pieces(form, form.respondent[at]), found.is_used[at]
    return YearSide(
        estimate=side.estimate,
        variance=part.variance(),
        known_miss=part.gap,
        units=_pieces(form, part.unit),
        error=part.error,
        respondents=Pieces(pieces.agency[is_used], pieces.piece[is_used]),
        residual=found.residual[at][is_used],
        noise=found.noise[at][is_used],
    )


def difference_of_year_sides(first: YearSide, second: YearSide) -> Difference:
    """The same as :func:`difference_of_years`, from what was kept of both years."""
    i, j = _same_pieces(first.respondents, second.respondents)
    residuals, noises = (first.residual[i], second.residual[j]), (first.noise[i], second.noise[j])
    r = _correlation(residuals, noises)
    i, j = _same_pieces(first.units, second.units)
    of_both = first.variance, second.variance
    variance = _combined(of_both, r * float(first.error[i] @ second.error[j]), (first.known_miss, second.known_miss))
    return _difference((first.estimate, second.estimate), variance, r, of_both)


def _part(side: Side, unit: Integers | None = None) -> tuple[Part, Residuals]:
    """The prediction error of a side, or of some of its units, and the residuals of its column."""
    found = side.residuals()
    return part_of(side.form, side.column, found, side.unit if unit is None else unit).over(side.divisor), found


def _is_same(one: Floats | None, other: Floats | None) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other))


def _of_level(side: Side) -> Integers:
    """Positions of the respondents of all places of the side's level."""
    units = side.form.units
    return np.flatnonzero(units.place_level[units.place[side.form.respondent]] == units.place_level[side.place])


def _by_row(form: UnitForm, unit: Integers) -> Integers:
    """Order of units as they were given; forms sort them by their benchmarks, too."""
    return np.argsort(form.row[unit])


def _scaled(side: Side, at: Integers) -> Floats:
    """What a count adds, as Poisson noise, to the squared residuals of some respondents."""
    return side.form.design.groups.scaled[at]


def _psu(side: Side, at: Integers) -> Integers:
    return side.form.design.groups.psu[at]


def _variance(first: Part, second: Part, covariance: float) -> float:
    """V of the difference of two estimates whose prediction errors have the covariance C."""
    return _combined((first.variance(), second.variance()), covariance, (first.gap, second.gap))


def _combined(of_both: tuple[float, float], covariance: float, misses: tuple[float, float]) -> float:
    """V₁ + V₂ - 2C; the known misses of estimates that are not corrected are subtracted before they are squared."""
    variance = sum(of_both) - 2 * (covariance + misses[0] * misses[1])
    return variance if variance > _ROUNDING * sum(of_both) else 0.0


def _of_sides(first: Side, second: Side, variance: float, correlation: float, one: Part, other: Part) -> Difference:
    estimates = first.estimate, second.estimate
    return _difference(estimates, variance, correlation, (one.variance(), other.variance()))


def _difference(
    estimates: tuple[float, float], variance: float, correlation: float, of_both: tuple[float, float]
) -> Difference:
    error = float(np.sqrt(variance))
    between = estimates[0] - estimates[1]
    lower, upper = between - QUANTILE * error, between + QUANTILE * error
    return Difference(*estimates, between, error, lower, upper, correlation, *of_both)


def _correlation_of(first: Residuals, second: Residuals, at: Integers, to: Integers, common_noise: Floats) -> float:
    """Correlation of the residuals of respondents at some positions, those that have both.

    Args:
        first: residuals of one estimate.
        second: residuals of the other.
        at: positions of the respondents in ``first``.
        to: their positions in ``second``.
        common_noise: what Poisson noise of both adds to each product.
    """
    is_used = first.is_used[at] & second.is_used[to]
    at, to = at[is_used], to[is_used]
    residuals, noises = (first.residual[at], second.residual[to]), (first.noise[at], second.noise[to])
    return _correlation(residuals, noises, float(common_noise[is_used].sum()))


def _correlation(residuals: tuple[Floats, Floats], noises: tuple[Floats, Floats], common_noise: float = 0.0) -> float:
    """Correlation beyond Poisson noise of the residuals of respondents that are in both.

    Σ e₁e₂ / √(Σ (e₁² - noise) Σ (e₂² - noise)), e standardized by m^(γ/2) and weighted as in the dispersion τ². Without
    subtracting the noise r would be too small where counts are, and the standard error too large.
    """
    if len(residuals[0]) < LEAST_COMMON:
        return 0.0
    above = float(residuals[0] @ residuals[1]) - common_noise
    squares = [float((e**2 - noise).sum()) for e, noise in zip(residuals, noises, strict=True)]
    if min(squares) <= 0:
        return 0.0
    return float(np.clip(above / np.sqrt(squares[0] * squares[1]), -1.0, 1.0))


def _common_noise(first: Side, second: Side, one: Part, other: Part, i: Integers, j: Integers) -> float:
    """Poisson noise of units that are in two places.

    Σ c₁ c₂ y, with the expected count for y where the unit does not respond in both. Of one estimate the noise of
    nonrespondents is that of respondents, w - 1 times; so the sum is limited to what two estimates can have in common.
    """
    u, v = one.unit[i], other.unit[j]
    a, b = first.form.units, second.form.units
    # Of units that respond in one place only, the row of y is that of another unit, and is not used.
    common = first.values
    if first.below is not None:
        common = InBoth(common, common, common, first.below).covariance(first.estimate, second.estimate)
    common = common / (first.divisor * second.divisor)
    reported = np.minimum(a.share[u], b.share[v]) * common[a.psu[u]]
    expected = np.sqrt(np.maximum(one.expected[i] * other.expected[j], 0.0))
    counts = np.where((a.psu[u] >= 0) & (b.psu[v] >= 0), reported, expected)
    limit = float(np.sqrt(one.poisson * other.poisson))
    return float(np.clip((one.coefficient[i] * other.coefficient[j] * counts).sum(), -limit, limit))


def _pieces(form: UnitForm, unit: Integers) -> Pieces:
    """Some units as pieces of their agencies."""
    agency = form.agency[unit]
    order = np.lexsort((-form.units.share[unit], agency))
    ascending = agency[order]
    piece = np.empty(len(unit), dtype=np.int64)
    piece[order] = np.arange(len(unit)) - np.searchsorted(ascending, ascending)
    return Pieces(agency, piece)


def _same_pieces(first: Pieces, second: Pieces) -> tuple[Integers, Integers]:
    """Positions in both of the pieces that are in both."""
    agencies, number = np.unique(np.concatenate([first.agency, second.agency]), return_inverse=True)
    keys = np.concatenate([first.piece, second.piece]) * len(agencies) + number
    n = len(first.agency)
    _, i, j = np.intersect1d(keys[:n], keys[n:], assume_unique=True, return_indices=True)
    return i.astype(np.int64), j.astype(np.int64)


def _matched(first: UnitForm, one: Integers, second: UnitForm, other: Integers) -> tuple[Integers, Integers]:
    """Positions in ``one`` and ``other`` of the units of the same agencies."""
    return _same_pieces(_pieces(first, one), _pieces(second, other))


def _check_counts(name: str, counts: Floats, psus: int) -> None:
    if counts.shape != (psus,):
        raise ValueError(f"there are {psus} PSUs, but {name} has shape {counts.shape}")
    if not (np.isfinite(counts).all() and (counts >= 0).all()):
        raise ValueError(f"{name} must be finite numbers of at least 0")


def _check_same_domain(a: Side, b: Side, *, is_ratio: bool) -> None:
    if {a.below is not None, b.below is not None} != {is_ratio}:
        raise ValueError("a count is compared with a count, and a ratio with a ratio")
    _check_same_units(a.form, b.form)
    if a.domain != b.domain or not np.array_equal(np.sort(a.form.row[a.unit]), np.sort(b.form.row[b.unit])):
        raise ValueError(f"columns must be of one domain, but they are of {a.domain} and {b.domain}")


def _check_same_units(one: UnitForm, other: UnitForm) -> None:
    """Both forms must be of the same units, apart from their benchmarks."""
    if one is other:
        return
    names = ["psu", "place", "group", "share", "state"]
    if not (one.settings.is_of_place or other.settings.is_of_place):
        names.append("weight")
    i, j = np.argsort(one.row), np.argsort(other.row)
    is_same = one.psus == other.psus and len(i) == len(j)
    if not (
        is_same and all(np.array_equal(getattr(one.units, name)[i], getattr(other.units, name)[j]) for name in names)
    ):
        raise ValueError("both sides must be of the same units: their forms may differ only in benchmarks")
