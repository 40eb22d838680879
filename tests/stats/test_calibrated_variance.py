"""Variance of calibrated totals: the worked example of 07 section 6.2, and slow twins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nibrs_estimation.stats.calibration import calibrate
from nibrs_estimation.stats.linearisation import regression_residuals, variances_within

X = np.array([[100.0], [80.0], [50.0], [170.0]])
Y = np.array([[10.0], [6.0], [4.0], [20.0]])
DESIGN, ONE = np.full(4, 1.5), np.zeros(4, dtype=np.int64)


@pytest.mark.parametrize(
    ("method", "bounds", "error"), [("linear", (-np.inf, np.inf), 3.572501), ("logit", (2 / 3, 2.5), 3.573063)]
)
def test_worked_example(method: str, bounds: tuple[float, float], error: float) -> None:
    """Example D, verified there with R's survey package."""
    made = calibrate(X, DESIGN, [660.0], bounds=bounds, method=method)
    e, rank = regression_residuals(Y, X, DESIGN, ONE)
    assert rank.tolist() == [1] * 4
    assert e[:, 0] == pytest.approx([-0.627615, -2.502092, -1.313808, 1.933054], abs=5e-7)
    variance = variances_within(made.weights[:, None] * e, ONE, np.array([6]))
    assert np.sqrt(variance[0, 0]) == pytest.approx(error, abs=5e-7)
    if method == "linear":
        assert float(made.weights @ Y[:, 0]) == pytest.approx(66.376569, abs=5e-7)
        design = variances_within(made.weights[:, None] * Y, ONE, np.array([6]))
        assert np.sqrt(design[0, 0]) == pytest.approx(14.427366, abs=5e-7)


rows = st.lists(
    st.tuples(st.integers(0, 3), st.integers(-9, 9), st.integers(0, 9), st.integers(0, 9), st.floats(0.5, 4)),
    min_size=1,
    max_size=25,
)


@given(rows, st.booleans())
@settings(max_examples=100, deadline=None)
def test_residuals_equal_least_squares_in_each_group(
    drawn: list[tuple[int, int, int, int, float]], sum_too: bool
) -> None:
    drawn = sorted(drawn)
    group, y, a, b, d = (np.array(column) for column in zip(*drawn, strict=True))
    x = np.column_stack([a, b, a + b] if sum_too else [a, b]).astype(np.float64)
    values = np.column_stack([y, a, 2 * b]).astype(np.float64)
    found, rank = regression_residuals(values, x, d, group * 10)
    for number in np.unique(group):
        of = group == number
        root = np.sqrt(d[of])[:, None]
        B = np.linalg.lstsq(root * x[of], root * values[of], rcond=1e-9)[0]
        assert found[of] == pytest.approx(values[of] - x[of] @ B, abs=1e-7)
        assert set(rank[of]) == {np.linalg.matrix_rank(root * x[of])}
    # What is calibrated leaves nothing.
    assert found[:, 1] == pytest.approx(0, abs=1e-7)
    assert found[:, 2] == pytest.approx(0, abs=1e-7)


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
    assert regression_residuals(empty, empty, np.zeros(0), np.zeros(0, dtype=np.int64))[0].shape == (0, 2)
    assert variances_within(empty, np.zeros(0, dtype=np.int64), np.array([3])).tolist() == [[0.0, 0.0]]
