"""Which geographies are estimated, and who is behind each (handbook 07 and 08)."""

import logging
from typing import Any, Literal

import polars as pl
import pytest
from hypothesis import given, settings
from tests.support.frames import table
from tests.support.places import YEAR, Nation, geographies, members_of, nations, pieces_of

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.coverage import COVERAGE
from nibrs_estimation.model.weights import CONTROLS, LETTERS, variable_name
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.coverage.coverage import measure_coverage
from nibrs_estimation.stats.prediction import unreported_interval

Rows = list[dict[str, Any]]


def coverage_of(
    agencies: Rows,
    *,
    units: Rows | None = None,
    geography: Rows | None = None,
    counties: Rows | None = None,
    cells: Rows | None = None,
    statuses: Rows | None = None,
    scope: str = "all",
    rule: Literal["prediction", "reference"] = "prediction",
) -> pl.DataFrame:
    """Coverage of agencies with units in nation, region and state, unless the units are given."""
    frame = [{"agency_id": number, "state_abbr": "VT", **row} for number, row in enumerate(agencies, start=1)]
    if units is None:
        region = dict(code_list("state").select("state_abbr", "region_code").iter_rows())
        units = [
            {"agency_id": row["agency_id"], "geography_level": weight, "geography_code": code}
            for row in frame
            for weight, code in (
                ("nation", "US"),
                ("region", str(region[row["state_abbr"]])),
                ("state", row["state_abbr"]),
            )
        ]
    found = measure_coverage(
        table("universe", *({"agency_id": row["agency_id"], "universe_scope": scope} for row in frame)),
        table("weighting_frame", *frame),
        table("agency_weight", *units),
        table("weight_cell", *(cells or [])),
        table("geography", *(geography or [])),
        table("agency_county", *(counties or [])),
        table("reporting_status", *(statuses or [])),
        YEAR,
        rule,
    )
    return checked(found, COVERAGE)


def area(level: str, code: str, number: int = 200) -> dict[str, Any]:
    return {
        "geography_number": number, "geography_level": level, "geography_code": code, "label": code,
    }  # fmt: skip


def unit(agency: int, level: str, code: str, group: int = 1, share: float = 1.0) -> dict[str, Any]:
    return {
        "agency_id": agency, "geography_level": level, "geography_code": code,
        "weight_group": group, "population_share": share,
    }  # fmt: skip


def test_coverage_counts_agencies_and_people() -> None:
    found = coverage_of(
        [{"population": 300}, {"population": 100, "is_respondent": False}, {"state_abbr": "NB", "region_code": 2}]
    )
    vermont = found.filter(pl.col("geography_code") == "VT").row(0, named=True)
    assert (vermont["geography_number"], vermont["eligible_agencies"], vermont["responding_agencies"]) == (102, 2, 1)
    assert (vermont["population"], vermont["population_responding"], vermont["population_coverage"]) == (400, 300, 0.75)
    assert vermont["eligible_pieces"] == 2
    assert vermont["geography_level"] == "state"
    assert found["estimate_geographic_location"].to_list() == ["all states in this run", "Nebraska", "Vermont"]


def test_reporters_only_have_no_coverage() -> None:
    found = coverage_of([{}], scope="reporting")
    assert found["population_coverage"].to_list() == [None, None]
    assert found["estimate_geographic_location"].to_list() == [
        "reporting agencies of all states in this run",
        "reporting agencies of Vermont",
    ]


def test_a_synthetic_nation_is_whole() -> None:
    found = coverage_of([{}], scope="synthetic")
    assert found["population_coverage"].to_list() == [1.0, 1.0]
    assert set(found["universe_scope"]) == {"synthetic"}


def test_nobody_lives_there() -> None:
    found = coverage_of([{"population": 0, "is_respondent": False}])
    assert found["population_coverage"].to_list() == [None, None]
    assert found["is_missing_over_10_percent"].to_list() == [False, False]


