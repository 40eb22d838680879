"""Outlier months and filled months against known truth.

The full studies are `odd_months.py`, `block_imputation.py` and `filling_return_a.py` in `benchmarks/`.
"""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.support.frames import number
from tests.support.imputation_study import SEED, YEAR, filling_errors, steps
from tests.support.odd_months import false_in_nation, found_in_return_a, monthly_counts, nation_months
from tests.support.return_a_population import (
    completed_by_donors,
    completed_by_own_months,
    hidden_months,
    monthly_reporters,
    relative_errors,
)
from tests.support.shared_data import SHARED_DATA

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
    """Nine in ten of the empty months, from 240 offenses a year; three in four of those times 10, from 50."""
    months = pl.concat(nation_months(data, SEED + place) for place, (data, _) in enumerate(nations))
    planted = months.filter("is_changed", "has_history")
    empty = planted.filter((pl.col("kind") == "0") & (pl.col("size") >= 240))
    tenfold = planted.filter((pl.col("kind") == "10") & (pl.col("size") >= 50))
    assert min(empty.height, tenfold.height) > 3
    assert number(empty["low_recent"].mean()) >= 0.9
    assert number(empty["low_recent"].mean()) >= number(empty["low_reference"].mean())
    assert number(tenfold["high_recent"].mean()) >= 0.75
    # Where nothing is planted, reports are what happened.
    assert not months.filter(~pl.col("has_fault"))["is_changed"].any()
    false = false_in_nation(months.with_columns(size=0)).row(0, named=True)
    assert false["low_recent"] < 0.01
    assert false["high_recent"] < 0.01


def test_planted_months_are_found_in_a_real_population() -> None:
    """Return A 2013; `benchmarks/odd_months.py`. Empty and incomplete months from 240 offenses a year, and lumps."""
    reports, part_one = monthly_counts(return_a_file())
    found = found_in_return_a(reports, part_one, 1).filter(pl.col("size") >= 240)
    share = {
        kind: number(rows["found"].sum()) / number(rows["planted"].sum())
        for (kind,), rows in found.filter(pl.col("planted") > 0).group_by("kind")
    }
    assert share.pop("incomplete month beside a gap") >= 0.9
    assert set(share.values()) == {1.0}
    assert len(share) == 4
    assert found["old_found"].sum() == 0
    assert found["false_alarms"].sum() == 0
    assert number(found["false_sound"].sum()) < 0.01 * number(found["sound"].sum())


def return_a_file() -> Path:
    path = SHARED_DATA / "public" / "RETURNA2013.zip"
    if not path.is_file():
        pytest.skip(f"{path} is absent: set NIBRS_SHARED_DATA")
    return path


def test_an_agencys_own_rate_is_nearer_than_a_donors_months(nations: list[tuple[Tables, Tables]]) -> None:
    """Over patterns of missing months, copied months err more than the agency's own mean, in total and by agency."""
    data, made = nations[0]
    total = filling_errors(made, data, PATTERNS).row(by_predicate=pl.col("kind") == "all", named=True)
    assert 0 < total["rmse_own_rate"] < total["rmse_blocks"] / 2
    assert total["agency_rmse_own_rate"] < total["agency_rmse_blocks"] / 2


def test_own_months_fill_a_real_population_better_than_donors() -> None:
    """Return A 2013 with the months hidden that its partial reporters missed; `benchmarks/filling_return_a.py`.

    The nation's RMSE is 2 per 10,000 offenses at most, with what few repetitions add, and a fifth of the reference's;
    that of states 0.3 %.
    """
    population = monthly_reporters(return_a_file())
    rmse = {}
    for rule in (completed_by_own_months, completed_by_donors):
        errors = [
            relative_errors(population, rule(population, hidden_months(population, seed), seed)) for seed in range(1, 9)
        ]
        nation, states = np.array([each[0][0] for each in errors]), np.array([each[1] for each in errors])
        rmse[rule] = np.sqrt((nation**2).mean()), np.sqrt((states**2).mean(axis=0)).mean()
    own, donors = rmse[completed_by_own_months], rmse[completed_by_donors]
    assert 0 < own[0] <= 3e-4
    assert own[1] <= 0.003
    assert own[0] <= donors[0] / 5
    assert own[1] <= donors[1] / 5
