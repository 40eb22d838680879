"""Checks of a `ucr_prd` database against its description, generated from the declarations of its tables.

For every table, the checks are in this order: it has rows; its columns exist, have the declared type, and are readable;
all codes are in their lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nibrs_estimation.model import ucr_prd
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pipeline.database import Database
from nibrs_estimation.pipeline.dataset import Column, Dataset
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.optional import postgresql_module
from nibrs_estimation.sources.ucr_prd.agencies import OPTIONAL_TABLE
from nibrs_estimation.sources.ucr_prd.catalogue import DEFAULT_SCHEMA, Found, read_catalogue, type_fault

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

    _Connection = psycopg.Connection[tuple[object, ...]]
else:
    psycopg = postgresql_module("psycopg")
    sql = postgresql_module("psycopg.sql")

MOST_EXAMPLES = 5


@dataclass(frozen=True)
class Finding:
    """A difference from the declaration.

    Attributes:
        table: name of the table.
        column: name of the column, or "" for the whole table.
        rule: "table", "row_count", "column", "type", "right" or "invalid_value".
        severity: "error" (the table cannot be used as it is) or "warning".
        count: number of rows affected, if known.
        examples: some of the values affected.
        message: text for the user.
    """

    table: str
    column: str
    rule: str
    severity: str
    count: int
    examples: tuple[str, ...]
    message: str


def check_database(database: Database, schema: str = DEFAULT_SCHEMA) -> list[Finding]:
    """Check all declared tables; an empty list means that there are no differences.

    Raises:
        PipelineError: the database cannot be reached, has no such schema, or the connection is lost.
    """
    findings = []
    with database.connect() as connection:
        try:
            found = read_catalogue(database, connection, schema)
            for table in ucr_prd.DATASETS:
                findings += _check_table(connection, schema, table, found)
        except psycopg.Error as error:
            raise database.timeout_error(error) or PipelineError(
                f"{database} cannot be checked ({database.error_reason(error)}). Check that the server is up and "
                "that this user may SELECT from every table of the schema."
            ) from None
    return findings


def _check_table(connection: _Connection, schema: str, table: Dataset, found: Found) -> list[Finding]:
    if table.name not in found and table.name == OPTIONAL_TABLE:
        return []
    if table.name not in found:
        return [_error(table.name, "", "table", f"The table {table.name} is missing. Restore it from the export.")]
    columns, findings = found[table.name], []
    usable = []
    for column in table.columns:
        if column.name not in columns:
            if (table.name, column.name) not in ucr_prd.OPTIONAL_COLUMNS:
                message = f"The column {table.name}.{column.name} is missing. Restore the table from the export."
                findings.append(_error(table.name, column.name, "column", message))
        elif not columns[column.name].is_readable:
            message = f"This user may not read {table.name}.{column.name}. Let the owner GRANT SELECT on the table."
            findings.append(_error(table.name, column.name, "right", message))
        elif fault := type_fault(column, columns[column.name]):
            message = f"The column {table.name}.{column.name} {fault}. Restore the table from the export."
            findings.append(_error(table.name, column.name, "type", message))
        else:
            usable.append(column)
    if usable and not _has_rows(connection, schema, table.name, usable[0].name):
        message = f"The table {table.name} has no rows. Restore it from the export."
        return [_error(table.name, "", "row_count", message), *findings]
    for column in usable:
        if column.codes or column.code_list:
            findings += _invalid_values(connection, schema, table.name, column)
    return findings


def _has_rows(connection: _Connection, schema: str, table: str, column: str) -> bool:
    query = sql.SQL("SELECT {} FROM {} LIMIT 1").format(sql.Identifier(column), sql.Identifier(schema, table))
    return connection.execute(query).fetchone() is not None


def _invalid_values(connection: _Connection, schema: str, table: str, column: Column) -> list[Finding]:
    """The values of a code column that are in no list; blanks count as missing."""
    known = [str(code) for code in column.codes] or [
        str(code) for code in code_list(column.code_list).to_series(0).to_list()
    ]
    query = sql.SQL(
        "SELECT value, n FROM (SELECT trim({}::text) AS value, count(*) AS n FROM {} GROUP BY 1) v "
        "WHERE value <> '' AND value <> ALL(%s) ORDER BY n DESC, value"
    ).format(sql.Identifier(column.name), sql.Identifier(schema, table))
    rows = connection.execute(query, (known,)).fetchall()
    if not rows:
        return []
    count = sum(int(str(n)) for _, n in rows)
    examples = tuple(str(value) for value, _ in rows[:MOST_EXAMPLES])
    message = (
        f"The column {table}.{column.name} has {count:,} rows with {len(rows)} values that are in no code list, such "
        f"as {', '.join(examples)}. They are read unchanged; check whether the delivery has new codes."
    )
    return [Finding(table, column.name, "invalid_value", "warning", count, examples, message)]


def _error(table: str, column: str, rule: str, message: str) -> Finding:
    return Finding(table, column, rule, "error", 0, (), message)
