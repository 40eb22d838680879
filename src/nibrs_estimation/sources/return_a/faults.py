"""Faults of records: which field, and whether the record can be used without it."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.sources.intake.accounts import LINE, LineAccounts

#: What accounts call the only table of a file.
TABLE = "return_a"
#: Schema of faults. ``is_row`` says that the whole record is set aside; otherwise the value is missing.
FAULTS = pl.Schema(
    {
        LINE: pl.Int64(),
        "column_name": pl.String(),
        "reason": pl.String(),
        "value": pl.String(),
        "is_row": pl.Boolean(),
    }
)


class RecordAccounts(LineAccounts):
    """The accounts of a file, whose faults are known by field rather than by column of a frame."""

    def enter(self, faults: pl.DataFrame) -> pl.Series:
        """Enter faults: the first of each record that sets it aside, and all values that are blanked.

        Args:
            faults: of schema :data:`FAULTS`.

        Returns:
            The lines of the records that are set aside.
        """
        rows = faults.filter("is_row").unique(LINE, keep="first", maintain_order=True)
        for entries, found in ((self._rows, rows), (self._values, faults.filter(~pl.col("is_row")))):
            if found.height:
                entries.append(
                    found.select(
                        pl.lit(TABLE).alias("input_table"),
                        self.record(TABLE).alias("record"),
                        "column_name",
                        "reason",
                        "value",
                    )
                )
        return rows[LINE]


def faults_in(
    records: pl.DataFrame, is_faulty: pl.Expr, title: str, reason: str, value: pl.Expr, *, is_row: bool
) -> pl.DataFrame:
    """Faults of one field of records, whose frame has column ``line``."""
    return (
        records.filter(is_faulty)
        .select(LINE, column_name=pl.lit(title), reason=pl.lit(reason), value=value, is_row=pl.lit(is_row))
        .cast(FAULTS)
    )
