"""Rows of a public file with an account of them: read = kept + set aside + dropped."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from nibrs_estimation.model.public import PUBLIC_FAULT, PUBLIC_FILE
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.intake.archive import printable
from nibrs_estimation.sources.public.content import Content

#: Column with the number of a row's line in the file.
LINE = "line"


@dataclass
class Rows:
    """Rows of a file that are still in use, and what became of the others.

    Attributes:
        name: the file, and the member of a zip.
        kind: name of its kind.
        frame: the rows in use, with column ``line``.
        dropped: number of rows of other years or places, or repeated as they are.
    """

    name: str
    kind: str
    frame: pl.DataFrame
    dropped: int = 0
    _read: int = field(init=False)
    _set_aside: int = 0
    _faults: list[pl.DataFrame] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._read = self.frame.height

    def drop(self, is_other: pl.Expr) -> None:
        """Leave rows out that are not wanted."""
        kept = self.frame.filter(~is_other.fill_null(False))
        self.dropped += self.frame.height - kept.height
        self.frame = kept

    def set_aside(self, is_faulty: pl.Expr, column: str, reason: str, value: pl.Expr) -> None:
        """Leave faulty rows out, and enter them."""
        is_faulty = is_faulty.fill_null(False)
        self._enter(is_faulty, column, reason, value, is_row=True)
        kept = self.frame.filter(~is_faulty)
        self._set_aside += self.frame.height - kept.height
        self.frame = kept

    def blank(self, is_faulty: pl.Expr, column: str, reason: str, value: pl.Expr) -> None:
        """Enter faulty values of rows that stay; the caller makes them missing."""
        self._enter(is_faulty.fill_null(False), column, reason, value, is_row=False)

    def once(self, key: list[str], column: str) -> None:
        """Drop rows that are repeated as they are.

        Raises:
            PipelineError: two rows have the same key but different values.
        """
        unique = self.frame.unique([name for name in self.frame.columns if name != LINE], keep="first").sort(LINE)
        self.dropped += self.frame.height - unique.height
        differing = unique.filter(pl.struct(key).is_duplicated()).sort(*key, LINE)
        if differing.height:
            lines = differing.head(2)[LINE].to_list()
            raise PipelineError(
                f"{self.name}, lines {' and '.join(map(str, lines))}, column {column}: both have "
                f"{printable(str(differing[key[0]][0]))}, with different values "
                f"({differing.select(pl.struct(key).n_unique()).item():,} are so). Keep the row that is right, and "
                "remove the other."
            )
        self.frame = unique

    def account(self, year: int) -> dict[str, pl.DataFrame]:
        """Datasets ``public_file`` and ``public_fault`` of the file."""
        counts = {
            "input_name": self.name,
            "data_year": year,
            "kind": self.kind,
            "rows_read": self._read,
            "rows_kept": self.frame.height,
            "rows_set_aside": self._set_aside,
            "rows_dropped": self.dropped,
        }
        counted = self.frame.height + self._set_aside + self.dropped
        if self._read != counted:
            raise PipelineError(
                f"{self.name}: {self._read:,} rows were read, but {counted:,} were counted. This is an error of the "
                "program: please report it."
            )
        faults = pl.concat([PUBLIC_FAULT.empty().collect(), *self._faults])
        return {PUBLIC_FILE.name: pl.DataFrame([counts], schema=PUBLIC_FILE.schema), PUBLIC_FAULT.name: faults}

    def _enter(self, is_faulty: pl.Expr, column: str, reason: str, value: pl.Expr, *, is_row: bool) -> None:
        found = self.frame.filter(is_faulty)
        if found.height:
            entries = found.select(
                input_name=pl.lit(self.name),
                record=pl.format("line {}", LINE),
                column_name=pl.lit(column),
                reason=pl.lit(reason),
                value=value.cast(pl.String),
                is_row=pl.lit(is_row),
            )
            self._faults.append(PUBLIC_FAULT.cast(entries))


def name_of(content: Content) -> str:
    """Name of a file in accounts and messages."""
    return printable(f"{content.path.name}, {content.member}" if content.member else content.path.name)
