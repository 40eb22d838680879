"""A small flow for tests of engines: tasks by state, by another key and for all at once, and a document."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from nibrs_estimation.pipeline.dataset import Column, Dataset, Document
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.flow import Plan, make_plan
from nibrs_estimation.pipeline.manifest import Manifest
from nibrs_estimation.pipeline.parameter import Parameter
from nibrs_estimation.pipeline.schedule import Work
from nibrs_estimation.pipeline.task import PARTITION, SEED, DocumentWriter, Task

STATES = ("CA", "NB", "VT")
KEY = Column("state_abbr", "str", "State.")
N = Column("n", "int64", "Number.")
RAW = Dataset("raw", "Numbers.", (KEY, N), ("n",), partition_key="state_abbr")
SQUARES = Dataset("squares", "Their squares.", (KEY, N), ("n",), partition_key="state_abbr")
TOTALS = Dataset("totals", "Sums of the squares.", (KEY, N), ("state_abbr",))
BY_PARITY = Dataset(
    "by_parity", "The squares.", (Column("parity", "str", "Of n."), KEY, N), ("state_abbr", "n"), partition_key="parity"
)
PAGE = Document("page.html", "The sums, for people.")

BEHAVIOR = Parameter("behavior", "What square does in each state: fail, die, sleep or doze.")


@dataclass(frozen=True)
class Behavior:
    """What the task `square` does besides its work; its text shows no secret, as that of a database does not."""

    by_state: tuple[tuple[str, str], ...] = ()
    secret: str = ""

    def __repr__(self) -> str:
        return f"Behavior({self.by_state})"

    def act(self, state: str) -> None:
        kind = dict(self.by_state).get(state)
        if kind == "fail":
            raise PipelineError(f"{state} fails on purpose.")
        if kind == "die":
            # Prefect learns of a task run from its worker: give it the time to tell.
            time.sleep(1)
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "sleep":
            time.sleep(0.3)
        if kind == "doze":
            time.sleep(4)


def read(partition: str, seed: int) -> pl.DataFrame:
    """Make numbers."""
    return pl.DataFrame({"state_abbr": partition, "n": range(seed, seed + 1000)}, schema=RAW.schema)


def square(raw: pl.LazyFrame, partition: str, behavior: Behavior) -> pl.LazyFrame:
    """Square them."""
    behavior.act(partition)
    return raw.with_columns(pl.col("n") ** 2)


def total(squares: pl.LazyFrame) -> pl.LazyFrame:
    """Add them up."""
    return squares.group_by("state_abbr").agg(pl.col("n").sum())


def parities() -> tuple[str, ...]:
    """A key whose values the source does not know."""
    return ("even", "odd")


def sift(squares: pl.LazyFrame, totals: pl.LazyFrame, partition: str) -> pl.LazyFrame:
    """Take the squares of a parity, of all states."""
    of_parity = squares.filter(pl.col("n") % 2 == parities().index(partition))
    return of_parity.join(totals, on="state_abbr", how="semi").with_columns(parity=pl.lit(partition))


def page(totals: pl.LazyFrame) -> dict[str, DocumentWriter]:
    """Show the sums."""
    text = "".join(f"<p>{state}: {n}</p>" for state, n in totals.collect().rows())

    def write(path: Path) -> None:
        path.write_text(text, encoding="utf-8")

    return {PAGE.name: write}


def tasks(memory: str = "small") -> tuple[Task, ...]:
    """The tasks, with the memory class of `square`."""
    return (
        Task("read", read, (RAW,), parameters=(PARTITION, SEED), partition_by="state_abbr"),
        Task("square", square, (SQUARES,), (RAW,), (PARTITION, BEHAVIOR), partition_by="state_abbr", memory=memory),
        Task("total", total, (TOTALS,), (SQUARES,)),
        Task("sift", sift, (BY_PARITY,), (SQUARES, TOTALS), (PARTITION,), partition_by="parity", partitions=parities),
        Task("page", page, (PAGE,), (TOTALS,)),
    )


def plan(memory: str = "small") -> Plan:
    """The flow's plan."""
    return make_plan(tasks(memory), {"state_abbr": STATES})


def work(root: Path, behavior: dict[str, str] | None = None, *, memory: str = "small", **options: Any) -> Work:
    """A run of the flow in a folder of its own; ``behavior`` says what `square` does in a state."""
    acts = Behavior(tuple((behavior or {}).items()), secret=options.pop("secret", ""))
    return Work(plan=plan(memory), root=root, parameters={"seed": 7, "behavior": acts}, **options)


def start_s(manifest: Manifest) -> float:
    """When a unit started, in seconds."""
    return datetime.fromisoformat(manifest.started).timestamp()
