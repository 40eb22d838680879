"""The universe from a CSV (handbook 01), and what it adds to the incident files."""

from __future__ import annotations

import logging
from pathlib import Path

import polars as pl
import pytest
from tests.support.cde_zip import build_zip
from tests.support.frames import table

from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.sources.cde import CdeSource
from nibrs_estimation.sources.universe_file import merge_universe, read_universe

HEADER = "ori,state_postal_abbr,agency_type_name,population,population_group_code"
ROW = "VT0010000,VT,County,3763,8D"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "universe.csv"


def read(path: Path, *rows: str, header: str = HEADER) -> pl.DataFrame:
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return read_universe(path, 2024)


def test_what_the_file_does_not_say_is_completed(path: Path) -> None:
    frame = checked(read(path, ROW, "NE0010300,NE,City,25093,4", "ME0030500,ME,City,0,7"), AGENCY)
    shown = frame.sort("ori").select("state_abbr", "state_name", "region_code", "agency_status", "is_covered")
    assert shown.rows() == [
        ("ME", "Maine", 1, "D", False),
        ("NB", "Nebraska", 2, "A", False),
        ("VT", "Vermont", 1, "A", False),
    ]
    assert frame["universe_scope"].unique().to_list() == ["all"]
    assert (frame["agency_id"] < 0).all()


def test_numbers_do_not_depend_on_the_order(path: Path) -> None:
    rows = [ROW, "VT0020000,VT,County,100,8D"]
    first, second = read(path, *rows), read(path, *rows[::-1])
    assert dict(first.select("ori", "agency_id").rows()) == dict(second.select("ori", "agency_id").rows())


def test_columns_of_the_reference_pipelines_file(path: Path) -> None:
    header = (
        "AGENCY_ID,DATA_YEAR,ORI,STATE_ABBR,AGENCY_TYPE_NAME,POPULATION,POPULATION_GROUP_CODE,AGENCY_STATUS,"
        "COVERED_FLAG,COVERED_BY_LEGACY_ORI,PE_MALE_OFFICER_COUNT,NIBRS_START_DATE,MSA_NAME"
    )
    frame = read(path, '7,2024,NB0010300,NB,City,900,7,A,Y,NB0010000,12,2019-07-01,"Lincoln, NE"', header=header)
    assert frame.select("agency_id", "is_covered", "covered_by_ori", "male_officers", "msa_name").row(0) == (
        7, True, "NB0010000", 12, "Lincoln, NE",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([ROW, ROW], ("lines 2 and 3", "column ori", "VT0010000")),
        (["VT0010000,VT,County,-5,8D"], ("line 2", "column population", "-5", "negative")),
        (["VT0010000,ZZ,County,5,8D"], ("line 2", "state_abbr", "'ZZ'")),
        (["VT0010000,VT,Village,5,8D"], ("line 2", "agency_type_name", "'Village'", "City, County")),
        (["VT0010000,VT,County,5,10"], ("line 2", "population_group_code", "'10'")),
        (["VT0010000,VT,County,many,8D"], ("line 2", "population", "not a whole number")),
        (["VT0010000,VT,County,,8D"], ("line 2", "population", "missing")),
        ([",VT,County,5,8D"], ("line 2", "ori", "missing")),
    ],
)
def test_bad_rows(path: Path, rows: list[str], words: tuple[str, ...]) -> None:
    with pytest.raises(PipelineError) as error:
        read(path, *rows)
    for word in ("universe.csv", *words):
        assert word in str(error.value), error.value


@pytest.mark.parametrize(
    ("header", "row", "words"),
    [
        (
            "ori,population",
            "VT0010000,5",
            ("does not have the columns agency_type_name", "state_abbr or state_postal_abbr"),
        ),
        (f"{HEADER},data_year", f"{ROW},2023", ("line 2, column data_year", "not 2024")),
        (f"{HEADER},nibrs_start_date", f"{ROW},1 July", ("column nibrs_start_date", "'1 July'")),
        (f"{HEADER},agency_status", f"{ROW},X", ("column agency_status", "not one of A, D, F, L")),
        (f"{HEADER},covered_flag", f"{ROW},perhaps", ("column is_covered", "'perhaps' is not Y or N")),
    ],
)
def test_bad_columns(path: Path, header: str, row: str, words: tuple[str, ...]) -> None:
    with pytest.raises(PipelineError) as error:
        read(path, row, header=header)
    for word in words:
        assert word in str(error.value), error.value


def test_a_file_that_is_not_there(path: Path) -> None:
    with pytest.raises(PipelineError, match="cannot be read as CSV"):
        read_universe(path, 2024)


def test_incident_files_and_universe_meet(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    universe = read(
        path,
        "VT0010000,VT,County,1,8D,12",
        "VTOLD0000,VT,City,1,7,3",
        "VT0090000,VT,City,700,7,",
        "ME0010000,ME,City,700,7,",
        header=f"{HEADER},male_officers",
    )
    listed = table(
        "agency",
        {"agency_id": 1, "ori": "VT0010000", "population": 3763},
        {"agency_id": 2, "ori": "VTNEW0000", "legacy_ori": "VTOLD0000", "male_officers": 8},
        {"agency_id": 3, "ori": "VTXXX0000"},
    ).collect()
    with caplog.at_level(logging.WARNING):
        merged = merge_universe(listed, universe).sort("ori")
    assert merged.select("ori", "population", "male_officers", "has_participated", "universe_scope").rows() == [
        ("VT0010000", 3763, 12, True, "all"),
        ("VT0090000", 700, None, False, "all"),
        ("VTNEW0000", 5000, 8, True, "all"),
        ("VTXXX0000", 5000, None, True, "all"),
    ]
    assert "1 agencies of the incident files are not in the universe file, the first VTXXX0000" in caplog.text


def test_two_agencies_of_one_number_are_refused(path: Path) -> None:
    universe = read(path, "VT0090000,VT,City,700,7,2", header=f"{HEADER},agency_id")
    other = read(path, "VT0080000,VT,City,700,7,1", header=f"{HEADER},agency_id")
    listed = table("agency", {"agency_id": 1, "ori": "VT0010000"}, {"agency_id": 2, "ori": "VT0090000"}).collect()
    with pytest.raises(PipelineError, match="Two agencies have the agency_id 1: VT0010000 and VT0080000"):
        merge_universe(listed, pl.concat([universe, other]))


def test_a_file_that_lacks_most_agencies_is_no_universe(path: Path) -> None:
    universe = read(path, "VT0010000,VT,County,1,8D")
    listed = table("agency", *({"agency_id": n, "ori": f"VT00{n}0000"} for n in (1, 2, 3))).collect()
    with pytest.raises(PipelineError, match="lacks 2 of the 3 agencies of VT"):
        merge_universe(listed, universe)
    with pytest.raises(PipelineError, match="lacks 3 of the 3 agencies of VT"):
        merge_universe(listed, universe.clear())


def test_the_source_takes_the_file(path: Path, tmp_path: Path) -> None:
    read(path, ROW, "VT0090000,VT,City,700,7")
    source = CdeSource((build_zip(tmp_path / "VT-2024.zip"),))
    agencies = source.ingest_agencies(year=2024, universe=path)
    assert sorted(agencies["agency"].select("ori", "universe_scope").rows()) == [
        ("VT0010000", "all"),
        ("VT0090000", "all"),
    ]
    losses = source.ingest_incidents(year=2024, partition="VT", universe=path)["intake_loss"]["loss"]
    assert "no_universe" not in losses
