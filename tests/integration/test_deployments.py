"""Flows on a real Prefect server with a real process worker: deploy, start, watch, cancel, resume, and faults."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.support.command import nibrs
from tests.support.outputs import outputs_of
from tests.support.prefect_worker import Server, wait_until, worker

from nibrs_estimation.flows.registry import FLOWS
from nibrs_estimation.pipeline.runs import METADATA_FILE, RECORD_FILE

SOURCE, YEAR = "synthetic:0.002", 2024
UNTIL = "write_report"


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    from nibrs_estimation.pipeline.engines.server import temporary_server

    with temporary_server() as (url, _home):
        yield url


@pytest.fixture(scope="module")
def server(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    from prefect import get_client
    from prefect.settings import temporary_settings

    changes: dict[Any, Any] = {"home": tmp_path_factory.mktemp("home"), "api.url": server_url}
    with temporary_settings(changes), get_client(sync_client=True) as client:
        yield Server(client)


@pytest.fixture(scope="module")
def folder(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder from which all flows were deployed to pool local."""
    folder = tmp_path_factory.mktemp("operator")
    done = nibrs(folder, "deploy", "--pool", "local", "--version", "0a1b2c3", PREFECT_API_URL=server_url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Registered") == len(FLOWS)
    return folder


@pytest.fixture(scope="module")
def working(server_url: str, folder: Path) -> Iterator[Path]:
    """The same folder, with a worker."""
    with worker("local", folder, server_url):
        yield folder


def test_every_flow_is_a_deployment_with_typed_and_described_parameters(server: Server, folder: Path) -> None:
    for name in FLOWS:
        found = server.client.read_deployment_by_name(f"{name}/local")
        assert (found.version, found.schedules, found.paused) == ("0a1b2c3", [], False)
        assert found.enforce_parameter_schema
        properties = found.parameter_openapi_schema["properties"]
        assert all(parameter["description"] for parameter in properties.values())
        assert properties["run_id"]["type"] == "string"
        assert "run_id" in found.parameter_openapi_schema["required"]
    found = server.client.read_deployment_by_name("all/local")
    properties = found.parameter_openapi_schema["properties"]
    assert {"year", "source", "seed", "workers", "force", "start", "until"} <= properties.keys()
    assert {"type": "integer", "minimum": 1985, "maximum": 2100} in properties["year"]["anyOf"]
    assert found.pull_steps == [{"prefect.deployments.steps.set_working_directory": {"directory": str(folder)}}]


def test_deploying_again_keeps_the_schedules_of_operators(server: Server, server_url: str, folder: Path) -> None:
    from prefect.client.schemas.schedules import CronSchedule

    found = server.client.read_deployment_by_name("smoketest/local")
    server.client.create_deployment_schedules(found.id, [(CronSchedule(cron="0 3 * * 1"), False)])
    done = nibrs(folder, "deploy", "smoketest", "--pool", "local", "--version", "later", PREFECT_API_URL=server_url)
    assert done.returncode == 0, done.stderr
    again = server.client.read_deployment_by_name("smoketest/local")
    assert (again.id, again.version) == (found.id, "later")
    assert [(s.schedule.cron, s.active) for s in again.schedules] == [("0 3 * * 1", False)]


def test_a_docker_pool_gets_the_image_and_the_folder_of_images(server: Server, server_url: str, folder: Path) -> None:
    image = ("--pool-type", "docker", "--image", "registry.example/nibrs:0a1b2c3")
    done = nibrs(folder, "deploy", "all", "--pool", "boxes", *image, PREFECT_API_URL=server_url)
    assert done.returncode == 0, done.stderr
    found = server.client.read_deployment_by_name("all/boxes")
    assert found.job_variables == {"image": "registry.example/nibrs:0a1b2c3"}
    assert found.entrypoint == "/code/deployments.py:flow_all"
    pool = server.client.read_work_pool("boxes")
    assert pool.type == "docker"
    assert "image" in pool.base_job_template["variables"]["properties"]


def test_a_pool_of_another_type_is_refused(server_url: str, folder: Path) -> None:
    image = ("--pool-type", "ecs", "--image", "registry.example/nibrs:0a1b2c3")
    done = nibrs(folder, "deploy", "all", "--pool", "local", *image, PREFECT_API_URL=server_url)
    assert done.returncode == 2
    assert "The work pool local has type process, not ecs." in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "message"),
    [
        ([], {"PREFECT_HOME": "."}, 2, "No Prefect server is configured. Set PREFECT_API_URL"),
        ([], {"PREFECT_API_URL": "http://127.0.0.1:1/api"}, 1, "server at http://127.0.0.1:1/api does not answer"),
        (["--pool-type", "docker"], {}, 2, "needs --image with a tag other than latest"),
        (["--pool-type", "ecs", "--image", "a.example:5000/nibrs:latest"], {}, 2, "a tag other than latest"),
        (["--image", "nibrs:1"], {}, 2, "--image is for --pool-type docker or ecs"),
        (["al"], {}, 2, "There is no flow 'al'"),
    ],
)
def test_what_cannot_be_deployed_is_named(
    arguments: list[str], settings: dict[str, str], code: int, message: str, tmp_path: Path
) -> None:
    done = nibrs(tmp_path, "deploy", *arguments, **settings)
    assert done.returncode == code, done.stdout + done.stderr
    assert message in " ".join(done.stderr.split())


def test_every_flow_has_a_deployable_flow() -> None:
    import deployments

    assert {name for name in vars(deployments) if name.startswith("flow_") and name != "flow_run"} == {
        f"flow_{name}" for name in FLOWS
    }


