"""The Dask engine: units run on the worker processes of a Dask cluster, and Prefect shows the tasks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import dask
from distributed import Client, Future, LocalCluster, get_worker, wait

from nibrs_estimation.pipeline.credentials import mask_address
from nibrs_estimation.pipeline.engines.prefect import run_in_prefect
from nibrs_estimation.pipeline.engines.processes import lost_worker_outcome
from nibrs_estimation.pipeline.engines.threads import RunJob
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.files import temporary_folder
from nibrs_estimation.pipeline.run import Engine
from nibrs_estimation.pipeline.schedule import Executor, Watcher, Work
from nibrs_estimation.pipeline.unit import Job, Outcome, run_job
from nibrs_estimation.pipeline.work_store import PackedJob, StoreExecutor, WorkStore, restore, run_sent

#: How long a scheduler may take to answer.
CONNECT_S = 30


class DaskExecutor:
    """Runs each unit on a worker of a Dask cluster.

    Attributes:
        name, slots, shares_process: see :class:`~nibrs_estimation.pipeline.schedule.Executor`.

    Args:
        client: client of the cluster.
        slots: number of units that run at the same time.
        run: runs a unit on its worker.
    """

    name = "dask"
    shares_process = False

    def __init__(self, client: Client, slots: int, run: RunJob = run_job) -> None:
        self.slots = slots
        self._client, self._run = client, run
        self._running: dict[Future[Outcome], Job] = {}

    def submit(self, job: Job, needs: tuple[str, ...]) -> None:
        """Start the job."""
        # Not pure: Dask must neither share nor keep the result of a unit, whose purpose is the files that it writes.
        self._running[self._client.submit(self._run, job, pure=False, retries=0)] = job

    def wait(self) -> list[Outcome]:
        """Outcomes of the units that ended since the last call; waits for at least one."""
        ended = wait(list(self._running), return_when="FIRST_COMPLETED").done
        return [self._outcome(future) for future in ended]

    def _outcome(self, future: Future[Outcome]) -> Outcome:
        job = self._running.pop(future)
        error = future.exception()
        outcome: Outcome = future.result() if error is None else lost_worker_outcome(job, error)
        return outcome


def dask_engine(
    flow_name: str, *, workers: int, scheduler_address: str | None, work_store: WorkStore | None = None
) -> Engine:
    """An engine that runs units on Dask.

    Args:
        flow_name: name of the Prefect flow.
        workers: number of units that run at the same time.
        scheduler_address: address of a running scheduler; without it, a cluster of ``workers`` single-threaded
            processes is started on this machine.
        work_store: where units and the flow run exchange files; without it, the workers must have the run's folder
            under the same path.
    """

    def run(work: Work, watcher: Watcher) -> dict[str, Outcome]:
        with _cluster(work, workers, scheduler_address) as address, _client(address) as client:
            if not client.scheduler_info()["workers"]:
                watcher.noted("The Dask scheduler has no workers yet; the run waits for them.")
            executor = _executor(client, work, watcher, workers, work_store)
            return run_in_prefect(flow_name, executor, work, watcher)

    return run


@contextmanager
def _cluster(work: Work, workers: int, address: str | None) -> Iterator[str]:
    """The address of a scheduler: the given one, or that of a cluster of this machine which ends with the run."""
    if address:
        yield address
        return
    # A unit that crashes one worker would crash the next one, too.
    settings = {"distributed.scheduler.allowed-failures": 0}
    with (
        temporary_folder("dask", work.root) as folder,
        dask.config.set(settings),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            # The schedule limits memory. Dask would give every worker an equal share and kill workers above it.
            memory_limit=0,
            dashboard_address="127.0.0.1:0",
            local_directory=folder,
        ) as cluster,
    ):
        yield cluster.scheduler_address


@contextmanager
def _client(address: str) -> Iterator[Client]:
    """A client of the scheduler.

    Raises:
        PipelineError: it does not answer.
    """
    try:
        client = Client(address, timeout=CONNECT_S)
    except (OSError, ValueError) as error:
        raise PipelineError(
            f"No Dask scheduler answers at {mask_address(address)} ({error}). Correct DASK_SCHEDULER_ADDRESS (such as "
            "tcp://scheduler:8786), or start the scheduler; then run the same command again."
        ) from None
    with client:
        yield client


def _executor(client: Client, work: Work, watcher: Watcher, workers: int, work_store: WorkStore | None) -> Executor:
    if work_store is None:
        return DaskExecutor(client, workers)
    of_run = work_store.folder("/".join(work.root.parts[-2:]))  # run id and flow
    if found := restore(of_run, work):
        watcher.noted(f"{len(found)} finished units are fetched from {work_store.location}.")
    return StoreExecutor(DaskExecutor(client, workers, run=_OnWorker(of_run)), of_run)


@dataclass(frozen=True)
class _OnWorker:
    """Runs a job on a Dask worker, in the worker's folder, which Dask removes when the worker ends."""

    store: WorkStore

    def __call__(self, job: Job) -> Outcome:
        # A SentJob arrives as what it sends.
        packed = cast(PackedJob, job)
        return run_sent(packed, self.store, Path(get_worker().local_directory))
