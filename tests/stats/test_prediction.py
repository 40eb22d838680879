"""Prediction variance: the worked example of the handbook, a slow twin, full response, and what is refused."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from tests.support.prediction_problem import (
    COUNTS,
    GROUP,
    PER_UNIT,
    RESPONDS,
    SIZE,
    Floats,
    Integers,
    Problem,
    example,
    nation,
    problems,
)
from tests.support.prediction_twin import Twin

from nibrs_estimation.stats.prediction import (
    Memberships,
    PredictionEstimates,
    Settings,
    Units,
    percentage_interval,
    prediction_estimates,
    state_variance,
    unreported_interval,
    with_state_variance,
)
from nibrs_estimation.stats.prediction.kernels import NUMBERS, WIDTH, Model, estimate, scratch
from nibrs_estimation.stats.prediction.layout import _pools
from nibrs_estimation.stats.prediction.residuals import weighted_basis

FIELDS = [field.name for field in fields(PredictionEstimates)]


def test_worked_example() -> None:
    problem = example()
    form, found = problem.form(), problem.estimate()
    weights = [1.625523, 1.600418, 1.562762, 1.713389, 2.079365, 2.492063, 1.873016]
    assert problem.units.weight[RESPONDS] == pytest.approx(weights, abs=5e-7)
    assert found.total[0] == pytest.approx(374.427608, abs=5e-7)
    assert found.standard_error[0] == pytest.approx(43.414414, abs=5e-7)
    assert found.standard_error[0] ** 2 == pytest.approx(1884.8113, abs=5e-5)
    assert found.reported[0] == 217
    assert form.unreported_ratio[0] == pytest.approx(0.744681, abs=5e-7)
    assert found.ratio[1] == pytest.approx(0.36943649, abs=5e-9)
    lower, upper = unreported_interval(found.total[0], found.standard_error[0], 217, form.unreported_ratio[0])
    assert lower == pytest.approx(309.92612, abs=5e-6)
    assert upper == pytest.approx(484.96367, abs=5e-6)
    U, V = 374.427608 - 217 + 0.744681 / 2, 1884.8113 + 0.744681 * 1.744681 / 2
    assert pytest.approx(157.799949, abs=1e-6) == U
    assert pytest.approx(1885.460927, abs=1e-4) == V
    assert np.sqrt(np.log1p(V / U**2)) == pytest.approx(0.270165, abs=5e-7)


def test_steps_of_the_worked_example() -> None:
    problem = example()
    design, y = problem.form().design, COUNTS[:, 0]
    groups, domains = design.groups, design.domains
    total = np.bincount(GROUP[RESPONDS], problem.units.weight[RESPONDS] * y)
    assert total == pytest.approx([304.173640, 70.253968], abs=5e-7)
    assert total / groups.expanded == pytest.approx([0.460869, 0.439087], abs=5e-7)
    assert domains.spread == pytest.approx([26994.0645, 4887.8593], abs=5e-5)
    size = SIZE[RESPONDS]
    basis = weighted_basis(size[:, None], size, size, np.array([0, 4]), 1.85)
    leverage = [0.253891, 0.244413, 0.224686, 0.277010, 0.334775, 0.388390, 0.276835]
    assert basis.leverage == pytest.approx(leverage, abs=5e-7)
    v = (size + 1) ** 1.85
    scaled = y / np.sqrt(v)
    squares = []
    for of in (slice(0, 4), slice(4, 7)):
        e = scaled[of] - basis.basis[of] @ (basis.basis[of].T @ scaled[of])
        squares.extend(v[of] * e**2 / (1 - basis.leverage[of]))
    expected = [177.928551, 466.897202, 149.356343, 213.110816, 20.145635, 123.142110, 0.953526]
    assert squares == pytest.approx(expected, abs=5e-7)
    work = kernel_sums(problem)
    assert work.numerator == pytest.approx([13.563671, 3.399962], abs=5e-7)
    den = work.theta**2 * groups.root_size
    assert den == pytest.approx([59.754047, 10.550215], abs=5e-7)
    pooled = work.numerator.sum() / den.sum()
    assert pooled == pytest.approx(0.241289, abs=5e-7)
    noise = pooled * work.theta * groups.mean_size
    assert noise == pytest.approx([13.288708, 3.178406], abs=5e-7)
    assert groups.freedom * (noise / (1 + noise)) ** 2 == pytest.approx([2.223035, 0.927016], abs=5e-7)
    assert work.tau == pytest.approx([0.238689, 0.248159], abs=5e-7)
    weight = problem.units.weight[RESPONDS]
    poisson = weight * (weight - 1) * y
    assert np.bincount(GROUP[RESPONDS], poisson) == pytest.approx([196.569629, 85.852356], abs=5e-7)
    ratio, a = 0.36943649, COUNTS[:, 1]
    assert (weight * (weight - 1) * (a * (1 - 2 * ratio) + ratio**2 * y)).sum() == pytest.approx(65.830576, abs=5e-6)


def kernel_sums(problem: Problem) -> Any:
    """Sums of the first column as they are before they are cleared: θ, num and τ² are kept."""
    design = problem.form().design
    work, no_columns = scratch(design), sparse.csc_array((len(problem.y), 0))
    from nibrs_estimation.stats.prediction.estimates import _columns

    estimate(
        design,
        Model(10.0, 0.0, True, False, problem.settings.is_of_place),
        _columns(sparse.csc_array(problem.y[:, :1])),
        problem.y[:, 0],
        _columns(no_columns),
        np.zeros(0),
        np.array([0]),
        np.array([-1]),
        np.ones(problem.members.domains, dtype=np.bool_),
        work,
        np.zeros((1, problem.members.domains), dtype=np.bool_),
        np.zeros((problem.members.domains, NUMBERS)),
    )
    return work.cell


def by_place(size: Floats, group: Integers, weight: Floats, y: Floats, gamma: float) -> Problem:
    """One column, estimated by ratios of a place; agencies with weight 0 do not respond, and y is of the others."""
    responds, zeros = weight > 0, np.zeros(len(size), dtype=np.int64)
    units = Units(
        psu=np.where(responds, np.cumsum(responds) - 1, -1),
        place=zeros,
        group=group,
        weight=weight,
        share=np.ones(len(size)),
        size=size,
        controls=size[:, None],
        state=zeros,
        donor_variance=np.zeros(len(size)),
        place_level=np.array([0]),
    )
    members, none = Memberships(np.arange(len(size)), zeros, 1), np.zeros((len(y), 0))
    settings = Settings(gamma=gamma, is_of_place=True)
    return Problem(units, members, y[:, None], y[:, None], none, none, np.array([-1]), settings)


def test_example_of_ratio_weights() -> None:
    """The first example of handbook 11: drug offenses by all crime, with the weights of two groups."""
    left = (30 * (500 / 3) / (30 + 500 / 3) + 50 * 100 / 110) / 40
    first, second = 1 + 30 / (30 + 500 / 3) + left, 1 + 50 / 110 + left
    assert (left, first, second) == pytest.approx((1.771957, 2.924499, 3.226502), abs=5e-7)
    weight, y = np.array([first, first, 0, second, 0]), np.array([8.0, 5, 5])
    problem = by_place(np.array([10.0, 20, 30, 10, 50]), np.array([0, 0, 0, 1, 1]), weight, y, 1.65)
    found, form, work = problem.estimate(), problem.form(), kernel_sums(problem)
    ratios = (13 + 500 / 3 * 0.45) / (30 + 500 / 3), (5 + 100 * 0.45) / 110
    assert ratios == pytest.approx((0.447458, 0.454545), abs=5e-7)
    assert found.total[0] == pytest.approx(18 + 30 * ratios[0] + 50 * ratios[1], rel=1e-12)
    assert found.total[0] == pytest.approx(54.151, abs=5e-4)
    assert found.place_ratio[0] == pytest.approx(0.451258, abs=5e-7)
    assert form.design.domains.spread == pytest.approx([958.3228, 857.2057], abs=5e-5)
    assert work.numerator[0] == pytest.approx(5.042117, abs=5e-7)
    assert work.theta[0] ** 2 * form.design.groups.root_size[0] == pytest.approx(3.771993, abs=5e-7)
    assert work.tau == pytest.approx([1.336725] * 2, abs=5e-7)
    chance = first * (first - 1) * 13 + second * (second - 1) * 5
    assert chance == pytest.approx(109.0856, abs=5e-5)
    assert found.standard_error[0] ** 2 == pytest.approx(603.2776, abs=5e-5)
    assert found.standard_error[0] == pytest.approx(24.562, abs=5e-4)
    ends = unreported_interval(found.total[0], found.standard_error[0], 18, form.unreported_ratio[0])
    assert ends == pytest.approx((29.385, 139.234), abs=5e-4)


def test_example_of_a_crime_with_a_benchmark_of_its_own() -> None:
    """The second example of handbook 11: robberies by the robberies of the benchmark."""
    total, robbery = np.array([100.0, 80, 50, 170, 40, 60, 120]), np.array([10.0, 6, 2, 30, 2, 4, 26])
    y, weight = np.array([16.0, 2, 3, 22, 2]), np.array([1.6] * 5 + [0.0] * 2)
    problem = by_place(robbery, np.zeros(7, dtype=np.int64), weight, y, 1.5)
    found, form, work = problem.estimate(), problem.form(), kernel_sums(problem)
    assert weight @ robbery == pytest.approx(robbery.sum())
    assert found.total[0] == pytest.approx(72)
    assert found.place_ratio[0] == pytest.approx(0.9)
    assert total.sum() / total[:5].sum() * y.sum() == pytest.approx(63.4, abs=0.05)
    assert form.design.domains.spread == pytest.approx([218.440109], abs=5e-7)
    assert work.numerator == pytest.approx([12.272236], abs=5e-7)
    assert work.theta**2 * form.design.groups.root_size == pytest.approx([20.767807], abs=5e-7)
    assert work.tau == pytest.approx([0.590926], abs=5e-7)
    assert (1.6 * 0.6 * y).sum() == pytest.approx(43.2)
    assert found.standard_error[0] ** 2 == pytest.approx(147.756, abs=5e-4)
    assert found.standard_error[0] == pytest.approx(12.156, abs=5e-4)
    rho = total[5:].sum() / total[:5].sum()
    assert rho == pytest.approx(0.409091, abs=5e-7)
    ends = unreported_interval(found.total[0], found.standard_error[0], 45, rho)
    assert ends == pytest.approx((56.780, 107.825), abs=5e-4)


def test_pools() -> None:
    """Sums 0 to 5: few and many controls of levels 0 to 2; 6 to 8: the levels; 9: all."""
    level, has_many = np.repeat([0, 1, 2], [9, 10, 2]), np.zeros(21, dtype=bool)
    has_many[[5, 6, 7, 8, 9, 10, 11, 12, 13]] = True
    everywhere, freedom = np.ones(21, dtype=bool), np.full(21, 4)
    sums, pool = _pools(level, has_many, everywhere, freedom)
    assert sums[[0, 8, 9, 20]].tolist() == [[0, 6, 9], [1, 6, 9], [3, 7, 9], [4, 8, 9]]
    # Four groups of the nation have many controls; the last level has 8 degrees of freedom.
    assert pool.tolist() == [0] * 5 + [6] * 4 + [3] * 5 + [2] * 5 + [6] * 2
    # A nation of few degrees of freedom is replaced by all groups; a run of few keeps its own.
    has_residuals = level != 0
    assert _pools(level, has_many, has_residuals, freedom)[1].tolist() == [9] * 9 + [3] * 5 + [2] * 5 + [9] * 2
    assert _pools(level, has_many, everywhere, np.ones(21, dtype=int))[1].tolist() == (
        [0] * 5 + [6] * 4 + [3] * 5 + [2] * 5 + [8] * 2
    )


def test_interval_of_a_small_count() -> None:
    lower, upper = unreported_interval([1.3, 0], [np.sqrt(0.39), 0], [1, 0], 0.3)
    assert lower.tolist() == [1, 0]
    assert upper == pytest.approx([4.4482, 1.881], abs=5e-5)


def test_intervals_at_the_edges() -> None:
    lower, upper = unreported_interval([10, 10, 10, 10], [0, np.nan, 2, 2], [10, 5, 5, 10], [0, 0.5, np.inf, 0])
    assert lower[[0, 2, 3]].tolist() == [10, 5, 10]
    assert np.isnan([lower[1], upper[1]]).all()
    # Nothing is missing, but T has a variance: twice the normal distance is the limit.
    assert upper[[0, 2, 3]].tolist() == [10, np.inf, 10 + 1.96 * 2]
    with pytest.raises(ValueError, match="standard_error must be at least 0"):
        unreported_interval(1, -1, 0, 0)
    low, high = percentage_interval([1.0, 99.5, 50], [2.0, 2, 5])
    assert low == pytest.approx([0, 95.58, 40.2])
    assert high == pytest.approx([4.92, 100, 59.8])


@given(st.floats(0, 1e6), st.floats(0, 1e5), st.floats(0, 1e6), st.floats(0, 5))
@settings(max_examples=200, deadline=None)
def test_intervals_hold_the_estimate(total: float, error: float, reported: float, rho: float) -> None:
    total = max(total, reported)
    lower, upper = unreported_interval(total, error, reported, rho)
    rounding = 1e-9 * total
    assert reported - rounding <= lower <= total
    assert total - rounding <= upper <= total + rho / 2 + 4 * np.sqrt(error**2 + rho * (1 + rho) / 2) + rounding


@given(problems())
@settings(max_examples=60, deadline=None)
def test_equals_the_slow_twin(problem: Problem) -> None:
    found, expected = problem.estimate(), Twin(problem).estimates()
    keys = list(zip(found.cell.tolist(), found.domain.tolist(), strict=True))
    assert keys == sorted(expected)
    for k, key in enumerate(keys):
        total, error, reported, count, unweighted, ratio, ratio_error, theta = expected[key]
        scale = max(abs(total), found.unweighted_total[k])
        assert found.total[k] == pytest.approx(total, rel=1e-9, abs=1e-10 * scale)
        assert found.standard_error[k] == pytest.approx(error, rel=1e-6, abs=1e-6 * scale)
        assert found.reported[k] == pytest.approx(reported, rel=1e-12)
        assert (found.unit_count[k], found.unweighted_total[k]) == (count, unweighted)
        assert found.ratio[k] == pytest.approx(ratio, rel=1e-8, abs=1e-10, nan_ok=True)
        assert found.ratio_standard_error[k] == pytest.approx(
            ratio_error, rel=1e-6, abs=1e-6 * max(ratio, 1), nan_ok=True
        )
        assert found.place_ratio[k] == pytest.approx(theta, rel=1e-9)


def shuffled(problem: Problem, seed: int) -> Problem:
    """The same units and memberships in another order."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(problem.units.psu))
    turned: dict[str, Any] = {name: getattr(problem.units, name)[order] for name in PER_UNIT}
    pairs = rng.permutation(len(problem.members.unit))
    unit = np.argsort(order)[problem.members.unit[pairs]]
    members = Memberships(unit, problem.members.domain[pairs], problem.members.domains)
    return replace(problem, units=replace(problem.units, **turned), members=members)


