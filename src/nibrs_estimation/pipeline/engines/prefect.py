"""The Prefect engine: units run in threads or processes of this machine, and Prefect shows each task as a task run."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Any, Literal
from uuid import UUID

from nibrs_estimation.pipeline.engines.processes import WorkerProcesses
from nibrs_estimation.pipeline.engines.server import temporary_server
from nibrs_estimation.pipeline.engines.threads import ThreadExecutor
from nibrs_estimation.pipeline.figures import Figures
from nibrs_estimation.pipeline.flow import Plan, Unit
from nibrs_estimation.pipeline.run import Engine
from nibrs_estimation.pipeline.schedule import Executor, Watcher, Work, execute
from nibrs_estimation.pipeline.unit import Outcome, run_job

# Prefect reads these while it is imported, and processes that it starts inherit them: they must be set before the
# imports below. Settings of the user are not changed.
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
# Prefect adds a console handler to the root logger, which would mix log records with the progress display.
os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")

from prefect import Flow, Task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import RunInput, State, TaskRunResult
from prefect.context import FlowRunContext
from prefect.events.worker import EventsWorker
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger
from prefect.settings import get_current_settings, temporary_settings
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner


class TaskRuns:
    """Shows each task of a plan as one task run of the current flow run, however many units the task has.

    A task run starts with the first unit that runs or is kept. It follows the units, which run elsewhere, until the
    last has ended. Prefect sees names, numbers and messages only: no job, hence no secret.
    """

    def __init__(self, plan: Plan) -> None:
        self._n_units = Counter(unit.task.name for unit in plan.units)
        self._descriptions = {task.name: task.description for task in plan.tasks()}
        self._needs: dict[str, set[str]] = defaultdict(set)
        for unit in plan.units:
            self._needs[unit.task.name] |= {need.task.name for need in plan.needs[unit.key]}
        self._ended: dict[str, SimpleQueue[Outcome | None]] = defaultdict(SimpleQueue)
        self._runs: dict[str, PrefectFuture[Any]] = {}

    def watching(self, watcher: Watcher) -> Watcher:
        """A watcher that also reports to this."""

        def started(unit: Unit) -> None:
            self._start(unit.task.name)
            watcher.started(unit)

        def ended(outcome: Outcome) -> None:
            if outcome.state == "kept":
                self._start(outcome.task_name)
            self._ended[outcome.task_name].put(outcome)
            watcher.ended(outcome)

        return Watcher(watcher.planned, watcher.noted, started, ended)

    def close(self) -> None:
        """End the task runs; those whose units have not all ended are cancelled."""
        for name in self._runs:
            self._ended[name].put(None)
        for future in self._runs.values():
            future.wait()

    def _start(self, name: str) -> None:
        context = FlowRunContext.get()
        if name in self._runs or context is None:
            return
        n_units, queue = self._n_units[name], self._ended[name]

        def follow(needs: None) -> State[None]:  # Prefect shows needs by parameter
            return _follow(queue, n_units)

        task = Task(
            follow,
            name=name,
            task_run_name=name,
            description=self._descriptions[name],
            persist_result=False,
            cache_policy=NO_CACHE,
            retries=0,
        )
        # Shown, but not waited for: a unit may run before all units of an earlier task have ended.
        needs: set[RunInput] = {
            TaskRunResult(id=self._runs[need].task_run_id) for need in self._needs[name] if need in self._runs
        }
        self._runs[name] = context.task_runner.submit(task, {"needs": None}, dependencies={"needs": needs})


def _follow(queue: SimpleQueue[Outcome | None], n_units: int) -> State[None]:
    """Log the units of a task as they end, and return its final state."""
    logger = get_run_logger()
    artifact = create_progress_artifact(0.0, description=f"0 of {n_units} units") if n_units > 1 else None
    ended: list[Outcome] = []
    is_closed = False
    while len(ended) < n_units and not is_closed:
        for outcome in _ended_now(queue):
            if outcome is None:
                is_closed = True
                continue
            ended.append(outcome)
            if outcome.state in ("failed", "blocked"):
                logger.error("%s %s: %s%s", outcome.key, outcome.state, outcome.message, _log_text(outcome))
            else:
                logger.info("%s: %s", outcome.key, Figures.of([outcome]).text)
        if isinstance(artifact, UUID):
            text = f"{len(ended)} of {n_units} units"
            update_progress_artifact(artifact, 100 * len(ended) / n_units, description=text)
    if len(ended) < n_units:
        return Cancelled(message=f"Stopped after {len(ended)} of {n_units} units.")
    figures = Figures.of(ended)
    bad = [outcome for outcome in ended if outcome.state in ("failed", "blocked")]
    if bad:
        return Failed(message=f"{figures.text}. {bad[0].key}: {bad[0].message}")
    return Completed(name="Kept" if set(figures.states) == {"kept"} else "Completed", message=figures.text)


def _ended_now(queue: SimpleQueue[Outcome | None]) -> list[Outcome | None]:
    """All that is in the queue; waits for at least one."""
    found = [queue.get()]
    with suppress(Empty):
        while True:
            found.append(queue.get_nowait())
    return found


def _log_text(outcome: Outcome) -> str:
    """The log of a unit on lines of its own; empty if there is none."""
    try:
        return "\n" + outcome.log_path.read_text(encoding="utf-8") if outcome.log_path else ""
    except OSError:
        return ""


def run_in_prefect(flow_name: str, executor: Executor, work: Work, watcher: Watcher) -> dict[str, Outcome]:
    """Run a plan in the current Prefect flow run, or in a flow run of its own, which fails if any unit failed."""
    if FlowRunContext.get() is not None:
        return _run_units(executor, work, watcher)
    outcomes: dict[str, Outcome] = {}

    def units() -> State[None]:
        outcomes.update(_run_units(executor, work, watcher))
        bad = [key for key, outcome in outcomes.items() if outcome.state in ("failed", "blocked")]
        return Failed(message=f"Failed or blocked: {', '.join(bad)}") if bad else Completed()

    runner: TaskRunner[Any] = ThreadPoolTaskRunner()
    with prefect_server():
        flow = Flow(
            units,
            name=flow_name,
            flow_run_name="/".join(work.root.parts[-2:]),  # run id and flow
            task_runner=runner,
            persist_result=False,
            retries=0,
            log_prints=False,
        )
        state = flow(return_state=True)
    if not outcomes:
        # The exception is not the failure of a unit: raise it again.
        state.result()
    return outcomes


def _run_units(executor: Executor, work: Work, watcher: Watcher) -> dict[str, Outcome]:
    task_runs = TaskRuns(work.plan)
    try:
        return execute(work, executor, task_runs.watching(watcher))
    finally:
        task_runs.close()


@contextmanager
def prefect_server() -> Iterator[None]:
    """Use the configured Prefect server (PREFECT_API_URL or the active profile), or start one for this run."""
    if get_current_settings().api.url:
        yield
        return
    with temporary_server() as (url, home):
        changes: dict[Any, Any] = {"home": home, "api.url": url, "logging.to_api.enabled": False}
        with temporary_settings(changes):
            yield
            # Pending events must reach the server before it stops.
            EventsWorker.drain_all()


def prefect_engine(flow_name: str, *, workers: int, kind: Literal["threads", "processes"]) -> Engine:
    """An engine that runs units on this machine and shows the tasks in Prefect.

    Args:
        flow_name: name of the Prefect flow.
        workers: number of units that run at the same time.
        kind: whether units run in threads of this process or in separate processes.
    """

    def run(work: Work, watcher: Watcher) -> dict[str, Outcome]:
        with ThreadPoolExecutor(workers) as threads:
            if kind == "threads":
                executor = ThreadExecutor("prefect", run_job, threads, slots=workers, shares_process=True)
                return run_in_prefect(flow_name, executor, work, watcher)
            with WorkerProcesses(workers) as processes:
                executor = ThreadExecutor("prefect", processes.run, threads, slots=workers, shares_process=False)
                return run_in_prefect(flow_name, executor, work, watcher)

    return run
