"""Rubin's rules beside the closed form, from estimates of several completed data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.frames import table

from nibrs_estimation.evaluate.imputations import combine_imputations, show_imputations
from nibrs_estimation.model.estimates import CELL_ESTIMATE
from nibrs_estimation.model.imputations import IMPUTATION_CHECK, IMPUTATION_ESTIMATE
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.table import checked

IDENTITY = Identity(run_id="m", year=2024, source="synthetic:0.1", is_synthetic=True, seed=1)
CELL = {"table_name": "3a", "geography_number": 1, "row": 15}


def repeated(estimates: list[dict[int, float]]) -> pl.LazyFrame:
    """Estimates of each data set by column of the table; a cell that is 0 has no row."""
    rows = [
        CELL | {"imputation": f"{number:02d}", "column": column, "estimate": value}
        for number, of in enumerate(estimates, 1)
        for column, value in of.items()
        if value
    ]
    return pl.DataFrame(rows, schema=IMPUTATION_ESTIMATE.schema).lazy()


def cell_estimates(rows: list[dict[str, Any]]) -> pl.LazyFrame:
    defaults = dict.fromkeys(CELL_ESTIMATE.schema.names())
    place = {"table_part": "3a", "series_number": 0, "geography_number": 1, "row": 15}
    return pl.DataFrame([defaults | place | row for row in rows], schema=CELL_ESTIMATE.schema).lazy()


def combined(estimates: list[dict[int, float]], run: list[dict[str, Any]]) -> pl.DataFrame:
    coverage = table("coverage", {"geography_number": 1, "geography_level": "nation"})
    found = combine_imputations(repeated(estimates), cell_estimates(run), coverage, str(len(estimates)))
    return checked(found, IMPUTATION_CHECK)


def test_worked_example() -> None:
    """Estimates 90, 100 and 110: B = 100, so imputation adds √(4/3 x 100); the closed form's part is taken out."""
    run = [
        {"column": 1, "estimate": 101.0, "imputed_share": 0.2, "imputation_standard_error": 9.0, "standard_error": 15.0}
    ]
    found = combined([{1: 90.0}, {1: 100.0}, {1: 110.0}], run).row(0, named=True)
    assert found["mean"] == 100
    assert found["rubin"] == pytest.approx(np.sqrt(400 / 3))
    assert found["closed_form"] == 9
    assert found["standard_error_rubin"] == pytest.approx(np.sqrt(15**2 - 9**2 + 400 / 3))


@given(st.lists(st.lists(st.integers(0, 50), min_size=3, max_size=3), min_size=2, max_size=5))
def test_equal_to_the_slow_twin(numbers: list[list[int]]) -> None:
    estimates = [{column: float(value) for column, value in enumerate(of, 1)} for of in numbers]
    run = [
        {"column": c, "estimate": 20.0, "imputed_share": 0.1, "imputation_standard_error": 3.0, "standard_error": 5.0}
        for c in (1, 2, 3)
    ]
    found = {row["column"]: row for row in combined(estimates, run).iter_rows(named=True)}
    for column in (1, 2, 3):
        of = [each[column] for each in estimates]
        if not any(of):
            # A cell that no data set has is not compared.
            assert column not in found
            continue
        mean = sum(of) / len(of)
        between = sum((value - mean) ** 2 for value in of) / (len(of) - 1)
        assert found[column]["rubin"] == pytest.approx(((1 + 1 / len(of)) * between) ** 0.5, abs=1e-6)


def test_cells_without_imputed_units_are_left_out(tmp_path: Path) -> None:
    run = [
        {"column": 1, "estimate": 10.0, "imputed_share": 0.0, "imputation_standard_error": 0.0, "standard_error": 1.0},
        {"column": 2, "estimate": 10.0, "imputed_share": 0.3, "imputation_standard_error": 2.0, "standard_error": 3.0},
    ]
    found = combined([{1: 10.0, 2: 9.0}, {1: 10.0, 2: 12.0}], run)
    assert found["column"].to_list() == [2]
    for rows, text in ((found, "SYNTHETIC"), (found.clear(), "Nothing was imputed")):
        (written,) = show_imputations(rows.lazy(), "2", IDENTITY).values()
        written(tmp_path / "page.html")
        assert text in (tmp_path / "page.html").read_text()
