"""Whole runs of the made-up faulty zips: the crimes against persons of nation and state, or the refusal."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from tests.support.command import nibrs
from tests.support.shared_data import SHARED_DATA

FAULTS = SHARED_DATA / "faults"
pytestmark = pytest.mark.skipif(not FAULTS.is_dir(), reason="the faulty zips are not under NIBRS_SHARED_DATA")
NATION, VERMONT = 1, 102


def run(folder: Path, names: Sequence[str], until: str) -> tuple[int, str]:
    """Exit code and output of a run of zips, each under the publisher's name; the last is of the data year."""
    zips = []
    for name in names:
        zips.append(f"{name[-7:]}.zip")
        shutil.copyfile(FAULTS / f"{name}.zip", folder / zips[-1])
    arguments = ["run", "all", "x", "--year", names[-1][-4:], "--source", f"cde:{','.join(zips)}", "--until", until]
    done = nibrs(folder, *arguments)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def incidents(folder: Path, table: str) -> dict[int, float]:
    """Row 1, column 1 of a table: all incidents against persons, property or society, by permutation."""
    cells = pl.read_parquet(folder / f"artifacts/x/cell_estimate/{table}.parquet")
    first = cells.filter((pl.col("row") == 1) & (pl.col("column") == 1))
    return dict(first.select("geography_number", "estimate").iter_rows())


def slow(name: str, nation: int = 72, state: int = 72) -> object:
    return pytest.param((name,), nation, state, marks=pytest.mark.slow, id=name)


@pytest.mark.parametrize(
    ("names", "nation", "state"),
    [
        (("reporting-type-S-with-incidents-VT-2024",), 72, 72),
        slow("covered-agency-with-incidents-VT-2024", 216, 216),
        (("mixed-layouts-VT-2020", "mixed-layouts-VT-2021"), 72, 72),
        slow("mixed-layouts-VT-2020"),
        # It lists a fourth agency, which reported nothing: its class in the nation, and the others of the state, stand
        # for it.
        slow("first-issue-VT-2016", 24 + 48 * 4 // 3, 72 * 4 // 3),
        # The agency that is listed twice has 4 of the 52 incidents on file.
        slow("agency-twice-participated-VT-2024", 52, 52),
        slow("NULL-as-text-VT-2024"),
        slow("lookups-without-leading-zeros-VT-2024"),
        slow("lower-case-sex-VT-2024"),
        # Two of three agencies begin after the data year: what they sent does not count. The first stands for them in
        # the state; in the nation they are a class without respondent.
        slow("start-date-two-years-after-VT-2018", 24, 72),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) else None,
)
def test_persons(names: tuple[str, ...], nation: int, state: int, tmp_path: Path) -> None:
    code, output = run(tmp_path, names, "estimate_cells")
    assert code == 0, output
    assert incidents(tmp_path, "1a") == pytest.approx({NATION: nation, VERMONT: state})


@pytest.mark.parametrize(
    ("name", "right"),
    [
        # The police of a large city reported five months of 100 persons incidents; the other agency is small.
        ("far-donor-VT-2024", 1248),
        # An agency of two months stands for itself with its own rate, not with a stranger's.
        pytest.param("two-month-agency-VT-2024", 1932, marks=pytest.mark.slow),
    ],
)
def test_few_months_make_an_agencys_own_year(name: str, right: int, tmp_path: Path) -> None:
    code, output = run(tmp_path, (name,), "estimate_cells")
    assert code == 0, output
    assert incidents(tmp_path, "1a")[NATION] == pytest.approx(right, rel=0.15)


@pytest.mark.slow
def test_a_city_that_began_in_august_has_a_year_and_the_report_says_what_is_filled(tmp_path: Path) -> None:
    """Washington, DC 2021: 33,688 offenses in five months of the city's police, and 2,433 of the transit police."""
    zip_of_dc = SHARED_DATA / "cde" / "DC-2021.zip"
    if not zip_of_dc.is_file():
        pytest.skip(f"{zip_of_dc} is absent: set NIBRS_SHARED_DATA")
    done = nibrs(tmp_path, "run", "all", "x", "--source", f"cde:{zip_of_dc}", "--until", "write_report")
    assert done.returncode == 0, done.stderr
    agencies = pl.read_parquet(tmp_path / "scratch/x/all/datasets/block_agency.parquet")
    right = 33_688 * 12 / 5 + 2_433
    assert agencies["n_completed"].sum() == pytest.approx(right, rel=0.15)
    head = (tmp_path / "artifacts/x/report.html").read_text(encoding="utf-8").partition("<h2>")[0]
    share = re.search(r"<strong>([0-9.]+)% of the offenses are filled in", head)
    assert share is not None
    assert float(share[1]) == pytest.approx(100 * (1 - float(agencies["n_observed"].sum()) / right), abs=3)


@pytest.mark.slow
def test_codes_that_no_list_has_count_in_totals_and_are_told(tmp_path: Path) -> None:
    # The zip's own lookup says that 27A, which holds one of its 72 offenses, is a crime against property.
    names = ("codes-unknown-to-product-VT-2024",)
    code, output = run(tmp_path, names, "estimate_cells")
    assert code == 0, output
    assert incidents(tmp_path, "1a") == {NATION: 71, VERMONT: 71}
    assert incidents(tmp_path, "1b") == {NATION: 1, VERMONT: 1}
    code, output = run(tmp_path, names, "write_account")
    assert code == 0, output
    account = json.loads((tmp_path / "artifacts/x/incident_account.json").read_text(encoding="utf-8"))
    assert account["text"].startswith("72 incidents read = 72 in the estimates + 0 left out.")
    assert "1 offense with a code that no row of the tables has: 27A." in account["text"]
    losses = pl.read_parquet(tmp_path / "scratch/x/all/datasets/intake_loss/*.parquet")
    told = losses.filter(pl.col("loss") == "code_without_row").select("subject", "n")
    assert told.rows() == [("nibrs_offense.offense_code 27A", 1)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("state-FS-2024", "FS (Federal agencies) is neither a state nor the District of Columbia"),
        ("victim-offense-header-only-VT-2024", "72 of 72, 100.0 % of the rows of nibrs_victim"),
        ("lookup-of-other-layout-VT-2024", "column race_id, line 2: '10' and others, 72 of 72 values"),
    ],
)
def test_refused(name: str, words: str, tmp_path: Path) -> None:
    code, output = run(tmp_path, [name], "estimate_cells")
    assert code != 0
    assert words in output
    assert "Traceback" not in output
