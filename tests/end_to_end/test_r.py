"""The page for R users: R computes the published standard errors from what the program writes."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from nibrs_estimation.reading.opening import open_run
from nibrs_estimation.reading.run import Run
from tests.support.command import succeed

PAGE = Path(__file__).parents[2] / "docs/user-guide/r.md"
#: Table, geography, row and column: a whole, a region, a state, a part, a row that is a share, a category of agencies.
CELLS = (
    ("1a", None, 1, "robbery"),
    ("1a", "Northeast", 1, "aggravated_assault"),
    ("1b", "NY", 1, "burglary"),
    ("1b", "geography:6", 1, "burglary"),
    ("2a", None, "Weapon involved: Firearms", "aggravated_assault"),
    ("5a", None, 1, "dui"),
)
Error = Callable[[pl.DataFrame], tuple[float, float]]


def examples(words: str) -> str:
    """The example of R that has some words."""
    codes: list[str] = re.findall(r"```r\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return next(code for code in codes if words in code)


def printed_by_r(code: str, agencies: pl.DataFrame, folder: Path) -> list[list[float]]:
    """The numbers that an example prints, by line."""
    agencies.write_csv(folder / "robbery.csv")
    script = folder / "example.R"
    script.write_text(f"options(digits = 15)\n{code}")
    done = subprocess.run(["Rscript", str(script)], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("[1]")]
    return [[float(number) for number in line] for line in lines]


@pytest.fixture(scope="module")
def has_r() -> None:
    if shutil.which("Rscript") is None:
        pytest.skip("Rscript is not installed")


@pytest.fixture(scope="module")
def has_survey(has_r: None) -> None:
    code = "quit(status = !(requireNamespace('survey', quietly = TRUE) && requireNamespace('MASS', quietly = TRUE)))"
    if subprocess.run(["Rscript", "-e", code], check=False, capture_output=True).returncode:
        pytest.skip("the R packages survey and MASS are not installed (Debian: r-cran-survey r-cran-mass)")


@pytest.fixture(scope="module")
def run(demo: Path) -> Run:
    return open_run(demo / "scratch/demo")


@pytest.fixture(scope="module")
def by_reference(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The demo with the reference's variance."""
    folder = tmp_path_factory.mktemp("reference")
    # Times of files are kept, so that nothing is computed again but the estimates.
    shutil.copytree(demo / "scratch/demo", folder / "scratch/demo")
    command = ("run", "all", "demo", "--source", "synthetic:0.01", "--year", "2024", "--seed", "1")
    succeed(folder, *command, "--until", "estimate_cells", NIBRS_VARIANCE_RULE="reference")
    return open_run(folder / "scratch/demo")


def by_prediction(agencies: pl.DataFrame) -> tuple[float, float]:
    """Total and standard error by the formula of handbook 11, agency by agency."""
    variance = theta = above = below = total = 0.0
    for one in agencies.filter("is_respondent").iter_rows(named=True):
        above += one["ratio_weight"] * one["count"]
        below += one["ratio_weight"] * one["benchmark"]
        total += one["count"] * (one["is_in_geography"] + one["factor"])
    theta = above / below
    states: dict[str, float] = {}
    for one in agencies.iter_rows(named=True):
        if one["is_respondent"]:
            variance += one["factor"] ** 2 * one["count"] + one["factor"] * one["count"]
        variance += theta**2 * one["dispersion"] * one["factor"] ** 2 * one["size"]
        variance += theta**2 * one["donor_variance"] + one["filled_variance"]
        states[one["state_abbr"]] = states.get(one["state_abbr"], 0.0) + one["factor"] * one["benchmark"]
    variance += theta**2 * agencies["state_variance"][0] * sum(error**2 for error in states.values())
    return total, float(np.sqrt(variance + agencies["imputation_standard_error"][0] ** 2))


def by_linearization(agencies: pl.DataFrame) -> tuple[float, float]:
    """Total and standard error by the reference's rule, stratum by stratum, with numpy's least squares."""
    controls = [name for name in agencies.columns if name.startswith("control_")]
    residuals = np.zeros(agencies.height)
    numbered = agencies.with_row_index("at")
    for (_stratum, _group), members in numbered.group_by("stratum", "weight_group"):
        at, x, y = members["at"].to_numpy(), members.select(controls).to_numpy(), members["count"].to_numpy()
        residuals[at] = y - x @ np.linalg.lstsq(x, y, rcond=1e-9)[0]
    u = agencies["weight"].to_numpy() * agencies["freedom_factor"].to_numpy() * residuals
    variance = 0.0
    for (_stratum,), members in numbered.group_by("stratum"):
        n, N, values = members.height, members["stratum_agencies"][0], u[members["at"].to_numpy()]
        if n < N:
            variance += (1 - n / N) * n / (n - 1) * float(((values - values.mean()) ** 2).sum())
    total = float((agencies["weight"] * agencies["count"]).sum())
    return total, float(np.sqrt(variance + agencies["imputation_standard_error"][0] ** 2))


def check(run: Run, error: Error, cells: tuple[tuple[str, str | None, int | str, str], ...] = CELLS) -> None:
    """The twin gives the published numbers of every cell."""
    for cell in cells:
        agencies = run.contributions(*cell)
        published = agencies["estimate"][0], agencies["standard_error"][0]
        assert published[0] > 0, cell
        assert error(agencies) == pytest.approx(published, rel=1e-7), cell


def check_r(run: Run, example: str, folder: Path, cells: tuple[tuple[str, str | None, int | str, str], ...]) -> None:
    """The example of the page prints each number twice, and it is the published one."""
    for cell in cells:
        agencies = run.contributions(*cell)
        total, error = printed_by_r(example, agencies, folder)
        assert total == pytest.approx([agencies["estimate"][0]] * 2, rel=1e-7), cell
        assert error == pytest.approx([agencies["standard_error"][0]] * 2, rel=1e-7), cell


def test_agencies_add_up_to_the_published_number_and_its_error(run: Run) -> None:
    check(run, by_prediction)


def test_r_computes_the_default_standard_error(run: Run, tmp_path: Path, has_r: None) -> None:
    check_r(run, examples("standard_error <- function"), tmp_path, CELLS[:4])


def test_respondents_have_the_error_of_the_reference(by_reference: Run) -> None:
    check(by_reference, by_linearization, CELLS[:5])


def test_package_survey_computes_the_error_of_the_reference(
    by_reference: Run, tmp_path: Path, has_survey: None
) -> None:
    check_r(by_reference, examples("library(survey)"), tmp_path, CELLS[:5])


def test_base_r_reads_the_list_of_agencies(run: Run, tmp_path: Path, has_r: None) -> None:
    (tmp_path / "artifacts/us").mkdir(parents=True)
    run.agencies().write_csv(tmp_path / "artifacts/us/agencies.csv")
    script = tmp_path / "example.R"
    script.write_text(examples("aggregate("))
    done = subprocess.run(["Rscript", str(script)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "FALSE" in done.stdout and "TRUE" in done.stdout
