"""Writing a synthetic nation as zips, master files, public files, external files and a database.

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
from nibrs_estimation.sources.synthetic.nation import agency_frame, states
from nibrs_estimation.sources.synthetic.render_cde import render_cde
from nibrs_estimation.sources.synthetic.render_externals import render_externals
from nibrs_estimation.sources.synthetic.render_master import render_master
from nibrs_estimation.sources.synthetic.render_public import FIRST_YEAR as FIRST_PUBLIC_YEAR
from nibrs_estimation.sources.synthetic.render_public import render_public
from nibrs_estimation.sources.synthetic.source import SyntheticSource

if TYPE_CHECKING:
    import psycopg
else:
    psycopg = postgresql_module("psycopg")

#: Maximum scale for zips of states and databases, which would take too long above it.
LARGEST_SCALE = 0.05
SCHEMA = "ucr_prd"
FIRST_ZIP_YEAR, FIRST_NEW_YEAR = 2016, 2021


def check_emission(
    source: SyntheticSource,
    year: int,
    *,
    with_zips: bool,
    with_public: bool,
    with_database: bool,
    database: Database | None,
) -> None:
    """Check the options before anything is written.

    Raises:
        UsageError: the nation is too large for zips or a database, there are no files of the year, no database is
            configured, or it has the schema.
        PipelineError: the database cannot be reached.
    """
    if (with_zips or with_database) and source.scale > LARGEST_SCALE:
        raise UsageError(
            f"Zips of states and databases are written at a scale of {LARGEST_SCALE} at most, not {source.scale}. "
            "Choose a smaller --scale."
        )
    if with_zips and year < FIRST_ZIP_YEAR:
        raise UsageError(f"There are no zips of data year {year}: choose {FIRST_ZIP_YEAR} or later.")
    if with_public and year < FIRST_PUBLIC_YEAR:
        raise UsageError(
            f"Public files are written of data year {FIRST_PUBLIC_YEAR} or later, not of {year}: before, "
            "NIBRS master files had another layout."
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
    source: SyntheticSource,
    year: int,
    seed: int,
    folder: Path,
    *,
    with_zips: bool,
    with_master: bool,
    with_public: bool,
    with_externals: bool,
) -> Iterator[str]:
    """Write zips, master files, public files and external files into folders of ``folder``; yields a message for each.

    Args:
        source: the nation.
        year: data year.
        seed: seed of the nation.
        folder: folder of the nation's datasets.
        with_zips: write a zip for each state.
        with_master: write the NIBRS master file of the year.
        with_public: write a folder of public downloads.
        with_externals: write the external files, and `external_file_locations.json` in ``folder``.
    """
    datasets = _read(folder)
    if with_zips:
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
    if with_public:
        today = agency_frame(year + 1, seed, source.scale, source.response)
        yield from render_public(datasets, today, year, folder / "public", seed)
        yield f"Public files: {folder / 'public'}"
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
