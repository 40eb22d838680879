"""The Crime Data Explorer source: what it reads, refuses, sets aside and cannot tell."""

from __future__ import annotations

import contextlib
import logging
import pickle
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from tests.support.cde_zip import as_csv, build_tables, build_zip, write_zip

from nibrs_estimation.model import agency, incident, intake
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.sources.cde import CdeSource
from nibrs_estimation.sources.intake import archive
from nibrs_estimation.sources.intake.manifest import MANIFEST_TASK, write_intake_manifest

YEAR = 2024
Frames = dict[str, pl.DataFrame]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "VT-2024.zip"


def read(path: Path, year: int = YEAR) -> Frames:
    source = CdeSource((path,))
    return {**source.ingest_agencies(year=year), **source.ingest_incidents(year=year, partition="VT")}


def faults(frames: Frames) -> list[tuple[Any, ...]]:
    """Quarantined rows and values, once the accounts have been found to balance."""
    write_intake_manifest(*(frames[dataset.name].lazy() for dataset in MANIFEST_TASK.reads))
    return sorted(frames["quarantine"].select("input_table", "record", "column_name", "reason", "value").rows())


def row(frame: pl.DataFrame) -> dict[str, Any]:
    return frame.row(0, named=True)


# What the source says of itself


def test_spec_names_the_files_only() -> None:
    assert CdeSource((Path("/data/VT-2024.zip"), Path("/data/ME-2024.zip"))).spec == "cde:ME-2024.zip,VT-2024.zip"


def test_probe(path: Path, tmp_path: Path) -> None:
    other = build_zip(tmp_path / "other.zip", state="ME")
    probe = CdeSource((build_zip(path), other)).probe(YEAR, seed=1)
    assert (probe.years, probe.partitions, probe.is_content_hash) == (
        (YEAR,),
        {"state_abbr": ("ME", "VT")},
        True,
    )


def test_fingerprint_depends_on_the_contents_alone(path: Path, tmp_path: Path) -> None:
    me = build_zip(tmp_path / "ME-2024.zip", state="ME")
    renamed = (tmp_path / "renamed.zip").absolute()
    renamed.write_bytes(build_zip(path).read_bytes())
    fingerprint = CdeSource((path, me)).probe(YEAR, seed=1).fingerprint
    assert CdeSource((me, renamed)).probe(YEAR, seed=2).fingerprint == fingerprint
    build_zip(path, incidents=[{"incident_hour": 13}])
    assert CdeSource((path, me)).probe(YEAR, seed=1).fingerprint != fingerprint


def test_source_and_its_tasks_are_picklable(path: Path) -> None:
    source = CdeSource((path,))
    assert pickle.loads(pickle.dumps(source)) == source
    agencies, incidents, _ = pickle.loads(pickle.dumps(source.tasks()))
    assert (agencies.datasets, incidents.datasets) == (
        (*agency.DATASETS, intake.INTAKE_FILE),
        (*incident.DATASETS, *intake.PARTITIONED),
    )


# Every dataset


def test_frames_have_the_declared_columns_and_types(path: Path) -> None:
    frames = read(build_zip(path))
    for dataset in (*agency.DATASETS, *incident.DATASETS):
        frame = frames[dataset.name]
        assert frame.schema == dataset.schema
        assert frame.height, dataset.name
        for column in dataset.columns:
            assert column.is_nullable or not frame[column.name].null_count(), column
            assert not column.codes or set(frame[column.name].drop_nulls()) <= set(column.codes), column


def test_every_column_of_an_incident(path: Path) -> None:
    frames = read(build_zip(path))
    person = {
        "age_code": "34",
        "age_years": 34,
        "age_low_years": None,
        "age_high_years": None,
        "sex_code": "M",
        "race_code": "W",
        "ethnicity_code": "N",
    }
    assert row(frames["incident"]) == {
        "state_abbr": "VT",
        "incident_id": 1,
        "agency_id": 1,
        "data_year": 2024,
        "form_year": 2024,
        "form_month": 2,
        "incident_date": date(2024, 2, 6),
        "is_report_date": False,
        "incident_hour": 12,
        "cleared_exceptionally_code": "N",
        "cleared_exceptionally_date": None,
        "is_cargo_theft": False,
    }
    assert row(frames["offense"]) == {
        "state_abbr": "VT",
        "offense_id": 1,
        "incident_id": 1,
        "offense_code": "35A",
        "attempt_complete_code": "C",
        "location_code": "20",
        "premises_entered": None,
        "method_of_entry_code": None,
    }
    assert row(frames["victim"]) == {
        "state_abbr": "VT",
        "victim_id": 1,
        "incident_id": 1,
        "sequence_number": 1,
        "victim_type_code": "I",
        **person,
        "resident_code": "R",
        "activity_code": None,
        "assignment_code": None,
        "outside_agency_id": None,
    }
    arrest = {"state_abbr": "VT", "arrestee_id": 1, "sequence_number": 1, **person, "resident_code": "R"}
    assert frames["arrestee"].sort("is_group_b").to_dicts() == [
        arrest
        | {
            "is_group_b": False,
            "form_year": 2024,
            "form_month": 2,
            "incident_id": 1,
            "agency_id": 1,
            "arrest_date": date(2024, 2, 7),
            "arrest_type_code": "O",
            "multiple_code": "N",
            "offense_code": "35A",
            "under_18_disposition_code": None,
        },
        arrest
        | {
            "is_group_b": True,
            "form_year": None,
            "form_month": None,
            "incident_id": None,
            "agency_id": None,
            "arrest_date": date(2024, 3, 1),
            "arrest_type_code": "S",
            "multiple_code": None,
            "offense_code": "90Z",
            "under_18_disposition_code": None,
        },
    ]
    rest = {
        "offense_bias": (1, "88"),
        "offense_weapon": (1, "40"),
        "offense_activity": (1, "P"),
        "offense_using": (1, "N"),
        "victim_offense": (1, 1),
        "victim_injury": (1, "N"),
        "victim_circumstance": (1, 21, "A"),
        "victim_offender": (1, 1, "ST"),
        "property": (1, 1, 6, None, None),
        "property_item": (1, "10", 25, None),
        "drug": (1, 1, "D", 1.5, "GM"),
    }
    assert {name: frames[name].row(0)[1:] for name in rest} == rest
    assert sorted(frames["arrestee_weapon"].rows()) == [("VT", 1, False, "01"), ("VT", 1, True, "01")]


