"""Predictive mean matching: its parts against slow twins, its imputations against known truth."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nibrs_estimation.stats import random
from nibrs_estimation.stats.imputation.matching import draw_nearest
from nibrs_estimation.stats.imputation.pmm import (
    Variable,
    canonical_variate,
    draw_coefficients,
    impute,
    least_squares,
    pairwise_correlations,
    quick_predictors,
)

Floats = NDArray[np.float64]


def holed(values: Floats, share: float, generator: np.random.Generator) -> Floats:
    return np.where(generator.uniform(size=values.shape) < share, np.nan, values)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(4, 30))
def test_quick_predictors_equal_the_slow_twin(seed: int, n: int) -> None:
    generator = np.random.default_rng(seed)
    base = generator.normal(size=n)
    data = {
        "a": base,
        "b": holed(np.round(base + generator.normal(size=n)), 0.3, generator),
        "c": holed(generator.normal(size=n), 0.5, generator),
        "d": np.ones(n),
    }
    chosen = quick_predictors(data, forced=("d",))
    for j, y in data.items():
        missing = np.isnan(y)
        if not missing.any():
            assert j not in chosen
            continue
        for k, x in data.items():
            both, seen = ~missing & ~np.isnan(x), ~np.isnan(x)
            v, u = slow_correlation(y[both], x[both]), slow_correlation((~missing)[seen].astype(float), x[seen])
            usable, strongest = (missing & seen).sum() / missing.sum(), max(abs(v), abs(u))
            # At the limit itself the last digit decides.
            assume(abs(strongest - 0.1) > 1e-9)
            expected = k != j and (k == "d" or (strongest > 0.1 and usable >= 0.25))
            assert (k in chosen[j]) == expected


def slow_correlation(x: Floats, y: Floats) -> float:
    return 0.0 if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0 else float(np.corrcoef(x, y)[0, 1])


def test_pairwise_correlations_far_from_zero() -> None:
    generator = np.random.default_rng(1)
    x = 1e6 + generator.normal(size=(200, 2))
    everywhere = np.ones(x.shape, dtype=np.bool_)
    assert pairwise_correlations(x, everywhere, x, everywhere) == pytest.approx(np.corrcoef(x.T), abs=1e-6)


def test_posterior_has_its_mean_and_covariance() -> None:
    generator = np.random.default_rng(2)
    x = generator.normal(size=(60, 2)) * [1.0, 5.0]
    y = 1 + x @ [2.0, -1.0] + generator.normal(size=60)
    design = np.column_stack([np.ones(60), x])
    estimate = np.linalg.lstsq(design, y, rcond=None)[0]
    residual = y - design @ estimate
    fit = least_squares(design.T @ design, design.T @ y)
    squares = float(residual @ residual)
    draws = np.array([draw_coefficients(fit, squares, 57, seed=1, stream="t", draw=i) for i in range(4000)])
    # E[1/chi²_57] = 1/55.
    covariance = np.linalg.inv(design.T @ design) * (residual @ residual) / 55
    error = np.sqrt(np.diag(covariance) / 4000)
    assert np.abs((draws.mean(axis=0) - estimate) / error).max() < 4
    of_covariance = np.sqrt((np.outer(np.diag(covariance), np.diag(covariance)) + covariance**2) / 4000)
    assert (np.abs(np.cov(draws.T) - covariance) < 4 * of_covariance).all()
    assert fit.estimate == pytest.approx(estimate)


def test_one_step_with_given_random_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """chi² = 8 and z = (0.5, -1) for the lower Cholesky factor of (X'X)^-1; then the draw of one of five donors."""
    x, y = np.arange(10.0), np.array([21.0, 19, 25, 24, 30, 28, 35, 33, 41, 38])
    design = np.column_stack([np.ones(10), x])
    fit = least_squares(design.T @ design, design.T @ y)
    assert fit.estimate == pytest.approx([19.09090909, 2.29090909])
    squares = float(((y - design @ fit.estimate) ** 2).sum())
    assert squares == pytest.approx(49.41818182)
    # The engine's factor is another root of the same matrix: the same draw has other normal numbers.
    lower = np.linalg.cholesky(np.linalg.inv(design.T @ design))
    own = np.linalg.inv(fit.factor.T) / fit.scale[:, None]
    z = np.linalg.solve(own, lower @ [0.5, -1.0])
    assert np.linalg.norm(z) == pytest.approx(np.hypot(0.5, 1.0))
    monkeypatch.setattr(random, "gamma", lambda *_, **__: 4.0)
    monkeypatch.setattr(random, "normal", lambda *_, **__: z)
    drawn = draw_coefficients(fit, squares, 8, seed=1, stream="t", draw=0)
    assert drawn == pytest.approx([19.82131428, 2.02835886])
    recipients = np.column_stack([np.ones(2), [2.4, 7.5]]) @ drawn
    assert recipients == pytest.approx([24.68937553, 35.03400570])
    donors = design @ fit.estimate
    for point, values in ((0.1, [25, 33]), (0.5, [19, 41]), (0.9, [21, 38])):
        chosen = draw_nearest(donors, recipients, np.full(2, point), k=5)
        assert y[chosen].tolist() == values


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 5))
def test_canonical_variate_equals_an_independent_computation(seed: int, n_levels: int) -> None:
    generator = np.random.default_rng(seed)
    levels = np.concatenate([np.arange(n_levels), generator.integers(0, n_levels, 40)])
    x = generator.normal(size=(len(levels), 2)) + levels[:, None] * generator.normal(size=2)
    sums = np.array([x[levels == level].sum(axis=0) for level in range(n_levels)])
    scores = canonical_variate(np.bincount(levels), sums, x.T @ x)[levels]
    dummies = (levels[:, None] == np.arange(1, n_levels)).astype(np.float64)
    q_x, q_d = (np.linalg.qr(block - block.mean(axis=0))[0] for block in (x, dummies))
    first = np.linalg.svd(q_x.T @ q_d)[1][0]
    fitted = q_x @ (q_x.T @ (scores - scores.mean()))
    # The largest correlation that any coding of the levels can have with a combination of x.
    assert np.linalg.norm(fitted) / np.linalg.norm(scores - scores.mean()) == pytest.approx(first, rel=1e-6)


