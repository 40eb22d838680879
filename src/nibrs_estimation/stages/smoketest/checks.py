"""The smoketest's two checks."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.pipeline.database import Database, count_rows
from nibrs_estimation.pipeline.task import DocumentWriter


def count_database_incidents(year: int, database: Database | None) -> pl.DataFrame:
    """Count the data year's incidents in the FBI database, or report that no database is configured.

    Raises:
        PipelineError: the database is configured but does not answer.
    """
    counted = None if database is None else count_rows(database, "nibrs_incident", "incident_date", year)
    name = "no database configured" if database is None else str(database)
    return pl.DataFrame(
        {"data_year": [year], "database": [name], "n_incidents": [counted]},
        schema={"data_year": pl.Int16, "database": pl.String, "n_incidents": pl.Int64},
    )


def report_smoketest(smoketest_database: pl.LazyFrame, universe: pl.LazyFrame, year: int) -> dict[str, DocumentWriter]:
    """Write the smoketest's page: the database's incidents and the universe's agencies."""
    database = smoketest_database.collect().row(0, named=True)
    agencies = universe.select(pl.len(), pl.col("is_eligible").sum()).collect().row(0)
    incidents = "" if database["n_incidents"] is None else f": {database['n_incidents']:,} incidents in {year}"
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Smoketest {year}</title></head><body>'
        f"<h1>Smoketest, data year {year}</h1><ul><li>Database: {database['database']}{incidents}</li>"
        f"<li>Universe: {agencies[0]:,} agencies, {agencies[1]:,} of them eligible</li></ul></body></html>\n"
    )
    return {"smoketest.html": lambda path: path.write_text(page, encoding="utf-8") and None}
