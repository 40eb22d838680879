"""Years side by side: a table of several runs, the newest of each year."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nibrs_estimation.reading.runs import EstimatedRun, finished_runs, flow_of
from nibrs_estimation.tables.definition import TableColumn, TableDefinition
from nibrs_estimation.tables.labels import plain_label
from nibrs_estimation.tables.suppression import SUPPRESSED
from nibrs_estimation.tables.table_cells import COUNT


def runs_by_year(scratch: Path, table: TableDefinition, *, is_synthetic: bool) -> list[EstimatedRun]:
    """The newest finished run of each data year that estimated a table, all real or all synthetic; by year."""
    of_year = {
        run.year: run for run in finished_runs(scratch, flow_of(table)) if run.identity.is_synthetic == is_synthetic
    }
    return [of_year[year] for year in sorted(of_year)]


def year_series(runs: Sequence[EstimatedRun], table: TableDefinition, columns: Sequence[TableColumn]) -> RenderableType:
    """Counts of the nation in the table's first row by year, with intervals."""
    shown = Table(title="By year, newest run of each", title_justify="left", box=None, pad_edge=False)
    for heading in ("Year", *(plain_label(column.label) for column in columns), "Run"):
        shown.add_column(heading, justify="left" if heading == "Run" else "right")
    for run in runs:
        rows = run.rows(table, run.places.filter(pl.col("geography_level") == "nation").head(1), None)
        counts = rows.filter((pl.col("row") == 1) & (pl.col("estimate_type_num") == COUNT))
        of_column = {row["column"]: row for row in counts.iter_rows(named=True)}
        cells = [_cell(of_column.get(column.position)) for column in columns]
        shown.add_row(str(run.year), *cells, run.run_id)
    return Group(Text(""), shown)


def _cell(row: dict[str, float | str | None] | None) -> str:
    if row is None or row["estimate"] is None:
        return "\N{EN DASH}"
    if row["is_suppressed"]:
        return SUPPRESSED
    low, high = row["estimate_lower_bound"], row["estimate_upper_bound"]
    interval = "" if low is None or high is None or low == high else f" ({low:,.0f}\N{EN DASH}{high:,.0f})"
    return f"{row['estimate']:,.0f}{interval}"
