"""Fitting of cells: worked examples of handbook 07, and slow twins that try everything in the order of the text."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nibrs_estimation.stats.calibration import calibrate
from nibrs_estimation.survey.weights.fit import (
    BASE,
    CANDIDATES,
    NAMES,
    SMALLEST_WEIGHTS,
    UPPER_BOUNDS,
    Cells,
    Fit,
    assign_by_coverage,
    fit_with_bounds,
    fit_with_subsets,
)

Floats = NDArray[np.float64]
NATION = ("total", "murder", "rape", "aggravated_assault", "burglary", "robbery", "larceny", "vehicle_theft")


def controls(*agencies: Mapping[str, float]) -> Floats:
    """Rows of controls from counts; sums are made."""
    rows = []
    for given_counts in agencies:
        one = dict.fromkeys(NAMES, 0.0) | dict(given_counts)
        one["property"] = one["property"] or one["burglary"] + one["larceny"] + one["vehicle_theft"]
        one["violent"] = one["violent"] or one["murder"] + one["rape"] + one["aggravated_assault"] + one["robbery"]
        one["total"] = one["violent"] + one["property"]
        rows.append([one[name] for name in NAMES])
    return np.array(rows)


def one_cell(values: Floats, is_respondent: list[bool]) -> tuple[Cells, Fit]:
    responding = np.array(is_respondent)
    d = len(responding) / max(responding.sum(), 1)
    cells = Cells(np.zeros(len(responding), dtype=np.int64), responding, values, np.array([d]))
    return cells, Fit.nothing(cells)


EXAMPLE = [(10, 100), (40, 300), (25, 400), (5, 80), (20, 200), (15, 300)]
RESPONDS = [True] * 4 + [False] * 2


def test_infeasible_cell_falls_back_to_inverse_coverage() -> None:
    """handbook 07: totals of (175, 1380) cannot be met; r = 0.617363, w = 1.619792, only the total is hit."""
    values = controls(*({"violent": v, "property": p} for v, p in [*EXAMPLE[:4], (80, 200), (15, 300)]))
    cells, fit = one_cell(values, RESPONDS)
    fit_with_subsets(cells, fit)
    assert fit.rule.tolist() == ["inverse_coverage"]
    assert fit.weights[:4] == pytest.approx([1.619792] * 4, abs=5e-7)
    assert np.isnan(fit.weights[4:]).all()
    assert cells.coverage()[0] == pytest.approx(0.617363, abs=5e-7)
    weighted = cells.totals(np.nan_to_num(fit.weights))[0]
    assert weighted[:3] == pytest.approx([1555, 129.583, 1425.417], abs=5e-4)
    assert [NAMES[j] for j in np.flatnonzero(fit.is_selected[0])] == ["total"]


def test_feasible_cell_of_the_example() -> None:
    """handbook 07 with the upper bound of 10."""
    cells, fit = one_cell(controls(*({"violent": v, "property": p} for v, p in EXAMPLE)), RESPONDS)
    fit_with_subsets(cells, fit)
    assert fit.rule.tolist() == ["calibrated"]
    assert fit.weights[:4] == pytest.approx([1.411172, 1.103911, 1.955262, 1.570060], abs=5e-7)


@pytest.mark.parametrize(
    ("totals", "responds", "no_crime", "rule", "weight"),
    [
        ([100, 200, 1], [True, True, False], False, "full_coverage", 1.0),
        ([100, 200, 1], [True, True, True], False, "full_coverage", 1.0),
        ([0, 0, 0], [True, True, True], False, "full_coverage", 1.0),
        ([0, 0, 0], [True, False, False], True, "no_crime", 1.0),
        ([0, 0, 0], [True, False, False], False, "calibrated", 3.0),
        ([0, 5, 5], [True, False, False], True, "no_response", np.nan),
        ([5, 5, 5], [False, False, False], False, "no_response", np.nan),
    ],
)
def test_what_needs_no_calibration(
    totals: list[float], responds: list[bool], no_crime: bool, rule: str, weight: float
) -> None:
    cells, fit = one_cell(controls(*({"larceny": total} for total in totals)), responds)
    assign_by_coverage(cells, fit, one_without_crime=no_crime)
    fit_with_subsets(cells, fit)
    assert fit.rule.tolist() == [rule]
    for responding, given_weight in zip(responds, fit.weights, strict=True):
        assert given_weight == pytest.approx(weight if responding else np.nan, nan_ok=True)


def slow_subset(values: Floats, responding: NDArray[np.bool_]) -> tuple[tuple[str, ...], Floats] | None:
    """All 128 sets in the order of the text, each by itself."""
    N, n = len(responding), int(responding.sum())
    for size in range(len(CANDIDATES), -1, -1):
        for extra in combinations(CANDIDATES, size):
            columns = [NAMES.index(name) for name in (*BASE, *extra)]
            made = calibrate(
                values[responding][:, columns], np.full(n, N / n), values[:, columns].sum(axis=0), bounds=(n / N, 10.0)
            )
            if made.status == "converged":
                return (*BASE, *extra), made.weights
    return None


cell_numbers = st.lists(st.tuples(*(st.integers(0, top) for top in (2, 4, 20, 15, 8, 60, 12))), min_size=4, max_size=14)


@given(st.lists(st.tuples(cell_numbers, st.integers(1, 9)), min_size=1, max_size=3))
@settings(max_examples=25, deadline=None)
def test_largest_set_equals_the_slow_twin(drawn: list[tuple[list[tuple[int, ...]], int]]) -> None:
    values, responding, cell = [], [], []
    for number, (rows, n) in enumerate(drawn):
        values.append(controls(*({name: float(x) for name, x in zip(CANDIDATES, row, strict=True)} for row in rows)))
        responding += [place < min(n, len(rows) - 1) for place in range(len(rows))]
        cell += [number] * len(rows)
    of_cell, answers = np.array(cell), np.array(responding)
    N, n_h = np.bincount(of_cell), np.bincount(of_cell, answers)
    cells = Cells(of_cell, answers, np.concatenate(values), N / n_h)
    fit = Fit.nothing(cells)
    fit_with_subsets(cells, fit)
    for number in range(cells.number):
        inside = of_cell == number
        expected = slow_subset(cells.controls[inside], answers[inside])
        weights = fit.weights[inside & answers]
        if expected is None:
            assert fit.rule[number] in ("inverse_coverage", "")
        else:
            # Sets of one span are one: what they give, not their names, is compared.
            assert fit.rule[number] == "calibrated"
            assert weights == pytest.approx(expected[1], rel=1e-6)
            mine = [NAMES[j] for j in np.flatnonzero(fit.is_selected[number])]
            assert set(mine) <= set(expected[0]) | {"burglary", "larceny", "vehicle_theft"}


def slow_bounds(values: Floats, responding: NDArray[np.bool_], d: float, lower: float) -> Floats | None:
    """Steps 1 to 9 of handbook 07, one after the other."""
    columns = [NAMES.index(name) for name in NATION]
    x, T = values[responding][:, columns], values[:, columns].sum(axis=0)
    for low, upper in [*((lower, u) for u in UPPER_BOUNDS), *((m * lower, 10.0) for m in SMALLEST_WEIGHTS)]:
        made = calibrate(x, np.full(len(x), d), T, bounds=(low, upper))
        if made.status == "converged":
            return made.weights
    return None


@given(
    st.lists(st.tuples(*(st.integers(0, top) for top in (2, 4, 20, 15, 8, 60, 12))), min_size=10, max_size=24),
    st.integers(1, 12),
    st.sampled_from([1.05, 1.3, 2.0]),
)
@settings(max_examples=40, deadline=None)
def test_bounds_equal_the_slow_twin(rows: list[tuple[int, ...]], missing: int, d: float) -> None:
    values = controls(*({name: float(x) for name, x in zip(CANDIDATES, row, strict=True)} for row in rows))
    responding = np.arange(len(rows)) >= min(missing, len(rows) - 9)
    cells = Cells(np.zeros(len(rows), dtype=np.int64), responding, values, np.array([d]))
    fit = Fit.nothing(cells)
    fit_with_bounds(cells, fit, [NATION], np.array([1 / d]))
    expected = slow_bounds(values, responding, d, 1 / d)
    assert (fit.rule[0] == "calibrated") == (expected is not None)
    if expected is not None:
        assert fit.weights[responding] == pytest.approx(expected, rel=1e-7)
        assert fit.weights[responding].min() >= 0.9 - 1e-9


def test_census_of_a_group_is_fitted_with_weights_of_1() -> None:
    """All of a group respond, but the frame's weight is above 1: the totals leave nothing but weights of about 1."""
    generator = np.random.default_rng(3)
    rows = generator.integers(1, 50, size=(30, len(CANDIDATES)))
    values = controls(*({name: float(x) for name, x in zip(CANDIDATES, row, strict=True)} for row in rows))
    responding = np.ones(30, dtype=np.bool_)
    cells = Cells(np.zeros(30, dtype=np.int64), responding, values, np.array([1.25]))
    fit = Fit.nothing(cells)
    fit_with_bounds(cells, fit, [NATION], np.array([0.8]))
    assert fit.rule.tolist() == ["calibrated"]
    assert fit.weights == pytest.approx(1.0, abs=2.5e-2)
    assert cells.totals(fit.weights)[0] == pytest.approx(cells.totals()[0], rel=1e-8)
