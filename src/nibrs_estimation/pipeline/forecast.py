"""`nibrs plan`: what a run would do, decided by the same rules as the run itself (`schedule.reasons_to_run`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from nibrs_estimation.pipeline.engines.inline import InlineExecutor
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.externals import fetch_all
from nibrs_estimation.pipeline.files import temporary_folder
from nibrs_estimation.pipeline.flow import Flow, Unit
from nibrs_estimation.pipeline.manifest import Manifest
from nibrs_estimation.pipeline.publishing import conflict
from nibrs_estimation.pipeline.run import OTHER_TARGET, Prepared, RunSettings, prepare
from nibrs_estimation.pipeline.runs import is_locked, similar_run
from nibrs_estimation.pipeline.schedule import Work, make_job, reasons_to_run
from nibrs_estimation.pipeline.unit import Outcome

RUN, MAYBE, KEEP = "run", "maybe", "keep"


@dataclass(frozen=True)
class UnitForecast:
    """What a run would do with a unit.

    Attributes:
        unit: the unit.
        action: "run"; "keep"; or "maybe": it runs if a unit before it, which runs, writes other bytes than last time.
        reasons: why it runs or may run.
        duration_s, peak_memory_bytes: of the last time that it ran; None if it never did.
    """

    unit: Unit
    action: str
    reasons: tuple[str, ...]
    duration_s: float | None
    peak_memory_bytes: int | None


@dataclass(frozen=True)
class Forecast:
    """What a run would do.

    Attributes:
        note: what the command does to a run that may exist already; None for a new run.
        units: forecast of every unit, in plan order.
        measured_in: the run and flow folder whose durations are used for units that this run never ran; None if there
            is none.
        is_going_on: whether a process works on the run now, so that the forecast changes.
    """

    note: str | None
    units: tuple[UnitForecast, ...]
    measured_in: Path | None
    is_going_on: bool

    def seconds(self, *actions: str) -> float:
        """Sum of the known durations of the units with these actions."""
        return sum(unit.duration_s or 0.0 for unit in self.units if unit.action in actions)


def forecast_run(flow: Flow, settings: RunSettings) -> Forecast:
    """What ``run_flow`` would do with the same arguments; nothing is written except a temporary folder.

    Raises:
        UsageError, PipelineError: like :func:`~nibrs_estimation.pipeline.run.run_flow` before it starts work.
    """
    prepared = prepare(flow, settings)
    claim = prepared.claim(settings)
    found = conflict(settings.artifacts, prepared.prefix, claim.record)
    if found and not settings.force:
        raise UsageError(f"{found} {OTHER_TARGET}")
    root = prepared.folder / flow.name
    similar = similar_run(settings.scratch, flow.name, prepared.requested.identity)
    with temporary_folder("plan") as folder:
        # A run that starts over has nothing to keep; the temporary folder has no manifests.
        judged = Path(folder) if claim.starts_over else root
        externals = _externals(prepared, settings, root, Path(folder))
        work = prepared.work(flow, settings, judged, claim.record.identity, externals)
        units = _forecast(work, similar)
    return Forecast(claim.note, units, similar, is_locked(prepared.folder))


def _forecast(work: Work, similar: Path | None) -> tuple[UnitForecast, ...]:
    found: dict[str, UnitForecast] = {}
    outcomes: dict[str, Outcome] = {}
    for unit in work.plan.units:
        job = make_job(work, unit, outcomes, InlineExecutor())
        manifest = Manifest.read(job.manifest_path)
        open_inputs = {
            dataset.name: [
                needed.key for needed in work.plan.inputs_of(unit, dataset) if found[needed.key].action != KEEP
            ]
            for dataset in unit.task.reads
        }
        upstream = [key for keys in open_inputs.values() for key in keys]
        if manifest is not None:
            # What an input will be is unknown if it is written again. It is judged as if it stayed the same.
            known = {name: hashes for name, hashes in job.cause.inputs.items() if not open_inputs[name]}
            same = {name: manifest.cause.inputs[name] for name in open_inputs if name in manifest.cause.inputs}
            job = replace(job, cause=replace(job.cause, inputs={**same, **known}))
        reasons = reasons_to_run(work, job, manifest)
        action = RUN if reasons else MAYBE if upstream else KEEP
        if action == MAYBE:
            reasons = [f"if {upstream[0]} {'and others change' if len(upstream) > 1 else 'changes'} what it reads"]
        last = manifest or _manifest_in(similar, unit)
        found[unit.key] = UnitForecast(
            unit,
            action,
            tuple(reasons),
            last.duration_s if last else None,
            last.peak_memory_bytes if last else None,
        )
        outcomes[unit.key] = Outcome(unit.key, unit.task.name, action, manifest=manifest)
    return tuple(found.values())


def _manifest_in(root: Path | None, unit: Unit) -> Manifest | None:
    return Manifest.read(root / "manifests" / f"{unit.stem}.json") if root else None


def _externals(prepared: Prepared, settings: RunSettings, root: Path, temporary: Path) -> dict[str, Path]:
    """The external files as the run would find them: those of the run that are up to date; others are fetched."""
    found: dict[str, Path] = {}
    for paths, store, hashes in (
        (prepared.externals, settings.externals, settings.locations.hashes),
        (prepared.of_predecessor, settings.artifacts, None),
    ):
        for name, path in paths.items():
            if store.exists(path) and store.has_same_content(path, root / "externals" / path):
                found[name] = root / "externals" / path
        others = {name: path for name, path in paths.items() if name not in found}
        found |= fetch_all(others, store, temporary, hashes)
    return found
