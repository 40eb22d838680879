"""The Python interface: where a run is found, what names mean, and that frames are what the commands show."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastexcel
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from rich.console import Console
from tests.support.estimated import Place, estimates, with_suppressed_place, write_run
from tests.support.frames import DATASETS
from tests.support.published import publish_run
from typer.testing import CliRunner

import nibrs_estimation
from nibrs_estimation.cli.commands.agencies import app as agencies_app
from nibrs_estimation.cli.tables import tables_app
from nibrs_estimation.model.published import PUBLISHED
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.store import LocalStore
from nibrs_estimation.pipeline.table import write_table
from nibrs_estimation.reading.opening import open_run
from nibrs_estimation.reading.run import TABLE_COLUMNS, Run
from nibrs_estimation.tables.caution import cautions

HEADER = "agency_id,ori,agency_name,state_abbr,population,is_eligible,months_reported,months_inferred,months_filled"
AGENCIES = f"""{HEADER},which_months_filled,donor_ori,status_reason,national_weight_group,national_weight
1,VT0010000,All year,VT,100,true,12,0,0,,,,3,1.5
2,VT0020000,=HYPERLINK("x"),VT,900,true,3,0,9,4;5,NH0010000,,3,1.5
3,NH0010000,Not ours,NH,50,false,0,0,0,,,covered by another agency,,
4,NH0020000,<b>None</b>,NH,70,true,,0,0,,,reports no incidents,3,
"""


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    # A name that a spreadsheet would take for a formula, and a page for markup.
    strange: list[Place] = [(200, "msa", "=1+1", None, '=HYPERLINK("http://x","<b>y</b>")')]
    write_run(folder, "us", more_places=strange)
    documents = folder / "us/all/documents"
    documents.mkdir()
    (documents / "agencies.csv").write_text(AGENCIES)
    return folder


@pytest.fixture(scope="module")
def run(scratch: Path) -> Run:
    return open_run(scratch / "us")


def test_a_table_is_what_the_command_writes(
    run: Run, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRATCH_DIR", str(scratch))
    for arguments, options in (
        ({}, ()),
        ({"geography": "VT"}, ("--geography", "VT")),
        ({"geography": "states", "columns": "violent_crime", "rows": [1, "Weapon involved"]},
         ("--geography", "states", "--column", "violent_crime", "--row", "1", "--row", "Weapon involved")),
    ):  # fmt: skip
        path = tmp_path / "table.csv"
        result = CliRunner().invoke(tables_app, ["show", "1a", *options, "--csv", str(path)])
        assert result.exception is None
        written = pl.read_csv(path, schema=PUBLISHED.schema)
        found = run.table("1a", show_suppressed=True, **arguments)
        assert found.columns == list(TABLE_COLUMNS)
        shared = [name for name in TABLE_COLUMNS if name in written.columns]
        assert_frame_equal(found.select(shared), written.select(shared))
        cell = written["der_variable_name"].str.split("_").list.slice(-2).list.eval(pl.element().cast(pl.Int16))
        assert found.select("row", "column").rows() == [tuple(each) for each in cell.to_list()]


def test_numbers_are_named_and_filtered(run: Run) -> None:
    found = run.table("1a", "VT", rows="Incident count", columns="violent_crime", estimate="count")
    assert found.select("geography_name", "estimate", "run_id", "data_year", "is_synthetic").rows() == [
        ("Vermont", 1000.0, "us", 2024, False)
    ]
    boys = run.table("3a", series="Sex: Male", rows=1, columns=1, estimate="count")
    assert boys.select("demographic_series", "estimate").rows() == [("Sex: Male", 70.0)]
    assert run.table("1a", geography="states")["geography_name"].unique().sort().to_list() == [
        "New Hampshire",
        "Vermont",
    ]


def test_estimates_are_the_stored_cells_with_all_columns(run: Run) -> None:
    found = run.estimates(["1a", "GV2a"], geography=["US", "VT"])
    assert found.columns == PUBLISHED.schema.names()
    assert (found.filter(pl.col("missing").is_null())["estimate"] > 0).all()
    whole = run.table("1a", geography=["US", "VT"], show_suppressed=True)
    kept = whole.filter((pl.col("estimate") > 0) & pl.col("missing").is_null())["estimate"]
    assert (
        found.filter(pl.col("table_name") == "1a", pl.col("missing").is_null())["estimate"].to_list() == kept.to_list()
    )
    assert set(run.estimates(geography="VT")["table_name"]) >= {"1a", "GV2a"}


def test_what_should_not_be_published_is_left_out_unless_wanted(tmp_path: Path) -> None:
    write_run(tmp_path, "us")
    datasets = tmp_path / "us/all/datasets"
    for name, frame in with_suppressed_place(estimates(), 102).items():
        if name in ("coverage", "geography_quality"):
            write_table(frame, DATASETS[name], datasets / f"{name}.parquet")
    run = open_run(tmp_path / "us")
    cell: dict[str, Any] = {"geography": "VT", "rows": 1, "columns": "violent_crime"}
    hidden = run.table("1a", **cell).row(0, named=True)
    assert hidden["is_suppressed"] and "not reliable" in hidden["suppression_reason"]
    numbers = [name for name in hidden if name.startswith("estimate_") and name != "estimate_type"]
    assert all(hidden[name] is None for name in ("estimate", "relative_standard_error", *numbers))
    assert run.table("1a", **cell, show_suppressed=True)["estimate"][0] == 1000
    assert run.estimates("1a", geography="VT")["estimate"].to_list().count(1000.0) == 0


def test_what_there_is(run: Run) -> None:
    tables = run.tables()
    assert tables.filter(table_name="1a")["is_estimated"].item()
    assert not tables.filter(table_name="SRS1a")["is_estimated"].item()
    assert run.rows("1a").row(0) == (1, "Incident count", ["count"])
    assert run.columns("1a").filter(name="violent_crime")["definition"].item().startswith("Murder")
    assert "Sex: Female" in run.series()["label"]
    coverage = run.coverage().filter(geography_number=102)
    assert coverage.select("state_abbr", "state_fips", "is_estimated", "run_id").row(0) == ("VT", "50", True, "us")
    assert not run.coverage().filter(geography_number=84)["is_estimated"].item(), "Nebraska has no respondent"
    assert repr(run) == "<Run: data year 2024, source cde:zips, run us>"


def test_agencies_and_those_without_all_months(run: Run) -> None:
    agencies = run.agencies()
    assert agencies.height == 4
    assert agencies.schema["which_months_filled"] == agencies.schema["national_weight_group"] == pl.String
    # Only eligible ones, the most populous first.
    assert run.agencies(incomplete=True)["agency_id"].to_list() == [2, 4]


def test_the_command_lists_agencies_as_texts(scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRATCH_DIR", str(scratch))
    monkeypatch.setattr("nibrs_estimation.cli.commands.agencies.console", Console(width=200))
    shown = CliRunner().invoke(agencies_app, ["--incomplete", "--state", "NH"]).stdout
    assert "<b>None</b>" in shown
    assert "reports no incidents" in shown
    assert "VT" not in shown
    assert "source cde:zips, run us" in shown
    CliRunner().invoke(agencies_app, ["--csv", str(tmp_path / "all.csv")])
    assert pl.read_csv(tmp_path / "all.csv").height == 4
    for arguments, message in (
        (["--state", "Vermnt"], "Did you mean vermont?"),
        (["--column", "robbery"], "name it with --table"),
        (["--table", "1a", "--row", "Weapon involved"], "Name one row that has a count"),
        (["--table", "1a"], "has no unit_profile"),
        (["--table", "SRS1a"], "is of summary estimates"),
    ):
        with pytest.raises(UsageError, match=message.replace("?", r"\?")):
            raise CliRunner().invoke(agencies_app, arguments).exception or AssertionError


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda run: run.table("GV2"), "There is no table 'GV2' .did you mean GV2a"),
        (lambda run: run.table("1a", "Vermnt"), "is no geography of run us .did you mean Vermont"),
        (lambda run: run.table("1a", "Nebraska"), "is not estimated in run us: no agency responded"),
        (lambda run: run.table("1a", columns="robery"), "did you mean Robbery"),
        (lambda run: run.table("1a", rows="weapn"), "did you mean Weapon involved"),
        (lambda run: run.table("3a", series="femal e"), "did you mean Sex: Female"),
        (lambda run: run.table("1a", series="female"), "has no demographic series"),
        (lambda run: run.table("SRS1a"), "no estimates of flow srs, which estimates table SRS1a; it has all"),
        (lambda run: run.compare("1a"), "Say which two are compared"),
        (lambda run: run.compare("SRS1a", columns=[1, 2]), "is of summary estimates"),
        (lambda run: run.compare("1a", columns=[1, 2]), "Run us has no unit_profile"),
    ],
)
def test_names_that_mean_nothing_say_what_exists(run: Run, ask: Callable[[Run], object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ask(run)


def test_what_was_published_opens_and_reads_its_settings(scratch: Path, tmp_path: Path) -> None:
    shutil.copytree(scratch / "us", tmp_path / "scratch/us")
    store = LocalStore(tmp_path / "artifacts")
    publish_run(tmp_path / "scratch", "us", store, nibrs_variance_rule="reference")
    published = open_run(tmp_path / "artifacts/us")
    assert published._flows["all"].variance_rule() == "reference"
    assert_frame_equal(published.table("1b"), open_run(scratch / "us").table("1b"))
    assert published.agencies().height == 4
    # The run's own folder is used only if it is of this publication.
    with_work = open_run(tmp_path / "artifacts/us", scratch=tmp_path / "scratch")
    assert with_work._of_work("all") is not with_work._flows["all"]
    marker = tmp_path / "scratch/us/all/published.json"
    marker.write_text(json.dumps({"files": {"estimates.csv": "other"}}))
    assert with_work._of_work("all") is with_work._flows["all"]


def test_half_a_run_says_what_is_missing_and_what_to_do(scratch: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no folder .*usa .did you mean .*us\?"):
        open_run(scratch / "usa")
    with pytest.raises(UsageError, match=r"holds no run with estimates.*It holds runs: open one, such as .*us"):
        open_run(scratch)
    shutil.copytree(scratch / "us", tmp_path / "us")
    shutil.rmtree(tmp_path / "us/all/datasets/cell_estimate")
    with pytest.raises(UsageError, match=r"Run us in .* has no estimates .flow all is finished.*`nibrs run`"):
        open_run(tmp_path / "us")
    record = tmp_path / "us/run.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "format": 1}))
    with pytest.raises(UsageError, match="another version of this program"):
        open_run(tmp_path / "us")
    store = LocalStore(tmp_path / "artifacts")
    shutil.copytree(scratch / "us", tmp_path / "scratch/us")
    publish_run(tmp_path / "scratch", "us", store)
    marker = tmp_path / "artifacts/us/published.json"
    complete = marker.read_text()
    marker.write_text(complete.replace('"complete"', '"publishing"'))
    with pytest.raises(PipelineError, match="publication was interrupted"):
        open_run(tmp_path / "artifacts/us")
    marker.write_text(complete)
    (tmp_path / "artifacts/us/cell_estimate/1a.parquet").write_bytes(b"PAR1 and nothing")
    with pytest.raises(PipelineError, match=r"1a\.parquet"):
        open_run(tmp_path / "artifacts/us").table("1a")


def test_importing_is_fast_and_the_door_is_found() -> None:
    assert nibrs_estimation.open_run.__module__ == "nibrs_estimation.notebook"
    with pytest.raises(AttributeError, match="no attribute 'open_runs'"):
        nibrs_estimation.open_runs  # noqa: B018


def show(scratch: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.setenv("SCRATCH_DIR", str(scratch))
    monkeypatch.setattr("nibrs_estimation.cli.table_show.console", Console(width=200))
    result = CliRunner().invoke(tables_app, ["show", *arguments])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_a_workbook_has_numbers_flags_reasons_and_definitions(
    run: Run, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "1a.xlsx"
    arguments = ("1a", "--geography", "US", "--geography", "geography:200", "--column", "violent_crime")
    told = show(scratch, monkeypatch, *arguments, "--xlsx", str(path))
    found = run.table("1a", ["US", "geography:200"], columns="violent_crime")
    assert f"Wrote {path}: {found.height} lines of 2 geographies." in told
    book = fastexcel.read_excel(path)
    assert book.sheet_names == ["Estimates", "About", "Definitions"]
    numbers = book.load_sheet("Estimates", header_row=3).to_polars()
    assert numbers.height == found.height
    shown = numbers["Estimate"].cast(pl.Float64, strict=False)
    assert shown.to_list() == pytest.approx(found["estimate"].to_list(), nan_ok=True)
    assert numbers["Category"].fill_null("").to_list() == found["row_label"].fill_null("").to_list()
    few = found["caution"].str.contains("few_agencies").fill_null(False)
    words = cautions()["few_agencies"].words
    assert numbers["Caution"].fill_null("").str.contains(words, literal=True).to_list() == few.to_list()
    assert numbers["Why there is no number"].fill_null("").to_list() == found["missing"].fill_null("").to_list()
    # A name is a text, whatever it looks like.
    assert '=HYPERLINK("http://x","<b>y</b>")' in numbers["Geography"]
    about = dict(book.load_sheet("About", header_row=None).to_polars().select(pl.nth(0), pl.nth(1)).iter_rows())
    assert (about["Source"], about["Data year"], about["Synthetic"]) == ("cde:zips", "2024", "no")
    definitions = dict(
        book.load_sheet("Definitions", header_row=None).to_polars().select(pl.nth(0), pl.nth(1)).iter_rows()
    )
    assert definitions["Violent Crime"].startswith("Murder and Nonnegligent Manslaughter (09A)")
    assert "six categories" in definitions["Weapon involved: Firearms"]


def test_a_workbook_of_synthetic_data_says_so_on_every_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path, "us", source="synthetic:0.01", is_synthetic=True)
    show(tmp_path, monkeypatch, "GV2a", "--xlsx", str(tmp_path / "a.xlsx"))
    book = fastexcel.read_excel(tmp_path / "a.xlsx")
    for name in book.sheet_names:
        first = book.load_sheet(name, header_row=None).to_polars().to_series(0)
        assert first[1].startswith("SYNTHETIC DATA")


def test_a_workbook_hides_what_should_not_be_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path, "us")
    datasets = tmp_path / "us/all/datasets"
    for name, frame in with_suppressed_place(estimates(), 102).items():
        if name in ("coverage", "geography_quality"):
            write_table(frame, DATASETS[name], datasets / f"{name}.parquet")
    vermont = ("1a", "--geography", "VT", "--row", "1", "--column", "violent_crime", "--xlsx", str(tmp_path / "a.xlsx"))
    for options, estimate in (((), "×"), (("--show-suppressed",), "1000")):
        show(tmp_path, monkeypatch, *vermont, *options)
        numbers = fastexcel.read_excel(tmp_path / "a.xlsx").load_sheet("Estimates", header_row=3).to_polars()
        assert numbers.select(pl.col("Estimate").cast(pl.String).str.strip_suffix(".0")).item() == estimate
        assert "not reliable" in numbers["Suppressed"].item()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--xlsx", "a.xls"), r"is no name of a workbook"),
        (("--xlsx", "a.xlsx", "--csv", "a.csv"), "give one of them"),
        (("--xlsx", "a.xlsx", "--json"), "give one of them"),
        (("--xlsx", "a.xlsx", "--frame"), "--frame shows no estimates"),
    ],
)
def test_what_a_workbook_cannot_be(
    scratch: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        show(scratch, monkeypatch, "1a", *options)


def test_a_sheet_has_an_end(scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nibrs_estimation.reading.workbook.MOST_ROWS", 10)
    with pytest.raises(UsageError, match="are more than a sheet holds"):
        show(scratch, monkeypatch, "1a", "--xlsx", str(tmp_path / "a.xlsx"))
    assert not (tmp_path / "a.xlsx").exists()
