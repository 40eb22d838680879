"""Parts by a key that is not the source's: in runs, when they are kept, removed or made again, and on plain files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nibrs_estimation.pipeline.dataset import Column, Dataset
from nibrs_estimation.pipeline.engines.inline import run_inline
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.externals import NO_LOCATIONS
from nibrs_estimation.pipeline.flow import Flow
from nibrs_estimation.pipeline.run import RunResult, RunSettings, run_flow
from nibrs_estimation.pipeline.schedule import Watcher
from nibrs_estimation.pipeline.source import Probe
from nibrs_estimation.pipeline.standalone import Folders, run_tasks
from nibrs_estimation.pipeline.store import LocalStore
from nibrs_estimation.pipeline.task import PARTITION, Task

STATE = Column("state_abbr", "str", "State.")
PART = Column("part", "str", "Part.")
N = Column("n", "int64", "Number.")
NUMBERS = Dataset("numbers", "By state.", (STATE, N), ("state_abbr",), partition_key="state_abbr")
SUMS = Dataset("sums", "Of all states.", (STATE, N), ("state_abbr",))
TURNED = Dataset("turned", "All states, by part.", (PART, STATE, N), ("part", "state_abbr"), partition_key="part")
SPREAD = Dataset("spread", "The sum, by part.", (PART, N), ("part",), partition_key="part")
WHOLE = Dataset("whole", "Number of states.", (N,), ("n",))
PAIRED = Dataset("paired", "Both, by part.", (PART, N), ("part",), partition_key="part")
BACK = Dataset("back", "All parts, by state.", (STATE, N), ("state_abbr",), partition_key="state_abbr")

#: What the tasks are cut by; tests change it. One part has a state's name.
PARTS = ["1a", "VT"]
BROKEN: list[str] = []


def parts() -> tuple[str, ...]:
    return tuple(PARTS)


@pytest.fixture(autouse=True)
def fresh_parts() -> Iterator[None]:
    yield
    PARTS[:], BROKEN[:] = ["1a", "VT"], []


@dataclass
class Nation:
    """A source of one number for each state."""

    values: dict[str, int] = field(default_factory=lambda: {"NB": 1, "VT": 2})
    spec: str = "nation"

    def probe(self, year: int, seed: int) -> Probe:
        return Probe((year,), {"state_abbr": tuple(self.values)}, str(self.values), True, "toy")

    def read(self, partition: str) -> pl.DataFrame:
        return pl.DataFrame({"state_abbr": [partition], "n": [self.values[partition]]})

    def tasks(self) -> tuple[Task, ...]:
        return (Task("read", self.read, (NUMBERS,), (), (PARTITION,), partition_by="state_abbr"),)


def add(numbers: pl.LazyFrame) -> pl.LazyFrame:
    """Pass on."""
    return numbers


def turn(numbers: pl.LazyFrame, sums: pl.LazyFrame, partition: str) -> pl.LazyFrame:
    """All states' numbers, under the name of a part."""
    if partition in BROKEN:
        raise PipelineError(f"{partition} is broken.")
    return numbers.join(sums, on="state_abbr", how="semi").select(pl.lit(partition).alias("part"), "state_abbr", "n")


class Asked(Mapping[str, pl.DataFrame]):
    """A table for each part, made when it is asked for."""

    def __init__(self, total: int) -> None:
        self._total = total

    def __getitem__(self, part: str) -> pl.DataFrame:
        return pl.DataFrame({"part": [part], "n": [100 * self._total]})

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("parts are asked for one at a time")

    def __len__(self) -> int:
        raise AssertionError("parts are asked for one at a time")


def spread(numbers: pl.LazyFrame) -> dict[str, Any]:
    """The sum for every part, beside a table that has none."""
    values = numbers.collect()["n"]
    return {"spread": Asked(int(values.sum())), "whole": pl.DataFrame({"n": [len(values)]})}


def pair(turned: pl.LazyFrame, spread: pl.LazyFrame, partition: str) -> pl.LazyFrame:
    """Add up the two of a part."""
    both = pl.concat([turned.select("part", "n"), spread])
    assert both.collect()["part"].unique().to_list() == [partition]
    return both.group_by("part").agg(pl.col("n").sum())


def back(numbers: pl.LazyFrame, turned: pl.LazyFrame, spread: pl.LazyFrame, partition: str) -> pl.LazyFrame:
    """Add up a state's numbers of all parts."""
    assert numbers.collect()["state_abbr"].to_list() == [partition]
    assert spread.collect()["part"].to_list() == PARTS
    return turned.filter(pl.col("state_abbr") == partition).group_by("state_abbr").agg(pl.col("n").sum())


TASKS = (
    Task("add", add, (SUMS,), (NUMBERS,)),
    Task("turn", turn, (TURNED,), (NUMBERS, SUMS), (PARTITION,), partition_by="part", partitions=parts),
    Task("spread", spread, (SPREAD, WHOLE), (NUMBERS,), partitions=parts),
    Task("pair", pair, (PAIRED,), (TURNED, SPREAD), (PARTITION,), partition_by="part", partitions=parts),
    Task("back", back, (BACK,), (NUMBERS, TURNED, SPREAD), (PARTITION,), partition_by="state_abbr"),
)
READ = ["read[NB]", "read[VT]"]
DERIVED = ["add", "turn[1a]", "turn[VT]", "spread", "pair[1a]", "pair[VT]", "back[NB]", "back[VT]"]


