"""The Dask engine: units are Prefect task runs on the worker processes of a Dask cluster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import dask
import distributed

from nibrs_estimation.pipeline.credentials import mask_address
from nibrs_estimation.pipeline.engines.prefect import PrefectExecutor, run_in_prefect
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.files import temporary_folder
from nibrs_estimation.pipeline.run import Engine
from nibrs_estimation.pipeline.schedule import Executor, Watcher, Work
from nibrs_estimation.pipeline.unit import Job, Outcome
from nibrs_estimation.pipeline.work_store import PackedJob, StoreExecutor, WorkStore, restore, run_sent

CONNECT_S = 30


def dask_engine(
    flow_name: str, *, workers: int, scheduler_address: str | None, work_store: WorkStore | None = None
) -> Engine:
    """An engine that runs units as Prefect task runs on Dask.

    Args:
        flow_name: name of the Prefect flow.
        workers: number of units that run at the same time.
        scheduler_address: address of a running scheduler; without it, a cluster of ``workers`` single-threaded
            processes is started on this machine.
        work_store: where units and the flow run exchange files; without it, the workers must have the run's folder
            under the same path.
    """
    # This imports Prefect, which the module `prefect` configures.
    from prefect.settings import get_current_settings  # noqa: PLC0415
    from prefect_dask.task_runners import DaskTaskRunner  # noqa: PLC0415

    def run(work: Work, watcher: Watcher) -> dict[str, Outcome]:
        executor = _executor(work, watcher, workers, work_store)
        if scheduler_address:
            if work_store and not get_current_settings().api.url:
                raise UsageError(
                    "Workers on other machines report to Prefect's server, but PREFECT_API_URL is not set, and the "
                    "temporary server of a run is not reached from there. Start a Prefect server that "
                    "they reach, and set PREFECT_API_URL to its address."
                )
            _check_scheduler(scheduler_address, watcher)
            return run_in_prefect(flow_name, DaskTaskRunner(address=scheduler_address), executor, work, watcher)
        with temporary_folder("dask", work.root) as folder:
            options = {
                "temporary-directory": folder,
                # A unit that crashes one worker would crash the next one, too.
                "distributed.scheduler.allowed-failures": 0,
            }
            cluster = {
                "n_workers": workers,
                "threads_per_worker": 1,
                # The schedule limits memory. Dask would give every worker an equal share and kill workers above it.
                "memory_limit": 0,
                "dashboard_address": "127.0.0.1:0",
            }
            with dask.config.set(options):
                return run_in_prefect(flow_name, DaskTaskRunner(cluster_kwargs=cluster), executor, work, watcher)

    return run


def _check_scheduler(address: str, watcher: Watcher) -> None:
    """Check that a scheduler answers, and note that a run without workers waits for them.

    Raises:
        PipelineError: it does not answer.
    """
    try:
        with distributed.Client(address, timeout=CONNECT_S, set_as_default=False) as client:
            if not client.scheduler_info()["workers"]:
                watcher.noted("The Dask scheduler has no workers yet; the run waits for them.")
    except (OSError, ValueError) as error:
        raise PipelineError(
            f"No Dask scheduler answers at {mask_address(address)} ({error}). Correct DASK_SCHEDULER_ADDRESS (such as "
            "tcp://scheduler:8786), or start the scheduler; then run the same command again."
        ) from None


def _executor(work: Work, watcher: Watcher, workers: int, work_store: WorkStore | None) -> Executor:
    if work_store is None:
        return PrefectExecutor("dask", slots=workers, shares_process=False)
    of_run = work_store.folder("/".join(work.root.parts[-2:]))  # run id and flow
    if found := restore(of_run, work):
        watcher.noted(f"{len(found)} finished units are fetched from {work_store.location}.")
    inner = PrefectExecutor("dask", slots=workers, shares_process=False, run=_OnWorker(of_run))
    return StoreExecutor(inner, of_run)


@dataclass(frozen=True)
class _OnWorker:
    """Runs a job on a Dask worker, in the worker's folder, which Dask removes when the worker ends."""

    store: WorkStore

    def __call__(self, job: Job) -> Outcome:
        # A SentJob arrives as what it sends.
        packed = cast(PackedJob, job)
        return run_sent(packed, self.store, Path(distributed.get_worker().local_directory))
