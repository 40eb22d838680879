"""The second estimator: worked examples, draws, and a slow twin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse, stats
from tests.support.copula_twin import Problem, imputed

from nibrs_estimation.stats.copula import BLOCK, TOTAL, Agencies, Members, Method, Plan, copula_form, imputed_counts
from nibrs_estimation.stats.copula.form import merged
from nibrs_estimation.stats.copula.margin import MOST_STEPS, coefficients, expectation, steps, tau_b
from nibrs_estimation.stats.copula.normal import distribution, quantile

Floats = NDArray[np.float64]
#: A total with two rows below it.
PLAN = Plan(
    first_step=np.array([0, 2]),
    kind=np.array([TOTAL, BLOCK]),
    parent=np.array([-1, 0]),
    first_cell=np.array([0, 1, 3]),
    cell=np.array([0, 1, 2]),
    slot=np.array([0, -1, -1]),
    category=np.array([-1, -1, -1]),
    slots=1,
)


def margin_of(values: Floats) -> tuple[Floats, Floats, int]:
    x, q = np.zeros(MOST_STEPS + 2), np.zeros(MOST_STEPS + 2)
    return x, q, steps(np.sort(values[values > 0]), int((values == 0).sum()), x, q)


def estimated(problem: Problem, method: Method) -> Floats:
    """Imputed total and rows of every nonrespondent, each a domain of its own: (N, 3)."""
    R, n = problem.respondents, len(problem.group)
    agencies = Agencies(
        problem.group, np.where(np.arange(n) < R, np.arange(n), -1), problem.covariates, problem.size,
        np.zeros((n, 0), dtype=np.bool_),
    )  # fmt: skip
    members = Members(np.arange(R, n), np.arange(n - R), np.ones(n - R))
    y = sparse.csc_array(np.column_stack([problem.total, problem.rows]))
    cell, domain = np.divmod(np.arange(3 * (n - R)), n - R)
    form = copula_form(agencies, members, R, n - R, method)
    return imputed_counts(form, PLAN, y, cell, domain, method).reshape(3, n - R).T


@pytest.mark.parametrize("p", [1e-300, 1e-20, 1e-3, 0.07, 0.3, 0.5, 0.92, 0.999, 1 - 1e-12])
def test_quantiles_and_distribution_of_the_normal(p: float) -> None:
    assert quantile(p) == pytest.approx(stats.norm.ppf(p), rel=1e-14, abs=1e-16)
    assert distribution(quantile(p)) == pytest.approx(p, rel=1e-12)


def test_example_of_one_covariate() -> None:
    """Five respondents with residents 10 to 50 and counts 0, 0, 1, 3, 2; nonrespondents with 15 and 45."""
    residents, counts = np.array([10.0, 20, 30, 40, 50]), np.array([0.0, 0, 1, 3, 2])
    order = np.array([2, 4, 3])
    tau = tau_b(residents, order, counts[order], np.arange(5))
    assert tau == pytest.approx(0.73786479)
    beta = np.zeros(1)
    sigma = coefficients(np.array([np.sin(np.pi * tau / 2)]), np.ones((1, 1)), 1, beta)
    assert [beta[0], sigma] == pytest.approx([0.91641744, 0.40022379])
    x, q, M = margin_of(counts)
    means = [expectation(x, q, M, beta[0] * z, sigma) for z in (-0.67448975, 0.67448975)]
    assert means == pytest.approx([0.19589685, 2.09250244])


def test_coefficients_of_two_covariates() -> None:
    inverse = np.linalg.inv(np.array([[1, 0.3], [0.3, 1]]))
    beta = np.zeros(2)
    sigma = coefficients(np.array([0.5, 0.4]), inverse, 2, beta)
    assert beta == pytest.approx([0.41758242, 0.27472527])
    assert sigma == pytest.approx(0.82542031)
    assert beta @ [0.8, -0.2] == pytest.approx(0.27912088)


def worked_example() -> Problem:
    """Eight respondents, two covariates, a total and a partition of it; two nonrespondents."""
    residents = np.array([10.0, 20, 30, 40, 50, 60, 70, 80, 25, 65])
    female = np.array([0.50, 0.52, 0.49, 0.51, 0.53, 0.48, 0.54, 0.47, 0.515, 0.485])
    total, row = np.array([0.0, 2, 1, 4, 3, 8, 5, 9]), np.array([0.0, 1, 1, 2, 0, 5, 4, 3])
    covariates = np.column_stack([residents, female])
    rows = np.column_stack([row, total - row])
    return Problem(np.zeros(10, dtype=np.int64), covariates, np.ones(10), total, rows)


def test_example_of_a_total_and_its_rows() -> None:
    found = estimated(worked_example(), "reference")
    assert found[0] == pytest.approx([1.88128904, 1.04870552, 0.83258352])
    assert found[1] == pytest.approx([5.74049141, 2.78471407, 2.95577734])


def test_means_agree_with_draws() -> None:
    """10⁵ draws of the inverse of the distribution, given the covariates: within 4 standard errors."""
    generator = np.random.default_rng(4)
    values = generator.poisson(1.5, 60).astype(float)
    x, q, M = margin_of(values)
    ascending = np.sort(values)
    for mu, sigma in ((-0.8, 0.6), (0.0, 1.0), (1.3, 0.3)):
        u = stats.norm.cdf(mu + sigma * generator.normal(size=100_000))
        draws = ascending[np.ceil(60 * u).astype(int).clip(1, 60) - 1]
        error = draws.std() / np.sqrt(len(draws))
        assert abs(draws.mean() - expectation(x, q, M, mu, sigma)) < 4 * error


@settings(deadline=None, max_examples=80)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), min_size=2, max_size=40))
def test_tau_b_equals_that_of_a_library(pairs: list[tuple[int, int]]) -> None:
    x, y = np.array(pairs, dtype=float).T
    order = np.flatnonzero(y > 0)
    order = order[np.argsort(y[order], kind="stable")]
    found = tau_b(x, order, y[order], np.arange(len(x)))
    assert found == pytest.approx(np.nan_to_num(stats.kendalltau(x, y).statistic), abs=1e-12)


def test_long_margins_keep_their_mean() -> None:
    values = np.random.default_rng(1).gamma(0.5, size=5000)
    x, q, M = margin_of(values)
    assert M <= MOST_STEPS + 1
    assert expectation(x, q, M, 0.0, 1.0) == pytest.approx(values.mean(), rel=1e-9)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([40, 40], [0, 1]),
        ([10, 40], [0, 0]),
        ([40, 10], [0, 0]),
        ([10, 25, 40], [0, 0, 1]),
        ([5], [0]),
        ([0, 50], [0, 0]),
    ],
)
def test_small_groups_are_merged_with_neighbors(sizes: list[int], expected: list[int]) -> None:
    # Each group has one agency that does not respond.
    group = np.concatenate([np.full(size + 1, number) for number, size in enumerate(sizes)])
    responds = np.concatenate([np.arange(size + 1) < size for size in sizes])
    found = merged(group, responds)
    assert [found[group == number][0] for number in range(len(sizes))] == expected


def drawn_problem(seed: int, R: int, N: int, groups: int) -> Problem:
    generator = np.random.default_rng(seed)
    n = R + N
    size = generator.integers(0, 60, n).astype(float)
    covariates = np.column_stack([generator.integers(1, 50, n).astype(float), generator.uniform(size=n).round(2)])
    total = generator.poisson(size[:R] / 15)
    first = generator.binomial(total, 0.4)
    second = generator.binomial(total - first, generator.choice([0.3, 1.0]))
    rows = np.column_stack([first, second]).astype(float)
    return Problem(generator.integers(0, groups, n), covariates, size, total.astype(float), rows)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 120), st.integers(1, 12), st.integers(1, 4))
@pytest.mark.parametrize("method", ["sound", "reference"])
def test_counts_equal_the_slow_twin(method: Method, seed: int, R: int, N: int, groups: int) -> None:
    problem = drawn_problem(seed, R, N, groups)
    found = estimated(problem, method)
    assert found == pytest.approx(imputed(problem, is_sound=method == "sound"), rel=1e-6, abs=1e-6)
    # Parts add up to what their parent has of them, and a partition to the whole.
    assert (found >= 0).all()
    if np.array_equal(problem.rows.sum(axis=1), problem.total):
        assert found[:, 1:].sum(axis=1) == pytest.approx(found[:, 0])


def test_tables_of_the_mean_are_near_it() -> None:
    """With many nonrespondents E is interpolated: the same sums within 1 in 1,000."""
    problem = drawn_problem(3, 400, 900, 1)
    found = estimated(problem, "sound")
    assert found.sum(axis=0) == pytest.approx(imputed(problem, is_sound=True).sum(axis=0), rel=1e-3)


def test_order_of_agencies_changes_nothing_and_nobody_missing_is_nothing() -> None:
    problem = drawn_problem(5, 80, 10, 2)
    turned = np.r_[np.arange(79, -1, -1), np.arange(80, 90)]
    again = Problem(
        problem.group[turned], problem.covariates[turned], problem.size[turned], problem.total[turned[:80]],
        problem.rows[turned[:80]],
    )  # fmt: skip
    assert estimated(problem, "sound") == pytest.approx(estimated(again, "sound"), rel=1e-12)
    complete = drawn_problem(5, 40, 0, 2)
    assert estimated(complete, "sound").size == 0


def small_problem(**changed: object) -> Problem:
    """Two classes of 40 respondents and a nonrespondent each; the first class has half the ratio of the second."""
    generator = np.random.default_rng(11)
    group, size = np.repeat([0, 1], 40), generator.integers(20, 60, 80).astype(float)
    total = np.round(size * np.where(group == 0, 0.25, 0.5) * generator.uniform(0.8, 1.2, 80))
    first = np.floor(total / 3)
    values: dict[str, object] = {
        "group": np.r_[group, 0, 1],
        "covariates": np.column_stack([np.r_[size, 40, 40], generator.uniform(size=82)]),
        "size": np.r_[size, 40.0, 40.0],
        "total": total,
        "rows": np.column_stack([first, total - first]),
    }
    return Problem(**{**values, **changed})  # type: ignore[arg-type]


def test_a_class_without_respondents_is_imputed_from_its_neighbor() -> None:
    problem = small_problem(group=np.r_[np.repeat([0, 1], 40), 0, 2])
    found = estimated(problem, "sound")
    assert found[1, 0] == pytest.approx(20, rel=0.2)
    assert found[:, 1:].sum(axis=1) == pytest.approx(found[:, 0])


def test_constant_covariates_leave_the_mean_of_the_class() -> None:
    """Without any information but the benchmark both nonrespondents have the ratio of their class."""
    problem = small_problem(covariates=np.ones((82, 2)))
    found = estimated(problem, "sound")
    for k in (0, 1):
        inside = np.flatnonzero(problem.group[:80] == k)
        ratio = problem.total[inside] / problem.size[inside]
        kappa = problem.total[inside].sum() / (problem.size[inside] * ratio.mean()).sum()
        assert found[k, 0] == pytest.approx(40 * kappa * ratio.mean(), rel=1e-6)


def test_one_respondent_stands_for_all() -> None:
    """Its ratio to the benchmark, and its shares."""
    one = Problem(np.zeros(3, dtype=np.int64), np.array([[5.0], [50.0], [9.0]]), np.array([10.0, 30.0, 0.0]),
                  np.array([4.0]), np.array([[1.0, 3.0]]))  # fmt: skip
    found = estimated(one, "sound")
    assert found[0] == pytest.approx([12.0, 3.0, 9.0])
    # Without a benchmark there is nobody to learn from.
    assert found[1] == pytest.approx([0.0, 0.0, 0.0])


def test_a_cell_that_only_one_agency_has_is_spread_over_all_classes() -> None:
    """Not missing, and not more than its share of what is imputed."""
    problem = small_problem()
    rows = np.zeros_like(problem.rows)
    rows[7, 0] = 2.0
    rows[:, 1] = problem.total - rows[:, 0]
    found = estimated(small_problem(rows=rows), "sound")
    assert (found[:, 1] > 0).all()
    assert found[:, 1].sum() < 0.1 * found[:, 0].sum()
    assert found[:, 1:].sum(axis=1) == pytest.approx(found[:, 0])


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 3.0, 100.0]))
@pytest.mark.parametrize("method", ["sound", "reference"])
def test_counts_times_a_factor_are_imputed_times_the_factor(method: Method, seed: int, factor: float) -> None:
    problem = drawn_problem(seed, 70, 6, 2)
    scaled = Problem(problem.group, problem.covariates, problem.size, factor * problem.total, factor * problem.rows)
    assert estimated(scaled, method) == pytest.approx(factor * estimated(problem, method), rel=1e-9, abs=1e-12)


def test_the_benchmark_imputes_an_agency_larger_than_every_respondent() -> None:
    """Counts of the reference's way are at most that of the largest respondent; ratios are not."""
    size = small_problem().size.copy()
    size[81] = 4000.0
    covariates = np.column_stack([size, np.ones(82)])
    problem = small_problem(size=size, covariates=covariates)
    assert estimated(problem, "reference")[1, 0] <= problem.total.max()
    assert estimated(problem, "sound")[1, 0] > 30 * problem.total.max()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [((2.0, 4.0), (9.0, 3.0, 6.0)), ((2.7, 0.9), (9.0, 4.05, 1.35))],
    ids=["a partition of the total", "0.6 of the total"],
)
def test_rows_are_adjusted_to_what_their_block_has_of_the_imputed_total(
    rows: tuple[float, float], expected: tuple[float, float, float]
) -> None:
    """40 equal respondents with a total of 6; a nonrespondent of 1.5 times their size has 9, and rows times 1.5."""
    n = 41
    problem = Problem(np.zeros(n, dtype=np.int64), np.ones((n, 2)), np.r_[np.full(40, 20.0), 30.0], np.full(40, 6.0),
                      np.tile(np.array(rows), (40, 1)))  # fmt: skip
    assert estimated(problem, "sound")[0] == pytest.approx(expected)
