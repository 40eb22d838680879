"""Counties: coverage and flags against a count by hand, and counts of respondents against loops over incidents."""

from collections import defaultdict
from dataclasses import fields
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.frames import table
from tests.support.incidents import Rows, plain_incident, rows_of, segments_of, worlds_of

from nibrs_estimation.model.counties import COUNTY_COUNT, COUNTY_COVERAGE, COUNTY_TABLES
from nibrs_estimation.model.counts import DATASETS
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.counting.attributes import derive
from nibrs_estimation.stages.counting.count import count_units
from nibrs_estimation.stages.coverage.counties import count_counties, describe_counties, write_counties
from nibrs_estimation.tables.read import table_definition

YEAR = 2024
Row = dict[str, Any]
A, B = "50001", "50003"
#: The worked example of handbook 08.
AGENCIES = [
    {"agency_id": 1, "population": 1000, "n_total": 100.0, "is_respondent": True},
    {"agency_id": 2, "population": 200, "n_total": 25.0, "is_respondent": False},
]
PIECES = [
    {"agency_id": 1, "county_fips": A, "population": 750, "population_share": 0.75, "county_name": "Addison"},
    {"agency_id": 1, "county_fips": B, "population": 250, "population_share": 0.25},
    {"agency_id": 2, "county_fips": B, "population": 200, "population_share": 1.0},
]


def frames(agencies: list[Row], pieces: list[Row], scope: str = "all") -> tuple[Any, ...]:
    counties = ({"data_year": YEAR, "ori": f"VT{row['agency_id']:07d}", **row} for row in pieces)
    without = [{name: value for name, value in row.items() if name != "agency_id"} for row in counties]
    return (
        table("universe", *({"agency_id": row["agency_id"], "universe_scope": scope} for row in agencies)),
        table("weighting_frame", *({"state_abbr": "VT", **row} for row in agencies)),
        table("agency_county", *without),
    )


def coverage_of(agencies: list[Row], pieces: list[Row], scope: str = "all") -> pl.DataFrame:
    asked: tuple[Any, ...] = (*frames(agencies, pieces, scope), YEAR)
    return checked(describe_counties(*asked).lazy(), COUNTY_COVERAGE)


def counts_of(rows: Rows, agencies: list[Row], pieces: list[Row]) -> pl.DataFrame:
    segments = segments_of(rows)
    given_ = [getattr(segments, field.name) for field in fields(segments)]
    others: tuple[Any, ...] = (table("block_reference"), table("removed_month"), YEAR, "indicator", "VT")
    made = count_units(*given_, *others)
    profiles: tuple[Any, ...] = tuple(checked(made[dataset.name], dataset).lazy() for dataset in DATASETS)
    _universe, frame, counties = frames(agencies, pieces)
    asked: tuple[Any, ...] = (frame, counties, *profiles, table("block_reference"), YEAR)
    return checked(count_counties(*asked).lazy(), COUNTY_COUNT)


def robberies(n: int, agency: int = 1) -> Rows:
    return rows_of([{**plain_incident("120"), "agency_id": agency} for _ in range(n)], [])


def test_coverage_of_the_worked_example() -> None:
    found = coverage_of(AGENCIES, PIECES)
    assert found["county_fips"].to_list() == [A, B]
    assert found["county_name"].to_list() == ["Addison", None]
    assert found["population_coverage"].to_list() == [1.0, pytest.approx(250 / 450)]
    assert found["crime_coverage"].to_list() == [1.0, 0.5]
    assert found["largest_missing_share"].to_list() == [0.0, 0.5]
    assert found["flags"].to_list() == [
        "few_respondents;divided", "low_coverage;giant_missing;few_respondents;divided"
    ]  # fmt: skip


def test_counts_of_the_worked_example() -> None:
    found = counts_of(robberies(4), AGENCIES, PIECES)
    position = table_definition("1a").column("robbery").position
    of_robbery = found.filter(table_name="1a", column=position)
    assert of_robbery.select("county_fips", "completed", "reported").rows() == [(A, 3.0, 3.0), (B, 1.0, 1.0)]


def test_a_county_without_a_flag() -> None:
    agencies = [{**AGENCIES[0], "agency_id": number} for number in range(1, 6)]
    pieces = [{**PIECES[0], "agency_id": number, "population_share": 1.0} for number in range(1, 6)]
    assert coverage_of(agencies, pieces)["flags"].to_list() == [None]
    # One that is silent and small: coverage 5/6, a sixth of the crime.
    assert coverage_of([*agencies, {**AGENCIES[1], "agency_id": 6}], [*pieces, {**PIECES[0], "agency_id": 6,
                        "population": 100, "population_share": 1.0}])["flags"].to_list() == [None]  # fmt: skip


def test_agencies_without_a_county_and_without_a_report() -> None:
    """They have a row of their own; where only reporting agencies are listed, coverage is not known."""
    agencies = [*AGENCIES, {"agency_id": 3, "population": 50, "n_total": 0.0, "is_respondent": False}]
    found = coverage_of(agencies, PIECES)
    (row,) = found.filter(county_fips="50000").iter_rows(named=True)
    assert row["flags"] == "low_coverage;few_respondents;none_reported;no_county"
    assert (row["population"], row["crime_coverage"], row["population_coverage"]) == (50, None, 0.0)
    assert coverage_of(agencies, PIECES, "reporting")["population_coverage"].null_count() == 3


def test_no_counties_no_rows() -> None:
    assert coverage_of(AGENCIES, []).is_empty()
    assert counts_of(robberies(1), AGENCIES, []).is_empty()
    old = [{**row, "data_year": YEAR - 1} for row in PIECES]
    assert coverage_of(AGENCIES, old).is_empty()


