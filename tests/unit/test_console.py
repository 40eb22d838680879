"""How commands end: one paragraph for an error, and a word on an interrupt."""

import os
import signal
import time

import pytest
import typer

from nibrs_estimation.cli.console import run_app
from nibrs_estimation.pipeline.errors import PipelineError, UsageError

app = typer.Typer()


@app.command()
def interrupted() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)


@app.command()
def failing() -> None:
    raise PipelineError("Row [3] is wrong: mend it.")


@app.command()
def misused() -> None:
    raise UsageError("There is no such thing.")


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        ("interrupted", 130, "Stopped. What was finished is kept"),
        ("failing", 1, "Error: Row [3] is wrong: mend it."),
        ("misused", 2, "Error: There is no such thing."),
    ],
)
def test_how_a_command_ends(
    command: str, code: int, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["nibrs", command])
    with pytest.raises(SystemExit) as stop:
        run_app(app, "nibrs")
    assert stop.value.code == code
    assert told in " ".join(capsys.readouterr().err.split())