def agencies(seed: int, n: int = 200) -> tuple[dict[str, Variable], NDArray[np.int64]]:
    generator = np.random.default_rng(seed)
    people, kind = generator.normal(8, 1.5, n), generator.integers(0, 3, n)
    officers = np.round(people + kind + generator.normal(size=n))
    return {
        "people": Variable(people),
        "kind": Variable(kind.astype(np.float64), is_categorical=True),
        "officers": Variable(holed(officers, 0.3, generator)),
        "civilians": Variable(holed(np.round(officers / 2 + generator.normal(size=n)), 0.3, generator)),
        "group": Variable(holed((people > 8).astype(np.float64) + (kind == 2), 0.2, generator), is_categorical=True),
    }, generator.permutation(10 * n)[:n]


@pytest.mark.parametrize("coding", ["canonical", "integer"])
def test_imputed_values_are_observed_ones(coding: str) -> None:
    variables, unit = agencies(4)
    done = impute(variables, unit=unit, seed=1, stream="t", cycles=3, coding=coding)  # type: ignore[arg-type]
    assert set(done.donor) == {"officers", "civilians", "group"}
    for name, variable in variables.items():
        observed = ~np.isnan(variable.values)
        assert (done.values[name][observed] == variable.values[observed]).all()
        assert not np.isnan(done.values[name]).any()
        if name in done.donor:
            assert (done.donor[name][observed] == -1).all()
            donors = done.donor[name][~observed]
            assert observed[donors].all()
            assert (done.values[name][~observed] == variable.values[donors]).all()


def test_order_of_rows_changes_nothing_and_the_seed_does() -> None:
    variables, unit = agencies(5)
    one = impute(variables, unit=unit, seed=1, stream="t", cycles=3)
    order = np.random.default_rng(9).permutation(len(unit))
    turned = {name: Variable(v.values[order], v.is_categorical) for name, v in variables.items()}
    other = impute(turned, unit=unit[order], seed=1, stream="t", cycles=3)
    assert all((one.values[name][order] == other.values[name]).all() for name in variables)
    again = impute(variables, unit=unit, seed=2, stream="t", cycles=3)
    assert any((one.values[name] != again.values[name]).any() for name in variables)


def test_missing_at_random_is_mended() -> None:
    """The larger the predictor, the more often the outcome is missing: its observed mean is far too low."""
    errors, naive = [], []
    for seed in range(40):
        generator = np.random.default_rng(seed)
        x = generator.normal(size=500)
        y = 3 + 2 * x + generator.normal(size=500)
        holes = generator.uniform(size=500) < 1 / (1 + np.exp(-1.5 * x))
        data = {"x": Variable(x), "y": Variable(np.where(holes, np.nan, y))}
        done = impute(data, unit=np.arange(500), seed=seed, stream="mar")
        errors.append(float((done.values["y"] - y).mean()))
        naive.append(float(y[~holes].mean() - y.mean()))
    error = np.std(errors, ddof=1) / np.sqrt(len(errors))
    # What remains is the lack of donors at the upper end.
    assert abs(np.mean(errors)) < 4 * error + 0.05
    assert np.mean(naive) < -0.5


