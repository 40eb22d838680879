"""Differences of the demo's estimates: sides are the published estimates, and the command tells them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from nibrs_estimation.model.estimates import CELL_ESTIMATE
from nibrs_estimation.reading.basis import basis_of
from nibrs_estimation.reading.comparing import Options, differences
from nibrs_estimation.reading.runs import EstimatedRun, required_run
from nibrs_estimation.stats.prediction import difference_of_columns, year_side
from nibrs_estimation.survey.comparison import Cell, ComparedTable, difference_of_cells
from nibrs_estimation.tables.matrices.table_matrix import agency_rows
from nibrs_estimation.tables.read import table_definition
from nibrs_estimation.tables.series import demographic_series
from nibrs_estimation.tables.table_cells import PERCENTAGE
from tests.support.command import nibrs


@pytest.fixture(scope="module")
def run(demo: Path) -> EstimatedRun:
    return required_run(demo / "scratch", "demo")


@pytest.fixture(scope="module")
def incidents(run: EstimatedRun) -> ComparedTable:
    return ComparedTable(table_definition("1a"), basis_of(run, None))


def test_sides_are_the_published_estimates(run: EstimatedRun, incidents: ComparedTable) -> None:
    """Totals are equal, and standard errors but for what filled months and imputed items add."""
    table = incidents.table
    stored = (
        run.read(CELL_ESTIMATE)
        .filter(
            (pl.col("table_part") == "1a")
            & pl.col("geography_number").is_in(run.places["geography_number"].gather_every(29).implode())
            & pl.col("row").is_in([1, 4, 5, 21, 30, *list(agency_rows(table))[::4]])
        )
        .collect()
    )
    assert stored.height > 300
    equal = 0
    for line in stored.iter_rows(named=True):
        cell = Cell(line["row"], line["column"], line["geography_number"])
        side = incidents.side(cell)
        assert side.estimate == pytest.approx(line["estimate"], rel=1e-9), cell
        found = difference_of_cells((incidents, incidents), cell, cell)
        assert found.first_variance <= line["standard_error"] ** 2 * (1 + 1e-9) + 1e-9, cell
        equal += np.isclose(found.first_variance, line["standard_error"] ** 2, rtol=1e-9, atol=1e-9)
        assert found.difference == found.standard_error == 0
    assert equal > stored.height / 10


def test_a_cell_that_is_another_and_a_part_of_it(incidents: ComparedTable) -> None:
    """Every murder is a violent crime, and the difference knows it."""
    position = {column.name: column.position for column in incidents.table.columns}
    murder, violent = (Cell(1, position[name], 1) for name in ("murder", "violent_crime"))
    in_both = incidents.in_both(murder, violent)
    np.testing.assert_allclose(in_both, incidents.side(murder).values)
    apart = difference_of_cells((incidents, incidents), violent, murder)
    assert apart == difference_of_columns(incidents.side(violent), incidents.side(murder), in_both)


def test_percentages_are_the_published_ones(run: EstimatedRun, incidents: ComparedTable) -> None:
    """Equal, and their standard errors but for what imputed items add; several kinds of denominators and places."""
    wanted = [4, 5, 12, 22, 30, 40, 65, 68]
    places = run.places.filter(pl.col("geography_number").is_in([1, 2, 12, 60, 70]))
    rows = run.rows(incidents.table, places, None, wanted)
    published = rows.filter(
        (pl.col("estimate_type_num") == PERCENTAGE) & pl.col("estimate_standard_error").is_not_null()
    )
    assert published.height > 300
    equal = 0
    for line in published.iter_rows(named=True):
        cell = Cell(line["row"], line["column"], line["geography_number"], is_percentage=True)
        side = incidents.side(cell)
        assert 100 * side.estimate == pytest.approx(line["estimate"], rel=1e-9, abs=1e-9), cell
        if line["estimate"] == 0:
            # Not stored, and without an interval.
            continue
        error = 100 * np.sqrt(year_side(side).variance)
        assert error <= line["estimate_standard_error"] * (1 + 1e-6) + 1e-6, cell
        equal += error == pytest.approx(line["estimate_standard_error"], rel=1e-6, abs=1e-6)
    assert equal > 0.5 * published.height


def test_a_row_and_the_rest_of_its_block_have_one_error(incidents: ComparedTable) -> None:
    """Weapon involved, no and yes, are parts of one whole: the difference has about twice the error of each."""
    for column in (2, 17):
        no, yes = (Cell(row, column, 1, is_percentage=True) for row in (3, 4))
        apart = difference_of_cells((incidents, incidents), no, yes)
        assert apart.first + apart.second == pytest.approx(1)
        assert apart.standard_error == pytest.approx(2 * np.sqrt(apart.first_variance), rel=0.05)
        both = incidents.in_both_ratios(no, yes)
        assert both.above.max() == 0
        np.testing.assert_array_equal(both.first_above, incidents.side(no).values)
        np.testing.assert_array_equal(both.below, incidents.side(no).below)


def test_shares_of_two_columns_count_what_is_in_both(incidents: ComparedTable) -> None:
    """Murder is a part of violent crime: so are its incidents in a place of it, and all of them in all."""
    position = {column.name: column.position for column in incidents.table.columns}
    murder, violent = (Cell(30, position[name], 1, is_percentage=True) for name in ("murder", "violent_crime"))
    both = incidents.in_both_ratios(murder, violent)
    np.testing.assert_allclose(both.above, incidents.side(murder).values)
    assert np.allclose(both.below, np.asarray(incidents.side(murder).below))
    assert difference_of_cells((incidents, incidents), murder, violent).standard_error > 0
    assert difference_of_cells((incidents, incidents), murder, murder).standard_error == 0


def test_groups_of_persons(run: EstimatedRun) -> None:
    """Women and men have no person in common; girls are women, too."""
    victims = ComparedTable(table_definition("3a"), basis_of(run, "national"))
    women, men, white, white_women = (
        Cell(1, 1, 1, next(series for series in demographic_series() if series.label == label))
        for label in ("Sex: Female", "Sex: Male", "Race: White", "Sex and Race: Female and White")
    )
    assert victims.in_both(women, men).max() == 0
    assert victims.in_both(women, white).sum() == victims.side(white_women).values.sum() > 0
    assert (victims.in_both(women, white) <= victims.side(women).values).all()
    found = difference_of_cells((victims, victims), men, women)
    assert 0 < found.standard_error**2 < (found.first_variance**0.5 + found.second_variance**0.5) ** 2


def another_year(run: EstimatedRun, demo: Path, folder: Path) -> EstimatedRun:
    """A copy that is said to be of the year before."""
    shutil.copytree(demo / "scratch/demo", folder / "before")
    path = folder / "before/all/run_metadata.json"
    about = json.loads(path.read_text())
    about["identity"] |= {"run_id": "before", "year": run.year - 1}
    path.write_text(json.dumps(about))
    return required_run(folder, "before")


def test_years_of_the_same_agencies(run: EstimatedRun, demo: Path, tmp_path: Path) -> None:
    """A year and its copy: no difference, and every agency has the same error in both, so that chance alone is left."""
    before = another_year(run, demo, tmp_path)
    options = Options((before, run), table_definition("1a"), ("states",), ("1",), ("all",), (), "rate")
    found = differences(options, shows_suppressed=True)
    assert found["first_run"].unique().to_list() == [f"demo ({run.year})"]
    known = found.filter(pl.col("missing").is_null())
    assert known.height > 500
    assert known["difference"].abs().max() == 0
    assert known.select((pl.col("lower") <= 0) & (pl.col("upper") >= 0)).to_series().all()
    # Of 0 percent the error is not known.
    shares = differences(
        Options((before, run), table_definition("1a"), ("states",), ("30",), ("all",), (), "percentage"),
        shows_suppressed=True,
    ).filter(pl.col("missing").is_null())
    assert shares.height > 300
    assert shares["difference"].abs().max() == 0
    positive = (pl.col("first") > 0) & (pl.col("second") > 0)
    assert shares.filter(positive).select((pl.col("lower") <= 0) & (pl.col("upper") >= 0)).to_series().all()
    assert shares.filter(~positive)["lower"].null_count() == shares.filter(~positive).height > 0
    suppressed = differences(options, shows_suppressed=False).filter(pl.col("missing") == "suppressed")
    assert suppressed.height > 0


def test_a_run_is_read_once(run: EstimatedRun, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not once for each geography, and only the rows that are compared."""
    before, read = another_year(run, demo, tmp_path), []
    rows_of = EstimatedRun.rows

    def rows(*arguments: Any) -> pl.DataFrame:
        read.append(rows_of(*arguments))
        return read[-1]

    monkeypatch.setattr(EstimatedRun, "rows", rows)
    options = Options((before, run), table_definition("1a"), ("all",), ("1",), ("1",), ())
    assert differences(options, shows_suppressed=True).height > 200
    assert len(read) == 2
    assert all(each["row"].unique().to_list() == [1] for each in read)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("1a", "--geography", "CA", "--geography", "TX", "--rate"), "California"),
        (("1a", "--column", "murder", "--column", "violent_crime"), "lower"),
        (("1a", "--row", "3", "--row", "4"), "Weapon involved"),
        (("1a", "--row", "5", "--row", "6", "--column", "robbery", "--percentage"), "percentages"),
        (("1a", "--row", "30", "--geography", "CA", "--geography", "TX", "--percentage"), "percentages"),
        (("1a", "--row", "30", "--column", "murder", "--column", "robbery", "--percentage"), "percentages"),
    ],
)
def test_the_command(demo: Path, arguments: tuple[str, ...], words: str) -> None:
    done = nibrs(demo, "compare", *arguments, "--show-suppressed", COLUMNS="200")
    assert done.returncode == 0, done.stderr
    assert words in done.stdout
    assert "synthetic" in done.stdout
    assert "95 of 100 intervals" in " ".join(done.stdout.split())


def test_the_files(demo: Path, tmp_path: Path) -> None:
    path, page = tmp_path / "difference.csv", tmp_path / "difference.html"
    places = ("--geography", "CA", "--geography", "TX")
    done = nibrs(demo, "compare", "1a", *places, "--csv", str(path), "--page", str(page), "--show-suppressed")
    assert done.returncode == 0, done.stderr
    shown = page.read_text(encoding="utf-8")
    for words in ("California and Texas", "SYNTHETIC DATA", "Change in percent", "95 of 100 intervals", "run demo"):
        assert words in shown
    found = pl.read_csv(path)
    assert found.height == 1
    assert found["first_geography"].to_list() == ["California"]
    assert "synthetic" in found["runs"][0]
