"""A task's external file comes from a real S3 protocol server into the run, of the vintage that was asked for."""

from pathlib import Path

import polars as pl
import pytest
from pydantic import SecretStr
from tests.support.s3 import CREDENTIALS

from nibrs_estimation.pipeline.dataset import Column, Dataset
from nibrs_estimation.pipeline.engines.inline import run_inline
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.externals import ExternalFile, read_locations
from nibrs_estimation.pipeline.flow import Flow
from nibrs_estimation.pipeline.run import RunResult, RunSettings, run_flow
from nibrs_estimation.pipeline.schedule import Watcher
from nibrs_estimation.pipeline.store import LocalStore, S3Options, open_store
from nibrs_estimation.pipeline.task import Task
from nibrs_estimation.sources.synthetic import SyntheticSource

PEOPLE = Dataset("people", "People.", (Column("n", "int64", "Number."),), ("n",))
POPULATION = ExternalFile("population", "population by state")
EXTRA = ExternalFile("extra", "not needed", is_required=False)


def count_people(population: Path, extra: Path | None) -> pl.DataFrame:
    assert extra is None
    return pl.DataFrame({"n": [int(population.read_text())]})


FLOW = Flow(
    "people",
    "Toy.",
    (Task(name="count_people", function=count_people, writes=(PEOPLE,), externals=(POPULATION, EXTRA)),),
    (PEOPLE,),
)


def run(folder: Path, endpoint: str, bucket: str, text: str, year: int = 2024) -> RunResult:
    (folder / "external_file_locations.json").write_text(text)
    options = S3Options(
        endpoint, "us-east-1", CREDENTIALS["AWS_ACCESS_KEY_ID"], SecretStr(CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
    )
    settings = RunSettings(
        run_id="externals",
        scratch=folder / "scratch",
        artifacts=LocalStore(folder / "artifacts"),
        externals=open_store(f"s3://{bucket}/externals", options),
        locations=read_locations(folder / "external_file_locations.json"),
        source=SyntheticSource(),
        parameters={"year": year, "seed": 1},
    )
    return run_flow(FLOW, settings, run_inline, Watcher())


def put(folder: Path, endpoint: str, bucket: str, content: str, key: str) -> None:
    options = S3Options(
        endpoint, "us-east-1", CREDENTIALS["AWS_ACCESS_KEY_ID"], SecretStr(CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
    )
    (folder / "local").write_text(content)
    open_store(f"s3://{bucket}/externals", options).put(folder / "local", key)


def test_externals_come_from_s3(s3_endpoint: str, s3_bucket: str, tmp_path: Path) -> None:
    put(tmp_path, s3_endpoint, s3_bucket, "17", "2024/population/2025-01-01-1/pop.txt")
    locations = '{"2024": {"population": "2024/population/2025-01-01-1/pop.txt"}, "2023": {}}'
    result = run(tmp_path, s3_endpoint, s3_bucket, locations)
    assert not result.failures
    assert pl.read_parquet(result.root / "datasets/people.parquet")["n"].to_list() == [17]
    assert (result.root / "externals/2024/population/2025-01-01-1/pop.txt").read_text() == "17"
    assert (result.root / "external_file_locations.json").read_text() == locations
    assert run(tmp_path, s3_endpoint, s3_bucket, locations).outcomes["count_people"].state == "kept"

    put(tmp_path, s3_endpoint, s3_bucket, "18", "2024/population/2025-06-01-1/pop.txt")
    newer = '{"2024": {"population": "2024/population/2025-06-01-1/pop.txt"}}'
    result = run(tmp_path, s3_endpoint, s3_bucket, newer)
    assert result.outcomes["count_people"].state == "done"
    assert pl.read_parquet(result.root / "datasets/people.parquet")["n"].to_list() == [18]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"2023": {"population": "a"}}', r"no path for 2024 of: population \(population by state\)"),
        ('{"2024": {"population": "not/there.txt"}}', r"does not contain not/there.txt"),
    ],
)
def test_what_is_missing_is_told_before_work_starts(
    text: str, message: str, s3_endpoint: str, s3_bucket: str, tmp_path: Path
) -> None:
    with pytest.raises(PipelineError, match=message):
        run(tmp_path, s3_endpoint, s3_bucket, text)
    assert not list(tmp_path.rglob("*.parquet"))
