"""Runs of made-up zips whose agencies' flags contradict their incidents, and of Vermont: nothing leaves unsaid."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nibrs_estimation.cli.console import EntryPoint
from nibrs_estimation.cli.main import app
from tests.support.shared_data import SHARED_DATA, VERMONT, needs_vermont

pytestmark = needs_vermont


def run(source: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, object], list[dict[str, str]]]:
    monkeypatch.chdir(folder)
    for until in ("write_account", "write_agencies"):
        arguments = ["run", "all", "account", "--year", "2024", "--source", f"cde:{source}", "--until", until]
        result = CliRunner().invoke(app, arguments, catch_exceptions=False, obj=EntryPoint())
        assert result.exit_code == 0, result.output
    # What is published is the set of the last command alone.
    published = folder / "scratch" / "account" / "all" / "documents"
    with (published / "agencies.csv").open(encoding="utf-8", newline="") as file:
        agencies = list(csv.DictReader(file))
    return json.loads((published / "incident_account.json").read_text(encoding="utf-8")), agencies


@pytest.mark.parametrize(
    ("fault", "incidents", "population"),
    [("reporting-type-S-with-incidents", 72, 23_000), ("covered-agency-with-incidents", 216, 43_000)],
)
def test_what_was_reported_stays_in_the_estimates(
    fault: str, incidents: int, population: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = shutil.copy(SHARED_DATA / "faults" / f"{fault}-VT-2024.zip", tmp_path / "VT-2024.zip")
    account, agencies = run(Path(source), tmp_path, monkeypatch)
    assert account["text"] == f"{incidents} incidents read = {incidents} in the estimates + 0 left out."
    assert all(row["is_respondent"] == "true" and float(row["state_weight"]) == 1 for row in agencies)
    assert sum(int(row["incidents_in_estimates"]) for row in agencies) == incidents
    # The covered agency's residents are not counted again with those of the agency that covered it.
    assert sum(int(row["population"]) for row in agencies) == population


def test_vermont_is_accounted_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    account, agencies = run(VERMONT, tmp_path, monkeypatch)
    incidents, arrests = account["incidents"], account["group_b_arrests"]
    assert isinstance(incidents, dict)
    assert isinstance(arrests, dict)
    assert incidents["read"] == incidents["in_estimates"] + incidents["left_out"]
    assert sum(reason["records"] for reason in incidents["reasons"]) == incidents["read"]
    assert sum(int(row["incidents_in_estimates"]) for row in agencies) == incidents["in_estimates"]
    assert {reason["reason"] for reason in arrests["reasons"]} == {"no_agency"}
    assert arrests["read"] == arrests["in_estimates"] == 7_003
    assert len(agencies) == len({row["ori"] for row in agencies}) == 87
    assert {row["is_synthetic"] for row in agencies} == {"false"}
    for row in agencies:
        months = row["which_months_with_offenses"].split(";") if row["which_months_with_offenses"] else []
        assert len(months) == int(row["months_with_incidents"]) or row["months_removed"] != "0", row["ori"]
