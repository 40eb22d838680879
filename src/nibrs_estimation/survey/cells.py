"""Estimates of a table's cells for a group of persons, in all geographies of a design (handbook 11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.model.estimates import CELL_ESTIMATE
from nibrs_estimation.stats.linearization.cell_estimates import CellEstimates, cell_estimates
from nibrs_estimation.stats.linearization.variance_form import variance_form
from nibrs_estimation.stats.prediction import PredictionEstimates, unreported_interval
from nibrs_estimation.stats.sparse import Products, columns_at, product_at, sums_of_columns
from nibrs_estimation.survey.design import Design
from nibrs_estimation.survey.prediction import Incidents, Predictions
from nibrs_estimation.survey.second_estimator import SecondEstimator, plan_of
from nibrs_estimation.tables.bias import Z_95
from nibrs_estimation.tables.counting import CountedRow, counted_rows, table_terms
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.explained import explained_by
from nibrs_estimation.tables.matrices.filling import Fills
from nibrs_estimation.tables.matrices.profiles import CountedProfiles, UnitCounts, matrix_rows, read_unit
from nibrs_estimation.tables.matrices.table_matrix import TableCounts, TableMatrix, agency_rows, total_row
from nibrs_estimation.tables.read import table_definitions
from nibrs_estimation.tables.variables import derived_variables
from nibrs_estimation.tables.version import definition_version

#: Tables whose first cell is all incidents against persons, property or society.
INCIDENT_TABLES = ("1a", "1b", "1c")
Estimates = dict[str, NDArray[Any]]


class Counts:
    """Matrices of tables for some agencies; counts of a unit are read once for all tables.

    Args:
        agencies: identifiers, ascending.
        counted: the counts of profiles.
        block_reference: dataset of that name.
        agency_categories: variable of agencies -> category of each, for tables that have rows of these.
    """

    def __init__(
        self,
        agencies: pl.Series,
        counted: CountedProfiles,
        block_reference: pl.LazyFrame,
        agency_categories: Mapping[str, NDArray[np.int8]],
    ) -> None:
        self.agencies, self._counted, self._categories = agencies, counted, agency_categories
        self._rows = matrix_rows(agencies, block_reference)
        self._fills = _fills(agencies, self._rows, block_reference)
        self._reading = Lock()
        self._units: dict[str, UnitCounts] = {}

    def of_table(self, table: TableDefinition) -> TableMatrix:
        """What makes the matrices of a table."""
        return TableMatrix(table, self._unit, self._fills, self._categories)

    def in_both(self, table: TableDefinition, row: int, first: int, second: int) -> NDArray[np.float64]:
        """(agencies,) completed counts of units that are in both of two columns, in a row; 0 where it is not known.

        It is not known for rows of other units than the columns', and for variables that depend on the column.
        """
        terms = [
            replace(
                term,
                columns={position: term.columns[position] for position in (first, second)},
                rows=tuple(counted for counted in term.rows if counted.row == row and _can_be_in_both(table, counted)),
            )
            for term in table_terms(table)
            if {first, second} <= term.columns.keys()
        ]
        terms = [term for term in terms if term.rows]
        if not terms:
            return np.zeros(len(self.agencies))
        of_any = [replace(term, rows=tuple(replace(counted, columns="any") for counted in term.rows)) for term in terms]
        own, either = (
            TableMatrix(table, self._unit, self._fills, self._categories, each).of().completed
            for each in (terms, of_any)
        )
        one, other = ((row - 1) * len(table.columns) + position - 1 for position in (first, second))
        counts = own[:, [one, other]].toarray()
        in_both: NDArray[np.float64] = counts.sum(axis=1) - either[:, [one]].toarray().ravel()
        return np.clip(in_both, 0.0, counts.min(axis=1))

    @cached_property
    def incidents(self) -> Incidents:
        """Incidents against persons, property and society of each agency."""
        # Only the first cell is needed; series have no categories of agencies, whose rows these tables have.
        none = {variable: np.zeros(len(self.agencies), dtype=np.int8) for variable, _category in CATEGORIES}
        tables = [table_definitions()[name] for name in INCIDENT_TABLES]
        matrices = [TableMatrix(table, self._unit, self._fills, none).of() for table in tables]
        completed, own = (
            np.sum([getattr(matrix, name)[:, [0]].toarray().ravel() for matrix in matrices], axis=0)
            for name in Incidents._fields
        )
        return Incidents(completed, own)

    def _unit(self, name: str) -> UnitCounts:
        with self._reading:
            if name not in self._units:
                self._units[name] = read_unit(name, self._counted, self._rows)
        return self._units[name]


def _can_be_in_both(table: TableDefinition, counted: CountedRow) -> bool:
    variable = table.rows[counted.row - 1].variable
    is_within_column = variable is not None and derived_variables()[variable].kind == "within_column"
    return counted.columns == "own" and not (counted.is_by_incident or is_within_column)


def _fills(agencies: pl.Series, rows: pl.DataFrame, block_reference: pl.LazyFrame) -> Fills:
    """The scales of dataset ``block_reference``: of own months, one for each agency, and of the months of donors."""
    blocks = rows.filter(pl.col("month").is_not_null()).select(donor_agency_id="agency_id", month="month", block="row")
    recipients = rows.filter(pl.col("month").is_null()).select("agency_id", recipient="row")
    scales = block_reference.collect().join(recipients, on="agency_id")
    is_own = pl.col("donor_agency_id") == pl.col("agency_id")
    of_own = scales.filter(is_own).unique("agency_id")
    own_scale = np.zeros(len(agencies))
    own_scale[of_own["recipient"].to_numpy()] = of_own["scale"].to_numpy()
    references = (
        scales.filter(~is_own)
        .with_columns(pl.col("month").cast(pl.Int8))
        .join(blocks, on=["donor_agency_id", "month"])
        .sort("recipient", "block")
    )
    A = len(agencies)
    indices = (references["recipient"].to_numpy(), references["block"].to_numpy() - A)
    shape = (A, rows.height - A)
    return Fills(own_scale, sparse.csr_array((references["scale"].to_numpy(), indices), shape=shape))


@dataclass(frozen=True, eq=False)
class WantedCells:
    """Cells of a table to estimate.

    Attributes:
        cell: (m,) column of the cell in the matrix.
        denominator_of: (m,) number of the sum that is the denominator of the percentage, -1 for none.
        known_of: (m,) number of the sum that is the denominator among units with a known item, -1 for none.
        sums: (cells of the matrix, K) how many times each cell is added in each sum.
        is_of_wholes: (m,) whether the cell is estimated only for nation, regions and states as a whole.
        explained_by: (m,) benchmark that explains the cell, a position in ``tables.explained.EXPLAINED``.
        category: (m,) position of the category of agencies that the cell is of, in :data:`CATEGORIES`; -1 for none.
        whole_of: (m,) position of the cell of all agencies, for cells of a category; -1 for others.
        block_of: (m,) number of the section and column that the cell is of; -1 for totals.
    """

    cell: NDArray[np.int64]
    denominator_of: NDArray[np.int64]
    known_of: NDArray[np.int64]
    sums: sparse.csc_array
    is_of_wholes: NDArray[np.bool_]
    explained_by: NDArray[np.int64]
    category: NDArray[np.int64]
    whole_of: NDArray[np.int64]
    block_of: NDArray[np.int64]


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
    explained = np.array([explained_by(column.offenses) for column in table.columns], dtype=np.int64)
    of_row = {row: CATEGORIES.index(category) for row, category in agency_rows(table).items()}
    category = np.array([of_row.get(row + 1, -1) for row in range(R)], dtype=np.int64)[row_]
    position_of = np.full(R * C, -1)
    position_of[cell] = np.arange(len(cell))
    section = np.array([row.section if row.kind == "category" else -1 for row in table.rows], dtype=np.int64)[row_]
    return WantedCells(
        cell=cell,
        denominator_of=denominator_of,
        known_of=known_of,
        sums=sparse.csc_array((factors, indices), shape=(R * C, len(number_of) * C)),
        is_of_wholes=is_of_wholes.ravel()[cell],
        explained_by=explained[column_],
        category=category,
        whole_of=np.where(category >= 0, position_of[(total_row(table) - 1) * C + column_], -1),
        block_of=np.where(section >= 0, section * C + column_, -1),
    )


#: Categories of agencies that have rows of their own.
CATEGORIES = tuple(
    (variable, category)
    for variable, number in (("agency_type", 7), ("msa", 4), ("population_group", 6), ("region", 4))
    for category in range(1, number + 1)
)  # fmt: skip


class Found(NamedTuple):
    """Estimates by cell and domain, of either rule of the variance: arrays of one length."""

    cell: NDArray[np.int32]
    domain: NDArray[np.int32]
    total: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    unit_count: NDArray[np.int64]
    ratio: NDArray[np.float64]
    ratio_standard_error: NDArray[np.float64]


class Placed(NamedTuple):
    """Sums of counts by cell and domain: arrays of one length.

    Attributes:
        weighted: weight x completed count.
        own: weight x own count.
        imputed: weight x imputed count.
        imputed_squares: squared weight x imputed count.
        reported: share x own count.
        imputed_reported: share x imputed count.
        unweighted: count of records of the respondents.
    """

    weighted: NDArray[np.float64]
    own: NDArray[np.float64]
    imputed: NDArray[np.float64]
    imputed_squares: NDArray[np.float64]
    reported: NDArray[np.float64]
    imputed_reported: NDArray[np.float64]
    unweighted: NDArray[np.float64]


#: Of each sum, its factor (weights, their squares, shares, respondents) and its counts (completed, own, records,
#: imputed).
_FACTORS_AND_COUNTS = ((0, 0), (0, 1), (0, 3), (1, 3), (2, 1), (2, 3), (3, 2))


class Imputed(NamedTuple):
    """What imputed items put into cells and domains: arrays of one length.

    Attributes:
        total: weighted number of units.
        reported: number of units of respondents' records, without weights.
        variance: what imputation adds to the variance of the cell's total.
    """

    total: NDArray[np.float64]
    reported: NDArray[np.float64]
    variance: NDArray[np.float64]

    def added_to(self, found: Found) -> Found:
        """The estimates with the standard errors of totals and ratios increased."""
        return found._replace(
            standard_error=np.sqrt(found.standard_error**2 + self.variance),
            ratio_standard_error=self.added_to_ratio(found.ratio, found.ratio_standard_error, found.total),
        )

    def added_to_ratio(
        self, ratio: NDArray[np.float64], standard_error: NDArray[np.float64], total: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Standard errors of ratios of the totals; the imputed item does not change the denominator."""
        slope = np.divide(ratio, total, out=np.zeros_like(total), where=total > 0)
        # The share of a whole is certain, whatever its parts.
        is_part = ratio < 1
        return np.sqrt(standard_error**2 + np.where(is_part, slope**2 * self.variance, 0.0))


