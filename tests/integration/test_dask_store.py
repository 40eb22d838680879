"""Units on machines that share only a store: the same bytes, faults of the store, machines that go away."""

import pickle
import platform
import resource
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import SecretStr
from tests.support import toy_flow, toy_run
from tests.support.command import nibrs
from tests.support.machines import Machines, machines, why_not
from tests.support.outputs import outputs_of
from tests.support.s3 import CREDENTIALS
from tests.support.s3_server import BUCKET, S3Server, s3_server

from nibrs_estimation.pipeline.engines import make_engine
from nibrs_estimation.pipeline.engines.inline import run_inline
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.flow import make_plan
from nibrs_estimation.pipeline.schedule import Watcher, Work, execute
from nibrs_estimation.pipeline.store import S3Options
from nibrs_estimation.pipeline.task import PARTITION, Task
from nibrs_estimation.pipeline.unit import Job, Outcome
from nibrs_estimation.pipeline.work_store import PackedJob, StoreExecutor, WorkStore, restore, run_sent

SECRET = CREDENTIALS["AWS_SECRET_ACCESS_KEY"]


def work_store(server: S3Server, folder: str = "runs") -> WorkStore:
    options = S3Options(server.endpoint, "us-east-1", CREDENTIALS["AWS_ACCESS_KEY_ID"], SecretStr(SECRET))
    return WorkStore(f"s3://{BUCKET}/{folder}", options)


def states(outcomes: dict[str, Outcome]) -> dict[str, str]:
    return {key: outcome.state for key, outcome in outcomes.items()}


# --- one worker, without Dask: what the store does -------------------------------------------------------------------


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


class OneWorker:
    """A worker with a folder of its own: a job reaches it pickled, as over a network, and so does its outcome."""

    name, shares_process, slots = "one", False, 1

    def __init__(self, store: WorkStore, folder: Path) -> None:
        self._store, self._folder = store, folder
        self._ended: list[Outcome] = []

    def submit(self, job: Job, needs: tuple[str, ...]) -> None:
        packed, store = pickle.loads(pickle.dumps((job, self._store)))
        assert isinstance(packed, PackedJob)
        self._ended.append(pickle.loads(pickle.dumps(run_sent(packed, store, self._folder))))

    def wait(self) -> list[Outcome]:
        ended, self._ended = self._ended, []
        return ended


def run(work: Work, store: WorkStore, worker: Path) -> dict[str, Outcome]:
    """Run a plan on one worker through a store."""
    worker.mkdir(parents=True, exist_ok=True)
    of_run = store.folder("/".join(work.root.parts[-2:]))
    restore(of_run, work)
    return execute(work, StoreExecutor(OneWorker(of_run, worker), of_run), Watcher())


@pytest.fixture
def expected(tmp_path: Path) -> dict[str, str]:
    """Hashes of what the inline engine writes."""
    root = tmp_path / "inline" / "toy"
    run_inline(toy_flow.work(root), Watcher())
    return outputs_of(root)


def test_a_worker_with_its_own_disk_writes_the_same_bytes(
    s3: S3Server, tmp_path: Path, expected: dict[str, str]
) -> None:
    work = toy_flow.work(tmp_path / "bytes" / "toy")
    outcomes = run(work, work_store(s3), tmp_path / "worker")
    assert set(states(outcomes).values()) == {"done"}
    assert outputs_of(work.root) == expected
    for outcome in outcomes.values():
        assert outcome.log_path is not None
        assert "finished" in outcome.log_path.read_text()
        assert outcome.log_path.is_relative_to(work.root)
    # The worker keeps what it fetched, and nothing of the units.
    assert [path.name for path in (tmp_path / "worker").iterdir()] == ["files"]
    # On this machine nothing runs again, with or without the store.
    assert set(states(run(work, work_store(s3), tmp_path / "worker")).values()) == {"kept"}
    assert set(states(run_inline(work, Watcher())).values()) == {"kept"}
    assert set(states(run_inline(replace(work, verify=True), Watcher())).values()) == {"kept"}


