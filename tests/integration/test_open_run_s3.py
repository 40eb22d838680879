"""A run opens from a bucket: only what is asked for is fetched, and what is damaged is refused."""

from pathlib import Path

import pytest
from polars.testing import assert_frame_equal
from pydantic import SecretStr
from tests.support.estimated import write_run
from tests.support.published import publish_run
from tests.support.s3 import CREDENTIALS

from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.store import S3Options, open_store
from nibrs_estimation.reading.files import FetchedFiles
from nibrs_estimation.reading.opening import open_run


def options(endpoint: str) -> S3Options:
    secret = SecretStr(CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
    return S3Options(endpoint, "us-east-1", CREDENTIALS["AWS_ACCESS_KEY_ID"], secret)


def test_a_run_in_a_bucket(s3_endpoint: str, s3_bucket: str, tmp_path: Path) -> None:
    s3, above = options(s3_endpoint), f"s3://{s3_bucket}/reading"
    write_run(tmp_path, "us")
    store = open_store(above, s3)
    publish_run(tmp_path, "us", store)
    run = open_run(f"{above}/us/", s3)
    files = run._flows["all"].files
    assert isinstance(files, FetchedFiles)
    fetched = sorted(path.name for path in files.folder.rglob("*") if path.is_file())
    assert fetched == ["coverage.parquet", "run_metadata.json"]
    assert run.tables().filter(table_name="1a")["is_estimated"].item()
    assert_frame_equal(run.table("1a", "VT"), open_run(tmp_path / "us").table("1a", "VT"))
    assert [path.name for path in (files.folder / "cell_estimate").iterdir()] == ["1a.parquet"]
    # Its own folder is found by its id.
    assert open_run(f"{above}/us", s3, scratch=tmp_path)._of_work("all") is not run._flows["all"]
    with pytest.raises(UsageError, match=r"has no agencies\.csv"):
        run.agencies()
    (tmp_path / "other.parquet").write_bytes(b"PAR1")
    store.put(tmp_path / "other.parquet", "us/cell_estimate/1b.parquet")
    with pytest.raises(PipelineError, match=r"cell_estimate/1b\.parquet in .* is not what the run published"):
        run.table("1b")
    store.delete("us/cell_estimate/1c.parquet")
    with pytest.raises(PipelineError, match=r"does not contain a complete run: cell_estimate/1c\.parquet is missing"):
        open_run(f"{above}/us", s3)
    with pytest.raises(UsageError, match="has no published estimates"):
        open_run(f"{above}/vt", s3)
    with pytest.raises(UsageError, match=r"is a bucket\. Name the folder of a run"):
        open_run(f"s3://{s3_bucket}", s3)
