"""Progress display of a run, and the report on units that failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from nibrs_estimation.cli.console import MARKS, console, errors, plain
from nibrs_estimation.pipeline.flow import Plan, Unit
from nibrs_estimation.pipeline.schedule import Watcher
from nibrs_estimation.pipeline.unit import Outcome


def report_outcome(outcome: Outcome) -> None:
    """Print one line for a finished unit."""
    console.print(f"{MARKS[outcome.state]} {plain(outcome.key)} [dim]{outcome.duration_s:.2f} s[/]", highlight=False)


def _note(text: str) -> None:
    console.print(f"[dim]{plain(text)}[/]", highlight=False)


class ProgressWatcher:
    """A line for each task with its units and elapsed time; plain lines if there is no terminal."""

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
        shown = ", ".join(MARKS[state] for state in MARKS if state in states)
        if self._is_live:
            self._progress.start_task(self._lines[name])
            self._progress.update(self._lines[name], advance=1, state=shown)
            if not self._left[name]:
                self._progress.stop_task(self._lines[name])
        elif not self._left[name]:
            console.print(f"{name}: {shown} [dim]{self._seconds[name]:.2f} s[/]", highlight=False)


def print_failures(failures: Sequence[Outcome]) -> None:
    """Print the failed units with their logs, the blocked units in one line, and what to do next."""
    causes = [outcome for outcome in failures if outcome.state == "failed"]
    waiting = [outcome for outcome in failures if outcome.state != "failed"]
    errors.print(f"\n[red bold]{_units(len(causes))} failed:[/]", highlight=False)
    for outcome in causes:
        errors.print(
            f"  {MARKS['failed']} {plain(outcome.key)}: {plain(outcome.message)}{_log(outcome)}", highlight=False
        )
    if waiting:
        tasks = list(dict.fromkeys(outcome.task_name for outcome in waiting))
        more = len(tasks) - _LISTED
        listed = ", ".join(tasks[:_LISTED]) + (f" and {more} more" if more > 0 else "")
        plural = len(waiting) > 1
        errors.print(
            f"  {MARKS['blocked']} {_units(len(waiting))} that need{'' if plural else 's'} "
            f"{'them' if len(causes) > 1 else 'it'}: {listed}",
            highlight=False,
        )
    if causes:
        first = causes[0]
        others = f" (the first of {len(causes)} causes)" if len(causes) > 1 else ""
        errors.print(
            f"[bold]What failed: {plain(first.key)}{others}.[/] Correct the problem that its message above describes, "
            "then run the same command again: finished tasks are kept.",
            highlight=False,
        )


#: Number of tasks that are named in the line about blocked units.
_LISTED = 4


def _units(n: int) -> str:
    return f"{n} unit{'' if n == 1 else 's'} of work"


def _log(outcome: Outcome) -> str:
    return f" (log: {outcome.log_path})" if outcome.log_path else ""
