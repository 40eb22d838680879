"""`nibrs deploy`: register the flows on a Prefect server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from nibrs_estimation.cli.console import console, plain
from nibrs_estimation.cli.version import version_text
from nibrs_estimation.flows.registry import FLOWS, find_flow
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.optional import require_extra

app = typer.Typer()

#: The file with the Prefect flows, at the root of the repository and of the images.
DEPLOYMENTS = Path(__file__).parents[4] / "deployments.py"
#: The same in an image.
IMAGE_FOLDER = "/code"


@app.command(epilog="Example: nibrs deploy --pool local")
def deploy(
    flows: Annotated[
        list[str] | None, typer.Argument(metavar="[FLOW]...", help=f"Default: {', '.join(FLOWS)}.")
    ] = None,
    pool: Annotated[
        str, typer.Option("--pool", help="Work pool; created if it is missing. Also the name of the deployments.")
    ] = "local",
    pool_type: Annotated[
        Literal["process", "docker", "ecs"],
        typer.Option("--pool-type", help="process: a worker runs them in this folder; docker or ecs: in an image."),
    ] = "process",
    image: Annotated[
        str | None, typer.Option("--image", help="Image for docker or ecs, with a tag that is not latest.")
    ] = None,
    version: Annotated[
        str | None, typer.Option("--version", help="Version of the deployments. Default: that of this program.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be registered; needs no server.")] = False,
) -> None:
    """Register the flows as deployments on the Prefect server that PREFECT_API_URL names.

    Schedules are never created; those that exist are kept. `prefect worker start --pool POOL` starts a worker.
    """
    names = [find_flow(name).name for name in flows or FLOWS]
    _check_image(pool_type, image)
    if not DEPLOYMENTS.is_file():
        raise UsageError(
            f"{DEPLOYMENTS.name} is not in {DEPLOYMENTS.parent}. Run this command from a checkout of the project, or "
            "in its image."
        )
    folder = str(Path.cwd()) if image is None else IMAGE_FOLDER
    file = str(DEPLOYMENTS) if image is None else f"{IMAGE_FOLDER}/{DEPLOYMENTS.name}"
    shown_version = version or version_text()
    console.print(
        f"Work pool {pool} of type {pool_type}; {image or 'this installation'}, folder {folder}; version "
        f"{plain(shown_version)}",
        highlight=False,
        soft_wrap=True,
    )
    if dry_run:
        deployments = [f"{name}/{pool}" for name in names]
    else:
        require_extra("production", "nibrs deploy")
        from nibrs_estimation.pipeline.engines.deployment import Target, register  # noqa: PLC0415 (takes seconds)

        target = Target(pool, pool_type, folder, file, shown_version, image)
        deployments = register(names, DEPLOYMENTS, target)
    for deployment in deployments:
        console.print(f"{'Would register' if dry_run else 'Registered'} [bold]{deployment}[/]", highlight=False)


def _check_image(pool_type: str, image: str | None) -> None:
    if pool_type == "process":
        if image is not None:
            raise UsageError("--image is for --pool-type docker or ecs. Leave it out, or add --pool-type.")
        return
    tag = (image or "").rpartition("/")[2].partition(":")[2]
    if not tag or tag == "latest":
        raise UsageError(
            f"--pool-type {pool_type} needs --image with a tag other than latest, such as --image "
            "nibrs-estimation:1c5e0b7d2a41, so that every run tells which code it ran."
        )
