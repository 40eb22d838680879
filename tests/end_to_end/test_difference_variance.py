"""Variance of the difference of both estimates: replicates without a group of respondents, and what the rule does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.benchmark import WEIGHTING_FRAME
from nibrs_estimation.model.blocks import BLOCK_REFERENCE
from nibrs_estimation.model.counts import INCIDENT_PROFILE, PROFILE_COUNT, PROFILE_SIGNATURE, UNIT_PROFILE
from nibrs_estimation.model.coverage import COVERAGE
from nibrs_estimation.model.estimates import CELL_ESTIMATE
from nibrs_estimation.model.geography import AGENCY_COUNTY, COUNTY_POPULATION
from nibrs_estimation.model.universe import POLICE_EMPLOYEES
from nibrs_estimation.model.weights import AGENCY_WEIGHT, CALIBRATION_VARIABLE, WEIGHT_CELL
from nibrs_estimation.reading.basis import basis_of
from nibrs_estimation.reading.runs import EstimatedRun, required_run
from nibrs_estimation.survey.basis import AgencyAttributes, Basis, Survey, estimation_basis
from nibrs_estimation.survey.cells import Estimator, wanted_cells
from nibrs_estimation.survey.replicates import GROUPS, LEAST_IN_GROUP, DifferenceVariances, groups_of
from nibrs_estimation.survey.second_estimator import SecondEstimator, second_estimator
from nibrs_estimation.tables.matrices.profiles import CountedProfiles
from nibrs_estimation.tables.read import table_definition

TABLE = table_definition("1c")
KEY = ["geography_number", "row", "column"]


@pytest.fixture(scope="module")
def run(demo: Path) -> EstimatedRun:
    return required_run(demo / "scratch", "demo")


def second_of(run: EstimatedRun, basis: Basis, removed: NDArray[np.int64] | None = None) -> SecondEstimator:
    covariates = [run.read(d) for d in (WEIGHTING_FRAME, POLICE_EMPLOYEES, AGENCY_COUNTY, COUNTY_POPULATION)]
    frame, employees, county, population = covariates
    return second_estimator(
        basis.design, basis.units, frame, employees, county, population, basis.members, run.year, "sound", removed
    )


def estimates_of(basis: Basis, second: SecondEstimator) -> pl.DataFrame:
    counts = {0: basis.counts.of_table(TABLE).of()}
    gaps = pl.DataFrame(
        schema={"table_name": pl.String, "row": pl.Int16, "column": pl.Int16, "is_of_parts": pl.Boolean}
    )
    found = Estimator(basis.design, basis.predictions, second).estimate(
        TABLE, counts, wanted_cells(TABLE, gaps, frozenset())
    )
    return pl.DataFrame({name: found[name] for name in (*KEY, "estimate", "copula_estimate")})


def basis_without(run: EstimatedRun, removed: NDArray[np.int64]) -> Basis:
    """As if the agencies had not reported: they have no weight, so all is laid out anew."""
    is_removed = pl.col("agency_id").is_in(removed.tolist())
    weights = run.read(AGENCY_WEIGHT).with_columns(weight=pl.when(~is_removed).then("weight"))
    survey = Survey(run.read(COVERAGE), run.read(WEIGHTING_FRAME), weights, run.read(WEIGHT_CELL),
                    run.read(CALIBRATION_VARIABLE))  # fmt: skip
    counted = CountedProfiles(
        *(run.read(d) for d in (UNIT_PROFILE, PROFILE_SIGNATURE, PROFILE_COUNT, INCIDENT_PROFILE))
    )
    attributes = AgencyAttributes(run.read(AGENCY), run.read(AGENCY_COUNTY), run.year)
    return estimation_basis(survey, counted, run.read(BLOCK_REFERENCE), attributes, "corrected", "prediction")


def test_variances_equal_the_slow_twin(run: EstimatedRun) -> None:
    """Replicates are the estimates of a nation in which these agencies have no weight; their spread by loops."""
    basis = basis_of(run, None)
    of_units = basis.units
    agencies = np.unique(of_units.agency[of_units.units.psu >= 0])
    group = groups_of(of_units)
    assert np.ptp(np.bincount(group)) <= 1
    variances = DifferenceVariances(basis, lambda removed: second_of(run, basis, removed))
    counts = {0: basis.counts.of_table(TABLE).of()}
    gaps = pl.DataFrame(
        schema={"table_name": pl.String, "row": pl.Int16, "column": pl.Int16, "is_of_parts": pl.Boolean}
    )
    wanted = wanted_cells(TABLE, gaps, frozenset())
    whole = Estimator(basis.design, basis.predictions, second_of(run, basis)).estimate(TABLE, counts, wanted)
    found = variances.of(TABLE, counts, wanted, whole)
    differences: list[dict[tuple[int, ...], float]] = []
    for g in range(GROUPS):
        removed = agencies[group == g]
        if g in (0, 7):
            again = basis_without(run, removed)
            made = estimates_of(again, second_of(run, again))
        else:
            made = estimates_of(basis._replace(predictions=variances._replicates[g]._prediction),
                                second_of(run, basis, removed))  # fmt: skip
        rows = made.with_columns(difference=pl.col("estimate") - pl.col("copula_estimate")).iter_rows(named=True)
        differences.append({tuple(int(row[k]) for k in KEY): row["difference"] for row in rows})
    responds = of_units.units.psu >= 0
    checked = 0
    for k, geography in enumerate(basis.design.geographies.tolist()):
        inside = of_units.members.unit[of_units.members.domain == k]
        respondents = int(responds[inside].sum())
        at = np.flatnonzero(whole["geography_number"] == geography)
        if respondents < GROUPS * LEAST_IN_GROUP:
            assert np.isnan(found[at]).all()
            continue
        for cell in at[::97]:
            key = (geography, int(whole["row"][cell]), int(whole["column"][cell]))
            d = [each.get(key, 0.0) for each in differences]
            mean = sum(d) / GROUPS
            share = 1 - respondents / len(inside)
            slow = share * (GROUPS - 1) / GROUPS * sum((each - mean) ** 2 for each in d)
            assert found[cell] == pytest.approx(slow, rel=1e-6, abs=1e-9 * (1 + whole["estimate"][cell] ** 2))
            checked += 1
    assert checked > 50


def test_it_is_off_by_default(run: EstimatedRun) -> None:
    assert run.read(CELL_ESTIMATE).select(pl.col("difference_variance").is_null().all()).collect().item()
