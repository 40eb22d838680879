"""Flow `metrics`: what the records of runs say, on a page and in CSV files."""

import json
from pathlib import Path

import polars as pl
import pytest
from tests.support.toy_run import Nation, run
from typer.testing import CliRunner

from nibrs_estimation.cli.console import EntryPoint
from nibrs_estimation.cli.main import app
from nibrs_estimation.metrics.history import RunHistory
from nibrs_estimation.pipeline.errors import UsageError


def metrics(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str) -> Path:
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(app, ["metrics", *arguments], obj=EntryPoint())
    assert done.exit_code == 0, (done.exception, done.output)
    return folder / "artifacts/metrics/metrics"


def test_runs_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, Nation(), "first")
    run(tmp_path, Nation({"NB": 1, "VT": 2, "WY": 3}), "second")
    run(tmp_path, Nation({"NB": 1, "VT": -1}), "third")
    # A manifest of an earlier version, without processor time.
    older = tmp_path / "scratch/first/all/manifests/add.json"
    manifest = json.loads(older.read_text())
    del manifest["cpu_s"]
    older.write_text(json.dumps(manifest))
    folder = metrics(monkeypatch, tmp_path)
    units = pl.read_csv(folder / "unit_metrics.csv")
    assert units.filter(run_id="third").select("unit", "state").rows() == [
        ("add", "blocked"), ("alone", "done"), ("page", "blocked"), ("read[NB]", "done"), ("read[VT]", "failed"),
    ]  # fmt: skip
    assert units.filter(unit="read[VT]", run_id="third")["message"].item() == "VT is negative."
    assert units.filter(run_id="first", unit="add")["cpu_s"].item() is None
    of_manifest = {
        unit: json.loads((tmp_path / f"scratch/second/all/manifests/{stem}.json").read_text())
        for unit, stem in (("add", "add"), ("read[WY]", "read/WY"))
    }
    for unit, content in of_manifest.items():
        row = units.filter(run_id="second", unit=unit).row(0, named=True)
        for name in ("duration_s", "cpu_s", "peak_memory_bytes", "peak_memory_of", "engine"):
            assert row[name] == content[name], (unit, name)
        assert row["n_rows"] == sum(record["rows"] for record in content["outputs"].values())
    tasks = pl.read_csv(folder / "task_metrics.csv")
    second = units.filter(run_id="second", task="read")
    assert tasks.filter(run_id="second", task="read").select("n_units", "n_failed", "n_rows").row(0) == (3, 0, 3)
    assert tasks.filter(run_id="second", task="read")["duration_s"].item() == pytest.approx(second["duration_s"].sum())
    assert tasks.filter(run_id="second", task="read")["peak_memory_bytes"].item() == second["peak_memory_bytes"].max()
    runs = pl.read_csv(folder / "run_metrics.csv")
    assert runs.select("run_id", "state", "n_units", "n_failed").rows() == [
        ("first", "finished", 5, 0), ("second", "finished", 6, 0), ("third", "failed", 5, 1),
    ]  # fmt: skip
    page = (folder / "metrics.html").read_text()
    assert all(text in page for text in ("VT is negative.", "Flow all: tasks of run third", "Flow all: trends", "<svg"))
    assert "<script" not in page


def test_some_runs_are_chosen_and_the_comparison_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, year in (("first", 2023), ("second", 2024)):
        run(tmp_path, Nation(), name, year)
    assert pl.read_csv(metrics(monkeypatch, tmp_path) / "run_metrics.csv")["run_id"].to_list() == ["first", "second"]
    only = metrics(monkeypatch, tmp_path, "first")
    assert pl.read_csv(only / "run_metrics.csv")["run_id"].to_list() == ["first"]
    assert "trends" not in (only / "metrics.html").read_text()
    assert RunHistory(tmp_path / "scratch").newest_year() == 2024
    with pytest.raises(UsageError, match="no run nobody"):
        RunHistory(tmp_path / "scratch", ("nobody",)).probe(2024, 1)
    with pytest.raises(UsageError, match="There is no run in"):
        RunHistory(tmp_path / "empty").newest_year()


def test_records_of_a_run_that_changes_change_the_fingerprint(tmp_path: Path) -> None:
    run(tmp_path, Nation())
    history = RunHistory(tmp_path / "scratch")
    before = history.probe(2024, 1).fingerprint
    assert history.probe(2024, 1).fingerprint == before
    run(tmp_path, Nation({"NB": 1, "VT": 5}))
    assert history.probe(2024, 1).fingerprint != before