def test_a_flow_run_that_lost_its_disk_finds_its_units_in_the_store(
    s3: S3Server, tmp_path: Path, expected: dict[str, str]
) -> None:
    work = toy_flow.work(tmp_path / "lost" / "toy")
    run(work, work_store(s3), tmp_path / "worker")
    shutil.rmtree(work.root)
    again = run(work, work_store(s3), tmp_path / "worker")
    assert set(states(again).values()) == {"kept"}
    assert outputs_of(work.root) == expected


def test_files_of_an_earlier_run_on_this_machine_reach_the_worker(
    s3: S3Server, tmp_path: Path, expected: dict[str, str]
) -> None:
    work = toy_flow.work(tmp_path / "before" / "toy")
    run_inline(toy_flow.work(work.root, {"NB": "fail"}), Watcher())
    again = states(run(work, work_store(s3), tmp_path / "worker"))
    assert {key for key, state in again.items() if state == "kept"} == {"read[CA]", "read[NB]", "read[VT]"}
    assert outputs_of(work.root) == expected


def test_a_slow_throttling_and_breaking_store_changes_nothing(
    s3: S3Server, tmp_path: Path, expected: dict[str, str]
) -> None:
    work = toy_flow.work(tmp_path / "faults" / "toy")
    s3.throttle_each, s3.break_each, s3.latency_s = 7, 5, 0.02
    before = s3.faults.copy()
    try:
        outcomes = run(work, work_store(s3), tmp_path / "worker")
    finally:
        s3.heal()
    assert set(states(outcomes).values()) == {"done"}, [o.message for o in outcomes.values() if o.message]
    assert outputs_of(work.root) == expected
    assert (s3.faults - before)["throttled"] > 5
    assert (s3.faults - before)["broken off"] > 2


def test_a_store_that_refuses_fails_the_unit_and_leaves_what_was_there(
    s3: S3Server, tmp_path: Path, expected: dict[str, str]
) -> None:
    work = toy_flow.work(tmp_path / "refused" / "toy")
    store = work_store(s3)

    def refuse(method: str) -> dict[str, Outcome]:
        s3.refused = method
        try:
            return run(replace(work, rerun=frozenset({"square"})), store, tmp_path / "worker")
        finally:
            s3.heal()

    first = refuse("PUT")
    assert first["read[CA]"].state == "failed"
    assert "On worker" in first["read[CA]"].message
    assert "refuses access" in first["read[CA]"].message
    assert SECRET not in str(first)
    assert run(work, store, tmp_path / "worker")["page"].state == "done"
    assert refuse("PUT")["square[CA]"].state == "failed"
    assert outputs_of(work.root) == expected
    assert set(states(run(work, store, tmp_path / "worker")).values()) == {"kept"}


def test_a_changed_file_in_the_store_is_noticed_removed_and_put_again(
    s3: S3Server, tmp_path: Path, expected: dict[str, str]
) -> None:
    work = toy_flow.work(tmp_path / "changed" / "toy", {"NB": "fail"})
    store = work_store(s3)
    run(work, store, tmp_path / "worker")
    client = s3.client()
    sha256 = outputs_of(work.root)["datasets/raw/NB.parquet"]
    key = f"runs/changed/toy/files/{sha256}"
    # Its checksum is what the store was told, so only the name gives it away.
    client.put_object(Bucket=BUCKET, Key=key, Body=b"other", Metadata={})
    mended = toy_flow.work(work.root)
    outcomes = run(mended, store, tmp_path / "another worker")
    assert outcomes["square[NB]"].state == "failed"
    assert "is not that of its name" in outcomes["square[NB]"].message
    assert outcomes["square[VT]"].state in ("done", "kept")
    assert run(mended, store, tmp_path / "another worker")["page"].state == "done"
    assert outputs_of(work.root) == expected


