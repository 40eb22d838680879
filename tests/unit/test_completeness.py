"""Month flags, offense groups, reporting patterns and what bad input gets: worked examples of handbook 02."""

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.frames import table

from nibrs_estimation.model.completeness import AGENCY_MONTH, COMPLETENESS_ISSUE, REPORTING_PATTERN
from nibrs_estimation.model.geography import AGENCY_COUNTY
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.completeness.months import describe_months
from nibrs_estimation.stages.completeness.patterns import describe_patterns
from nibrs_estimation.survey.covering import covered_populations

Rows = list[dict[str, Any]]


def months_of(agencies: Rows, reports: Rows, counts: Rows) -> tuple[pl.DataFrame, pl.DataFrame]:
    year = max(row.get("data_year", 2024) for row in agencies)
    made = describe_months(
        table("agency", *agencies), table("report_month", *reports), table("agency_month_offense", *counts), year
    )
    return checked(made["agency_month"], AGENCY_MONTH), checked(made["completeness_issue"], COMPLETENESS_ISSUE)


def flags(agencies: Rows, reports: Rows) -> dict[int, str]:
    months, _issues = months_of(agencies, reports, [])
    joined = months.sort("month").group_by("agency_id").agg(pl.col("mm_flag").cast(pl.String).str.join())
    return dict(joined.iter_rows())


def reported(agency: int, *months: int, **other: Any) -> Rows:
    return [{"agency_id": agency, "data_year": 2020, "month": month, **other} for month in months]


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (date(2020, 1, 1), "100111111111"),
        (date(2020, 5, 10), "000011111111"),
        (date(2021, 1, 1), "000000000000"),
        (None, "000000000000"),
        (date(2004, 7, 1), "100111111111"),
    ],
)
def test_missing_months_example(start: date | None, expected: str) -> None:
    began = date(2020, 1, 1)
    agencies: list[dict[str, Any]] = [
        {"agency_id": i, "data_year": 2020, "nibrs_start_date": began} for i in (1, 2, 3, 4)
    ]
    agencies[0]["nibrs_start_date"] = start
    reports = [*reported(1, 1, *range(4, 13)), *reported(2, 2), *reported(3, 3, status="Z")]
    assert flags(agencies, reports) == {1: expected, 2: "010000000000", 3: "001000000000", 4: "0" * 12}


AGENCY_A = [{"agency_id": 1, "data_year": 2023, "nibrs_start_date": date(2023, 3, 1)}]
REPORTS_A = [{"agency_id": 1, "data_year": 2023, "month": month} for month in range(1, 13) if month != 5]
COUNTS_A = [
    {"agency_id": 1, "data_year": 2023, "month": month, "n": n}
    for month, n in {2: 3, 3: 4, **dict.fromkeys(range(6, 13), 5)}.items()
]


def patterns_of(agencies: Rows, reports: Rows, counts: Rows) -> pl.DataFrame:
    months, _issues = months_of(agencies, reports, counts)
    made = describe_patterns(
        table("agency", *agencies), AGENCY_COUNTY.empty(), months.lazy(), table("agency_month_offense")
    )
    return checked(made, REPORTING_PATTERN)


def test_example_a() -> None:
    row = patterns_of(AGENCY_A, REPORTS_A, COUNTS_A).row(0, named=True)
    assert row["pattern_all"] == row["pattern_part1v"] == "001-101-111-111"
    assert (row["total_all"], row["max_missing_run_all"], row["months_reported"]) == (39, 2, 9)
    assert (row["reporting_class"], row["has_repaired_flag"]) == ("partial", True)
    assert (row["feb_mm_flag"], row["feb_mm_flag_original"], row["feb_is_flag_repaired"]) == (1, 0, True)
    assert (row["jan_mm_flag"], row["jan_mm_flag_original"]) == (0, None)
    assert (row["feb_all"], row["apr_all"], row["may_all"]) == (None, 0, None)
    assert (row["nibrs_start_month"], row["nibrs_start_year"]) == (3, 2023)


