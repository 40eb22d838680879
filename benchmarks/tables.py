"""Counting and estimation of all tables, geographies and demographic series for a nation of full size.

    uv run python benchmarks/tables.py [--scale 1.0] [--run FOLDER]

Makes a run of a synthetic nation, or reads a finished one (`scratch/<run_id>/all`), and takes times and peaks of memory
from its manifests. Limits: counting 5 minutes and 8 GiB; base cells 1 minute; series 10 minutes and 12 GiB.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl


@dataclass(frozen=True)
class Limit:
    """What a task may take."""

    task: str
    what: str
    minutes: float
    gib: float


LIMITS = (
    Limit("count_units", "counting all tables, all atoms", 5.0, 8.0),
    Limit("estimate_cells", "base cells x geographies", 1.0, 12.0),
    Limit("estimate_series", "series x geographies", 10.0, 12.0),
)
ESTIMATES = {"estimate_cells": "cell_estimate", "estimate_series": "series_estimate"}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--scale", type=float, default=1.0)
    options.add_argument("--run", type=Path, help="folder of a finished run")
    arguments = options.parse_args()
    if arguments.run is not None:
        report(arguments.run)
        return
    with tempfile.TemporaryDirectory() as folder:
        command = ["run", "all", "tables", "--source", f"synthetic:{arguments.scale}", "--year", "2024"]
        subprocess.run([sys.executable, "-m", "nibrs_estimation", *command], cwd=folder, check=True)
        report(Path(folder) / "scratch" / "tables" / "all")


def report(run: Path) -> None:
    for limit in LIMITS:
        paths = [*run.glob(f"manifests/{limit.task}.json"), *run.glob(f"manifests/{limit.task}/*.json")]
        units = [json.loads(path.read_text()) for path in paths]
        if not units:
            print(f"{limit.what}: not done in this run")
            continue
        minutes = sum(unit["duration_s"] for unit in units) / 60
        gib = max(unit["peak_memory_bytes"] for unit in units) / 2**30
        print(f"{limit.what}: {len(units)} units")
        print(f"  {minutes:6.2f} min, limit {limit.minutes:4.0f} min, ratio {minutes / limit.minutes:.2f}")
        print(f"  {gib:6.2f} GiB, limit {limit.gib:4.0f} GiB, ratio {gib / limit.gib:.2f}")
        if limit.task in ESTIMATES:
            cells = pl.scan_parquet(run / "datasets" / ESTIMATES[limit.task] / "*.parquet")
            places = pl.struct("series_number", "geography_number").n_unique()
            number, pairs = cells.select(pl.len(), places).collect().row(0)
            print(f"  {number:,} cells that are not 0, of {pairs:,} pairs of geography and series")


if __name__ == "__main__":
    main()
