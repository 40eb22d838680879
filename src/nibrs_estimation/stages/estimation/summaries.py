"""Estimates of the tables of summary counts, with their uncertainty (handbook 16)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import polars as pl

from nibrs_estimation.model.estimates import CELL_ESTIMATE, CELL_GAP
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.read import RETURN_A_REPORTED, summary_definitions


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
    from nibrs_estimation.survey import basis, cells, summary_cells  # noqa: PLC0415 (Numba takes a second)
    from nibrs_estimation.survey.second_estimator import Covariates  # noqa: PLC0415 (as above)

    tables, gaps = summary_definitions(), CELL_GAP.empty().collect()
    of = basis.summary_basis(
        basis.Survey(coverage, weighting_frame, agency_weight, weight_cell, calibration_variable),
        summary_year,
        basis.AgencyAttributes(agency, agency_county, year),
        control_rule,
        variance_rule,
    )
    covariates = Covariates(weighting_frame, police_employees, agency_county, county_population, year)
    second = basis.second_estimator_of(of, covariates, second_estimator)
    estimator = cells.Estimator(of.design, of.predictions, second)

    def part(table: TableDefinition) -> pl.LazyFrame:
        wanted, counts = cells.wanted_cells(table, gaps, frozenset()), of.counts.of_table(table)
        if table.unit == RETURN_A_REPORTED:
            found = summary_cells.reported_estimates(of.design, table, counts, wanted)
        else:
            found = estimator.estimate(table, {0: counts}, wanted)
        return cells.as_part(found, table.table, table).lazy()

    return {CELL_ESTIMATE.name: {name: part(table) for name, table in tables.items()}, CELL_GAP.name: gaps.lazy()}
