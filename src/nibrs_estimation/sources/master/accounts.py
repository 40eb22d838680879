"""Accounts of the lines of a master file, by state, and limits on the number of faulty ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from nibrs_estimation.model.intake import REASONS
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.intake.accounts import LINE, LineAccounts
from nibrs_estimation.sources.intake.archive import printable
from nibrs_estimation.sources.intake.fixed_width import Field
from nibrs_estimation.sources.master.lines import Bytes, Flags, Integers

if TYPE_CHECKING:
    from nibrs_estimation.sources.master.decode import Records

#: If a larger share of the records of a level is faulty, the file is damaged.
MOST_FAULTY = 0.1
#: If a larger share of the values of a field is faulty, the layout is another. One state that fills a field with codes
#: of its own must not stop the nation, so the share is larger.
MOST_FAULTY_VALUES = 0.5
#: Below this number, the share is not meaningful.
FEW_RECORDS = 20
_SHOWN = 100
_DAMAGED = (
    "Estimates from the rest would be far too low: the file is damaged, or its layout is another. Download it again."
)


@dataclass
class MasterAccounts(LineAccounts):
    """The accounts of a state in a master file.

    Attributes:
        where: path of the file, for messages.
    """

    where: str = ""
    _set_aside: Counter[str] = field(default_factory=Counter)

    def faulty_values(self, records: Records, of: Field, is_faulty: Flags, reason: str) -> None:
        """Enter values that are not used; their records are kept.

        Raises:
            PipelineError: more than half of the field's values are faulty.
        """
        rows = np.flatnonzero(is_faulty)
        if not len(rows):
            return
        found = self._shown(records, rows, of)
        filled = int((of.of(records.characters) != ord(" ")).any(axis=1).sum())
        if filled >= FEW_RECORDS and len(rows) > MOST_FAULTY_VALUES * filled:
            line, value = found.row(0)
            raise PipelineError(
                f"{self.where}, line {line}, {of.title}: {printable(value)!r} and others, {len(rows):,} of "
                f"{filled:,} values of {records.table} records in {self.state}, are faulty ({REASONS[reason]}). "
                f"{_DAMAGED}"
            )
        self.blanked(records.table, found, pl.repeat(True, found.height, eager=True), reason, of.title)

    def without(self, records: Records, is_faulty: Flags, reason: str, of: Field | None = None) -> Records:
        """Set faulty records aside; returns the others.

        Args:
            records: the records.
            is_faulty: (n,) mask.
            reason: see :data:`~nibrs_estimation.model.intake.REASONS`.
            of: the faulty field; None if the whole record is faulty.
        """
        rows = np.flatnonzero(is_faulty)
        if not len(rows):
            return records
        self.enter(records.table, self._shown(records, rows, of), reason, of.title if of else "")
        return records.where(~is_faulty)

    def enter(self, table: str, found: pl.DataFrame, reason: str, column: str) -> None:
        """Enter records that were set aside: their lines, and the faulty value in a column; "" for the whole record."""
        self.set_aside(table, found, pl.repeat(True, found.height, eager=True), reason, column)
        if reason != "duplicate":
            self._set_aside[table] += found.height

    def lines_read(self) -> int:
        """Number of lines that were read, of all tables."""
        return sum(self._read.values())

    def check_share(self, table: str) -> None:
        """Raise an error if too many records of a level are faulty; equal ones do not count, for nothing is lost.

        Raises:
            PipelineError: names the first line and its fault.
        """
        faulty, read = self._set_aside[table], self.rows_read(table)
        if read >= FEW_RECORDS and faulty > MOST_FAULTY * read:
            own = [rows for rows in self._rows if rows["input_table"][0] == table and rows["reason"][0] != "duplicate"]
            worst = max(own, key=len).row(0, named=True)
            place = f", {worst['column_name']}: {printable(worst['value'] or '')!r}" if worst["column_name"] else ""
            raise PipelineError(
                f"{self.where}, {worst['record']}{place}: {faulty:,} of {read:,} {table} records in {self.state} are "
                f"faulty ({REASONS[worst['reason']]}). {_DAMAGED}"
            )

    def _shown(self, records: Records, rows: Integers, of: Field | None) -> pl.DataFrame:
        content = of.of(records.characters)[rows] if of else records.characters[rows, :0]
        return pl.DataFrame({LINE: records.line[rows], of.title if of else "": texts(content)})


def texts(characters: Bytes) -> pl.Series:
    """The (n, width) characters as n texts, at most some dozens of characters of each; for few records."""
    width = characters.shape[1]
    whole = characters.tobytes().decode("latin-1")
    return pl.Series(
        [whole[row * width : row * width + min(width, _SHOWN)] for row in range(len(characters))], dtype=pl.String()
    )
