"""Codes to numbers."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl


def looked_up(codes: pl.Expr, numbers: Mapping[str, int], dtype: type[pl.DataType]) -> pl.Expr:
    """The number of each code, null where it has none.

    A code is its place in the list of codes, and its number stands at that place of the list of numbers: a third of the
    time of ``replace_strict``, which joins.
    """
    # A list of one number would be taken for that number.
    padded = pl.Series([*numbers.values(), None, None], dtype=dtype)
    return pl.lit(padded).gather(codes.cast(pl.Enum(list(numbers)), strict=False).to_physical())
