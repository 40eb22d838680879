"""Advice that exists: every command and option that an error, a help text or a page names is there.

Options of an error count for the commands that can raise it: those of the module, else `nibrs run`.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from typer.core import TyperGroup

from nibrs_estimation.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src/nibrs_estimation"
PAGES = [
    path
    for path in (ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *PACKAGE.rglob("*.md"), ROOT / ".sample_env")
    if path.name != "data-dictionary.md"
]
#: By the beginning of a module's path: the commands in which its errors come up. All of them must have the options.
RAISED_BY = {
    "cli/commands/ingest": ("ingest cde", "ingest postgresql", "ingest check"),
    "cli/commands/synth": ("synth",),
    "cli/commands/catalogue": ("dictionary",),
    "cli/": ("tables show",),
    "cli/commands/clean": ("clean",),
    "cli/commands/deploy": ("deploy",),
    "cli/commands/externals": ("externals fetch",),
    "cli/running": ("run",),
    "cli/doctor": ("run",),
    "cli/commands/doctor": ("doctor",),
    "cli/public_folder": ("ingest public", "doctor"),
    "cli/commands/publish": ("publish database",),
    "cli/commands/sensitivity": ("sensitivity",),
    "cli/commands/compare": ("compare",),
    "cli/commands/agencies": ("agencies",),
    "reading/comparing": ("compare",),
    "reading/": ("tables show",),
    "cli/explorer": ("explore",),
    "cli/final_files": ("publish reference-files",),
    "evaluate/": ("backtest",),
    "pipeline/engines/deployment": ("deploy",),
    "pipeline/loading": ("publish database",),
    "pipeline/republishing": ("publish artifacts",),
    "site/": ("publish site",),
    "sources/cde": ("run", "ingest cde"),
    "sources/return_a": ("ingest return-a",),
    "sources/ucr_prd/contract": ("run",),
    "sources/ucr_prd": ("run", "ingest postgresql"),
    "sources/synthetic/emit": ("synth",),
    "sources/synthetic": ("run", "synth"),
    "stages/publication/database": ("publish database",),
    "": ("run",),
}
_COMMAND = re.compile(r"(?<!=)\bnibrs ((?:[a-z]+(?:-[a-z]+)* ?)+)((?:[^`\n;.]|\.(?=\w))*)")
_OF_OTHERS = re.compile(r"uv sync --extra|create (\S+) --type")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


@cache
def commands() -> dict[str, frozenset[str]]:
    """Every command, as one writes it, with its options."""
    found: dict[str, frozenset[str]] = {}
    for name, entry in COMMANDS.items():
        command = entry.load(name)
        below = command.commands.items() if isinstance(command, TyperGroup) else []
        for path, one in [(name, command), *((f"{name} {sub}", each) for sub, each in below)]:
            options = [option for parameter in one.params for option in parameter.opts]
            found[path] = frozenset({*options, "--help", "-h"})
    return found


def named(text: str) -> Iterator[tuple[str, list[str]]]:
    """The commands that a text names, each with the options that follow it."""
    for match in _COMMAND.finditer(text):
        words = match[1].split()
        for length in (2, 1):
            name = " ".join(words[:length])
            if name in commands():
                yield name, _OPTION.findall(match[2])
                break
        else:
            yield words[0], []


def literals(path: Path) -> Iterator[str]:
    """The texts of a module but for docstrings, with `{}` for what is put in."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts |= set(node.values)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            parts.add(node.value)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in parts:
            yield node.value


def advice() -> list[tuple[str, str]]:
    """Every text of the program that names a command or an option, with its module."""
    texts = [
        # Options of uv and Prefect are none of ours.
        (path.relative_to(PACKAGE).with_suffix("").as_posix(), _OF_OTHERS.sub("", text))
        for path in PACKAGE.rglob("*.py")
        for text in literals(path)
    ]
    return [(module, text) for module, text in texts if _OPTION.search(text) or _COMMAND.search(text)]


def test_there_is_advice_to_check() -> None:
    texts = " ".join(text for _module, text in advice())
    assert all(word in texts for word in ("--partial", "--force", "--year", "nibrs demo", "nibrs datasets"))


def test_commands_that_the_program_names_exist() -> None:
    wrong = [(module, name, text) for module, text in advice() for name, _ in named(text) if name not in commands()]
    assert not wrong


def test_options_that_the_program_names_exist_where_it_names_them() -> None:
    wrong = []
    for module, text in advice():
        asked = list(named(text))
        of_commands = {option for name, options in asked for option in (*options, *commands().get(name, ()))}
        doors = next(RAISED_BY[start] for start in sorted(RAISED_BY, key=len, reverse=True) if module.startswith(start))
        if not (module.startswith("cli/") and text.startswith("--") and " " not in text):  # a declaration
            others = [option for option in _OPTION.findall(text) if option not in of_commands]
            asked += [(door, others) for door in doors]
        wrong += [
            (module, name, option)
            for name, options in asked
            for option in options
            if name in commands() and option not in commands()[name]
        ]
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_of_the_pages_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    # A command in the text may go on in the next line; one of a block of code may not.
    for span in re.findall(r"`nibrs [^`]+`|^.*\bnibrs .*$", text, re.MULTILINE):
        for name, options in named(" ".join(span.strip("`").partition("  #")[0].split())):
            assert name in commands() or not re.search(r"[`$]|uv run", span), (name, span)
            assert not [option for option in options if option not in commands().get(name, options)], span


#: Texts of the program, of its documentation and of its tests.
TEXTS = [
    path
    for folder in ("src", "docs", "tests", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".py", ".md", ".yaml", ".sql"} and path != Path(__file__)
]


def test_every_chapter_that_is_cited_is_there() -> None:
    chapters = {path.name[:2] for path in (ROOT / "docs/methods").glob("[0-9]*.md")}
    cited = {number for path in TEXTS for number in re.findall(r"[Hh]andbook (\d\d)", path.read_text(encoding="utf-8"))}
    assert cited <= chapters
    assert len(cited) > 5


def test_nothing_points_at_a_text_that_a_stranger_cannot_open() -> None:
    old = re.compile(r"\b(0[1-9]|1[0-3]),? ?(sections?|§) ?\d")
    assert [path.name for path in TEXTS if old.search(path.read_text(encoding="utf-8"))] == []
