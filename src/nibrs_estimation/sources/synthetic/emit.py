"""Writing a synthetic nation as zips, external files and a database.

Source: sources/synthetic/README.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from nibrs_estimation.model import agency, geography, incident
from nibrs_estimation.pipeline.database import Database
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.files import write_json
from nibrs_estimation.pipeline.optional import postgresql_module
from nibrs_estimation.pipeline.run import EXTERNAL_LOCATIONS
from nibrs_estimation.pipeline.table import find_table, read_table
from nibrs_estimation.sources.synthetic.load_ucr_prd import load_ucr_prd
from nibrs_estimation.sources.synthetic.nation import states
from nibrs_estimation.sources.synthetic.render_cde import render_cde
from nibrs_estimation.sources.synthetic.render_externals import render_externals
from nibrs_estimation.sources.synthetic.render_master import render_master
from nibrs_estimation.sources.synthetic.source import SyntheticSource

if TYPE_CHECKING:
    import psycopg
else:
    psycopg = postgresql_module("psycopg")

#: Maximum scale for files of incidents and databases, which would take too long above it.
LARGEST_SCALE = 0.05
SCHEMA = "ucr_prd"
FIRST_ZIP_YEAR, FIRST_NEW_YEAR = 2016, 2021


def check_emission(
    source: SyntheticSource, *, with_files: bool, with_database: bool, database: Database | None
) -> None:
    """Check the options before anything is written.

    Raises:
        UsageError: the nation is too large for zips or a database, no database is configured, or it has the schema.
        PipelineError: the database cannot be reached.
    """
    if (with_files or with_database) and source.scale > LARGEST_SCALE:
        raise UsageError(
            f"Files of incidents and databases are written at a scale of {LARGEST_SCALE} at most, not {source.scale}. "
            "Choose a smaller --scale."
        )
    if with_database and database is None:
        raise UsageError("No database is configured. Set PGHOST, PGUSER, PGPASSWORD and PGDATABASE.")
    if with_database and database is not None:
        with database.connect() as connection:
            if connection.execute("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %s", (SCHEMA,)).fetchone():
                raise UsageError(
                    f"{database} already has a schema {SCHEMA}. Use another database, or drop the schema first."
                )


def emit(
    source: SyntheticSource, year: int, folder: Path, *, with_zips: bool, with_master: bool, with_externals: bool
) -> Iterator[str]:
    """Write zips, a master file and external files into folders of ``folder``; yields a message for each.

    Args:
        source: the nation.
        year: data year.
        folder: folder of the nation's datasets.
        with_zips: write a zip for each state.
        with_master: write the NIBRS master file of the year.
        with_externals: write the external files, and `external_file_locations.json` in ``folder``.

    Raises:
        UsageError: there are no zips of the year.
    """
    datasets = _read(folder)
    if with_zips:
        if year < FIRST_ZIP_YEAR:
            raise UsageError(f"There are no zips of data year {year}: choose {FIRST_ZIP_YEAR} or later.")
        (folder / "cde").mkdir(exist_ok=True)
        for state in states():
            path = folder / "cde" / f"{state}-{year}.zip"
            render_cde(datasets, state, year, 1 if year < FIRST_NEW_YEAR else 2, path)
        yield f"Zips of {len(states())} states: {folder / 'cde'}"
    if with_master:
        (folder / "master").mkdir(exist_ok=True)
        path = folder / "master" / f"nibrs-{year}.zip"
        lines = render_master(datasets, year, path)
        yield f"NIBRS master file of {lines:,} lines: {path}"
    if with_externals:
        files = render_externals(datasets, year, folder / "externals")
        write_json(folder / EXTERNAL_LOCATIONS, {str(year): files})
        yield f"External files: {folder / 'externals'}, listed in {folder / EXTERNAL_LOCATIONS}"


def emit_database(source: SyntheticSource, folder: Path, database: Database | None) -> str:
    """Load the tables of ``ucr_prd`` from the nation's datasets; returns a message.

    Raises:
        PipelineError: the database cannot be written.
    """
    assert database is not None, "checked before"
    with database.connect() as connection:
        connection.read_only = False
        try:
            load_ucr_prd(_read(folder), connection, SCHEMA)
        except psycopg.Error as error:
            raise PipelineError(
                f"Schema {SCHEMA} cannot be created in {database} ({database.error_reason(error)}). Use an empty "
                "database in which this user may CREATE, or drop the schema first."
            ) from None
    return f"Schema {SCHEMA} of {database} contains {source.spec}."


def _read(folder: Path) -> dict[str, pl.LazyFrame]:
    known = (*agency.DATASETS, agency.SRS_MONTH, *geography.DATASETS, *incident.DATASETS)
    return {dataset.name: read_table(find_table(folder, dataset), dataset) for dataset in known}
