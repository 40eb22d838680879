"""Flows srs, srs_30, grant_year and bjs_grant as a user meets them, on small synthetic nations."""

import json
import zipfile
from pathlib import Path

import polars as pl
import pytest

from tests.support.command import nibrs, python, succeed
from tests.support.once import once

FLOWS = Path(__file__).parents[2] / "flows.py"
SOURCE = ("--source", "synthetic:0.001", "--seed", "1")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A summary run of 2024, and counts for grants of two years."""

    def make(folder: Path) -> None:
        succeed(folder, "run", "srs", "s24", *SOURCE, "--year", "2024")
        for year in ("2023", "2024"):
            succeed(folder, "run", "grant_year", f"g{year}", *SOURCE, "--year", year)
        succeed(folder, "run", "bjs_grant", "grants", "--source", "runs:g2023,g2024")

    return once(tmp_path_factory, "summary", make)


def test_what_is_published(runs: Path) -> None:
    published = runs / "artifacts/s24/srs"
    estimates = pl.read_csv(published / "estimates.csv", infer_schema_length=None)
    assert set(estimates["table_name"]) == {"SRS1a", "SRS1araw", "SRS2a"}
    assert estimates["is_synthetic"].all()
    key = ["geography_number", "der_variable_name", "estimate_type"]
    assert not estimates.select(pl.struct(key).is_duplicated().any()).item()
    assert {"nation", "region", "division", "state"} == set(estimates["geography_level"])
    nation = estimates.filter(pl.col("geography_number") == 1)
    shares = nation.filter((pl.col("table_name") == "SRS2a") & (pl.col("estimate_type") == "percentage"))
    sums = shares.group_by("column_label").agg(pl.col("estimate").sum())
    assert sums["estimate"].to_list() == pytest.approx([100.0] * sums.height)
    raw = estimates.filter(pl.col("table_name") == "SRS1araw")
    assert not raw["is_suppressed"].any()
    page = (published / "report.html").read_text()
    for heading in ("Part I offenses", "Regions", "Where the counts come from", "Incidents in the counts"):
        assert f"<h2>{heading}</h2>" in page
    assert "SYNTHETIC" in page
    manifest = json.loads((published / "intake_manifest.json").read_text())
    assert manifest["totals"]["rows_read"] == manifest["totals"]["rows_kept"] > 0
    assert (published / "conversion.html").is_file()
    with zipfile.ZipFile(published / "workbooks.zip") as books:
        assert books.namelist() == ["table_SRS1a.xlsx", "table_SRS1araw.xlsx", "table_SRS2a.xlsx"]


def test_a_cell_is_what_a_user_sees(runs: Path) -> None:
    shown = nibrs(runs, "tables", "show", "SRS1a", "--run", "s24", "--column", "Robbery").stdout
    estimates = pl.read_csv(runs / "artifacts/s24/srs/estimates.csv", infer_schema_length=None)
    robberies = estimates.filter((pl.col("geography_number") == 1) & (pl.col("der_variable_name") == "t_SRS1a_1_1_4"))[
        "estimate"
    ].item()
    assert f"{robberies:,.0f}" in shown
    other = nibrs(runs, "tables", "show", "1a", "--run", "s24")
    assert other.returncode == 2
    assert "it is of flow srs" in other.stderr
    in_database = nibrs(runs, "publish", "database", "s24", "--dry-run")
    assert in_database.returncode == 2
    assert "Run s24 is of flow srs" in " ".join(in_database.stderr.split())
    refused = nibrs(runs, "compare", "SRS1a", "--run", "s24")
    assert refused.returncode == 2
    assert "cannot be compared or taken apart yet" in refused.stderr


def test_every_incident_is_accounted_for(runs: Path) -> None:
    datasets = runs / "scratch/s24/srs/datasets"
    account = pl.read_parquet(datasets / "conversion_account/*.parquet").group_by("measure").agg(pl.col("n").sum())
    n = dict(account.iter_rows())
    incidents = pl.read_parquet(datasets / "incident/*.parquet").filter(pl.col("data_year") == 2024).height
    assert n["incidents"] == incidents > 0
    assert incidents == n["counted"] + n["counted_nothing"] + n["without_family"] + n["before_start"]


def test_the_same_command_again_keeps_everything(runs: Path) -> None:
    done = nibrs(runs, "run", "srs", "s24", *SOURCE, "--year", "2024")
    assert done.returncode == 0, done.stderr
    assert "done" not in done.stdout


def test_years_of_a_series_side_by_side(runs: Path, tmp_path: Path) -> None:
    done = python(tmp_path, str(FLOWS), "run", "srs_30", "y13", *SOURCE, "--year", "2013")
    assert done.returncode == 0, done.stderr
    succeed(tmp_path, "run", "srs_30", "y14", *SOURCE, "--year", "2014")
    coverage = pl.read_parquet(tmp_path / "artifacts/y13/srs_30/coverage/coverage.parquet")
    assert coverage["geography_level"].to_list() == ["nation"]
    shown = nibrs(tmp_path, "tables", "show", "SRS1a", "--no-pager", "--column", "Property Crime").stdout
    assert "By year" in shown
    series = [line.split() for line in shown.partition("By year")[2].splitlines()]
    rows = [words for words in series if words[-1:] in (["y13"], ["y14"])]
    assert [row[0] for row in rows] == ["2013", "2014"]
    early = nibrs(tmp_path, "run", "srs_30", "y90", *SOURCE, "--year", "1990")
    assert early.returncode == 2
    assert "from 1993 on" in early.stderr


def test_grants(runs: Path) -> None:
    grants = pl.read_csv(runs / "artifacts/grants/bjs_grant/BJS_Grant.csv", infer_schema_length=None)
    assert grants.columns[:4] == ["GOVID_2023", "data_year_agn_info", "ORI", "STATE"]
    assert not grants["ORI"].is_duplicated().any()
    for year in (2023, 2024):
        assert grants[f"MO_{year}"].drop_nulls().is_between(0, 12).all()
        known = grants.filter(pl.col(f"HumanTrafficking_{year}").is_not_null())
        parts = known[f"HumanTraffickingSex_{year}"] + known[f"HumanTraffickingLabor_{year}"]
        assert (known[f"HumanTrafficking_{year}"] == parts).all()
    of_year = pl.read_parquet(runs / "artifacts/g2024/grant_year/grant_year/grant_year.parquet")
    assert grants["Robbery_2024"].sum() == of_year["n_robbery"].sum()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "No runs are named"),
        ("synthetic:0.001", "names no runs"),
        ("runs:", "names no runs"),
        ("runs:nope", "no finished run 'nope' of flow grant_year"),
        ("runs:g2023,g2023", "are of one year"),
    ],
)
def test_what_bjs_grant_refuses(runs: Path, source: str, message: str) -> None:
    done = nibrs(runs, "run", "bjs_grant", "other", "--source", source)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
