"""Converted incidents and Return A together: worked examples of handbook 16, slow twins, and agencies of every kind."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.frames import table
from tests.support.summary_incidents import EXPECTED, Counts

from nibrs_estimation.model.return_a import PARTS
from nibrs_estimation.stages.summary.combine import (
    accept_incidents,
    combine_summaries,
    combined_lines,
    filled_lines,
    months_before_start,
)
from nibrs_estimation.stages.summary.lines import Floats, converted_lines, rebuild_totals
from nibrs_estimation.stages.summary.reports import collect_reports
from nibrs_estimation.stages.summary.years import rule_of_year, with_rape_of_year

YEAR = 2024


def lines(months: dict[int, Counts]) -> Floats:
    """(1, 12, 26) lines of one agency."""
    counts = np.zeros((1, 12, 26))
    for month, items in months.items():
        for item, n in items.items():
            counts[0, month - 1, item] = n
    return counts


def told(counts: Floats) -> dict[int, Counts]:
    """Lines that are not 0, by month."""
    return {
        month + 1: {int(item): int(counts[0, month, item]) for item in np.flatnonzero(counts[0, month])}
        for month in range(12)
        if counts[0, month].any()
    }


def test_late_starter() -> None:
    own = {month: items for month, items in EXPECTED.items() if month >= 4}
    filled = {1: {20: 3}, 2: {20: 3}, 3: {20: 4}} | own
    reports = np.full((1, 12, 26), np.nan)
    reports[0, :2] = lines({1: {0: 2}, 2: {3: 1}})[0, :2]
    late = months_before_start(pl.Series([date(2022, 4, 15)]), 2022)
    assert late.tolist() == [[True] * 3 + [False] * 9]
    chosen = combined_lines(lines(own), lines(filled), reports, np.isfinite(reports).any(axis=2), late)
    expected = {1: {0: 2, 25: 2}, 2: {2: 1, 3: 1, 25: 1}, 3: {20: 4, 25: 4}} | own
    assert told(chosen) == {month: dict(sorted(items.items())) for month, items in expected.items()}


def test_what_fills_a_month_never_lowers_what_was_reported() -> None:
    own, filled = lines({5: EXPECTED[5]}), lines({5: {17: 1, 18: 7, 16: 8, 25: 8}})
    nothing = np.zeros((1, 12), dtype=np.bool_)
    chosen = combined_lines(own, filled, np.full(own.shape, np.nan), nothing, nothing)
    assert told(chosen) == {5: {16: 10, 17: 2, 18: 7, 19: 1, 25: 10}}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_totals_are_sums_of_parts(seed: int) -> None:
    counts = np.random.default_rng(seed).integers(0, 9, (2, 12, 26)).astype(float)
    counts[0, 0, 3] = np.nan
    rebuilt = rebuild_totals(counts)
    for total, parts in PARTS.items():
        if total != 26:
            assert (rebuilt[..., total] == rebuilt[..., list(parts)].sum(axis=-1)).all()
    details = [item for item in range(26) if item not in PARTS]
    assert (rebuilt[..., details] == np.nan_to_num(counts[..., details])).all()


_fills = st.lists(
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 12), st.sampled_from([0.25, 1.0, 1.5])), max_size=6
)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), _fills)
def test_filled_months_twin(seed: int, fills: list[tuple[int, int, int, float]]) -> None:
    """Block-filled months by reference, against a copy of every count."""
    random = np.random.default_rng(seed)
    own = random.integers(0, 5, (3, 12, 26)).astype(float)
    known = random.integers(0, 2, (3, 12)).astype(float)
    shares = random.dirichlet(np.ones(12), 3)
    counts = table(
        "incident_summary",
        *(
            {"agency_id": a + 1, "month": m + 1, "item_code": k, "n": int(own[a, m, k])}
            for a, m, k in zip(*np.nonzero(own), strict=True)
        ),
    ).collect()
    # An agency has one scale for its own known months.
    scale_of = {1: 0.5, 2: 0.25, 3: 1.0}
    own_rows = [
        {"agency_id": a, "donor_agency_id": a, "month": m + 1, "scale": scale_of[a]}
        for a in (1, 2, 3)
        for m in np.flatnonzero(known[a - 1]).tolist()
    ]
    given_rows = {(a, d, m): scale for a, d, m, scale in fills if a != d}
    references = table(
        "block_reference",
        *own_rows,
        *({"agency_id": a, "donor_agency_id": d, "month": m, "scale": s} for (a, d, m), s in given_rows.items()),
    ).collect()
    months = [(a, m) for a in range(3) for m in range(12)]
    known_month = table(
        "known_month",
        *(
            {"agency_id": a + 1, "month": m + 1, "known_part": known[a, m], "month_share": shares[a, m]}
            for a, m in months
        ),
    ).collect()
    removed = table(
        "removed_month", *({"agency_id": a + 1, "month": m + 1, "reason": "low"} for a, m in months if not known[a, m])
    ).collect()
    ids = pl.Series([1, 2, 3], dtype=pl.Int32)
    found, is_filled = filled_lines(counts, converted_lines(counts, ids), ids, known_month, references, removed)
    expected = own * known[:, :, None]
    open_ = (1 - known) * shares
    for a in range(3):
        total = (own[a] * known[a][:, None]).sum(axis=0) * scale_of[a + 1]
        for m in range(12):
            if open_[a].sum() > 0:
                expected[a, m] += total * open_[a, m] / open_[a].sum()
    for (a, d, m), scale in given_rows.items():
        expected[a - 1, m - 1] += scale * own[d - 1, m - 1]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert is_filled[known == 0].all()


def frames() -> dict[str, pl.LazyFrame]:
    """A respondent with incidents, an agency with Return A, one that has both, and one that is not eligible."""
    return {
        "agency": table(
            "agency",
            *({"agency_id": i, "nibrs_start_date": date(2010, 1, 1) if i in (1, 3) else None} for i in (1, 2, 3, 4)),
        ),
        "universe": table("universe", *({"agency_id": i, "is_eligible": i != 4} for i in (1, 2, 3, 4))),
        "incident_summary": table(
            "incident_summary",
            *({"agency_id": i, "month": 2, "item_code": item, "n": 5} for i in (1, 3) for item in (20, 25)),
        ),
        "incident_response": table(
            "incident_response", {"agency_id": 1}, *({"agency_id": i, "is_respondent": False} for i in (2, 3))
        ),
        "known_month": table("known_month"),
        "block_reference": table("block_reference"),
        "removed_month": table("removed_month"),
        "summary_report": table(
            "summary_report",
            *(
                {"agency_id": i, "month": 3, **dict.fromkeys([f"item_{item}" for item in range(26)], 0), "item_20": 7}
                for i in (1, 2, 3, 4)
            ),
            {"agency_id": 2, "month": 3, "card": 2, "item_20": 4},
        ),
    }


def test_every_agency_has_one_kind_of_report() -> None:
    found = combine_summaries(**frames(), year=YEAR).sort("agency_id", "month")
    assert found.group_by("agency_id").len().sort("agency_id").rows() == [(1, 12), (2, 1), (3, 1)]
    told_lines = found.filter(pl.col("item_20") > 0).select("agency_id", "month", "origin", "item_20", "item_25")
    assert told_lines.rows() == [
        (1, 2, "incidents", 5.0, 5.0),
        (2, 3, "return_a", 7.0, 0.0),
        (3, 3, "return_a", 7.0, 0.0),
    ]


def test_an_override_prefers_the_return_a() -> None:
    made = frames()
    made["agency"] = made["agency"].with_columns(
        ori=pl.when(pl.col("agency_id") == 1).then(pl.lit("CA0194200")).otherwise("ori")
    )
    found = combine_summaries(**made, year=YEAR)
    assert set(found["origin"]) == {"return_a"}


def test_series_of_many_years_use_all_incidents() -> None:
    made = frames()
    found = accept_incidents(made["universe"], made["incident_summary"])
    assert found.select("agency_id", "is_respondent").rows() == [(1, True), (2, False), (3, True)]


def reports_of(*counts: dict[str, int], **given: pl.LazyFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    made = collect_reports(
        table("agency", {"agency_id": 1}, {"agency_id": 2}),
        given.get(
            "report_month",
            table("report_month", *({"agency_id": 1, "month": m, "form_code": "R"} for m in (1, 2))),
        ),
        table("srs_month", *counts),
        given.get("reta_mm", table("reta_mm")),
        given.get("return_a_card", table("return_a_card")),
        YEAR,
    )
    return made["summary_report"].sort("agency_id", "month", "card"), made["report_issue"]


def test_reports_of_a_source() -> None:
    found, issues = reports_of(
        {"agency_id": 1, "month": 1, "item_code": 20, "n": 4},
        {"agency_id": 1, "month": 5, "item_code": 20, "n": 9},
        {"agency_id": 77, "month": 1, "item_code": 20, "n": 9},
    )
    assert found.select("agency_id", "month", "item_20", "item_0", "item_26").rows() == [
        (1, 1, 4, 0, None),
        (1, 2, 0, 0, None),
    ]
    assert issues.select("issue", "n_rows", "n_agencies", "first_agency").rows() == [
        ("summary of an agency outside the universe", 1, 1, "77"),
        ("summary counts of a month without a report", 2, 2, "VT0000001"),
    ]


def test_a_reta_mm_file_takes_the_place_of_the_source() -> None:
    given = table(
        "reta_mm",
        {"agency_id": 2, "month": 3, "item_20": 6, "item_26": 1},
        {"agency_id": 2, "month": 4, "is_reported": False, "item_20": 0},
    )
    found, issues = reports_of({"agency_id": 1, "month": 1, "item_code": 20, "n": 4}, reta_mm=given)
    assert found.select("agency_id", "month", "item_20", "item_26").rows() == [(2, 3, 6, 1)]
    assert issues.is_empty()


def test_cards_of_a_master_file_are_kept() -> None:
    cards = table(
        "return_a_card",
        {"agency_id": 1, "month": 1, "item_20": 4},
        {"agency_id": 1, "month": 1, "card": 2, "item_20": 3},
        {"agency_id": 1, "month": 2, "is_within_another": True},
    )
    found, _ = reports_of(return_a_card=cards)
    assert found.select("month", "card", "item_20", "is_within_another").rows() == [
        (1, 1, 4, False),
        (1, 2, 3, False),
        (2, 1, None, True),
    ]


@pytest.mark.parametrize(
    ("year", "revised", "legacy", "counted"),
    [(2012, 0, 3, 3), (2012, 5, 3, 3), (2013, 5, 3, 5), (2013, 0, 3, 3), (2014, 5, 0, 0), (2015, 5, 3, 5)],
)
def test_rape_by_the_definition_of_the_year(year: int, revised: int, legacy: int, counted: int) -> None:
    row = {"agency_id": 1, "month": 1, "item_2": revised, "item_3": revised, "item_26": legacy, "item_27": legacy}
    reports = table("summary_report", row | {"item_4": 0, "item_28": 0, "item_25": revised + 10}).collect()
    found = with_rape_of_year(reports, year)
    assert found.select("item_2", "item_3", "item_25").rows() == [(counted, counted, counted + 10)]


def test_a_file_without_legacy_lines_is_taken_as_it_is() -> None:
    reports = table("summary_report", {"agency_id": 1, "month": 1, "item_2": 4, "item_25": 9}).collect()
    assert with_rape_of_year(reports, 2012).select("item_2", "item_25").rows() == [(4, 9)]


def test_rules_of_years() -> None:
    assert [rule_of_year(year, "donors") for year in (1993, 1994, 1996, 2024)] == [
        "any",
        "any",
        *["without_outliers"] * 2,
    ]
    with pytest.raises(Exception, match="from 1993 on"):
        rule_of_year(1992, "rape")
