"""`nibrs externals`: check, fetch and add external files."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from nibrs_estimation.cli.console import MARKS, console, errors, plain
from nibrs_estimation.cli.settings import Settings, load_settings
from nibrs_estimation.pages import counted
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.externals import add_file, check_files, read_locations
from nibrs_estimation.pipeline.store import open_store
from nibrs_estimation.sources.external_files import FILES
from nibrs_estimation.sources.universe_file import UNIVERSE_FILE

app = typer.Typer(no_args_is_help=True, help="Check, fetch and add external files.")
_KNOWN = (*FILES, UNIVERSE_FILE.code_name)

YearOption = Annotated[int | None, typer.Option("--year", help="Only files of this data year. Default: all.")]


@app.command(epilog="Example: nibrs externals check --year 2024")
def check(year: YearOption = None) -> None:
    """Check that every listed external file can be fetched and has the listed hash.

    Exit code 1 if a file is missing or differs.
    """
    _check(load_settings(), year, None)


@app.command(epilog="Example: EXTERNAL_FILE_PATH=externals nibrs externals fetch --year 2024")
def fetch(
    year: YearOption = None,
    to: Annotated[Path | None, typer.Option("--to", help="Folder. Default: EXTERNAL_FILE_PATH.")] = None,
) -> None:
    """Fetch the listed external files to a folder, for statistics mode, and check their hashes.

    A file that is missing or differs is named at the end; the others are fetched. Then the exit code is 1.
    """
    settings = load_settings()
    target = to or settings.external_file_path
    if target is None:
        raise UsageError("Name the folder for the files with --to, or set EXTERNAL_FILE_PATH.")
    _check(settings, year, target)


@app.command(epilog="Example: nibrs externals add population.csv --year 2024 --name population")
def add(
    file: Annotated[Path, typer.Argument(help="The file.")],
    year: Annotated[int, typer.Option("--year", min=1985, max=2100, help="Data year that uses it.")],
    name: Annotated[str, typer.Option("--name", help=f"Code name; runs read {', '.join(_KNOWN)}.")],
    received: Annotated[
        datetime | None, typer.Option("--received", formats=["%Y-%m-%d"], help="Date of receipt. Default: today.")
    ] = None,
) -> None:
    """Copy a file to the external store and list it, with its hash, in EXTERNAL_FILE_LOCATIONS.

    An earlier file of the same name and year stays in the store; runs use the new one from now on.
    """
    settings = load_settings()
    store = open_store(settings.external_store, settings.s3())
    day = received.date() if received else date.today()
    path, sha256 = add_file(settings.external_file_locations, store, file, year, name, day)
    console.print(f"Stored {path} in {store}, SHA-256 {sha256}.", highlight=False, soft_wrap=True)
    console.print(f"Listed as {name} of {year} in {settings.external_file_locations}.", highlight=False, soft_wrap=True)
    if name not in _KNOWN:
        errors.print(
            f"[yellow]Warning:[/] no task of this version reads {plain(name)}, but {', '.join(_KNOWN)}.",
            highlight=False,
        )


def _check(settings: Settings, year: int | None, target: Path | None) -> None:
    locations = read_locations(settings.external_file_locations)
    store = open_store(settings.external_store, settings.s3())
    n_files, n_errors = 0, 0
    for found in check_files(locations, store, year, target):
        unread = "" if found.code_name in _KNOWN else "; no task of this version reads it"
        console.print(
            f"{MARKS[found.state]} {found.year} [bold]{plain(found.code_name)}[/] {plain(found.path)}: "
            f"{plain(found.text)}{unread}",
            highlight=False,
            soft_wrap=True,
        )
        n_files, n_errors = n_files + 1, n_errors + (found.state == "error")
    of_year = f" for {year}" if year is not None else ""
    where = f", fetched to {target}" if target is not None and n_files > n_errors else ""
    console.print(
        f"{counted(n_files, 'file')} listed{of_year}, {n_errors} missing or different{where}.", highlight=False
    )
    if n_errors:
        raise typer.Exit(1)
