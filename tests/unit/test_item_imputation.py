"""Item imputation: what must hold whatever is imputed, on a synthetic state; worked examples of its parts."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.support.frames import DATASETS, table
from tests.support.item_state import ItemState, imputed, item_state, state_segments

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.items import EDITED, IMPUTED, NO_PERSON, REPORTED, UNKNOWN
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.item_imputation.demographics import co_persons, overlaid
from nibrs_estimation.stages.item_imputation.finish import drawn_from_others
from nibrs_estimation.stages.item_imputation.groups import state_groups
from nibrs_estimation.stages.item_imputation.persons import OFFENSE_KINDS, offense_codes
from nibrs_estimation.stages.item_imputation.relationships import RELATIONSHIPS, with_wanted

ITEMS = {"age": "age_years", "sex": "sex_code", "race": "race_code", "ethnicity": "ethnicity_code"}
KEYS = {"victim": "victim_id", "offender": "offender_id", "arrestee": "arrestee_id"}
AGES = {"NN": 0, "NB": 0, "BB": 0, "99": 99}


@pytest.fixture(scope="module", params=["donors", "reference"])
def state(request: pytest.FixtureRequest) -> ItemState:
    return item_state(method=request.param)


def scope(state: ItemState, kind: str) -> pl.DataFrame:
    """Persons whose items are to be complete."""
    persons = state.made[f"analysis_{kind}"]
    if kind == "victim":
        return persons.filter(pl.col("victim_type_code").is_in(["I", "L"]))
    if kind == "offender":
        arrested = state.segments["arrestee"].select("incident_id").drop_nulls().unique()
        exceptional = state.segments["incident"].filter(pl.col("cleared_exceptionally_code") != "N")
        cleared = pl.concat([arrested, exceptional.select("incident_id")]).unique()
        return persons.filter(pl.col("sequence_number") > 0).join(cleared, on="incident_id", how="semi")
    return persons


def known(kind: str, persons: pl.DataFrame) -> pl.DataFrame:
    """Items as reported, missing if unknown."""
    years = pl.coalesce("age_years", pl.col("age_code").replace_strict(AGES, default=None, return_dtype=pl.Int16))
    unknown = pl.col("race_code").is_null() | (pl.col("race_code") == "U")
    return persons.select(
        pl.col(KEYS[kind]),
        known_age=years,
        known_sex=pl.when(pl.col("sex_code").is_in(["M", "F"])).then("sex_code"),
        known_race=pl.when(~unknown).then("race_code"),
        known_ethnicity=pl.when(pl.col("ethnicity_code") != "U").then("ethnicity_code"),
    )


def test_outputs_fit_their_declarations(state: ItemState) -> None:
    for name, frame in state.made.items():
        assert checked(frame, DATASETS[name]).height == frame.height


@pytest.mark.parametrize("kind", list(KEYS))
def test_nothing_is_missing_in_scope_and_known_values_stay(state: ItemState, kind: str) -> None:
    persons = scope(state, kind)
    assert persons.height > 500
    joined = persons.join(known(kind, state.segments[kind]), on=KEYS[kind])
    for item, column in ITEMS.items():
        assert joined[column].null_count() == 0
        flag, value = joined[f"{item}_flag"], joined[f"known_{item}"]
        assert set(flag) <= {REPORTED, EDITED, IMPUTED}
        assert (flag == IMPUTED).any() or kind == "arrestee"
        assert joined.filter((flag == REPORTED) & (pl.col(column).ne_missing(value))).is_empty()
        # The synthetic nation has no birthday between crime and arrest, so only unknown values change.
        assert joined.filter((flag != REPORTED) & value.is_not_null()).is_empty()


def test_persons_outside_the_scope_stay_as_reported(state: ItemState) -> None:
    offenders = state.made["analysis_offender"].join(scope(state, "offender"), on="offender_id", how="anti")
    assert offenders.height > 100
    for item, column in ITEMS.items():
        flags = offenders[f"{item}_flag"]
        assert set(flags) <= {REPORTED, NO_PERSON, UNKNOWN}
        assert offenders.filter((flags == REPORTED) & pl.col(column).is_null()).is_empty()
        assert offenders.filter((pl.col("sequence_number") == 0) & (flags != NO_PERSON)).is_empty()
    businesses = state.made["analysis_victim"].filter(~pl.col("victim_type_code").is_in(["I", "L"]))
    assert set(businesses["age_flag"]) == {UNKNOWN}


def test_one_person_has_one_set_of_values(state: ItemState) -> None:
    pairs = state.made["person_link"].filter(pl.col("is_same_person") & ~pl.col("is_dropped"))
    joined = pairs.join(state.made["analysis_offender"], on="offender_id").join(
        state.made["analysis_arrestee"].filter(~pl.col("is_group_b")), on="arrestee_id", suffix="_arrestee"
    )
    assert joined.height > 500
    for column in ("age_years", "sex_code", "race_code"):
        assert (joined[column] == joined[f"{column}_arrestee"]).all()
    either_unknown = joined.filter(
        (pl.col("ethnicity_flag") == IMPUTED) | (pl.col("ethnicity_flag_arrestee") == IMPUTED)
    )
    assert either_unknown.height > 10
    assert (either_unknown["ethnicity_code"] == either_unknown["ethnicity_code_arrestee"]).all()


def test_donors_have_the_value_and_reported_it(state: ItemState) -> None:
    audit = state.made["imputed_item"].filter(
        (pl.col("flag") == IMPUTED) & pl.col("donor_id").is_not_null() & (pl.col("pool") != "pair")
    )
    assert audit.height > 500
    for (kind, item), rows in audit.filter(pl.col("item") != "relationship").group_by("person_kind", "item"):
        segment = str(kind).removesuffix("_b")
        persons = state.segments[segment]
        if segment == "arrestee":
            persons = persons.filter(pl.col("is_group_b") == (kind == "arrestee_b"))
        given = known(segment, persons).select(donor_id=KEYS[segment], given=pl.col(f"known_{item}").cast(pl.String))
        joined = rows.join(given, on="donor_id", how="left")
        assert (joined["given"] == joined["value"]).all(), (kind, item)


def test_relationships_are_those_of_donors_and_never_unknown(state: ItemState) -> None:
    audit = state.made["imputed_item"].filter(pl.col("item") == "relationship")
    reported = state.segments["victim_offender"].select(
        donor_id="victim_id", donor_other_id="offender_id", given="relationship_code"
    )
    joined = audit.filter(pl.col("donor_id").is_not_null()).join(
        reported, on=["donor_id", "donor_other_id"], how="left"
    )
    assert joined.height > 50
    assert (joined["given"] == joined["value"]).all()
    assert "RU" not in set(audit["value"])
    assert audit.select("person_id", "other_id").is_unique().all()
    pairs = state.made["analysis_victim_offender"]
    # Every reported pair stays, and a known relationship with it.
    kept = state.segments["victim_offender"].join(pairs, on=["victim_id", "offender_id"], suffix="_now")
    assert kept.height == state.segments["victim_offender"].height
    assert kept.filter(
        (pl.col("relationship_code") != "RU") & (pl.col("relationship_code") != pl.col("relationship_code_now"))
    ).is_empty()


def test_values_are_never_races_and_ethnicities_without_a_row(state: ItemState) -> None:
    audit = state.made["imputed_item"].filter(pl.col("flag") == IMPUTED)
    assert set(audit.filter(pl.col("item") == "race")["value"]) <= {"W", "B", "I", "A", "P"}
    assert set(audit.filter(pl.col("item") == "ethnicity")["value"]) <= {"H", "N"}
    assert set(audit.filter(pl.col("item") == "sex")["value"]) <= {"M", "F"}


def test_order_of_rows_changes_nothing() -> None:
    segments, _ = state_segments("TX", 0.01, 1)
    turned = {name: frame.sample(fraction=1.0, shuffle=True, seed=7) for name, frame in segments.items()}
    again = imputed(turned, "TX", 1, "donors")
    for name, frame in item_state().made.items():
        key = list(DATASETS[name].primary_key)
        assert_frame_equal(again[name].sort(key), frame.sort(key))


def test_none_leaves_all_items_as_reported() -> None:
    segments, _ = state_segments("TX", 0.01, 1)
    made = imputed(segments, "TX", 1, "none")
    assert made["imputed_item"].is_empty()
    for kind, key in KEYS.items():
        keys = ["is_group_b", key] if kind == "arrestee" else [key]
        before, after = segments[kind].sort(keys), made[f"analysis_{kind}"].sort(keys)
        for column in ("sex_code", "race_code", "ethnicity_code"):
            assert after[column].equals(before[column])
    assert (
        made["analysis_victim_offender"]
        .drop("relationship_flag")
        .equals(
            segments["victim_offender"]
            .sort("victim_id", "offender_id")
            .select(made["analysis_victim_offender"].columns[:-1])
        )
    )


def test_shares_of_imputed_values_are_near_the_truth() -> None:
    """Blank at random given the agency: shares of imputed values by item, beside the true ones."""
    state = item_state("TX", 0.05)
    audit = state.made["imputed_item"].filter((pl.col("flag") == IMPUTED) & (pl.col("item") != "relationship"))
    segment = pl.col("person_kind").str.strip_suffix("_b")
    detail = (
        pl.when(segment == "arrestee")
        .then(pl.when(pl.col("person_kind") == "arrestee_b").then(pl.lit("B")).otherwise(pl.lit("A")))
        .otherwise(pl.lit(""))
    )
    truth = state.truth.with_columns(
        item=pl.col("item").replace(
            {"age_code": "age", "sex_code": "sex", "race_code": "race", "ethnicity_code": "ethnicity"}
        )
    ).rename({"unit_id": "person_id", "value": "true"})
    joined = audit.with_columns(segment=segment, detail_code=detail).join(
        truth, on=["segment", "person_id", "detail_code", "item"]
    )
    for (kind, item), rows in joined.filter(pl.col("item").is_in(["sex", "race", "ethnicity"])).group_by(
        "person_kind", "item"
    ):
        for value in ("M", "W", "B", "H"):
            n = rows.height
            p, share = (rows["true"] == value).mean(), (rows["value"] == value).mean()
            # Both are draws; four standard errors of their difference, and half a point for small classes.
            assert abs(p - share) < 4 * (2 * max(p * (1 - p), 1e-4) / n) ** 0.5 + 0.01, (kind, item, value, p, share, n)  # type: ignore[operator, arg-type]


def test_co_persons_of_the_handbook() -> None:
    victims = pl.DataFrame(
        {
            "incident_id": [1, 1, 1, 2, 2, 2, 3, 3],
            "age_years": pl.Series([20, 40, None, 30, 31, None, 5, 6], dtype=pl.Int16),
            "sex_code": ["M", "M", None, "M", "F", None, "M", "M"],
            "race_code": ["W", "B", None, "A", "A", "A", "O", "W"],
        }
    )
    found = {row["incident_id"]: row for row in co_persons(victims, "incident_id", "victim").to_dicts()}
    assert (found[1]["victim_mean_age"], found[1]["victim_number"], found[1]["victim_male"]) == (30, 3, 2)
    assert found[1]["victim_female"] is None
    assert (found[2]["victim_male"], found[2]["victim_female"]) == (1, 1)
    assert (found[3]["victim_male"], found[3]["victim_female"]) == (2, 0)
    assert (found[1]["victim_white"], found[1]["victim_other_race"]) == (1, None)
    assert (found[2]["victim_white"], found[2]["victim_other_race"]) == (0, 3)


def test_values_overlay_persons_by_key_only() -> None:
    persons = pl.DataFrame(
        {
            "person_id": [1, 2],
            "sex_code": ["M", None],
            "race_code": ["W", "W"],
            "age_years": pl.Series([1, 2], dtype=pl.Int16),
        }
    )
    values = pl.DataFrame({"person_id": [2, 9], "item": ["sex", "sex"], "value": ["F", "M"]})
    found = overlaid(persons, values)
    assert found["sex_code"].to_list() == ["M", "F"]
    assert found.drop("sex_code").equals(persons.drop("sex_code").select(found.drop("sex_code").columns))


@pytest.mark.parametrize(
    ("code", "offenders", "same", "kind", "wanted", "kept"),
    [
        ("RU", 1, False, None, True, False),
        ("RU", 2, False, None, False, True),
        ("RU", 2, True, None, True, False),
        ("XR", 1, False, "intimate", False, False),
        ("CF", 2, False, "family", False, False),
        ("CO", 2, False, "known", False, False),
        ("ST", 2, False, "stranger", False, False),
        ("VO", 2, False, "offender", False, False),
        (None, 2, False, None, True, False),
        ("HR", 2, False, None, True, False),
    ],
)
def test_which_relationships_are_imputed(
    code: str | None, offenders: int, same: bool, kind: str | None, wanted: bool, kept: bool
) -> None:
    schema = {"relationship_code": pl.String, "offenders": pl.Int32, "is_same_person": pl.Boolean}
    (row,) = with_wanted(pl.DataFrame([(code, offenders, same)], schema=schema, orient="row")).to_dicts()
    assert (row["relationship"], row["is_wanted"], row["is_kept"]) == (kind, wanted, kept)


def test_groups_and_lists_cover_every_code_once() -> None:
    states = sorted(code_list("state")["state_abbr"])
    for groups in (state_groups("ethnicity"), state_groups("relationship")):
        assert sorted(state for group in groups.values() for state in group) == states
    codes = [code for codes in RELATIONSHIPS.values() for code in codes]
    assert len(codes) == len(set(codes))
    assert set(code_list("relationship")["code"].to_list()) - set(codes) == {"RU", "HR"}
    kinds = offense_codes().filter(pl.any_horizontal(pl.col(list(OFFENSE_KINDS))))
    assert kinds.filter(pl.sum_horizontal(pl.col(list(OFFENSE_KINDS)).cast(pl.Int8)) > 1).is_empty()
    assert {"13A", "240", "90I", "35A", "23H"} <= set(kinds["offense_code"])


def left(*persons: int, item: str = "race", offense: str = "13A") -> pl.DataFrame:
    return pl.DataFrame(
        {"person_kind": ["victim"] * len(persons), "person_id": list(persons), "other_id": [0] * len(persons),
         "item": [item] * len(persons), "offense_code": [offense] * len(persons)}
    )  # fmt: skip


def distribution(*rows: tuple[str, str, str, int]) -> pl.DataFrame:
    return pl.DataFrame(
        [(state, "victim", "race", offense, value, n) for state, offense, value, n in rows],
        schema=["state_abbr", "person_kind", "item", "offense_code", "value", "n"],
        orient="row",
    )


@pytest.mark.parametrize(
    ("rows", "pool", "values"),
    [
        # Enough in the group of states for the offense; the state's own 29 are too few.
        ([("VT", "13A", "W", 20), ("VT", "13A", "B", 9), ("NH", "13A", "A", 40)], "state group", {"W", "B", "A"}),
        # All alike: another pool is asked.
        ([("VT", "13A", "W", 500), ("NY", "13A", "B", 30), ("NY", "13A", "I", 30)], "region", {"W", "B", "I"}),
        # No donor for the offense in the group: other offenses of the group.
        ([("NH", "220", "W", 20), ("NH", "240", "B", 20)], "state group", {"W", "B"}),
        ([("CA", "13A", "W", 20), ("TX", "13A", "B", 20)], "nation", {"W", "B"}),
        ([("CA", "13A", "W", 5)], None, set()),
    ],
)
def test_states_without_donors_draw_from_others(
    rows: list[tuple[str, str, str, int]], pool: str | None, values: set[str]
) -> None:
    found = drawn_from_others(left(*range(200)), distribution(*rows), "VT", 1)
    assert set(found["pool"]) == ({pool} if pool else set())
    assert set(found["value"]) == values
    assert found.height == (200 if pool else 0)
    # Each person draws for itself, whoever else there is.
    alone = drawn_from_others(left(7), distribution(*rows), "VT", 1)
    assert alone["value"].to_list() == found.filter(pl.col("person_id") == 7)["value"].to_list()


def test_odd_records_have_a_rule() -> None:
    """Codes outside their lists are imputed; an arrestee without an incident stays as reported."""
    segments, _ = state_segments("TX", 0.01, 1)
    victims = segments["victim"].with_columns(
        race_code=pl.when(pl.int_range(pl.len()) < 5).then(pl.lit("?")).otherwise("race_code"),
        sex_code=pl.when(pl.int_range(pl.len()) < 5).then(pl.lit("X")).otherwise("sex_code"),
    )
    arrestees = segments["arrestee"].with_columns(
        incident_id=pl.when((pl.int_range(pl.len()) < 5) & ~pl.col("is_group_b")).then(None).otherwise("incident_id"),
        race_code=pl.when((pl.int_range(pl.len()) < 5) & ~pl.col("is_group_b")).then(None).otherwise("race_code"),
    )
    made = imputed(segments | {"victim": victims, "arrestee": arrestees}, "TX", 1, "donors")
    odd = victims.head(5).select("victim_id", "victim_type_code").join(made["analysis_victim"], on="victim_id")
    persons = odd.filter(pl.col("victim_type_code").is_in(["I", "L"]))
    assert persons.height > 0
    assert set(persons["race_flag"]) == set(persons["sex_flag"]) == {IMPUTED}
    assert set(persons["race_code"]) <= {"W", "B", "I", "A", "P"}
    alone = made["analysis_arrestee"].filter(~pl.col("is_group_b") & pl.col("incident_id").is_null())
    assert alone.height == 5
    assert set(alone["race_flag"]) == {UNKNOWN}


@pytest.mark.parametrize(
    ("change", "pool"),
    [
        # Nobody's sex is known in the state, or all persons have one.
        (pl.lit(None, pl.String), None),
        (pl.when(pl.col("sex_code") == "F").then(pl.lit("M")).otherwise("sex_code"), None),
    ],
)
def test_a_state_without_donors_of_an_item_leaves_it_to_others(change: pl.Expr, pool: str | None) -> None:
    segments, _ = state_segments("TX", 0.01, 1)
    victims = segments["victim"].with_columns(sex_code=change)
    made = imputed(segments | {"victim": victims}, "TX", 1, "donors")
    persons = made["analysis_victim"].filter(pl.col("victim_type_code").is_in(["I", "L"]))
    unknown = persons.filter(pl.col("sex_code").is_null() | (pl.col("sex_code") == "U"))
    # There is no other state here to draw from, so what is blank stays so, and says so.
    assert unknown.height > 0
    assert set(unknown["sex_flag"]) == {UNKNOWN}
    assert persons["age_years"].null_count() == persons["race_code"].null_count() == 0


#: What a row of each segment must have beside its age.
SEGMENTS: dict[str, dict[str, Any]] = {
    "victim": {"victim_id": 1, "incident_id": 7, "race_code": "AP"},
    "offender": {"offender_id": 1, "incident_id": 7, "sequence_number": 1, "sex_code": "F"},
    "arrestee": {
        "arrestee_id": 1, "is_group_b": True, "arrest_date": date(2024, 5, 1), "offense_code": "90D",
        "ethnicity_code": "H",
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("code", "years", "age"),
    [("NN", None, 0), ("NB", None, 0), ("BB", None, 0), ("01", 1, 1), ("98", 98, 98), ("99", None, 99),
     ("00", None, None), ("NS", None, None), (None, None, None)],
)  # fmt: skip
def test_an_age_is_the_reported_one_or_that_of_a_code(code: str | None, years: int | None, age: int | None) -> None:
    tables = {name: table(name) for name in DATASETS}
    for name, row in SEGMENTS.items():
        tables[name] = table(name, {**row, "state_abbr": "VT", "age_code": code, "age_years": years})
    made = imputed({name: frame.collect() for name, frame in tables.items()}, "VT", 1, "none")
    for name in SEGMENTS:
        assert made[f"analysis_{name}"]["age_years"].to_list() == [age]
        assert made[f"analysis_{name}"]["age_flag"].to_list() == [UNKNOWN if age is None else REPORTED]
    # An older code of a race stays what the agency wrote.
    assert made["analysis_victim"]["race_code"].to_list() == ["AP"]


def test_ages_of_offenders_without_arrest_are_those_of_offenders() -> None:
    """Most donors are arrested, and their arrestee's age is their own: it must not predict the age of the others.

    With it, everybody whose age is blank would get an age near the mean.
    """
    state = item_state("TX", 0.05)
    ages = state.made["analysis_offender"].filter(pl.col("sequence_number") > 0)
    reported, imputed_ = (ages.filter(pl.col("age_flag") == flag)["age_years"] for flag in (REPORTED, IMPUTED))
    assert len(imputed_) > 300
    assert imputed_.std() == pytest.approx(reported.std(), rel=0.1)
    for low, high in ((0, 17), (25, 34), (50, 99)):
        shares = [ages_.is_between(low, high).mean() for ages_ in (reported, imputed_)]
        assert shares[0] == pytest.approx(shares[1], abs=0.06)
