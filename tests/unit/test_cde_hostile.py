"""Zips that mislead or attack: lookups, forms, sizes, names, a file replaced while it is read."""

from __future__ import annotations

import os
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.support.cde_zip import as_csv, build_tables, build_zip, write_zip

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.cde import CdeSource
from nibrs_estimation.sources.intake import archive

N = 30


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "VT-2024.zip"


def read(path: Path) -> dict[str, pl.DataFrame]:
    source = CdeSource((path,))
    source.probe(2024, seed=1)
    return {**source.ingest_agencies(year=2024), **source.ingest_incidents(year=2024, partition="VT")}


def refused(path: Path, *words: str) -> str:
    with pytest.raises(PipelineError) as error:
        read(path)
    message = str(error.value)
    assert message.isprintable()
    for word in (path.name, *words):
        assert word in message, message
    return message


# Lookups


@pytest.mark.parametrize(
    ("lookup", "row", "member", "column", "dataset", "code"),
    [
        (
            "nibrs_victim_type",
            {"victim_type_id": 9, "victim_type_code": "Iz"},
            "nibrs_victim",
            "victim_type_id",
            "victim",
            "victim_type_code",
        ),
        (
            "nibrs_location_type",
            {"location_id": 9, "location_code": "99"},
            "nibrs_offense",
            "location_id",
            "offense",
            "location_code",
        ),
        ("ref_race", {"race_id": 9, "race_code": "MENA"}, "nibrs_offender", "race_id", "offender", "race_code"),
        (
            "nibrs_drug_measure_type",
            {"drug_measure_type_id": 9, "drug_measure_code": "QQ"},
            "nibrs_suspected_drug",
            "drug_measure_type_id",
            "drug",
            "measure_code",
        ),
    ],
)
def test_a_code_that_only_the_lookup_knows_is_blanked(
    path: Path, lookup: str, row: dict[str, Any], member: str, column: str, dataset: str, code: str
) -> None:
    tables = build_tables(incidents=[{}] * N)
    tables[lookup].append(row)
    tables[member][0][column] = 9
    frames = read(write_zip(path, tables))
    assert frames[dataset][code].null_count() == 1
    assert frames["quarantine"].select("input_table", "column_name", "reason", "value", "is_row").rows() == [
        (member, column, "unknown_code", "9", False)
    ]


def test_a_row_that_is_only_such_a_code_is_set_aside_and_its_parent_counted(path: Path) -> None:
    tables = build_tables(incidents=[{}] * N)
    tables["nibrs_bias_list"].append({"bias_id": 9, "bias_code": "54"})
    tables["nibrs_bias_motivation"][0]["bias_id"] = 9
    frames = read(write_zip(path, tables))
    assert frames["offense_bias"].height == N - 1
    assert "nibrs_offense without nibrs_bias_motivation (1 of 30, 3.3 %)" in frames["intake_loss"]["subject"].to_list()


def test_an_offense_that_the_lookup_names_is_kept(path: Path) -> None:
    tables = build_tables(incidents=[{}] * N)
    tables["nibrs_offense_type"].append({"offense_code": "27A", "crime_against": "Property"})
    tables["nibrs_offense"][0]["offense_code"] = "27A"
    assert read(write_zip(path, tables))["offense"]["offense_code"].to_list().count("27A") == 1


def test_a_long_text_in_a_lookup_is_refused(path: Path) -> None:
    tables = build_tables()
    tables["nibrs_victim_type"][1]["victim_type_code"] = "I" * 5_000_000
    message = refused(write_zip(path, tables), "NIBRS_VICTIM_TYPE.csv, column victim_type_code, line 3", "5,000,000")
    assert len(message) < 600


def test_an_id_that_stands_twice_in_a_lookup_is_refused(path: Path) -> None:
    tables = build_tables()
    tables["nibrs_victim_type"].append({"victim_type_id": 4, "victim_type_code": "B"})
    refused(
        write_zip(path, tables), "NIBRS_VICTIM_TYPE.csv, column victim_type_id, lines 3 and 6", "the id '4' is repeated"
    )


def test_null_as_text_is_missing(path: Path) -> None:
    frames = read(build_zip(path, agencies=[{"msa_name": "NULL"}]))
    assert frames["agency"].select("msa_name", "is_in_msa").rows() == [(None, False)]


