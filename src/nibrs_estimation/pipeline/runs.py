"""The runs of a scratch folder: which there are, and what each remembers of its source."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.files import write_json
from nibrs_estimation.pipeline.identity import Identity

#: In a run's folder, for all its flows.
MEMORY_FILE = "run.json"
METADATA_FILE = "run_metadata.json"
LOCK_FILE = ".lock"
RUNNING, STOPPED = "running", "stopped"
#: Number of the names and columns of a run's datasets; it goes up when a version of the program renames them.
FORMAT = 3
MAIN_FLOW = "all"
_RUN_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")


def check_run_id(run_id: str) -> str:
    """Return a run id that is a plain name.

    Raises:
        UsageError: it could be taken for a path.
    """
    if run_id in (".", "..") or not _RUN_ID.fullmatch(run_id):
        raise UsageError(
            f"{run_id!r} is not a run id. A run id is a name of 1 to 100 letters, digits, dots, underscores and "
            "hyphens, such as vt-2024."
        )
    return run_id


@dataclass(frozen=True)
class Memory:
    """What a run remembers, so that the same command goes on and another is refused.

    Attributes:
        identity: its source, year and seed.
        fingerprint: of the source's content, as :class:`~nibrs_estimation.pipeline.source.Probe` tells it.
    """

    identity: Identity
    fingerprint: str

    def write(self, folder: Path) -> None:
        """Put it into a run's folder."""
        write_json(folder / MEMORY_FILE, {**dataclasses.asdict(self), "format": FORMAT})

    @classmethod
    def read(cls, folder: Path) -> Memory | None:
        """That of a run's folder, or None where there is none."""
        content = _json(folder / MEMORY_FILE)
        try:
            return cls(Identity(**content["identity"]), content["fingerprint"])
        except (KeyError, TypeError):
            return None


@dataclass(frozen=True)
class Claim:
    """What a command means for a run that may be there already.

    Attributes:
        memory: what the run remembers from now on: a source under another name, but with the same content, keeps its
            first name.
        note: what people should know, or None for a new run.
        starts_over: whether all that the run holds must go first.
    """

    memory: Memory
    note: str | None
    starts_over: bool


def decide(folder: Path, asked: Memory, *, is_content_hash: bool, force: bool) -> Claim:
    """Whether a command begins a run, goes on with it, or starts it over; nothing is changed yet.

    Args:
        folder: of the run.
        asked: what this command asks for.
        is_content_hash: whether equal fingerprints mean equal content.
        force: start over where the run is of something else.

    Raises:
        UsageError: the run is of another source, year or seed, or was made by another version of the program.
    """
    if is_of_other_version(folder):
        if not force:
            raise UsageError(other_version(folder))
        note = f"Starting run {asked.identity.run_id} over: what another version of the program made is removed."
        return Claim(asked, note, starts_over=True)
    known = Memory.read(folder)
    if known is None:
        return Claim(asked, None, starts_over=False)
    was, wanted = known.identity, asked.identity
    same_content = is_content_hash and known.fingerprint == asked.fingerprint
    same_source = was.source == wanted.source or same_content
    if same_source and (was.year, was.seed) == (wanted.year, wanted.seed):
        note = f"Going on with run {wanted.run_id}: {was.text}."
        if is_content_hash and not same_content:
            note += " The source's files have changed since: what follows from them is made again."
        return Claim(Memory(was, asked.fingerprint), note, starts_over=False)
    if force:
        return Claim(
            asked, f"Starting run {wanted.run_id} over: what it held of {_of(was)} is removed.", starts_over=True
        )
    raise UsageError(
        f"Run {wanted.run_id} is of {_of(was)}; this command asks for {_of(wanted)}. Choose another run id; or give "
        "the run's own options to go on with it; or add --force to start it over: all that it holds, in "
        f"{folder} and published, is then removed first."
    )


def is_of_other_version(folder: Path) -> bool:
    """Whether a folder holds a run whose datasets have other names than this version's."""
    content = _json(folder / MEMORY_FILE)
    is_run = bool(content) or any(folder.glob(f"*/{METADATA_FILE}"))
    return is_run and content.get("format") != FORMAT


def other_version(folder: Path) -> str:
    """What to do about a run of another version."""
    return (
        f"Run {folder.name} in {folder.parent} was made by another version of this program, whose datasets have other "
        "names and columns. Choose another run id; or give the command that made it with --force, which removes it and "
        "makes it again; or go on with it in the version that made it (its run.html names it)."
    )


def clear(folder: Path) -> None:
    """Remove all that a run's folder holds but its lock."""
    for path in folder.iterdir():
        if path.name != LOCK_FILE:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _of(identity: Identity) -> str:
    return f"source {identity.source}, year {identity.year}, seed {identity.seed}"


@dataclass(frozen=True)
class RunRecord:
    """One flow of a run.

    Attributes:
        run_id, flow: their names.
        identity: source, year and seed; None where the run's metadata do not tell them.
        state: running, stopped (its process died or was told to stop), failed or finished.
        started, ended: ISO 8601, or None while it is not known.
        folder: of the flow's datasets, documents and logs.
    """

    run_id: str
    flow: str
    identity: Identity | None
    state: str
    started: str | None
    ended: str | None
    folder: Path


def list_runs(scratch: Path, run_id: str = "*") -> list[RunRecord]:
    """Every flow of every run of a scratch folder, or of one run; the one that began last first."""
    found = []
    for path in scratch.glob(f"{run_id}/*/{METADATA_FILE}"):
        about = _json(path)
        folder = path.parent
        state = str(about.get("state", STOPPED))
        if state == RUNNING and not is_locked(folder.parent):
            # Its process was killed before it could say so.
            state = STOPPED
        found.append(
            RunRecord(
                run_id=folder.parent.name,
                flow=folder.name,
                identity=_identity(folder.parent, about),
                state=state,
                started=about.get("started"),
                ended=about.get("ended"),
                folder=folder,
            )
        )
    return sorted(found, key=lambda run: (run.started or "", run.run_id, run.flow), reverse=True)


def is_locked(run_folder: Path) -> bool:
    """Whether a process works on a run at this moment."""
    try:
        with (run_folder / LOCK_FILE).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _identity(run_folder: Path, about: dict[str, Any]) -> Identity | None:
    memory = Memory.read(run_folder)
    if memory is not None:
        return memory.identity
    try:
        return Identity(**about["identity"])
    except (KeyError, TypeError):
        return None


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
