"""Rows with block-imputed months: an agency's own rows, rows of copied months, and both together.

A donor may be in any state, so no rows are copied between states. Instead Y = Y_own + R Y_blocks. Y_own are counts of
the agencies' own rows, Y_blocks counts of each referenced donor month, and R (recipients x donor months) is dataset
``block_reference``. Source: handbook 04.
"""

from __future__ import annotations

import polars as pl


def own_rows(rows: pl.LazyFrame, removed_month: pl.LazyFrame, date: str) -> pl.LazyFrame:
    """The rows that count for the agency itself: not in a replaced month, and not before it started NIBRS reporting.

    Args:
        rows: incidents or Group B arrests of the data year, with ``agency_id``; rows without agency or date are
            retained.
        removed_month: dataset of that name.
        date: name of the column with the date of the incident or arrest.
    """
    removed = removed_month.select("agency_id", "month", "kept_from", is_removed=pl.lit(True))
    is_retained = pl.col("is_removed").is_null() | (pl.col(date) >= pl.col("kept_from")).fill_null(False)
    return (
        rows.with_columns(month=pl.col(date).dt.month())
        .join(removed, on=["agency_id", "month"], how="left")
        .filter(is_retained)
        .drop("month", "kept_from", "is_removed")
    )


def block_rows(rows: pl.LazyFrame, block_reference: pl.LazyFrame, date: str) -> pl.LazyFrame:
    """The rows of every donor month that a recipient refers to, without repeats, with column ``month``.

    Arguments as in :func:`own_rows`. A donor reported all twelve months, so all of its rows are after it started NIBRS
    reporting.
    """
    referenced = block_reference.select("month", agency_id="donor_agency_id").unique()
    return rows.with_columns(month=pl.col(date).dt.month()).join(referenced, on=["agency_id", "month"], how="semi")


def with_blocks(
    rows: pl.LazyFrame, block_reference: pl.LazyFrame, removed_month: pl.LazyFrame, key: str, date: str
) -> pl.LazyFrame:
    """Own rows and copied rows together, as the reference pipeline writes them; for comparison and inspection.

    Args:
        rows: incidents or Group B arrests of the data year, of all agencies.
        block_reference: dataset of that name.
        removed_month: dataset of that name.
        key: name of the column that identifies a row.
        date: name of the column with its date.

    Returns:
        ``agency_id`` (that of the recipient if the row is copied), the key and ``is_imputed``, sorted by the first two.
        The key alone is not unique.
    """
    own = own_rows(rows, removed_month, date).select("agency_id", key, is_imputed=pl.lit(False))
    copied = (
        block_rows(rows, block_reference, date)
        .select(key, "month", donor_agency_id="agency_id")
        .join(block_reference.select("agency_id", "donor_agency_id", "month"), on=["donor_agency_id", "month"])
        .select("agency_id", key, is_imputed=pl.lit(True))
    )
    return pl.concat([own.filter(pl.col("agency_id").is_not_null()), copied]).sort("agency_id", key)
