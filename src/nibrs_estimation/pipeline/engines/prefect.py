"""The Prefect engine: every unit is a task run, in threads or in processes of this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from queue import SimpleQueue
from typing import Any, Literal

from nibrs_estimation.pipeline.engines.processes import WorkerProcesses, lost_worker_outcome
from nibrs_estimation.pipeline.engines.server import temporary_server
from nibrs_estimation.pipeline.run import Engine
from nibrs_estimation.pipeline.schedule import Executor, Watcher, Work, execute
from nibrs_estimation.pipeline.unit import Job, Outcome, run_job

# Prefect reads these while it is imported, and processes that it starts inherit them: they must be set before the
# imports below. Settings of the user are not changed.
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
# Prefect adds a console handler to the root logger, which would mix log records with the progress display.
os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")

from prefect import Flow, Task, get_client
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.events.worker import EventsWorker
from prefect.futures import PrefectFuture
from prefect.settings import get_current_settings, temporary_settings
from prefect.states import Completed, Crashed, Failed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

RunJob = Callable[[Job], Outcome]


class PrefectExecutor:
    """Submits every unit as a task run of the Prefect flow run in which it is used.

    Attributes:
        name, slots, shares_process: see :class:`~nibrs_estimation.pipeline.schedule.Executor`.
    """

    def __init__(self, name: str, *, slots: int, shares_process: bool, run: RunJob = run_job) -> None:
        self.name, self.slots, self.shares_process = name, slots, shares_process
        self._run = run
        self._ended: SimpleQueue[tuple[Job, PrefectFuture[Any]]] = SimpleQueue()
        self._states: dict[str, State[_Sealed]] = {}

    def submit(self, job: Job, needs: tuple[str, ...]) -> None:
        """Start a task run under the unit's name."""
        task = Task(
            _run_unit,
            name=job.unit.task.name,
            task_run_name=job.unit.key,
            description=job.unit.task.description,
            persist_result=False,
            cache_policy=NO_CACHE,
            retries=0,
        )
        # Final states, not futures: Dask would run an upstream unit again if the worker with its future died. Units
        # that were kept have no state.
        upstream = [self._states[key] for key in needs if key in self._states]
        future = task.submit(_Sealed((self._run, job)), wait_for=upstream, return_state=False)
        future.add_done_callback(lambda done: self._ended.put((job, done)))

    def wait(self) -> list[Outcome]:
        """Outcomes of finished task runs; waits for at least one."""
        ended = [self._ended.get()]
        while not self._ended.empty():
            ended.append(self._ended.get())
        return [self._outcome(job, future) for job, future in ended]

    def _outcome(self, job: Job, future: PrefectFuture[Any]) -> Outcome:
        try:
            result = future.result(raise_on_failure=False)
        except Exception as error:  # each task runner has another exception for a lost worker
            # Otherwise the task run would remain in state running in Prefect.
            with get_client(sync_client=True) as client:
                client.set_task_run_state(future.task_run_id, Crashed(message=str(error)), force=True)
            return lost_worker_outcome(job, error)
        self._states[job.unit.key] = future.state
        outcome: Outcome = result.content if isinstance(result, _Sealed) else lost_worker_outcome(job, result)
        return outcome


class _Sealed:
    """Prevents Prefect and Dask from inspecting its content.

    Both traverse dataclasses. A job may contain secrets, and if two outcomes contain the same text, Prefect would show
    a dependency between their units.
    """

    def __init__(self, content: Any) -> None:
        self.content = content


def _run_unit(sealed: _Sealed) -> State[_Sealed]:
    run, job = sealed.content
    outcome: Outcome = run(job)
    end = Failed if outcome.state == "failed" else Completed
    return end(data=_Sealed(outcome), message=outcome.message)


#: The body of the current flow run. It is no argument, because Prefect stores arguments, and no closure, because Dask
#: pickles closures.
_body: ContextVar[Callable[[], State[None]]] = ContextVar("body")


def _run_units() -> State[None]:
    return _body.get()()


def run_in_prefect(
    flow_name: str, runner: TaskRunner[Any], executor: Executor, work: Work, watcher: Watcher
) -> dict[str, Outcome]:
    """Run a plan as a Prefect flow run, which fails if any unit failed."""
    outcomes: dict[str, Outcome] = {}

    def body() -> State[None]:
        outcomes.update(execute(work, executor, watcher))
        bad = [key for key, outcome in outcomes.items() if outcome.state in ("failed", "blocked")]
        return Failed(message=f"Failed or blocked: {', '.join(bad)}") if bad else Completed()

    token = _body.set(body)
    try:
        with prefect_server():
            flow = Flow(
                _run_units,
                name=flow_name,
                flow_run_name="/".join(work.root.parts[-2:]),  # run id and flow
                task_runner=runner,
                persist_result=False,
                retries=0,
                log_prints=False,
            )
            state = flow(return_state=True)
    finally:
        _body.reset(token)
    if not outcomes:
        # The exception is not the failure of a unit: raise it again.
        state.result()
    return outcomes


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
    """An engine that runs units as Prefect task runs on this machine.

    Args:
        flow_name: name of the Prefect flow.
        workers: number of units that run at the same time.
        kind: whether units run in threads of this process or in separate processes.
    """

    def run(work: Work, watcher: Watcher) -> dict[str, Outcome]:
        runner = ThreadPoolTaskRunner[Any](max_workers=workers)
        if kind == "threads":
            return run_in_prefect(
                flow_name, runner, PrefectExecutor("prefect", slots=workers, shares_process=True), work, watcher
            )
        # Threads that each wait for a process. Prefect's own process pool breaks when one process dies, and leaves its
        # units in state running.
        with WorkerProcesses(workers) as processes:
            executor = PrefectExecutor("prefect", slots=workers, shares_process=False, run=processes.run)
            return run_in_prefect(flow_name, runner, executor, work, watcher)

    return run