@pytest.mark.parametrize("geography", [[], [area("nation", "US", 1), area("region", "1", 12), area("region", "2")]])
def test_regions_and_nation_are_whole_or_not_named(geography: Rows, caplog: pytest.LogCaptureFixture) -> None:
    rows: Rows = [{"state_abbr": state} for state in code_list("state")["state_abbr"]]
    whole = coverage_of(rows, geography=geography)
    name = "US" if geography else "United States"
    numbers = [1, 12, 200] if geography else [1, 12, 23, 34, 45, *range(56, 107)]
    assert whole["geography_number"].to_list() == numbers
    assert whole["estimate_geographic_location"][0] == name
    with caplog.at_level(logging.INFO):
        less = coverage_of([row for row in rows if row["state_abbr"] != "VT"], geography=geography)
    assert less["geography_number"].to_list() == [number for number in numbers if number not in (12, 102)]
    assert less["estimate_geographic_location"][0] == "all states in this run"
    assert "region: 1 geographies are omitted because some of their states are not in the run" in caplog.text


def test_parts_of_the_nation_are_called_so() -> None:
    permutation = [
        {"geography_number": 1, "label": "National", "agency_group": None},
        {"geography_number": 2, "label": "National Agency Type City", "agency_group": "Agency Type City"},
        {**area("tribal", "US", 108), "label": "Tribal agencies"},
    ]
    units = [{"agency_id": 1}, {"agency_id": 2}, unit(2, "tribal", "US")]
    found = coverage_of([{}, {"agency_type_name": "Tribal"}], units=units, geography=permutation)
    assert found["estimate_geographic_location"].to_list() == [
        "all states in this run",
        "all states in this run, Agency Type City",
        "Tribal agencies of all states in this run",
    ]
    assert found["eligible_agencies"].to_list() == [2, 1, 1]
    assert found["geography_level"].to_list() == ["nation", "nation", "tribal"]


def test_geographies_without_agencies_are_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    permutation = [
        area("state", "VT", 102), area("state", "WY", 106), area("msa", "Area A", 109), area("msa", "Area B", 110)
    ]  # fmt: skip
    with caplog.at_level(logging.INFO):
        found = coverage_of([{}], geography=permutation)
    assert found["geography_number"].to_list() == [102]
    assert [record.getMessage() for record in caplog.records] == [
        "state: 1 geographies are omitted because they have no eligible agency",
        "msa: 2 geographies are omitted because no agency has a weight of this level",
    ]


def test_areas_hold_the_pieces_that_lie_in_them() -> None:
    ori = "VT0000001"
    counties = [
        {"ori": ori, "county_fips": "50001", "msa_name": "Area A", "population": 60, "population_share": 0.6},
        {"ori": ori, "county_fips": "50003", "msa_name": "Area A", "population": 25, "population_share": 0.25},
        {"ori": ori, "county_fips": "50005", "population": 15, "population_share": 0.15},
        # Another year's pieces count nowhere.
        {"ori": ori, "county_fips": "50007", "msa_name": "Area A", "population": 999, "data_year": 2023},
    ]
    # Two divisions of one area: two units, but each piece once.
    units = [unit(1, "msa", "Area A", 4, 0.6), unit(1, "msa", "Area A", 7, 0.25), unit(1, "state", "VT")]
    found = coverage_of(
        [{"ori": ori, "population": 110}],
        units=units,
        geography=[area("msa", "Area A", 109), area("state", "VT", 102)],
        counties=counties,
    )
    assert found.select("population", "eligible_agencies", "eligible_pieces").rows() == [(110, 1, 3), (85, 1, 2)]


def test_an_agency_placed_by_its_weights_alone_counts_with_its_share() -> None:
    counties = [{"ori": "VT0000001", "judicial_district_name": None, "population": 70}]
    found = coverage_of(
        [{"ori": "VT0000001", "population": 80}, {"ori": "VT0000002", "population": 9}],
        units=[unit(1, "judicial_district", "Arizona", share=0.25), unit(2, "judicial_district", "Arizona")],
        geography=[area("judicial_district", "Arizona")],
        counties=counties,
    )
    assert found.select("population", "eligible_agencies", "eligible_pieces").rows() == [(29, 2, 2)]


