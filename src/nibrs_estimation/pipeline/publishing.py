"""Publication as a set: what a run publishes stands there whole, or is known to be unfinished.

`published.json` lists the files with their checksums. It is put first, as `publishing`, and last, as `complete`; files
that an earlier publication listed and this one does not hold are removed in between. Files that no publication listed
are somebody else's and stay.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.files import checkpoint, sha256_of, write_json
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.runs import Memory
from nibrs_estimation.pipeline.store import Store

MARKER = "published.json"
PUBLISHING, COMPLETE = "publishing", "complete"


@dataclass(frozen=True)
class Published:
    """What stands in a folder of a store.

    Attributes:
        identity, fingerprint: of the run that published it, and of its source's content.
        state: "publishing" or "complete".
        files: SHA-256 by name within the folder.
    """

    identity: Identity
    fingerprint: str
    state: str
    files: Mapping[str, str]


def read_published(store: Store, prefix: str) -> Published | None:
    """What was published under a prefix, or None where no publication began.

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
                f"{key} in {store} is damaged, so it is not known which files belong to the run. Remove it, and "
                "publish the run again (the same `nibrs run`)."
            ) from error


def check_published(store: Store, prefix: str) -> Published:
    """What was published under a prefix, if it is whole.

    Raises:
        PipelineError: nothing was published, publication was interrupted, or a listed file is gone.
    """
    found = read_published(store, prefix)
    if found is None:
        raise PipelineError(f"{store}/{prefix} holds no published run: there is no {MARKER}.")
    gone = [name for name in found.files if not store.exists(f"{prefix}/{name}")]
    if found.state != COMPLETE or gone:
        why = f"{gone[0]} is gone" if found.state == COMPLETE else "its publication was interrupted"
        raise PipelineError(
            f"What {store}/{prefix} holds is not one whole run: {why}. Give the run's command again to publish it."
        )
    return found


def publish(
    store: Store, prefix: str, memory: Memory, files: Sequence[tuple[Path, str]], scratch: Path
) -> tuple[str, ...]:
    """Put files under a prefix, in order, and remove what an earlier publication left there.

    Args:
        store: where to.
        prefix: folder in the store.
        memory: identity of the run, and fingerprint of its source.
        files: local path and name within the prefix; the last ones say most of the others, so they come last.
        scratch: folder for the marker before it is put.

    Returns:
        Names of the files of the earlier publication that were removed.

    Raises:
        PipelineError: the store cannot be reached or written.
    """
    earlier = read_published(store, prefix)
    sums = {name: sha256_of(path) for path, name in files}
    # Until it is whole the marker lists what may be there, so that the next publication knows what to remove.
    there = {**(earlier.files if earlier else {}), **sums}
    _mark(store, prefix, Published(memory.identity, memory.fingerprint, PUBLISHING, there), scratch)
    for path, name in files:
        checkpoint("before publication", path)
        store.put(path, f"{prefix}/{name}")
    removed = tuple(sorted((earlier.files if earlier else {}).keys() - sums.keys()))
    for name in removed:
        store.delete(f"{prefix}/{name}")
    _mark(store, prefix, Published(memory.identity, memory.fingerprint, COMPLETE, sums), scratch)
    return removed


def withdraw(store: Store, prefix: str) -> None:
    """Remove what a publication put under a prefix, the marker last."""
    earlier = read_published(store, prefix)
    if earlier is not None:
        for name in earlier.files:
            store.delete(f"{prefix}/{name}")
        store.delete(f"{prefix}/{MARKER}")


def withdraw_all(store: Store, prefix: str) -> None:
    """Remove every publication under a prefix, those in folders below it included."""
    for key in list(store.keys(prefix)):
        if key.rpartition("/")[2] == MARKER:
            withdraw(store, key.rpartition("/")[0])


def _mark(store: Store, prefix: str, published: Published, scratch: Path) -> None:
    path = scratch / MARKER
    write_json(path, asdict(published))
    store.put(path, f"{prefix}/{MARKER}")
