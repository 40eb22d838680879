"""Bias, error, coverage and width of the estimates of a backtest (handbook 13)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.backtest import BACKTEST_ESTIMATE, BACKTEST_SCORE, DIFFERENCE, PERCENTAGE

ALL = "all"
#: Lower ends of the classes of cells by their true offenses, and their names.
SIZES = {
    1: "1 to 9",
    10: "10 to 29",
    30: "30 to 99",
    100: "100 to 999",
    1_000: "1,000 to 9,999",
    10_000: "10,000 or more",
}
#: Share of the size of a cell that is rounding.
_ROUNDING = 1e-9
_KEY = ["rule", "measure", "level", "outcome", "size"]


def score_backtest(backtest_estimate: pl.LazyFrame) -> pl.DataFrame:
    """Compare estimates and intervals with the truth, by level and outcome, and by level and size of cell.

    Cells whose true number is 0 are left out. One that is estimated as 0 has an interval without width, which misses.
    A score is of all patterns of response; its Monte-Carlo error comes from the spread between them.
    """
    cells = backtest_estimate.filter(pl.col("true_count") > 0).collect()
    if cells.is_empty():
        return BACKTEST_SCORE.empty().collect()
    ordered = cells.sort(BACKTEST_ESTIMATE.primary_key).with_columns(size_class=size_of(pl.col("true_count")))
    by_outcome = _scored(ordered.with_columns(size=pl.lit(ALL)))
    by_size = _scored(ordered.with_columns(size="size_class", outcome=pl.lit(ALL)))
    return BACKTEST_SCORE.cast(pl.concat([by_outcome, by_size]).sort(_KEY))


def size_of(count: pl.Expr) -> pl.Expr:
    """The class of cells by their true offenses."""
    name = pl.lit(next(iter(SIZES.values())))
    for low, text in SIZES.items():
        name = pl.when(count >= low).then(pl.lit(text)).otherwise(name)
    return name


def _scored(cells: pl.DataFrame) -> pl.DataFrame:
    """Scores by rule, measure, level, outcome and size; the order of the rows decides the last digits."""
    error = pl.col("estimate") - pl.col("truth")
    # A true difference may be near 0; its errors are relative to what is compared.
    scale = pl.when(pl.col("measure") == DIFFERENCE).then("true_count").otherwise("truth")
    # An interval without width around the truth holds it, whatever its last digit.
    rounding = _ROUNDING * scale
    is_above = pl.col("truth") > pl.col("upper_bound") + rounding
    is_below = pl.col("truth") < pl.col("lower_bound") - rounding
    measured = cells.with_columns(
        error=error,
        relative=error / scale,
        scale=scale,
        is_above=is_above,
        is_below=is_below,
        holds=~(is_above | is_below),
        width=(pl.col("upper_bound") - pl.col("lower_bound")) / scale,
    )
    estimated = measured.filter(pl.col("estimate").is_not_null())
    # One place has several cells in a class of size; its error is that of all of them.
    of_places = (
        estimated.group_by(*_KEY, "geography_number", maintain_order=True)
        .agg(rmse=(pl.col("relative") ** 2).mean().sqrt())
        .group_by(_KEY, maintain_order=True)
        .agg(rmse_pct=100 * pl.col("rmse").median())
    )
    of_patterns = (
        estimated.group_by(*_KEY, "pattern_number", maintain_order=True)
        .agg(share=pl.col("holds").mean())
        .group_by(_KEY, maintain_order=True)
        .agg(coverage_error_pct=100 * pl.col("share").std() / pl.col("share").count().sqrt())
    )
    # Bias of counts and differences is that of their sum; percentages are not added up.
    bias = (
        pl.when(pl.col("measure").first() == PERCENTAGE)
        .then(pl.col("relative").mean())
        .otherwise(pl.col("error").sum() / pl.col("scale").filter(pl.col("estimate").is_not_null()).sum())
    )
    has_error = pl.col("standard_error").is_not_null()
    return (
        measured.group_by(_KEY, maintain_order=True)
        .agg(
            cells=pl.len().cast(pl.Int64),
            without_interval=pl.col("upper_bound").null_count().cast(pl.Int64),
            bias_pct=100 * bias,
            mean_abs_error_pct=100 * pl.col("relative").abs().mean(),
            coverage_pct=100 * pl.col("holds").mean(),
            above_pct=100 * pl.col("is_above").mean(),
            below_pct=100 * pl.col("is_below").mean(),
            width_pct=100 * pl.col("width").median(),
            se_over_rmse=(
                (pl.col("standard_error").filter(has_error) ** 2).mean()
                / (pl.col("error").filter(has_error) ** 2).mean()
            ).sqrt(),
        )
        .join(of_places, on=_KEY, how="left")
        .join(of_patterns, on=_KEY, how="left")
        .with_columns(pl.col(pl.Float64).fill_nan(None))
        .with_columns(pl.when(pl.col(pl.Float64).is_finite()).then(pl.col(pl.Float64)))
    )
