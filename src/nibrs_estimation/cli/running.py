"""Runs of `nibrs run` and `nibrs demo`: source, year, engine and the summary at the end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import typer

from nibrs_estimation.cli.console import Engine, EntryPoint, console
from nibrs_estimation.cli.notify import reported_end
from nibrs_estimation.cli.progress import ProgressWatcher, print_failures
from nibrs_estimation.cli.settings import Settings
from nibrs_estimation.cli.summary import ACCOUNT, print_account, print_intake, print_origin, print_report_hint
from nibrs_estimation.cli.version import version_text
from nibrs_estimation.flows.registry import find_flow
from nibrs_estimation.metrics.history import FLOW as FLOW_METRICS
from nibrs_estimation.metrics.history import RunHistory
from nibrs_estimation.pipeline.engines import make_engine
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.externals import NO_LOCATIONS, Locations, read_locations
from nibrs_estimation.pipeline.flow import RUN_LAYOUT, Flow
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.run import RunResult, RunSettings, run_flow
from nibrs_estimation.pipeline.runs import SUMMARY_FLOWS, check_run_id
from nibrs_estimation.pipeline.schedule import Watcher
from nibrs_estimation.pipeline.source import Source
from nibrs_estimation.pipeline.store import open_store
from nibrs_estimation.sources.external_files import with_external_files
from nibrs_estimation.sources.grant_runs import grant_runs
from nibrs_estimation.sources.intake.manifest import INTAKE_MANIFEST
from nibrs_estimation.sources.registry import newest_year, of_year, open_source, source_forms
from nibrs_estimation.stages.publication import REPORT


@dataclass(frozen=True)
class RunOptions:
    """Options of `nibrs run`; None where the settings apply.

    Attributes:
        source, year, seed: input of the run.
        engine, workers: where tasks run, and how many at the same time.
        force, start, until, verify, refresh_source: as in ``RunSettings``.
        partial: whether zips may be excerpts.
        predecessor: run of an earlier year, with which this one is compared.
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
    predecessor: str | None = None

    def with_changes(self, *, engine: Engine | None, force: bool) -> RunOptions:
        """A copy with these values."""
        return replace(self, engine=engine, force=force)


#: The flow that joins runs of single years.
GRANT_FLOW = "bjs_grant"
#: Flow -> the table that its summary names; of other flows 3a.
_TABLES = dict.fromkeys(SUMMARY_FLOWS, "SRS1a")
#: Default data year of synthetic data.
DEMO_YEAR = 2024
DEMO = RunOptions(source="synthetic:0.01", year=DEMO_YEAR, seed=1, until="write_report")


def run_and_report(flow_name: str, run_id: str, settings: Settings, options: RunOptions, entry: EntryPoint) -> None:
    """Run a flow with settings and options, and print a summary; exits with 1 if a task failed.

    Raises:
        UsageError: flow, run id, source, year or a setting is missing or wrong.
        PipelineError: the source or a store cannot be used.
    """
    flow = find_flow(flow_name)
    check_run_id(run_id)
    run_source(flow, chosen_source(flow_name, options, settings), run_id, settings, options, entry)


def run_source(
    flow: Flow, source: Source, run_id: str, settings: Settings, options: RunOptions, entry: EntryPoint
) -> None:
    """Run a flow on a source, and print a summary; raises like :func:`run_and_report`."""
    with ProgressWatcher() as watcher:
        result = execute_run(flow, source, run_id, settings, options, entry, watcher)
    print_result(result, source, run_id)
    if result.failures:
        print_failures(result.failures)
        raise typer.Exit(1)


def execute_run(
    flow: Flow,
    source: Source,
    run_id: str,
    settings: Settings,
    options: RunOptions,
    entry: EntryPoint,
    watcher: Watcher,
) -> RunResult:
    """Run a flow on a source, without a summary; raises like :func:`run_and_report`."""
    engine_name = options.engine or settings.nibrs_engine or entry.engine
    work_store = settings.open_work_store(engine_name)
    run_settings = replace(settings_of_run(source, run_id, settings, options), work_store=work_store)
    if not settings.scratch_dir.exists():
        console.print(f"[dim]Creating the folder {settings.scratch_dir.absolute()} for runs (SCRATCH_DIR).[/]")
    engine = make_engine(
        engine_name,
        flow.name,
        workers=options.workers or settings.nibrs_workers,
        prefect_workers=settings.nibrs_prefect_workers,
        scheduler_address=settings.dask_scheduler_address,
        work_store=work_store,
    )
    with reported_end(flow.name, run_settings, settings.nibrs_webhook_url) as ended:
        result = run_flow(flow, run_settings, engine, watcher)
        ended(result)
    return result


