"""The store against a real S3 protocol server, and against servers that misbehave."""

import logging
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import obstore
import pytest
from pydantic import SecretStr
from tests.support.s3 import CREDENTIALS

from nibrs_estimation.cli.doctor import examine
from nibrs_estimation.cli.settings import Settings
from nibrs_estimation.pipeline import store as module
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.store import S3Options, S3Store, open_store

SECRET = CREDENTIALS["AWS_SECRET_ACCESS_KEY"]


def options(endpoint: str) -> S3Options:
    return S3Options(endpoint, "us-east-1", CREDENTIALS["AWS_ACCESS_KEY_ID"], SecretStr(SECRET))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file.bin"
    path.write_bytes(bytes(range(256)) * 40_000)
    return path


@pytest.mark.parametrize("prefix", ["", "/some/prefix"])
def test_round_trip(s3_endpoint: str, s3_bucket: str, file: Path, tmp_path: Path, prefix: str) -> None:
    store = open_store(f"s3://{s3_bucket}{prefix}", options(s3_endpoint))
    key = f"run{len(prefix)}/deep/file.bin"
    assert not store.exists(key)
    store.put(file, key)
    assert store.exists(key)
    assert list(store.keys(f"run{len(prefix)}")) == [key]
    store.get(key, tmp_path / "back" / "file.bin")
    assert (tmp_path / "back" / "file.bin").read_bytes() == file.read_bytes()
    whole = open_store(f"s3://{s3_bucket}", options(s3_endpoint))
    assert whole.exists(f"{prefix.strip('/')}/{key}".lstrip("/"))
    store.check()


def test_missing_key_bucket_and_server_are_told(s3_endpoint: str, s3_bucket: str, file: Path, tmp_path: Path) -> None:
    store = open_store(f"s3://{s3_bucket}", options(s3_endpoint))
    with pytest.raises(PipelineError, match=r"There is no nothing.csv in s3://estimates"):
        store.get("nothing.csv", tmp_path / "nothing.csv")
    assert not (tmp_path / "nothing.csv").exists()
    with pytest.raises(PipelineError, match=r"There is no nothing.csv"):
        store.get("nothing.csv", tmp_path / "new" / "nothing.csv")
    assert not (tmp_path / "new").exists()
    no_bucket = open_store("s3://no-such-bucket", options(s3_endpoint))
    for call in (no_bucket.check, lambda: no_bucket.put(file, "a"), lambda: no_bucket.exists("a"), no_bucket.keys):
        with pytest.raises(PipelineError, match=r"bucket of s3://no-such-bucket does not exist"):
            call()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{unused.getsockname()[1]}"
    started = time.monotonic()
    with pytest.raises(PipelineError, match=rf"s3://estimates cannot be reached at {closed}.*S3_ENDPOINT_URL"):
        open_store("s3://estimates", options(closed)).put(file, "a")
    assert time.monotonic() - started < 20


