"""`nibrs explore`: the estimates of runs in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command(epilog="Examples: nibrs explore --run us-2024; nibrs explore --site explorer --no-browser")
def explore(
    runs: Annotated[
        list[str] | None,
        typer.Option("--run", help="Id of a run; may be repeated for several years. Default: the newest finished run."),
    ] = None,
    site: Annotated[
        Path | None, typer.Option("--site", metavar="FOLDER", help="A folder of `nibrs publish site`, instead of runs.")
    ] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on 127.0.0.1; 0 is any free one.")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the browser.")] = False,
) -> None:
    """Look at the estimates of runs in the browser: tables, charts, maps and comparisons."""
    from nibrs_estimation.cli.explorer import explore as serve  # noqa: PLC0415 (Polars is slow to import)

    serve(tuple(runs or ()), site, port, opens_browser=not no_browser)
