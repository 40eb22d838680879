"""The code lists: complete, without repeats, and in step with what real lookups hold (data dictionary)."""

from __future__ import annotations

import io
import zipfile

import polars as pl
import pytest
from tests.support.shared_data import VERMONT, needs_vermont

from nibrs_estimation.model.codes import code_list, code_lists

LEADING = ["code", "label", "valid_from", "valid_to", "source"]
#: Lists of another form: places, rules and pairs.
SPECIAL = {
    "agency_subtype",
    "geography",
    "place_override",
    "property_loss_by_offense",
    "state",
    "state_group",
    "state_tile",
    "weight_class",
    "weight_class_rule",
    "account_reason",
    "place_not_estimated",
    "substate_class",
    "substate_class_rule",
    "donor_state",
    "summary_geography",
    "summary_override",
    "summary_year",
    "ucr_county",
    "county_succession",
    "county_override",
}
LISTS = [name for name in code_lists() if name not in SPECIAL]
#: Every list with ids of a layout, with the name of their column.
IDS = [
    (name, column) for name in LISTS for column in ("cde_era1_id", "cde_era2_id") if column in code_list(name).columns
]


@pytest.mark.parametrize("name", LISTS)
def test_every_list_has_codes_labels_years_and_sources_without_repeats(name: str) -> None:
    frame = code_list(name)
    assert frame.columns[:5] == LEADING
    assert not frame["code"].is_duplicated().any()
    filled = frame.select(pl.col("code", "label", "source").str.strip_chars().str.len_chars() > 0)
    assert filled.fill_null(False).select(pl.all_horizontal(pl.all()).all()).item()
    assert (frame["valid_from"].cast(pl.Int64) <= frame["valid_to"].cast(pl.Int64)).all()
    assert (frame["code"].str.strip_chars() == frame["code"]).all()


@pytest.mark.parametrize(("name", "era"), IDS)
def test_ids_of_a_layout_are_unique(name: str, era: str) -> None:
    ids = code_list(name)[era].drop_nulls()
    if (name, era) == ("age", "cde_era1_id"):
        ids = ids.filter(ids != "5")  # age in years, given beside the id
    assert not ids.is_duplicated().any()


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("offense", 86), ("victim_type", 9), ("location", 47), ("bias", 36), ("circumstance", 17),
        ("property_description", 68), ("property_loss", 8), ("drug", 18), ("drug_measure", 11), ("age", 104),
        ("population_group", 19), ("srs_item", 29), ("agency_type", 9), ("officer_activity", 11), ("state", 51),
        ("relationship", 30), ("weapon", 38), ("injury", 9), ("race", 12), ("srs_breakdown", 47),
        ("property_loss_by_offense", 103),
    ],
)  # fmt: skip
def test_numbers_of_codes(name: str, number: int) -> None:
    assert code_list(name).height == number


def test_offenses_that_are_estimated() -> None:
    estimated = code_list("offense").filter(pl.col("is_estimated") == "true")
    assert dict(estimated.group_by("crime_against").len().rows()) == {"Person": 14, "Property": 25, "Society": 12}
    assert set(estimated["offense_group"]) == {"A"}


def test_firearms() -> None:
    weapons = code_list("weapon")
    assert (weapons["is_firearm"] == (weapons["weapon_category"] == "1").cast(pl.String)).all()
    kinds = {f"{family}{kind}{suffix}" for family in "12" for kind in "12345" for suffix in ("", "A")}
    assert set(weapons.filter(pl.col("is_firearm") == "true")["code"]) == kinds


def test_losses_by_offense_name_known_codes() -> None:
    pairs = code_list("property_loss_by_offense")
    assert set(pairs["offense_code"]) <= set(code_list("offense")["code"])
    assert set(pairs["loss_code"]) <= set(code_list("property_loss")["code"])
    assert not pairs.is_duplicated().any()


def test_population_groups_lead_to_their_parents() -> None:
    groups = code_list("population_group")
    assert not groups["population_group_id"].is_duplicated().any()
    assert (groups["parent_code"] == groups["code"].str.head(1)).all()
    parents = groups.group_by("parent_code").agg(pl.col("parent_label").unique())
    assert (parents["parent_label"].list.len() == 1).all()
    assert set(parents["parent_code"]) == set("123456789")
    own = groups.filter(pl.col("parent_code") == pl.col("code"))
    assert (own["parent_label"] == own["label"]).all()
    assert set(groups["size_group"]) == set("12345")


