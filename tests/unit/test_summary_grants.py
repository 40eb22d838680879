"""Counts for grants: worked examples of handbook 16, a slow twin, and years side by side."""

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.frames import table
from tests.support.summary_incidents import EXPECTED_UNRANKED, Counts

from nibrs_estimation.model.grants import COUNTS
from nibrs_estimation.stages.summary.grants import LINES, chosen_months, count_grants, grant_table

YEAR = 2022
ALL = tuple(range(1, 13))


def counted(
    incidents: dict[int, Counts] | None,
    reports: dict[int, Counts],
    start: date | None = date(2015, 1, 1),
    months: tuple[int, ...] = ALL,
    **agency: Any,
) -> tuple[dict[str, Any], pl.DataFrame]:
    """The year of one agency."""
    about = {"agency_id": 1, "data_year": YEAR, "nibrs_start_date": start, "state_abbr": "VT", **agency}
    has = incidents is not None
    made = count_grants(
        table("agency", about),
        table("agency_month_offense", *([{"agency_id": 1, "data_year": YEAR, "month": 1, "n": 1}] if has else [])),
        table(
            "agency_county",
            {"ori": "VT0000001", "data_year": YEAR, "county_fips": "50003", "county_name": "B", "population": 0},
            {"ori": "VT0000001", "data_year": YEAR, "county_fips": "50001", "county_name": "A", "population": 0},
        ),
        table("judicial_district"),
        table("report_month", *({"agency_id": 1, "data_year": YEAR, "month": m, "form_code": "N"} for m in months)),
        table(
            "unranked_summary",
            *(
                {"state_abbr": "VT", "agency_id": 1, "month": m, "item_code": k, "n": n}
                for m, items in (incidents or {}).items()
                for k, n in items.items()
            ),
        ),
        table(
            "summary_report",
            *(
                {"agency_id": 1, "month": m, **dict.fromkeys([f"item_{k}" for k in range(26)], 0)}
                | {f"item_{k}": n for k, n in items.items()}
                for m, items in reports.items()
            ),
        ),
        YEAR,
    )
    return made["grant_year"].row(0, named=True), made["grant_flag"]


def numbers(found: dict[str, Any]) -> tuple[int | None, ...]:
    """Murder, rape, aggravated assault, robbery, trafficking, sex and labor."""
    return tuple(found[name] for name in COUNTS)


def test_worked_example() -> None:
    found, flags = counted(EXPECTED_UNRANKED, {})
    assert numbers(found) == (3, 5, 11, 6, 5, 2, 3)
    assert (found["months_reported"], found["is_switched"]) == (12, False)
    assert flags.is_empty()


def test_more_in_the_return_a_switches_the_whole_year() -> None:
    incidents: dict[int, Counts] = {1: {5: 3, 9: 3}, 2: {0: 1}, 3: {29: 2}}
    found, flags = counted(incidents, {1: {5: 4}, 6: {11: 2}})
    assert numbers(found) == (0, 0, 2, 4, 2, 2, 0)
    assert found["is_switched"]
    assert flags.rows() == [(1, 1, 5, 4, 3), (1, 6, 11, 2, 0)]
    found, flags = counted(incidents, {1: {5: 2}})
    assert numbers(found) == (1, 0, 0, 3, 2, 2, 0)
    assert not found["is_switched"]


def test_without_a_start_the_return_a_counts_and_trafficking_is_not_known() -> None:
    found, _ = counted(None, {1: {5: 4}}, start=None)
    assert numbers(found) == (0, 0, 0, 4, None, None, None)
    found, _ = counted(None, {}, start=None, months=())
    assert numbers(found) == (None,) * 7
    assert found["months_reported"] == 0


def test_months_before_the_start_are_of_the_return_a() -> None:
    found, flags = counted({5: {5: 1}}, {1: {5: 9}, 6: {5: 0}}, start=date(YEAR, 4, 15))
    assert numbers(found) == (0, 0, 0, 10, 0, 0, 0)
    assert flags.is_empty()
    assert not found["is_switched"]


def test_of_counties_without_known_residents_the_first_counts() -> None:
    found, _ = counted({}, {})
    assert (found["county_fips"], found["county_name"]) == ("50001", "A")