def test_data_year_2021_has_no_group_b(path: Path) -> None:
    build_zip(
        path,
        incidents=[{"incident_date": "2021-02-06"}],
        year=2021,
        nibrs_arrestee_groupb=None,
        nibrs_arrestee_groupb_weapon=None,
    )
    assert read(path, year=2021)["arrestee"]["is_group_b"].to_list() == [False]


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32))
def test_order_of_rows_does_not_matter(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    tables = build_tables(
        agencies=[{}, {"nibrs_start_date": None}, {"nibrs_start_date": "2024-06-01"}],
        incidents=[
            {"agency_id": 1 + number % 3, "incident_date": f"2024-{1 + number % 12:02}-15"} for number in range(9)
        ],
    )
    tables["nibrs_bias_motivation"] += [tables["nibrs_bias_motivation"][0], {"bias_id": 17, "offense_id": 1}]
    tables["nibrs_month"] += [{"nibrs_month_id": 1, "did": 1, "agency_id": 1, "month_num": 5}]
    folder = tmp_path_factory.mktemp("order")
    expected = read(write_zip(folder / "sorted.zip", tables))
    shuffled = {member: random.Random(seed).sample(rows, len(rows)) for member, rows in tables.items()}
    found = read(write_zip(folder / "shuffled.zip", shuffled))
    for dataset in (*agency.DATASETS, *incident.DATASETS):
        assert_frame_equal(
            found[dataset.name].sort(dataset.primary_key), expected[dataset.name].sort(dataset.primary_key)
        )


# Form of the members


@pytest.mark.parametrize("folder", ["", "VT/", "deep/er/"])
def test_members_lie_at_the_root_or_in_a_folder(path: Path, folder: str) -> None:
    assert read(write_zip(path, build_tables(), folder=folder))["incident"].height == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text + "\n\n",
        lambda text: text.rstrip("\n"),
        lambda text: text.upper().replace("ST. ALBÁNS", "St. Albáns").replace("VERMONT", "Vermont"),
        lambda text: text.replace("2004-01-01", "2004-01-01 00:00:00"),
        lambda text: text.replace(",N,", ", N ,"),
        lambda text: text.encode("windows-1252"),
    ],
    ids=[
        "mark",
        "crlf",
        "blank lines",
        "no last break",
        "upper case",
        "time of day",
        "padded",
        "windows-1252",
    ],
)
def test_harmless_differences_of_form(path: Path, change: Callable[[str], str | bytes]) -> None:
    rows = build_tables(agencies=[{"ucr_agency_name": "St. Albáns", "agency_type_name": "CITY, TOWN"}])["agencies"]
    write_zip(path, build_tables(agencies=[{}]) | {"agencies": as_csv("agencies", rows)})
    expected = read(path)["agency"]
    write_zip(path, build_tables() | {"agencies": change(as_csv("agencies", rows))})
    found = read(path)["agency"]
    same = pl.exclude("county_name", "msa_name", "population_group_desc")
    assert_frame_equal(found.select(same), expected.select(same))
    assert found["agency_name"].to_list() == ["St. Albáns"]


def test_quoted_fields_may_hold_commas_quotes_and_line_breaks(path: Path) -> None:
    name = 'ADDISON, "THE\nTOWN"'
    assert read(build_zip(path, agencies=[{"ucr_agency_name": name}]))["agency"]["agency_name"].to_list() == [name]


# Codes


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        ((1, "NN"), ("NN", None)),
        ((2, "NB"), ("NB", None)),
        ((3, "BB"), ("BB", None)),
        ((4, "1"), ("01", 1)),
        ((101, "98"), ("98", 98)),
        ((102, "99"), ("99", None)),
        ((103, "00"), ("00", None)),
        ((104, "NS"), (None, None)),
    ],
)
@pytest.mark.parametrize("member", ["nibrs_victim", "nibrs_offender", "nibrs_arrestee", "nibrs_arrestee_groupb"])
def test_ages(path: Path, member: str, age: tuple[int, str], expected: tuple[str | None, int | None]) -> None:
    tables = build_tables()
    tables[member][0] |= dict(zip(("age_id", "age_num"), age, strict=True))
    frame = read(write_zip(path, tables))[member.removeprefix("nibrs_").removesuffix("_groupb")]
    if member.startswith("nibrs_arrestee"):
        frame = frame.filter(pl.col("is_group_b") == member.endswith("groupb"))
    assert frame.select("age_code", "age_years").rows() == [expected]


def test_age_range(path: Path) -> None:
    row_of = {"victim_id": 1, "incident_id": 1, "age_range_low_num": 30, "age_code_range_high": 38}
    frame = read(build_zip(path, nibrs_victim=[row_of]))["victim"]
    assert frame.select("age_low_years", "age_high_years").rows() == [(30, 38)]


