"""Least squares and stepwise AIC against numpy's lstsq and a search written out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nibrs_estimation.stats.imputation.regression import Floats, fit_linear, stepwise, treatment_dummies

POPULATION = np.array([2_000, 5_000, 9_000, 15_000, 30_000, 60_000], dtype=np.float64)
OFFENSES = np.array([95, 260, 430, 760, 1_480, 3_050], dtype=np.float64)


def test_worked_example() -> None:
    """handbook 04."""
    design = {"population": POPULATION[:, None]}
    model = stepwise(OFFENSES, design)
    assert model.terms == ("population",)
    assert model.intercept == pytest.approx(-11.882177, abs=1e-6)
    assert model.coefficients["population"][0] == pytest.approx(0.05079581, abs=1e-8)
    assert model.aic == pytest.approx(38.560, abs=5e-4)
    assert fit_linear(OFFENSES, design, ()).aic == pytest.approx(85.071, abs=5e-4)
    fitted = [89.709, 242.097, 445.280, 750.055, 1511.992, 3035.866]
    assert model.predict(design) == pytest.approx(fitted, abs=1e-3)


def slow_aic(y: Floats, design: dict[str, Floats], terms: tuple[str, ...]) -> float:
    x = np.column_stack([np.ones(len(y)), *(design[term] for term in terms)])
    beta, _rss, rank, _singular = np.linalg.lstsq(x, y, rcond=1e-9)
    residual = y - x @ beta
    return float(len(y) * np.log(residual @ residual / len(y)) + 2 * rank)


def slow_stepwise(y: Floats, design: dict[str, Floats]) -> tuple[str, ...]:
    terms = tuple(design)
    while True:
        candidates = [tuple(t for t in terms if t != out) for out in terms]
        candidates += [tuple(t for t in design if t in terms or t == new) for new in design if new not in terms]
        best = min(candidates, key=lambda some: slow_aic(y, design, some))
        if slow_aic(y, design, best) >= slow_aic(y, design, terms) - 1e-9:
            return terms
        terms = best


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(12, 60), st.booleans())
def test_stepwise_equals_the_slow_twin(seed: int, n: int, has_copy: bool) -> None:
    generator = np.random.default_rng(seed)
    factor = generator.integers(0, 4, n)
    design = {
        "a": generator.normal(size=(n, 1)) * 1e4 + 3e4,
        "f": treatment_dummies(factor, np.arange(4)),
        "b": generator.normal(size=(n, 1)),
        "c": generator.integers(0, 2, (n, 1)).astype(np.float64),
    }
    if has_copy:
        design["copy"] = 2 * design["a"] + 5
    y = 0.001 * design["a"][:, 0] + 2.0 * (factor == 2) + generator.normal(size=n) * 3
    model = stepwise(y, design)
    twin = slow_stepwise(y, design)
    assert model.aic == pytest.approx(slow_aic(y, design, twin), rel=1e-9, abs=1e-7)
    x = np.column_stack([np.ones(n), *(design[term] for term in model.terms)])
    assert model.predict(design) == pytest.approx(x @ np.linalg.lstsq(x, y, rcond=1e-9)[0], rel=1e-7, abs=1e-7)


def test_whole_factors_leave() -> None:
    generator = np.random.default_rng(3)
    n = 400
    factor = generator.integers(0, 6, n)
    x = generator.normal(size=(n, 1))
    design = {"x": x, "noise": treatment_dummies(factor, np.arange(6))}
    assert stepwise(x[:, 0] + 0.1 * generator.normal(size=n), design).terms == ("x",)


def test_constant_columns_and_perfect_fits() -> None:
    design = {"one": np.ones((6, 1)), "population": POPULATION[:, None], "nothing": np.zeros((6, 0))}
    model = fit_linear(3 + 2 * POPULATION, design)
    assert model.n_coefficients == 2
    assert model.coefficients["one"].tolist() == [0.0]
    assert model.predict(design) == pytest.approx(3 + 2 * POPULATION)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        fit_linear(np.zeros(0), {"a": np.zeros((0, 1))})
    with pytest.raises(ValueError, match="finite"):
        fit_linear(np.array([np.nan]), {"a": np.zeros((1, 1))})
    with pytest.raises(ValueError, match=r"codes \[7\]"):
        treatment_dummies(np.array([0, 7]), np.array([0, 1]))
