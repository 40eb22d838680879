"""SQL definitions of tables, from the datasets' declarations."""

from __future__ import annotations

from nibrs_estimation.pipeline.dataset import Dataset

_DUCKDB_TYPES = {
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "str": "VARCHAR",
    "bool": "BOOLEAN",
    "date": "DATE",
}


def duckdb_table(dataset: Dataset) -> str:
    """`CREATE TABLE` for DuckDB, with primary key and required columns."""
    columns = [
        f'"{column.name}" {_DUCKDB_TYPES[column.type]}{"" if column.is_nullable else " NOT NULL"}'
        for column in dataset.columns
    ]
    key = ", ".join(f'"{name}"' for name in dataset.primary_key)
    return f'CREATE TABLE "{dataset.name}" ({", ".join(columns)}, PRIMARY KEY ({key}))'
