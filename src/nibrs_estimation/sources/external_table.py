"""A table from an external file: text by column and line, with checks whose errors name both.

CSV, Excel workbooks (``.xlsx``, which needs the package fastexcel) and Parquet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from nibrs_estimation.pipeline.errors import PipelineError

#: Column with the line of each row in the file; the header is line 1.
LINE = "line"
_MISSING = ("", "NA")
#: Suffix that Polars adds to the name of a repeated column.
_COPY = "_duplicated_"


@dataclass(frozen=True)
class ExternalTable:
    """Rows of an external file as text.

    Attributes:
        path: the file.
        rows: trimmed text by column ('' and ``NA`` are null), with the column ``line``.
    """

    path: Path
    rows: pl.DataFrame

    @property
    def headers(self) -> list[str]:
        """The columns of the file."""
        return [name for name in self.rows.columns if name != LINE]

    @property
    def lines(self) -> pl.Series:
        """Line of every row."""
        return self.rows[LINE]

    def filter(self, is_kept: pl.Series) -> ExternalTable:
        """Some of its rows."""
        return ExternalTable(self.path, self.rows.filter(is_kept))

    def text(self, header: str, *, is_required: bool = True) -> pl.Series:
        """A column as text.

        Args:
            header: name of the column; case is ignored.
            is_required: whether every row must have a value.

        Raises:
            PipelineError: the column or a required value is missing; names the line.
        """
        column = self._find(header)
        if column is None:
            raise PipelineError(
                f"{self.path}: the column {header} is missing; found {', '.join(self.headers) or 'none'}. "
                "Add the column, or name the right file in external_file_locations.json."
            )
        if is_required:
            self.refuse(column.is_null(), header, "is missing. Fill it in, or delete the line")
        return column

    def optional(self, header: str) -> pl.Series:
        """A column as text; nulls if the file does not have it."""
        column = self._find(header)
        return pl.repeat(None, self.rows.height, dtype=pl.String, eager=True) if column is None else column

    def number(self, header: str, *, least: float | None = None, is_required: bool = True) -> pl.Series:
        """A column as float64; raises like :meth:`text`, and for values that are not finite or below ``least``."""
        text = self.text(header, is_required=is_required)
        values = text.cast(pl.Float64, strict=False)
        self.refuse(text.is_not_null() & ~values.is_finite().fill_null(False), header, "is not a number. Correct it")
        if least is not None:
            self.refuse(values < least, header, f"is below {least:g}. Correct it")
        return values

    def whole_number(self, header: str, *, least: int) -> pl.Series:
        """A column as int64; raises like :meth:`number`, and for fractions."""
        values = self.number(header, least=least)
        self.refuse(values != values.round(), header, "is not a whole number. Correct it")
        return values.cast(pl.Int64)

    def refuse(self, is_wrong: pl.Series, header: str, fault: str) -> None:
        """Raise an error if a value of a column is wrong.

        Args:
            is_wrong: (n,) mask; null counts as false.
            header: the column.
            fault: the rest of the sentence after the value, with the fix.

        Raises:
            PipelineError: at least one is wrong; names the first line, the value and the number of wrong values.
        """
        wrong = is_wrong.fill_null(False).arg_true()
        if not wrong.len():
            return
        column = self._find(header)
        value = None if column is None else column[wrong[0]]
        shown = "the value" if value is None else repr(value)
        more = f" {wrong.len():,} lines have this fault." if wrong.len() > 1 else ""
        raise PipelineError(f"{self.path}, line {self.lines[wrong[0]]}, column {header}: {shown} {fault}.{more}")

    def refuse_duplicates(self, rows: pl.DataFrame, key: Mapping[str, str]) -> None:
        """Raise an error if two rows have the same key.

        Args:
            rows: with the key's columns and ``line``.
            key: column of ``rows`` -> header of the file.

        Raises:
            PipelineError: two rows have the same key; names both lines.
        """
        copies = rows.filter(rows.select(*key).is_duplicated()).sort(*key, LINE)
        if copies.height:
            values = ", ".join(f"{header} {copies[column][0]}" for column, header in key.items())
            raise PipelineError(
                f"{self.path}, lines {copies[LINE][0]} and {copies[LINE][1]}, column {', '.join(key.values())}: two "
                f"rows have {values}. Delete the wrong one."
            )

    def _find(self, header: str) -> pl.Series | None:
        by_name = {name.lower(): name for name in self.headers}
        name = by_name.get(header.lower())
        return None if name is None else self.rows[name]


def read_table(path: Path, sheet: str | None = None) -> ExternalTable:
    """Read a file as text.

    Args:
        path: a CSV, an Excel workbook or a Parquet file.
        sheet: name of the sheet of a workbook; the first sheet if it does not exist or is None.

    Raises:
        PipelineError: the file cannot be read, has another format, or has a column twice.
    """
    try:
        rows = _read(path, sheet)
    except ModuleNotFoundError as error:
        raise PipelineError(
            f"{path}: reading a workbook needs the package fastexcel. Install it with 'pip install fastexcel', or save "
            "the sheet as CSV and name that file in external_file_locations.json."
        ) from error
    except (OSError, pl.exceptions.PolarsError) as error:
        raise PipelineError(
            f"{path} cannot be read as {path.suffix.lstrip('.').upper() or 'CSV'}: {str(error).splitlines()[0]}. "
            "Save it again as CSV (UTF-8, separated by commas)."
        ) from error
    if copies := [name for name in rows.columns if _COPY in name]:
        raise PipelineError(f"{path}: the column {copies[0].partition(_COPY)[0]} is repeated. Delete one of them.")
    trimmed = pl.all().cast(pl.String).str.strip_chars()
    text = rows.select(pl.when(~trimmed.is_in(_MISSING)).then(trimmed).name.keep())
    text = text.with_row_index(LINE, offset=2)
    # Blank lines are not rows.
    return ExternalTable(path, text.filter(~pl.all_horizontal(pl.exclude(LINE).is_null())))


def _read(path: Path, sheet: str | None) -> pl.DataFrame:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return pl.read_parquet(path)
    if suffix in (".xlsx", ".xlsm"):
        return _read_workbook(path, sheet)
    return pl.read_csv(path, infer_schema=False)


def _read_workbook(path: Path, sheet: str | None) -> pl.DataFrame:
    try:
        sheets = pl.read_excel(path, sheet_id=0, drop_empty_rows=False, raise_if_empty=False)
    except ModuleNotFoundError:
        raise
    except Exception as error:
        # The package has its own errors, which cannot be imported here because it is optional.
        raise OSError(str(error)) from error
    rows = sheets[sheet] if sheet in sheets else next(iter(sheets.values()))
    # A workbook has no integers: 3 is read as 3.0.
    whole = [
        column.name
        for column in rows.select(pl.selectors.float())
        if (column.drop_nulls() == column.drop_nulls().round()).all()
    ]
    return rows.with_columns(pl.col(whole).cast(pl.Int64))
