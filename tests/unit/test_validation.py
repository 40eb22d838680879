"""Validation pages: the numbers behind them, by hand or by a slow recount, and what stands on the page."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.frames import table

from nibrs_estimation.pages import html_table, page, rows_of, svg
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.stages.validation.blocks import offense_shares, validate_blocks
from nibrs_estimation.stages.validation.outliers import summary, validate_outliers
from nibrs_estimation.stages.validation.population import population_changes, validate_population

YEAR = 2024
REAL = Identity("r1", "cde:VT-2024.zip", 2024, 1, is_synthetic=False)
Rows = list[dict[str, Any]]


def written(documents: dict[str, Callable[[Path], None]], folder: Path) -> str:
    """The page that a task would write; it must stand alone."""
    (name, write), *_ = documents.items()
    write(folder / name)
    text = (folder / name).read_text(encoding="utf-8")
    assert not re.search(r'<script|<link|src="http|href="http|@import', text)
    return text


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"<style.*?</style>", "", html, flags=re.S)).split())


def two_years(before: int, now: int, agency: int = 1) -> Rows:
    return [
        {"agency_id": agency, "data_year": YEAR - 1, "population": before},
        {"agency_id": agency, "data_year": YEAR, "population": now},
    ]


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [(100, 106, 6.0), (1000, 1049, 4.9), (400, 401, 0.3), (100, 0, None), (0, 100, None), (2000, 1999, -0.1)],
)
def test_changes_of_population(before: int, now: int, change: float | None) -> None:
    """handbook 04: of 100 and 106 the change is 6.0 %; half of a decimal goes away from zero."""
    found = population_changes(table("agency", *two_years(before, now)).collect(), YEAR)
    assert found["change"].to_list() == [change]


def test_population_page_tells_who_reported(tmp_path: Path) -> None:
    universe = table(
        "universe",
        *({"agency_id": agency, "population": 1000 * agency, "population_group_code": "6"} for agency in (1, 2, 3, 4)),
        {"agency_id": 5, "population": 77_000, "is_eligible": False},
    )
    status = table(
        "reporting_status",
        {"agency_id": 1},
        {"agency_id": 2, "months_reported": 9, "is_full_year": False},
        {"agency_id": 3, "months_reported": 2, "is_full_year": False},
        {"agency_id": 4, "months_reported": 0, "is_full_year": False},
    )
    references = table("block_reference", {"agency_id": 2, "month": 1, "donor_agency_id": 1, "month_flag": 1})
    agencies = table("agency", *two_years(100, 106), *two_years(0, 50, 2), *two_years(1000, 3000, 3))
    text = text_of(written(validate_population(agencies, universe, status, references, YEAR, REAL), tmp_path))
    assert "reported 1 25.0% 1,000 10.0%" in text
    assert "completed 1 25.0% 2,000 20.0%" in text
    assert "partly 1 25.0% 3,000 30.0%" in text
    assert "not reported 1 25.0% 4,000 40.0%" in text
    assert "5 to 9.9 % 1" in text
    assert "50 % and more 1" in text
    assert "0 agencies lost their whole population, 1 had none the year before" in text


def test_population_page_without_the_year_before(tmp_path: Path) -> None:
    universe, status = table("universe", {"agency_id": 1}), table("reporting_status", {"agency_id": 1})
    agencies = table("agency", {"agency_id": 1})
    html = written(validate_population(agencies, universe, status, table("block_reference"), YEAR, REAL), tmp_path)
    assert "The source contains no agencies of 2023." in text_of(html)
    assert "Not known" in html  # its population group


OUTLIERS: Rows = [
    {"agency_id": 1, "n_months": 60, "mean_monthly_offenses": 55.0, "n_levels": 1, "n_green": 11, "n_red": 1},
    {"agency_id": 2, "n_months": 30, "mean_monthly_offenses": 5.0, "n_levels": 2, "n_green": 10, "n_blue": 2},
    {"agency_id": 3, "n_months": 8, "mean_monthly_offenses": 5.0, "n_levels": 1, "n_green": 8,
     "reason": "short_history"},
]  # fmt: skip


def outlier_agencies() -> pl.LazyFrame:
    colors = dict.fromkeys(("n_green", "n_orange", "n_red", "n_blue", "n_brown"), 0)
    return table("outlier_agency", *({"ori": f"VT{row['agency_id']:07d}", **colors, **row} for row in OUTLIERS))


def test_summary_counts_each_kind() -> None:
    kinds = pl.DataFrame(
        {"agency_id": [1, 2, 3], "agency_type_name": ["City", "County", "City"], "population": [0, 2500, 300_000]}
    )
    found = summary(outlier_agencies().collect().join(kinds, on="agency_id"))
    rows = {row["kind"]: row for row in found.iter_rows(named=True)}
    everybody = rows["All"]
    assert (everybody["agencies"], everybody["two_levels"], everybody["short_history"]) == (3, 1, 1)
    assert (everybody["any_low"], everybody["any_high"]) == (1, 1)
    assert (everybody["n_green"], everybody["n_red"], everybody["n_blue"]) == (29, 1, 2)
    assert rows["City"]["agencies"] == 2
    assert rows["Population 0"]["n_red"] == 1
    assert rows["Population 2,500 to below 10,000"]["n_blue"] == 2
    assert rows["Population 250,000 and more"]["agencies"] == 1
    assert rows["Offenses a month 50 and more"]["any_low"] == 1
    assert rows["Offenses a month 0 to below 10"]["agencies"] == 2


def test_outlier_page_draws_the_agencies_with_outlier_months(tmp_path: Path) -> None:
    agencies = table("agency", *({"agency_id": i, "agency_name": f"Town {i}"} for i in (1, 2, 3)))
    months = table(
        "outlier_month",
        *(
            {
                "agency_id": agency, "data_year": year, "month": month, "n_all": 50,
                "color": "red" if (agency, year, month) == (1, YEAR, 6) else "green",
            }
            for agency in (1, 2) for year in (YEAR - 1, YEAR) for month in range(1, 13)
        ),
    )  # fmt: skip
    issues = table(
        "completeness_issue",
        {"issue": "negative count", "data_year": YEAR, "n_rows": 3, "n_agencies": 2, "first_agency": "VT0000001",
         "rule": "Left out."},
    )  # fmt: skip
    html = written(validate_outliers(agencies, outlier_agencies(), months, issues, YEAR, "intended", REAL), tmp_path)
    assert "Town 1, VT0000001" in html
    assert "Town 2, VT0000002" not in html
    assert "blue and brown: too high" in html
    assert "negative count 2024 3 2 VT0000001 Left out." in text_of(html)
    calm = written(
        validate_outliers(
            agencies, outlier_agencies(), months.with_columns(color=pl.lit("green")), issues, YEAR, "reference", REAL
        ),
        tmp_path,
    )
    assert "outlier_rule = reference" in calm
    assert "No month of the data year is an outlier." in text_of(calm)


counts = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 3), st.sampled_from(["13A", "220", "35A"]), st.integers(0, 9)),
    max_size=30,
    unique_by=lambda row: row[:3],
)


@given(
    counts,
    st.sets(st.tuples(st.integers(1, 2), st.integers(1, 3))),
    st.sets(st.tuples(st.integers(1, 4), st.integers(1, 3))),
)
@settings(max_examples=60, deadline=None)
def test_shares_of_offenses_are_a_slow_recount(
    rows: list[tuple[int, int, str, int]], copied: set[tuple[int, int]], unreported: set[tuple[int, int]]
) -> None:
    """Agencies 3 and 4 give; 1 takes from 3, 2 from 4. Months that were not reported count for nobody."""
    donor_of = {1: 3, 2: 4}
    months = table(
        "agency_month",
        *(
            {"agency_id": a, "data_year": YEAR, "month": m, "n_all": None if (a, m) in unreported else 5}
            for a in range(1, 5) for m in range(1, 4)
        ),
    )  # fmt: skip
    offenses = table(
        "agency_month_offense",
        *({"agency_id": a, "data_year": YEAR, "month": m, "offense_code": c, "n": n} for a, m, c, n in rows),
    )
    references = table(
        "block_reference",
        *({"agency_id": a, "month": m, "donor_agency_id": donor_of[a], "month_flag": 1} for a, m in sorted(copied)),
    ).collect()
    own: dict[str, int] = {}
    taken: dict[str, int] = {}
    for a, m, code, n in rows:
        if n == 0 or (a, m) in unreported:
            continue
        if (a, m) not in copied:
            own[code] = own.get(code, 0) + n
        for recipient, month in copied:
            if donor_of[recipient] == a and month == m:
                taken[code] = taken.get(code, 0) + n
    found = offense_shares(months, offenses, references, YEAR)
    assert {row["offense_code"]: (row["own"], row["copied"]) for row in found.iter_rows(named=True)} == {
        code: (own.get(code, 0), taken.get(code, 0)) for code in own.keys() | taken.keys()
    }


def test_block_page(tmp_path: Path) -> None:
    """Agency 1 takes January, which it misses, from 2, and one low month; its own rate is 12/11 of what it reported."""
    agencies = table("agency", *({"agency_id": i, "agency_name": f"Town {i}"} for i in (1, 2)))
    months = table(
        "agency_month",
        *(
            {"agency_id": a, "data_year": YEAR, "month": m, "n_all": None if (a, m) == (1, 1) else 10}
            for a in (1, 2) for m in range(1, 13)
        ),
    )  # fmt: skip
    offenses = table(
        "agency_month_offense",
        *({"agency_id": a, "month": m, "n": 10} for a in (1, 2) for m in range(1, 13) if (a, m) != (1, 1)),
    )
    shared = {"has_population": True, "is_covering": False, "months_low": 0, "months_high": 0, "n_predicted": 100.0}
    blocks = table(
        "block_agency",
        {"agency_id": 1, "ori": "VT0000001", "state_abbr": "VT", "part": "recipient", "months_missing": 1,
         "n_observed": 110, "n_completed": 1000, "donor_agency_id": 2, "distance": 3.0, "match_rule": "class",
         **shared},
        {"agency_id": 2, "ori": "VT0000002", "state_abbr": "VT", "part": "donor", "months_missing": 0,
         "n_observed": 120, "n_completed": 120, **shared},
    )  # fmt: skip
    completed = table(
        "block_month",
        *(
            {"agency_id": 1, "month": m, "month_flag": {1: 1, 2: 2}.get(m),
             **{f"{what}_{group}": 3 for what in ("own", "completed") for group in ("part1v", "part1p", "otherc")}}
            for m in range(1, 13)
        ),
    )  # fmt: skip
    references = table(
        "block_reference",
        *({"agency_id": 1, "month": m, "donor_agency_id": 2, "month_flag": m} for m in (1, 2)),
    )
    checks = table("block_check", {"check": "all is well", "n_checked": 7, "n_failed": 0, "is_strict": True})
    made = (agencies, months, offenses, blocks, completed, references)
    text = text_of(written(validate_blocks(*made, checks, YEAR, REAL), tmp_path))
    assert "1 agency takes 2 months from 1 of 1 possible donor (2.00 months each): 1 missing month, 1 month too" in text
    assert "13A Aggravated Assault 220 20 8.3%" in text
    assert "1 of 1 recipient has a completed year of more than 3 times" in text
    assert "VT0000001 Town 1 2 110 120 1,000 8.3" in text
    assert "1 check passes; 0 had no case" in text
    failing = table("block_check", {"check": "all is well", "n_checked": 7, "n_failed": 2, "is_strict": False})
    assert "1 check fails." in text_of(written(validate_blocks(*made, failing, YEAR, REAL), tmp_path))
    nothing = validate_blocks(*made[:5], table("block_reference"), checks, YEAR, REAL)
    assert "No month was copied" in text_of(written(nothing, tmp_path))


def test_the_same_chart_has_the_same_bytes_however_many_were_drawn() -> None:
    """The converter numbers gradients over the life of the process; pages must not tell."""
    chart = (
        alt.Chart(rows_of(pl.DataFrame({"a": [1, 2], "b": [3, 4]})))
        .mark_point()
        .encode(x="a:Q", y="b:Q", color=alt.Color("a:Q", scale=alt.Scale(scheme="viridis")))
    )
    first, second = svg(chart), svg(chart)
    assert "url(#" in first
    assert first == second
    assert set(re.findall(r"url\(#([^)]+)\)", first)) <= set(re.findall(r'id="([^"]+)"', first))


def test_pages_escape_what_they_are_given() -> None:
    html = page("A & B", "<b>", [("<i>", html_table(pl.DataFrame({"x": ["<script>"]}), "t", {"x": "X"}))], REAL)
    assert "<script" not in html
    assert "A &amp; B" in html
    assert "&lt;b&gt;" in html