def test_response_of_kinds_of_agencies() -> None:
    kinds = ["Tribal", "Tribal", "Other", "Other State Agency", "Other", "City"]
    responds = [True, False, True, True, False, False]
    rows = [{"agency_type_name": k, "is_respondent": r} for k, r in zip(kinds, responds, strict=True)]
    nation = coverage_of(rows).row(0, named=True)
    assert nation["tribal_coverage_pct"] == 50
    assert nation["state_police_coverage_pct"] is None
    assert nation["other_coverage_pct"] == pytest.approx(200 / 3)


@pytest.mark.parametrize(("missing", "is_told"), [(100, False), (101, True)])
def test_a_nonrespondent_above_a_tenth_is_told(missing: int, is_told: bool) -> None:
    rows = [{"population": missing, "is_respondent": False}, {"population": 1000 - missing}]
    assert coverage_of(rows)["is_missing_over_10_percent"].to_list() == [is_told, is_told]


@pytest.mark.parametrize(
    ("kind", "responds", "is_core", "expected"),
    [
        ("City", False, True, True),
        ("City", True, True, False),
        ("City", False, False, False),
        ("County", False, True, False),
        ("City", False, None, None),
    ],
)
def test_missing_principal_cities(kind: str, responds: bool, is_core: bool | None, expected: bool | None) -> None:
    found = coverage_of(
        [{"ori": "VT0000001", "agency_type_name": kind, "is_respondent": responds}],
        units=[unit(1, "msa", "Area A"), unit(1, "state", "VT")],
        geography=[area("msa", "Area A", 109), area("state", "VT", 102)],
        counties=[{"ori": "VT0000001", "msa_name": "Area A", "is_core_city": is_core}],
    )
    assert found["is_missing_principal_city"].to_list() == [None, expected]


def test_letters() -> None:
    assert {level: "".join(letters.values()) for level, letters in LETTERS.items()} == {
        "nation": "ABCDEFGHI",
        "region": "ABCDEFGHI",
        "state": "ABCDEGHIJK",
        "university": "",
        "tribal": "",
        "field_office": "ABCDEGHIJK",
        "judicial_district": "ABCDEGHIJK",
        "msa": "ABCDEGHIJK",
        "division": "ABCDEFGHI",
        "metro_division": "ABCDEGHIJK",
    }
    assert variable_name("region", 21, "vehicle_theft") == "V21_I"
    assert variable_name("msa", 900, "vehicle_theft") == "V900_K"
    assert variable_name("nation", 1, "assault_and_robbery") == "V1_D"
    assert variable_name("region", 21, "violent") is None
    assert all(set(LETTERS[level]) == set(CONTROLS) for level in ("state", "msa"))


def cell(level: str, code: str, group: int, crossing: int | None, rule: str, controls: str | None) -> dict[str, Any]:
    return {
        "geography_level": level, "geography_code": code,
        "weight_group": group, "crossing_number": crossing, "rule": rule, "controls": controls,
    }  # fmt: skip


