"""The store in a local folder, and what every store refuses."""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

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


@pytest.mark.parametrize(
    "endpoint",
    ["localhost:9000", "http://", "host", "http://host:99999", "http://host:0", "http://host:x", "http://[::1"],
)
def test_a_malformed_endpoint_is_told(endpoint: str) -> None:
    with pytest.raises(UsageError, match="S3_ENDPOINT_URL"):
        open_store("s3://bucket", S3Options(endpoint))


def test_half_a_pair_of_credentials_is_refused() -> None:
    for half in (S3Options(access_key_id="key"), S3Options(secret_access_key=SecretStr("hidden"))):
        with pytest.raises(
            UsageError, match="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set together"
        ) as caught:
            open_store("s3://bucket", half)
        assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "region", "key", "token"),
    [
        ("AWS_REGION", "us-east-1\n", "hidden", "hidden"),
        ("AWS_ACCESS_KEY_ID", "us-east-1", "hidden\n", "hidden"),
        ("AWS_SESSION_TOKEN", "us-east-1", "hidden", "hidden\n"),
    ],
)
def test_a_setting_that_fits_no_header_is_named_and_not_repeated(name: str, region: str, key: str, token: str) -> None:
    options = S3Options(None, region, key, SecretStr("hidden"), SecretStr(token))
    with pytest.raises(UsageError, match=name) as caught:
        open_store("s3://bucket", options)
    assert "hidden" not in str(caught.value)


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


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder with a file in it that this user may not enter."""
    folder = tmp_path / "closed"
    folder.mkdir()
    (folder / "file").write_text("")
    folder.chmod(0)
    user = os.geteuid()
    if user == 0:  # whom no permission stops
        os.seteuid(65534)
    yield folder
    os.seteuid(user)
    folder.chmod(0o700)


def test_what_may_not_be_read_is_told_as_such(closed: Path, tmp_path: Path) -> None:
    store = LocalStore(closed)
    for call in (
        store.check,
        lambda: store.exists("file"),
        lambda: store.get("file", tmp_path / "file"),
        lambda: LocalStore(tmp_path / "store").put(closed / "file", "file"),
    ):
        with pytest.raises(PipelineError, match=r"No permission to read .*closed"):
            call()
