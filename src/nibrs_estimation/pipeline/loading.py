"""Tables of one year in a PostgreSQL database: all of them are replaced, or none.

Each table is partitioned by year. A load copies the rows into new tables, builds their indexes, and puts the new tables
in the place of the year's old partitions, in one transaction: whoever reads meanwhile sees the former content, and so
does everybody after a load that failed. Indexes that are built at once take less time than those that grow row by row.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from nibrs_estimation.pipeline.database import Database
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.ddl import postgresql_table, postgresql_type, primary_key
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.files import atomic_path, temporary_folder
from nibrs_estimation.pipeline.optional import postgresql_module

if TYPE_CHECKING:
    import psycopg
else:
    psycopg = postgresql_module("psycopg")

#: Memory in which the server sorts an index.
_INDEX_MEMORY = "256MB"
#: SQLSTATE of a missing right and of a full disk.
_NO_RIGHT, _DISK_FULL = "42501", "53100"
#: SQLSTATE classes of a lost connection: connection exceptions, and interventions such as a shutdown.
_LOST_CLASSES = ("08", "57P")


#: Receives the name of a table, the number of its rows that were sent since the last call, and their total.
Watch = Callable[[str, int, int], None]


@dataclass(frozen=True)
class YearTable:
    """A table of the database; the first column of its primary key is the year.

    Attributes:
        dataset: its declaration.
        index: columns of an index besides the primary key; empty for none.
    """

    dataset: Dataset
    index: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the table."""
        return self.dataset.name

    @property
    def year_column(self) -> str:
        """The column that contains the year."""
        return self.dataset.primary_key[0]

    def creation(self, schema: str) -> list[str]:
        """The statements that create the table, without partitions."""
        statements = [postgresql_table(self.dataset, schema, partitioned_by=self.year_column)]
        return statements + ([self._index(schema, self.name)] if self.index else [])

    def start(self, schema: str, year: int) -> str:
        """The statement that creates the table for a year's new rows; its check saves a scan when it is attached."""
        table = f'"{schema}"."{self.name}_{year}_new"'
        return f'CREATE TABLE {table} (LIKE "{schema}"."{self.name}", CHECK ("{self.year_column}" = {year}))'

    def copy(self, schema: str, year: int) -> str:
        """The statement that copies rows of CSV into it, visible at once for all who can see the table."""
        columns = ", ".join(f'"{column.name}"' for column in self.dataset.columns)
        return f'COPY "{schema}"."{self.name}_{year}_new" ({columns}) FROM STDIN (FORMAT csv, FREEZE)'

    def finish(self, schema: str, year: int) -> list[str]:
        """The statements that index the new rows."""
        new = f"{self.name}_{year}_new"
        key = f'ALTER TABLE "{schema}"."{new}" ADD {primary_key(self.dataset)}'
        return [key, *([self._index(schema, new)] if self.index else [])]

    def swap(self, schema: str, year: int) -> list[str]:
        """The statements that put the new rows in the place of the old ones."""
        old, table = f"{self.name}_{year}", f'"{schema}"."{self.name}"'
        return [
            f'DROP TABLE IF EXISTS "{schema}"."{old}"',
            f'ALTER TABLE "{schema}"."{old}_new" RENAME TO "{old}"',
            f'ALTER TABLE {table} ATTACH PARTITION "{schema}"."{old}" FOR VALUES IN ({year})',
        ]

    def differences(self, schema: str, year: int, values: Sequence[str]) -> str:
        """The query of rows of the year that the new rows change: ``change`` (added, removed, changed), key and values.

        Each value is there twice, as ``former_...`` and ``new_...``. Rows are in the order of the key.
        """
        key = ", ".join(f'"{name}"' for name in self.dataset.primary_key)
        both = ", ".join(f'o."{name}" AS "former_{name}", n."{name}" AS "new_{name}"' for name in values)
        old, new = ("(" + ", ".join(f'{side}."{name}"' for name in values) + ")" for side in "on")
        first = self.dataset.primary_key[0]
        kind = (
            f"CASE WHEN o.\"{first}\" IS NULL THEN 'added' WHEN n.\"{first}\" IS NULL THEN 'removed' ELSE 'changed' END"
        )
        return (
            f'SELECT {kind} AS change, {key}, {both} FROM "{schema}"."{self.name}_{year}" o '
            f'FULL JOIN "{schema}"."{self.name}_{year}_new" n USING ({key}) '
            f'WHERE o."{first}" IS NULL OR n."{first}" IS NULL OR {old} IS DISTINCT FROM {new} ORDER BY {key}'
        )

    def _index(self, schema: str, table: str) -> str:
        columns = ", ".join(f'"{name}"' for name in self.index)
        return f'CREATE INDEX ON "{schema}"."{table}" ({columns})'


