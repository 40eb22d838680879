"""The real download of Vermont 2024; the counts are those that its publisher's data hold."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import polars as pl
import pytest

from nibrs_estimation.model import agency, incident
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.sources.cde import CdeSource

_SHARED = Path(__file__).parents[2] / os.environ.get("NIBRS_SHARED_DATA", "../shared/data")
_ZIP = _SHARED / "cde" / "VT-2024.zip"

pytestmark = pytest.mark.skipif(
    not _ZIP.exists(),
    reason=f"needs {_ZIP.name}; set NIBRS_SHARED_DATA to the folder that holds cde/{_ZIP.name}",
)


@pytest.fixture(scope="module")
def frames() -> dict[str, pl.DataFrame]:
    source = CdeSource((_ZIP,))
    return {**source.ingest_agencies(year=2024), **source.ingest_incidents(year=2024, partition="VT")}


def test_probe() -> None:
    probe = CdeSource((_ZIP,)).probe(2024, seed=1)
    assert (probe.years, probe.partitions) == ((2024,), {"state_abbr": ("VT",)})


@pytest.mark.parametrize(
    ("name", "count"),
    [("agency", 87), ("incident", 18_919), ("offense", 20_426), ("victim", 20_214), ("offender", 19_732)],
)
def test_rows(frames: dict[str, pl.DataFrame], name: str, count: int) -> None:
    assert frames[name].height == count


def test_arrestees(frames: dict[str, pl.DataFrame]) -> None:
    counts = frames["arrestee"].group_by("is_group_b").len().sort("is_group_b")
    assert counts["len"].to_list() == [6_699, 7_003]


@pytest.mark.parametrize("dataset", [*agency.DATASETS, *incident.DATASETS], ids=lambda dataset: dataset.name)
def test_schema_codes_and_keys(frames: dict[str, pl.DataFrame], dataset: Dataset) -> None:
    frame = frames[dataset.name]
    assert frame.schema == dataset.schema
    assert not frame.select(dataset.primary_key).is_duplicated().any()
    for column in dataset.columns:
        assert column.is_nullable or not frame[column.name].null_count(), column.name
        assert not column.codes or set(frame[column.name].drop_nulls()) <= set(column.codes), column.name


def test_months(frames: dict[str, pl.DataFrame]) -> None:
    months = frames["report_month"]
    assert months.group_by("agency_id").len()["len"].unique().to_list() == [12]
    assert months.filter(pl.col("status") == "Z")["agency_id"].n_unique() == 34
    assert months.filter(pl.col("status") == "Z")["status_source"].unique().to_list() == ["inferred"]


def test_only_persons_and_known_offenders_have_demographics(frames: dict[str, pl.DataFrame]) -> None:
    columns = ("age_code", "sex_code", "race_code", "ethnicity_code")
    others = frames["victim"].filter(~pl.col("victim_type_code").is_in(["I", "L"]))
    unknown = frames["offender"].filter(pl.col("sequence_number") == 0)
    for frame in (others, unknown):
        assert frame.height
        assert frame.select(pl.col(columns).is_not_null().any()).row(0) == (False,) * 4


def test_nothing_is_dropped_or_unknown(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        source = CdeSource((_ZIP,))
        source.ingest_agencies(year=2024)
        source.ingest_incidents(year=2024, partition="VT")
    assert not caplog.records
