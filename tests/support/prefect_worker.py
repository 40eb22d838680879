"""A real Prefect server and a real process worker, for tests of deployments."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.support.command import clean_environment

#: How long a busy machine may take to start a flow run, or to end it.
PATIENCE_S = 550


def start_worker(pool: str, folder: Path, url: str, **settings: str) -> "subprocess.Popen[str]":
    """`prefect worker start` for a pool of type process; its output goes to a file in the folder."""
    environment = clean_environment(
        PREFECT_API_URL=url, PREFECT_HOME=str(folder / "worker-home"), PREFECT_WORKER_QUERY_SECONDS="1",
        DO_NOT_TRACK="1", PREFECT_SERVER_ANALYTICS_ENABLED="false", **settings,
    )  # fmt: skip
    with (folder / "worker.log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--type", "process"],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )


@contextmanager
def worker(pool: str, folder: Path, url: str, **settings: str) -> Iterator[None]:
    """A worker while the block runs."""
    process = start_worker(pool, folder, url, **settings)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """The first true value of a condition."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if value := condition():
            return value
        time.sleep(0.5)
    raise AssertionError(f"waited in vain for: {what}")


class Server:
    """What an operator does over the server's API."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def start(self, deployment: str, **parameters: Any) -> UUID:
        found = self.client.read_deployment_by_name(deployment)
        flow_run: UUID = self.client.create_flow_run_from_deployment(found.id, parameters=parameters).id
        return flow_run

    def cancel(self, flow_run: UUID) -> None:
        from prefect.states import Cancelling

        self.client.set_flow_run_state(flow_run, Cancelling())

    def state(self, flow_run: UUID) -> Any:
        return self.client.read_flow_run(flow_run).state

    def end(self, flow_run: UUID) -> Any:
        """The final state of a flow run."""
        return wait_until(lambda: (s := self.state(flow_run)) and s.is_final() and s, f"the end of {flow_run}")

    def task_runs(self, flow_run: UUID) -> dict[str, Any]:
        from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

        only = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run]))
        return {run.name: run for run in self.client.read_task_runs(flow_run_filter=only)}

    def artifacts(self, flow_run: UUID) -> dict[str, Any]:
        from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

        only = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run]))
        return {a.key: a for a in self.client.read_artifacts(artifact_filter=only) if a.key}

    def logs(self, flow_run: UUID) -> str:
        from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId

        only = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[flow_run]))
        return "\n".join(log.message for log in self.client.read_logs(log_filter=only))
