"""What a dataset is: a named table with a declared schema, keys and source.

From a declaration come the Parquet schema, the checks at every door, the listings and the data dictionary.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

_NAME = re.compile(r"[a-z][a-z0-9_]*")

#: The types that a column may have. A narrow list keeps every reader and writer (Parquet, CSV, SQL) in step.
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
        description: what it means, in a sentence.
        unit: unit of measurement where it has one ("incidents", "persons", "per 100,000 persons").
        is_nullable: whether a missing value is allowed.
        codes: the allowed values, or empty where any value is allowed.
        code_list: name of the list (`model/codes`) that tells what the codes mean; a source may deliver codes that
            are newer than the list, unless ``codes`` closes it.
        references: ``dataset.column`` in which every value stands, such as ``incident.incident_id``.
        length: greatest number of characters of a text, or 0 for any.
        is_filled: whether a stage fills it yet; a column that none fills is declared, and empty.
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
    is_filled: bool = True

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
        partition_key: the column whose values cut it into files, or None for one file.
        absence: of an optional dataset what follows where a run does without it: its readers then receive an empty
            table. Empty for a required one.
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
        """Whether a run may do without it."""
        return bool(self.absence)

    @cached_property
    def schema(self) -> pl.Schema:
        """Column names and Polars types, in order."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def column(self, name: str) -> Column:
        """The declaration of one column."""
        return next(column for column in self.columns if column.name == name)

    def cast(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Its columns of a table that has them, in order and in their types."""
        return frame.select(pl.col(column.name).cast(column.dtype) for column in self.columns)

    def empty(self) -> pl.LazyFrame:
        """A table of this schema without rows."""
        return pl.LazyFrame(schema=self.schema)


@dataclass(frozen=True)
class Document:
    """A file for people that a task writes whole: a page, a CSV, a database file.

    Attributes:
        name: the file's name, with its extension.
        description: one sentence.
        is_content_hashed: whether equal inputs give equal bytes (a ``.duckdb`` file holds equal tables only).
    """

    name: str
    description: str
    is_content_hashed: bool = True
