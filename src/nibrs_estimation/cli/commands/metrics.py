"""`nibrs metrics`: time, memory and rows of runs, compared."""

from __future__ import annotations

from typing import Annotated

import typer

from nibrs_estimation.cli.console import console
from nibrs_estimation.cli.running import RunOptions, run_source
from nibrs_estimation.cli.settings import load_settings
from nibrs_estimation.flows.registry import find_flow
from nibrs_estimation.metrics.history import FLOW, RunHistory
from nibrs_estimation.metrics.tasks import METRICS_PAGE

app = typer.Typer()


@app.command(epilog="Example: nibrs metrics us-2023 us-2024")
def metrics(
    context: typer.Context,
    run_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]...", help="Runs to compare. Default: all.")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="Name of the run that compares them.")] = "metrics",
) -> None:
    """Compare time, memory and rows of the tasks of runs, as a page and CSV files.

    It is flow metrics, whose source are the records of the runs in SCRATCH_DIR. Runs that are going on are included as
    far as they are.
    """
    settings = load_settings()
    history = RunHistory(settings.scratch_dir, tuple(dict.fromkeys(run_ids or ())))
    # It shows what is there now: an earlier comparison of other runs is replaced.
    options = RunOptions(year=history.newest_year(), seed=1, force=True)
    run_source(find_flow(FLOW), history, name, settings, options, context.obj)
    folder = f"{settings.artifact_store}/{name}/{FLOW}"
    console.print(f"The page is [bold]{folder}/{METRICS_PAGE.name}[/].", highlight=False)
