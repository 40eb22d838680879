"""Flows for a Prefect server: `nibrs deploy` registers them, and a worker runs them as `nibrs run` does.

Each flow has the parameters of its command. Settings come from the environment and the `.env` file of the folder in
which the worker runs it.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from prefect import flow, get_client, get_run_logger
from prefect.artifacts import create_link_artifact, create_table_artifact
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from pydantic import Field

from nibrs_estimation.cli.console import EntryPoint, console
from nibrs_estimation.cli.overview import headline_rows, task_rows
from nibrs_estimation.cli.running import RunOptions, chosen_source, chosen_year, execute_run, print_result
from nibrs_estimation.cli.settings import Settings, load_settings
from nibrs_estimation.evaluate.source import DEFAULT_RULES, Asked
from nibrs_estimation.flows.registry import FLOWS
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.flow import RUN_LAYOUT
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.run import RunResult
from nibrs_estimation.pipeline.runs import check_run_id
from nibrs_estimation.pipeline.schedule import Watcher
from nibrs_estimation.pipeline.source import Source
from nibrs_estimation.stages.publication import REPORT

RunId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
Year = Annotated[int | None, Field(ge=1985, le=2100)]
Seed = Annotated[int | None, Field(ge=0)]
Workers = Annotated[int | None, Field(ge=1)]


def _run_flow(name: str) -> Any:
    """The Prefect flow of a flow that estimates from a source."""

    def run(
        run_id: RunId,
        year: Year = None,
        source: str | None = None,
        seed: Seed = None,
        workers: Workers = None,
        force: bool = False,
        start: str | None = None,
        until: str | None = None,
        partial: bool = False,
        verify: bool = False,
        refresh_source: bool = False,
        predecessor: str | None = None,
    ) -> State[None]:
        """Run a flow from its source to published estimates.

        Args:
            run_id: Name of the run; the same name continues a run that was stopped or that failed.
            year: Data year. Default: DATA_YEAR, or the latest of zips or database; required for synthetic.
            source: Where the data come from, such as postgresql, cde:VT-2024.zip or synthetic:0.01; it decides which
                states there are. Default: NIBRS_SOURCE, or postgresql if PGHOST is set.
            seed: Seed of the random numbers. Default: NIBRS_SEED.
            workers: Units at the same time. Default: NIBRS_WORKERS.
            force: Run every task, even if nothing changed. A run of another source or year is started over; its files
                are removed first.
            start: Run this task and the tasks that depend on it.
            until: Stop after this task.
            partial: Also read excerpts of zips; missing tables are empty and marked as missing.
            verify: Check the hashes of files before reusing them.
            refresh_source: Read the source again.
            predecessor: Run of an earlier year in ARTIFACT_STORE: the report shows the changes since then.
        """
        options = RunOptions(
            source=source,
            year=year,
            seed=seed,
            workers=workers,
            force=force,
            start=start,
            until=until,
            partial=partial,
            verify=verify,
            refresh_source=refresh_source,
            predecessor=predecessor,
        )
        return _attempt(name, run_id, options, lambda settings: chosen_source(name, options, settings))

    return _as_prefect_flow(name)(run)


def _as_prefect_flow(name: str) -> Any:
    return flow(
        name=name,
        description=FLOWS[name].description,
        flow_run_name=f"{name} {{run_id}}",  # the year follows when it is known
        persist_result=False,
        # A second attempt runs only the units that failed. It helps if a database or a store was away for a while.
        retries=1,
        retry_delay_seconds=60,
    )


def _attempt(name: str, run_id: str, options: RunOptions, open_source: Any) -> State[None]:
    """Run a flow inside the current Prefect flow run, and show its results there."""
    logger = get_run_logger()
    try:
        check_run_id(run_id)
        settings: Settings = load_settings()
        source: Source = open_source(settings)
        year = chosen_year(source, options.year, settings)
        with get_client(sync_client=True) as client:
            client.set_flow_run_name(flow_run.id, f"{name} {year} {run_id}")
        entry, watcher = EntryPoint(engine="prefect"), Watcher(noted=logger.info)
        result = execute_run(FLOWS[name], source, run_id, settings, replace(options, year=year), entry, watcher)
    except PipelineError as error:
        return _refuse(error)
    with console.capture() as summary:
        print_result(result, source, run_id)
    logger.info("%s", summary.get())
    _show(result)
    if result.failures:
        causes = [f"{outcome.key}: {outcome.message}" for outcome in result.failures if outcome.state == "failed"]
        # Prefect tries again after an exception, not after a state that is returned.
        raise PipelineError(f"{len(result.failures)} units failed or were blocked. {causes[0]}")
    return Completed(message=f"{_origin(result)}; published in {result.artifacts}")


def _refuse(error: PipelineError) -> State[None]:
    """End the flow run without a second attempt: what cannot start now will not start in a minute."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(flow_run.id, Failed(message=str(error)), force=True)
    # A new state: Prefect would replace the message of one that has been set already.
    return Failed(message=str(error))


