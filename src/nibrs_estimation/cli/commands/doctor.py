"""`nibrs doctor`: check the machine and the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nibrs_estimation.cli.console import print_findings
from nibrs_estimation.cli.doctor import examine, examine_downloads
from nibrs_estimation.cli.public_folder import year_of_public_files
from nibrs_estimation.cli.settings import load_settings
from nibrs_estimation.pipeline.errors import UsageError

app = typer.Typer()


@app.command(epilog="Example: nibrs doctor --public downloads --year 2022")
def doctor(
    public: Annotated[
        Path | None, typer.Option("--public", help="Folder of public downloads: say what is still missing.")
    ] = None,
    year: Annotated[int | None, typer.Option("--year", help="Data year of the downloads. Default: DATA_YEAR.")] = None,
) -> None:
    """Check Python, memory, disk, settings, database, stores and folders, and report what to correct.

    Writes a small file to the folders of runs and removes it again. Exits with 1 if something must be corrected.
    """
    settings = load_settings()
    if public is None and year is not None:
        raise UsageError("--year is the data year of a folder of downloads. Name the folder, too, with --public.")
    results = examine(settings)
    if public is not None:
        results += examine_downloads(public, year_of_public_files(year, settings))
    print_findings([(result.what, result.state, result.finding) for result in results])
    if any(result.state == "fix" for result in results):
        raise typer.Exit(1)