def chosen_source(flow_name: str, options: RunOptions, settings: Settings) -> Source:
    """The source of the options or the settings; of flow metrics, the runs in SCRATCH_DIR.

    Raises:
        UsageError: there is none, or it cannot be used; synthetic data are used only on request.
    """
    if flow_name == FLOW_METRICS:
        return RunHistory(settings.scratch_dir)
    if flow_name == GRANT_FLOW:
        return grant_runs(options.source or settings.source_spec() or "", settings.scratch_dir)
    flow = find_flow(flow_name)
    source = open_source(
        _spec(flow, options, settings),
        settings.database(),
        is_excerpt=options.partial,
        takes_summaries=flow.takes_summaries,
    )
    return flow.source_form(source)


def settings_of_run(source: Source, run_id: str, settings: Settings, options: RunOptions) -> RunSettings:
    """The settings of a run, with its external files and its data year.

    Raises:
        UsageError, PipelineError: like :func:`run_and_report`, for the year and a setting.
    """
    s3 = settings.s3()
    locations = _locations(settings)
    year = chosen_year(source, options.year, settings)
    seed = settings.nibrs_seed if options.seed is None else options.seed
    source = with_external_files(of_year(source, year), locations.files.get(str(year), {}))
    return RunSettings(
        run_id=run_id,
        # Absolute, for workers on other machines or in other folders.
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
        predecessor=options.predecessor or settings.nibrs_predecessor,
    )


def _spec(flow: Flow, options: RunOptions, settings: Settings) -> str:
    """The source of a flow from the options or the settings.

    Raises:
        UsageError: there is none; synthetic data are used only on request.
    """
    spec = options.source or settings.source_spec()
    if spec is None:
        raise UsageError(
            "No source is given. Use --source, or set NIBRS_SOURCE (in the environment or in .env): "
            f"{source_forms(takes_summaries=flow.takes_summaries)}. For example: --source "
            "cde:VT-2024.zip reads a state's zip from the FBI's Crime Data Explorer; --source postgresql reads the "
            "FBI's database ucr_prd, which PGHOST and the other PG settings name; --source synthetic:0.01 --year 2024 "
            "generates synthetic data. `nibrs demo` needs no source."
        )
    return spec


def chosen_year(source: Source, year: int | None, settings: Settings) -> int:
    """The data year of the option or the setting; otherwise print and return the latest year of the source.

    Raises:
        UsageError: no year is given, and the source is synthetic, so it has no year.
        PipelineError: the source cannot be read.
    """
    year = settings.data_year if year is None else year
    if year is not None:
        return year
    newest = newest_year(source)
    if newest is None:
        raise UsageError(
            f"The source {source.spec} is synthetic and has no data year. Give one with --year or DATA_YEAR, "
            "such as --year 2024."
        )
    console.print(f"Data year {newest}, the latest in {source.spec}.", highlight=False)
    return newest


def _recorded(options: RunOptions) -> dict[str, Any]:
    return {
        "force": options.force,
        "start": options.start,
        "until": options.until,
        "partial": options.partial,
        "verify": options.verify,
        "refresh_source": options.refresh_source,
        "predecessor": options.predecessor,
    }


def _locations(settings: Settings) -> Locations:
    path = settings.external_file_locations
    if not path.exists() and "external_file_locations" in settings.model_fields_set:
        raise UsageError(f"EXTERNAL_FILE_LOCATIONS is {path}, which does not exist. Correct or unset it.")
    return read_locations(path) if path.exists() else NO_LOCATIONS


def print_result(result: RunResult, source: Source, run_id: str) -> None:
    """Print the summary: origin, rows read, incidents left out, and files to open."""
    console.print()
    identity = Identity.read(result.root / RUN_LAYOUT.datasets)
    if identity is not None:
        print_origin(identity)
    readers = {task.name for task in source.tasks()}
    states = {outcome.state for outcome in result.outcomes.values() if outcome.task_name in readers}
    documents = result.root / "documents"
    is_new = "done" in states
    # Accounts that this command did not write may be outdated.
    if not is_new or _has_document(result, INTAKE_MANIFEST.name):
        print_intake(documents, is_new=is_new)
    if _has_document(result, ACCOUNT):
        print_account(documents)
    published = _top_level_names(result.published)
    console.print(f"Published in [bold]{result.artifacts}[/]: {', '.join(sorted(published))}", highlight=False)
    if removed := _top_level_names(result.removed):
        console.print(
            f"Removed from there because this command did not produce them: {', '.join(sorted(removed))}. The "
            "same command with all of its work, without --from and --until, publishes all files again.",
            highlight=False,
        )
    if REPORT.name in published and not result.failures:
        print_report_hint(f"{result.artifacts}/{REPORT.name}", run_id, _TABLES.get(result.root.name, "3a"))


def _has_document(result: RunResult, document: str) -> bool:
    """Whether a document is current; a document of an earlier command may be outdated."""
    manifests = [outcome.manifest for outcome in result.outcomes.values() if outcome.manifest is not None]
    return any(manifest.files_of(document) for manifest in manifests)


def _top_level_names(names: tuple[str, ...]) -> set[str]:
    return {f"{name.split('/')[0]}/" if "/" in name else name for name in names}
