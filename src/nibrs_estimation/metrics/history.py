"""The runs of a scratch folder as the source of flow `metrics`: their metadata, manifests and progress."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from nibrs_estimation.model.run_metrics import RUN_HISTORY, UNIT_METRIC
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.manifest import Manifest
from nibrs_estimation.pipeline.progress import PROGRESS_FILE, UnitProgress, read_progress
from nibrs_estimation.pipeline.runs import METADATA_FILE, FlowRun, list_runs
from nibrs_estimation.pipeline.source import Probe
from nibrs_estimation.pipeline.task import Task

#: The flow that reads the history; its own runs are left out.
FLOW = "metrics"


@dataclass(frozen=True)
class RunHistory:
    """The runs of a folder, or some of them.

    Attributes:
        scratch: folder of the runs.
        run_ids: names of runs; empty for all.
    """

    scratch: Path
    run_ids: tuple[str, ...] = ()

    @property
    def spec(self) -> str:
        """Such as ``runs:scratch`` or ``runs:scratch,vt,me``."""
        return ",".join([f"runs:{self.scratch}", *self.run_ids])

    def newest_year(self) -> int:
        """The latest data year of the runs."""
        years = [run.identity.year for run in self._runs() if run.identity]
        if not years:
            raise UsageError(f"No run in {self.scratch} tells its data year. Give one with --year.")
        return max(years)

    def probe(self, year: int, seed: int) -> Probe:
        """The runs; the fingerprint is a hash of all their records."""
        runs, digest = self._runs(), hashlib.sha256()
        for run in runs:
            for path in [run.folder / METADATA_FILE, run.folder / PROGRESS_FILE, *_manifests(run)]:
                if path.is_file():
                    digest.update(f"{path}\0".encode() + path.read_bytes() + b"\0")
            # A run may stop without a change of its files.
            digest.update(run.state.encode())
        return Probe(
            years=(year,),
            partitions={},
            fingerprint=digest.hexdigest(),
            is_content_hash=True,
            summary=f"records of {len(runs)} runs",
        )

    def tasks(self) -> tuple[Task, ...]:
        """One task that reads all records."""
        return (Task(name="read_run_history", function=self.read, writes=(RUN_HISTORY, UNIT_METRIC)),)

    def read(self) -> dict[str, pl.DataFrame]:
        """Read metadata, manifests and progress of the runs."""
        runs = self._runs()
        units = [row for run in runs for row in _unit_rows(run)]
        return {
            RUN_HISTORY.name: pl.DataFrame([_run_row(run) for run in runs], schema=RUN_HISTORY.schema),
            UNIT_METRIC.name: pl.DataFrame(units, schema=UNIT_METRIC.schema),
        }

    def _runs(self) -> list[FlowRun]:
        found = [run for run in list_runs(self.scratch) if run.flow != FLOW]
        unknown = sorted(set(self.run_ids) - {run.run_id for run in found})
        if unknown or not found:
            what = f"no run {', '.join(unknown)}" if unknown else "no run"
            raise UsageError(f"There is {what} in {self.scratch} (SCRATCH_DIR). `nibrs runs` lists the runs.")
        return [run for run in found if not self.run_ids or run.run_id in self.run_ids]


def _manifests(run: FlowRun) -> list[Path]:
    return sorted((run.folder / "manifests").rglob("*.json"))


def _run_row(run: FlowRun) -> dict[str, Any]:
    of = run.identity
    return {
        "run_id": run.run_id,
        "flow": run.flow,
        "state": run.state,
        "started": _time(run.started),
        "ended": _time(run.ended),
        "data_source": of.source if of else None,
        "data_year": of.year if of else None,
        "is_synthetic": of.is_synthetic if of else None,
        "code_version": run.code_version,
    }


def _unit_rows(run: FlowRun) -> Iterator[dict[str, Any]]:
    """A row for each unit that the last command planned or an earlier one finished."""
    finished = {found.unit: found for path in _manifests(run) if (found := Manifest.read(path))}
    progress = read_progress(run.folder)
    planned = progress.units if progress else {}
    for key in dict.fromkeys([*planned, *finished]):
        last, manifest = planned.get(key), finished.get(key)
        is_done = manifest is not None and (last is None or last.state in ("done", "kept"))
        measured = _measured(manifest) if is_done and manifest else _attempted(last)
        yield {"run_id": run.run_id, "flow": run.flow, "task": key.partition("[")[0], "unit": key, **measured}


def _measured(manifest: Manifest) -> dict[str, Any]:
    return {
        "state": "done",
        "started": _time(manifest.started),
        "duration_s": manifest.duration_s,
        "cpu_s": manifest.cpu_s,
        "peak_memory_bytes": manifest.peak_memory_bytes,
        "peak_memory_of": manifest.peak_memory_of,
        "n_rows": sum(record.rows or 0 for record in manifest.outputs.values()),
        "engine": manifest.engine,
        "message": None,
    }


def _attempted(last: UnitProgress | None) -> dict[str, Any]:
    """A unit without a manifest of its last attempt."""
    return {
        # Kept or done without a manifest: someone removed it, so the unit runs again.
        "state": last.state if last and last.state not in ("kept", "done") else "waiting",
        "started": last.started.astimezone(UTC).replace(tzinfo=None) if last and last.started else None,
        "duration_s": last.duration_s if last else 0.0,
        "cpu_s": None,
        "peak_memory_bytes": None,
        "peak_memory_of": None,
        "n_rows": 0,
        "engine": None,
        "message": (last.message or None) if last else None,
    }


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None) if text else None
