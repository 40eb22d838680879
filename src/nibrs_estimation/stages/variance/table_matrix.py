"""Matrices of tables: what each agency counted in each cell, of all persons or of a demographic group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.stages.variance.profiles import NO_ATOM, UnitCounts
from nibrs_estimation.tables.counting import CountedRow, Term, table_terms
from nibrs_estimation.tables.definition import TableDefinition

Bools = NDArray[np.bool_]
_MOST_IN_INCIDENT = 4


@dataclass(frozen=True, eq=False)
class Copies:
    """Who copies which months: Y = Y_own + R Y_blocks (03 section 7).

    Attributes:
        agencies: number of rows that are agencies; the others are months of donors.
        references: R, agencies x months of donors.
    """

    agencies: int
    references: sparse.csr_array


def table_matrix(
    table: TableDefinition,
    counts: Callable[[str], UnitCounts],
    copies: Copies,
    agency_categories: Mapping[str, NDArray[np.int8]],
    in_group: Bools | None = None,
) -> sparse.csc_array:
    """Counts of the agencies in the cells of a table, copied months included.

    Args:
        table: its definition.
        counts: of a counting unit.
        copies: who copies what.
        agency_categories: variable of agencies -> category of each, 0 if missing: (agencies,).
        in_group: the atoms of a demographic group, (594,), or None for all units.

    Returns:
        (agencies, rows x columns): cell (row, column) is column (row - 1) x columns + column - 1.
    """
    C, cells = len(table.columns), len(table.rows) * len(table.columns)
    parts = [_of_term(term, counts(term.counting_unit), C, cells, in_group) for term in table_terms(table)]
    total = sum(parts[1:], start=parts[0])
    own, blocks = total[: copies.agencies], total[copies.agencies :]
    matrix = sparse.csr_array(own + copies.references @ blocks)
    return sparse.csc_array(_with_agency_rows(matrix, table, agency_categories))


def _of_term(term: Term, counts: UnitCounts, C: int, cells: int, in_group: Bools | None) -> sparse.csr_array:
    """The cells of a term, (rows of the matrix, cells of the table)."""
    rows = [row for row in term.rows if row.agency is None]
    group = np.ones(NO_ATOM + 1, dtype=bool) if in_group is None else np.append(in_group, False)
    shape = (len(counts.row_pointer) - 1, cells)
    matrix = sparse.csr_array(shape, dtype=np.float64)
    for by_incident in (False, True):
        wanted = [row for row in rows if row.is_by_incident is by_incident]
        if wanted:
            matrix = matrix + _counted(term, wanted, counts, C, shape, group)
    return matrix


def _counted(
    term: Term, rows: list[CountedRow], counts: UnitCounts, C: int, shape: tuple[int, int], group: Bools
) -> sparse.csr_array:
    masks, clearances = _conditions(rows)
    pointer, columns = _columns_of_signatures(term, counts)
    of_row = np.array([["own", "any", "group"].index(row.columns) for row in rows])
    base = np.array([(row.row - 1) * C for row in rows], dtype=np.int64)
    shared = (
        counts.signature,
        counts.atom,
        counts.clearance,
        masks & group,
        clearances,
        of_row,
        pointer,
        columns,
        base,
    )
    if rows[0].is_by_incident:
        of_number = np.full(_MOST_IN_INCIDENT + 1, -1, dtype=np.int64)
        of_number[[row.category for row in rows]] = np.arange(len(rows))
        facts = (counts.incident_row, counts.incident_pointer, counts.incident_profile, counts.incident_n, of_number)
        fill = _incident_cells
    else:
        of_feature = [
            [place for place, row in enumerate(rows) if (row.feature, row.category) == name] for name in counts.features
        ]
        feature_pointer = np.cumsum([0, *map(len, of_feature)])
        feature_rows = np.array([place for places in of_feature for place in places], dtype=np.int64)
        facts = (counts.row_pointer, counts.profile, counts.feature, counts.n, feature_pointer, feature_rows)
        fill = _profile_cells
    nothing = np.zeros(0, dtype=np.int64)
    sizes = np.zeros(shape[0] + 1, dtype=np.int64)
    fill(*facts, *shared, shape[1], sizes, nothing, nothing)
    starts = np.cumsum(sizes)
    cell, n = np.zeros(starts[-1], dtype=np.int64), np.zeros(starts[-1], dtype=np.int64)
    fill(*facts, *shared, shape[1], starts.copy(), cell, n)
    return sparse.csr_array((n.astype(np.float64), cell, starts), shape=shape)


def _conditions(rows: list[CountedRow]) -> tuple[Bools, Bools]:
    """Atoms and clearances that count in each row: (R, 595) and (R, 4), the missing last and first."""
    atoms = np.ones((len(rows), NO_ATOM + 1), dtype=bool)
    clearances = np.ones((len(rows), 4), dtype=bool)
    for place, row in enumerate(rows):
        if row.atoms is not None:
            atoms[place] = np.append(row.atoms, False)
        if row.clearances is not None:
            clearances[place] = np.isin(np.arange(4), row.clearances)
    return atoms, clearances


def _columns_of_signatures(term: Term, counts: UnitCounts) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Columns of the table that units of a signature count in: of their own, of any column, of the column's group.

    Returns:
        Pointers (3, S + 1) into places of columns, from 0.
    """
    S = len(next(iter(counts.columns.values()))) if counts.columns else 0
    places = np.array(sorted(term.columns), dtype=np.int64)
    none = np.zeros(S, dtype=bool)
    own = np.array([counts.columns.get(term.columns[int(place)], none) for place in places]).reshape(-1, S)
    groups = [term.groups[int(place)] for place in places]
    group = np.array([own[[other == name for other in groups]].any(axis=0) for name in groups]).reshape(-1, S)
    any_ = np.broadcast_to(own.any(axis=0), own.shape)
    pointers, columns, before = [], [], 0
    for held in (own, any_, group):
        sizes = held.sum(axis=0)
        pointers.append(before + np.concatenate([[0], np.cumsum(sizes)]))
        columns.append(places[np.nonzero(held.T)[1]] - 1)
        before += int(sizes.sum())
    return np.array(pointers, dtype=np.int64), np.concatenate(columns)


