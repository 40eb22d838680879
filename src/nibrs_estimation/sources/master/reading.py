"""One pass through a file, then state by state: the datasets, with an account of every line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from nibrs_estimation.model.intake import NEW_OFFENSE
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.intake.accounts import LINE
from nibrs_estimation.sources.intake.archive import printable
from nibrs_estimation.sources.master.accounts import FEW_RECORDS, MOST_FAULTY, MasterAccounts, texts
from nibrs_estimation.sources.master.decode import Records
from nibrs_estimation.sources.master.headers import FIELD, REASON, Headers, months_in_conflict
from nibrs_estimation.sources.master.layout import (
    ADMINISTRATIVE,
    HEADER_TABLE,
    LEVEL_CODE,
    LEVELS,
    OFFENSE,
    ORI,
    OTHER_TABLE,
    WINDOWS,
)
from nibrs_estimation.sources.master.lines import BLOCK_BYTES, Integers, Other, Split, blocks, split
from nibrs_estimation.sources.master.segments import State, empty_records, read_incidents, read_offenses, read_segments
from nibrs_estimation.sources.master.spool import Spool

#: Levels that say how many offenses an agency had in a month, which is what files of earlier years are read for.
HISTORY_LEVELS = (ADMINISTRATIVE, OFFENSE)
_ORI7 = 7
_SHOWN = 40
ALL_LEVELS = tuple(LEVELS)


@dataclass
class Pass:
    """What one pass through a file leaves: its records on disk, and the lines that cannot be used.

    Attributes:
        headers: the headers of the file.
        states: the states of the run, ascending; lines that are of none of them are counted in the first.
        spool: the records, by state and level.
        accounts: the accounts of each state.
        lines: number of lines of the file.
    """

    headers: Headers
    states: tuple[str, ...]
    spool: Spool
    accounts: dict[str, MasterAccounts]
    lines: int = 0
    _outside: Counter[str] = field(default_factory=Counter)
    _windows: Counter[tuple[str, str]] = field(default_factory=Counter)
    _others: int = 0

    def add(self, found: Split | Other, *, is_needed: bool) -> None:
        """Count records or a line; keep the records that can be used, if their level is needed."""
        if isinstance(found, Other):
            self._add_other(found)
            return
        table = LEVELS[found.level].table
        state = self.headers.state_of_lines(found.line)
        is_agency_unknown = state.is_null()
        is_of_run = state.is_in(self.states)
        places = state.set(~is_of_run.fill_null(False), self.states[0])
        # A block has seldom more than one state.
        for place in places.unique().sort():
            rows = (places == place).arg_true().to_numpy()
            accounts = self.accounts[place]
            outside = (~is_of_run & ~is_agency_unknown)[rows].fill_null(False).to_numpy()
            is_dropped = outside | ((not is_needed) | (found.level in WINDOWS))
            accounts.read(table, len(rows), int(is_dropped.sum()))
            self._outside[place] += int(outside.sum())
            if found.level in WINDOWS:
                self._windows[place, table] += int((~outside).sum())
                continue
            rows = rows[~is_dropped]
            is_whole = found.is_whole[rows]
            broken, rows = rows[~is_whole], rows[is_whole]
            for length in np.unique(found.length[broken]):
                title = f"length {length} of {LEVELS[found.level].length}"
                self._set_aside(accounts, found, broken[found.length[broken] == length], "wrong_record", title)
            is_unknown = is_agency_unknown.to_numpy()[rows]
            self._set_aside(accounts, found, rows[is_unknown], "orphan", "header before it")
            rows = rows[~is_unknown]
            self.spool.add(place, found.level, found.line[rows], found.characters[rows])

    def _set_aside(self, accounts: MasterAccounts, found: Split, rows: Integers, reason: str, title: str) -> None:
        if len(rows):
            shown = pl.DataFrame({LINE: found.line[rows], title: texts(found.characters[rows])})
            accounts.enter(LEVELS[found.level].table, shown, reason, title)

    def _add_other(self, found: Other) -> None:
        accounts = self.accounts[self.states[0]]
        accounts.read(OTHER_TABLE, 1, int(found.is_blank))
        if not found.is_blank:
            shown = pl.DataFrame({LINE: [found.line], LEVEL_CODE.title: [found.text]})
            accounts.enter(OTHER_TABLE, shown, "wrong_record", LEVEL_CODE.title)
            self._others += 1
        if self._others >= FEW_RECORDS and self._others > MOST_FAULTY * self.lines:
            raise PipelineError(
                f"{self.headers.path}, line {found.line}: {printable(found.text[:_SHOWN])!r} is no record. "
                f"{self._others:,} of {self.lines:,} lines are none: the file is damaged. Download it again."
            )

    def finish(self) -> None:
        """Account for the headers, and check that every line was counted.

        Raises:
            PipelineError: lines were lost, which is an error of the program; or too many are faulty.
        """
        _count_headers(self.headers, self.states, self.accounts)
        for state, number in sorted(self._outside.items()):
            if number:
                self.accounts[state].lost("outside_states", "records", number)
        for (state, table), number in sorted(self._windows.items()):
            self.accounts[state].lost("windows", table, number)
        for accounts in self.accounts.values():
            for level in WINDOWS:
                accounts.kept(LEVELS[level].table, LEVELS[level].dataset.name, 0)
            accounts.kept(OTHER_TABLE, "none", 0)
        read = sum(accounts.lines_read() for accounts in self.accounts.values())
        if read != self.lines:
            raise PipelineError(
                f"{self.headers.path} has {self.lines:,} lines, but {read:,} were counted. This is an error of the "
                "program: please report it."
            )

    def records(self, state: str, level: str) -> Records:
        """The records of a state and level whose ORI is that of their header but for its last two characters."""
        line, characters = self.spool.take(state, level)
        if not len(line):
            return empty_records(level)
        row = self.headers.of_lines(line)
        agency = self.headers.agencies["agency_id"].to_numpy()[row]
        records = Records(LEVELS[level].table, line, characters, agency)
        oris = np.array(self.headers.agencies["ori"].str.head(_ORI7).to_list(), dtype=f"S{_ORI7}")
        expected = oris.view(np.uint8).reshape(-1, _ORI7)[row]
        is_other = (ORI.of(characters)[:, :_ORI7] != expected).any(axis=1)
        return self.accounts[state].without(records, is_other, "other_agency", ORI)


def pass_through(
    headers: Headers,
    states: tuple[str, ...],
    folder: Path,
    levels: Collection[str] = ALL_LEVELS,
    block_bytes: int = BLOCK_BYTES,
) -> Pass:
    """Read a file once.

    Args:
        headers: its headers, numbered.
        states: the states of the run, ascending.
        folder: an empty folder for its records.
        levels: the levels that are needed; records of others are counted and left out.
        block_bytes: number of characters that are split together.

    Raises:
        PipelineError: the file cannot be read, or too many lines are faulty.
    """
    name = printable(headers.path.name)
    accounts = {state: MasterAccounts(name, state, where=str(headers.path)) for state in states}
    found = Pass(headers, states, Spool(folder), accounts)
    for block in blocks(headers.path, block_bytes):
        found.lines += block.text.count(b"\n")
        for part in split(block, has_old_headers=headers.has_old_headers):
            found.add(part, is_needed=isinstance(part, Other) or part.level in levels)
    found.finish()
    return found


def read_state(found: Pass, state_abbr: str) -> dict[str, pl.DataFrame]:
    """All segments of a state by name of the dataset.

    Raises:
        PipelineError: too many records or values are faulty, or lack a record that they must have.
    """
    state = _state(found, state_abbr)
    records = {level: found.records(state_abbr, level) for level in LEVELS if level not in WINDOWS}
    return read_segments(records, state)


def read_counted(found: Pass, state_abbr: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Datasets ``incident`` and ``offense`` of a state in a file of an earlier year; raises like :func:`read_state`."""
    state = _state(found, state_abbr)
    incidents, of_incident = read_incidents(found.records(state_abbr, ADMINISTRATIVE), state)
    _offenses, of_offense, _keys = read_offenses(found.records(state_abbr, OFFENSE), incidents, state)
    for level in LEVELS:
        if level not in (*HISTORY_LEVELS, *WINDOWS):
            state.accounts.kept(LEVELS[level].table, LEVELS[level].dataset.name, 0)
    return of_incident, of_offense[LEVELS[OFFENSE].dataset.name]


