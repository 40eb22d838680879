"""What a task's code hash counts: every room of the package but those that make no dataset."""

from pathlib import Path

import pytest

import nibrs_estimation
from nibrs_estimation.pipeline import code

PACKAGE = Path(nibrs_estimation.__file__).parent
#: Whose code may change what comes out. A new room goes here or to ``EXCLUDED``.
COUNTED = {"evaluate", "metrics", "model", "pages", "reading", "sources", "stages", "stats", "survey", "tables"}


def test_every_room_is_counted_or_named_as_not_counted() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert rooms == COUNTED | set(code.EXCLUDED)
    assert COUNTED.isdisjoint(code.EXCLUDED)


@pytest.mark.parametrize(
    ("module", "counted"),
    [
        ("stages.publication.report", {"pages/page.css", "pages/__init__.py", "tables/table_rows.py"}),
        ("stages.estimation.estimate", {"survey/design.py", "tables/matrices/profiles.py"}),
        ("stages.weighting.weights", {"survey/weights/fit.py", "stats/calibration/__init__.py"}),
    ],
)
def test_what_a_task_imports_counts_wherever_it_stands(module: str, counted: set[str]) -> None:
    files = {
        file.relative_to(PACKAGE).as_posix()
        for name in code._closure(f"nibrs_estimation.{module}")
        for file in code._files_of(name)
    }
    assert counted <= files
    assert not [file for file in files if file.partition("/")[0] in code.EXCLUDED]


def test_a_changed_style_sheet_changes_the_hash_of_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = tmp_path / "page.css"
    sheet.write_text("p{color:red}", encoding="utf-8")
    files_of = code._files_of
    monkeypatch.setattr(
        code, "_files_of", lambda name: {sheet if file.name == "page.css" else file for file in files_of(name)}
    )
    hash_of = code._module_hash.__wrapped__
    before = hash_of("nibrs_estimation.stages.publication.report")
    sheet.write_text("p{color:blue}", encoding="utf-8")
    assert hash_of("nibrs_estimation.stages.publication.report") != before
