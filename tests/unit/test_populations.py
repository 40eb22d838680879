"""Residents of the geographies by demographic group, and officers (handbook 08)."""

import logging
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from tests.support.frames import table
from tests.support.places import STATE_OF_FIPS, YEAR, Nation, geographies, members_of, nations, pieces_of

from nibrs_estimation.model.agency import AGENCY_MONTH_OFFENSE
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.coverage import GEOGRAPHY_POPULATION
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.sources.synthetic.source import SyntheticSource
from nibrs_estimation.stages.coverage.coverage import measure_coverage
from nibrs_estimation.stages.coverage.populations import measure_populations
from nibrs_estimation.stages.universe.frame import define_universe

KEYS = code_list("population_key")
AGES = (
    "PCTAGELT5", "PCTAGE5TO14", "PCTAGE15", "PCTAGE16", "PCTAGE17", "PCTAGE18TO24", "PCTAGE25TO34", "PCTAGE35TO64",
    "PCTAGEGTE65",
)  # fmt: skip
RACES = ("PCTRACEWHITE", "PCTRACEBLACK", "PCTRACEAIAN", "PCTRACEASIAN", "PCTRACENHPI")
#: Sets of keys that share out all residents.
PARTITIONS = (("PCTSEXMALE", "PCTSEXFEMALE"), AGES, RACES, ("PCT_HISP", "PCT_NONHISP"),
              ("PCTAGE_UNDER_18", "PCTAGE_OVER_18"))  # fmt: skip


