"""Estimates of every cell of every table in every geography, with their uncertainty (handbook 11)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal

import polars as pl

from nibrs_estimation.model.estimates import CELL_ESTIMATE, CELL_GAP
from nibrs_estimation.model.fields import GEOGRAPHY_NUMBER, SERIES_NUMBER
from nibrs_estimation.stages.estimation.gaps import cell_gaps
from nibrs_estimation.tables.atoms import atoms_of_series
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.matrices.table_matrix import TableCounts
from nibrs_estimation.tables.read import RETURN_A_REPORTED, summary_definitions, table_definitions
from nibrs_estimation.tables.series import demographic_series, is_of_level, series_parts

LOG = logging.getLogger(__name__)
_KEY = (SERIES_NUMBER, GEOGRAPHY_NUMBER)
#: Number of counts above 0 that are estimated in one batch: about 50 MB of memory.
_BATCH_VALUES = 500_000


def table_parts() -> tuple[str, ...]:
    """Parts of dataset ``cell_estimate``: the tables."""
    return tuple(table_definitions())


def series_table_parts() -> tuple[str, ...]:
    """Parts of dataset ``series_estimate``: tables that have demographic series, by part of the series."""
    return tuple(
        f"{name}_{part}" for name, table in table_definitions().items() if table.demographic for part in series_parts()
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
    county_population: pl.LazyFrame,
    police_employees: pl.LazyFrame,
    intake_loss: pl.LazyFrame,
    year: int,
    control_rule: Literal["corrected", "reference"],
    variance_rule: Literal["prediction", "reference"],
    second_estimator: Literal["sound", "reference", "none"],
) -> dict[str, pl.LazyFrame | Mapping[str, pl.LazyFrame]]:
    """Estimate counts and percentages of all tables for every geography that has a respondent.

    Standard errors are those of the prediction of what was not reported (handbook 11); by rule ``reference``, of the
    linearized sample. A second estimate imputes nonrespondents (handbook 15). Cells that are blank, or that cannot be
    computed from the input, are omitted.
    """
    from nibrs_estimation.survey import basis, cells  # noqa: PLC0415 (Numba takes a second)
    from nibrs_estimation.survey import second_estimator as second  # noqa: PLC0415 (Numba takes a second)
    from nibrs_estimation.tables.matrices import profiles  # noqa: PLC0415 (Numba takes a second)

    tables = table_definitions()
    gaps = cell_gaps(tables, intake_loss)
    of = basis.estimation_basis(
        basis.Survey(coverage, weighting_frame, agency_weight, weight_cell, calibration_variable),
        profiles.CountedProfiles(unit_profile, profile_signature, profile_count, incident_profile),
        block_reference,
        basis.AgencyAttributes(agency, agency_county, year),
        control_rule,
        variance_rule,
    )
    imputation = None
    if second_estimator != "none":
        covariates = (weighting_frame, police_employees, agency_county, county_population)
        imputation = second.second_estimator(of.design, of.units, *covariates, of.members, year, second_estimator)
        if imputation.imputes_nobody:
            LOG.warning("No agency is known that did not report, so none is imputed: the bias of every estimate is 0.")
    estimator = cells.Estimator(of.design, of.predictions, imputation)

    def part(name: str) -> pl.LazyFrame:
        table = tables[name]
        wanted = cells.wanted_cells(table, gaps, frozenset())
        return cells.as_part(
            [estimator.estimate(table, {0: of.counts.of_table(table).of()}, wanted)], name, table
        ).lazy()

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
    agency_county: pl.LazyFrame,
    county_population: pl.LazyFrame,
    police_employees: pl.LazyFrame,
    cell_gap: pl.LazyFrame,
    year: int,
    partition: str,
    control_rule: Literal["corrected", "reference"],
    variance_rule: Literal["prediction", "reference"],
    second_estimator: Literal["sound", "reference", "none"],
) -> pl.LazyFrame:
    """Estimate a table for a part of the demographic series, in all geographies in which they are estimated.

    Rows that divide persons by a dimension of the series are omitted (handbook 11); so are retired series.
    """
    from nibrs_estimation.survey import basis, cells  # noqa: PLC0415 (as above)
    from nibrs_estimation.survey import second_estimator as second  # noqa: PLC0415 (as above)
    from nibrs_estimation.tables.matrices import profiles  # noqa: PLC0415 (as above)

    name, _, part_of_series = partition.rpartition("_")
    table, estimated = table_definitions()[name], series_parts()[part_of_series]
    of = basis.estimation_basis(
        basis.Survey(
            coverage.filter(is_of_level(estimated[0].geographies)),
            weighting_frame,
            agency_weight,
            weight_cell,
            calibration_variable,
        ),
        profiles.CountedProfiles(unit_profile, profile_signature, profile_count, incident_profile),
        block_reference,
        None,
        control_rule,
        variance_rule,
    )
    imputation = None
    if second_estimator == "sound":
        covariates = (weighting_frame, police_employees, agency_county, county_population)
        imputation = second.second_estimator(of.design, of.units, *covariates, of.members, year, second_estimator)
    estimator = cells.Estimator(of.design, of.predictions, imputation)
    gaps, matrices = cell_gap.collect(), of.counts.of_table(table)
    found: list[cells.Estimates] = []
    for dimensions in dict.fromkeys(series.dimensions for series in estimated):
        wanted = cells.wanted_cells(table, gaps, dimensions)
        same = [series for series in estimated if series.dimensions == dimensions]
        batches = _batches((series.number, matrices.of(atoms_of_series(series))) for series in same)
        found.extend(estimator.estimate(table, batch, wanted) for batch in batches)
    key = [column.name for column in _KEY]
    part = cells.as_part(found, partition, table)
    return part.join(_blank_cells(), on=key, how="anti", maintain_order="left").lazy()


def summary_table_parts() -> tuple[str, ...]:
    """Parts of dataset ``cell_estimate`` of summary estimates: the tables."""
    return tuple(summary_definitions())


def estimate_summaries(
    summary_year: pl.LazyFrame,
    weighting_frame: pl.LazyFrame,
    agency_weight: pl.LazyFrame,
    weight_cell: pl.LazyFrame,
    calibration_variable: pl.LazyFrame,
    coverage: pl.LazyFrame,
    agency: pl.LazyFrame,
    agency_county: pl.LazyFrame,
    county_population: pl.LazyFrame,
    police_employees: pl.LazyFrame,
    year: int,
    control_rule: Literal["corrected", "reference"],
    variance_rule: Literal["prediction", "reference"],
    second_estimator: Literal["sound", "reference", "none"],
) -> dict[str, pl.LazyFrame | Mapping[str, pl.LazyFrame]]:
    """Estimate the tables of summary counts for every geography that has a respondent, as :func:`estimate_cells`.

    A table of reported counts has what respondents reported, without weights and errors.
    """
    from nibrs_estimation.survey import basis, cells  # noqa: PLC0415 (as above)
    from nibrs_estimation.survey import second_estimator as second  # noqa: PLC0415 (as above)

    tables, gaps = summary_definitions(), CELL_GAP.empty().collect()
    of = basis.summary_basis(
        basis.Survey(coverage, weighting_frame, agency_weight, weight_cell, calibration_variable),
        summary_year,
        basis.AgencyAttributes(agency, agency_county, year),
        control_rule,
        variance_rule,
    )
    imputation = None
    if second_estimator != "none":
        covariates = (weighting_frame, police_employees, agency_county, county_population)
        imputation = second.second_estimator(of.design, of.units, *covariates, of.members, year, second_estimator)
    estimator = cells.Estimator(of.design, of.predictions, imputation)

    def part(table: TableDefinition) -> pl.LazyFrame:
        wanted, counts = cells.wanted_cells(table, gaps, frozenset()), of.counts.of_table(table)
        if table.unit == RETURN_A_REPORTED:
            found = cells.reported_estimates(of.design, table, counts, wanted)
        else:
            found = estimator.estimate(table, {0: counts}, wanted)
        return cells.as_part([found], table.table, table).lazy()

    return {CELL_ESTIMATE.name: {name: part(table) for name, table in tables.items()}, CELL_GAP.name: gaps.lazy()}


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


def _blank_cells() -> pl.DataFrame:
    """Pairs of series and geography that are never estimated."""
    pairs = [(series.number, number) for series in demographic_series() for number in series.blank_geographies]
    return pl.DataFrame(pairs, schema={column.name: column.dtype for column in _KEY}, orient="row")


class Parts(Mapping[str, pl.LazyFrame]):
    """Parts of a dataset; each is computed while the one before is written."""

    def __init__(self, names: tuple[str, ...], part: Callable[[str], pl.LazyFrame]) -> None:
        self._names, self._part = names, part
        # One thread: parts share what has been read.
        self._worker = ThreadPoolExecutor(1)
        self._begun: dict[str, Future[pl.LazyFrame]] = {}

    def __getitem__(self, name: str) -> pl.LazyFrame:
        if name not in self._names:
            raise KeyError(name)
        wanted = self._begin(name)
        for following in self._names[self._names.index(name) + 1 :][:1]:
            self._begun[following] = self._begin(following)
        return wanted.result()

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def _begin(self, name: str) -> Future[pl.LazyFrame]:
        return self._begun.pop(name, None) or self._worker.submit(self._part, name)
