"""Summary estimates from the real Return A master file of 2013: a recount, and the FBI's published figures."""

from __future__ import annotations

import zipfile
from collections import defaultdict
from pathlib import Path

import polars as pl
import pytest
from tests.support.shared_data import SHARED_DATA
from tests.support.summary_run import estimated

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.summary import CONVERSION_ACCOUNT, INCIDENT_SUMMARY
from nibrs_estimation.sources.return_a import ReturnASummaries

FILE = SHARED_DATA / "public" / "RETURNA2013.zip"
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason=f"no {FILE.name} under NIBRS_SHARED_DATA={SHARED_DATA}")
YEAR = 2013
#: Column of table SRS1a -> estimate that the FBI published for 2013 (Crime in the United States 2013, table 1).
PUBLISHED = {2: 14_196, 4: 345_031, 5: 724_149, 7: 1_928_465, 8: 6_004_453, 9: 699_594}
#: The same as the agencies of the nation reported.
REPORTED = {2: 14_105, 4: 341_393, 5: 713_060, 7: 1_882_724, 8: 5_879_662, 9: 689_659}
LINES = (0, 2, 5, 10, 15, 16, 20, 21)
_LETTERS = {letter: (-1, digit) for digit, letter in enumerate("}JKLMNOPQR")}
_HEADER, _MONTH, _COUNTS, _CARD = 305, 590, 17, 28


@pytest.fixture(scope="module")
def run() -> dict[str, pl.DataFrame]:
    source = ReturnASummaries((FILE,))
    given = {}
    for name, made in source.ingest_summaries(YEAR).items():
        frame = next(iter(made.values())) if isinstance(made, dict) else made
        given[name] = frame.lazy()
    given |= {dataset.name: dataset.empty() for dataset in (INCIDENT_SUMMARY, CONVERSION_ACCOUNT)}
    return estimated(given, YEAR, 1, "geography_quality", second_estimator="none")


def number(text: str) -> int:
    """A number whose last digit is a letter if it is negative."""
    if text[-1] in _LETTERS:
        sign, digit = _LETTERS[text[-1]]
        return sign * int(text[:-1] + str(digit))
    return int(text) if text.strip() else 0


def recount(path: Path) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Offenses of agencies of twelve months by population group and by state code: lines of the text, cut by hand."""
    groups: dict[str, list[int]] = defaultdict(lambda: [0] * len(LINES))
    states: dict[str, list[int]] = defaultdict(lambda: [0] * len(LINES))
    with zipfile.ZipFile(path) as archive:
        text = archive.read(archive.namelist()[0]).decode("latin-1")
    for record in text.splitlines():
        if len(record) != _HEADER + 12 * _MONTH or record[23:30].strip() or not 1 <= int(record[1:3]) <= 51:
            continue
        year, reported = [0] * len(LINES), 0
        for month in range(12):
            area = record[_HEADER + month * _MONTH : _HEADER + (month + 1) * _MONTH]
            starts = [_COUNTS + 5 * (_CARD + line) for line in LINES]
            counts = [number(area[start : start + 5]) for start in starts]
            reported += area[9] in "25" or (area[9] == "0" and any(counts))
            year = [a + b for a, b in zip(year, counts, strict=True)]
        if reported == 12:
            for sums in (groups[record[10:12].strip()], states[record[1:3]]):
                for position, n in enumerate(year):
                    sums[position] += max(n, 0)
    return dict(groups), dict(states)


def totals(run: dict[str, pl.DataFrame], column: str) -> dict[str, list[int]]:
    """The same from the datasets of a run."""
    frame = run["weighting_frame"].select("agency_id", "population_group_code", "state_abbr")
    full = run["summary_agency"].filter(pl.col("months_reported") == 12).select("agency_id").join(frame, on="agency_id")
    lines = (
        full.join(run["summary_year"], on="agency_id", how="left")
        .group_by(column)
        .agg(
            pl.col("reported").filter(pl.col("item_code") == line).sum().round().cast(pl.Int64).alias(str(line))
            for line in LINES
        )
    )
    return {str(row[0]): list(row[1:]) for row in lines.iter_rows()}


def test_agencies_of_twelve_months_equal_a_recount(run: dict[str, pl.DataFrame]) -> None:
    groups, states = recount(FILE)
    assert totals(run, "population_group_code") == groups
    codes = dict(code_list("return_a_state").select("code", "state_abbr").iter_rows())
    assert totals(run, "state_abbr") == {codes[code]: sums for code, sums in states.items()}


def test_the_nation_beside_the_published_figures(run: dict[str, pl.DataFrame]) -> None:
    of_nation = run["cell_estimate"].filter((pl.col("geography_number") == 1) & (pl.col("row") == 1))
    found = {
        part: dict(of_nation.filter(pl.col("table_part") == part).select("column", "estimate").iter_rows())
        for part in ("SRS1a", "SRS1araw")
    }
    for column, n in REPORTED.items():
        # The rest of the difference: agencies with one or two months do not respond.
        assert found["SRS1araw"][column] == pytest.approx(n, rel=0.0005)
    ratios = {column: found["SRS1a"][column] / n for column, n in PUBLISHED.items()}
    assert ratios[2] == pytest.approx(1.0, abs=0.015)
    assert all(abs(ratio - 1) < 0.008 for column, ratio in ratios.items() if column != 2), ratios
    coverage = run["coverage"].filter(pl.col("geography_number") == 1).row(0, named=True)
    assert coverage["population"] == 316_128_839
    assert coverage["eligible_agencies"] == 18_415


def test_regions_add_up_and_no_estimate_is_below_what_was_reported(run: dict[str, pl.DataFrame]) -> None:
    cells = run["cell_estimate"].filter(pl.col("geography_number") == 1)
    shares = cells.filter((pl.col("table_part") == "SRS2a") & (pl.col("row") <= 4)).group_by("column")
    sums = shares.agg(pl.col("percentage", "estimate").sum()).sort("column")
    assert sums["percentage"].to_list() == pytest.approx([100.0] * 9)
    nation = cells.filter((pl.col("table_part") == "SRS1a") & (pl.col("row") == 1)).sort("column")
    assert sums["estimate"].to_list() == pytest.approx(nation["estimate"].to_list())
    key = ["geography_number", "row", "column"]
    every = run["cell_estimate"].filter(pl.col("table_part") == "SRS1a")
    raw = run["cell_estimate"].filter(pl.col("table_part") == "SRS1araw")
    both = every.join(raw, on=key, suffix="_raw")
    assert (both["lower_bound"] >= both["estimate_raw"] * (1 - 1e-9)).all()
    assert not every.select(pl.struct("table_part", *key).is_duplicated().any()).item()
