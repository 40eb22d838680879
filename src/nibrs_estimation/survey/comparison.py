"""Differences of two estimated cells: of one run, or of two years (handbook 11)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.stats.prediction import (
    Difference,
    InBoth,
    Side,
    difference_of_columns,
    difference_of_places,
    difference_of_ratios,
    difference_of_years,
)
from nibrs_estimation.stats.prediction.intervals import QUANTILE
from nibrs_estimation.survey.basis import Basis
from nibrs_estimation.survey.cells import CATEGORIES
from nibrs_estimation.survey.sides import Sides
from nibrs_estimation.tables.atoms import Bools, atoms_of_series
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.explained import explained_by
from nibrs_estimation.tables.matrices.table_matrix import TableCounts, agency_rows, total_row
from nibrs_estimation.tables.series import Series

Floats = NDArray[np.float64]
#: Sides of a table that are kept: more than the nation, its regions and states.
_MOST_KEPT = 100


class Cell(NamedTuple):
    """A count of a table, or the percentage of the row.

    Attributes:
        row: number of the row that is counted.
        column: number of the column.
        geography: number of the geography.
        series: group of persons; None for all. Cells that are compared both have one, or neither.
        is_percentage: whether it is the row's share of its denominator.
    """

    row: int
    column: int
    geography: int
    series: Series | None = None
    is_percentage: bool = False


class Compared(NamedTuple):
    """A difference of two estimates in the unit in which they are published: counts, rates per 100,000, or percent.

    Attributes:
        first: first estimate.
        second: second estimate.
        difference: first - second.
        standard_error: of the difference.
        lower: lower end of its interval of 95 %; NaN where it is not known.
        upper: upper end.
        change: by how many percent the first is above the second; NaN if the second is 0.
        change_lower: lower end of its interval; NaN also where the first is 0.
        change_upper: upper end.
    """

    first: float
    second: float
    difference: float
    standard_error: float
    lower: float
    upper: float
    change: float
    change_lower: float
    change_upper: float

    @property
    def clear(self) -> str:
        """Whether the first is clearly the larger one."""
        return clear_words(self.lower, self.upper)


def clear_words(lower: float | None, upper: float | None) -> str:
    """``higher`` if the interval of a difference is above 0, ``lower`` if below, ``no`` if it holds 0, or ``equal``.

    ``not known`` where there is no interval.
    """
    if lower is None or upper is None or np.isnan(lower) or np.isnan(upper):
        return "not known"
    if lower == upper == 0:
        return "equal"
    return "higher" if lower > 0 else "lower" if upper < 0 else "no"


class ComparedTable:
    """The cells of a table of one run, as sides of differences.

    Args:
        table: its definition.
        basis: what the estimates of the run are made of, by the prediction variance.
    """

    def __init__(self, table: TableDefinition, basis: Basis) -> None:
        assert basis.predictions is not None
        self.table = table
        self._basis, self._sides = basis, Sides(basis.units, basis.predictions)
        self._matrices = basis.counts.of_table(table)
        self._counts: dict[bytes, TableCounts] = {}
        self._made: dict[Cell, Side] = {}
        self._categories = {row: CATEGORIES.index(category) for row, category in agency_rows(table).items()}

    def side(self, cell: Cell) -> Side:
        """The estimate of a cell as a side; the last ones are kept, because a cell is compared with many others.

        Raises:
            ValueError: it is the percentage of a row of a category of agencies, or the total of its denominator is 0.
        """
        if cell not in self._made:
            if len(self._made) == _MOST_KEPT:
                del self._made[next(iter(self._made))]
            self._made[cell] = self._side(cell)
        return self._made[cell]

    def _side(self, cell: Cell) -> Side:
        counts = self._of(None if cell.series is None else atoms_of_series(cell.series))
        completed, own = (self._sum(getattr(counts, name), cell, (cell.row,)) for name in ("completed", "own"))
        category = self._categories.get(cell.row, -1)
        by = explained_by(self.table.columns[cell.column - 1].offenses)
        side = self._sides.side(self._domain(cell), by, completed, own, category)
        if not cell.is_percentage:
            return side
        if category >= 0:
            raise ValueError("percentages of rows of a category of agencies are not compared")
        below, own_below = (
            self._sum(getattr(counts, name), cell, self._denominator(cell)) for name in ("completed", "own")
        )
        return replace(side, below=below, own_below=own_below)

    def is_bounded(self, cell: Cell) -> bool:
        """Whether the cell's interval has an upper end."""
        return self._sides.is_bounded(self._domain(cell))

    def in_both(self, first: Cell, second: Cell) -> Floats:
        """(agencies,) what is counted in both of two cells of a geography; 0 where it is not known.

        The standard error is too large where it is not known, never too small.
        """
        one, other = (self.side(cell._replace(is_percentage=False)).values for cell in (first, second))
        if first.series != second.series:
            assert first.series and second.series
            atoms = np.asarray(atoms_of_series(first.series) & atoms_of_series(second.series))
            both = self._of(atoms).completed[:, [self._position(first)]].toarray().ravel()
        elif first.column != second.column and first.row == second.row and first.series is None:
            both = self._basis.counts.in_both(self.table, self._counted_row(first.row), first.column, second.column)
        elif first.column == second.column and self._is_part(first.row, second.row):
            both = one
        else:
            both = np.zeros_like(one)
        return np.asarray(np.minimum(both, np.minimum(one, other)))

    def in_both_ratios(self, first: Cell, second: Cell) -> InBoth:
        """What is counted in both of two percentages of a geography; a row is part of its denominator."""
        one, other = self._denominator(first), self._denominator(second)
        pairs = [(row, row) for row in one] if one == other else list(product(one, other))
        return InBoth(
            above=self.in_both(first, second),
            first_above=self._in_row_and_denominator(first, second),
            second_above=self._in_row_and_denominator(second, first),
            below=np.sum([self.in_both(first._replace(row=row), second._replace(row=of)) for row, of in pairs], axis=0),
        )

    def _in_row_and_denominator(self, cell: Cell, of: Cell) -> Floats:
        """What is counted in the row of a cell and in the denominator of another."""
        rows = self._denominator(of)
        # With one denominator, what is in the row and in both columns or groups is in both denominators.
        rows = (cell.row,) if rows == self._denominator(cell) else rows
        return np.asarray(np.sum([self.in_both(cell, of._replace(row=row)) for row in rows], axis=0))

    def _denominator(self, cell: Cell) -> tuple[int, ...]:
        return self.table.rows[cell.row - 1].denominator

    def _sum(self, counts: sparse.csc_array, cell: Cell, rows: Collection[int]) -> Floats:
        """(agencies,) counts of some rows of the cell's column."""
        at = [self._position(cell._replace(row=row)) for row in rows]
        return np.asarray(counts[:, at].sum(axis=1)).ravel()

    def _is_part(self, one: int, other: int) -> bool:
        """Whether one of two rows is the whole that the other is a part of, or both are the same."""
        rows, total = {one: other, other: one}, total_row(self.table)
        return one == other or any(
            whole == total or self.table.rows[part - 1].denominator == (whole,) for part, whole in rows.items()
        )

    def _counted_row(self, row: int) -> int:
        return total_row(self.table) if row in self._categories else row

    def _position(self, cell: Cell) -> int:
        return (self._counted_row(cell.row) - 1) * len(self.table.columns) + cell.column - 1

    def _domain(self, cell: Cell) -> int:
        return int(np.searchsorted(self._basis.design.geographies, cell.geography))

    def _of(self, atoms: Bools | None) -> TableCounts:
        key = b"" if atoms is None else atoms.tobytes()
        if key not in self._counts:
            self._counts[key] = self._matrices.of(atoms)
        return self._counts[key]


