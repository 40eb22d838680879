"""Files for people: all tables as CSV and DuckDB, and the report."""

import io
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest
from tests.support.estimated import MADE_UP, estimates, position, with_suppressed_place
from tests.support.frames import DATASETS

from nibrs_estimation.model.estimates import CELL_ESTIMATE
from nibrs_estimation.model.published import ESTIMATES, PUBLISHED
from nibrs_estimation.pipeline.table import write_table
from nibrs_estimation.stages.publication import workbooks
from nibrs_estimation.stages.publication.files import export_estimates
from nibrs_estimation.stages.publication.workbooks import export_workbooks
from nibrs_estimation.tables.caution import cautions
from nibrs_estimation.tables.labels import spreadsheet_label, with_states
from nibrs_estimation.tables.read import table_definitions
from nibrs_estimation.tables.table_rows import INTERVAL_MEANS, MONTHS_INFERRED

Tables = dict[str, pl.LazyFrame]
FILES = ["README.txt", "definitions.csv", "estimates.csv", "estimates.duckdb"]
#: Releases that people have: R's package, DBeaver, command lines. 0.10 is of February 2024.
OLD_RELEASES = ("0.10.3", "1.0.0", "1.1.3", "1.3.2")


def given_tables() -> Tables:
    return {name: frame for name, frame in estimates().items() if name != "series_estimate"}


def exported(tables: Tables, folder: Path) -> tuple[bytes, pl.DataFrame]:
    folder.mkdir()
    for name, write in export_estimates(
        **tables, year=2024, identity=MADE_UP, small_count="off", variance_rule="prediction"
    ).items():
        write(folder / name)
    with duckdb.connect(folder / "estimates.duckdb", read_only=True) as connection:
        rows = connection.execute("SELECT * FROM published_estimates").fetchall()
    assert sorted(path.name for path in folder.iterdir()) == FILES
    return (folder / "estimates.csv").read_bytes(), pl.DataFrame(rows, schema=PUBLISHED.schema, orient="row")


def test_both_files_hold_the_stored_cells_of_nation_regions_and_states(tmp_path: Path) -> None:
    content, stored = exported(given_tables(), tmp_path / "a")
    shuffled = {
        name: t.collect().sample(fraction=1.0, shuffle=True, seed=5).lazy() for name, t in given_tables().items()
    }
    again, _ = exported(shuffled, tmp_path / "b")
    assert again == content
    read = pl.read_csv(content, schema=PUBLISHED.schema)
    key = PUBLISHED.primary_key
    assert read.sort(key).equals(stored.sort(key))
    assert set(read["geography_number"]) == {1, 12, 86, 102}
    told = read.filter(geography_number=1, estimate_type="count").drop_nulls("estimate")
    assert told["der_variable_name"].to_list() == [
        "t_1a_1_1_1", "t_1a_1_1_17", "t_1a_2_3_17", "t_1a_2_4_17", "t_1a_2_6_17", "t_1b_1_1_14", "t_3a_1_1_16",
        "t_3a_3_15_16", "t_3a_3_16_16", "t_DM4_2_3_1",
    ]  # fmt: skip
    rates = read.filter(geography_number=1, estimate_type="rate")
    assert rates["der_variable_name"].to_list() == [
        "t_1a_1_2_1", "t_1a_1_2_17", "t_1b_1_2_14", "t_3a_1_3_16", "t_4b_1_1_1",
    ]  # fmt: skip
    assert rates["estimate"].to_list() == pytest.approx([1800, 900, 500, 100, 5])
    # What the input cannot tell stands there without a number.
    gaps = read.filter(pl.col("estimate").is_null(), geography_number=1, estimate_type="count")
    assert gaps["der_variable_name"].to_list() == ["t_1a_3_11_17", "t_1a_3_12_17"]


def test_a_run_that_estimates_nothing_makes_files_all_the_same(tmp_path: Path) -> None:
    empty = {name: DATASETS[name].empty() for name in given_tables()}
    content, stored = exported(empty, tmp_path / "a")
    assert stored.is_empty()
    assert content.decode().strip() == ",".join(PUBLISHED.schema)


