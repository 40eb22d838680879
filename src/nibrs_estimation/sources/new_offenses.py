"""Offense codes that are newer than the code list, and what they are against, from lookup tables of the input."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.intake import AGAINST


def new_offenses(lookup: pl.DataFrame) -> pl.DataFrame:
    """Group A codes that are not in code list ``offense``: ``offense_code`` and ``crime_against``.

    Group B is left out because its arrests count only in columns of single codes.

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