def test_changed_content_is_noticed(
    s3_endpoint: str, s3_bucket: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(f"s3://{s3_bucket}", options(s3_endpoint))
    assert isinstance(store, S3Store)
    store.put(file, "kept")
    checksum = obstore.get(store._client, "kept").attributes["sha256"]
    obstore.put(store._client, "kept", b"something else", attributes={"sha256": checksum})
    with pytest.raises(PipelineError, match="incomplete or changed"):
        store.get("kept", tmp_path / "kept")
    assert not (tmp_path / "kept").exists()

    real_put = obstore.put
    monkeypatch.setattr(obstore, "put", lambda client, key, _path, **more: real_put(client, key, b"other", **more))
    with pytest.raises(PipelineError, match=r"differs from .* after the upload"):
        store.put(file, "wrong")


def test_secrets_never_show(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    store = S3Store("bucket", "", options("http://127.0.0.1:1"))
    with pytest.raises(PipelineError) as caught:
        store.put(file, "a")
    chain = ""
    error: BaseException | None = caught.value
    while error is not None:
        chain += repr(error) + str(error)
        error = error.__cause__
    for text in (chain, str(store), repr(store), repr(options("http://x")), caplog.text):
        assert SECRET not in text


@contextmanager
def server(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer(self)

        do_HEAD = do_GET  # noqa: N815

        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            answer(self)

        def log_message(self, *_arguments: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()


HEADERS = {"ETag": '"1"', "Last-Modified": "Wed, 01 Jan 2025 00:00:00 GMT"}


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, length: int) -> None:
    handler.send_response(status)
    for name, value in HEADERS.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(length))
    handler.end_headers()
    handler.wfile.write(body)


def test_download_that_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    def half(handler: BaseHTTPRequestHandler) -> None:
        send(handler, 200, b"x" * 500, 1000)
        handler.close_connection = True

    with server(half) as endpoint, pytest.raises(PipelineError):
        open_store("s3://bucket", options(endpoint)).get("a", tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_passing_server_errors_are_retried(tmp_path: Path) -> None:
    calls: list[int] = []

    def third_time_lucky(handler: BaseHTTPRequestHandler) -> None:
        calls.append(1)
        if len(calls) < 3:
            send(handler, 503, b"", 0)
        else:
            send(handler, 200, b"whole", 5)

    with server(third_time_lucky) as endpoint:
        open_store("s3://bucket", options(endpoint)).get("a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"whole"
    assert len(calls) == 3


def test_passing_server_errors_of_an_upload_are_retried(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"whole")
    calls: list[str] = []

    def third_time_lucky(handler: BaseHTTPRequestHandler) -> None:
        calls.append(handler.command)
        body = b"whole" if handler.command == "GET" else b""
        send(handler, 500 if len(calls) < 3 else 200, body, len(body))

    with server(third_time_lucky) as endpoint:
        open_store("s3://bucket", options(endpoint)).put(tmp_path / "a", "a")
    assert calls == ["PUT", "PUT", "PUT", "GET"]


def test_a_refused_upload_is_not_retried(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"whole")
    calls: list[str] = []

    def refuse(handler: BaseHTTPRequestHandler) -> None:
        calls.append(handler.command)
        send(handler, 403, b"", 0)

    with server(refuse) as endpoint, pytest.raises(PipelineError, match="refuses access"):
        open_store("s3://bucket", options(endpoint)).put(tmp_path / "a", "a")
    assert calls == ["PUT"]


def test_a_wrong_clock_of_this_machine_is_told(tmp_path: Path) -> None:
    body = b"<Error><Code>RequestTimeTooSkewed</Code></Error>"
    with (
        server(lambda handler: send(handler, 403, body, len(body))) as endpoint,
        pytest.raises(PipelineError, match=r"The clock of this machine differs .* more than 15 minutes"),
    ):
        open_store("s3://bucket", options(endpoint)).get("a", tmp_path / "a")


def test_the_age_of_a_lock_is_told_by_the_clock_of_the_server(
    s3_endpoint: str, s3_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(f"s3://{s3_bucket}", options(s3_endpoint))

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) + timedelta(days=1)

    monkeypatch.setattr(module, "datetime", Ahead)
    with (
        store.lock("clocks/.lock", "one"),
        pytest.raises(PipelineError, match="Another run is publishing"),
        store.lock("clocks/.lock", "two"),
    ):
        pass
    assert list(store.keys("clocks")) == []


def test_an_upload_to_what_is_no_s3_server_is_not_told_as_a_missing_key(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"whole")
    with (
        server(lambda handler: send(handler, 404, b"", 0)) as endpoint,
        pytest.raises(PipelineError, match=rf"s3://bucket at {endpoint} answered with status 404.*S3_ENDPOINT_URL"),
    ):
        open_store("s3://bucket", options(endpoint)).put(tmp_path / "a", "a")


def test_a_busy_server_is_asked_again_and_its_status_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"whole")
    calls: list[int] = []

    def busy(handler: BaseHTTPRequestHandler) -> None:
        calls.append(1)
        send(handler, 503, b"<Error><Code>SlowDown</Code></Error>", 36)

    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    monkeypatch.setattr(module, "THROTTLED_SECONDS", 5.0)
    with server(busy) as endpoint, pytest.raises(PipelineError, match=r"was too busy \(status 503\)"):
        open_store("s3://bucket", options(endpoint)).put(tmp_path / "a", "a")
    assert pauses[:2] == [1.0, 2.0]
    assert len(calls) > 3


def test_a_lock_in_a_bucket_keeps_others_out_until_it_is_given_back_or_runs_out(
    s3_endpoint: str, s3_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(f"s3://{s3_bucket}", options(s3_endpoint))
    with store.lock("locked/.lock", "one"):
        with (
            pytest.raises(PipelineError, match=r"Another run is publishing.*\(one\)"),
            store.lock("locked/.lock", "two"),
        ):
            pass
        # The same folder after a crash: its own lock on disk tells that no other process is there.
        store.lock("locked/.lock", "one").__enter__()
        monkeypatch.setattr(module, "LOCK_SECONDS", -1.0)
        with store.lock("locked/.lock", "two"):
            pass
    assert not store.exists("locked/.lock")


def test_a_damaged_transfer_is_repeated_and_then_given_up(
    s3_endpoint: str, s3_bucket: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(f"s3://{s3_bucket}", options(s3_endpoint))
    monkeypatch.setattr(module, "PAUSES_S", (0.0, 0.0))
    real_put = obstore.put
    sent: list[str] = []

    def damaged(times: int) -> Callable[..., object]:
        def put(client: Any, key: str, path: Any, **more: Any) -> object:
            sent.append(key)
            return real_put(client, key, b"damaged" if len(sent) <= times else path, **more)

        return put

    monkeypatch.setattr(obstore, "put", damaged(2))
    store.put(file, "fixed")
    assert len(sent) == 3
    store.get("fixed", tmp_path / "fixed")
    assert (tmp_path / "fixed").read_bytes() == file.read_bytes()

    sent.clear()
    monkeypatch.setattr(obstore, "put", damaged(99))
    with pytest.raises(PipelineError, match="after the upload"):
        store.put(file, "lost")
    assert len(sent) == 3
    # Nobody may take it for the file.
    assert not store.exists("lost")


def test_refused_access_is_told_by_every_call(tmp_path: Path) -> None:
    with server(lambda handler: send(handler, 403, b"", 0)) as endpoint:
        store = open_store("s3://bucket", options(endpoint))
        for call in (store.check, store.keys, lambda: store.exists("a"), lambda: store.get("a", tmp_path / "a")):
            with pytest.raises(PipelineError, match="refuses access"):
                call()


def test_a_silent_server_is_given_up_and_a_slow_one_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENCE_SECONDS", 1)
    monkeypatch.setattr(module, "RETRY_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(PipelineError, match="cannot be reached"):
            open_store("s3://bucket", options(f"http://127.0.0.1:{silent.getsockname()[1]}")).check()
        assert time.monotonic() - started < 10

    def slow(handler: BaseHTTPRequestHandler) -> None:
        send(handler, 200, b"", 5)
        for letter in b"whole":
            time.sleep(0.4)
            handler.wfile.write(bytes([letter]))

    with server(slow) as endpoint:
        open_store("s3://bucket", options(endpoint)).get("a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"whole"


def test_a_failing_local_disk_is_not_blamed_on_the_server(
    s3_endpoint: str, s3_bucket: str, file: Path, tmp_path: Path
) -> None:
    store = open_store(f"s3://{s3_bucket}", options(s3_endpoint))
    store.put(file, "large")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(PipelineError, match="back/large could not be written"):
            store.get("large", tmp_path / "back" / "large")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((tmp_path / "back").iterdir()) == []


def test_holds_compares_size_and_checksum(s3_endpoint: str, s3_bucket: str, file: Path) -> None:
    store = open_store(f"s3://{s3_bucket}", options(s3_endpoint))
    store.put(file, "held")
    assert store.has_same_content("held", file)
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    assert not store.has_same_content("held", file)
    assert not store.has_same_content("held", file.with_name("absent"))


def test_doctor_writes_to_a_store_and_leaves_nothing(s3_endpoint: str, s3_bucket: str, tmp_path: Path) -> None:
    store = open_store(f"s3://{s3_bucket}/tried", options(s3_endpoint))
    settings = Settings(
        _env_file=None,
        scratch_dir=tmp_path,
        artifact_store=f"s3://{s3_bucket}/tried",
        s3_endpoint_url=s3_endpoint,
        aws_region="us-east-1",
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=SecretStr(SECRET),
    )
    puts: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        real_put = S3Store.put

        def put(store: S3Store, local: Path, key: str) -> None:
            puts.append(key)
            real_put(store, local, key)

        patch.setattr(S3Store, "put", put)
        found = {finding.what: finding for finding in examine(settings)}
    assert found["artifact store"].finding == f"s3://{s3_bucket}/tried can be written"
    assert len(puts) == 1
    assert list(store.keys()) == []
