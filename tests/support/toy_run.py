"""Runs of a toy flow whose source tests can change."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from nibrs_estimation.pipeline.dataset import Column, Dataset, Document
from nibrs_estimation.pipeline.engines.inline import run_inline
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.externals import Locations
from nibrs_estimation.pipeline.flow import Flow
from nibrs_estimation.pipeline.run import RunResult, RunSettings, run_flow
from nibrs_estimation.pipeline.schedule import Watcher
from nibrs_estimation.pipeline.source import Probe
from nibrs_estimation.pipeline.store import LocalStore
from nibrs_estimation.pipeline.task import PARTITION, YEAR, Task

STATE = Column("state_abbr", "str", "State.")
N = Column("n", "int64", "Number.")
PARTS = Dataset("parts", "By state.", (STATE, N), ("n",), partition_key="state_abbr")
SUMS = Dataset("sums", "Sums.", (STATE, N), ("state_abbr",))
LONELY = Dataset("lonely", "Needs nothing.", (STATE, N), ("state_abbr",))
PAGE = Document("page.html", "A page.")


@dataclass
class Nation:
    """A source whose numbers, states and fingerprint tests may change."""

    values: dict[str, int] = field(default_factory=lambda: {"NB": 1, "VT": 2})
    is_content_hash: bool = True
    spec: str = "nation"

    def probe(self, year: int, seed: int) -> Probe:
        return Probe((year,), {"state_abbr": tuple(self.values)}, str(self.values), self.is_content_hash, "toy")

    def read(self, partition: str, year: int) -> pl.DataFrame:
        if self.values[partition] < 0:
            raise PipelineError(f"{partition} is negative.")
        return frame([(partition, self.values[partition] + year)])

    def tasks(self) -> tuple[Task, ...]:
        return (
            Task(
                name="read",
                function=self.read,
                writes=(PARTS,),
                parameters=(YEAR, PARTITION),
                partition_by="state_abbr",
            ),
        )


def frame(rows: list[tuple[str, int]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SUMS.schema, orient="row")


def add(parts: pl.LazyFrame) -> pl.LazyFrame:
    """Pass on."""
    return parts


def alone() -> pl.DataFrame:
    return frame([("US", 0)])


def page(sums: pl.LazyFrame) -> dict[str, Callable[[Path], None]]:
    text = str(sums.collect().rows())
    return {"page.html": lambda path: path.write_text(text) and None}


FLOW = Flow(
    name="all",
    description="Toy.",
    tasks=(
        Task(name="add", function=add, reads=(PARTS,), writes=(SUMS,)),
        Task(name="alone", function=alone, writes=(LONELY,)),
        Task(name="page", function=page, reads=(SUMS,), writes=(PAGE,)),
    ),
    publishes=(SUMS, PAGE, PARTS),
)


def settings_of(folder: Path, source: Nation, run_id: str = "toy", year: int = 2024, **options: Any) -> RunSettings:
    return RunSettings(
        run_id=run_id,
        scratch=folder / "scratch",
        artifacts=LocalStore(folder / "artifacts"),
        externals=LocalStore(folder / "externals"),
        locations=Locations("{}\n", {}),
        source=source,
        parameters={"year": year, "seed": 1},
        **options,
    )


def run(folder: Path, source: Nation, run_id: str = "toy", year: int = 2024, **options: Any) -> RunResult:
    return run_flow(FLOW, settings_of(folder, source, run_id, year, **options), run_inline, Watcher())


def states(result: RunResult) -> dict[str, str]:
    return {key: outcome.state for key, outcome in result.outcomes.items()}


EVERYTHING = ["read[NB]", "read[VT]", "add", "alone", "page"]


def ran(result: RunResult) -> list[str]:
    return [key for key, state in states(result).items() if state == "done"]