@dataclass(frozen=True)
class Rows:
    """The rows of a table for the year.

    Attributes:
        n_rows: their number.
        parts: the rows, some at a time.
    """

    n_rows: int
    parts: Iterable[pl.DataFrame]


@dataclass(frozen=True)
class Load:
    """An open load: nothing of it is visible to others before its block has ended without an error.

    Attributes:
        database: target.
        connection: its connection, in a transaction.
        schema: schema of the tables.
        year: year that is replaced.
        tables: all tables of the schema.
    """

    database: Database
    connection: psycopg.Connection[tuple[object, ...]]
    schema: str
    year: int
    tables: Sequence[YearTable]

    def copy(self, table: YearTable, rows: Rows, watch: Watch) -> None:
        """Copy a table's rows of the year into a new table.

        Args:
            table: one of the tables.
            rows: its rows.
            watch: is called after each part.

        Raises:
            PipelineError: another number of rows arrived than was sent.
        """
        self._execute(table.start(self.schema, self.year))
        with self.connection.cursor() as cursor:
            statement = table.copy(self.schema, self.year).encode()
            with closing(_texts(table.dataset, rows.parts)) as texts, cursor.copy(statement) as copy:
                for n_rows, text in texts:
                    copy.write(text)
                    watch(table.name, n_rows, rows.n_rows)
            if cursor.rowcount != rows.n_rows:
                raise PipelineError(
                    f"{rows.n_rows} rows were sent to {table.name} of {self.database}, but {cursor.rowcount} arrived. "
                    "Nothing was changed. Run the same command again."
                )
        for index in table.finish(self.schema, self.year):
            self._execute(index)

    def write_differences(self, table: YearTable, values: Sequence[str], path: Path) -> int | None:
        """Write the rows of the year that the new rows change as CSV; see :meth:`YearTable.differences`.

        Args:
            table: one of the tables, whose new rows were copied.
            values: columns that are compared.
            path: file to write; it is not written if nothing changes.

        Returns:
            The number of rows that change; None if the database has no rows of the year yet.
        """
        if not self._value("SELECT to_regclass(%s)", f'"{self.schema}"."{table.name}_{self.year}"'):
            return None
        query = table.differences(self.schema, self.year, values)
        with temporary_folder("differences") as folder:
            written = Path(folder) / path.name
            statement = f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)".encode()
            with self.connection.cursor() as cursor:
                with written.open("wb") as file, cursor.copy(statement) as copy:
                    for block in copy:
                        file.write(block)
                n_rows = cursor.rowcount
            if n_rows:
                with atomic_path(path) as kept:
                    shutil.copyfile(written, kept)
        return n_rows

    def replace(self) -> None:
        """Put the new rows of all tables in the place of the year's old ones."""
        for table in self.tables:
            for statement in table.swap(self.schema, self.year):
                self._execute(statement)

    def grant(self, role: str) -> str | None:
        """Let a role read the tables, and create the role if necessary and allowed.

        Returns:
            What an administrator has to run if the role cannot read the tables now; None if it can.
        """
        # Each in a transaction of its own inside this one: a missing right must not undo the load.
        creation = f'CREATE ROLE "{role}" NOLOGIN'
        if not self._value("SELECT 1 FROM pg_roles WHERE rolname = %s", role):
            self._try([creation])
        self._try(grants(self.schema, self.tables, role))
        if not self._value("SELECT 1 FROM pg_roles WHERE rolname = %s", role):
            missing = [creation, *grants(self.schema, self.tables, role)]
        elif not self._value("SELECT has_schema_privilege(%s, %s, 'USAGE')", role, self.schema):
            missing = grants(self.schema, self.tables, role)
        else:
            return None
        return "; ".join(missing) + ";"

    def _try(self, statements: list[str]) -> None:
        try:
            with self.connection.transaction():
                for statement in statements:
                    self._execute(statement)
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedObject):
            return

    def _execute(self, statement: str) -> None:
        self.connection.execute(statement.encode())

    def _value(self, query: str, *values: object) -> object:
        row = self.connection.execute(query.encode(), values).fetchone()
        return row[0] if row else None

    def _prepare(self) -> None:
        """Take the lock of the schema, create what is missing, and check what is there.

        Raises:
            PipelineError: another load is going on, or a table has other columns than this version writes.
        """
        self._execute("SET LOCAL statement_timeout = 0")
        self._execute(f"SET LOCAL maintenance_work_mem = '{_INDEX_MEMORY}'")
        if not self._value("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", f"nibrs {self.schema}"):
            raise PipelineError(
                f"Another load into schema {self.schema} of {self.database} is going on. Wait for it to end, and run "
                "the same command again."
            )
        if not self._value("SELECT 1 FROM pg_namespace WHERE nspname = %s", self.schema):
            self._execute(schema_creation(self.schema))
        for table in self.tables:
            found = self._columns(table)
            if not found:
                for statement in table.creation(self.schema):
                    self._execute(statement)
            else:
                self._check(table, found)

    def _columns(self, table: YearTable) -> dict[str, str]:
        """Name -> type of the columns of a table in the database; empty if there is no such table."""
        rows = self.connection.execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
            (self._name(table),),
        ).fetchall()
        return {str(name): str(kind) for name, kind in rows}

    def _check(self, table: YearTable, found: dict[str, str]) -> None:
        expected = {column.name: postgresql_type(column) for column in table.dataset.columns}
        differences = [
            *(f"has no column {name}" for name in expected if name not in found),
            *(f"has a column {name}" for name in found if name not in expected),
            *(f"has {name} as {found[name]}" for name, kind in expected.items() if found.get(name, kind) != kind),
        ]
        if self._value("SELECT relkind::text FROM pg_class WHERE oid = to_regclass(%s)", self._name(table)) != "p":
            differences.append("is not partitioned by year")
        if differences:
            more = f", and {len(differences) - 3} more differences" if len(differences) > 3 else ""
            raise PipelineError(
                f"Table {self.schema}.{table.name} of {self.database} was made by another version of this program: it "
                f"{', '.join(differences[:3])}{more}. Load into another schema with --schema; or, if nobody needs the "
                f'old tables, remove them with `DROP SCHEMA "{self.schema}" CASCADE` and load every year again.'
            )

    def _name(self, table: YearTable) -> str:
        return f'"{self.schema}"."{table.name}"'


