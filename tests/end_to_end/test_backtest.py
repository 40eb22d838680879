"""`nibrs backtest` on real and synthetic populations, and its estimates beside those of a run."""

from pathlib import Path

import polars as pl
import pytest

from nibrs_estimation.evaluate.estimating import Drawing, estimates_of
from nibrs_estimation.model.backtest import LEVELS
from nibrs_estimation.sources.synthetic import SyntheticSource
from tests.support.command import nibrs
from tests.support.shared_data import SHARED_DATA

VERMONT = SHARED_DATA / "cde" / "VT-2024.zip"
RETURN_A = SHARED_DATA / "public" / "RETURNA2013.zip"
RESPONSES = SHARED_DATA / "public" / "derived" / "response_patterns_2013.csv.gz"
#: Outcome -> table and column of incidents with its only offense: an incident has an offense once at most.
CELLS = {"murder": ("1a", 5), "kidnapping": ("1a", 7), "vehicle theft": ("1b", 11)}


def test_a_backtest_estimates_what_a_run_estimates(demo: Path) -> None:
    """The same nation, seed and rules give the same estimates, and nearly the same standard errors.

    What filled months add to standard errors is made from incidents in a run, and from offenses in a backtest.
    """
    source = SyntheticSource(0.01)
    reports = {name: table.lazy() for name, table in source.ingest_agencies(2024, 1).items()}
    of_truth = demo / "scratch/demo/all/datasets/synthetic_truth_month"
    truth = pl.read_parquet(of_truth / "*.parquet").group_by("agency_id", "offense_code").agg(pl.col("n").sum())
    found = estimates_of(Drawing(reports, truth, 2024), ("program",), 1).filter(pl.col("measure") == "count")
    compared = 0
    for outcome, (table, column) in CELLS.items():
        published = pl.read_parquet(demo / f"artifacts/demo/cell_estimate/{table}.parquet")
        of_run = published.filter(row=1, column=column)
        both = of_run.join(found.filter(outcome=outcome), on="geography_number", suffix="_again")
        assert both.height == of_run.height > 50
        for name, limit in (("estimate", 1e-6), ("standard_error", 2e-3)):
            difference = (both[name] - both[f"{name}_again"]).abs().fill_null(0.0)
            assert (difference <= limit * both["estimate"]).all(), outcome
            assert both[name].is_null().equals(both[f"{name}_again"].is_null(), null_equal=True)
        compared += both.height
    assert compared > 300


@pytest.mark.slow
def test_a_backtest_of_a_state_is_continued(tmp_path: Path) -> None:
    if not VERMONT.is_file():
        pytest.skip(f"{VERMONT} is absent: set NIBRS_SHARED_DATA")
    command = ("backtest", "--population", f"cde:{VERMONT}", "--rules", "program+ratio", "--name", "vt")
    first = nibrs(tmp_path, *command, "--repeat", "2")
    assert first.returncode == 0, first.stderr
    folder = tmp_path / "artifacts/vt/backtest"
    two = pl.read_parquet(folder / "backtest_estimate/*.parquet")
    again = nibrs(tmp_path, *command, "--repeat", "3")
    assert "estimate_drawing: done, kept" in again.stdout
    three = pl.read_parquet(folder / "backtest_estimate/*.parquet")
    assert sorted(three["pattern_number"].unique()) == ["0001", "0002", "0003"]
    assert three.filter(pl.col("pattern_number") < "0003").equals(two)
    page = (folder / "backtest.html").read_text()
    assert "Backtest of cde:VT-2024.zip" in page
    assert str(VERMONT.parent) not in page
    scores = pl.read_parquet(folder / "backtest_score/*.parquet")
    assert set(scores["level"]) == {"nation", "state"}
    # The same drawings in another run, on other processes, are the same bytes.
    other = nibrs(tmp_path, *command[:-1], "other", "--repeat", "3", "--engine", "inline")
    assert other.returncode == 0, other.stderr
    for name in ("backtest_estimate/0001.parquet", "backtest_estimate/0003.parquet"):
        one, again_one = (pl.read_parquet(tmp_path / f"artifacts/{run}/backtest" / name) for run in ("vt", "other"))
        assert one.equals(again_one)
    state = scores.filter(level="state", outcome="Part I offenses", measure="count", size="all", rule="program")
    assert state["cells"].item() == 3


@pytest.mark.slow
def test_whoever_answers_fully_is_estimated_exactly(tmp_path: Path) -> None:
    """Real partial years: most agencies of a Return A master file answer fully, and the nation is met closely."""
    if not RETURN_A.is_file():
        pytest.skip(f"{RETURN_A} is absent: set NIBRS_SHARED_DATA")
    done = nibrs(
        tmp_path, "backtest", "--population", f"return-a:{RETURN_A}", "--pattern", "partial-years", "--repeat", "1",
        "--rules", "program+reference months", "--name", "ra",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    scores = pl.read_parquet(tmp_path / "artifacts/ra/backtest/backtest_score/*.parquet")
    assert list(LEVELS[:3]) == [level for level in LEVELS if level in scores["level"]]
    nation = scores.filter(level="nation", outcome="Part I offenses", measure="count", size="all")
    error = dict(nation.select("rule", "rmse_pct").iter_rows())
    assert 0 < error["program"] < 0.1
    assert error["program"] < error["reference months"] / 2


@pytest.mark.slow
def test_the_plain_estimate_of_the_real_nation(tmp_path: Path) -> None:
    """From the file of the FBI and real start dates to the page, by the plain estimator of the handbook."""
    if not (RETURN_A.is_file() and RESPONSES.is_file()):
        pytest.skip(f"{RETURN_A} or {RESPONSES} is absent: set NIBRS_SHARED_DATA")
    done = nibrs(
        tmp_path, "backtest", "--population", f"universe:{RETURN_A}", "--pattern", "start-dates:2021-01-01",
        "--response-file", str(RESPONSES), "--repeat", "1", "--rules", "population ratio", "--name", "nation",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "artifacts/nation/backtest"
    scores = pl.read_parquet(folder / "backtest_score/*.parquet")
    nation = scores.filter(level="nation", measure="count", size="all")
    error = dict(nation.select("outcome", "bias_pct").iter_rows())
    assert [error[name] for name in ("murder", "robbery", "burglary")] == pytest.approx([-4.9, -5.9, 3.3], abs=0.1)
    assert nation["without_interval"].to_list() == nation["cells"].to_list()
    assert "Backtest of universe:RETURNA2013.zip" in (folder / "backtest.html").read_text()


def test_a_backtest_that_cannot_be_asked_for_ends_with_one_sentence(tmp_path: Path) -> None:
    done = nibrs(tmp_path, "backtest", "--population", "moon")
    assert done.returncode == 2
    assert "is not a population. Write return-a:FILE" in done.stderr
    assert "Traceback" not in done.stderr
    helped = nibrs(tmp_path, "backtest", "--help")
    assert "large-answer-less" in helped.stdout
