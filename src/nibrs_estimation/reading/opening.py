"""Opening a run by its location: the folder of its publication or of its work, or `s3://bucket/prefix`.

A published run is whole or refused; of a run's own folder, the flows that have estimates are opened.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.flow import RUN_LAYOUT
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.publishing import COMPLETE, MARKER, Published, check_published, read_published
from nibrs_estimation.pipeline.runs import (
    MAIN_FLOW,
    METADATA_FILE,
    SUMMARY_FLOWS,
    is_of_other_version,
    version_conflict,
)
from nibrs_estimation.pipeline.store import LocalStore, S3Options, open_store
from nibrs_estimation.pipeline.table import find_table
from nibrs_estimation.reading.files import FetchedFiles, LocalFiles
from nibrs_estimation.reading.run import Run
from nibrs_estimation.reading.runs import NEEDED, EstimatedRun, choices_of_tasks, recorded_choices

_ESTIMATING = (MAIN_FLOW, *SUMMARY_FLOWS)


def open_run(location: str | Path, s3: S3Options | None = None, scratch: Path | None = None) -> Run:
    """Open a run.

    Args:
        location: what it published (``artifacts/vt``, ``s3://bucket/prefix/vt``), or its own folder (``scratch/vt``).
        s3: how to reach S3.
        scratch: folder of all runs' own folders, in which a published run looks for what differences are computed from.

    Raises:
        UsageError: there is no run at the location, or it has no estimates.
        PipelineError: its publication is not whole, or cannot be read.
    """
    text = str(location).rstrip("/")
    if "://" in text:
        return _published_run(_published_in_store(text, s3 or S3Options()), scratch)
    folder = Path(text)
    if not folder.is_dir():
        raise UsageError(f"There is no folder {folder}{_neighbors(folder)}. Name a run's folder, such as artifacts/vt.")
    below = [root for root in sorted(folder.iterdir()) if root.name in _ESTIMATING]
    roots = [root for root in (folder, *below) if (root / METADATA_FILE).is_file()]
    working = [root for root in roots if (root / RUN_LAYOUT.datasets).is_dir()]
    of_work, published = _of_work(working), {} if working else _published_in_folder(roots)
    if not of_work and not published:
        raise UsageError(_no_estimates(folder, working))
    return Run(of_work) if of_work else _published_run(published, scratch)


#: A flow -> what it published, and its list of files.
_Flows = dict[str, tuple[EstimatedRun, Published]]


def _published_run(flows: _Flows, scratch: Path | None) -> Run:
    runs = {flow: run for flow, (run, _published) in flows.items()}
    return Run(runs, lambda flow: None if scratch is None else _working_run(flows[flow][1], flow, scratch))


def _working_run(published: Published, flow: str, scratch: Path) -> EstimatedRun | None:
    """A published run in its own folder, which has more datasets; None if it is not there or has gone on since."""
    root = scratch / published.identity.run_id / flow
    if not (root / MARKER).is_file() or is_of_other_version(root.parent):
        return None
    is_same = _json(root / MARKER).get("files") == dict(published.files)
    return _of_work([root]).get(flow) if is_same else None


def _of_work(roots: list[Path]) -> dict[str, EstimatedRun]:
    """The flows with estimates in a run's own folder.

    Raises:
        UsageError: they are of another version of the program.
    """
    found = {}
    for root in roots:
        about, datasets = _json(root / METADATA_FILE), root / RUN_LAYOUT.datasets
        if is_of_other_version(root.parent):
            raise UsageError(version_conflict(root.parent))
        if root.name in _ESTIMATING and all(find_table(datasets, dataset) for dataset in NEEDED):
            files = LocalFiles(datasets, root / RUN_LAYOUT.documents)
            found[root.name] = EstimatedRun.of(Identity(**about["identity"]), files, choices_of_tasks(root))
    return found


def _published_in_folder(roots: list[Path]) -> _Flows:
    found = {}
    for root in roots:
        published = check_published(LocalStore(root.parent), root.name)
        flow, choices = _about(_json(root / METADATA_FILE))
        if _has_estimates(flow, published):
            found[flow] = EstimatedRun.of(published.identity, LocalFiles(root, root), choices), published
    return found


def _published_in_store(location: str, s3: S3Options) -> _Flows:
    """The flows that a run published in a bucket.

    Raises:
        UsageError: the location names no run's folder, or what is there has no estimates.
        PipelineError: the publication is not whole, or the store cannot be reached.
    """
    above, _, name = location.rpartition("/")
    if above.endswith("/"):
        raise UsageError(f"{location} is a bucket. Name the folder of a run in it, such as {location}/vt.")
    store, found = open_store(above, s3), {}
    for prefix in (name, *(f"{name}/{flow}" for flow in SUMMARY_FLOWS)):
        if read_published(store, prefix) is None:
            continue
        published = check_published(store, prefix)
        files = FetchedFiles(store, prefix, published)
        metadata = files.document(METADATA_FILE)
        flow, choices = _about({} if metadata is None else _json(metadata))
        if _has_estimates(flow, published):
            found[flow] = EstimatedRun.of(published.identity, files, choices), published
    if not found:
        raise UsageError(
            f"{location} has no published estimates: {MARKER} is missing, or it lists none. Publish the run with "
            "ARTIFACT_STORE, or correct the location."
        )
    return found


def _has_estimates(flow: str, published: Published) -> bool:
    names = {Path(name).parts[0].partition(".")[0] for name in published.files}
    return flow in _ESTIMATING and published.state == COMPLETE and all(dataset.name in names for dataset in NEEDED)


def _about(metadata: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Flow of a published run, and its choices of method."""
    return str(metadata.get("flow", "")), recorded_choices(metadata.get("settings", {}))


def _no_estimates(folder: Path, working: list[Path]) -> str:
    """Why a folder cannot be opened, and what to do."""
    states = [f"flow {root.name} is {_json(root / METADATA_FILE).get('state', 'stopped')}" for root in working]
    if states:
        return (
            f"Run {working[0].parent.name} in {folder} has no estimates ({'; '.join(states)}). The command that "
            "started it, `nibrs run`, continues it; `nibrs status` shows how far it is."
        )
    below = (path for depth in ("*", "*/*") for path in folder.glob(f"{depth}/{METADATA_FILE}"))
    others = sorted({path.relative_to(folder).parts[0] for path in below})
    hint = f" It holds runs: open one, such as {folder / others[0]}." if others else ""
    return (
        f"{folder} holds no run with estimates: there is no {METADATA_FILE} of one.{hint} A run publishes its "
        "estimates into ARTIFACT_STORE when it ends; `nibrs runs` lists the runs."
    )


def _neighbors(folder: Path) -> str:
    """A question that suggests a folder of a similar name; empty if there is none."""
    others = [path.name for path in folder.parent.iterdir() if path.is_dir()] if folder.parent.is_dir() else []
    similar = difflib.get_close_matches(folder.name, others, n=1)
    if similar:
        return f" (did you mean {folder.parent / similar[0]}?)"
    return f"; {folder.parent} has {', '.join(sorted(others)[:8])}" if others else ""


def _json(path: Path) -> dict[str, Any]:
    """Content of a file of a run.

    Raises:
        PipelineError: it is damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PipelineError(f"{path} is damaged ({error}). Publish the run again, or run its command again.") from error
    return content if isinstance(content, dict) else {}