def test_a_damaged_unit_in_the_store_is_computed_again(s3: S3Server, tmp_path: Path, expected: dict[str, str]) -> None:
    work = toy_flow.work(tmp_path / "half" / "toy")
    store = work_store(s3)
    run(work, store, tmp_path / "worker")
    sha256 = outputs_of(work.root)["datasets/squares/NB.parquet"]
    client = s3.client()
    client.put_object(Bucket=BUCKET, Key=f"runs/half/toy/files/{sha256}", Body=b"half")
    client.put_object(Bucket=BUCKET, Key="runs/half/toy/manifests/total.json", Body=b"{")
    shutil.rmtree(work.root)
    again = states(run(work, store, tmp_path / "worker"))
    assert {key for key, state in again.items() if state == "done"} == {"square[NB]", "total"}
    assert outputs_of(work.root) == expected


def test_another_version_of_the_program_does_not_compute(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = OneWorker.submit

    def submit(self: OneWorker, job: Any, needs: tuple[str, ...]) -> None:
        real(self, replace(job, packed=replace(job.packed, program="nibrs+older", content=b"unreadable")), needs)

    monkeypatch.setattr(OneWorker, "submit", submit)
    outcomes = run(toy_flow.work(tmp_path / "version" / "toy"), work_store(s3), tmp_path / "worker")
    assert outcomes["read[CA]"].state == "failed"
    assert "the flow run nibrs+older" in outcomes["read[CA]"].message
    assert "from one image" in outcomes["read[CA]"].message


def test_a_full_disk_of_a_worker_is_told_and_the_run_resumed(
    s3: S3Server, tmp_path: Path, expected: dict[str, str]
) -> None:
    # The limit of a file's size stands for a full disk; a real one is below, on a machine of its own.
    work = toy_flow.work(tmp_path / "full" / "toy")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500, hard))
    try:
        outcomes = run(work, work_store(s3), tmp_path / "worker")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert outcomes["read[CA]"].state == "failed"
    assert "On worker" in outcomes["read[CA]"].message
    assert run(work, work_store(s3), tmp_path / "worker")["page"].state == "done"
    assert outputs_of(work.root) == expected


@dataclass(frozen=True)
class FileSource:
    """A source of the files that its paths name."""

    paths: tuple[Path, ...]

    def read(self, partition: str) -> pl.DataFrame:
        named = {f"{path.parent.name}/{path.name}": path for path in self.paths}
        return pl.DataFrame(
            {"state_abbr": partition, "n": [int(named[f"{partition}/data.txt"].read_text())]},
            schema=toy_flow.RAW.schema,
        )


def test_the_files_of_a_source_travel_with_it(s3: S3Server, tmp_path: Path) -> None:
    for number, state in enumerate(("NB", "VT")):
        (tmp_path / "client" / state).mkdir(parents=True)
        (tmp_path / "client" / state / "data.txt").write_text(str(number))
    source = FileSource(tuple(tmp_path / "client" / state / "data.txt" for state in ("NB", "VT")))
    task = Task("read", source.read, (toy_flow.RAW,), parameters=(PARTITION,), partition_by="state_abbr")
    work = Work(make_plan((task,), {"state_abbr": ("NB", "VT")}), tmp_path / "files" / "toy", {})
    outcomes = run(work, work_store(s3), tmp_path / "worker")
    assert set(states(outcomes).values()) == {"done"}, outcomes
    assert pl.read_parquet(work.root / "datasets" / "raw" / "VT.parquet")["n"].to_list() == [1]
    fetched = [path.relative_to(tmp_path / "worker") for path in (tmp_path / "worker").rglob("data.txt")]
    assert sorted("/".join(path.parts[2:]) for path in fetched) == ["NB/data.txt", "VT/data.txt"]


