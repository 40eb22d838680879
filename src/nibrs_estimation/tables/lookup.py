"""Lookup of numbers by code."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl


def looked_up(codes: pl.Expr, numbers: Mapping[str, int], dtype: type[pl.DataType]) -> pl.Expr:
    """The number of each code, null if it has none.

    The code's index in the list of codes is the index of its number in the list of numbers. This takes half the time of
    ``replace_strict``, which joins, or less if there are few rows.
    """
    listed = pl.Series(list(numbers.values()), dtype=dtype)
    return pl.lit(listed).gather(codes.cast(pl.Enum(list(numbers)), strict=False).to_physical())