def test_example_b() -> None:
    """T covers M and B, M covers C: direct coverage alone is deducted, at every level of a chain."""
    family = [("T", 100_000, None), ("M", 20_000, "T"), ("B", 3_000, "T"), ("C", 5_000, "M")]
    agencies = [
        {"agency_id": i, "ori": ori, "legacy_ori": ori, "population": people, "covered_by_ori": by}
        for i, (ori, people, by) in enumerate(family, start=1)
    ]
    rows = patterns_of(agencies, [], [])
    assert dict(rows.select("ori", "own_population").iter_rows()) == {"T": 77_000, "M": 15_000, "B": 3_000, "C": 5_000}
    assert rows["own_population"].sum() == 100_000
    assert dict(rows.select("ori", "is_covering").iter_rows()) == {"T": True, "M": True, "B": False, "C": False}


def test_an_agency_is_deducted_once_where_ori_and_legacy_ori_are_one_agencys() -> None:
    agencies = table(
        "agency",
        {"agency_id": 1, "ori": "NEW", "legacy_ori": "OLD", "population": 10},
        {"agency_id": 2, "population": 4, "covered_by_ori": "NEW;OLD"},
    ).collect()
    found = covered_populations(agencies).sort("agency_id")
    assert found["covered_population"].to_list() == [4, 0]


def test_offense_groups() -> None:
    """One incident with only 09C in May: no group has it, but the month counts as reported."""
    agency = [{"agency_id": 1, "nibrs_start_date": date(2000, 1, 1)}]
    counts = [
        {"agency_id": 1, "month": 5, "offense_code": "09C", "n": 1},
        {"agency_id": 1, "month": 6, "offense_code": "none", "n": 2},
        {"agency_id": 1, "month": 7, "offense_code": " 13a", "n": 3},
        {"agency_id": 1, "month": 7, "offense_code": "23F", "n": 4},
        {"agency_id": 1, "month": 7, "offense_code": "35A", "n": 5},
    ]
    months, _issues = months_of(agency, [], counts)
    numbers = months.filter(pl.col("month").is_in([4, 5, 6, 7])).select("^n_.*$").rows()
    assert numbers == [(None, None, None, None), (0, 0, 0, 1), (0, 0, 0, 2), (3, 4, 5, 12)]
    assert months.filter(pl.col("month") == 5)["is_flag_repaired"].item()


def test_bad_input_is_named_counted_and_left_out() -> None:
    agency: Rows = [{"agency_id": 1, "ori": "VT0000001", "nibrs_start_date": date(2000, 1, 1)}]
    reports: Rows = [
        {"agency_id": 1, "month": 1},
        {"agency_id": 1, "month": 1, "status": "Z"},
        {"agency_id": 1, "month": 2, "status": "?"},
        {"agency_id": 1, "month": 13},
        {"agency_id": 9, "ori": "VT0000009", "month": 3},
        {"agency_id": 8, "ori": "VT0000008", "month": 4},
    ]
    counts: Rows = [
        {"agency_id": 1, "month": 1, "n": 5},
        {"agency_id": 1, "month": 1, "offense_code": "220", "n": -5},
        {"agency_id": 1, "month": 1, "offense_code": "240", "n": None},
        {"agency_id": 7, "ori": "VT0000007", "month": 1, "n": 1},
        {"agency_id": 1, "month": 0, "n": 1},
        {"agency_id": 1, "month": None, "n": 1},
        {"agency_id": 1, "month": 3, "n": 2},
        {"agency_id": 1, "month": 3, "n": 7},
        {"agency_id": 1, "month": 3, "offense_code": "ZZZ", "n": 1},
    ]
    months, issues = months_of(agency, reports, counts)
    found = {issue: (rows, agencies, first) for issue, _y, rows, agencies, first, _rule in issues.iter_rows()}
    assert found["month of an unknown agency"] == (2, 2, "VT0000008")
    assert found["repeated month"] == (1, 1, "VT0010000")
    assert found["unknown status"] == (1, 1, "VT0010000")
    assert found["month out of range"] == (1, 1, "VT0010000")
    assert found["count of an unknown agency"] == (1, 1, "VT0000007")
    assert found["negative count"] == (1, 1, "VT0010000")
    assert found["missing count"] == (1, 1, "VT0010000")
    assert found["count out of range"] == (2, 1, "VT0010000")
    assert found["repeated count"] == (1, 1, "VT0010000")
    assert found["unknown offense code"] == (1, 1, "VT0010000")
    assert issues.filter(pl.col("issue") == "year without history")["data_year"].to_list() == [2020, 2021, 2022, 2023]
    january = months.filter(pl.col("month") == 1).row(0, named=True)
    assert (january["mm_flag"], january["n_part1v"], january["n_part1p"], january["n_all"]) == (1, 5, 0, 5)
    assert months.filter(pl.col("month") == 2)["n_all"].item() is None
    march = months.filter(pl.col("month") == 3).row(0, named=True)
    assert (march["n_part1v"], march["n_otherc"], march["n_all"]) == (7, 1, 8)


