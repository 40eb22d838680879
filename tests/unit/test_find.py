"""The guide from questions to tables: `nibrs find`, its data, and docs/questions.md."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from rich.console import Console
from tests.support.estimated import write_run
from typer.testing import CliRunner

from nibrs_estimation.cli.find import find_app
from nibrs_estimation.cli.main import COMMANDS
from nibrs_estimation.cli.tables import tables_app
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.tables.guide import find_cells, find_questions, guide
from nibrs_estimation.tables.read import table_definitions

PAGE = Path(__file__).parents[2] / "docs" / "questions.md"


def found(words: str) -> list[tuple[str, int, str]]:
    return [(hit.table.table, hit.row.row, hit.column.name) for hit in find_cells(words)]


def test_the_tables_of_one_question_are_told_apart() -> None:
    tables = {table for table, _row, column in found("aggravated assault firearm") if column == "aggravated_assault"}
    assert {"1a", "2a", "3a", "4a", "5a"} <= tables
    (question,) = find_questions("aggravated assaults with guns")
    assert len(question.answers) == 5
    assert len({answer.tells for answer in question.answers}) == 5


@pytest.mark.parametrize(
    ("words", "cell"),
    [
        ("robbery victims aged 18-24", ("3a", 10, "robbery")),
        ("simple assault rate women", ("3b", 16, "simple_assault")),
        ("murder victims Hispanic", ("3a", 162, "murder")),
        ("larceny arrest 12-17", ("5a", 66, "larceny")),
        ("burglary residence", ("2b", 16, "burglary")),
        ("shoplifting", ("2b", 1, "larceny")),
        ("hate crimes anti-jewish", ("BM1", 21, "group_a")),
        ("officers ambush", ("LEOKA", 10, "assault_victim")),
        ("rape", ("SRS1a", 1, "summary_rape")),
        ("gun murder", ("GV2a", 33, "total_gun_violence")),
        ("kids robbed", ("3a", 84, "robbery")),
        ("violent crime rate", ("1a", 2, "violent_crime")),
        ("car theft rate", ("SRS1a", 2, "vehicle_theft")),
    ],
)
def test_cells_by_the_words_of_a_question(words: str, cell: tuple[str, int, str]) -> None:
    assert cell in found(words)[:12]


@pytest.mark.parametrize(
    ("words", "ask"),
    [
        ("hate crimes", "How many hate crimes were there?"),
        ("agencies that did not report all months", "Which agencies did not report all months?"),
        ("rate of simple assault per 100,000 women", "What is the rate of simple assault per 100,000 women?"),
        ("simple assaults by intimate partners", "How many simple assaults were by intimate partners?"),
        ("larceny arrests under 18", "How many arrests for larceny were of persons under 18?"),
        ("clearance of burglary", "How many burglaries were cleared?"),
        ("gun homicides", "How many murder victims were killed with a firearm?"),
        ("kids arrested for larceny", "How many arrests for larceny were of persons under 18?"),
        ("DUI arrests", "How many arrests were there for driving under the influence?"),
    ],
)
def test_questions_by_their_words(words: str, ask: str) -> None:
    assert ask in [question.ask for question in find_questions(words)]


def test_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nibrs_estimation.cli.find_text.console", Console(width=80))
    printed = CliRunner().invoke(find_app, ["simple", "assault", "women", "rate"]).stdout
    assert "    nibrs tables show 3b --row 16 --column simple_assault" in printed.splitlines()
    assert "county_population" in printed
    # What cannot be answered is not answered by whatever has a word of it.
    printed = CliRunner().invoke(find_app, ["agencies", "missing", "months"]).stdout
    assert "No table shows this, but the list of agencies does." in printed
    assert "    nibrs agencies --incomplete" in printed.splitlines()
    assert "Tables that have" not in printed
    with pytest.raises(UsageError, match="No table has any of the words 'xylophone'"):
        raise CliRunner().invoke(find_app, ["xylophone"]).exception or AssertionError


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    write_run(folder, "us")
    return folder


def test_every_command_of_the_guide_works(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRATCH_DIR", str(scratch))
    monkeypatch.setattr("nibrs_estimation.cli.table_show.console", Console(width=80))
    commands = [answer.command for question in guide().questions for answer in question.answers]
    on_page = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("nibrs ")]
    assert on_page == commands
    for command in commands:
        program, name, *arguments = shlex.split(command)
        assert program == "nibrs"
        if name == "tables":
            result = CliRunner().invoke(tables_app, arguments)
            assert result.exception is None, command
        else:
            # Options that do not exist are refused; tests/end_to_end/test_ten_questions.py runs these.
            COMMANDS[name].load(name).make_context(name, arguments)


def test_the_page_has_every_question_and_what_is_said_of_it() -> None:
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    for question in guide().questions:
        assert f"## {question.ask}" in page
        assert " ".join(question.note.split()) in page
        assert all(" ".join(answer.tells.split()) in page for answer in question.answers)


def test_names_of_the_guide_exist() -> None:
    names = {column.name for table in table_definitions().values() for column in table.columns}
    assert set(guide().headline_columns) <= names
    assert not any(re.search(r"[A-Z]", word) for word in guide().synonyms)
