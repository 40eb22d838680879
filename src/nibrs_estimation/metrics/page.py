"""The page of flow `metrics`, and its CSV files."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path

import altair as alt
import polars as pl

from nibrs_estimation.pages import BLUE, GRAY, counted, html_table, page, rows_of, svg, writer
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.task import DocumentWriter

PAGE = "metrics.html"
UNITS_CSV, TASKS_CSV, RUNS_CSV = "unit_metrics.csv", "task_metrics.csv", "run_metrics.csv"
#: Runs and tasks in a chart of trends.
_RUNS, _TASKS = 12, 8
_GIB = 2**30


def write_metrics(
    unit_metric: pl.LazyFrame, task_metric: pl.LazyFrame, run_metric: pl.LazyFrame, identity: Identity
) -> dict[str, DocumentWriter]:
    """Write the metrics as CSV files and as a page with the trends across runs."""
    units, tasks, runs = unit_metric.collect(), task_metric.collect(), run_metric.collect()
    shown = runs.sort("started", "run_id", "flow", nulls_last=True)
    sections = [("Runs", _runs(shown))]
    for flow in shown["flow"].unique(maintain_order=True):
        sections += _flow_sections(flow, shown.filter(pl.col("flow") == flow), tasks.filter(pl.col("flow") == flow))
    failed = units.filter(pl.col("state") == "failed")
    if failed.height:
        sections.append(("What failed", _failed(failed)))
    sections.append(("How it is measured", _NOTES))
    subtitle = f"{counted(runs.height, 'run')}, {counted(units.height, 'unit')} of work."
    return {
        PAGE: writer(page("Time, memory and rows of runs", subtitle, sections, identity)),
        UNITS_CSV: _csv(units),
        TASKS_CSV: _csv(tasks),
        RUNS_CSV: _csv(runs),
    }


def _csv(table: pl.DataFrame) -> Callable[[Path], None]:
    return lambda path: table.write_csv(path) and None


def _readable() -> list[pl.Expr]:
    return [
        (pl.col("duration_s") / 60).alias("minutes"),
        (pl.col("cpu_s") / 60).alias("cpu_minutes"),
        (pl.col("peak_memory_bytes") / _GIB).alias("peak_gib"),
    ]


_LABELS = {
    "n_units": "Units", "n_failed": "Failed", "minutes": "Minutes", "cpu_minutes": "CPU minutes",
    "peak_gib": "Peak GiB", "n_rows": "Rows",
}  # fmt: skip
_FORMATS = {
    "n_units": "integer", "n_failed": "integer", "minutes": "fine", "cpu_minutes": "fine", "peak_gib": "fine",
    "n_rows": "integer",
}  # fmt: skip


def _runs(runs: pl.DataFrame) -> str:
    mark = pl.when(pl.col("is_synthetic")).then(pl.lit(" (synthetic)")).otherwise(pl.lit(""))
    shown = runs.with_columns(
        *_readable(),
        (pl.col("data_source").fill_null("?") + mark).alias("data_source"),
        pl.col("started").dt.strftime("%Y-%m-%d %H:%M").alias("when"),
    )
    labels = {"run_id": "Run", "flow": "Flow", "state": "State", "when": "Started (UTC)", "data_source": "Source"}
    return html_table(shown, "runs", {**labels, **_LABELS}, **_FORMATS)


def _flow_sections(flow: str, runs: pl.DataFrame, tasks: pl.DataFrame) -> list[tuple[str, str]]:
    """The tasks of the latest run beside the run before it, and the trends of the longest tasks."""
    order = runs["run_id"].to_list()[-_RUNS:]
    latest = tasks.filter(pl.col("run_id") == order[-1])
    sections = [(f"Flow {flow}: tasks of run {order[-1]}", _tasks(latest, tasks, order))]
    if len(order) > 1:
        sections.append((f"Flow {flow}: trends", _trends(tasks, order)))
    return sections


def _tasks(latest: pl.DataFrame, tasks: pl.DataFrame, order: list[str]) -> str:
    labels, formats, shown = {"task": "Task", **_LABELS}, dict(_FORMATS), latest
    text = ""
    if len(order) > 1:
        before = tasks.filter(pl.col("run_id") == order[-2]).select("task", pl.col("duration_s").alias("before_s"))
        shown = latest.join(before, on="task", how="left").with_columns(
            pl.when(pl.col("before_s") > 0).then(pl.col("duration_s") / pl.col("before_s")).alias("ratio")
        )
        labels["ratio"], formats["ratio"] = "Time / before", "fine"
        text = f"<p>The last column is the time divided by that of run {escape(order[-2])}, the run before it.</p>"
    shown = shown.with_columns(*_readable()).sort("duration_s", "task", descending=[True, False])
    return _bars(shown) + text + html_table(shown, "tasks", labels, **formats)


def _bars(tasks: pl.DataFrame) -> str:
    """Wall and processor time of the longest tasks."""
    longest = tasks.head(2 * _TASKS)
    names = {"minutes": "wall", "cpu_minutes": "processor"}
    rows = longest.select("task", *names).unpivot(index="task", variable_name="kind", value_name="value")
    chart = (
        alt.Chart(rows_of(rows.with_columns(pl.col("kind").replace(names))))
        .mark_bar()
        .encode(
            y=alt.Y("task:N", sort=longest["task"].to_list(), title=None, axis=alt.Axis(labelLimit=260)),
            x=alt.X("value:Q", title="Minutes"),
            yOffset=alt.YOffset("kind:N", sort=["wall", "processor"]),
            color=alt.Color("kind:N", title=None, scale=alt.Scale(domain=["wall", "processor"], range=[BLUE, GRAY])),
        )
        .properties(width=520)
    )
    return f"<figure>{svg(chart)}</figure>"


def _trends(tasks: pl.DataFrame, order: list[str]) -> str:
    of_runs = tasks.filter(pl.col("run_id").is_in(order)).with_columns(*_readable())
    sums = of_runs.group_by("task").agg(pl.col("duration_s").max()).sort("duration_s", "task", descending=[True, False])
    longest = sums["task"].to_list()[:_TASKS]
    base = alt.Chart(
        rows_of(of_runs.filter(pl.col("task").is_in(longest)).select("run_id", "task", "minutes", "peak_gib"))
    )
    lines = base.mark_line(point=True).encode(
        x=alt.X("run_id:N", sort=order, title="Run, in order of start", axis=alt.Axis(labelAngle=-30)),
        color=alt.Color("task:N", sort=longest, title=None),
    )
    charts = [
        lines.encode(y=alt.Y(f"{column}:Q", title=title)).properties(width=520, height=220)
        for column, title in (("minutes", "Minutes"), ("peak_gib", "Peak memory, GiB"))
    ]
    return f"<p>The {len(longest)} longest tasks.</p><figure>{svg(alt.vconcat(*charts))}</figure>"


def _failed(failed: pl.DataFrame) -> str:
    labels = {"run_id": "Run", "flow": "Flow", "unit": "Unit", "message": "Why"}
    return html_table(failed.sort("run_id", "flow", "unit"), "failed", labels)


_NOTES = (
    "<p>Times are sums over units of work, which may run at the same time. A unit that a later command kept counts "
    "with the time of the command that ran it. Processor time and peak memory are those of the process. With engine "
    "prefect and its workers as threads, and with Dask workers of several threads, they include the other units of the "
    f"process. The same figures are in <a href='{RUNS_CSV}'>{RUNS_CSV}</a>, <a href='{TASKS_CSV}'>{TASKS_CSV}</a> and "
    f"<a href='{UNITS_CSV}'>{UNITS_CSV}</a>, in seconds and bytes.</p>"
)