@pytest.mark.parametrize(
    "about", [{"is_covered": True}, {"agency_type_name": "Federal"}, {"agency_status": "D"}, {"is_dormant": True}]
)
def test_covered_federal_and_dormant_agencies_have_no_row(about: dict[str, Any]) -> None:
    names = ("agency_month_offense", "agency_county", "judicial_district", "report_month", "unranked_summary")
    given_tables = {name: table(name) for name in (*names, "summary_report")}
    agency = table("agency", {"agency_id": 1, "data_year": YEAR, **about})
    assert count_grants(agency=agency, **given_tables, year=YEAR)["grant_year"].is_empty()


def twin(
    incidents: np.ndarray, returns: np.ndarray, flag: np.ndarray, is_nibrs: bool, late: np.ndarray
) -> tuple[list[list[float]], bool]:
    """The rules in order, month by month and field by field; nan for missing."""
    nan, n = float("nan"), returns.shape[1]
    sources = [["returna" if not is_nibrs or late[m] else "nibrs"] for m in range(12)]
    switch = any(sources[m][0] == "nibrs" and returns[m, k] > incidents[m, k] for m in range(12) for k in range(n))
    values = []
    for m in range(12):
        row = []
        for k in range(n + 2):
            nibrs, reta = incidents[m, k], returns[m, k] if k < n else nan
            if sources[m][0] == "nibrs":
                if switch:
                    row.append(reta if k < n else nibrs)
                elif not flag[m] and nibrs == 0:
                    row.append(nan)
                elif flag[m] and np.isnan(nibrs):
                    row.append(0.0)
                else:
                    row.append(nibrs)
            else:
                row.append(nan if k >= n or (not flag[m] and reta == 0) else reta)
        values.append(row)
    return values, switch


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.integers(0, 12), st.booleans())
def test_twin(seed: int, is_nibrs: bool, n_late: int, has_incidents: bool) -> None:
    random = np.random.default_rng(seed)
    incidents = random.integers(1, 4, (12, len(LINES) + 2)).astype(float)
    incidents[random.random(incidents.shape) < 0.4] = 0
    if not has_incidents:
        incidents[:] = np.nan
    returns = random.integers(0, 2 + seed % 3, (12, len(LINES))).astype(float)
    flag = random.random(12) < 0.7
    late = np.asarray((np.arange(12) < n_late) & is_nibrs)
    found, switched, _ = chosen_months(incidents[None], returns[None], flag[None], np.array([is_nibrs]), late[None])
    expected, switch = twin(incidents, returns, flag, is_nibrs, late)
    assert switched.tolist() == [switch]
    np.testing.assert_array_equal(found[0], np.array(expected))


def test_years_side_by_side() -> None:
    def year(number: int, **told: Any) -> dict[str, Any]:
        return {
            "data_year": number, "agency_id": 1, "ori": "VT0010000", "state_abbr": "VT", "population": 1,
            "months_reported": 12, "is_switched": False, **told,
        }  # fmt: skip

    years = table(
        "grant_year",
        year(2021, agency_name="Old name", county_name="Addison", n_murder=-1, n_robbery=4),
        year(2022, agency_name="New name", n_murder=2, is_switched=True),
        year(2022, ori="VT0020000", agency_id=2, agency_name="Other"),
    ).collect()
    government = table("government", {"ori": "VT0020000", "government_id": "46", "government_type": "2"}).collect()
    found = grant_table(years, government)
    assert found.columns[:8] == [
        "GOVID_2023", "data_year_agn_info", "ORI", "STATE", "AGENCY_NAME", "COUNTY", "govtype_2023",
        "Judicial_District",
    ]  # fmt: skip
    assert found.columns[8:17] == [
        "Murder_2021", "Rape_2021", "AggAssault_2021", "Robbery_2021", "HumanTrafficking_2021",
        "HumanTraffickingSex_2021", "HumanTraffickingLabor_2021", "MO_2021", "der_switch_over_to_returna_2021",
    ]  # fmt: skip
    wanted = ["ORI", "AGENCY_NAME", "COUNTY", "GOVID_2023", "Murder_2021", "Murder_2022", "MO_2021"]
    assert found.select(wanted).rows() == [
        ("VT0010000", "New name", "Addison", None, 0, 2, 12),
        ("VT0020000", "Other", None, "46", None, None, None),
    ]
    assert found["der_switch_over_to_returna_2022"].to_list() == [1, 0]
