"""Copied months at national scale: time and peak memory of the references, the counts behind them, and the checks.

    uv run python benchmarks/national_blocks.py [--scale 1.0]

At scale 1 the nation has about 14 million incidents a year, of which some 8 million are reported.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

LIMIT_S, LIMIT_GIB = 30.0, 4.0
TASKS = ("judge_months", "fill_months", "count_blocks", "check_blocks")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--scale", type=float, default=1.0)
    scale = options.parse_args().scale
    with tempfile.TemporaryDirectory() as folder:
        command = [
            "run",
            "all",
            "blocks",
            "--year",
            "2024",
            "--source",
            f"synthetic:{scale}",
            "--until",
            "check_blocks",
        ]
        subprocess.run(
            [sys.executable, "-m", "nibrs_estimation", *command], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
        seconds: defaultdict[str, float] = defaultdict(float)
        peak: defaultdict[str, float] = defaultdict(float)
        for file in Path(folder).rglob("manifests/**/*.json"):
            manifest = json.loads(file.read_text(encoding="utf-8"))
            task = manifest["unit"].partition("[")[0]
            seconds[task] += manifest["duration_s"]
            peak[task] = max(peak[task], (manifest["peak_memory_bytes"] or 0) / 2**30)
    for task in TASKS:
        print(f"  {task:<16}{seconds[task]:8.2f} s {peak[task]:6.2f} GiB")
    total, largest = sum(seconds[task] for task in TASKS), max(peak[task] for task in TASKS)
    print(f"time {total:.2f} s, limit {LIMIT_S:.0f} s, ratio {total / LIMIT_S:.2f}")
    print(f"peak {largest:.2f} GiB, limit {LIMIT_GIB:.0f} GiB, ratio {largest / LIMIT_GIB:.2f}")


if __name__ == "__main__":
    main()
