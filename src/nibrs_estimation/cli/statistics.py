"""Statistics mode: `python -m nibrs_estimation.stages STAGE [TASK]` and `nibrs task NAME`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from nibrs_estimation.cli.console import console, run_app
from nibrs_estimation.cli.ingesting import make_folder
from nibrs_estimation.cli.progress import report_outcome
from nibrs_estimation.cli.settings import Settings, load_settings
from nibrs_estimation.cli.years import years_of
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.externals import read_locations, resolve
from nibrs_estimation.pipeline.identity import IDENTITY_FILE, Identity
from nibrs_estimation.pipeline.run import EXTERNAL_LOCATIONS
from nibrs_estimation.pipeline.runs import MAIN_FLOW
from nibrs_estimation.pipeline.standalone import Folders, run_tasks
from nibrs_estimation.pipeline.task import Task

_RUN_FILE = "run_metadata.json"


FOLDERS_HELP = (
    "Reads <dataset>.parquet, <dataset>.csv or a folder <dataset> from INPUT_PIPELINE_DIR and writes to "
    "OUTPUT_PIPELINE_DIR. Other settings: DATA_YEAR (the year, if there is no identity.json in the input folder), "
    "EXTERNAL_FILE_PATH (folder of external files), LOG_THRESHOLD (level of the logs). The `datasets` folder of a run "
    "is a valid input. No server is needed."
)


def stages_main(stages: Sequence[str], tasks_of: Callable[[str], Sequence[Task]]) -> None:
    """Run as a command: a stage's tasks, or one of them.

    Args:
        stages: names of the stages.
        tasks_of: imports a stage and returns its tasks.
    """

    def command(
        stage: Annotated[str, typer.Argument(help="Name of the stage.")],
        task: Annotated[str | None, typer.Argument(help="One task instead of all.")] = None,
    ) -> None:
        if stage not in stages:
            raise UsageError(f"There is no stage {stage!r}. The stages are: {', '.join(stages)}.")
        run_statistics(_select_tasks(task, tasks_of(stage), stage), load_settings())

    help_text = f"Run a stage alone, or one of its tasks. Stages: {', '.join(stages)}."
    _run_command(command, help_text, "python -m nibrs_estimation.stages")


def stage_main(stage: str, tasks: Sequence[Task]) -> None:
    """Run as a command: the tasks of one stage, or one of them."""

    def command(task: Annotated[str | None, typer.Argument(help="One task instead of all.")] = None) -> None:
        run_statistics(_select_tasks(task, tasks, stage), load_settings())

    names = ", ".join(task.name for task in tasks)
    _run_command(command, f"Run stage {stage} alone: {names}.", f"python -m nibrs_estimation.stages.{stage}")


def _run_command(command: Callable[..., None], help_text: str, name: str) -> None:
    command.__doc__ = f"{help_text}\n\n{FOLDERS_HELP}"
    app = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.command()(command)
    run_app(app, name)


def run_statistics(tasks: Sequence[Task], settings: Settings) -> None:
    """Run tasks on plain files with the settings; exits with 1 if one fails.

    Raises:
        UsageError: a setting is missing, the data year differs from that of the inputs, or the output folder is in the
            folder of a run.
        PipelineError: an input or an external file is missing or does not fit, or a task failed.
    """
    folders = _folders(settings)
    known = Identity.read(folders.inputs)
    year = _year(tasks, folders, settings, known)
    parameters = settings.parameters(year, settings.nibrs_seed)
    identity = known or Identity("", f"plain files in {folders.inputs}", year, settings.nibrs_seed, is_synthetic=False)
    externals = _externals(tasks, folders, settings, year)
    make_folder(folders.outputs)
    # Imported here, because the flows import the stages, which may import this module.
    from nibrs_estimation.flows.registry import FLOWS  # noqa: PLC0415

    outcomes = run_tasks(
        tasks,
        folders,
        {**parameters, "identity": identity},
        externals,
        log_threshold=settings.log_threshold,
        report=report_outcome,
        published=frozenset(output.name for output in FLOWS[MAIN_FLOW].publishes),
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
    folders = Folders(settings.input_pipeline_dir, settings.output_pipeline_dir)
    if not folders.inputs.is_dir():
        raise UsageError(
            f"The input folder {folders.inputs} does not exist. Set INPUT_PIPELINE_DIR to the folder of the inputs."
        )
    run = _run_of(folders.outputs)
    if run is not None and not settings.nibrs_write_into_run:
        raise UsageError(
            f"The output folder {folders.outputs} is in the folder of the run {run}, whose files would be "
            "changed. Set OUTPUT_PIPELINE_DIR to another folder, or NIBRS_WRITE_INTO_RUN=true if this is intended."
        )
    return folders


def _run_of(folder: Path) -> Path | None:
    """The run folder that contains a folder (which may not exist yet), or None."""
    whole = folder.resolve()
    return next((path for path in (whole, *whole.parents) if (path / _RUN_FILE).exists()), None)


def _year(tasks: Sequence[Task], folders: Folders, settings: Settings, known: Identity | None) -> int:
    """The data year of the inputs.

    Raises:
        UsageError: the year is unknown, or DATA_YEAR is another year.
    """
    year = settings.data_year
    if known is not None:
        if year not in (None, known.year):
            raise UsageError(
                f"DATA_YEAR is {year}, but the datasets in {folders.inputs} are of data year {known.year} "
                f"({IDENTITY_FILE}: {known.text}). Set DATA_YEAR={known.year} or leave it out, or set "
                "INPUT_PIPELINE_DIR to datasets of the other year."
            )
        return known.year
    years = years_of(tasks, folders.inputs)
    found = f"The datasets in {folders.inputs} contain the years {', '.join(map(str, years))}." if years else ""
    if year is None:
        raise UsageError(f"Set DATA_YEAR: there is no {IDENTITY_FILE} in {folders.inputs}. {found}".rstrip())
    if years and year not in years:
        raise UsageError(
            f"DATA_YEAR is {year}, but no dataset is of that year. {found} Set DATA_YEAR to one of these years, "
            "or INPUT_PIPELINE_DIR to another folder."
        )
    return year


def _externals(tasks: Sequence[Task], folders: Folders, settings: Settings, year: int) -> dict[str, Path]:
    wanted = list(dict.fromkeys(external for task in tasks for external in task.externals))
    if not wanted or (settings.external_file_path is None and not any(file.is_required for file in wanted)):
        return {}
    if settings.external_file_path is None:
        raise UsageError(
            f"Set EXTERNAL_FILE_PATH: the folder of the external files {', '.join(e.code_name for e in wanted)}."
        )
    resolved = resolve(read_locations(folders.inputs / EXTERNAL_LOCATIONS), wanted, year)
    paths = {name: settings.external_file_path / path for name, path in resolved.items()}
    absent = [str(path) for path in paths.values() if not path.is_file()]
    if absent:
        raise PipelineError(
            f"External files are missing: {', '.join(absent)}. Put them there, or correct EXTERNAL_FILE_PATH."
        )
    return paths


def _select_tasks(name: str | None, tasks: Sequence[Task], stage: str) -> list[Task]:
    chosen = [task for task in tasks if name in (None, task.name)]
    if not chosen:
        raise UsageError(
            f"Stage {stage} has no task {name!r}. Its tasks are: {', '.join(task.name for task in tasks)}."
        )
    return chosen
