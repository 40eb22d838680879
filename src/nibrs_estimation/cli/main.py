"""The `nibrs` command."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from nibrs_estimation import __version__
from nibrs_estimation.cli import doctor as checks
from nibrs_estimation.cli.console import (
    ProgressWatcher,
    console,
    print_entries,
    print_failures,
    print_findings,
    report_outcome,
    run_app,
)
from nibrs_estimation.cli.find import find_app
from nibrs_estimation.cli.settings import Settings, load_settings
from nibrs_estimation.cli.statistics import FOLDERS_HELP, run_statistics
from nibrs_estimation.cli.tables import tables_app
from nibrs_estimation.flows.catalogue import all_datasets, all_tasks, find_dataset, find_task
from nibrs_estimation.flows.dictionary import data_dictionary
from nibrs_estimation.flows.registry import FLOWS, find_flow
from nibrs_estimation.model.ucr_prd import DATASETS as TABLES
from nibrs_estimation.pipeline.code import code_version
from nibrs_estimation.pipeline.engines import make_engine
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.externals import NO_LOCATIONS, Locations, read_locations
from nibrs_estimation.pipeline.files import write_text
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.run import RunSettings, check_run_id, run_flow
from nibrs_estimation.pipeline.source import Source
from nibrs_estimation.pipeline.standalone import Folders, run_tasks
from nibrs_estimation.pipeline.store import open_store
from nibrs_estimation.sources.cde import CdeSource
from nibrs_estimation.sources.external_files import with_external_files
from nibrs_estimation.sources.intake import INTAKE_MANIFEST
from nibrs_estimation.sources.registry import FORMS, open_source
from nibrs_estimation.sources.synthetic import SyntheticSource
from nibrs_estimation.sources.synthetic.emit import check_emission, emit, emit_database
from nibrs_estimation.sources.ucr_prd.catalogue import DEFAULT_SCHEMA
from nibrs_estimation.sources.ucr_prd.check import Finding, check_database
from nibrs_estimation.stages.publication import REPORT

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="National crime estimates, with standard errors, from incomplete NIBRS reporting.",
)

Engine = Literal["inline", "prefect", "dask"]
FlowName = Annotated[str, typer.Argument(help=f"One of: {', '.join(FLOWS)}.")]
RunId = Annotated[str, typer.Argument(help="A name for the run; the same name again goes on where it stopped.")]
YearOption = Annotated[int | None, typer.Option("--year", help="Data year. Default: DATA_YEAR.")]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Seed of every random number. Default: NIBRS_SEED.")]
SourceOption = Annotated[str | None, typer.Option("--source", help=f"{FORMS}. Default: NIBRS_SOURCE.")]
EngineOption = Annotated[Engine | None, typer.Option("--engine", help="Where tasks run. Default: NIBRS_ENGINE.")]
WorkersOption = Annotated[int | None, typer.Option("--workers", min=1, help="Units at a time. Default: NIBRS_WORKERS.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Run every task, even if nothing changed.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
OutOption = Annotated[Path, typer.Option("--out", help="Folder for the datasets; made if absent.")]


def run() -> None:
    """Entry point of the `nibrs` command."""
    run_app(app, "nibrs")


def run_through_prefect() -> None:
    """Entry point of `flows.py`: the same commands, with Prefect as the default engine."""
    global _default_engine  # noqa: PLW0603 (set once, before any command runs)
    _default_engine = "prefect"
    run_app(app, "flows.py")


_default_engine: Engine = "inline"


@app.command(epilog="Example: nibrs demo")
def demo(engine: EngineOption = None, force: ForceOption = False) -> None:
    """Make a small synthetic nation, estimate its tables, and show where the report is.

    Run id demo, source synthetic:0.01, seed 1. Demographic series and the files of all estimates, which would be larger
    than the nation, are left to `nibrs run all demo --source synthetic:0.01 --seed 1`.
    """
    settings = load_settings()
    year = settings.data_year
    source, until = "synthetic:0.01", "write_report"
    _run("all", "demo", settings, source=source, year=year, seed=1, engine=engine, force=force, until=until)


@app.command(
    "run",
    help="Run a flow from its source to published estimates.\n\nFlows: "
    + "; ".join(f"[bold]{flow.name}[/] - {flow.description}" for flow in FLOWS.values())
    + "\n\nA run that was stopped, or that failed, goes on where it was when the same command is given again.",
    epilog="Example: nibrs run all vt --year 2024 --source cde:VT-2024.zip",
)
def run_command(
    flow: FlowName,
    run_id: RunId,
    year: YearOption = None,
    source: SourceOption = None,
    seed: SeedOption = None,
    engine: EngineOption = None,
    workers: WorkersOption = None,
    force: ForceOption = False,
    start: Annotated[str | None, typer.Option("--from", metavar="TASK", help="Run this task and what follows.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TASK", help="Stop after this task.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Hash files again before keeping them.")] = False,
    refresh_source: Annotated[bool, typer.Option("--refresh-source", help="Read the source again.")] = False,
) -> None:
    """Run a flow."""
    _run(
        flow,
        run_id,
        load_settings(),
        source=source,
        year=year,
        seed=seed,
        engine=engine,
        workers=workers,
        force=force,
        start=start,
        until=until,
        verify=verify,
        refresh_source=refresh_source,
    )


def _run(
    flow_name: str,
    run_id: str,
    settings: Settings,
    *,
    source: str | None,
    year: int | None,
    seed: int | None,
    engine: Engine | None,
    workers: int | None = None,
    **options: Any,
) -> None:
    flow = find_flow(flow_name)
    check_run_id(run_id)
    s3 = settings.s3()
    locations = _locations(settings)
    data_year = settings.data_year if year is None else year
    opened = open_source(source or settings.source_spec(), settings.database())
    opened = with_external_files(opened, locations.files.get(str(data_year), {}))
    run_settings = RunSettings(
        run_id=run_id,
        # Workers of another machine or folder must find it, too.
        scratch=settings.scratch_dir.absolute(),
        artifacts=open_store(settings.artifact_store, s3),
        externals=open_store(settings.external_store, s3),
        locations=locations,
        source=opened,
        parameters=settings.parameters(year, seed),
        recorded={**settings.recorded(), "source": opened.spec, "year": data_year, **options},
        code_version=code_version(__version__),
        memory_gib=settings.memory_gib(),
        log_threshold=settings.log_threshold,
        **options,
    )
    chosen = make_engine(
        engine or settings.nibrs_engine or _default_engine,
        flow.name,
        workers=workers or settings.nibrs_workers,
        prefect_workers=settings.nibrs_prefect_workers,
        scheduler_address=settings.dask_scheduler_address,
    )
    with ProgressWatcher() as watcher:
        result = run_flow(flow, run_settings, chosen, watcher)
    _tell_intake(result.root / "documents" / INTAKE_MANIFEST.name)
    published = _heads(result.published)
    console.print(f"\nPublished in [bold]{result.artifacts}[/]: {', '.join(sorted(published))}")
    if result.failures:
        print_failures(result.failures)
        raise typer.Exit(1)
    if REPORT.name in published:
        console.print(
            f"Open [bold]{result.artifacts}/{REPORT.name}[/] in a browser, or print a table: "
            f"nibrs tables show 3a --run {run_id}",
            highlight=False,
        )


def _heads(names: tuple[str, ...]) -> set[str]:
    return {f"{name.split('/')[0]}/" if "/" in name else name for name in names}


def _locations(settings: Settings) -> Locations:
    path = settings.external_file_locations
    if not path.exists() and "external_file_locations" in settings.model_fields_set:
        raise UsageError(f"EXTERNAL_FILE_LOCATIONS names {path}, which does not exist. Correct or unset it.")
    return read_locations(path) if path.exists() else NO_LOCATIONS


@app.command(
    help="Run one task on plain files, without run, Prefect or server.\n\n" + FOLDERS_HELP,
    epilog="Example: INPUT_PIPELINE_DIR=in OUTPUT_PIPELINE_DIR=out nibrs task weight_agencies",
)
def task(name: Annotated[str, typer.Argument(help="Name of the task; `nibrs tasks` lists them.")]) -> None:
    """Run one task on plain files."""
    run_statistics([find_task(name)], load_settings())


@app.command(epilog="Example: nibrs flows --json")
def flows(as_json: JsonOption = False) -> None:
    """List the flows."""
    rows = [
        {"flow": flow.name, "description": flow.description, "tasks": [t.name for t in flow.tasks]}
        for flow in FLOWS.values()
    ]
    _list(rows, as_json)


@app.command(epilog="Example: nibrs tasks --json")
def tasks(as_json: JsonOption = False) -> None:
    """List the tasks: what each reads and writes, and in which flows it is."""
    _list(all_tasks(), as_json)


@app.command(epilog="Example: nibrs datasets")
def datasets(as_json: JsonOption = False) -> None:
    """List the datasets: who writes each and who reads it."""
    _list(all_datasets(), as_json)


@app.command(epilog="Example: nibrs describe estimates")
def describe(
    dataset: Annotated[str, typer.Argument(help="Name of the dataset; `nibrs datasets` lists them.")],
    as_json: JsonOption = False,
) -> None:
    """Describe a dataset: its columns, types, units, codes and keys."""
    found = find_dataset(dataset)
    columns = [
        {
            "column": column.name,
            "type": column.type,
            "required": not column.is_nullable,
            "unit": column.unit,
            "codes": list(column.codes),
            "description": column.description,
        }
        for column in found.columns
    ]
    if as_json:
        about = {
            "dataset": found.name,
            "description": found.description,
            "primary_key": found.primary_key,
            "partition_key": found.partition_key,
            "optional": found.is_optional,
            "source": found.source,
            "columns": columns,
        }
        typer.echo(json.dumps(about, indent=2))
        return
    console.print(f"[bold]{found.name}[/]: {found.description}")
    console.print(f"Primary key: {', '.join(found.primary_key)}. Partition key: {found.partition_key or 'none'}.")
    console.print(f"Source: {found.source}")
    print_entries(columns)


@app.command(epilog="Example: nibrs dictionary --out docs/data-dictionary.md")
def dictionary(
    out: Annotated[Path | None, typer.Option("--out", help="File to write; default: print the page.")] = None,
) -> None:
    """Write the data dictionary: every dataset, column, unit, code list and producer, as Markdown."""
    if out is None:
        typer.echo(data_dictionary(), nl=False)
        return
    write_text(out, data_dictionary())
    console.print(f"Wrote {out}.")


@app.command(epilog="Example: nibrs synth --scale 0.01 --out nation")
def synth(
    out: OutOption,
    scale: Annotated[float, typer.Option("--scale", help="Share of the nation's agencies, above 0 up to 1.")] = 0.01,
    year: YearOption = None,
    seed: SeedOption = None,
    cde: Annotated[
        bool, typer.Option("--cde", help="Write zips as the Crime Data Explorer's, too (scale 0.05 at most).")
    ] = False,
    external_files: Annotated[
        bool,
        typer.Option("--external-files", help="Write the external files that a run may take, too."),
    ] = False,
    database: Annotated[
        bool, typer.Option("--database", help="Load the tables of ucr_prd into the database of PGHOST, too.")
    ] = False,
) -> None:
    """Make a synthetic nation and write its datasets, the truth among them, as Parquet files.

    Zips are of the layout of their year: `--year 2020 --cde` writes that of 2016 to 2020.
    """
    source = SyntheticSource.parse(str(scale))
    settings = load_settings()
    data_year = settings.data_year if year is None else year
    check_emission(source, with_zips=cde, with_database=database, database=settings.database())
    _ingest(source, out, year, seed)
    for line in emit(source, data_year, out, with_zips=cde, with_externals=external_files):
        console.print(line, highlight=False)
    if database:
        console.print(emit_database(source, out, settings.database()), highlight=False)


ingest_app = typer.Typer(no_args_is_help=True, help="Read a source and write its datasets as Parquet files.")
app.add_typer(ingest_app, name="ingest")
app.add_typer(tables_app, name="tables")
app.registered_commands += find_app.registered_commands


@ingest_app.command("cde", epilog="Example: nibrs ingest cde VT-2024.zip VT-2023.zip --out vermont")
def ingest_cde(
    files: Annotated[list[Path], typer.Argument(help="State zips from the FBI's Crime Data Explorer, any states.")],
    out: OutOption,
    year: Annotated[
        int | None, typer.Option("--year", help="Data year; earlier zips are history. Default: the newest zip's.")
    ] = None,
    universe: Annotated[Path | None, typer.Option("--universe", help="CSV of all agencies of the data year.")] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Read excerpts, too: tables that are missing are empty, and marked so.")
    ] = False,
) -> None:
    """Read zips of the Crime Data Explorer, data years 2016 and later.

    A universe file lists all agencies, reporting or not: docs/universe-file.md.
    """
    if universe is not None and not universe.is_file():
        raise UsageError(f"The universe file {universe} does not exist. Check its path.")
    source = CdeSource(tuple(path.absolute() for path in files), is_excerpt=partial)
    externals = {"universe": universe} if universe else {}
    _ingest(source, out, source.newest_year() if year is None else year, seed=None, externals=externals)


@ingest_app.command("postgresql", epilog="Example: PGHOST=db PGUSER=nibrs nibrs ingest postgresql --year 2024 --out us")
def ingest_postgresql(out: OutOption, year: YearOption = None) -> None:
    """Read the FBI's database `ucr_prd` that PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE name."""
    _ingest(open_source("postgresql", load_settings().database()), out, year, seed=None)


