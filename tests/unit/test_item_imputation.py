"""Persons as they are analyzed against a slow twin."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.frames import DATASETS, table

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.item_imputation.persons import prepare_persons

#: What a row of each segment must have beside its age.
SEGMENTS: dict[str, dict[str, Any]] = {
    "victim": {"state_abbr": "VT", "victim_id": 1, "incident_id": 7, "victim_type_code": "I", "race_code": "W"},
    "offender": {"state_abbr": "VT", "offender_id": 1, "incident_id": 7, "sex_code": "F"},
    "arrestee": {
        "state_abbr": "VT", "arrestee_id": 1, "is_group_b": True, "arrest_date": date(2024, 5, 1),
        "offense_code": "90D", "ethnicity_code": "H", "resident_code": "R",
    },
}  # fmt: skip
KEYS = {"victim": "victim_id", "offender": "offender_id", "arrestee": "arrestee_id"}


@st.composite
def ages(draw: st.DrawFn) -> dict[str, Any]:
    """An age as sources deliver it: a code, the years of a code that is a number, sometimes a range."""
    code = draw(st.none() | st.sampled_from(code_list("age")["code"].to_list()))
    years = int(code) if code and code.isdigit() and 1 <= int(code) <= 98 else None
    low, high = draw(st.sampled_from([(None, None), (20, 30)])) if code == "00" else (None, None)
    return {"age_code": code, "age_years": years, "age_low_years": low, "age_high_years": high}


def slow_age(code: str | None) -> int | None:
    if code in (None, "00", "NS"):
        return None
    return 0 if code in ("NN", "NB", "BB") else int(code)


@settings(deadline=None, max_examples=30)
@given(st.lists(ages(), max_size=8))
def test_persons_equal_the_slow_twin(reported: list[dict[str, Any]]) -> None:
    rows = {
        name: [{**row, KEYS[name]: number, **age} for number, age in enumerate(reported)]
        for name, row in SEGMENTS.items()
    }
    made = prepare_persons(**{name: table(name, *of_segment) for name, of_segment in rows.items()})
    assert list(made) == [f"analysis_{name}" for name in SEGMENTS]
    for name, of_segment in rows.items():
        dataset = DATASETS[f"analysis_{name}"]
        expected = [{**row, "age_years": slow_age(row["age_code"])} for row in of_segment]
        assert checked(made[dataset.name], dataset).to_dicts() == table(dataset.name, *expected).collect().to_dicts()


@pytest.mark.parametrize(
    ("code", "years", "age"),
    [("NN", None, 0), ("NB", None, 0), ("BB", None, 0), ("01", 1, 1), ("98", 98, 98), ("99", None, 99),
     ("00", None, None), ("NS", None, None), (None, None, None)],
)  # fmt: skip
def test_an_age_is_the_reported_one_or_that_of_a_code(code: str | None, years: int | None, age: int | None) -> None:
    victim = table("victim", {**SEGMENTS["victim"], "age_code": code, "age_years": years})
    made = prepare_persons(victim, table("offender"), table("arrestee"))
    assert made["analysis_victim"].collect()["age_years"].to_list() == [age]
