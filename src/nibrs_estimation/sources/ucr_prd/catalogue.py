"""Check tables, columns, types and rights of the database, using only its catalog.

Source: docs/develop/adding-a-source.md.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nibrs_estimation.model import ucr_prd
from nibrs_estimation.pipeline.database import Database
from nibrs_estimation.pipeline.dataset import Column
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.ucr_prd.agencies import OPTIONAL_TABLE, OPTIONAL_TABLE_COLUMNS, USED_COLUMNS
from nibrs_estimation.sources.ucr_prd.layout import SEGMENTS

if TYPE_CHECKING:
    import psycopg

_log = logging.getLogger(__name__)

#: Schema of the FBI's export.
DEFAULT_SCHEMA = "ucr_prd"
TABLES = {table.name: table for table in ucr_prd.DATASETS}
#: Declared type -> PostgreSQL's category of types (column ``typcategory``).
_CATEGORIES = {"str": "S", "bool": "B", "date": "D", "timestamp": "D"}
_WORDS = {"S": "text", "B": "boolean", "D": "date", "N": "number"}
_NUMBER = "N"

_CATALOGUE = """
SELECT c.relname, a.attname, t.typcategory::text, format_type(a.atttypid, a.atttypmod),
    has_column_privilege(c.oid, a.attnum, 'SELECT')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE n.nspname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"""

_SIZES = """
SELECT c.relname, c.relfilenode::text, pg_relation_size(c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = ANY(%s) ORDER BY 1"""


@dataclass(frozen=True)
class FoundColumn:
    """A column of the database: category and name of its type, and whether this user may read it."""

    category: str
    type: str
    is_readable: bool


Found = Mapping[str, Mapping[str, FoundColumn]]


def read_catalogue(database: Database, connection: psycopg.Connection[tuple[object, ...]], schema: str) -> Found:
    """The tables of a schema with their columns.

    Raises:
        PipelineError: there is no such schema, or this user may not use it.
    """
    row = connection.execute(
        "SELECT has_schema_privilege(oid, 'USAGE') FROM pg_catalog.pg_namespace WHERE nspname = %s", (schema,)
    ).fetchone()
    if row is None:
        raise PipelineError(
            f"{database} has no schema {schema}. Set PGDATABASE to the database that contains it, or restore the FBI's "
            "export into it."
        )
    if not row[0]:
        raise PipelineError(
            f"{database}: this user may not use schema {schema}. Let its owner run GRANT USAGE ON SCHEMA {schema} and "
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} to this user."
        )
    found: dict[str, dict[str, FoundColumn]] = {}
    for table, column, category, type_name, is_readable in connection.execute(_CATALOGUE, (schema,)):
        found.setdefault(str(table), {})[str(column)] = FoundColumn(str(category), str(type_name), bool(is_readable))
    return found


def needed_columns(found: Found) -> dict[str, set[str]]:
    """The columns that the importer reads, by table, including an optional table if it exists."""
    needed = {table: set(columns) for table, columns in USED_COLUMNS.items()}
    for segment in SEGMENTS:
        needed.setdefault(segment.table.name, set()).update(segment.table.primary_key)
        for table, columns in segment.used_columns().items():
            needed.setdefault(table, set()).update(columns)
    if OPTIONAL_TABLE in found:
        needed[OPTIONAL_TABLE] = set(OPTIONAL_TABLE_COLUMNS)
    return needed


def check_catalogue(database: Database, schema: str, found: Found) -> None:
    """Raise an error if the importer cannot read everything that it needs; log additional columns.

    Raises:
        PipelineError: a table, column or right is missing, or a type is wrong; names each and the fix.
    """
    faults = []
    for table, columns in needed_columns(found).items():
        if table not in found:
            faults.append(f"table {table} is missing")
            continue
        missing = [column for column in sorted(columns) if column not in found[table]]
        faults += [f"column {table}.{column} is missing" for column in missing]
        for column in sorted(columns - set(missing)):
            declared, there = TABLES[table].column(column), found[table][column]
            if not there.is_readable:
                faults.append(f"this user may not SELECT {table}.{column}")
            elif (fault := type_fault(declared, there)) is not None:
                faults.append(f"column {table}.{column} {fault}")
    if faults:
        more = f"; and {len(faults) - 10} more faults" if len(faults) > 10 else ""
        raise PipelineError(
            f"{database}, schema {schema}: {'; '.join(faults[:10])}{more}. Restore the FBI's export completely, and "
            f"let the owner run GRANT SELECT ON ALL TABLES IN SCHEMA {schema} to this user where a right is missing."
        )
    for table, declared_table in TABLES.items():
        extra = set(found.get(table, {})) - set(declared_table.schema.names())
        if extra:
            _log.info("table %s has unknown columns; they are not read: %s", table, ", ".join(sorted(extra)))


def type_fault(declared: Column, found: FoundColumn) -> str | None:
    """The error in a column's type, or None. All numeric types are accepted for a number."""
    expected = _CATEGORIES.get(declared.type, _NUMBER)
    if found.category == expected:
        return None
    return f"is of type {found.type}, not a {_WORDS[expected]}"


def fingerprint(
    database: Database, connection: psycopg.Connection[tuple[object, ...]], schema: str, year: int, found: Found
) -> str:
    """A fingerprint of files and sizes of the tables that are read; it changes if a table is loaded or rewritten."""
    sizes = connection.execute(_SIZES, (schema, sorted(needed_columns(found)))).fetchall()
    return hashlib.sha256(f"{database} {schema} {year} {sizes}".encode()).hexdigest()
