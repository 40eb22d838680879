"""Synthetic nation -> NIBRS master file -> import: equal but for the file's losses and the numbers of records."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nibrs_estimation.evaluate.estimating import Drawing, estimates_of
from nibrs_estimation.model import agency, incident
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.sources.intake.manifest import MANIFEST_TASK, write_intake_manifest
from nibrs_estimation.sources.master import MasterSource
from nibrs_estimation.sources.synthetic import SyntheticSource
from nibrs_estimation.sources.synthetic import render_master as render_master_module
from nibrs_estimation.sources.synthetic.render_master import render_master

Frames = dict[str, pl.DataFrame]
STATE, SCALE, SEED = "NB", 0.02, 5
#: Before 2020 a blank says that no report came, from then on a letter.
YEARS = [2019, 2024]
#: What a header does not tell of an agency.
AGENCY_LOSSES = [
    "agency_name", "ncic_agency_name", "published_agency_name", "published_agency_unit", "county_name", "msa_name",
    "metro_division_name", "submitting_agency_id", "submitting_agency_sai", "submitting_agency_name",
    "nibrs_certification_date", "nibrs_cargo_theft_start_date", "nibrs_multi_bias_start_date",
    "nibrs_offender_ethnicity_start_date", "has_police_employees", "male_officers", "male_civilians",
    "female_officers", "female_civilians", "is_most_in_population", "is_direct_contributor", "has_participated",
    "legacy_ori", "agency_status", "is_dormant", "covered_by_ori", "is_suburban",
]  # fmt: skip
#: What records do not tell.
SEGMENT_LOSSES = {"offender": ["age_low_years", "age_high_years"]}
#: Identifier of each dataset of records -> the dataset whose records follow each other in the file.
NUMBERS = {
    "offense_id": "offense",
    "victim_id": "victim",
    "offender_id": "offender",
    "property_id": "property",
    "drug_id": "drug",
}


@pytest.fixture(scope="module", params=YEARS)
def year(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def original(year: int) -> Frames:
    source = SyntheticSource(SCALE)
    frames = {**source.ingest_agencies(year, SEED), **source.ingest_incidents(year, SEED, STATE)}
    agencies = frames["agency"].filter((pl.col("state_abbr") == STATE) & (pl.col("data_year") == year))
    listed = pl.col("agency_id").is_in(agencies["agency_id"].implode()) & (pl.col("data_year") == year)
    by_agency = {name: frames[name].filter(listed) for name in ("report_month", "agency_month_offense")}
    by_agency["report_month"] = by_agency["report_month"].filter(pl.col("form_code") == "N")
    return frames | by_agency | {"agency": agencies}


@pytest.fixture(scope="module")
def file(year: int, original: Frames, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("master") / f"nibrs-{year}.txt"
    render_master({name: frame.lazy() for name, frame in original.items()}, year, path)
    return path


@pytest.fixture(scope="module")
def raw(year: int, file: Path) -> Frames:
    source = MasterSource((file,))
    found = source.ingest_master(year)
    return {name: table if isinstance(table, pl.DataFrame) else table[STATE] for name, table in found.items()}


@pytest.fixture(scope="module")
def imported(original: Frames, raw: Frames, file: Path) -> Frames:
    """The imported datasets with the identifiers of the nation, found by ORI, incident number and order."""
    lines = file.read_text("latin-1").splitlines()
    incident_ids = {line: int(lines[line - 1][13:25]) for line in raw["incident"]["incident_id"]}
    agency_ids = dict(
        raw["agency"].select("agency_id", "ori").join(original["agency"].select("ori", own="agency_id"), on="ori")
        .select("agency_id", "own").iter_rows()
    )  # fmt: skip
    maps = {"incident_id": incident_ids, "agency_id": agency_ids, "outside_agency_id": agency_ids}
    for key, dataset in NUMBERS.items():
        own, found = original[dataset][key].sort().to_list(), raw[dataset][key].sort().to_list()
        maps[key] = dict(zip(found, own, strict=True))
    arrests: dict[int, int] = {}
    for is_group_b in (False, True):
        of_kind = pl.col("is_group_b") == is_group_b
        pairs = zip(
            *(frames["arrestee"].filter(of_kind)["arrestee_id"].sort() for frames in (raw, original)), strict=True
        )
        arrests |= dict(pairs)
    maps["arrestee_id"] = arrests
    return {
        name: table.with_columns(
            pl.col(column).replace_strict(numbers, default=None, return_dtype=table[column].dtype)
            for column, numbers in maps.items()
            if column in table.columns
        )
        for name, table in raw.items()
    }


def equal(original: Frames, imported: Frames, name: str, *losses: str) -> None:
    dataset = next(one for one in (*agency.DATASETS, *incident.DATASETS) if one.name == name)
    first, second = (checked(frames[name], dataset).drop(losses) for frames in (original, imported))
    assert first.height
    assert_frame_equal(first, second)


def test_nothing_is_set_aside(raw: Frames, file: Path) -> None:
    assert raw["quarantine"].height == 0
    counts = raw["intake_count"]
    assert counts["rows_read"].sum() == counts["rows_kept"].sum() == len(file.read_text("latin-1").splitlines())
    write_intake_manifest(*(raw[dataset.name].lazy() for dataset in MANIFEST_TASK.reads))


def test_a_record_has_the_number_of_its_line(raw: Frames, file: Path) -> None:
    lines = file.read_text("latin-1").splitlines()
    for name, level in {"incident": "01", "offense": "02", "victim": "04", "offender": "05"}.items():
        assert {lines[line - 1][:2] for line in raw[name][f"{name}_id"]} == {level}


@pytest.mark.parametrize("name", [dataset.name for dataset in incident.DATASETS])
def test_segments_are_equal(original: Frames, imported: Frames, name: str) -> None:
    equal(original, imported, name, *SEGMENT_LOSSES.get(name, []))


def test_agencies(original: Frames, imported: Frames) -> None:
    uncovered = {
        name: frames["agency"].filter(~pl.col("is_covered")) for name, frames in (("o", original), ("i", imported))
    }
    assert original["agency"]["ori"].sort().equals(imported["agency"]["ori"].sort())
    equal({"agency": uncovered["o"]}, {"agency": uncovered["i"]}, "agency", *AGENCY_LOSSES)


def test_counties(year: int, original: Frames, raw: Frames) -> None:
    """At most five of each agency, which is all that the nation's agencies of the state have."""
    columns = ["data_year", "ori", "county_fips", "population", "population_share", "is_core_city"]
    of_state = pl.col("ori").is_in(original["agency"]["ori"].implode()) & (pl.col("data_year") == year)
    own, found = (frames["agency_county"].filter(of_state).select(columns) for frames in (original, raw))
    # The header says it of the agency, the nation of its parts.
    own = own.with_columns(pl.col("is_core_city").any().over("ori"))
    assert own.height
    assert_frame_equal(own, found, check_row_order=False)


