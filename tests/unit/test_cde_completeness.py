"""Tables of a zip that were cut, emptied or swapped are refused; the little is counted (10 F4, F7, G1)."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.support.cde_zip import Tables, as_csv, build_tables, write_zip

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.cde import CdeSource
from nibrs_estimation.sources.intake.manifest import MANIFEST_TASK, write_intake_manifest

N = 30
CHILDREN = {
    "nibrs_offense": "nibrs_incident",
    "nibrs_victim": "nibrs_incident",
    "nibrs_offender": "nibrs_incident",
    "nibrs_victim_offense": "nibrs_victim",
    "nibrs_bias_motivation": "nibrs_offense",
    "nibrs_suspect_using": "nibrs_offense",
    "nibrs_arrestee_weapon": "nibrs_arrestee",
    "nibrs_arrestee_groupb_weapon": "nibrs_arrestee_groupb",
    "nibrs_month": "nibrs_incident",
}


def tables_of(**overrides: Any) -> Tables:
    return build_tables(incidents=[{}] * N, **overrides)


def read(tmp_path: Path, tables: Tables, *, is_excerpt: bool = False) -> dict[str, pl.DataFrame]:
    source = CdeSource((write_zip(tmp_path / "VT-2024.zip", tables),), is_excerpt)
    source.probe(2024, seed=1)
    return {**source.ingest_agencies(year=2024), **source.ingest_incidents(year=2024, partition="VT")}


def losses(frames: dict[str, pl.DataFrame]) -> list[tuple[str, int]]:
    return frames["intake_loss"].filter(pl.col("loss") == "no_child").select("subject", "n").rows()


def refused(tmp_path: Path, tables: Tables, *words: str) -> None:
    with pytest.raises(PipelineError) as error:
        read(tmp_path, tables)
    message = str(error.value)
    assert "\n" not in message
    for word in ("VT-2024.zip", *words):
        assert word in message, message


@pytest.mark.parametrize("child", CHILDREN)
def test_a_table_that_is_empty_where_its_parent_is_not_is_refused(tmp_path: Path, child: str) -> None:
    # What hangs below it would be found first, as orphans.
    below = {
        "nibrs_victim": ("nibrs_victim_offense", "nibrs_victim_injury", "nibrs_victim_circumstances"),
        "nibrs_offender": (),
    }
    emptied = [child, *below.get(child, ()), *(["nibrs_victim_offender_rel"] if child in below else [])]
    refused(tmp_path, tables_of(**{member: [] for member in emptied}), f"{child.upper()}.csv", "each must have one")


@pytest.mark.parametrize("child", ["nibrs_victim_offense", "nibrs_bias_motivation", "nibrs_arrestee_weapon"])
def test_a_table_cut_by_more_than_a_tenth_is_refused(tmp_path: Path, child: str) -> None:
    tables = tables_of()
    tables[child] = tables[child][:26]
    refused(tmp_path, tables, f"{child.upper()}.csv", "4 of 30, 13.3 %", CHILDREN[child])


@pytest.mark.parametrize("child", ["nibrs_victim_offense", "nibrs_bias_motivation", "nibrs_month"])
def test_less_is_counted_and_told(tmp_path: Path, child: str, caplog: pytest.LogCaptureFixture) -> None:
    tables = tables_of()
    tables[child] = tables[child][:28]
    frames = read(tmp_path, tables)
    subject = f"{CHILDREN[child]} without {child} (2 of 30, 6.7 %)"
    assert losses(frames) == [(subject, 2)]
    with caplog.at_level(logging.WARNING):
        write_intake_manifest(*(frames[dataset.name].lazy() for dataset in MANIFEST_TASK.reads))
    assert subject in caplog.text


def test_a_whole_zip_has_no_such_loss(tmp_path: Path) -> None:
    assert losses(read(tmp_path, tables_of())) == []


def test_an_excerpt_is_told_of_alone(tmp_path: Path) -> None:
    frames = read(tmp_path, tables_of(nibrs_victim_offense=[]), is_excerpt=True)
    assert losses(frames) == [("nibrs_victim without nibrs_victim_offense (30 of 30, 100.0 %)", 30)]


def test_an_optional_table_that_is_empty_is_told(tmp_path: Path) -> None:
    found = read(tmp_path, tables_of(nibrs_criminal_act=[]))["intake_loss"].filter(pl.col("loss") == "empty_table")
    assert found.select("subject", "n").rows() == [("nibrs_criminal_act", N)]


def test_a_column_blanked_by_a_lookup_of_another_layout_is_refused(tmp_path: Path) -> None:
    tables = tables_of()
    tables["ref_race"] = [row | {"race_id": row["race_id"] + 500} for row in tables["ref_race"]]
    refused(tmp_path, tables, "NIBRS_VICTIM.csv, column race_id, line 2: '10'", "30 of 30 values", "unknown code")


def test_a_tenth_of_a_columns_values_may_be_faulty(tmp_path: Path) -> None:
    tables = tables_of()
    for row in tables["nibrs_victim"][:3]:
        row["race_id"] = 999
    assert read(tmp_path, tables)["victim"]["race_code"].null_count() == 3


def test_swapped_headers_are_refused(tmp_path: Path) -> None:
    tables = tables_of()
    text = as_csv("nibrs_victim", tables["nibrs_victim"])
    text = (
        text.replace("sex_code", "*").replace("resident_status_code", "sex_code").replace("*", "resident_status_code")
    )
    refused(tmp_path, tables | {"nibrs_victim": text}, "NIBRS_VICTIM.csv, column sex_code, line 2: 'R'")


@pytest.mark.parametrize(
    ("member", "column"), [("nibrs_offense", "location_id"), ("nibrs_victim", "age_id"), ("nibrs_arrestee", "sex_code")]
)
def test_a_column_that_is_empty_where_no_real_one_is_is_refused(tmp_path: Path, member: str, column: str) -> None:
    tables = tables_of()
    tables[member] = [row | {column: None} for row in tables[member]]
    refused(tmp_path, tables, f"{member.upper()}.csv, column {column}: it is empty on all 30 rows")


def test_codes_of_one_letter_have_no_case(tmp_path: Path) -> None:
    tables = tables_of()
    for row in tables["nibrs_victim"]:
        row |= {"sex_code": "f", "resident_status_code": "n"}
    victims = read(tmp_path, tables)["victim"]
    assert victims.select("sex_code", "resident_code").unique().rows() == [("F", "N")]


def test_a_member_of_nothing_but_repeats_is_refused(tmp_path: Path) -> None:
    tables = tables_of()
    tables["nibrs_weapon"] = tables["nibrs_weapon"][:1] * 300
    refused(tmp_path, tables, "NIBRS_WEAPON.csv", "299 of 300 rows are faulty (duplicate")


def test_rows_that_contradict_each_other_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tables = tables_of()
    tables["nibrs_victim"].append(tables["nibrs_victim"][0] | {"sex_code": "F"})
    frames = read(tmp_path, tables)
    write_intake_manifest(*(frames[dataset.name].lazy() for dataset in MANIFEST_TASK.reads))
    assert "table nibrs_victim: 1 rows differ from another row with the same key" in caplog.text
