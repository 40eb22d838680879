"""Matrices of tables: counts of each agency in each cell, for all persons or a demographic group."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.tables.atoms import items_of
from nibrs_estimation.tables.counting import CountedRow, Term, table_terms
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.matrices.cell_counts import CellMap, Found, count_by_profile, count_incidents
from nibrs_estimation.tables.matrices.filling import Fills
from nibrs_estimation.tables.matrices.profiles import CATEGORIES, NO_ATOM, UnitCounts
from nibrs_estimation.tables.variables import derived_variables

Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]
_KINDS = ("own", "any", "group")
#: Computes the cells of a part for a group of atoms: of all units, and of those that an imputed item put there.
Part = Callable[[Bools], tuple[sparse.csr_array, sparse.csr_array]]
#: Number of rows of a matrix per task of a thread, and number of threads.
_ROWS, _THREADS = 500, 2


@dataclass(frozen=True, eq=False)
class TableCounts:
    """Counts of a table's cells, (agencies, rows x columns) each; (row, column) is (row - 1) x columns + column - 1.

    Attributes:
        completed: with what is filled.
        own: of the agencies' own known months.
        records: the records behind the completed counts: copied whole months count, scaled ones do not.
        imputed: of the completed counts, the units that only an imputed item put into the cell.
    """

    completed: sparse.csc_array
    own: sparse.csc_array
    records: sparse.csc_array
    imputed: sparse.csc_array


class TableMatrix:
    """Computes the matrices of one table: of all units, or of demographic groups.

    Args:
        table: its definition.
        counts: of a counting unit.
        fills: what is added for months that are not known.
        agency_categories: variable of agencies -> category of each, 0 if missing: (agencies,).
        terms: of the table, if not all of its cells are wanted.
    """

    def __init__(
        self,
        table: TableDefinition,
        counts: Callable[[str], UnitCounts],
        fills: Fills,
        agency_categories: Mapping[str, NDArray[np.int8]],
        terms: Sequence[Term] | None = None,
    ) -> None:
        self._terms = table_terms(table) if terms is None else terms
        self._table, self._fills, self._categories = table, fills, agency_categories
        self._parts = [part for term in self._terms for part in _parts(table, term, counts(term.counting_unit))]

    def of(self, in_group: Bools | None = None) -> TableCounts:
        """Counts of the agencies in the cells.

        Args:
            in_group: the atoms of a demographic group, (594,), or None for all units.
        """
        group = np.ones(NO_ATOM + 1, dtype=bool) if in_group is None else np.append(in_group, False)
        every, imputed = zip(*(part(group) for part in self._parts), strict=True)
        counts, of_imputed = sum(every[1:], start=every[0]), sum(imputed[1:], start=imputed[0])
        own = self._cells(counts[: len(self._fills.own_scale)])
        completed = own if self._fills.add_nothing else self._cells(self._fills.completed(counts))
        records = completed if self._fills.are_records else own
        return TableCounts(completed, own, records, self._cells(self._fills.completed(of_imputed)))

    def _cells(self, matrix: sparse.csr_array) -> sparse.csc_array:
        return sparse.csc_array(with_agency_rows(matrix, self._table, self._terms, self._categories))


def _parts(table: TableDefinition, term: Term, counts: UnitCounts) -> list[Part]:
    """Functions that compute the cells of a term, (rows of the matrix, cells of the table), for a group of atoms."""
    rows = [row for row in term.rows if row.agency is None]
    by_profile = [row for row in rows if not row.is_by_incident]
    parts = [_part_of_profiles(table, term, by_profile, counts)] if by_profile else []
    return [*parts, *(_part_of_incidents(table, term, block, counts) for block in _blocks_by_incident(rows))]


def _part_of_profiles(table: TableDefinition, term: Term, rows: list[CountedRow], counts: UnitCounts) -> Part:
    cells, shape = _cell_map(table, term, rows, counts), _shape(table, counts)
    of_feature: list[list[int]] = [[] for _ in range(CATEGORIES * len(counts.variables))]
    for index, row in enumerate(rows):
        of_feature[CATEGORIES * counts.variables[row.feature] + row.category].append(index)
    first_of = np.cumsum([0, *map(len, of_feature)], dtype=np.int64)
    row_of = np.array([index for indices in of_feature for index in indices], dtype=np.int64)

    def part(group: Bools) -> tuple[sparse.csr_array, sparse.csr_array]:
        in_group = cells._replace(group=group, items=cells.items | items_of(group[:-1]))

        def count(begin: int, end: int) -> Found:
            return count_by_profile(counts.profiles, counts.feature_counts, in_group, first_of, row_of, begin, end)

        return _matrices(count, shape)

    return part


def _part_of_incidents(table: TableDefinition, term: Term, rows: list[CountedRow], counts: UnitCounts) -> Part:
    """The function for one block of rows with the same conditions."""
    cells, shape = _cell_map(table, term, rows, counts), _shape(table, counts)
    variable = derived_variables()[str(table.rows[rows[0].row - 1].variable)]
    of_number = np.full(variable.categories[-1] + 1, -1, dtype=np.int64)
    of_number[[row.category for row in rows]] = np.arange(len(rows))
    C = len(table.columns)

    def part(group: Bools) -> tuple[sparse.csr_array, sparse.csr_array]:
        in_group = cells._replace(group=group)

        def count(begin: int, end: int) -> Found:
            return count_incidents(counts.profiles, counts.incidents, in_group, of_number, C, begin, end)

        return _matrices(count, shape)

    return part


def _blocks_by_incident(rows: Sequence[CountedRow]) -> list[list[CountedRow]]:
    """The rows that count incidents, grouped into blocks of adjacent rows with the same conditions."""
    blocks: dict[tuple[object, ...], list[CountedRow]] = {}
    for row in rows:
        if row.is_by_incident:
            atoms = None if row.atoms is None else row.atoms.tobytes()
            blocks.setdefault((atoms, row.clearances, row.row - row.category), []).append(row)
    return list(blocks.values())


def _shape(table: TableDefinition, counts: UnitCounts) -> tuple[int, int]:
    return len(counts.profiles.first), len(table.rows) * len(table.columns)


def _matrices(count: Callable[[int, int], Found], shape: tuple[int, int]) -> tuple[sparse.csr_array, sparse.csr_array]:
    """The matrix of all units, and that of those that an imputed item put into a cell."""
    pieces = _in_threads(count, shape[0])
    before = np.cumsum([0, *(piece.first[-1] for piece in pieces)])
    first = np.concatenate([[0], *(start + piece.first[1:] for start, piece in zip(before, pieces, strict=False))])
    cell, n, n_imputed = (
        np.concatenate([getattr(piece, name)[: piece.first[-1]] for piece in pieces]) for name in Found._fields[1:]
    )
    is_imputed = n_imputed > 0
    first_imputed = np.concatenate([[0], np.cumsum(is_imputed)])[first]
    return (
        sparse.csr_array((n.astype(np.float64), cell, first), shape=shape),
        sparse.csr_array((n_imputed[is_imputed].astype(np.float64), cell[is_imputed], first_imputed), shape=shape),
    )


def _in_threads(count: Callable[[int, int], Found], rows: int) -> list[Found]:
    if rows <= _ROWS:
        return [count(0, rows)]
    with ThreadPoolExecutor(_THREADS) as pool:
        begins = range(0, rows, _ROWS)
        return list(pool.map(lambda begin: count(begin, min(begin + _ROWS, rows)), begins))


def _cell_map(table: TableDefinition, term: Term, rows: list[CountedRow], counts: UnitCounts) -> CellMap:
    atoms = np.ones((len(rows), NO_ATOM + 1), dtype=bool)
    clearances = np.ones((len(rows), 4), dtype=bool)
    for index, row in enumerate(rows):
        if row.atoms is not None:
            atoms[index] = np.append(row.atoms, False)
        if row.clearances is not None:
            clearances[index] = np.isin(np.arange(4), row.clearances)
    first_column, column = _columns_of_signatures(term, counts)
    return CellMap(
        group=np.ones(NO_ATOM + 1, dtype=bool),
        atoms=atoms,
        clearances=clearances,
        kind=np.array([_KINDS.index(row.columns) for row in rows], dtype=np.int64),
        first_cell=np.array([(row.row - 1) * len(table.columns) for row in rows], dtype=np.int64),
        first_column=first_column,
        column=column,
        cells=len(table.rows) * len(table.columns),
        items=np.array([0 if row.atoms is None else items_of(row.atoms) for row in rows], dtype=np.int64),
    )


def _columns_of_signatures(term: Term, counts: UnitCounts) -> tuple[Integers, Integers]:
    """Columns of the table in which units of a signature count: own columns, any column, columns of the same group.

    Returns:
        First column of each signature, (3, S + 1), and the columns from 0.
    """
    none = np.zeros(counts.signatures, dtype=bool)
    positions = sorted(term.columns)
    own = np.stack([counts.columns.get(term.columns[position], none) for position in positions])
    any_ = np.broadcast_to(own.any(axis=0), own.shape)
    groups = np.array([term.groups[position] or 0 for position in positions])
    group = (groups[:, None] == groups).astype(np.int64) @ own.astype(np.int64) > 0
    first, columns, before = [], [], 0
    for held in (own, any_, group):
        first.append(before + np.concatenate([[0], np.cumsum(held.sum(axis=0))]))
        columns.append(np.array(positions, dtype=np.int64)[np.nonzero(held.T)[1]] - 1)
        before = int(first[-1][-1])
    return np.array(first, dtype=np.int64), np.concatenate(columns)


def agency_rows(table: TableDefinition) -> dict[int, tuple[str, int]]:
    """Rows of a table that are of a category of agencies: row -> variable and category."""
    return _agency_rows(table_terms(table))


def total_row(table: TableDefinition) -> int:
    """The row of all units, 1 if the table has none."""
    return next((row.row for row in table.rows if row.kind == "total" and not row.where), 1)


def _agency_rows(terms: Sequence[Term]) -> dict[int, tuple[str, int]]:
    return {row.row: row.agency for term in terms for row in term.rows if row.agency is not None}


def with_agency_rows(
    matrix: sparse.csr_array,
    table: TableDefinition,
    terms: Sequence[Term],
    agency_categories: Mapping[str, NDArray[np.int8]],
) -> sparse.csr_array:
    """Add rows by attributes of agencies: the total of the agencies that have the category.

    Args:
        matrix: (A, rows x columns) counts.
        table: its definition.
        terms: of the table.
        agency_categories: variable of agencies -> category of each, 0 if missing: (A,).
    """
    C, wanted = len(table.columns), _agency_rows(terms)
    if not wanted:
        return matrix
    total = total_row(table)
    of_total = sparse.coo_array(matrix[:, (total - 1) * C : total * C])
    parts = [sparse.coo_array(matrix)]
    for row, (variable, category) in wanted.items():
        has = agency_categories[variable][of_total.row] == category
        indices = (of_total.row[has], of_total.col[has] + (row - 1) * C)
        parts.append(sparse.coo_array((of_total.data[has], indices), shape=matrix.shape))
    data, at_row, at_column = (np.concatenate([getattr(p, name) for p in parts]) for name in ("data", "row", "col"))
    return sparse.csr_array((data, (at_row, at_column)), shape=matrix.shape)
