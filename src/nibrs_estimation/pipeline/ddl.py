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
    "timestamp": "timestamp without time zone",
    "numeric(12,3)": "numeric(12,3)",
}


_BYTEWISE = ' COLLATE "C"'


def duckdb_table(dataset: Dataset, *, has_key: bool = True) -> str:
    """`CREATE TABLE` for DuckDB, with NOT NULL columns and an optional primary key.

    DuckDB 0.10 and 1.0 cannot open files with a primary key of DuckDB 2, so published files have none.
    """
    columns = [
        f'"{column.name}" {_DUCKDB_TYPES[column.type]}{"" if column.is_nullable else " NOT NULL"}'
        for column in dataset.columns
    ]
    constraints = [primary_key(dataset)] if has_key else []
    return f'CREATE TABLE "{dataset.name}" ({", ".join([*columns, *constraints])})'


def postgresql_table(dataset: Dataset, schema: str, partitioned_by: str | None = None) -> str:
    """`CREATE TABLE` for PostgreSQL, in a schema, with primary key, NOT NULL columns and lengths of texts.

    Text keys of partitioned tables are compared byte by byte: indexes of millions of rows are built sooner.

    Args:
        dataset: declaration of the table.
        schema: schema of the table.
        partitioned_by: column of the key by whose values the table is partitioned, if it is.
    """
    bytewise = [name for name in dataset.primary_key if partitioned_by and dataset.column(name).type == "str"]
    columns = [
        f'"{column.name}" {postgresql_type(column)}{_BYTEWISE if column.name in bytewise else ""}'
        f"{'' if column.is_nullable else ' NOT NULL'}"
        for column in dataset.columns
    ]
    partition = f' PARTITION BY LIST ("{partitioned_by}")' if partitioned_by else ""
    return f'CREATE TABLE "{schema}"."{dataset.name}" ({", ".join([*columns, primary_key(dataset)])}){partition}'


def primary_key(dataset: Dataset) -> str:
    """The primary key as a constraint of a table."""
    columns = ", ".join(f'"{name}"' for name in dataset.primary_key)
    return f"PRIMARY KEY ({columns})"


def postgresql_type(column: Column) -> str:
    """The type of a column, as PostgreSQL itself names it."""
    return f"character varying({column.length})" if column.length else _POSTGRESQL_TYPES[column.type]
