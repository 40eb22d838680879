"""Worker processes, and the engine that runs units in them: if one dies, the others continue."""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from queue import SimpleQueue
from types import TracebackType

from nibrs_estimation.pipeline.engines.threads import ThreadExecutor
from nibrs_estimation.pipeline.run import Engine
from nibrs_estimation.pipeline.schedule import Watcher, Work, execute
from nibrs_estimation.pipeline.unit import Job, Outcome, run_job


def lost_worker_outcome(job: Job, error: object) -> Outcome:
    """The outcome of a unit whose worker process died."""
    return Outcome(
        job.unit.key,
        job.unit.task.name,
        "failed",
        message="Its worker process died, probably because it ran out of memory or was killed. Lower NIBRS_MEMORY_GIB "
        f"so that fewer tasks run at the same time, or add memory. ({type(error).__name__}: {error})",
        log_path=job.log_path,
    )


class WorkerProcesses:
    """A fixed number of worker processes, each started when it is first needed.

    Each worker is a pool of one process, because a pool breaks when one of its processes dies.
    """

    def __init__(self, workers: int) -> None:
        self._idle: SimpleQueue[ProcessPoolExecutor] = SimpleQueue()
        for _worker in range(workers):
            self._idle.put(_one_process())

    def __enter__(self) -> WorkerProcesses:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while not self._idle.empty():
            self._idle.get().shutdown()

    def run(self, job: Job) -> Outcome:
        """Run a job in an idle worker process and wait for it; may be called from many threads."""
        worker = self._idle.get()
        try:
            return worker.submit(run_job, job).result()
        except BrokenProcessPool as error:
            worker = _one_process()
            return lost_worker_outcome(job, error)
        finally:
            self._idle.put(worker)


def _one_process() -> ProcessPoolExecutor:
    # Spawned, because a fork of a process with threads may hang.
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_end_with_parent)


def _end_with_parent() -> None:
    """End this worker when the run ends for any reason: it must not write to the run's folder afterwards."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def process_engine(workers: int) -> Engine:
    """An engine that runs units in processes of this machine, without a server.

    Args:
        workers: number of units that run at the same time.
    """

    def run(work: Work, watcher: Watcher) -> dict[str, Outcome]:
        with WorkerProcesses(workers) as processes, ThreadPoolExecutor(workers) as threads:
            executor = ThreadExecutor("processes", processes.run, threads, slots=workers, shares_process=False)
            return execute(work, executor, watcher)

    return run