# Forms


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("\n", "\r"), "carriage return only"),
        (lambda text: text.replace(",", ";"), "separated by semicolons"),
        (lambda text: text.replace(",", "\t"), "separated by tabs"),
    ],
)
@pytest.mark.parametrize("member", ["agencies", "nibrs_weapon", "nibrs_victim_type"])
def test_what_another_program_saved_is_named(path: Path, member: str, change: Any, words: str) -> None:
    tables = build_tables()
    tables[member] = change(as_csv(member, tables[member]))
    refused(
        write_zip(path, tables), f"{member}.csv".lower() if member == "agencies" else f"{member.upper()}.csv", words
    )


def test_a_zip_in_a_zip_is_named(path: Path, tmp_path: Path) -> None:
    inner = build_zip(tmp_path / "inner.zip")
    with zipfile.ZipFile(path, "w") as file:
        file.write(inner, "VT-2024-inner.zip")
    refused(path, "another zip, VT-2024-inner.zip", "Unpack it")


def test_a_member_that_stands_twice_with_the_same_content_is_read_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tables = build_tables()
    expected = read(write_zip(path, tables))["victim"]
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("copy/ref_race.csv", as_csv("ref_race", tables["ref_race"]))
    assert read(path)["victim"].equals(expected)
    assert "contains copy/ref_race.csv twice" in caplog.text


def test_a_member_that_stands_twice_with_other_content_is_refused(path: Path) -> None:
    tables = build_tables()
    with zipfile.ZipFile(write_zip(path, tables), "a") as file:
        file.writestr("copy/ref_race.csv", as_csv("ref_race", tables["ref_race"]).replace("White", "Wight"))
    refused(path, "copy/ref_race.csv", "different contents")


# Names and sizes


@pytest.mark.parametrize(
    "name", ["\x1b[2Jevil/../agencies.csv", "a\x1b]0;x\x07/agencies.csv", "b\r\nError: fine/agencies.csv"]
)
def test_control_characters_of_names_are_never_shown(path: Path, name: str) -> None:
    with zipfile.ZipFile(build_zip(path), "a") as file:
        file.writestr(name, "other")
    refused(path, "agencies.csv")


def test_bounds_of_size() -> None:
    assert archive.MAX_RATIO == 100
    assert archive.MAX_MEMBER_BYTES == 2 * 2**30
    assert archive.FREE_BYTES == 64 * 2**20


def test_members_share_a_budget(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each member below the bound of a member, together above the zip's."""
    monkeypatch.setattr(archive, "FREE_BYTES", 2**20)
    tables = build_tables() | {f"more_{n}": b"\n" * (2**20 - 1) for n in range(6)}
    refused(write_zip(path, tables), "the zip unpacks to")


# A file that is replaced


def test_a_zip_replaced_after_the_plan_is_refused(path: Path, tmp_path: Path) -> None:
    source = CdeSource((build_zip(path),))
    source.probe(2024, seed=1)
    planned = pickle.loads(pickle.dumps(source))
    planned.ingest_agencies(year=2024)
    shutil.copy(build_zip(tmp_path / "other.zip", incidents=[{}, {}]), path)
    for task in (planned.ingest_agencies, source.ingest_agencies):
        with pytest.raises(PipelineError, match="changed while the run was reading it"):
            task(year=2024)
    with pytest.raises(PipelineError, match="changed while the run was reading it"):
        planned.ingest_incidents(year=2024, partition="VT")
    # A new plan is of the new file.
    source.probe(2024, seed=1)
    assert source.ingest_incidents(year=2024, partition="VT")["incident"].height == 2


def test_a_zip_replaced_with_one_of_equal_size_and_time_is_refused(path: Path) -> None:
    tables = build_tables()
    source = CdeSource((write_zip(path, tables, compression=zipfile.ZIP_STORED),))
    source.probe(2024, seed=1)
    status = path.stat()
    tables["nibrs_victim"][0]["sex_code"] = "F"
    write_zip(path, tables, compression=zipfile.ZIP_STORED)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    with pytest.raises(PipelineError, match="changed while the run was reading it"):
        source.ingest_incidents(year=2024, partition="VT")


def test_a_zip_that_changes_while_it_is_open_is_refused(path: Path) -> None:
    build_zip(path)
    with (
        pytest.raises(PipelineError, match="changed while the run was reading it"),
        archive.open_archive(path) as opened,
    ):
        opened.read("agencies")
        os.utime(path, ns=(1, 1))
