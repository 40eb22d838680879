"""The code lists: complete, without repeats, and in step with what real lookups hold (specification 02, section 4)."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import polars as pl
import pytest

from nibrs_estimation.model.codes import code_list, code_lists

_ZIP = Path(__file__).parents[2] / os.environ.get("NIBRS_SHARED_DATA", "../shared/data") / "cde" / "VT-2024.zip"
LEADING = ["code", "label", "valid_from", "valid_to", "source"]
#: Lists of another form: places, rules and pairs.
SPECIAL = {"geography", "property_loss_by_offense", "state", "state_tile", "weight_class", "weight_class_rule"}
LISTS = [name for name in code_lists() if name not in SPECIAL]


@pytest.mark.parametrize("name", LISTS)
def test_every_list_has_codes_labels_years_and_sources_without_repeats(name: str) -> None:
    frame = code_list(name)
    assert frame.columns[:5] == LEADING
    assert not frame["code"].is_duplicated().any()
    assert not frame.select("code", "label", "source").null_count().sum_horizontal().item()
    assert (frame["valid_from"].cast(pl.Int64) <= frame["valid_to"].cast(pl.Int64)).all()
    assert (frame["code"].str.strip_chars() == frame["code"]).all()


@pytest.mark.parametrize("name", [name for name in LISTS if "cde_era2_id" in code_list(name).columns])
@pytest.mark.parametrize("era", ["cde_era1_id", "cde_era2_id"])
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
    assert {"11", "11A", "15A", "21"} <= set(weapons.filter(pl.col("is_firearm") == "true")["code"])


def test_losses_by_offense_name_known_codes() -> None:
    pairs = code_list("property_loss_by_offense")
    assert set(pairs["offense_code"]) <= set(code_list("offense")["code"])
    assert set(pairs["loss_code"]) <= set(code_list("property_loss")["code"])
    assert not pairs.is_duplicated().any()


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
    "location": ("NIBRS_LOCATION_TYPE", "location_id", "location_code"),
    "property_description": ("NIBRS_PROP_DESC_TYPE", "prop_desc_id", "prop_desc_code"),
    "race": ("REF_RACE", "race_id", "race_code"),
    "relationship": ("NIBRS_RELATIONSHIP", "relationship_id", "relationship_code"),
    "suspected_using": ("NIBRS_USING_LIST", "suspect_using_id", "suspect_using_code"),
    "drug": ("NIBRS_SUSPECTED_DRUG_TYPE", "suspected_drug_type_id", "suspected_drug_code"),
    "victim_type": ("NIBRS_VICTIM_TYPE", "victim_type_id", "victim_type_code"),
    "weapon": ("NIBRS_WEAPON_TYPE", "weapon_id", "weapon_code"),
}


@pytest.mark.skipif(
    not _ZIP.exists(), reason=f"needs {_ZIP.name}; set NIBRS_SHARED_DATA to the folder that holds cde/{_ZIP.name}"
)
@pytest.mark.parametrize("name", LOOKUPS)
def test_lists_agree_with_the_lookups_of_2024(name: str) -> None:
    member, id_column, code_column = LOOKUPS[name]
    with zipfile.ZipFile(_ZIP) as file:
        lookup = pl.read_csv(io.BytesIO(file.read(f"{member}.csv")), infer_schema=False)
    ours = dict(code_list(name).select("code", "cde_era2_id").rows())
    theirs = {code.strip(): number.strip() for code, number in lookup.select(code_column, id_column).rows()}
    assert {code: ours.get(code) for code in theirs} == theirs
