"""The estimates database: the published rows of a run in PostgreSQL (`docs/user-guide/estimates-database.md`).

The rows are those of the run's published estimates.duckdb: it is complete, checked against its hash, and on S3 when the
run's own folder no longer exists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl

from nibrs_estimation.model.estimates_database import POPULATION_LOOKUP, RUNS, VARIABLE_LOOKUP
from nibrs_estimation.model.published import ESTIMATES
from nibrs_estimation.pipeline.database import Database
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.loading import Load, Rows, Watch, YearTable, grants, open_load, schema_creation

FILE = "estimates.duckdb"
#: Role that may read the tables and nothing else.
READER = "nibrs_reader"
#: The key of `estimates` begins with the geography: it serves one geography. The index serves one variable.
PUBLISHED_TABLES = (
    YearTable(ESTIMATES, index=("der_variable_name", "permutation_number")),
    YearTable(VARIABLE_LOOKUP),
    YearTable(POPULATION_LOOKUP),
)
RUNS_TABLE = YearTable(RUNS)
TABLES = (*PUBLISHED_TABLES, RUNS_TABLE)
_ROWS_AT_A_TIME = 20_000
#: What a reader notices when a year is published again.
_COMPARED = ("estimate", "estimate_lower_bound", "estimate_upper_bound", "suppression_flag_indicator")


@dataclass(frozen=True)
class Loaded:
    """Result of a load.

    Attributes:
        n_rows: number of rows by table.
        note: what an administrator has to run so that :data:`READER` can read the tables, or None.
        n_changed: number of estimates that differ from the former ones of the year; None if there were none, or if
            nobody asked.
    """

    n_rows: dict[str, int]
    note: str | None
    n_changed: int | None


def load_estimates(
    file: Path,
    identity: Identity,
    database: Database,
    schema: str,
    watch: Watch,
    *,
    changes: Path | None = None,
    allow_synthetic: bool = False,
) -> Loaded:
    """Replace the year of a run in the estimates database; other years are not touched.

    Args:
        file: the run's published estimates.duckdb.
        identity: identity of the run.
        database: target.
        schema: schema of the tables.
        watch: is called after each part of a table.
        changes: file for the estimates that differ from the former ones of the year; None if nobody asks.
        allow_synthetic: whether synthetic and real years may be in one schema.

    Raises:
        UsageError: synthetic and real years would be side by side.
        PipelineError: the file is of an earlier version; or as :func:`open_load`.
    """
    with published_rows(file) as rows, open_load(database, schema, identity.year, TABLES) as load:
        if not allow_synthetic:
            _refuse_mixture(load, identity)
        for table in PUBLISHED_TABLES:
            load.copy(table, rows(table), watch)
        load.copy(RUNS_TABLE, Rows(1, [_run_row(identity, rows(PUBLISHED_TABLES[0]).n_rows)]), watch)
        n_changed = load.write_differences(PUBLISHED_TABLES[0], _COMPARED, changes) if changes else None
        load.replace()
        note = load.grant(READER)
        return Loaded({table.name: rows(table).n_rows for table in PUBLISHED_TABLES}, note, n_changed)


@contextmanager
def published_rows(file: Path) -> Iterator[Callable[[YearTable], Rows]]:
    """A function that returns the rows of a published table.

    Raises:
        PipelineError: the file lacks one of the tables.
    """
    with duckdb.connect(file, read_only=True) as connection:
        found = {name for (name,) in connection.execute("SHOW TABLES").fetchall()}
        missing = [table.name for table in PUBLISHED_TABLES if table.name not in found]
        if missing:
            raise PipelineError(
                f"The run's {FILE} was published by an earlier version of this program: it has no table {missing[0]}. "
                "Run the `nibrs run` command of the run again, which writes it again."
            )

        def rows(table: YearTable) -> Rows:
            [(n_rows,)] = connection.execute(f'SELECT count(*) FROM "{table.name}"').fetchall()
            return Rows(n_rows, _parts(connection, table, n_rows))

        yield rows


def _parts(connection: duckdb.DuckDBPyConnection, table: YearTable, n_rows: int) -> Iterator[pl.DataFrame]:
    # One query for each part: the file cannot be closed while the result of a query is read, as when a load fails.
    columns = ", ".join(f'"{column.name}"' for column in table.dataset.columns)
    for first in range(0, n_rows, _ROWS_AT_A_TIME):
        part = f"rowid >= {first} AND rowid < {first + _ROWS_AT_A_TIME}"
        yield connection.sql(f'SELECT {columns} FROM "{table.name}" WHERE {part}').pl()


def _run_row(identity: Identity, n_rows: int) -> pl.DataFrame:
    row = {
        "time_series_start_year": identity.year,
        **identity.columns(),
        "loaded_at": datetime.now(UTC).replace(tzinfo=None),
        "estimate_rows": n_rows,
    }
    return RUNS.cast(pl.DataFrame([row]))


def _refuse_mixture(load: Load, identity: Identity) -> None:
    """Refuse synthetic beside real years, and synthetic in the place of real ones; real may replace synthetic."""
    others = load.connection.execute(
        f'SELECT time_series_start_year, run_id FROM "{load.schema}"."{RUNS.name}" '
        "WHERE is_synthetic <> %s AND (time_series_start_year <> %s OR NOT is_synthetic) ORDER BY 1".encode(),
        (identity.is_synthetic, identity.year),
    ).fetchall()
    if others:
        year, run_id = others[0]
        own, other = ("synthetic", "real") if identity.is_synthetic else ("real", "synthetic")
        raise UsageError(
            f"Run {identity.run_id} is of {own} data, and schema {load.schema} of {load.database} has {other} data: "
            f"year {year}, run {run_id}. Nothing was changed. Name another schema with --schema, or load it all the "
            "same with --allow-synthetic; table runs says which years are synthetic."
        )


def planned_lines(file: Path, schema: str, year: int) -> list[str]:
    """The SQL of a load into a database without the tables, a statement in each line, with numbers of rows as comments.

    Raises:
        PipelineError: the file is of an earlier version.
    """
    with published_rows(file) as rows:
        n_rows = {table.name: rows(table).n_rows for table in PUBLISHED_TABLES} | {RUNS.name: 1}
    before = [schema_creation(schema), *(statement for table in TABLES for statement in table.creation(schema))]
    after = [statement for table in TABLES for statement in table.swap(schema, year)]
    lines = ["BEGIN;", *(f"{statement};" for statement in before)]
    for table in TABLES:
        lines += [f"{table.start(schema, year)};", f"{table.copy(schema, year)}; -- rows: {n_rows[table.name]}"]
        lines += [f"{statement};" for statement in table.finish(schema, year)]
    rights = [f'CREATE ROLE "{READER}" NOLOGIN', *grants(schema, TABLES, READER)]
    return [*lines, *(f"{statement};" for statement in (*after, *rights)), "COMMIT;"]
