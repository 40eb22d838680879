"""What a zip's codes, places and agencies may be: codes that the FBI added in 2025, places that are refused, what is
odd and told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.support.cde_zip import Tables, build_tables, build_zip, write_zip

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.intake import NEW_OFFENSE
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.sources.cde import CdeSource
from nibrs_estimation.sources.new_offenses import new_offenses
from nibrs_estimation.sources.universe_file import read_universe
from nibrs_estimation.tables.variables import derived_variables

#: Codes that no category holds: HR is retired, and the reference has no row for it.
IN_NO_CATEGORY = {"relationship": {"HR"}}


def read(path: Path, state: str = "VT") -> dict[str, pl.DataFrame]:
    source = CdeSource((path,))
    return {**source.ingest_agencies(year=2024), **source.ingest_incidents(year=2024, partition=state)}


def told(frames: dict[str, pl.DataFrame], loss: str) -> list[tuple[str, int | None]]:
    return frames["intake_loss"].filter(pl.col("loss") == loss).select("subject", "n").rows()


def with_code(member: str, header: str, lookup: str, key: str, row: dict[str, Any]) -> Tables:
    tables = build_tables()
    tables[lookup].append(row)
    tables[member][0] |= {header: row[key]}
    return tables


@pytest.mark.parametrize("place", code_list("place_not_estimated")["state_abbr"])
def test_places_without_estimates_are_refused(place: str, tmp_path: Path) -> None:
    path = build_zip(tmp_path / f"{place}-2024.zip", state=place)
    with pytest.raises(
        PipelineError, match=rf"column state_abbr: {place} \(.*\) is neither a state nor the District"
    ) as error:
        CdeSource((path,)).probe(2024, 0)
    name = code_list("place_not_estimated").filter(pl.col("state_abbr") == place)["state_name"].item()
    assert name in str(error.value)
    assert path.name in str(error.value)


def test_nebraska_by_its_postal_abbreviation(tmp_path: Path) -> None:
    path = build_zip(tmp_path / "NE-2024.zip", state="NE")
    assert CdeSource((path,)).probe(2024, 0).partitions["state_abbr"] == ("NB",)
    frames = read(path, "NB")
    assert frames["incident"]["state_abbr"].to_list() == ["NB"]
    assert frames["agency"]["state_abbr"].to_list() == ["NB"]


@pytest.mark.parametrize(
    ("population", "officers", "is_odd"), [(12_000, 23_006, True), (12_000, 60, False), (3, 9, False)]
)
def test_more_officers_than_residents_explain_are_told(
    population: int, officers: int, is_odd: bool, tmp_path: Path
) -> None:
    agency = {"population": population, "male_officer": officers, "female_officer": 0}
    frames = read(build_zip(tmp_path / "VT-2024.zip", agencies=[agency]))
    assert told(frames, "odd_officers") == [("VT0010000", officers)] * is_odd
    # Nothing acts on it.
    assert frames["agency"]["male_officers"].to_list() == [officers]


def test_arrests_that_clear_several_incidents_are_told(tmp_path: Path) -> None:
    tables = build_tables(incidents=[{}, {}, {}])
    for row, code in zip(tables["nibrs_arrestee"], "MCN", strict=True):
        row["multiple_indicator"] = code
    frames = read(write_zip(tmp_path / "VT-2024.zip", tables))
    assert told(frames, "multiple_clearance_arrests") == [("arrestee", 1)]
    assert frames["arrestee"].filter(~pl.col("is_group_b")).height == 3


def test_an_offense_may_be_unfounded(tmp_path: Path) -> None:
    tables = build_tables()
    tables["nibrs_offense"][0]["attempt_complete_flag"] = "U"
    frames = read(write_zip(tmp_path / "VT-2024.zip", tables))
    assert frames["offense"]["attempt_complete_code"].to_list() == ["U"]
    assert frames["quarantine"].is_empty()


@pytest.mark.parametrize("code", ["CO", "FP", "FC"])
def test_new_relationships(code: str, tmp_path: Path) -> None:
    row = {"relationship_id": 30, "relationship_code": code, "relationship_name": "New"}
    tables = with_code("nibrs_victim_offender_rel", "relationship_id", "nibrs_relationship", "relationship_id", row)
    frames = read(write_zip(tmp_path / "VT-2024.zip", tables))
    assert frames["victim_offender"]["relationship_code"].to_list() == [code]
    assert frames["quarantine"].is_empty()


def test_new_injury_and_new_means(tmp_path: Path) -> None:
    row: dict[str, Any] = {"injury_id": 9, "injury_code": "G", "injury_name": "Gunshot Wound"}
    tables = with_code("nibrs_victim_injury", "injury_id", "nibrs_injury", "injury_id", row)
    frames = read(write_zip(tmp_path / "VT-2024.zip", tables))
    assert frames["victim_injury"]["injury_code"].to_list() == ["G"]
    row = {"suspect_using_id": 5, "suspect_using_code": "R", "suspect_using_name": "Drone"}
    tables = with_code("nibrs_suspect_using", "suspect_using_id", "nibrs_using_list", "suspect_using_id", row)
    frames = read(write_zip(tmp_path / "VT-2024.zip", tables))
    assert frames["offense_using"]["using_code"].to_list() == ["R"]


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("vor6", "relationship"),
        ("injury_no_yes", "injury"),
        ("injury_hierarchy5", "injury"),
        ("injury_hierarchy6", "injury"),
        ("leoka_activity", "officer_activity"),
        ("leoka_assignment", "officer_assignment"),
    ],
)
def test_every_code_is_in_a_category(variable: str, name: str) -> None:
    found = derived_variables()[variable]
    assert found.of == name
    codes = set(code_list(name)["code"])
    assert found.others is not None or codes - set(found.codes) == IN_NO_CATEGORY.get(name, set())


@pytest.mark.parametrize(
    ("columns", "values", "reporters", "status"),
    [
        ("", "", None, "D"),
        (",has_participated", ",Y", None, "A"),
        (",has_participated_nibrs", ",Y", None, "A"),
        (",has_participated", ",N", None, "D"),
        (",agency_status", ",A", None, "A"),
        ("", "", ["VT0010000"], "A"),
        ("", "", ["VT0020000"], "D"),
    ],
)
def test_a_report_makes_an_agency_without_residents_active(
    columns: str, values: str, reporters: list[str] | None, status: str, tmp_path: Path
) -> None:
    path = tmp_path / "universe.csv"
    head = "ori,state_abbr,agency_type_name,population_group_code,population"
    path.write_text(f"{head}{columns}\nVT0010000,VT,Other,7,0{values}\n", encoding="utf-8")
    known = None if reporters is None else pl.Series(reporters)
    assert read_universe(path, 2024, known)["agency_status"].to_list() == [status]


# --- Offense codes that no list has -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("against", "group", "expected"),
    [
        ("Person", "A", "Person"),
        (" property", "a", "Property"),
        ("SOCIETY", None, "Society"),
        ("Society", "B", None),
        ("Not a Crime", "A", None),
        (None, "A", None),
    ],
)
def test_what_a_new_offense_is_against(against: str | None, group: str | None, expected: str | None) -> None:
    schema = dict.fromkeys(("offense_code", "crime_against", "offense_group"), pl.String)
    lookup = pl.DataFrame([("13A", "Property", "A"), ("27A", against, group)], schema=schema, orient="row")
    assert new_offenses(lookup).rows() == ([] if expected is None else [("27A", expected)])


def test_a_zip_tells_what_its_new_offenses_are_against(tmp_path: Path) -> None:
    row = {"offense_code": "27A", "offense_name": "New", "crime_against": "Person", "offense_group": "A"}
    tables = with_code("nibrs_offense", "offense_code", "nibrs_offense_type", "offense_code", row)
    frames = read(write_zip(tmp_path / "VT-2024.zip", tables))
    checked(frames["new_offense"], NEW_OFFENSE)
    assert frames["new_offense"].rows() == [("VT", "27A", "Person")]
    assert told(frames, "code_without_row") == [("nibrs_offense.offense_code 27A", 1)]


def test_a_new_code_of_two_years_is_told_as_the_data_year_does(tmp_path: Path) -> None:
    paths = []
    for year, against in ((2023, "Society"), (2024, "Person")):
        tables = build_tables(incidents=[{"incident_date": f"{year}-02-06"}], year=year)
        tables["nibrs_offense_type"].append({"offense_code": "27A", "crime_against": against, "offense_group": "A"})
        tables["nibrs_offense"][0]["offense_code"] = "27A"
        paths.append(write_zip(tmp_path / f"VT-{year}.zip", tables))
    frames = CdeSource(tuple(paths)).ingest_incidents(year=2024, partition="VT")
    assert frames["new_offense"].rows() == [("VT", "27A", "Person")]
