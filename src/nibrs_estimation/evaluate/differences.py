"""Differences of two outcomes of a place and of an outcome in two places, with their truth (handbook 13)."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.evaluate.outcomes import COMPARED_OUTCOMES, OUTCOMES_OF_TWO_PLACES
from nibrs_estimation.model.backtest import DIFFERENCE
from nibrs_estimation.stats.prediction import Side, difference_of_columns, difference_of_places
from nibrs_estimation.survey.prediction import PlaceUnits, Predictions
from nibrs_estimation.survey.sides import Sides

#: Levels whose places are compared.
_LEVELS = ("nation", "region", "state")


def compared_cells(places: pl.DataFrame) -> pl.DataFrame:
    """What is compared, with its truth: outcomes of each whole place, and each place with the next of its level.

    Only cells of which both sides are estimated.

    Args:
        places: a row for each place and outcome, with their true offenses.

    Returns:
        The columns of ``places`` of the first side, and the names of both sides. ``true_count`` and the numbers of
        agencies are those of both sides together.
    """
    of_levels = places.filter(pl.col("level").is_in(_LEVELS))
    first = of_levels.filter("is_estimated").rename({"outcome": "first_outcome"})
    second = first.select(
        second_number="geography_number",
        second_outcome="first_outcome",
        second_count="true_count",
        second_eligible="eligible_agencies",
        second_responding="responding_agencies",
    )
    is_of_places = pl.col("geography_number") != pl.col("second_number")
    # Agencies of one place are in both of its outcomes.
    agencies = {
        f"{kind}_agencies": pl.col(f"{kind}_agencies") + pl.when(is_of_places).then(f"second_{kind}").otherwise(0)
        for kind in ("eligible", "responding")
    }
    return (
        _pairs(of_levels)
        .join(first, on=["geography_number", "first_outcome"])
        .join(second, on=["second_number", "second_outcome"])
        .with_columns(
            truth=pl.col("true_count") - pl.col("second_count"),
            true_count=pl.col("true_count") + pl.col("second_count"),
            measure=pl.lit(DIFFERENCE),
            **agencies,
        )
        .drop("second_count", "second_eligible", "second_responding")
        .sort("geography_number", "outcome")
    )


def _pairs(of_levels: pl.DataFrame) -> pl.DataFrame:
    """First and second place and outcome of all differences, whether or not they have estimates."""
    places = of_levels.select("level", "geography_number").unique().sort("level", "geography_number")
    outcomes = pl.DataFrame(
        [(one, other, f"{one} less {other}") for one, other in COMPARED_OUTCOMES],
        schema=["first_outcome", "second_outcome", "outcome"],
        orient="row",
    )
    of_outcomes = places.join(outcomes, how="cross").with_columns(second_number="geography_number")
    of_places = (
        places.with_columns(second_number=pl.col("geography_number").shift(-1).over("level"))
        .drop_nulls("second_number")
        .join(pl.DataFrame({"first_outcome": OUTCOMES_OF_TWO_PLACES}), how="cross")
        .with_columns(
            second_outcome="first_outcome", outcome=pl.format("{}, less the next {}", "first_outcome", "level")
        )
    )
    return pl.concat([of_outcomes, of_places], how="diagonal").drop("level")


def estimated_differences(
    cells: pl.DataFrame,
    names: list[str],
    geographies: NDArray[np.integer],
    y: sparse.csc_array,
    own: sparse.csc_array,
    explained_by: NDArray[np.integer],
    of_places: PlaceUnits,
    predictions: Predictions,
) -> pl.DataFrame:
    """Differences of estimates, with standard errors and intervals.

    What filled months add to the variance is left out.

    Args:
        cells: of :func:`compared_cells`.
        names: the outcomes.
        geographies: numbers of the domains, ascending.
        y: (agencies, outcomes) completed offenses.
        own: (agencies, outcomes) reported offenses.
        explained_by: (outcomes,) position in ``EXPLAINED`` of each outcome's benchmark.
        of_places: units of all places.
        predictions: made of these.
    """
    completed, reported = y.toarray(), own.toarray()
    sides = Sides(of_places, predictions)

    def side(number: int, outcome: str) -> tuple[int, Side]:
        column, domain = names.index(outcome), int(np.searchsorted(geographies, number))
        return domain, sides.side(domain, int(explained_by[column]), completed[:, column], reported[:, column])

    rows = []
    for number, outcome, other_number, other_outcome in cells.select(
        "geography_number", "first_outcome", "second_number", "second_outcome"
    ).iter_rows():
        (domain, one), (other_domain, other) = side(number, outcome), side(other_number, other_outcome)
        # No offense is in both outcomes.
        found = difference_of_columns(one, other) if number == other_number else difference_of_places(one, other)
        # Where the interval of a count has no upper end, the error of a difference is not known either.
        is_bounded = sides.is_bounded(domain) and sides.is_bounded(other_domain)
        ends = (found.lower, found.upper) if is_bounded else (None, None)
        rows.append((found.difference, found.standard_error, *ends))
    numbers = ("estimate", "standard_error", "lower_bound", "upper_bound")
    estimates = pl.DataFrame(rows, schema=dict.fromkeys(numbers, pl.Float64), orient="row")
    return pl.concat([cells.select("geography_number", "outcome"), estimates], how="horizontal").with_columns(
        measure=pl.lit(DIFFERENCE)
    )
