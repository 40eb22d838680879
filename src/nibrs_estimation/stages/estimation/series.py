"""Estimates of tables for the demographic series, with their uncertainty (handbook 11)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import polars as pl

from nibrs_estimation.model.estimates import SERIES_ESTIMATE
from nibrs_estimation.model.fields import GEOGRAPHY_NUMBER, SERIES_NUMBER
from nibrs_estimation.stages.estimation.parts import Parts
from nibrs_estimation.tables.atoms import atoms_of_series
from nibrs_estimation.tables.matrices.table_matrix import TableCounts, TableMatrix
from nibrs_estimation.tables.read import table_definitions
from nibrs_estimation.tables.series import demographic_series, is_of_level, series_parts

if TYPE_CHECKING:
    from nibrs_estimation.survey.cells import Counts, Estimator

_KEY = (SERIES_NUMBER, GEOGRAPHY_NUMBER)
#: Number of counts above 0 that are estimated in one batch: about 50 MB of memory.
_BATCH_VALUES = 500_000


def series_tables() -> tuple[str, ...]:
    """Tables that have demographic series."""
    return tuple(name for name, table in table_definitions().items() if table.demographic)


def parts_of_series(table: str) -> tuple[str, ...]:
    """Parts of dataset ``series_estimate`` of a table."""
    return tuple(f"{table}_{part}" for part in series_parts())


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
    agency_county: pl.LazyFrame,
    county_population: pl.LazyFrame,
    police_employees: pl.LazyFrame,
    cell_gap: pl.LazyFrame,
    year: int,
    partition: str,
    control_rule: Literal["corrected", "reference"],
    variance_rule: Literal["prediction", "reference"],
    second_estimator: Literal["sound", "reference", "none"],
) -> dict[str, Mapping[str, pl.LazyFrame]]:
    """Estimate a table for its demographic series, in all geographies in which they are estimated.

    Rows that divide persons by a dimension of the series are omitted (handbook 11); so are retired series.
    """
    from nibrs_estimation.survey import basis, cells  # noqa: PLC0415 (Numba takes a second)
    from nibrs_estimation.survey.second_estimator import Covariates  # noqa: PLC0415 (as above)
    from nibrs_estimation.tables.matrices import profiles  # noqa: PLC0415 (as above)

    table, gaps = table_definitions()[partition], cell_gap.collect()
    counted = profiles.CountedProfiles(unit_profile, profile_signature, profile_count, incident_profile)
    counts: Counts | None = None

    @lru_cache(maxsize=1)
    def of_level(level: str) -> tuple[TableMatrix, Estimator]:
        """Series of the same geographies share everything but their counts; all share what has been read."""
        nonlocal counts
        survey = basis.Survey(
            coverage.filter(is_of_level(level)), weighting_frame, agency_weight, weight_cell, calibration_variable
        )
        of = basis.estimation_basis(survey, counted, block_reference, None, control_rule, variance_rule, counts)
        counts = of.counts
        covariates = Covariates(weighting_frame, police_employees, agency_county, county_population, year)
        second = basis.second_estimator_of(of, covariates, "sound" if second_estimator == "sound" else "none")
        return of.counts.of_table(table), cells.Estimator(of.design, of.predictions, second)

    def part(name: str) -> pl.LazyFrame:
        estimated = series_parts()[name.rpartition("_")[2]]
        matrices, estimator = of_level(estimated[0].geographies)
        found = [cells.no_cells()]
        for dimensions in dict.fromkeys(series.dimensions for series in estimated):
            wanted = cells.wanted_cells(table, gaps, dimensions)
            same = [series for series in estimated if series.dimensions == dimensions]
            batches = _batches((series.number, matrices.of(atoms_of_series(series))) for series in same)
            found.extend(
                _estimated(cells.as_part(estimator.estimate(table, batch, wanted), name, table)) for batch in batches
            )
        return pl.concat(found).lazy()

    return {SERIES_ESTIMATE.name: Parts(parts_of_series(partition), part)}


def _batches(counts: Iterable[tuple[int, TableCounts]]) -> Iterator[dict[int, TableCounts]]:
    """Counts by number of the series, in batches that are small enough for memory."""
    batch: dict[int, TableCounts] = {}
    for number, of_series in counts:
        batch[number] = of_series
        if sum(each.completed.nnz for each in batch.values()) >= _BATCH_VALUES:
            yield batch
            batch = {}
    if batch:
        yield batch


def _estimated(found: pl.DataFrame) -> pl.DataFrame:
    """Without pairs of series and geography that are never estimated."""
    pairs = [(series.number, number) for series in demographic_series() for number in series.blank_geographies]
    never = pl.DataFrame(pairs, schema={column.name: column.dtype for column in _KEY}, orient="row")
    return found.join(never, on=never.columns, how="anti", maintain_order="left")
