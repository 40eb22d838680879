"""Declaration of a dataset: a named table with a schema, keys and source.

The Parquet schema, the checks of input and output, the listings and the data dictionary follow from the declaration.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from nibrs_estimation.pipeline import row_order  # noqa: F401 (for every query, wherever datasets are)

_NAME = re.compile(r"[a-z][a-z0-9_]*")

#: Types of columns. The list is short because every reader and writer (Parquet, CSV, SQL) must support all of them.
COLUMN_TYPES: dict[str, pl.DataType] = {
    "int8": pl.Int8(),
    "int16": pl.Int16(),
    "int32": pl.Int32(),
    "int64": pl.Int64(),
    "float64": pl.Float64(),
    "str": pl.String(),
    "bool": pl.Boolean(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us"),
    "numeric(12,3)": pl.Decimal(12, 3),
}


@dataclass(frozen=True)
class Column:
    """One column of a dataset.

    Attributes:
        name: lower snake case.
        type: a key of :data:`COLUMN_TYPES`.
        description: its meaning, in one sentence.
        unit: unit of measurement, if any ("incidents", "persons", "per 100,000 persons").
        is_nullable: whether a missing value is allowed.
        codes: the allowed values; empty if any value is allowed.
        code_list: name of the list (`model/codes`) of the codes and their meaning; a source may contain newer codes,
            unless ``codes`` is given.
        references: ``dataset.column`` that contains every value, such as ``incident.incident_id``.
        length: maximum number of characters of a text; 0 for no limit.
    """

    name: str
    type: str
    description: str
    unit: str = ""
    is_nullable: bool = False
    codes: tuple[Any, ...] = ()
    code_list: str = ""
    references: str = ""
    length: int = 0

    def __post_init__(self) -> None:
        if self.type not in COLUMN_TYPES:
            raise ValueError(f"column {self.name}: type {self.type!r} is not one of {', '.join(COLUMN_TYPES)}")

    @property
    def dtype(self) -> pl.DataType:
        """The Polars type."""
        return COLUMN_TYPES[self.type]


@dataclass(frozen=True)
class Dataset:
    """A named table.

    Attributes:
        name: lower snake case; also the name of its file or folder.
        description: one sentence.
        columns: in the order in which they are stored.
        primary_key: the columns that identify a row; files are sorted by them.
        partition_key: the column by whose values the table is split into files; None for one file.
        absence: for an optional dataset, the consequences of a run without it (its readers receive an empty table);
            empty for a required dataset.
        source: where the definition comes from (specification section, law, publisher).
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    partition_key: str | None = None
    absence: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"dataset name {self.name!r} is not lower snake case")
        if len(set(names)) != len(names):
            raise ValueError(f"dataset {self.name} declares a column twice")
        keys = [*self.primary_key, *([self.partition_key] if self.partition_key else [])]
        if not self.primary_key or not set(keys) <= set(names):
            raise ValueError(f"dataset {self.name}: every key must be one of its columns, and it needs a primary key")

    @property
    def is_optional(self) -> bool:
        """Whether a run can work without it."""
        return bool(self.absence)

    @cached_property
    def schema(self) -> pl.Schema:
        """Column names and Polars types, in order."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def column(self, name: str) -> Column:
        """The declaration of one column."""
        return next(column for column in self.columns if column.name == name)

    def cast(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The declared columns of a table, in order and with their types."""
        return frame.select(pl.col(column.name).cast(column.dtype) for column in self.columns)

    def empty(self) -> pl.LazyFrame:
        """A table of this schema without rows."""
        return pl.LazyFrame(schema=self.schema)


@dataclass(frozen=True)
class Document:
    """A file that a task writes as a whole: a page, a CSV file, a database file.

    Attributes:
        name: the file's name, with its extension.
        description: one sentence.
        is_content_hashed: whether equal inputs give equal bytes (in ``.duckdb`` files only the tables are equal).
    """

    name: str
    description: str
    is_content_hashed: bool = True
