"""Estimates if what was not reported were less or more."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from tests.support.estimated import estimates, with_suppressed_place, write_run
from tests.support.frames import DATASETS
from typer.testing import CliRunner, Result

from nibrs_estimation.cli.commands.sensitivity import app
from nibrs_estimation.pipeline.table import write_table
from nibrs_estimation.tables.sensitivity import scaled_rows

SCHEMA = {
    "geography_number": pl.Int32, "row": pl.Int16, "column": pl.Int16, "estimate_type_num": pl.Int8,
    "estimate": pl.Float64, "estimate_lower_bound": pl.Float64, "estimate_upper_bound": pl.Float64,
    "reported": pl.Float64, "population_estimate": pl.Float64,
}  # fmt: skip
number = st.floats(0, 1000)


def rows(*places: tuple[int, float, float, float, float, int]) -> pl.DataFrame:
    """Place, reported, estimate, both ends of its interval, type of the estimate; 50,000 residents."""
    return pl.DataFrame(
        [(place, 1, 1, kind, estimate, low, high, reported, 50_000.0)
         for place, reported, estimate, low, high, kind in places],
        schema=SCHEMA, orient="row",
    )  # fmt: skip


def test_worked_example() -> None:
    """Reported 60 of 100 (90 to 120): with half as much among the rest 80 (75 to 90); another place then goes first."""
    found = scaled_rows(rows((1, 60, 100, 90, 120, 1), (2, 85, 90, 88, 95, 1)), [0.5])
    half = found.filter((pl.col("factor") == 0.5) & (pl.col("geography_number") == 1)).row(0, named=True)
    assert (half["estimate"], half["estimate_lower_bound"], half["estimate_upper_bound"]) == (80, 75, 90)
    assert found.filter(pl.col("factor") == 1).sort("geography_number")["rank"].to_list() == [1, 2]
    assert found.filter(pl.col("factor") == 0.5).sort("geography_number")["rank"].to_list() == [2, 1]


def test_rates_and_percentages() -> None:
    found = scaled_rows(rows((1, 20, 100, 80, 140, 3), (1, 20, 50, 40, 60, 2)), [2.0])
    assert found["estimate_type_num"].unique().to_list() == [3]
    # 20 reported are 40 per 100,000 of 50,000.
    assert found.filter(pl.col("factor") == 2)["estimate"].to_list() == [160.0]


@given(st.lists(st.tuples(number, number, number, number), min_size=1, max_size=6), st.floats(0.1, 3))
def test_equal_to_the_slow_twin(places: list[tuple[float, float, float, float]], factor: float) -> None:
    given_rows = [
        (place, reported, reported + more, max(reported + more - low, 0.0), reported + more + high, 1)
        for place, (reported, more, low, high) in enumerate(places)
    ]
    found = scaled_rows(rows(*given_rows), [factor])
    for place, reported, estimate, low, high, _ in given_rows:
        (row,) = found.filter((pl.col("geography_number") == place) & (pl.col("factor") == factor)).to_dicts()
        for name, value in (("estimate", estimate), ("estimate_lower_bound", low), ("estimate_upper_bound", high)):
            expected = reported + factor * (value - reported) if value > reported else value
            assert row[name] == pytest.approx(expected)
        (same,) = found.filter((pl.col("geography_number") == place) & (pl.col("factor") == 1)).to_dicts()
        assert same["estimate"] == estimate


def told(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.setenv("SCRATCH_DIR", str(folder))
    monkeypatch.setattr("nibrs_estimation.cli.commands.sensitivity.console", Console(width=200))
    return CliRunner().invoke(app, list(arguments))


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path, "us")
    result = told(tmp_path, monkeypatch, "1a", "--column", "violent_crime", "--nonrespondents", "0.5")
    assert result.exit_code == 0, result.output
    words = " ".join(result.output.split())
    assert "Incident count, Violent Crime; data year 2024, source cde:zips, run us" in words
    assert "× 1" in words
    assert "× 0.5" in words
    assert "Vermont" in words
    assert "The United States" not in words
    csv = tmp_path / "all.csv"
    result = told(tmp_path, monkeypatch, "1a", "-c", "violent_crime", "--rate", "-g", "all", "--csv", str(csv))
    assert result.exit_code == 0, result.output
    written = pl.read_csv(csv)
    assert set(written["factor"]) == {0.9, 1.0, 1.1}
    assert set(written["run_id"]) == {"us"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("1a", "--nonrespondents", "0,1"), "is no list of numbers above 0"),
        (("1a", "--nonrespondents", "much"), "is no list of numbers above 0"),
        (("1a", "--row", "weapon"), "give the number of one of them"),
        (("1a", "--row", "3", "--rate"), "has no rate here"),
    ],
)
def test_bad_arguments(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path, "us")
    assert message in str(told(tmp_path, monkeypatch, *arguments).exception)


def test_suppressed_numbers_are_left_out_unless_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path, "us")
    for name, frame in with_suppressed_place(estimates(), 102).items():
        if name in ("coverage", "geography_quality"):
            write_table(frame, DATASETS[name], tmp_path / f"us/all/datasets/{name}.parquet")
    hidden = " ".join(told(tmp_path, monkeypatch, "1a", "-c", "violent_crime").output.split())
    assert "Left out: 1 suppressed numbers" in hidden
    assert "Vermont" not in hidden
    assert "Vermont" in told(tmp_path, monkeypatch, "1a", "-c", "violent_crime", "--show-suppressed").output
