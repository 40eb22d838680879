"""The estimates as CSV and as a DuckDB file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from nibrs_estimation.model.results import ESTIMATES
from nibrs_estimation.pipeline.ddl import duckdb_table
from nibrs_estimation.pipeline.task import DocumentWriter
from nibrs_estimation.tables.published import database_rows, estimated_places, table_rows
from nibrs_estimation.tables.read import table_definitions

_LEVELS = ("nation", "region", "state")


def export_estimates(
    cell_estimate: pl.LazyFrame,
    cell_gap: pl.LazyFrame,
    coverage: pl.LazyFrame,
    permutation_population: pl.LazyFrame,
    year: int,
) -> dict[str, DocumentWriter]:
    """Write all tables of nation, regions and states to ``estimates.csv`` and ``estimates.duckdb`` (07 section 9).

    A cell that is absent is 0, or never estimated; one that the input cannot tell has no number. Table by table, by
    geography, row, column and type of estimate. A missing value is an empty field. Numbers keep their full precision.
    """
    is_wanted = pl.col("geography_level").is_in(_LEVELS) & pl.col("agency_group").is_null()
    places = estimated_places(coverage.filter(is_wanted))

    def parts() -> Iterator[pl.DataFrame]:
        """One table at a time: all of them would fill the memory."""
        for table in table_definitions().values():
            rows = table_rows(table, cell_estimate, cell_gap, places, permutation_population, is_whole=False)
            yield database_rows(rows, table, places, year)

    def write_csv(path: Path) -> None:
        with path.open("wb") as file:
            ESTIMATES.empty().collect().write_csv(file)
            for part in parts():
                part.write_csv(file, include_header=False)

    def write_duckdb(path: Path) -> None:
        import duckdb  # noqa: PLC0415 (a tenth of a second that only this task should take)

        path.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory() as folder, duckdb.connect(path) as connection:
            connection.execute(duckdb_table(ESTIMATES))
            file = Path(folder) / "part.parquet"
            for part in parts():
                part.write_parquet(file)
                connection.execute("INSERT INTO estimates SELECT * FROM read_parquet(?)", [str(file)])

    return {"estimates.csv": write_csv, "estimates.duckdb": write_duckdb}
