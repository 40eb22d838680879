"""Publication of a run's results again, from its folder alone: no source is read and nothing is computed."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.files import sha256_of
from nibrs_estimation.pipeline.flow import Flow
from nibrs_estimation.pipeline.manifest import Manifest
from nibrs_estimation.pipeline.publishing import COMPLETE, MARKER, Published, conflict, publish, verify_published
from nibrs_estimation.pipeline.run import artifact_prefix, published_name, run_lock
from nibrs_estimation.pipeline.runs import LOCK_FILE, RunRecord
from nibrs_estimation.pipeline.store import Store


def publish_again(flow: Flow, folder: Path, store: Store) -> tuple[str, Published]:
    """Publish what a run published last, or was publishing when it was stopped, and read it back.

    Args:
        flow: flow of the run.
        folder: the run's folder.
        store: target.

    Returns:
        The folder in the store, and the publication.

    Raises:
        UsageError: the run has no results of the flow, or the target contains another run.
        PipelineError: the run is going on, or has gone on since; or the store cannot be written.
    """
    root = folder / flow.name
    prefix = artifact_prefix(folder.name, flow.name)
    again = f"Run `nibrs run {flow.name} {folder.name}` with the options of the run; finished tasks are kept."
    if not root.is_dir():
        raise UsageError(f"Run {folder.name} has no flow {flow.name} in {folder.parent}. `nibrs runs` lists the runs.")
    with run_lock(folder), store.lock(f"{prefix}/{LOCK_FILE}", f"{platform.node()}, process {os.getpid()}"):
        record = RunRecord.read(folder)
        if record is None or not (root / MARKER).is_file():
            raise UsageError(f"Run {folder.name} has published nothing yet. {again}")
        found = conflict(store, prefix, record)
        if found:
            raise UsageError(f"{found} Name another folder or bucket with --to.")
        files = _current_files(flow, root, again)
        publish(store, prefix, record, files, root)
        return prefix, verify_published(store, prefix)


def _current_files(flow: Flow, root: Path, again: str) -> list[tuple[Path, str]]:
    """The files that the run published last, if they are unchanged, in the order of publication."""
    last = json.loads((root / MARKER).read_text(encoding="utf-8"))
    local = _local_files(flow, root)
    files = []
    for name, sha256 in last["files"].items():
        path = local.get(name, root / name)
        if path.is_file() and sha256_of(path) == sha256:
            files.append((path, name))
        elif last["state"] == COMPLETE:
            raise PipelineError(f"{path} is not what the run published: it is missing or has changed since. {again}")
        # Otherwise an interrupted publication, which also lists files of an earlier one that this one lacks.
    return files


def _local_files(flow: Flow, root: Path) -> dict[str, Path]:
    """Name of each output that the flow publishes -> its file, by the manifests."""
    manifests = [Manifest.read(path) for path in (root / "manifests").rglob("*.json")]
    return {
        published_name(output, record): root / record.path
        for manifest in manifests
        if manifest
        for output in flow.publishes
        for record in manifest.files_of(output.name)
    }
