"""Estimates of a table's cells for a group of persons, in all geographies of a design (handbook 11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.model.estimates import CELL_ESTIMATE
from nibrs_estimation.stats.linearization.cell_estimates import CellEstimates, cell_estimates
from nibrs_estimation.stats.linearization.variance_form import variance_form
from nibrs_estimation.survey.design import Design
from nibrs_estimation.tables.counting import counted_rows
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.matrices.profiles import CountedProfiles, UnitCounts, matrix_rows, read_unit
from nibrs_estimation.tables.matrices.table_matrix import Copies, TableMatrix
from nibrs_estimation.tables.variables import derived_variables
from nibrs_estimation.tables.version import definition_version

Estimates = dict[str, NDArray[Any]]


class Counts:
    """Matrices of tables for the agencies of a design; counts of a unit are read once for all tables."""

    def __init__(
        self,
        design: Design,
        counted: CountedProfiles,
        block_reference: pl.LazyFrame,
        agency_categories: Mapping[str, NDArray[np.int8]],
    ) -> None:
        self._counted = counted
        self._rows = matrix_rows(design.agencies, block_reference)
        self._copies = _copies(design.agencies, self._rows, block_reference)
        self._categories = agency_categories
        self._units: dict[str, UnitCounts] = {}

    def of_table(self, table: TableDefinition) -> TableMatrix:
        """The builder of the matrices of a table."""
        return TableMatrix(table, self._unit, self._copies, self._categories)

    def _unit(self, name: str) -> UnitCounts:
        if name not in self._units:
            self._units[name] = read_unit(name, self._counted, self._rows)
        return self._units[name]


def _copies(agencies: pl.Series, rows: pl.DataFrame, block_reference: pl.LazyFrame) -> Copies:
    """R: 1 where an agency copies a donor month, otherwise 0."""
    blocks = rows.filter(pl.col("month").is_not_null()).select(donor_agency_id="agency_id", month="month", block="row")
    recipients = rows.filter(pl.col("month").is_null()).select("agency_id", recipient="row")
    references = (
        block_reference.select("agency_id", "donor_agency_id", pl.col("month").cast(pl.Int8))
        .collect()
        .join(recipients, on="agency_id")
        .join(blocks, on=["donor_agency_id", "month"])
        .sort("recipient", "block")
    )
    A = len(agencies)
    indices = (references["recipient"].to_numpy(), references["block"].to_numpy() - A)
    shape = (A, rows.height - A)
    return Copies(A, sparse.csr_array((np.ones(references.height), indices), shape=shape))


@dataclass(frozen=True, eq=False)
class WantedCells:
    """Cells of a table to estimate.

    Attributes:
        cell: (m,) column of the cell in the matrix.
        denominator_of: (m,) number of the sum that is the denominator of the percentage, -1 for none.
        known_of: (m,) number of the sum that is the denominator among units with a known item, -1 for none.
        sums: (cells of the matrix, K) how many times each cell is added in each sum.
        is_of_wholes: (m,) whether the cell is estimated only for nation, regions and states as a whole.
    """

    cell: NDArray[np.int64]
    denominator_of: NDArray[np.int64]
    known_of: NDArray[np.int64]
    sums: sparse.csc_array
    is_of_wholes: NDArray[np.bool_]


def wanted_cells(table: TableDefinition, gaps: pl.DataFrame, dimensions: frozenset[str]) -> WantedCells:
    """The cells to estimate: counted, not blank in the table or in the series, and without a gap in the input."""
    R, C = len(table.rows), len(table.columns)
    is_wanted = np.zeros((R, C), dtype=bool)
    is_wanted[[row.row - 1 for row in counted_rows(table)]] = True
    of_table = gaps.filter(pl.col("table_name") == table.table)
    unknown = of_table.filter(~pl.col("is_of_parts")).select("row", "column").iter_rows()
    for row, column in (*table.blank, *unknown):
        is_wanted[row - 1, column - 1] = False
    is_of_wholes = np.zeros((R, C), dtype=bool)
    for row, column in of_table.filter("is_of_parts").select("row", "column").iter_rows():
        is_of_wholes[row - 1, column - 1] = True
    for dimension in dimensions:
        is_wanted[[row - 1 for row in table.blank_by_series.get(dimension, ())]] = False
    whole = [tuple((other, 1) for other in row.denominator) for row in table.rows]
    known = [row.known_denominator for row in table.rows]
    number_of = {
        terms: number for number, terms in enumerate(dict.fromkeys(terms for terms in (*whole, *known) if terms))
    }
    cell = np.flatnonzero(is_wanted)
    row_, column_ = np.divmod(cell, C)
    denominator_of, known_of = (
        np.where(set_of[row_] >= 0, set_of[row_] * C + column_, -1)
        for set_of in (np.array([number_of.get(terms, -1) for terms in of], dtype=np.int64) for of in (whole, known))
    )
    summed = np.array(
        [(row - 1, number, factor) for terms, number in number_of.items() for row, factor in terms], dtype=np.int64
    ).reshape(-1, 3)
    columns = np.tile(np.arange(C), len(summed))
    indices = (np.repeat(summed[:, 0], C) * C + columns, np.repeat(summed[:, 1], C) * C + columns)
    factors = np.repeat(summed[:, 2], C).astype(np.float64)
    return WantedCells(
        cell=cell,
        denominator_of=denominator_of,
        known_of=known_of,
        sums=sparse.csc_array((factors, indices), shape=(R * C, len(number_of) * C)),
        is_of_wholes=is_of_wholes.ravel()[cell],
    )


class Estimator:
    """Estimates cells in all geographies of a design; what depends only on the design is computed once."""

    def __init__(self, design: Design) -> None:
        self._design = design
        self._form = variance_form(design.sample, design.members, len(design.agencies))
        self._first_agency = int(design.agencies.search_sorted(0))

    def estimate(
        self, table: TableDefinition, matrices: Mapping[int, sparse.csc_array], wanted: WantedCells
    ) -> Estimates:
        """Estimate the cells that are not 0: the numeric columns of ``cell_estimate``.

        Args:
            table: definition of the table.
            matrices: number of the series -> agencies x cells; all in one call, because most are small.
            wanted: the cells to estimate.
        """
        m, K, has_known = len(wanted.cell), wanted.sums.shape[1], wanted.known_of >= 0
        counts = hstack([matrix[:, wanted.cell] for matrix in matrices.values()])
        denominators = hstack([matrix @ wanted.sums for matrix in matrices.values()])
        first_sum = K * np.arange(len(matrices))[:, None]
        whole = np.where(wanted.denominator_of >= 0, wanted.denominator_of + first_sum, -1)
        known_cells = np.flatnonzero(np.tile(has_known, len(matrices)))
        # Cells with unknown units are estimated twice: as shares of all units, and of units with a known item.
        found = cell_estimates(
            self._form,
            hstack([counts, counts[:, known_cells]]),
            denominators,
            np.concatenate([whole.ravel(), (wanted.known_of[has_known] + first_sum).ravel()]),
        )
        found, among_known = _split(found, counts.shape[1])
        of_series, cell = np.divmod(found.cell, m)
        known, known_error = np.full((2, len(cell)), np.nan)
        # Both parts are sorted by cell and domain, and have a pair where the cell has a unit.
        is_known = has_known[cell]
        known[is_known], known_error[is_known] = among_known.ratio, among_known.ratio_standard_error
        row, column = np.divmod(wanted.cell[cell], len(table.columns))
        sums = sparse.csr_array(self._design.respondents @ denominators)
        divisor = whole[of_series, cell]
        denominator = np.full(len(cell), np.nan)
        has_denominator = divisor >= 0
        denominator[has_denominator] = values_at(sums, found.domain[has_denominator], divisor[has_denominator])
        estimates = {
            "series_number": np.fromiter(matrices, np.int16)[of_series],
            "geography_number": self._design.geographies[found.domain],
            "row": row + 1,
            "column": column + 1,
            "estimate": found.total,
            "standard_error": found.standard_error,
            "unweighted": found.unweighted_total,
            "agency_counts": np.where(self._includes_arrests_without_agency(counts, found), np.nan, found.unit_count),
            "percentage": 100 * found.ratio,
            "percentage_unweighted": 100
            * np.divide(found.unweighted_total, denominator, out=np.full(len(row), np.nan), where=denominator > 0),
            "percentage_standard_error": 100 * found.ratio_standard_error,
            "percentage_known": 100 * known,
            "percentage_known_standard_error": 100 * known_error,
        }
        is_retained = self._design.is_whole[found.domain] | ~wanted.is_of_wholes[cell]
        return {name: values[is_retained] for name, values in estimates.items()}

    def _includes_arrests_without_agency(self, counts: sparse.csc_array, found: CellEstimates) -> NDArray[np.bool_]:
        """Whether an estimate includes arrests without an agency, so that the number of agencies is not known."""
        first = self._first_agency
        if first == 0:
            return np.zeros(len(found.cell), dtype=bool)
        without_agency = sparse.csr_array(self._design.respondents[:, :first] @ (counts[:first] > 0))
        return values_at(without_agency, found.domain, found.cell) > 0


def hstack(blocks: list[sparse.csc_array]) -> sparse.csc_array:
    """Join matrices horizontally."""
    return sparse.csc_array(sparse.hstack(blocks, format="csc"))


def values_at(matrix: sparse.csr_array, row: NDArray[np.integer], column: NDArray[np.integer]) -> NDArray[np.float64]:
    """Values of a sparse matrix at some rows and columns, 0 where none is stored."""
    matrix.sum_duplicates()
    width = matrix.shape[1]
    stored = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)) * width + matrix.indices
    wanted = row.astype(np.int64) * width + column
    at = np.searchsorted(stored, wanted)
    values = np.append(matrix.data, 0).astype(np.float64)
    return np.where(np.append(stored, -1)[at] == wanted, values[at], 0.0)


def _split(found: CellEstimates, m: int) -> tuple[CellEstimates, CellEstimates]:
    """Split into estimates of the first m cells and those of the others."""
    end = int(np.searchsorted(found.cell, m))
    values = [getattr(found, field.name) for field in fields(found)]
    first, second = ([value[part] for value in values] for part in (slice(end), slice(end, None)))
    return CellEstimates(*first), CellEstimates(*second)


def as_part(found: Sequence[Estimates], part: str, table: TableDefinition) -> pl.DataFrame:
    """Estimates of a table, sorted by series, as a part of the dataset; NaN becomes missing."""
    if not found:
        return CELL_ESTIMATE.empty().collect()
    numbers = (
        "standard_error",
        "agency_counts",
        "percentage",
        "percentage_unweighted",
        "percentage_standard_error",
        "percentage_known",
        "percentage_known_standard_error",
    )
    frame = pl.DataFrame({name: np.concatenate([estimates[name] for estimates in found]) for name in found[0]})
    return CELL_ESTIMATE.cast(
        frame.sort("series_number", maintain_order=True).with_columns(
            *(pl.col(name).fill_nan(None) for name in numbers),
            table_part=pl.lit(part),
            definition_version=pl.lit(definition_version(table, derived_variables())),
        )
    )
