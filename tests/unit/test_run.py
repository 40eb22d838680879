"""Runs: resume, force, from, until, verify, frozen sources, failures that stop only what depends on them, locks."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.support.toy_run import EVERYTHING, PARTS, STATE, N, Nation, frame, ran, run, states

from nibrs_estimation.pipeline import code
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.engines.inline import run_inline
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.externals import Locations
from nibrs_estimation.pipeline.flow import Flow
from nibrs_estimation.pipeline.run import RunResult, RunSettings, run_flow, run_lock
from nibrs_estimation.pipeline.runs import check_run_id
from nibrs_estimation.pipeline.schedule import Watcher
from nibrs_estimation.pipeline.store import LocalStore
from nibrs_estimation.pipeline.task import PARTITION, YEAR, Task


def test_a_run_publishes_and_tells_what_it_did(tmp_path: Path) -> None:
    result = run(tmp_path, Nation(), recorded={"year": 2024})
    assert ran(result) == EVERYTHING
    published = tmp_path / "artifacts" / "toy"
    assert pl.read_parquet(published / "sums" / "sums.parquet").rows() == [("NB", 2025), ("VT", 2026)]
    assert (published / "parts" / "VT.parquet").is_file()
    assert (published / "page.html").read_text() == "[('NB', 2025), ('VT', 2026)]"
    about = json.loads((published / "run_metadata.json").read_text())
    assert about["state"] == "finished"
    assert {"run_id", "flow", "code_version", "settings", "libraries", "started", "ended"} <= set(about)
    assert about["tasks"]["read"]["done"] == 2
    assert about["tasks"]["add"]["duration_s"] > 0
    assert about["tasks"]["add"]["peak_memory_bytes"] > 1_000_000
    assert "finished" in (published / "run.html").read_text()
    assert (tmp_path / "scratch/toy/all/logs/read/VT.log").is_file()


def test_nothing_runs_twice_and_changes_run_what_follows(tmp_path: Path) -> None:
    run(tmp_path, Nation())
    assert ran(run(tmp_path, Nation())) == []
    assert ran(run(tmp_path, Nation({"NB": 1, "VT": 5}))) == ["read[NB]", "read[VT]", "add", "page"]
    # `alone` reads nothing of it.
    assert ran(run(tmp_path, Nation({"NB": 1, "VT": 6}))) == ["read[NB]", "read[VT]", "add", "page"]


def test_unchanged_outputs_stop_the_ripple(tmp_path: Path) -> None:
    run(tmp_path, Nation())
    # `add` runs again but gives the same bytes, so `page`, which reads them, is kept.
    (tmp_path / "scratch/toy/all/manifests/add.json").unlink()
    assert ran(run(tmp_path, Nation())) == ["add"]


def test_lost_and_touched_outputs_are_made_again(tmp_path: Path) -> None:
    run(tmp_path, Nation())
    sums = tmp_path / "scratch/toy/all/datasets/sums.parquet"
    sums.unlink()
    assert ran(run(tmp_path, Nation())) == ["add"]
    status = sums.stat()
    content = bytearray(sums.read_bytes())
    content[len(content) // 2] ^= 1
    sums.write_bytes(content)
    os.utime(sums, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert ran(run(tmp_path, Nation())) == []
    assert ran(run(tmp_path, Nation(), verify=True)) == ["add"]


def test_force_from_and_until(tmp_path: Path) -> None:
    assert ran(run(tmp_path, Nation(), until="add")) == ["read[NB]", "read[VT]", "add"]
    assert ran(run(tmp_path, Nation())) == ["alone", "page"]
    assert ran(run(tmp_path, Nation(), start="add")) == ["add", "page"]
    assert ran(run(tmp_path, Nation(), force=True)) == EVERYTHING
    with pytest.raises(UsageError, match="no task 'nope'"):
        run(tmp_path, Nation(), start="nope")
    with pytest.raises(UsageError, match="no task 'nope'"):
        run(tmp_path, Nation(), until="nope")


def test_changed_code_runs_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, Nation())
    monkeypatch.setattr("nibrs_estimation.pipeline.schedule.code_hash", lambda function: f"new {function.__name__}")
    assert ran(run(tmp_path, Nation())) == EVERYTHING


def test_database_stays_frozen_until_refreshed(tmp_path: Path) -> None:
    run(tmp_path, Nation(is_content_hash=False))
    changed = Nation({"NB": 1, "VT": 5}, is_content_hash=False)
    assert ran(run(tmp_path, changed)) == []
    assert "read[VT]" not in ran(run(tmp_path, changed, force=True))
    assert ran(run(tmp_path, changed, refresh_source=True)) == ["read[NB]", "read[VT]", "add", "page"]


def test_failure_stops_only_what_depends_on_it(tmp_path: Path) -> None:
    result = run(tmp_path, Nation({"NB": -1, "VT": 2}))
    assert states(result) == {
        "read[NB]": "failed",
        "read[VT]": "done",
        "add": "blocked",
        "alone": "done",
        "page": "blocked",
    }
    failed = result.failures[0]
    assert failed.message == "NB is negative."
    assert failed.log_path is not None
    assert "NB is negative" in failed.log_path.read_text()
    assert json.loads((result.root / "run_metadata.json").read_text())["state"] == "failed"
    assert "page.html" not in result.published
    assert ran(run(tmp_path, Nation({"NB": 1, "VT": 2}))) == ["read[NB]", "read[VT]", "add", "page"]


def test_parts_of_states_that_left_are_removed(tmp_path: Path) -> None:
    run(tmp_path, Nation())
    result = run(tmp_path, Nation({"VT": 2}))
    assert [path.name for path in (result.root / "datasets/parts").iterdir()] == ["VT.parquet"]
    assert pl.read_parquet(result.root / "datasets/sums.parquet").rows() == [("VT", 2026)]


@pytest.mark.parametrize("run_id", ["", ".", "..", "a/b", "a b", "../x", "é", "x" * 101, "a\n"])
def test_run_ids_are_names(run_id: str) -> None:
    with pytest.raises(UsageError, match="not a run id"):
        check_run_id(run_id)


@pytest.mark.parametrize("run_id", ["vt-2024", "A.b_c", "x" * 100, "...a"])
def test_good_run_ids(run_id: str) -> None:
    assert check_run_id(run_id) == run_id


def test_second_run_of_the_same_id_is_refused_until_the_first_dies(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time\nfrom pathlib import Path\nfrom nibrs_estimation.pipeline.run import run_lock\n"
            f"with run_lock(Path({str(tmp_path / 'toy')!r})):\n    print('held', flush=True)\n    time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(PipelineError, match="already running"), run_lock(tmp_path / "toy"):
        pass
    with run_lock(tmp_path / "other"):
        pass
    holder.kill()
    holder.wait()
    with run_lock(tmp_path / "toy"):
        pass


def test_code_hash_follows_imports(tmp_path: Path) -> None:
    """The hash of a task covers what its module imports of ours, with the data files beside it."""
    from nibrs_estimation.stages.estimation import estimate

    files = {path.name for module in code._closure(estimate.__name__) for path in code._files_of(module)}
    assert {"estimate.py", "variance_form.py", "definition.py", "1a.yaml", "estimates.py"} <= files
    assert "schedule.py" not in files


def test_rows_of_another_partition_are_refused(tmp_path: Path) -> None:
    class Mixed(Nation):
        def read(self, partition: str, year: int) -> pl.DataFrame:
            return frame([(partition, year), ("XX", 5)])

    result = run(tmp_path, Mixed({"VT": 1}))
    assert "1 rows of dataset parts do not belong to state_abbr = VT" in result.failures[0].message
    assert not (result.root / "datasets/parts/VT.parquet").exists()


@dataclass
class OneReader(Nation):
    """A source that reads all states at once, as a database's snapshot must be, and writes their parts."""

    def read_all(self, year: int) -> dict[str, Any]:
        parts = {state: frame([(state, value + year)]) for state, value in self.values.items() if value >= 0}
        return {PARTS.name: parts}

    def tasks(self) -> tuple[Task, ...]:
        return (Task(name="read", function=self.read_all, writes=(PARTS,), parameters=(YEAR,)),)


