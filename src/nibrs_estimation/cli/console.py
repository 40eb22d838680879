"""What people see: progress, errors, tables."""

from __future__ import annotations

import os
import sys
from typing import Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.flow import Plan, Unit
from nibrs_estimation.pipeline.schedule import Watcher
from nibrs_estimation.pipeline.unit import Outcome

console = Console()
errors = Console(stderr=True, soft_wrap=True)
_MARKS = {
    "error": "[red]error[/]",
    "warning": "[yellow]warning[/]",
    "ok": "[green]ok[/]",
    "mend": "[red]mend[/]",
    "not set": "[dim]not set[/]",
    "done": "[green]done[/]",
    "kept": "[dim]kept[/]",
    "failed": "[red]failed[/]",
    "blocked": "[yellow]blocked[/]",
}


#: What the command-line library exits with after an interrupt.
INTERRUPTED = 130


def run_app(app: typer.Typer, name: str) -> None:
    """Run a command-line app; a pipeline error becomes one paragraph and the right exit code."""
    # Matrix products must not depend on the number of cores; the libraries read this when they are first imported.
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    try:
        app(prog_name=name)
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


def report_outcome(outcome: Outcome) -> None:
    """One line for a unit that ended."""
    console.print(f"{_MARKS[outcome.state]} {plain(outcome.key)} [dim]{outcome.duration_s:.2f} s[/]", highlight=False)


def _note(text: str) -> None:
    console.print(f"[dim]{plain(text)}[/]", highlight=False)


class ProgressWatcher:
    """A line per task with its units and elapsed time; plain lines where there is no terminal."""

    def __init__(self) -> None:
        self._progress = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[state]}"),
            console=console,
        )
        self._lines: dict[str, TaskID] = {}
        self._is_live = console.is_terminal
        self._left: dict[str, int] = {}
        self._states: dict[str, set[str]] = {}
        self._seconds: dict[str, float] = {}

    def __enter__(self) -> Watcher:
        if self._is_live:
            self._progress.start()
        return Watcher(self._planned, _note, self._started, self._ended)

    def __exit__(self, *_details: Any) -> None:
        self._progress.stop()

    def _planned(self, plan: Plan) -> None:
        for unit in plan.units:
            self._left[unit.task.name] = self._left.get(unit.task.name, 0) + 1
        if self._is_live:
            for name, units in self._left.items():
                self._lines[name] = self._progress.add_task(name, total=units, start=False, state="")

    def _started(self, unit: Unit) -> None:
        if self._is_live:
            self._progress.start_task(self._lines[unit.task.name])

    def _ended(self, outcome: Outcome) -> None:
        name = outcome.task_name
        self._left[name] -= 1
        self._seconds[name] = self._seconds.get(name, 0.0) + outcome.duration_s
        states = self._states.setdefault(name, set())
        states.add(outcome.state)
        shown = ", ".join(_MARKS[state] for state in _MARKS if state in states)
        if self._is_live:
            self._progress.start_task(self._lines[name])
            self._progress.update(self._lines[name], advance=1, state=shown)
            if not self._left[name]:
                self._progress.stop_task(self._lines[name])
        elif not self._left[name]:
            console.print(f"{name}: {shown} [dim]{self._seconds[name]:.2f} s[/]", highlight=False)


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
        mark = _MARKS.get(state, state)
        console.print(f"{mark} [bold]{what}[/]: {plain(finding)}", highlight=False, soft_wrap=True)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def print_failures(failures: list[Outcome]) -> None:
    """The summary at the end of a run with failures: each with its log."""
    errors.print(f"\n[red bold]{len(failures)} of the run's units did not finish:[/]", highlight=False)
    for outcome in failures:
        log = f" (log: {outcome.log_path})" if outcome.log_path else ""
        errors.print(f"  {_MARKS[outcome.state]} {plain(outcome.key)}: {plain(outcome.message)}{log}", highlight=False)
