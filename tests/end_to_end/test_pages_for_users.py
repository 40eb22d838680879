"""The pages for analysts: every command and every example of Python runs on a run, and both give the same numbers."""

from __future__ import annotations

import doctest
import re
import shlex
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nibrs_estimation import notebook
from nibrs_estimation.tables.guide import find_questions
from tests.support.command import nibrs

DOCS = Path(__file__).parents[2] / "docs"
TEN = DOCS / "user-guide/ten-questions.md"
_MOST_LINES = 3


def sections(page: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Title, commands and examples of each section; the text before the first has no title."""
    for part in re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE):
        commands, examples = (re.findall(rf"```{kind}\n(.*?)```", part, re.DOTALL) for kind in ("sh", "python"))
        yield part.partition("\n")[0], [line for code in commands for line in code.splitlines()], examples


def questions() -> list[tuple[str, str, str]]:
    """Title, command and example of the ten questions."""
    return [(title, commands[0], examples[0]) for title, commands, examples in sections(TEN) if commands]


@pytest.fixture(scope="module")
def folder(whole_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with a run `us`, as the pages name it."""
    return working_folder(whole_run, "whole", tmp_path_factory.mktemp("pages"))


def working_folder(made: Path, run_id: str, folder: Path) -> Path:
    """What a run made, under the name that the pages use."""
    (folder / "artifacts").mkdir()
    (folder / "artifacts/us").symlink_to(made / "artifacts" / run_id)
    (folder / "scratch").symlink_to(made / "scratch")
    return folder


def executed(example: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names that examples leave behind."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SCRATCH_DIR", str(folder / "scratch"))
    names: dict[str, Any] = {}
    with redirect_stdout(StringIO()):
        exec(compile(example, "example", "exec"), names)
    return names


def test_there_are_ten_questions_each_with_one_command_and_three_lines() -> None:
    found = questions()
    assert len(found) == 10
    of_page = [(commands, examples) for _title, commands, examples in sections(TEN) if commands]
    assert all(len(commands) == len(examples) == 1 for commands, examples in of_page)
    for _title, command, example in found:
        assert command.startswith("nibrs ")
        assert len(example.splitlines()) <= _MOST_LINES


@pytest.mark.parametrize(("title", "command"), [(title, command) for title, command, _example in questions()])
def test_find_leads_to_the_command_of_each_question(title: str, command: str) -> None:
    words = title.partition(". ")[2]
    options = shlex.split(command)
    answers = [shlex.split(answer.command) for question in find_questions(words)[:2] for answer in question.answers]
    assert any(set(options) <= set(answer) or options == answer for answer in answers), words


@pytest.mark.parametrize(("title", "command", "example"), questions())
def test_command_and_python_give_the_same_numbers(
    title: str, command: str, example: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_question(title, command, example, folder, monkeypatch)


def check_question(title: str, command: str, example: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every number of the frame stands in what the command printed."""
    done = nibrs(folder, *shlex.split(command)[1:], SCRATCH_DIR=str(folder / "scratch"))
    assert done.returncode == 0, done.stderr
    found = executed(f"import nibrs_estimation as nibrs\n{example}", folder, monkeypatch)["found"]
    assert isinstance(found, pl.DataFrame)
    assert found.height > 0, title
    if "agency_name" in found.columns:
        assert f"{found.height:,} agencies" in done.stdout
        return
    for name in ("estimate", "first", "second", "difference"):
        if name not in found.columns:
            continue
        for value in found[name].drop_nulls():
            texts = [f"{value:,.{digits}f}" for digits in range(3)]
            assert any(text in done.stdout for text in texts), (title, name, value, done.stdout)
    hidden = found.filter(pl.col("estimate").is_null()) if "estimate" in found.columns else found.clear()
    for reason in hidden["suppression_reason"].drop_nulls().unique() if hidden.height else ():
        assert " ".join(reason.split()) in " ".join(done.stdout.split())


def test_most_questions_have_a_number_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = 0
    for _title, _command, example in questions():
        found = executed(f"import nibrs_estimation as nibrs\n{example}", folder, monkeypatch)["found"]
        names = [name for name in ("estimate", "difference", "agency_id") if name in found.columns]
        numbers += found[names[0]].is_not_null().any()
    assert numbers >= 6


def test_the_page_of_python_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_page(folder, monkeypatch)


def check_page(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All examples of the page, in order."""
    examples = [example for _title, _commands, found in sections(DOCS / "user-guide/python.md") for example in found]
    names = executed("\n".join(examples), folder, monkeypatch)
    assert names["women"]["demographic_series"].unique().to_list() == ["Sex: Female"]
    assert names["states"]["estimate"].drop_nulls().is_sorted()
    assert names["top"].height > 0
    assert set(names["incomplete"]["agency_id"]) < set(names["agencies"]["agency_id"])


def test_the_example_of_the_door_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SCRATCH_DIR", str(folder / "scratch"))
    found = doctest.testmod(notebook)
    assert found.attempted >= 4
    assert found.failed == 0


def test_estimates_are_those_of_the_published_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_estimates(folder, monkeypatch)


def check_estimates(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of two tables in ``estimates.csv``."""
    example = (
        "import nibrs_estimation as nibrs\nrun = nibrs.open_run('artifacts/us')\n"
        "found = run.estimates(['1a', 'GV2a'], geography='states', show_suppressed=True)"
    )
    found = executed(example, folder, monkeypatch)["found"]
    file = pl.scan_csv(folder / "artifacts/us/estimates.csv", schema=found.schema)
    wanted = pl.col("table_name").is_in(["1a", "GV2a"]) & (pl.col("geography_level") == "state")
    key = ["table_name", "geography_number", "der_variable_name", "estimate_type"]
    in_file = file.filter(wanted).collect().sort(key)
    assert found.height == in_file.height > 0
    assert found.sort(key).select(*key, "caution", "missing").equals(in_file.select(*key, "caution", "missing"))
    assert (found.sort(key)["estimate"] - in_file["estimate"]).abs().max() == pytest.approx(0, abs=1e-9)