_BLANK = {"age_id": 104, "age_num": "NS", "sex_code": "X", "race_id": 99, "ethnicity_id": 50}
_DEMOGRAPHICS = ("age_code", "age_years", "sex_code", "race_code", "ethnicity_code")


@pytest.mark.parametrize("victim_type_id", [1, 4, 5, 8])
def test_not_specified_is_missing_for_every_victim(path: Path, victim_type_id: int) -> None:
    victim = {"victim_id": 1, "incident_id": 1, "victim_type_id": victim_type_id, **_BLANK}
    assert set(read(build_zip(path, nibrs_victim=[victim]))["victim"].select(_DEMOGRAPHICS).row(0)) == {None}


@pytest.mark.parametrize("sequence", [0, 1])
def test_not_specified_is_missing_for_every_offender(path: Path, sequence: int) -> None:
    offender = {"offender_id": 1, "incident_id": 1, "offender_seq_num": sequence, **_BLANK}
    frame = read(build_zip(path, nibrs_offender=[offender]))["offender"]
    assert set(frame.select(_DEMOGRAPHICS).row(0)) == {None}
    assert frame["sequence_number"].to_list() == [sequence]


def test_unknown_is_data(path: Path) -> None:
    offender = {
        "offender_id": 1,
        "incident_id": 1,
        "age_id": 103,
        "age_num": "00",
        "sex_code": "U",
        "race_id": 98,
    }
    frame = read(build_zip(path, nibrs_offender=[offender]))["offender"]
    assert frame.select("age_code", "sex_code", "race_code").row(0) == ("00", "U", "U")


def test_ids_are_decoded_by_the_lookup_of_the_zip(path: Path) -> None:
    tables = build_tables(nibrs_bias_motivation=[{"offense_id": 1, "bias_id": 500}])
    tables["nibrs_bias_list"] = [{"bias_id": 500, "bias_code": " 31 "}]
    assert read(write_zip(path, tables))["offense_bias"]["bias_code"].to_list() == ["31"]


def test_an_id_outside_its_lookup_is_missing_and_quarantined(path: Path) -> None:
    offense = {"offense_id": 1, "incident_id": 1, "location_id": 999}
    frames = read(build_zip(path, nibrs_offense=[offense]))
    assert frames["offense"]["location_code"].to_list() == [None]
    assert faults(frames) == [("nibrs_offense", "line 2", "location_id", "unknown_code", "999")]
    assert frames["quarantine"]["is_row"].to_list() == [False]


def test_a_row_that_is_only_a_code_goes_with_its_unknown_id(path: Path) -> None:
    rows = [{"offense_id": 1, "weapon_id": 41}, {"offense_id": 1, "weapon_id": 999}]
    frames = read(build_zip(path, nibrs_weapon=rows))
    assert frames["offense_weapon"]["weapon_code"].to_list() == ["40"]
    assert faults(frames) == [("nibrs_weapon", "line 3", "weapon_id", "unknown_code", "999")]
    assert frames["quarantine"]["is_row"].to_list() == [True]


def test_an_offense_code_that_the_zip_does_not_list(path: Path) -> None:
    rows = [{"offense_id": 1, "incident_id": 1}, {"offense_id": 2, "incident_id": 1, "offense_code": "ZZZ"}]
    frames = read(build_zip(path, nibrs_offense=rows))
    assert frames["offense"]["offense_code"].to_list() == ["35A"]
    assert faults(frames) == [("nibrs_offense", "line 3", "offense_code", "unknown_code", "ZZZ")]


def test_a_lookup_without_rows_decodes_nothing(path: Path) -> None:
    frames = read(build_zip(path, nibrs_drug_measure_type=[]))
    assert frames["drug"]["measure_code"].to_list() == [None]
    assert faults(frames) == [("nibrs_suspected_drug", "line 2", "drug_measure_type_id", "unknown_code", "1")]


