"""Bias of estimates: their difference from the second estimate, with root mean squared error and what follows.

The second estimate U of a count is stored (``copula_estimate``), beside the estimate W. Source: handbook 14.
"""

from __future__ import annotations

import polars as pl

from nibrs_estimation.tables.table_cells import PERCENTAGE, RATE

#: With fewer respondents that have a count, W - U is mostly chance, and the bias is not known.
LEAST_AGENCIES = 5
Z_95 = 1.96

#: All residents are those of respondents.
_IS_COVERED = (pl.col("population_coverage") == 1).fill_null(False)
#: The estimate has no bias: all residents are covered, or all known agencies responded.
_HAS_NO_BIAS = _IS_COVERED | (pl.col("unreported_ratio") == 0).fill_null(False)


def with_bias(rows: pl.DataFrame, *, is_interval_of_bias: bool) -> pl.DataFrame:
    """Add the second estimate, the bias and the errors that include it to rows of a table.

    Args:
        rows: estimates by cell and type, null where there is none: ``estimate``, ``estimate_standard_error``,
            ``estimate_lower_bound``, ``estimate_upper_bound``, ``estimate_type_num``, ``per_unit`` (what the count is
            multiplied by in rates, otherwise null), ``count``, ``copula_estimate`` and ``imputation_standard_error`` of
            the count, ``difference_variance`` of W - U (removed from the squared bias of counts and rates, if known),
            ``copula_base`` (U of the denominator of percentages), ``agency_counts``,
            ``population_coverage``, ``unreported_ratio`` and ``is_only_inferred``.
        is_interval_of_bias: whether intervals are the estimate plus and minus 1.96 root mean squared errors where the
            error is known, and the standard error is what item imputation adds where respondents serve all residents,
            as in the reference pipeline.

    Returns:
        The rows with ``estimate_copula``, ``estimate_bias``, ``estimate_prb`` (percent of the count), ``estimate_rmse``
        and ``relative_rmse``.
    """
    estimate = pl.col("estimate")
    is_estimated, is_positive = estimate.is_not_null(), pl.col("count") > 0
    is_enough = pl.col("agency_counts") >= LEAST_AGENCIES
    bias = pl.when(_HAS_NO_BIAS).then(0.0).when(is_enough).then(estimate - _second_estimate())
    of_count = pl.col("count") - pl.col("copula_estimate")
    percent = pl.when(_HAS_NO_BIAS).then(0.0).when(is_enough).then(100 * of_count / pl.col("count"))
    error, rmse = pl.col("estimate_standard_error"), pl.col("estimate_rmse")
    if is_interval_of_bias:
        covered = pl.when(_IS_COVERED & error.is_not_null()).then(_imputation_error()).otherwise(error)
        rows = rows.with_columns(estimate_standard_error=covered)
    widened = (
        rows.with_columns(
            estimate_copula=pl.when(is_estimated).then(
                pl.when(_HAS_NO_BIAS).then(estimate).otherwise(_second_estimate())
            ),
            estimate_bias=pl.when(is_estimated).then(bias),
            estimate_prb=pl.when(is_estimated & is_positive).then(percent),
        )
        .with_columns(estimate_rmse=(error**2 + _squared_bias()).sqrt())
        .with_columns(relative_rmse=pl.when(estimate > 0).then(rmse / estimate))
    )
    if not is_interval_of_bias:
        return widened
    is_known = rmse.is_not_null() & (pl.col("is_only_inferred") == 0)
    return widened.with_columns(
        estimate_lower_bound=pl.when(is_known)
        .then((estimate - Z_95 * rmse).clip(lower_bound=0))
        .otherwise("estimate_lower_bound"),
        estimate_upper_bound=pl.when(is_known).then(estimate + Z_95 * rmse).otherwise("estimate_upper_bound"),
    )


def _second_estimate() -> pl.Expr:
    """U of the row's type of estimate: a count, its rate, or its percentage of the U of the denominator."""
    kind, second, base = pl.col("estimate_type_num"), pl.col("copula_estimate"), pl.col("copula_base")
    percentage = pl.when(base > 0).then(100 * second / base)
    return (
        pl.when(kind == RATE).then(second * pl.col("per_unit")).when(kind == PERCENTAGE).then(percentage)
    ).otherwise(second)


def _squared_bias() -> pl.Expr:
    """(W - U)², less the variance of W - U where it is known, at least 0."""
    kind, variance = pl.col("estimate_type_num"), pl.col("difference_variance").fill_null(0.0)
    of_kind = pl.when(kind == RATE).then(variance * pl.col("per_unit") ** 2).when(kind != PERCENTAGE).then(variance)
    return (pl.col("estimate_bias") ** 2 - of_kind.otherwise(0.0)).clip(lower_bound=0)


def _imputation_error() -> pl.Expr:
    """What imputed items add to the standard error; nothing to that of a percentage of 100."""
    kind, error = pl.col("estimate_type_num"), pl.col("imputation_standard_error").fill_null(0.0)
    of_share = pl.when((pl.col("count") > 0) & (pl.col("estimate") < 100)).then(
        error * pl.col("estimate") / pl.col("count")
    )
    return (
        pl.when(kind == RATE).then(error * pl.col("per_unit")).when(kind == PERCENTAGE).then(of_share.fill_null(0.0))
    ).otherwise(error)
