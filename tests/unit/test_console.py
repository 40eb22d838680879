"""How commands end: one paragraph for an error, and a word on an interrupt."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
import typer

from nibrs_estimation.cli.console import run_app
from nibrs_estimation.cli.progress import print_failures
from nibrs_estimation.cli.summary import print_account, print_intake, print_origin
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.unit import Outcome

app = typer.Typer()


@app.command()
def interrupted() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)


@app.command()
def failing() -> None:
    raise PipelineError("Row [3] is wrong: fix it.")


@app.command()
def misused() -> None:
    raise UsageError("There is no such thing.")


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        ("interrupted", 130, "Stopped. Finished tasks are kept"),
        ("failing", 1, "Error: Row [3] is wrong: fix it."),
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


def failed(key: str, message: str) -> Outcome:
    return Outcome(key, key.partition("[")[0], "failed", message=message, log_path=Path(f"logs/{key}.log"))


def test_causes_come_first_and_last_and_what_waits_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    blocked = [
        Outcome(f"{task}[{state}]", task, "blocked", message="blocked by ingest_incidents[VT]")
        for task in ("describe_months", "find_outliers", "choose_donors", "weight_agencies", "count_units", "publish")
        for state in ("ME", "NH", "VT")
    ]
    # In the order of the plan a blocked unit may stand before its cause.
    print_failures([blocked[0], failed("ingest_incidents[VT]", "VT.zip: row [3] is cut."), *blocked[1:]])
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 4
    assert lines[0] == "1 unit of work failed:"
    assert "failed ingest_incidents[VT]: VT.zip: row [3] is cut. (log: logs/ingest_incidents[VT].log)" in lines[1]
    assert "blocked 18 units of work that need it: describe_months, find_outliers, choose_donors, " in lines[2]
    assert lines[2].endswith("weight_agencies and 2 more")
    assert lines[3].startswith("What failed: ingest_incidents[VT]. ")


def test_several_causes_are_all_told_before_what_waits(capsys: pytest.CaptureFixture[str]) -> None:
    waiting = Outcome("publish", "publish", "blocked", message="blocked by b")
    print_failures([waiting, failed("a", "First."), failed("b", "Second.")])
    lines = capsys.readouterr().err.strip().splitlines()
    assert [line.split()[:2] for line in lines[1:4]] == [["failed", "a:"], ["failed", "b:"], ["blocked", "1"]]
    assert "1 unit of work that needs them: publish" in lines[3]
    assert lines[4].startswith("What failed: a (the first of 2 causes).")


def test_what_was_read_before_is_not_told_as_read_now(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    totals = {"rows_read": 242_645, "rows_kept": 242_645, "rows_quarantined": 0, "values_quarantined": 0}
    (tmp_path / "intake_manifest.json").write_text(json.dumps({"totals": totals}))
    print_intake(tmp_path, is_new=True)
    assert "Read 242,645 rows" in capsys.readouterr().out
    print_intake(tmp_path, is_new=False)
    out = capsys.readouterr().out
    assert "242,645" not in out
    assert "not read again" in out


@pytest.mark.parametrize("is_synthetic", [True, False])
def test_the_end_of_a_command_says_whether_data_are_synthetic(
    is_synthetic: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    print_origin(Identity("a", "cde:GA-2024.zip", 2024, 1, is_synthetic))
    out = capsys.readouterr().out
    assert ("SYNTHETIC DATA" in out) == is_synthetic
    assert "ata year 2024, source cde:GA-2024.zip, run a" in out


def test_the_account_of_the_incidents_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "10 incidents read = 8 in the estimates + 2 left out (2 of agencies [without] population)."
    (tmp_path / "incident_account.json").write_text(json.dumps({"text": text}))
    print_account(tmp_path)
    assert text in " ".join(capsys.readouterr().out.split())
