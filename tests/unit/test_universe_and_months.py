"""Eligibility, weight classes and months reported."""

from datetime import date
from typing import Any

import polars as pl
import pytest
from tests.support.frames import table

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.completeness import REPORTING_STATUS
from nibrs_estimation.model.universe import UNIVERSE
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.completeness.months import describe_months, summarize_reporting
from nibrs_estimation.stages.universe.frame import define_universe
from nibrs_estimation.survey.eligibility import with_own_reports


def universe_of(**row: object) -> dict[str, object]:
    made = define_universe(table("agency", {"agency_id": 1, **row}), table("agency_month_offense"), 2024)
    return checked(made, UNIVERSE).row(0, named=True)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({}, None),
        ({"agency_status": "L"}, "not active"),
        ({"is_covered": True}, "covered"),
        ({"is_dormant": True}, "dormant"),
        ({"agency_type_name": " federal"}, "federal"),
        ({"state_abbr": "PR"}, "outside the states"),
        ({"state_abbr": "NB"}, None),
        ({"state_abbr": "DC"}, None),
        ({"agency_status": "D", "is_covered": True}, "not active"),
        ({"population": 0, "population_group_code": "7"}, None),
    ],
)
def test_eligibility(row: dict[str, object], reason: str | None) -> None:
    found = universe_of(**row)
    assert found["ineligible_reason"] == reason
    assert found["is_eligible"] == (reason is None)
    assert (found["weight_class"] is None) == (reason is not None)


@pytest.mark.parametrize(
    ("group", "population", "weight_class"),
    [
        ("1A", 2_000_000, 1), ("1B", 600_000, 2), ("1C", 300_000, 3), ("2", 150_000, 4), ("3", 60_000, 5),
        ("4", 30_000, 6), ("5", 15_000, 7), ("6", 5_000, 8), ("7", 900, 8), ("7", 0, 18), ("9A", 200_000, 9),
        ("9B", 50_000, 10), ("9C", 15_000, 11), ("9D", 5_000, 12), ("9D", 0, 19), ("9E", 0, 19), ("9E", 7, 13),
        ("8A", 100_000, 14), ("8B", 30_000, 14), ("8C", 15_000, 15), ("8D", 5_000, 16), ("8D", 0, 20), ("8E", 0, 20),
        ("8E", 7, 17),
    ],
)  # fmt: skip
def test_weight_classes(group: str, population: int, weight_class: int) -> None:
    """The 20 classes of handbook 07."""
    assert universe_of(population_group_code=group, population=population)["weight_class"] == weight_class


def test_every_weight_class_has_a_label() -> None:
    rules, classes = code_list("weight_class_rule"), code_list("weight_class")
    assert set(rules["weight_class"]) == set(classes["weight_class"])
    assert rules.select("population_group_code", "has_population").is_unique().all()


def test_unknown_population_group_is_told() -> None:
    with pytest.raises(PipelineError, match=r"1 eligible agencies have no weight class, the first VT0000001.*'0'"):
        define_universe(
            table("agency", {"agency_id": 1, "population_group_code": "0"}), table("agency_month_offense"), 2024
        )


def test_a_year_that_is_not_there_is_told() -> None:
    with pytest.raises(PipelineError, match=r"no agencies of data year 2030, only of 2024\. Give another"):
        define_universe(table("agency", {"agency_id": 1, "data_year": 2024}), table("agency_month_offense"), 2030)


def test_other_years_are_left_out() -> None:
    agencies = table("agency", {"agency_id": 1}, {"agency_id": 2, "data_year": 2023})
    assert define_universe(agencies, table("agency_month_offense"), 2024).collect()["agency_id"].to_list() == [1]


def status_of(
    universe: pl.LazyFrame, agencies: pl.LazyFrame, months: pl.LazyFrame, *counts: dict[str, Any]
) -> pl.DataFrame:
    described = describe_months(agencies, months, table("agency_month_offense", *counts), 2024)
    return checked(summarize_reporting(universe, described["agency_month"].lazy(), months, 2024), REPORTING_STATUS)


