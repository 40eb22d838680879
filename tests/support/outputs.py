"""What a run put out, for comparing two runs: hashes of files, rows of DuckDB tables."""

import hashlib
from pathlib import Path

import duckdb

#: What tells how a run went, and so differs between equal runs.
ABOUT_THE_RUN = {"run.html", "run_metadata.json", "published.json", "progress.jsonl", ".lock"}


def outputs_of(folder: Path) -> dict[str, str]:
    """Hash of every dataset, document and published file under a folder of runs, by path."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and path.name not in ABOUT_THE_RUN and not {"logs", "manifests"} & set(path.parts):
            found[name] = _table_hash(path) if path.suffix == ".duckdb" else _hash(path.read_bytes())
    return found


def _table_hash(path: Path) -> str:
    with duckdb.connect(path, read_only=True) as connection:
        # No two rows of a table are the same, so none cancels another.
        tables = sorted(name for (name,) in connection.execute("SHOW TABLES").fetchall())
        content = [
            (name, connection.execute(f"SELECT count(*), bit_xor(hash({name})) FROM {name}").fetchall())
            for name in tables
        ]
    return _hash(repr(content).encode())


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
