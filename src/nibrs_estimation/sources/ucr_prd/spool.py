"""Raw rows of the database on disk, by state.

The nation has about thirteen million incidents a year. Tables are written to disk while they are read, so that only a
few batches of each connection are in memory.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from nibrs_estimation.pipeline.database import Reader
from nibrs_estimation.pipeline.optional import postgresql_module
from nibrs_estimation.sources.ucr_prd.layout import AGENCY_OF_ROW, Segment, segment_query

if TYPE_CHECKING:
    import pyarrow as pa
else:
    pa = postgresql_module("pyarrow")

_log = logging.getLogger(__name__)

#: Number of rows that are split by state together: fewer make many small files, more need memory.
ROWS_PER_PART = 500_000
_STATE = "state of row"


@dataclass(frozen=True)
class Scope:
    """The agencies whose rows are kept, and the states that count the other rows.

    Attributes:
        agencies: ``agency_id`` and ``state_abbr`` of every agency of the database, and ``is_in_scope``.
        states: the states of the run, ascending; rows of other states are counted in the first state.
    """

    agencies: pl.DataFrame
    states: tuple[str, ...]

    def locate(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Add the state that counts a row, and whether it is kept; orphans are kept for quarantine."""
        located = rows.join(
            self.agencies.rename({"agency_id": AGENCY_OF_ROW, "state_abbr": _STATE}), on=AGENCY_OF_ROW, how="left"
        )
        is_of_run = pl.col(_STATE).is_in(list(self.states)).fill_null(False)
        return located.with_columns(
            pl.when(is_of_run).then(_STATE).otherwise(pl.lit(self.states[0])).alias(_STATE),
            is_in_scope=pl.col(AGENCY_OF_ROW).is_null() | (is_of_run & pl.col("is_in_scope").fill_null(False)),
        )


@dataclass
class Spool:
    """Raw tables in a folder: ``<table>/<state>/<number>.arrow``."""

    folder: Path
    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)

    def fill(self, segment: Segment, schema: str, year: int, is_enforced: bool, reader: Reader, scope: Scope) -> None:
        """Read one table and write it by state.

        Raises:
            PipelineError, ConnectionLostError: see :meth:`Reader.batches`.
        """
        arrow, batches = reader.batches(segment_query(segment, schema, year, is_enforced))
        buffer: list[pa.RecordBatch] = []
        number = total = 0
        for batch in batches:
            buffer.append(batch)
            if sum(each.num_rows for each in buffer) >= ROWS_PER_PART:
                total += self._write(segment, pa.Table.from_batches(buffer, arrow), scope, number)
                number, buffer = number + 1, []
        total += self._write(segment, pa.Table.from_batches(buffer, arrow), scope, number)
        _log.info("read %s: %d rows", segment.table.name, total)

    def take(self, segment: Segment, state: str) -> pl.DataFrame | None:
        """Read the rows of a state and delete their files; None if there are none."""
        parts = sorted((self.folder / segment.table.name / state).glob("*.arrow"))
        if not parts:
            return None
        rows = pl.concat([pl.read_ipc(part) for part in parts])
        for part in parts:
            part.unlink()
        return rows

    def _write(self, segment: Segment, table: pa.Table, scope: Scope, number: int) -> int:
        rows = scope.locate(pl.DataFrame(pl.from_arrow(table)))
        is_in_scope = rows["is_in_scope"]
        for state, dropped in rows.filter(~is_in_scope).group_by(_STATE).len().iter_rows():
            self.dropped[segment.table.name, state] += dropped
        kept = rows.filter(is_in_scope).drop("is_in_scope", AGENCY_OF_ROW)
        for (state,), part in kept.partition_by(_STATE, as_dict=True, include_key=False).items():
            folder = self.folder / segment.table.name / str(state)
            folder.mkdir(parents=True, exist_ok=True)
            part.write_ipc(folder / f"{number:05}.arrow", compression="lz4")
        return rows.height
