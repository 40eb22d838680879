"""Units in threads of this process; each thread may wait for a worker elsewhere that runs the unit."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from nibrs_estimation.pipeline.unit import Job, Outcome

RunJob = Callable[[Job], Outcome]


class ThreadExecutor:
    """Runs each unit in a thread.

    Attributes:
        name, slots, shares_process: see :class:`~nibrs_estimation.pipeline.schedule.Executor`.

    Args:
        run: runs a unit in the thread that calls it, or waits there for a worker process that does.
        threads: as many threads as there are slots.
    """

    def __init__(
        self, name: str, run: RunJob, threads: ThreadPoolExecutor, *, slots: int, shares_process: bool
    ) -> None:
        self.name, self.slots, self.shares_process = name, slots, shares_process
        self._run, self._threads = run, threads
        self._running: set[Future[Outcome]] = set()

    def submit(self, job: Job, needs: tuple[str, ...]) -> None:
        """Start the job."""
        self._running.add(self._threads.submit(self._run, job))

    def wait(self) -> list[Outcome]:
        """Outcomes of the units that ended since the last call; waits for at least one."""
        ended, self._running = wait(self._running, return_when=FIRST_COMPLETED)
        return [future.result() for future in ended]
