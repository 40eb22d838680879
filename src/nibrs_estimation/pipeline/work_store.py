"""Units on workers that share no file system with the flow run: their files travel through a store.

The folder of a run in the store, ``<run_id>/<flow>``, contains

    files/<SHA-256>                 every file that a unit reads or wrote, under the hash of its content
    manifests/<task>[/<part>].json  written last by the worker of a unit
    logs/<task>[/<part>].log

A file never changes under its name, so a worker that was given up and still writes does no harm. Every file is hashed
when it arrives. The flow run puts what a unit reads (:class:`StoreExecutor`), the worker fetches it, runs the unit in
a folder of its own and puts what it wrote (:func:`run_sent`), and the flow run fetches that into the run's folder,
which is therefore as complete as without a store. A flow run that lost its disk finds all finished units in the store.
"""

from __future__ import annotations

import io
import os
import pickle
import platform
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
from typing_extensions import override

from nibrs_estimation.pipeline.code import code_version
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.files import atomic_path, full_disk_error, sha256_of, temporary_folder
from nibrs_estimation.pipeline.flow import RUN_LAYOUT
from nibrs_estimation.pipeline.manifest import Manifest
from nibrs_estimation.pipeline.runs import LOCK_FILE, RECORD_FILE
from nibrs_estimation.pipeline.schedule import Executor, Work
from nibrs_estimation.pipeline.store import S3Options, Store, open_store
from nibrs_estimation.pipeline.table import FileRecord
from nibrs_estimation.pipeline.unit import Job, Outcome, run_job

#: Files that a machine transfers at the same time: a unit has many small ones.
TRANSFERS = 8

T = TypeVar("T")


@dataclass(frozen=True)
class WorkStore:
    """The store through which workers and the flow run exchange files; it can be sent to a worker.

    Attributes:
        location, s3: see :func:`~nibrs_estimation.pipeline.store.open_store`. Without credentials, each machine uses
            its own role.
        prefix: folder in the store.
    """

    location: str
    s3: S3Options
    prefix: str = ""

    @property
    def store(self) -> Store:
        """The opened store."""
        return _opened(self.location, self.s3)

    def folder(self, name: str) -> WorkStore:
        """A folder of this one."""
        return replace(self, prefix=self._key(name))

    @contextmanager
    def locked(self, run: Path) -> Iterator[None]:
        """Lock the folder of a run, and fetch the record of the run if this machine has none.

        Args:
            run: the run's folder on this machine; its name is the run id.

        Raises:
            PipelineError: another flow run has it, or the store cannot be used.
        """
        owner = f"{platform.node()}:{run.absolute()}"
        with self.store.lock(self._key(f"{run.name}/{LOCK_FILE}"), owner):
            record = self._key(f"{run.name}/{RECORD_FILE}")
            if not (run / RECORD_FILE).exists() and self.store.exists(record):
                self.store.get(record, run / RECORD_FILE)
            yield

    def put_record(self, run: Path) -> None:
        """Keep the record of a run beside its files."""
        self.store.put(run / RECORD_FILE, self._key(f"{run.name}/{RECORD_FILE}"))

    def clear(self, run_id: str) -> None:
        """Remove the files of a run."""
        for key in list(self.store.keys(self._key(run_id))):
            if not key.endswith(f"/{LOCK_FILE}"):
                self.store.delete(key)

    def names(self, folder: str) -> set[str]:
        """The names of the files in a folder of this one, relative to it."""
        start = self._key(folder)
        return {key.removeprefix(f"{start}/") for key in self.store.keys(start)}

    def put(self, path: Path, name: str) -> None:
        """Put a file under a name."""
        self.store.put(path, self._key(name))

    def get(self, name: str, path: Path) -> None:
        """Fetch the file of a name."""
        self.store.get(self._key(name), path)

    def put_file(self, path: Path, sha256: str) -> None:
        """Put a file under the hash of its content."""
        self.put(path, _file(sha256))

    def get_file(self, sha256: str, path: Path) -> None:
        """Fetch the file with a hash.

        Raises:
            PipelineError: it is not there, or its content is not that of its name; then it is removed from the store,
                so that the next command puts it there again.
        """
        with atomic_path(path) as temporary:
            self.get(_file(sha256), temporary)
            if sha256_of(temporary) != sha256:
                with suppress(PipelineError):
                    self.store.delete(self._key(_file(sha256)))
                raise PipelineError(
                    f"The content of {self._key(_file(sha256))} in {self.store} is not that of its name, and it was "
                    "removed. Run the same command again: it is put there again."
                )

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name


@cache
def _opened(location: str, s3: S3Options) -> Store:
    return open_store(location, s3)


