"""The estimates as CSV and as a DuckDB file."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
import polars as pl

from nibrs_estimation.model.results import ESTIMATES
from nibrs_estimation.pipeline.ddl import duckdb_table
from nibrs_estimation.pipeline.task import DocumentWriter


def export_estimates(estimates: pl.LazyFrame) -> dict[str, DocumentWriter]:
    """Write every estimate to ``estimates.csv`` and to table ``estimates`` of ``estimates.duckdb`` (07 section 9).

    A missing value is an empty field. Numbers keep their full precision.
    """
    table = estimates.sort(ESTIMATES.primary_key).collect()

    def write_csv(path: Path) -> None:
        table.write_csv(path)

    def write_duckdb(path: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            rows = Path(folder) / "estimates.parquet"
            table.write_parquet(rows)
            path.unlink(missing_ok=True)
            with duckdb.connect(path) as connection:
                connection.execute(duckdb_table(ESTIMATES))
                connection.execute("INSERT INTO estimates SELECT * FROM read_parquet(?)", [str(rows)])

    return {"estimates.csv": write_csv, "estimates.duckdb": write_duckdb}
