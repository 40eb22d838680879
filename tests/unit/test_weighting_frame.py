"""The frame of the weights: who responded, and the benchmark; rules one by one, bad input, and a slow twin."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.frames import table
from tests.support.imputation_study import steps

from nibrs_estimation.model.benchmark import (
    BENCHMARK_FACTOR,
    CRIMES,
    PROPERTY,
    VIOLENT,
    WEIGHTING_FRAME,
    WEIGHTING_ISSUE,
)
from nibrs_estimation.model.return_a import ITEMS_OF_CRIME, OFFENSES_OF_CRIME
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.sources.synthetic.source import SyntheticSource
from nibrs_estimation.stages.benchmark.frame import build_frame
from nibrs_estimation.stages.completeness.months import summarize_reporting
from nibrs_estimation.stages.universe.frame import define_universe
from nibrs_estimation.stats import random

Rows = list[dict[str, Any]]
YEAR = 2024
ALL_MONTHS = range(1, 13)
BASIC = tuple(OFFENSES_OF_CRIME)


@dataclass
class World:
    """What the frame is made from, briefly.

    Attributes:
        agencies: rows of dataset agency; population group and population default to a city of 5,000.
        months: agency -> the months that it reported -> their color, or None where it has none.
        copied: (agency, month) -> donor.
        forms: (agency, year) -> month -> (form, status).
        items: (agency, year, month, item) -> number.
        filed: rows of dataset srs_benchmark.
        offenses: (agency, month, code) -> number.
    """

    agencies: Rows
    months: Mapping[int, Mapping[int, str | None]] = field(default_factory=dict)
    copied: Mapping[tuple[int, int], int] = field(default_factory=dict)
    forms: Mapping[tuple[int, int], Mapping[int, tuple[str, str]]] = field(default_factory=dict)
    items: Mapping[tuple[int, int, int, int], int] = field(default_factory=dict)
    filed: Rows = field(default_factory=list)
    offenses: Mapping[tuple[int, int, str], int] = field(default_factory=dict)
    year: int = YEAR

    def tables(self) -> dict[str, pl.LazyFrame]:
        """The inputs of the function."""
        year = self.year
        agency = table("agency", *({"data_year": year, **row} for row in self.agencies))
        reported = {(a, m): color for a, months in self.months.items() for m, color in months.items()}
        return {
            "agency": agency,
            "universe": define_universe(agency, table("agency_month_offense"), year).collect().lazy(),
            "agency_month": table("agency_month", *(
                {"agency_id": row["agency_id"], "data_year": year, "month": m,
                 "n_all": 1 if (row["agency_id"], m) in reported else None}
                for row in self.agencies for m in ALL_MONTHS
            )),
            "outlier_month": table("outlier_month", *(
                {"agency_id": a, "data_year": year, "month": m, "color": color}
                for (a, m), color in reported.items() if color
            )),
            "block_reference": table("block_reference", *(
                {"agency_id": a, "month": m, "donor_agency_id": d, "scale": 1.0} for (a, m), d in self.copied.items()
            )),
            "block_month": table("block_month", *(
                {"agency_id": a, "month": m, "month_flag": 2 if (a, m) in reported else 1} for a, m in self.copied
            )),
            "known_month": table("known_month", *(
                {"agency_id": a, "month": m, "month_status": "known", "known_part": 1.0, "month_share": 1 / 12}
                for a, m in reported
            )),
            "reporting_status": table("reporting_status", *(
                {"agency_id": row["agency_id"], "is_full_year": len(self.months.get(row["agency_id"], {})) == 12}
                for row in self.agencies
            )),
            "report_month": table("report_month", *(
                {"agency_id": a, "data_year": y, "month": m, "form_code": form, "status": status}
                for (a, y), months in self.forms.items() for m, (form, status) in months.items()
            )),
            "srs_month": table("srs_month", *(
                {"agency_id": a, "data_year": y, "month": m, "item_code": item, "n": n}
                for (a, y, m, item), n in self.items.items()
            )),
            "srs_benchmark": table("srs_benchmark", *self.filed),
            "agency_month_offense": table("agency_month_offense", *(
                {"agency_id": a, "data_year": year, "month": m, "offense_code": code, "n": n}
                for (a, m, code), n in self.offenses.items()
            )),
        }  # fmt: skip


def made(
    world: World, seed: int = 1, rule: Literal["own_first", "reference"] = "reference"
) -> tuple[dict[int, dict[str, Any]], dict[str, dict[str, Any]]]:
    """The rows of the frame by agency, and the issues by name."""
    built = build_frame(**world.tables(), year=world.year, seed=seed, benchmark_rule=rule)
    frame = checked(built["weighting_frame"], WEIGHTING_FRAME)
    issues = checked(built["weighting_issue"], WEIGHTING_ISSUE)
    return (
        {row["agency_id"]: row for row in frame.iter_rows(named=True)},
        {row["issue"]: row for row in issues.iter_rows(named=True)},
    )


def green(months: Iterable[int] = ALL_MONTHS) -> dict[int, str | None]:
    return dict.fromkeys(months, "green")


def summary(months: Iterable[int] = ALL_MONTHS, status: str = "I", form: str = "R") -> dict[int, tuple[str, str]]:
    return dict.fromkeys(months, (form, status))


def ori(agency_id: int) -> str:
    return f"VT{agency_id:07d}"


def counts(of: str, period: str = "smoothed", reported: float | None = None, **crimes: float | None) -> Rows:
    """Rows of the file for an ORI: the crimes named, others 0, and the total unless it is named."""
    full: dict[str, float | None] = {**dict.fromkeys(BASIC, 0.0), **crimes}
    full.setdefault("total", sum(full[crime] or 0.0 for crime in (*VIOLENT, *PROPERTY)))
    return [
        {"ori": of, "period": period, "crime_type": crime, "n_twelve_months": n,
         "n_reported": n if reported is None else reported}
        for crime, n in full.items()
    ]  # fmt: skip


# --- Respondents ------------------------------------------------------------------------------------------------------

OTHER = {"agency_id": 9}
FILED_OTHER = counts(ori(9), larceny=10.0)


def response(
    months: Mapping[int, str | None],
    agency: dict[str, Any] | None = None,
    copied: Iterable[int] = (),
    filed: Rows | None = None,
) -> tuple[int, str | None]:
    """Usable months, and the reason why agency 1 did not respond."""
    world = World(
        [{"agency_id": 1, **(agency or {})}, OTHER],
        {1: months, 9: green()},
        dict.fromkeys(((1, month) for month in copied), 9),
        filed=[*FILED_OTHER, *(filed or [])],
    )
    row = made(world)[0][1]
    assert row["is_respondent"] == (row["nonresponse_reason"] is None)
    return row["months_usable"], row["nonresponse_reason"]


def test_a_full_reporter_responds() -> None:
    assert response(green()) == (12, None)


def test_who_reports_summaries_does_not() -> None:
    assert response(green(), {"is_nibrs": False}) == (12, "reports no incidents")


@pytest.mark.parametrize(("months", "reason"), [(3, None), (2, "fewer than three usable months")])
def test_three_months_that_are_completed_are_enough(months: int, reason: str | None) -> None:
    missing = range(months + 1, 13)
    assert response(green(range(1, months + 1)), copied=missing) == (months, reason)


def test_months_that_nobody_completes_are_not() -> None:
    assert response(green(range(1, 12))) == (11, "not completed")


@pytest.mark.parametrize(
    ("color", "usable"), [("red", 2), ("orange", 2), ("blue", 12), ("brown", 12), ("green", 12), (None, 12)]
)
def test_low_months_are_not_usable_and_missing_colors_change_nothing(color: str | None, usable: int) -> None:
    reason = "fewer than three usable months" if usable < 3 else None
    assert response({**green(), **dict.fromkeys(range(3, 13), color)}) == (usable, reason)


def test_low_months_that_nobody_replaces_leave_the_year_full() -> None:
    assert response({**green(), 5: "red"}) == (11, None)


@pytest.mark.parametrize(
    ("total", "took_part", "reason"),
    [(50.0, False, "not in the incident data"), (49.999, False, None), (50.0, True, None), (float("nan"), False, None)],
)
def test_a_sizeable_agency_must_be_in_the_incident_data(total: float, took_part: bool, reason: str | None) -> None:
    filed = counts(ori(1), larceny=10.0, total=total)
    assert response(green(), {"has_participated_nibrs": took_part}, filed=filed) == (12, reason)


def test_the_total_of_a_year_does_not_make_an_agency_sizeable() -> None:
    filed = counts(ori(1), "2019", larceny=500.0)
    assert response(green(), {"has_participated_nibrs": False}, filed=filed) == (12, None)


@pytest.mark.parametrize(
    ("start", "reason"),
    [(date(YEAR, 10, 31), None), (date(YEAR, 11, 1), "started after October"),
     (date(YEAR + 1, 1, 1), "started after October"), (None, None)],
)  # fmt: skip
def test_late_starters_do_not_respond(start: date | None, reason: str | None) -> None:
    assert response(green(), {"nibrs_start_date": start}) == (12, reason)


def test_the_first_rule_that_fails_is_named() -> None:
    late = {"nibrs_start_date": date(YEAR, 12, 1), "has_participated_nibrs": False}
    large = counts(ori(1), larceny=99.0)
    assert response({}, {**late, "is_nibrs": False}, filed=large)[1] == "reports no incidents"
    assert response({}, late, filed=large)[1] == "fewer than three usable months"
    assert response(green(range(1, 4)), late, filed=large)[1] == "not in the incident data"
    assert response(green(range(1, 4)), late)[1] == "started after October"


# --- The frame --------------------------------------------------------------------------------------------------------


def test_only_eligible_agencies_are_in_the_frame_those_without_residents_too() -> None:
    agencies: Rows = [
        {"agency_id": 1},
        {"agency_id": 2, "population": 0},
        {"agency_id": 3, "is_covered": True},
        {"agency_id": 4, "agency_type_name": "Federal"},
        {"agency_id": 5, "state_abbr": "GU"},
        {"agency_id": 6, "is_dormant": True},
        {"agency_id": 7, "population_group_code": "8B", "population": 30_000},
        {"agency_id": 8, "population_group_code": "1A", "population": 2_000_000},
    ]
    frame, _ = made(World(agencies, filed=counts(ori(1), murder=1.0)))
    assert list(frame) == [1, 2, 7, 8]
    classes = {i: (row["weight_class"], row["substate_class"]) for i, row in frame.items()}
    assert classes == {1: (8, 8), 2: (18, 20), 7: (14, 15), 8: (1, 1)}


def test_a_population_group_without_class_is_refused() -> None:
    inputs = World([{"agency_id": 1}], filed=counts(ori(1), murder=1.0)).tables()
    inputs["universe"] = inputs["universe"].with_columns(population_group_code=pl.lit("X"))
    with pytest.raises(PipelineError, match="VT0000001 with population group 'X'"):
        build_frame(**inputs, year=YEAR, seed=1, benchmark_rule="reference")


@pytest.mark.parametrize("name", ["agency", "reporting_status"])
def test_rows_must_balance(name: str) -> None:
    inputs = World([{"agency_id": 1}, {"agency_id": 2}], filed=counts(ori(1), murder=1.0)).tables()
    doubled = inputs[name].collect()
    for rows in (pl.concat([doubled, doubled]), doubled.clear()):
        if name == "reporting_status" and rows.is_empty():
            continue
        with pytest.raises(PipelineError, match="rows for 2 eligible agencies"):
            build_frame(**{**inputs, name: rows.lazy()}, year=YEAR, seed=1, benchmark_rule="reference")


# --- The benchmark ----------------------------------------------------------------------------------------------------


def of_items(agency: int, year: int, month: int, **crimes: int) -> dict[tuple[int, int, int, int], int]:
    counts = {(agency, year, month, next(iter(ITEMS_OF_CRIME[crime]))): n for crime, n in crimes.items()}
    if "aggravated_assault" in crimes:
        # The total of all assaults, simple ones among them.
        counts[agency, year, month, 10] = crimes["aggravated_assault"] + crimes.get("simple_assault", 0)
    return counts


def test_the_latest_recent_year_with_three_months_is_taken() -> None:
    world = World(
        [{"agency_id": 1}],
        forms={(1, 2024): summary([1, 2]), (1, 2023): summary([1, 2, 3, 4]), (1, 2022): summary()},
        items={
            **of_items(1, 2024, 1, murder=9),
            **of_items(1, 2023, 1, murder=1, larceny=5),
            **of_items(1, 2023, 2, larceny=3, aggravated_assault=2, simple_assault=4),
            # A number of a month for which no form came counts nothing, whichever the month.
            **of_items(1, 2023, 5, larceny=100),
            **of_items(1, 2023, 11, larceny=100),
            **of_items(1, 2022, 1, larceny=1000),
        },
        filed=counts(ori(1), larceny=77.0),
    )
    row = made(world)[0][1]
    assert (row["benchmark_source"], row["benchmark_year"], row["benchmark_donor_id"]) == ("recent", 2023, None)
    assert (row["n_murder"], row["n_larceny"], row["n_aggravated_assault"]) == (3.0, 24.0, 6.0)
    assert (row["n_simple_assault"], row["n_assault"]) == (12.0, 18.0)
    assert (row["n_violent"], row["n_property"], row["n_total"]) == (9.0, 24.0, 33.0)


def test_the_items_of_each_crime() -> None:
    items = {(1, 2024, 1, item): 10**place for place, item in enumerate(range(9))}
    items |= {(1, 2024, 2, item): 10**place for place, item in enumerate(range(9, 17))}
    items |= {(1, 2024, 3, item): 10**place for place, item in enumerate(range(17, 26))}
    # All assaults: the weapons' 111,100 and a million simple ones.
    items[1, 2024, 2, 10] = 1_111_100
    row = made(World([{"agency_id": 1}], forms={(1, 2024): summary()}, items=items))[0][1]
    basic = {crime: row[CRIMES[crime]] for crime in BASIC}
    assert basic == {
        "murder": 1, "manslaughter": 10, "rape": 100, "robbery": 100_000, "aggravated_assault": 111_100,
        "simple_assault": 1_000_000, "burglary": 10_000_000, "larceny": 1_000, "vehicle_theft": 10_000,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("forms", "source"),
    [(summary([1, 2, 3], "Z"), "recent"), (summary([1, 2, 3], "U"), "recent"), (summary(form="N"), "smoothed"),
     ({**summary([1, 2]), **summary([3], form="N")}, "smoothed")],
)  # fmt: skip
def test_summary_forms_of_any_status_are_months_and_incident_forms_are_not(
    forms: Mapping[int, tuple[str, str]], source: str
) -> None:
    items = {(9, 2024, 1, 0): 1}
    world = World([{"agency_id": 1}, OTHER], forms={(1, 2024): forms}, items=items, filed=counts(ori(1), larceny=77.0))
    row = made(world)[0][1]
    assert (row["benchmark_source"], row["n_total"]) == (source, 0.0 if source == "recent" else 77.0)


@pytest.mark.parametrize(
    ("year", "last", "source"),
    [(2021, 2021, "smoothed"), (2022, 2021, "smoothed"), (2022, 2022, "recent"), (2027, 2022, "smoothed"),
     (2027, 2023, "recent"), (2026, 2022, "recent")],
)  # fmt: skip
def test_recent_years_begin_in_2022_and_are_five(year: int, last: int, source: str) -> None:
    world = World(
        [{"agency_id": 1}],
        forms={(1, last): summary()},
        items=of_items(1, last, 1, larceny=5),
        filed=counts(ori(1), larceny=77.0),
        year=year,
    )
    row = made(world)[0][1]
    assert (row["benchmark_source"], row["n_total"]) == (source, 5.0 if source == "recent" else 77.0)


def test_a_year_without_summary_counts_is_passed_over() -> None:
    """Where srs_month is absent, the months for which a form came are not empty: nobody knows what was in them."""
    world = World([{"agency_id": 1}], forms={(1, 2024): summary()}, filed=counts(ori(1), larceny=77.0))
    frame, issues = made(world)
    assert (frame[1]["benchmark_source"], frame[1]["n_total"]) == ("smoothed", 77.0)
    assert issues["summary reports of a year without counts"]["first_agency"] == ori(1)


def test_the_latest_year_of_the_file_comes_before_the_smoothed_counts() -> None:
    smoothed = counts(ori(1), larceny=77.0)
    for years, year, total in [
        (["2016", "2019"], 2019, 2019.0), (["2015", "2021", "2016"], 2016, 2016.0), (["2021"], None, 77.0),
    ]:  # fmt: skip
        filed = [row for each in years for row in counts(ori(1), each, larceny=float(each))]
        row = made(World([{"agency_id": 1}], filed=smoothed + filed))[0][1]
        assert (row["benchmark_source"], row["benchmark_year"], row["n_total"]) == ("smoothed", year, total)


def test_a_year_without_total_is_not_a_year() -> None:
    filed = [*counts(ori(1), larceny=7.0), *(row for row in counts(ori(1), "2020") if row["crime_type"] != "total")]
    frame, issues = made(World([{"agency_id": 1}], filed=filed))
    assert (frame[1]["benchmark_year"], frame[1]["n_total"]) == (None, 7.0)
    assert not issues


def test_absent_parts_are_0_and_totals_computed_anew() -> None:
    filed = [row for row in counts(ori(1), larceny=7.0, total=500.0) if row["crime_type"] in ("total", "larceny")]
    frame, issues = made(World([{"agency_id": 1}], filed=filed))
    assert (frame[1]["n_total"], frame[1]["n_murder"]) == (7.0, 0.0)
    assert issues["benchmark total unlike its parts"]["n_agencies"] == 1


@pytest.mark.parametrize(
    ("filed", "totals"),
    [
        # ORI, then the file's ORI as legacy ORI, then legacy ORI.
        ([(ori(1), None, 5.0), ("OLD000001", None, 6.0)], [5.0]),
        ([("OLD000001", None, 6.0), ("X", "OLD000001", 7.0)], [6.0]),
        ([("X", "OLD000001", 7.0)], [7.0]),
        ([("Y", "OLD000001", 8.0), ("X", "OLD000001", 7.0)], [7.0]),
    ],
)
def test_agencies_are_found_by_ori_then_legacy_ori(filed: list[Any], totals: list[float]) -> None:
    rows = [{**row, "legacy_ori": legacy} for of, legacy, n in filed for row in counts(of, larceny=n)]
    frame, issues = made(World([{"agency_id": 1, "legacy_ori": "OLD000001"}], filed=rows))
    assert [row["n_total"] for row in frame.values()] == totals
    several = issues.get("several benchmarks of one agency", {"n_agencies": 0})
    assert several["n_agencies"] == (len(filed) > 1)


def test_counts_that_meet_several_agencies_are_given_to_none() -> None:
    agencies: Rows = [{"agency_id": 1, "legacy_ori": "OLD"}, {"agency_id": 2, "legacy_ori": "OLD"}, OTHER]
    frame, issues = made(World(agencies, filed=[*counts("OLD", larceny=5.0), *FILED_OTHER]))
    assert [row["benchmark_source"] for row in frame.values()] == ["donor", "donor", "smoothed"]
    assert issues["benchmark of several agencies"]["n_agencies"] == 2


def test_a_renumbered_agency_inherits_from_its_dormant_predecessor() -> None:
    agencies = [{"agency_id": 1, "ori": "OLD", "is_dormant": True}, {"agency_id": 2, "legacy_ori": "OLD"}]
    frame, _ = made(World(agencies, filed=counts("OLD", larceny=5.0)))
    assert (list(frame), frame[2]["n_total"]) == ([2], 5.0)


def test_counts_of_agencies_outside_the_frame_are_ignored() -> None:
    frame, issues = made(
        World(
            [{"agency_id": 1}, {"agency_id": 2, "is_covered": True}],
            filed=[*counts(ori(1)), *counts(ori(2)), *counts("A")],
        )
    )
    assert list(frame) == [1]
    assert (issues["benchmark of an agency outside the frame"]["n_agencies"]) == 2
    assert (issues["benchmark of an agency outside the frame"]["first_agency"]) == "A"


def test_own_counts_of_respondents_with_copied_and_without_replaced_months() -> None:
    codes = {code: crime for crime, members in OFFENSES_OF_CRIME.items() for code in members}
    offenses = {(1, 1, code): 10 for code in (*codes, "35A", "200", "none", "13D")}
    # Month 2 is low and replaced, 12 missing; month 3 is low and stays, for its donor's is no larger.
    offenses |= {(1, 2, "13A"): 1, (1, 3, "13A"): 2, (1, 12, "13A"): 500}
    offenses |= {(9, 2, "13A"): 30, (9, 3, "13A"): 50, (9, 12, "13A"): 70, (9, 12, "09A"): 3}
    months = {**green(range(1, 12)), 2: "red", 3: "orange"}
    copied = {(1, 2): 9, (1, 12): 9}
    world = World([{"agency_id": 1}, OTHER], {1: months, 9: green()}, copied, filed=FILED_OTHER, offenses=offenses)
    row = made(world)[0][1]
    assert (row["benchmark_source"], row["benchmark_year"], row["is_respondent"]) == ("own", YEAR, True)
    expected = {crime: 10.0 * len(members) for crime, members in OFFENSES_OF_CRIME.items()}
    expected["aggravated_assault"] += 2 + 30 + 70
    expected["murder"] += 3
    assert {crime: row[CRIMES[crime]] for crime in BASIC} == expected


def test_who_did_not_respond_has_no_own_counts() -> None:
    months = {1: green(range(1, 12)), 9: green()}
    frame, _ = made(World([{"agency_id": 1}, OTHER], months, offenses={(1, 1, "13A"): 5, (9, 1, "13A"): 3}))
    assert (frame[1]["benchmark_source"], frame[1]["benchmark_donor_id"], frame[1]["n_total"]) == ("donor", 9, 3.0)
    assert frame[9]["benchmark_source"] == "own"


def test_a_respondent_without_offenses_has_a_year_without_crime() -> None:
    frame, issues = made(World([{"agency_id": 1}], {1: green()}))
    assert (frame[1]["benchmark_source"], frame[1]["n_total"]) == ("own", 0.0)
    assert issues["no crime in a year"]["first_agency"] == ori(1)


# --- Donors -----------------------------------------------------------------------------------------------------------

CITY = {"population_group_code": "2", "population": 150_000}
RURAL = {"population_group_code": "8B", "population": 30_000}


def donors(world: World, recipient: int = 1) -> set[int]:
    """The donors whom twelve seeds give."""
    return {made(world, seed)[0][recipient]["benchmark_donor_id"] for seed in range(12)}


def test_donors_are_of_the_class_and_have_a_full_year() -> None:
    cities = {i: {"agency_id": i, **CITY} for i in range(1, 10)}
    world = World(
        [*cities.values(), {"agency_id": 10, **CITY, "population_group_code": "3"}, {"agency_id": 11, **RURAL}],
        {8: green(), 9: green(range(1, 12))},
        {(9, 12): 8},
        forms={(2, 2024): summary(), (3, 2024): summary(range(1, 12))},
        items={**of_items(2, 2024, 1, larceny=2), **of_items(3, 2024, 1, larceny=2)},
        filed=[
            *counts(ori(4), larceny=4.0),
            *counts(ori(5), reported=3.0, larceny=5.0),
            *counts(ori(6), "2018", larceny=6.0, reported=6.0 + 1e-12),
            *counts(ori(7), "2018", reported=3.0, larceny=6.0),
            *counts(ori(7), larceny=6.0),
            *counts(ori(10), larceny=1.0),
            *counts(ori(11), larceny=1.0),
        ],
    )
    assert donors(world) == {2, 4, 6, 8}
    frame, issues = made(world)
    donor = frame[frame[1]["benchmark_donor_id"]]
    assert frame[1]["benchmark_year"] is None
    assert {c: frame[1][c] for c in CRIMES.values()} == {c: donor[c] for c in CRIMES.values()}
    assert issues["no benchmark of its own"]["n_agencies"] == 1


def test_all_groups_of_large_cities_are_one_class_as_are_those_of_counties() -> None:
    for here, there in (("1A", "1C"), ("8A", "8E"), ("9D", "9A")):
        agencies = [
            {"agency_id": 1, "population_group_code": here},
            {"agency_id": 2, "population_group_code": there},
            *({"agency_id": i, "population_group_code": code} for i, code in enumerate(["2", "7"], start=3)),
        ]
        assert donors(World(agencies, filed=[row for i in (2, 3, 4) for row in counts(ori(i))])) == {2}


def test_classes_without_donor_of_a_full_year_fall_back() -> None:
    village = {"agency_id": 4, "population_group_code": "7", "population": 900}
    agencies = [{"agency_id": 1, **CITY}, {"agency_id": 2, **CITY}, {"agency_id": 3, **RURAL}, village]
    partial = counts(ori(2), larceny=5.0, reported=4.0)
    rural, of_village = counts(ori(3), larceny=1.0), counts(ori(4), larceny=1.0, reported=0.5)
    assert donors(World(agencies, filed=[*partial, *rural, *of_village])) == {2}
    assert donors(World(agencies, filed=[*rural, *of_village])) == {4}
    assert donors(World(agencies, filed=rural)) == {3}
    assert made(World(agencies, filed=partial))[1]["class without donor of a full year"]["n_agencies"] == 1
    issues = made(World(agencies, filed=[*partial, *of_village]))[1]
    assert issues["class without donor"] == {
        "issue": "class without donor",
        "n_agencies": 1,
        "first_agency": ori(3),
        "rule": "The donor is a city under 2,500, otherwise any agency with a benchmark.",
    }


def test_donors_are_drawn_alike_for_each_recipient_by_itself() -> None:
    """All donors are about equally frequent, and who else needs one changes nothing."""
    agencies = [{"agency_id": i} for i in range(1, 3001)]
    filed = [row for i in (7, 8, 9) for row in counts(ori(i), larceny=1.0)]
    frame, _ = made(World(agencies, filed=filed))
    chosen = [row["benchmark_donor_id"] for row in frame.values() if row["benchmark_donor_id"]]
    assert all(abs(chosen.count(i) - 999) < 4 * (3000 * 2 / 9) ** 0.5 for i in (7, 8, 9))
    some, _ = made(World(agencies[:50], filed=filed))
    assert all(some[i]["benchmark_donor_id"] == frame[i]["benchmark_donor_id"] for i in some)


def test_a_frame_without_any_benchmark_stops() -> None:
    with pytest.raises(PipelineError, match=r"None of the 1 eligible agencies has counts .* srs_smoothed"):
        made(World([{"agency_id": 1}]))


# --- Bad input --------------------------------------------------------------------------------------------------------


def test_negative_sums_are_0_and_negative_months_are_corrections() -> None:
    items = {(1, 2024, 1, 20): 5, (1, 2024, 2, 20): -2, (1, 2024, 1, 0): -1, (1, 2024, 1, 10): -3, (1, 2024, 2, 10): 4}
    filed = counts(ori(2), rape=-4.0, larceny=3.0)
    world = World([{"agency_id": 1}, {"agency_id": 2}], forms={(1, 2024): summary()}, items=items, filed=filed)
    frame, issues = made(world)
    assert [frame[1][c] for c in ("n_larceny", "n_murder", "n_aggravated_assault", "n_total")] == [3.0, 0.0, 1.0, 4.0]
    assert (frame[2]["n_rape"], frame[2]["n_total"]) == (0.0, 3.0)
    assert issues["negative count"]["n_agencies"] == 2


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), None])
@pytest.mark.parametrize("crime", ["burglary", "total"])
def test_numbers_that_are_none_send_an_agency_to_its_next_source(value: float | None, crime: str) -> None:
    faulty = counts(ori(1), "2020", **{crime: value})
    frame, issues = made(World([{"agency_id": 1}], filed=[*faulty, *counts(ori(1), larceny=2.0)]))
    assert (frame[1]["benchmark_year"], frame[1]["n_total"]) == (None, 2.0)
    assert issues["benchmark without numbers"]["n_agencies"] == 1
    frame, _ = made(World([{"agency_id": 1}, OTHER], filed=[*faulty, *FILED_OTHER]))
    assert frame[1]["benchmark_source"] == "donor"


def test_sums_of_the_file_but_the_total_do_not_matter() -> None:
    filed = counts(ori(1), larceny=2.0, assault=None, violent=float("nan"), property=99.0)
    frame, issues = made(World([{"agency_id": 1}], filed=filed))
    assert (frame[1]["n_total"], frame[1]["n_assault"], issues) == (2.0, 0.0, {})


def test_a_total_without_parts_says_nothing() -> None:
    filed = [row for row in counts(ori(1), total=60.0) if row["crime_type"] == "total"]
    frame, issues = made(World([{"agency_id": 1}, OTHER], filed=[*filed, *FILED_OTHER]))
    assert frame[1]["benchmark_source"] == "donor"
    assert issues["benchmark without numbers"]["first_agency"] == ori(1)


def test_input_without_oddities_has_no_issues() -> None:
    assert made(World([{"agency_id": 1}], {1: green()}, filed=counts(ori(1), larceny=3.0)))[1] == {}


# --- The slow twin ----------------------------------------------------------------------------------------------------


def slow_reason(world: World, agency: dict[str, Any], smoothed_total: float | None) -> tuple[int, str | None]:
    number, months = agency["agency_id"], world.months.get(agency["agency_id"], {})
    usable = sum(color not in ("red", "orange") for color in months.values())
    start = agency.get("nibrs_start_date")
    reports = any(of == agency["agency_id"] and n > 0 for (of, _month, _code), n in world.offenses.items())
    if not (agency.get("is_nibrs", True) or reports):
        return usable, "reports no incidents"
    if usable < 3:
        return usable, "fewer than three usable months"
    if (
        smoothed_total is not None
        and smoothed_total >= 50
        and not (agency.get("has_participated_nibrs", True) or reports)
    ):
        return usable, "not in the incident data"
    if start is not None and start >= date(world.year, 11, 1):
        return usable, "started after October"
    if len(months) < 12 and not any(a == number for a, _month in world.copied):
        return usable, "not completed"
    return usable, None


def slow_matches(world: World) -> dict[int, str]:
    """Agency -> ORI of the file."""
    filed = {row["ori"]: row["legacy_ori"] for row in world.filed}
    found: dict[int, str] = {}
    for ours, theirs in (("ori", "ori"), ("legacy_ori", "ori"), ("legacy_ori", "legacy_ori")):
        meetings = []
        for agency in world.agencies:
            key = agency.get("legacy_ori") if ours == "legacy_ori" else ori(agency["agency_id"])
            for of, legacy in filed.items():
                if key is not None and key == (of if theirs == "ori" else legacy) and agency["agency_id"] not in found:
                    meetings.append((agency["agency_id"], of))
        met = [of for _agency, of in meetings]
        for number, of in sorted(meetings):
            if met.count(of) == 1:
                found.setdefault(number, of)
        filed = {of: legacy for of, legacy in filed.items() if met.count(of) < 2 and of not in found.values()}
    return found


def slow_candidates(world: World, number: int, of: str | None, is_respondent: bool) -> list[tuple[Any, ...]]:
    """Source, year, whether of a full year, and crimes, the best first."""
    found: list[tuple[Any, ...]] = []
    for year in range(world.year, world.year - 5, -1):
        months = [m for m, (form, _status) in world.forms.get((number, year), {}).items() if form == "R"]
        is_there = any(y == year for (_a, y, _m, _item) in world.items)
        if year >= 2022 and len(months) >= 3 and is_there:
            counted = {
                crime: sum(
                    sign * world.items.get((number, year, m, item), 0) for m in months for item, sign in members.items()
                )
                for crime, members in ITEMS_OF_CRIME.items()
            }
            scaled = {crime: n * (12 / len(months)) for crime, n in counted.items()}
            found.append(("recent", year, len(months) == 12, scaled))
    for period in ("2020", "2019", "2018", "2017", "2016", "smoothed"):
        all_rows = {r["crime_type"]: r for r in world.filed if r["ori"] == of and r["period"] == period}
        rows = {crime: row for crime, row in all_rows.items() if crime in (*BASIC, "total")}
        numbers = {crime: row["n_twelve_months"] for crime, row in rows.items()}
        is_number = all(n is not None and abs(n) < float("inf") for n in numbers.values())
        if "total" in rows and len(rows) > 1 and is_number:
            reported, total = rows["total"]["n_reported"], numbers["total"]
            is_full = reported is not None and abs(reported - total) <= 1e-9 * max(1, abs(total))
            of_year = None if period == "smoothed" else int(period)
            found.append(("smoothed", of_year, is_full, {crime: numbers.get(crime, 0.0) for crime in BASIC}))
    if is_respondent:
        sums: dict[str, float] = dict.fromkeys(BASIC, 0.0)
        for month in ALL_MONTHS:
            giver = world.copied.get((number, month), number if month in world.months.get(number, {}) else None)
            for crime, codes in OFFENSES_OF_CRIME.items():
                sums[crime] += sum(world.offenses.get((giver, month, code), 0) for code in codes) if giver else 0
        found.append(("own", world.year, len(world.months.get(number, {})) == 12, sums))
    return found


def slow_frame(world: World, seed: int) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    matches = slow_matches(world)
    for agency in world.agencies:
        number = agency["agency_id"]
        totals = [
            row["n_twelve_months"] for row in world.filed
            if row["ori"] == matches.get(number) and row["period"] == "smoothed" and row["crime_type"] == "total"
        ]  # fmt: skip
        is_number = totals and totals[0] is not None and abs(totals[0]) < float("inf")
        usable, reason = slow_reason(world, agency, totals[0] if is_number else None)
        best = next(iter(slow_candidates(world, number, matches.get(number), reason is None)), None)
        found[number] = {"months_usable": usable, "nonresponse_reason": reason, "best": best, "donor": None}
    with_benchmark = [n for n in sorted(found) if found[n]["best"]]
    if not with_benchmark:
        return {}
    classes = {a["agency_id"]: a["population_group_code"][0] for a in world.agencies}
    for number, row in found.items():
        if row["best"] is None:
            alike = [n for n in with_benchmark if classes[n] == classes[number]]
            pool = (
                [n for n in alike if found[n]["best"][2]]
                or alike
                or [n for n in with_benchmark if classes[n] == "7"]
                or with_benchmark
            )
            row["donor"] = pool[int(random.uniform(seed, "hot deck", [number])[0] * len(pool))]
    made_rows = {}
    for number, row in found.items():
        source, year, _is_full, crimes = found[row["donor"] or number]["best"]
        values = {CRIMES[crime]: max(n, 0.0) for crime, n in crimes.items()}
        values["n_violent"] = sum(values[CRIMES[crime]] for crime in VIOLENT)
        values["n_property"] = sum(values[CRIMES[crime]] for crime in PROPERTY)
        values["n_assault"] = values["n_aggravated_assault"] + values["n_simple_assault"]
        values["n_total"] = values["n_violent"] + values["n_property"]
        made_rows[number] = {
            "months_usable": row["months_usable"],
            "nonresponse_reason": row["nonresponse_reason"],
            "benchmark_source": "donor" if row["donor"] else source,
            "benchmark_year": None if row["donor"] else year,
            "benchmark_donor_id": row["donor"],
            **values,
        }
    return made_rows


@st.composite
def worlds(draw: st.DrawFn) -> World:
    numbers = range(1, draw(st.integers(2, 7)))
    year = draw(st.sampled_from([2021, 2023, 2024]))
    oris = [*(ori(i) for i in numbers), "OLD1", "OLD2", "X"]
    agencies = [
        {
            "agency_id": i,
            "legacy_ori": draw(st.sampled_from([None, *oris])),
            "is_nibrs": draw(st.sampled_from([True, True, True, False])),
            "has_participated_nibrs": draw(st.booleans()),
            "nibrs_start_date": draw(st.sampled_from([None, date(2000, 1, 1), date(year, 10, 31), date(year, 11, 1)])),
            "population_group_code": draw(st.sampled_from(["1A", "1B", "2", "7", "8A", "8E"])),
        }
        for i in numbers
    ]
    colors = st.sampled_from(["green", "green", "red", "orange", "blue", None])
    some_months = st.one_of(st.just(list(ALL_MONTHS)), st.lists(st.integers(1, 12), unique=True))
    months = {i: {m: draw(colors) for m in draw(some_months)} for i in numbers}
    place = st.tuples(st.sampled_from(numbers), st.integers(1, 12))
    forms = {
        (i, y): {m: (draw(st.sampled_from(["R", "R", "R", "N"])), "I") for m in draw(some_months)}
        for i, y in draw(st.lists(st.tuples(st.sampled_from(numbers), st.integers(year - 4, year)), max_size=8))
    }
    item = st.tuples(st.sampled_from(numbers), st.integers(year - 4, year), st.integers(1, 12), st.integers(0, 28))
    value = st.one_of(
        st.floats(-5, 100).map(lambda x: round(x, 3)), st.sampled_from([49.0, 50.0, None, float("nan"), float("inf")])
    )
    legacy = {of: draw(st.sampled_from([None, *oris])) for of in oris}
    filed = {}
    for of, period in draw(
        st.lists(st.tuples(st.sampled_from(oris), st.sampled_from(["smoothed", "2015", "2018", "2020"])), max_size=8)
    ):
        for crime in draw(st.lists(st.sampled_from([*BASIC, "total", "total", "assault"]), max_size=6)):
            n = draw(value)
            filed[of, period, crime] = {
                "ori": of,
                "legacy_ori": legacy[of],
                "period": period,
                "crime_type": crime,
                "n_twelve_months": n,
                "n_reported": draw(st.sampled_from([n, 1.0, None])),
            }
    codes = st.sampled_from(["09A", "11B", "120", "13A", "13B", "220", "23C", "240", "35A"])
    return World(
        agencies,
        months,
        draw(st.dictionaries(place, st.sampled_from(numbers), max_size=8)),
        forms,
        draw(st.dictionaries(item, st.integers(-5, 50), max_size=20)),
        list(filed.values()),
        draw(st.dictionaries(st.tuples(st.sampled_from(numbers), st.integers(1, 12), codes), st.integers(0, 40))),
        year,
    )


@settings(deadline=None, max_examples=40)
@given(world=worlds(), seed=st.integers(0, 3), shuffle=st.randoms(use_true_random=False))
def test_the_frame_equals_the_slow_twin_whatever_the_order_of_rows(world: World, seed: int, shuffle: Any) -> None:
    expected = slow_frame(world, seed)
    if not expected:
        with pytest.raises(PipelineError, match="eligible agencies has counts"):
            made(world, seed)
        return
    frame, issues = made(world, seed)
    assert sorted(frame) == sorted(expected)
    for number, row in frame.items():
        for column, value in expected[number].items():
            assert row[column] == (pytest.approx(value, abs=1e-9) if isinstance(value, float) else value), column
    check_invariants(frame, world.year)
    inputs = {}
    for name, rows in world.tables().items():
        order = list(range(rows.collect().height))
        shuffle.shuffle(order)
        inputs[name] = rows.collect()[order].lazy()
    built = build_frame(**inputs, year=world.year, seed=seed, benchmark_rule="reference")
    assert {r["agency_id"]: r for r in built["weighting_frame"].iter_rows(named=True)} == frame
    assert {r["issue"]: r for r in built["weighting_issue"].iter_rows(named=True)} == issues


def check_invariants(frame: dict[int, dict[str, Any]], year: int) -> None:
    """Invariants 1 to 3 of handbook 07."""
    assert len({row["ori"] for row in frame.values()}) == len(frame)
    for row in frame.values():
        assert row["is_respondent"] == (row["nonresponse_reason"] is None)
        if row["is_respondent"]:
            assert row["months_usable"] >= 3
        assert row["n_total"] == pytest.approx(row["n_violent"] + row["n_property"], abs=1e-9)
        assert row["n_violent"] == pytest.approx(sum(row[CRIMES[crime]] for crime in VIOLENT), abs=1e-9)
        assert row["n_property"] == pytest.approx(sum(row[CRIMES[crime]] for crime in PROPERTY), abs=1e-9)
        assert all(0 <= row[column] < float("inf") for column in CRIMES.values())
        assert (row["benchmark_donor_id"] is None) == (row["benchmark_source"] != "donor")
        assert row["benchmark_source"] != "recent" or row["benchmark_year"] >= max(2022, year - 4)


# --- A nation ---------------------------------------------------------------------------------------------------------


def test_a_synthetic_nation() -> None:
    """Most reporters of incidents respond, and every source gives what the generator has put into it."""
    data = {name: rows.lazy() for name, rows in SyntheticSource(0.03).ingest_agencies(YEAR, 1).items()}
    found = steps(data)
    universe = define_universe(data["agency"], data["agency_month_offense"], YEAR).collect()
    names = ("agency", "report_month", "srs_month", "srs_benchmark", "agency_month_offense")
    inputs = {
        **{name: data[name] for name in names},
        "universe": universe.lazy(),
        **{
            name: found[name]
            for name in ("agency_month", "outlier_month", "block_reference", "block_month", "known_month")
        },
        "reporting_status": summarize_reporting(universe.lazy(), found["agency_month"], data["report_month"], YEAR),
    }
    built = build_frame(**inputs, year=YEAR, seed=1, benchmark_rule="own_first")
    frame = checked(built["weighting_frame"], WEIGHTING_FRAME)
    issues = checked(built["weighting_issue"], WEIGHTING_ISSUE)["issue"].to_list()
    assert {"benchmark of another year", "summary counts of the data year"} <= set(issues)
    factors = checked(built["benchmark_factor"], BENCHMARK_FACTOR)
    of_year = dict(factors.filter(pl.col("vintage") == f"recent {YEAR}").select("crime", "factor").iter_rows())
    assert 1.03 < of_year["larceny"] < 1.15
    assert of_year["murder"] == of_year["robbery"] == of_year["burglary"] == 1
    reference = build_frame(**inputs, year=YEAR, seed=1, benchmark_rule="reference")
    assert reference["benchmark_factor"].is_empty()
    of_summary = (pl.col("benchmark_source") == "recent") & (pl.col("benchmark_year") == YEAR)
    sums, plain = (rows.filter(of_summary)["n_larceny"].sum() for rows in (frame, reference["weighting_frame"]))
    assert sums == pytest.approx(plain * of_year["larceny"])
    check_invariants({row["agency_id"]: row for row in frame.iter_rows(named=True)}, YEAR)
    assert frame.height == universe["is_eligible"].sum()
    reporters = data["agency"].filter((pl.col("data_year") == YEAR) & "is_nibrs").select("agency_id").collect()
    assert frame.join(reporters, on="agency_id", how="semi")["is_respondent"].mean() > 0.85  # type: ignore[operator]
    assert not frame.join(reporters, on="agency_id", how="anti")["is_respondent"].any()
    share = dict(frame["benchmark_source"].value_counts(normalize=True).rows())
    assert share["recent"] > 0.2
    assert share["smoothed"] > 0.4
    assert share.get("own", 0) + share.get("donor", 0) < 0.05

    # The three sources tell of the same crime: the nation's totals agree.
    without = {name: inputs[name].clear() for name in ("srs_month", "srs_benchmark")}
    own = build_frame(**{**inputs, **without}, year=YEAR, seed=1, benchmark_rule="own_first")["weighting_frame"]
    assert set(own["benchmark_source"]) <= {"own", "donor", "class_rate"}
    both = own.filter("is_respondent").join(frame, on="agency_id", suffix="_first")
    assert float(both["n_total"].sum()) / float(both["n_total_first"].sum()) == pytest.approx(1, abs=0.1)
