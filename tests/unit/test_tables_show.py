"""`nibrs tables show`: which run, geography, series and column are meant, and what is printed."""

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result
from rich.console import Console
from tests.estimated import REASON, write_run
from typer.testing import CliRunner

from nibrs_estimation.cli.estimates import find_run
from nibrs_estimation.cli.table_view import TableView, lines_of
from nibrs_estimation.cli.tables import tables_app
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.tables.published import FINAL_SCHEMA
from nibrs_estimation.tables.read import table_definition, table_definitions


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    write_run(folder, "old", ended="2024-01-01T00:00:00+00:00")
    write_run(folder, "us", ended="2025-01-01T00:00:00+00:00")
    write_run(folder, "broken", ended="2026-01-01T00:00:00+00:00", state="failed")
    return folder


def show(scratch: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.setenv("SCRATCH_DIR", str(scratch))
    monkeypatch.setattr("nibrs_estimation.cli.tables.console", Console(width=200))
    return CliRunner().invoke(tables_app, ["show", *arguments])


def test_the_nation_of_the_run_that_finished_last(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = " ".join(show(scratch, monkeypatch, "1a", "--column", "violent_crime").stdout.split())
    assert "1a: Person Incidents The United States (nation, geography 1) · 2024 · run us" in words
    assert "Incident count 9,000 7,236 – 10,764 10.0% 3" in words
    assert "Incident rate (per 100k total pop) 900.0 723.6 – 1,076.4 10.0% 3" in words
    assert "Weapon involved No 6,000 4,824 – 7,176 10.0% 66.7 62.7 – 70.6 3 Yes 3,000" in words
    assert "Weapon involved (% of weapon involved yes) Personal weapons 0 0 – 0 0.0 0.0 – 0.0 0 Firearms 1,500" in words
    assert f"n/a¹ {REASON}" in words
    assert "n/a² the rows that it is a percentage of are 0" in words


def test_all_columns_with_margins(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = " ".join(show(scratch, monkeypatch, "1a", "--run", "old", "--geography", "vt").stdout.split())
    assert "Vermont (state, geography 102) · 2024 · run old" in words
    assert "2,000 ±392" in words
    assert "– never estimated, by design of the table" in words
    assert "± half of the 95 % confidence interval" in words


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("1", "The United States"), ("us", "The United States"), ("6", "The United States, City"),
        ("VT", "Vermont (state"), ("vermont", "Vermont (state"), ("558", "Vermont (judicial district"),
        ("north", "Northeast"), ("102", "Vermont"), ("City", "The United"),
    ],
)  # fmt: skip
def test_geographies(asked: str, found: str, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found in show(scratch, monkeypatch, "DM1", "--geography", asked).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["9z"], "There is no table '9z'"),
        (
            ["1a", "--geography", "new"],
            r"may be several geographies of run us. Name one: 86 New Hampshire; 90 New York",
        ),
        (["1a", "--geography", "77"], r"'77' is no geography of run us. Name one: 1 the United States; "),
        (["1a", "--geography", "NE"], r"Nebraska \(geography 84\) is not estimated in run us: no agency responded"),
        (["1a", "--geography", "NY"], r"New York .* list of geographies left out"),
        (["1a", "--geography", "all"], "add --csv FILE"),
        (["1a", "--series", "male"], "Table 1a is not repeated for groups of persons"),
        (["3a", "--series", "nobody"], "There is no series 'nobody'. Name one: 1 Age: Under 5; "),
        (["3a", "--series", "white"], "may be several: 147 Race: Non-Hispanic White; 155 "),
        (["3a", "--series", "12"], r"Series 12 \(Race: White\) is retired"),
        (["3a", "--series", "84", "--geography", "VT"], "estimated for the nation only, not for Vermont"),
        (["3a", "--series", "154", "--geography", "VT"], "for the nation and its regions only"),
        (["1a", "--column", "crime"], "'crime' may be several: 1 NIBRS crimes"),
        (["1a", "--column", "99"], "There is no column of table 1a '99'"),
        (["1a", "--run", "nope"], "There is no run 'nope' with estimates in .* Runs with estimates: broken, old, us"),
        (["1a", "--run", "../x"], "is not a run id"),
        (["1a", "--frame", "--geography", "VT"], "--frame shows no estimates"),
        (["1a", "--csv", "x.csv", "--column", "1"], "leave out --column"),
        (["1a", "--csv", "x.csv", "--json"], "leave out --column and --json"),
    ],
)
def test_what_cannot_be_shown(
    arguments: list[str], message: str, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=message):
        raise show(scratch, monkeypatch, *arguments).exception or AssertionError("shown all the same")


