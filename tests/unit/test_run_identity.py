"""A run remembers what it is of; what it publishes is one set, whoever kills it and whatever stood there before."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.support.toy_run import FLOW, LONELY, SUMS, Nation, alone, ran, run

from nibrs_estimation.pipeline import publishing
from nibrs_estimation.pipeline.engines.inline import run_inline
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.externals import Locations
from nibrs_estimation.pipeline.publishing import MARKER, check_published
from nibrs_estimation.pipeline.run import RunSettings, run_flow
from nibrs_estimation.pipeline.runs import FORMAT, list_runs
from nibrs_estimation.pipeline.schedule import Watcher
from nibrs_estimation.pipeline.source import Probe
from nibrs_estimation.pipeline.standalone import Folders, run_tasks
from nibrs_estimation.pipeline.store import LocalStore
from nibrs_estimation.pipeline.task import Task


class MadeUp(Nation):
    """A source that says that it is synthetic."""

    def probe(self, year: int, seed: int) -> Probe:
        return replace(super().probe(year, seed), is_synthetic=True)


def noted(folder: Path, source: Nation, flow_name: str = "all", scratch: str = "scratch", **options: Any) -> list[str]:
    """Run a flow and give what the watcher was told."""
    parameters = {"year": options.pop("year", 2024), "seed": options.pop("seed", 1)}
    settings = RunSettings(
        run_id=options.pop("run_id", "toy"),
        scratch=folder / scratch,
        artifacts=LocalStore(folder / "artifacts"),
        externals=LocalStore(folder / "externals"),
        locations=Locations("{}\n", {}),
        source=source,
        parameters=parameters,
        **options,
    )
    notes: list[str] = []
    run_flow(replace(FLOW, name=flow_name), settings, run_inline, Watcher(noted=notes.append))
    return notes


@pytest.mark.parametrize("memory", [None, {}, {"format": 1}], ids=["without", "of the first", "another"])
def test_a_run_of_another_version_is_refused_or_starts_over(memory: dict[str, int] | None, tmp_path: Path) -> None:
    noted(tmp_path, Nation())
    file = tmp_path / "scratch/toy/run.json"
    if memory is None:
        file.unlink()
    else:
        content = json.loads(file.read_text(encoding="utf-8"))
        del content["format"]
        file.write_text(json.dumps({**content, **memory}), encoding="utf-8")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != ".lock"}
    with pytest.raises(UsageError, match=r"Run toy .* another version of this program.*another run id.*--force"):
        noted(tmp_path, Nation())
    assert {path: path.read_bytes() for path in before} == before
    assert any("another version" in note for note in noted(tmp_path, Nation(), force=True))
    assert json.loads(file.read_text(encoding="utf-8"))["format"] == FORMAT


OTHERS = [
    (Nation({"NB": 3}, spec="other"), {}, "source other, year 2024, seed 1"),
    (Nation(), {"year": 2023}, "source nation, year 2023, seed 1"),
    (Nation(), {"seed": 2}, "source nation, year 2024, seed 2"),
]


@pytest.mark.parametrize(("source", "options", "asked"), OTHERS, ids=["source", "year", "seed"])
def test_another_source_year_or_seed_is_refused_or_starts_over(
    source: Nation, options: dict[str, Any], asked: str, tmp_path: Path
) -> None:
    assert noted(tmp_path, Nation()) == []
    noted(tmp_path, Nation(), "side")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != ".lock"}
    with pytest.raises(UsageError, match=r"another run id.*options of the run.*--force") as caught:
        noted(tmp_path, source, **options)
    assert asked in str(caught.value)
    assert "source nation, year 2024, seed 1" in str(caught.value)
    assert {path: path.read_bytes() for path in before} == before
    stranger = tmp_path / "artifacts/toy/notes.txt"
    stranger.write_text("a person's own")
    assert noted(tmp_path, source, force=True, **options)[0].startswith("Starting run toy over")
    assert not (tmp_path / "scratch/toy/side").exists()
    assert not (tmp_path / "artifacts/toy/side/page.html").exists()
    assert not (tmp_path / "artifacts/toy/side" / MARKER).exists()
    assert stranger.read_text() == "a person's own"
    check_published(LocalStore(tmp_path / "artifacts"), "toy")


def test_going_on_is_told_and_changed_files_are_read_again(tmp_path: Path) -> None:
    noted(tmp_path, Nation())
    assert noted(tmp_path, Nation()) == ["Continuing run toy: data year 2024, source nation, run toy."]
    (note,) = noted(tmp_path, Nation({"NB": 1, "VT": 5}))
    assert "files of the source have changed" in note
    assert pl.read_parquet(tmp_path / "artifacts/toy/parts/VT.parquet")["n"].to_list() == [2029]


def test_another_run_of_the_same_target_is_refused(tmp_path: Path) -> None:
    noted(tmp_path, Nation())
    with pytest.raises(UsageError, match="contains a publication of"):
        noted(tmp_path, Nation({"NB": 3}, spec="other"), scratch="elsewhere")
    store = LocalStore(tmp_path / "artifacts")
    with (
        store.lock("toy/.lock", "somebody"),
        pytest.raises(PipelineError, match=r"Another run is publishing.*somebody"),
    ):
        noted(tmp_path, Nation(), scratch="elsewhere")


def test_what_leaves_the_run_says_where_it_is_from(tmp_path: Path) -> None:
    noted(tmp_path, MadeUp())
    told = pl.read_parquet_metadata(tmp_path / "artifacts/toy/sums/sums.parquet")
    expected = {"run_id": "toy", "data_source": "nation", "is_synthetic": "true", "data_year": "2024", "seed": "1"}
    assert expected.items() <= told.items()
    datasets = tmp_path / "scratch/toy/all/datasets"
    assert "run_id" not in pl.read_parquet_metadata(datasets / f"{LONELY.name}.parquet")
    for path in (tmp_path / "artifacts/toy/run.html", *(tmp_path / "scratch/toy/all/logs").rglob("*.log")):
        assert "SYNTHETIC" in path.read_text(), path
    assert json.loads((tmp_path / "artifacts/toy/run_metadata.json").read_text())["identity"]["is_synthetic"]


def test_inner_datasets_do_not_depend_on_the_run_id(tmp_path: Path) -> None:
    for run_id in ("one", "two"):
        noted(tmp_path, Nation(), run_id=run_id)
    one, two = (tmp_path / f"scratch/{run_id}/all/datasets" for run_id in ("one", "two"))
    assert (one / f"{LONELY.name}.parquet").read_bytes() == (two / f"{LONELY.name}.parquet").read_bytes()
    assert (one / f"{SUMS.name}.parquet").read_bytes() != (two / f"{SUMS.name}.parquet").read_bytes()


def test_a_shorter_run_leaves_nothing_of_the_longer_one(tmp_path: Path) -> None:
    run(tmp_path, Nation())
    published = tmp_path / "artifacts/toy"
    stranger = published / "parts" / "mine.txt"
    stranger.write_text("a person's own")
    run(tmp_path, Nation({"NB": 1}))
    assert sorted(path.name for path in (published / "parts").iterdir()) == ["NB.parquet", "mine.txt"]
    assert "parts/VT.parquet" not in check_published(LocalStore(tmp_path / "artifacts"), "toy").files


def test_two_commands_do_not_write_into_one_folder(tmp_path: Path) -> None:
    inner: list[str] = []

    def make() -> pl.DataFrame:
        with pytest.raises(PipelineError, match="Another command is writing to") as caught:
            run_tasks([alone_task], folders, {}, {})
        inner.append(str(caught.value))
        return alone()

    folders = Folders(tmp_path, tmp_path / "out")
    alone_task = Task(name="alone", function=alone, writes=(LONELY,))
    (outcome,) = run_tasks([Task(name="make", function=make, writes=(LONELY,))], folders, {}, {})
    assert outcome.state == "done", outcome.message
    assert len(inner) == 1
    assert run_tasks([alone_task], folders, {}, {})[0].state == "done"


class StopError(Exception):
    """Stands for the process's end."""


