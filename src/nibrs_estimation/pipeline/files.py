"""Atomic files: a file is either complete or absent, even if the program is killed.

All files of the pipeline are written with :func:`atomic_path` or :func:`atomic_folder`.
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
#: Error text of Polars for a truncated file, and the free space (bytes) below which a full disk is the cause.
_TRUNCATED, _LITTLE_SPACE = "transport error", 2**20
_working: ContextVar[Path | None] = ContextVar("working_folder", default=None)


def checkpoint(name: str, path: Path) -> None:
    """Mark a point at which a crash must do no harm; fault tests replace this function to crash here."""


@contextmanager
def atomic_path(path: Path, *, is_synced: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it is synced and renamed over ``path``.

    Without ``is_synced``, a power failure may lose the file; a crash of the program does not.

    On any exception the temporary file is removed and ``path`` is unchanged.

    Raises:
        PipelineError: the disk is full or the folder cannot be written; names the folder and the fix.
    """
    temporary = path.with_name(f".{path.name}{TEMPORARY_SUFFIX}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _write_error(error, path) from error
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
        raise _write_error(error, path) from error
    finally:
        # If this fails too, the first error is the one to report.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a small text file atomically, without syncing: manifests, metadata, pages."""
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
    """Let :func:`temporary_folder` create its folders here: the system's temporary folder is often small."""
    token = _working.set(folder)
    try:
        yield
    finally:
        _working.reset(token)


def temporary_folder(name: str, parent: Path | None = None) -> TemporaryDirectory[str]:
    """A folder that is removed with the returned object, or by the next run if this process is killed.

    It is in ``parent``, otherwise in the run's folder, otherwise in the system's temporary folder.

    Raises:
        PipelineError: it cannot be created; names the fix.
    """
    parent = parent or _working.get()
    try:
        if parent is not None:
            parent.mkdir(parents=True, exist_ok=True)
        return TemporaryDirectory(prefix=f".{name}-", suffix=TEMPORARY_SUFFIX, dir=parent)
    except OSError as error:
        raise PipelineError(
            f"No temporary folder can be created in {parent or 'the folder that TMPDIR names'} ({error.strerror}). "
            f"Free some space there, or choose another folder with {'SCRATCH_DIR' if parent else 'TMPDIR'}, and run "
            "the same command again."
        ) from error


def full_disk_error(error: BaseException, folder: Path) -> PipelineError | None:
    """The error for a full disk, from whichever library it came; None for any other error."""
    is_truncated = _TRUNCATED in str(error) and shutil.disk_usage(folder).free < _LITTLE_SPACE
    if not _says_full(error) and not is_truncated:
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


def _says_full(error: BaseException) -> bool:
    """Whether an error says that a disk is full; errors of libraries have no number."""
    return (isinstance(error, OSError) and error.errno == errno.ENOSPC) or _FULL in str(error)


def _write_error(error: OSError, path: Path) -> PipelineError:
    if _says_full(error):
        return PipelineError(
            f"The disk is full: {path} could not be written and is unchanged. "
            f"Free some space under {path.parent}, or choose another folder, and run the same command again."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return PipelineError(
            f"No permission to write {path}. Make {path.parent} writable for this user, or choose another "
            "folder with SCRATCH_DIR, ARTIFACT_STORE or OUTPUT_PIPELINE_DIR."
        )
    return PipelineError(f"{path} could not be written: {error.strerror or error}.")
