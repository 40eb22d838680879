"""What became of the rows of the database that belong to a state: read, kept, set aside with a reason, or left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from nibrs_estimation.model.intake import INTAKE_COUNT, INTAKE_LOSS, QUARANTINE

_FAULT = dict.fromkeys(("input_table", "record", "column_name", "reason", "value"), pl.String)


@dataclass
class Accounts:
    """The accounts of one state.

    Attributes:
        input_name: the database.
        state: UCR abbreviation.
    """

    input_name: str
    state: str
    _read: Counter[str] = field(default_factory=Counter)
    _dropped: Counter[str] = field(default_factory=Counter)
    _kept: Counter[str] = field(default_factory=Counter)
    _datasets: dict[str, str] = field(default_factory=dict)
    _keys: dict[str, list[str]] = field(default_factory=dict)
    _rows: list[pl.DataFrame] = field(default_factory=list)
    _values: list[pl.DataFrame] = field(default_factory=list)
    _losses: list[tuple[str, str, int]] = field(default_factory=list)

    def read(self, table: str, key: list[str], rows: int, dropped: int) -> None:
        """So many rows, known by their key, were read, of which so many belong to agencies that are not in scope."""
        self._keys[table] = key
        self._read[table] += rows
        self._dropped[table] += dropped

    def kept(self, table: str, dataset: str, rows: int) -> None:
        """So many rows went into a dataset."""
        self._kept[table] += rows
        self._datasets[table] = dataset

    def lost(self, loss: str, subject: str, n: int) -> None:
        """The database lacks rows; see :data:`~nibrs_estimation.model.intake.LOSSES`."""
        self._losses.append((loss, subject, n))

    def set_aside(
        self, table: str, frame: pl.DataFrame, is_faulty: pl.Series, reason: str, column: str = ""
    ) -> pl.DataFrame:
        """The frame without its faulty rows, which go to quarantine; a null in the (n,) mask counts as false."""
        if not is_faulty.any():
            return frame
        self._rows.append(self._faults(table, frame.filter(is_faulty), column, reason))
        return frame.filter(~is_faulty.fill_null(False))

    def blanked(self, table: str, frame: pl.DataFrame, is_faulty: pl.Series, reason: str, column: str) -> None:
        """Values of a column of rows that are kept were faulty and are now missing."""
        if is_faulty.any():
            self._values.append(self._faults(table, frame.filter(is_faulty), column, reason))

    def frames(self) -> dict[str, pl.DataFrame]:
        """Datasets ``intake_count``, ``quarantine`` and ``intake_loss`` of the state."""
        rows = pl.concat([pl.DataFrame(schema=_FAULT), *self._rows]).with_columns(is_row=True)
        values = pl.concat([pl.DataFrame(schema=_FAULT), *self._values]).with_columns(is_row=False)
        # A row that was set aside takes its faulty values along.
        values = values.join(rows, on=["input_table", "record"], how="anti")
        counts = pl.DataFrame(
            {
                "input_table": list(self._datasets),
                "dataset": list(self._datasets.values()),
                "rows_read": [self._read[table] for table in self._datasets],
                "rows_kept": [self._kept[table] for table in self._datasets],
                "rows_dropped": [self._dropped[table] for table in self._datasets],
            }
        )
        for faults, name in ((rows, "rows_quarantined"), (values, "values_quarantined")):
            counts = counts.join(faults.group_by("input_table").len(name), on="input_table", how="left").with_columns(
                pl.col(name).fill_null(0)
            )
        # Rows with one key are told apart by their number.
        number = pl.int_range(pl.len()).over("input_table", "record", "column_name")
        faults = pl.concat([rows, values]).with_columns(
            record=pl.when(number > 0).then(pl.format("{} ({})", "record", number + 1)).otherwise("record")
        )
        frames = {
            INTAKE_COUNT: counts.with_columns(rows_other_year=pl.lit(0)),
            QUARANTINE: faults,
            INTAKE_LOSS: pl.DataFrame(
                self._losses, schema={"loss": pl.String, "subject": pl.String, "n": pl.Int64}, orient="row"
            ),
        }
        return {
            dataset.name: frame.with_columns(state_abbr=pl.lit(self.state), input_name=pl.lit(self.input_name)).select(
                pl.col(column.name).cast(column.dtype) for column in dataset.columns
            )
            for dataset, frame in frames.items()
        }

    def _faults(self, table: str, frame: pl.DataFrame, column: str, reason: str) -> pl.DataFrame:
        key = [pl.col(name).cast(pl.String).fill_null("") for name in self._keys[table]]
        return frame.select(
            input_table=pl.lit(table),
            record=pl.concat_str(key, separator="/"),
            column_name=pl.lit(column),
            reason=pl.lit(reason),
            value=pl.col(column).cast(pl.String) if column else pl.lit(None, pl.String),
        )
