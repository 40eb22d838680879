"""Estimates of every cell of every table in every geography, with their uncertainty (handbook 11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import polars as pl

from nibrs_estimation.model.estimates import CELL_ESTIMATE, CELL_GAP
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.stages.estimation.gaps import cell_gaps
from nibrs_estimation.stages.estimation.parts import Parts
from nibrs_estimation.tables.read import table_definitions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nibrs_estimation.survey.second_estimator import SecondEstimator


def table_parts() -> tuple[str, ...]:
    """Parts of dataset ``cell_estimate``: the tables."""
    return tuple(table_definitions())


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
    bias_rule: Literal["difference", "less_variance"],
) -> dict[str, pl.LazyFrame | Mapping[str, pl.LazyFrame]]:
    """Estimate counts and percentages of all tables for every geography that has a respondent.

    Standard errors are those of the prediction of what was not reported (handbook 11); by rule ``reference``, of the
    linearized sample. A second estimate imputes nonrespondents (handbook 15). Cells that are blank, or that cannot be
    computed from the input, are omitted.

    Raises:
        PipelineError: the variance of the difference of both estimates is wanted, but not by these other rules.
    """
    has_variances = bias_rule == "less_variance"
    if has_variances and (control_rule, variance_rule, second_estimator) != ("corrected", "prediction", "sound"):
        raise PipelineError(
            "NIBRS_BIAS_RULE=less_variance needs NIBRS_CONTROL_RULE=corrected, NIBRS_VARIANCE_RULE=prediction and "
            "NIBRS_SECOND_ESTIMATOR=sound, the defaults. Set these, or NIBRS_BIAS_RULE=difference."
        )
    from nibrs_estimation.survey import basis, cells, replicates  # noqa: PLC0415 (Numba takes a second)
    from nibrs_estimation.survey.second_estimator import Covariates  # noqa: PLC0415 (as above)
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
    covariates = Covariates(weighting_frame, police_employees, agency_county, county_population, year)
    second = basis.second_estimator_of(of, covariates, second_estimator)
    estimator = cells.Estimator(of.design, of.predictions, second)
    variances = None
    if has_variances:

        def imputing(removed: NDArray[np.int64]) -> SecondEstimator | None:
            return basis.second_estimator_of(of, covariates, second_estimator, removed)

        variances = replicates.DifferenceVariances(of, imputing)

    def part(name: str) -> pl.LazyFrame:
        table = tables[name]
        wanted, counts = cells.wanted_cells(table, gaps, frozenset()), {0: of.counts.of_table(table).of()}
        found = estimator.estimate(table, counts, wanted)
        if variances is not None:
            found |= {"difference_variance": variances.of(table, counts, wanted, found)}
        return cells.as_part(found, name, table).lazy()

    return {CELL_ESTIMATE.name: Parts(tuple(tables), part, at_once=2), CELL_GAP.name: gaps.lazy()}
