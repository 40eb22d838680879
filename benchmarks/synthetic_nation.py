"""Time and peak memory of the synthetic nation: the incidents of a data year, and five years of history.

    python benchmarks/synthetic_nation.py [SCALE]

Each part is made by a process of its own, which writes and checks its datasets as a run does.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

YEAR, SEED = 2024, 1
LIMITS_S = {"ingest_incidents": 720.0, "ingest_agencies": 120.0}
LIMIT_GIB = 8.0
NAMES = {"ingest_incidents": "incidents of a year", "ingest_agencies": "five years of history"}


def run(task_name: str, scale: float, folder: Path) -> None:
    from nibrs_estimation.pipeline.standalone import Folders, run_tasks
    from nibrs_estimation.sources.synthetic import SyntheticSource

    source = SyntheticSource(scale)
    task = next(task for task in source.tasks() if task.name == task_name)
    outcomes = run_tasks(
        [task],
        Folders(folder, folder),
        {"year": YEAR, "seed": SEED},
        {},
        partitions=source.probe(YEAR, SEED).partitions,
    )
    if outcomes[-1].state == "failed":
        raise SystemExit(outcomes[-1].message)
    print(max(outcome.manifest.peak_memory_bytes or 0 for outcome in outcomes if outcome.manifest))


def main() -> None:
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    if len(sys.argv) > 2:
        run(sys.argv[2], scale, Path(sys.argv[3]))
        return
    for task_name, limit_s in LIMITS_S.items():
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            command = [sys.executable, __file__, str(scale), task_name, folder]
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            seconds = time.perf_counter() - started
            gib = int(told) / 2**30
            size = sum(path.stat().st_size for path in Path(folder).rglob("*.parquet")) / 2**30
        print(
            f"{NAMES[task_name]:<24} {seconds:7.1f} s (limit {limit_s:.0f} s, ratio {seconds / limit_s:.2f}); "
            f"{gib:5.2f} GiB (limit {LIMIT_GIB:.0f} GiB, ratio {gib / LIMIT_GIB:.2f}); {size:.2f} GiB of Parquet"
        )


if __name__ == "__main__":
    main()
