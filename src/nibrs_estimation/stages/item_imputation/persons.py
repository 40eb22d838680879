"""Persons with the values that are analyzed: age in years instead of codes."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.analysis import ANALYSIS_ARRESTEE, ANALYSIS_OFFENDER, ANALYSIS_VICTIM

#: Age codes that are not numbers of years: under 24 hours, 1 to 6 days, 7 to 364 days, over 98 years.
_AGES = {"NN": 0, "NB": 0, "BB": 0, "99": 99}


def prepare_persons(victim: pl.LazyFrame, offender: pl.LazyFrame, arrestee: pl.LazyFrame) -> dict[str, pl.LazyFrame]:
    """Set the age in years of every person of a state, if it is reported (handbook 10); other columns do not change.

    Nothing is imputed: an unknown age, or a range of ages, is missing.
    """
    persons = ((ANALYSIS_VICTIM, victim), (ANALYSIS_OFFENDER, offender), (ANALYSIS_ARRESTEE, arrestee))
    of_code = pl.col("age_code").replace_strict(_AGES, default=None, return_dtype=pl.Int16)
    return {
        dataset.name: segment.with_columns(pl.coalesce("age_years", of_code).alias("age_years")).select(
            dataset.schema.names()
        )
        for dataset, segment in persons
    }
