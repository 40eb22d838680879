"""The loop that executes a plan: units that are ready, up to date, fit in memory, or are blocked by a failure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from nibrs_estimation.pipeline.code import code_hash
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.files import sha256_of
from nibrs_estimation.pipeline.flow import Plan, Unit
from nibrs_estimation.pipeline.manifest import Cause, Manifest
from nibrs_estimation.pipeline.source import Probe
from nibrs_estimation.pipeline.task import IDENTITY, MEMORY_GIB, PARTITION
from nibrs_estimation.pipeline.unit import Job, Outcome


class Executor(Protocol):
    """Runs units. ``submit`` returns immediately (inline: when the unit is done); ``wait`` returns finished units."""

    name: str
    shares_process: bool
    slots: int

    def submit(self, job: Job, needs: tuple[str, ...]) -> None:
        """Start a job; ``needs`` are the keys of the units it depends on, for display."""
        ...

    def wait(self) -> list[Outcome]:
        """Outcomes of units that ended since the last call; waits for at least one."""
        ...


@dataclass
class Watcher:
    """Callbacks that display the progress; the defaults show nothing."""

    planned: Callable[[Plan], None] = lambda _plan: None
    noted: Callable[[str], None] = lambda _text: None
    started: Callable[[Unit], None] = lambda _unit: None
    ended: Callable[[Outcome], None] = lambda _outcome: None


@dataclass(frozen=True)
class Work:
    """A plan with the settings of its run.

    Attributes:
        plan: what to do.
        root: the run's folder.
        parameters: value of every parameter that a task may use; the ``repr`` of a value contains no secrets.
        probe: the probe of the source, or None without a source.
        externals: path of every external file that was fetched.
        rerun: names of tasks that run even if nothing changed.
        refresh_source: read the source again even if nothing changed.
        verify: check the hashes of files before reusing them.
        log_threshold: level of the task logs.
        memory_gib: total memory for units that run at the same time.
        published: names of the published outputs, which contain the identity of the run.
    """

    plan: Plan
    root: Path
    parameters: Mapping[str, Any]
    probe: Probe | None = None
    externals: Mapping[str, Path] = field(default_factory=dict)
    rerun: frozenset[str] = frozenset()
    refresh_source: bool = False
    verify: bool = False
    log_threshold: str = "INFO"
    memory_gib: float = 4.0
    published: frozenset[str] = frozenset()


def execute(work: Work, executor: Executor, watcher: Watcher) -> dict[str, Outcome]:
    """Run a plan and return the outcome of every unit by its key, in plan order.

    A failing unit stops only the units that depend on it.
    """
    watcher.planned(work.plan)
    outcomes: dict[str, Outcome] = {}
    waiting = list(work.plan.units)
    running: dict[str, Unit] = {}

    def ended(outcome: Outcome) -> None:
        outcomes[outcome.key] = outcome
        running.pop(outcome.key, None)
        watcher.ended(outcome)

    while waiting or running:
        for unit in list(waiting):
            if len(running) >= executor.slots:
                break
            needed = [outcomes.get(need.key) for need in work.plan.needs[unit.key]]
            failed = [outcome for outcome in needed if outcome and outcome.state in ("failed", "blocked")]
            if failed:
                waiting.remove(unit)
                ended(Outcome(unit.key, unit.task.name, "blocked", message=f"needs {failed[0].key}"))
            elif all(needed) and _fits(unit, running.values(), work.memory_gib):
                waiting.remove(unit)
                job = make_job(work, unit, outcomes, executor)
                kept = Manifest.read(job.manifest_path)
                if kept and not reasons_to_run(work, job, kept):
                    ended(Outcome(unit.key, unit.task.name, "kept", log_path=job.log_path, manifest=kept))
                    continue
                running[unit.key] = unit
                watcher.started(unit)
                executor.submit(job, tuple(need.key for need in work.plan.needs[unit.key]))
        if running:
            for outcome in executor.wait():
                ended(outcome)
    return {unit.key: outcomes[unit.key] for unit in work.plan.units}


def _fits(unit: Unit, running: Iterable[Unit], memory_gib: float) -> bool:
    claimed = sum(MEMORY_GIB[other.task.memory] for other in running)
    # A unit that is larger than the limit runs alone.
    return not claimed or claimed + MEMORY_GIB[unit.task.memory] <= memory_gib


def make_job(work: Work, unit: Unit, outcomes: Mapping[str, Outcome], executor: Executor) -> Job:
    """A unit with its inputs, which are the outputs of ``outcomes``, and its cause."""
    task = unit.task
    records = {dataset.name: _records(work.plan, unit, dataset, outcomes) for dataset in task.reads}
    parameters = {
        parameter.name: unit.partition if parameter == PARTITION else work.parameters[parameter.name]
        for parameter in task.parameters
    }
    externals = {external.code_name: work.externals.get(external.code_name) for external in task.externals}
    cause = Cause(
        code=code_hash(task.function),
        parameters={name: _recordable(value) for name, value in parameters.items()},
        inputs={name: [record.sha256 for record in found] for name, found in records.items()},
        externals={name: sha256_of(path) for name, path in externals.items() if path},
        source=work.probe.fingerprint if work.probe and task.name in work.plan.source_tasks else None,
    )
    return Job(
        unit=unit,
        root=work.root,
        inputs={name: tuple(work.root / record.path for record in found) for name, found in records.items()},
        parameters=parameters,
        externals=externals,
        cause=cause,
        log_threshold=work.log_threshold,
        engine=executor.name,
        shares_process=executor.shares_process,
        identity=work.parameters.get(IDENTITY.name),
        published=work.published,
    )


def _records(plan: Plan, unit: Unit, dataset: Dataset, outcomes: Mapping[str, Outcome]) -> list[Any]:
    manifests = [outcomes[needed.key].manifest for needed in plan.inputs_of(unit, dataset)]
    partition = unit.partition_read(dataset)
    return [record for manifest in manifests if manifest for record in manifest.files_of(dataset.name, partition)]


def _recordable(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool, type(None))) else repr(value)


def reasons_to_run(work: Work, job: Job, manifest: Manifest | None) -> list[str]:
    """Why a unit must run, in words; empty if the outputs that ``manifest`` lists can be kept.

    Args:
        work: the run.
        job: the unit with its cause.
        manifest: its manifest of an earlier run; None if it has none.
    """
    if manifest is None:
        return ["not done yet"]
    reasons = ["--force or --from"] if job.unit.task.name in work.rerun else []
    # The cause does not include the partitions of a task that runs once.
    if manifest.outputs.keys() != job.unit.output_names():
        reasons.append("its list of outputs changed")
    cause = job.cause
    if cause.source is not None:
        if work.refresh_source:
            reasons.append("--refresh-source")
        elif work.probe and not work.probe.is_content_hash and manifest.cause.parameters == cause.parameters:
            # A database has no content hash: the first reading is reused until a refresh is requested.
            cause = manifest.cause
    return reasons + manifest.changes(cause, work.root, verify=work.verify)
