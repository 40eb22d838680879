"""Matrices of tables: what each agency counted in each cell, of all persons or of a demographic group."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.stages.variance.cell_counts import CellMap, Found, count_incidents, count_profiles
from nibrs_estimation.stages.variance.profiles import NO_ATOM, UnitCounts
from nibrs_estimation.tables.counting import CountedRow, Term, table_terms
from nibrs_estimation.tables.definition import TableDefinition

Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]
_KINDS = ("own", "any", "group")
_NOTHING = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Copies:
    """Who copies which months: Y = Y_own + R Y_blocks (03 section 7).

    Attributes:
        agencies: number of rows that are agencies; the others are months of donors.
        references: R, agencies x months of donors.
    """

    agencies: int
    references: sparse.csr_array


class TableMatrix:
    """Makes the matrices of one table: of all units, or of demographic groups.

    Args:
        table: its definition.
        counts: of a counting unit.
        copies: who copies what.
        agency_categories: variable of agencies -> category of each, 0 if missing: (agencies,).
    """

    def __init__(
        self,
        table: TableDefinition,
        counts: Callable[[str], UnitCounts],
        copies: Copies,
        agency_categories: Mapping[str, NDArray[np.int8]],
    ) -> None:
        self._terms = table_terms(table)
        self._table, self._copies, self._categories = table, copies, agency_categories
        self._parts = [part for term in self._terms for part in _parts(table, term, counts(term.counting_unit))]

    def of(self, in_group: Bools | None = None) -> sparse.csc_array:
        """Counts of the agencies in the cells, copied months included.

        Args:
            in_group: the atoms of a demographic group, (594,), or None for all units.

        Returns:
            (agencies, rows x columns): cell (row, column) is column (row - 1) x columns + column - 1.
        """
        group = np.ones(NO_ATOM + 1, dtype=bool) if in_group is None else np.append(in_group, False)
        total = sum((part(group) for part in self._parts[1:]), start=self._parts[0](group))
        own, blocks = total[: self._copies.agencies], total[self._copies.agencies :]
        matrix = sparse.csr_array(own + self._copies.references @ blocks)
        return sparse.csc_array(_with_agency_rows(matrix, self._table, self._terms, self._categories))


def _parts(table: TableDefinition, term: Term, counts: UnitCounts) -> list[Callable[[Bools], sparse.csr_array]]:
    """What makes the cells of a term for a group of atoms, (595,): (rows of the matrix, cells of the table)."""
    rows = [row for row in term.rows if row.agency is None]
    shape = (len(counts.facts.first) - 1, len(table.rows) * len(table.columns))
    by_profile = [row for row in rows if not row.is_by_incident]
    by_incident = [row for row in rows if row.is_by_incident]
    made: list[Callable[[Bools], sparse.csr_array]] = []
    if by_profile:
        cells = _cell_map(table, term, by_profile, counts)
        places: dict[tuple[str, int], list[int]] = {}
        for place, row in enumerate(by_profile):
            places.setdefault((row.feature, row.category), []).append(place)
        of_feature = [places.get(feature, []) for feature in counts.features]
        first_of = np.cumsum([0, *map(len, of_feature)], dtype=np.int64)
        row_of = np.array([place for listed in of_feature for place in listed], dtype=np.int64)

        def profiles(group: Bools) -> sparse.csr_array:
            held = cells._replace(atoms=cells.atoms & group)
            return _matrix(lambda to: count_profiles(counts.facts, counts.profiles, held, first_of, row_of, to), shape)

        made.append(profiles)
    if by_incident:
        incident_cells = _cell_map(table, term, by_incident, counts)
        of_number = np.full(max(row.category for row in by_incident) + 1, -1, dtype=np.int64)
        of_number[[row.category for row in by_incident]] = np.arange(len(by_incident))
        C = len(table.columns)

        def incidents(group: Bools) -> sparse.csr_array:
            held = incident_cells._replace(atoms=incident_cells.atoms & group)
            return _matrix(lambda to: count_incidents(counts.incidents, counts.profiles, held, of_number, C, to), shape)

        made.append(incidents)
    return made


def _matrix(count: Callable[[Found], None], shape: tuple[int, int]) -> sparse.csr_array:
    first = np.zeros(shape[0] + 1, dtype=np.int64)
    count(Found(first, _NOTHING, _NOTHING))
    first = np.cumsum(first)
    found = Found(first, np.zeros(first[-1], dtype=np.int64), np.zeros(first[-1], dtype=np.int64))
    if first[-1]:
        count(found)
    return sparse.csr_array((found.n.astype(np.float64), found.cell, first), shape=shape)


def _cell_map(table: TableDefinition, term: Term, rows: list[CountedRow], counts: UnitCounts) -> CellMap:
    atoms = np.ones((len(rows), NO_ATOM + 1), dtype=bool)
    clearances = np.ones((len(rows), 4), dtype=bool)
    for place, row in enumerate(rows):
        if row.atoms is not None:
            atoms[place] = np.append(row.atoms, False)
        if row.clearances is not None:
            clearances[place] = np.isin(np.arange(4), row.clearances)
    first_column, column = _columns_of_signatures(term, counts)
    return CellMap(
        atoms=atoms,
        clearances=clearances,
        kind=np.array([_KINDS.index(row.columns) for row in rows], dtype=np.int64),
        first_cell=np.array([(row.row - 1) * len(table.columns) for row in rows], dtype=np.int64),
        first_column=first_column,
        column=column,
        cells=len(table.rows) * len(table.columns),
    )


def _columns_of_signatures(term: Term, counts: UnitCounts) -> tuple[Integers, Integers]:
    """Columns of the table that units of a signature count in: of their own, of any column, of the column's group.

    Returns:
        First column of each signature, (3, S + 1), and the columns from 0.
    """
    none = np.zeros(counts.signatures, dtype=bool)
    places = sorted(term.columns)
    own = np.array([counts.columns.get(term.columns[place], none) for place in places])
    any_ = np.broadcast_to(own.any(axis=0), own.shape)
    groups = np.array([term.groups[place] or 0 for place in places])
    group = (groups[:, None] == groups).astype(np.int64) @ own.astype(np.int64) > 0
    first, columns, before = [], [], 0
    for held in (own, any_, group):
        first.append(before + np.concatenate([[0], np.cumsum(held.sum(axis=0))]))
        columns.append(np.array(places, dtype=np.int64)[np.nonzero(held.T)[1]] - 1)
        before = int(first[-1][-1])
    return np.array(first, dtype=np.int64), np.concatenate(columns)


def _with_agency_rows(
    matrix: sparse.csr_array,
    table: TableDefinition,
    terms: Sequence[Term],
    agency_categories: Mapping[str, NDArray[np.int8]],
) -> sparse.csr_array:
    """The matrix with rows by attributes of agencies: the total of those that have the category."""
    C = len(table.columns)
    wanted = {row.row: row.agency for term in terms for row in term.rows if row.agency is not None}
    if not wanted:
        return matrix
    total = next(row.row for row in table.rows if row.kind == "total" and not row.where)
    of_total = sparse.coo_array(matrix[:, (total - 1) * C : total * C])
    parts = [sparse.coo_array(matrix)]
    for row, (variable, category) in wanted.items():
        has = agency_categories[variable][of_total.row] == category
        place = (of_total.row[has], of_total.col[has] + (row - 1) * C)
        parts.append(sparse.coo_array((of_total.data[has], place), shape=matrix.shape))
    data, at_row, at_column = (np.concatenate([getattr(p, name) for p in parts]) for name in ("data", "row", "col"))
    return sparse.csr_array((data, (at_row, at_column)), shape=matrix.shape)