def populations(frames: dict[str, pl.LazyFrame]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Coverage, and the populations."""
    both = ("weighting_frame", "agency_weight", "agency_county")
    shared = {name: frames[name] for name in both}
    coverage = measure_coverage(
        **shared,
        universe=frames["universe"],
        geography=frames["geography"],
        weight_cell=table("weight_cell"),
        reporting_status=table("reporting_status"),
        year=YEAR,
        variance_rule="prediction",
    )
    found = measure_populations(
        **shared,
        coverage=coverage.lazy(),
        county_population=frames["county_population"],
        police_employees=frames["police_employees"],
        year=YEAR,
    )
    return coverage, checked(found, GEOGRAPHY_POPULATION)


def small(
    agencies: list[dict[str, Any]],
    counties: list[dict[str, Any]] | None = None,
    people: list[dict[str, Any]] | None = None,
    officers: list[dict[str, Any]] | None = None,
) -> dict[tuple[str, str], tuple[float, float]]:
    """Populations of agencies of Vermont by geography's code and key."""
    frame = [{"agency_id": k, "ori": f"VT000000{k}", **row} for k, row in enumerate(agencies, start=1)]
    ids = [row["agency_id"] for row in frame]
    areas = [("nation", "US"), ("state", "VT")]
    coverage, found = populations(
        {
            "universe": table("universe", *({"agency_id": k} for k in ids)),
            "weighting_frame": table("weighting_frame", *frame),
            "agency_weight": table(
                "agency_weight",
                *({"agency_id": k, "geography_level": w, "geography_code": c} for k in ids for w, c in areas),
            ),
            "geography": table("geography"),
            "agency_county": table("agency_county", *(counties or [])),
            "county_population": table("county_population", *(people or [])),
            "police_employees": table("police_employees", *(officers or [])),
        }
    )
    rows = found.join(coverage.select("geography_number", "geography_code"), on="geography_number")
    return {
        (code, key): (every, responding)
        for code, key, every, responding in rows.select(
            "geography_code", "population_key", "population", "population_responding"
        ).iter_rows()
    }


def person(county: str, sex: str, age: str, n: int, race: str = "W", ethnicity: str = "N") -> dict[str, Any]:
    return {
        "county_fips": county, "sex_code": sex, "age_bin_code": age, "race_code": race, "ethnicity_code": ethnicity,
        "population": n,
    }  # fmt: skip


def test_residents_are_split_as_their_county_is() -> None:
    found = small(
        [{"population": 1000}, {"population": 200, "is_respondent": False}],
        counties=[
            {"ori": "VT0000001", "county_fips": "50001", "population_share": 0.75},
            {"ori": "VT0000001", "county_fips": "50003", "population_share": 0.25},
            {"ori": "VT0000002", "county_fips": "50003"},
        ],
        people=[
            person("50001", "M", "A15", 30), person("50001", "F", "A65", 70, race="B", ethnicity="H"),
            person("50003", "F", "U05", 50),
        ],
    )  # fmt: skip
    # 750 residents in the first county, 250 and 200 in the second.
    assert found["VT", "TOTAL"] == (1200, 1000)
    assert found["VT", "PCTSEXMALE"] == pytest.approx((225, 225))
    assert found["US", "PCTSEXFEMALE"] == pytest.approx((975, 775))
    assert found["VT", "PCTAGE_12_17"] == pytest.approx((225, 225))
    assert found["VT", "PCTAGE_UNDER_12"] == pytest.approx((450, 250))
    assert found["VT", "PCTRACEBLACK"] == found["VT", "PCT_HISP"] == pytest.approx((525, 525))
    assert found["VT", "PCT_NONHISP_BLACK"] == (0, 0)
    assert found["VT", "PCT_NONHISP_WHITE"] == pytest.approx((675, 475))


def test_without_a_county_the_state_and_then_the_nation_stand_in(caplog: pytest.LogCaptureFixture) -> None:
    people = [
        person("50001", "M", "A15", 10), person("50003", "F", "A15", 30),
        person("33001", "M", "A15", 60), person("50005", "F", "A15", 0),
    ]  # fmt: skip
    counties = [
        {"ori": "VT0000002", "county_fips": "50099"},
        {"ori": "VT0000003", "county_fips": "36001"},
        {"ori": "VT0000004", "county_fips": "50005"},
        {"ori": "VT0000005", "county_fips": "50097"},
    ]
    agencies = [{"population": n} for n in (100, 1000, 10_000, 100_000, 0)]
    with caplog.at_level(logging.WARNING):
        found = small(agencies, counties, people)
    # Of the state a quarter is male, of the nation 70 of 100. Nobody lives in 50005.
    assert found["VT", "PCTSEXMALE"][0] == pytest.approx(25 + 250 + 7000 + 25_000)
    assert [record.getMessage() for record in caplog.records] == [
        "county_population has no residents of 3 counties (36001, 50005, 50099): their residents are divided into "
        "groups in the proportions of their state, otherwise of the nation"
    ]


def test_without_people_or_counties_there_are_totals_and_officers() -> None:
    county = [{"ori": "VT0000001"}]
    people = [person("50001", "M", "A15", 30)]
    old = [{**people[0], "data_year": 2023}]
    for counties, residents in (([], []), (county, []), ([], people), (county, old)):
        assert {key for _, key in small([{}], counties, residents)} == {"TOTAL", "OFFICER"}
    assert {key for _, key in small([{}], county, people)} == set(KEYS["code"])


def test_officers_count_whole_and_missing_ones_as_none() -> None:
    found = small(
        [{"is_respondent": False}, {}, {}, {}],
        officers=[
            {"agency_id": 1, "male_officers": 10, "female_officers": 2, "male_civilians": 100},
            {"agency_id": 2, "male_officers": 5},
            {"agency_id": 3},
            {"agency_id": 9, "male_officers": 1000},
        ],
    )
    assert found["VT", "OFFICER"] == found["US", "OFFICER"] == (17, 5)


def share(people: list[dict[str, Any]], key: dict[str, Any]) -> float | None:
    """The slow twin of a place's share."""
    rules = ("sex_code", "sex_code"), ("age_bins", "age_bin_code"), ("race_codes", "race_code"), (
        "ethnicity_code", "ethnicity_code",
    )  # fmt: skip
    inside = [
        row for row in people if all(key[rule] is None or row[column] in key[rule].split(";") for rule, column in rules)
    ]
    total = sum(row["population"] for row in people)
    return sum(row["population"] for row in inside) / total if total else None


@settings(deadline=None, max_examples=80)
@given(nations())
def test_populations_equal_the_slow_twin(nation: Nation) -> None:
    coverage, found = populations(nation.frames())
    again = populations(nation.frames(order=11))[1]
    assert found.equals(again)
    by_key = {(number, key): (every, some) for number, key, every, some in found.iter_rows()}
    is_split = any(row["population"] for row in nation.people) and nation.pieces
    keys = [key for key in KEYS.to_dicts() if is_split or key["code"] in ("TOTAL", "OFFICER")]
    assert len(by_key) == len(keys) * coverage.height
    known = set(coverage["geography_number"])
    officers = {
        row["agency_id"]: (row["male_officers"] or 0) + (row["female_officers"] or 0) for row in nation.officers
    }
    for geography in (row for row in geographies() if row["geography_number"] in known):
        for key in keys:
            numbers = {True: 0.0, False: 0.0}
            for agency in members_of(nation, geography):
                if key["code"] == "OFFICER":
                    numbers[agency["is_respondent"]] += officers.get(agency["agency_id"], 0)
                    continue
                for county, residents, _ in pieces_of(nation, geography, agency):
                    state = STATE_OF_FIPS[county[:2]] if county else agency["state_abbr"]
                    places = [
                        [row for row in nation.people if row["county_fips"] == county],
                        [row for row in nation.people if STATE_OF_FIPS[row["county_fips"][:2]] == state],
                        nation.people,
                    ]
                    shares = [1.0] if key["code"] == "TOTAL" else [share(place, key) for place in places]
                    numbers[agency["is_respondent"]] += residents * next(s for s in shares if s is not None)
            expected = (sum(numbers.values()), numbers[True])
            every, some = by_key[geography["geography_number"], key["code"]]
            assert (every, some) == pytest.approx(expected, abs=1e-6)
            assert some <= every
    for parts in PARTITIONS if is_split else ():
        for number in known:
            for place in (0, 1):
                total = sum(by_key[number, key][place] for key in parts)
                assert total == pytest.approx(by_key[number, "TOTAL"][place], abs=1e-6)


@pytest.fixture(scope="module")
def synthetic() -> dict[str, pl.LazyFrame]:
    """A synthetic nation with simple units: each level's areas, one group each, metropolitan areas by division."""
    made = SyntheticSource(0.02).ingest_agencies(YEAR, 1)
    agency = made["agency"].filter(pl.col("data_year") == YEAR)
    universe = define_universe(agency.lazy(), AGENCY_MONTH_OFFENSE.empty(), YEAR).collect()
    frame = universe.filter("is_eligible").with_columns(is_respondent=pl.col("agency_id") % 3 > 0, n_total=1.0)
    own = frame.select(
        "agency_id", "ori", "state_abbr", "agency_type_name", "is_respondent", region=pl.col("region_code").cast(str)
    )
    pieces = made["agency_county"].filter(pl.col("data_year") == YEAR).join(own, on="ori")
    division = pl.col("metro_division_name").rank("dense").fill_null(0).cast(pl.Int32)
    kind = pl.col("agency_type_name")
    units = [
        _units(own, "nation", pl.lit("US")),
        _units(own, "region", pl.col("region")),
        _units(own, "state", pl.col("state_abbr")),
        _units(own.filter(kind == "University or College"), "university", pl.lit("US")),
        _units(own.filter(kind == "Tribal"), "tribal", pl.lit("US")),
        _units(pieces, "field_office", pl.col("field_office_name")),
        _units(pieces, "judicial_district", pl.col("judicial_district_name")),
        _units(pieces.drop_nulls("msa_name"), "msa", pl.col("msa_name"), 3 * division + 1),
    ]
    return {
        "universe": universe.lazy(),
        "weighting_frame": frame.lazy(),
        "agency_weight": pl.concat(units).lazy(),
        "geography": made["geography"].lazy(),
        "agency_county": made["agency_county"].lazy(),
        "county_population": made["county_population"].lazy(),
        "police_employees": agency.lazy(),
    }


def _units(rows: pl.DataFrame, weight: str, area: pl.Expr, group: pl.Expr | None = None) -> pl.DataFrame:
    share = pl.col("population_share") if "population_share" in rows.columns else pl.lit(1.0)
    return (
        rows.select(
            "agency_id",
            "state_abbr",
            "is_respondent",
            geography_level=pl.lit(weight),
            geography_code=area,
            weight_group=pl.lit(1, pl.Int32) if group is None else group.cast(pl.Int32),
            share=share,
        )
        .group_by("geography_level", "geography_code", "weight_group", "agency_id", "state_abbr", "is_respondent")
        .agg(population_share=pl.col("share").sum())
        .with_columns(weight=pl.when("is_respondent").then(1.0))
    )


def test_invariants_on_a_synthetic_nation(synthetic: dict[str, pl.LazyFrame]) -> None:
    coverage, found = populations(synthetic)
    assert set(coverage["geography_level"]) == {
        "nation", "region", "state", "university", "tribal", "field_office", "judicial_district", "msa"
    }  # fmt: skip
    assert found.height == coverage.height * KEYS.height
    assert (found["population_responding"] <= found["population"]).all()
    for column in ("population", "population_responding"):
        wide = found.pivot("population_key", index="geography_number", values=column)
        for parts in PARTITIONS:
            off = wide.select((pl.sum_horizontal(parts) - pl.col("TOTAL")).abs() / (1 + pl.col("TOTAL")))
            assert off.to_series().max() == pytest.approx(0, abs=1e-9)
    totals = (
        found.join(coverage, on="geography_number")
        .filter(pl.col("agency_group").is_null())
        .group_by("geography_level", "population_key")
        .agg(pl.col("population").sum(), pl.col("population_responding").sum())
    )
    of = {(level, key): (every, some) for level, key, every, some in totals.iter_rows()}
    for key in KEYS["code"]:
        for level in ("region", "state"):
            assert of[level, key] == pytest.approx(of["nation", key])
        # An agency's officers count in each of its districts.
        if key != "OFFICER":
            for level in ("judicial_district", "field_office"):
                assert of[level, key] == pytest.approx(of["nation", key])


def test_sizes_share_out_all_agencies_but_the_state_police(synthetic: dict[str, pl.LazyFrame]) -> None:
    coverage, _ = populations(synthetic)
    number = pl.col("geography_number")
    sizes = coverage.filter(number.is_between(2, 5))["eligible_agencies"].sum()
    types = coverage.filter(number.is_between(6, 11))["eligible_agencies"].sum()
    whole = coverage["eligible_agencies"][0]
    frame = synthetic["weighting_frame"].collect()
    assert sizes == whole - frame["population_group_code"].is_in(["8E", "9E"]).sum()
    assert types == whole


def test_row_order_changes_nothing(synthetic: dict[str, pl.LazyFrame]) -> None:
    mixed = {
        name: frame.collect().sample(fraction=1.0, shuffle=True, seed=5).lazy() for name, frame in synthetic.items()
    }
    for one, other in zip(populations(synthetic), populations(mixed), strict=True):
        assert one.equals(other)
