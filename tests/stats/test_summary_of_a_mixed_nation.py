"""Summary estimates of nations that send incidents and Return A, beside their truth (benchmarks/mixed_nation.py)."""

import polars as pl
import pytest
from tests.support.frames import number
from tests.support.mixed_nation import YEAR, MixedNation, errors_of, mixed_nation
from tests.support.summary_run import estimated


@pytest.fixture(scope="module")
def nations() -> dict[int, MixedNation]:
    return {seed: mixed_nation(0.01, seed) for seed in (1, 2)}


def test_error_of_violent_and_property_crime(nations: dict[int, MixedNation]) -> None:
    found = []
    for seed, nation in nations.items():
        made = estimated(nation.given, YEAR, seed, "geography_quality", second_estimator="none")
        found.append(errors_of(nation, made))
        kinds = made["summary_agency"].filter("is_respondent").group_by("origin").len()
        assert kinds.filter(pl.col("len") >= 50).height == 2, "the nation mixes incidents and Return A"
        # What is completed is never less than what was reported.
        assert made["summary_year"].select((pl.col("completed") >= pl.col("reported") - 1e-9).all()).item()
        _check_lower_bounds(made["cell_estimate"])
    errors = pl.concat(found)
    assert number(errors["relative_error"].abs().max()) < 0.01
    # 95 % intervals: of four at least three.
    assert errors["is_held"].sum() >= 3
    assert number(errors["states_held"].mean()) > 0.8


def test_the_reference_fills_as_much(nations: dict[int, MixedNation]) -> None:
    made = estimated(nations[1].given, YEAR, 1, "cell_estimate", second_estimator="none", month_rule="reference")
    assert number(errors_of(nations[1], made)["relative_error"].abs().max()) < 0.01


def _check_lower_bounds(cells: pl.DataFrame) -> None:
    key = ["geography_number", "row", "column"]
    of_nation = cells.filter((pl.col("geography_number") == 1) & (pl.col("row") == 1))
    whole, raw = (of_nation.filter(pl.col("table_part") == part) for part in ("SRS1a", "SRS1araw"))
    both = whole.join(raw, on=key, suffix="_raw")
    assert both.height == 9
    assert (both["lower_bound"] >= both["estimate_raw"]).all()
