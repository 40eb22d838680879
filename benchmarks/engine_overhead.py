"""What an engine costs per task: the inline engine, and Prefect from the start of its server to its end.

uv run python benchmarks/engine_overhead.py
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from nibrs_estimation.pipeline.dataset import Column, Dataset
from nibrs_estimation.pipeline.engines import make_engine
from nibrs_estimation.pipeline.flow import Plan, make_plan
from nibrs_estimation.pipeline.schedule import Watcher, Work
from nibrs_estimation.pipeline.task import PARTITION, Task

TASKS = 200
INLINE_LIMIT_MS = 20.0
PREFECT_LIMIT_S = 60.0

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


def main() -> None:
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
