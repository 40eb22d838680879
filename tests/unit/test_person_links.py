"""Offenders paired with arrestees, and the logical edits: worked examples of handbook 05, and a slow twin."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.frames import table

from nibrs_estimation.stages.item_imputation.links import AGES, LEVELS, components, link_persons

Person = tuple[int | str | None, str | None, str | None]
DAY = date(2024, 3, 1)


def person(number: int, who: Person) -> dict[str, Any]:
    age, sex, race = who
    code, years = (f"{age:02d}", age) if isinstance(age, int) else (age, None)
    return {
        "incident_id": 7, "sequence_number": number, "age_code": code, "age_years": years,
        "sex_code": sex, "race_code": race,
    }  # fmt: skip


def linked(offenders: list[Person], arrestees: list[Person], days: int | list[int] = 5) -> pl.DataFrame:
    """The links of one incident; offenders have the identifiers 1, 2, ..., arrestees 11, 12, ..."""
    after = [days] * len(arrestees) if isinstance(days, int) else days
    return link_persons(
        table("incident", {"incident_id": 7, "incident_date": DAY}),
        table("offender", *({"offender_id": n, **person(n, who)} for n, who in enumerate(offenders, 1))),
        table(
            "arrestee",
            *(
                {
                    "arrestee_id": 10 + n, "is_group_b": False, "arrest_date": DAY + timedelta(days=late),
                    "offense_code": "13A", **person(n, who),
                }
                for n, (who, late) in enumerate(zip(arrestees, after, strict=True), 1)
            ),
        ),
        "VT",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("offender", "arrestee", "days", "birthday", "same", "race_from"),
    [
        ((24, "M", "W"), (25, "M", "W"), 30, True, True, None),
        ((24, "M", "W"), (25, "M", "W"), 0, False, False, None),
        ((24, "M", "W"), (25, "M", "W"), 365, True, True, None),
        ((24, "M", "W"), (25, "M", "W"), 366, False, False, None),
        ((25, "M", "W"), (24, "M", "W"), 30, False, False, None),
        ((24, "M", "W"), (34, "M", "W"), 30, False, False, None),
        ((30, "F", "U"), (30, "F", "B"), 5, False, True, "arrestee"),
        ((30, "F", "B"), (30, "F", "NS"), 5, False, True, "offender"),
        ((30, "F", "U"), (30, "F", "U"), 5, False, True, None),
        ((30, "F", "U"), (30, "F", "NS"), 5, False, False, None),
        ((30, "F", "W"), (30, "F", "B"), 5, False, False, None),
        ((30, "U", "W"), (30, "U", "W"), 5, False, False, None),
        (("99", "M", "W"), ("99", "M", "W"), 5, False, True, None),
        ((30, "M", None), (30, "M", None), 5, False, False, None),
    ],
)
def test_edits_of_a_pair(
    offender: Person, arrestee: Person, days: int, birthday: bool, same: bool, race_from: str | None
) -> None:
    (row,) = linked([offender], [arrestee], days).to_dicts()
    assert (row["has_birthday"], row["is_same_person"], row["race_from"]) == (birthday, same, race_from)
    assert row["has_other_race"] == ((offender[2], arrestee[2]) == ("W", "B"))


def test_age_difference_is_kept_for_people_to_look_at() -> None:
    (row,) = linked([(24, "M", "W")], [(34, "M", "W")]).to_dicts()
    assert row["age_difference"] == 10


def test_arrestee_identified_with_one_offender_is_dropped_for_others() -> None:
    found = linked([(24, "M", "W"), (40, "M", "W")], [(25, "M", "W")], 10)
    assert found["level"].to_list() == ["e", "e"]
    assert found["is_same_person"].to_list() == [True, False]
    assert found["is_dropped"].to_list() == [False, True]


def test_waterfall_of_the_handbook() -> None:
    found = linked([(24, "M", "W"), (40, "M", "W"), (30, "F", "U")], [(25, "M", "W"), (30, "F", "B")], [10, 5])
    assert found.select("offender_id", "arrestee_id", "level").rows() == [(1, 11, "e"), (2, 11, "e"), (3, 12, "c")]
    assert found.filter(pl.col("offender_id") == 3)["race_from"].to_list() == ["arrestee"]


def test_unknown_offenders_and_persons_alone_have_no_pair() -> None:
    offenders = table("offender", {"offender_id": 1, "incident_id": 7, "sequence_number": 0})
    arrestee = {"arrestee_id": 11, "is_group_b": False, "arrest_date": DAY, "offense_code": "13A", "incident_id": 7}
    incident = table("incident", {"incident_id": 7, "incident_date": DAY})
    assert link_persons(incident, offenders, table("arrestee", {**arrestee, "sequence_number": 1}), "VT").is_empty()
    assert link_persons(incident, table("offender"), table("arrestee", arrestee), "VT").is_empty()


def test_matched_pairs_that_share_a_person_are_one_person() -> None:
    links = pl.DataFrame(
        {
            "offender_id": [3, 3, 5, 9],
            "arrestee_id": [11, 12, 12, 13],
            "is_same_person": [True, True, True, False],
        }
    )
    found = components(links).sort("offender_id", "arrestee_id")
    assert found["same_person_id"].to_list() == [3, 3, 3]


PEOPLE = st.tuples(
    st.sampled_from([24, 25, "NN", "99", "00", None]),
    st.sampled_from(["M", "F", "U", None]),
    st.sampled_from(["W", "B", "U", "NS", None]),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(PEOPLE, max_size=4), st.lists(PEOPLE, max_size=4), st.integers(-3, 400))
def test_links_equal_the_slow_twin(offenders: list[Person], arrestees: list[Person], days: int) -> None:
    found = linked(offenders, arrestees, days)
    expected = slow_links(offenders, arrestees, days)
    columns = ["offender_id", "arrestee_id", "level", "has_birthday", "is_same_person", "race_from", "is_dropped"]
    assert found.select(columns).rows() == sorted(expected)


def slow_links(offenders: list[Person], arrestees: list[Person], days: int) -> list[tuple[Any, ...]]:
    left, right = dict(enumerate(offenders, 1)), dict(enumerate(arrestees, 11))
    pairs = []
    for level, common in LEVELS.items():
        places = {"age": 0, "sex": 1, "race": 2}
        level_pairs = [
            (o, a)
            for o, of in left.items()
            for a, arr in right.items()
            if all((o == a - 10) if name == "number" else of[places[name]] == arr[places[name]] for name in common)
        ]
        pairs += [(o, a, level) for o, a in level_pairs]
        left = {o: who for o, who in left.items() if o not in {pair[0] for pair in level_pairs}}
        right = {a: who for a, who in right.items() if a not in {pair[1] for pair in level_pairs}}
    rows = []
    for o, a, level in pairs:
        (age, sex, race), (age_a, sex_a, race_a) = offenders[o - 1], arrestees[a - 11]
        birthday = isinstance(age, int) and isinstance(age_a, int) and age_a - age == 1 and 1 <= days <= 365
        years, years_a = (AGES.get(x) if isinstance(x, str) else x for x in (age, age_a))
        alike = (birthday or (years is not None and years == years_a)) and sex == sex_a and sex in ("M", "F")
        unknown, unknown_a = race in (None, "U", "NS"), race_a in (None, "U", "NS")
        race_from = None
        if alike and unknown_a and not unknown:
            race_from = "offender"
        if alike and unknown and not unknown_a:
            race_from = "arrestee"
        same = alike and (race_from is not None or (race is not None and race == race_a))
        rows.append([o, a, level, birthday, same, race_from])
    identified = {row[1] for row in rows if row[3] and row[4]}
    return [(*row, row[1] in identified and not row[4]) for row in rows]
