"""Estimates of every cell of every table in every geography, with their uncertainty (07 sections 6.2 to 6.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.stages.variance.agencies import agency_categories
from nibrs_estimation.stages.variance.gaps import cell_gaps
from nibrs_estimation.stages.variance.profiles import CountedProfiles, UnitCounts, matrix_rows, read_unit
from nibrs_estimation.stages.variance.sample import Design, estimation_design
from nibrs_estimation.stages.variance.table_matrix import Copies, table_matrix
from nibrs_estimation.stats.cell_estimates import cell_estimates
from nibrs_estimation.stats.variance_form import VarianceForm, variance_form
from nibrs_estimation.tables.atoms import atoms_of_series
from nibrs_estimation.tables.counting import counted_rows
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.read import table_definitions
from nibrs_estimation.tables.results import CELL_ESTIMATE, CELL_GAP, SERIES_ESTIMATE
from nibrs_estimation.tables.series import Series, demographic_series

#: Level of series -> kinds of geographies for which it is estimated.
SERIES_LEVELS: Mapping[str, tuple[str, ...] | None] = {
    "all": None,
    "region": ("nation", "region"),
    "national": ("nation",),
}
_SERIES_FACTOR = 1000


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
        cells = _wanted(tables[name], gaps)
        frame = _estimates(tables[name], counts.matrix(tables[name]), cells, form, design)
        return _as_part(frame, name).lazy()

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
    table, levels = table_definitions()[name], SERIES_LEVELS[level]
    places = (
        coverage
        if levels is None
        else coverage.filter(pl.col("geography_level").is_in(levels) & pl.col("agency_group").is_null())
    )
    counted = CountedProfiles(unit_profile, profile_signature, profile_count, incident_profile)
    design = estimation_design(places, weighting_frame, agency_weight, weight_cell, calibration_variable)
    counts = Counts(design, counted, block_reference, {})
    form = variance_form(design.sample, design.members, len(design.agencies))
    gaps = cell_gap.collect()
    frames = [_as_part(SERIES_ESTIMATE.empty().collect(), partition)]
    for series in demographic_series():
        if series.is_retired or series.geographies != level:
            continue
        matrix = counts.matrix(table, atoms_of_series(series))
        frame = _estimates(table, matrix, _wanted(table, gaps, series), form, design)
        frame = frame.filter(~pl.col("permutation_number").is_in(series.greyed_geographies)).with_columns(
            pl.col("permutation_number") + _SERIES_FACTOR * series.number
        )
        frames.append(_as_part(frame, partition))
    return pl.concat(frames).lazy()


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

    def matrix(self, table: TableDefinition, in_group: NDArray[np.bool_] | None = None) -> sparse.csc_array:
        """Agencies x cells of a table, of all persons or of a group (:func:`table_matrix`)."""
        return table_matrix(table, self._unit, self._copies, self._categories, in_group)

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
    """Cells of a table to estimate: their numbers in the matrix, and which cells' sum each is a percentage of."""

    cell: NDArray[np.int64]
    denominator_of: NDArray[np.int64]
    denominators: tuple[tuple[int, ...], ...]


def _wanted(table: TableDefinition, gaps: pl.DataFrame, series: Series | None = None) -> _Cells:
    """The cells that are estimated: counted, not greyed, and known."""
    C = len(table.columns)
    left_out = set(table.greyed)
    left_out |= set(gaps.filter(pl.col("full_table") == table.table).select("row", "column").iter_rows())
    greyed_rows = {
        row
        for dimension in (series.dimensions if series is not None else ())
        for row in table.greyed_by_series.get(dimension, ())
    }
    cells: list[int] = []
    denominator_of: list[int] = []
    numbers: dict[tuple[int, ...], int] = {}
    for row in counted_rows(table):
        if row.row in greyed_rows:
            continue
        for column in range(1, C + 1):
            if (row.row, column) in left_out:
                continue
            cells.append((row.row - 1) * C + column - 1)
            of = tuple((other - 1) * C + column - 1 for other in row.denominator)
            denominator_of.append(numbers.setdefault(of, len(numbers)) if of else -1)
    return _Cells(np.array(cells, dtype=np.int64), np.array(denominator_of, dtype=np.int64), tuple(numbers))


def _estimates(
    table: TableDefinition, matrix: sparse.csc_array, wanted: _Cells, form: VarianceForm, design: Design
) -> pl.DataFrame:
    """Estimates of cells that are not 0, in the columns of ``cell_estimate`` but ``part``."""
    members = [(cell, number) for number, cells in enumerate(wanted.denominators) for cell in cells]
    place = np.array(members, dtype=np.int64).reshape(-1, 2).T
    shape = (matrix.shape[1], len(wanted.denominators))
    summed = sparse.csc_array((np.ones(len(members)), (place[0], place[1])), shape=shape)
    found = cell_estimates(form, matrix[:, wanted.cell], sparse.csc_array(matrix @ summed), wanted.denominator_of)
    row, column = np.divmod(wanted.cell[found.cell], len(table.columns))
    return pl.DataFrame(
        {
            "permutation_number": design.permutations[found.domain],
            "row": row + 1,
            "column": column + 1,
            "estimate": found.total,
            "standard_error": found.standard_error,
            "unweighted": found.unweighted_total,
            "agency_counts": found.unit_count,
            "percentage": 100 * found.ratio,
            "percentage_standard_error": 100 * found.ratio_standard_error,
        }
    )


def _as_part(frame: pl.DataFrame, part: str) -> pl.DataFrame:
    numbers = ("standard_error", "percentage", "percentage_standard_error")
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
