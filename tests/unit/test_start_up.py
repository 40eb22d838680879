"""A command imports what it needs and no more; each says the same of itself in the list and in its own help."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.command import clean_environment
from typer.testing import CliRunner

from nibrs_estimation import __version__
from nibrs_estimation.cli import main
from nibrs_estimation.cli.console import console
from nibrs_estimation.cli.main import COMMANDS
from nibrs_estimation.cli.version import version_text
from nibrs_estimation.pipeline.files import write_json
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.runs import RunRecord

HEAVY = (
    "polars", "numpy", "scipy", "pyarrow", "psycopg", "adbc_driver_manager", "adbc_driver_postgresql", "duckdb",
    "altair", "numba", "prefect", "dask", "distributed", "obstore", "pydantic",
)  # fmt: skip


def imported_by(*arguments: str) -> set[str]:
    """Top-level packages that are imported for `nibrs ARGUMENTS`."""
    command = [sys.executable, "-X", "importtime", "-m", "nibrs_estimation", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=clean_environment())
    lines = re.findall(r"^import time:\s+\d+ \|\s+\d+ \|\s+([\w.]+)$", done.stderr, re.MULTILINE)
    assert "nibrs_estimation.cli.main" in lines, "the list of imports is not read right"
    return {line.partition(".")[0] for line in lines}


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--version"], ["-V"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    assert sorted(imported_by(*arguments) & set(HEAVY)) == []


def test_importing_the_package_imports_nothing_heavy() -> None:
    command = [sys.executable, "-c", "import sys, nibrs_estimation; print(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=clean_environment())
    assert sorted(set(done.stdout.split()) & set(HEAVY)) == []


def test_tables_are_listed_without_flows_drivers_and_charts() -> None:
    heavy = {
        "scipy",
        "psycopg",
        "adbc_driver_manager",
        "adbc_driver_postgresql",
        "pyarrow",
        "altair",
        "numba",
        "prefect",
    }
    assert sorted(imported_by("tables", "list") & heavy) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_of_a_command_what_its_own_help_says(name: str) -> None:
    help_text = COMMANDS[name].load(name).help or ""
    assert " ".join(help_text.partition("\n\n")[0].split()) == COMMANDS[name].help


def test_a_slip_is_answered_with_what_may_be_meant() -> None:
    done = CliRunner().invoke(main.app, ["descrbe"])
    assert done.exit_code == 2
    assert "Did you mean 'describe'?" in done.output


def test_the_version_names_the_commit_of_a_checkout_or_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GIT_HASH", raising=False)

    def git(*arguments: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        return subprocess.run(
            ["git", "-C", str(tmp_path), *who, *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    assert re.fullmatch(
        rf"{re.escape(__version__)}, code hash [0-9a-f]{{12}} \(not run from a git checkout, so no commit is known\)",
        version_text(tmp_path),
    )
    monkeypatch.setenv("GIT_HASH", "1c5e0b7d2a41" + "f" * 28)
    assert version_text(tmp_path).startswith(f"{__version__}, commit 1c5e0b7d2a41, code hash ")
    monkeypatch.setenv("GIT_HASH", "1c5e0b7d2a41" + "f" * 28 + "-dirty")
    assert ", commit 1c5e0b7d2a41 with changes, code hash " in version_text(tmp_path)
    git("init")
    (tmp_path / "src").mkdir()
    (tmp_path / "src/a.py").write_text("a = 1\n")
    git("add", ".")
    git("commit", "-m", "first")
    assert version_text(tmp_path).startswith(
        f"{__version__}, commit {git('rev-parse', '--short=12', 'HEAD')}, code hash "
    )
    (tmp_path / "src/a.py").write_text("a = 2\n")
    assert " with changes, code hash " in version_text(tmp_path)
    assert "1c5e0b7d2a41" not in version_text(tmp_path), "not that of the image"


def test_runs_are_listed_with_source_year_seed_and_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRATCH_DIR", str(tmp_path / "scratch"))
    none = CliRunner().invoke(main.app, ["runs"])
    assert none.exit_code == 0
    assert "There is no run in" in none.output
    for run_id, is_synthetic, state in (("vt", False, "finished"), ("made-up", True, "failed")):
        folder = tmp_path / "scratch" / run_id
        about = {"state": state, "started": "2026-11-28T15:04:10+00:00", "ended": "2026-11-28T15:06:00+00:00"}
        write_json(folder / "all" / "run_metadata.json", about)
        RunRecord(Identity(run_id, f"source of {run_id}", 2023, 7, is_synthetic), "f").write(folder)
    monkeypatch.setattr(console, "_width", 200)
    shown = CliRunner().invoke(main.app, ["runs"]).output
    assert re.search(r"vt +all +finished +2023 +7 +source of vt +2026-11-28 15:04 to 15:06", shown), shown
    assert re.search(r"made-up +all +failed +2023 +7 +source of made-up \(synthetic\)", shown), shown
    found = {run["run_id"]: run for run in json.loads(CliRunner().invoke(main.app, ["runs", "--json"]).output)}
    assert (found["vt"]["state"], found["vt"]["year"], found["vt"]["is_synthetic"]) == ("finished", 2023, False)
    assert found["made-up"]["is_synthetic"]
