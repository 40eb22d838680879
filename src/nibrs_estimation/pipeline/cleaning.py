"""Old runs: how large and how old each is, which to remove, and their removal."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.progress import PROGRESS_FILE
from nibrs_estimation.pipeline.run import run_lock
from nibrs_estimation.pipeline.runs import LOCK_FILE, METADATA_FILE, RECORD_FILE, is_locked, list_runs, remove_run


@dataclass(frozen=True)
class StoredRun:
    """A run's folder.

    Attributes:
        run_id: its name.
        folder: its folder.
        states: state of each flow, by the flow's name.
        size_bytes: size of its files.
        age_s: seconds since a command last worked on it.
        is_locked: whether a process works on it now.
    """

    run_id: str
    folder: Path
    states: dict[str, str]
    size_bytes: int
    age_s: float
    is_locked: bool


def stored_runs(scratch: Path, now: datetime) -> list[StoredRun]:
    """All runs of a scratch folder, the one that was used last first."""
    folders = [path for path in scratch.glob("*") if _is_run(path)]
    return sorted((_stored_run(scratch, folder, now) for folder in folders), key=lambda run: run.age_s)


def _is_run(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (RECORD_FILE, LOCK_FILE)) or any(folder.glob(f"*/{METADATA_FILE}"))


def _stored_run(scratch: Path, folder: Path, now: datetime) -> StoredRun:
    marks = [folder, *folder.glob(f"*/{METADATA_FILE}"), *folder.glob(f"*/{PROGRESS_FILE}")]
    used = max(path.stat().st_mtime for path in marks)
    # If the clock of another machine is ahead, the run is new, not old.
    age_s = max((now - datetime.fromtimestamp(used, UTC)).total_seconds(), 0.0)
    states = {run.flow: run.state for run in list_runs(scratch, folder.name)}
    return StoredRun(folder.name, folder, states, _size(folder), age_s, is_locked(folder))


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def chosen_runs(
    runs: Sequence[StoredRun], run_ids: Collection[str], *, keep: int | None, older_than_days: float | None
) -> list[StoredRun]:
    """The runs to remove: those that meet every condition that is given; none without any condition.

    Args:
        runs: all runs, the one that was used last first.
        run_ids: names; empty for all runs.
        keep: number of the latest runs to leave.
        older_than_days: only runs that were not used for so many days.

    Raises:
        UsageError: there is no run of a given name.
    """
    unknown = sorted(set(run_ids) - {run.run_id for run in runs})
    if unknown:
        raise UsageError(f"There is no run {', '.join(unknown)}. `nibrs runs` lists the runs. Nothing was removed.")
    if not run_ids and keep is None and older_than_days is None:
        return []
    return [
        run
        for place, run in enumerate(runs)
        if (not run_ids or run.run_id in run_ids)
        and (keep is None or place >= keep)
        and (older_than_days is None or run.age_s > older_than_days * 86400)
        and not run.is_locked
    ]


def remove(run: StoredRun) -> str | None:
    """Remove a run; returns the reason if it was not removed, because a process works on it or its files resist."""
    try:
        with run_lock(run.folder):
            remove_run(run.folder)
    except PipelineError as error:
        return str(error)
    except OSError as error:
        return f"{error.filename or run.folder} could not be removed ({error.strerror}). Give this user the right to."
    return None
