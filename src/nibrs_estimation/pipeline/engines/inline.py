"""The inline engine: runs units one after the other in this process."""

from __future__ import annotations

from nibrs_estimation.pipeline.schedule import Watcher, Work, execute
from nibrs_estimation.pipeline.unit import Job, Outcome, run_job


class InlineExecutor:
    """Runs a unit when it is submitted."""

    name = "inline"
    shares_process = False
    slots = 1

    def __init__(self) -> None:
        self._ended: list[Outcome] = []

    def submit(self, job: Job, needs: tuple[str, ...]) -> None:
        """Run the job now."""
        self._ended.append(run_job(job))

    def wait(self) -> list[Outcome]:
        """Outcomes since the last call."""
        ended, self._ended = self._ended, []
        return ended


def run_inline(work: Work, watcher: Watcher) -> dict[str, Outcome]:
    """Run a plan in this process, unit by unit."""
    return execute(work, InlineExecutor(), watcher)
