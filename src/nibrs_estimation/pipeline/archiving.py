"""Archives: copies of whole runs in a folder or bucket, as publications of all files of a run."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from pathlib import Path

from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.files import TEMPORARY_SUFFIX, sha256_of, temporary_folder
from nibrs_estimation.pipeline.manifest import Manifest
from nibrs_estimation.pipeline.publishing import (
    Published,
    check_published,
    conflict,
    publish,
    read_published,
    verify_published,
)
from nibrs_estimation.pipeline.run import run_lock
from nibrs_estimation.pipeline.runs import LOCK_FILE, RECORD_FILE, RunRecord, remove_run
from nibrs_estimation.pipeline.store import LocalStore, Store, checked_key

Note = Callable[[str], None]


def archive_run(folder: Path, store: Store, note: Note, *, keeps_local: bool) -> Published:
    """Copy a run to ``store/<run id>``, read the copy back and compare it, then remove the run.

    A command that was stopped goes on when it is given again: files that are there are not copied again.

    Args:
        folder: the run's folder.
        store: where the copy is made.
        note: called with a line before each step.
        keeps_local: do not remove the run.

    Returns:
        The archive.

    Raises:
        UsageError: there is no such run, or the place contains something else.
        PipelineError: the run is going on, the copy could not be made or differs. Then nothing was removed.
    """
    run_id = folder.name
    if not folder.is_dir():
        raise UsageError(f"There is no run {run_id} in {folder.parent} (SCRATCH_DIR). `nibrs runs` lists the runs.")
    _check_place(folder, store)
    with run_lock(folder), store.lock(f"{run_id}/{LOCK_FILE}", f"{platform.node()}, process {os.getpid()}"):
        record = RunRecord.read(folder)
        if record is None:
            raise UsageError(f"{folder} is not a run: it contains no {RECORD_FILE}. Nothing was copied or removed.")
        _check_archive(store, run_id, record)
        files = _files(folder)
        n_bytes = sum(path.stat().st_size for path, _name in files)
        note(f"Copying {len(files):,} files ({n_bytes / 2**20:,.0f} MiB) to {store}/{run_id}.")
        with temporary_folder("archive") as temporary:
            publish(store, run_id, record, files, Path(temporary))
        note("Reading the copy back.")
        found = verify_published(store, run_id)
        if not keeps_local:
            note(f"Removing {folder}.")
            remove_run(folder)
    return found


def restore_run(store: Store, folder: Path, note: Note) -> Published:
    """Copy an archived run back; its files have the hashes and times that its manifests list, so its tasks are kept.

    A command that was stopped goes on when it is given again.

    Raises:
        UsageError: the run exists, or the place contains no archive of it.
        PipelineError: the archive is not complete, or a file differs from what was archived.
    """
    found = check_published(store, folder.name)
    if RECORD_FILE not in found.files:
        raise UsageError(f"{store}/{folder.name} contains published results, not an archived run.")
    with run_lock(folder):
        if (folder / RECORD_FILE).exists():
            raise UsageError(f"Run {folder.name} exists in {folder.parent}. Nothing was restored.")
        note(f"Copying {len(found.files):,} files from {store}/{folder.name}.")
        # The record comes last: until then, the folder is no run.
        for name in sorted(found.files, key=lambda name: name == RECORD_FILE):
            _restore_file(store, folder, name, found.files[name])
        _restore_times(folder)
    return found


def _restore_file(store: Store, folder: Path, name: str, sha256: str) -> None:
    path = folder / checked_key(name)
    if path.is_file() and sha256_of(path) == sha256:
        return
    store.get(f"{folder.name}/{name}", path)
    if sha256_of(path) != sha256:
        path.unlink()
        raise PipelineError(
            f"{name} in {store}/{folder.name} is not what was archived: its SHA-256 differs. Put the file back from a "
            "backup or an older version of the bucket, and run the same command again."
        )


def _restore_times(folder: Path) -> None:
    """Set the times of outputs to those of the manifests, by which a run decides that a file is unchanged."""
    for path in folder.glob("*/manifests/**/*.json"):
        manifest = Manifest.read(path)
        root = folder / path.relative_to(folder).parts[0]
        for output in manifest.outputs.values() if manifest else ():
            if (root / output.path).is_file():
                os.utime(root / output.path, ns=(output.modified_ns, output.modified_ns))


def _files(folder: Path) -> list[tuple[Path, str]]:
    """All files of a run with their names in the archive, the record last; no lock and no unfinished file."""
    paths = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.name != LOCK_FILE
        and not any(part.endswith(TEMPORARY_SUFFIX) for part in path.relative_to(folder).parts)
    ]
    names = [(path, path.relative_to(folder).as_posix()) for path in paths]
    return sorted(names, key=lambda named: named[1] == RECORD_FILE)


def _check_place(folder: Path, store: Store) -> None:
    if not isinstance(store, LocalStore):
        return
    place, here = (store.folder / folder.name).resolve(), folder.resolve()
    if place == here or here in place.parents or place in here.parents:
        raise UsageError(f"{store} is the run's own place. Name another folder or bucket.")


def _check_archive(store: Store, run_id: str, record: RunRecord) -> None:
    earlier = read_published(store, run_id)
    if earlier is not None and RECORD_FILE not in earlier.files:
        raise UsageError(f"{store}/{run_id} contains published results. Name another folder or bucket for archives.")
    found = conflict(store, run_id, record)
    if found:
        raise UsageError(f"{found} Name another folder or bucket for this archive.")