class Estimator:
    """Estimates cells in all geographies of a design; what depends only on the design is computed once.

    Args:
        design: the respondents of every place.
        prediction: all agencies of every place, for the prediction variance; None for the reference's variance, without
            corrections.
        second: what imputes nonrespondents; None for no second estimate.
    """

    def __init__(self, design: Design, prediction: Predictions | None, second: SecondEstimator | None) -> None:
        self._design, self._prediction, self._second = design, prediction, second
        self._form = None if prediction else variance_form(design.sample, design.members, len(design.agencies))
        self._first_agency = int(design.agencies.search_sorted(0))
        sample, members = design.sample, design.members
        shape = (members.domains, len(design.agencies))
        place = (members.domain, sample.psu[members.unit])
        weight, share = (sample.weight * sample.share)[members.unit], sample.share[members.unit]
        weights = prediction.weights if prediction else sparse.csc_array((weight, place), shape=shape)
        shares = sparse.csc_array((share, place), shape=shape)
        self._respondents = sparse.csc_array(design.respondents)
        self._sums = Products([weights, weights.power(2), shares, self._respondents], _FACTORS_AND_COUNTS)
        self._of_respondents = Products([self._respondents], [(0, 0)])

    def estimate(self, table: TableDefinition, counts: Mapping[int, TableCounts], wanted: WantedCells) -> Estimates:
        """Estimates of the cells that are not 0: the numeric columns of ``cell_estimate``.

        Args:
            table: its definition.
            counts: of the agencies by number of the series; all of them in one pass, as most are small.
            wanted: the cells to estimate.
        """
        m, K, has_known = len(wanted.cell), wanted.sums.shape[1], wanted.known_of >= 0
        C = len(table.columns)
        completed, own, records, imputed_counts = (
            hstack([columns_at(getattr(each, name), wanted.cell) for each in counts.values()])
            for name in ("completed", "own", "records", "imputed")
        )
        first_sum = K * np.arange(len(counts))[:, None]
        whole = np.where(wanted.denominator_of >= 0, wanted.denominator_of + first_sum, -1)
        known_cells = np.flatnonzero(np.tile(has_known, len(counts)))
        # Cells with unknown units are repeated: as shares of all, and of those that are known.
        columns = np.concatenate([np.arange(completed.shape[1]), known_cells])
        denominator_of = np.concatenate([whole.ravel(), (wanted.known_of[has_known] + first_sum).ravel()])
        found = self._found(counts, wanted, completed, own, columns, denominator_of)
        found, among_known = _split(found, completed.shape[1])
        of_series, cell = np.divmod(found.cell, m)
        known, known_error = np.full((2, len(cell)), np.nan)
        # Both parts are sorted by cell and domain, and have a pair where the cell has a unit.
        is_known = has_known[cell]
        known[is_known], known_error[is_known] = among_known.ratio, among_known.ratio_standard_error
        row, column = np.divmod(wanted.cell[cell], C)
        sums = hstack([sums_of_columns(each.records, wanted.sums) for each in counts.values()])
        divisor = whole[of_series, cell]
        denominator = np.full(len(cell), np.nan)
        has_denominator = divisor >= 0
        denominator[has_denominator] = self._of_respondents.at(
            [sums], found.domain[has_denominator], divisor[has_denominator]
        )[0]
        placed = Placed(*self._sums.at([completed, own, records, imputed_counts], found.domain, found.cell))
        blocks = (len(table.rows) + 1) * C * of_series + wanted.block_of[cell]
        imputed = _imputed(found, placed, _shares(found, np.where(wanted.block_of[cell] >= 0, blocks, -1)))
        found = imputed.added_to(found)
        known_error = imputed.added_to_ratio(known, known_error, found.total)
        lower, upper = self._interval(found, placed.reported, imputed.reported, wanted.category[cell])
        estimates = {
            "series_number": np.fromiter(counts, np.int16)[of_series],
            "geography_number": self._design.geographies[found.domain],
            "row": row + 1,
            "column": column + 1,
            "estimate": found.total,
            "standard_error": found.standard_error,
            "lower_bound": lower,
            "upper_bound": upper,
            "reported": placed.reported,
            "filled_share": np.clip(1 - _divided(placed.own, placed.weighted), 0.0, 1.0),
            "imputed_share": np.clip(_divided_or_0(imputed.total, placed.weighted), 0.0, 1.0),
            "imputation_standard_error": np.sqrt(imputed.variance),
            "copula_estimate": self._second_estimates(table, counts, found.domain, of_series, wanted.cell[cell]),
            "difference_variance": np.full(len(row), np.nan),
            "unweighted": placed.unweighted,
            "agency_counts": np.where(
                self._includes_arrests_without_agency(completed, found), np.nan, found.unit_count
            ),
            "percentage": 100 * found.ratio,
            "percentage_unweighted": 100
            * np.divide(placed.unweighted, denominator, out=np.full(len(row), np.nan), where=denominator > 0),
            "percentage_standard_error": 100 * found.ratio_standard_error,
            "percentage_known": 100 * known,
            "percentage_known_standard_error": 100 * known_error,
        }
        if not wanted.is_of_wholes.any():
            return estimates
        is_retained = self._design.is_whole[found.domain] | ~wanted.is_of_wholes[cell]
        return {name: values[is_retained] for name, values in estimates.items()}

    def _found(
        self,
        counts: Mapping[int, TableCounts],
        wanted: WantedCells,
        completed: sparse.csc_array,
        own: sparse.csc_array,
        columns: NDArray[np.int64],
        denominator_of: NDArray[np.int64],
    ) -> Found:
        """Estimates of some columns of the cells' counts by the rule of the variance."""
        denominators = hstack([sums_of_columns(each.completed, wanted.sums) for each in counts.values()])
        y, m = columns_at(completed, columns), len(wanted.cell)
        if self._prediction is None:
            assert self._form is not None
            linearized = cell_estimates(self._form, y, denominators, denominator_of)
            return _found(linearized)
        own_denominators = hstack([sums_of_columns(each.own, wanted.sums) for each in counts.values()])
        predicted = self._prediction.estimate(
            y,
            columns_at(own, columns),
            denominators,
            own_denominators,
            denominator_of,
            np.tile(wanted.explained_by, len(counts))[columns],
            np.tile(wanted.category, len(counts))[columns],
            np.concatenate([np.where(wanted.whole_of >= 0, wanted.whole_of + m * k, -1) for k in range(len(counts))])[
                columns
            ],
        )
        return _found(predicted)

    def _second_estimates(
        self,
        table: TableDefinition,
        counts: Mapping[int, TableCounts],
        domain: NDArray[np.int32],
        of_series: NDArray[np.int64],
        cell: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """Second estimates of pairs of geography and cell, which are sorted by series and cell."""
        values = np.full(len(cell), np.nan)
        if self._second is None:
            return values
        plan = plan_of(table, self._second.categories)
        ends = np.searchsorted(of_series, np.arange(len(counts) + 1))
        for k, each in enumerate(counts.values()):
            rows = slice(ends[k], ends[k + 1])
            values[rows] = self._second.at(plan, each.completed, domain[rows], cell[rows])
        return values

    def _interval(
        self,
        found: Found,
        reported: NDArray[np.float64],
        imputed: NDArray[np.float64],
        category: NDArray[np.int64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Ends of the 95 % intervals of the totals; NaN where they are not known.

        What an imputed item put into a cell is not reported to be there.
        """
        if self._prediction is None:
            margin = Z_95 * found.standard_error
            return np.maximum(found.total - margin, 0.0), found.total + margin
        of_all = self._prediction.by_total.unreported_ratio[found.domain]
        rho, rows = of_all.copy(), np.flatnonzero(category >= 0)
        if len(rows):
            of_category = self._prediction.of_categories(0).unreported_ratio
            rho[rows] = of_category[found.domain[rows] * self._prediction.categories + category[rows]]
        certain = np.maximum(reported - imputed, 0.0)
        lower, upper = unreported_interval(found.total, found.standard_error, certain, rho)
        return lower, np.where(np.isfinite(upper), upper, np.nan)

    def _includes_arrests_without_agency(self, counts: sparse.csc_array, found: Found) -> NDArray[np.bool_]:
        """Whether an estimate includes arrests without an agency, so that the number of agencies is not known."""
        first = self._first_agency
        if first == 0:
            return np.zeros(len(found.cell), dtype=bool)
        without_agency = self._respondents[:, :first]
        return product_at(without_agency, counts[:first], found.domain, found.cell) > 0


def _shares(found: Found, block: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of each estimate in all rows of its section and column; 0 of a total.

    The denominator of its percentage may be another, and a table of rates has none: a cell that is in two tables has
    one standard error.

    Args:
        found: estimates.
        block: (pairs,) number of the section and column, -1 for none.
    """
    key = block * (int(found.domain.max(initial=0)) + 1) + found.domain
    _, number = np.unique(key, return_inverse=True)
    of_block = np.asarray(np.bincount(number, found.total)[number], dtype=np.float64)
    return np.where(block >= 0, np.clip(_divided_or_0(found.total, of_block), 0.0, 1.0), 0.0)


def _imputed(found: Found, placed: Placed, share: NDArray[np.float64]) -> Imputed:
    """What imputed items put into the cells.

    A unit whose item is missing is in the cell with probability p, the cell's share of the rows of its section; so of
    the units u of an agency that were put there, the number has variance u (1 - p).
    """
    weighted = placed.weighted
    scale = np.divide(found.total, weighted, out=np.zeros_like(weighted), where=weighted > 0)
    return Imputed(placed.imputed, placed.imputed_reported, scale**2 * placed.imputed_squares * (1 - share))


def _divided(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quotient, and 1 where nothing of the category or domain itself was counted."""
    return np.divide(part, whole, out=np.ones_like(whole), where=whole > 0)


def _divided_or_0(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)


def _found(estimates: CellEstimates | PredictionEstimates) -> Found:
    return Found(**{name: getattr(estimates, name) for name in Found._fields})


def hstack(blocks: list[sparse.csc_array]) -> sparse.csc_array:
    """Join matrices horizontally."""
    return blocks[0] if len(blocks) == 1 else sparse.csc_array(sparse.hstack(blocks, format="csc"))


def _split(found: Found, m: int) -> tuple[Found, Found]:
    """Split into estimates of the first m cells and those of the others."""
    end = int(np.searchsorted(found.cell, m))
    first, second = (
        {name: values[part] for name, values in found._asdict().items()} for part in (slice(end), slice(end, None))
    )
    return Found(**first), Found(**second)


def no_cells() -> pl.DataFrame:
    """No estimates, as :func:`as_part`."""
    return CELL_ESTIMATE.empty().collect()


def as_part(found: Estimates, part: str, table: TableDefinition) -> pl.DataFrame:
    """Estimates of a table as a part of the dataset; NaN becomes missing.

    Arrays are taken out of ``found`` one by one, so that the memory of each is free when the next is converted.
    """
    columns = [CELL_ESTIMATE.column(name) for name in found]
    frame = pl.DataFrame(
        [pl.Series(of.name, found.pop(of.name), nan_to_null=of.is_nullable).cast(of.dtype) for of in columns]
    )
    version = definition_version(table, derived_variables())
    return CELL_ESTIMATE.cast(frame.with_columns(table_part=pl.lit(part), definition_version=pl.lit(version)))