def test_every_row_says_of_which_run_and_place_it_is(tmp_path: Path) -> None:
    content, _stored = exported(given_tables(), tmp_path / "a")
    read = pl.read_csv(content, schema=PUBLISHED.schema)
    origin = read.select("data_year", "run_id", "data_source", "is_synthetic").unique()
    assert origin.rows() == [(2024, "made_up", "synthetic:0.01", True)]
    places = read.select("geography_level", "geography_code", "state_abbr", "state_fips", "geography_name").unique()
    assert set(places.rows()) == {
        ("nation", "US", None, None, "the United States"),
        ("region", "1", None, None, "Northeast"),
        ("state", "NH", "NH", "33", "New Hampshire"),
        ("state", "VT", "VT", "50", "Vermont"),
    }
    violent = read.filter(pl.col("column_label") == "Violent Crime 2")
    assert violent["is_proposed"].all()
    # Three respondents counted each, half of the estimate; a tenth is the relative standard error.
    some = read.filter(pl.col("estimate") > 0)
    assert set(some["caution"]) == {"few_agencies", "few_agencies;few_counted"}
    counts = some.filter(estimate_type="count")
    is_small = counts["estimate_unweighted"] < 30
    assert (counts["caution"].str.ends_with("few_counted") == is_small).all()


def test_a_nebraskan_row_has_the_postal_code_and_a_fips_code_with_its_zero() -> None:
    rows = pl.DataFrame(
        {"geography_level": ["state", "state", "judicial_district"], "geography_code": ["NB", "AL", "AL"]}
    )
    assert with_states(rows).select("state_abbr", "state_fips").rows() == [("NE", "31"), ("AL", "01"), (None, None)]


def test_the_database_has_the_stated_table_and_says_what_it_is(tmp_path: Path) -> None:
    _content, published = exported(given_tables(), tmp_path / "a")
    with duckdb.connect(tmp_path / "a/estimates.duckdb", read_only=True) as connection:
        described = connection.execute("DESCRIBE estimates").fetchall()
        assert [row[0] for row in described] == list(ESTIMATES.schema)
        count = connection.execute("SELECT count(*), sum(estimate) FROM estimates").fetchone()
        assert count == (published.height, pytest.approx(published["estimate"].sum()))
        run = connection.execute("SELECT run_id, is_synthetic, data_year, seed FROM run").fetchall()
        assert run == [("made_up", True, 2024, 1)]
        fips = connection.execute("SELECT state_fips FROM geography WHERE state_abbr = 'VT'").fetchall()
        assert fips == [("50",)]
        sums = connection.execute(
            "SELECT definition, is_proposed FROM definitions WHERE table_name = '1a' AND label = 'Violent Crime 2'"
        ).fetchall()
        assert sums[0][1]
        assert "Simple Assault (13B)" in sums[0][0]


def test_the_lookups_explain_every_key_of_the_estimates(tmp_path: Path) -> None:
    exported(given_tables(), tmp_path / "a")
    with duckdb.connect(tmp_path / "a/estimates.duckdb", read_only=True) as connection:
        variables = connection.execute(
            "SELECT der_variable_name, rate_specific_domain, full_table, indicator_name, estimate_domain_1, "
            "estimate_domain_2, estimate_pk, time_series_start_year FROM der_variable_name_lookup ORDER BY estimate_pk"
        ).fetchall()
        places = connection.execute("SELECT * FROM population_lookup ORDER BY population_pk").fetchall()
        unexplained = connection.execute(
            "SELECT count(*) FROM estimates ANTI JOIN der_variable_name_lookup USING "
            "(time_series_start_year, der_variable_name, rate_specific_domain)"
        ).fetchall()
        unplaced = connection.execute(
            "SELECT count(*) FROM estimates ANTI JOIN population_lookup USING "
            "(time_series_start_year, permutation_number)"
        ).fetchall()
    assert unexplained == unplaced == [(0,)]
    # The slow way: each cell of each table that is not blank, one at a time.
    expected = {
        (
            f"t_{one.table}_{row.section}_{row.row}_{column.position}",
            one.rate_specific_domain and kind == "rate",
            one.table,
            column.label,
            row.domain_1,
            row.domain_2,
        )
        for one in table_definitions().values()
        for row in one.rows
        for kind in row.estimates
        for column in one.columns
        if (row.row, column.position) not in one.blank
    }
    assert {row[:6] for row in variables} == expected
    assert [row[6:] for row in variables] == [(number, 2024) for number in range(len(expected))]
    assert places[1] == (2024, 1, 12, None, 12, None, "Northeast", "RegionWgt", 0.9, False, None)
    assert [(row[2], row[6]) for row in places] == [
        (1, "the United States"), (12, "Northeast"), (86, "New Hampshire"), (102, "Vermont"),
    ]  # fmt: skip


