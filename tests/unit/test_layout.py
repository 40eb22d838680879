"""Tests share helpers through tests/support: a test imports no other test and no benchmark."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.command import ROOT

MODULES = sorted((ROOT / "tests").rglob("*.py"))


def imported(module: Path) -> Iterator[str]:
    """What a module imports, each name with its module: ``tests.unit.test_run.Nation``."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.relative_to(ROOT).as_posix())
def test_helpers_come_from_support_alone(module: Path) -> None:
    ours = [name for name in imported(module) if name.partition(".")[0] in ("tests", "benchmarks")]
    assert [name for name in ours if not name.startswith("tests.support.")] == []


def test_benchmarks_import_no_test() -> None:
    ours = [name for path in (ROOT / "benchmarks").glob("*.py") for name in imported(path) if name.startswith("tests.")]
    assert ours
    assert [name for name in ours if not name.startswith("tests.support.")] == []
