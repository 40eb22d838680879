"""Definitions of tables against the reference's description (handbook 10 and 11)."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from tests.support.command import nibrs

from nibrs_estimation.cli.table_frame import format_ranges
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.tables import read
from nibrs_estimation.tables.labels import short_title
from nibrs_estimation.tables.read import read_tables, table_definition, table_definitions

FOLDER = Path(read.__file__).parent / "definitions"

#: Rows, columns, first and last label of the rows, last column (handbook 10).
SHAPES = {
    "1a": (101, 20, "Incident count", "Location type 3: Not residence", "Violent Crime 2"),
    "1b": (88, 15, "Incident count", "Location type 3: Not residence", "Car Jacking"),
    "1c": (78, 27, "Incident count", "Location type 3: Not residence", " Drug Equipment Violations"),
    "2a": (110, 20, "Offense count", "Weapon involved hierarchy collapse: Not Applicable", "Violent Crime 2"),
    "2b": (75, 18, "Offense count", "Clearance 2: Not cleared incident", "Hacking/Computer Invasion"),
    "2c": (62, 27, "Offense count", "Clearance 2: Not cleared incident", " Drug Equipment Violations"),
    "3a": (
        171, 33, "Victimization count",
        "Victim race and Hispanic Origin: Unknown race or Hispanic origin", "Violent Crime 2",
    ),
    "3b": (
        79, 33, "Victimization count",
        "Race and Hispanic Origin-specific victimization rate: Unknown race or Hispanic origin", "Violent Crime 2",
    ),
    "3c": (
        4, 15, "Businesses: Victimization count",
        "Other non-person victims: Victimization rate (victimization county population)", "Car Jacking",
    ),
    "4a": (
        80, 61, "Arrest count",
        "Arrestee race and Hispanic Origin: Unknown race or Hispanic origin", " Drug Equipment Violations",
    ),
    "4b": (
        39, 61, "Arrest rate (per 100k total population)",
        "Race and Hispanic Origin-specific arrest rate: Unknown race or Hispanic origin", " Drug Equipment Violations",
    ),
    "LEOKA": (
        91, 1, "Victimization count: Law enforcement officers",
        "Victim-offender relationship 2: Unknown relationship", "ASSAULT OFFENSES",
    ),
    "DM1": (
        4, 1, "Incident count",
        "Completed drug-related offenses: Both drug/narcotic and drug equipment violations",
        "Completed Drug-Related Offense",
    ),
    "DM2": (
        12, 1, "Total",
        "Criminal activity: Drug trafficking not for personal consumption", "Completed Drug/Narcotic Violation",
    ),
    "DM3": (8, 1, "Total", "Property description: Property not seized", "Completed Drug/Narcotic Violation"),
    "DM4": (10, 1, "Total", "Suspected type of drug: More Than 3 Types (X)", "Completed Drug/Narcotic Violation"),
    "DM5": (
        145, 1, "Total",
        "One Criminal Activity or One Suspected Drug More Than 3 Types (X): Using/consuming",
        "Completed Drug/Narcotic Violation",
    ),
    "DM6": (
        53, 54, "Total Incident Counts per Activity",
        "Location type 2: Other/unknown location", "35A - More Than 3 Types (X) - U (Using/consuming)",
    ),
    "DM7": (
        65, 54, "Total Arrests per Activity",
        "Arrestee race and Hispanic Origin: Unknown race or Hispanic origin",
        "35A - More Than 3 Types (X) - U (Using/consuming)",
    ),
    "DM10": (
        3, 4, "Total arrests", "Arrestee sex: Female", "Drug trafficking not for personal consumption",
    ),
    "GV1a": (19, 13, "Offense count", "Location Type 4: Other/unknown location", "Car Jacking"),
    "GV2a": (
        73, 13, "Known Victim count",
        "Victim race and Hispanic Origin: Unknown race or Hispanic origin", "Car Jacking",
    ),
    "GV3a": (15, 13, "Incident count", "Clearance: Juvenile/no custody", "Car Jacking"),
    "PL1": (
        76, 13, "Incident count", "Value of destroyed or damaged property: Unknown value", "Stolen Property Offenses",
    ),
    "GB1": (60, 14, "Arrest count", "Juvenile disposition: Unknown", "All Other Offenses (90Z)"),
    "IM1": (14, 19, "Incident count", "Month: December", "Weapon Law Violations"),
    "BM1": (
        58, 15, "Incident count", "Clearance of incidents with bias: Exceptional clearance",
        "NIBRS crimes against society (Total)",
    ),
    "YT1": (
        21, 1, "Victimization count 12-17",
        "Victim Multiple/Unknown/Not Specified Ethnicity/Race: Unknown Race",
        "Murder and Non-negligent Manslaughter",
    ),
    "YT2": (
        5, 1,
        "Number of Victimizations performed by offenders aged 12 or older, or missing age, or from unknown offender "
        "incidents",
        "Victimization performed by any offenders in an incident by age: Unknown offender incidents",
        "Murder and Non-negligent Manslaughter",
    ),
}  # fmt: skip
SHAPES |= {"3aclear": SHAPES["3a"], "3aunclear": SHAPES["3a"], "3bclear": SHAPES["3b"], "3bunclear": SHAPES["3b"]}
SHAPES |= {"DM8": SHAPES["DM6"], "DM9": SHAPES["DM7"]}
#: 5a and 5b have the rows of 4a and 4b and columns of their own.
SHAPES |= {"5a": (80, 71, *SHAPES["4a"][2:]), "5b": (39, 71, *SHAPES["4b"][2:])}


def numbers(text: str) -> list[int]:
    """``3-5, 9`` as the reference's description writes it."""
    found: list[int] = []
    for part in filter(None, re.split(r"[,\s]+", text)):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


