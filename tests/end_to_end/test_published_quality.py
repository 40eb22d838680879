"""Bias, errors, intervals and flags of all numbers that the demo would publish: what must hold of every row."""

from pathlib import Path

import polars as pl
import pytest

from nibrs_estimation.model.estimates import CELL_ESTIMATE
from nibrs_estimation.reading.runs import EstimatedRun, required_run
from nibrs_estimation.tables.read import table_definition
from nibrs_estimation.tables.table_cells import COUNT, RATE


@pytest.fixture(scope="module")
def run(demo: Path) -> EstimatedRun:
    return required_run(demo / "scratch", "demo")


@pytest.fixture(scope="module", params=["1a", "3a", "4a"])
def rows(run: EstimatedRun, request: pytest.FixtureRequest) -> pl.DataFrame:
    places = run.places.gather_every(11)
    return run.rows(table_definition(request.param), places, None).filter(pl.col("estimate").is_not_null())


def test_second_estimate_and_bias_are_the_estimate(rows: pl.DataFrame) -> None:
    known = rows.drop_nulls("estimate_bias")
    assert known.height > 1000
    gap = (pl.col("estimate_copula") + pl.col("estimate_bias") - pl.col("estimate")).abs()
    assert known.select((gap <= 1e-9 * (1 + pl.col("estimate"))).all()).item()
    squares = (
        pl.col("estimate_standard_error") ** 2 + pl.col("estimate_bias") ** 2 - pl.col("estimate_rmse") ** 2
    ).abs()
    assert known.select((squares <= 1e-9 * (1 + pl.col("estimate_rmse") ** 2)).all()).item()


def test_intervals_bracket_the_estimate_and_are_not_below_0(rows: pl.DataFrame) -> None:
    bounded = rows.drop_nulls(["estimate_lower_bound", "estimate_upper_bound"])
    slack = 1e-9 * (1 + pl.col("estimate"))
    assert bounded.height > 1000
    assert bounded.select((pl.col("estimate_lower_bound") >= 0).all()).item()
    assert bounded.select((pl.col("estimate_lower_bound") <= pl.col("estimate") + slack).all()).item()
    assert bounded.select((pl.col("estimate_upper_bound") >= pl.col("estimate") - slack).all()).item()


def test_a_rate_has_the_relative_errors_of_its_count(run: EstimatedRun) -> None:
    table = table_definition("1a")
    of = {row.row: row.of for row in table.rows if row.kind == "rate"}
    found = run.rows(table, run.places.gather_every(11), None)
    rates = found.filter((pl.col("estimate_type_num") == RATE) & (pl.col("estimate") > 0)).with_columns(
        pl.col("row").replace_strict(of, return_dtype=pl.Int16)
    )
    counts = found.filter(pl.col("estimate_type_num") == COUNT)
    both = rates.join(counts, on=["geography_number", "row", "column"], suffix="_of_count")
    assert both.height > 100
    for name in ("relative_standard_error", "relative_rmse"):
        pair = both.drop_nulls([name, f"{name}_of_count"])
        assert pair.select(((pl.col(name) - pl.col(f"{name}_of_count")).abs() < 1e-9).all()).item()


def test_flags_are_yes_no_or_not_known_and_every_suppressed_number_has_a_reason(rows: pl.DataFrame) -> None:
    suppressed = rows.filter(pl.col("is_suppressed"))
    assert 0 < suppressed.height < rows.height
    assert suppressed["suppression_reason"].null_count() == 0
    assert rows.filter(~pl.col("is_suppressed").fill_null(False))["suppression_reason"].is_null().all()
    assert rows["estimate"].min() >= 0  # type: ignore[operator]


def test_second_estimates_of_regions_add_up_to_those_of_the_nation(run: EstimatedRun) -> None:
    """U has no weights. Cells that are 0 by weights are not stored, so only columns that all regions have add up."""
    of = run.places.filter((pl.col("geography_level") == "region") & pl.col("agency_group").is_null())
    assert of.height == 4
    cells = run.read(CELL_ESTIMATE).filter(pl.col("table_part") == "1a").collect()
    key = ["row", "column"]
    regions = (
        cells.filter(pl.col("geography_number").is_in(of["geography_number"].implode()))
        .group_by(key)
        .agg(pl.col("copula_estimate").sum(), n=pl.len())
        .filter(pl.col("n") == 4)
    )
    both = regions.join(cells.filter(geography_number=1), on=key, suffix="_of_nation")
    assert both.height > 500
    gap = (pl.col("copula_estimate") - pl.col("copula_estimate_of_nation")).abs()
    assert both.select((gap <= 1e-6 * (1 + pl.col("copula_estimate"))).all()).item()
