"""SQL definitions of tables, from the datasets' declarations."""

from __future__ import annotations

from nibrs_estimation.pipeline.dataset import Column, Dataset

_DUCKDB_TYPES = {
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "str": "VARCHAR",
    "bool": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "numeric(12,3)": "DECIMAL(12, 3)",
}
_POSTGRESQL_TYPES = {
    "int8": "smallint",
    "int16": "smallint",
    "int32": "integer",
    "int64": "bigint",
    "float64": "double precision",
    "str": "text",
    "bool": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "numeric(12,3)": "numeric(12,3)",
}


def duckdb_table(dataset: Dataset, *, has_key: bool = True) -> str:
    """`CREATE TABLE` for DuckDB, with NOT NULL columns and an optional primary key.

    DuckDB 0.10 and 1.0 cannot open files with a primary key of DuckDB 2, so published files have none.
    """
    columns = [
        f'"{column.name}" {_DUCKDB_TYPES[column.type]}{"" if column.is_nullable else " NOT NULL"}'
        for column in dataset.columns
    ]
    key = ", ".join(f'"{name}"' for name in dataset.primary_key)
    constraints = [f"PRIMARY KEY ({key})"] if has_key else []
    return f'CREATE TABLE "{dataset.name}" ({", ".join([*columns, *constraints])})'


def postgresql_table(dataset: Dataset, schema: str) -> str:
    """`CREATE TABLE` for PostgreSQL, in a schema, with primary key, NOT NULL columns and lengths of texts."""
    columns = [
        f'"{column.name}" {_postgresql_type(column)}{"" if column.is_nullable else " NOT NULL"}'
        for column in dataset.columns
    ]
    key = ", ".join(f'"{name}"' for name in dataset.primary_key)
    return f'CREATE TABLE "{schema}"."{dataset.name}" ({", ".join(columns)}, PRIMARY KEY ({key}))'


def _postgresql_type(column: Column) -> str:
    return f"varchar({column.length})" if column.length else _POSTGRESQL_TYPES[column.type]
