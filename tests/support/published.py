"""A run as it publishes itself, from a run that was written by hand."""

import json
from pathlib import Path

from nibrs_estimation.pipeline.publishing import publish
from nibrs_estimation.pipeline.runs import METADATA_FILE, RunRecord
from nibrs_estimation.pipeline.store import Store


def publish_run(scratch: Path, run_id: str, store: Store, **settings: str) -> None:
    """Publish the datasets, documents and metadata of a run's flow ``all``."""
    root = scratch / run_id / "all"
    metadata = root / METADATA_FILE
    about = json.loads(metadata.read_text())
    metadata.write_text(json.dumps({**about, "settings": {**about["settings"], **settings}}))
    record = RunRecord.read(scratch / run_id)
    assert record is not None
    files = [
        (path, path.relative_to(folder).as_posix())
        for folder in (root / "datasets", root / "documents")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "identity.json"
    ]
    publish(store, run_id, record, [*files, (metadata, METADATA_FILE)], root)