def test_what_a_shorter_command_removes_from_the_publication_is_told(tmp_path: Path) -> None:
    whole = run(tmp_path, Nation())
    assert whole.removed == ()
    shorter = run(tmp_path, Nation(), until="add")
    assert "page.html" in shorter.removed
    assert set(shorter.removed) == set(whole.published) - set(shorter.published)
    assert not set(shorter.removed) & {path.name for path in (tmp_path / "artifacts/toy").iterdir()}
    assert set(run(tmp_path, Nation()).published) == set(whole.published)


def test_publication_stopped_in_the_middle_is_known_and_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, Nation())
    store = LocalStore(tmp_path / "artifacts")

    def stop(name: str, path: Path) -> None:
        if path.name == "page.html":
            raise StopError

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "checkpoint", stop)
        with pytest.raises(StopError):
            run(tmp_path, Nation({"NB": 5}))
    with pytest.raises(PipelineError, match="publication was interrupted"):
        check_published(store, "toy")
    notes = noted(tmp_path, Nation({"NB": 5}))
    assert any("publication was interrupted" in note for note in notes)
    check_published(store, "toy")
    assert not (tmp_path / "artifacts/toy/parts/VT.parquet").exists()


_CHILD = """
import sys, time
from pathlib import Path
from tests.support.toy_run import Nation, run
class Slow(Nation):
    def read(self, partition, year):
        if partition == "VT":
            print("reading", flush=True)
            time.sleep(60)
        return super().read(partition, year)
run(Path(sys.argv[1]), Slow())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_was_ended_is_told_as_stopped(number: signal.Signals, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "reading\n"
    assert [record.state for record in list_runs(tmp_path / "scratch")] == ["running"]
    child.send_signal(number)
    child.wait(20)
    (record,) = list_runs(tmp_path / "scratch")
    assert record.state == "stopped"
    written = json.loads((record.folder / "run_metadata.json").read_text())["state"]
    assert written == ("stopped" if number == signal.SIGTERM else "running")
    assert any("was stopped" in note for note in noted(tmp_path, Nation()))
    assert list_runs(tmp_path / "scratch")[0].state == "finished"
    assert ran(run(tmp_path, Nation())) == []