def test_an_agency_without_a_start_is_told() -> None:
    _months, issues = months_of(
        [{"agency_id": 1}], [{"agency_id": 1, "month": 1}], [{"agency_id": 1, "month": 2, "n": 3}]
    )
    found = {issue: rows for issue, _y, rows, *_rest in issues.iter_rows()}
    assert found["no start of NIBRS"] == 2
    assert found["count without a report"] == 1


_STARTS = st.none() | st.dates(date(2021, 6, 1), date(2024, 12, 31))
_MONTHS = st.sets(st.tuples(st.integers(1, 3), st.integers(2022, 2024), st.integers(1, 12)), max_size=60)
_NUMBERS = st.dictionaries(
    st.tuples(st.integers(1, 3), st.integers(2022, 2024), st.integers(1, 12), st.sampled_from(["13A", "220", "09C"])),
    st.integers(0, 3),
    max_size=60,
)


@settings(deadline=None, max_examples=60)
@given(starts=st.lists(_STARTS, min_size=3, max_size=3), sent=_MONTHS, numbers=_NUMBERS)
def test_patterns_equal_the_slow_twin(
    starts: list[date | None],
    sent: set[tuple[int, int, int]],
    numbers: dict[tuple[int, int, int, str], int],
) -> None:
    years = (2022, 2023, 2024)
    agencies = [
        {"agency_id": i, "data_year": year, "nibrs_start_date": start}
        for i, start in enumerate(starts, start=1)
        for year in years
    ]
    reports = [{"agency_id": a, "data_year": y, "month": m} for a, y, m in sorted(sent)]
    counts = [
        {"agency_id": a, "data_year": y, "month": m, "offense_code": code, "n": n}
        for (a, y, m, code), n in numbers.items()
    ]
    rows = patterns_of(agencies, reports, counts)
    assert rows.equals(patterns_of(agencies[::-1], reports[::-1], counts[::-1]))
    for row in rows.iter_rows(named=True):
        agency, year, start = row["agency_id"], row["data_year"], row["nibrs_start_date"]
        digits, total, run, longest = "", 0, 0, 0
        for month in range(1, 13):
            everything = sum(numbers.get((agency, year, month, code), 0) for code in ("13A", "220", "09C"))
            is_early = start is not None and (year, month) < (start.year, start.month)
            has_flag = start is not None and not is_early and (agency, year, month) in sent
            is_reported = not is_early and (has_flag or everything > 0)
            digits += str(int(is_reported))
            total += everything if is_reported else 0
            run = 0 if is_reported else run + 1
            longest = max(longest, run)
        assert row["pattern_all"].replace("-", "") == digits
        assert (row["total_all"], row["max_missing_run_all"]) == (total, longest)
