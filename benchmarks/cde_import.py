"""From a zip's CSVs to validated Parquet, against what DuckDB takes merely to read the same CSVs as text.

    python benchmarks/cde_import.py [ZIP ...]

Without zips: Vermont 2024 where NIBRS_SHARED_DATA (default ../shared/data) holds it, and a synthetic California of a
million incidents, rendered first. DuckDB reads the unpacked CSVs into tables of text with two threads; the importer
starts from the zip.
"""

import os
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import duckdb
import polars as pl

LIMIT = 3.0
YEAR, SEED, SCALE, STATE = 2024, 1, 1.0, "CA"
VERMONT = Path(os.environ.get("NIBRS_SHARED_DATA", "../shared/data")).resolve() / "cde" / "VT-2024.zip"
REPEATS = 3


def synthetic_state(path: Path) -> Path:
    from nibrs_estimation.sources.synthetic.history import state_year
    from nibrs_estimation.sources.synthetic.incidents import reported_segments
    from nibrs_estimation.sources.synthetic.nation import agency_frame
    from nibrs_estimation.sources.synthetic.render_cde import render_cde

    agencies = agency_frame(YEAR, SEED, SCALE).filter(pl.col("state_abbr") == STATE)
    frames = {"agency": agencies, "report_month": state_year(agencies, YEAR, SEED).months}
    frames |= reported_segments(agencies, YEAR, SEED)
    render_cde({name: frame.lazy() for name, frame in frames.items()}, STATE, YEAR, 2, path)
    return path


def import_seconds(path: Path, folder: Path) -> tuple[float, int]:
    from nibrs_estimation.pipeline.standalone import Folders, run_tasks
    from nibrs_estimation.sources.cde import CdeSource

    started = time.perf_counter()
    source = CdeSource((path,))
    probe = source.probe(YEAR, SEED)
    outcomes = run_tasks(source.tasks(), Folders(folder, folder), {"year": YEAR}, {}, partitions=probe.partitions)
    if outcomes[-1].state == "failed":
        raise SystemExit(outcomes[-1].message)
    seconds = time.perf_counter() - started
    return seconds, pl.scan_parquet(folder / "incident" / "*.parquet").select(pl.len()).collect().item()


def duckdb_seconds(path: Path, folder: Path) -> float:
    with zipfile.ZipFile(path) as file:
        members = [name for name in file.namelist() if name.lower().endswith(".csv")]
        file.extractall(folder, members)
    connection = duckdb.connect(config={"threads": 2})
    started = time.perf_counter()
    for name in members:
        rows = f"read_csv('{folder / name}', all_varchar = true, header = true)"
        connection.execute(f"CREATE OR REPLACE TEMP TABLE member AS FROM {rows}")
    return time.perf_counter() - started


def measure(path: Path) -> None:
    ours, theirs, incidents = [], [], 0
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
            seconds, incidents = import_seconds(path, Path(first))
            ours.append(seconds)
            theirs.append(duckdb_seconds(path, Path(second)))
    ratio = min(ours) / min(theirs)
    print(
        f"{path.name:<16} {incidents:>9,} incidents: import {min(ours):6.2f} s, DuckDB {min(theirs):6.2f} s, "
        f"ratio {ratio:.2f} (limit {LIMIT:.0f})"
    )


def main() -> None:
    paths = [Path(argument) for argument in sys.argv[1:]]
    for path in paths or ([VERMONT] if VERMONT.is_file() else []):
        measure(path)
    if not paths:
        with tempfile.TemporaryDirectory() as folder:
            measure(synthetic_state(Path(folder) / f"{STATE}-{YEAR}.zip"))


if __name__ == "__main__":
    main()