def test_age_num_that_contradicts_the_age_is_counted(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    offender = {"offender_id": 1, "incident_id": 1, "age_num": 35}
    assert read(build_zip(path, nibrs_offender=[offender]))["offender"]["age_code"].to_list() == ["34"]
    assert "age_num contradicts age_id on 1 rows" in caplog.text


@pytest.mark.parametrize(("text", "value"), [("t", True), ("Y", True), ("f", False), ("N", False), ("", None)])
def test_flags(path: Path, text: str, value: bool | None) -> None:
    frame = read(build_zip(path, incidents=[{"cargo_theft_flag": text, "report_date_flag": text}]))["incident"]
    assert frame.select("is_cargo_theft", "is_report_date").row(0) == (value, bool(value))


# Incidents


def test_month_is_the_reports(path: Path) -> None:
    tables = build_tables(
        incidents=[
            {"nibrs_month_id": 11},
            {"nibrs_month_id": 99, "did": 7},
            {"nibrs_month_id": None, "did": None},
        ],
        nibrs_month=[
            {"nibrs_month_id": 11, "did": 6, "agency_id": 1, "month_num": 3},
            {"nibrs_month_id": 12, "did": 7, "agency_id": 1, "month_num": 4},
        ],
    )
    frame = read(write_zip(path, tables))["incident"].sort("incident_id")
    assert frame.select("form_year", "form_month").rows() == [(2024, 3), (2024, 4), (2024, 2)]


def test_incident_of_another_year_is_kept_but_reports_no_month(path: Path) -> None:
    incidents = [{"incident_date": "2023-12-31"}, {"incident_date": "2024-02-06"}]
    frames = read(build_zip(path, agencies=[{"participated": "N"}], incidents=incidents))
    assert sorted(frames["incident"].select("data_year", "form_year", "form_month").rows()) == [
        (2023, 2024, 12),
        (2024, 2024, 2),
    ]
    counts = frames["intake_count"].filter(pl.col("input_table") == "nibrs_incident")
    assert counts.select("rows_read", "rows_kept", "rows_other_year").row(0) == (2, 2, 1)
    assert frames["agency_month_offense"].select("data_year", "month", "n").rows() == [(2024, 2, 1)]
    assert frames["report_month"]["month"].to_list() == [2]


def test_exact_duplicates_are_quarantined(path: Path) -> None:
    tables = build_tables()
    doubled = ("agencies", "nibrs_arrestee_groupb", "nibrs_bias_motivation", "nibrs_incident", "nibrs_victim")
    for member in doubled:
        tables[member] *= 2
    frames = read(write_zip(path, tables))
    for name in ("agency", "incident", "victim", "offense_bias"):
        assert frames[name].height == 1, name
    assert frames["arrestee"].height == 2
    assert faults(frames) == [(member, "line 3", "", "duplicate", None) for member in doubled]


@pytest.mark.parametrize(
    ("member", "change"),
    [
        ("agencies", {"population": 5}),
        ("nibrs_incident", {"incident_hour": 5}),
        ("nibrs_victim", {"sex_code": "F"}),
        ("nibrs_arrestee_groupb", {"sex_code": "F"}),
        ("nibrs_victim_offender_rel", {"relationship_id": 1}),
    ],
)
def test_of_different_rows_with_one_key_one_is_kept_whatever_their_order(
    path: Path, member: str, change: dict[str, Any]
) -> None:
    tables = build_tables()
    rows = [tables[member][0], tables[member][0] | change]
    kept = []
    for ordered in (rows, rows[::-1]):
        frames = read(write_zip(path, tables | {member: ordered}))
        assert [fault[::3] for fault in faults(frames)] == [(member, "conflict")]
        kept.append({name: frame for name, frame in frames.items() if not name.startswith(("intake", "quarantine"))})
    for name, frame in kept[0].items():
        assert_frame_equal(frame, kept[1][name])


@pytest.mark.parametrize(
    ("member", "orphan", "dataset"),
    [
        ("nibrs_offense", {"offense_id": 9, "incident_id": 9}, "offense"),
        ("nibrs_bias_motivation", {"offense_id": 9}, "offense_bias"),
        ("nibrs_victim_offense", {"victim_id": 1, "offense_id": 9}, "victim_offense"),
        ("nibrs_victim_offender_rel", {"victim_id": 1, "offender_id": 9}, "victim_offender"),
        ("nibrs_suspected_drug", {"nibrs_suspected_drug_id": 9, "property_id": 9}, "drug"),
        ("nibrs_arrestee", {"arrestee_id": 9, "incident_id": 9}, "arrestee"),
        ("nibrs_arrestee_weapon", {"arrestee_id": 9}, "arrestee_weapon"),
        ("nibrs_arrestee_groupb_weapon", {"groupb_arrestee_id": 9}, "arrestee_weapon"),
        ("nibrs_incident", {"incident_id": 9, "agency_id": 9}, "incident"),
    ],
)
def test_orphans_are_quarantined(path: Path, member: str, orphan: dict[str, Any], dataset: str) -> None:
    tables = build_tables()
    expected = read(write_zip(path, tables))[dataset]
    tables[member] += [tables[member][0] | orphan]
    frames = read(write_zip(path, tables))
    assert_frame_equal(frames[dataset], expected)
    assert [fault[::3] for fault in faults(frames)] == [(member, "orphan")]


def test_children_of_a_dropped_row_are_dropped_too(path: Path) -> None:
    frames = read(build_zip(path, incidents=[{}, {"agency_id": 9}]))
    for dataset in incident.DATASETS:
        expected = 2 if dataset in (incident.ARRESTEE, incident.ARRESTEE_WEAPON) else 1
        assert frames[dataset.name].height == expected, dataset.name


# Agencies and their months


def test_every_column_of_an_agency(path: Path) -> None:
    change = {
        "county_name": "ESSEX, ADDISON; ESSEX",
        "msa_name": "Burlington-South Burlington, VT; Barre, VT",
        "covered_by_legacy_ori": "VTVSP0000",
        "direct_contributor_flag": "N",
        "publishable_flag": "Y",
        "suburban_area_flag": "Y",
        "mip_flag": "N",
        "pe_reported_flag": "Y",
        "nibrs_participated": "Y",
        "ncic_agency_name": "ADDISON CO SO",
        "pub_agency_name": "Addison",
        "pub_agency_unit": "Unit",
        "submitting_agency_id": 7,
        "sai": "VTUCR0001",
        "submitting_agency_name": "Center",
        "nibrs_cert_date": "1993-01-01",
        "nibrs_leoka_start_date": "2006-10-01",
        "nibrs_ct_start_date": "2013-03-01",
        "nibrs_multi_bias_start_date": "2017-02-01",
        "nibrs_off_eth_start_date": "2017-03-01",
        "male_civilian": 2,
        "female_civilian": 3,
    }
    assert row(read(build_zip(path, agencies=[change]))["agency"]) == {
        "agency_id": 1,
        "ori": "VT0010000",
        "legacy_ori": "VT0010000",
        "data_year": 2024,
        "agency_name": "ADDISON",
        "ncic_agency_name": "ADDISON CO SO",
        "published_agency_name": "Addison",
        "published_agency_unit": "Unit",
        "agency_type_name": "County",
        "agency_status": "A",
        "is_covered": False,
        "covered_by_ori": "VTVSP0000",
        "is_dormant": False,
        "is_direct_contributor": False,
        "is_publishable": True,
        "is_suburban": True,
        "is_most_in_population": False,
        "state_abbr": "VT",
        "state_name": "Vermont",
        "region_code": 1,
        "county_name": "ADDISON;ESSEX",
        "msa_name": "Barre, VT;Burlington-South Burlington, VT",
        "metro_division_name": None,
        "is_in_msa": True,
        "population": 3763,
        "population_group_code": "8D",
        "population_group_desc": "Non-MSA counties under 10,000",
        "submitting_agency_id": 7,
        "submitting_agency_sai": "VTUCR0001",
        "submitting_agency_name": "Center",
        "nibrs_certification_date": date(1993, 1, 1),
        "is_nibrs": True,
        "nibrs_start_date": date(2004, 1, 1),
        "nibrs_leoka_start_date": date(2006, 10, 1),
        "nibrs_cargo_theft_start_date": date(2013, 3, 1),
        "nibrs_multi_bias_start_date": date(2017, 2, 1),
        "nibrs_offender_ethnicity_start_date": date(2017, 3, 1),
        "has_participated": True,
        "has_participated_nibrs": True,
        "has_police_employees": True,
        "male_officers": 9,
        "male_civilians": 2,
        "female_officers": 1,
        "female_civilians": 3,
        "judicial_district_code": None,
        "field_office_code": None,
        "universe_scope": "reporting",
    }


def test_no_area(path: Path) -> None:
    frame = read(build_zip(path, agencies=[{}, {"msa_name": "Non-MSA"}, {"msa_name": None}]))["agency"]
    assert frame.select("msa_name", "is_in_msa").rows() == [(None, False)] * 3


def test_agency_of_summaries_without_population(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    change = {"reporting_type": "S", "population": None, "covered_flag": "Y", "dormant_flag": None}
    frame = read(build_zip(path, agencies=[change]))["agency"]
    assert frame.select("is_nibrs", "population", "is_covered", "is_dormant").row(0) == (
        False,
        0,
        True,
        False,
    )
    assert "1 agencies have no population" in caplog.text


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "ZIZZZZZZZZZZ"),
        ({"nibrs_start_date": "2024-01-01"}, "ZIZZZZZZZZZZ"),
        ({"nibrs_start_date": "2024-04-15"}, "-I-ZZZZZZZZZ"),
        ({"nibrs_start_date": "2024-12-31"}, "-I---------Z"),
        ({"nibrs_start_date": "2025-01-01"}, "-I----------"),
        ({"nibrs_start_date": None}, "-I----------"),
        ({"participated": "N"}, "-I----------"),
        ({"participated": None}, "-I----------"),
    ],
)
def test_report_months(path: Path, change: dict[str, Any], expected: str) -> None:
    months = read(build_zip(path, agencies=[change]))["report_month"]
    status = dict(months.select("month", "status").rows())
    assert "".join(status.get(month, "-") for month in range(1, 13)) == expected
    assert set(months.select("status", "status_source").rows()) <= {("I", "reported"), ("Z", "inferred")}


