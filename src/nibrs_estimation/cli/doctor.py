"""Checks of the machine and the settings. Access is tested, and test files are removed."""

from __future__ import annotations

import shutil
import sys
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nibrs_estimation.cli.public_folder import missing_text
from nibrs_estimation.cli.settings import Settings
from nibrs_estimation.cli.version import version_text
from nibrs_estimation.pipeline import memory
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.store import LocalStore, open_store
from nibrs_estimation.sources.public import survey
from nibrs_estimation.sources.registry import newest_year, open_source

LEAST_MEMORY_GIB = 2.0
LEAST_DISK_GIB = 2.0
_PROBE = "nibrs doctor: can this be written?\n"


@dataclass(frozen=True)
class Finding:
    """Result of a check; ``fix`` means that something must be corrected.

    ``missing`` is a public file without which less can be estimated.
    """

    what: str
    state: Literal["ok", "fix", "missing", "not set"]
    finding: str


def examine(settings: Settings) -> list[Finding]:
    """Run all checks; a failure does not stop the others."""
    return [
        Finding("version", "ok", version_text()),
        _python(),
        _memory(settings),
        _disk(settings.scratch_dir),
        Finding("settings", "ok", f"{_year(settings)}, logs from {settings.log_threshold} up"),
        _source(settings),
        _attempt("scratch folder", lambda: _try_folder(settings.scratch_dir, "SCRATCH_DIR")),
        _attempt("artifact store", lambda: _try_store(settings, settings.artifact_store, "ARTIFACT_STORE")),
        _attempt("external store", lambda: _externals(settings)),
        _work_store(settings),
        _output(settings),
        _database(settings),
    ]


def examine_downloads(folder: Path, year: int) -> list[Finding]:
    """What is wrong with a folder of public downloads, and what is still missing for estimates of a year.

    Raises:
        UsageError: there is no such folder, or it is empty.
    """
    found = survey(folder, year)
    used = len({file.recognized.kind.name for file in found.files if file.recognized and file.use == "used"})
    what = f"public files of {year}"
    text = f"{folder} holds {used} kinds of file of use"
    if found.can_estimate:
        whole = Finding(what, "ok", text)
    else:
        whole = Finding(what, "fix", f"{text}, but no NIBRS master file, no zip of a state and no Return A master file")
    return [
        whole,
        *(Finding(what, "fix", f"{file.where}: {file.reason}") for file in found.faults),
        *(Finding(missing.kind.title, "missing", missing_text(missing)) for missing in found.missing),
    ]


def _year(settings: Settings) -> str:
    if settings.data_year is None:
        return "no data year set (DATA_YEAR); default: the latest of the zips or the database"
    return f"data year {settings.data_year}"


def _python() -> Finding:
    # An older Python cannot import this package, so there is nothing to check.
    return Finding("Python", "ok", ".".join(map(str, sys.version_info[:3])))


def _memory(settings: Settings) -> Finding:
    gib = memory.machine_bytes() / 2**30
    if gib < LEAST_MEMORY_GIB:
        return Finding("memory", "fix", f"{gib:.1f} GiB: the demo needs {LEAST_MEMORY_GIB:g} GiB")
    return Finding("memory", "ok", f"{gib:.1f} GiB, of which tasks may use {settings.memory_gib():.1f} GiB")


def _disk(scratch: Path) -> Finding:
    folder = _nearest(scratch)
    gib = shutil.disk_usage(folder).free / 2**30
    if gib < LEAST_DISK_GIB:
        return Finding(
            "disk", "fix", f"{gib:.1f} GiB free in {folder}: free some space, or set SCRATCH_DIR to another folder"
        )
    return Finding("disk", "ok", f"{gib:.0f} GiB free for SCRATCH_DIR={scratch}")


def _source(settings: Settings) -> Finding:
    spec = settings.source_spec()
    if spec is None:
        return Finding("source", "not set", "none configured; use --source with `nibrs run`, or set NIBRS_SOURCE")

    def summary() -> str:
        source = open_source(spec, settings.database())
        year = settings.data_year or newest_year(source)
        if year is None:
            return f"{source.spec} generates synthetic data; give --year with it, or set DATA_YEAR"
        return source.probe(year, settings.nibrs_seed).summary

    return _attempt("source", summary)


def _nearest(folder: Path) -> Path:
    """The folder, or its nearest parent that exists."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def _try_folder(folder: Path, setting: str) -> str:
    """Write a file to the folder or its nearest parent, and remove it.

    Raises:
        PipelineError: the file cannot be written.
    """
    nearest = _nearest(folder)
    try:
        with tempfile.TemporaryDirectory(prefix=".nibrs-probe-", dir=nearest) as probe:
            (Path(probe) / "probe").write_text(_PROBE, encoding="utf-8")
            if (Path(probe) / "probe").read_text(encoding="utf-8") != _PROBE:
                raise PipelineError(f"A file in {nearest} has other content after writing. Check the disk.")
    except OSError as error:
        raise PipelineError(
            f"{folder} cannot be used: {nearest} cannot be written ({error.strerror or error}). Make it writable for "
            f"this user, or set {setting} to another folder."
        ) from error
    return f"{folder} can be written" + (
        "" if nearest == folder.absolute() else "; it will be created when it is needed"
    )


def _try_store(settings: Settings, location: str, setting: str) -> str:
    store = open_store(location, settings.s3())
    store.check()
    if isinstance(store, LocalStore):
        return _try_folder(store.folder, setting)
    key = f".nibrs-probe-{uuid.uuid4().hex}"
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / "probe"
        local.write_text(_PROBE, encoding="utf-8")
        # `put` reads the file back and compares it.
        store.put(local, key)
    store.delete(key)
    return f"{store} can be written"


def _externals(settings: Settings) -> str:
    store = open_store(settings.external_store, settings.s3())
    store.check()
    return str(store)


def _work_store(settings: Settings) -> Finding:
    location = settings.work_store
    if location is None:
        return Finding("work store", "not set", "WORK_STORE is for Dask workers without the folders of this machine")
    return _attempt("work store", lambda: _try_store(settings, location, "WORK_STORE"))


def _output(settings: Settings) -> Finding:
    folder = settings.output_pipeline_dir
    if folder is None:
        return Finding("output folder", "not set", "OUTPUT_PIPELINE_DIR is for statistics mode only")
    return _attempt("output folder", lambda: _try_folder(folder, "OUTPUT_PIPELINE_DIR"))


def _database(settings: Settings) -> Finding:
    database = settings.database()
    if database is None:
        return Finding("database", "not set", "no database configured; set PGHOST to use one")

    def answer() -> str:
        with database.connect():
            return f"{database} answers"

    return _attempt("database", answer)


def _attempt(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, "ok", check())
    except PipelineError as error:
        return Finding(what, "fix", str(error))
