"""Persons as they are analyzed: one age in years instead of codes."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.analysis import ANALYSIS_ARRESTEE, ANALYSIS_OFFENDER, ANALYSIS_VICTIM

#: Codes that are no number of years but tell an age: under 24 hours, 1 to 6 days, 7 to 364 days, over 98 years.
_AGES = {"NN": 0, "NB": 0, "BB": 0, "99": 99}


def prepare_persons(victim: pl.LazyFrame, offender: pl.LazyFrame, arrestee: pl.LazyFrame) -> dict[str, pl.LazyFrame]:
    """Give every person of a state an age in years, where it is reported (handbook 10); all else stays.

    Nothing is imputed: an age that is unknown, or a range, is missing.
    """
    persons = ((ANALYSIS_VICTIM, victim), (ANALYSIS_OFFENDER, offender), (ANALYSIS_ARRESTEE, arrestee))
    told = pl.col("age_code").replace_strict(_AGES, default=None, return_dtype=pl.Int16)
    return {
        dataset.name: segment.with_columns(pl.coalesce("age_years", told).alias("age_years")).select(
            dataset.schema.names()
        )
        for dataset, segment in persons
    }