def run(folder: Path, source: Nation | None = None) -> RunResult:
    settings = RunSettings(
        run_id="parts",
        scratch=folder / "scratch",
        artifacts=LocalStore(folder / "artifacts"),
        externals=LocalStore(folder / "externals"),
        locations=NO_LOCATIONS,
        source=source or Nation(),
        parameters={"year": 2024, "seed": 1},
    )
    flow = Flow("all", "Toy.", TASKS, publishes=(TURNED, SPREAD, WHOLE, BACK))
    return run_flow(flow, settings, run_inline, Watcher())


def ran(result: RunResult) -> list[str]:
    return [key for key, outcome in result.outcomes.items() if outcome.state == "done"]


def rows(folder: Path, name: str) -> dict[str, list[tuple[Any, ...]]]:
    return {path.stem: pl.read_parquet(path).rows() for path in sorted((folder / name).iterdir())}


def check(folder: Path) -> None:
    assert rows(folder, "turned") == {
        "1a": [("1a", "NB", 1), ("1a", "VT", 2)],
        "VT": [("VT", "NB", 1), ("VT", "VT", 2)],
    }
    assert rows(folder, "spread") == {"1a": [("1a", 300)], "VT": [("VT", 300)]}
    (whole,) = folder.rglob("whole.parquet")
    assert pl.read_parquet(whole).rows() == [(2,)]
    assert rows(folder, "back") == {"NB": [("NB", 2)], "VT": [("VT", 4)]}


def test_every_part_reads_all_states_and_every_state_all_parts(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert ran(result) == [*READ, *DERIVED]
    check(result.root / "datasets")
    assert rows(result.root / "datasets", "paired") == {"1a": [("1a", 303)], "VT": [("VT", 303)]}
    check(tmp_path / "artifacts" / "parts")


def test_a_second_run_keeps_all_parts_and_a_changed_input_makes_them_again(tmp_path: Path) -> None:
    run(tmp_path)
    assert ran(run(tmp_path)) == []
    assert ran(run(tmp_path, Nation({"NB": 1, "VT": 5}))) == [*READ, *DERIVED]
    changed = run(tmp_path, Nation({"VT": 5}))
    assert rows(changed.root / "datasets", "turned")["1a"] == [("1a", "VT", 5)]
    assert list(rows(changed.root / "datasets", "back")) == ["VT"]


def test_a_lost_part_alone_is_made_again(tmp_path: Path) -> None:
    root = run(tmp_path).root
    (root / "datasets/turned/1a.parquet").unlink()
    assert ran(run(tmp_path)) == ["turn[1a]"]
    (root / "datasets/spread/VT.parquet").unlink()
    assert ran(run(tmp_path)) == ["spread"]
    check(root / "datasets")


def test_a_run_that_was_stopped_goes_on_with_the_parts_that_are_not_there(tmp_path: Path) -> None:
    BROKEN.append("VT")
    stopped = run(tmp_path)
    assert {key: outcome.state for key, outcome in stopped.outcomes.items() if outcome.state != "done"} == {
        "turn[VT]": "failed", "pair[VT]": "blocked", "back[NB]": "blocked", "back[VT]": "blocked",
    }  # fmt: skip
    assert not any(name.startswith(("turned", "back")) for name in stopped.published)
    BROKEN.clear()
    assert ran(run(tmp_path)) == ["turn[VT]", "pair[VT]", "back[NB]", "back[VT]"]
    check(tmp_path / "artifacts" / "parts")


def test_new_parts_are_made_and_old_ones_removed(tmp_path: Path) -> None:
    run(tmp_path)
    PARTS.append("NB")
    root = run(tmp_path).root
    assert rows(root / "datasets", "paired")["NB"] == [("NB", 303)]
    assert ran(run(tmp_path)) == []
    PARTS[:] = ["VT"]
    assert ran(run(tmp_path)) == ["spread", "back[NB]", "back[VT]"]
    for name in ("turned", "spread", "paired"):
        assert list(rows(root / "datasets", name)) == ["VT"]
    assert [path.name for path in (root / "manifests/turn").iterdir()] == ["VT.json"]


def test_parts_are_those_of_the_program_on_plain_files_too(tmp_path: Path) -> None:
    inputs, outputs = tmp_path / "in", tmp_path / "out"
    (inputs / "numbers").mkdir(parents=True)
    pl.DataFrame({"state_abbr": ["VT", "NB"], "n": [2, 1]}).write_csv(inputs / "numbers" / "any.csv")
    keys = [outcome.key for outcome in run_tasks(TASKS, Folders(inputs, outputs), {}, {})]
    assert keys == DERIVED
    check(outputs)
    run_tasks(TASKS, Folders(inputs, outputs), {}, {})
    PARTS.remove("VT")
    with pytest.raises(PipelineError, match=r"would write turned next to .*turned/VT.parquet"):
        run_tasks(TASKS, Folders(inputs, outputs), {}, {})
