"""`nibrs doctor`: what this machine and these settings can do, and what to mend."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nibrs_estimation.cli.settings import Settings
from nibrs_estimation.pipeline import memory
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.store import open_store
from nibrs_estimation.sources.registry import open_source

LEAST_MEMORY_GIB = 2.0
LEAST_DISK_GIB = 2.0


@dataclass(frozen=True)
class Finding:
    """What a check found; ``mend`` means that something will not work as it is."""

    what: str
    state: Literal["ok", "mend", "not set"]
    finding: str


def examine(settings: Settings) -> list[Finding]:
    """Run every check; none stops the others."""
    return [
        _python(),
        _memory(settings),
        _disk(settings.scratch_dir),
        Finding("settings", "ok", f"data year {settings.data_year}, logs from {settings.log_threshold} up"),
        _attempt("source", lambda: _source(settings)),
        _attempt("artifact store", lambda: _store(settings.artifact_store, settings)),
        _attempt("external store", lambda: _store(settings.external_store, settings)),
        _database(settings),
    ]


def _python() -> Finding:
    # An older Python cannot even import this package, so there is nothing to mend here.
    return Finding("Python", "ok", ".".join(map(str, sys.version_info[:3])))


def _memory(settings: Settings) -> Finding:
    gib = memory.machine_bytes() / 2**30
    if gib < LEAST_MEMORY_GIB:
        return Finding("memory", "mend", f"{gib:.1f} GiB: the demo needs {LEAST_MEMORY_GIB:g} GiB")
    return Finding("memory", "ok", f"{gib:.1f} GiB, of which tasks may claim {settings.memory_gib():.1f} GiB")


def _disk(scratch: Path) -> Finding:
    folder = next(path for path in (scratch.absolute(), *scratch.absolute().parents) if path.exists())
    gib = shutil.disk_usage(folder).free / 2**30
    if gib < LEAST_DISK_GIB:
        return Finding(
            "disk", "mend", f"{gib:.1f} GiB free in {folder}: free some, or set SCRATCH_DIR to another folder"
        )
    return Finding("disk", "ok", f"{gib:.0f} GiB free for SCRATCH_DIR={scratch}")


def _source(settings: Settings) -> str:
    source = open_source(settings.source_spec(), settings.database())
    return source.probe(settings.data_year, settings.nibrs_seed).summary


def _store(location: str, settings: Settings) -> str:
    store = open_store(location, settings.s3())
    store.check()
    return str(store)


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
        return Finding(what, "mend", str(error))
