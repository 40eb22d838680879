"""Return A for summary estimates: master files of one or more years, and RETA-MM files."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.support.frames import table
from tests.support.return_a_file import month, record

from nibrs_estimation.model.return_a import MONTH_NAMES
from nibrs_estimation.model.summary import RETA_MM, RETURN_A_CARD
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.sources.external_files import import_government, import_reta_mm
from nibrs_estimation.sources.registry import open_source
from nibrs_estimation.sources.return_a import ReturnASummaries
from nibrs_estimation.stages.universe.reta_mm import reta_mm

YEAR = 2014
COUNTED = {1: {20: 7, 25: 7}, 2: {20: 3, 25: 3}, 3: {20: 1, 25: 1}}


def write(folder: Path, name: str, year: str, *agencies: tuple[str, list[str]]) -> Path:
    path = folder / name
    text = "\r\n".join(record(months, ori7=ori7, year=year, state="44") for ori7, months in agencies)
    path.write_text(text + "\r\n", encoding="latin-1")
    return path


@pytest.fixture
def source(tmp_path: Path) -> ReturnASummaries:
    year = [month(COUNTED), month(included_in="03", types="55550", marks="0000"), month(COUNTED)]
    return ReturnASummaries(
        (
            write(tmp_path, "b.txt", "14", ("VT00101", year), ("VT00102", [month({1: {20: 2, 25: 2}})])),
            write(tmp_path, "a.txt", "13", ("VT00102", [month({1: {20: 5, 25: 5}})]), ("VT00100", [])),
        )
    )


def test_files_of_two_years(source: ReturnASummaries) -> None:
    assert source.newest_year() == YEAR
    assert source.probe(YEAR, 1).years == (2013, 2014)
    made = source.ingest_summaries(YEAR)
    agencies = made["agency"].sort("data_year", "ori")
    assert agencies.select("data_year", "ori", "agency_id", "universe_scope").rows() == [
        (2013, "VT0010000", 1, "all"), (2013, "VT0010200", 3, "all"),
        (2014, "VT0010100", 2, "all"), (2014, "VT0010200", 3, "all"),
    ]  # fmt: skip
    months = made["report_month"].sort("data_year", "agency_id", "month")
    assert months.select("data_year", "agency_id", "month", "form_code", "status").rows() == [
        (2013, 3, 1, "R", "I"), (2014, 2, 1, "R", "I"), (2014, 2, 2, "R", "Z"), (2014, 2, 3, "R", "I"),
        (2014, 3, 1, "R", "I"),
    ]  # fmt: skip
    lines = made["srs_month"].filter((pl.col("data_year") == YEAR) & (pl.col("item_code") == 20))
    assert lines.sort("agency_id", "month").select("agency_id", "month", "n").rows() == [
        (2, 1, 7),
        (2, 3, 7),
        (3, 1, 2),
    ]
    cards = checked(made["return_a_card"].lazy(), RETURN_A_CARD)
    told = cards.filter((pl.col("agency_id") == 2) & (pl.col("card") == 2)).sort("month")
    assert told.select("month", "item_20", "is_within_another").rows() == [(1, 3, False), (2, 0, True), (3, 3, False)]
    assert all(made[name]["US"].collect().is_empty() for name in ("incident", "offense", "victim", "arrestee"))


def test_what_is_refused(source: ReturnASummaries, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"not of 2020\. Name the file of 2020"):
        source.probe(2020, 1)
    again = write(tmp_path, "again.txt", "14", ("VT00101", [month(COUNTED)]))
    with pytest.raises(PipelineError, match="two files are of one year"):
        ReturnASummaries((*source.paths, again)).probe(YEAR, 1)
    (tmp_path / "cut.txt").write_bytes(source.paths[0].read_bytes()[:3000])
    with pytest.raises(PipelineError, match="is not a Return A master file"):
        ReturnASummaries((tmp_path / "cut.txt",)).probe(YEAR, 1)
    with pytest.raises(UsageError, match="has no file name"):
        open_source("return-a:", None, takes_summaries=True)
    assert isinstance(open_source("return-a:x.zip", None, takes_summaries=True), ReturnASummaries)


def test_history_is_of_five_years(tmp_path: Path) -> None:
    old, new = (write(tmp_path, f"{year}.txt", year, ("VT00101", [month(COUNTED)])) for year in ("09", "14"))
    made = ReturnASummaries((old, new)).ingest_summaries(YEAR)
    assert set(made["agency"]["data_year"]) == {2014}


def test_a_reta_mm_file_round_trip(tmp_path: Path) -> None:
    agency = table("agency", *({"agency_id": i, "data_year": YEAR} for i in (1, 2, 3)))
    months = [(1, 1), (1, 3), (2, 12)]
    report_month = table(
        "report_month", *({"agency_id": a, "data_year": YEAR, "month": m, "form_code": "R"} for a, m in months)
    )
    counts = table(
        "srs_month",
        {"agency_id": 1, "data_year": YEAR, "month": 3, "item_code": 20, "n": 9},
        {"agency_id": 2, "data_year": YEAR, "month": 12, "item_code": 26, "n": 2},
        {"agency_id": 2, "data_year": YEAR, "month": 12, "item_code": 0, "n": -1},
    )
    universe = agency.select(
        AGENCY_ID="agency_id", ORI="ori", LEGACY_ORI="ori", COVERED_FLAG=pl.lit("N"), UCR_AGENCY_NAME=pl.lit("x")
    )
    reta_mm(universe, report_month, counts, YEAR).write_csv(tmp_path / "reta.csv")
    found = checked(import_reta_mm(agency, tmp_path / "reta.csv", YEAR), RETA_MM)
    assert found.height == 36
    reported = found.filter("is_reported").sort("agency_id", "month")
    assert reported.select("agency_id", "month").rows() == months
    long = found.unpivot(index=["agency_id", "month"], on=[f"item_{i}" for i in range(29)], value_name="n").filter(
        pl.col("n") != 0
    )
    expected = counts.collect().select("agency_id", "month", variable=pl.format("item_{}", "item_code"), n="n")
    assert_frame_equal(long, expected, check_row_order=False, check_dtypes=False)
    with pytest.raises(PipelineError, match=r"is not 2015\. Give the file of 2015"):
        import_reta_mm(agency.with_columns(data_year=pl.lit(2015)), tmp_path / "reta.csv", 2015)


def test_faulty_reta_mm_files(tmp_path: Path) -> None:
    agency = table("agency", {"agency_id": 1, "data_year": YEAR})
    flags = ",".join(f"{name}_mm_flag" for name in MONTH_NAMES)
    good = f"VT0000001,{YEAR}" + ",1" * 12
    path = tmp_path / "reta.csv"
    for lines, message in (
        ([good + ",x"], "v70"),
        ([good + ",1", good + ",1"], "ORI_UNIV"),
        ([f"VT0000001,{YEAR}" + ",y" * 12 + ",1"], "jan_mm_flag"),
    ):
        path.write_text("\n".join([f"ORI_UNIV,data_year,{flags},v70", *lines]) + "\n", encoding="utf-8")
        with pytest.raises(PipelineError, match=message):
            import_reta_mm(agency, path, YEAR)


def test_governments(tmp_path: Path) -> None:
    path = tmp_path / "government.csv"
    path.write_text("ORI,GOVID_2023,govtype_2023\nVT0010000,46,2\nVT0020000,,\n", encoding="utf-8")
    assert import_government(path).collect().rows() == [("VT0010000", "46", "2")]
    path.write_text("ORI,GOVID_2023\nVT0010000,46\nVT0010000,47\n", encoding="utf-8")
    with pytest.raises(PipelineError, match="ORI"):
        import_government(path)
