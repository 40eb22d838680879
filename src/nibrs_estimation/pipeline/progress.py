"""`progress.jsonl`: what a run planned, and when each unit started and ended, written while the run goes on.

It serves people and programs that watch a run. Resuming does not depend on it: that is decided by manifests alone.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any

from nibrs_estimation.pipeline.flow import Plan, Unit
from nibrs_estimation.pipeline.manifest import Manifest
from nibrs_estimation.pipeline.schedule import Watcher
from nibrs_estimation.pipeline.unit import Outcome

PROGRESS_FILE = "progress.jsonl"
WAITING, RUNNING = "waiting", "running"


@dataclass(frozen=True)
class UnitProgress:
    """Where a unit is.

    Attributes:
        key, task: names of the unit and its task.
        state: "waiting", "running", "done", "kept", "failed" or "blocked".
        started: when it started; None if it has not, or was kept or blocked.
        duration_s: wall time in seconds of a unit that ended.
        message: why it failed or was blocked.
    """

    key: str
    task: str
    state: str = WAITING
    started: datetime | None = None
    duration_s: float = 0.0
    message: str = ""


@dataclass(frozen=True)
class Progress:
    """Progress of the latest command of a run.

    Attributes:
        host, pid: machine and process of the command.
        started: when the units were planned.
        latest: when the latest unit started or ended.
        units: by key, in plan order.
    """

    host: str
    pid: int
    started: datetime
    latest: datetime
    units: dict[str, UnitProgress] = field(default_factory=dict)


def recorded(watcher: Watcher, path: Path) -> Watcher:
    """A watcher that also records the progress in a file, which begins anew."""
    record = _recorder(path)

    def planned(plan: Plan) -> None:
        # Another command may have left a file here.
        with suppress(OSError):
            path.unlink(missing_ok=True)
        units = [[unit.key, unit.task.name] for unit in plan.units]
        record(event="planned", host=platform.node(), pid=os.getpid(), units=units)
        watcher.planned(plan)

    def started(unit: Unit) -> None:
        record(event="started", unit=unit.key)
        watcher.started(unit)

    def ended(outcome: Outcome) -> None:
        about = {"state": outcome.state, "duration_s": round(outcome.duration_s, 4), "message": outcome.message}
        record(event="ended", unit=outcome.key, **about)
        watcher.ended(outcome)

    return replace(watcher, planned=planned, started=started, ended=ended)


def _recorder(path: Path) -> Callable[..., None]:
    def record(**event: Any) -> None:
        line = json.dumps({"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **event}, ensure_ascii=False)
        # A full disk fails the units, with a message. It must not end the run here, without one.
        with suppress(OSError), path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    return record


def read_progress(flow_folder: Path) -> Progress | None:
    """The progress of the latest command of a run's flow; None if its version of the program recorded none."""
    try:
        lines = (flow_folder / PROGRESS_FILE).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found: Progress | None = None
    for line in lines:
        # A line may be half written: the last one, or one that met a full disk.
        with suppress(ValueError, KeyError, TypeError):
            found = _after(found, json.loads(line))
    return found


def _after(progress: Progress | None, event: dict[str, Any]) -> Progress:
    at = datetime.fromisoformat(event["at"])
    if progress is None:
        units = {key: UnitProgress(key, task) for key, task in event["units"]}
        return Progress(event["host"], event["pid"], at, at, units)
    unit = progress.units[event["unit"]]
    if event["event"] == "started":
        unit = replace(unit, state=RUNNING, started=at)
    else:
        unit = replace(unit, state=event["state"], duration_s=event["duration_s"], message=event["message"])
    progress.units[unit.key] = unit
    return replace(progress, latest=at)


def expected_seconds(progress: Progress, flow_folder: Path, similar: Path | None) -> dict[str, float | None]:
    """How long each unit that has not ended is expected to take; None where nothing is known.

    Args:
        progress: of the run.
        flow_folder: folder of the run's flow, whose manifests of earlier commands have durations.
        similar: that of another run of the flow, for units that this one never ran.
    """
    done: dict[str, list[float]] = {}
    for unit in progress.units.values():
        if unit.state == "done":
            done.setdefault(unit.task, []).append(unit.duration_s)
    found: dict[str, float | None] = {}
    for unit in progress.units.values():
        if unit.state not in (WAITING, RUNNING):
            continue
        # A key such as count_units[VT] is a path such as count_units/VT.
        stem = unit.key.removesuffix("]").replace("[", "/", 1)
        folders = [flow_folder, *([similar] if similar else [])]
        manifests = [Manifest.read(folder / "manifests" / f"{stem}.json") for folder in folders]
        last = next((manifest.duration_s for manifest in manifests if manifest), None)
        if last is None and unit.task in done:
            last = fmean(done[unit.task])
        found[unit.key] = last
    return found


def remaining_seconds(progress: Progress, expected: dict[str, float | None], now: datetime) -> float | None:
    """Wall time until the end, at the pace so far; None if nothing is known about any unit that is left."""
    if expected and all(seconds is None for seconds in expected.values()):
        return None
    elapsed = max((now - progress.started).total_seconds(), 1e-3)
    gone = {key: seconds_since(progress.units[key].started, now) for key in expected}
    worked = sum(unit.duration_s for unit in progress.units.values() if unit.state == "done") + sum(gone.values())
    left = sum(max((seconds or 0.0) - gone[key], 0.0) for key, seconds in expected.items())
    # How much work is done at the same time. Without any finished work, one unit at a time.
    pace = worked / elapsed if worked else 1.0
    return left / max(pace, 0.1)


def seconds_since(started: datetime | None, now: datetime) -> float:
    """Seconds from a time to now; 0 without a time, or if the clock of another machine is ahead."""
    return max((now - started).total_seconds(), 0.0) if started else 0.0