def accounts_of(accounts: MasterAccounts) -> dict[str, pl.DataFrame]:
    """The datasets of a state's accounts; what a new offense code is against, the file does not tell."""
    return accounts.frames() | {NEW_OFFENSE.name: NEW_OFFENSE.empty().collect()}


def _state(found: Pass, state_abbr: str) -> State:
    agencies = found.headers.agencies.select("ori", "agency_id")
    return State(state_abbr, found.headers.data_year, agencies, found.accounts[state_abbr])


def _count_headers(headers: Headers, states: tuple[str, ...], accounts: dict[str, MasterAccounts]) -> None:
    """Account for the headers of each state."""
    own = headers.faults.with_columns(
        state_abbr=pl.when(pl.col("state_abbr").is_in(states)).then("state_abbr").otherwise(pl.lit(states[0]))
    )
    for (state, title, reason, is_row), rows in own.partition_by(
        ["state_abbr", FIELD, REASON, "is_row"], as_dict=True, maintain_order=True
    ).items():
        shown = rows.select(LINE, pl.col("value").alias(str(title)))
        if is_row:
            accounts[str(state)].enter(HEADER_TABLE, shown, str(reason), str(title))
        else:
            is_faulty = pl.repeat(True, shown.height, eager=True)
            accounts[str(state)].blanked(HEADER_TABLE, shown, is_faulty, str(reason), str(title))
    by_state = _header_lines_by_state(headers, states)
    set_aside = dict(own.filter("is_row").group_by("state_abbr").len().iter_rows())
    conflicts = months_in_conflict(headers)
    for state in states:
        total, outside = by_state.get(state, (0, 0))
        accounts[state].read(HEADER_TABLE, total, outside)
        accounts[state].kept(HEADER_TABLE, "agency", total - outside - set_aside.get(state, 0))
        for ori, line, n in conflicts.filter(state_abbr=state).select("ori", LINE, "n").iter_rows():
            accounts[state].lost("months_in_conflict", f"{ori}, line {line}", n)
    inversions, first = headers.inversions
    if inversions:
        accounts[states[0]].lost("headers_out_of_order", f"first in line {first}", inversions)


def _header_lines_by_state(headers: Headers, states: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Numbers of header lines that are counted in each state, and of those among them that are of no state."""
    is_row = headers.faults.filter("is_row").unique(LINE).select(LINE, fault_state="state_abbr")
    lines = pl.DataFrame({LINE: headers.line, "of_agency": headers.state_of_lines(headers.line)})
    of_line = lines.join(is_row, on=LINE, how="left", maintain_order="left").with_columns(
        is_fault=pl.col(LINE).is_in(is_row[LINE].implode()),
    )
    first = next(iter(states))
    own = pl.when("is_fault").then("fault_state").otherwise("of_agency")
    is_of_run = own.is_in(list(states)).fill_null(False)
    counted = of_line.select(
        state=pl.when(is_of_run).then(own).otherwise(pl.lit(first)), outside=~is_of_run & ~pl.col("is_fault")
    )
    rows = counted.group_by("state").agg(pl.len(), pl.col("outside").sum()).iter_rows()
    return {state: (total, outside) for state, total, outside in rows}
