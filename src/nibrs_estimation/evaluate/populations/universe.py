"""The eligible agencies of a Return A master file that reported three months or more (handbook 13).

Their year is that of the simple rule: 12 over the months that were reported times their offenses.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.evaluate.patterns import Members, with_weight_class
from nibrs_estimation.evaluate.population_rule import FEWEST_MONTHS
from nibrs_estimation.evaluate.populations.fixed import FixedPopulation, Year
from nibrs_estimation.evaluate.populations.return_a import (
    CODES,
    MOST_LUMPED,
    PART_I,
    eligible_months,
    numbered_agencies,
    offenses_of_months,
)
from nibrs_estimation.survey.months import MONTHS_PER_YEAR

Floats = NDArray[np.float64]


def universe_population(return_a_agency: pl.DataFrame, return_a_count: pl.DataFrame, year: int) -> FixedPopulation:
    """The agencies of a file as a population; the months that they reported are all that can be sent of them.

    Args:
        return_a_agency: dataset of that name.
        return_a_count: dataset of that name.
        year: of the file.
    """
    found, counts, reported = eligible_months(return_a_agency, return_a_count)
    is_known = reported.sum(axis=1) >= FEWEST_MONTHS
    found, counts, reported = found.filter(pl.Series(is_known)), counts[is_known], reported[is_known]
    agencies = numbered_agencies(found, year)
    months = spread(counts, reported, _lumps(found).to_numpy())
    annual = months.sum(axis=1) * (MONTHS_PER_YEAR / reported.sum(axis=1))[:, None]
    row, crime = np.nonzero(annual)
    of_year = pl.DataFrame(
        {
            "agency_id": agencies["agency_id"].gather(row),
            "offense_code": CODES.gather(crime),
            "n": annual[row, crime],
        }
    )
    nobody = Members(
        with_weight_class(agencies),
        annual[:, PART_I].sum(axis=1),
        np.zeros((0, MONTHS_PER_YEAR), dtype=np.bool_),
        pl.Series([], dtype=pl.String),
        np.zeros(0),
    )
    return FixedPopulation(
        year, agencies, offenses_of_months(agencies, months), nobody, of_year=Year(of_year, sent=reported)
    )


def spread(counts: Floats, reported: NDArray[np.bool_], lumps: NDArray[np.bool_]) -> Floats:
    """The offenses of the reported months as incident reports would have them: whole numbers of at least 0.

    Corrections are taken from the other months of the agency, in proportion. An agency that lumps the months of a year
    has as many offenses in each month that it reported, for incidents have dates, and only summaries are lumped. What
    is not whole is rounded so that the months add up to the sum of the counts, or to 0 where that is below.

    Args:
        counts: (n, 12, k) offenses, of which corrections are below 0; 0 in months that were not reported.
        reported: (n, 12) months that were reported.
        lumps: (n,) agencies whose months are not months.
    """
    total = np.maximum(counts.sum(axis=1), 0.0)
    profile = np.where(lumps[:, None, None], reported[:, :, None], np.maximum(counts, 0.0))
    until = profile.cumsum(axis=1)
    whole = until[:, -1:]
    share = np.divide(until, whole, out=np.zeros_like(until), where=whole > 0)
    return np.diff(np.rint(total[:, None] * share), axis=1, prepend=0.0)


def _lumps(agencies: pl.DataFrame) -> pl.Series:
    """Agencies that lump months, and all agencies of states where most of them do."""
    lumps = pl.col("lumped_kind").is_not_null()
    return agencies.select(lumps | (lumps.mean().over("state_abbr") > MOST_LUMPED)).to_series()
