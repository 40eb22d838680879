"""Accounts of the rows of a zip, and limits on the number of faulty rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl
from typing_extensions import override

from nibrs_estimation.model.intake import NEW_OFFENSE, REASONS
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.cde.text import shown
from nibrs_estimation.sources.intake.accounts import LINE, LineAccounts

#: If a larger share of rows is faulty, the member is damaged, or its parent rows are missing.
MOST_FAULTY = 0.1
#: If a larger share of rows is set aside, even only as repeated, the member is not the table of a state.
MOST_SET_ASIDE = 0.9
#: Below this number of rows, the share is not meaningful.
FEW_ROWS = 20


@dataclass
class ZipAccounts(LineAccounts):
    """The accounts of one zip, whose records are identified by line."""

    _new_offenses: dict[str, str] = field(default_factory=dict)

    def add_new_offenses(self, against: Mapping[str, str]) -> None:
        """Record offense codes of the zip's lookup that are in no code list, and what each is against."""
        self._new_offenses.update(against)

    def check_values(self, where: str, frame: pl.DataFrame, is_faulty: pl.Series, reason: str, column: str) -> None:
        """Raise an error if too many values of a column are faulty.

        Raises:
            PipelineError: names the column, the first faulty line and its value.
        """
        faulty = is_faulty.sum()
        values = frame.height - frame[column].null_count()
        if values >= FEW_ROWS and faulty > MOST_FAULTY * values:
            line, value = frame.filter(is_faulty).select(LINE, pl.col(column).cast(pl.String)).row(0)
            raise PipelineError(
                f"{where}, column {column}, line {line}: {shown(value)} and others, {faulty:,} of {values:,} values, "
                f"are faulty ({reason.replace('_', ' ')}: {REASONS[reason]}). The columns or the lookup tables do "
                "not belong to this zip: use the complete zip as downloaded from the Crime Data Explorer."
            )

    def check_shares(self, where: str, member: str) -> None:
        """Raise an error if too many rows of a member are faulty.

        Repeated rows do not count, because nothing is lost with them, unless nearly all rows are set aside.

        Raises:
            PipelineError: names the member and the most frequent fault.
        """
        set_aside = [rows for rows in self._rows if rows["input_table"][0] == member]
        own = [rows for rows in set_aside if rows["reason"][0] != "duplicate"]
        faulty = sum(rows.height for rows in own)
        lost = sum(rows.height for rows in set_aside)
        read = self._read[member]
        if read >= FEW_ROWS and (faulty > MOST_FAULTY * read or lost > MOST_SET_ASIDE * read):
            worst = max(own if faulty > MOST_FAULTY * read else set_aside, key=len).row(0, named=True)
            column = f", column {worst['column_name']}" if worst["column_name"] else ""
            number = faulty if faulty > MOST_FAULTY * read else lost
            raise PipelineError(
                f"{where}{column}, {worst['record']}: {number:,} of {read:,} rows are faulty "
                f"({worst['reason'].replace('_', ' ')}: {REASONS[worst['reason']]}). Estimates from the other rows "
                "would be far too low: use the complete zip as downloaded from the Crime Data Explorer."
            )

    @override
    def frames(self) -> dict[str, pl.DataFrame]:
        """Datasets ``intake_count``, ``quarantine``, ``intake_loss`` and ``new_offense`` of the zip."""
        new_offenses = pl.DataFrame(
            list(self._new_offenses.items()),
            schema=dict.fromkeys(("offense_code", "crime_against"), pl.String),
            orient="row",
        )
        return super().frames() | {
            NEW_OFFENSE.name: NEW_OFFENSE.cast(new_offenses.with_columns(state_abbr=pl.lit(self.state)))
        }
