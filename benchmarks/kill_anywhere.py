"""Kill a run at random moments (SIGKILL), run it again, and compare with an undisturbed run, byte by byte.

uv run python -m benchmarks.kill_anywhere
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from tests.support.outputs import outputs_of

from nibrs_estimation.stats.random import uniform

RUN = ["run", "all", "killed", "--source", "synthetic:0.01", "--year", "2024"]
#: Importing the program takes about this long; before it there is nothing to harm.
START_S = 1.0


def start(folder: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "nibrs_estimation", *RUN],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    kills = parser.parse_args().kills
    with tempfile.TemporaryDirectory() as place:
        whole = Path(place) / "whole"
        whole.mkdir()
        started = time.perf_counter()
        assert start(whole).wait() == 0
        length = time.perf_counter() - started
        expected = outputs_of(whole)
        moments = START_S + (length - START_S) * uniform(1, "kill_anywhere", np.arange(kills))
        same = caught = 0
        for number, moment in enumerate(moments):
            folder = Path(place) / str(number)
            folder.mkdir()
            run = start(folder)
            try:
                run.wait(timeout=moment)
            except subprocess.TimeoutExpired:
                os.killpg(run.pid, signal.SIGKILL)
                caught += run.wait() == -signal.SIGKILL
            is_same = start(folder).wait() == 0 and outputs_of(folder) == expected
            same += is_same
            if not is_same:
                print(f"killed after {moment:.2f} s: the outputs differ")
            subprocess.run(["rm", "-rf", folder], check=True)
    print(
        f"{kills} runs of {length:.1f} s, {caught} killed on the way, {same} with identical bytes: {same / kills:.2f}"
    )
    if same != kills:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
