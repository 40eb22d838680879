"""PostgreSQL: connections and read-only queries. Passwords are never shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
from pydantic import SecretStr

from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.optional import postgresql_module

if TYPE_CHECKING:
    import adbc_driver_manager
    import psycopg
    import pyarrow as pa
    from adbc_driver_postgresql import dbapi  # type: ignore[import-untyped]
    from psycopg import conninfo, sql
else:
    adbc_driver_manager = postgresql_module("adbc_driver_manager")
    psycopg = postgresql_module("psycopg")
    pa = postgresql_module("pyarrow")
    dbapi = postgresql_module("adbc_driver_postgresql.dbapi")
    sql = postgresql_module("psycopg.sql")
    conninfo = postgresql_module("psycopg.conninfo")

CONNECT_TIMEOUT_S = 10
STATEMENT_TIMEOUT_MS = 600_000
#: A restore or a change of a table may take some time; a longer lock is probably a forgotten transaction.
LOCK_TIMEOUT_MS = 120_000
#: SQLSTATE of a query that was canceled, of one that did not get a lock in time, and the classes of permanent errors:
#: data that cannot be converted, and missing names or rights.
QUERY_CANCELED, LOCK_NOT_AVAILABLE = "57014", "55P03"
REFUSED_CLASSES = ("22", "42")


class UnreachableError(PipelineError):
    """A database does not answer, or refuses the connection."""


class ConnectionLostError(Exception):
    """A connection was lost while reading; reading from a new snapshot may succeed."""


@dataclass(frozen=True)
class Database:
    """A PostgreSQL database, with libpq's names of settings. ``str`` and ``repr`` contain no secrets."""

    host: str
    port: int
    dbname: str
    user: str | None
    password: SecretStr | None
    sslmode: str | None = None

    def __post_init__(self) -> None:
        """Refuse names that libpq would parse: they could contain a password, which would be recorded and shown.

        Raises:
            UsageError: the host or the name of the database is an address or a connection string.
        """
        for setting, value in (("PGHOST", self.host), ("PGDATABASE", self.dbname)):
            if "://" in value or "=" in value or "@" in value[1:]:
                # The value is not repeated: it may contain a password.
                raise UsageError(
                    f"{setting} must be a plain name, not an address or a connection string. Set PGHOST, PGPORT, "
                    "PGUSER, PGPASSWORD and PGDATABASE each by itself."
                )

    def __str__(self) -> str:
        return f"postgresql://{self.host}:{self.port}/{self.dbname}"

    __repr__ = __str__

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """Open a read-only connection.

        Raises:
            UnreachableError: the database does not answer or refuses; names the database and the settings to check.
        """
        try:
            connection = psycopg.connect(self._conninfo())
        except psycopg.OperationalError as error:
            # `from None`: the driver's own text may repeat the connection string.
            raise UnreachableError(
                f"The database {self} cannot be reached ({self.error_reason(error)}). Check PGHOST, PGPORT, PGUSER, "
                "PGPASSWORD and PGDATABASE, and that the server accepts connections from here."
            ) from None
        connection.read_only = True
        return connection

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """A snapshot of the database that several connections can read, unaffected by concurrent writes.

        Raises:
            UnreachableError: as :meth:`connect`.
            ConnectionLostError: the connection broke.
        """
        with self.connect() as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            try:
                row = connection.execute("SELECT pg_export_snapshot()").fetchone()
            except psycopg.OperationalError as error:
                raise ConnectionLostError(self.error_reason(error)) from None
            yield Snapshot(self, connection, str(row[0]) if row else "")

    def error_reason(self, error: BaseException) -> str:
        """The line of a driver's error that states the reason, with the password removed."""
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        reason = next((line for line in lines if "ERROR:" in line or "FATAL:" in line), lines[-1])
        password = self.password.get_secret_value() if self.password else ""
        return reason.replace(password, "***") if password else reason

    def timeout_error(self, error: BaseException) -> PipelineError | None:
        """The error for a query that waited too long for a lock or its result; None for any other error."""
        state = getattr(error, "sqlstate", None) or ""
        if state == LOCK_NOT_AVAILABLE or "lock timeout" in str(error):
            return PipelineError(
                f"{self} keeps a table locked: a query waited {LOCK_TIMEOUT_MS / 60_000:.0f} minutes for another "
                "session, such as a restore or a change of the table. Wait for that session to end, or ask the "
                "server's administrator to end it (pg_stat_activity names it), and run the same command again."
            )
        if state == QUERY_CANCELED or "statement timeout" in str(error):
            return PipelineError(
                f"{self} did not answer a query within {STATEMENT_TIMEOUT_MS / 60_000:.0f} minutes. Check the "
                "server's load, or ask its administrator for indexes on the key columns."
            )
        return None

    def _conninfo(self) -> str:
        settings: dict[str, str | int | None] = {
            "host": self.host,
            "port": self.port,
            "dbname": self.dbname,
            "user": self.user,
            "password": self.password.get_secret_value() if self.password else None,
            "sslmode": self.sslmode,
            "connect_timeout": CONNECT_TIMEOUT_S,
            # The connection that exported the snapshot is idle while others read.
            "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS} "
            "-c idle_in_transaction_session_timeout=0",
        }
        return conninfo.make_conninfo("", **{name: value for name, value in settings.items() if value is not None})


