"""The page about weights: which controls count as met, and what stands on the page."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.frames import table
from tests.support.weights_page import NATION, STATE, example, written

from nibrs_estimation.stages.validation.weights import LISTED, control_misses


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"<style.*?</style>", "", html, flags=re.S)).split())


def test_page(tmp_path: Path) -> None:
    html = written(tmp_path, *example())
    text = text_of(html)
    assert "3 respondents of 4 eligible agencies (75.0%)" in text
    assert "60.0% of the benchmark’s crime" in text
    assert "3 cells: All states of this run 2, State 1. 0 have a minor one" in text
    assert (
        "All states of this run United States Cities &amp; towns 4 3 3.32 1.00 20.80 23.00 1 weight above 20;" in text
    )
    assert "3 of 4 cells with controls: 1 no weight, 1 calibrated, 1 1/r." in text
    assert "State Vermont Stratum 3 1 0 – 0 of 1 – no respondent: no weight" in text
    assert "Stratum 1 2 2 – 1 of 3 vehicle theft +50.0 %, rape -25.0 % no weights within the bounds meet all" in text
    assert "Stratum 2 1 1 – 0 of 1 murder +2 of none all, violent and property crime cannot be met together" in text
    assert "State Vermont Stratum 1 2 2 group 4; group 5: no respondents" in text
    assert "State 1 3 1 1 0 0 0 0 1" in text
    assert "State 4 3 75.0% 60.0% 1.50 2.00 2.00 2.00" in text
    assert "All states of this run 1 / 1 0 / 0" in text
    assert "All Crime 720 338 46.88 100 620.00 *" in text
    assert "donor: an agency of its class 1 25.0% 0 25.0% 40.0%" in text
    assert "not completed 1 25.0% 25.0% 40.0%" in text
    assert "class without donor 3 VT0000001 Any agency." in text
    assert html.count("<svg") == 5


def test_lists_stop_and_tell_how_many_there_are(tmp_path: Path) -> None:
    """60 states of one agency, each with a merged cell without weight."""
    frame, _weights, _cells, _controls, issues = example()
    many = [f"S{i:02d}" for i in range(60)]
    weights = [{"agency_id": 4, **STATE, "geography_code": code, "is_respondent": False} for code in many]
    cells = [
        {"geography_level": "state", "rule": "no_response", "eligible_agencies": 1, "responding_agencies": 0, **STATE,
         "geography_code": code, "merged_from": "2: no respondents"}
        for code in many
    ]  # fmt: skip
    text = text_of(written(tmp_path, frame, weights, cells, [], issues))
    assert "60 of 60 cells with controls: 60 no weight. Estimates" in text
    assert f"60 of 60 cells: State 60. The first {LISTED}:" in text
    assert text.count("no respondent: no weight") == LISTED
    assert text.count("2: no respondents") == LISTED


def test_large_nonrespondents_that_stand_apart_are_listed(tmp_path: Path) -> None:
    frame, weights, _cells, _controls, issues = example()
    cell = {"rule": "calibrated", "eligible_agencies": 9, "responding_agencies": 7, **STATE}
    assert "stand apart None." in text_of(written(tmp_path, frame, weights, [cell], [], issues))
    text = text_of(written(tmp_path, frame, weights, [{**cell, "giants_apart": 2}], [], issues))
    assert "1 cell can meet the controls only without the largest nonrespondents." in text
    assert "Agencies apart State Vermont Cities 9 7 2 " in text


def test_full_coverage_has_no_control_to_meet(tmp_path: Path) -> None:
    frame, weights, cells, controls, issues = example()
    for cell in cells:
        cell["rule"] = "full_coverage"
    text = text_of(written(tmp_path, frame, weights, cells, controls, issues))
    assert "Cells that miss a control None." in text
    assert "Nothing was calibrated." in text


def test_page_of_nothing(tmp_path: Path) -> None:
    text = text_of(written(tmp_path, [], [], [], [], []))
    for told in (
        "0 respondents of 0 eligible agencies", "Cells with a major problem None.", "Merged cells None.",
        "There are no weights of states.", "There are no weights of all states.", "Issues Nothing.",
    ):  # fmt: skip
        assert told in text


@pytest.mark.parametrize(
    ("totals", "met"),
    [
        ([(100.0, 100.0), (50.0, 50.0 * (1 + 9e-7))], [True, True]),
        ([(100.0, 100.0), (50.0, 50.0 * (1 + 2e-6))], [True, False]),
        # With a total of 0 in the cell the misses are counted in offenses.
        ([(0.0, 0.9), (50.0, 50.9)], [True, True]),
        ([(0.0, 1.0), (50.0, 50.9)], [False, True]),
        ([(100.0, None)], [False]),
    ],
)
def test_a_control_is_met_within_the_tolerance(totals: list[tuple[float, float | None]], met: list[bool]) -> None:
    rows = [
        {**NATION, "weight_group": 8, "control": name, "total": total, "weighted_total": weighted}
        for name, (total, weighted) in zip(("total", "violent"), totals, strict=False)
    ]
    assert control_misses(table("weight_control", *rows).collect())["is_met"].to_list() == met


@given(
    st.lists(
        st.tuples(
            st.integers(1, 3),
            st.sampled_from(["total", "violent", "property", "rape"]),
            st.sampled_from([0.0, 1.0, 40.0]),
            st.one_of(st.none(), st.sampled_from([0.0, 0.5, 1.0, 1 + 5e-7, 40.0, 40.5, 42.0])),
        ),
        max_size=12,
        unique_by=lambda row: row[:2],
    )
)
@settings(max_examples=80, deadline=None)
def test_misses_equal_the_slow_twin(rows: list[tuple[int, str, float, float | None]]) -> None:
    found = control_misses(
        table(
            "weight_control",
            *(
                {**NATION, "weight_group": group, "control": control, "total": total, "weighted_total": weighted}
                for group, control, total, weighted in rows
            ),
        ).collect()
    )
    for (group, _control, total, weighted), row in zip(rows, found.iter_rows(named=True), strict=True):
        has_zero = any(other[2] == 0 for other in rows if other[0] == group)
        if weighted is None:
            assert (row["is_met"], row["miss"], row["miss_pct"]) == (False, None, None)
            continue
        miss = weighted - total
        assert row["miss"] == miss
        assert row["miss_pct"] == (None if total == 0 else pytest.approx(100 * miss / total))
        assert row["is_met"] == (abs(miss) < 1 if has_zero else abs(miss) / total < 1e-6)
    assert found.height == len(rows)


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    tables = example()
    assert written(tmp_path, *(rows[::-1] for rows in tables)) == written(tmp_path, *tables)
