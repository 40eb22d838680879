"""Synthetic nation -> zips of the Crime Data Explorer in both layouts -> import: equal but for the layouts' losses.

On the way: what must hold among the datasets of any source.
"""

from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nibrs_estimation.model import agency, incident
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.sources.cde import CdeSource
from nibrs_estimation.sources.intake.manifest import MANIFEST_TASK, write_intake_manifest
from nibrs_estimation.sources.synthetic import SyntheticSource
from nibrs_estimation.sources.synthetic.render_cde import render_cde

Frames = dict[str, pl.DataFrame]
STATE, SCALE, SEED = "NB", 0.02, 5
YEARS = {"cde_2016_2020": 2020, "cde_2021": 2024}
#: What neither layout tells of an agency: docs/develop/adding-a-source.md.
AGENCY_LOSSES = [
    "metro_division_name", "judicial_district_code", "field_office_code", "universe_scope", "has_participated",
]  # fmt: skip


@pytest.fixture(scope="module", params=list(YEARS))
def layout(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def original(layout: str) -> Frames:
    source, year = SyntheticSource(SCALE), YEARS[layout]
    frames = {**source.ingest_agencies(year, SEED), **source.ingest_incidents(year, SEED, STATE)}
    reporting = frames["agency"].filter(
        (pl.col("state_abbr") == STATE) & (pl.col("data_year") == year) & pl.col("has_participated_nibrs")
    )
    listed = pl.col("agency_id").is_in(reporting["agency_id"].implode()) & (pl.col("data_year") == year)
    by_agency = {name: frames[name].filter(listed) for name in ("report_month", "agency_month_offense")}
    return frames | by_agency | {"agency": reporting}


@pytest.fixture(scope="module")
def imported(layout: str, original: Frames, tmp_path_factory: pytest.TempPathFactory) -> Frames:
    year = YEARS[layout]
    path = tmp_path_factory.mktemp(layout) / f"{STATE}-{year}.zip"
    render_cde({name: frame.lazy() for name, frame in original.items()}, STATE, year, 1 if year <= 2020 else 2, path)
    source = CdeSource((path,))
    return {**source.ingest_agencies(year=year), **source.ingest_incidents(year=year, partition=STATE)}


def equal(original: Frames, imported: Frames, name: str, *losses: str) -> None:
    dataset = next(one for one in (*agency.DATASETS, *incident.DATASETS) if one.name == name)
    first, second = (checked(frames[name], dataset).drop(losses) for frames in (original, imported))
    assert first.height
    assert_frame_equal(first, second)


def test_the_state_is_nebraska_whatever_the_file_is_called(imported: Frames) -> None:
    assert imported["incident"]["state_abbr"].unique().to_list() == ["NB"]


def test_nothing_is_set_aside(imported: Frames) -> None:
    assert imported["quarantine"].height == 0
    write_intake_manifest(*(imported[dataset.name].lazy() for dataset in MANIFEST_TASK.reads))


@pytest.mark.parametrize(
    "name",
    [
        dataset.name
        for dataset in incident.DATASETS
        if dataset.name not in ("arrestee", "arrestee_weapon", "victim_circumstance")
    ],
)
def test_segments_are_equal(original: Frames, imported: Frames, name: str) -> None:
    equal(original, imported, name)


def test_circumstances(layout: str, original: Frames, imported: Frames) -> None:
    kept = original["victim_circumstance"]
    if layout == "cde_2021":
        kept = kept.filter(pl.col("justifiable_force_code").is_not_null())
    assert_frame_equal(kept.sort(pl.all()), imported["victim_circumstance"].sort(pl.all()))


def test_arrestees(layout: str, original: Frames, imported: Frames) -> None:
    kept = original["arrestee"]
    if layout == "cde_2016_2020":
        kept = kept.filter(~pl.col("is_group_b"))
    unknown = pl.col("is_group_b")
    blank = [pl.when(~unknown).then(name).alias(name) for name in ("agency_id", "form_year", "form_month")]
    kept = kept.with_columns(blank)
    equal({"arrestee": kept}, imported, "arrestee")
    weapons = original["arrestee_weapon"].join(
        kept.select("is_group_b", "arrestee_id"), on=["is_group_b", "arrestee_id"]
    )
    equal({"arrestee_weapon": weapons}, imported, "arrestee_weapon")
    assert ("no_agency" in imported["intake_loss"]["loss"]) == (layout == "cde_2021")


def test_agencies(original: Frames, imported: Frames) -> None:
    equal(original, imported, "agency", *AGENCY_LOSSES)


def test_offenses_by_month(original: Frames, imported: Frames) -> None:
    equal(original, imported, "agency_month_offense")


def test_months(layout: str, original: Frames, imported: Frames) -> None:
    by_incidents = {"report_month": original["report_month"].filter(pl.col("form_code") == "N")}
    if layout == "cde_2016_2020":
        equal(by_incidents, imported, "report_month")
        return
    # Zero months are lost: those with incidents stay, and what was inferred besides is said to be.
    with_incidents = {"report_month": by_incidents["report_month"].filter(pl.col("status") == "I")}
    inferred = imported["report_month"].filter(pl.col("status") == "Z")
    assert set(inferred["status_source"]) <= {"inferred"}
    equal(with_incidents, {"report_month": imported["report_month"].filter(pl.col("status") == "I")}, "report_month")