_PIECE = st.tuples(st.sampled_from([A, B, "33001"]), st.integers(0, 50), st.sampled_from([0.25, 0.5, 1.0]))
_PIECES = st.lists(_PIECE, max_size=3, unique_by=lambda piece: piece[0])
_AGENCY = st.tuples(st.integers(0, 100), st.integers(0, 30), st.booleans(), _PIECES)


def world_of(drawn: list[Any]) -> tuple[list[Row], list[Row]]:
    agencies = [
        {"agency_id": number, "population": people, "n_total": float(crime), "is_respondent": responds}
        for number, (people, crime, responds, _pieces) in enumerate(drawn, start=1)
    ]
    pieces = [
        {"agency_id": number, "county_fips": county, "population": people, "population_share": share}
        for number, (_people, _crime, _responds, parts) in enumerate(drawn, start=1)
        for county, people, share in parts
    ]
    return agencies, pieces


def shares_by_hand(agencies: list[Row], pieces: list[Row]) -> dict[tuple[int, str], float]:
    """Agency and county -> share of the agency; 50000 if it has no county."""
    found = {}
    for agency in agencies:
        own = [piece for piece in pieces if piece["agency_id"] == agency["agency_id"]]
        whole = sum(piece["population_share"] for piece in own)
        for piece in own:
            found[agency["agency_id"], piece["county_fips"]] = piece["population_share"] / whole
        if not own:
            found[agency["agency_id"], "50000"] = 1.0
    return found


@settings(deadline=None, max_examples=60)
@given(st.lists(_AGENCY, min_size=1, max_size=6))
def test_coverage_like_a_count_by_hand(drawn: list[Any]) -> None:
    agencies, pieces = world_of(drawn)
    found = coverage_of(agencies, pieces)
    if not pieces:
        assert found.is_empty()
        return
    shares = shares_by_hand(agencies, pieces)
    of = {agency["agency_id"]: agency for agency in agencies}
    people: dict[tuple[int, str], int] = {
        (piece["agency_id"], piece["county_fips"]): piece["population"] for piece in pieces
    }
    assert set(found["county_fips"]) == {county for _agency, county in shares}
    for row in found.iter_rows(named=True):
        here = [number for number, county in shares if county == row["county_fips"]]
        crime = {number: of[number]["n_total"] * shares[number, row["county_fips"]] for number in here}
        silent: list[float] = [crime[number] for number in here if not of[number]["is_respondent"]]
        total = sum(crime.values())
        assert row["eligible_agencies"] == len(here)
        assert row["responding_agencies"] == len(here) - len(silent)
        residents: list[Any] = [people.get((n, row["county_fips"]), of[n]["population"]) for n in here]
        assert row["population"] == sum(residents)
        assert row["largest_missing_share"] == pytest.approx(max(silent, default=0.0) / total if total else 0.0)
        if total:
            assert row["crime_coverage"] == pytest.approx(1 - sum(silent) / total)
        several = [number for number in here if sum(agency == number for agency, _ in shares) > 1]
        assert row["divided_share"] == pytest.approx(sum(crime[n] for n in several) / total if total else 0.0)


@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(worlds_of(6, 0), st.lists(_AGENCY, min_size=4, max_size=4))
def test_counts_like_loops_over_incidents(rows: Rows, drawn: list[Any]) -> None:
    agencies, pieces = world_of(drawn)
    found = counts_of(rows, agencies, pieces)
    shares = shares_by_hand(agencies, pieces) if pieces else {}
    carjackings = set(derive("is_carjacking", "incident", segments_of(rows)).collect()["incident_id"])
    expected: dict[tuple[str, str, int], float] = defaultdict(float)
    for incident in rows["incident"]:
        agency = agencies[incident["agency_id"] - 1]
        if incident["data_year"] != YEAR or not agency["is_respondent"]:
            continue
        codes = {o["offense_code"] for o in rows["offense"] if o["incident_id"] == incident["incident_id"]}
        for name in COUNTY_TABLES:
            for column in table_definition(name).columns:
                is_met = column.where is None or incident["incident_id"] in carjackings
                if codes & set(column.offenses) and is_met:
                    for (number, county), share in shares.items():
                        if number == incident["agency_id"]:
                            expected[county, name, column.position] += share
    made = {(county, name, column): n for county, name, column, n, _ in found.iter_rows()}
    assert made == pytest.approx(dict(expected))


def test_the_file_names_counts_flags_and_run(tmp_path: Path) -> None:
    identity = Identity(run_id="r7", source="synthetic:0.01", year=YEAR, seed=1, is_synthetic=True)
    coverage, counts = coverage_of(AGENCIES, PIECES), counts_of(robberies(4), AGENCIES, PIECES)
    write_counties(coverage.lazy(), counts.lazy(), identity)["counties.csv"](tmp_path / "counties.csv")
    written = pl.read_csv(tmp_path / "counties.csv", schema_overrides={"county_fips": pl.String})
    assert written["incidents_robbery"].to_list() == [3.0, 1.0]
    assert written["incidents_violent_crime"].to_list() == [3.0, 1.0]
    assert written["incidents_arson"].to_list() == [0.0, 0.0]
    assert set(written["run_id"]) == {"r7"}
    assert set(written["flags"]) == set(coverage["flags"])


def test_shares_that_do_not_add_up_stop_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "nibrs_estimation.stages.coverage.counties.county_pieces",
        lambda frame, counties: pl.DataFrame(
            {"agency_id": [1], "county_fips": [A], "county_name": ["x"], "people": [1], "piece_share": [0.5]},
            schema_overrides={"agency_id": pl.Int32},
        ),
    )
    with pytest.raises(PipelineError, match="Table 1a: incidents by county do not add up"):
        counts_of(robberies(4), AGENCIES, PIECES)