def test_models_name_the_variables_of_all_fitted_cells() -> None:
    rows: Rows = [{"state_abbr": state} for state in code_list("state")["state_abbr"]]
    cells = [
        cell(
            "nation",
            "US",
            9,
            9,
            "calibrated",
            "total,murder,rape,aggravated_assault,burglary,robbery,larceny,vehicle_theft",
        ),
        cell(
            "nation", "US", 1, 1, "calibrated", "total,murder,rape,assault_and_robbery,burglary,larceny,vehicle_theft"
        ),
        cell("region", "1", 1, 21, "calibrated", "total,violent,property,murder"),
        cell("state", "VT", 1, 1100, "calibrated", "total,violent,property,rape"),
        cell("state", "VT", 2, 1101, "inverse_coverage", "total"),
        cell("state", "VT", 3, 1102, "full_coverage", None),
        cell("state", "WY", 1, 1200, "inverse_coverage", None),
        cell("state", "NB", 1, 1300, "full_coverage", None),
        cell("state", "NB", 10, None, "self_representing", None),
        cell("state", "NC", 1, 1400, "equal", None),
    ]
    found = coverage_of(rows, cells=cells)
    models = dict(found.select("geography_code", "calibration_model").iter_rows())
    assert models["US"] == "V1_A,V1_B,V1_C,V1_D,V1_F,V1_H,V1_I,V9_A,V9_B,V9_C,V9_E,V9_F,V9_G,V9_H,V9_I"
    assert models["1"] == "V21_A,V21_B"
    assert models["VT"] == "V1100_A,V1100_B,V1100_C,V1100_E,V1101_A"
    assert models["WY"] == "V1200_A"
    assert models["NB"] is None
    used = dict(found.select("geography_code", "is_model_used").iter_rows())
    assert [code for code, is_used in used.items() if is_used] == ["US", "1", "VT", "WY"]


def test_the_nation_uses_its_model_and_groups_share_it_but_types_have_none() -> None:
    permutation = [
        area("nation", "US", 1), {**area("nation", "US", 6), "agency_group": "City"}, area("tribal", "US", 108)
    ]  # fmt: skip
    units = [{"agency_id": 1}, unit(1, "tribal", "US")]
    bare = coverage_of([{}], units=units, geography=permutation)
    assert bare["calibration_model"].to_list() == [None, None, None]
    assert bare["is_model_used"].to_list() == [True, True, False]
    cells = [cell("nation", "US", 8, 8, "calibrated", "total"), cell("tribal", "US", 1, None, "equal", None)]
    found = coverage_of([{}], units=units, geography=permutation, cells=cells)
    assert found["calibration_model"].to_list() == ["V8_A", "V8_A", None]


def test_excluded_geographies_stay_and_are_marked() -> None:
    found = coverage_of([{}], geography=[{**area("state", "VT", 102), "is_excluded": True}])
    assert found["is_excluded"].to_list() == [True]


SHARES = ("unreported_ratio", "largest_missing_share", "without_weights_share", "has_inferred_months")


def test_what_part_of_the_benchmark_is_not_reported() -> None:
    """Benchmarks 60 and 20 of respondents, 30 and 10 of others; the last is in a group without weights."""
    totals = (60.0, 20.0, 30.0, 10.0)
    agencies = [{"n_total": n, "is_respondent": k < 2} for k, n in enumerate(totals)]
    units = [
        *({**unit(k, "state", "VT"), "weight": 1.5 if k < 3 else None} for k in (1, 2, 3)),
        {**unit(4, "state", "VT", 2), "weight": None},
        # Of two agencies half lies in the area.
        *({**unit(k, "msa", "Area A", share=0.5), "weight": 1.5 if k == 1 else None} for k in (1, 3)),
    ]
    places = [area("state", "VT", 102), area("msa", "Area A", 109)]
    statuses = [{"agency_id": 2, "months_inferred": 1}, {"agency_id": 3, "months_inferred": 12}]
    counties = [{"ori": f"VT000000{k}", "msa_name": "Area A"} for k in (1, 3)]
    found = coverage_of(agencies, units=units, geography=places, counties=counties, statuses=statuses)
    state, metro = found.select("upper_bound_of_zero", *SHARES).rows()
    assert state[1:] == (pytest.approx(40 / 80), pytest.approx(30 / 120), pytest.approx(10 / 120), True)
    # Months of nonrespondents are no months of the estimate.
    assert metro[1:] == (pytest.approx(15 / 30), pytest.approx(15 / 45), 0.0, False)
    for row in (state, metro):
        assert row[0] == unreported_interval(0, 0, 0, 0.5)[1]


