"""From a Return A master file to checked Parquet: all agencies of a year.

    uv run python -m benchmarks.return_a_import [FILE]

Without a file: RETURNA2013.zip where NIBRS_SHARED_DATA (default ../shared/data) holds it, else a made-up file of as
many records. The limit is 10 s on two cores.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from tests.support.return_a_file import month, record
from tests.support.shared_data import SHARED_DATA

from nibrs_estimation.pipeline.standalone import Folders, run_tasks
from nibrs_estimation.sources.return_a import ReturnASource

LIMIT_S = 10.0
REPEATS = 3
RECORDS = 22_202
REAL_FILE = SHARED_DATA / "public" / "RETURNA2013.zip"


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("file", type=Path, nargs="?", help="Return A master file, zip or text")
    named = options.parse_args().file or (REAL_FILE if REAL_FILE.is_file() else None)
    with tempfile.TemporaryDirectory() as folder:
        path = named or made_up(Path(folder) / "made_up.txt")
        measured = [import_seconds(path) for _ in range(REPEATS)]
    seconds, of_processor = min(measured)
    print(
        f"{path.name}: {seconds:.2f} s ({of_processor:.2f} s of processor time, {os.cpu_count()} cores), "
        f"ratio {seconds / LIMIT_S:.2f} (limit {LIMIT_S:.0f} s)"
    )


def made_up(path: Path) -> Path:
    """A file of equal agencies that differ in their ORIs."""
    year = [month({1: {0: 1, 20: place, 25: place + 1}}) for place in range(12)]
    text = record(year)
    path.write_text("".join(f"{text[:3]}Z{place:06d}{text[10:]}\r\n" for place in range(RECORDS)))
    return path


def import_seconds(path: Path) -> tuple[float, float]:
    """Seconds on the clock and of the processor, from the file to its datasets."""
    started, of_processor = time.perf_counter(), time.process_time()
    source = ReturnASource(path)
    year = source.newest_year()
    partitions = source.probe(year, 0).partitions
    with tempfile.TemporaryDirectory() as folder:
        outcomes = run_tasks(
            source.tasks(), Folders(Path(folder), Path(folder)), {"year": year}, {}, partitions=partitions
        )
    if outcomes[-1].state == "failed":
        raise SystemExit(outcomes[-1].message)
    return time.perf_counter() - started, time.process_time() - of_processor


if __name__ == "__main__":
    main()
