"""Estimates of every cell of every table in every geography, with their uncertainty (07 sections 6.2 to 6.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.stages.variance.agencies import agency_categories
from nibrs_estimation.stages.variance.gaps import cell_gaps
from nibrs_estimation.stages.variance.profiles import CountedProfiles, UnitCounts, matrix_rows, read_unit
from nibrs_estimation.stages.variance.sample import Design, estimation_design
from nibrs_estimation.stages.variance.table_matrix import Copies, TableMatrix
from nibrs_estimation.stats.cell_estimates import cell_estimates
from nibrs_estimation.stats.variance_form import VarianceForm, variance_form
from nibrs_estimation.tables.atoms import atoms_of_series
from nibrs_estimation.tables.counting import counted_rows
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.read import table_definitions
from nibrs_estimation.tables.results import CELL_ESTIMATE, CELL_GAP
from nibrs_estimation.tables.series import SERIES_LEVELS, SERIES_STEP, demographic_series, is_of_level

Estimates = dict[str, NDArray[Any]]


def table_parts() -> tuple[str, ...]:
    """Parts of dataset ``cell_estimate``: the tables."""
    return tuple(table_definitions())


def series_parts() -> tuple[str, ...]:
    """Parts of dataset ``series_estimate``: tables that are repeated for groups of persons, by level of the series."""
    return tuple(
        f"{name}_{level}" for name, table in table_definitions().items() if table.demographic for level in SERIES_LEVELS
    )


def estimate_cells(
    unit_profile: pl.LazyFrame,
    profile_signature: pl.LazyFrame,
    profile_count: pl.LazyFrame,
    incident_profile: pl.LazyFrame,
    block_reference: pl.LazyFrame,
    weighting_frame: pl.LazyFrame,
    agency_weight: pl.LazyFrame,
    weight_cell: pl.LazyFrame,
    calibration_variable: pl.LazyFrame,
    coverage: pl.LazyFrame,
    agency: pl.LazyFrame,
    agency_county: pl.LazyFrame,
    intake_loss: pl.LazyFrame,
    year: int,
) -> dict[str, pl.LazyFrame | Mapping[str, pl.LazyFrame]]:
    """Estimate counts and percentages of all tables for every geography that has a respondent.

    Linearised values are w (y - x B), x being the controls to which the agency's weight group was calibrated, or w y
    where it was not; of percentages the same of (a - R b) / B. Cells that are greyed, or that the input cannot tell,
    are left out.
    """
    tables = table_definitions()
    gaps = cell_gaps(tables, intake_loss)
    counted = CountedProfiles(unit_profile, profile_signature, profile_count, incident_profile)
    design = estimation_design(coverage, weighting_frame, agency_weight, weight_cell, calibration_variable)
    categories = agency_categories(design.agencies, weighting_frame, agency, agency_county, year)
    counts = Counts(design, counted, block_reference, categories)
    form = variance_form(design.sample, design.members, len(design.agencies))

    def part(name: str) -> pl.LazyFrame:
        cells = _wanted(tables[name], gaps, frozenset())
        found = _estimates(tables[name], counts.of_table(tables[name]).of(), cells, form, design)
        return _as_part([found], name).lazy()

    return {CELL_ESTIMATE.name: Parts(tuple(tables), part), CELL_GAP.name: gaps.lazy()}


def estimate_series(
    unit_profile: pl.LazyFrame,
    profile_signature: pl.LazyFrame,
    profile_count: pl.LazyFrame,
    incident_profile: pl.LazyFrame,
    block_reference: pl.LazyFrame,
    weighting_frame: pl.LazyFrame,
    agency_weight: pl.LazyFrame,
    weight_cell: pl.LazyFrame,
    calibration_variable: pl.LazyFrame,
    coverage: pl.LazyFrame,
    cell_gap: pl.LazyFrame,
    partition: str,
) -> pl.LazyFrame:
    """Estimate a table for the demographic series of one level, in all geographies in which these are estimated.

    Rows that divide persons by what the series is divided by are left out (07 section 8.3), so are retired series.
    """
    name, _, level = partition.rpartition("_")
    table, places = table_definitions()[name], coverage.filter(is_of_level(level))
    counted = CountedProfiles(unit_profile, profile_signature, profile_count, incident_profile)
    design = estimation_design(places, weighting_frame, agency_weight, weight_cell, calibration_variable)
    counts = Counts(design, counted, block_reference, {})
    form = variance_form(design.sample, design.members, len(design.agencies))
    gaps, matrices = cell_gap.collect(), counts.of_table(table)
    cells: dict[frozenset[str], _Cells] = {}
    found = []
    for series in demographic_series():
        if series.is_retired or series.geographies != level:
            continue
        if series.dimensions not in cells:
            cells[series.dimensions] = _wanted(table, gaps, series.dimensions)
        matrix = matrices.of(atoms_of_series(series))
        estimates = _estimates(table, matrix, cells[series.dimensions], form, design)
        geography = estimates["permutation_number"]
        is_kept = ~np.isin(geography, series.greyed_geographies)
        estimates["permutation_number"] = geography + SERIES_STEP * series.number
        found.append({name: values[is_kept] for name, values in estimates.items()})
    return _as_part(found, partition).lazy()


class Counts:
    """Matrices of tables for the agencies of a design; counts are read once for all tables that need them."""

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
        """What makes the matrices of a table."""
        return TableMatrix(table, self._unit, self._copies, self._categories)

    def _unit(self, name: str) -> UnitCounts:
        if name not in self._units:
            self._units[name] = read_unit(name, self._counted, self._rows)
        return self._units[name]


def _copies(agencies: pl.Series, rows: pl.DataFrame, block_reference: pl.LazyFrame) -> Copies:
    """R: one where an agency copies a month of a donor."""
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
    place = (references["recipient"].to_numpy(), references["block"].to_numpy() - A)
    shape = (A, rows.height - A)
    return Copies(A, sparse.csr_array((np.ones(references.height), place), shape=shape))


@dataclass(frozen=True, eq=False)
class _Cells:
    """Cells of a table to estimate.

    Attributes:
        cell: (m,) their numbers in the matrix.
        denominator_of: (m,) which sum each is a percentage of, -1 for none.
        sums: (cells of the matrix, K) the cells of each sum.
    """

    cell: NDArray[np.int64]
    denominator_of: NDArray[np.int64]
    sums: sparse.csc_array


def _wanted(table: TableDefinition, gaps: pl.DataFrame, dimensions: frozenset[str]) -> _Cells:
    """The cells that are estimated: counted, not greyed, also not for what a series is divided by, and known."""
    R, C = len(table.rows), len(table.columns)
    is_wanted = np.zeros((R, C), dtype=bool)
    is_wanted[[row.row - 1 for row in counted_rows(table)]] = True
    unknown = gaps.filter(pl.col("full_table") == table.table).select("row", "column").iter_rows()
    for row, column in (*table.greyed, *unknown):
        is_wanted[row - 1, column - 1] = False
    for dimension in dimensions:
        is_wanted[[row - 1 for row in table.greyed_by_series.get(dimension, ())]] = False
    sets = {
        rows: place
        for place, rows in enumerate(dict.fromkeys(row.denominator for row in table.rows if row.denominator))
    }
    set_of = np.array([sets.get(row.denominator, -1) for row in table.rows], dtype=np.int64)
    cell = np.flatnonzero(is_wanted)
    row_, column_ = np.divmod(cell, C)
    summed = np.array([(row - 1, place) for rows, place in sets.items() for row in rows]).reshape(-1, 2)
    columns = np.tile(np.arange(C), len(summed))
    place = (np.repeat(summed[:, 0], C) * C + columns, np.repeat(summed[:, 1], C) * C + columns)
    return _Cells(
        cell=cell,
        denominator_of=np.where(set_of[row_] >= 0, set_of[row_] * C + column_, -1),
        sums=sparse.csc_array((np.ones(len(columns)), place), shape=(R * C, len(sets) * C)),
    )


def _estimates(
    table: TableDefinition, matrix: sparse.csc_array, wanted: _Cells, form: VarianceForm, design: Design
) -> Estimates:
    """Estimates of cells that are not 0: the columns of ``cell_estimate`` but ``part``."""
    denominators = sparse.csc_array(matrix @ wanted.sums)
    found = cell_estimates(form, matrix[:, wanted.cell], denominators, wanted.denominator_of)
    row, column = np.divmod(wanted.cell[found.cell], len(table.columns))
    none = np.zeros((len(design.permutations), 1))
    of_respondents = np.append((design.respondents @ denominators).toarray(), none, axis=1)
    denominator = of_respondents[found.domain, wanted.denominator_of[found.cell]]
    return {
        "permutation_number": design.permutations[found.domain],
        "row": row + 1,
        "column": column + 1,
        "estimate": found.total,
        "standard_error": found.standard_error,
        "unweighted": found.unweighted_total,
        "agency_counts": found.unit_count,
        "percentage": 100 * found.ratio,
        "percentage_unweighted": 100
        * np.divide(found.unweighted_total, denominator, out=np.full(len(row), np.nan), where=denominator > 0),
        "percentage_standard_error": 100 * found.ratio_standard_error,
    }


def _as_part(found: Sequence[Estimates], part: str) -> pl.DataFrame:
    """Estimates as a part of the dataset; a number that is not known is missing."""
    if not found:
        return CELL_ESTIMATE.empty().collect()
    numbers = ("standard_error", "percentage", "percentage_unweighted", "percentage_standard_error")
    frame = pl.DataFrame({name: np.concatenate([estimates[name] for estimates in found]) for name in found[0]})
    return CELL_ESTIMATE.cast(
        frame.with_columns(pl.col(name).fill_nan(None) for name in numbers).with_columns(part=pl.lit(part))
    )


class Parts(Mapping[str, pl.LazyFrame]):
    """Parts of a dataset, each made when it is asked for."""

    def __init__(self, names: tuple[str, ...], part: Callable[[str], pl.LazyFrame]) -> None:
        self._names, self._part = names, part

    def __getitem__(self, name: str) -> pl.LazyFrame:
        if name not in self._names:
            raise KeyError(name)
        return self._part(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
