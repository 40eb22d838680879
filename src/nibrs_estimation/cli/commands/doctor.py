"""`nibrs doctor`: check the machine and the settings."""

from __future__ import annotations

import typer

from nibrs_estimation.cli.console import print_findings
from nibrs_estimation.cli.doctor import examine
from nibrs_estimation.cli.settings import load_settings

app = typer.Typer()


@app.command(epilog="Example: nibrs doctor")
def doctor() -> None:
    """Check Python, memory, disk, settings, database, stores and folders, and report what to correct.

    Writes a small file to the folders of runs and removes it again. Exits with 1 if something must be corrected.
    """
    results = examine(load_settings())
    print_findings([(result.what, result.state, result.finding) for result in results])
    if any(result.state == "fix" for result in results):
        raise typer.Exit(1)