# Whole zips that are refused


def refused(path: Path, *words: str, year: int = YEAR) -> None:
    with pytest.raises(PipelineError) as error:
        CdeSource((path,)).probe(year, seed=1)
    message = str(error.value)
    assert "\n" not in message
    for word in (path.name, *words):
        assert word in message, message


def test_missing_file(path: Path) -> None:
    refused(path, "does not exist")


def test_folder(path: Path) -> None:
    path.mkdir()
    refused(path, "is a folder", "zip the folder's files")


def test_empty_file(path: Path) -> None:
    path.touch()
    refused(path, "is empty")


def test_not_a_zip(path: Path) -> None:
    path.write_text("<html>Access denied</html>")
    refused(path, "is not a zip")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_truncated_zip(path: Path, share: float) -> None:
    content = build_zip(path).read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    refused(path, "is truncated")


@pytest.mark.parametrize("name", ["/agencies.csv", "../agencies.csv", "a/../../x.csv", "C:\\x.csv", "..\\x.csv"])
def test_member_that_leads_out_of_the_zip(path: Path, name: str) -> None:
    with zipfile.ZipFile(build_zip(path), "a") as file:
        file.writestr(name, "")
    refused(path, "the path is outside the zip")


def test_two_members_of_one_name(path: Path) -> None:
    with zipfile.ZipFile(build_zip(path), "a") as file:
        file.writestr("copy/agencies.csv", "")
    refused(path, "two files with the same name", "copy/agencies.csv")


@pytest.fixture
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(archive, "FREE_BYTES", 2**20)
    monkeypatch.setattr(archive, "MAX_MEMBER_BYTES", 2**23)
    monkeypatch.setattr(archive, "MAX_RATIO", 500)
    yield


@pytest.mark.parametrize("size", [2**21, 2**24], ids=["ratio", "size"])
@pytest.mark.usefixtures("small_bounds")
def test_member_that_unpacks_too_far(path: Path, size: int) -> None:
    write_zip(path, build_tables() | {"agencies": b"\n" * size})
    refused(path, "agencies.csv", "unpacks to")


@pytest.mark.usefixtures("small_bounds")
def test_lying_size_in_the_header(path: Path) -> None:
    write_zip(path, build_tables() | {"agencies": b"\n" * 2**21})
    _patch_central_directory(path, offset=24, value=struct.pack("<L", 100))
    refused(path, "agencies.csv", "damaged")


