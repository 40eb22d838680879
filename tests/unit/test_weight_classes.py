"""Weights of nation and regions: classes without respondents, classes that cannot be fitted, and what is left."""

import numpy as np
import pytest
from numpy.typing import NDArray

from nibrs_estimation.model.weights import CONTROLS
from nibrs_estimation.survey.weights.classes import FittedGroups, fit_geography

YEAR = 2024
NAMES = list(CONTROLS)


def controls(n: int, seed: int, size: float = 1.0) -> NDArray[np.float64]:
    """Random crimes of n agencies, with their sums."""
    generator = np.random.default_rng(seed)
    parts = {name: np.round(size * generator.gamma(2.0, 20.0, n)) for name in NAMES[3:]}
    parts["violent"] = parts["murder"] + parts["rape"] + parts["aggravated_assault"] + parts["robbery"]
    parts["property"] = parts["burglary"] + parts["larceny"] + parts["vehicle_theft"]
    parts["total"] = parts["violent"] + parts["property"]
    return np.column_stack([parts[name] for name in NAMES])


def fit(classes: list[tuple[int, int, int]], is_region: bool, sizes: dict[int, float] | None = None) -> FittedGroups:
    """Fit classes given as (class, agencies, respondents), by the reference's rule."""
    number = np.concatenate([np.full(N, k) for k, N, _n in classes])
    answers = np.concatenate([np.arange(N) < n for _k, N, n in classes])
    x = np.vstack([controls(N, k, (sizes or {}).get(k, 1.0)) for k, N, _n in classes])
    return fit_geography(number, answers, x, YEAR, is_region=is_region, has_giants_apart=False)


def classes_of(made: FittedGroups) -> list[tuple[int, ...]]:
    return [group.classes for group in made.groups]


def test_classes_that_always_stand_together() -> None:
    made = fit([(1, 20, 15), (3, 20, 15), (11, 30, 20), (12, 30, 20)], is_region=False)
    assert classes_of(made) == [(1,), (11,)]
    assert set(made.fit.rule) == {"calibrated"}
    assert made.merged_from == [None, None]


def test_a_class_with_fewer_respondents_than_controls_is_merged_with_the_next_of_its_kind() -> None:
    made = fit([(4, 40, 30), (9, 6, 3), (10, 40, 30), (14, 40, 30)], is_region=False)
    assert classes_of(made) == [(4,), (9, 10), (14,)]
    assert made.merged_from == [None, "9 into 10: controls cannot be met", None]
    assert set(made.fit.rule) == {"calibrated"}
    assert made.cell.tolist() == [0] * 40 + [1] * 46 + [2] * 40


def test_merging_goes_on_until_controls_are_met() -> None:
    made = fit([(4, 4, 2), (5, 4, 2), (6, 4, 3), (7, 60, 45)], is_region=False)
    assert classes_of(made) == [(4, 5, 6, 7)]
    assert made.merged_from[0] == (
        "4 into 5: controls cannot be met; 4; 5 into 6: controls cannot be met; 4; 5; 6 into 7: controls cannot be met"
    )


def test_the_last_group_falls_back_to_inverse_coverage_and_without_crime_to_numbers() -> None:
    made = fit([(8, 5, 3)], is_region=False)
    assert made.fit.rule.tolist() == ["inverse_coverage"]
    x = controls(5, 8)[:, 0]
    assert made.fit.weights[:3] == pytest.approx(x.sum() / x[:3].sum())
    nothing = fit_geography(
        np.full(5, 8), np.arange(5) < 3, np.zeros((5, 10)), YEAR, is_region=False, has_giants_apart=False
    )
    assert nothing.fit.rule.tolist() == ["calibrated"]
    assert nothing.fit.weights[:3] == pytest.approx(5 / 3)
    others = np.vstack([np.zeros((3, 10)), controls(2, 1)])
    equal = fit_geography(np.full(5, 8), np.arange(5) < 3, others, YEAR, is_region=False, has_giants_apart=False)
    assert equal.fit.rule.tolist() == ["equal"]
    assert equal.fit.weights[:3] == pytest.approx(5 / 3)


def test_nobody_responds() -> None:
    made = fit([(8, 5, 0), (16, 4, 0)], is_region=True)
    assert set(made.fit.rule) == {"no_response"}
    assert np.isnan(made.fit.weights).all()


