"""Start and end of commands, and output of errors, listings and findings."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Any, Literal

import typer
from rich.console import Console
from rich.padding import Padding

from nibrs_estimation.pipeline.errors import PipelineError

Engine = Literal["inline", "processes", "prefect", "dask"]

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


#: Exit code of the command-line library after an interrupt.
INTERRUPTED = 130


@dataclass(frozen=True)
class EntryPoint:
    """The entry point of the program; it is in the context of commands.

    Attributes:
        engine: default engine.
    """

    engine: Engine = "inline"


def run_app(app: typer.Typer, name: str, entry: EntryPoint | None = None) -> None:
    """Run a command-line app; a pipeline error becomes one paragraph and the right exit code."""
    # Matrix products must not depend on the number of cores; the libraries read this when they are first imported.
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    try:
        app(prog_name=name, obj=entry or EntryPoint())
    except PipelineError as error:
        errors.print(f"[red bold]Error:[/] {plain(str(error))}", highlight=False)
        sys.exit(error.exit_code)
    except SystemExit as stop:
        if stop.code == INTERRUPTED:
            errors.print("Stopped. Finished tasks are kept: run the same command again to continue.")
        raise


def plain(text: str) -> str:
    """Escape square brackets, so that they are not read as markup."""
    return text.replace("[", r"\[")


def print_entries(rows: list[dict[str, Any]]) -> None:
    """Print a listing: the name of each row, then its description and its other values."""
    for row in rows:
        name, *others = row
        console.print(f"[bold]{plain(str(row[name]))}[/]", highlight=False)
        if row.get("description"):
            console.print(Padding(plain(row["description"]), (0, 0, 0, 4)), highlight=False)
        details = [
            f"{key.replace('_', ' ')}: {_format_value(row[key])}" for key in others if key != "description" and row[key]
        ]
        if details:
            console.print(Padding(f"[dim]{plain('; '.join(details))}[/]", (0, 0, 0, 4)), highlight=False)


def print_findings(findings: list[tuple[str, str, str]]) -> None:
    """Print a line for each finding: subject, state and reason."""
    for subject, state, reason in findings:
        mark = MARKS.get(state, state)
        console.print(f"{mark} [bold]{subject}[/]: {plain(reason)}", highlight=False, soft_wrap=True)


def _format_value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