def test_the_readme_says_synthetic_zeros_and_cautions(tmp_path: Path) -> None:
    exported(given_tables(), tmp_path / "a")
    text = " ".join((tmp_path / "a/README.txt").read_text(encoding="utf-8").split())
    assert text.startswith("Estimates from NIBRS: SYNTHETIC DATA: these numbers describe a nation that does not exist")
    assert "source synthetic:0.01, run made_up" in text
    assert "omit cells that are 0" in text
    for rule in cautions().values():
        assert f"{rule.code} {rule.words}" in text


@pytest.mark.parametrize("release", OLD_RELEASES)
def test_old_releases_of_duckdb_open_the_file(release: str, tmp_path: Path) -> None:
    exported(given_tables(), tmp_path / "a")
    path = tmp_path / "a/estimates.duckdb"
    uv = shutil.which("uv") or str(Path(__file__).parents[2] / ".uv/bin/uv")
    if not Path(uv).exists():
        pytest.skip("there is no uv to get an old release with")
    python = [uv, "run", "-q", "--no-project", "--isolated", "--python", sys.executable, "--with", f"duckdb=={release}"]
    there = subprocess.run(
        [*python, "python", "-c", "import duckdb; print(duckdb.__version__)"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    if there.stdout.strip() != release:
        pytest.skip(f"DuckDB {release} cannot be had here: {there.stderr.strip()[-200:]}")
    ask = (
        f"import duckdb; c = duckdb.connect({str(path)!r}, read_only=True); "
        "print([c.execute(f'SELECT count(*) FROM {name}').fetchone()[0] for name in "
        "('published_estimates', 'estimates', 'geography', 'run', 'definitions')])"
    )
    read = subprocess.run([*python, "python", "-c", ask], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert read.returncode == 0, read.stderr
    with duckdb.connect(path, read_only=True) as connection:
        names = ("published_estimates", "estimates", "geography", "run", "definitions")
        counts = [connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0] for name in names]
    assert read.stdout.strip() == str(counts)
    assert min(counts) > 0


def test_pyarrow_reads_a_runs_parquet_files(tmp_path: Path) -> None:
    frame = given_tables()["cell_estimate"]
    write_table(frame, CELL_ESTIMATE, tmp_path / "cells.parquet")
    assert pq.read_table(tmp_path / "cells.parquet").num_rows == frame.collect().height


def test_no_label_becomes_a_date_or_a_number() -> None:
    """A spreadsheet makes a day of 5-14, a number of 15, and a formula of what begins with = + - @."""
    date = r"^\s*\d{1,4}\s*[-/.]\s*(\d{1,4}|[A-Za-z]{3,9})(\s*[-/.]\s*\d{1,4})?\s*$"
    month = r"(?i)^\s*(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[\s./-]+\d{1,4}\s*$"
    number = r"^\s*[(+-]?[$]?[\d,.]+([eE][+-]?\d+)?\s*[%)]?\s*$|^\s*\d+\s+\d+/\d+\s*$"
    time = r"(?i)^\s*\d{1,2}(:\d\d)*\s+[ap]m?\s*$|^\s*\d{1,2}:\d\d"
    spoiled = "|".join((date, month, number, time, r"^[=+@-]"))
    labels = [
        (row.domain_1, row.domain_2, column.label)
        for table in table_definitions().values()
        for row in table.rows
        for column in table.columns
    ]
    frame = pl.DataFrame(labels, schema=["group", "label", "column"], orient="row").unique()
    raw = frame["label"].drop_nulls()
    assert raw.str.contains(spoiled).sum() > 0
    kept = frame.select(spreadsheet_label(pl.col("label"), pl.col("group"))).to_series().drop_nulls()
    for texts in (kept, frame["group"], frame["column"]):
        assert texts.filter(texts.str.contains(spoiled)).to_list() == []
    # No two labels of a group become one.
    assert kept.n_unique() >= raw.n_unique() - 1
    pairs = {"5-14": "5 to 14", "65+": "65 or more", "15": "age 15", "4-8am": "4 to 8am"}
    told = pl.DataFrame({"label": [*pairs, "2"], "group": ["Victim Age"] * 4 + ["Number of Victims"]})
    assert told.select(spreadsheet_label(pl.col("label"), pl.col("group"))).to_series().to_list() == [
        *pairs.values(), "exactly 2",
    ]  # fmt: skip


def books(tables: Tables, path: Path) -> Path:
    export_workbooks(**tables, identity=MADE_UP, small_count="off", variance_rule="prediction")["workbooks.zip"](path)
    assert [other.name for other in path.parent.iterdir()] == [path.name]
    return path


def test_a_workbook_for_each_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = {name: table for name, table in table_definitions().items() if name in ("1a", "DM4")}
    monkeypatch.setattr(workbooks, "table_definitions", lambda: few)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    path = books(given_tables(), tmp_path / "a/workbooks.zip")
    again = books(given_tables(), tmp_path / "b/workbooks.zip")
    assert again.read_bytes() == path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [f"table_{name}.xlsx" for name in few]
        content = archive.read("table_1a.xlsx")
    options: dict[str, Any] = {"has_header": False, "drop_empty_rows": False, "infer_schema_length": 0}
    sheets: dict[str, pl.DataFrame] = pl.read_excel(io.BytesIO(content), sheet_id=0, **options)
    assert list(sheets) == ["About", "Nation", "Regions", "States"]
    about = " ".join(str(value) for row in sheets["About"].rows() for value in row)
    assert "SYNTHETIC DATA" in about
    assert "fewer than 10 agencies reported any" in about
    assert INTERVAL_MEANS["prediction"] in about
    assert f"for Low and High also: {MONTHS_INFERRED}" in about
    assert "Simple Assault (13B)" in about
    nation = sheets["Nation"]
    assert "SYNTHETIC DATA" in str(nation.row(0)[0])
    violent = 6 + 3 * (position("1a", "violent_crime") - 1)
    total = next(row for row in nation.rows() if row[3] == "Incident count")
    assert [float(value) for value in total[violent : violent + 3]] == pytest.approx([9000, 7236, 10764])
    # What is never estimated, and what the input does not tell.
    murder = 6 + 3 * (position("1a", "murder") - 1)
    injury = next(row for row in nation.rows() if row[3] == "Injury" and row[5] == "count")
    assert (injury[murder], injury[violent]) == ("–", "..")
    vermont = [row for row in sheets["States"].rows() if row[0] == "Vermont"]
    assert vermont[0][1:3] == ("VT", "50")
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        assert "&quot; a&quot;" in book.read("xl/styles.xml").decode()


def test_workbooks_hide_suppressed_numbers_and_csv_flags_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = {name: frame for name, frame in with_suppressed_place(estimates(), 102).items() if name in given_tables()}
    few = {"1a": table_definitions()["1a"]}
    monkeypatch.setattr(workbooks, "table_definitions", lambda: few)
    (tmp_path / "books").mkdir()
    with zipfile.ZipFile(books(tables, tmp_path / "books/workbooks.zip")) as archive:
        content = archive.read("table_1a.xlsx")
    options: dict[str, Any] = {"has_header": False, "drop_empty_rows": False, "infer_schema_length": 0}
    sheets: dict[str, pl.DataFrame] = pl.read_excel(io.BytesIO(content), sheet_id=0, **options)
    violent = 6 + 3 * (position("1a", "violent_crime") - 1)
    vermont = next(row for row in sheets["States"].rows() if row[0] == "Vermont")
    assert vermont[violent : violent + 3] == ("×", "×", "×")
    assert not any("×" in row for row in sheets["Nation"].rows())
    assert "not reliable enough to be published" in str(sheets["About"].rows())
    content_csv, _stored = exported(tables, tmp_path / "files")
    rows = pl.read_csv(content_csv, schema=PUBLISHED.schema).filter(table_name="1a", estimate_type="count")
    flagged = rows.filter("is_suppressed")
    assert flagged["geography_number"].unique().to_list() == [102]
    assert flagged["suppression_reason"].str.contains("main numbers of the place").all()
    assert flagged["estimate"].to_list() == [2000.0, 1000.0]
    with duckdb.connect(tmp_path / "files/estimates.duckdb", read_only=True) as connection:
        found = connection.execute(
            "SELECT suppression_flag_indicator, der_perm_group_suppression_flag, der_elig_suppression, estimate_copula "
            "FROM estimates WHERE der_variable_name = 't_1a_1_1_1' ORDER BY permutation_number"
        ).fetchall()
    assert found == [(False, False, True, None), (False, False, True, None), (True, True, True, None)]


def test_a_year_without_correlations_is_warned_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for year, warnings in ((2024, 0), (2023, 1)):
        caplog.clear()
        writers = export_estimates(
            **given_tables(), year=year, identity=MADE_UP, small_count="off", variance_rule="prediction"
        )
        writers["README.txt"](tmp_path / f"README-{year}.txt")
        assert [record.levelname for record in caplog.records] == ["WARNING"] * warnings
