"""Nonrespondents that are larger than every respondent of the classes that impute them."""

from collections.abc import Iterable
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.frames import table

from nibrs_estimation.model.estimates import AGENCY_BEYOND_RESPONDENTS
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.estimation.beyond import list_agencies_beyond_respondents
from nibrs_estimation.stats.copula.form import LEAST_RESPONDENTS

Row = dict[str, Any]


def agencies(rows: Iterable[Row]) -> pl.LazyFrame:
    return table("weighting_frame", *({"agency_id": number, **row} for number, row in enumerate(rows)))


def class_of(code: str, number: int) -> list[Row]:
    return [{"population_group_code": code, "population": 1000 + i, "n_total": 10.0 + i} for i in range(number)]


def test_an_agency_with_more_residents_or_more_crime_is_listed() -> None:
    small, large = class_of("6", 40), class_of("1B", 40)
    silent = {"population_group_code": "6", "is_respondent": False}
    found = list_agencies_beyond_respondents(agencies([
        *small, *large,
        {**silent, "population": 1040, "n_total": 5.0},
        {**silent, "population": 500, "n_total": 49.5},
        {**silent, "population": 1039, "n_total": 49.0},
    ]))  # fmt: skip
    checked(found, AGENCY_BEYOND_RESPONDENTS)
    assert found["agency_id"].to_list() == [80, 81]
    assert found["classes"].unique().to_list() == ["6"]
    assert found.select("largest_population", "largest_n_total").unique().rows() == [(1039, 49.0)]


def test_without_respondents_all_are_listed_and_without_agencies_none() -> None:
    silent = [{"population_group_code": "6", "population": 900, "n_total": 1.0, "is_respondent": False}]
    found = list_agencies_beyond_respondents(agencies(silent))
    assert found.select("largest_population", "largest_n_total").rows() == [(None, None)]
    assert list_agencies_beyond_respondents(agencies([])).is_empty()


def test_a_negative_or_missing_population_counts_as_none() -> None:
    """Such agencies are in the group without residents, as state police are."""
    silent: Row = {"is_respondent": False, "n_total": 99.0, "population_group_code": "6"}
    found = list_agencies_beyond_respondents(
        agencies([*class_of("6", 40), {**silent, "population": -5}, {**silent, "population": None}])
    )
    assert found["classes"].unique().to_list() == ["6,99"]


row = st.fixed_dictionaries({
    "population_group_code": st.sampled_from(["1A", "2", "4", "6", "8D"]), "population": st.integers(0, 50),
    "n_total": st.floats(0, 20), "is_respondent": st.booleans(),
})  # fmt: skip
CLASSES = {"1A": 1, "2": 2, "4": 4, "6": 6, "8D": 8}


@settings(deadline=None, max_examples=60)
@given(st.lists(row, min_size=1, max_size=90))
def test_the_list_equals_the_slow_twin(rows: list[Row]) -> None:
    found = list_agencies_beyond_respondents(agencies(rows))
    group = [CLASSES[row["population_group_code"]] if row["population"] > 0 else 99 for row in rows]
    # Neighbors are merged until each has enough respondents; a rest belongs to the one before.
    merged: list[list[int]] = [[]]
    for k in sorted(set(group)):
        of_rest = sum(row["is_respondent"] for row, g in zip(rows, group, strict=True) if g >= k)
        inside = sum(row["is_respondent"] for row, g in zip(rows, group, strict=True) if g in merged[-1])
        if merged[-1] and inside >= LEAST_RESPONDENTS and of_rest >= LEAST_RESPONDENTS:
            merged.append([])
        merged[-1].append(k)
    expected = []
    for number, (row, k) in enumerate(zip(rows, group, strict=True)):
        classes = next(classes for classes in merged if k in classes)
        others = [r for r, g in zip(rows, group, strict=True) if g in classes and r["is_respondent"]]
        is_beyond = not others or any(row[n] > max(r[n] for r in others) for n in ("population", "n_total"))
        if not row["is_respondent"] and is_beyond:
            expected.append(number)
    assert found["agency_id"].to_list() == expected