def _show(result: RunResult) -> None:
    """Show the report, the tasks and the main estimates as artifacts of the flow run."""
    origin = _origin(result)
    if REPORT.name in result.published:
        report = f"{result.artifacts}/{REPORT.name}"
        link = report if "://" in report else Path(report).absolute().as_uri()
        create_link_artifact(link, link_text=report, key="nibrs-report", description=f"Report. {origin}")
        create_table_artifact(headline_rows(result), key="nibrs-estimates", description=f"Main estimates. {origin}")
    create_table_artifact(task_rows(result.outcomes), key="nibrs-tasks", description=f"Tasks. {origin}")


def _origin(result: RunResult) -> str:
    identity = Identity.read(result.root / RUN_LAYOUT.datasets)
    return identity.text if identity else ""


def _backtest(
    run_id: RunId,
    population: str,
    pattern: str = "random",
    repeat: Annotated[int, Field(ge=1, le=9999)] = 20,
    benchmark: str | None = None,
    rules: str = "+".join(DEFAULT_RULES),
    before: Path | None = None,
    response_file: Path | None = None,
    seed: Seed = None,
    workers: Workers = None,
    force: bool = False,
) -> State[None]:
    """Estimate a population whose truth is known from a part of it, and show the errors.

    Args:
        run_id: Name of the run; the same name continues a run that was stopped or that failed.
        population: Whose truth is known, such as synthetic:0.05; `nibrs backtest --help` lists the forms.
        pattern: Who responds; `nibrs backtest --help` lists the patterns.
        repeat: Number of drawings.
        benchmark: Benchmark of a file or zip; `nibrs backtest --help` lists them.
        rules: Rules to compare, separated by +.
        before: Return A master file of the year before, as benchmark; a path on the machine of the worker.
        response_file: CSV with the agencies that respond (`nibrs backtest --help`); a path on the same machine.
        seed: Seed of the random numbers. Default: NIBRS_SEED.
        workers: Units at the same time. Default: NIBRS_WORKERS.
        force: Run every task, even if nothing changed.
    """
    names = tuple(rule.strip() for rule in rules.split("+"))
    asked = Asked(population, pattern, benchmark, names, repeat, response_file, before)
    options = RunOptions(seed=seed, workers=workers, force=force)
    return _attempt("backtest", run_id, options, lambda _settings: asked.open())


flow_all = _run_flow("all")
flow_backtest = _as_prefect_flow("backtest")(_backtest)
flow_contract = _run_flow("contract")
flow_metrics = _run_flow("metrics")
flow_imputations = _run_flow("imputations")
flow_reference_files = _run_flow("reference_files")
flow_smoketest = _run_flow("smoketest")
flow_srs = _run_flow("srs")
flow_srs_30 = _run_flow("srs_30")
flow_grant_year = _run_flow("grant_year")
flow_bjs_grant = _run_flow("bjs_grant")
