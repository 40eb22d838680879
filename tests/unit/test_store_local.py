"""The store in a local folder, and what every store refuses."""

import errno
import shutil
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


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../outside", "a/../../b", "a//b", "./a", "a/"])
def test_keys_stay_inside(key: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a key"):
        LocalStore(tmp_path).exists(key)


@pytest.mark.parametrize(
    "location", ["", "gs://bucket", "s3://", "s3:///prefix", "s3:/bucket", "s3://a b", "http://host/path"]
)
def test_other_locations_are_refused(location: str) -> None:
    with pytest.raises(UsageError, match="not a store"):
        open_store(location, S3Options())


def test_passwords_in_an_address_are_refused_and_not_repeated() -> None:
    for location, endpoint in (("s3://user:hidden@bucket", None), ("s3://bucket", "https://user:hidden@host")):
        with pytest.raises(UsageError) as caught:
            open_store(location, S3Options(endpoint))
        assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("endpoint", ["localhost:9000", "http://", "host"])
def test_a_malformed_endpoint_is_told(endpoint: str) -> None:
    with pytest.raises(UsageError, match="S3_ENDPOINT_URL"):
        open_store("s3://bucket", S3Options(endpoint))


def test_a_prefix_that_climbs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a key"):
        open_store("s3://bucket/../other", S3Options())
    with pytest.raises(UsageError, match="not a key"):
        LocalStore(tmp_path).keys("../other")


def test_keys_lists_a_folder_without_leftovers(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "ab").write_text("")
    (tmp_path / "a" / "b").write_text("")
    (tmp_path / "a" / ".c.partial").write_text("")
    assert list(LocalStore(tmp_path).keys("a/")) == ["a/b"]
    assert list(LocalStore(tmp_path / "none").keys()) == []


def test_check_changes_nothing_and_tells_what_is_wrong(tmp_path: Path) -> None:
    LocalStore(tmp_path / "new" / "store").check()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(PipelineError, match="file is not a folder"):
        LocalStore(tmp_path / "file" / "store").check()


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "file").write_text("content")
    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(PipelineError, match=r"disk is full: .*store/key"):
        LocalStore(tmp_path / "store").put(tmp_path / "file", "key")
    assert list((tmp_path / "store").iterdir()) == []