def test_without_crime_agencies_are_counted_and_without_respondents_nothing_limits() -> None:
    rows: Rows = [{"is_respondent": True}, {"is_respondent": True}, {"is_respondent": False}]

    def of(*totals: float, responding: int = 2) -> dict[str, Any]:
        agencies = [{**row, "n_total": n} for row, n in zip(rows, totals, strict=True)]
        units = [{**unit(k, "state", "VT"), "weight": 1.0 if k <= responding else None} for k in (1, 2, 3)]
        made = coverage_of(agencies, units=units, geography=[area("state", "VT", 102)])
        return made.select("upper_bound_of_zero", *SHARES).row(0, named=True)

    nothing = of(0.0, 0.0, 0.0)
    assert nothing["unreported_ratio"] == 0.5
    assert nothing["largest_missing_share"] == nothing["without_weights_share"] == 0
    for unlimited in (of(0.0, 0.0, 7.0), of(1.0, 1.0, 1.0, responding=0)):
        assert unlimited["unreported_ratio"] is unlimited["upper_bound_of_zero"] is None
    assert of(1.0, 1.0, 1.0, responding=0)["without_weights_share"] == 1
    whole = of(1.0, 2.0, 3.0, responding=3)
    assert (whole["unreported_ratio"], whole["upper_bound_of_zero"], whole["largest_missing_share"]) == (0, 0, 0)


def test_by_the_references_rule_a_count_of_0_has_no_width() -> None:
    agencies = [{"n_total": 1.0}, {"n_total": 1.0, "is_respondent": False}]
    units = [{**unit(k, "state", "VT"), "weight": 1.0 if k == 1 else None} for k in (1, 2)]
    rules: tuple[tuple[Literal["prediction", "reference"], bool], ...] = (("prediction", True), ("reference", False))
    for rule, is_wide in rules:
        made = coverage_of(agencies, units=units, geography=[area("state", "VT", 102)], rule=rule)
        assert made["unreported_ratio"].to_list() == [1.0]
        assert (made["upper_bound_of_zero"] > 0).to_list() == [is_wide]


def measured(frames: dict[str, pl.LazyFrame]) -> pl.DataFrame:
    names = ("universe", "weighting_frame", "agency_weight", "geography", "agency_county")
    given_frames = {name: frames[name] for name in names}
    return measure_coverage(
        **given_frames,
        weight_cell=table("weight_cell"),
        reporting_status=table("reporting_status"),
        year=YEAR,
        variance_rule="prediction",
    )


@settings(deadline=None, max_examples=80)
@given(nations())
def test_coverage_equals_the_slow_twin(nation: Nation) -> None:
    found = checked(measured(nation.frames()), COVERAGE)
    assert found.equals(checked(measured(nation.frames(order=7)), COVERAGE))
    by_number = {row["geography_number"]: row for row in found.iter_rows(named=True)}
    for geography in geographies():
        members = members_of(nation, geography)
        row = by_number.pop(geography["geography_number"], None)
        level = geography.get("geography_level", "nation")
        # The run holds two states of the region.
        assert (row is not None) == (bool(members) and level != "region")
        if row is None:
            continue
        people, pieces, core = {}, 0, set()
        for agency in members:
            there = pieces_of(nation, geography, agency)
            people[agency["agency_id"]] = round(sum(residents for _, residents, _ in there))
            pieces += len(there)
            is_city_missing = agency["agency_type_name"] == "City" and not agency["is_respondent"]
            core |= {is_city_missing and is_core for *_, is_core in there if is_core is not None}
        responding = [agency for agency in members if agency["is_respondent"]]
        missing = [people[agency["agency_id"]] for agency in members if not agency["is_respondent"]]
        assert row["eligible_agencies"] == len(members)
        assert row["responding_agencies"] == len(responding)
        assert row["eligible_pieces"] == pieces
        assert row["population"] == sum(people.values())
        assert row["population_responding"] == sum(people[agency["agency_id"]] for agency in responding)
        assert row["is_missing_over_10_percent"] == any(10 * number > sum(people.values()) for number in missing)
        assert row["is_missing_principal_city"] == (any(core) if level == "msa" and core else None)
    assert not by_number
