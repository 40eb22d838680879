"""Every engine: the same bytes, failures that stop only what depends on them, the bound on memory, no secrets told."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from tests.support import toy_flow
from tests.support.command import clean_environment

from nibrs_estimation.pipeline.engines import make_engine
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.schedule import Watcher
from nibrs_estimation.pipeline.unit import Outcome

OF_PREFECT = ("threads", "prefect-processes", "dask-scheduler")
CONCURRENT = ("processes", *OF_PREFECT)
SECRET = "hunter2-do-not-tell"
ROOT = Path(__file__).parents[2]

Run = Callable[..., dict[str, Outcome]]


@pytest.fixture(scope="module")
def prefect_home() -> Iterator[Path]:
    """The folder of a Prefect server that all tests of this file use: a start takes 15 s."""
    from nibrs_estimation.pipeline.engines.prefect import prefect_server

    with prefect_server():
        from prefect.settings import get_current_settings

        yield get_current_settings().home


@pytest.fixture(scope="module")
def dask_scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running Dask cluster, for tests that need none of their own."""
    from distributed import LocalCluster

    folder = tmp_path_factory.mktemp("dask")
    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", local_directory=str(folder)
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def run(prefect_home: Path, dask_scheduler: str, tmp_path: Path) -> Run:
    """Run the toy flow on an engine, in a folder whose name is that of no other run."""

    def on(kind: str, behavior: dict[str, str] | None = None, **options: Any) -> dict[str, Outcome]:
        name = {"threads": "prefect", "prefect-processes": "prefect", "dask-scheduler": "dask"}.get(kind, kind)
        workers: Literal["threads", "processes"] = "processes" if kind == "prefect-processes" else "threads"
        address = dask_scheduler if kind == "dask-scheduler" else None
        engine = make_engine(name, "toy", workers=2, prefect_workers=workers, scheduler_address=address)
        root = tmp_path / run_name(kind, tmp_path)
        return engine(toy_flow.work(root, behavior, secret=SECRET, **options), Watcher())

    return on


def run_name(kind: str, tmp_path: Path) -> str:
    return f"{tmp_path.name}-{kind}/toy"


def states(outcomes: dict[str, Outcome]) -> dict[str, str]:
    return {key: outcome.state for key, outcome in outcomes.items()}


def hashes(outcomes: dict[str, Outcome]) -> dict[str, str]:
    manifests = [outcome.manifest for outcome in outcomes.values() if outcome.manifest]
    return {record.path: record.sha256 for manifest in manifests for record in manifest.outputs.values()}


def task_runs(flow_run_name: str, ended: int) -> dict[str, Any]:
    """What Prefect knows of a flow run's tasks, by name, once so many have ended."""
    return {r.name: r for r in list_task_runs(flow_run_name, ended)}


def list_task_runs(flow_run_name: str, ended: int) -> list[Any]:
    """What Prefect knows of the tasks of flow runs, once so many have ended: it learns of it a moment later."""
    from prefect import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName

    only = FlowRunFilter(name=FlowRunFilterName(any_=[flow_run_name]))
    for _attempt in range(50):
        with get_client(sync_client=True) as client:
            found = client.read_task_runs(flow_run_filter=only)
        if sum(bool(r.state and r.state.is_final()) for r in found) == ended:
            break
        time.sleep(0.2)
    return found


def flow_run(name: str) -> Any:
    from prefect import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName

    with get_client(sync_client=True) as client:
        (found,) = client.read_flow_runs(flow_run_filter=FlowRunFilter(name=FlowRunFilterName(any_=[name])))
    return found


@pytest.mark.parametrize("kind", ["processes", "threads", "prefect-processes", "dask"])
def test_engines_write_the_same_bytes(kind: str, run: Run) -> None:
    expected, found = run("inline"), run(kind)
    assert set(states(found).values()) == {"done"}
    assert hashes(found) == hashes(expected)
    assert len(hashes(found)) == 10
    shares = {outcome.manifest.peak_memory_of for outcome in found.values() if outcome.manifest}
    assert shares == {"process" if kind == "threads" else "task"}


@pytest.mark.parametrize("kind", ["inline", *CONCURRENT])
def test_a_failing_unit_stops_only_what_depends_on_it(kind: str, run: Run) -> None:
    outcomes = run(kind, {"NB": "fail"})
    blocked = {"total", "sift[even]", "sift[odd]", "page"}
    assert states(outcomes) == {
        key: "failed" if key == "square[NB]" else "blocked" if key in blocked else "done" for key in outcomes
    }
    assert outcomes["square[NB]"].message == "NB fails on purpose."
    again = run(kind)
    assert {key for key, state in states(again).items() if state == "kept"} == {"read[CA]", "read[NB]", "read[VT]"}
    assert {state for key, state in states(again).items() if not key.startswith("read")} == {"done"}


@pytest.mark.parametrize("kind", OF_PREFECT)
def test_prefect_shows_a_task_as_one_run_with_its_needs_and_failures(kind: str, run: Run, tmp_path: Path) -> None:
    run(kind, {"NB": "fail"})
    name = run_name(kind, tmp_path)
    shown = task_runs(name, ended=2)
    # total, sift and page, of which no unit can run, have no task run.
    assert {name: r.state.type.value for name, r in shown.items()} == {"read": "COMPLETED", "square": "FAILED"}
    assert shown["read"].state.message.startswith("3 done; ")
    assert "3,000 rows, peak memory" in shown["read"].state.message
    assert "2 done" in shown["square"].state.message
    assert "1 failed" in shown["square"].state.message
    assert "square[NB]: NB fails on purpose." in shown["square"].state.message
    assert [need.id for need in shown["square"].task_inputs["needs"]] == [shown["read"].id]
    ended = flow_run(name)
    assert ended.state.type.value == "FAILED"
    assert "square[NB]" in ended.state.message
    assert ended.parameters == {}