#: Tables that the reference does not have (handbook 10).
OWN_TABLES = {"BM1", "GB1", "IM1", "PL1"}


def test_the_tables_are_the_33_of_the_specification_and_our_own() -> None:
    assert set(table_definitions()) == set(SHAPES)
    assert len(SHAPES.keys() - OWN_TABLES) == 33


def test_tables_are_listed_by_number() -> None:
    names = list(table_definitions())
    assert names[6:9] == ["3a", "3aclear", "3aunclear"]
    assert names.index("DM2") < names.index("DM10")


@pytest.mark.parametrize("name", SHAPES)
def test_rows_and_columns(name: str) -> None:
    table = table_definition(name)
    rows, columns, first, last, last_column = SHAPES[name]
    assert [row.row for row in table.rows] == list(range(1, rows + 1))
    assert [column.position for column in table.columns] == list(range(1, columns + 1))
    assert (table.rows[0].label, table.rows[-1].label, table.columns[-1].label) == (first, last, last_column)
    sections = [row.section for row in table.rows]
    assert sections == sorted(sections)


SECTION_STARTS = {
    "1a": "1 3 11 13 15 18 21 27 37 44 51 57 64 72 80 84 95 100",
    "2b": "1 3 11 13 16 26 33 40 46 53 55 57 61 72 74",
    "3a": "1 5 15 18 24 29 34 45 66 74 76 82 84 90 95 103 108 126 134 136 154 158 162 165",
    "4a": "1 2 5 15 18 24 45 49 52 57 65 71 74",
    "DM9": "1 2 3 11 13 19 40 44 47 49 50 56 59",
    "GV2a": "1 3 11 16 20 23 29 33 35 39 44 50 58 64 67",
}


@pytest.mark.parametrize("name", SECTION_STARTS)
def test_sections(name: str) -> None:
    rows = table_definition(name).rows
    starts = [next(row.row for row in rows if row.section == section) for section in range(1, rows[-1].section + 1)]
    assert starts == numbers(SECTION_STARTS[name])


#: Rows whose percentages are of other rows than their own (handbook 11); "self" spans stand by themselves.
DENOMINATORS = {
    "1a": {
        "self": "3-4 11-12 13-14 15-17 18-20 37-43 44-50 51-55 57-62 64-66 67-71 80-83",
        "5-10": "4", "21-36": "1", "72-79": "1", "84-101": "1",
    },
    "1b": {
        "self": "3-4 11-12 13-15 16-18 29-35 36-42 43-47 49-54 56-58 59-63 72-75",
        "5-10": "4", "19-28": "1", "64-71": "1", "76-88": "1",
    },
    "2b": {
        "self": "3-4 11-12 13-15 26-32 33-39 40-44 46-51 53-54 55-56 57-60 74-75",
        "5-10": "4", "16-25": "1", "61-73": "1",
    },
    "3a": {
        "self": "5-14 15-17 18-23 46-51 53-58 60-65 66-67 74-75 82-83 95-97 98-102 108-125 126-133 136-153 154-157 "
        "162-164 165-171",
        "24-44": "1", "45 52 59": "15-17", "68-73": "67", "76-81": "1", "84 85 88 89": "1", "86-87": "85",
        "90-94": "1", "103 105 107": "67", "104": "103", "106": "105", "134-135": "1", "158-161": "67",
    },
    "5a": {
        "self": "2-4 5-14 15-17 18-23 25-30 32-37 39-44 45-48 49-51 52-53 57-58 71-73 74-80",
        "24 31 38": "15-17", "54-56": "53", "59-64": "58", "65 66 69 70": "1", "67-68": "66",
    },
    "IM1": {"self": "3-14"},
    "PL1": {"3-10": "1", "11-32": "9", "33-54": "7", "55-76": "6"},
    "GB1": {"self": "3-5 6-15 16-18 19-24 25-27 28-34 35-37 38-47 48-57 58-60"},
    "BM1": {"self": "3-5 56-58", "6-55": "3"},
    "DM4": {},
    "DM10": {"self": "2-3"},
    "GV1a": {"self": "8-19", "3 7": "3 7", "4-6": "3"},
    "GV2a": {
        "self": "3-10 16-19 20-22 23-28 29-32 35-38 39-43 44-49 50-57 58-63 64-66 67-73",
        "11 14 15": "1", "12-13": "11", "33-34": "1",
    },
    "YT2": {"2-5": "1"},
}  # fmt: skip
DENOMINATORS |= {"3aclear": DENOMINATORS["3a"], "3aunclear": DENOMINATORS["3a"], "4a": DENOMINATORS["5a"]}


