"""Correlation of estimates with those of the year before, by share of agencies with a count. Source: handbook 14.

The variance of a difference of two years is s1² + s2² - 2 r s1 s2, with standard errors s and correlation r.
"""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.codes import code_list

#: Share of eligible agencies that have a count above 0.
_SHARE = pl.col("agency_counts") / pl.when(pl.col("eligible_agencies") > 0).then("eligible_agencies")


def correlations_of(year: int) -> pl.DataFrame:
    """Code list ``prior_year_correlation`` of a year, in order; a missing ``share_below`` stands for shares up to 1."""
    return code_list("prior_year_correlation").filter(pl.col("valid_from") == str(year))


def with_prior_year(rows: pl.DataFrame, year: int) -> pl.DataFrame:
    """Add ``prop_elig_oris_nonzero_count`` and ``correlation_with_prior_year``; the latter is missing in other years.

    Args:
        rows: estimates with their standard errors, ``agency_counts`` and ``eligible_agencies`` of the place.
        year: data year.
    """
    found = correlations_of(year).select("share_below", "correlation").rows()
    steps = [
        pl.when(_SHARE <= 1 if below is None else below > _SHARE).then(pl.lit(correlation))
        for below, correlation in found
    ]
    is_fixed = (pl.col("estimate") == 0) | (pl.col("estimate_standard_error") == 0) | pl.col("agency_counts").is_null()
    by_share = pl.coalesce(*steps) if steps else pl.lit(None, dtype=pl.Float64)
    correlation = pl.when(is_fixed).then(0.0).otherwise(by_share) if steps else by_share
    is_estimated = pl.col("estimate").is_not_null()
    return rows.with_columns(
        prop_elig_oris_nonzero_count=pl.when(is_estimated).then(_SHARE),
        correlation_with_prior_year=pl.when(is_estimated).then(correlation),
    )