def test_encrypted_member(path: Path) -> None:
    _patch_central_directory(build_zip(path), offset=8, value=struct.pack("<H", 1))
    refused(path, "agencies.csv", "encrypted")


def test_unknown_compression(path: Path) -> None:
    _patch_central_directory(build_zip(path), offset=10, value=struct.pack("<H", 9))
    refused(path, "agencies.csv", "zip the files again")


def test_wrong_checksum(path: Path) -> None:
    content = write_zip(path, build_tables(), compression=zipfile.ZIP_STORED).read_bytes()
    path.write_bytes(content.replace(b"ADDISON", b"ADDISOM", 1))
    refused(path, "agencies.csv", "CRC")


@settings(deadline=None, max_examples=30)
@given(position=st.floats(0, 1, exclude_max=True), noise=st.binary(min_size=1, max_size=8))
def test_damaged_bytes_never_crash(position: float, noise: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = build_zip(tmp_path_factory.mktemp("damaged") / "VT-2024.zip")
    content = bytearray(path.read_bytes())
    start = int(position * len(content))
    content[start : start + len(noise)] = noise
    path.write_bytes(content)
    with contextlib.suppress(PipelineError):
        read(path)


def _patch_central_directory(path: Path, offset: int, value: bytes) -> None:
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"agencies.csv") - 46
    assert content[entry : entry + 4] == b"PK\x01\x02"
    content[entry + offset : entry + offset + len(value)] = value
    path.write_bytes(content)


def test_a_layout_that_is_not_known(path: Path) -> None:
    build_zip(path, incidents=[{"incident_date": "2015-02-06"}], year=2015)
    refused(path, "is of data year 2015", "2016 and later")


@pytest.mark.parametrize("member", sorted(build_tables()))
def test_no_member_may_be_missing(path: Path, member: str) -> None:
    tables = build_tables()
    del tables[member]
    write_zip(path, tables)
    refused(path, f"lacks {member}.csv.", "--partial")


def test_all_missing_members_are_listed_at_once(path: Path) -> None:
    build_zip(path, nibrs_victim_injury=None, ref_race=None, nibrs_arrestee_groupb=None)
    refused(path, "nibrs_arrestee_groupb.csv, nibrs_victim_injury.csv, ref_race.csv")


def test_zip_of_another_year(path: Path) -> None:
    build_zip(path, incidents=[{"incident_date": "2023-02-06"}], year=2023)
    refused(path, "is of data year 2023", "or run it for 2023")


@pytest.mark.parametrize(
    ("agencies", "words"),
    [
        ([], ("data years none", "states none")),
        ([{}, {"state_abbr": "ME"}], ("data years 2024", "states ME, VT")),
        ([{}, {"data_year": 2023}], ("data years 2023, 2024", "states VT")),
    ],
)
def test_zip_of_no_single_year_and_state(path: Path, agencies: list[dict[str, Any]], words: tuple[str, ...]) -> None:
    refused(build_zip(path, agencies=agencies), *words)


def test_two_zips_of_one_state_and_year(path: Path, tmp_path: Path) -> None:
    other = build_zip(tmp_path / "other.zip", incidents=[{"incident_hour": 1}])
    with pytest.raises(PipelineError, match="are both of VT 2024"):
        CdeSource((build_zip(path), other)).probe(YEAR, seed=1)


