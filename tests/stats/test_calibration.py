"""Calibration of one problem: worked examples, conditions that only optimal weights fulfil, slow twins, invariants."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import optimize

from nibrs_estimation.stats.calibration import Method, calibrate, certificate, engine, smallest_upper_bound

Floats = NDArray[np.float64]
Problem = tuple[Floats, Floats, Floats, tuple[float, float]]
METHODS: tuple[Method, ...] = ("linear", "raking", "logit")

# Worked example 13.1 of handbook 07: violent and property crimes of four respondents out of six agencies.
X = np.array([[10.0, 100], [40, 300], [25, 400], [5, 80]])
D = np.full(4, 1.5)
TOTALS = np.array([115.0, 1380.0])
LOWER = 2 / 3


@pytest.mark.parametrize(
    ("upper", "lambda_", "weights", "design_effect"),
    [
        (1.5, (-0.03028996, 0.00266390), (1.446364, 1.097701, 1.946201, 1.594663), 1.053436),
        (2.5, (-0.03084221, 0.00252080), (1.420963, 1.102183, 1.953092, 1.575150), 1.054585),
        (10, (-0.03193495, 0.00254371), (1.411172, 1.103911, 1.955262, 1.570060), 1.055040),
    ],
)
def test_worked_example_logit(
    upper: float, lambda_: tuple[float, ...], weights: tuple[float, ...], design_effect: float
) -> None:
    made = calibrate(X, D, TOTALS, bounds=(LOWER, upper))
    assert (made.status, made.rank, made.reason) == ("converged", 2, "")
    np.testing.assert_allclose(made.weights, weights, atol=5e-7)
    np.testing.assert_allclose(made.lambda_, lambda_, atol=5e-9)
    np.testing.assert_allclose(X.T @ made.weights, TOTALS, rtol=1e-9)
    np.testing.assert_allclose(made.residuals, X.T @ made.weights - TOTALS, atol=1e-12)
    w = made.weights
    assert 1 + w.var(ddof=1) / w.mean() ** 2 == pytest.approx(design_effect, abs=5e-7)
    # The third control is the sum of the others.
    dependent = calibrate(np.column_stack([X.sum(axis=1), X]), D, [1495, *TOTALS], bounds=(LOWER, upper))
    assert (dependent.status, dependent.rank) == ("converged", 2)
    np.testing.assert_allclose(dependent.weights, made.weights, rtol=1e-9)
    assert np.abs(dependent.residuals / [1495, *TOTALS]).max() <= 1e-9
    eta = np.column_stack([X.sum(axis=1), X]) @ dependent.lambda_
    np.testing.assert_allclose(eta, X @ made.lambda_, rtol=1e-7)


def test_worked_example_quantiles() -> None:
    w = calibrate(X, D, TOTALS, bounds=(LOWER, 2.5)).weights
    assert w.mean() == pytest.approx(1.512847, abs=5e-7)
    np.testing.assert_allclose(
        np.quantile(w, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]),
        [1.10218, 1.15000, 1.34127, 1.49806, 1.66964, 1.89640, 1.95309],
        atol=5e-6,
    )
    assert smallest_upper_bound(X, D, TOTALS, lower=LOWER) == pytest.approx(1.232143, abs=5e-7)


def test_worked_example_infeasible() -> None:
    made = calibrate(X, D, [175, 1380], bounds=(LOWER, 10))
    assert made.status == "infeasible"
    assert made.reason == "bounds: no g-weights from 0.666667 to 10 meet the totals"
    assert np.isnan(made.weights).all()
    assert np.isnan(made.g_weights).all()
    assert np.isfinite(made.residuals).all()


@pytest.mark.parametrize("upper", [1.5, 2.5, 5, 10])
def test_worked_example_where_the_reference_fails(upper: float) -> None:
    x = np.array([[10.0], [14], [14], [38], [5], [45], [21], [133]])
    made = calibrate(x, np.full(8, 1.125), [422], bounds=(8 / 9, upper))
    assert made.status == "converged"
    assert abs(made.residuals[0]) <= 422e-9
    known = {
        1.5: (0.004584810, [1.184931, 1.213434, 1.213434, 1.413639, 1.152879, 1.469236, 1.268506, 1.683741]),
        2.5: (0.001900188, [1.148145, 1.158452, 1.158452, 1.234862, 1.136121, 1.262422, 1.178057, 1.834048]),
    }
    if upper in known:
        assert made.lambda_[0] == pytest.approx(known[upper][0], abs=5e-10)
        np.testing.assert_allclose(made.weights, known[upper][1], atol=5e-7)
    assert smallest_upper_bound(x, np.full(8, 1.125), np.array([422.0]), lower=8 / 9) == pytest.approx(
        1.339683, abs=5e-7
    )


def test_examples_of_the_documentation() -> None:
    for module in (engine, certificate):
        found = doctest.testmod(module, extraglobs={"np": np})
        assert found.attempted > 0
        assert found.failed == 0


def slope_of_distance(g: Floats, lower: float, upper: float, method: Method) -> Floats:
    """G'(g), written from the distances themselves; weights are optimal exactly if it is x'λ for one λ."""
    if method == "linear":
        return g - 1
    if method == "raking":
        return np.log(g)
    a = (upper - lower) / ((1 - lower) * (upper - 1))
    return (np.log((g - lower) / (1 - lower)) - np.log((upper - g) / (upper - 1))) / a


@st.composite
def problems(draw: st.DrawFn, *, feasible: bool) -> Problem:
    """Counts of small cells, some with empty, repeated or summed controls, and one unit that dwarfs the others."""
    n, p = draw(st.integers(1, 12)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    x = rng.poisson(np.exp(rng.normal(2, draw(st.sampled_from([0.3, 1.5])), (n, 1))), (n, p)).astype(float)
    if draw(st.booleans()):
        x = np.column_stack([x, x.sum(axis=1)])
    if draw(st.booleans()):
        x[0] *= 100
    if draw(st.booleans()):
        x[:, 0] = 0
    d = rng.uniform(1, 3, n)
    lower, upper = draw(st.floats(0.05, 0.95)), draw(st.floats(1.1, 12))
    g = rng.uniform(lower + 0.02 * (1 - lower), upper - 0.02 * (upper - 1), n)
    totals = x.T @ (d * g)
    if not feasible:
        totals *= np.exp(rng.normal(0, 0.4, len(totals)))
    return x, d, totals, (lower, upper)


@settings(deadline=None)
@given(problems(feasible=True), st.sampled_from(METHODS))
def test_weights_fulfil_the_conditions_of_the_optimum(problem: Problem, method: Method) -> None:
    x, d, totals, (lower, upper) = problem
    made = calibrate(x, d, totals, bounds=(lower, upper), method=method)
    assert made.status == "converged", made.reason
    np.testing.assert_allclose(x.T @ made.weights, totals, rtol=1e-9, atol=1e-12)
    g = made.g_weights
    assert (g >= lower).all()
    assert (g <= upper).all()
    np.testing.assert_array_equal(made.weights, d * g)
    eta = x @ made.lambda_
    # At a bound of a truncated distance η may lie beyond.
    inside = (g > lower * (1 + 1e-9)) & (g < upper * (1 - 1e-9))
    slope = slope_of_distance(g[inside], lower, upper, method)
    np.testing.assert_allclose(slope, eta[inside], rtol=1e-6, atol=1e-6 * max(1, np.abs(eta).max(initial=0)))
    assert (eta[g >= upper] >= -1e-9).all()
    assert (eta[g <= lower] <= 1e-9).all()


@settings(deadline=None)
@given(problems(feasible=False))
def test_status_agrees_with_a_linear_program(problem: Problem) -> None:
    x, d, totals, bounds = problem
    made = calibrate(x, d, totals, bounds=bounds)
    size = np.maximum(np.abs(totals), 1e-300)
    # Smallest largest relative error of the totals that weights within the bounds can have.
    p, n = len(totals), len(d)
    a = (x * d[:, None]).T / size[:, None]
    solved = optimize.linprog(
        np.append(np.zeros(n), 1.0),
        A_ub=np.block([[a, -np.ones((p, 1))], [-a, -np.ones((p, 1))]]),
        b_ub=np.concatenate([totals / size, -totals / size]),
        bounds=[bounds] * n + [(0, None)],
    )
    if made.status == "converged":
        assert solved.fun < 1e-6
        assert np.isfinite(made.weights).all()
    else:
        assert made.status == "infeasible", made.reason
        assert solved.fun > 1e-10
        assert np.isnan(made.weights).all()


@pytest.mark.parametrize("method", METHODS)
def test_equals_a_minimiser_of_the_distance(method: Method) -> None:
    """The distances as they are defined, minimized under the constraints by a general solver."""
    lower, upper = LOWER, 2.5

    def distance(g: Floats) -> float:
        if method == "linear":
            each = (g - 1) ** 2 / 2
        elif method == "raking":
            each = g * np.log(g) - g + 1
        else:
            a = (upper - lower) / ((1 - lower) * (upper - 1))
            each = (
                (g - lower) * np.log((g - lower) / (1 - lower)) + (upper - g) * np.log((upper - g) / (upper - 1))
            ) / a
        return float((D * each).sum())

    made = calibrate(X, D, TOTALS, bounds=(lower, upper), method=method)
    slow = optimize.minimize(
        distance,
        np.full(4, 1.01),
        method="SLSQP",
        bounds=[(lower + 1e-9, upper - 1e-9)] * 4,
        constraints={"type": "eq", "fun": lambda g: (X.T @ (D * g) - TOTALS) / TOTALS},
        options={"ftol": 1e-15, "maxiter": 1000},
    )
    np.testing.assert_allclose(made.g_weights, slow.x, atol=2e-6)


def test_linear_without_bounds_is_the_regression_estimator() -> None:
    made = calibrate(X, D, TOTALS, bounds=(-np.inf, np.inf), method="linear")
    lambda_ = np.linalg.solve((X * D[:, None]).T @ X, TOTALS - D @ X)
    np.testing.assert_allclose(made.lambda_, lambda_, rtol=1e-9)
    np.testing.assert_allclose(made.weights, D * (1 + X @ lambda_), rtol=1e-12)
    assert made.iterations == 1


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None)
@given(problems(feasible=True), st.floats(1e-6, 1e6))
def test_scale_of_a_control_changes_nothing(method: Method, problem: Problem, factor: float) -> None:
    x, d, totals, bounds = problem
    scale = np.ones(len(totals))
    scale[-1] = factor
    one = calibrate(x, d, totals, bounds=bounds, method=method)
    other = calibrate(x * scale, d, totals * scale, bounds=bounds, method=method)
    assert one.status == other.status == "converged"
    np.testing.assert_allclose(other.weights, one.weights, rtol=1e-6)


@settings(deadline=None)
@given(problems(feasible=True), st.randoms(use_true_random=False))
def test_order_of_units_and_controls_changes_nothing(problem: Problem, shuffler: object) -> None:
    x, d, totals, bounds = problem
    rng = np.random.default_rng(shuffler.getrandbits(32))  # type: ignore[attr-defined]
    units, controls = rng.permutation(len(d)), rng.permutation(len(totals))
    one = calibrate(x, d, totals, bounds=bounds)
    other = calibrate(x[units][:, controls], d[units], totals[controls], bounds=bounds)
    assert other.status == one.status
    np.testing.assert_allclose(other.weights, one.weights[units], rtol=1e-6)


@settings(deadline=None)
@given(problems(feasible=True))
def test_a_dependent_control_changes_nothing(problem: Problem) -> None:
    x, d, totals, bounds = problem
    c = np.arange(1.0, len(totals) + 1)
    one = calibrate(x, d, totals, bounds=bounds)
    other = calibrate(np.column_stack([x, x @ c]), d, np.append(totals, totals @ c), bounds=bounds)
    assert (other.status, other.rank) == (one.status, one.rank)
    np.testing.assert_allclose(other.weights, one.weights, rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("gap", [1e-2, 1e-4, 1e-6])
def test_upper_bound_just_above_the_smallest(method: Method, gap: float) -> None:
    rng = np.random.default_rng(3)
    x = rng.poisson(rng.lognormal(3, 1, (200, 1)), (200, 5)).astype(float)
    d = np.full(200, 1.6)
    totals = x.T @ (d * rng.uniform(0.625, 4, 200))
    smallest = smallest_upper_bound(x, d, totals, lower=0.625)
    made = calibrate(x, d, totals, bounds=(0.625, smallest + gap), method=method)
    assert made.status == "converged"
    assert np.abs(made.residuals / totals).max() <= 1e-9
    assert made.g_weights.max() <= smallest + gap
    below = calibrate(x, d, totals, bounds=(0.625, smallest - gap), method=method)
    assert below.status == "infeasible"
