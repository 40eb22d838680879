"""The compiled loops that turn counts by profile into cells of a table, one row of the matrix after another.

Each is called twice: with empty arrays in ``Found`` it counts the cells of each row, then it writes the cells.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]

_compiled = njit(cache=True, nogil=True)


class Profiles(NamedTuple):
    """Profiles of units; profiles of the same row of the matrix are contiguous.

    Attributes:
        first, last: (rows,) first profile of each row, and the one after its last.
        signature: (P,) number of the set of columns.
        atom: (P,) atom of the person, 594 if missing.
        clearance: (P,) 0 if missing.
        imputed: (P,) items of the person that are imputed, as bits.
    """

    first: Integers
    last: Integers
    signature: NDArray[np.int32]
    atom: NDArray[np.int16]
    clearance: NDArray[np.int8]
    imputed: NDArray[np.int8]


class FeatureCounts(NamedTuple):
    """Counts by profile and feature.

    Attributes:
        first: (P + 1,) first count of each profile.
        feature, n: (F,) feature and number of each count.
        n_imputed: (F,) those of n that an imputed item put there, other than those of the person.
    """

    first: Integers
    feature: NDArray[np.int16]
    n: Integers
    n_imputed: Integers


class Incidents(NamedTuple):
    """Profiles by incident; incidents of the same row of the matrix are contiguous.

    Attributes:
        first, last: (rows,) first incident of each row, and the one after its last.
        first_profile: (I + 1,) first profile of each incident.
        profile, n: profiles of the incidents and their number of units.
    """

    first: Integers
    last: Integers
    first_profile: Integers
    profile: NDArray[np.int32]
    n: NDArray[np.int16]


class CellMap(NamedTuple):
    """The units that count in each cell; R rows of the table, three kinds of columns (own, any, of the group).

    Attributes:
        group: (595,) atoms of the demographic group; the last is for units without an atom.
        atoms: (R, 595) atoms that count in the row.
        clearances: (R, 4) clearances that count; the first is for units without a clearance.
        kind: (R,) kind of columns.
        first_cell: (R,) cell of the row's first column.
        first_column: (3, S + 1) first column of each signature, in ``column``.
        column: columns, from 0.
        cells: number of cells of the table.
        items: (R,) items of a person on which it depends whether it counts in the row, as bits.
        of_imputed: count only units that an imputed item put into the cell.
    """

    group: Bools
    atoms: Bools
    clearances: Bools
    kind: Integers
    first_cell: Integers
    first_column: Integers
    column: Integers
    cells: int
    items: Integers
    of_imputed: bool


class Found(NamedTuple):
    """Cells that are not 0: a sparse matrix by rows.

    Attributes:
        first: (rows + 1,) first cell of each row; if the other arrays are empty, the number of cells of the row before.
        cell, n: cells in order, and their counts.
    """

    first: Integers
    cell: Integers
    n: Integers


@_compiled
def count_by_profile(
    profiles: Profiles,
    counts: FeatureCounts,
    cells: CellMap,
    first_of: Integers,
    row_of: Integers,
    begin: int,
    end: int,
    found: Found,
) -> None:
    """Compute cells from counts by profile.

    Args:
        profiles: the profiles.
        counts: their counts.
        cells: rows and columns.
        first_of: (features + 1,) first row of the table that counts a feature, in ``row_of``.
        row_of: rows of the table, 0 to R - 1.
        begin: first row of the matrix to fill.
        end: the row after the last.
        found: the cells, written in place.
    """
    sums, touched = np.zeros(cells.cells, dtype=np.int64), np.zeros(cells.cells, dtype=np.int64)
    for y in range(begin, end):
        number = 0
        for p in range(profiles.first[y], profiles.last[y]):
            atom, clearance, s = profiles.atom[p], profiles.clearance[p], profiles.signature[p]
            if not cells.group[atom]:
                continue
            for f in range(counts.first[p], counts.first[p + 1]):
                for q in range(first_of[counts.feature[f]], first_of[counts.feature[f] + 1]):
                    r = row_of[q]
                    if not (cells.atoms[r, atom] and cells.clearances[r, clearance]):
                        continue
                    n = counts.n[f]
                    if cells.of_imputed and not profiles.imputed[p] & cells.items[r]:
                        n = counts.n_imputed[f]
                    if n == 0:
                        continue
                    for k in range(cells.first_column[cells.kind[r], s], cells.first_column[cells.kind[r], s + 1]):
                        cell = cells.first_cell[r] + cells.column[k]
                        if sums[cell] == 0:
                            touched[number] = cell
                            number += 1
                        sums[cell] += n
        _flush(sums, touched, number, y, found)


@_compiled
def count_incidents(
    profiles: Profiles,
    incidents: Incidents,
    cells: CellMap,
    row_of: Integers,
    columns: int,
    begin: int,
    end: int,
    found: Found,
) -> None:
    """Compute cells that count incidents by their number of units of the column.

    Args:
        profiles: the profiles.
        incidents: the incidents.
        cells: rows and columns.
        row_of: row of the table, 0 to R - 1, for 0, 1, 2, ... units; the last is for that number or more; -1 for none.
        columns: number of columns of the table.
        begin: first row of the matrix to fill.
        end: the row after the last.
        found: the cells, written in place.
    """
    sums, touched = np.zeros(cells.cells, dtype=np.int64), np.zeros(cells.cells, dtype=np.int64)
    units = np.zeros(columns, dtype=np.int64)
    for y in range(begin, end):
        number = 0
        for i in range(incidents.first[y], incidents.last[y]):
            for k in range(incidents.first_profile[i], incidents.first_profile[i + 1]):
                p = incidents.profile[k]
                atom, s = profiles.atom[p], profiles.signature[p]
                if cells.group[atom] and cells.atoms[0, atom] and cells.clearances[0, profiles.clearance[p]]:
                    for c in range(cells.first_column[0, s], cells.first_column[0, s + 1]):
                        units[cells.column[c]] += incidents.n[k]
            for k in range(incidents.first_profile[i], incidents.first_profile[i + 1]):
                s = profiles.signature[incidents.profile[k]]
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
        _flush(sums, touched, number, y, found)


@_compiled
def _flush(sums: Integers, touched: Integers, number: int, y: int, found: Found) -> None:
    """Write the cells of one row of the matrix in order, or their number, and reset the sums."""
    is_writing = len(found.cell) > 0
    cells = np.sort(touched[:number])
    if not is_writing:
        found.first[y + 1] = number
    for index in range(number):
        if is_writing:
            found.cell[found.first[y] + index] = cells[index]
            found.n[found.first[y] + index] = sums[cells[index]]
        sums[cells[index]] = 0