def test_months_are_counted_by_kind() -> None:
    months: list[dict[str, Any]] = [{"agency_id": 1, "month": month} for month in range(1, 10)]
    months += [{"agency_id": 1, "month": 10, "status": "Z"}]
    months += [{"agency_id": 1, "month": m, "status": "Z", "status_source": "inferred"} for m in (11, 12)]
    months += [{"agency_id": 2, "month": 3}, {"agency_id": 2, "month": 4, "data_year": 2023}]
    counts: list[dict[str, Any]] = [{"agency_id": 1, "month": month, "n": 2} for month in range(1, 10)]
    counts += [{"agency_id": 2, "month": 3, "n": 1}]
    universe = table("universe", *({"agency_id": i} for i in (1, 2, 3)))
    agencies = table("agency", *({"agency_id": i, "nibrs_start_date": date(2010, 1, 1)} for i in (1, 2, 3)))
    status = status_of(universe, agencies, table("report_month", *months), *counts)
    assert status.select(pl.exclude("state_abbr")).rows() == [
        (1, 12, 9, 2, True),
        (2, 1, 1, 0, False),
        (3, 0, 0, 0, False),
    ]


@pytest.mark.parametrize(
    "flags",
    [
        {"is_nibrs": False},
        {"is_covered": True, "covered_by_ori": "VT0002000"},
        {"is_dormant": True},
        {"agency_status": "D", "is_dormant": True},
        {"agency_status": "L", "is_nibrs": False, "has_participated_nibrs": False},
    ],
)
def test_who_has_incidents_on_file_is_an_agency_of_its_own(flags: dict[str, Any]) -> None:
    agencies = table(
        "agency",
        {"agency_id": 1, "ori": "VT0001000", "population": 3000, **flags},
        {"agency_id": 2, "ori": "VT0002000", "population": 12000},
    )
    silent = table("agency_month_offense", {"agency_id": 2, "data_year": 2024, "month": 1, "n": 1})
    on_file = table("agency_month_offense", {"agency_id": 1, "data_year": 2024, "month": 1, "n": 1})
    assert with_own_reports(agencies, silent).collect().rows() == agencies.collect().rows()
    made = with_own_reports(agencies, on_file).collect()
    first, second = made.iter_rows(named=True)
    assert first["is_nibrs"] and first["has_participated"] and first["has_participated_nibrs"]
    assert not (first["is_covered"] or first["is_dormant"] or first["covered_by_ori"])
    assert first["agency_status"] == "A"
    # Nobody counts twice: who covered it keeps the rest of its population.
    assert second["population"] == (9000 if "covered_by_ori" in flags else 12000)
    assert define_universe(agencies, on_file, 2024).collect()["is_eligible"].all()


def test_a_population_that_cannot_hold_the_covered_one_stays() -> None:
    agencies = table(
        "agency",
        {"agency_id": 1, "ori": "VT0001000", "population": 3000, "is_covered": True, "covered_by_ori": "VT0002000"},
        {"agency_id": 2, "ori": "VT0002000", "population": 3000},
    )
    on_file = table("agency_month_offense", {"agency_id": 1, "data_year": 2024, "month": 1, "n": 1})
    assert with_own_reports(agencies, on_file).collect()["population"].to_list() == [3000, 3000]


def test_federal_agencies_stay_out_and_other_years_say_nothing() -> None:
    federal = table("agency", {"agency_id": 1, "agency_type_name": "Federal"}, {"agency_id": 2, "is_covered": True})
    counts = table(
        "agency_month_offense",
        {"agency_id": 1, "data_year": 2024, "month": 1, "n": 1},
        {"agency_id": 2, "data_year": 2023, "month": 1, "n": 1},
    )
    made = define_universe(federal, counts, 2024).collect().sort("agency_id")
    assert made["ineligible_reason"].to_list() == ["federal", "covered"]
