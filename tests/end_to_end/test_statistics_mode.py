"""One task at a time on plain files: the same bytes as a run, whatever the form, order or cut of the inputs."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from nibrs_estimation.pipeline.files import sha256_of
from nibrs_estimation.stages.__main__ import STAGES
from tests.support.command import ROOT, nibrs, python

CHAIN = [name for name in STAGES if name != "smoketest"]
#: Commands whose stage has another name now, or fewer tasks, with a task of each.
OLD_COMMANDS = {"variance": "estimate_cells", "indicators": "count_units", "weighting": "measure_coverage"}
CORE = [
    "agency", "report_month", "incident", "offense", "offense_weapon", "offense_activity", "victim", "victim_offense",
    "victim_injury", "victim_offender", "offense_bias", "property", "property_item", "drug", "offender", "arrestee",
    "arrestee_weapon",
    "intake_count", "intake_loss", "agency_month_offense", "srs_month", "agency_county", "srs_benchmark", "geography",
    "county_population", "new_offense",
]  # fmt: skip


@pytest.fixture(scope="module")
def run(demo: Path) -> Path:
    return demo / "scratch" / "demo" / "all"


def stage(folder: Path, name: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return python(folder, "-m", "nibrs_estimation.stages", name, *arguments, **settings)


def hashes(folder: Path, names: list[str]) -> dict[str, str]:
    files = [
        path for name in names for path in (folder / f"{name}.parquet", *sorted((folder / name).glob("*.parquet")))
    ]
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in files if path.is_file()}


MADE = [
    "universe", "police_employees", "agency_month", "reporting_pattern", "completeness_issue", "reporting_status",
    "outlier_agency", "outlier_month", "block_agency", "block_month", "block_reference", "removed_month", "block_count",
    "block_check", "weighting_frame", "weighting_issue", "weight_cell", "weight_control", "agency_weight",
    "county_weight", "calibration_variable", "coverage", "geography_population", "weight_check", "table_a",
    "person_link", "person_frame", "item_value", "ethnicity_value", "relationship_value", "imputed_item",
    "analysis_victim", "analysis_offender", "analysis_arrestee", "analysis_victim_offender",
    "unit_profile", "profile_signature", "profile_count",
    "incident_profile", "incident_account", "unlisted_offense", "cell_estimate", "cell_gap", "series_estimate",
    "geography_quality",
]  # fmt: skip


def copy_shuffled(source: Path, target: Path) -> None:
    """The core datasets in other forms: rows permuted; one file, CSV, or parts that are no states."""
    target.mkdir()
    shutil.copy(source / "identity.json", target)
    for number, name in enumerate(CORE):
        file = source / f"{name}.parquet"
        if not file.is_file() and not (source / name).is_dir():
            continue  # optional, and the run did without
        table = pl.read_parquet(file if file.is_file() else source / name / "*.parquet").sample(
            fraction=1.0, shuffle=True, seed=number
        )
        if name == "report_month":
            table.write_csv(target / f"{name}.csv")
        elif number % 2:
            (target / name).mkdir()
            half = table.height // 2
            table[:half].write_parquet(target / name / "first.parquet")
            table[half:].write_parquet(target / name / "second.parquet")
        else:
            table.write_parquet(target / f"{name}.parquet")


@pytest.mark.parametrize(
    ("prepare", "code", "message"),
    [
        (lambda folder: None, 2, "input folder in does not exist"),
        (lambda folder: folder.mkdir(), 1, "needs dataset weighting_frame, but in contains no weighting_frame.parquet"),
        (
            lambda folder: (folder / "weighting_frame").mkdir(parents=True) or (folder / "weighting_frame.csv").touch(),
            1,
            "more than once",
        ),
    ],
)
def test_wrong_inputs_are_told(prepare: Callable[[Path], object], code: int, message: str, tmp_path: Path) -> None:
    prepare(tmp_path / "in")
    settings = {"DATA_YEAR": "2024", "INPUT_PIPELINE_DIR": "in", "OUTPUT_PIPELINE_DIR": "out"}
    done = stage(tmp_path, "weighting", "weight_agencies", **settings)
    assert done.returncode == code
    assert message in " ".join(done.stderr.split())


def test_unknown_task_is_told(tmp_path: Path) -> None:
    done = stage(tmp_path, "weighting", "nope")
    assert done.returncode == 2
    assert "has no task 'nope'" in done.stderr


def test_unknown_stage_is_told(tmp_path: Path) -> None:
    done = stage(tmp_path, "wheighting")
    assert done.returncode == 2
    assert "There is no stage 'wheighting'. The stages are: universe, " in " ".join(done.stderr.split())


def test_every_stage_has_a_command() -> None:
    folders = {path.parent.name for path in (ROOT / "src/nibrs_estimation/stages").glob("*/__main__.py")}
    assert folders == {*STAGES, "variance", "indicators"}


@pytest.mark.parametrize("name", OLD_COMMANDS)
def test_old_commands_work(name: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    settings = {"DATA_YEAR": "2024", "INPUT_PIPELINE_DIR": "in", "OUTPUT_PIPELINE_DIR": "out"}
    done = python(tmp_path, "-m", f"nibrs_estimation.stages.{name}", OLD_COMMANDS[name], **settings)
    assert done.returncode == 1
    assert f"Task {OLD_COMMANDS[name]} needs dataset" in " ".join(done.stderr.split())


@pytest.mark.parametrize("module", [f"nibrs_estimation.stages.{name}" for name in STAGES])
def test_it_imports_neither_prefect_nor_dask(module: str, tmp_path: Path) -> None:
    code = f"import sys, {module}; print(sorted({{'prefect', 'dask', 'distributed'}} & set(sys.modules)))"
    done = python(tmp_path, "-c", code)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.slow
def test_stages_on_permuted_and_recut_inputs_give_the_runs_bytes(whole_run: Path, tmp_path: Path) -> None:
    run = whole_run / "scratch" / "whole" / "all"
    copy_shuffled(run / "datasets", tmp_path / "in")
    first = {"DATA_YEAR": "2024", "INPUT_PIPELINE_DIR": "in", "OUTPUT_PIPELINE_DIR": "in"}
    for name in CHAIN:
        done = stage(tmp_path, name, **first)
        assert done.returncode == 0, done.stderr
    assert hashes(tmp_path / "in", MADE) == hashes(run / "datasets", MADE)
    pages = [f"validation_{page}.html" for page in ("population", "outliers", "blocks", "weights")]
    for name in ("report.html", "estimates.csv", "table_a.csv", *pages):
        assert (tmp_path / "in" / "documents" / name).read_bytes() == (run / "documents" / name).read_bytes()


def test_one_task_reads_a_run_and_writes_elsewhere(run: Path, tmp_path: Path) -> None:
    settings = {"DATA_YEAR": "2024", "INPUT_PIPELINE_DIR": str(run / "datasets"), "OUTPUT_PIPELINE_DIR": "out"}
    done = stage(tmp_path, "coverage", "measure_coverage", **settings, LOG_THRESHOLD="DEBUG")
    assert done.returncode == 0, done.stderr
    assert hashes(tmp_path / "out", ["coverage"]) == hashes(run / "datasets", ["coverage"])
    assert (tmp_path / "out/logs/measure_coverage.log").is_file()
    through_nibrs = nibrs(tmp_path, "task", "measure_coverage", **{**settings, "OUTPUT_PIPELINE_DIR": "out2"})
    assert through_nibrs.returncode == 0
    assert hashes(tmp_path / "out2", ["coverage"]) == hashes(run / "datasets", ["coverage"])


def test_rows_that_do_not_fit_are_told_with_their_file(run: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    months = pl.read_parquet(run / "datasets" / "agency_month.parquet")
    months.with_columns(month=pl.lit(0, pl.Int8)).write_parquet(tmp_path / "in" / "agency_month.parquet")
    shutil.copy(run / "datasets" / "agency.parquet", tmp_path / "in")
    done = stage(tmp_path, "outliers", DATA_YEAR="2024", INPUT_PIPELINE_DIR="in", OUTPUT_PIPELINE_DIR="out")
    assert done.returncode == 1
    told = " ".join(done.stderr.split())
    assert "in/agency_month.parquet: Dataset agency_month, column month: 0 is not one of 1, 2" in told


def test_outputs_are_not_written_beside_another_form(run: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "coverage.csv").touch()
    settings = {"INPUT_PIPELINE_DIR": str(run / "datasets"), "OUTPUT_PIPELINE_DIR": "out"}
    done = stage(tmp_path, "coverage", "measure_coverage", **settings)
    assert done.returncode == 1
    assert "would write coverage next to" in " ".join(done.stderr.split())
    assert not (tmp_path / "out" / "coverage.parquet").exists()
