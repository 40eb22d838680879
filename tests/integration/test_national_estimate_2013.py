"""A real national estimate: the universe of 2013, real patterns of response, and the plain estimator beside it.

Figures of the plain estimator were counted apart from this program.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import polars as pl
import pytest
from tests.support.return_a_2013 import PATH
from tests.support.shared_data import SHARED_DATA

from nibrs_estimation.evaluate.estimating import estimates_of
from nibrs_estimation.evaluate.outcomes import OUTCOMES
from nibrs_estimation.evaluate.patterns import read_responses, responding_months
from nibrs_estimation.evaluate.population_rule import FEWEST_MONTHS, predicted_counts
from nibrs_estimation.evaluate.populations.fixed import FixedPopulation, draw
from nibrs_estimation.evaluate.populations.universe import universe_population
from nibrs_estimation.model.backtest import COUNT
from nibrs_estimation.sources.return_a import read_return_a

RESPONSES = SHARED_DATA / "public" / "derived" / "response_patterns_2013.csv.gz"
pytestmark = pytest.mark.skipif(
    not (PATH.is_file() and RESPONSES.is_file()), reason=f"no {PATH.name} or {RESPONSES.name} under NIBRS_SHARED_DATA"
)

SIX = ("murder", "robbery", "aggravated assault", "burglary", "larceny", "vehicle theft")
TRUTH = (14_170, 342_575, 716_380, 1_895_708, 5_915_982, 693_509)
#: Pattern and start -> agencies that respond, their share of residents, and errors of the plain estimator, in percent.
PLAIN = {
    ("reported-months", ""): (6_175, 29.5, (-18.1, -25.8, -6.5, -3.1, -0.8, -9.4)),
    ("start-dates", "2017-01-01"): (6_317, 32.7, (-20.3, -25.9, -9.4, -3.2, 0.3, -8.2)),
    ("start-dates", "2021-01-01"): (10_826, 65.9, (-4.9, -5.9, -2.3, 3.3, 3.3, 0.3)),
    ("start-dates", "2022-01-01"): (11_658, 73.7, (-1.6, -2.1, -1.2, 2.2, 2.8, 0.6)),
    ("start-dates", "2024-01-01"): (12_337, 83.1, (-6.7, -6.3, -2.4, -0.1, 0.3, -2.1)),
}


@pytest.fixture(scope="module")
def universe() -> FixedPopulation:
    file = read_return_a(PATH)
    return universe_population(file.agencies, file.counts, 2013)


@pytest.fixture(scope="module")
def annual(universe: FixedPopulation) -> np.ndarray:
    """(n, 6) offenses of the year of each agency."""
    assert universe.of_year is not None
    row = universe.agencies.select("agency_id").with_row_index("row")
    counts = universe.of_year.offenses.join(row, on="agency_id")
    columns = []
    for name in SIX:
        some = counts.filter(pl.col("offense_code").is_in(OUTCOMES[name]))
        columns.append(np.bincount(some["row"].to_numpy(), some["n"].to_numpy(), universe.agencies.height))
    return np.column_stack(columns)


def test_the_truth(universe: FixedPopulation, annual: np.ndarray) -> None:
    assert universe.agencies.height == 16_387
    # Where the corrections of a year are more than its offenses, the year has none.
    assert np.abs(annual.sum(axis=0) - TRUTH).max() <= 1.0
    assert universe.agencies["state_abbr"].n_unique() == 51
    # A half-year of Florida is not a month. Others' months are those of the file.
    of_florida, of_texas = (offenses_by_month(universe, state) for state in ("FL", "TX"))
    assert of_florida.max() < 1.1 * of_florida.min()
    assert of_texas.max() > 1.1 * of_texas.min()


def offenses_by_month(universe: FixedPopulation, state: str) -> np.ndarray:
    """(12,) offenses of the agencies of a state."""
    agencies = universe.agencies.filter(state_abbr=state).select("agency_id")
    counts = universe.offenses.join(agencies, on="agency_id")
    return np.bincount(counts["month"].to_numpy() - 1, counts["n"].to_numpy(), 12)


def tenths(percent: float) -> float:
    """Rounded to two places and then to one, as the figures were."""
    twice = Decimal(percent).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return float(twice.quantize(Decimal("0.1"), ROUND_HALF_UP))


@pytest.mark.parametrize(("pattern", "start"), PLAIN)
def test_the_plain_estimator(pattern: str, start: str, universe: FixedPopulation, annual: np.ndarray) -> None:
    agencies, residents, errors = PLAIN[pattern, start]
    months = responding_months(pattern, universe.members, read_responses(RESPONSES, pattern, start), 1, 1)
    responds = months.sum(axis=1) >= FEWEST_MONTHS
    population = universe.agencies["population"].to_numpy()
    assert responds.sum() == agencies
    assert round(100 * population[responds].sum() / population.sum(), 1) == residents
    found = predicted_counts(universe.agencies, responds, annual).sum(axis=0) / annual.sum(axis=0) - 1
    assert [tenths(100 * error) for error in found] == list(errors)


@pytest.mark.slow
@pytest.mark.parametrize(("pattern", "start"), PLAIN)
def test_the_program_is_nearer_to_the_truth_than_the_plain_estimator(
    pattern: str, start: str, universe: FixedPopulation
) -> None:
    """The short form of the handbook's page: the first drawing of the noisy benchmark."""
    drawing = draw(universe, pattern, "noise", read_responses(RESPONSES, pattern, start), 1, 1)
    found = estimates_of(drawing, ("program", "population ratio"), 1)
    counts = found.filter((pl.col("measure") == COUNT) & (pl.col("truth") > 0))
    nation = counts.filter(pl.col("level") == "nation", pl.col("outcome").is_in(SIX))
    relative = (pl.col("estimate") / pl.col("truth") - 1).abs()
    error = dict(nation.group_by("rule").agg(relative.mean()).rows())
    assert error["program"] < error["population ratio"] / 2
    # In the chain a year is what the pattern's months make of it: within two tenths of the figures of whole years.
    plain = nation.filter(rule="population ratio").rows_by_key("outcome", named=True, unique=True)
    of_plain = [100 * (plain[name]["estimate"] / plain[name]["truth"] - 1) for name in SIX]
    assert of_plain == pytest.approx(PLAIN[pattern, start][2], abs=0.2)
    ours = counts.filter(rule="program")
    of_states = ours.filter(level="state")
    assert of_states["geography_number"].n_unique() == 51
    assert share_held(of_states) >= 0.7
    assert share_held(ours.filter(level="nation")) >= 0.8


def share_held(cells: pl.DataFrame) -> float:
    """Share of the intervals that hold the truth; places without an estimate have none."""
    holds = pl.col("truth").is_between(pl.col("lower_bound") - 0.5, pl.col("upper_bound") + 0.5)
    return float(cells.filter(pl.col("estimate").is_not_null()).select(holds.mean()).item())