def test_a_run_id_is_of_one_source_wherever_it_is_continued(s3: S3Server, tmp_path: Path) -> None:
    store = work_store(s3, "identity")
    toy_run.run(tmp_path / "one", toy_run.Nation(), work_store=store)
    assert store.store.exists("toy/run.json")
    other = replace(toy_run.Nation(), values={"CA": 5}, spec="other")
    with pytest.raises(UsageError, match=r"Run toy is of source nation.*this command requests source other"):
        toy_run.run(tmp_path / "two", other, work_store=store)
    store.store.put(tmp_path / "one" / "scratch" / "toy" / "run.json", "toy/all/files/old")
    toy_run.run(tmp_path / "two", other, work_store=store, force=True)
    assert not store.store.exists("toy/all/files/old")
    with store.locked(tmp_path / "one" / "scratch" / "toy"), pytest.raises(PipelineError, match="Another run"):
        toy_run.run(tmp_path / "three", other, work_store=store)


def test_a_scheduler_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nibrs_estimation.pipeline.engines import dask as module

    monkeypatch.setattr(module, "CONNECT_S", 1)
    engine = make_engine("dask", "toy", workers=1, scheduler_address="tcp://127.0.0.1:1")
    with pytest.raises(PipelineError, match=r"No Dask scheduler answers at tcp://127.0.0.1:1.*DASK_SCHEDULER_ADDRESS"):
        engine(toy_flow.work(tmp_path / "none" / "toy"), Watcher())


# --- a scheduler and workers with their own network, name and disk ---------------------------------------------------


@dataclass
class Cluster:
    """Machines with a scheduler, the store and Prefect's server on this one."""

    machines: Machines
    s3: S3Server
    scheduler: str
    prefect: str
    client_folder: Path
    workers: dict[str, subprocess.Popen[bytes]]

    def start_worker(self, name: str, disk: str = "1g") -> None:
        self.workers[name] = self.machines.start_worker(name, self.scheduler, disk)
        self.await_workers()

    def end_worker(self, name: str) -> None:
        self.workers[name].kill()
        self.workers[name].wait()

    def await_workers(self) -> None:
        from distributed import Client

        alive = sum(process.poll() is None for process in self.workers.values())
        with Client(self.scheduler, set_as_default=False) as client:
            client.wait_for_workers(alive, timeout=60)

    def on_workers(self, function: Any, *arguments: Any) -> list[Any]:
        from distributed import Client

        with Client(self.scheduler, set_as_default=False) as client:
            return list(client.run(function, *arguments).values())

    def run(self, name: str, behavior: dict[str, str] | None = None) -> tuple[dict[str, Outcome], Path]:
        engine = make_engine("dask", "toy", workers=2, scheduler_address=self.scheduler, work_store=work_store(self.s3))
        root = self.client_folder / name / "toy"
        return engine(toy_flow.work(root, behavior), Watcher()), root


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    from prefect.settings import temporary_settings

    from nibrs_estimation.pipeline.engines import prefect as _configures_prefect  # noqa: F401
    from nibrs_estimation.pipeline.engines.server import temporary_server

    folder = tmp_path_factory.mktemp("cluster")
    (folder / "client").mkdir()
    with (
        machines(folder / "machines", folder / "client") as found,
        s3_server(found.address) as server,
        temporary_server(found.address) as (url, home),
        temporary_settings({"home": home, "api.url": url, "logging.to_api.enabled": False}),
    ):
        # A unit may lose one worker, as when a spot instance is taken away.
        scheduler = found.start_scheduler(DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="1")
        of = Cluster(found, server, scheduler, url, folder / "client", {})
        for name in ("w1", "w2"):
            of.workers[name] = found.start_worker(name, scheduler)
        of.await_workers()
        yield of


def see(path: str, dask_worker: Any) -> tuple[str, bool, int]:
    """What a worker sees: its name, whether a path exists there, and the size of its disk in bytes."""
    return platform.node(), Path(path).exists(), shutil.disk_usage(dask_worker.local_directory).total


@pytest.mark.skipif(bool(why_not()), reason=f"no machines of their own: {why_not()}")
def test_the_machines_share_no_disk(cluster: Cluster) -> None:
    mark = cluster.client_folder / "mark"
    mark.write_text("here")
    seen = cluster.on_workers(see, str(mark))
    assert sorted(name for name, _, _ in seen) == ["w1", "w2"]
    assert not any(exists for _, exists, _ in seen)
    assert {size for _, _, size in seen} == {2**30}