def _file(sha256: str) -> str:
    return f"files/{sha256}"


@cache
def program() -> str:
    """The version of the program and of the library that writes tables: what a worker must have in common."""
    return f"{code_version('nibrs')}, polars {pl.__version__}"


@dataclass(frozen=True)
class PackedJob:
    """A job as it travels, without the files that it names.

    Attributes:
        content: the pickled job; each path of a file is replaced by the file's hash and the last parts of its path.
        program: version of the program that packed it; another one could not read it, or would compute other numbers.
        key, task_name: names of the unit and its task.
    """

    content: bytes
    program: str
    key: str
    task_name: str


@dataclass(frozen=True)
class SentJob(Job):
    """A job for an executor of the flow run; only ``packed`` is sent to the worker."""

    packed: PackedJob | None = None

    @override
    def __reduce__(self) -> Any:
        return _itself, (self.packed,)


def _itself(packed: PackedJob) -> PackedJob:
    return packed


class _Packer(pickle.Pickler):
    """Replaces the path of every file in a job: inputs, external files, and those of a source."""

    def __init__(self, buffer: io.BytesIO, known: dict[Path, str]) -> None:
        super().__init__(buffer)
        self._known = known
        self.files: dict[str, Path] = {}

    @override
    def persistent_id(self, obj: Any) -> tuple[str, str] | None:
        if not (isinstance(obj, Path) and obj.is_file()):
            return None
        sha256 = self._known.get(obj) or sha256_of(obj)
        self.files[sha256] = obj
        # The accounts of a source tell its files by name, two files of one name by their folders.
        return sha256, "/".join(obj.absolute().parts[1:][-2:])


class _Unpacker(pickle.Unpickler):
    """Gives the files of a job paths in a folder, and notes their hashes."""

    def __init__(self, content: bytes, folder: Path) -> None:
        super().__init__(io.BytesIO(content))
        self._folder = folder
        self.files: dict[Path, str] = {}

    @override
    def persistent_load(self, pid: tuple[str, str]) -> Path:
        sha256, name = pid
        path = self._folder / sha256 / name
        self.files[path] = sha256
        return path


def _unpacked(content: bytes, store: WorkStore, folder: Path) -> Job:
    """A job with its files, of which those that earlier jobs fetched into the folder are found again."""
    unpacker = _Unpacker(content, folder)
    job: Job = unpacker.load()
    # A file that is there was hashed on arrival; nobody else writes here.
    missing = {path: sha256 for path, sha256 in unpacker.files.items() if not path.exists()}
    _transfer(lambda path: store.get_file(missing[path], path), missing)
    return job


class StoreExecutor:
    """An executor whose jobs run elsewhere: puts their inputs into the store and fetches their outputs.

    The executor inside must call :func:`run_sent` on the worker.
    """

    def __init__(self, inner: Executor, store: WorkStore) -> None:
        self.name, self.shares_process, self.slots = inner.name, inner.shares_process, inner.slots
        self._inner, self._store = inner, store
        self._jobs: dict[str, Job] = {}
        self._unsent: list[Outcome] = []
        self._known = store.names("files")

    def submit(self, job: Job, needs: tuple[str, ...]) -> None:
        """Send a job; one whose files cannot be put into the store fails."""
        try:
            packed = self._pack(job)
        except PipelineError as error:
            self._unsent.append(Outcome(job.unit.key, job.unit.task.name, "failed", message=str(error)))
            return
        # The log of an earlier try; a worker that dies leaves none.
        job.log_path.unlink(missing_ok=True)
        self._jobs[job.unit.key] = job
        self._inner.submit(SentJob(**{f.name: getattr(job, f.name) for f in fields(job)}, packed=packed), needs)

    def wait(self) -> list[Outcome]:
        """Outcomes of ended units, whose outputs and logs are now in the run's folder."""
        if self._unsent:
            ended, self._unsent = self._unsent, []
            return ended
        return [self._received(outcome) for outcome in self._inner.wait()]

    def _pack(self, job: Job) -> PackedJob:
        known = dict(zip(_paths(job), _hashes(job), strict=True))
        buffer = io.BytesIO()
        packer = _Packer(buffer, known)
        packer.dump(job)
        new = {sha256: path for sha256, path in packer.files.items() if sha256 not in self._known}
        _transfer(lambda sha256: self._store.put_file(new[sha256], sha256), new)
        self._known |= new.keys()
        return PackedJob(buffer.getvalue(), program(), job.unit.key, job.unit.task.name)

    def _received(self, outcome: Outcome) -> Outcome:
        job = self._jobs.pop(outcome.key)
        # The path of a log in the store is relative.
        if outcome.log_path is not None and not outcome.log_path.is_absolute():
            with suppress(PipelineError):
                self._store.get(outcome.log_path.as_posix(), job.log_path)
        outcome = replace(outcome, log_path=job.log_path if job.log_path.exists() else None)
        if outcome.manifest is None:
            return outcome
        try:
            fetch_outputs(self._store, outcome.manifest, job.root)
            self._known |= {record.sha256 for record in outcome.manifest.outputs.values()}
            outcome.manifest.write(job.manifest_path)
        except PipelineError as error:
            return replace(outcome, state="failed", message=str(error), manifest=None)
        return outcome


