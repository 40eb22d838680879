"""The store in a local folder, and what every store refuses."""

from pathlib import Path

import pytest

from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.store import LocalStore, S3Options, open_store


def test_round_trip(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    store = open_store(str(tmp_path / "store"), S3Options())
    assert not (tmp_path / "store").exists()
    store.put(tmp_path / "file", "run/file")
    store.put(tmp_path / "file", "run/another")
    store.get("run/file", tmp_path / "back" / "file")
    assert (tmp_path / "back" / "file").read_text() == "content"
    assert list(store.keys()) == ["run/another", "run/file"]
    assert store.exists("run/file")
    assert not store.exists("run/none")
    store.check()
    assert list(store.keys()) == ["run/another", "run/file"]


def test_missing_key_is_told(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"There is no a/b in"):
        LocalStore(tmp_path).get("a/b", tmp_path / "b")


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../outside", "a/../../b"])
def test_keys_stay_inside(key: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a key"):
        LocalStore(tmp_path).exists(key)


@pytest.mark.parametrize("location", ["gs://bucket", "s3://", "s3:///prefix", "http://host/path"])
def test_other_locations_are_refused(location: str) -> None:
    with pytest.raises(UsageError, match="not a store"):
        open_store(location, S3Options())
