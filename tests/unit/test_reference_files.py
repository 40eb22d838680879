"""The files in the reference pipeline's layouts (handbook 01 and 02)."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.frames import table

from nibrs_estimation.model.return_a import DETAILS, PARTS, with_totals
from nibrs_estimation.stages.universe.reference_files import (
    universe_file,
    write_missing_months,
    write_msa_by_provider,
    write_ref_agency,
    write_reta_mm,
)

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def written(documents: dict[str, Callable[[Path], None]], folder: Path) -> list[dict[str, str]]:
    ((name, write),) = documents.items()
    write(folder / name)
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_universe_file_has_every_column_in_order(tmp_path: Path) -> None:
    agency = {
        "agency_id": 300_000, "ori": "NB0010300", "legacy_ori": "NB0010300", "state_abbr": "NB",
        "state_name": "Nebraska", "region_code": 2, "population": 25_093, "population_group_code": "4",
        "male_officers": 30, "female_officers": 5, "male_civilians": 2, "female_civilians": 4,
        "has_police_employees": True, "nibrs_start_date": date(2019, 7, 1),
    }  # fmt: skip
    (row,) = written(write_ref_agency(table("agency", agency), 2024), tmp_path)
    assert list(row)[:8] == [
        "YEARLY_AGENCY_ID", "AGENCY_ID", "DATA_YEAR", "ORI", "LEGACY_ORI", "COVERED_BY_LEGACY_ORI",
        "DIRECT_CONTRIBUTOR_FLAG", "DORMANT_FLAG",
    ]  # fmt: skip
    assert list(row)[-4:] == ["PARTICIPATED", "NIBRS_PARTICIPATED", "JUDICIAL_DISTRICT_CODE", "FIELD_OFFICE"]
    expected = {
        "YEARLY_AGENCY_ID": "3000002024", "REPORTING_TYPE": "I", "STATE_ID": "31", "STATE_ABBR": "NB",
        "STATE_POSTAL_ABBR": "NE", "DIVISION_CODE": "4", "DIVISION_NAME": "West North Central",
        "REGION_NAME": "Midwest", "REGION_DESC": "Region II", "POPULATION_GROUP_ID": "8",
        "PARENT_POP_GROUP_CODE": "4", "POP_SORT_ORDER": "8", "DORMANT_YEAR": "", "SUMMARY_RAPE_DEF": "",
        "PE_REPORTED_FLAG": "Y", "MALE_OFFICER+MALE_CIVILIAN": "32", "FEMALE_OFFICER+FEMALE_CIVILIAN": "9",
        "OFFICER_RATE": "1.4", "EMPLOYEE_RATE": "1.6", "NIBRS_START_DATE": "2019-07-01", "COVERED_FLAG": "N",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected


def test_rates_without_population_are_0_and_without_officers_missing() -> None:
    frame = universe_file(table("agency", {"agency_id": 1, "population": 0}, {"agency_id": 2}), 2024).collect()
    assert frame["OFFICER_RATE"].to_list() == [0.0, None]


def test_only_the_year_and_in_the_order_of_numbers() -> None:
    rows = ({"agency_id": 9}, {"agency_id": 2}, {"agency_id": 1, "data_year": 2023})
    assert universe_file(table("agency", *rows), 2024).collect()["AGENCY_ID"].to_list() == [2, 9]


def test_agencies_in_metropolitan_areas(tmp_path: Path) -> None:
    rows = [
        {"agency_id": 1, "legacy_ori": "A", "is_in_msa": False, "msa_name": "Barre, VT"},
        {"agency_id": 2, "legacy_ori": "B", "msa_name": "Barre, VT"},
        {"agency_id": 3, "legacy_ori": "C", "population_group_code": "9C"},
        {"agency_id": 4, "legacy_ori": "D"},
    ]
    found = written(write_msa_by_provider(table("agency", *rows), 2024), tmp_path)
    assert [(row["ORI"], row["In_MSA"], row["Estimated Population"]) for row in found] == [
        ("A", "N", "5000"), ("B", "Y", "5000"), ("C", "Y", "5000"), ("D", "N", "5000"),
    ]  # fmt: skip


def test_missing_months(tmp_path: Path) -> None:
    agencies = table("agency", {"agency_id": 1, "nibrs_start_date": date(2024, 3, 15)}, {"agency_id": 2})
    months = table(
        "report_month",
        {"agency_id": 1, "month": 1},
        {"agency_id": 1, "month": 3, "status": "Z"},
        {"agency_id": 1, "month": 4, "status": "U"},
        {"agency_id": 1, "month": 5, "form_code": "R"},
        {"agency_id": 1, "month": 6, "data_year": 2023},
    )
    rows = written(write_missing_months(agencies, months, 2024), tmp_path)
    flags = ["".join(row[f"{name.upper()}_MM_FLAG"] for name in MONTHS) for row in rows]
    assert flags == ["001000000000", "000000000000"]
    assert rows[0]["AGENCY_STATUS"] == "Active"


_COUNTS = st.dictionaries(
    st.tuples(st.integers(1, 3), st.integers(1, 12), st.sampled_from(DETAILS)), st.integers(-3, 50), max_size=12
)
_REPORTS = st.sets(st.tuples(st.integers(1, 3), st.integers(1, 12), st.sampled_from("NR")), max_size=12)


@settings(deadline=None, max_examples=40)
@given(counts=_COUNTS, reports=_REPORTS, covered=st.sets(st.integers(1, 3)))
def test_reta_mm_against_its_slow_twin(
    counts: dict[tuple[int, int, int], int],
    reports: set[tuple[int, int, str]],
    covered: set[int],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    agencies = [
        {"agency_id": n, "ori": f"VT000000{n}", "legacy_ori": f"VTL00000{n}", "is_covered": n in covered}
        for n in (1, 2, 3)
    ]
    details = pl.DataFrame(
        [(n, 2024, month, item, value) for (n, month, item), value in counts.items()],
        schema={"agency_id": pl.Int32, "data_year": pl.Int16, "month": pl.Int8, "item_code": pl.Int8, "n": pl.Int32},
        orient="row",
    )
    months = [{"agency_id": n, "month": month, "form_code": form} for n, month, form in reports]
    rows = written(
        write_reta_mm(table("agency", *agencies), table("report_month", *months), with_totals(details).lazy(), 2024),
        tmp_path_factory.mktemp("reta"),
    )
    assert rows == [{**row, **_slow_reta(agency, counts, reports)} for row, agency in zip(rows, agencies, strict=True)]
    assert sum(name.startswith("v") for name in rows[0]) == 12 * 29
    assert {"MSA_UNIV", "MALE_OFFICER_UNIV", "ORI_UNIV"} <= set(rows[0])
    assert "UCR_AGENCY_NAME_UNIV" not in rows[0]


def _slow_reta(
    agency: dict[str, Any], counts: dict[tuple[int, int, int], int], reports: set[tuple[int, int, str]]
) -> dict[str, str]:
    """A row of RETA-MM from its layout: `v` + (70 + 118 (m - 1) + k)."""
    number = agency["agency_id"]
    row: dict[str, Any] = {"ORI": agency["legacy_ori"], "ORI_UNIV": agency["ori"], "data_year": 2024}
    reported = {month for n, month, _form in reports if n == number}
    for month, name in enumerate(MONTHS, start=1):
        none = 9 if agency["is_covered"] and not reported else 0
        row[f"{name}_mm_flag"] = 1 if month in reported else none
        items: dict[int, int] = defaultdict(int)
        for (n, its_month, item), value in counts.items():
            if (n, its_month) == (number, month):
                items[item] += value
        items[2] = items[3] + items[4]
        items[5] = items[6] + items[7] + items[8] + items[9]
        items[10] = sum(items[k] for k in (11, 12, 13, 14, 15))
        items[16] = items[17] + items[18] + items[19]
        items[21] = items[22] + items[23] + items[24]
        items[26] = items[27] + items[28]
        grand = [0, 1, 3, 4, *range(6, 10), *range(11, 16), *range(17, 20), 20, *range(22, 25)]
        items[25] = sum(items[k] for k in grand)
        for k in range(29):
            row[f"v{70 + 118 * (month - 1) + k}"] = items[k]
    return {name: str(value) for name, value in row.items()}


def test_totals_are_the_sums_of_their_parts() -> None:
    details = pl.DataFrame(
        {"item_code": list(DETAILS), "n": [1] * len(DETAILS)}, schema={"item_code": pl.Int8, "n": pl.Int32}
    )
    items = dict(with_totals(details).rows())
    assert {total: items[total] for total in PARTS} == {
        total: sum(items[part] for part in parts) for total, parts in PARTS.items()
    }
    assert items[25] == 20


def test_totals_that_come_without_details_stay() -> None:
    # A month of Illinois: an assault total of nine, six of them simple, a robbery total, and no details (09 3.3).
    schema = {"agency_id": pl.Int32, "item_code": pl.Int8, "n": pl.Int32}
    counts = pl.DataFrame([(1, 5, 3), (1, 10, 9), (1, 15, 6), (2, 6, 1), (2, 9, 2)], schema=schema, orient="row")
    items = {(agency, item): n for agency, item, n in with_totals(counts).rows()}
    assert items == {
        (1, 5): 3, (1, 10): 9, (1, 15): 6, (1, 25): 12,
        (2, 5): 3, (2, 6): 1, (2, 9): 2, (2, 25): 3,
    }  # fmt: skip
