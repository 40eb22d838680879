"""The end of a run is reported to a webhook, which may fail in every way without touching the run or being named."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import SecretStr
from tests.support.toy_run import FLOW, Nation

from nibrs_estimation.cli import notify
from nibrs_estimation.cli.console import EntryPoint
from nibrs_estimation.cli.running import RunOptions, run_source
from nibrs_estimation.cli.settings import Settings, load_settings
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.run import run_lock
from nibrs_estimation.pipeline.source import Probe

SECRET = "hook-secret-do-not-show"


@dataclass
class Webhook:
    """A real server; ``status`` is what it answers after ``pause_s``, and ``messages`` what it was sent."""

    status: int = 200
    pause_s: float = 0.0
    location: str | None = None
    messages: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""


@contextmanager
def webhook(**behavior: Any) -> Iterator[Webhook]:
    found = Webhook(**behavior)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            time.sleep(found.pause_s)
            self.send_response(found.status)
            if found.location:
                self.send_header("Location", found.location)
            self.end_headers()

        def do_GET(self) -> None:
            found.messages.append({"method": "GET"})
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.url = f"http://127.0.0.1:{server.server_port}/{SECRET}"
    yield found
    server.shutdown()
    server.server_close()


def run(folder: Path, url: str, source: Nation | None = None) -> None:
    """`nibrs run` of the toy flow with a webhook."""
    settings = Settings(
        _env_file=None,
        nibrs_webhook_url=SecretStr(url),
        scratch_dir=folder / "scratch",
        artifact_store=str(folder / "artifacts"),
    )
    run_source(FLOW, source or Nation(), "toy", settings, RunOptions(year=2024, seed=1), EntryPoint())


def check_secret(folder: Path, *texts: str) -> None:
    """The address is in no file of the run and in no text."""
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert files
    assert not any(SECRET.encode() in content for content in files)
    assert SECRET not in "".join(texts)


def test_success_and_failure_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with webhook() as server:
        run(tmp_path, server.url)
        with pytest.raises(typer.Exit) as left:
            run(tmp_path, server.url, Nation({"NB": 1, "VT": -3}))
    assert left.value.exit_code == 1
    finished, failed = server.messages
    assert {name: finished[name] for name in ("flow", "run_id", "state", "source", "year", "failed_units")} == {
        "flow": "all", "run_id": "toy", "state": "finished", "source": "nation", "year": 2024, "failed_units": [],
    }  # fmt: skip
    assert finished["duration_s"] >= 0
    assert failed["state"] == "failed"
    assert failed["failed_units"] == ["read[VT]"]
    assert "VT is negative." in failed["text"]
    assert "data year 2024, source nation, run toy" in failed["text"]
    check_secret(tmp_path, *capsys.readouterr(), json.dumps(server.messages))


@pytest.mark.parametrize(
    ("behavior", "told"),
    [
        ({"status": 500}, "it answered with status 500"),
        ({"status": 404}, "it answered with status 404"),
        ({"pause_s": 3.0}, "it did not answer within"),
        ({"status": 302, "location": "LOCATION"}, "a redirect, which is not followed"),
        ({"status": 307, "location": "LOCATION"}, "a redirect, which is not followed"),
    ],
)
def test_a_failing_webhook_is_a_warning(
    behavior: dict[str, Any],
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notify, "TIMEOUT_S", 0.5)
    with webhook() as other, webhook(**behavior) as server:
        server.location = server.location and other.url
        run(tmp_path, server.url)
    assert len(server.messages) == 1
    assert other.messages == []
    output = capsys.readouterr()
    assert told in " ".join(output.err.split())
    assert "Published in" in output.out
    check_secret(tmp_path, *output, caplog.text)


@pytest.mark.parametrize("url", [f"http://127.0.0.1:1/{SECRET}", f"https://127.0.0.1:bad/{SECRET}"])
def test_an_address_without_a_server_is_a_warning(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    run(tmp_path, url)
    output = capsys.readouterr()
    assert "it cannot be reached" in output.err
    check_secret(tmp_path, *output, caplog.text)


class Unreadable(Nation):
    """A source that cannot be read, or is stopped while it is."""

    error: BaseException = PipelineError("The zip is damaged.")

    def probe(self, year: int, seed: int) -> Probe:
        raise self.error


def test_a_run_that_cannot_start_or_is_stopped_is_reported_and_a_wrong_option_is_not(tmp_path: Path) -> None:
    source = Unreadable()
    with webhook() as server:
        with pytest.raises(PipelineError, match="zip is damaged"):
            run(tmp_path, server.url, source)
        source.error = KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, server.url, source)
        source.error = UsageError("No such year.")
        with pytest.raises(UsageError):
            run(tmp_path, server.url, source)
        with run_lock(tmp_path / "scratch/toy"), pytest.raises(PipelineError, match="already running"):
            run(tmp_path, server.url)
    assert [message["state"] for message in server.messages] == ["failed", "stopped", "failed"]
    assert "The zip is damaged." in server.messages[0]["text"]
    assert "already running in another process" in server.messages[2]["text"]


@pytest.mark.parametrize("url", [SECRET, f"file:///{SECRET}", f"http://a b/{SECRET}", f"https://ä/{SECRET}"])
def test_a_wrong_address_is_told_without_itself(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIBRS_WEBHOOK_URL", url)
    with pytest.raises(UsageError, match=r"NIBRS_WEBHOOK_URL: .*must be an address") as told:
        load_settings(tmp_path / ".env")
    assert SECRET not in str(told.value)
