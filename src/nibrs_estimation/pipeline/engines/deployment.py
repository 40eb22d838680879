"""Registers deployable flows on a Prefect server, and the work pool that their runs wait in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from nibrs_estimation.pipeline.credentials import mask_address
from nibrs_estimation.pipeline.errors import PipelineError, UsageError

# Sets what Prefect reads when it is imported.
import nibrs_estimation.pipeline.engines.prefect  # noqa: F401 isort: skip
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.exceptions import ObjectNotFound
from prefect.flows import load_flow_from_entrypoint
from prefect.settings import get_current_settings
from prefect.utilities.asyncutils import run_coro_as_sync
from prefect.utilities.callables import parameter_schema
from prefect.workers.utilities import get_default_base_job_template_for_infrastructure_type

PoolType = Literal["process", "docker", "ecs"]
POOL_TYPES: tuple[PoolType, ...] = get_args(PoolType)


@dataclass(frozen=True)
class Target:
    """Where and how deployed flows run.

    Attributes:
        pool, pool_type: name and type of the work pool.
        folder: folder in which a run works: its `.env`, and its scratch and artifacts unless settings name others.
        file: the file with the flows, as the worker sees it.
        version: version of the program.
        image: image of a pool of type docker or ecs.
    """

    pool: str
    pool_type: PoolType
    folder: str
    file: str
    version: str
    image: str | None = None


def register(names: Sequence[str], file: Path, target: Target) -> list[str]:
    """Register flows as deployments; creates the work pool if it is missing, and keeps schedules that exist.

    Args:
        names: names of the flows; ``flow_<name>`` is the Prefect flow.
        file: the file with the flows on this machine.
        target: where they run.

    Returns:
        The names of the deployments, such as ``all/local``.

    Raises:
        UsageError: no server is configured, or the work pool has another type.
        PipelineError: the server cannot be reached, or refuses.
    """
    url = get_current_settings().api.url
    if not url:
        raise UsageError(
            "No Prefect server is configured. Set PREFECT_API_URL, such as http://prefect:4200/api; `prefect server "
            "start` starts one."
        )
    with get_client(sync_client=True) as client:
        refused = client.api_healthcheck()
        if refused is not None:
            raise PipelineError(
                f"The Prefect server at {mask_address(url)} does not answer ({type(refused).__name__}). Start it, or "
                "correct PREFECT_API_URL."
            )
        _ensure_pool(client, target)
        return [_register_one(client, name, file, target) for name in names]


def _ensure_pool(client: SyncPrefectClient, target: Target) -> None:
    try:
        pool = client.read_work_pool(target.pool)
    except ObjectNotFound:
        template = run_coro_as_sync(get_default_base_job_template_for_infrastructure_type(target.pool_type))
        if template is None:
            raise PipelineError(
                f"The server knows no work pools of type {target.pool_type}. Create the pool with `prefect work-pool "
                f"create {target.pool} --type {target.pool_type}` where prefect-{_package(target)} is installed."
            ) from None
        client.create_work_pool(WorkPoolCreate(name=target.pool, type=target.pool_type, base_job_template=template))
        return
    if pool.type != target.pool_type:
        raise UsageError(
            f"The work pool {target.pool} has type {pool.type}, not {target.pool_type}. Name another pool with "
            f"--pool, or use --pool-type {pool.type}."
        )


def _package(target: Target) -> str:
    return "aws" if target.pool_type == "ecs" else target.pool_type


def _register_one(client: SyncPrefectClient, name: str, file: Path, target: Target) -> str:
    flow: Any = load_flow_from_entrypoint(f"{file}:flow_{name}", use_placeholder_flow=False)
    deployment = f"{flow.name}/{target.pool}"
    try:
        known = client.read_deployment_by_name(deployment).schedules
    except ObjectNotFound:
        known = []
    # The server replaces a deployment as a whole, so the schedules that operators made are given again.
    kept = {"schedule", "active", "max_scheduled_runs", "parameters", "slug"}
    client.create_deployment(
        flow_id=client.create_flow_from_name(flow.name),
        name=target.pool,
        version=target.version,
        description=flow.description,
        tags=["nibrs"],
        work_pool_name=target.pool,
        entrypoint=f"{target.file}:flow_{name}",
        pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": target.folder}}],
        job_variables={"image": target.image} if target.image else {},
        parameter_openapi_schema=parameter_schema(flow).model_dump_for_openapi(),
        enforce_parameter_schema=True,
        schedules=[DeploymentScheduleCreate.model_validate(s.model_dump(include=kept)) for s in known],
    )
    return deployment
