"""How the reported months of an agency lie in the year (handbook: quality checks)."""

from __future__ import annotations

from datetime import date

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.quality import REPORTER_TYPE
from nibrs_estimation.stages.validation.scope import is_large

#: Population group -> its name for agencies without residents.
_WITHOUT_RESIDENTS = {"7": "City 0", "8D": "Non-MSA County 0", "9D": "MSA County 0"}
#: Form of the twelve digits -> type; all others are "inconsistent".
_FORMS = {"^1+$": "full", "^0+$": "non_reporter", "^0+1+$": "late_starter", "^1+0+$": "quitter"}


def classify_reporters(reporting_pattern: pl.LazyFrame, police_employees: pl.LazyFrame, year: int) -> pl.DataFrame:
    """Classify eligible agencies by the pattern of their reported months, and say which are new or large."""
    groups = code_list("population_group").lazy().select(population_group_code="code", label="label")
    group = pl.col("population_group_code")
    without_residents = pl.when(pl.col("population") == 0).then(
        group.replace_strict(_WITHOUT_RESIDENTS, default=None, return_dtype=pl.String)
    )
    digits = pl.col("pattern").str.replace_all("-", "")
    kind = pl.lit("inconsistent")
    for form, name in _FORMS.items():
        kind = pl.when(digits.str.contains(form)).then(pl.lit(name)).otherwise(kind)
    return REPORTER_TYPE.cast(
        reporting_pattern.filter((pl.col("data_year") == year) & pl.col("is_eligible"))
        .join(groups, on="population_group_code", how="left")
        .rename({"pattern_all": "pattern"})
        .with_columns(
            category=pl.coalesce(without_residents, "label", pl.lit("Not known")),
            is_large=is_large(police_employees),
            is_new_joiner=(pl.col("nibrs_start_date") >= date(year - 1, 2, 1)).fill_null(False),
            reporter_type=kind,
        )
        .sort("agency_id")
        .collect()
    )
