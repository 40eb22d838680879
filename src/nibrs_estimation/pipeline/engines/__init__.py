"""Engines: where units run. Prefect and Dask are imported only in their own modules, and only when they are used."""

from __future__ import annotations

from typing import Literal

from nibrs_estimation.pipeline.engines.inline import run_inline
from nibrs_estimation.pipeline.engines.processes import process_engine
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.optional import require_extra
from nibrs_estimation.pipeline.run import Engine
from nibrs_estimation.pipeline.work_store import WorkStore

ENGINES = ("inline", "processes", "prefect", "dask")
#: Engines that need no package of an extra.
_PLAIN = ("inline", "processes")


def make_engine(
    name: str,
    flow_name: str,
    *,
    workers: int,
    prefect_workers: Literal["threads", "processes"] = "threads",
    scheduler_address: str | None = None,
    work_store: WorkStore | None = None,
) -> Engine:
    """An engine by name.

    Args:
        name: one of :data:`ENGINES`.
        flow_name: name of the flow in Prefect.
        workers: number of units that run at the same time.
        prefect_workers: kind of workers of the prefect engine.
        scheduler_address: address of a running Dask scheduler; without it the dask engine starts a local cluster.
        work_store: where the dask engine exchanges files with workers that do not have the run's folder.

    Raises:
        UsageError: there is no such engine, or a package that it needs is not installed.
    """
    if name in ENGINES and name not in _PLAIN:
        require_extra("production", f"The engine {name}")
    if name == "inline":
        return run_inline
    if name == "processes":
        return process_engine(workers)
    if name == "prefect":
        from nibrs_estimation.pipeline.engines.prefect import prefect_engine  # noqa: PLC0415 (takes seconds)

        return prefect_engine(flow_name, workers=workers, kind=prefect_workers)
    if name == "dask":
        from nibrs_estimation.pipeline.engines.dask import dask_engine  # noqa: PLC0415 (takes seconds)

        return dask_engine(flow_name, workers=workers, scheduler_address=scheduler_address, work_store=work_store)
    raise UsageError(f"There is no engine {name!r}. The engines are: {', '.join(ENGINES)}.")