def test_dask_through_a_store_writes_the_same_bytes(cluster: Cluster, expected: dict[str, str]) -> None:
    outcomes, root = cluster.run("apart")
    assert set(states(outcomes).values()) == {"done"}, outcomes
    assert outputs_of(root) == expected
    assert {o.manifest.engine for o in outcomes.values() if o.manifest} == {"dask"}
    assert set(states(cluster.run("apart")[0]).values()) == {"kept"}


@pytest.mark.slow
def test_a_nation_through_a_store_is_published_with_the_same_bytes(cluster: Cluster, tmp_path: Path) -> None:
    command = ("run", "all", "us", "--source", "synthetic:0.001", "--year", "2024", "--until", "estimate_cells")
    (cluster.client_folder / "nation").mkdir()
    settings = {
        "DASK_SCHEDULER_ADDRESS": cluster.scheduler,
        "PREFECT_API_URL": cluster.prefect,
        "WORK_STORE": f"s3://{BUCKET}/nation",
        "S3_ENDPOINT_URL": cluster.s3.endpoint,
        "AWS_REGION": "us-east-1",
        **CREDENTIALS,
    }
    ended = nibrs(cluster.client_folder / "nation", *command, "--engine", "dask", **settings)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert nibrs(tmp_path, *command).returncode == 0
    for folder in ("artifacts", "scratch"):
        found = outputs_of(cluster.client_folder / "nation" / folder)
        assert len(found) > 10
        assert found == outputs_of(tmp_path / folder)


def test_a_machine_that_is_taken_away_in_mid_unit_is_made_up_for(cluster: Cluster, expected: dict[str, str]) -> None:
    cluster.start_worker("w3")

    def take_away() -> None:
        logs = cluster.client_folder / "spot" / "toy" / "logs"
        while not (logs / "read" / "VT.log").exists():
            time.sleep(0.05)
        time.sleep(1)  # `square` sleeps now, on w1 or another
        cluster.end_worker("w1")

    thread = threading.Thread(target=take_away)
    thread.start()
    outcomes, root = cluster.run("spot", dict.fromkeys(toy_flow.STATES, "doze"))
    thread.join()
    assert set(states(outcomes).values()) == {"done"}, outcomes
    assert outputs_of(root) == expected


def test_a_unit_that_kills_its_workers_is_named_and_the_run_resumed(cluster: Cluster, expected: dict[str, str]) -> None:
    cluster.start_worker("w4")
    outcomes, root = cluster.run("dies", {"NB": "die"})
    assert outcomes["square[NB]"].state == "failed"
    assert "killed" in outcomes["square[NB]"].message
    assert states(outcomes)["square[VT]"] == states(outcomes)["square[CA]"] == "done"
    assert states(outcomes)["page"] == "blocked"
    again, _ = cluster.run("dies")
    assert {key for key, state in states(again).items() if state == "kept"} == {f"read[{s}]" for s in toy_flow.STATES}
    assert outputs_of(root) == expected


@pytest.mark.skipif(bool(why_not()), reason=f"no disks of their own: {why_not()}")
def test_a_full_disk_of_a_machine_is_named_and_the_run_resumed(cluster: Cluster, expected: dict[str, str]) -> None:
    for name in list(cluster.workers):
        cluster.end_worker(name)
    cluster.start_worker("small", disk="32k")
    outcomes, root = cluster.run("small")
    failed = [outcome.message for outcome in outcomes.values() if outcome.state == "failed"]
    assert failed
    assert all("On worker small" in message and "full" in message for message in failed), failed
    cluster.end_worker("small")
    cluster.start_worker("large")
    again, _ = cluster.run("small")
    assert set(states(again).values()) <= {"done", "kept"}
    assert outputs_of(root) == expected