def test_regions_move_classes_without_respondents_to_the_nearest_mean() -> None:
    """handbook 07: the smallest mean first, into the class whose mean is nearest to it."""
    sizes = {4: 10.0, 5: 4.0, 9: 6.0, 16: 1.0, 18: 0.9}
    made = fit([(4, 300, 250), (5, 300, 250), (9, 5, 0), (16, 300, 250), (18, 5, 0)], is_region=True, sizes=sizes)
    assert classes_of(made) == [(4,), (5,), (16,)]
    assert made.merged_from == [None, "9 into 5: no respondent", "18 into 16: no respondent"]
    assert made.cell.tolist() == [0] * 300 + [1] * 305 + [2] * 305


def test_regions_leave_groups_of_nearly_all_crime_alone() -> None:
    number, answers = np.repeat([4, 5], 300), np.arange(600) >= 50
    answers[300] = False
    x = np.vstack([controls(300, 4), controls(300, 5)])
    x[300] = 0.0  # the nonrespondent of class 5 has no crime
    made = fit_geography(number, answers, x, YEAR, is_region=True)
    assert made.fit.rule.tolist()[1] == "full_coverage"
    assert (made.fit.weights[301:] == 1).all()
    nation = fit_geography(number, answers, x, YEAR, is_region=False, has_giants_apart=False)
    assert nation.fit.rule.tolist()[1] == "calibrated"


def with_a_giant(crime: float = 1.0) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.float64]]:
    """A class of 40 agencies, 30 of which respond, and a nonrespondent with half as much crime as all; and another."""
    number, answers = np.repeat([4, 9], [41, 40]), np.append(np.arange(41) < 30, np.arange(40) < 30)
    x = np.vstack([crime * controls(40, 4), np.zeros((1, 10)), controls(40, 9)])
    murder, rape, larceny = (NAMES.index(name) for name in ("murder", "rape", "larceny"))
    # A mix of crime that no weights of the others can have.
    x[40, [murder, NAMES.index("violent")]] = 0.6 * max(x[:40, 0].sum(), 1000.0)
    x[40, NAMES.index("total")] = x[40, murder]
    assert x[40, rape] == x[40, larceny] == 0
    return number, answers, x


def test_a_giant_that_does_not_respond_stands_apart() -> None:
    number, answers, x = with_a_giant()
    merged = fit_geography(number, answers, x, YEAR, is_region=False, has_giants_apart=False)
    assert classes_of(merged) == [(4, 9)]
    made = fit_geography(number, answers, x, YEAR, is_region=False, has_giants_apart=True)
    assert classes_of(made) == [(4,), (9,)]
    assert made.merged_from == [None, None]
    assert made.fit.rule.tolist() == ["calibrated", "calibrated"]
    assert made.fit.giants_apart.tolist() == [1, 0]
    # The total of the class is met, giant and all, but no other control is one.
    w, respond = made.fit.weights[:41], answers[:41]
    assert w[respond] @ x[:41][respond, 0] == pytest.approx(x[:41, 0].sum())
    assert [name for name, is_one in zip(NAMES, made.fit.is_selected[0], strict=False) if is_one] == ["total"]
    assert np.isnan(w[~respond]).all()
    # The weights are those of the class without the giant, as if it were no agency with crime, times a factor.
    without = x.copy()
    without[40] = 0.0
    rest = fit_geography(number, answers, without, YEAR, is_region=False, has_giants_apart=False)
    factor = x[:41, 0].sum() / without[:41, 0].sum()
    assert w[respond] == pytest.approx(factor * rest.fit.weights[:41][respond])
    # Other classes are fitted as ever.
    assert made.fit.weights[41:][answers[41:]] == pytest.approx(rest.fit.weights[41:][answers[41:]])


def test_two_giants_stand_apart_only_if_one_is_not_enough() -> None:
    number, answers, x = with_a_giant()
    twice = np.insert(np.arange(len(x)), 40, 40)
    made = fit_geography(number[twice], answers[twice], x[twice], YEAR, is_region=False)
    assert classes_of(made) == [(4,), (9,)]
    assert made.fit.giants_apart.tolist() == [2, 0]
    w = np.nan_to_num(made.fit.weights[:42])
    assert w @ x[twice][:42, 0] == pytest.approx(x[twice][:42, 0].sum())


def test_where_the_others_have_no_crime_a_class_with_a_giant_is_merged() -> None:
    number, answers, x = with_a_giant(crime=0.0)
    made = fit_geography(number, answers, x, YEAR, is_region=False)
    assert classes_of(made) == [(4, 9)]
    assert made.merged_from == ["4 into 9: controls cannot be met"]