def test_states_and_divisions_lead_to_their_regions() -> None:
    states = code_list("state").select(pl.col("division_code", "region_code").cast(pl.String))
    divisions = code_list("division").select("code", pl.col("region_code").cast(pl.String))
    assert set(states.rows()) == set(divisions.filter(pl.col("code") != "99").rows())
    assert set(divisions["region_code"]) == set(code_list("region")["code"])


LOOKUPS = {
    "officer_activity": ("NIBRS_ACTIVITY_TYPE", "activity_type_id", "activity_type_code"),
    "age": ("NIBRS_AGE", "age_id", "age_code"),
    "arrest_type": ("NIBRS_ARREST_TYPE", "arrest_type_id", "arrest_type_code"),
    "officer_assignment": ("NIBRS_ASSIGNMENT_TYPE", "assignment_type_id", "assignment_type_code"),
    "bias": ("NIBRS_BIAS_LIST", "bias_id", "bias_code"),
    "circumstance": ("NIBRS_CIRCUMSTANCES", "circumstances_id", "circumstance_code"),
    "cleared_exceptionally": ("NIBRS_CLEARED_EXCEPT", "cleared_except_id", "cleared_except_code"),
    "criminal_activity": ("NIBRS_CRIMINAL_ACT_TYPE", "criminal_act_id", "criminal_act_code"),
    "drug_measure": ("NIBRS_DRUG_MEASURE_TYPE", "drug_measure_type_id", "drug_measure_code"),
    "ethnicity": ("NIBRS_ETHNICITY", "ethnicity_id", "ethnicity_code"),
    "injury": ("NIBRS_INJURY", "injury_id", "injury_code"),
    "justifiable_force": ("NIBRS_JUSTIFIABLE_FORCE", "justifiable_fore_id", "justifiable_force_code"),
    "location": ("NIBRS_LOCATION_TYPE", "location_id", "location_code"),
    "property_description": ("NIBRS_PROP_DESC_TYPE", "prop_desc_id", "prop_desc_code"),
    "property_loss": ("NIBRS_PROP_LOSS_TYPE", "prop_loss_id", "prop_loss_id"),
    "race": ("REF_RACE", "race_id", "race_code"),
    "relationship": ("NIBRS_RELATIONSHIP", "relationship_id", "relationship_code"),
    "suspected_using": ("NIBRS_USING_LIST", "suspect_using_id", "suspect_using_code"),
    "drug": ("NIBRS_SUSPECTED_DRUG_TYPE", "suspected_drug_type_id", "suspected_drug_code"),
    "victim_type": ("NIBRS_VICTIM_TYPE", "victim_type_id", "victim_type_code"),
    "weapon": ("NIBRS_WEAPON_TYPE", "weapon_id", "weapon_code"),
}


def _lookup(member: str) -> pl.DataFrame:
    with zipfile.ZipFile(VERMONT) as file:
        lookup = pl.read_csv(io.BytesIO(file.read(f"{member}.csv")), infer_schema=False)
    return lookup.with_columns(pl.all().str.strip_chars().replace("", None))


@needs_vermont
@pytest.mark.parametrize("name", LOOKUPS)
def test_lists_agree_with_the_lookups_of_2024(name: str) -> None:
    member, id_column, code_column = LOOKUPS[name]
    ours = dict(code_list(name).select("code", "cde_era2_id").rows())
    assert ours == dict(_lookup(member).select(pl.col(code_column), id=id_column).rows())


def test_every_list_with_ids_of_the_later_layout_is_compared_with_a_lookup() -> None:
    assert {name for name, column in IDS if column == "cde_era2_id"} == set(LOOKUPS)


@needs_vermont
def test_offenses_agree_with_the_lookup_of_2024() -> None:
    # Hate crime eligibility is left out: since 2023 every offense of group A but 09C has it.
    theirs = _lookup("NIBRS_OFFENSE_TYPE").select(
        "offense_code", "crime_against", "offense_category_name", "offense_group", "hc_code", pl.col("ct_flag") == "t"
    )
    ours = code_list("offense").select(
        "code", "crime_against", "category", "offense_group", "hate_crime_code",
        pl.col("is_cargo_theft_eligible") == "true",
    )  # fmt: skip
    assert set(ours.rows()) == set(theirs.rows())


@needs_vermont
def test_states_agree_with_the_lookup_of_2024() -> None:
    names = ["state_id", "state_name", "state_abbr", "state_postal_abbr", "state_fips_code", "division_id"]
    ours = code_list("state").with_columns(
        pl.col("state_id").cast(pl.String),
        state_fips_code="state_fips",
        division_id=(pl.col("division_code") + 1).cast(pl.String),
    )
    assert set(ours.select(names).rows()) <= set(_lookup("REF_STATE").select(names).rows())
