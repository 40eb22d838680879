"""Atomic files: a file is either whole or absent, whatever kills the program.

Everything that the pipeline writes goes through :func:`atomic_path` or :func:`atomic_folder`.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nibrs_estimation.pipeline.errors import PipelineError

TEMPORARY_SUFFIX = ".partial"
_FULL = "No space left on device"
#: What Polars says where the end of a file could not be written, and how little space (bytes) explains it.
_CUT, _LITTLE = "transport error", 2**20
_working: ContextVar[Path | None] = ContextVar("working_folder", default=None)


def checkpoint(name: str, path: Path) -> None:
    """Mark a moment at which a crash must do no harm; the fault tests replace this function to crash there."""


@contextmanager
def atomic_path(path: Path, *, is_synced: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it is synced and renamed over ``path``.

    Without ``is_synced`` a power cut, though no crash of the program, may lose the file.

    On any exception the temporary file is removed and ``path`` stays as it was.

    Raises:
        PipelineError: the disk is full or the folder cannot be written; names the folder and the fix.
    """
    temporary = path.with_name(f".{path.name}{TEMPORARY_SUFFIX}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _explained(error, path) from error
    try:
        checkpoint("before write", path)
        yield temporary
        if is_synced:
            _sync(temporary)
        checkpoint("before rename", path)
        temporary.replace(path)
        if is_synced:
            _sync(path.parent)
        checkpoint("after rename", path)
    except OSError as error:
        raise _explained(error, path) from error
    finally:
        # Where nothing may be written there is nothing to remove, and the first error is the one to tell.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a small text file atomically, one that can be made again: manifests, metadata, pages."""
    with atomic_path(path, is_synced=False) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON document atomically, keys in the given order."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files that a killed process left under ``folder``."""
    for leftover in folder.rglob(f".*{TEMPORARY_SUFFIX}"):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()


@contextmanager
def working_under(folder: Path) -> Iterator[None]:
    """Let :func:`temporary_folder` make its folders here: the system's own is often small, and in memory."""
    token = _working.set(folder)
    try:
        yield
    finally:
        _working.reset(token)


def temporary_folder(name: str, parent: Path | None = None) -> TemporaryDirectory[str]:
    """A folder that goes with the returned object, or with the next run's leftovers if this process is killed.

    It stands in ``parent``, else in the run's folder, else in the system's folder for temporary files.

    Raises:
        PipelineError: it cannot be made; names the fix.
    """
    parent = parent or _working.get()
    try:
        if parent is not None:
            parent.mkdir(parents=True, exist_ok=True)
        return TemporaryDirectory(prefix=f".{name}-", suffix=TEMPORARY_SUFFIX, dir=parent)
    except OSError as error:
        raise PipelineError(
            f"No temporary folder can be made in {parent or 'the folder that TMPDIR names'} ({error.strerror}). Free "
            f"some space there, or choose another folder with {'SCRATCH_DIR' if parent else 'TMPDIR'}, and run the "
            "same command again."
        ) from error


def full_disk(error: BaseException, folder: Path) -> PipelineError | None:
    """What to tell of a full disk, whichever library met it while it wrote to a folder; None of another error."""
    is_said = (isinstance(error, OSError) and error.errno == errno.ENOSPC) or _FULL in str(error)
    is_cut = _CUT in str(error) and shutil.disk_usage(folder).free < _LITTLE
    if not is_said and not is_cut:
        return None
    return PipelineError(
        f"A disk is full ({error}). Free some space in the run's folder and in the folder for temporary files, or "
        "choose others with SCRATCH_DIR and TMPDIR, and run the same command again."
    )


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _explained(error: OSError, path: Path) -> PipelineError:
    if error.errno == errno.ENOSPC:
        return PipelineError(
            f"The disk is full: {path} could not be written and was left as it was. "
            f"Free some space under {path.parent}, or choose another folder, and run the same command again."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return PipelineError(
            f"No permission to write {path}. Make {path.parent} writable for this user, or choose another "
            "folder with SCRATCH_DIR, ARTIFACT_STORE or OUTPUT_PIPELINE_DIR."
        )
    return PipelineError(f"{path} could not be written: {error.strerror or error}.")