def test_the_same_zip_twice_is_read_once(path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    copy = tmp_path / "copy.zip"
    copy.write_bytes(build_zip(path).read_bytes())
    source = CdeSource((path, copy, path))
    assert source.ingest_agencies(year=YEAR)["agency"].height == 1
    assert source.ingest_incidents(year=YEAR, partition="VT")["incident"].height == 1
    assert "copy.zip is the same file as" in caplog.text


def test_zips_of_several_states_and_years(path: Path, tmp_path: Path) -> None:
    former = build_zip(tmp_path / "VT-2022.zip", incidents=[{"incident_date": "2022-03-01"}] * 2, year=2022)
    other = build_zip(tmp_path / "ME-2024.zip", agencies=[{"ori": "ME0010000"}], state="ME")
    source = CdeSource((build_zip(path), former, other))
    assert source.newest_year() == YEAR
    probe = source.probe(YEAR, seed=1)
    assert (probe.years, probe.partitions) == ((2022, 2024), {"state_abbr": ("ME", "VT")})
    agencies = source.ingest_agencies(year=YEAR)
    assert sorted(agencies["agency"].select("state_abbr", "data_year").rows()) == [
        ("ME", 2024),
        ("VT", 2022),
        ("VT", 2024),
    ]
    assert sorted(agencies["agency_month_offense"].select("data_year", "month", "n").rows()) == [
        (2022, 3, 2),
        (2024, 2, 1),
        (2024, 2, 1),
    ]
    assert agencies["report_month"].filter(pl.col("status") == "I").height == 3
    assert sorted(agencies["intake_file"].select("input_name", "use").rows()) == [
        ("ME-2024.zip", "incidents"),
        ("VT-2022.zip", "history"),
        ("VT-2024.zip", "incidents"),
    ]
    segments = source.ingest_incidents(year=YEAR, partition="VT")
    assert segments["incident"]["data_year"].to_list() == [2024]
    assert segments["intake_count"]["input_name"].unique().sort().to_list() == ["VT-2022.zip", "VT-2024.zip"]


def test_two_zips_of_one_name(tmp_path: Path) -> None:
    paths = []
    for year in (2023, 2024):
        (tmp_path / str(year)).mkdir()
        paths.append(
            build_zip(tmp_path / str(year) / "VT.zip", incidents=[{"incident_date": f"{year}-02-06"}], year=year)
        )
    source = CdeSource(tuple(paths))
    frames = {**source.ingest_agencies(year=YEAR), **source.ingest_incidents(year=YEAR, partition="VT")}
    assert frames["intake_file"]["input_name"].sort().to_list() == ["2023/VT.zip", "2024/VT.zip"]
    assert faults(frames) == []
    for dataset in intake.DATASETS:
        checked(frames[dataset.name], dataset)


def test_whole_numbers_may_have_a_decimal_point(path: Path) -> None:
    tables = build_tables()
    tables["nibrs_property_desc"][0] |= {"property_value": "25.0"}
    assert read(write_zip(path, tables))["property_item"]["value_usd"].to_list() == [25]


def test_an_agency_of_which_little_is_said_still_counts(path: Path) -> None:
    change = dict.fromkeys(("agency_type_name", "agency_status", "state_name", "region_code", "county_name"))
    frames = read(build_zip(path, agencies=[change]))
    assert frames["incident"].height == 1
    assert frames["agency"].select("agency_type_name", "agency_status", "region_code").row(0) == ("Unknown", "A", 99)


def test_a_year_that_the_run_does_not_need(path: Path, tmp_path: Path) -> None:
    old = build_zip(tmp_path / "VT-2019.zip", incidents=[{"incident_date": "2019-03-01"}], year=2019)
    with pytest.raises(PipelineError, match=r"VT-2019.zip is of data year 2019, .* needs 2020 to 2024"):
        CdeSource((build_zip(path), old)).probe(YEAR, seed=1)


# Excerpts


def test_an_excerpt_is_read_where_the_user_allows_it(path: Path) -> None:
    build_zip(path, nibrs_victim_injury=None, nibrs_month=None, nibrs_location_type=None)
    source = CdeSource((path,), is_excerpt=True)
    frames = {**source.ingest_agencies(year=YEAR), **source.ingest_incidents(year=YEAR, partition="VT")}
    assert frames["victim_injury"].height == 0
    assert frames["offense"]["location_code"].to_list() == [None]
    assert frames["report_month"]["month"].to_list() == [2]
    assert frames["intake_file"]["is_excerpt"].to_list() == [True]
    missing = frames["intake_loss"].filter(pl.col("loss") == "missing_table")["subject"].sort().to_list()
    assert missing == ["nibrs_location_type", "nibrs_month", "nibrs_victim_injury"]
    assert faults(frames) == []


@pytest.mark.parametrize("member", ["agencies", "nibrs_incident"])
def test_an_excerpt_without_agencies_or_incidents_is_nothing(path: Path, member: str) -> None:
    tables = build_tables()
    del tables[member]
    write_zip(path, tables)
    with pytest.raises(PipelineError, match=f"lacks {member}.csv"):
        CdeSource((path,), is_excerpt=True).probe(YEAR, seed=1)


def test_no_zip() -> None:
    with pytest.raises(PipelineError, match="No zip is given"):
        CdeSource(()).probe(YEAR, seed=1)


def test_state_that_no_zip_holds(path: Path) -> None:
    with pytest.raises(PipelineError, match="There is no zip of ME, only of VT"):
        CdeSource((build_zip(path),)).ingest_incidents(year=YEAR, partition="ME")


# Members that are refused


@pytest.mark.parametrize(
    ("member", "content", "words"),
    [
        ("nibrs_victim", "", ("columns victim_id,", "found an empty file")),
        (
            "nibrs_weapon",
            "data_year,weapon_id,offence_id\n",
            ("column offense_id is missing", "found data_year, wea"),
        ),
        ("nibrs_weapon", "weapon_id,offense_id\r41,1\r", ("end with a carriage return only",)),
        ("nibrs_weapon", "weapon_id,offense_id\n41,1\n41\n", ("line 3", "1 fields where the header has 2")),
        ("nibrs_weapon", "weapon_id,offense_id\n41,1,\n", ("line 2", "3 fields where the header has 2")),
        ("nibrs_weapon", 'weapon_id,offense_id\n"41,1\n', ("quotes do not match",)),
        ("nibrs_weapon", 'weapon_id,offense_id\n41,"1\n41,2"\n', ("column offense_id, line 2",)),
        (
            "nibrs_weapon",
            "weapon_id,offense_id\n\n41,one\n",
            ("column offense_id, line 3: 'one' is not a whole n",),
        ),
        (
            "nibrs_weapon",
            "weapon_id,offense_id\n4.5,1\n",
            ("column weapon_id, line 2: '4.5' is not a whole number",),
        ),
        ("nibrs_age", "age_id,age_code\nten,10\n", ("column age_id, line 2: 'ten' is not a whole number",)),
    ],
)
def test_malformed_member(path: Path, member: str, content: str, words: tuple[str, ...]) -> None:
    given: dict[str, Any] = {member: content}
    build_zip(path, **given)
    unreadable(path, member, *words)


@pytest.mark.parametrize(
    ("member", "header", "value", "kind"),
    [
        ("nibrs_incident", "incident_date", "6 February", "a date"),
        ("nibrs_incident", "incident_hour", "noon", "a whole number"),
        ("nibrs_incident", "cargo_theft_flag", "maybe", "a flag"),
        ("nibrs_suspected_drug", "est_drug_qty", "nan", "a number"),
        ("nibrs_victim", "age_num", "XX", "an age"),
        ("nibrs_victim", "age_range_low_num", "NS", "a whole number"),
        ("nibrs_month", "month_num", "II", "a whole number"),
    ],
)
def test_nonsense_value(path: Path, member: str, header: str, value: str, kind: str) -> None:
    tables = build_tables()
    tables[member][0] |= {header: value}
    unreadable(write_zip(path, tables), member, f"column {header}, line 2: {value!r} is not {kind}")


@pytest.mark.parametrize(
    ("member", "header"),
    [
        ("nibrs_incident", "incident_date"),
        ("nibrs_arrestee", "incident_id"),
        ("nibrs_offense", "offense_code"),
        ("nibrs_bias_motivation", "bias_id"),
    ],
)
def test_a_row_without_a_value_that_it_needs_is_quarantined(path: Path, member: str, header: str) -> None:
    tables = build_tables(incidents=[{}, {}])
    tables[member][0] |= {header: None}
    frames = read(write_zip(path, tables))
    assert (member, "line 2", header, "missing_value", None) in faults(frames)


@pytest.mark.parametrize(
    ("member", "header", "value", "reason", "is_row"),
    [
        ("nibrs_incident", "incident_date", "2024-02-30", "impossible_date", True),
        ("nibrs_incident", "incident_date", "31-FEB-24", "impossible_date", True),
        ("nibrs_incident", "incident_date", "2014-02-06", "impossible_date", True),
        ("nibrs_incident", "cleared_except_date", "2024-13-01", "impossible_date", False),
        ("nibrs_incident", "incident_hour", "24", "out_of_range", False),
        ("nibrs_incident", "incident_hour", "1000", "out_of_range", False),
        ("nibrs_property_desc", "property_value", "-1", "out_of_range", False),
        ("nibrs_offense", "attempt_complete_flag", "B", "unknown_code", False),
        ("nibrs_arrestee", "arrest_date", "2024-02-30", "impossible_date", True),
    ],
)
def test_impossible_values(path: Path, member: str, header: str, value: str, reason: str, is_row: bool) -> None:
    tables = build_tables(incidents=[{}, {}])
    tables[member][0] |= {header: value}
    frames = read(write_zip(path, tables))
    found = [fault for fault in faults(frames) if fault[3] != "orphan"]
    shown = "2014-02-06" if value == "2014-02-06" else value
    assert found == [(member, "line 2", "incident_date" if reason == "" else header, reason, shown)]
    assert frames["quarantine"].filter(pl.col("reason") == reason)["is_row"].to_list() == [is_row]


@pytest.mark.parametrize("kept", [0, 25])
def test_lost_incidents_are_not_taken_for_few(path: Path, kept: int) -> None:
    """Children whose parents are gone tell that the member of the parents is not whole."""
    tables = build_tables(incidents=[{}] * 30)
    tables["nibrs_incident"] = tables["nibrs_incident"][:kept]
    write_zip(path, tables)
    unreadable(path, "nibrs_offense", f"{30 - kept} of 30 rows are faulty (orphan")


def test_an_impossible_age_is_blanked(path: Path) -> None:
    tables = build_tables()
    tables["nibrs_offender"][0] |= {"age_num": "412"}
    frames = read(write_zip(path, tables))
    assert frames["offender"]["age_code"].to_list() == ["34"]
    assert faults(frames) == [("nibrs_offender", "line 2", "age_num", "out_of_range", "412")]


def test_a_member_that_is_mostly_faulty_is_refused(path: Path) -> None:
    build_zip(path, incidents=[{}] * 30, nibrs_weapon=[{"offense_id": n + 1, "weapon_id": 999} for n in range(30)])
    unreadable(
        path,
        "nibrs_weapon",
        "column weapon_id, line 2: 30 of 30 rows are faulty (unknown code: the code is in no code list)",
    )


@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_damaged_members_are_refused_or_accounted_for(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Bytes changed, lines cut, columns swapped: never a crash, and every row is read, kept or set aside."""
    path = tmp_path_factory.mktemp("fuzz") / "VT-2024.zip"
    tables = build_tables(incidents=[{}, {}, {}])
    member = data.draw(st.sampled_from([name for name in tables if name == "agencies" or name.startswith("nibrs_")]))
    text = as_csv(member, tables[member])
    match data.draw(st.sampled_from(["bytes", "cut", "swap", "drop line"])):
        case "bytes":
            content = bytearray(text.encode())
            for _ in range(data.draw(st.integers(1, 3))):
                content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
            tables[member] = bytes(content)
        case "cut":
            tables[member] = text[: data.draw(st.integers(0, len(text)))]
        case "swap":
            cells = [line.split(",") for line in text.splitlines()]
            first, second = (data.draw(st.integers(0, len(cells[0]) - 1)) for _ in range(2))
            for line in cells[1:]:
                if max(first, second) < len(line):
                    line[first], line[second] = line[second], line[first]
            tables[member] = "\n".join(",".join(line) for line in cells) + "\n"
        case "drop line":
            lines = text.splitlines(keepends=True)
            del lines[data.draw(st.integers(0, len(lines) - 1))]
            tables[member] = "".join(lines)
    write_zip(path, tables)
    try:
        frames = read(path)
    except PipelineError:
        return
    faults(frames)
    for dataset in (*agency.DATASETS, *incident.DATASETS):
        checked(frames[dataset.name], dataset)


def unreadable(path: Path, member: str, *words: str) -> None:
    with pytest.raises(PipelineError) as error:
        read(path)
    message = str(error.value)
    assert "\n" not in message
    for word in (path.name, f"{member.upper()}.csv", *words):
        assert word in message, message


def test_a_clean_zip_logs_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        read(build_zip(path))
    assert not caplog.records
