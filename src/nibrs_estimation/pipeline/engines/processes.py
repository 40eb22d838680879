"""Worker processes: each runs one unit at a time, and dies alone."""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from queue import SimpleQueue
from types import TracebackType

from nibrs_estimation.pipeline.unit import Job, Outcome, run_job


def no_answer(job: Job, error: object) -> Outcome:
    """The outcome of a unit whose worker ended before it told one."""
    return Outcome(
        job.unit.key,
        job.unit.task.name,
        "failed",
        message="Its worker gave no answer: most likely it ran out of memory or was killed. Lower NIBRS_MEMORY_GIB, so "
        f"that fewer tasks run at a time, or give it more memory. ({type(error).__name__}: {error})",
        log_path=job.log_path,
    )


class WorkerProcesses:
    """A fixed number of worker processes, each started when it is first needed.

    One pool of one process for each worker, because a pool breaks as a whole when one of its processes dies.
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
            return no_answer(job, error)
        finally:
            self._idle.put(worker)


def _one_process() -> ProcessPoolExecutor:
    # Spawned: a fork of a process with threads may hang.
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_end_with_parent)


def _end_with_parent() -> None:
    """Make this worker end when the run does, however that ends: it must not write into a folder given up."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
