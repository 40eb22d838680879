"""The incidents of a state, and the incident and the repeats of each of their records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.sources.master.accounts import MasterAccounts
from nibrs_estimation.sources.master.decode import Records
from nibrs_estimation.sources.master.layout import INCIDENT_NUMBER, ORI
from nibrs_estimation.sources.master.lines import Bytes, Flags, Integers

#: Instead of the row of an incident, where a record has none.
NO_ROW = -1


@dataclass(frozen=True)
class Incidents:
    """All administrative records of a state in the order of the file.

    Attributes:
        records: the records.
        row: (n,) the kept incident that each stands for, as a row of ``records``; -1 if it was set aside.
    """

    records: Records
    row: Integers

    def rows_of(self, records: Records) -> Integers:
        """(m,) The kept incident of each record of another level, as a row of ``self.records``; -1 if none.

        A record follows its incident, so the last administrative record before it is looked at first. The others are
        looked up by agency and incident number.
        """
        if not len(self.records):
            return np.full(len(records), NO_ROW)
        before = np.searchsorted(self.records.line, records.line) - 1
        candidate = np.maximum(before, 0)
        is_own = (before >= 0) & (self.records.agency_id[candidate] == records.agency_id)
        own, others = _number(self.records), _number(records)
        is_own &= (own[candidate] == others).all(axis=1)
        rows = np.where(is_own, self.row[candidate], NO_ROW)
        strays = np.flatnonzero(~is_own)
        if len(strays):
            first = _keys(self.records).with_columns(row=pl.Series(self.row)).unique(_KEY, keep="first")
            found = _keys(records.where(strays)).join(first, on=_KEY, how="left", maintain_order="left")["row"]
            rows[strays] = found.fill_null(NO_ROW).to_numpy()
        return rows


_KEY = ["agency", "number_1", "number_2", "number_3"]


def _number(records: Records) -> NDArray[np.uint32]:
    """(n, 3) The incident numbers, four characters in each integer."""
    return np.ascontiguousarray(INCIDENT_NUMBER.of(records.characters)).view(np.uint32)


def _keys(records: Records) -> pl.DataFrame:
    number = _number(records)
    return pl.DataFrame(dict(zip(_KEY, [records.agency_id, *number.T], strict=True)))


def incident_repeats(records: Records) -> tuple[Integers, Flags]:
    """For each administrative record, the first of its agency and number; and whether it is another one."""
    keys = _keys(records).with_row_index("row")
    if keys.select(pl.struct(_KEY).hash().n_unique()).item() == keys.height:
        return np.arange(keys.height), np.zeros(keys.height, bool)
    first = keys.select(pl.col("row").min().over(_KEY)).to_series().to_numpy().astype(np.int64)
    return first, first != np.arange(keys.height)


def repeats(key: Integers) -> tuple[Integers, Integers]:
    """Records whose key an earlier record has, ascending, and the first record with it.

    Args:
        key: (n,) keys; those below 0 are of no repeat.
    """
    order = np.argsort(key, kind="stable")
    is_start = np.diff(key[order], prepend=key[order][:1] - 1) != 0
    if is_start.all():
        return np.empty(0, np.int64), np.empty(0, np.int64)
    first = order[np.maximum.accumulate(np.where(is_start, np.arange(len(key)), 0))]
    is_repeat = ~is_start & (key[order] >= 0)
    repeat, of = order[is_repeat], first[is_repeat]
    by_place = np.argsort(repeat)
    return repeat[by_place], of[by_place]


def without_repeats(records: Records, key: Integers, accounts: MasterAccounts) -> Flags:
    """Which records are the first with their key; the others are entered as duplicates or conflicts.

    Args:
        records: the records.
        key: (n,) what identifies each; those below 0 are of no repeat.
        accounts: receive the others.
    """
    repeat, first = repeats(key)
    is_kept = np.ones(len(records), bool)
    is_kept[repeat] = False
    enter_repeats(records, repeat, first, accounts)
    return is_kept


def enter_repeats(records: Records, repeat: Integers, first: Integers, accounts: MasterAccounts) -> None:
    """Enter records as duplicates of the first ones if all their characters from the ORI on are equal, or conflicts."""
    is_equal = (_content(records, repeat) == _content(records, first)).all(axis=1)
    for rows, reason in ((repeat[is_equal], "duplicate"), (repeat[~is_equal], "conflict")):
        some = records.where(rows)
        accounts.without(some, np.ones(len(some), bool), reason)


def _content(records: Records, rows: Integers) -> Bytes:
    return records.characters[rows, ORI.first - 1 :]