@pytest.mark.parametrize(
    ("part", "arguments", "what"),
    [
        ("cell_estimate/3a.parquet", ["3a"], "table 3a"),
        ("series_estimate/3a_all.parquet", ["3a", "--series", "male"], "demographic series of table 3a"),
    ],
)
def test_what_a_run_has_not_estimated_is_not_0(
    part: str, arguments: list[str], what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path, "us")
    (tmp_path / "us/all/datasets" / part).unlink()
    with pytest.raises(UsageError, match=f"Run us has not estimated {what}. Run it again"):
        raise show(tmp_path, monkeypatch, *arguments).exception or AssertionError("shown all the same")


def test_without_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Never estimated: rows 11-12" in " ".join(show(tmp_path, monkeypatch, "2a").stdout.split())
    with pytest.raises(UsageError, match=r"No finished run in .* has estimates. `nibrs demo` makes"):
        raise show(tmp_path, monkeypatch, "2a", "--geography", "VT").exception or AssertionError
    write_run(tmp_path, "half", state="running")
    assert find_run(tmp_path, None) is None
    assert "run half" in show(tmp_path, monkeypatch, "DM1", "--run", "half").stdout


def test_the_frame_on_request(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = " ".join(show(scratch, monkeypatch, "2a", "--frame").stdout.split())
    assert "Unit: victim_offense" in words
    assert "run us" not in words


def test_files(scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, every, men = (tmp_path / name for name in ("one.csv", "every.csv", "men.csv"))
    assert "3,920 rows" in show(scratch, monkeypatch, "1a", "--geography", "VT", "--csv", str(one)).stdout
    vermont = pl.read_csv(one, infer_schema_length=None)
    assert vermont.columns == list(FINAL_SCHEMA)
    assert vermont.height == 3920
    assert vermont.filter(der_variable_name="t_1a_1_1_17")["estimate"].to_list() == [1000.0]
    assert (vermont["estimate"] == -9).sum() == 2 * 140
    show(scratch, monkeypatch, "1a", "--geography", "all", "--csv", str(every))
    read = pl.read_csv(every, infer_schema_length=None)
    assert read["PERMUTATION_NUMBER"].unique().sort().to_list() == [1, 6, 12, 86, 102, 107, 558]
    assert read.filter(PERMUTATION_NUMBER=102).equals(vermont)
    show(scratch, monkeypatch, "3a", "--geography", "all", "--series", "male", "--csv", str(men))
    read = pl.read_csv(men, infer_schema_length=None).filter(der_variable_name="t_3a_1_1_1")
    assert dict(read.select("PERMUTATION_NUMBER", "estimate").rows()) == {
        10_001: 70.0, 10_006: 0.0, 10_012: 0.0, 10_086: 0.0, 10_102: 7.0, 10_107: 0.0, 10_558: 0.0,
    }  # fmt: skip


def test_json(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = json.loads(show(scratch, monkeypatch, "3a", "--series", "10", "--column", "1", "--json").stdout)
    assert found["table"] == "3a"
    assert (found["run"], found["year"], found["geography"]["number"]) == ("us", 2024, 1)
    assert found["series"] == {"number": 10, "label": "Sex: Male"}
    assert {row["column"] for row in found["estimates"]} == {1}
    assert found["estimates"][0]["estimate"] == 70.0


def test_blocks_fit_the_terminal(scratch: Path) -> None:
    run = find_run(scratch, None)
    assert run is not None
    definition = table_definition("4a")
    view = TableView(definition, run.rows(definition, run.places.head(1), None))
    narrow, wide = (list(view.overview(definition.columns, width)) for width in (100, 300))
    assert len(narrow) > len(wide) > 1
    for blocks, width in ((narrow, 100), (wide, 300)):
        assert sum(len(block.columns) - 1 for block in blocks) == 2 * len(definition.columns)
        label = min(max(len(text) for _row, text in lines_of(definition)), 46)
        for block in blocks:
            assert label + 2 + sum((column.width or 0) + 2 for column in block.columns[1:]) <= width
    (narrow_column,) = view.details(definition.columns[0], 200)
    assert len(list(view.details(definition.columns[0], 80))) > 1
    assert len(narrow_column.columns) == 7


def test_every_published_row_has_a_line() -> None:
    for definition in table_definitions().values():
        lines = lines_of(definition)
        assert [row for row, _label in lines if row] == [row for row in definition.rows if not row.is_dropped]
        assert not any("  " in label.strip() for _row, label in lines)
