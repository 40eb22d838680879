"""One run of a flow: its folder, lock, execution and publication."""

from __future__ import annotations

import fcntl
import os
import platform
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from nibrs_estimation.pipeline.dataset import Dataset, Document
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.externals import ExternalFile, Locations, fetch_all, published_by, resolve
from nibrs_estimation.pipeline.files import remove_leftovers, write_json, write_text
from nibrs_estimation.pipeline.flow import RUN_LAYOUT, Flow, Plan, make_plan
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.progress import PROGRESS_FILE, recorded
from nibrs_estimation.pipeline.publishing import (
    PUBLISHING,
    check_published,
    conflict,
    publish,
    read_published,
    withdraw,
    withdraw_all,
)
from nibrs_estimation.pipeline.run_page import render_run_page
from nibrs_estimation.pipeline.runs import (
    LOCK_FILE,
    MAIN_FLOW,
    METADATA_FILE,
    RUNNING,
    STOPPED,
    Claim,
    RunRecord,
    check_run_id,
    clear,
    decide,
    list_runs,
)
from nibrs_estimation.pipeline.schedule import Watcher, Work
from nibrs_estimation.pipeline.source import Probe, Source
from nibrs_estimation.pipeline.store import Store
from nibrs_estimation.pipeline.table import FileRecord
from nibrs_estimation.pipeline.task import Task
from nibrs_estimation.pipeline.unit import Outcome
from nibrs_estimation.pipeline.work_store import WorkStore

EXTERNAL_LOCATIONS = "external_file_locations.json"
#: Remedy for an artifact store that contains a publication of another run under the same id.
OTHER_TARGET = "Choose another run id or ARTIFACT_STORE, or add --force to remove that publication."
_LIBRARIES = ("polars", "duckdb", "numpy", "scipy", "prefect", "distributed", "altair", "great-tables")

Engine = Callable[[Work, Watcher], dict[str, Outcome]]


@dataclass(frozen=True)
class RunSettings:
    """Settings of a run, except its flow.

    Attributes:
        run_id: a name, not a path.
        scratch: folder under which runs live.
        artifacts, externals: stores.
        locations: paths of the external files, with the text of the file that lists them.
        source: provider of the core datasets.
        parameters: value of every parameter that a task may use, including ``year`` and ``seed``.
        recorded: settings as recorded in ``run_metadata.json``, without secrets.
        code_version: version of this program.
        memory_gib: total memory for units that run at the same time.
        log_threshold: level of the task logs.
        force: run every task, even if nothing changed.
        start: run this task and all tasks that depend on it, even if nothing changed.
        until: stop after this task.
        verify: check the hashes of files before reusing them.
        refresh_source: read the source again.
        work_store: where workers exchange files with this machine; None if they have its folders.
        predecessor: id of a run of an earlier year in ``artifacts``, with which this one is compared.
    """

    run_id: str
    scratch: Path
    artifacts: Store
    externals: Store
    locations: Locations
    source: Source
    parameters: Mapping[str, Any]
    recorded: Mapping[str, Any] = field(default_factory=dict)
    code_version: str = "unknown"
    memory_gib: float = 4.0
    log_threshold: str = "INFO"
    force: bool = False
    start: str | None = None
    until: str | None = None
    verify: bool = False
    refresh_source: bool = False
    work_store: WorkStore | None = None
    predecessor: str | None = None