def _paths(job: Job) -> list[Path]:
    return [*(path for paths in job.inputs.values() for path in paths), *filter(None, job.externals.values())]


def _hashes(job: Job) -> list[str]:
    return [*(sha256 for hashes in job.cause.inputs.values() for sha256 in hashes), *job.cause.externals.values()]


def fetch_outputs(store: WorkStore, manifest: Manifest, root: Path) -> None:
    """Fetch the outputs of a unit into the run's folder.

    Raises:
        PipelineError: one is missing or damaged, the store cannot be reached, or the disk is full.
    """

    def fetch(record: FileRecord) -> None:
        path = root / record.path
        store.get_file(record.sha256, path)
        # The time that the manifest records, so that the file counts as unchanged.
        os.utime(path, ns=(record.modified_ns, record.modified_ns))

    _transfer(fetch, manifest.outputs.values())


def _transfer(transfer: Callable[[T], None], items: Iterable[T]) -> None:
    """Transfer several files at the same time; raises the first error."""
    with ThreadPoolExecutor(TRANSFERS) as pool:
        list(pool.map(transfer, items))


def restore(store: WorkStore, work: Work) -> list[str]:
    """Fetch the units of a plan that an earlier flow run of this id left in the store and this machine lacks.

    Whether they are still current is for the schedule to decide. A unit whose files are damaged is left out.

    Returns:
        Keys of the units that were fetched.

    Raises:
        PipelineError: the store cannot be used.
    """
    stored = store.names("manifests")
    found = []
    for unit in work.plan.units:
        name, path = f"{unit.stem}.json", work.root / "manifests" / f"{unit.stem}.json"
        if name not in stored or path.exists():
            continue
        with temporary_folder("manifest", work.root) as folder:
            store.get(f"manifests/{name}", Path(folder) / "manifest.json")
            manifest = Manifest.read(Path(folder) / "manifest.json")
        if manifest is None or not {r.path for r in manifest.outputs.values()} <= set(RUN_LAYOUT.paths(unit)):
            continue
        with suppress(PipelineError):
            fetch_outputs(store, manifest, work.root)
            manifest.write(path)
            found.append(unit.key)
    return found


def run_sent(packed: PackedJob, store: WorkStore, folder: Path) -> Outcome:
    """Run a job on a worker; a failure is returned, never raised.

    Args:
        packed: the job.
        store: the run's folder in the store.
        folder: a folder of this worker alone, on its own disk. Files that were fetched stay there for later jobs.

    Returns:
        The outcome. Its log is in the store, under the relative path that it gives.
    """
    if packed.program != program():
        return _failed(
            packed,
            f"This worker runs {program()}, but the flow run {packed.program}. Start scheduler, workers and flow run "
            "from one image, and run the same command again.",
        )
    try:
        with temporary_folder("unit", folder) as root:
            job = replace(_unpacked(packed.content, store, folder / "files"), root=Path(root))
            return _with_results_put(job, run_job(job), store)
    except Exception as error:
        known = error if isinstance(error, PipelineError) else full_disk_error(error, folder)
        return _failed(packed, str(known) if known else f"{type(error).__name__}: {error}")


def _with_results_put(job: Job, outcome: Outcome, store: WorkStore) -> Outcome:
    """Put the log, the outputs and last the manifest of a unit; the path of the log becomes that in the store."""
    log = None
    if job.log_path.exists():
        log = job.log_path.relative_to(job.root)
        store.put(job.log_path, log.as_posix())
    if outcome.manifest is None:
        return replace(outcome, log_path=log, message=_on_this_worker(outcome.message))
    _transfer(lambda record: store.put_file(job.root / record.path, record.sha256), outcome.manifest.outputs.values())
    store.put(job.manifest_path, job.manifest_path.relative_to(job.root).as_posix())
    return replace(outcome, log_path=log)


def _failed(packed: PackedJob, message: str) -> Outcome:
    return Outcome(packed.key, packed.task_name, "failed", message=_on_this_worker(message))


def _on_this_worker(message: str) -> str:
    return f"On worker {platform.node()}: {message}"
