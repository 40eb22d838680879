"""Differences of estimates: a slow twin, identities, the worked example, simulated populations, and what is refused."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.support.difference_twin import SlowDifferences, pairs_of, slow_correlation
from tests.support.prediction_problem import COUNTS, GROUP, RESPONDS, SIZE, Problem, example, nation, problems
from tests.support.prediction_twin import Twin

from nibrs_estimation.stats.prediction import (
    Difference,
    InBoth,
    Memberships,
    Settings,
    Side,
    UnitForm,
    Units,
    difference_of_columns,
    difference_of_places,
    difference_of_ratios,
    difference_of_years,
    prediction_form,
    unit_form,
)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


def agencies_of(units: Units, seed: int = 0) -> Integers:
    """Respondents have the number of their row; nonrespondents, some of them twice, any others."""
    others = 10_000 + np.random.default_rng(seed).integers(0, 2 * len(units.psu), len(units.psu))
    return np.where(units.psu >= 0, units.psu, others)


def form_of(problem: Problem, agency: Integers | None = None) -> UnitForm:
    agency = agencies_of(problem.units) if agency is None else agency
    return unit_form(problem.form(), problem.units, problem.members, agency)


def with_distinct_shares(problem: Problem) -> Problem:
    """Without ties of the shares of an agency it is known which of its units are matched."""
    factor = np.random.default_rng(1).uniform(0.9, 1, len(problem.units.psu))
    return replace(problem, units=replace(problem.units, share=problem.units.share * factor))


def occupied(problem: Problem) -> list[int]:
    return [int(domain) for domain in np.unique(problem.members.domain)]


def assert_equal(found: Difference, variance: float, scale: float, correlation: float = 1.0) -> None:
    assert found.difference == found.first - found.second
    assert found.standard_error == pytest.approx(np.sqrt(max(variance, 0)), rel=1e-6, abs=1e-6 * scale)
    assert found.correlation == pytest.approx(correlation, rel=1e-6, abs=1e-9, nan_ok=True)
    assert found.lower == found.difference - 1.96 * found.standard_error
    assert found.upper == found.difference + 1.96 * found.standard_error


@given(problems(), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_columns_equal_the_slow_twin(problem: Problem, seed: int) -> None:
    rng = np.random.default_rng(seed)
    of, twin = form_of(problem), Twin(problem)
    domain = int(rng.choice(occupied(problem)))
    D = np.isin(np.arange(len(of.agency)), problem.members.unit[problem.members.domain == domain])
    for _ in range(3):
        a, b = problem.y[:, rng.choice(7, 2, replace=False)].T
        common = np.floor(np.minimum(a, b) * rng.choice([0, 0.5, 1]))
        found = difference_of_columns(Side(of, a, domain), Side(of, b, domain), common)
        y, z, both = twin.of_units(a), twin.of_units(b), twin.of_units(common)
        assert found.first == pytest.approx(twin.total(y, D), rel=1e-9, abs=1e-9 * a.sum())
        tau = twin.dispersion(y - z, y + z - 2 * both, y + z - both)
        variance = twin.variance(D, tau, y + z - 2 * both, y + z - both, ((1.0, y), (-1.0, z)))
        assert_equal(found, variance, a.sum() + b.sum(), np.nan)


@given(problems(), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_columns_of_two_benchmarks_equal_the_slow_twin(problem: Problem, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, agency = len(problem.units.psu), agencies_of(problem.units)
    size = problem.units.size * rng.gamma(2, 0.1, n)
    other = replace(problem, offenses=size[:, None]).by_offense(0, gamma=1.5)
    donors = problem.units.donor_variance * rng.uniform(0, 2, n)
    other = replace(other, units=replace(other.units, donor_variance=donors))
    domain = int(rng.choice(occupied(problem)))
    a, b = problem.y[:, rng.choice(7, 2, replace=False)].T
    common = np.floor(np.minimum(a, b) * rng.choice([0, 0.5, 1]))
    found = difference_of_columns(
        Side(form_of(problem, agency), a, domain), Side(form_of(other, agency), b, domain), common
    )
    one, two = SlowDifferences(problem, agency, a, domain), SlowDifferences(other, agency, b, domain)
    both = one.twin.of_units(common)
    r = slow_correlation(one, two, [(i, i) for i in map(int, np.flatnonzero(one.of_level()))], both)
    C = one.poisson(both)
    for i in map(int, np.flatnonzero(one.concerned() & two.concerned())):
        C += r * one.error(i) * two.error(i) + one.donor(i) * two.donor(i)
    C += one.common_states(two) + one.common_gap(two)
    assert_equal(found, one.variance() + two.variance() - 2 * C, a.sum() + b.sum(), r)


@given(problems(), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_places_equal_the_slow_twin(problem: Problem, seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem = with_distinct_shares(problem)
    agency = agencies_of(problem.units, seed)
    y = problem.y[:, rng.integers(7)]
    first, second = (int(domain) for domain in rng.choice(occupied(problem), 2))
    of = form_of(problem, agency)
    found = difference_of_places(Side(of, y, first), Side(of, y, second))
    one, two = SlowDifferences(problem, agency, y, first), SlowDifferences(problem, agency, y, second)
    if one.place == two.place and not problem.settings.is_of_place:
        one.inside, two.inside = one.inside & ~two.inside, two.inside & ~one.inside
        C = one.common_states(two) + one.common_gap(two)
    else:
        noise, C = 0.0, one.common_states(two) + one.common_gap(two)
        for i, j in pairs_of(one.numbered(one.concerned()), two.numbered(two.concerned())):
            C += one.error(i) * two.error(j) + one.donor(i) * two.donor(j)
            count = np.sqrt(one.expected(i) * two.expected(j))
            if one.units.psu[i] >= 0 and two.units.psu[j] >= 0:
                count = min(one.y[i], two.y[j])
            noise += one.coefficient(i) * two.coefficient(j) * count
        poisson = [each.poisson(each.y) for each in (one, two)]
        C += np.clip(noise, -np.sqrt(poisson[0] * poisson[1]), np.sqrt(poisson[0] * poisson[1]))
    variance = sum(each.variance() for each in (one, two) if each.inside.any()) - 2 * C
    assert_equal(found, variance, y.sum())


@given(problems(), problems(), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_years_equal_the_slow_twin(first: Problem, second: Problem, seed: int) -> None:
    """Two years of agencies that have little to do with each other: rows of one year are others of the next."""
    rng = np.random.default_rng(seed)
    sides, slow = [], []
    for problem in (with_distinct_shares(first), with_distinct_shares(second)):
        number = rng.permutation(len(problem.y))
        agency = agencies_of(problem.units, seed)
        agency = np.where(problem.units.psu >= 0, number[problem.units.psu], agency % 97)
        y, domain = problem.y[:, 0], int(rng.choice(occupied(problem)))
        sides.append(Side(form_of(problem, agency), y, domain))
        slow.append(SlowDifferences(problem, agency, y, domain))
    one, two = slow
    r = slow_correlation(one, two, pairs_of(one.numbered(one.of_level()), two.numbered(two.of_level())))
    C = one.common_gap(two)
    for i, j in pairs_of(one.numbered(one.concerned()), two.numbered(two.concerned())):
        C += r * one.error(i) * two.error(j)
    found = difference_of_years(*sides)
    assert_equal(found, one.variance() + two.variance() - 2 * C, one.column.sum() + two.column.sum(), r)


def parts_of_wholes(problem: Problem, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """A column, and two of its parts that overlap."""
    whole = problem.y[:, rng.integers(7)] + 3.0
    first, second = (np.floor(whole * rng.uniform(0, 1, len(whole))) for _ in range(2))
    return whole, first, second


@given(problems(), st.integers(0, 2**32), st.booleans())
@settings(max_examples=60, deadline=None)
def test_ratios_of_columns_equal_the_slow_twin(problem: Problem, seed: int, is_by_one: bool) -> None:
    """Shares of two parts in a whole, by one benchmark and by two."""
    rng = np.random.default_rng(seed)
    agency, domain = agencies_of(problem.units), int(rng.choice(occupied(problem)))
    whole, a, b = parts_of_wholes(problem, rng)
    both = np.floor(np.minimum(a, b) * rng.choice([0, 0.5, 1]))
    size = problem.units.size * rng.gamma(2, 0.1, len(problem.units.psu))
    other = problem if is_by_one else replace(problem, offenses=size[:, None]).by_offense(0, gamma=1.5)
    of = form_of(problem, agency)
    forms = of, of if is_by_one else form_of(other, agency)
    wholes = [SlowDifferences(each, agency, whole, domain).total() for each in (problem, other)]
    if min(wholes) <= 0:
        with pytest.raises(ValueError, match="there is no ratio"):
            [Side(form, a, domain, below=whole) for form in forms]
        return
    one, two = (SlowDifferences(each, agency, y, domain, whole) for each, y in ((problem, a), (other, b)))
    sides = [Side(form, y, domain, below=whole) for form, y in zip(forms, (a, b), strict=True)]
    assert [side.estimate for side in sides] == pytest.approx([one.ratio, two.ratio], rel=1e-9, abs=1e-12)
    found = difference_of_ratios(sides[0], sides[1], InBoth(both, a, b, whole))

    def noise_of(R: float | Floats, S: float | Floats) -> Floats:
        counts: Floats = one.twin.of_units(both) - S * one.y - R * two.y + R * S * one.b
        return counts

    noise = noise_of(one.ratio, two.ratio)
    if is_by_one:
        T = one.divisor
        R, S = (np.array([of.ratio_of_place(k) for k in one.units.place]) for of in (one, two))
        z = one.y - R * one.b - (two.y - S * one.b)
        of_place = [y * (1 - 2 * ratio) + ratio**2 * one.b for y, ratio in ((one.y, R), (two.y, S))]
        tau = one.twin.dispersion(z, of_place[0] + of_place[1] - 2 * noise_of(R, S), one.b)
        terms = ((1.0, one.y), (-one.ratio, one.b), (-1.0, two.y), (two.ratio, one.b))
        variance = one.twin.variance(one.inside, tau, one.noise + two.noise - 2 * noise, one.b, terms) / T**2
        assert_equal(found, variance, 1, np.nan)
        return
    r = slow_correlation(one, two, [(i, i) for i in map(int, np.flatnonzero(one.of_level()))], noise)
    C = one.poisson(noise) / (one.divisor * two.divisor)
    for i in map(int, np.flatnonzero(one.concerned() & two.concerned())):
        C += r * one.error(i) * two.error(i) + one.donor(i) * two.donor(i)
    C += one.common_states(two) + one.common_gap(two)
    assert_equal(found, one.variance() + two.variance() - 2 * C, 1, r)


@given(problems(), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_ratios_of_places_equal_the_slow_twin(problem: Problem, seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem = with_distinct_shares(problem)
    agency, (whole, a, _) = agencies_of(problem.units, seed), parts_of_wholes(problem, rng)
    domains = [int(domain) for domain in rng.choice(occupied(problem), 2)]
    if any(SlowDifferences(problem, agency, whole, domain).total() <= 0 for domain in domains):
        return
    of = form_of(problem, agency)
    sides = [Side(of, a, domain, below=whole) for domain in domains]
    found = difference_of_places(*sides)
    one, two = (SlowDifferences(problem, agency, a, domain, whole) for domain in domains)
    R, S, noise, C = one.ratio, two.ratio, 0.0, one.common_states(two) + one.common_gap(two)
    for i, j in pairs_of(one.numbered(one.concerned()), two.numbered(two.concerned())):
        C += one.error(i) * two.error(j) + one.donor(i) * two.donor(j)
        count = np.sqrt(one.expected(i) * two.expected(j))
        if one.units.psu[i] >= 0 and two.units.psu[j] >= 0:
            share = min(one.units.share[i], two.units.share[j])
            k = one.units.psu[i]
            count = share * (a[k] * (1 - R - S) + R * S * whole[k]) / (one.divisor * two.divisor)
        noise += one.coefficient(i) * two.coefficient(j) * count
    poisson = [each.poisson(each.noise) / each.divisor**2 for each in (one, two)]
    C += np.clip(noise, -np.sqrt(poisson[0] * poisson[1]), np.sqrt(poisson[0] * poisson[1]))
    assert_equal(found, one.variance() + two.variance() - 2 * C, 1)


@given(problems(), problems(), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_ratios_of_years_equal_the_slow_twin(first: Problem, second: Problem, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sides, slow = [], []
    for problem in (with_distinct_shares(first), with_distinct_shares(second)):
        number = rng.permutation(len(problem.y))
        agency = agencies_of(problem.units, seed)
        agency = np.where(problem.units.psu >= 0, number[problem.units.psu], agency % 97)
        (whole, a, _), domain = parts_of_wholes(problem, rng), int(rng.choice(occupied(problem)))
        if SlowDifferences(problem, agency, whole, domain).total() <= 0:
            return
        sides.append(Side(form_of(problem, agency), a, domain, below=whole))
        slow.append(SlowDifferences(problem, agency, a, domain, whole))
    one, two = slow
    r = slow_correlation(one, two, pairs_of(one.numbered(one.of_level()), two.numbered(two.of_level())))
    C = one.common_gap(two)
    for i, j in pairs_of(one.numbered(one.concerned()), two.numbered(two.concerned())):
        C += r * one.error(i) * two.error(j)
    assert_equal(difference_of_years(*sides), one.variance() + two.variance() - 2 * C, 1, r)


def by_hand(z: Floats, noise: Floats, theta: Floats) -> tuple[Floats, Floats, float]:
    """num and τ² of both groups of the example, and V, from the figures of handbook 11; θ is the scale."""
    problem = example()
    weight, size, group = problem.units.weight[RESPONDS], SIZE[RESPONDS], GROUP[RESPONDS]
    leverage = np.array([0.253891, 0.244413, 0.224686, 0.277010, 0.334775, 0.388390, 0.276835])
    A = np.array([26994.0645, 4887.8593])
    num, root, freedom, mean = np.zeros((4, 2))
    for h in (0, 1):
        m, x = size[group == h], z[group == h]
        v = (m + 1) ** 1.85
        e = x - (m * x / v).sum() / (m * m / v).sum() * m
        num[h] = ((e**2 / (1 - leverage[group == h]) - noise[group == h]) * (m + 1) ** -0.925).sum()
        root[h] = (m**0.925).sum()
        freedom[h] = root[h] ** 2 / (m**1.85).sum() * (len(m) - 1) / len(m)
        mean[h] = (m**2).sum() / m.sum()
    den = theta**2 * root
    pooled = num.sum() / den.sum()
    nu = freedom * (pooled * theta * mean / (1 + pooled * theta * mean)) ** 2
    tau = (nu * num / den + 10 * pooled) / (nu + 10)
    return num, tau, float((weight * (weight - 1) * noise).sum() + (tau * theta**2 * A).sum())


def test_worked_example() -> None:
    """All offenses less one that is part of them, and two offenses, in the example of handbook 11.

    Without the offense the counts are 40, 12, 25, 40 and 9, 8, 3.
    """
    problem, (y, a) = example(), COUNTS.T
    of, weight, rest = form_of(problem), problem.units.weight[RESPONDS], y - a
    num, tau, variance = by_hand(rest, rest, np.array([0.460869, 0.439087]))
    assert num == pytest.approx([8.665083, 0.616271], abs=1e-5)
    assert tau == pytest.approx([0.134170, 0.127552], abs=1e-5)
    found = difference_of_columns(Side(of, y, 0), Side(of, a, 0), a)
    assert found.difference == pytest.approx(236.100385, abs=5e-7)
    assert found.standard_error == pytest.approx(np.sqrt(variance), rel=1e-5)
    assert found.standard_error == pytest.approx(32.671202, abs=5e-7)
    # Two offenses that no incident has in common have the Poisson noise of both.
    _, _, variance = by_hand(rest - a, y, np.array([0.460869, 0.439087]))
    apart = difference_of_columns(Side(of, rest, 0), Side(of, a, 0))
    assert apart.difference == pytest.approx(weight @ (rest - a), rel=1e-12)
    assert apart.standard_error == pytest.approx(np.sqrt(variance), rel=1e-5)


def test_two_groups_of_the_worked_example() -> None:
    """Groups as domains: T 304.173640 - 70.253968, and the variances of both add up, as states are not in it."""
    problem = example()
    problem = replace(problem, members=Memberships(np.arange(11), GROUP, 2))
    of = form_of(problem)
    found = difference_of_places(Side(of, COUNTS[:, 0], 0), Side(of, COUNTS[:, 0], 1))
    assert found[:3] == pytest.approx((304.173640, 70.253968, 233.919672), abs=5e-6)
    assert found.standard_error == pytest.approx(43.414414, abs=5e-7)
    assert found.lower == pytest.approx(233.919672 - 1.96 * 43.414414, abs=5e-6)
    assert found.upper == pytest.approx(233.919672 + 1.96 * 43.414414, abs=5e-6)
    # A deviation common to the state is that of both groups; calibrated groups have Σ (w - 1) m = 0.
    common = form_of(replace(problem, settings=Settings(state_variance=0.01)))
    again = difference_of_places(Side(common, COUNTS[:, 0], 0), Side(common, COUNTS[:, 0], 1))
    assert again.standard_error == pytest.approx(found.standard_error, rel=1e-9)


@pytest.mark.parametrize("corrects", [True, False])
@pytest.mark.parametrize("is_of_place", [True, False])
def test_identities(corrects: bool, is_of_place: bool) -> None:
    problem = nation(np.random.default_rng(11))
    problem = replace(problem, settings=Settings(state_variance=0.01, corrects=corrects))
    problem = problem.by_offense(1) if is_of_place else problem
    of, estimates = form_of(problem), problem.estimate()
    a, zero = problem.y[:, 0], np.zeros(len(problem.y))
    for domain in range(5):
        k = np.flatnonzero((estimates.cell == 0) & (estimates.domain == domain))[0]
        side = Side(of, a, domain, a)
        less_nothing = difference_of_columns(side, Side(of, zero, domain))
        assert less_nothing.first == pytest.approx(estimates.total[k], rel=1e-12)
        assert less_nothing.standard_error == pytest.approx(estimates.standard_error[k], rel=1e-9)
        assert less_nothing.second == 0
        for itself in (difference_of_columns(side, side, a), difference_of_places(side, side)):
            assert (itself.difference, itself.standard_error, itself.lower, itself.upper) == (0, 0, 0, 0)
    one, other = Side(of, a, 1), Side(of, a, 2)
    errors = estimates.standard_error[(estimates.cell == 0) & np.isin(estimates.domain, [1, 2])]
    if corrects and not is_of_place:
        found = difference_of_places(one, other).standard_error
        assert found**2 == pytest.approx((errors**2).sum(), rel=1e-9)
    # The nation less a state is the other states.
    rest = Memberships(np.flatnonzero(problem.units.state != 0), np.zeros(180, dtype=int), 1)
    outside = replace(problem, members=rest).estimate()
    less_a_state = difference_of_places(Side(of, a, 0), one)
    assert less_a_state.difference == pytest.approx(outside.total[0], rel=1e-9)
    assert less_a_state.standard_error == pytest.approx(outside.standard_error[0], rel=1e-9)
    there_and_back = difference_of_places(one, Side(of, a, 0))
    assert there_and_back.difference == -less_a_state.difference
    assert there_and_back.standard_error == pytest.approx(less_a_state.standard_error, rel=1e-12)


@pytest.mark.parametrize("corrects", [True, False])
@pytest.mark.parametrize("is_of_place", [True, False])
def test_identities_of_ratios(corrects: bool, is_of_place: bool) -> None:
    """A share less itself is 0; less its complement it has about twice its error.

    Not exactly: how much a group keeps of its own dispersion depends on its size beside that of chance.
    """
    problem = nation(np.random.default_rng(11))
    problem = replace(problem, settings=Settings(state_variance=0.01, corrects=corrects))
    problem = problem.by_offense(1) if is_of_place else problem
    of, whole, a = form_of(problem), problem.b[:, 0], problem.y[:, 0]
    assert (a <= whole).all()
    rest, none = whole - a, 0 * a
    cells = np.flatnonzero(problem.denominator_of == 0)
    assert 0 in cells
    estimates = replace(problem, own=problem.y, own_b=problem.b).estimate()
    for domain in range(5):
        k = np.flatnonzero((estimates.cell == 0) & (estimates.domain == domain))[0]
        share, other = (Side(of, y, domain, y, whole, whole) for y in (a, rest))
        assert share.estimate == pytest.approx(estimates.ratio[k], rel=1e-12)
        itself = difference_of_ratios(share, share, InBoth(a, a, a, whole))
        assert (itself.difference, itself.standard_error) == (0, 0)
        assert np.sqrt(itself.first_variance) == pytest.approx(estimates.ratio_standard_error[k], rel=1e-9)
        twice = difference_of_ratios(share, other, InBoth(none, a, rest, whole))
        assert twice.standard_error == pytest.approx(2 * estimates.ratio_standard_error[k], rel=0.05)
        # A little noise is left, as that of nonrespondents is known only from respondents.
        assert difference_of_places(share, share).standard_error < 0.1 * estimates.ratio_standard_error[k]


def two_places() -> tuple[Problem, Integers]:
    """The agencies of a nation as two places with the same weights, and the number of each unit in its place."""
    problem = nation(np.random.default_rng(12))
    n = len(problem.units.psu)
    twice, place = np.tile(np.arange(n), 2), np.repeat([0, 1], n)
    group = problem.units.group[twice] + 6 * place
    units = replace(problem.units.taken(twice), place=place, group=group, place_level=np.array([0, 1]))
    members = Memberships(np.arange(2 * n), place, 2)
    return replace(problem, units=units, members=members, settings=Settings(state_variance=0.01)), twice


def test_a_place_that_is_another_cancels() -> None:
    """A little noise is left, as that of nonrespondents is known only from respondents."""
    problem, agency = two_places()
    of, y = form_of(problem, agency), problem.y[:, 0]
    found = difference_of_places(Side(of, y, 0), Side(of, y, 1))
    whole = difference_of_columns(Side(of, y, 0), Side(of, 0 * y, 0)).standard_error
    assert found.difference == pytest.approx(0, abs=1e-9 * y.sum())
    assert found.standard_error < 0.1 * whole


def test_the_largest_part_of_an_agency_is_matched_first() -> None:
    """Units 2k and 2k + 1 are parts of one agency, and the second place has only the larger one."""
    problem, number = two_places()
    share = np.where((number + number // 2) % 2 == 0, 0.6, 0.4)
    kept = np.flatnonzero((problem.units.place == 0) | (share == 0.6))
    members = Memberships(kept, problem.units.place[kept], 2)
    problem = replace(problem, units=replace(problem.units, share=share), members=members)
    y = problem.y[:, 0]
    by_agency, by_part = (
        difference_of_places(Side(of, y, 0), Side(of, y, 1))
        for of in (form_of(problem, number // 2), form_of(problem, number))
    )
    assert by_agency.standard_error == pytest.approx(by_part.standard_error, rel=1e-12)


@pytest.mark.parametrize("is_of_place", [False, True])
def test_full_response_leaves_no_error(is_of_place: bool) -> None:
    problem = replace(nation(np.random.default_rng(13), responding=1.0), settings=Settings(state_variance=0.01))
    problem = problem.by_offense(1) if is_of_place else problem
    of, (a, b, _) = form_of(problem), problem.y.T
    for found in (
        difference_of_columns(Side(of, a, 0), Side(of, b, 0)),
        difference_of_places(Side(of, a, 1), Side(of, a, 2)),
        difference_of_years(Side(of, a, 0), Side(of, b, 0)),
    ):
        assert found.standard_error == 0
        assert found.lower == found.difference == found.upper


def test_years() -> None:
    problem = nation(np.random.default_rng(14))
    y, estimates = problem.y[:, 0], problem.estimate()
    V = estimates.standard_error[0] ** 2
    of = form_of(problem)
    # The same year twice: only Poisson noise is left.
    itself = difference_of_years(Side(of, y, 0), Side(of, y, 0))
    weight = problem.units.weight[problem.units.psu >= 0]
    assert itself.correlation == 1
    assert itself.standard_error**2 == pytest.approx(2 * (weight * (weight - 1) * y).sum(), rel=1e-9)
    # No agency, and then four respondents in common.
    for common in (0, 4):
        others = 100_000 + np.arange(len(problem.units.psu))
        agency = np.where((problem.units.psu >= 0) & (problem.units.psu < common), agencies_of(problem.units), others)
        found = difference_of_years(Side(of, y, 0), Side(form_of(problem, agency), y, 0))
        assert found.correlation == 0
        assert found.standard_error**2 == pytest.approx(2 * V, rel=1e-9)


def test_a_total_is_at_least_what_was_reported() -> None:
    problem = example()
    of, own = form_of(problem), COUNTS[:, 0].copy()
    own[0] = 500
    found = difference_of_columns(Side(of, COUNTS[:, 0], 0, own), Side(of, COUNTS[:, 1], 0))
    assert found.first == own.sum()
    assert found.difference == own.sum() - found.second


@dataclass(frozen=True)
class Population:
    """Agencies in three groups, calibrated to the total, and three states; domains: all, and states."""

    size: Floats
    state: Integers
    responds: Flags

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Population":
        n = 240
        return cls(np.round(rng.gamma(0.7, 200, n)) + 5, np.arange(n) % 3, rng.random(n) < 0.65)

    def form(self, offense: Floats | None = None) -> UnitForm:
        n, group = len(self.size), np.arange(len(self.size)) // 3 % 3
        weight = np.zeros(n)
        for h in range(3):
            of = group == h
            weight[of & self.responds] = self.size[of].sum() / self.size[of & self.responds].sum()
        size = self.size if offense is None else offense
        units = Units(
            psu=np.where(self.responds, np.cumsum(self.responds) - 1, -1),
            place=np.zeros(n, dtype=int),
            group=group,
            weight=weight,
            share=np.ones(n),
            size=size,
            controls=np.column_stack([size, self.size])[:, 0 if offense is not None else 1 :],
            state=self.state,
            donor_variance=np.zeros(n),
            place_level=np.array([0]),
        )
        members = Memberships(np.tile(np.arange(n), 2), np.append(np.zeros(n, dtype=int), 1 + self.state), 4)
        model = Settings() if offense is None else Settings(gamma=1.5, is_of_place=True)
        return unit_form(prediction_form(units, members, int(self.responds.sum()), settings=model), units, members,
                         np.arange(n))  # fmt: skip

    def seen(self, y: Floats) -> Floats:
        return y[self.responds]


def levels(rng: np.random.Generator, size: Floats, r: float, gamma: float = 1.85) -> tuple[Floats, Floats]:
    """Gamma deviations with mean 1 and variance 0.15 m^(γ - 2), and correlation r between both."""
    shape = size ** (2 - gamma) / 0.15
    shared = rng.gamma(r * shape)
    first, second = ((shared + rng.gamma((1 - r) * shape)) / shape for _ in range(2))
    return first, second


Draw = Callable[[np.random.Generator], tuple[Difference, float]]


def columns_of_one_benchmark(rng: np.random.Generator) -> Draw:
    """Two offenses that are equally frequent, so that θ_a - θ_b is of either sign."""
    population = Population.drawn(rng)
    of, m = population.form(), population.size

    def draw(rng: np.random.Generator) -> tuple[Difference, float]:
        a, b = (rng.poisson(0.4 * m * level).astype(float) for level in levels(rng, m, 0.5))
        found = difference_of_columns(Side(of, population.seen(a), 0), Side(of, population.seen(b), 0))
        return found, a.sum() - b.sum()

    return draw


def columns_of_two_benchmarks(rng: np.random.Generator) -> Draw:
    population = Population.drawn(rng)
    m = population.size
    offense = np.maximum(np.round(0.3 * m * rng.gamma(4, 0.25, len(m))), 1)
    of, of_offense = population.form(), population.form(offense)

    def draw(rng: np.random.Generator) -> tuple[Difference, float]:
        a = rng.poisson(0.4 * m * levels(rng, m, 0.5)[0]).astype(float)
        b = rng.poisson(0.8 * offense * levels(rng, offense, 0.5, 1.5)[0]).astype(float)
        found = difference_of_columns(Side(of, population.seen(a), 0), Side(of_offense, population.seen(b), 0))
        return found, a.sum() - b.sum()

    return draw


def places(rng: np.random.Generator, first: int) -> Draw:
    """The nation (0) or a state, less a state."""
    population = Population.drawn(rng)
    of, m, state = population.form(), population.size, population.state

    def draw(rng: np.random.Generator) -> tuple[Difference, float]:
        y = rng.poisson(0.4 * m * levels(rng, m, 0.5)[0]).astype(float)
        found = difference_of_places(Side(of, population.seen(y), first), Side(of, population.seen(y), 3))
        return found, y[(state == first - 1) | (first == 0)].sum() - y[state == 2].sum()

    return draw


def years(rng: np.random.Generator) -> Draw:
    """A sixth of the agencies begins or ceases to respond."""
    one = Population.drawn(rng)
    n = len(one.size)
    switches = rng.random(n) < 0.17
    two = Population(np.round(one.size * rng.uniform(0.9, 1.1, n)) + 1, one.state, one.responds ^ switches)
    of_one, of_two = one.form(), two.form()

    def draw(rng: np.random.Generator) -> tuple[Difference, float]:
        first, second = levels(rng, one.size, 0.8)
        y, z = rng.poisson(0.4 * one.size * first).astype(float), rng.poisson(0.35 * two.size * second).astype(float)
        found = difference_of_years(Side(of_one, one.seen(y), 0), Side(of_two, two.seen(z), 0))
        return found, y.sum() - z.sum()

    return draw


def shares(rng: np.random.Generator, size: Floats, spread: float = 0.3) -> tuple[Floats, Floats, Floats]:
    """A whole, and two parts of it without a unit in common, whose shares differ among agencies."""
    whole = rng.poisson(0.6 * size * levels(rng, size, 0.5)[0]).astype(float)
    share = np.clip(0.3 * rng.gamma(1 / spread**2, spread**2, len(size)), 0.01, 0.9)
    first = rng.binomial(whole.astype(int), share).astype(float)
    second = rng.binomial((whole - first).astype(int), 0.4).astype(float)
    return whole, first, second


def ratio_of_columns(rng: np.random.Generator) -> Draw:
    population = Population.drawn(rng)
    of = population.form()

    def draw(rng: np.random.Generator) -> tuple[Difference, float]:
        whole, a, b = shares(rng, population.size)
        sides = [Side(of, population.seen(y), 0, below=population.seen(whole)) for y in (a, b)]
        seen = [population.seen(y) for y in (0 * a, a, b, whole)]
        found = difference_of_ratios(sides[0], sides[1], InBoth(*seen))
        return found, (a - b).sum() / whole.sum()

    return draw


def ratio_of_places(rng: np.random.Generator) -> Draw:
    """The nation less a state."""
    population = Population.drawn(rng)
    of, state = population.form(), population.state

    def draw(rng: np.random.Generator) -> tuple[Difference, float]:
        whole, a, _ = shares(rng, population.size)
        sides = [Side(of, population.seen(a), domain, below=population.seen(whole)) for domain in (0, 3)]
        truth = a.sum() / whole.sum() - a[state == 2].sum() / whole[state == 2].sum()
        return difference_of_places(*sides), truth

    return draw


def ratio_of_years(rng: np.random.Generator) -> Draw:
    """A sixth of the agencies begins or ceases to respond; agencies keep their shares."""
    one = Population.drawn(rng)
    n = len(one.size)
    two = Population(np.round(one.size * rng.uniform(0.9, 1.1, n)) + 1, one.state,
                     one.responds ^ (rng.random(n) < 0.17))  # fmt: skip
    of_one, of_two = one.form(), two.form()

    def draw(rng: np.random.Generator) -> tuple[Difference, float]:
        share = np.clip(0.3 * rng.gamma(10, 0.1, n), 0.01, 0.9)
        sides, ratios = [], []
        for population, of in ((one, of_one), (two, of_two)):
            whole = rng.poisson(0.6 * population.size).astype(float)
            part = rng.binomial(whole.astype(int), share).astype(float)
            sides.append(Side(of, population.seen(part), 0, below=population.seen(whole)))
            ratios.append(part.sum() / whole.sum())
        return difference_of_years(*sides), ratios[0] - ratios[1]

    return draw


@pytest.mark.parametrize(
    "kind",
    [
        columns_of_one_benchmark,
        columns_of_two_benchmarks,
        lambda rng: places(rng, 1),
        lambda rng: places(rng, 0),
        years,
        ratio_of_columns,
        ratio_of_places,
        ratio_of_years,
    ],
    ids=[
        "columns",
        "columns of two benchmarks",
        "two states",
        "a nation and a state",
        "years",
        "shares of two rows",
        "shares of a nation and a state",
        "shares of years",
    ],
)
def test_standard_errors_are_those_of_redraws(kind: Callable[[np.random.Generator], Draw]) -> None:
    rng = np.random.default_rng(2026)
    draw = kind(rng)
    drawn = [draw(rng) for _ in range(300)]
    error = np.array([found.difference - truth for found, truth in drawn])
    standard_error = np.array([found.standard_error for found, _ in drawn])
    assert 0.8 < np.sqrt((standard_error**2).mean() / (error**2).mean()) < 1.25
    assert 0.9 < np.mean([found.lower <= truth <= found.upper for found, truth in drawn]) < 0.99


def test_correlation_of_years_is_that_beyond_poisson_noise() -> None:
    """Counts are small, so that residuals themselves have a correlation of about 0.5."""
    draw = years(np.random.default_rng(3))
    rng = np.random.default_rng(4)
    assert np.mean([draw(rng)[0].correlation for _ in range(50)]) == pytest.approx(0.8, abs=0.05)


def refused(message: str, make: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_bad_input_is_refused() -> None:
    problem = example()
    of, (a, b) = form_of(problem), COUNTS.T
    units, members, agency = problem.units, problem.members, agencies_of(problem.units)
    form = problem.form()
    refused("domain 1 does not exist: there are 1", lambda: Side(of, a, 1))
    refused(r"7 PSUs, but values has shape \(6,\)", lambda: Side(of, a[1:], 0))
    refused("values must be finite", lambda: Side(of, a * np.nan, 0))
    refused("own must be finite", lambda: Side(of, a, 0, -a))
    empty = form_of(replace(problem, members=Memberships(np.arange(11), np.zeros(11, dtype=int), 2)))
    refused("domain 1 has no units", lambda: Side(empty, a, 1))
    refused("common is above one", lambda: difference_of_columns(Side(of, a, 0), Side(of, b, 0), a))
    refused("common has shape", lambda: difference_of_columns(Side(of, a, 0), Side(of, b, 0), b[1:]))
    refused("a count is compared with a count", lambda: difference_of_columns(Side(of, a, 0), Side(of, b, 0, below=a)))
    refused("there is no ratio", lambda: Side(of, b, 0, below=0 * a))
    refused("below has shape", lambda: Side(of, b, 0, below=a[1:]))
    two = form_of(replace(problem, members=Memberships(np.arange(11), GROUP, 2)))
    refused("of one domain, but they are of 0 and 1", lambda: difference_of_columns(Side(two, a, 0), Side(two, b, 1)))
    refused("the values of both places differ", lambda: difference_of_places(Side(two, a, 0), Side(two, b, 1)))
    weighted = replace(problem, units=replace(units, weight=2 * units.weight))
    sides = Side(of, a, 0), Side(form_of(weighted), a, 0)
    refused("of the same units", lambda: difference_of_columns(*sides))
    refused("of the same units", lambda: difference_of_places(*sides))
    refused(r"11 units, but agency has shape \(2,\)", lambda: unit_form(form, units, members, agency[:2]))
    refused("units are not those of the form", lambda: unit_form(form, weighted.units, members, agency))
    other = Memberships(np.arange(11), GROUP, 2)
    refused("memberships are not those of the form", lambda: unit_form(form, units, other, agency))
    both = replace(units, psu=np.where(units.psu == 1, 0, units.psu))
    twice = prediction_form(both, members, 7)
    refused("a row of y is of units of several", lambda: unit_form(twice, both, members, np.arange(11)))
