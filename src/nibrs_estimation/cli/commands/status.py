"""`nibrs status`: how far a run is, while it runs and afterwards."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from nibrs_estimation.cli.amounts import duration_text
from nibrs_estimation.cli.commands.options import JsonOption
from nibrs_estimation.cli.console import MARKS, console, plain
from nibrs_estimation.cli.settings import load_settings
from nibrs_estimation.pages import counted
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.progress import (
    RUNNING,
    WAITING,
    Progress,
    UnitProgress,
    expected_seconds,
    read_progress,
    remaining_seconds,
    seconds_since,
)
from nibrs_estimation.pipeline.runs import FlowRun, check_run_id, is_locked, list_runs, similar_run

app = typer.Typer()
INTERRUPTED = "interrupted"
_STATES = ("done", "kept", "failed", "blocked", INTERRUPTED, RUNNING, WAITING)
_PAUSE_S = 2.0
#: Clocks of machines that share a file system rarely differ by more.
_CLOCKS_S = 5.0


@dataclass(frozen=True)
class _Status:
    """What is known about a run's flow at a moment."""

    run: FlowRun
    is_alive: bool
    progress: Progress | None
    now: datetime
    remaining_s: float | None
    n_unknown: int

    @property
    def units(self) -> list[UnitProgress]:
        units = list(self.progress.units.values()) if self.progress else []
        if self.is_running:
            return units
        # A process that was killed could not say that its units ended.
        return [replace(unit, state=INTERRUPTED) if unit.state == RUNNING else unit for unit in units]

    @property
    def state(self) -> str:
        """That of the run; "publishing" when all units have ended and the run has not."""
        is_over = bool(self.units) and not any(unit.state in (WAITING, RUNNING) for unit in self.units)
        return "publishing" if self.run.state == RUNNING and is_over else self.run.state

    @property
    def elapsed_s(self) -> float:
        """Since the latest command planned its units, until now or the last sign of life."""
        if self.progress is None:
            return 0.0
        return seconds_since(self.progress.started, self.now if self.is_running else self.progress.latest)

    @property
    def is_running(self) -> bool:
        return self.run.state == RUNNING

    def by_state(self, task: str | None = None) -> dict[str, int]:
        """Number of units in each state that occurs, of a task or of all."""
        units = [unit for unit in self.units if task in (None, unit.task)]
        return {state: n for state in _STATES if (n := sum(unit.state == state for unit in units))}


@app.command(epilog="Example: nibrs status vt --watch")
def status(
    run_id: Annotated[str, typer.Argument(help="Name of the run.")],
    flow: Annotated[str | None, typer.Argument(help="Flow; default: the one that was started last.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show the progress until the run ends.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show how far a run is, and whether its process is alive.

    Exit code 1 if the run failed or was stopped.
    """
    found = _status(run_id, flow)
    if watch and not as_json:
        with Live(_page(found), console=console, auto_refresh=False) as live:
            while found.is_running:
                time.sleep(_PAUSE_S)
                found = _status(run_id, flow)
                live.update(_page(found), refresh=True)
    elif as_json:
        typer.echo(json.dumps(_as_json(found), indent=2))
    else:
        console.print(_page(found))
    if found.run.state not in (RUNNING, "finished"):
        raise typer.Exit(1)


def _status(run_id: str, flow: str | None) -> _Status:
    scratch = load_settings().scratch_dir
    runs = [run for run in list_runs(scratch, check_run_id(run_id)) if flow in (None, run.flow)]
    if not runs:
        of = f"flow {flow} of run {run_id}" if flow else f"run {run_id}"
        raise UsageError(f"There is no {of} in {scratch} (SCRATCH_DIR). `nibrs runs` lists the runs.")
    run = runs[0]
    progress, now = read_progress(run.folder), datetime.now(UTC)
    remaining, expected = None, dict[str, float | None]()
    if progress is not None and run.state == RUNNING:
        similar = similar_run(scratch, run.flow, run.identity) if run.identity else None
        expected = expected_seconds(progress, run.folder, similar)
        remaining = remaining_seconds(progress, expected, now)
    n_unknown = sum(seconds is None for seconds in expected.values())
    return _Status(run, is_locked(run.folder.parent), progress, now, remaining, n_unknown)


def _page(found: _Status) -> RenderableType:
    run = found.run
    head = Text.from_markup(f"Run [bold]{plain(run.run_id)}[/], flow {plain(run.flow)}: [bold]{found.state}[/]")
    lines: list[RenderableType] = [head]
    if run.identity:
        lines.append(Text(run.identity.text, style="dim"))
    if found.progress is None:
        lines.append(Text("The version of the program that ran it recorded no progress; see its run.html."))
        return Group(*lines)
    lines += [Text(line) for line in _sentences(found, found.progress)]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Task", "Units", "Time"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "Time" else "left")
    for task in dict.fromkeys(unit.task for unit in found.units):
        spent = sum(unit.duration_s for unit in found.units if unit.task == task and unit.state != "kept")
        parts = [f"{n} {MARKS.get(state, state)}" for state, n in found.by_state(task).items()]
        table.add_row(plain(task), ", ".join(parts), duration_text(spent) if spent else "")
    lines += [Text(""), table]
    lines += [
        Text.from_markup(f"{MARKS['failed']} {plain(unit.key)}: {plain(unit.message)}") for unit in _failed(found)
    ]
    return Group(*lines)


def _sentences(found: _Status, progress: Progress) -> list[str]:
    where = f"process {progress.pid} on {progress.host}"
    told = [f"{n} {state}" for state, n in found.by_state().items()]
    lines = [
        f"{counted(len(found.units), 'unit')} of work: {', '.join(told)}; {duration_text(found.elapsed_s)} so far."
    ]
    if found.is_running:
        going_on = [
            f"{unit.key} ({duration_text(seconds_since(unit.started, found.now))})"
            for unit in found.units
            if unit.state == RUNNING
        ]
        lines.append(f"Now: {', '.join(going_on) or 'nothing'}; {where}.")
        if found.remaining_s is not None:
            unknown = f", and {counted(found.n_unknown, 'unit')} that never ran here" if found.n_unknown else ""
            lines.append(f"Left: about {duration_text(found.remaining_s)} at this pace{unknown}.")
    elif found.is_alive:
        lines.append("Another flow of the run is going on now.")
    elif found.run.state == "stopped":
        lines.append(f"Its process ({where}) is gone. The command that started it continues it.")
    ahead = (progress.latest - found.now).total_seconds()
    if ahead > _CLOCKS_S:
        lines.append(f"The clock of {progress.host} is {duration_text(ahead)} ahead of this one: times are not exact.")
    return lines


def _failed(found: _Status) -> list[UnitProgress]:
    return [unit for unit in found.units if unit.state == "failed"]


def _as_json(found: _Status) -> dict[str, Any]:
    progress = found.progress
    return {
        "run_id": found.run.run_id,
        "flow": found.run.flow,
        "state": found.state,
        "is_locked": found.is_alive,
        "host": progress.host if progress else None,
        "pid": progress.pid if progress else None,
        "elapsed_s": round(found.elapsed_s, 1),
        "remaining_s": None if found.remaining_s is None else round(found.remaining_s, 1),
        "units": found.by_state(),
        "tasks": {task: found.by_state(task) for task in dict.fromkeys(unit.task for unit in found.units)},
        "running": [unit.key for unit in found.units if unit.state == RUNNING],
        "failed": [{"unit": unit.key, "message": unit.message} for unit in _failed(found)],
        "folder": str(found.run.folder),
    }