def run_state(folder: Path, run_id: str) -> str:
    about = json.loads((folder / "scratch" / run_id / "all" / METADATA_FILE).read_text())
    return str(about["state"])


def manifests(folder: Path, run_id: str) -> dict[str, int]:
    root = folder / "scratch" / run_id / "all"
    return {str(path.relative_to(root)): path.stat().st_mtime_ns for path in root.glob("manifests/**/*.json")}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_started_cancelled_and_started_again_a_run_goes_on(server: Server, working: Path, tmp_path: Path) -> None:
    parameters: dict[str, Any] = {"run_id": "vt", "year": YEAR, "source": SOURCE, "until": UNTIL}
    first = server.start("all/local", **parameters)
    wait_until(lambda: len(manifests(working, "vt")) > 20, "units of the first run")
    wait_until(lambda: server.task_runs(first), "task runs")
    server.cancel(first)
    assert server.end(first).type.value == "CANCELLED"
    before = manifests(working, "vt")
    assert run_state(working, "vt") == "stopped"
    assert "write_report" not in server.task_runs(first)

    second = server.start("all/local", **parameters)
    ended = server.end(second)
    assert ended.type.value == "COMPLETED", server.logs(second)
    assert "SYNTHETIC DATA" in ended.message
    after = manifests(working, "vt")
    assert {name: after[name] for name in before} == before, "units that had ended were kept"
    assert len(after) > len(before)
    assert server.client.read_flow_run(second).name == f"all {YEAR} vt"

    shown = server.task_runs(second)
    assert {run.state.type.value for run in shown.values()} == {"COMPLETED"}
    assert {"Kept", "Completed"} == {run.state.name for run in shown.values()}
    assert "rows, peak memory" in shown["count_units"].state.message
    artifacts = server.artifacts(second)
    assert set(artifacts) == {"nibrs-report", "nibrs-estimates", "nibrs-tasks"}
    assert all("SYNTHETIC DATA" in artifact.description for artifact in artifacts.values())
    assert "artifacts/vt/report.html" in artifacts["nibrs-report"].data
    estimates = json.loads(artifacts["nibrs-estimates"].data)
    assert [row["table"] for row in estimates] == ["1a", "1a", "1b", "1c"]
    assert all("interval" in row["interval"] or row["caution"] for row in estimates)
    assert {row["task"] for row in json.loads(artifacts["nibrs-tasks"].data)} == set(shown)
    assert "The run was stopped before it ended; its finished tasks are reused." in server.logs(second)

    done = nibrs(tmp_path, "run", "all", "vt", "--year", str(YEAR), "--source", SOURCE, "--until", UNTIL)
    assert done.returncode == 0, done.stderr
    assert outputs_of(working / "artifacts" / "vt") == outputs_of(tmp_path / "artifacts" / "vt")


@pytest.mark.slow
def test_a_flow_run_that_is_killed_in_a_unit_crashes_and_can_be_resumed(server: Server, working: Path) -> None:
    parameters: dict[str, Any] = {"run_id": "killed", "year": YEAR, "source": SOURCE, "until": "count_units"}
    first = server.start("all/local", **parameters)
    wait_until(lambda: len(manifests(working, "killed")) > 5, "units")
    os.kill(process_of(first), signal.SIGKILL)
    assert server.end(first).type.value == "CRASHED"
    before = manifests(working, "killed")
    second = server.start("all/local", **parameters)
    assert server.end(second).type.value == "COMPLETED", server.logs(second)
    after = manifests(working, "killed")
    assert {name: after[name] for name in before} == before


def process_of(flow_run: object) -> int:
    """The process of a flow run on this machine."""
    wanted = f"PREFECT__FLOW_RUN_ID={flow_run}".encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended, or belongs to another user
            if wanted in path.read_bytes().split(b"\0"):
                return int(path.parent.name)
    raise AssertionError(f"no process of {flow_run}")


@pytest.mark.slow
def test_a_run_id_that_is_in_use_or_of_a_newer_version_is_refused_at_once(server: Server, working: Path) -> None:
    from nibrs_estimation.pipeline.run import run_lock

    parameters: dict[str, Any] = {"run_id": "twice", "year": YEAR, "source": SOURCE, "until": "describe_months"}
    with run_lock(working / "scratch" / "twice"):
        refused = server.end(server.start("all/local", **parameters))
    assert refused.type.value == "FAILED"
    assert "Run twice is already running in another process" in refused.message

    record = working / "scratch" / "newer" / RECORD_FILE
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"format": 1000}))
    refused = server.end(server.start("all/local", **{**parameters, "run_id": "newer"}))
    assert refused.type.value == "FAILED"
    assert "was created by a newer version of this program" in refused.message


@pytest.mark.slow
def test_a_unit_that_failed_is_tried_once_more(server: Server, working: Path) -> None:
    parameters: dict[str, Any] = {"run_id": "again", "year": YEAR, "source": SOURCE, "until": "define_universe"}
    in_the_way = working / "scratch/again/all/datasets/universe.parquet"
    in_the_way.mkdir(parents=True)
    flow_run = server.start("all/local", **parameters)
    waiting = wait_until(lambda: (s := server.state(flow_run)) and s.name == "AwaitingRetry" and s, "the retry")
    assert "define_universe" in waiting.message
    in_the_way.rmdir()
    assert server.end(flow_run).type.value == "COMPLETED", server.logs(flow_run)
