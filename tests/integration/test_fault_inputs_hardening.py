"""Made-up faulty zips of the fault list: what must be refused, and what must be read right."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest
from tests.support.shared_data import SHARED_DATA

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.cde import CdeSource

FAULTS = SHARED_DATA / "faults"
pytestmark = pytest.mark.skipif(not FAULTS.is_dir(), reason=f"no {FAULTS.name} under NIBRS_SHARED_DATA={SHARED_DATA}")


def read(tmp_path: Path, name: str) -> dict[str, pl.DataFrame]:
    path = tmp_path / "VT-2024.zip"
    shutil.copyfile(FAULTS / f"{name}-VT-2024.zip", path)
    source = CdeSource((path,))
    source.probe(2024, seed=1)
    return {**source.ingest_agencies(year=2024), **source.ingest_incidents(year=2024, partition="VT")}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("victim-offense-header-only", r"NIBRS_VICTIM_OFFENSE.csv: 72 of 72, 100.0 % of the rows of nibrs_victim"),
        ("lookup-of-other-layout", r"NIBRS_VICTIM.csv, column race_id, line 2: '10' and others, 72 of 72 values"),
    ],
)
def test_refused(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(PipelineError, match=words):
        read(tmp_path, name)


def test_lower_case_sex_is_read(tmp_path: Path) -> None:
    frames = read(tmp_path, "lower-case-sex")
    assert set(frames["victim"]["sex_code"]) == {"F"}
    assert frames["quarantine"].is_empty()


def test_codes_that_no_list_knows_are_set_aside_and_told(tmp_path: Path) -> None:
    frames = read(tmp_path, "codes-unknown-to-product")
    assert "27A" in frames["offense"]["offense_code"].to_list()
    assert "60" not in frames["offense"]["location_code"].to_list()
    assert "MENA" not in frames["victim"]["race_code"].to_list()
    assert "96" not in frames["offense_weapon"]["weapon_code"].to_list()
    assert set(frames["quarantine"]["reason"]) == {"unknown_code"}
    assert "nibrs_offense without nibrs_bias_motivation (3 of 72, 4.2 %)" in frames["intake_loss"]["subject"].to_list()


def test_null_as_text_is_missing(tmp_path: Path) -> None:
    frames = read(tmp_path, "NULL-as-text")
    assert "NULL" not in frames["agency"]["msa_name"].to_list()
    assert frames["quarantine"].is_empty()
