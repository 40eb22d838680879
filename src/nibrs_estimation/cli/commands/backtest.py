"""`nibrs backtest`: how good the estimates are where the truth is known."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from nibrs_estimation.cli.commands.options import EngineOption, SeedOption
from nibrs_estimation.cli.commands.run import ForceOption, WorkersOption
from nibrs_estimation.cli.console import console
from nibrs_estimation.cli.running import RunOptions, run_source
from nibrs_estimation.cli.settings import load_settings
from nibrs_estimation.evaluate.patterns import PATTERNS
from nibrs_estimation.evaluate.populations.fixed import BENCHMARKS
from nibrs_estimation.evaluate.source import DEFAULT_RULES, FORMS, Asked
from nibrs_estimation.evaluate.tasks import BACKTEST_PAGE
from nibrs_estimation.flows.registry import find_flow
from nibrs_estimation.model.backtest import RULES

app = typer.Typer()

FLOW = "backtest"


def _listed(names: dict[str, str]) -> str:
    return "; ".join(f"{name}: {text}" for name, text in names.items())


@app.command(
    help="Estimate a population whose truth is known from a part of it, and show the errors.\n\n"
    "Each drawing hides the reports of some agencies, estimates with the stages of a run, and compares with the truth. "
    "The result is a page, backtest.html, and its numbers as Parquet files. The same command with more drawings "
    "continues.",
    epilog="Examples: nibrs backtest --population synthetic:0.05 --pattern random --repeat 10\n\n"
    "nibrs backtest --population return-a:RETURNA2013.zip --pattern large-answer-less --repeat 50",
)
def backtest(
    context: typer.Context,
    population: Annotated[str, typer.Option("--population", help=f"Whose truth is known: {FORMS}.")],
    pattern: Annotated[str, typer.Option("--pattern", help=f"Who responds. {_listed(PATTERNS)}.")] = "random",
    repeat: Annotated[int, typer.Option("--repeat", min=1, max=9999, help="Number of drawings.")] = 20,
    benchmark: Annotated[
        str | None,
        typer.Option(
            "--benchmark",
            help=f"Benchmark of a file or zip. {_listed(BENCHMARKS)}. Default: halves for a Return A master file where "
            "whole years are hidden, otherwise noise.",
        ),
    ] = None,
    before: Annotated[
        Path | None, typer.Option("--before", help="Return A master file of the year before, as benchmark.")
    ] = None,
    responses: Annotated[
        Path | None,
        typer.Option(
            "--response-file",
            help="CSV with ori and nibrs_start_date (start-dates), or with ori and nibrs_months, twelve digits 0 or 1 "
            "(reported-months).",
        ),
    ] = None,
    rules: Annotated[
        str, typer.Option("--rules", help=f"Rules to compare, separated by +. {_listed(RULES)}.")
    ] = "+".join(DEFAULT_RULES),
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the run. Default: from population and pattern.")
    ] = None,
    seed: SeedOption = None,
    engine: EngineOption = None,
    workers: WorkersOption = None,
    force: ForceOption = False,
) -> None:
    """Estimate a population whose truth is known, and show the errors."""
    asked = Asked(
        population, pattern, benchmark, tuple(rule.strip() for rule in rules.split("+")), repeat, responses, before
    )
    source = asked.open()
    settings = load_settings()
    run_id = name or _default_name(source.spec)
    # Drawings are independent of each other: without a setting they share the cores.
    chosen = engine or settings.nibrs_engine or "processes"
    options = RunOptions(year=source.newest_year(), seed=seed, engine=chosen, workers=workers, force=force)
    run_source(find_flow(FLOW), source, run_id, settings, options, context.obj)
    folder = f"{settings.artifact_store}/{run_id}/{FLOW}"
    console.print(f"The page is [bold]{folder}/{BACKTEST_PAGE.name}[/].", highlight=False)


def _default_name(spec: str) -> str:
    """A name of the run, such as ``backtest-synthetic-0-2-random``, from population, pattern and benchmark."""
    words = spec.partition(",rules=")[0].replace("pattern=", "").replace("benchmark=", "")
    path = re.sub(r":[^,]*/", ":", words)
    return re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-")