@given(problems(), st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_neither_threads_nor_the_order_of_the_units_change_a_bit(problem: Problem, seed: int) -> None:
    other_order = shuffled(problem, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nibrs_estimation.stats.prediction.estimates._FEW_VALUES", 0)
        found = [problem.estimate(1), problem.estimate(2), other_order.estimate(1), other_order.estimate(5)]
    for other in found[1:]:
        for name in FIELDS:
            one = getattr(found[0], name)
            assert np.array_equal(one, getattr(other, name), equal_nan=one.dtype == float)
    one, two = problem.form(), other_order.form()
    assert np.array_equal(one.unreported_ratio, two.unreported_ratio)


@pytest.mark.parametrize("is_of_place", [False, True])
def test_more_columns_than_are_added_at_a_time(is_of_place: bool) -> None:
    """Columns and denominators, more than fill two blocks, as if each were estimated alone."""
    rng, problem = np.random.default_rng(2), nation(np.random.default_rng(1))
    m, rows = 2 * WIDTH + 3, len(problem.y)
    y = rng.poisson(0.3, (rows, m)).astype(np.float64)
    b = y[:, ::-1] + rng.poisson(3, (rows, m))
    together = replace(problem, y=y, own=y, b=b, own_b=b, denominator_of=rng.permutation(m) - 1)
    together = together.by_offense(1) if is_of_place else together
    found = together.estimate()
    for cell in range(m):
        of_cell = {name: getattr(together, name)[:, [cell]] for name in ("y", "own")}
        alone = replace(together, **of_cell, denominator_of=together.denominator_of[[cell]]).estimate()
        for name in FIELDS:
            if name != "cell":
                np.testing.assert_array_equal(getattr(found, name)[found.cell == cell], getattr(alone, name))


@pytest.mark.parametrize("is_of_place", [False, True])
def test_full_response_is_a_plain_count(is_of_place: bool) -> None:
    problem = replace(nation(np.random.default_rng(1), responding=1.0), settings=Settings(state_variance=0.01))
    problem = problem.by_offense(1) if is_of_place else problem
    found, form = problem.estimate(), problem.form()
    assert (found.standard_error == 0).all()
    assert (found.total == found.unweighted_total).all()
    assert (found.total == found.reported).all()
    assert (found.ratio_standard_error >= 0).all()
    assert found.ratio[found.domain == 0].sum() == pytest.approx(1)
    assert (form.unreported_ratio == 0).all()
    lower, upper = unreported_interval(
        found.total, found.standard_error, found.reported, form.unreported_ratio[found.domain]
    )
    assert (lower == found.total).all()
    assert (upper == found.total).all()


def test_full_response_leaves_no_error_of_ratios() -> None:
    found = nation(np.random.default_rng(1), responding=1.0).estimate()
    assert (found.ratio_standard_error == 0).all()


@pytest.mark.parametrize("is_of_place", [False, True])
def test_parts_add_up_to_the_place(is_of_place: bool) -> None:
    problem = nation(np.random.default_rng(2))
    found = (problem.by_offense(2) if is_of_place else problem).estimate()
    for cell in range(3):
        of = found.total[found.cell == cell]
        assert (of > found.reported[found.cell == cell]).all()
        assert of[1:].sum() == pytest.approx(of[0], rel=1e-12)


def test_counts_in_proportion_to_the_benchmark_are_exact() -> None:
    problem = nation(np.random.default_rng(3))
    responds, state = problem.units.psu >= 0, problem.units.state
    assert problem.offenses is not None
    for estimated, size in ((problem, problem.units.size), (problem.by_offense(1), problem.offenses[:, 1])):
        y = 2 * size[responds][:, None]
        cells = replace(estimated, y=y, own=0 * y, denominator_of=np.array([-1]))
        found = cells.estimate()
        parts = 2 * np.bincount(state, size)
        assert found.total == pytest.approx([parts.sum(), *parts], rel=1e-12)
        assert found.place_ratio == pytest.approx(np.full(5, 2.0), rel=1e-12)
        if cells.settings.is_of_place:
            continue
        plain = replace(cells, settings=replace(cells.settings, corrects=False)).estimate()
        assert plain.total[0] == pytest.approx((problem.units.weight[responds] @ y).item(), rel=1e-12)
        # A known miss is part of the variance if it is not corrected: it is all that differs.
        added = plain.standard_error**2 - found.standard_error**2
        assert added[1:] == pytest.approx((plain.total - found.total)[1:] ** 2, rel=1e-6)


def test_a_group_without_respondents_has_the_ratio_of_the_place() -> None:
    problem = nation(np.random.default_rng(9))
    kept = (problem.units.group != 5) | (problem.units.psu < 0)
    rows = np.flatnonzero(kept[problem.units.psu >= 0])
    psu = np.where(problem.units.psu >= 0, np.searchsorted(rows, problem.units.psu), -1)
    silent = replace(problem.units, psu=np.where(kept, psu, -1), weight=problem.units.weight * kept)
    y = problem.y[rows]
    # With next to no agencies to shrink to, other groups have their own ratios.
    found = replace(
        problem, units=silent, y=y, own=0 * y, b=problem.b[rows], own_b=problem.own_b[rows], settings=Settings()
    ).by_offense(2, prior_agencies=1e-12)
    assert problem.offenses is not None
    m, s, group = problem.offenses[:, 2], silent.psu >= 0, silent.group
    expected = np.zeros(3)
    for h in range(6):
        of = s & ((group == h) | (h == 5))
        expected += y[silent.psu[of]].sum(axis=0) / m[of].sum() * m[group == h].sum()
    estimates = found.estimate()
    whole = estimates.domain == 0
    assert estimates.total[whole] == pytest.approx(expected, rel=1e-9)
    assert estimates.place_ratio == pytest.approx(np.repeat(expected / m.sum(), 5), rel=1e-9)
    assert estimates.ratio[whole] == pytest.approx(expected / expected.sum(), rel=1e-9)


@pytest.mark.parametrize("prior_agencies", [0.01, 10.0, 1e9])
def test_a_domain_of_respondents_is_counted(prior_agencies: float) -> None:
    """All agencies of a state respond: its total is what they have, without error; so are its percentages."""
    problem = nation(np.random.default_rng(14))
    kept = (problem.units.psu >= 0) | (problem.units.state != 2)
    units = problem.units.taken(np.flatnonzero(kept))
    state = 1 + units.state
    members = Memberships(np.tile(np.arange(len(state)), 2), np.append(0 * state, state), 5)
    found = replace(
        problem, units=units, members=members, offenses=problem.offenses[kept] if problem.offenses is not None else None
    )
    estimates = found.by_offense(1, prior_agencies=prior_agencies).estimate()
    known = estimates.domain == 3
    in_state = units.psu[units.state == 2]
    assert estimates.total[known] == pytest.approx(problem.y[in_state].sum(axis=0), rel=1e-12)
    assert (estimates.standard_error[known] == 0).all()
    assert (estimates.ratio_standard_error[known] == 0).all()
    assert (estimates.standard_error[~known] > 0).all()


@pytest.mark.parametrize("of_nonrespondents", [0.0, 100.0])
def test_a_benchmark_that_no_respondent_has_corrects_nothing(of_nonrespondents: float) -> None:
    problem = nation(np.random.default_rng(10))
    offense = np.where(problem.units.psu < 0, of_nonrespondents, 0.0)
    for corrects in (True, False):
        by_offense = replace(problem, offenses=offense[:, None], settings=Settings(state_variance=0.01)).by_offense(
            0, corrects=corrects
        )
        found, weight = by_offense.estimate(), problem.units.weight[problem.units.psu >= 0]
        assert (found.place_ratio == 0).all()
        assert found.total[found.domain == 0] == pytest.approx(weight @ problem.y, rel=1e-12)
        poisson = (weight * np.maximum(weight - 1, 0)) @ problem.y
        assert found.standard_error[found.domain == 0] ** 2 == pytest.approx(poisson, rel=1e-12)
        assert all(np.isfinite(getattr(found, name)).all() for name in FIELDS)


def test_a_total_is_at_least_what_was_reported() -> None:
    problem = example()
    own = COUNTS.copy()
    own[0, 0] = 500
    found = replace(problem, own=own).estimate()
    assert found.total[0] == found.reported[0] == own[:, 0].sum()


def test_a_cell_with_itself() -> None:
    problem = nation(np.random.default_rng(4))
    itself = replace(
        problem,
        b=problem.y,
        own_b=problem.own,
        denominator_of=np.arange(3),
        settings=Settings(state_variance=0.01),
    )
    for cells in (itself, replace(itself, floors_ratios=False), itself.by_offense(1)):
        found = cells.estimate()
        assert (found.ratio == 1).all()
        assert (found.ratio_standard_error == 0).all()
        assert (found.standard_error > 0).all()


@pytest.mark.parametrize("size", [1.0, 1e7])
def test_little_beside_what_calibration_explains(size: float) -> None:
    """From moments alone a residual of 1 beside counts of 1e8 would be lost."""
    problem = nation(np.random.default_rng(5))
    known = problem.units.size[problem.units.psu >= 0]
    noise = np.random.default_rng(5).integers(0, 3, len(known))
    y = (size * known + noise)[:, None]
    one = replace(problem, y=y, own=y, b=0 * y, own_b=0 * y, denominator_of=np.array([-1]))
    found = kernel_sums(one)
    twin = Twin(one)
    m = twin.modeled
    for h in range(6):
        s = twin.respondents(h)
        v = (m[s] + 1) ** 1.85
        e = noise / (known + 1) ** 0.925
        e = e[one.units.psu[s]] - twin.hat[h] @ e[one.units.psu[s]]
        squares = v * e**2 / (1 - np.diag(twin.hat[h]))
        expected = ((squares - y[one.units.psu[s], 0]) * (m[s] + 1) ** -0.925).sum()
        assert found.numerator[h] == pytest.approx(expected, rel=1e-7)


def test_unreported_ratio() -> None:
    problem = example()
    assert problem.form().unreported_ratio == pytest.approx([350 / 470])
    no_respondent = Memberships(np.array([0, 4]), np.array([0, 1]), 3)
    assert replace(problem, members=no_respondent).form().unreported_ratio.tolist() == [0, np.inf, 0]


def test_donors_leave_the_dispersion() -> None:
    problem = example()
    donor = replace(problem, units=replace(problem.units, donor_variance=np.where(np.arange(11) == 4, 400.0, 0)))
    before, after = problem.estimate().standard_error[0] ** 2, donor.estimate().standard_error[0] ** 2
    theta, tau = 0.460869, 0.238689
    assert after - before == pytest.approx(theta**2 * (400 - tau * 110**1.85), rel=1e-4)


def test_states_have_deviations_of_their_own() -> None:
    rng = np.random.default_rng(8)
    problem = nation(rng, states=30)
    form, total = problem.form(), problem.b[:, 0]
    found = state_variance(form, total)
    # Levels of states have a standard deviation of 10 %.
    assert found == pytest.approx(0.01, rel=0.5)
    units, s = problem.units, problem.units.psu >= 0
    theta = np.array([(units.weight[s] * total)[units.group[s] == h].sum() for h in range(6)]) / np.array(
        [units.size[units.group == h].sum() for h in range(6)]
    )
    e, expected = total - theta[units.group[s]] * units.size[s], theta[units.group[s]] * units.size[s]
    above = sum(e[units.state[s] == k].sum() ** 2 - (e[units.state[s] == k] ** 2).sum() for k in range(30))
    below = sum(expected[units.state[s] == k].sum() ** 2 for k in range(30))
    assert found == pytest.approx(above / below, rel=1e-12)
    assert with_state_variance(form, found).settings.state_variance == found
    few = nation(rng, states=19)
    assert state_variance(few.form(), few.b[:, 0]) == 0.04**2
    # A state of which only respondents without benchmark are known, such as arrests without an agency, is none.
    is_other = few.units.psu == 0
    one_more = replace(
        few.units, state=np.where(is_other, 19, few.units.state), size=np.where(is_other, 0.0, few.units.size)
    )
    assert state_variance(replace(few, units=one_more).form(), few.b[:, 0]) == 0.04**2
    with pytest.raises(ValueError, match="y_total has shape"):
        state_variance(form, total[1:])
    with pytest.raises(ValueError, match="y_total must be finite"):
        state_variance(form, total * np.nan)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32])
