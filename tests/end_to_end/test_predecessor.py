"""A run of a year after another: its report shows the changes, equal to those of `nibrs compare`."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from nibrs_estimation.model.headlines import COMPARED
from nibrs_estimation.reading.comparing import Options, differences
from nibrs_estimation.reading.runs import required_run
from nibrs_estimation.tables.labels import plain_label
from nibrs_estimation.tables.read import table_definition
from tests.support.command import nibrs


def test_changes_are_those_of_compare(two_years: Path) -> None:
    """What the earlier run published is enough: the numbers are those computed from all of both runs."""
    changes = pl.read_parquet(two_years / "artifacts/y2024/year_change/year_change.parquet")
    assert changes.height == len(COMPARED)
    assert changes["earlier_year"].unique().to_list() == [2023]
    runs = tuple(required_run(two_years / "scratch", f"y{year}") for year in (2023, 2024))
    for (name,), of_table in changes.group_by("table_name"):
        table = table_definition(str(name))
        found = differences(Options(runs, table, (), ("1",), ("all",), ()), shows_suppressed=True)
        positions = {plain_label(column.label): column.position for column in table.columns}
        found = found.with_columns(column=pl.col("first_column").replace_strict(positions, return_dtype=pl.Int16))
        both = of_table.join(found, on="column", suffix="_of_all")
        assert both.height == of_table.height
        pairs = {
            "estimate": "first", "earlier_estimate": "second", "difference": "difference_of_all",
            "standard_error": "standard_error_of_all", "lower_bound": "lower", "upper_bound": "upper",
            "change_pct": "change", "change_lower_pct": "change_lower", "change_upper_pct": "change_upper",
        }  # fmt: skip
        for kept, of_all in pairs.items():
            np.testing.assert_allclose(both[kept], both[of_all], rtol=1e-6, atol=1e-6)
        assert both["clear"].to_list() == both["clear_of_all"].to_list()
    # The years have most of their errors in common: the sum of both variances is larger.
    published = [pl.read_parquet(two_years / f"artifacts/y{year}/headline/headline.parquet") for year in (2023, 2024)]
    apart = pl.concat(published).group_by("table_name", "column").agg(pl.col("standard_error").pow(2).sum())
    of_years = changes.join(apart, on=["table_name", "column"], suffix="_apart")
    assert of_years.select((pl.col("standard_error") ** 2 < pl.col("standard_error_apart")).mean()).item() > 0.7


def test_the_report_shows_them(two_years: Path) -> None:
    earlier, later = ((two_years / f"artifacts/y{year}/report.html").read_text() for year in (2023, 2024))
    assert "Change since 2023" in later
    assert "Counts of 2023 are those of run y2023." in later
    assert "Change since" not in earlier
    assert "nibrs run --predecessor" in earlier


@pytest.mark.parametrize(
    ("predecessor", "words"),
    [
        ("y2024", "cannot be its own predecessor"),
        ("y2022", "artifacts/y2022 contains no published run"),
        ("../y2023", "is not a run id"),
    ],
)
def test_a_run_that_is_no_predecessor_is_refused(two_years: Path, predecessor: str, words: str) -> None:
    done = nibrs(
        two_years, "plan", "all", "y2024", "--source", "synthetic:0.002", "--year", "2024", "--predecessor", predecessor
    )
    assert done.returncode != 0
    assert words in " ".join((done.stdout + done.stderr).split())
