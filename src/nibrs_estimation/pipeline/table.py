"""Reading, checking and writing of tables. All tables are read and written here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from nibrs_estimation.pipeline.dataset import Column, Dataset
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.files import atomic_path, sha256_of

ROW_GROUP_ROWS = 262_144
COMPRESSION_LEVEL = 3


@dataclass(frozen=True)
class FileRecord:
    """A file that was written, as recorded in a manifest; ``path`` is relative to the run's folder."""

    path: str
    sha256: str
    size_bytes: int
    modified_ns: int
    rows: int | None = None

    @classmethod
    def of(cls, path: Path, root: Path, rows: int | None = None) -> FileRecord:
        """Hash and measure a finished file."""
        status = path.stat()
        return cls(path.relative_to(root).as_posix(), sha256_of(path), status.st_size, status.st_mtime_ns, rows)

    def is_unchanged(self, root: Path, *, verify: bool) -> bool:
        """Whether the file is unchanged: by size and time, or by its hash if ``verify``."""
        path = root / self.path
        if not path.is_file():
            return False
        status = path.stat()
        if status.st_size != self.size_bytes:
            return False
        return sha256_of(path) == self.sha256 if verify else status.st_mtime_ns == self.modified_ns


def write_table(
    frame: pl.LazyFrame | pl.DataFrame,
    dataset: Dataset,
    path: Path,
    *,
    partition: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> int:
    """Check a table against its declaration and write it; equal content gives equal bytes.

    Rows are sorted by the primary key and stored in one chunk with fixed row groups and compression, so the file does
    not depend on the order of the rows or the number of threads. With ``partition``, every row must belong to it.
    ``metadata`` is stored in the file, so that a copy of the file is still identified.

    Returns:
        The number of rows.

    Raises:
        PipelineError: the table does not fit its declaration.
    """
    table = checked(frame, dataset).rechunk()
    if partition is not None and dataset.partition_key is not None:
        _check_partition(table[dataset.partition_key], partition, dataset)
    with atomic_path(path) as temporary:
        table.write_parquet(
            temporary,
            compression="zstd",
            compression_level=COMPRESSION_LEVEL,
            row_group_size=ROW_GROUP_ROWS,
            metadata=dict(metadata) if metadata else None,
        )
    return table.height


def checked(frame: pl.LazyFrame | pl.DataFrame, dataset: Dataset) -> pl.DataFrame:
    """Collect a table, check it against its declaration and sort it by its primary key.

    Raises:
        PipelineError: the table does not fit; names the dataset, the column and the first wrong row.
    """
    lazy = frame.lazy()
    _check_schema(lazy.collect_schema(), dataset)
    table = lazy.select(dataset.schema.names()).sort(dataset.primary_key, nulls_last=True).collect()
    for column in dataset.columns:
        _check_column(table, column, dataset)
    key = pl.struct(dataset.primary_key)
    repeated = table.filter(key == key.shift())
    if repeated.height:
        raise PipelineError(
            f"Dataset {dataset.name} has {repeated.height} rows that repeat a primary key, the first with "
            f"{_format_key(repeated, dataset.primary_key)}. Each combination of {', '.join(dataset.primary_key)} may "
            "occur only once: remove the repeated rows."
        )
    return table


def find_table(folder: Path, dataset: Dataset) -> list[Path]:
    """The files of a dataset in a folder: ``<name>.parquet``, ``<name>.csv`` or a folder ``<name>``.

    Returns:
        The files in order; an empty list if there are none.

    Raises:
        PipelineError: more than one of the three forms exists.
    """
    forms = [folder / f"{dataset.name}.parquet", folder / f"{dataset.name}.csv", folder / dataset.name]
    found = [form for form in forms if form.exists()]
    if len(found) > 1:
        raise PipelineError(
            f"Dataset {dataset.name} exists more than once in {folder}: {', '.join(path.name for path in found)}. "
            "Keep only one of them."
        )
    if not found:
        return []
    if found[0].is_dir():
        parts = sorted(path for path in found[0].iterdir() if path.suffix in (".parquet", ".csv"))
        if not parts:
            raise PipelineError(
                f"{found[0]} contains neither .parquet nor .csv files. Put the parts of the dataset there."
            )
        return parts
    return found


def read_table(paths: Sequence[Path], dataset: Dataset) -> pl.LazyFrame:
    """A dataset as one lazy frame with exactly the declared columns.

    Raises:
        PipelineError: a file cannot be read or does not fit the declaration; names file, row and column.
    """
    if not paths:
        return dataset.empty()
    return pl.concat([_read_file(path, dataset) for path in paths])


def check_files(paths: Sequence[Path], dataset: Dataset) -> None:
    """Check the rows of files that were not written by this program, each file separately.

    Raises:
        PipelineError: a file does not fit; names the file, the column and the first wrong row.
    """
    for path in paths:
        try:
            checked(_read_file(path, dataset), dataset)
        except PipelineError as error:
            raise PipelineError(f"{path}: {error}") from None


def _read_file(path: Path, dataset: Dataset) -> pl.LazyFrame:
    if path.suffix == ".csv":
        return _read_csv(path, dataset).lazy()
    try:
        frame = pl.scan_parquet(path, glob=False)
        found = frame.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise PipelineError(
            f"{path} cannot be read as Parquet ({error}). Write it again, or remove it so that it is computed again."
        ) from error
    _check_schema(found, dataset, str(path))
    return frame.select(dataset.schema.names())


def _read_csv(path: Path, dataset: Dataset) -> pl.DataFrame:
    try:
        text = pl.read_csv(path, infer_schema=False, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise PipelineError(f"{path} cannot be read as CSV with a header line: {error}. Correct the file.") from error
    missing = [name for name in dataset.schema.names() if name not in text.columns]
    if missing:
        raise PipelineError(
            f"{path} does not have the column{'s' if len(missing) > 1 else ''} {', '.join(missing)} of dataset "
            f"{dataset.name}. Its columns are: {', '.join(text.columns)}."
        )
    return text.select(_parsed(text, column, path) for column in dataset.columns)


def _parsed(text: pl.DataFrame, column: Column, path: Path) -> pl.Series:
    raw = text[column.name].str.strip_chars().replace("", None)
    if column.type == "bool":
        values = raw.str.to_lowercase().replace_strict({"true": True, "false": False}, default=None)
    elif column.type == "date":
        values = raw.str.to_date("%Y-%m-%d", strict=False)
    else:
        values = raw.cast(column.dtype, strict=False)
    wrong = (values.is_null() & raw.is_not_null()).arg_true()
    if len(wrong):
        row = wrong[0]
        raise PipelineError(
            f"{path}, line {row + 2}, column {column.name}: {raw[row]!r} is not of type {column.type}. Correct the "
            "value, or leave it empty if it is unknown."
        )
    return values.cast(column.dtype)


def _check_partition(values: pl.Series, partition: str, dataset: Dataset) -> None:
    strays = values.filter(values != partition)
    if len(strays):
        raise PipelineError(
            f"{len(strays)} rows of dataset {dataset.name} do not belong to {dataset.partition_key} = {partition}, for "
            f"which the task was run; the first has {strays[0]!r}."
        )


def _check_schema(found: pl.Schema, dataset: Dataset, location: str = "") -> None:
    wrong = [
        f"{name} is missing" if name not in found else f"{name} is {found[name]} instead of {dtype}"
        for name, dtype in dataset.schema.items()
        if found.get(name) != dtype
    ]
    wrong += [f"{name} is not declared" for name in found if name not in dataset.schema]
    if wrong:
        raise PipelineError(
            f"{location or 'The table'} does not fit the declaration of dataset {dataset.name}: {'; '.join(wrong)}. "
            f"`nibrs describe {dataset.name}` shows the declaration."
        )


def _check_column(table: pl.DataFrame, column: Column, dataset: Dataset) -> None:
    values = table[column.name]
    if not column.is_nullable and values.null_count():
        _refuse(table, values.is_null(), column, dataset, "is missing, but a value is required")
    if column.type == "float64":
        _refuse(table, ~values.is_finite(), column, dataset, "is not a finite number")
    if column.codes:
        allowed = ~values.is_in(list(column.codes)) & values.is_not_null()
        _refuse(table, allowed, column, dataset, f"is not one of {', '.join(map(str, column.codes))}")


def _refuse(table: pl.DataFrame, wrong: pl.Series, column: Column, dataset: Dataset, complaint: str) -> None:
    rows = table.filter(wrong.fill_null(False))
    if rows.height:
        raise PipelineError(
            f"Dataset {dataset.name}, column {column.name}: {rows[column.name][0]!r} {complaint} ({rows.height} rows, "
            f"the first with {_format_key(rows, dataset.primary_key)})."
        )


def _format_key(rows: pl.DataFrame, key: Sequence[str]) -> str:
    return ", ".join(f"{name} {rows[name][0]}" for name in key)
