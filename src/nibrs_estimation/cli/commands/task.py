"""`nibrs task`: one task on plain files."""

from __future__ import annotations

from typing import Annotated

import typer

from nibrs_estimation.cli.settings import load_settings
from nibrs_estimation.cli.statistics import FOLDERS_HELP, run_statistics
from nibrs_estimation.flows.catalogue import find_task

app = typer.Typer()


@app.command(
    help="Run one task on plain files, without a run, Prefect or a server.\n\n" + FOLDERS_HELP,
    epilog="Example: INPUT_PIPELINE_DIR=in OUTPUT_PIPELINE_DIR=out nibrs task weight_agencies",
)
def task(name: Annotated[str, typer.Argument(help="Name of the task; `nibrs tasks` lists them.")]) -> None:
    """Run one task on plain files."""
    run_statistics([find_task(name)], load_settings())