def difference_of_cells(tables: tuple[ComparedTable, ComparedTable], first: Cell, second: Cell) -> Difference:
    """The first cell less the second: of two years, two places, or two columns, rows or groups of persons of a place.

    Percentages are compared as shares of 1.

    Args:
        tables: the table in the run of each cell; the same for two cells of one run.
        first: first cell.
        second: second cell. In one run it may differ from the first in the geography alone, or in the others alone.

    Raises:
        ValueError: the cells differ in the geography and in something else.
    """
    one, other = (table.side(cell) for table, cell in zip(tables, (first, second), strict=True))
    if tables[0] is not tables[1]:
        return difference_of_years(one, other)
    if first.geography == second.geography and first.is_percentage:
        return difference_of_ratios(one, other, tables[0].in_both_ratios(first, second))
    if first.geography == second.geography:
        return difference_of_columns(one, other, tables[0].in_both(first, second))
    if first._replace(geography=second.geography) != second:
        raise ValueError("two places are compared for one cell")
    return difference_of_places(one, other)


def compared(
    of: Difference, factors: tuple[float, float], errors: tuple[float, float], *, is_bounded: bool = True
) -> Compared:
    """A difference in the unit of the published estimates, with all that their standard errors include.

    What filled months and imputed items add to the variance of each estimate is added to that of the difference, as if
    it were independent. With V and C of the difference and these additions A₁ and A₂ the variance is
    f₁² (V₁ + A₁) + f₂² (V₂ + A₂) - 2 f₁ f₂ C. The interval of the change in percent is that of the logarithm of the
    ratio.

    Args:
        of: the difference of counts.
        factors: f, from counts to the unit: 1, or 100,000 over the population; 100 from shares to percent.
        errors: published standard errors of both counts or shares.
        is_bounded: whether both estimates have an interval.
    """
    values = of.first * factors[0], of.second * factors[1]
    variances = [
        factor**2 * max(error**2, variance)
        for factor, error, variance in zip(factors, errors, (of.first_variance, of.second_variance), strict=True)
    ]
    covariance = factors[0] * factors[1] * of.covariance
    error = float(np.sqrt(max(sum(variances) - 2 * covariance, 0.0)))
    between = values[0] - values[1]
    margin = QUANTILE * error if is_bounded else np.nan
    ratio = values[0] / values[1] if values[1] else np.nan
    relative = np.nan
    if is_bounded and min(values) > 0:
        squares = sum(variance / value**2 for variance, value in zip(variances, values, strict=True))
        relative = QUANTILE * float(np.sqrt(max(squares - 2 * covariance / (values[0] * values[1]), 0.0)))
    with np.errstate(over="ignore"):
        changes = 100 * (ratio * np.exp([0.0, -relative, relative]) - 1)
    return Compared(*values, between, error, between - margin, between + margin, *changes.tolist())