def _with_agency_rows(
    matrix: sparse.csr_array, table: TableDefinition, agency_categories: Mapping[str, NDArray[np.int8]]
) -> sparse.csr_array:
    """The matrix with rows by attributes of agencies: the total of those that have the category."""
    C = len(table.columns)
    wanted = {row.row: row.agency for term in table_terms(table) for row in term.rows if row.agency is not None}
    if not wanted:
        return matrix
    total = next(row.row for row in table.rows if row.kind == "total" and not row.where)
    of_total = sparse.coo_array(matrix[:, (total - 1) * C : total * C])
    parts = [sparse.coo_array(matrix)]
    for row, (variable, category) in wanted.items():
        has = agency_categories[variable][of_total.row] == category
        place = (of_total.row[has], of_total.col[has] + (row - 1) * C)
        parts.append(sparse.coo_array((of_total.data[has], place), shape=matrix.shape))
    data, row_, col = (np.concatenate([getattr(part, name) for part in parts]) for name in ("data", "row", "col"))
    return sparse.csr_array((data, (row_, col)), shape=matrix.shape)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _profile_cells(
    row_pointer, profile, feature, n, feature_pointer, feature_rows,
    signature, atom, clearance, atoms, clearances, columns_of_row, pointer, columns, base,
    cells, starts, out_cell, out_n,
):  # type: ignore[no-untyped-def]  # fmt: skip
    """Cells of every row of the matrix from counts by profile; without room for them only their number."""
    is_filling = len(out_cell) > 0
    sums = np.zeros(cells, dtype=np.int64)
    touched = np.zeros(cells, dtype=np.int64)
    for y in range(len(row_pointer) - 1):
        number = 0
        for f in range(row_pointer[y], row_pointer[y + 1]):
            p = profile[f]
            for q in range(feature_pointer[feature[f]], feature_pointer[feature[f] + 1]):
                r = feature_rows[q]
                if not (atoms[r, atom[p]] and clearances[r, clearance[p]]):
                    continue
                kind, s = columns_of_row[r], signature[p]
                for k in range(pointer[kind, s], pointer[kind, s + 1]):
                    cell = base[r] + columns[k]
                    if sums[cell] == 0:
                        touched[number] = cell
                        number += 1
                    sums[cell] += n[f]
        _flush(sums, touched, number, y, is_filling, starts, out_cell, out_n)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _incident_cells(
    incident_row, incident_pointer, profile, n, of_number,
    signature, atom, clearance, atoms, clearances, columns_of_row, pointer, columns, base,
    cells, starts, out_cell, out_n,
):  # type: ignore[no-untyped-def]  # fmt: skip
    """The same for incidents by their number of units of the column."""
    is_filling = len(out_cell) > 0
    sums = np.zeros(cells, dtype=np.int64)
    touched = np.zeros(cells, dtype=np.int64)
    most = 0
    for k in range(len(columns)):
        most = max(most, columns[k] + 1)
    units = np.zeros(most, dtype=np.int64)
    number = 0
    for i in range(len(incident_row)):
        for k in range(incident_pointer[i], incident_pointer[i + 1]):
            p = profile[k]
            if atoms[0, atom[p]] and clearances[0, clearance[p]]:
                for c in range(pointer[0, signature[p]], pointer[0, signature[p] + 1]):
                    units[columns[c]] += n[k]
        for k in range(incident_pointer[i], incident_pointer[i + 1]):
            p = profile[k]
            for c in range(pointer[0, signature[p]], pointer[0, signature[p] + 1]):
                column = columns[c]
                r = of_number[min(units[column], len(of_number) - 1)]
                units[column] = 0
                if r >= 0:
                    cell = base[r] + column
                    if sums[cell] == 0:
                        touched[number] = cell
                        number += 1
                    sums[cell] += 1
        if i + 1 == len(incident_row) or incident_row[i + 1] != incident_row[i]:
            _flush(sums, touched, number, incident_row[i], is_filling, starts, out_cell, out_n)
            number = 0


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _flush(sums, touched, number, y, is_filling, starts, out_cell, out_n):  # type: ignore[no-untyped-def]
    """Write the cells of one row of the matrix out, in order, or their number, and empty the sums."""
    cells = np.sort(touched[:number])
    if not is_filling:
        starts[y + 1] = number
    for place in range(number):
        if is_filling:
            out_cell[starts[y] + place] = cells[place]
            out_n[starts[y] + place] = sums[cells[place]]
        sums[cells[place]] = 0