def test_narrow_values_and_stored_zeros(dtype: type) -> None:
    problem = example()
    y = sparse.csc_array((np.array([200, 200, 0], dtype=dtype), np.array([0, 1, 2]), np.array([0, 3])), shape=(7, 1))
    found = prediction_estimates(problem.form(), y, y)
    assert (found.reported[0], found.unweighted_total[0], found.unit_count[0]) == (400, 400, 2)
    assert len(prediction_estimates(problem.form(), sparse.csc_array((7, 0)), sparse.csc_array((7, 0))).cell) == 0
    assert len(prediction_estimates(problem.form(), sparse.csc_array((7, 3)), sparse.csc_array((7, 3))).cell) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": np.ones(2)}, r"11 units, but weight has shape \(2,\)"),
        ({"controls": np.ones(11)}, r"11 units, but controls has shape \(11,\)"),
        ({"controls": np.ones((11, 0))}, "the total as their first column"),
        ({"psu": np.arange(11)}, "psu: from 0 to 10, but must go from -1 to 6"),
        ({"place": np.ones(11, dtype=int)}, "place: from 1 to 1"),
        ({"group": np.full(11, -1)}, "group: from -1 to -1, but must go from 0"),
        ({"size": np.full(11, np.nan)}, "size must be finite"),
        ({"size": -SIZE}, "size must be at least 0"),
        ({"weight": np.ones(11)}, "0 of nonrespondents"),
        ({"donor_variance": np.ones(11)}, "donor_variance must be 0 of respondents"),
        ({"place": GROUP, "group": np.zeros(11, int), "place_level": np.zeros(2, int)}, "a group has units of several"),
        ({"place": GROUP, "place_level": np.zeros(2, dtype=int)}, "a domain has units of several places"),
    ],
)
def test_bad_units_are_refused(change: dict[str, Any], message: str) -> None:
    problem = example()
    with pytest.raises(ValueError, match=message):
        replace(problem, units=replace(problem.units, **change)).form()


