"""`nibrs publish artifacts`: the results of a run once more."""

from __future__ import annotations

from typing import Annotated

import typer

from nibrs_estimation.cli.console import console
from nibrs_estimation.cli.settings import load_settings
from nibrs_estimation.flows.registry import FLOWS, find_flow
from nibrs_estimation.pages import counted
from nibrs_estimation.pipeline.republishing import publish_again
from nibrs_estimation.pipeline.runs import MAIN_FLOW, check_run_id
from nibrs_estimation.pipeline.store import open_store

app = typer.Typer(no_args_is_help=True, help="Publish the results of a run again.")


@app.callback()
def publish() -> None:
    """Publish the results of a run again."""


@app.command(epilog="Example: nibrs publish artifacts vt --to s3://bucket/artifacts")
def artifacts(
    run_id: Annotated[str, typer.Argument(help="Name of the run.")],
    to: Annotated[
        str | None, typer.Option("--to", metavar="PLACE", help="Folder or s3://bucket/prefix. Default: ARTIFACT_STORE.")
    ] = None,
    flow: Annotated[str, typer.Option("--flow", help=f"One of: {', '.join(FLOWS)}.")] = MAIN_FLOW,
) -> None:
    """Publish what a run published last, or was publishing when it was stopped, and read every file back.

    Nothing is computed. Files that have changed in the run's folder since are refused.
    """
    settings = load_settings()
    store = open_store(to or settings.artifact_store, settings.s3())
    prefix, found = publish_again(find_flow(flow), settings.scratch_dir / check_run_id(run_id), store)
    console.print(
        f"Published {counted(len(found.files), 'file')} in [bold]{store}/{prefix}[/], all read back and compared.",
        highlight=False,
    )
