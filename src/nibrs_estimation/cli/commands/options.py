"""Options of several commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nibrs_estimation.cli.console import Engine

SeedOption = Annotated[int | None, typer.Option("--seed", help="Seed of the random numbers. Default: NIBRS_SEED.")]
EngineOption = Annotated[Engine | None, typer.Option("--engine", help="Where tasks run. Default: NIBRS_ENGINE.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
OutOption = Annotated[Path, typer.Option("--out", help="Folder for the datasets; created if it does not exist.")]