def test_reported_months_and_offenses(original: Frames, imported: Frames) -> None:
    equal(original, imported, "report_month")
    equal(original, imported, "agency_month_offense")


def test_a_zip_and_a_text_give_the_same(year: int, original: Frames, raw: Frames, tmp_path: Path) -> None:
    path = tmp_path / "nibrs.zip"
    render_master({name: frame.lazy() for name, frame in original.items()}, year, path)
    tables = MasterSource((path,)).ingest_master(year)
    found = {name: table if isinstance(table, pl.DataFrame) else table[STATE] for name, table in tables.items()}
    for dataset in (*agency.DATASETS, *incident.DATASETS):
        equal(raw, found, dataset.name)


def test_estimates_are_equal_but_for_the_losses(year: int, original: Frames, raw: Frames) -> None:
    """With what a header does not tell taken from the header in both, every estimate is the same number."""
    ids = raw["agency"].select("ori", number="agency_id")
    losses = raw["agency"].select("ori", *AGENCY_LOSSES)
    told = original["agency"].drop(AGENCY_LOSSES).join(losses, on="ori").select(raw["agency"].columns)
    # The kind of a covered agency is not told either, and such an agency is not estimated.
    kinds = raw["agency"].select("ori", kind="agency_type_name")
    told = told.join(kinds, on="ori").with_columns(agency_type_name="kind").drop("kind")
    of_nation = {"agency": told, **{name: original[name] for name in ("report_month", "agency_month_offense")}}
    renamed = {
        name: frame.join(ids, on="ori").with_columns(agency_id="number").drop("number")
        for name, frame in of_nation.items()
    }
    truth = renamed["agency_month_offense"].group_by("agency_id", "offense_code").agg(pl.col("n").sum())
    places = {name: original[name].lazy() for name in ("agency_county", "srs_benchmark", "geography")}
    found = [
        estimates_of(
            Drawing({name: frames[name].lazy() for name in of_nation} | places, truth, year), ("program",), SEED
        )
        for frames in (renamed, raw)
    ]
    assert found[0]["estimate"].drop_nulls().len() > 100
    assert_frame_equal(*found)


def test_the_nation_is_known_to_be_made_up(year: int, file: Path) -> None:
    probe = MasterSource((file,)).probe(year, 1)
    assert probe.is_synthetic
    assert probe.partitions == {"state_abbr": (STATE,)}


def test_small_batches_give_the_same_bytes(
    year: int, original: Frames, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render_master_module, "_BATCH_INCIDENTS", 50)
    path = tmp_path / "batches.txt"
    render_master({name: frame.lazy() for name, frame in original.items()}, year, path)
    assert path.read_bytes() == file.read_bytes()


def test_a_former_year_has_the_nations_months_and_counts(year: int, file: Path, tmp_path: Path) -> None:
    """Of a year before the data year, incidents have only date and offenses, which are those of the nation."""
    of_nation = SyntheticSource(SCALE).ingest_agencies(year, SEED)
    of_state = of_nation["agency"].filter(pl.col("state_abbr") == STATE)
    path = tmp_path / "former.txt"
    tables = {**of_nation, "agency": of_state}
    lines = render_master({name: frame.lazy() for name, frame in tables.items()}, year - 1, path)
    found = MasterSource((file, path)).ingest_master(year)
    in_file = (pl.col("data_year") == year - 1) & pl.col("ori").is_in(of_state["ori"].implode())
    own = {name: of_nation[name].filter(in_file) for name in ("report_month", "agency_month_offense")}
    own["report_month"] = own["report_month"].filter(pl.col("form_code") == "N")
    for name, rows in own.items():
        assert rows.height
        columns = [column for column in rows.columns if column != "agency_id"]
        of_year = found[name].filter(pl.col("data_year") == year - 1)
        assert_frame_equal(rows.select(columns), of_year.select(columns), check_row_order=False)
    counts = own["agency_month_offense"]
    incidents = int(counts["n_summary"].sum())
    offenses = int(counts.filter(pl.col("offense_code") != "none")["n"].sum())
    agencies = of_state.filter(pl.col("data_year") == year - 1).height
    assert lines == agencies + incidents + offenses
