"""What became of the rows of a zip: read, kept, set aside with a reason, or left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from nibrs_estimation.model.intake import INTAKE_COUNT, INTAKE_LOSS, NEW_OFFENSE, QUARANTINE, REASONS
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.cde.text import LINE, shown

#: A member of which more rows than this share are faulty is damaged, or lost the rows that it belongs to.
MOST_FAULTY = 0.1
#: A member of which more rows than this share are set aside, were it as repeated, is no table of a state.
MOST_SET_ASIDE = 0.9
#: Characters of a faulty value that are kept.
_MOST_SHOWN = 200
#: Below this number of rows the share says nothing.
FEW_ROWS = 20

_FAULT = {"input_table": pl.String, LINE: pl.Int64, "column_name": pl.String, "reason": pl.String, "value": pl.String}


@dataclass
class Accounts:
    """The accounts of one zip.

    Attributes:
        input_name: the zip's file name.
        state: UCR abbreviation of its state.
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
    _new_offenses: dict[str, str] = field(default_factory=dict)

    def read(self, member: str, rows: int, blank: int) -> None:
        """So many rows were read, of which so many are blank and left out."""
        self._read[member] += rows
        self._dropped[member] += blank

    def kept(self, member: str, dataset: str, rows: int, other_year: int = 0) -> None:
        """So many rows went into a dataset, of which so many are dated outside the zip's year."""
        self._kept[member] += rows
        self._other_year[member] += other_year
        self._datasets[member] = dataset

    def rows_read(self, member: str) -> int:
        """Rows of a member, without the blank ones."""
        return self._read[member] - self._dropped[member]

    def rows_kept(self, member: str) -> int:
        """Rows of a member that went into a dataset."""
        return self._kept[member]

    def lost(self, loss: str, subject: str, n: int | None = None) -> None:
        """The zip cannot tell something; see :data:`~nibrs_estimation.model.intake.LOSSES`."""
        self._losses.append((loss, subject, n))

    def found_new(self, against: Mapping[str, str]) -> None:
        """The zip's lookup names offense codes that no code list has, and what each is against."""
        self._new_offenses.update(against)

    def set_aside(
        self, member: str, frame: pl.DataFrame, is_faulty: pl.Series, reason: str, column: str = ""
    ) -> pl.DataFrame:
        """The frame without its faulty rows, which go to quarantine.

        Args:
            member: that the rows are from.
            frame: with the line of every row.
            is_faulty: (n,) mask; null counts as false.
            reason: see :data:`~nibrs_estimation.model.intake.REASONS`.
            column: the faulty column of ``frame``, or "" for the row as such.
        """
        if not is_faulty.any():
            return frame
        self._rows.append(_faults(member, frame.filter(is_faulty), column, reason))
        return frame.filter(~is_faulty.fill_null(False))

    def blanked(self, member: str, frame: pl.DataFrame, is_faulty: pl.Series, reason: str, column: str) -> None:
        """Values of rows that are kept were faulty and are now missing."""
        if is_faulty.any():
            self._values.append(_faults(member, frame.filter(is_faulty), column, reason))

    def check_values(self, where: str, frame: pl.DataFrame, is_faulty: pl.Series, reason: str, column: str) -> None:
        """Refuse a column too many of whose values are faulty: with them blanked it would look like one of unknowns.

        Raises:
            PipelineError: names the column, the first faulty line and its value.
        """
        faulty = is_faulty.sum()
        values = frame.height - frame[column].null_count()
        if values >= FEW_ROWS and faulty > MOST_FAULTY * values:
            line, value = frame.filter(is_faulty).select(LINE, pl.col(column).cast(pl.String)).row(0)
            raise PipelineError(
                f"{where}, column {column}, line {line}: {shown(value)} and others, {faulty:,} of {values:,} values, "
                f"are faulty ({reason.replace('_', ' ')}: {REASONS[reason]}). The columns or the lookups are not "
                "those of this zip: use the whole zip as downloaded from the Crime Data Explorer."
            )

    def check_shares(self, where: str, member: str) -> None:
        """Refuse a member too many of whose rows are faulty.

        Repeated rows are not, as nothing is lost with them; but where nearly all are, it is not the member.

        Raises:
            PipelineError: names the member and the commonest fault.
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
                f"{where}{column}, line {worst[LINE]}: {number:,} of {read:,} rows are faulty "
                f"({worst['reason'].replace('_', ' ')}: {REASONS[worst['reason']]}). Estimates from the rest would "
                "be far too low: use the whole zip as downloaded from the Crime Data Explorer."
            )

    def frames(self) -> dict[str, pl.DataFrame]:
        """Datasets ``intake_count``, ``quarantine``, ``intake_loss`` and ``new_offense`` of the zip."""
        rows = pl.concat([pl.DataFrame(schema=_FAULT), *self._rows]).with_columns(is_row=True)
        values = pl.concat([pl.DataFrame(schema=_FAULT), *self._values]).with_columns(is_row=False)
        # A row that was set aside takes its faulty values along.
        values = values.join(rows, on=["input_table", LINE], how="anti")
        by_member = pl.DataFrame(
            [
                (name, self._datasets[name], self._read[name], self._kept[name], self._dropped[name], other_year)
                for name, other_year in ((name, self._other_year[name]) for name in self._datasets)
            ],
            schema=["input_table", "dataset", "rows_read", "rows_kept", "rows_dropped", "rows_other_year"],
            orient="row",
        )
        counts = (
            by_member.join(_number(rows, "rows_quarantined"), on="input_table", how="left")
            .join(_number(values, "values_quarantined"), on="input_table", how="left")
            .with_columns(pl.col("rows_quarantined", "values_quarantined").fill_null(0))
        )
        faults = pl.concat([rows, values]).with_columns(record=pl.format("line {}", LINE))
        losses = pl.DataFrame(
            self._losses, schema={"loss": pl.String, "subject": pl.String, "n": pl.Int64}, orient="row"
        )
        new_offenses = pl.DataFrame(
            list(self._new_offenses.items()),
            schema=dict.fromkeys(("offense_code", "crime_against"), pl.String),
            orient="row",
        )
        frames = {INTAKE_COUNT: counts, QUARANTINE: faults, INTAKE_LOSS: losses, NEW_OFFENSE: new_offenses}
        return {
            dataset.name: frame.with_columns(state_abbr=pl.lit(self.state), input_name=pl.lit(self.input_name)).select(
                pl.col(column.name).cast(column.dtype) for column in dataset.columns
            )
            for dataset, frame in frames.items()
        }


def _faults(member: str, frame: pl.DataFrame, column: str, reason: str) -> pl.DataFrame:
    value = pl.col(column).cast(pl.String).str.head(_MOST_SHOWN) if column else pl.lit(None, pl.String)
    return frame.select(
        input_table=pl.lit(member),
        **{LINE: pl.col(LINE).cast(pl.Int64)},
        column_name=pl.lit(column),
        reason=pl.lit(reason),
        value=value,
    )


def _number(faults: pl.DataFrame, name: str) -> pl.DataFrame:
    return faults.group_by("input_table").len(name)