def _texts(dataset: Dataset, parts: Iterable[pl.DataFrame]) -> Generator[tuple[int, bytes], None, None]:
    """Number of rows and CSV of each part, made in a thread while the one before is sent."""
    made = ((part.height, dataset.cast(part).write_csv(include_header=False).encode()) for part in parts)
    with ThreadPoolExecutor(1) as worker:
        following = worker.submit(next, made, None)
        while (item := following.result()) is not None:
            following = worker.submit(next, made, None)
            yield item


def schema_creation(schema: str) -> str:
    """The statement that creates the schema."""
    return f'CREATE SCHEMA "{schema}"'


def grants(schema: str, tables: Sequence[YearTable], role: str) -> list[str]:
    """The statements that let a role read the tables, and nothing else."""
    names = ", ".join(f'"{schema}"."{table.name}"' for table in tables)
    return [f'GRANT USAGE ON SCHEMA "{schema}" TO "{role}"', f'GRANT SELECT ON {names} TO "{role}"']


@contextmanager
def open_load(database: Database, schema: str, year: int, tables: Sequence[YearTable]) -> Iterator[Load]:
    """Begin a load; it is committed when the block ends, and undone by any error in it.

    Args:
        database: target.
        schema: schema of the tables; it is created if it does not exist.
        year: year whose rows are replaced.
        tables: the tables, which are created if they do not exist.

    Raises:
        UnreachableError: the database does not answer or refuses the connection.
        PipelineError: the user lacks a right, the disk is full, the connection is lost, a table is locked or of another
            version, or the server refuses something else; the former content remains.
    """
    connection = database.connect()
    load = Load(database, connection, schema, year, tables)
    try:
        connection.read_only = False
        with connection:
            load._prepare()
            yield load
    except psycopg.Error as error:
        raise _translated(load, error) from None


def _translated(load: Load, error: psycopg.Error) -> PipelineError:
    if late := load.database.timeout_error(error):
        return late
    database, state = load.database, error.sqlstate or ""
    reason = error.diag.message_primary or database.error_reason(error)
    user, remains = database.user or "USER", "The former content remains."
    if state == _NO_RIGHT:
        return PipelineError(
            f"This user may not load into schema {load.schema} of {database} ({reason}). {remains} Let the owner run "
            f'`GRANT CREATE ON DATABASE "{database.dbname}" TO "{user}";` for a new schema, or '
            f'`GRANT USAGE, CREATE ON SCHEMA "{load.schema}" TO "{user}";` for one that exists. Tables that exist can '
            "only be loaded by the role that owns them or a member of it: `GRANT their_owner TO "
            f'"{user}";`.'
        )
    if state == _DISK_FULL:
        return PipelineError(
            f"The server of {database} has no room for the load ({reason}). {remains} A load needs room for the year's "
            "old and new rows at the same time. Free some on the server's disk, and run the same command again."
        )
    if not state or state.startswith(_LOST_CLASSES):
        return PipelineError(
            f"The connection to {database} was lost during the load ({reason}). Nothing is half loaded. Check that the "
            "server is running, and run the same command again."
        )
    return PipelineError(f"{database} refuses the load ({reason}). {remains} Check the server's log.")
