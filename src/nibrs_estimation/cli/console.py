"""How a command starts and ends, and what people see: errors, listings, findings."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Any, Literal

import typer
from rich.console import Console
from rich.padding import Padding

from nibrs_estimation.pipeline.errors import PipelineError

Engine = Literal["inline", "prefect", "dask"]

console = Console()
errors = Console(stderr=True, soft_wrap=True)
MARKS = {
    "error": "[red]error[/]",
    "warning": "[yellow]warning[/]",
    "ok": "[green]ok[/]",
    "fix": "[red]fix[/]",
    "not set": "[dim]not set[/]",
    "done": "[green]done[/]",
    "kept": "[dim]kept[/]",
    "failed": "[red]failed[/]",
    "blocked": "[yellow]blocked[/]",
}


#: What the command-line library exits with after an interrupt.
INTERRUPTED = 130


@dataclass(frozen=True)
class Door:
    """Through which door the program was entered; commands find it in their context.

    Attributes:
        engine: where tasks run if neither an option nor a setting says.
    """

    engine: Engine = "inline"


def run_app(app: typer.Typer, name: str, door: Door | None = None) -> None:
    """Run a command-line app; a pipeline error becomes one paragraph and the right exit code."""
    # Matrix products must not depend on the number of cores; the libraries read this when they are first imported.
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    try:
        app(prog_name=name, obj=door or Door())
    except PipelineError as error:
        errors.print(f"[red bold]Error:[/] {plain(str(error))}", highlight=False)
        sys.exit(error.exit_code)
    except SystemExit as stop:
        if stop.code == INTERRUPTED:
            errors.print("Stopped. What was finished is kept: run the same command again to go on.")
        raise


def plain(text: str) -> str:
    """Text in which square brackets are no markup."""
    return text.replace("[", r"\[")


def print_entries(rows: list[dict[str, Any]]) -> None:
    """A listing for people: each row's name, its description below, and what else is said of it."""
    for row in rows:
        name, *others = row
        console.print(f"[bold]{plain(str(row[name]))}[/]", highlight=False)
        if row.get("description"):
            console.print(Padding(plain(row["description"]), (0, 0, 0, 4)), highlight=False)
        said = [f"{key.replace('_', ' ')}: {_shown(row[key])}" for key in others if key != "description" and row[key]]
        if said:
            console.print(Padding(f"[dim]{plain('; '.join(said))}[/]", (0, 0, 0, 4)), highlight=False)


def print_findings(findings: list[tuple[str, str, str]]) -> None:
    """A line for each finding: what, in which state, and why."""
    for what, state, finding in findings:
        mark = MARKS.get(state, state)
        console.print(f"{mark} [bold]{what}[/]: {plain(finding)}", highlight=False, soft_wrap=True)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
