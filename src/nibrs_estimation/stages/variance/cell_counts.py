"""The compiled loops that turn counts by profile into cells of a table, one row of the matrix after another.

Each is called twice: without room in ``Found`` it tells how many cells every row has, with room it writes them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]


class Profiles(NamedTuple):
    """What units share, by profile, sorted by row of the matrix.

    Attributes:
        signature: (P,) set of columns.
        atom: (P,) kind of person, 594 if missing.
        clearance: (P,) 0 if missing.
    """

    signature: NDArray[np.int32]
    atom: NDArray[np.int16]
    clearance: NDArray[np.int8]


class ProfileFacts(NamedTuple):
    """Counts by profile and feature, sorted by row of the matrix.

    Attributes:
        first: (rows + 1,) first count of each row.
        profile, feature, n: (F,) of each count.
    """

    first: Integers
    profile: NDArray[np.int32]
    feature: NDArray[np.int32]
    n: Integers


class IncidentFacts(NamedTuple):
    """Which profiles were in one incident together, sorted by row of the matrix.

    Attributes:
        row: (I,) row of each incident.
        first: (I + 1,) its first profile.
        profile, n: its profiles and their number of units.
    """

    row: NDArray[np.int32]
    first: Integers
    profile: NDArray[np.int32]
    n: Integers


class CellMap(NamedTuple):
    """Which units count in which cells; R rows of the table, three kinds of columns (own, any, of the group).

    Attributes:
        atoms: (R, 595) kinds of persons that count, the missing last.
        clearances: (R, 4) clearances that count, the missing first.
        kind: (R,) kind of columns.
        first_cell: (R,) cell of the row's first column.
        first_column: (3, S + 1) first column of each signature, in ``column``.
        column: columns, from 0.
        cells: of the table.
    """

    atoms: Bools
    clearances: Bools
    kind: Integers
    first_cell: Integers
    first_column: Integers
    column: Integers
    cells: int


class Found(NamedTuple):
    """Cells that are not 0: a sparse matrix by rows.

    Attributes:
        first: (rows + 1,) first cell of each row; where there is no room in the others, the number of the row before.
        cell, n: cells in order, and their counts.
    """

    first: Integers
    cell: Integers
    n: Integers


@njit(cache=True, nogil=True)
def count_profiles(
    facts: ProfileFacts, profiles: Profiles, cells: CellMap, first_of: Integers, row_of: Integers, found: Found
) -> None:
    """Cells from counts by profile.

    Args:
        facts: the counts.
        profiles: the profiles.
        cells: rows and columns.
        first_of: (features + 1,) first row of the table that counts a feature, in ``row_of``.
        row_of: rows of the table, 0 to R - 1.
        found: where the cells go.
    """
    sums, touched = np.zeros(cells.cells, dtype=np.int64), np.zeros(cells.cells, dtype=np.int64)
    for y in range(len(facts.first) - 1):
        number = 0
        for f in range(facts.first[y], facts.first[y + 1]):
            p = facts.profile[f]
            s = profiles.signature[p]
            for q in range(first_of[facts.feature[f]], first_of[facts.feature[f] + 1]):
                r = row_of[q]
                if not (cells.atoms[r, profiles.atom[p]] and cells.clearances[r, profiles.clearance[p]]):
                    continue
                for k in range(cells.first_column[cells.kind[r], s], cells.first_column[cells.kind[r], s + 1]):
                    cell = cells.first_cell[r] + cells.column[k]
                    if sums[cell] == 0:
                        touched[number] = cell
                        number += 1
                    sums[cell] += facts.n[f]
        _flush(sums, touched, number, y, found)


@njit(cache=True, nogil=True)
def count_incidents(
    facts: IncidentFacts, profiles: Profiles, cells: CellMap, row_of: Integers, columns: int, found: Found
) -> None:
    """Cells of incidents by their number of units of the column.

    Args:
        facts: the incidents.
        profiles: the profiles.
        cells: rows and columns.
        row_of: row of the table, 0 to R - 1, of 0, 1, 2, ... units, the last of as many or more; -1 for none.
        columns: of the table.
        found: where the cells go.
    """
    sums, touched = np.zeros(cells.cells, dtype=np.int64), np.zeros(cells.cells, dtype=np.int64)
    units = np.zeros(columns, dtype=np.int64)
    number = 0
    for i in range(len(facts.row)):
        for k in range(facts.first[i], facts.first[i + 1]):
            p = facts.profile[k]
            if cells.atoms[0, profiles.atom[p]] and cells.clearances[0, profiles.clearance[p]]:
                s = profiles.signature[p]
                for c in range(cells.first_column[0, s], cells.first_column[0, s + 1]):
                    units[cells.column[c]] += facts.n[k]
        for k in range(facts.first[i], facts.first[i + 1]):
            s = profiles.signature[facts.profile[k]]
            for c in range(cells.first_column[0, s], cells.first_column[0, s + 1]):
                column = cells.column[c]
                r = row_of[min(units[column], len(row_of) - 1)]
                units[column] = 0
                if r >= 0:
                    cell = cells.first_cell[r] + column
                    if sums[cell] == 0:
                        touched[number] = cell
                        number += 1
                    sums[cell] += 1
        if i + 1 == len(facts.row) or facts.row[i + 1] != facts.row[i]:
            _flush(sums, touched, number, facts.row[i], found)
            number = 0


@njit(cache=True, nogil=True)
def _flush(sums: Integers, touched: Integers, number: int, y: int, found: Found) -> None:
    """Write the cells of one row of the matrix in order, or their number, and empty the sums."""
    has_room = len(found.cell) > 0
    cells = np.sort(touched[:number])
    if not has_room:
        found.first[y + 1] = number
    for place in range(number):
        if has_room:
            found.cell[found.first[y] + place] = cells[place]
            found.n[found.first[y] + place] = sums[cells[place]]
        sums[cells[place]] = 0