@pytest.mark.parametrize("matching", ["posterior", "estimate"])
def test_donors_are_of_the_first_class_that_has_enough(matching: str) -> None:
    generator = np.random.default_rng(6)
    n = 400
    fine, coarse = generator.integers(0, 12, n), np.zeros(n, dtype=np.int64)
    coarse[fine >= 6] = 1
    fine[:3] = 12
    x = generator.normal(size=n)
    y = holed(np.round(x + fine), 0.3, generator)
    gives = generator.uniform(size=n) < 0.9
    gives[np.isnan(y)] = True
    done = impute(
        {"x": Variable(x), "y": Variable(y, gives=gives)},
        unit=np.arange(n),
        seed=1,
        stream="t",
        min_correlation=0,
        matching=matching,  # type: ignore[arg-type]
        classes=(fine, coarse),
        min_donors=20,
    )
    can_give = ~np.isnan(y) & gives
    assert {0, 1} <= set(done.pool["y"])
    for row in np.flatnonzero(np.isnan(y)):
        donor, pool = done.donor["y"][row], done.pool["y"][row]
        enough = [(can_give & (numbers == numbers[row])).sum() >= 20 for numbers in (fine, coarse)]
        assert can_give[donor]
        assert pool == (0 if enough[0] else 1 if enough[1] else 2)
        if pool < 2:
            assert (fine, coarse)[pool][donor] == (fine, coarse)[pool][row]


def test_rows_that_give_nothing_do_not_change_what_is_imputed() -> None:
    generator = np.random.default_rng(7)
    x = generator.normal(size=300)
    y = holed(np.round(3 * x), 0.2, generator)
    gives = ~(np.arange(300) % 10 == 0)
    arguments = {"unit": np.arange(300), "seed": 1, "stream": "t", "min_correlation": 0.0, "matching": "estimate"}
    made = []
    for shift in (0.0, 50.0):
        values = y + shift * (~gives & ~np.isnan(y))
        done = impute({"x": Variable(x), "y": Variable(values, gives=gives)}, **arguments)  # type: ignore[arg-type]
        made.append(done.values["y"][np.isnan(y)])
    assert (made[0] == made[1]).all()


def test_constant_and_collinear_variables_are_left_alone() -> None:
    x = np.arange(30.0)
    holes = np.where(x % 5 == 0, np.nan, 1.0)
    data = {
        "x": Variable(x),
        "twice": Variable(np.where(x % 7 == 0, np.nan, 2 * x)),
        "constant": Variable(holes),
        "y": Variable(np.where(x % 4 == 0, np.nan, np.sin(x))),
    }
    done = impute(data, unit=np.arange(30), seed=1, stream="t", forced=("x",))
    assert done.not_imputed == ("twice", "constant")
    assert np.isnan(done.values["constant"]).sum() == 6
    assert done.predictors == {"y": ("x",)}


def test_few_donors_and_complete_data() -> None:
    data = {"x": Variable(np.arange(6.0)), "y": Variable(np.array([1.0, 2.0, np.nan, np.nan, np.nan, 5.0]))}
    done = impute(data, unit=np.arange(6), seed=1, stream="t", forced=("x",))
    assert set(done.values["y"]) <= {1.0, 2.0, 5.0}
    complete = impute({"x": data["x"]}, unit=np.arange(6), seed=1, stream="t")
    assert complete.donor == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit": np.zeros(4, dtype=np.int64)}, "units are not unique"),
        ({"forced": ("z",)}, "no variable z"),
        ({"variables": {"x": Variable(np.full(4, np.nan))}}, "no observed value"),
        ({"variables": {"x": Variable(np.zeros(3))}}, "shape"),
        (
            {"variables": {"x": Variable(np.array([1.0, 2.0, 3.0, np.nan]), gives=np.zeros(4, dtype=np.bool_))}},
            "no donor",
        ),
    ],
)
def test_bad_input_is_refused(change: dict[str, object], message: str) -> None:
    arguments = {"variables": {"x": Variable(np.arange(4.0))}, "unit": np.arange(4), "seed": 1, "stream": "t", **change}
    with pytest.raises(ValueError, match=message):
        impute(arguments.pop("variables"), **arguments)  # type: ignore[arg-type]