@pytest.mark.parametrize("name", DENOMINATORS)
def test_denominators(name: str) -> None:
    """DM4 has a map, too, but no percentages (handbook 10)."""
    expected: dict[int, list[int]] = {}
    for key, value in DENOMINATORS[name].items():
        if key == "self":
            expected |= {row: numbers(span) for span in value.split() for row in numbers(span)}
        else:
            expected |= {row: numbers(value) for row in numbers(key)}
    found = {row.row: list(row.denominator) for row in table_definition(name).rows if "percentage" in row.estimates}
    assert found == expected


#: handbook 10: rows without a count, rows without a percentage ("all": none has one), rows with a rate.
ESTIMATES = {
    **dict.fromkeys(["1a", "1b", "1c", "2a", "2b", "2c", "GV1a", "GV3a", "LEOKA"], ("2", "1 2", "2")),
    "BM1": ("2", "1 2", "2-45"),
    **dict.fromkeys(["IM1", "PL1"], ("2", "1 2", "2")),
    "GB1": ("2", "1 2", "2 6-37"),
    **dict.fromkeys(["3a", "3aclear", "3aunclear"], ("3 4", "1-4", "3 4")),
    **dict.fromkeys(["3b", "3bclear", "3bunclear"], ("3-79", "all", "3-79")),
    "3c": ("2 4", "all", "2 4"),
    **dict.fromkeys(["4a", "5a"], ("", "1", "")),
    **dict.fromkeys(["4b", "5b"], ("1-39", "all", "1-39")),
    "GV2a": ("2", "1 2", "2-73"),
    **dict.fromkeys(["YT1", "YT2", "DM1", "DM3", "DM10"], ("", "1", "")),
    **dict.fromkeys(["DM2", "DM4", "DM5", "DM6", "DM7", "DM8", "DM9"], ("", "all", "")),
}
#: handbook 10 and 11.
DROPPED = {
    "1a": [56, 63], "1b": [48, 55], "1c": [38, 45], "2a": [53, 60], "2b": [45, 52], "2c": [32, 39],
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_estimate_types(name: str) -> None:
    table = table_definition(name)
    uncounted, without_percentage, rates = ESTIMATES[name]
    dropped = set(DROPPED.get(name, []))
    every = {row.row for row in table.rows} - dropped
    assert {row.row for row in table.rows if row.is_dropped} == dropped
    assert {row.row for row in table.rows if "count" in row.estimates} == every - set(numbers(uncounted))
    percentages = set() if without_percentage == "all" else every - set(numbers(without_percentage))
    assert {row.row for row in table.rows if "percentage" in row.estimates} == percentages
    assert {row.row for row in table.rows if "rate" in row.estimates} == set(numbers(rates))


_AGES = "LT5 5TO14 15 16 17 18TO24 25TO34 35TO64 GTE65"
_BLOCKS = {
    "age10": [f"PCTAGE{age}" for age in _AGES.split()],
    "age8": [f"PCTAGE{age}" for age in ("LT5", "5TO14", "_15_17", "18TO24", "25TO34", "35TO64", "GTE65")],
    "sex": ["PCTSEXMALE", "PCTSEXFEMALE"],
    "race": [f"PCTRACE{race}" for race in ("WHITE", "BLACK", "AIAN", "ASIAN", "NHPI")],
    "age2": [f"PCTAGE_{age}" for age in ("UNDER_12", "12_17", "12_14", "15_17", "OVER_18")],
    "gv_age2": [f"PCTAGE_{age}" for age in ("UNDER_18", "UNDER_12", "12_17", "OVER_18")],
    "hispanic": ["PCT_HISP", "PCT_NONHISP"],
    "race_hispanic": ["PCT_HISP", *(f"PCT_NONHISP_{race}" for race in ("WHITE", "BLACK", "AIAN", "ASIAN", "NHOPI"))],
}
Rates = dict[int, list[str] | str]
#: Rows with a population of their own (handbook 11): first row and keys; all other rates are of all residents.
_VICTIM_RATES: Rates = {
    4: ["OFFICER"],
    5: "age10",
    15: "sex",
    18: "race",
    24: "age2",
    70: "hispanic",
    73: "race_hispanic",
}
_ARREST_RATES: Rates = {
    5: "age10",
    15: "sex",
    18: "race",
    24: "age2",
    30: "hispanic",
    33: "race_hispanic",
}
_GUN_RATES: Rates = {
    3: "age8",
    11: "gv_age2",
    20: "sex",
    23: "race",
    64: "hispanic",
    67: "race_hispanic",
}
_GROUP_B_RATES: Rates = {
    6: "age10",
    16: "sex",
    19: "race",
    25: "hispanic",
    28: "race_hispanic",
    35: ["PCTAGE_UNDER_18", "PCTAGE_OVER_18"],
}
_OFFICER_RATE: Rates = {4: ["OFFICER"]}
POPULATIONS: dict[str, Rates] = {
    **dict.fromkeys(["3b", "3bclear", "3bunclear"], _VICTIM_RATES),
    **dict.fromkeys(["4b", "5b"], _ARREST_RATES),
    **dict.fromkeys(["3a", "3aclear", "3aunclear"], _OFFICER_RATE),
    "LEOKA": {2: ["OFFICER"]},
    "GV2a": _GUN_RATES,
    "GB1": _GROUP_B_RATES,
}


@pytest.mark.parametrize("name", SHAPES)
def test_populations_of_rates(name: str) -> None:
    rates = [row for row in table_definition(name).rows if "rate" in row.estimates]
    expected = {row.row: "TOTAL" for row in rates}
    for first, block in POPULATIONS.get(name, {}).items():
        keys = _BLOCKS[block] if isinstance(block, str) else block
        expected |= dict(enumerate(keys, start=first))
    assert {row.row: row.population for row in rates} == expected


#: handbook 11 (a): rows and columns.
BLANK = {
    "1a": [("11-12", "5-6"), ("72-79", "1-6 8-18")],
    "1b": [("3-10", "1-7 9-15")],
    "1c": [("54-61", "1 2 5 6 7")],
    "2a": [("3-10", "4 14"), ("11-12", "5 6")],
    "2b": [("3-10", "1-7 9-18"), ("55-56", "1-4 6-12 14-18")],
    "2c": [("42-43", "1 6")],
    "3a": [("74-75", "5 6"), ("82-83", "1-4 7-21 23-28 30-31")],
}
#: handbook 11 (d): unknown categories, in every column.
UNKNOWN = {
    "3a": "14 17 23 51 58-65 89 164 171", "3b": "14 17 23 29 72 79", "4a": "14 17 23 30 37-44 70 73 80",
    "4b": "14 17 23 29 32 39", "DM7": "10 18 25 32-39 55 58 65", "GV2a": "10 15 22 28 66 73",
    "GB1": "15 18 24 27 34 37 47 57",
}  # fmt: skip
#: handbook 11 (b): rows by dimension of the series.
BY_SERIES = {
    "3a": {"AGE": "5-14 84-89", "SEX": "15-17", "RACE": "18-23 162-171"},
    "3b": {"AGE": "5-14 24-29", "SEX": "15-17", "RACE": "18-23 70-79"},
    "4a": {"AGE": "5-14 65-70", "SEX": "15-17", "RACE": "18-23 71-80"},
    "4b": {"AGE": "5-14 24-29", "SEX": "15-17", "RACE": "18-23 30-39"},
    "DM7": {"AGE": "3-10 50-55", "SEX": "11-12", "RACE": "13-18 56-65"},
    "DM10": {"SEX": "2-3"},
    "GV2a": {"AGE": "3-15", "SEX": "20-22", "RACE": "23-28 64-73"},
}
TWINS = {
    "3aclear": "3a", "3aunclear": "3a", "3bclear": "3b", "3bunclear": "3b", "5a": "4a", "5b": "4b", "DM9": "DM7",
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_blank_cells(name: str) -> None:
    table, twin = table_definition(name), TWINS.get(name, name)
    expected = {
        (row, column) for rows, columns in BLANK.get(twin, []) for row in numbers(rows) for column in numbers(columns)
    }
    assert table.blank == expected
    # Items are not imputed: what the reference leaves blank for that is shown, and so is the sex that 4a has no row of.
    assert set(numbers(UNKNOWN.get(twin, ""))) <= set(table.unknown)
    by_series = {dimension: tuple(numbers(rows)) for dimension, rows in BY_SERIES.get(twin, {}).items()}
    assert table.blank_by_series == by_series


def test_the_14_demographic_tables_have_587_columns() -> None:
    demographic = {name: table for name, table in table_definitions().items() if table.demographic}
    assert set(demographic) == {
        "3a", "3aclear", "3aunclear", "3b", "3bclear", "3bunclear", "4a", "4b", "5a", "5b", "DM7", "DM9", "DM10", "GV2a"
    }  # fmt: skip
    assert sum(len(table.columns) for table in demographic.values()) == 587
    assert {name for name, table in demographic.items() if table.demographic == "victim"} == {
        "3a", "3aclear", "3aunclear", "3b", "3bclear", "3bunclear", "GV2a"
    }  # fmt: skip


def _codes(table: str, column: str) -> set[str]:
    return set(next(c.offenses for c in table_definition(table).columns if c.name == column))


@pytest.mark.parametrize(
    ("table", "column", "codes"),
    [
        ("1a", "against_person", "09A 09B 100 11A 11B 11C 11D 13A 13B 13C 36A 36B 64A 64B"),
        ("1a", "revised_rape", "11A 11B 11C"),
        ("2a", "violent_crime", "09A 11A 11B 11C 120 13A"),
        ("3a", "violent_crime_2", "09A 11A 11B 11C 11D 120 13A 13B"),
        ("3a", "sex_nonforcible", "36A 36B"),
        (
            "2b", "against_property",
            "120 200 210 220 23A 23B 23C 23D 23E 23F 23G 23H 240 250 26A 26B 26C 26D 26E 26F 26G 270 280 290 510",
        ),
        ("2b", "corruption", "510 270"),
        ("3c", "property_crime", "220 23A 23B 23C 23D 23E 23F 23G 23H 240"),
        ("2b", "fraud", "26A 26B 26C 26D 26E 26F 26G"),
        ("1c", "money_laundering", "26H"),
        ("2c", "gambling", "39A 39B 39C 39D"),
        ("2c", "drug_equipment", "35B"),
        ("5a", "partb_other", "90Z 90A 90E 90H 90I"),
        ("5a", "dui", "90D"),
        ("LEOKA", "assault_victim", "13A 13B 13C"),
        ("GV1a", "total_gun_violence", "09A 09B 11A 11B 11C 120 13A 100 64A 64B"),
        ("GV3a", "nonfatal_gun_violence", "11A 11B 11C 120 13A 100 64A 64B"),
        ("GV3a", "nonfatal_gun_violence_2", "11A 11B 11C 120 13A"),
        ("DM1", "completed_drug_related", "35A 35B"),
        ("YT1", "murder", "09A"),
    ],
)  # fmt: skip
def test_offense_codes(table: str, column: str, codes: str) -> None:
    assert _codes(table, column) == set(codes.split())


def test_lists_that_the_code_list_tells() -> None:
    offense = code_list("offense").rows(named=True)
    society = {row["code"] for row in offense if (row["crime_against"], row["offense_group"]) == ("Society", "A")}
    assert _codes("1c", "society") == society
    group_a = {row["code"] for row in offense if row["offense_group"] == "A"}
    assert _codes("BM1", "group_a") == group_a - {"09C"}
    group_b = {row["code"] for row in offense if row["offense_group"] == "B"}
    assert _codes("GB1", "group_b") == group_b
    assert _codes("4a", "total_arrest") == {row["code"] for row in offense} - {"09C"}


def test_every_code_is_of_the_code_list() -> None:
    known = set(code_list("offense")["code"])
    keys = set(code_list("population_key")["code"])
    for table in table_definitions().values():
        assert {code for column in table.columns for code in column.offenses} <= known
        assert {row.population for row in table.rows if row.population} <= keys


def test_lists_that_the_specification_proposes_say_so() -> None:
    proposed = {c.name for t in table_definitions().values() for c in t.columns if c.status == "proposed"}
    assert proposed == {"violent_crime_2", "corruption", "other_corruption", "assault_victim"}


def _rules(table: str) -> dict[str, tuple[str, tuple[int, ...], str | None, str | None]]:
    found = table_definition(table)
    rules = {c.name: (c.unit, c.except_rows, c.plus, c.multiplier) for c in found.columns}
    return {name: rule for name, rule in rules.items() if rule != (found.unit, (), None, None)}


def test_columns_that_are_counted_otherwise() -> None:
    """handbook 10."""
    relations = tuple(numbers("18-23 78-82"))
    plus_robbery = ("victim_offense", (), "robbery", None)
    assert _rules("2a") == {
        "robbery": ("offense", relations, None, None),
        "car_jacking": ("offense", relations, None, None),
        "violent_crime": plus_robbery,
        "violent_crime_2": plus_robbery,
    }
    assert _rules("2b") == {
        "against_property": ("offense", (), "vehicle_theft", None),
        "property_crime": ("offense", (), "vehicle_theft", None),
        "vehicle_theft": ("offense", (), None, "stolen_vehicle_count"),
    }
    with_robbery = ("victim_offense_firearm", (), "robbery", None)
    assert _rules("GV1a") == {
        "robbery": ("offense_firearm", (), None, None),
        "car_jacking": ("offense_firearm", (), None, None),
        **dict.fromkeys(["total_gun_violence", "nonfatal_gun_violence", "nonfatal_gun_violence_2"], with_robbery),
    }
    assert not any(_rules(name) for name in SHAPES if name not in ("2a", "2b", "GV1a"))


def test_pairs_of_drug_and_activity() -> None:
    """Column 6 (drug - 1) + j is pair 8 (drug - 1) + [1, 2, 3, 6, 7, 8][j - 1]."""
    columns = table_definition("DM6").columns
    assert [column.category for column in columns] == [8 * d + a for d in range(9) for a in (1, 2, 3, 6, 7, 8)]
    assert [column.group for column in columns] == [d for d in range(1, 10) for _ in range(6)]
    assert columns[9].label == "35A - Marijuana/Hashish (C,E) - P (Possessing/Concealing)"
    variables = {name: table_definition(name).column_variable for name in ("DM6", "DM7", "DM8", "DM9")}
    assert variables == {"DM6": "drug72_single", "DM7": "drug72_single", "DM8": "drug72", "DM9": "drug72"}
    assert table_definition("DM8").rows == table_definition("DM6").rows
    assert [row.row for row in table_definition("DM7").rows if row.kind == "total"] == [49]


def test_variants() -> None:
    for name in ("3a", "3b"):
        base, clear, unclear = (table_definition(f"{name}{end}") for end in ("", "clear", "unclear"))
        assert clear.where == (("clearance3", (2, 3)),)
        assert unclear.where == (("clearance3", (1,)),)
        assert base.rows == clear.rows == unclear.rows
        assert clear.variant_of == unclear.variant_of == name
    assert table_definition("3aclear").title == "Table3acleared-Person Victims"


def test_conditions_of_rows() -> None:
    rows = table_definition("3a").rows
    assert rows[1].where == (("victim_officer", (1,)),)
    assert {row.where for row in rows[45:51]} == {(("sex3", (1,)),)}
    assert {row.row for row in rows if row.unit == "incident"} == set(numbers("154-157"))
    assert [(row.variable, row.category) for row in rows[83:89]] == [
        ("under18_2", 1), ("under18_2", 2), ("a12_17_2", 1), ("a12_17_2", 2), ("uo18", 2), ("uo18", 3)
    ]  # fmt: skip
    assert [row.category for row in table_definition("DM3").rows if row.variable == "property_seized_any"] == [1, 0]


def test_words_for_people() -> None:
    row = table_definition("1a").rows[4]
    assert (row.domain_1, row.domain_2) == ("Weapon involved", "Personal weapons")
    assert row.percentage_detail == "Incident Level subset to weapon involved yes"
    assert table_definition("1a").rows[1].rate_detail == "Incident rate per 100,000 persons"
    assert table_definition("3b").rows[4].rate_detail == "Victim rate per 100,000 persons among persons Under 5"
    assert table_definition("3a").rows[1].domain_2 == "Law enforcement officers"
    assert table_definition("GV2a").rows[28].percentage_detail == "Incident Level"
    assert table_definition("YT1").rows[1].percentage_detail == "Victim Level Subset to 12-17 Years Old"


def test_reading_twice_gives_the_same() -> None:
    assert read_tables(FOLDER) == dict(table_definitions())
    assert list(read_tables(FOLDER)) == list(table_definitions())


def test_a_table_that_does_not_exist() -> None:
    with pytest.raises(UsageError, match=r"There is no table '9z'\. The tables are: 1a, 1b"):
        table_definition("9z")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What tables share, and two tables to be spoilt."""
    made = tmp_path / "definitions"
    made.mkdir()
    for name in ("_sets", "_columns", "_variables", "1a", "4a", "5a", "3b", "DM6"):
        shutil.copy(FOLDER / f"{name}.yaml", made)
    return made


def spoil(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")


WRONG = [
    # file, what stands there, what is put there, a text of the line that the error names, message
    ("1a.yaml", "set: YN", "set: YNO", "set: YNO", "there is no set YNO (did you mean YN?); use one of _sets.yaml"),
    ("1a.yaml", "columns: C1A", "columns: C1Z", "columns: C1Z", "list of columns C1Z (did you mean C1C?); use one of"),
    ("1a.yaml", "columns: C1A", "columns: [arson, arsen]", "arsen", "there is no column arsen"),
    ("1a.yaml", "columns: C1A", "columns: [arson, arson]", "arson", "column arson is repeated"),
    ("1a.yaml", "unit: incident", "unit: crime", "unit: crime", "there is no unit crime"),
    ("1a.yaml", "title: Table1a", "titel: Table1a", "titel: Table1a", "titel: there is no such key"),
    ("1a.yaml", "title: Table1a", "# Table1a", "table: 1a", "title: this key is missing"),
    ("1a.yaml", "n_rows: 101", "n_rows: 101\nformat: pdf", "format: pdf", "format: there is no such key"),
    ("1a.yaml", "start: 11,", "start: 10,", "start: 10,", "start 10 overlaps the block before; the next row is 11"),
    ("1a.yaml", "start: 11,", "start: 12,", "start: 12,", "start 12 leaves a gap; the next row is 11"),
    ("1a.yaml", "n_rows: 101", "n_rows: 102", "n_rows: 102", "the blocks have 101 rows, but n_rows is 102"),
    ("1a.yaml", "section: 4,", "section: 2,", "start: 13,", "section 2 follows section 3; sections increase by 1"),
    ("1a.yaml", "denominator: [4]", "denominator: [400]", "[400]", "there is no row 400; the table has rows 1 to 101"),
    ("1a.yaml", "denominator: [4]", "denominator: [2]", "denominator: [2]", "row 2 has no count, so it cannot be a"),
    ("1a.yaml", "denominator: [4]", "denominator: [56]", "denominator: [56]", "row 56 has no count, so it cannot be a"),
    ("1a.yaml", "denominator: [4]", "denominator: 4", "denominator: 4",
     "denominator: Input should be 'self' or 'total'; or Input should be a valid list"),
    ("1a.yaml", "of: 1, population: TOTAL", "of: 1", "kind: rate", "a rate needs a `population`"),
    ("1a.yaml", "population: TOTAL", "population: EVERYBODY", "EVERYBODY", "there is no population EVERYBODY"),
    ("1a.yaml", "of: 1,", "of: 3,", "of: 3,", "row 3 is not a total, so a rate cannot be computed"),
    ("1a.yaml", "of: 1, ", "", "kind: rate", "a rate, and no other row, has `of`, the count row"),
    ("1a.yaml", "variable: weapon6", "variable: weapon7", "weapon7", "variable weapon7 (did you mean weapon6?); use"),
    ("1a.yaml", "variable: offender_count", "variable: residence", "start: 15", "residence has the categories 1 to 2"),
    ("1a.yaml", "prefix: 'Location type 2: '", "prefix: 'Location type: '", "start: 84,", "is repeated"),
    ("1a.yaml", "join: incident, ", "", "start: 3,", "rows of categories, and no others, have `variable` and `join`"),
    ("1a.yaml", "set: YN,", "set: YN, label: Weapon,", "label: Weapon", "give the labels of the rows in one of"),
    ("1a.yaml", "drop: [56, 63]", "drop: [56, 156]", "drop: [56, 156]", "there is no row 156"),
    ("1a.yaml", "rows: [11-12]", "rows: [11-120]", "11-120", "there is no row 11-120"),
    ("1a.yaml", "[murder, neg_manslaughter]", "[fraud]", "[fraud]", "there is no column fraud"),
    ("1a.yaml", "rows: [11-12]", "rows: [11-12, 12]", "11-12, 12", "12 repeats a row; give each row once"),
    ("1a.yaml", "table: 1a", "table: 1b", "table: 1b", "table is 1b, but the file is 1a.yaml"),
    ("1a.yaml", "table: 1a", "table: 1a\ntable: 1a", "table: 1a", "table is repeated"),
    ("1a.yaml", "blocks:", "blocks: [", "blocks: [", "is not valid YAML"),
    ("3b.yaml", "population: AGE10", "population: SEX3", "population: SEX3", "10 rows have 3 populations; give one"),
    ("3b.yaml", "clearance3: [2, 3]", "clearance3: [2, 4]", "[2, 4]", "clearance3 has the categories 1 to 3"),
    ("3b.yaml", "  3bclear:", "  1a:", "  1a:", "there are two tables 1a; rename one"),
    ("4a.yaml", "categories: [2, 3]", "categories: [3, 3]", "[3, 3]", "rows must not overlap"),
    ("4a.yaml", "categories: [2, 3]", "categories: [3]", "[3]", "2 rows have 1 categories; give one for each"),
    ("5a.yaml", "rows_of: 4a", "rows_of: 4z", "rows_of: 4z", "there is no table 4z with blocks"),
    ("5a.yaml", "demographic: arrestee\n", "", "table: 5a", "`blank_by_series` needs `demographic`"),
    ("DM6.yaml", "column_variable: drug72_single\n", "", "columns: CDM6", "`column_variable` is the variable of"),
    ("DM6.yaml", "variable: drug72_single", "variable: drug9", "columns: CDM6", "drug9 has no category 10"),
    ("_columns.yaml", "[09B]", "[09Z]", "[09Z]", "there is no offense code 09Z in code list offense"),
    ("_columns.yaml", "[36A, 36B]", "[36A, 36A]", "[36A, 36A]", "code 36A is repeated"),
    ("_columns.yaml", "['200']", "[200]", "[200]", "columns.arson.offenses.0: Input should be a valid string"),
    ("_columns.yaml", "where: is_carjacking", "where: is_theft", "is_theft", "there is no flag is_theft"),
    ("_columns.yaml", "except: [09C]", "status: proposed", "total_arrest: {", "give the offense codes in `offenses`"),
    ("1a.yaml", "weapon6, join: incident", "weapon6, join: arrestee", "weapon6", "weapon6 cannot be joined by"),
    ("_variables.yaml", "1: ['40']", "1: ['41']", "1: ['41']", "there is no code weapon 41; use one of these"),
    ("_variables.yaml", "1: ['40']", "1: ['11A']", "1: ['11A']", "there is no code weapon 11A"),
    ("_variables.yaml", "1: ['40']", "1: [40]", "1: [40]", "Input should be a valid string"),
    ("_variables.yaml", "3: ['20']", "3: ['11']", "3: ['11']", "11 is repeated; categories must not"),
    ("_variables.yaml", "['20', '21', '22', '23']", "['20', '24']", "'24'", "there is no code incident_hour 24"),
    ("_variables.yaml", "5: ['18']", "5: ['19']", "5: ['19']", "there is no code wh18 19"),
    ("_variables.yaml", "codes: [F, G, R,", "codes: [F, F, R,", "[F, F, R,", "code F is repeated"),
    ("_variables.yaml", "of: loss\n", "of: lost\n", "of: lost", "there is no attribute or variable lost"),
    ("_variables.yaml", "without: 18", "without: 19", "without: 19", "wh18 has no category 19"),
    ("_variables.yaml", "others: 10", "others: 11", "others: 11", "loc10 has no category 11"),
    ("_variables.yaml", "      6: ['95']", "      7: ['95']", "7: ['95']", "weapon6 has no category 7"),
    ("_variables.yaml", "several: only", "several: none", "several: none", "several: Input should be 'each'"),
    ("_variables.yaml", "kind: agency", "kind: police", "kind: police", "kind: Input should be 'derived', 'person'"),
    ("_variables.yaml", "level: victim", "level: nation", "level: nation", "level: Input should be 'incident'"),
    ("_variables.yaml", "    smallest_of: wh18\n", "", "wh18_within_offense", "and no others, have `smallest_of`"),
    ("_variables.yaml", "smallest_of: wh18", "smallest_of: wh5", "categories: 18", "wh5 has 5 categories; use"),
    ("_variables.yaml", "smallest_of: wh18", "smallest_of: age10", "smallest_of: age10", "no derived variable age10"),
    ("_variables.yaml", "smallest_of: wh18", "smallest_of: vor8", "smallest_of: vor8", "no derived variable vor8"),
    ("_variables.yaml", "smallest_of: residence", "smallest_of: offense_count", "offense_count", "is not a variable"),
    ("_variables.yaml", "    of: loss\n", "", "codes: {1: ['1'], 2: ['2']", "`codes` need `of`"),
    ("_variables.yaml", "unknown, level: victim}", "unknown}", "vo_age", "a derived variable needs `of`, the"),
    ("_variables.yaml", "of: vor6, level: victim", "of: vor_hierarchy_known6", "vor_hierarchy8: {", "from each other"),
    ("_variables.yaml", "  gang:", "  drug:", "  drug:", "drug is an attribute of records; take another name"),
    ("_variables.yaml", "  gang:", "  cyberspace:", "  cyberspace: {", "cyberspace is a variable and a flag; keep one"),
    ("_sets.yaml", "[PCTSEXMALE,", "[PCTSEX,", "[PCTSEX,", "there is no population PCTSEX"),
    ("_sets.yaml", "PCTSEXFEMALE, TOTAL]", "TOTAL]", "[PCTSEXMALE, TOTAL]", "SEX3 has 3 categories, but 2 populations"),
    ("_sets.yaml", "SEX2: [Male, Female]", "SEX2: [Male, Male]", "[Male, Male]", "set SEX2 has a label twice"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "there", "message"), WRONG, ids=[f"{w[0]}: {w[4][:50]}" for w in WRONG])
def test_wrong_definitions_are_refused(file: str, old: str, new: str, there: str, message: str, folder: Path) -> None:
    spoil(folder, file, old, new)
    with pytest.raises(PipelineError) as refused:
        read_tables(folder)
    text = str(refused.value)
    assert message in text
    place = re.match(rf"definitions/{re.escape(file)} line (\d+)", text)
    assert place is not None
    named = int(place[1])
    lines = [n for n, line in enumerate((folder / file).read_text().splitlines(), start=1) if there in line]
    assert named in lines or (message == "is not valid YAML" and named == lines[0] + 1)


def test_rules_of_columns_that_name_nothing(folder: Path) -> None:
    shutil.copy(FOLDER / "2b.yaml", folder)
    spoil(folder, "2b.yaml", "{plus: vehicle_theft}", "{plus: murder}")
    with pytest.raises(PipelineError, match=r"2b.yaml line \d+: there is no name murder; use one of the table's col"):
        read_tables(folder)


def test_a_new_table_needs_no_python(folder: Path) -> None:
    (folder / "X1.yaml").write_text(
        """
        table: X1
        title: Thefts by place
        unit: offense
        universe: Thefts
        counts: Thefts.
        columns: [larceny, vehicle_theft]
        n_rows: 4
        blocks:
          - {start: 1, section: 1, label: Thefts, kind: total}
          - {start: 2, section: 1, label: Theft rate, kind: rate, of: 1, population: TOTAL}
          - {start: 3, section: 2, set: LOC3, prefix: 'Place: ', variable: residence, join: incident, denominator: self}
        """
    )
    table = read_tables(folder)["X1"]
    assert [row.estimates for row in table.rows] == [("count",), ("rate",), *[("count", "percentage")] * 2]
    assert table.rows[3].percentage_detail == "Offense Level"


@pytest.mark.parametrize(("given", "text"), [([], ""), ([4], "4"), ([1, 2, 3, 7, 9, 10], "1-3, 7, 9-10")])
def test_ranges(given: list[int], text: str) -> None:
    assert format_ranges(given) == text


def test_listing(tmp_path: Path) -> None:
    rows = json.loads(nibrs(tmp_path, "tables", "list", "--json").stdout)
    assert len(rows) == 31 + len(OWN_TABLES)
    third = next(row for row in rows if row["table"] == "3a")
    assert third == {
        "table": "3a", "title": "Person Victims", "counts": table_definitions()["3a"].counts, "unit": "person_victim",
        "rows": 171, "columns": 33, "variants": ["3aclear", "3aunclear"],
    }  # fmt: skip


def test_the_list_and_the_frame_speak_plain_words(tmp_path: Path) -> None:
    listed = " ".join(nibrs(tmp_path, "tables", "list").stdout.split())
    for table in table_definitions().values():
        assert "Table" not in short_title(table)
        if table.variant_of is None:
            assert " ".join(table.counts.split()) in listed
    assert "Table3a" not in listed
    assert "the same for cleared and uncleared incidents: 3aclear, 3aunclear" in listed
    for shown in (listed, *(nibrs(tmp_path, "tables", "show", name).stdout for name in ("2a", "2b", "3aclear", "DM6"))):
        assert not re.search(r"\b[a-z]+_[a-z_]+\b", shown), "a word of the code"


def test_showing_a_table(tmp_path: Path) -> None:
    words = " ".join(nibrs(tmp_path, "tables", "show", "2a").stdout.replace("│", "").split())
    assert "2a Person Offenses Offenses against persons, one for each victim of each offense." in words
    assert "counts an offense of Robbery (120)" not in words
    assert "but in" in words
    assert "Never estimated: rows 11-12 of columns 5-6." in words
    assert "Rows of units with an unknown value: 40, 47, 100, 109." in words
    assert words.startswith("No finished run has estimates")


def test_a_table_as_json(tmp_path: Path) -> None:
    table = json.loads(nibrs(tmp_path, "tables", "show", "3aclear", "--json").stdout)
    assert table["where"] == [["clearance3", [2, 3]]]
    assert table["rows"][170]["population"] is None
    assert [74, 5] in table["blank"]
    assert 14 in table["unknown"]
    assert table["blank_by_series"]["SEX"] == [15, 16, 17]


def test_files_are_plain_data() -> None:
    """No anchors, tags or merge keys: what stands in a file is what is read."""
    for path in FOLDER.glob("*.yaml"):
        kinds = {type(event) for event in yaml.parse(path.read_text(encoding="utf-8"))}
        assert yaml.AliasEvent not in kinds, path
