"""Publication as a set: the published files of a run are complete, or known to be incomplete.

`published.json` lists the files with their checksums. It is written first, with state `publishing`, and last, with
state `complete`. In between, files that only an earlier publication listed are removed. Files that no publication
listed are not touched.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.files import checkpoint, sha256_of, temporary_folder, write_json
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.runs import RunRecord
from nibrs_estimation.pipeline.store import Store

MARKER = "published.json"
PUBLISHING, COMPLETE = "publishing", "complete"


@dataclass(frozen=True)
class Published:
    """A publication in a folder of a store.

    Attributes:
        identity, fingerprint: identity of the run, and fingerprint of the content of its source.
        state: "publishing" or "complete".
        files: SHA-256 of each file, by name within the folder.
    """

    identity: Identity
    fingerprint: str
    state: str
    files: Mapping[str, str]


def read_published(store: Store, prefix: str) -> Published | None:
    """The publication under a prefix; None if there is none.

    Raises:
        PipelineError: the store cannot be reached, or the marker is damaged.
    """
    key = f"{prefix}/{MARKER}"
    if not store.exists(key):
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / MARKER
        store.get(key, path)
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            identity = Identity(**content["identity"])
            return Published(identity, content["fingerprint"], content["state"], content["files"])
        except (ValueError, KeyError, TypeError) as error:
            raise PipelineError(
                f"{key} in {store} is damaged, so the files of the run are unknown. Remove it and publish the run "
                "again with the same `nibrs run` command."
            ) from error


def check_published(store: Store, prefix: str) -> Published:
    """The publication under a prefix, if it is complete.

    Raises:
        PipelineError: nothing was published, publication was interrupted, or a listed file is missing.
    """
    found = read_published(store, prefix)
    if found is None:
        raise PipelineError(f"{store}/{prefix} contains no published run: {MARKER} is missing.")
    missing = [name for name in found.files if not store.exists(f"{prefix}/{name}")]
    if found.state != COMPLETE or missing:
        reason = f"{missing[0]} is missing" if found.state == COMPLETE else "its publication was interrupted"
        raise PipelineError(
            f"{store}/{prefix} does not contain a complete run: {reason}. Run the same command again to publish it."
        )
    return found


def conflict(store: Store, prefix: str, requested: RunRecord) -> str | None:
    """What is wrong if a prefix contains the publication of another source, year or seed; None if it does not.

    Raises:
        PipelineError: the store cannot be reached, or the marker is damaged.
    """
    earlier = read_published(store, prefix)
    if earlier is None:
        return None
    was, wanted = earlier.identity, requested.identity
    is_same_source = was.source == wanted.source or earlier.fingerprint == requested.fingerprint
    if is_same_source and (was.year, was.seed) == (wanted.year, wanted.seed):
        return None
    return f"{store}/{prefix} contains a publication of {was.text}; this run is of {wanted.text}."


def verify_published(store: Store, prefix: str) -> Published:
    """Read every file of a publication back and compare it with its listed hash.

    Raises:
        PipelineError: the publication is not complete, a file differs, or the store cannot be reached.
    """
    found = check_published(store, prefix)
    with temporary_folder("verify") as folder:
        path = Path(folder) / "file"
        for name, sha256 in found.files.items():
            store.get(f"{prefix}/{name}", path)
            if sha256_of(path) != sha256:
                raise PipelineError(
                    f"{name} in {store}/{prefix} is not what was written there: its SHA-256 is not that in {MARKER}. "
                    "Run the same command again to write it again."
                )
    return found


def publish(
    store: Store, prefix: str, record: RunRecord, files: Sequence[tuple[Path, str]], scratch: Path
) -> tuple[str, ...]:
    """Write files under a prefix, in order, and remove files of an earlier publication.

    Files that are there with the same content are not written again.

    Args:
        store: target.
        prefix: folder in the store.
        record: identity of the run, and fingerprint of its source.
        files: local path, and name within the prefix; files that describe others come last.
        scratch: local folder for the marker.

    Returns:
        Names of the files of the earlier publication that were removed.

    Raises:
        PipelineError: the store cannot be reached or written.
    """
    earlier = read_published(store, prefix)
    sums = {name: sha256_of(path) for path, name in files}
    # Until it is complete, the marker lists all files that may exist, so that the next publication can remove them.
    listed = {**(earlier.files if earlier else {}), **sums}
    _mark(store, prefix, Published(record.identity, record.fingerprint, PUBLISHING, listed), scratch)
    for path, name in files:
        checkpoint("before publication", path)
        key = f"{prefix}/{name}"
        if not (store.exists(key) and store.has_same_content(key, path)):
            store.put(path, key)
    removed = tuple(sorted((earlier.files if earlier else {}).keys() - sums.keys()))
    for name in removed:
        store.delete(f"{prefix}/{name}")
    _mark(store, prefix, Published(record.identity, record.fingerprint, COMPLETE, sums), scratch)
    return removed


def withdraw(store: Store, prefix: str) -> None:
    """Remove the files of a publication under a prefix, the marker last."""
    earlier = read_published(store, prefix)
    if earlier is not None:
        for name in earlier.files:
            store.delete(f"{prefix}/{name}")
        store.delete(f"{prefix}/{MARKER}")


def withdraw_all(store: Store, prefix: str) -> None:
    """Remove every publication under a prefix, including its subfolders."""
    for key in list(store.keys(prefix)):
        if key.rpartition("/")[2] == MARKER:
            withdraw(store, key.rpartition("/")[0])


def _mark(store: Store, prefix: str, published: Published, scratch: Path) -> None:
    path = scratch / MARKER
    write_json(path, asdict(published))
    store.put(path, f"{prefix}/{MARKER}")