def test_prefect_shows_what_was_kept(run: Run, tmp_path: Path) -> None:
    run("threads")
    assert set(states(run("threads")).values()) == {"kept"}
    shown = list_task_runs(run_name("threads", tmp_path), ended=10)
    assert sorted((r.name, r.state.name) for r in shown) == sorted(
        (task.name, state) for task in toy_flow.tasks() for state in ("Completed", "Kept")
    )


def test_prefect_shows_the_progress_of_a_task_of_many_units(run: Run, tmp_path: Path) -> None:
    from prefect import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterTaskRunId

    run("threads")
    square = task_runs(run_name("threads", tmp_path), ended=5)["square"]
    only = ArtifactFilter(task_run_id=ArtifactFilterTaskRunId(any_=[square.id]))
    with get_client(sync_client=True) as client:
        (progress,) = client.read_artifacts(artifact_filter=only)
    assert (progress.type, progress.data, progress.description) == ("progress", 100.0, "3 of 3 units")


@pytest.mark.parametrize("kind", ["processes", "prefect-processes", "dask"])
def test_a_killed_worker_is_a_failed_unit(kind: str, run: Run, tmp_path: Path) -> None:
    started = time.monotonic()
    outcomes = run(kind, {"NB": "die"})
    assert time.monotonic() - started < 30
    assert outcomes["square[NB]"].state == "failed"
    assert "ran out of memory or was killed" in outcomes["square[NB]"].message
    assert states(outcomes)["square[VT]"] == states(outcomes)["square[CA]"] == "done"
    assert states(outcomes)["page"] == "blocked"
    if kind != "processes":
        assert task_runs(run_name(kind, tmp_path), ended=2)["square"].state.type.value == "FAILED"


@pytest.mark.parametrize("kind", CONCURRENT)
def test_large_units_never_overlap(kind: str, run: Run) -> None:
    sleep = dict.fromkeys(toy_flow.STATES, "sleep")
    outcomes = run(kind, sleep, memory="huge", memory_gib=16.0)
    spans = sorted(
        (toy_flow.start_s(manifest), toy_flow.start_s(manifest) + manifest.duration_s)
        for key, outcome in outcomes.items()
        if key.startswith("square") and (manifest := outcome.manifest)
    )
    assert len(spans) == 3
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))


@pytest.mark.parametrize("kind", OF_PREFECT)
def test_secrets_stay_out_of_prefect(
    kind: str, run: Run, prefect_home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from prefect.settings import temporary_settings

    with temporary_settings({"logging.to_api.enabled": True}):
        run(kind, {"NB": "fail"})
    task_runs(run_name(kind, tmp_path), ended=2)
    for folder in (prefect_home, tmp_path):
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert files
        assert not [path for path in files if SECRET.encode() in path.read_bytes()]
    assert SECRET not in "".join(capfd.readouterr())


SCRIPT = """
import os, signal, sys
from pathlib import Path
from nibrs_estimation.pipeline.engines import make_engine
from nibrs_estimation.pipeline.schedule import Watcher
from tests.support import toy_flow

def stop(outcome):
    if sys.argv[2] != "no":
        os.kill(os.getpid(), signal.Signals[sys.argv[2]])

if __name__ == "__main__":
    engine = make_engine("prefect", "toy", workers=2, prefect_workers="processes")
    outcomes = engine(toy_flow.work(Path(sys.argv[1])), Watcher(ended=stop))
    assert {outcome.state for outcome in outcomes.values()} == {"done"}, outcomes
"""


@pytest.mark.slow
def test_runs_without_a_server_do_not_meet_and_leave_nothing_behind(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    for folder in ("tmp", "home"):
        (tmp_path / folder).mkdir()
    environment = clean_environment(TMPDIR=str(tmp_path / "tmp"), HOME=str(tmp_path / "home"), PYTHONPATH=str(ROOT))
    ends = {"no": 0, "SIGKILL": -signal.SIGKILL}
    runs = {
        end: subprocess.Popen(
            [sys.executable, script, tmp_path / end / "toy", end],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for end in ends
    }
    # The output ends when the last process that a run started has gone.
    said = {end: process.communicate(timeout=200)[0] for end, process in runs.items()}
    assert {end: process.returncode for end, process in runs.items()} == ends, said
    assert said["no"] == ""
    assert list((tmp_path / "tmp").iterdir()) == []
    assert [path for path in (tmp_path / "home").rglob("*") if path.is_file()] == []


def test_an_unknown_engine_is_named_with_those_that_exist() -> None:
    with pytest.raises(UsageError, match=r"'airflow'.*inline, processes, prefect, dask"):
        make_engine("airflow", "toy", workers=1)


def test_the_engines_import_neither_prefect_nor_dask_until_they_are_asked_for() -> None:
    code = (
        "import sys; from nibrs_estimation.pipeline.engines import make_engine; make_engine('inline', 'x', workers=1);"
        "print([name for name in ('prefect', 'dask', 'distributed') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