@dataclass(frozen=True)
class Snapshot:
    """A snapshot that exists as long as the connection that exported it; that connection reads it, too."""

    database: Database
    connection: psycopg.Connection[tuple[object, ...]]
    id: str

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """Open a connection that reads this snapshot.

        Raises:
            ConnectionLostError: the connection cannot be opened, or the snapshot no longer exists.
        """
        try:
            connection = dbapi.connect(self.database._conninfo(), autocommit=True)
        except adbc_driver_manager.Error as error:
            raise ConnectionLostError(self.database.error_reason(error)) from None
        try:
            with connection.cursor() as cursor:
                try:
                    cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    cursor.execute(f"SET TRANSACTION SNAPSHOT {_quoted(self.id)}")
                except adbc_driver_manager.Error as error:
                    raise ConnectionLostError(self.database.error_reason(error)) from None
            yield Reader(self.database, connection)
        finally:
            _close(connection)


@dataclass(frozen=True)
class Reader:
    """A connection that reads tables in columnar form; not safe for use by several threads."""

    database: Database
    connection: dbapi.Connection

    def frame(self, query: str) -> pl.DataFrame:
        """All rows of a query; raises as :meth:`batches`."""
        schema, batches = self.batches(query)
        return pl.DataFrame(pl.from_arrow(pa.Table.from_batches(list(batches), schema)))

    def batches(self, query: str) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """The rows of a query as a stream of batches of some megabytes.

        Raises:
            PipelineError: the database refuses the query, or it takes longer than the time-out.
            ConnectionLostError: the connection broke.
        """
        cursor = self.connection.cursor()
        try:
            cursor.execute(query)
            stream = cursor.fetch_record_batch()
        except (adbc_driver_manager.Error, pa.ArrowException, OSError) as error:
            raise self._translate(error) from None
        return stream.schema, self._streamed(cursor, stream)

    def _streamed(self, cursor: dbapi.Cursor, stream: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        with cursor:
            try:
                yield from stream
            except (adbc_driver_manager.Error, pa.ArrowException, OSError) as error:
                raise self._translate(error) from None

    def _translate(self, error: BaseException) -> Exception:
        reason = self.database.error_reason(error)
        if late := self.database.timeout_error(error):
            return late
        state = getattr(error, "sqlstate", None) or ""
        if state.startswith(REFUSED_CLASSES):
            return PipelineError(
                f"{self.database} refuses a query ({reason}). Check that the tables and columns match the "
                "description of the source, and that this user may SELECT from them."
            )
        return ConnectionLostError(reason)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _close(connection: dbapi.Connection) -> None:
    try:
        connection.close()
    except (adbc_driver_manager.Error, OSError):
        # A broken connection cannot be closed.
        return


def count_rows(database: Database, table: str, date_column: str, year: int) -> int:
    """Count the rows of a table whose date is in a year.

    Raises:
        PipelineError: the database cannot be reached, or the table cannot be read.
    """
    query = sql.SQL("SELECT count(*) FROM {} WHERE {} >= make_date(%s, 1, 1) AND {} < make_date(%s + 1, 1, 1)").format(
        sql.Identifier(table), sql.Identifier(date_column), sql.Identifier(date_column)
    )
    with database.connect() as connection:
        try:
            row = connection.execute(query, (year, year)).fetchone()
        except psycopg.Error as error:
            raise database.timeout_error(error) or PipelineError(
                f"The table {table} of {database} cannot be counted ({str(error).splitlines()[0]}). Check that it "
                "exists in the search path and that this user may SELECT from it."
            ) from None
    return int(str(row[0])) if row else 0
