"""What an engine costs per task: the inline engine, and Prefect from the start of its server to its end.

uv run python benchmarks/engine_overhead.py
"""

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from nibrs_estimation.flows.registry import find_flow
from nibrs_estimation.model.parameters import METHOD_DEFAULTS
from nibrs_estimation.pipeline.dataset import Column, Dataset
from nibrs_estimation.pipeline.engines import make_engine
from nibrs_estimation.pipeline.externals import NO_LOCATIONS
from nibrs_estimation.pipeline.flow import Plan, make_plan
from nibrs_estimation.pipeline.run import RunSettings, run_flow
from nibrs_estimation.pipeline.schedule import Watcher, Work
from nibrs_estimation.pipeline.store import LocalStore
from nibrs_estimation.pipeline.task import PARTITION, Task
from nibrs_estimation.sources.registry import open_source

TASKS = 200
INLINE_LIMIT_MS = 20.0
PREFECT_LIMIT_S = 60.0
DEMO_LIMIT = 0.03

KEY = Column("part", "str", "Part.")
ROW = Dataset("row", "One row.", (KEY,), ("part",), partition_key="part")


def one_row(partition: str) -> pl.DataFrame:
    return pl.DataFrame({"part": [partition]})


def plan() -> Plan:
    task = Task("one_row", one_row, (ROW,), parameters=(PARTITION,), partition_by="part")
    return make_plan((task,), {"part": tuple(f"{number:03}" for number in range(TASKS))})


def seconds(engine_name: str) -> float:
    with TemporaryDirectory() as folder:
        started = time.perf_counter()
        outcomes = make_engine(engine_name, "overhead", workers=2)(Work(plan(), Path(folder), {}), Watcher())
        assert {outcome.state for outcome in outcomes.values()} == {"done"}
        return time.perf_counter() - started


def demo_share() -> float:
    """What the inline engine takes for itself, all but its units' own work, as a share of the time of `nibrs demo`."""
    with TemporaryDirectory() as folder:
        settings = RunSettings(
            run_id="overhead",
            scratch=Path(folder) / "scratch",
            artifacts=LocalStore(Path(folder) / "artifacts"),
            externals=LocalStore(Path(folder) / "externals"),
            locations=NO_LOCATIONS,
            source=open_source("synthetic:0.01", None),
            parameters={"year": 2024, "seed": 1, "database": None, **METHOD_DEFAULTS},
        )
        started = time.perf_counter()
        result = run_flow(find_flow("all"), settings, make_engine("inline", "all", workers=1), Watcher())
        overhead = time.perf_counter() - started - sum(outcome.duration_s for outcome in result.outcomes.values())
        started = time.perf_counter()
        demo = [sys.executable, "-m", "nibrs_estimation", "demo"]
        subprocess.run(demo, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        return overhead / (time.perf_counter() - started)


def main() -> None:
    share = demo_share()
    print(f"inline: {share:.1%} of a demo run, {share / DEMO_LIMIT:.2f} of the limit of {DEMO_LIMIT:.0%}")
    inline_ms = 1000 * seconds("inline") / TASKS
    print(
        f"inline: {inline_ms:.1f} ms per task, {inline_ms / INLINE_LIMIT_MS:.2f} of the limit of {INLINE_LIMIT_MS} ms"
    )
    prefect_s = seconds("prefect")
    print(
        f"prefect: {prefect_s:.1f} s for {TASKS} tasks with start and end, {prefect_s / PREFECT_LIMIT_S:.2f} of the "
        f"limit of {PREFECT_LIMIT_S} s"
    )


if __name__ == "__main__":
    main()
