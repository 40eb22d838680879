"""The runs of a scratch folder, and the record that each keeps of its source."""

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

#: File in a run's folder, for all its flows.
RECORD_FILE = "run.json"
METADATA_FILE = "run_metadata.json"
LOCK_FILE = ".lock"
RUNNING, STOPPED = "running", "stopped"
#: Format of a run's datasets; increased when a version of the program renames datasets or columns.
FORMAT = 6
MAIN_FLOW = "all"
#: The flows of summary estimates: of all places, and of the nation for series of many years.
SUMMARY_FLOWS = ("srs", "srs_30")
_RUN_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")


def check_run_id(run_id: str) -> str:
    """Check that a run id is a plain name, and return it.

    Raises:
        UsageError: it is not a plain name.
    """
    if run_id in (".", "..") or not _RUN_ID.fullmatch(run_id):
        raise UsageError(
            f"{run_id!r} is not a run id. A run id is a name of 1 to 100 letters, digits, dots, underscores and "
            "hyphens, such as vt-2024."
        )
    return run_id


@dataclass(frozen=True)
class RunRecord:
    """Record of what a run estimates, so that the same command continues it and another is refused.

    Attributes:
        identity: source, year and seed of the run.
        fingerprint: of the content of the source; see :class:`~nibrs_estimation.pipeline.source.Probe`.
    """

    identity: Identity
    fingerprint: str

    def write(self, folder: Path) -> None:
        """Write it to a run's folder."""
        write_json(folder / RECORD_FILE, {**dataclasses.asdict(self), "format": FORMAT})

    @classmethod
    def read(cls, folder: Path) -> RunRecord | None:
        """Read it from a run's folder; None if there is none."""
        content = _json(folder / RECORD_FILE)
        try:
            return cls(Identity(**content["identity"]), content["fingerprint"])
        except (KeyError, TypeError):
            return None


@dataclass(frozen=True)
class Claim:
    """What a command does to a run that may exist already.

    Attributes:
        record: record of the run from now on; a source with another name but the same content keeps its first name.
        note: message for the user, or None for a new run.
        starts_over: whether the content of the run must be removed first.
    """

    record: RunRecord
    note: str | None
    starts_over: bool


def decide(folder: Path, requested: RunRecord, *, is_content_hash: bool, force: bool) -> Claim:
    """Decide whether a command starts a run, continues it, or starts it over; nothing is changed.

    Args:
        folder: folder of the run.
        requested: what this command requests.
        is_content_hash: whether equal fingerprints mean equal content.
        force: start over if the run differs from the request.

    Raises:
        UsageError: the run has another source, year or seed, or was created by another version of the program.
    """
    if is_of_other_version(folder):
        if not force:
            raise UsageError(version_conflict(folder))
        note = (
            f"Starting run {requested.identity.run_id} over; the files of another version of the program are removed."
        )
        return Claim(requested, note, starts_over=True)
    known = RunRecord.read(folder)
    if known is None:
        return Claim(requested, None, starts_over=False)
    was, wanted = known.identity, requested.identity
    same_content = is_content_hash and known.fingerprint == requested.fingerprint
    same_source = was.source == wanted.source or same_content
    if same_source and (was.year, was.seed) == (wanted.year, wanted.seed):
        note = f"Continuing run {wanted.run_id}: {was.text}."
        if is_content_hash and not same_content:
            note += " The files of the source have changed: results that depend on them are computed again."
        return Claim(RunRecord(was, requested.fingerprint), note, starts_over=False)
    if force:
        return Claim(
            requested,
            f"Starting run {wanted.run_id} over; its results for {_describe(was)} are removed.",
            starts_over=True,
        )
    raise UsageError(
        f"Run {wanted.run_id} is of {_describe(was)}; this command requests {_describe(wanted)}. Choose another run "
        "id; or use the options of the run to continue it; or add --force to start it over, which first removes its "
        f"content in {folder} and its publication."
    )


def is_of_other_version(folder: Path) -> bool:
    """Whether a folder contains a run whose datasets have another format than this version's."""
    content = _json(folder / RECORD_FILE)
    is_run = bool(content) or any(folder.glob(f"*/{METADATA_FILE}"))
    return is_run and content.get("format") != FORMAT


def version_conflict(folder: Path) -> str:
    """Error message for a run of another version."""
    known = _json(folder / RECORD_FILE).get("format")
    which = "a newer" if isinstance(known, int) and known > FORMAT else "another"
    return (
        f"Run {folder.name} in {folder.parent} was created by {which} version of this program, whose datasets have "
        "other names and columns. Choose another run id; or run its command again with --force, which removes the run "
        "and computes it again; or continue it with the version that created it (see its run.html)."
    )


def clear(folder: Path) -> None:
    """Remove everything in a run's folder except its lock."""
    for path in folder.iterdir():
        if path.name != LOCK_FILE:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def remove_run(folder: Path) -> None:
    """Remove a run that the caller has locked; the record and the lock last, so that a part of it remains a run."""
    for path in folder.iterdir():
        if path.name not in (LOCK_FILE, RECORD_FILE):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name in (RECORD_FILE, LOCK_FILE):
        (folder / name).unlink(missing_ok=True)
    folder.rmdir()


def _describe(identity: Identity) -> str:
    return f"source {identity.source}, year {identity.year}, seed {identity.seed}"


@dataclass(frozen=True)
class FlowRun:
    """One flow of a run.

    Attributes:
        run_id, flow: names of the run and the flow.
        identity: source, year and seed; None if the metadata of the run do not contain them.
        state: running, stopped (its process died or was stopped), failed or finished.
        started, ended: ISO 8601; None if unknown.
        folder: folder of the datasets, documents and logs of the flow.
        code_version: version of the program that ran it last; None if unknown.
    """

    run_id: str
    flow: str
    identity: Identity | None
    state: str
    started: str | None
    ended: str | None
    folder: Path
    code_version: str | None = None


def list_runs(scratch: Path, run_id: str = "*") -> list[FlowRun]:
    """The flows of all runs of a scratch folder, or of one run, the latest first."""
    found = []
    for path in scratch.glob(f"{run_id}/*/{METADATA_FILE}"):
        about = _json(path)
        folder = path.parent
        state = str(about.get("state", STOPPED))
        if state == RUNNING and not is_locked(folder.parent):
            # The process was killed before it could record its end.
            state = STOPPED
        found.append(
            FlowRun(
                run_id=folder.parent.name,
                flow=folder.name,
                identity=_identity(folder.parent, about),
                state=state,
                started=about.get("started"),
                ended=about.get("ended"),
                folder=folder,
                code_version=about.get("code_version"),
            )
        )
    return sorted(found, key=lambda run: (run.started or "", run.run_id, run.flow), reverse=True)


def similar_run(scratch: Path, flow: str, identity: Identity) -> Path | None:
    """Folder of the latest other run of a flow, if possible of the same source; None if there is none."""
    others = [run for run in list_runs(scratch) if run.flow == flow and run.run_id != identity.run_id]
    same = [run for run in others if run.identity and run.identity.source == identity.source]
    return next((run.folder for run in same or others), None)


def is_locked(run_folder: Path) -> bool:
    """Whether a process is working on the run now."""
    try:
        with (run_folder / LOCK_FILE).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _identity(run_folder: Path, about: dict[str, Any]) -> Identity | None:
    record = RunRecord.read(run_folder)
    if record is not None:
        return record.identity
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
