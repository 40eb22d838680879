"""The compiled loops that turn counts by profile into cells of a table, one row of the matrix after another."""

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


class Found(NamedTuple):
    """Cells that are not 0 of some rows of the matrix, in order.

    Attributes:
        first: (rows + 1,) first cell of each row.
        cell: cells of the rows.
        n: their counts.
        n_imputed: those of n that an imputed item put there.
    """

    first: Integers
    cell: NDArray[np.int32]
    n: Integers
    n_imputed: Integers


class Sums(NamedTuple):
    """Sums of one row of the matrix; zeros between rows.

    Attributes:
        n: (cells,) counts.
        n_imputed: (cells,) those of n that an imputed item put there.
        touched: (cells,) the cells that are not 0, as they were found.
    """

    n: Integers
    n_imputed: Integers
    touched: Integers


@_compiled
def count_by_profile(
    profiles: Profiles,
    counts: FeatureCounts,
    cells: CellMap,
    first_of: Integers,
    row_of: Integers,
    begin: int,
    end: int,
) -> Found:
    """Compute cells from counts by profile.

    Args:
        profiles: the profiles.
        counts: their counts.
        cells: rows and columns.
        first_of: (features + 1,) first row of the table that counts a feature, in ``row_of``.
        row_of: rows of the table, 0 to R - 1.
        begin: first row of the matrix.
        end: the row after the last.
    """
    sums, found = _no_sums(cells.cells), _nothing(end - begin)
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
                    if n == 0:
                        continue
                    n_imputed = n if profiles.imputed[p] & cells.items[r] else counts.n_imputed[f]
                    for k in range(cells.first_column[cells.kind[r], s], cells.first_column[cells.kind[r], s + 1]):
                        cell = cells.first_cell[r] + cells.column[k]
                        if sums.n[cell] == 0:
                            sums.touched[number] = cell
                            number += 1
                        sums.n[cell] += n
                        sums.n_imputed[cell] += n_imputed
        found = _with_row(found, y - begin, sums, number)
    return found


@_compiled
def count_incidents(
    profiles: Profiles,
    incidents: Incidents,
    cells: CellMap,
    row_of: Integers,
    columns: int,
    begin: int,
    end: int,
) -> Found:
    """Compute cells that count incidents by their number of units of the column.

    Such cells hardly depend on items, and nothing counts as imputed: a victim of any age is one victim of the incident.

    Args:
        profiles: the profiles.
        incidents: the incidents.
        cells: rows and columns.
        row_of: row of the table, 0 to R - 1, for 0, 1, 2, ... units; the last is for that number or more; -1 for none.
        columns: number of columns of the table.
        begin: first row of the matrix.
        end: the row after the last.
    """
    sums, found = _no_sums(cells.cells), _nothing(end - begin)
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
                        if sums.n[cell] == 0:
                            sums.touched[number] = cell
                            number += 1
                        sums.n[cell] += 1
        found = _with_row(found, y - begin, sums, number)
    return found


@_compiled
def _no_sums(cells: int) -> Sums:
    return Sums(np.zeros(cells, dtype=np.int64), np.zeros(cells, dtype=np.int64), np.zeros(cells, dtype=np.int64))


@_compiled
def _nothing(rows: int) -> Found:
    room = 64 * rows
    return Found(
        np.zeros(rows + 1, dtype=np.int64),
        np.empty(room, dtype=np.int32),
        np.empty(room, dtype=np.int64),
        np.empty(room, dtype=np.int64),
    )


@_compiled
def _with_row(found: Found, row: int, sums: Sums, number: int) -> Found:
    """Append the cells of a row, in more room if necessary, and reset the sums."""
    first = found.first[row]
    last = first + number
    found.first[row + 1] = last
    if last > len(found.cell):
        cell, n, n_imputed = np.empty(2 * last, np.int32), np.empty(2 * last, np.int64), np.empty(2 * last, np.int64)
        cell[:first], n[:first], n_imputed[:first] = found.cell[:first], found.n[:first], found.n_imputed[:first]
        found = Found(found.first, cell, n, n_imputed)
    cells = np.sort(sums.touched[:number])
    for index in range(number):
        cell_ = cells[index]
        found.cell[first + index] = cell_
        found.n[first + index] = sums.n[cell_]
        found.n_imputed[first + index] = sums.n_imputed[cell_]
        sums.n[cell_] = 0
        sums.n_imputed[cell_] = 0
    return found