@ingest_app.command("check", epilog="Example: PGHOST=db PGUSER=nibrs nibrs ingest check")
def ingest_check(as_json: JsonOption = False) -> None:
    """Check the FBI's database: tables, columns, types, rows and codes. Exits with 1 if something is missing."""
    database = load_settings().database()
    if database is None:
        raise UsageError("No database is named. Set PGHOST, PGUSER, PGPASSWORD and PGDATABASE.")
    found = check_database(database, DEFAULT_SCHEMA)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in found], indent=2, default=str))
    else:
        print_findings([(_checked(finding), finding.severity, finding.message) for finding in found])
    errors = sum(finding.severity == "error" for finding in found)
    if not as_json:
        console.print(
            f"{len(TABLES)} tables of {database} checked for rows, columns, types, rights and codes: "
            f"errors {errors}, warnings {len(found) - errors}.",
            highlight=False,
        )
    if errors:
        raise typer.Exit(1)


def _checked(finding: Finding) -> str:
    return f"{finding.table}.{finding.column}" if finding.column else finding.table


def _ingest(
    source: Source, out: Path, year: int | None, seed: int | None, externals: Mapping[str, Path] | None = None
) -> None:
    settings = load_settings()
    parameters = settings.parameters(year, seed)
    probe = source.probe(parameters["year"], parameters["seed"])
    identity = Identity("", source.spec, parameters["year"], parameters["seed"], probe.is_synthetic)
    console.print(probe.summary, highlight=False)
    out.mkdir(parents=True, exist_ok=True)
    outcomes = run_tasks(
        source.tasks(),
        Folders(out, out),
        {**parameters, "identity": identity},
        externals or {},
        log_threshold=settings.log_threshold,
        partitions=probe.partitions,
        report=report_outcome,
    )
    if outcomes[-1].state == "failed":
        raise PipelineError(f"{outcomes[-1].key}: {outcomes[-1].message} Its log is {outcomes[-1].log_path}.")
    _tell_intake(out / "documents" / INTAKE_MANIFEST.name)


def _tell_intake(manifest: Path) -> None:
    """Say how much of what was read was set aside, if the run has accounts."""
    if not manifest.is_file():
        return
    totals = json.loads(manifest.read_text(encoding="utf-8"))["totals"]
    aside = totals["rows_quarantined"] + totals["values_quarantined"]
    text = (
        f"Read {totals['rows_read']:,} rows, kept {totals['rows_kept']:,}; set aside as faulty: "
        f"{totals['rows_quarantined']:,} rows and {totals['values_quarantined']:,} values."
    )
    tail = f" Dataset quarantine and {manifest} tell which and why." if aside else ""
    console.print(f"[yellow]{text}{tail}[/]" if aside else f"[dim]{text}[/]", highlight=False)


@app.command(epilog="Example: nibrs doctor")
def doctor() -> None:
    """Check Python, memory, disk, settings, database and stores, and say what to mend."""
    results = checks.examine(load_settings())
    print_findings([(result.what, result.state, result.finding) for result in results])
    if any(result.state == "mend" for result in results):
        raise typer.Exit(1)


def _list(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    else:
        print_entries(rows)
