"""Sums of the metrics of units: by task and by run."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.run_metrics import RUN_METRIC, TASK_METRIC

_UNKNOWN_STAYS_UNKNOWN = pl.when(pl.col("cpu_s").count() > 0).then(pl.col("cpu_s").sum())


def sum_metrics(run_history: pl.LazyFrame, unit_metric: pl.LazyFrame) -> dict[str, pl.LazyFrame]:
    """Add up time and rows of units, and take the maximum of their memory, by task and by run."""
    by_task = unit_metric.group_by("run_id", "flow", "task").agg(_sums())
    by_run = unit_metric.group_by("run_id", "flow").agg(_sums())
    run_metric = run_history.join(by_run, on=["run_id", "flow"], how="left").with_columns(
        pl.col("n_units", "n_failed", "n_rows", "duration_s").fill_null(0)
    )
    return {
        TASK_METRIC.name: by_task.select(TASK_METRIC.schema.names()).cast(TASK_METRIC.schema),
        RUN_METRIC.name: run_metric.select(RUN_METRIC.schema.names()).cast(RUN_METRIC.schema),
    }


def _sums() -> list[pl.Expr]:
    return [
        pl.len().alias("n_units"),
        (pl.col("state") == "failed").sum().alias("n_failed"),
        # In a fixed order, so that equal records give equal bytes.
        pl.col("duration_s").sort_by("task", "unit").sum(),
        _UNKNOWN_STAYS_UNKNOWN.alias("cpu_s"),
        pl.col("peak_memory_bytes").max(),
        pl.col("n_rows").sum(),
    ]