@pytest.mark.parametrize(
    ("unit", "domain", "message"),
    [
        ([0, 1], [0], "2,.* units"),
        ([0, 11], [0, 0], "units of memberships: from 0 to 11"),
        ([0, 1], [0, 1], "domains: from 0 to 1"),
        ([1, 1], [0, 0], "membership is given twice"),
    ],
)
def test_bad_memberships_are_refused(unit: list[int], domain: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(example(), members=Memberships(np.array(unit), np.array(domain), 1)).form()


@pytest.mark.parametrize("change", [{"gamma": 0.0}, {"prior_freedom": 0.0}, {"state_variance": -1.0}])
def test_bad_settings_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="gamma, prior_freedom and prior_agencies must be above 0"):
        replace(example(), settings=Settings(**change)).form()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"b": COUNTS[1:, [0]]}, "denominators must be 7 PSUs x 1 columns"),
        ({"own": COUNTS[:, :1]}, "own must be 7 PSUs x 2 columns"),
        ({"y": -COUNTS}, "values of y must be finite"),
        ({"b": COUNTS[:, [0]] * np.nan}, "values of denominators must be finite"),
        ({"y": COUNTS * (np.arange(7) > 0)[:, None]}, "own has 2 values where"),
        ({"denominator_of": np.array([0, 1])}, "denominator_of must go from -1 to 0"),
        ({"denominator_of": np.zeros(1, dtype=int)}, "denominator_of must be 2 numbers"),
    ],
)
def test_bad_values_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(example(), **change).estimate()
