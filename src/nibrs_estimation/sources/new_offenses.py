"""Offense codes that are newer than the program: what they are against, by the lookups of the input."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.intake import AGAINST


def new_offenses(lookup: pl.DataFrame) -> pl.DataFrame:
    """Codes of Group A that code list ``offense`` does not have: ``offense_code`` and ``crime_against``.

    Group B is left out, for its arrests count in columns of single codes.

    Args:
        lookup: ``offense_code``, ``crime_against`` and ``offense_group``, which may be null.
    """
    against = pl.col("crime_against").str.strip_chars().str.to_titlecase()
    group = pl.col("offense_group").str.strip_chars().str.to_uppercase()
    return (
        lookup.with_columns(pl.col("offense_code").str.strip_chars(), crime_against=against)
        .filter(
            ~pl.col("offense_code").is_in(code_list("offense")["code"].implode()),
            pl.col("crime_against").is_in(AGAINST),
            group.ne_missing("B"),
        )
        .select("offense_code", "crime_against")
        .unique("offense_code", keep="first", maintain_order=True)
    )
