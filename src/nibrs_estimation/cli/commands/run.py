"""`nibrs run` and `nibrs demo`: a flow from its source to published estimates."""

from __future__ import annotations

from typing import Annotated

import typer

from nibrs_estimation.cli.commands.options import EngineOption, SeedOption
from nibrs_estimation.cli.running import DEMO, RunOptions, run_and_report
from nibrs_estimation.cli.settings import load_settings
from nibrs_estimation.flows.registry import FLOWS
from nibrs_estimation.model.parameters import METHOD_PARAMETERS
from nibrs_estimation.sources.registry import FORMS, SUMMARY_FORM

app = typer.Typer()

FlowName = Annotated[str, typer.Argument(help=f"One of: {', '.join(FLOWS)}.")]
RunId = Annotated[str, typer.Argument(help="Name of the run; the same name continues a run that was stopped.")]
SourceOption = Annotated[
    str | None,
    typer.Option(
        "--source",
        help=f"{FORMS}; of flows srs and srs_30 also {SUMMARY_FORM}; of flow bjs_grant runs:RUN[,RUN2...]. Default: "
        "NIBRS_SOURCE, or postgresql if PGHOST is set.",
    ),
]
YearOption = Annotated[
    int | None,
    typer.Option(
        "--year", help="Data year. Default: DATA_YEAR, or the latest of zips or database; required for synthetic."
    ),
]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, help="Units at the same time. Default: NIBRS_WORKERS.")
]
ForceOption = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Run every task, even if nothing changed. A run of another source or year is started over; its files are "
        "removed first.",
    ),
]
StartOption = Annotated[
    str | None, typer.Option("--from", metavar="TASK", help="Run this task and the tasks that depend on it.")
]
UntilOption = Annotated[str | None, typer.Option("--until", metavar="TASK", help="Stop after this task.")]
PartialOption = Annotated[
    bool,
    typer.Option("--partial", help="Also read excerpts of zips: missing tables are empty and marked as missing."),
]
VerifyOption = Annotated[bool, typer.Option("--verify", help="Check the hashes of files before reusing them.")]
RefreshOption = Annotated[bool, typer.Option("--refresh-source", help="Read the source again.")]
PredecessorOption = Annotated[
    str | None,
    typer.Option(
        "--predecessor",
        metavar="RUN",
        help="A run of an earlier year in ARTIFACT_STORE: the report shows the changes since then. Default: "
        "NIBRS_PREDECESSOR.",
    ),
]


_METHODS = " ".join(
    f"{choice.setting}={'|'.join(choice.choices)} (default {choice.default}): "
    f"{choice.description[:1].lower()}{choice.description[1:]}"
    for choice in METHOD_PARAMETERS
)


@app.command(epilog="Example: nibrs demo")
def demo(context: typer.Context, engine: EngineOption = None, force: ForceOption = False) -> None:
    """Generate a small synthetic nation, estimate its tables, and show where the report is.

    Always uses run id demo, source synthetic:0.01, data year 2024 and seed 1. For demographic series and the files of
    all estimates, run `nibrs run all demo --source synthetic:0.01 --year 2024 --seed 1`.
    """
    run_and_report("all", "demo", load_settings(), DEMO.with_changes(engine=engine, force=force), context.obj)


@app.command(
    help="Run a flow from its source to published estimates.\n\nFlows: "
    + "; ".join(f"[bold]{flow.name}[/] - {flow.description}" for flow in FLOWS.values())
    + "\n\nThe same command continues a run that was stopped or that failed.",
    epilog=f"Choices of method are set in the environment or in .env. {_METHODS}\n\n"
    "Example: nibrs run all vt --year 2024 --source cde:VT-2024.zip",
)
def run(
    context: typer.Context,
    flow: FlowName,
    run_id: RunId,
    year: YearOption = None,
    source: SourceOption = None,
    seed: SeedOption = None,
    engine: EngineOption = None,
    workers: WorkersOption = None,
    force: ForceOption = False,
    start: StartOption = None,
    until: UntilOption = None,
    partial: PartialOption = False,
    verify: VerifyOption = False,
    refresh_source: RefreshOption = False,
    predecessor: PredecessorOption = None,
) -> None:
    """Run a flow."""
    options = RunOptions(
        source=source,
        year=year,
        seed=seed,
        engine=engine,
        workers=workers,
        force=force,
        start=start,
        until=until,
        partial=partial,
        verify=verify,
        refresh_source=refresh_source,
        predecessor=predecessor,
    )
    run_and_report(flow, run_id, load_settings(), options, context.obj)
