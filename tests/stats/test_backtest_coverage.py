"""The program's intervals hold known truths about as often as they say: the short form of chapter 13's backtests."""

import polars as pl
import pytest
from tests.support.return_a_2013 import PATH

from nibrs_estimation.evaluate.estimating import Drawing, estimates_of
from nibrs_estimation.evaluate.populations import fixed, return_a, synthetic
from nibrs_estimation.model.backtest import COUNT
from nibrs_estimation.sources.return_a import read_return_a

pytestmark = pytest.mark.slow


def shares_held(drawings: list[Drawing], rule: str = "program") -> dict[str, float]:
    """Share of the intervals of counts that hold the truth, by level; places without nonrespondents are left out."""
    estimates = pl.concat(estimates_of(drawing, (rule,), 1) for drawing in drawings).filter(
        (pl.col("measure") == COUNT)
        & (pl.col("truth") > 0)
        & (pl.col("responding_agencies") < pl.col("eligible_agencies"))
    )
    holds = pl.col("truth").is_between(pl.col("lower_bound") - 0.5, pl.col("upper_bound") + 0.5).fill_null(False)
    return dict(estimates.group_by("level").agg(holds.mean()).iter_rows())


@pytest.mark.parametrize(
    ("pattern", "of_states"),
    # Of a missing state of this small nation one or two agencies respond, which say little about the others.
    [("random", 0.9), ("large-answer-less", 0.9), ("states-missing", 0.6)],
)
def test_intervals_of_synthetic_nations(pattern: str, of_states: float) -> None:
    held = shares_held([synthetic.draw(0.05, pattern, number, 2024, 1) for number in range(1, 5)])
    assert held["nation"] >= 0.9
    assert held["region"] >= 0.9
    assert held["state"] >= of_states


@pytest.mark.skipif(not PATH.is_file(), reason=f"no {PATH.name} under NIBRS_SHARED_DATA")
@pytest.mark.parametrize("pattern", ["random", "large-answer-less", "states-missing"])
def test_intervals_of_the_agencies_of_2013(pattern: str) -> None:
    file = read_return_a(PATH)
    population = return_a.return_a_population(file.agencies, file.counts, 2013)
    drawings = [fixed.draw(population, pattern, "halves", None, number, 1) for number in range(1, 5)]
    held = shares_held(drawings)
    assert held["nation"] >= 0.85
    assert held["region"] >= 0.9
    assert held["state"] >= 0.88
    # The reference's rule: the same agencies and months.
    assert shares_held(drawings[:2], "reference weights")["state"] < held["state"] - 0.1
