"""Time and peak memory of the demo, and of Vermont from zip to estimates, as a user runs them.

Vermont needs VT-2024.zip under NIBRS_SHARED_DATA (default ../shared/data), and is left out where it is absent.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DEMO_LIMIT_S, DEMO_LIMIT_GIB, VERMONT_LIMIT_S = 60.0, 2.0, 10.0
VERMONT = Path(os.environ.get("NIBRS_SHARED_DATA", "../shared/data")).resolve() / "cde" / "VT-2024.zip"


def measure(*arguments: str) -> tuple[float, float]:
    """Seconds and peak GiB of `nibrs ARGUMENTS` in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "nibrs_estimation", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
        seconds = time.perf_counter() - started
    # The largest child so far: measure the smaller job first.
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20


def report(what: str, value: float, unit: str, limit: float) -> None:
    print(f"{what:<28} {value:8.2f} {unit:<4} limit {limit:6.1f} {unit:<4} ratio {value / limit:.2f}")


def main() -> None:
    if VERMONT.is_file():
        seconds, gib = measure("run", "all", "vt", "--year", "2024", "--source", f"cde:{VERMONT}")
        report("Vermont, time", seconds, "s", VERMONT_LIMIT_S)
        print(f"{'Vermont, peak memory':<28} {gib:8.2f} GiB")
    else:
        print(f"Vermont left out: no {VERMONT}")
    seconds, gib = measure("demo")
    report("demo, time", seconds, "s", DEMO_LIMIT_S)
    report("demo, peak memory", gib, "GiB", DEMO_LIMIT_GIB)


if __name__ == "__main__":
    main()
