"""Outlier months and copied months against known truth; the full study is `benchmarks/block_imputation.py`."""

import polars as pl
import pytest
from tests.support.imputation_study import SEED, YEAR, filling_errors, found_rates, planted_and_plain, steps

from nibrs_estimation.sources.synthetic.source import SyntheticSource

pytestmark = pytest.mark.slow

SCALE, NATIONS, PATTERNS = 0.1, 3, 8
Tables = dict[str, pl.LazyFrame]


@pytest.fixture(scope="module")
def nations() -> list[tuple[Tables, Tables]]:
    made = []
    for seed in range(SEED, SEED + NATIONS):
        data = {name: table.lazy() for name, table in SyntheticSource(SCALE).ingest_agencies(YEAR, seed).items()}
        made.append((data, steps(data)))
    return made


def test_planted_months_are_found_and_others_left_alone(nations: list[tuple[Tables, Tables]]) -> None:
    """At least nine in ten of the months times 10, from 50 offenses a year, and of the empty ones, from 240."""
    marked = pl.concat(planted_and_plain(made, SEED + place) for place, (_, made) in enumerate(nations))
    some, many = (
        marked.filter(pl.col("a_year") >= least).select(**found_rates()).row(0, named=True) for least in (50, 240)
    )
    assert some["x10_planted"] > 20
    assert some["x10_found"] >= 0.9
    assert many["x0_planted"] > 10
    assert many["x0_found"] >= 0.85  # nine in ten of some 500 at nation size; of the few here one more may be missed
    for rates in (some, many, marked.select(**found_rates()).row(0, named=True)):
        assert rates["false_low"] < 0.01
        assert rates["false_high"] < 0.01


def test_copied_months_are_right_on_average(nations: list[tuple[Tables, Tables]]) -> None:
    """Over patterns of missing months, the total of partial reporters has no bias beyond 1 % and chance."""
    data, made = nations[0]
    total = filling_errors(made, data, PATTERNS).row(by_predicate=pl.col("kind") == "all", named=True)
    assert total["rmse_blocks"] > 0
    assert abs(total["error_blocks"]) <= 0.01 + 2 * total["mc_se"]
