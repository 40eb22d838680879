"""Places of the demo in which every agency reported: both estimates agree, and nothing is suppressed."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from nibrs_estimation.model.estimates import CELL_ESTIMATE
from nibrs_estimation.reading.runs import EstimatedRun, required_run
from nibrs_estimation.tables.read import table_definition


@pytest.fixture(scope="module")
def run(demo: Path) -> EstimatedRun:
    return required_run(demo / "scratch", "demo")


@pytest.fixture(scope="module")
def complete(run: EstimatedRun) -> pl.DataFrame:
    """Among them whole states and parts of states."""
    found = run.places.filter(pl.col("responding_agencies") == pl.col("eligible_agencies"))
    assert found.height > 10
    return found


@pytest.fixture(scope="module")
def cells(run: EstimatedRun, complete: pl.DataFrame) -> pl.DataFrame:
    of_places = complete.lazy().select("geography_number")
    found = run.read(CELL_ESTIMATE).join(of_places, on="geography_number", how="semi").collect()
    assert found.height > 100_000
    return found


def test_nobody_is_imputed(cells: pl.DataFrame) -> None:
    difference = (pl.col("copula_estimate") / pl.col("estimate") - 1).abs()
    assert cells.select(difference.max()).item() < 1e-12


def test_only_imputed_items_are_uncertain_where_no_month_is_filled(cells: pl.DataFrame) -> None:
    whole = cells.filter(pl.col("filled_share") == 0)
    assert whole.height > 10_000
    of_imputation = (pl.col("standard_error") - pl.col("imputation_standard_error")).abs() / pl.col("estimate")
    assert whole.select(of_imputation.max()).item() < 1e-6
    certain = whole.filter(pl.col("imputed_share") == 0)
    assert certain.height > 1000
    assert certain["standard_error"].max() == 0


@pytest.mark.parametrize("name", ["1a", "3a"])
def test_the_bias_is_0_and_nothing_is_suppressed(name: str, run: EstimatedRun, complete: pl.DataFrame) -> None:
    rows = run.rows(table_definition(name), complete, None).filter(pl.col("estimate").is_not_null())
    assert rows.height > 1000
    assert rows["estimate_bias"].abs().max() == pytest.approx(0, abs=1e-6)
    assert not rows["is_suppressed"].fill_null(False).any()
    error = rows.filter(pl.col("estimate_rmse").is_not_null())
    same = (error["estimate_rmse"] - error["estimate_standard_error"]).abs() <= 1e-6 * (1 + error["estimate"])
    assert same.all()
