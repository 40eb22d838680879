"""Statistics mode's doors: `python -m nibrs_estimation.stages.<stage> [TASK]` and `nibrs task NAME`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from nibrs_estimation.cli.console import console, report_outcome, run_app
from nibrs_estimation.cli.settings import Settings, load_settings
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.externals import read_locations, resolve
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.run import EXTERNAL_LOCATIONS
from nibrs_estimation.pipeline.standalone import Folders, run_tasks
from nibrs_estimation.pipeline.task import Task


def stage_main(stage: str, tasks: Sequence[Task]) -> None:
    """Run a stage's tasks, or one of them, as a command."""
    names = ", ".join(task.name for task in tasks)

    def command(task: Annotated[str | None, typer.Argument(help="One task instead of all.")] = None) -> None:
        run_statistics(_chosen(task, tasks, stage), load_settings())

    command.__doc__ = f"Run stage {stage} alone: {names}.\n\n" + FOLDERS_HELP
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)
    run_app(app, f"python -m nibrs_estimation.stages.{stage}")


FOLDERS_HELP = (
    "Reads <dataset>.parquet, <dataset>.csv or a folder <dataset> from INPUT_PIPELINE_DIR and writes to "
    "OUTPUT_PIPELINE_DIR; DATA_YEAR says which year, EXTERNAL_FILE_PATH where external files are, LOG_THRESHOLD how "
    "much is logged. A run's `datasets` folder is a valid input. No server is needed."
)


def run_statistics(tasks: Sequence[Task], settings: Settings) -> None:
    """Run tasks on plain files as the settings say; exits with 1 if one fails."""
    folders = _folders(settings)
    parameters = settings.parameters()
    identity = Identity.read(folders.inputs) or Identity(
        "", f"plain files in {folders.inputs}", parameters["year"], parameters["seed"], is_synthetic=False
    )
    outcomes = run_tasks(
        tasks,
        folders,
        {**parameters, "identity": identity},
        _externals(tasks, folders, settings),
        log_threshold=settings.log_threshold,
        report=report_outcome,
    )
    if outcomes and outcomes[-1].state == "failed":
        raise PipelineError(f"{outcomes[-1].key}: {outcomes[-1].message} Its log is {outcomes[-1].log_path}.")
    console.print(f"Outputs are in {folders.outputs}.")


def _folders(settings: Settings) -> Folders:
    missing = [
        name
        for name, value in (
            ("INPUT_PIPELINE_DIR", settings.input_pipeline_dir),
            ("OUTPUT_PIPELINE_DIR", settings.output_pipeline_dir),
        )
        if value is None
    ]
    if missing or settings.input_pipeline_dir is None or settings.output_pipeline_dir is None:
        raise UsageError(
            f"Set {' and '.join(missing)}: the folder{'s' if len(missing) > 1 else ''} from which datasets are read "
            "and to which they are written, such as INPUT_PIPELINE_DIR=scratch/demo/all/datasets."
        )
    return Folders(settings.input_pipeline_dir, settings.output_pipeline_dir)


def _externals(tasks: Sequence[Task], folders: Folders, settings: Settings) -> dict[str, Path]:
    wanted = list(dict.fromkeys(external for task in tasks for external in task.externals))
    if not wanted:
        return {}
    if settings.external_file_path is None:
        raise UsageError(
            f"Set EXTERNAL_FILE_PATH: the folder of the external files {', '.join(e.code_name for e in wanted)}."
        )
    resolved = resolve(read_locations(folders.inputs / EXTERNAL_LOCATIONS), wanted, settings.data_year)
    paths = {name: settings.external_file_path / path for name, path in resolved.items()}
    absent = [str(path) for path in paths.values() if not path.is_file()]
    if absent:
        raise PipelineError(
            f"External files are missing: {', '.join(absent)}. Put them there, or correct EXTERNAL_FILE_PATH."
        )
    return paths


def _chosen(name: str | None, tasks: Sequence[Task], stage: str) -> list[Task]:
    chosen = [task for task in tasks if name in (None, task.name)]
    if not chosen:
        raise UsageError(
            f"Stage {stage} has no task {name!r}. Its tasks are: {', '.join(task.name for task in tasks)}."
        )
    return chosen
