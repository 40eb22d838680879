"""The Dask engine: units are Prefect task runs on the worker processes of a Dask cluster."""

from __future__ import annotations

import dask

from nibrs_estimation.pipeline.engines.prefect import PrefectExecutor, run_in_prefect
from nibrs_estimation.pipeline.files import temporary_folder
from nibrs_estimation.pipeline.run import Engine
from nibrs_estimation.pipeline.schedule import Watcher, Work
from nibrs_estimation.pipeline.unit import Outcome


def dask_engine(flow_name: str, *, workers: int, scheduler_address: str | None) -> Engine:
    """An engine that runs units as Prefect task runs on Dask.

    Args:
        flow_name: name of the Prefect flow.
        workers: number of units that run at the same time.
        scheduler_address: address of a running scheduler whose workers have the run's folder under the same path;
            without it, a cluster of ``workers`` single-threaded processes is started on this machine.
    """
    # This imports Prefect, which the module `prefect` configures.
    from prefect_dask.task_runners import DaskTaskRunner  # noqa: PLC0415

    def run(work: Work, watcher: Watcher) -> dict[str, Outcome]:
        executor = PrefectExecutor("dask", slots=workers, shares_process=False)
        if scheduler_address:
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
