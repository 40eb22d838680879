"""Weight groups: large agencies, merged classes of states, groups of smaller places, partners of failing classes."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nibrs_estimation.survey.weights.collapse import Group, partner_of
from nibrs_estimation.survey.weights.groups import mark_self_representing, place_groups, state_groups

#: A class of each super class, by code list substate_class.
CLASS_OF = {"A": 1, "B": 4, "O": 8, "Z": 20}


def units(*rows: dict[str, Any]) -> pl.DataFrame:
    full = [
        {
            "geography_code": "VT", "division": 0, "agency_id": place, "is_respondent": True, "substate_class": 8,
            "total": 1.0, **row,
        }
        for place, row in enumerate(rows)
    ]  # fmt: skip
    return pl.DataFrame(full, schema_overrides={"substate_class": pl.Int8, "division": pl.Int32})


@pytest.mark.parametrize(
    ("totals", "responds", "large"),
    [
        ([5000, *[100] * 40], [True] * 41, []),
        ([5000, *[10] * 100], [True] * 101, [0]),
        ([5000, 5000, *[10] * 100], [True, False, *[True] * 100], []),
        ([5000, 5000, *[10] * 100], [True] * 102, [0, 1]),
    ],
)
def test_self_representing_example(totals: list[int], responds: list[bool], large: list[int]) -> None:
    """handbook 07."""
    given_units = units(
        *({"total": float(t), "is_respondent": r} for t, r in zip(totals, responds, strict=True)),
        {"geography_code": "ME", "total": 9e9},
    )
    marked = mark_self_representing(given_units)
    assert marked.filter("is_self_representing")["agency_id"].to_list() == large


def grouped_states(
    respondents: dict[str, int], given_groups: dict[tuple[str, str], int] | None = None
) -> dict[str, tuple[int, str, str | None]]:
    """Super class -> group, label and reason, of a state with two agencies in each class that is named."""
    rows = [
        {"substate_class": CLASS_OF[one], "is_respondent": place < n}
        for one, n in respondents.items()
        for place in range(2)
    ]
    frame = units(*rows).with_columns(is_self_representing=pl.lit(False))
    made = state_groups(frame, given_groups or {})
    class_of = {number: one for one, number in CLASS_OF.items()}
    return {
        class_of[row["substate_class"]]: (row["weight_group"], row["label"], row["merged_from"])
        for row in made.iter_rows(named=True)
    }


def test_states_keep_their_classes_where_each_has_a_respondent() -> None:
    made = grouped_states({"A": 1, "B": 1, "Z": 2, "O": 1})
    assert {one: group for one, (group, _label, _why) in made.items()} == {"A": 1, "B": 2, "Z": 3, "O": 4}
    assert made["B"][1] == ("Not self-representing - Cities from 100,000 thru 249,999 and MSA counties 100,000 or over")
    assert made["A"][2] is None


@pytest.mark.parametrize(
    ("respondents", "groups"),
    [
        ({"A": 0, "B": 1, "Z": 1, "O": 1}, {"A": 5, "B": 5, "Z": 3, "O": 4}),
        ({"A": 1, "B": 0, "Z": 1, "O": 1}, {"A": 1, "B": 7, "Z": 3, "O": 7}),
        ({"A": 0, "B": 0, "Z": 1, "O": 1}, {"A": 8, "B": 8, "Z": 3, "O": 8}),
        ({"A": 0, "Z": 1, "O": 1}, {"A": 6, "Z": 3, "O": 6}),
        ({"A": 1, "B": 1, "Z": 0, "O": 1}, {"A": 1, "B": 2, "Z": 11, "O": 11}),
        ({"A": 0, "B": 0, "Z": 0, "O": 1}, {"A": 9, "B": 9, "Z": 9, "O": 9}),
        ({"A": 1, "B": 1, "Z": 1, "O": 0}, {"A": 1, "B": 7, "Z": 3, "O": 7}),
        ({"A": 1, "Z": 1, "O": 0}, {"A": 6, "Z": 3, "O": 6}),
        ({"A": 0, "Z": 1}, {"A": 12, "Z": 12}),
        ({"B": 0, "O": 0}, {"B": 7, "O": 7}),
    ],
)
def test_classes_without_respondents_are_merged(respondents: dict[str, int], groups: dict[str, int]) -> None:
    made = grouped_states(respondents)
    assert {one: group for one, (group, _label, _why) in made.items()} == groups
    for one, n in respondents.items():
        if n == 0:
            assert "no respondent" in str(made[one][2])


def test_a_table_of_groups_is_followed() -> None:
    table = {("VT", "A"): 9, ("VT", "B"): 9, ("VT", "Z"): 9, ("VT", "O"): 9, ("ME", "A"): 1}
    made = grouped_states({"A": 1, "B": 1, "Z": 1, "O": 1}, table)
    assert {group for group, _label, _why in made.values()} == {9}
    assert made["A"][1] == "Not self-representing - All strata"
    assert "table" in str(made["A"][2])
    # Where nobody of a group of the table responds, it is merged like any other.
    made = grouped_states(
        {"A": 0, "B": 0, "Z": 1, "O": 1}, {("VT", "A"): 5, ("VT", "B"): 5, ("VT", "Z"): 3, ("VT", "O"): 4}
    )
    assert {one: group for one, (group, _label, _why) in made.items()} == {"A": 8, "B": 8, "Z": 3, "O": 8}
    assert made["A"][2] == "AB: by the table of groups; AB into O: no respondent"


@given(st.dictionaries(st.sampled_from("ABZO"), st.integers(0, 2), min_size=1))
@settings(max_examples=80, deadline=None)
def test_merging_leaves_no_group_without_respondents_but_the_last(respondents: dict[str, int]) -> None:
    made = grouped_states(respondents)
    by_group: dict[int, int] = {}
    for one, (group, _label, _why) in made.items():
        by_group[group] = by_group.get(group, 0) + respondents[one]
    assert all(by_group.values()) or len(by_group) == 1


def test_self_representing_agencies_stand_apart() -> None:
    frame = units({"substate_class": 1}, {"substate_class": 1, "is_respondent": False}, {}).with_columns(
        is_self_representing=pl.Series([True, False, False])
    )
    made = state_groups(frame, {})
    assert made["weight_group"].to_list() == [10, 6, 6]
    assert made["label"].to_list()[0] == "Self-representing"


def place(rows: list[tuple[int, int, bool, float]], divisions: list[str], certain: set[int] = frozenset()) -> list[int]:  # type: ignore[assignment]
    """Groups of units (division, class, responds, total) of one place."""
    frame = units(
        *(
            {"division": division, "substate_class": number, "is_respondent": responds, "total": total}
            for division, number, responds, total in rows
        )
    ).with_columns(is_self_representing=pl.col("agency_id").is_in(list(certain)))
    return place_groups(frame, divisions, has_self_representing=True)["weight_group"].to_list()


def test_groups_of_places() -> None:
    good, bad = [(0, 8, True, 30.0), (0, 8, False, 70.0)], [(0, 20, True, 10.0), (0, 20, False, 90.0)]
    assert place([*good, (0, 20, True, 1.0)], []) == [1, 1, 2]
    # A group below a fifth takes the other with it.
    assert place([*good, *bad], []) == [3, 3, 3, 3]
    # A fifth is enough.
    assert place([*good, (0, 20, True, 20.0), (0, 20, False, 80.0)], []) == [1, 1, 2, 2]
    # Nobody answers for the agencies without population.
    assert place([*good, (0, 20, False, 0.0)], []) == [3, 3, 3]
    # 0/0 with a respondent is neither low nor high.
    assert place([*good, (0, 20, True, 0.0), (0, 20, False, 0.0)], []) == [1, 1, 2, 2]
    # One group alone stays what it is.
    assert place([(0, 8, False, 1.0)], []) == [1]


def test_groups_of_metropolitan_divisions() -> None:
    rows = [
        (0, 8, True, 1.0), (1, 8, True, 1.0), (1, 20, True, 1.0), (2, 8, True, 1.0), (2, 20, False, 1.0),
        (0, 8, True, 99.0),
    ]  # fmt: skip
    assert place(rows, ["First", "Second"], {5}) == [1, 4, 5, 9, 9, 10]


GROUPS = {
    number: Group((number,), frozenset({1 if number < 9 else 2 if number < 14 else 3 if number < 18 else number - 14}))
    for number in range(1, 21)
}


@pytest.mark.parametrize(
    ("failing", "present", "partner"),
    [
        (4, [1, 4, 5, 6], 5),
        (8, [1, 4, 7, 8, 9], 7),
        (1, [1, 9, 18], 18),
        (9, [4, 9, 14, 19], 14),
        (14, [4, 14, 18, 20], 20),
        (18, [1, 8, 9, 18], 8),
        (19, [8, 18, 19, 20], 20),
        (20, [8, 18, 20], 18),
        (9, [9, 18], 18),
    ],
)
def test_partners(failing: int, present: list[int], partner: int) -> None:
    """handbook 07, collapsing."""
    found = partner_of(GROUPS[failing], [GROUPS[number] for number in present])
    assert found.number == partner


def test_partners_of_merged_groups() -> None:
    merged = GROUPS[14].merged(GROUPS[20])
    assert merged.classes == (14, 20)
    assert partner_of(merged, [merged, GROUPS[4], GROUPS[9]]) is GROUPS[9]
    # A merged group counts for each of its kinds.
    assert partner_of(GROUPS[9], [GROUPS[9], merged, GROUPS[19]]) is merged
