"""Variance of calibrated totals: the worked example of handbook 11, and slow twins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nibrs_estimation.stats.calibration import calibrate
from nibrs_estimation.stats.calibration.distance import Method
from nibrs_estimation.stats.linearization.control_basis import calibration_residuals, control_basis
from nibrs_estimation.stats.linearization.stratified import variances_within

X = np.array([[100.0], [80.0], [50.0], [170.0]])
Y = np.array([[10.0], [6.0], [4.0], [20.0]])
DESIGN, ONE = np.full(4, 1.5), np.zeros(4, dtype=np.int64)


@pytest.mark.parametrize(
    ("method", "bounds", "error"), [("linear", (-np.inf, np.inf), 3.572501), ("logit", (2 / 3, 2.5), 3.573063)]
)
def test_worked_example(method: Method, bounds: tuple[float, float], error: float) -> None:
    """Example D, verified there with R's survey package."""
    made = calibrate(X, DESIGN, [660.0], bounds=bounds, method=method)
    e = calibration_residuals(Y, X, ONE)
    assert e[:, 0] == pytest.approx([-0.627615, -2.502092, -1.313808, 1.933054], abs=5e-7)
    variance = variances_within(made.weights[:, None] * e, ONE, np.array([6]))
    assert np.sqrt(variance[0, 0]) == pytest.approx(error, abs=5e-7)
    if method == "linear":
        assert float(made.weights @ Y[:, 0]) == pytest.approx(66.376569, abs=5e-7)
        design = variances_within(made.weights[:, None] * Y, ONE, np.array([6]))
        assert np.sqrt(design[0, 0]) == pytest.approx(14.427366, abs=5e-7)


rows = st.lists(
    st.tuples(st.integers(0, 3), st.integers(-9, 9), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=25
)


@given(rows, st.booleans(), st.lists(st.floats(0.5, 4), min_size=4, max_size=4))
@settings(max_examples=100, deadline=None)
def test_residuals_equal_weighted_least_squares_in_each_group(
    drawn: list[tuple[int, int, int, int]], sum_too: bool, design_weights: list[float]
) -> None:
    drawn = sorted(drawn)
    group, y, a, b = (np.array(column) for column in zip(*drawn, strict=True))
    x = np.column_stack([a, b, a + b] if sum_too else [a, b]).astype(np.float64)
    values = np.column_stack([y, a, 2 * b]).astype(np.float64)
    found = calibration_residuals(values, x, group * 10)
    numbers, starts = np.unique(group, return_index=True)
    basis = control_basis(x, starts)
    for number, rank, factor in zip(numbers, basis.rank, basis.factor, strict=True):
        of = group == number
        n, known = of.sum(), x[of]
        if n - np.linalg.matrix_rank(known) < 2:
            known = known[:, :1]
        assert rank == np.linalg.matrix_rank(known)
        assert factor == pytest.approx(np.sqrt((n - 1) / (n - max(rank, 1))) if n > max(rank, 1) else 1)
        root = np.sqrt(np.full((n, 1), design_weights[number]))
        B = np.linalg.lstsq(root * known, root * values[of], rcond=1e-9)[0]
        assert found[of] == pytest.approx(factor * (values[of] - known @ B), abs=1e-7)
        used = basis.basis[of]
        assert used.T @ used == pytest.approx(np.diag(np.arange(x.shape[1]) >= x.shape[1] - rank) * 1.0, abs=1e-13)
        assert used @ (used.T @ known) == pytest.approx(known, abs=1e-9)


def test_nearly_dependent_controls_keep_an_orthonormal_basis() -> None:
    generator = np.random.default_rng(5)
    a, noise = generator.uniform(1, 9, (2, 40))
    x = np.column_stack([a, a + 1e-4 * noise, a + 1e-9 * noise, np.zeros(40)])
    found = control_basis(x, np.array([0]))
    assert found.rank.tolist() == [2]
    assert found.basis.T @ found.basis == pytest.approx(np.diag([0, 0, 1, 1]), abs=1e-14)


def test_residuals_know_what_the_controls_use_up() -> None:
    generator = np.random.default_rng(4)
    x = np.column_stack([generator.uniform(1, 9, (6, 4)), np.zeros(6)])
    y, group = generator.uniform(0, 9, (6, 1)), np.zeros(6, dtype=np.int64)
    plain = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    assert calibration_residuals(y, x, group) == pytest.approx(plain * np.sqrt(5 / 2))
    # Five controls for six respondents leave one degree of freedom: only the total counts.
    full = np.column_stack([x[:, :4], generator.uniform(1, 9, 6)])
    of_total = y - full[:, :1] * (full[:, 0] @ y[:, 0]) / (full[:, 0] @ full[:, 0])
    assert calibration_residuals(y, full, group) == pytest.approx(of_total)
    # Nothing is calibrated: the values themselves.
    assert calibration_residuals(y, np.zeros((6, 2)), group) == pytest.approx(y)


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-50, 50)), min_size=1, max_size=20), st.integers(0, 4))
def test_variances_equal_the_slow_twin(drawn: list[tuple[int, float]], unsampled: int) -> None:
    drawn = sorted(drawn)
    stratum, u = np.array([h for h, _ in drawn]), np.array([value for _, value in drawn])
    n_h = np.bincount(stratum, minlength=5)
    N_h = n_h + unsampled * (np.arange(5) % 2)
    found = variances_within(np.column_stack([u, 2 * u]), stratum, N_h)
    for h in range(5):
        values, n, N = [value for of, value in drawn if of == h], int(n_h[h]), int(N_h[h])
        if n in (0, N):
            expected = 0.0
        elif n == 1:
            expected = float("nan")
        else:
            mean = sum(values) / n
            expected = (1 - n / N) * n / (n - 1) * sum((value - mean) ** 2 for value in values)
        assert found[h, 0] == pytest.approx(expected, abs=1e-9, nan_ok=True)
        assert found[h, 1] == pytest.approx(4 * expected, abs=1e-9, nan_ok=True)


def test_nothing_sampled() -> None:
    empty = np.zeros((0, 2))
    assert calibration_residuals(empty, empty, np.zeros(0, dtype=np.int64)).shape == (0, 2)
    assert variances_within(empty, np.zeros(0, dtype=np.int64), np.array([3])).tolist() == [[0.0, 0.0]]