@dataclass(frozen=True)
class RunResult:
    """Result of a run.

    Attributes:
        root: the run's folder.
        outcomes: outcome of every unit, in plan order.
        published: name of each published file within the artifact store.
        artifacts: the folder or address of the published files.
        removed: files of an earlier publication that were removed because this command did not produce them.
    """

    root: Path
    outcomes: Mapping[str, Outcome]
    published: tuple[str, ...]
    artifacts: str
    removed: tuple[str, ...] = ()

    @property
    def failures(self) -> list[Outcome]:
        """Units that failed or were blocked by a failure."""
        return [outcome for outcome in self.outcomes.values() if outcome.state in ("failed", "blocked")]


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Prevent a second run of the same id; the system releases the lock when this process ends for any reason.

    Raises:
        PipelineError: another process is running it, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK_FILE).open("a+", encoding="utf-8")
    except OSError as error:
        raise PipelineError(
            f"The folder {folder} cannot be created or written ({error.strerror}). Set SCRATCH_DIR to a folder that "
            "this user may write."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise PipelineError(
                f"Run {folder.name} is already running in another process ({lock.read() or 'unknown'}). Wait for it to "
                f"end (`nibrs status {folder.name}` shows how far it is), or choose another run id."
            ) from error
        if not _is_file_at(lock.fileno(), folder / LOCK_FILE):
            # Another command removed the run between the two steps above: this lock keeps nobody out.
            raise PipelineError(f"Run {folder.name} was removed at this moment. Run the same command again.")
        # A full disk is reported by what needs its space.
        with suppress(OSError):
            lock.truncate(0)
            lock.write(
                f"{platform.node()}, process {os.getpid()}, since {datetime.now(UTC).isoformat(timespec='seconds')}"
            )
            lock.flush()
        yield


def _is_file_at(descriptor: int, path: Path) -> bool:
    """Whether an open file is still the one at a path."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


@dataclass(frozen=True)
class Prepared:
    """A run that is planned, before anything is written.

    Attributes:
        probe: the probe of the source.
        requested: what the command asks for.
        plan: the units.
        rerun: names of tasks that run even if nothing changed.
        externals: path within the external store of each external file that the run uses, by code name.
        of_predecessor: path within the artifact store of the external files that the predecessor published.
        folder: the run's folder.
        prefix: folder of the publication in the artifact store.
    """

    probe: Probe
    requested: RunRecord
    plan: Plan
    rerun: frozenset[str]
    externals: Mapping[str, str]
    of_predecessor: Mapping[str, str]
    folder: Path
    prefix: str

    def claim(self, settings: RunSettings) -> Claim:
        """What the command does to a run that may exist already; raises like :func:`~pipeline.runs.decide`."""
        is_content_hash = self.probe.is_content_hash
        return decide(self.folder, self.requested, is_content_hash=is_content_hash, force=settings.force)

    def fetched_externals(self, settings: RunSettings, root: Path) -> dict[str, Path]:
        """Fetch the external files to folder ``root`` of the run; returns their paths by code name."""
        folder = root / "externals"
        return {
            **fetch_all(self.externals, settings.externals, folder, settings.locations.hashes),
            **fetch_all(self.of_predecessor, settings.artifacts, folder),
        }

    def work(
        self, flow: Flow, settings: RunSettings, root: Path, identity: Identity, externals: Mapping[str, Path]
    ) -> Work:
        """The work in the folder ``root``, with the paths of the external files by code name."""
        return Work(
            plan=self.plan,
            root=root,
            parameters={**settings.parameters, "identity": identity},
            probe=self.probe,
            externals=externals,
            rerun=self.rerun,
            refresh_source=settings.refresh_source,
            verify=settings.verify,
            log_threshold=settings.log_threshold,
            memory_gib=settings.memory_gib,
            published=frozenset(output.name for output in flow.publishes),
        )


def prepare(flow: Flow, settings: RunSettings) -> Prepared:
    """Plan a flow; nothing is written.

    Raises:
        UsageError: the run id, the flow or an option is wrong.
        PipelineError: the source cannot be used, a required external file has no path, or the predecessor is not
            published completely.
    """
    folder = settings.scratch / check_run_id(settings.run_id)
    year, seed = settings.parameters["year"], settings.parameters["seed"]
    if year < flow.first_year:
        raise UsageError(f"Flow {flow.name} has no rules for {year}: choose a data year from {flow.first_year} on.")
    probe = settings.source.probe(year, seed)
    identity = Identity(settings.run_id, settings.source.spec, year, seed, probe.is_synthetic)
    plan = plan_flow(flow, settings.source, probe, settings.until)
    wanted = _wanted_externals(plan)
    of_predecessor = {}
    if settings.predecessor is not None:
        if check_run_id(settings.predecessor) == settings.run_id:
            raise UsageError(f"Run {settings.run_id} cannot be its own predecessor. Name a run of an earlier year.")
        check_published(settings.artifacts, settings.predecessor)
        of_predecessor = published_by(settings.predecessor, wanted, settings.artifacts)
    return Prepared(
        probe=probe,
        requested=RunRecord(identity, probe.fingerprint),
        plan=plan,
        rerun=_rerun(plan, settings, probe),
        externals=resolve(settings.locations, [file for file in wanted if file.code_name not in of_predecessor], year),
        of_predecessor=of_predecessor,
        folder=folder,
        prefix=artifact_prefix(settings.run_id, flow.name),
    )


def run_flow(flow: Flow, settings: RunSettings, engine: Engine, watcher: Watcher) -> RunResult:
    """Plan a flow, run the units that are not up to date, and publish.

    A run records its source, year and seed. A command with other values is refused, or restarts the run with ``force``.

    Raises:
        UsageError: the run id, the flow or an option is wrong, or the run has another source, year or seed.
        PipelineError: the source, an external file or a store cannot be used. Failures of single tasks are in the
            result instead.
    """
    started = datetime.now(UTC)
    prepared = prepare(flow, settings)
    probe, plan, folder, prefix = prepared.probe, prepared.plan, prepared.folder, prepared.prefix
    owner = f"{platform.node()}:{folder.absolute()}"
    with (
        run_lock(folder),
        settings.artifacts.lock(f"{prefix}/{LOCK_FILE}", owner),
        settings.work_store.locked(folder) if settings.work_store else nullcontext(),
        _stopped_by_signals(),
    ):
        record = _claimed(settings, prepared, watcher)
        identity = record.identity
        _note_earlier(settings, flow, prefix, watcher)
        root = folder / flow.name
        root.mkdir(exist_ok=True)
        remove_leftovers(root)
        _remove_stale_partitions(plan, root)
        absent = _absent(flow, plan)
        about = {**_about(flow, settings, probe, started, identity), "absent": absent}
        for name, consequence in absent.items():
            watcher.noted(f"Without {name}: {consequence}")
        write_json(root / METADATA_FILE, {**about, "state": RUNNING})
        write_text(root / EXTERNAL_LOCATIONS, settings.locations.text)
        identity.write(root / RUN_LAYOUT.datasets)
        externals = prepared.fetched_externals(settings, root)
        work = prepared.work(flow, settings, root, identity, externals)
        try:
            outcomes = engine(work, recorded(watcher, root / PROGRESS_FILE))
        except BaseException:  # also of a host that stops the run, such as Prefect
            ended = datetime.now(UTC).isoformat(timespec="seconds")
            write_json(root / METADATA_FILE, {**about, "state": STOPPED, "ended": ended})
            raise
        about |= _ending(outcomes)
        write_json(root / METADATA_FILE, about)
        files = _published_files(flow, plan, outcomes, root)
        write_text(root / "run.html", render_run_page(about, plan, outcomes, _file_descriptions(flow, files)))
        removed = publish(settings.artifacts, prefix, record, files, root)
    published = tuple(name for _path, name in files)
    return RunResult(root, outcomes, published, f"{str(settings.artifacts).rstrip('/')}/{prefix}", removed)


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM stop the run like Ctrl-C does; only the main thread can set this.

    A host that handles the signal itself keeps its handler: a Prefect flow run must tell a cancellation from a crash.
    """

    def stop(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = None
    with suppress(ValueError):
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def _claimed(settings: RunSettings, prepared: Prepared, watcher: Watcher) -> RunRecord:
    """The record of the run from now on; what belongs to another one is removed first."""
    claim, folder = prepared.claim(settings), prepared.folder
    _check_target(settings, prepared.prefix, claim.record)
    if claim.note:
        watcher.noted(claim.note)
    if claim.starts_over:
        # Includes the publications of side flows, which are also of the other source.
        withdraw_all(settings.artifacts, settings.run_id)
        clear(folder)
        if settings.work_store:
            settings.work_store.clear(settings.run_id)
    claim.record.write(folder)
    if settings.work_store:
        settings.work_store.put_record(folder)
    return claim.record


def _check_target(settings: RunSettings, prefix: str, requested: RunRecord) -> None:
    """Refuse to publish over a run of another source, year or seed; with ``force``, remove that publication first."""
    found = conflict(settings.artifacts, prefix, requested)
    if found is None:
        return
    if not settings.force:
        raise UsageError(f"{found} {OTHER_TARGET}")
    withdraw(settings.artifacts, prefix)


def _note_earlier(settings: RunSettings, flow: Flow, prefix: str, watcher: Watcher) -> None:
    """Report that an earlier command was stopped, was of another version, or that its publication was interrupted."""
    for run in list_runs(settings.scratch, settings.run_id):
        if run.flow != flow.name:
            continue
        if run.state in (RUNNING, STOPPED):
            watcher.noted("The run was stopped before it ended; its finished tasks are reused.")
        if run.code_version not in (None, settings.code_version):
            watcher.noted(
                f"The run was last continued by version {run.code_version}; this is version {settings.code_version}. "
                "Tasks whose code differs run again. If this is the older of the two, stop it and use the newer one."
            )
    earlier = read_published(settings.artifacts, prefix)
    if earlier is not None and earlier.state == PUBLISHING:
        watcher.noted("Its publication was interrupted; all files are published again.")


def plan_flow(flow: Flow, source: Source, probe: Probe, until: str | None = None) -> Plan:
    """The plan of a flow with the tasks of a source."""
    source_tasks = source.tasks()
    names = frozenset(task.name for task in source_tasks)
    return make_plan(
        (*_needed_source_tasks(flow, source), *flow.tasks), probe.partitions, until=until, source_tasks=names
    )


def _absent(flow: Flow, plan: Plan) -> dict[str, str]:
    """Optional datasets that no task of this run writes -> the consequences."""
    written = {output.name for task in plan.tasks() for output in task.writes}
    return {dataset.name: dataset.absence for dataset in flow.optional if dataset.name not in written}


def artifact_prefix(run_id: str, flow_name: str) -> str:
    """Folder of the publication of a run within the artifact store."""
    return run_id if flow_name == MAIN_FLOW else f"{run_id}/{flow_name}"


def _needed_source_tasks(flow: Flow, source: Source) -> list[Task]:
    """The main flow uses all tasks of a source; a side flow those that write what it publishes, or what is read."""
    tasks = list(source.tasks())
    if flow.name == MAIN_FLOW:
        return tasks
    needed: list[Task] = []
    read = {dataset.name for task in flow.tasks for dataset in task.reads}
    read |= {output.name for output in flow.publishes}
    # A source lists readers after writers.
    for task in reversed(tasks):
        if any(output.name in read for output in task.writes):
            needed.insert(0, task)
            read |= {dataset.name for dataset in task.reads}
    return needed


def _rerun(plan: Plan, settings: RunSettings, probe: Probe) -> frozenset[str]:
    names = {task.name for task in plan.tasks()}
    if settings.start is not None and settings.start not in names:
        raise UsageError(f"There is no task {settings.start!r} in this run. The tasks are: {', '.join(sorted(names))}.")
    rerun = frozenset(names) if settings.force else frozenset()
    if settings.start is not None:
        rerun |= plan.downstream_of(settings.start)
    return rerun if probe.is_content_hash or settings.refresh_source else rerun - plan.source_tasks


def _wanted_externals(plan: Plan) -> list[ExternalFile]:
    return list(dict.fromkeys(external for task in plan.tasks() for external in task.externals))


def _remove_stale_partitions(plan: Plan, root: Path) -> None:
    """Remove parts of datasets that are not in the plan: they would be read with the others."""
    planned = {path for unit in plan.units for path in RUN_LAYOUT.paths(unit)}
    planned |= {f"manifests/{unit.stem}.json" for unit in plan.units}
    for task in plan.tasks():
        folders = [root / "datasets" / output.name for output in task.datasets if output.partition_key]
        for folder in [*folders, root / "manifests" / task.name]:
            for path in folder.glob("*.*"):
                if path.relative_to(root).as_posix() not in planned:
                    path.unlink()


def _about(flow: Flow, settings: RunSettings, probe: Probe, started: datetime, identity: Identity) -> dict[str, Any]:
    return {
        "run_id": settings.run_id,
        "flow": flow.name,
        "identity": asdict(identity),
        "code_version": settings.code_version,
        "source": settings.source.spec,
        "source_summary": probe.summary,
        "source_fingerprint": probe.fingerprint,
        "settings": dict(settings.recorded),
        "python": platform.python_version(),
        "libraries": {name: _version_of(name) for name in _LIBRARIES},
        "machine": {"system": platform.platform(), "memory_gib": settings.memory_gib},
        "started": started.isoformat(timespec="seconds"),
    }


def _version_of(library: str) -> str | None:
    """The version of a library; None if it is not installed."""
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


def _ending(outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    tasks: dict[str, dict[str, Any]] = {}
    for outcome in outcomes.values():
        task = tasks.setdefault(
            outcome.task_name,
            {"done": 0, "kept": 0, "failed": 0, "blocked": 0, "duration_s": 0.0, "peak_memory_bytes": None},
        )
        task[outcome.state] += 1
        task["duration_s"] = round(task["duration_s"] + outcome.duration_s, 4)
        peak = outcome.manifest.peak_memory_bytes if outcome.manifest else None
        if peak is not None:
            task["peak_memory_bytes"] = max(peak, task["peak_memory_bytes"] or 0)
            task["peak_memory_of"] = outcome.manifest.peak_memory_of if outcome.manifest else None
    failed = any(outcome.state in ("failed", "blocked") for outcome in outcomes.values())
    return {
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "state": "failed" if failed else "finished",
        "tasks": tasks,
    }


def _published_files(flow: Flow, plan: Plan, outcomes: Mapping[str, Outcome], root: Path) -> list[tuple[Path, str]]:
    """Complete outputs with their names in the artifact store; outputs with a failed part are left out."""
    files: list[tuple[Path, str]] = []
    for output in flow.publishes:
        units = [unit for unit in plan.units if output in unit.task.writes]
        manifests = [outcomes[unit.key].manifest for unit in units]
        if units and all(manifests):
            records = [record for manifest in manifests if manifest for record in manifest.files_of(output.name)]
            files += [(root / record.path, published_name(output, record)) for record in records]
    # Files that describe the others come last.
    return files + [(root / name, name) for name in (EXTERNAL_LOCATIONS, "run.html", METADATA_FILE)]


def _file_descriptions(flow: Flow, files: Iterable[tuple[Path, str]]) -> dict[str, str]:
    """Descriptions of the published files, pages first; for datasets, only of the first part."""
    names = [name for _path, name in files]
    documents = {output.name: output.description for output in flow.publishes if isinstance(output, Document)}
    found = {
        name: documents[name]
        for name in sorted(names, key=lambda name: not name.endswith(".html"))
        if name in documents
    }
    for output in flow.publishes:
        parts = [name for name in names if name.startswith(f"{output.name}/")]
        if parts:
            more = f" (the first of {len(parts)} files)" if len(parts) > 1 else ""
            found[parts[0]] = f"Dataset {output.name}: {output.description}{more}"
    return found


def published_name(output: Dataset | Document, record: FileRecord) -> str:
    """Name of a file of an output in a publication."""
    return output.name if isinstance(output, Document) else f"{output.name}/{Path(record.path).name}"
