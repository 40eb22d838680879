"""Accounts of the rows of a state in an input: read, kept, set aside with a reason, or left out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field

import polars as pl
from typing_extensions import override

from nibrs_estimation.model.intake import INTAKE_COUNT, INTAKE_LOSS, QUARANTINE, REMEDIES

#: Column with the line of each row in its file.
LINE = "line"
#: Maximum number of characters of a faulty value that are kept.
_MOST_SHOWN = 200
_FAULT = dict.fromkeys(("input_table", "record", "column_name", "reason", "value"), pl.String)


@dataclass
class Accounts(ABC):
    """The accounts of one state in one input. Each kind of source defines how records are identified.

    Attributes:
        input_name: file name of the zip, or name of the database.
        state: UCR abbreviation.
    """

    input_name: str
    state: str
    _read: Counter[str] = field(default_factory=Counter)
    _dropped: Counter[str] = field(default_factory=Counter)
    _kept: Counter[str] = field(default_factory=Counter)
    _other_year: Counter[str] = field(default_factory=Counter)
    _datasets: dict[str, str] = field(default_factory=dict)
    _rows: list[pl.DataFrame] = field(default_factory=list)
    _values: list[pl.DataFrame] = field(default_factory=list)
    _losses: list[tuple[str, str, int | None]] = field(default_factory=list)

    @abstractmethod
    def record(self, table: str) -> pl.Expr:
        """Location of a row of a table in the input, as text."""

    def read(self, table: str, rows: int, dropped: int) -> None:
        """Add numbers of rows that were read and, of these, left out (blank, or of agencies out of scope)."""
        self._read[table] += rows
        self._dropped[table] += dropped

    def kept(self, table: str, dataset: str, rows: int, other_year: int = 0) -> None:
        """Add numbers of rows that were kept in a dataset and, of these, dated outside the data year."""
        self._kept[table] += rows
        self._other_year[table] += other_year
        self._datasets[table] = dataset

    def rows_read(self, table: str) -> int:
        """Number of rows of a table that were read, without those left out."""
        return self._read[table] - self._dropped[table]

    def rows_kept(self, table: str) -> int:
        """Number of rows of a table that were kept."""
        return self._kept[table]

    def lost(self, loss: str, subject: str, n: int | None = None) -> None:
        """Record information that the input lacks; see :data:`~nibrs_estimation.model.intake.LOSSES`."""
        self._losses.append((loss, subject, n))

    def set_aside(
        self, table: str, frame: pl.DataFrame, is_faulty: pl.Series, reason: str, column: str = ""
    ) -> pl.DataFrame:
        """Move faulty rows of a frame to quarantine; returns the other rows.

        Args:
            table: table of the rows.
            frame: rows with the columns that :meth:`record` needs.
            is_faulty: (n,) mask; null counts as false.
            reason: see :data:`~nibrs_estimation.model.intake.REASONS`.
            column: the faulty column of ``frame``; "" if the whole row is faulty.
        """
        if not is_faulty.any():
            return frame
        self._rows.append(self._faults(table, frame.filter(is_faulty), column, reason))
        return frame.filter(~is_faulty.fill_null(False))

    def blanked(self, table: str, frame: pl.DataFrame, is_faulty: pl.Series, reason: str, column: str) -> None:
        """Record faulty values of a column that were set to missing; their rows are kept."""
        if is_faulty.any():
            self._values.append(self._faults(table, frame.filter(is_faulty), column, reason))

    def frames(self) -> dict[str, pl.DataFrame]:
        """Datasets ``intake_count``, ``quarantine`` and ``intake_loss`` of the state."""
        rows = pl.concat([pl.DataFrame(schema=_FAULT), *self._rows]).with_columns(is_row=True)
        values = pl.concat([pl.DataFrame(schema=_FAULT), *self._values]).with_columns(is_row=False)
        # Faulty values of rows that were set aside are not listed separately.
        values = values.join(rows, on=["input_table", "record"], how="anti")
        counts = pl.DataFrame(
            {
                "input_table": list(self._datasets),
                "dataset": list(self._datasets.values()),
                "rows_read": [self._read[table] for table in self._datasets],
                "rows_kept": [self._kept[table] for table in self._datasets],
                "rows_dropped": [self._dropped[table] for table in self._datasets],
                "rows_other_year": [self._other_year[table] for table in self._datasets],
            },
            schema_overrides={"input_table": pl.String, "dataset": pl.String},
        )
        for faults, name in ((rows, "rows_quarantined"), (values, "values_quarantined")):
            counts = counts.join(faults.group_by("input_table").len(name), on="input_table", how="left").with_columns(
                pl.col(name).fill_null(0)
            )
        # Records with the same name get a number.
        number = pl.int_range(pl.len()).over("input_table", "record", "column_name")
        faults = pl.concat([rows, values]).with_columns(
            record=pl.when(number > 0).then(pl.format("{} ({})", "record", number + 1)).otherwise("record"),
            remedy=pl.col("reason").replace_strict(REMEDIES, return_dtype=pl.String),
        )
        losses = pl.DataFrame(
            self._losses, schema={"loss": pl.String, "subject": pl.String, "n": pl.Int64}, orient="row"
        )
        frames = {INTAKE_COUNT: counts, QUARANTINE: faults, INTAKE_LOSS: losses}
        return {
            dataset.name: frame.with_columns(state_abbr=pl.lit(self.state), input_name=pl.lit(self.input_name)).select(
                pl.col(column.name).cast(column.dtype) for column in dataset.columns
            )
            for dataset, frame in frames.items()
        }

    def _faults(self, table: str, frame: pl.DataFrame, column: str, reason: str) -> pl.DataFrame:
        return frame.select(
            input_table=pl.lit(table),
            record=self.record(table),
            column_name=pl.lit(column),
            reason=pl.lit(reason),
            value=pl.col(column).cast(pl.String).str.head(_MOST_SHOWN) if column else pl.lit(None, pl.String),
        )


class LineAccounts(Accounts):
    """Accounts of a text file, whose records are known by their lines: frames have a column :data:`LINE`."""

    @override
    def record(self, table: str) -> pl.Expr:
        return pl.format("line {}", pl.col(LINE).cast(pl.Int64))
