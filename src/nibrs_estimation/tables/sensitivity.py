"""Estimates if what was not reported were less or more than assumed (handbook 11)."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from nibrs_estimation.tables.table_cells import PERCENTAGE, RATE

#: The factor of the published estimates.
AS_ASSUMED = 1.0
_CELL = ("row", "column", "estimate_type_num")


def scaled_rows(rows: pl.DataFrame, factors: Sequence[float]) -> pl.DataFrame:
    """Counts and rates with their intervals if counts that were not reported were multiplied by factors.

    With W the estimate, S what was reported and k the factor, the estimate is S + k (W - S), and so are the ends of its
    interval. Reported are the agencies' own counts, without months that were filled in. Percentages are left out:
    they change only if what was not reported is composed in another way.

    Args:
        rows: rows of :func:`table_rows.table_rows` of one series.
        factors: k, above 0.

    Returns:
        The rows once for each factor and for 1: ``geography_number``, ``row``, ``column``, ``estimate_type_num``,
        ``factor``, ``estimate``, ``estimate_lower_bound``, ``estimate_upper_bound``, ``reported`` (in the unit of the
        estimate), and ``rank`` of the geography among those of the rows by the estimate, from the largest; by cell,
        type and factor. Rows without an estimate are left out.
    """
    per_unit = pl.when(pl.col("estimate_type_num") == RATE).then(100_000 / pl.col("population_estimate")).otherwise(1.0)
    known = rows.filter(pl.col("estimate").is_not_null() & (pl.col("estimate_type_num") != PERCENTAGE)).with_columns(
        reported=pl.col("reported") * per_unit
    )
    values = ("estimate", "estimate_lower_bound", "estimate_upper_bound")
    every = pl.concat(
        known.with_columns(
            factor=pl.lit(factor),
            **{name: _scaled(pl.col(name), factor) for name in values},
        )
        for factor in sorted({AS_ASSUMED, *factors})
    )
    rank = pl.col("estimate").rank("min", descending=True).over(*_CELL, "factor").cast(pl.Int32)
    return every.select("geography_number", *_CELL, "factor", *values, "reported", rank=rank).sort(
        *_CELL, "factor", "geography_number"
    )


def _scaled(value: pl.Expr, factor: float) -> pl.Expr:
    """S + k (value - S); a lower end below what was reported stays."""
    reported = pl.col("reported")
    return pl.when(value > reported).then(reported + factor * (value - reported)).otherwise(value)
