"""A run, as `nibrs run` and `nibrs demo` start it: its source and year, its engine, and what is told at its end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import typer

from nibrs_estimation.cli.closing import ACCOUNT, tell_account, tell_intake, tell_made, tell_origin
from nibrs_estimation.cli.console import Door, Engine, console
from nibrs_estimation.cli.progress import ProgressWatcher, print_failures
from nibrs_estimation.cli.settings import Settings
from nibrs_estimation.cli.version import version_text
from nibrs_estimation.flows.registry import find_flow
from nibrs_estimation.pipeline.engines import make_engine
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.externals import NO_LOCATIONS, Locations, read_locations
from nibrs_estimation.pipeline.flow import RUN_LAYOUT
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.run import RunResult, RunSettings, run_flow
from nibrs_estimation.pipeline.runs import check_run_id
from nibrs_estimation.pipeline.source import Source
from nibrs_estimation.pipeline.store import open_store
from nibrs_estimation.sources.external_files import with_external_files
from nibrs_estimation.sources.intake.manifest import INTAKE_MANIFEST
from nibrs_estimation.sources.registry import FORMS, newest_year, open_source
from nibrs_estimation.stages.publication import REPORT


@dataclass(frozen=True)
class RunOptions:
    """What the options of `nibrs run` say; None where the settings decide.

    Attributes:
        source, year, seed: what is estimated.
        engine, workers: where tasks run, and how many at a time.
        force, start, until, verify, refresh_source: as in ``RunSettings``.
        partial: whether zips may be excerpts.
    """

    source: str | None = None
    year: int | None = None
    seed: int | None = None
    engine: Engine | None = None
    workers: int | None = None
    force: bool = False
    start: str | None = None
    until: str | None = None
    partial: bool = False
    verify: bool = False
    refresh_source: bool = False

    def but(self, *, engine: Engine | None, force: bool) -> RunOptions:
        """The same with another engine, or by force."""
        return replace(self, engine=engine, force=force)


#: Data year of synthetic data where none is asked for.
DEMO_YEAR = 2024
DEMO = RunOptions(source="synthetic:0.01", year=DEMO_YEAR, seed=1, until="write_report")


def run_and_tell(flow_name: str, run_id: str, settings: Settings, options: RunOptions, door: Door) -> None:
    """Run a flow as settings and options say, and tell how it ended; exits with 1 if a task failed.

    Raises:
        UsageError: flow, run id, source, year or a setting is missing or wrong.
        PipelineError: the source or a store cannot be used.
    """
    flow = find_flow(flow_name)
    check_run_id(run_id)
    s3 = settings.s3()
    locations = _locations(settings)
    source = open_source(_spec(options, settings), settings.database(), is_excerpt=options.partial)
    year = chosen_year(source, options.year, settings)
    seed = settings.nibrs_seed if options.seed is None else options.seed
    source = with_external_files(source, locations.files.get(str(year), {}))
    if not settings.scratch_dir.exists():
        console.print(f"[dim]Making the folder {settings.scratch_dir.absolute()} for runs (SCRATCH_DIR).[/]")
    run_settings = RunSettings(
        run_id=run_id,
        # Workers of another machine or folder must find it, too.
        scratch=settings.scratch_dir.absolute(),
        artifacts=open_store(settings.artifact_store, s3),
        externals=open_store(settings.external_store, s3),
        locations=locations,
        source=source,
        parameters=settings.parameters(year, seed),
        recorded={**settings.recorded(), **_recorded(options), "source": source.spec, "year": year, "seed": seed},
        code_version=version_text(),
        memory_gib=settings.memory_gib(),
        log_threshold=settings.log_threshold,
        force=options.force,
        start=options.start,
        until=options.until,
        verify=options.verify,
        refresh_source=options.refresh_source,
    )
    engine = make_engine(
        options.engine or settings.nibrs_engine or door.engine,
        flow.name,
        workers=options.workers or settings.nibrs_workers,
        prefect_workers=settings.nibrs_prefect_workers,
        scheduler_address=settings.dask_scheduler_address,
    )
    with ProgressWatcher() as watcher:
        result = run_flow(flow, run_settings, engine, watcher)
    _tell(result, source, run_id)


def _spec(options: RunOptions, settings: Settings) -> str:
    """The source that is named.

    Raises:
        UsageError: none is; no data are made up unasked.
    """
    spec = options.source or settings.source_spec()
    if spec is None:
        raise UsageError(
            f"No source is named. Give --source, or set NIBRS_SOURCE: {FORMS}. For example: --source cde:VT-2024.zip "
            "reads a state's zip from the FBI's Crime Data Explorer; --source postgresql reads the FBI's database "
            "ucr_prd that PGHOST and its companions name; --source synthetic:0.01 --year 2024 makes up data. "
            "`nibrs demo` shows a made-up nation without any source."
        )
    return spec


def chosen_year(source: Source, asked: int | None, settings: Settings) -> int:
    """The data year: of the option, the setting, or the latest that the source holds, which is then said.

    Raises:
        UsageError: none is given, and the source is made up, so that it has none of its own.
        PipelineError: the source cannot be read.
    """
    year = settings.data_year if asked is None else asked
    if year is not None:
        return year
    newest = newest_year(source)
    if newest is None:
        raise UsageError(
            f"The source {source.spec} is made up and has no data year of its own. Give one with --year or DATA_YEAR, "
            "such as --year 2024."
        )
    console.print(f"Data year {newest}, the latest that {source.spec} holds.", highlight=False)
    return newest


def _recorded(options: RunOptions) -> dict[str, Any]:
    return {
        "force": options.force,
        "start": options.start,
        "until": options.until,
        "partial": options.partial,
        "verify": options.verify,
        "refresh_source": options.refresh_source,
    }


def _locations(settings: Settings) -> Locations:
    path = settings.external_file_locations
    if not path.exists() and "external_file_locations" in settings.model_fields_set:
        raise UsageError(f"EXTERNAL_FILE_LOCATIONS names {path}, which does not exist. Correct or unset it.")
    return read_locations(path) if path.exists() else NO_LOCATIONS


def _tell(result: RunResult, source: Source, run_id: str) -> None:
    """What the numbers are of, what was read, what was left out, and what to open."""
    console.print()
    identity = Identity.read(result.root / RUN_LAYOUT.datasets)
    if identity is not None:
        tell_origin(identity)
    readers = {task.name for task in source.tasks()}
    states = {outcome.state for outcome in result.outcomes.values() if outcome.task_name in readers}
    documents = result.root / "documents"
    is_new = "done" in states
    # Accounts that this run did not ask for may be of an earlier time.
    if not is_new or _holds(result, INTAKE_MANIFEST.name):
        tell_intake(documents, is_new=is_new)
    if _holds(result, ACCOUNT):
        tell_account(documents)
    published = _heads(result.published)
    console.print(f"Published in [bold]{result.artifacts}[/]: {', '.join(sorted(published))}", highlight=False)
    if result.removed:
        console.print(
            f"Removed there, since this command did not make them: {', '.join(sorted(_heads(result.removed)))}. The "
            "command without --from and --until publishes all again.",
            highlight=False,
        )
    if result.failures:
        print_failures(result.failures)
        raise typer.Exit(1)
    if REPORT.name in published:
        tell_made(f"{result.artifacts}/{REPORT.name}", run_id)


def _holds(result: RunResult, document: str) -> bool:
    """Whether a document is made and current: one that an earlier command left may be of other data."""
    manifests = [outcome.manifest for outcome in result.outcomes.values() if outcome.manifest is not None]
    return any(manifest.files_of(document) for manifest in manifests)


def _heads(names: tuple[str, ...]) -> set[str]:
    return {f"{name.split('/')[0]}/" if "/" in name else name for name in names}
