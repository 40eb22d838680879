"""The estimates as CSV and as a DuckDB file, and their descriptions."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import polars as pl

from nibrs_estimation.model.estimates_database import POPULATION_LOOKUP, VARIABLE_LOOKUP
from nibrs_estimation.model.published import ESTIMATES, PUBLISHED
from nibrs_estimation.pipeline.ddl import duckdb_table
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.task import DocumentWriter
from nibrs_estimation.stages.publication.about import readme_text
from nibrs_estimation.stages.publication.lookups import population_lookup, variable_lookup
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.labels import with_states
from nibrs_estimation.tables.prior_year import correlations_of
from nibrs_estimation.tables.published import database_rows, published_rows
from nibrs_estimation.tables.read import summary_definitions, table_definitions
from nibrs_estimation.tables.suppression import suppressed_rows
from nibrs_estimation.tables.table_rows import estimated_places, table_rows

_log = logging.getLogger(__name__)

#: DuckDB 0.10 and later open files of this version, if they contain no primary key.
STORAGE_VERSION = "v0.10.2"

_LEVELS = ("nation", "region", "division", "state")


def published_places(coverage: pl.LazyFrame) -> pl.DataFrame:
    """The geographies of the published files: nation, regions, divisions and states as a whole, if estimated."""
    is_wanted = pl.col("geography_level").is_in(_LEVELS) & pl.col("agency_group").is_null()
    return estimated_places(coverage.filter(is_wanted))


def export_estimates(
    cell_estimate: pl.LazyFrame,
    cell_gap: pl.LazyFrame,
    coverage: pl.LazyFrame,
    geography_population: pl.LazyFrame,
    geography_quality: pl.LazyFrame,
    year: int,
    identity: Identity,
    small_count: Literal["off", "3", "5", "10"],
    variance_rule: Literal["prediction", "reference"],
) -> dict[str, DocumentWriter]:
    """Write all tables of nation, regions and states to ``estimates.csv`` and ``estimates.duckdb``, with descriptions.

    A cell that is absent is 0, or never estimated; a cell that cannot be computed from the input has no number. Rows
    are sorted by table, geography, row, column and type of estimate. A missing value is an empty field. Numbers have
    full precision. Table ``estimates`` of the DuckDB file has the columns of handbook 12, with lookups of its keys.
    Suppressed estimates are marked and keep their numbers.
    """
    return estimate_files(
        table_definitions(),
        cell_estimate,
        cell_gap,
        coverage,
        geography_population,
        geography_quality,
        year,
        identity,
        small_count,
        variance_rule,
    )


def export_summary_estimates(
    cell_estimate: pl.LazyFrame,
    cell_gap: pl.LazyFrame,
    coverage: pl.LazyFrame,
    geography_population: pl.LazyFrame,
    geography_quality: pl.LazyFrame,
    year: int,
    identity: Identity,
    small_count: Literal["off", "3", "5", "10"],
    variance_rule: Literal["prediction", "reference"],
) -> dict[str, DocumentWriter]:
    """Write the tables of summary estimates of nation, regions, census divisions and states, as other tables."""
    return estimate_files(
        summary_definitions(),
        cell_estimate,
        cell_gap,
        coverage,
        geography_population,
        geography_quality,
        year,
        identity,
        small_count,
        variance_rule,
    )


def estimate_files(
    tables: Mapping[str, TableDefinition],
    cell_estimate: pl.LazyFrame,
    cell_gap: pl.LazyFrame,
    coverage: pl.LazyFrame,
    geography_population: pl.LazyFrame,
    geography_quality: pl.LazyFrame,
    year: int,
    identity: Identity,
    small_count: Literal["off", "3", "5", "10"],
    variance_rule: Literal["prediction", "reference"],
) -> dict[str, DocumentWriter]:
    """What writes each file of some tables; see :func:`export_estimates`."""
    if correlations_of(year).is_empty():
        _log.warning("The correlation with the year before is not known for %d: the column is empty", year)
    places = published_places(coverage)

    def parts() -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """Yield the published rows and the database rows of one table at a time, to save memory."""
        for table in tables.values():
            rows = table_rows(
                table,
                cell_estimate,
                cell_gap,
                places,
                geography_population,
                is_whole=False,
                variance_rule=variance_rule,
            )
            estimated = suppressed_rows(rows.filter(~pl.col("is_blank")), table, places, geography_quality, small_count)
            published = published_rows(estimated, table, places, identity)
            if published.select(pl.struct(PUBLISHED.primary_key).is_duplicated().any()).item():
                raise PipelineError(
                    f"Table {table.table} has a duplicate cell and was not published: report this as a bug."
                )
            yield published, database_rows(estimated, table, places, year)

    def write_csv(path: Path) -> None:
        with path.open("wb") as file:
            PUBLISHED.empty().collect().write_csv(file)
            for published, _database in parts():
                published.write_csv(file, include_header=False)

    def write_duckdb(path: Path) -> None:
        import duckdb  # noqa: PLC0415 (takes a tenth of a second to import, only for this task)

        path.unlink(missing_ok=True)
        # In the folder of the output, because the system's folder for temporary files may be small.
        with TemporaryDirectory(dir=path.parent) as folder, duckdb.connect() as connection:
            quoted = str(path).replace("'", "''")
            connection.execute(f"ATTACH '{quoted}' AS target (STORAGE_VERSION '{STORAGE_VERSION}')")
            connection.execute("USE target")

            def store(name: str, number: int, rows: pl.DataFrame) -> None:
                rows.write_parquet(Path(folder) / f"{name}.{number:03}.parquet", compression="lz4")

            for number, (published, database) in enumerate(parts()):
                store(PUBLISHED.name, number, published)
                store(ESTIMATES.name, number, database)
            store(VARIABLE_LOOKUP.name, 0, variable_lookup(tables.values(), year))
            store(POPULATION_LOOKUP.name, 0, population_lookup(places, year))
            store("geography", 0, with_states(places))
            store("run", 0, pl.DataFrame({"data_year": year, **identity.columns(), "seed": identity.seed}))
            store("definitions", 0, definition_rows(tables.values()))
            # Each table in one statement: rows that are inserted in many parts are written twice, to the log and to the
            # file.
            declared = (PUBLISHED, ESTIMATES, VARIABLE_LOOKUP, POPULATION_LOOKUP)
            for dataset in declared:
                connection.execute(duckdb_table(dataset, has_key=False))
            for name, verb in {
                **{dataset.name: "INSERT INTO {}" for dataset in declared},
                "geography": "CREATE TABLE {} AS",
                "run": "CREATE TABLE {} AS",
                "definitions": "CREATE TABLE {} AS",
            }.items():
                files = sorted(str(file) for file in Path(folder).glob(f"{name}.*.parquet"))
                connection.execute(f"{verb.format(name)} SELECT * FROM read_parquet(?)", [files])

    def write_definitions(path: Path) -> None:
        definition_rows(tables.values()).write_csv(path)

    def write_readme(path: Path) -> None:
        path.write_text(readme_text(identity, places, variance_rule), encoding="utf-8")

    return {
        "estimates.csv": write_csv,
        "estimates.duckdb": write_duckdb,
        "definitions.csv": write_definitions,
        "README.txt": write_readme,
    }


def definition_rows(tables: Iterable[TableDefinition]) -> pl.DataFrame:
    """A row for each table and each of its columns, with its definition and whether it is proposed."""
    schema = {
        "table_name": pl.String, "column_number": pl.Int16, "label": pl.String, "definition": pl.String,
        "is_proposed": pl.Boolean,
    }  # fmt: skip
    rows: list[tuple[str, int | None, str, str | None, bool]] = []
    for table in tables:
        rows.append((table.table, None, table.title, table.counts, table.status is not None))
        rows += [
            (table.table, c.position, " ".join(c.label.split()), c.definition, c.is_proposed) for c in table.columns
        ]
    return pl.DataFrame(rows, schema=schema, orient="row")
