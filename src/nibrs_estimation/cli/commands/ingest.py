"""`nibrs ingest`: read a source and write its datasets, without a run."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from nibrs_estimation.cli.commands.options import JsonOption, OutOption
from nibrs_estimation.cli.console import console, print_findings
from nibrs_estimation.cli.ingesting import ingest
from nibrs_estimation.cli.public_folder import as_json as survey_as_json
from nibrs_estimation.cli.public_folder import tell_public_folder, tell_universe, year_of_public_files
from nibrs_estimation.cli.return_a_summary import tell_return_a
from nibrs_estimation.cli.running import chosen_year
from nibrs_estimation.cli.settings import load_settings
from nibrs_estimation.model.ucr_prd import DATASETS as TABLES
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.sources.cde import CdeSource
from nibrs_estimation.sources.master import MasterSource
from nibrs_estimation.sources.public import PublicFolder, survey
from nibrs_estimation.sources.registry import open_source
from nibrs_estimation.sources.return_a import ReturnASource
from nibrs_estimation.sources.ucr_prd.catalogue import DEFAULT_SCHEMA
from nibrs_estimation.sources.ucr_prd.check import Check, check_database

app = typer.Typer(no_args_is_help=True, help="Read a source and write its datasets as Parquet files.")


@app.command("cde", epilog="Example: nibrs ingest cde VT-2024.zip VT-2023.zip --out vermont")
def ingest_cde(
    files: Annotated[list[Path], typer.Argument(help="State zips from the FBI's Crime Data Explorer, any states.")],
    out: OutOption,
    year: Annotated[
        int | None,
        typer.Option("--year", help="Data year; zips of earlier years are history. Default: year of the newest zip."),
    ] = None,
    universe: Annotated[Path | None, typer.Option("--universe", help="CSV of all agencies of the data year.")] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Also read excerpts: missing tables are empty and marked as missing.")
    ] = False,
) -> None:
    """Read zips of the Crime Data Explorer, data years 2016 and later.

    A universe file lists all agencies, reporting or not; see docs/universe-file.md.
    """
    if universe is not None and not universe.is_file():
        raise UsageError(f"The universe file {universe} does not exist. Check its path.")
    source = CdeSource(tuple(path.absolute() for path in files), is_excerpt=partial)
    settings = load_settings()
    # The zips determine the year, not DATA_YEAR.
    chosen = source.newest_year() if year is None else year
    ingest(source, out, settings, chosen, externals={"universe": universe} if universe else {})


@app.command("master", epilog="Example: nibrs ingest master nibrs-2022.zip --out us_2022")
def ingest_master(
    files: Annotated[
        list[Path], typer.Argument(help="NIBRS master files, zip or text: of the data year, and of earlier ones.")
    ],
    out: OutOption,
    year: Annotated[
        int | None,
        typer.Option("--year", help="Data year; files of earlier years are history. Default: year of the newest file."),
    ] = None,
    universe: Annotated[Path | None, typer.Option("--universe", help="CSV of all agencies of the data year.")] = None,
) -> None:
    """Read NIBRS master files of the FBI: all agencies of the nation, their reported months and their incidents.

    The file is described in docs/nibrs-master-file.md. A universe file adds what it lacks, such as police employees.
    """
    if universe is not None and not universe.is_file():
        raise UsageError(f"The universe file {universe} does not exist. Check its path.")
    source = MasterSource(tuple(path.absolute() for path in files))
    chosen = source.newest_year() if year is None else year
    ingest(source, out, load_settings(), chosen, externals={"universe": universe} if universe else {})


@app.command("postgresql", epilog="Example: PGHOST=db PGUSER=nibrs nibrs ingest postgresql --year 2024 --out us")
def ingest_postgresql(
    out: OutOption,
    year: Annotated[
        int | None, typer.Option("--year", help="Data year. Default: DATA_YEAR, or the latest in the database.")
    ] = None,
) -> None:
    """Read the FBI's database `ucr_prd`, set by PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE."""
    settings = load_settings()
    source = open_source("postgresql", settings.database())
    ingest(source, out, settings, chosen_year(source, year, settings))


@app.command("return-a", epilog="Example: nibrs ingest return-a RETURNA2013.zip --out return_a_2013")
def ingest_return_a(
    file: Annotated[Path, typer.Argument(help="The FBI's Return A master file of a year: zip or text.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the datasets; made if absent. Default: return_a_YEAR.")
    ] = None,
) -> None:
    """Read a Return A master file: all agencies of a year, the months that they reported, and their offenses.

    The file is described in docs/return-a-file.md. It holds no incidents, so of the flows only srs
    and srs_30 can use it as their source.
    """
    source = ReturnASource(file.absolute())
    year = source.newest_year()
    folder = Path(f"return_a_{year}") if out is None else out
    ingest(source, folder, load_settings(), year)
    tell_return_a(folder)


@app.command("public", epilog="Example: nibrs ingest public downloads --year 2022")
def ingest_public(
    folder: Annotated[Path, typer.Argument(help="Folder of downloads in any names, or one file.")],
    year: Annotated[int | None, typer.Option("--year", help="Data year. Default: DATA_YEAR.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Also read the files, and write their datasets to this folder.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Look at a folder of public downloads: what each file is, what is missing, and what follows from that.

    Files are recognized by their content, also in zips; docs/user-guide/nation-from-public-data.md lists the kinds.
    Without --out nothing is written. Exits with 1 if a file is at fault, or nothing can be estimated.
    """
    if as_json and out is not None:
        raise UsageError("JSON tells what the files are; it cannot be had while they are read. Choose one of both.")
    found = survey(folder, year_of_public_files(year, load_settings()))
    if as_json:
        typer.echo(json.dumps(survey_as_json(found), indent=2))
    else:
        tell_public_folder(folder, found)
    if found.faults or not found.can_estimate:
        raise typer.Exit(1)
    if out is not None:
        ingest(PublicFolder(folder.absolute()).of_year(found.year), out, load_settings(), found.year)
        tell_universe(out, found.year)


@app.command("check", epilog="Example: PGHOST=db PGUSER=nibrs nibrs ingest check")
def ingest_check(as_json: JsonOption = False) -> None:
    """Check the FBI's database: tables, columns, types, rows, keys, codes, numbers and references.

    Exits with 1 if there is an error. The flow contract does the same, with files and a page.
    """
    database = load_settings().database()
    if database is None:
        raise UsageError("No database is configured. Set PGHOST, PGUSER, PGPASSWORD and PGDATABASE.")
    found = check_database(database, DEFAULT_SCHEMA).failures
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in found], indent=2, default=str))
    else:
        print_findings([(_subject(finding), finding.severity, finding.message) for finding in found])
    errors = sum(finding.severity == "error" for finding in found)
    if not as_json:
        console.print(
            f"{len(TABLES)} tables of {database} checked for rows, columns, types, rights, keys, codes, numbers and "
            f"references: errors {errors}, warnings {len(found) - errors}.",
            highlight=False,
        )
    if errors:
        raise typer.Exit(1)


def _subject(finding: Check) -> str:
    return f"{finding.table}.{finding.column}" if finding.column else finding.table