def double(parts: pl.LazyFrame, partition: str) -> pl.LazyFrame:
    """Twice the numbers."""
    assert parts.collect()["state_abbr"].unique().to_list() == [partition]
    return parts.with_columns(pl.col("n") * 2)


DOUBLES = Dataset("doubles", "By state.", (STATE, N), ("n",), partition_key="state_abbr")
MAYBE = Dataset("maybe", "Not there.", (STATE, N), ("state_abbr",), absence="Nothing is missed.")
PARTED = Flow(
    name="all",
    description="Toy.",
    tasks=(
        Task(
            name="double",
            function=double,
            reads=(PARTS,),
            writes=(DOUBLES,),
            parameters=(PARTITION,),
            partition_by="state_abbr",
        ),
    ),
    publishes=(PARTS, DOUBLES),
    optional=(MAYBE,),
)


def run_parted(folder: Path, source: Nation, notes: list[str] | None = None) -> RunResult:
    settings = RunSettings(
        run_id="parted",
        scratch=folder / "scratch",
        artifacts=LocalStore(folder / "artifacts"),
        externals=LocalStore(folder / "externals"),
        locations=Locations("{}\n", {}),
        source=source,
        parameters={"year": 2024, "seed": 1},
    )
    heard: list[str] = [] if notes is None else notes
    return run_flow(PARTED, settings, run_inline, Watcher(noted=heard.append))


def test_one_task_may_write_every_part(tmp_path: Path) -> None:
    result = run_parted(tmp_path, OneReader())
    assert states(result) == {"read": "done", "double[NB]": "done", "double[VT]": "done"}
    published = tmp_path / "artifacts" / "parted"
    assert pl.read_parquet(published / "parts" / "NB.parquet").rows() == [("NB", 2025)]
    assert pl.read_parquet(published / "doubles" / "VT.parquet").rows() == [("VT", 4052)]
    assert ran(run_parted(tmp_path, OneReader())) == []
    changed = run_parted(tmp_path, OneReader({"NB": 1, "VT": 7}))
    assert ran(changed) == ["read", "double[VT]"], "a part that is the same again stops the ripple"
    (tmp_path / "scratch/parted/all/datasets/parts/NB.parquet").unlink()
    assert ran(run_parted(tmp_path, OneReader({"NB": 1, "VT": 7}))) == ["read"]


def test_a_part_that_is_not_given_fails_the_task(tmp_path: Path) -> None:
    result = run_parted(tmp_path, OneReader({"NB": 1, "VT": -2}))
    assert states(result) == {"read": "failed", "double[NB]": "blocked", "double[VT]": "blocked"}


def test_what_is_absent_is_said_once(tmp_path: Path) -> None:
    notes: list[str] = []
    result = run_parted(tmp_path, OneReader(), notes)
    assert notes == ["Without maybe: Nothing is missed."]
    assert json.loads((result.root / "run_metadata.json").read_text())["absent"] == {"maybe": "Nothing is missed."}
    assert "Nothing is missed." in (result.root / "run.html").read_text()
