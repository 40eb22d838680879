"""PostgreSQL: how to reach it, and what may be asked of it. No password ever shows."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql
from pydantic import SecretStr

from nibrs_estimation.pipeline.errors import PipelineError

CONNECT_TIMEOUT_S = 10
STATEMENT_TIMEOUT_MS = 600_000


@dataclass(frozen=True)
class Database:
    """A PostgreSQL database, by libpq's names. ``str`` and ``repr`` are free of secrets."""

    host: str
    port: int
    dbname: str
    user: str | None
    password: SecretStr | None
    sslmode: str | None = None

    def __str__(self) -> str:
        return f"postgresql://{self.host}:{self.port}/{self.dbname}"

    __repr__ = __str__

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """Connect, read only.

        Raises:
            PipelineError: it does not answer or refuses; names the database and the settings to check.
        """
        password = self.password.get_secret_value() if self.password else None
        try:
            connection = psycopg.connect(
                host=self.host,
                port=self.port,
                dbname=self.dbname,
                user=self.user,
                password=password,
                sslmode=self.sslmode,
                connect_timeout=CONNECT_TIMEOUT_S,
                options=f"-c statement_timeout={STATEMENT_TIMEOUT_MS}",
            )
        except psycopg.OperationalError as error:
            # `from None`: the driver's own text may repeat the connection string.
            reason = str(error).strip().splitlines()[-1]
            if password:
                reason = reason.replace(password, "***")
            raise PipelineError(
                f"The database {self} cannot be reached ({reason}). Check PGHOST, PGPORT, PGUSER, PGPASSWORD and "
                "PGDATABASE, and that the server accepts connections from here."
            ) from None
        connection.read_only = True
        return connection


def count_rows(database: Database, table: str, date_column: str, year: int) -> int:
    """Count the rows of a table whose date lies in a year.

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
            raise PipelineError(
                f"The table {table} of {database} cannot be counted ({str(error).splitlines()[0]}). Check that it "
                "exists in the search path and that this user may SELECT from it."
            ) from None
    return int(str(row[0])) if row else 0
