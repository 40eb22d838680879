"""The join of public files: readers, ORIs of seven characters, counties, precedence, conflicts; slow twins."""

from __future__ import annotations

import datetime
import pickle
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.cde_zip import build_zip
from tests.support.public_examples import EXAMPLES, employees_master, needs_examples, public_examples
from tests.support.return_a_file import NOT_REPORTED, month, record

from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.geography import AGENCY_COUNTY
from nibrs_estimation.model.return_a_file import RETURN_A_AGENCY
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.sources.master import MasterSource
from nibrs_estimation.sources.public import PublicFolder
from nibrs_estimation.sources.public.agency_list import read_agency_list
from nibrs_estimation.sources.public.conflicts import COMPARED, county_conflicts, fact_conflicts, value_of
from nibrs_estimation.sources.public.content import Content
from nibrs_estimation.sources.public.counties import (
    PIECES,
    CountyList,
    agency_counties,
    as_of_vintage,
    chosen_pieces,
    corrected_codes,
    county_list,
    pieces_of_names,
)
from nibrs_estimation.sources.public.employees import COUNTS, read_employees
from nibrs_estimation.sources.public.facts import YearFiles
from nibrs_estimation.sources.public.join import Joined, join_agencies
from nibrs_estimation.sources.public.matching import match
from nibrs_estimation.sources.public.metropolitan import read_metropolitan_areas
from nibrs_estimation.sources.public.page import PAGE_TASK
from nibrs_estimation.sources.return_a.reading import read_return_a

EMPLOYEES = (
    "data_year,ori,pub_agency_name,pub_agency_unit,state_abbr,county_name,agency_type_name,population_group_desc,"
    "population,male_officer_ct,male_civilian_ct,female_officer_ct,female_civilian_ct,total_pe_ct\n"
)
LIST = "ori,county,state_abbr,agency_name,agency_type,is_nibrs,nibrs_start_date\n"
AREAS = (
    "List 1. July 2022\n\n"
    "CBSA Code,CBSA Title,Metropolitan/Micropolitan Statistical Area,Metropolitan Division Title,"
    "County/County Equivalent,FIPS State Code,FIPS County Code\n"
)
IDENTITY = Identity(run_id="r", source="public:downloads", year=2022, seed=1, is_synthetic=False)
NO_AREAS = pl.DataFrame(
    schema=dict.fromkeys(("county_fips", "county_name", "msa_name", "metro_division_name"), pl.String)
)
NO_CENSUS = pl.DataFrame(schema={"county_fips": pl.String, "county_name": pl.String})


def written(path: Path, content: str) -> Content:
    path.write_text(content, encoding="latin-1", newline="")
    return Content(path)


def faults(account: Mapping[str, pl.DataFrame]) -> list[tuple[str, str, str]]:
    return account["public_fault"].select("record", "column_name", "reason").rows()


def numbers(account: Mapping[str, pl.DataFrame]) -> tuple[int, int, int, int]:
    row = account["public_file"].row(0, named=True)
    return row["rows_read"], row["rows_kept"], row["rows_set_aside"], row["rows_dropped"]


# Police employees


@needs_examples
def test_the_example_of_police_employees() -> None:
    """Misspelt columns, NULL, a repeated row, an agency that did not report, state police without residents."""
    rows = read_employees(Content(EXAMPLES / "lee_example.csv"), 2022)
    found = {row["ori"]: row for row in rows.frame.to_dicts()}
    assert set(found) == {"ZZ0010100", "ZZ0010300", "ZZ001SP00"}
    city, silent, police = (found[ori] for ori in ("ZZ0010100", "ZZ0010300", "ZZ001SP00"))
    assert [city[name] for name in ("male_officers", "male_civilians", "female_officers", "female_civilians")] == [
        28, 3, 4, 9,
    ]  # fmt: skip
    assert city["agency_unit"] is None
    assert (city["population"], city["population_group_code"], city["agency_type_name"]) == (17_500, "5", "City")
    assert (silent["male_officers"], silent["population"]) == (None, 4_000)
    assert (police["population"], police["population_group_code"], police["male_officers"]) == (0, "8E", 5)
    assert numbers(rows.account(2022)) == (4, 3, 0, 1)
    assert read_employees(Content(EXAMPLES / "lee_example.csv"), 2021).frame.is_empty()


@needs_examples
def test_the_example_of_the_employee_master_file(tmp_path: Path) -> None:
    rows = read_employees(Content(employees_master(tmp_path / "pe")), 2014)
    reported, missing = rows.frame.to_dicts()
    assert (reported["ori7"], reported["male_officers"], reported["female_officers"]) == ("ZZ00101", 28, 4)
    assert (reported["population"], reported["population_group_code"]) == (17_500, "5")
    assert (missing["ori7"], missing["male_officers"], missing["population"]) == ("ZZ00103", None, 4_000)
    assert numbers(rows.account(2014)) == (2, 2, 0, 0)


@needs_examples
def test_faulty_records_of_the_employee_master_file_are_set_aside(tmp_path: Path) -> None:
    """A truncated last record, an ORI of zeros, an impossible group and residents above any city's."""
    first, second = employees_master(tmp_path / "pe").read_text(encoding="latin-1").splitlines()
    wrong = [
        first[:3] + "0000000" + first[10:],
        first[:3] + "ZZ00104" + "2C" + first[12:],
        first[:3] + "ZZ00105" + first[10:23] + "200000000" + first[32:],
        first[:62] + "0002X" + first[67:],
    ]
    content = "\n".join([first, *wrong, second, second[:500]])
    rows = read_employees(written(tmp_path / "pe", content), 2014)
    assert rows.frame["ori7"].to_list() == ["ZZ00101", "ZZ00103"]
    account = rows.account(2014)
    assert numbers(account) == (7, 2, 5, 0)
    assert sorted(faults(account)) == [
        ("line 2", "ORI (positions 4 to 10)", "missing_value"),
        ("line 3", "population group (positions 11 to 12)", "unknown_code"),
        ("line 4", "population (positions 24 to 32)", "not_a_number"),
        ("line 5", "male officers (positions 63 to 67)", "not_a_number"),
        ("line 7", "length, which is 7,689", "wrong_record"),
    ]


def test_two_different_rows_of_an_agency_are_refused(tmp_path: Path) -> None:
    row = '2022,NB0010100,A,,NB,X,City,"Cities from 10,000 thru 24,999",100,{},0,0,0,9\n'
    content = written(tmp_path / "pe.csv", EMPLOYEES + row.format(1) + row.format(2))
    with pytest.raises(PipelineError, match=r"pe\.csv, lines 2 and 3, column ori: both have NB0010100"):
        read_employees(content, 2022)


def test_a_table_of_employees_without_a_column_is_refused(tmp_path: Path) -> None:
    content = written(tmp_path / "pe.csv", EMPLOYEES.replace("female_officer_ct,", "") + "2022\n")
    with pytest.raises(PipelineError, match="the column for female_officers is missing"):
        read_employees(content, 2022)


# List of agencies


@needs_examples
def test_an_agency_under_two_counties_is_taken_once() -> None:
    rows = read_agency_list(Content(EXAMPLES / "cde_agencies_example.json"))
    city, police = rows.frame.to_dicts()
    assert (city["ori"], city["counties"], city["is_nibrs"]) == ("ZZ0010100", ["ALPHA", "BETA"], True)
    assert city["nibrs_start_date"] == datetime.date(2019, 1, 1)
    assert (police["ori"], police["counties"], police["nibrs_start_date"]) == ("ZZ001SP00", [], None)
    assert numbers(rows.account(2022)) == (3, 2, 0, 1)


def test_faults_of_the_list_are_named(tmp_path: Path) -> None:
    """An ORI in two states, an impossible date, an unknown flag; Nebraska is NB."""
    content = written(
        tmp_path / "list.csv",
        LIST
        + "NB0010100,ADAMS,NE,A,City,TRUE,2021-02-30\n"
        + "NB0010100,ADAMS,KS,A,City,TRUE,2021-02-30\n"
        + "NB0010200,ADAMS,NE,B,City,perhaps,\n"
        + "NB00103,ADAMS,NE,C,City,TRUE,2020-01-01\n",
    )
    rows = read_agency_list(content)
    assert rows.frame.select("ori", "state_abbr", "is_nibrs", "nibrs_start_date").rows() == [
        ("NB0010100", "NB", True, None),
        ("NB0010200", "NB", False, None),
    ]
    account = rows.account(2022)
    assert numbers(account) == (4, 2, 2, 0)
    assert sorted(faults(account)) == [
        ("line 2", "nibrs_start_date", "impossible_date"),
        ("line 3", "state_abbr", "two_states"),
        ("line 4", "is_nibrs", "unknown_code"),
        ("line 5", "ori", "missing_value"),
    ]


def test_the_list_of_2018_has_other_names_and_no_start(tmp_path: Path) -> None:
    content = written(
        tmp_path / "list.csv",
        "ori,agency_name,agency_type_name,state_abbr,county_name,nibrs\nNB0010100,A,City,NB,ADAMS; CLAY,1.0\n",
    )
    assert read_agency_list(content).frame.select("counties", "is_nibrs", "nibrs_start_date").rows() == [
        (["ADAMS", "CLAY"], True, None)
    ]


# Metropolitan areas


def test_text_for_a_code_is_set_aside_and_notes_end_the_list(tmp_path: Path) -> None:
    content = written(
        tmp_path / "list1.csv",
        AREAS
        + '1,"Omaha, NE-IA",Metropolitan Statistical Area,,Douglas County,31,055\n'
        + '1,"Omaha, NE-IA",Metropolitan Statistical Area,,Sarpy County,31,SAR\n'
        + '2,"Kearney, NE",Micropolitan Statistical Area,,Buffalo County,31,19\n'
        + ",,,,,,\nNote: areas,,,,,,\n",
    )
    rows = read_metropolitan_areas(content)
    assert rows.frame.select("county_fips", "msa_name").rows() == [("31055", "Omaha, NE-IA"), ("31019", None)]
    account = rows.account(2022)
    assert numbers(account) == (3, 2, 1, 0)
    assert faults(account) == [("line 5", "FIPS County Code", "not_a_number")]


def test_a_county_in_two_areas_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list1.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(AREAS.strip().splitlines()[-1:]):
            sheet.write_row(number, 0, row.split(","))
        for number, title in enumerate(("A", "B"), 1):
            sheet.write_row(number, 0, [str(number), title, "Metropolitan Statistical Area", "", "X", "31", "055"])
    with pytest.raises(PipelineError, match="lines 2 and 3, column FIPS County Code: both have 31055"):
        read_metropolitan_areas(Content(path))


# ORIs of seven characters

_known = st.lists(
    st.tuples(st.sampled_from(["00", "0X", "9E"]), st.sampled_from(["City", "County", None]), st.integers(0, 3)),
    max_size=4,
    unique_by=lambda each: each[0],
)


@settings(deadline=None, max_examples=200)
@given(known=st.lists(_known, min_size=1, max_size=3), kinds=st.lists(st.sampled_from(["City", None]), min_size=3))
def test_matching_agrees_with_a_slow_twin(
    known: list[list[tuple[str, str | None, int]]], kinds: list[str | None]
) -> None:
    sevens = [f"NB0010{number}" for number in range(len(known))]
    rows = pl.DataFrame(
        {"ori7": sevens, "agency_type_name": kinds[: len(known)]}, schema_overrides={"agency_type_name": pl.String}
    )
    table = pl.DataFrame(
        [(seven + end, kind, n or None) for seven, of in zip(sevens, known, strict=True) for end, kind, n in of],
        schema={"ori": pl.String, "agency_type_name": pl.String, "population": pl.Int32},
        orient="row",
    )
    assert match(rows, table).rows() == [
        (seven, *slow_match(seven, kind, of)) for seven, kind, of in zip(sevens, kinds, known, strict=False)
    ]


def slow_match(seven: str, kind: str | None, known: Sequence[tuple[str, str | None, int]]) -> tuple[str, str]:
    endings = [end for end, _kind, _n in known]
    if not known:
        return f"{seven}00", "none"
    if "00" in endings:
        return f"{seven}00", "00" if len(known) == 1 else "several_00"
    if len(known) == 1:
        return seven + endings[0], "only"
    alike = [end for end, of, _n in known if kind is not None and of == kind]
    if len(alike) == 1:
        return seven + alike[0], "type"
    most = max(n for _end, _kind, n in known)
    largest = [end for end, _kind, n in known if n == most and n > 0]
    if len(largest) == 1:
        return seven + largest[0], "population"
    return f"{seven}00", "ambiguous"


# Counties

_pieces = st.lists(
    st.tuples(st.sampled_from(["A", "B"]), st.sampled_from(["31001", "31003", "31005", None]), st.integers(0, 5)),
    max_size=5,
)


@settings(deadline=None, max_examples=200)
@given(told=st.lists(_pieces, min_size=1, max_size=3), residents=st.tuples(st.integers(0, 20), st.integers(0, 20)))
def test_counties_agree_with_a_slow_twin(
    told: list[list[tuple[str, str | None, int]]], residents: tuple[int, int]
) -> None:
    frames = [
        pl.DataFrame(
            [(ori, str(rank), fips, float(weight)) for ori, fips, weight in sorted(of, key=lambda each: each[0])],
            schema=PIECES,
            orient="row",
        )
        for rank, of in enumerate(told)
    ]
    agencies = pl.DataFrame({"ori": ["A", "B"], "population": residents})
    found = chosen_pieces(agencies, frames, 2022)
    for ori, n in zip("AB", residents, strict=True):
        own = found.filter(pl.col("ori") == ori)
        expected = slow_counties([[piece[1:] for piece in of if piece[0] == ori] for of in told])
        assert dict(own.select("county_fips", "population_share").rows()) == pytest.approx(expected)
        if expected:
            assert own["population"].sum() == n
            assert all(
                abs(people - n * share) < 1
                for people, share in own.select("population", "population_share").iter_rows()
            )


def slow_counties(told: list[list[tuple[str | None, int]]]) -> dict[str, float]:
    """Shares by county from the first file that places everybody."""
    for pieces in told:
        if any(fips is None and (weight > 0 or len(pieces) == 1) for fips, weight in pieces):
            continue
        placed = [(fips, weight) for fips, weight in pieces if fips is not None]
        if not placed:
            continue
        total = sum(weight for _fips, weight in placed)
        if total == 0:
            return {placed[0][0]: 1.0}
        weights: Counter[str] = Counter()
        for fips, weight in placed:
            weights[fips] += weight
        return {fips: weight / total for fips, weight in weights.items() if weight}
    return {}


def pieces_at(*fips: str | None) -> pl.DataFrame:
    return pl.DataFrame([(f"AG{n}", "return_a", code, 1.0) for n, code in enumerate(fips)], schema=PIECES, orient="row")


def test_counties_follow_the_vintage() -> None:
    """Shannon became Oglala Lakota in 2015; Connecticut has no counties since 2022, and no regions before."""
    pieces = pieces_at("46113", "46102", "02261", "09001", "09110", "31001")
    assert as_of_vintage(pieces, 2014)["county_fips"].to_list() == ["46113", "46113", "02261", "09001", None, "31001"]
    assert as_of_vintage(pieces, 2019)["county_fips"].to_list() == ["46102", "46102", "02261", "09001", None, "31001"]
    assert as_of_vintage(pieces, 2022)["county_fips"].to_list() == ["46102", "46102", "02063", None, "09110", "31001"]
    assert as_of_vintage(pieces, 2022)["former_fips"].to_list() == pieces["county_fips"].to_list()


def areas(*rows: tuple[str, str, str | None]) -> pl.DataFrame:
    return pl.DataFrame([(fips, name, area, None) for fips, name, area in rows], schema=NO_AREAS.schema, orient="row")


def test_names_of_counties_are_found_without_what_files_write_differently() -> None:
    known = county_list(
        NO_CENSUS,
        areas(("29510", "St. Louis city", "St. Louis, MO-IL"), ("29189", "St. Louis County", "St. Louis, MO-IL")),
        2022,
    )
    agencies = pl.DataFrame(
        {
            "ori": ["A", "B", "C", "D"],
            "state_abbr": ["MO", "MO", "MO", "LA"],
            "counties": [["ST LOUIS CITY"], ["SAINT LOUIS"], ["NOWHERE"], ["EAST BATON ROUGE PARISH", "CADDO"]],
        }
    )
    found = pieces_of_names(agencies, known, "agency_list").select("ori", "county_fips").rows()
    assert found == [("A", "29510"), ("B", "29189"), ("C", None), ("D", "22033"), ("D", "22017")]


def placed(*codes: str | None, fips: str = "13121", state: str = "GA") -> tuple[pl.DataFrame, pl.DataFrame]:
    """Agencies of one county with their codes of field offices, and their pieces."""
    oris = [f"AG{n}" for n in range(len(codes))]
    agencies = pl.DataFrame(
        {
            "ori": oris,
            "state_abbr": state,
            "is_core_city": False,
            "msa_name": None,
            "judicial_district_code": "100N",
            "field_office_code": codes,
        },
        schema_overrides={"field_office_code": pl.String, "msa_name": pl.String},
    )
    pieces = chosen_pieces(agencies.select("ori", population=pl.lit(10)), [pieces_at(*[fips] * len(codes))], 2022)
    return pieces, agencies


def test_a_slip_of_a_code_is_corrected_by_the_county() -> None:
    """One agency of Georgia has New York's field office in 2013."""
    pieces, agencies = placed("3040", "3040", "3540")
    assert corrected_codes(pieces, agencies)["field_office_code"].to_list() == ["3040"] * 3
    found = agency_counties(pieces, agencies, county_list(NO_CENSUS, NO_AREAS, 2022), 2022)
    assert found["field_office_name"].to_list() == ["Atlanta"] * 3
    assert found["judicial_district_name"].to_list() == ["Georgia Northern"] * 3
    assert found["county_name"].to_list() == ["Fulton"] * 3


def test_a_state_with_one_district_needs_no_code() -> None:
    pieces, agencies = placed(None, fips="50001", state="VT")
    agencies = agencies.with_columns(judicial_district_code=pl.lit(None, pl.String))
    assert corrected_codes(pieces, agencies).row(0) == ("AG0", "405A", "3010")


def test_areas_of_a_former_county_code() -> None:
    """A region of Connecticut is looked up by the county that Return A names, if the list of areas is older."""
    counties = county_list(NO_CENSUS, areas(("09003", "Hartford County", "Hartford, CT")), 2022)
    _pieces_unused, agencies = placed(None, fips="09003", state="CT")
    told = [pieces_at("09110").with_columns(source=pl.lit("agency_list"))]
    pieces = chosen_pieces(agencies.select("ori", population=pl.lit(10)), told, 2022)
    assert agency_counties(pieces, agencies, counties, 2022)["msa_name"].to_list() == [None]
    moved = pieces.with_columns(former_fips=pl.lit("09003"))
    assert agency_counties(moved, agencies, counties, 2022)["msa_name"].to_list() == ["Hartford, CT"]


# Conflicts

_said = st.fixed_dictionaries(
    {source: st.tuples(st.sampled_from([None, 0, 5, 6]), st.sampled_from([None, "City", "County"]))
     for source in ("return_a", "nibrs_master", "police_employees")}
)  # fmt: skip


@settings(deadline=None, max_examples=100)
@given(told=st.lists(_said, min_size=1, max_size=4))
def test_conflicts_agree_with_a_slow_twin(told: list[dict[str, tuple[int | None, str | None]]]) -> None:
    order = ["return_a", "nibrs_master", "police_employees"]
    wide = pl.DataFrame({"ori": [f"NB001010{n}" for n in range(len(told))], "agency_name": None, "state_abbr": "NB"})
    wide = wide.with_columns(
        pl.Series(value_of(fact, source), [of[source][place] for of in told], dtype)
        for source in order
        for place, (fact, dtype) in enumerate((("population", pl.Int32), ("agency_type_name", pl.String)))
    )
    found = fact_conflicts(wide, order, 2022)
    expected = []
    for number, of in enumerate(told):
        for place, fact in enumerate(("population", "agency_type_name")):
            values = {source: of[source][place] for source in order if of[source][place] not in (None, 0)}
            for other in order[1:]:
                earlier = [source for source in order[: order.index(other)] if source in values]
                if other in values and earlier and values[earlier[0]] != values[other]:
                    expected.append(
                        (fact, f"NB001010{number}", earlier[0], str(values[earlier[0]]), other, str(values[other]))
                    )
    columns = ("fact", "ori", "used_source", "used_value", "other_source", "other_value")
    assert sorted(found.select(columns).rows()) == sorted(expected)
    assert set(found["fact"]) <= set(COMPARED)


# The join


def return_a(path: Path, *records: str) -> pl.DataFrame:
    path.write_text("".join(f"{each}\r\n" for each in records), encoding="latin-1", newline="")
    return read_return_a(path).agencies


def joined(
    kind: str = "nibrs_master",
    listed: Sequence[Mapping[str, Any]] = (),
    agency_county: Sequence[Mapping[str, Any]] = (),
    summaries: pl.DataFrame | None = None,
    agency_list: pl.DataFrame | None = None,
    employees: pl.DataFrame | None = None,
    reporters: Sequence[str] = (),
    first_month: int | None = None,
    state: str = "NB",
    counties: CountyList | None = None,
) -> Joined:
    defaults = {
        column.name: False for column in AGENCY.columns if column.type == "bool" and not column.is_nullable
    } | {
        "data_year": 2022, "agency_status": "A", "state_abbr": state, "state_name": "Nebraska", "region_code": 2,
        "agency_type_name": "City", "universe_scope": "all" if kind == "nibrs_master" else "reporting",
        "is_publishable": True,
    }  # fmt: skip
    rows = [{**defaults, "agency_id": number, **row} for number, row in enumerate(listed, 1)]
    months = pl.DataFrame({"ori": [row["ori"] for row in listed]}, schema={"ori": pl.String})
    return join_agencies(
        YearFiles(
            kind=kind,
            year=2022,
            listed=pl.DataFrame(rows, schema=AGENCY.schema),
            agency_county=pl.DataFrame(agency_county, schema=AGENCY_COUNTY.schema),
            return_a=summaries,
            agency_list=agency_list,
            employees=employees,
            states=(state,),
            reporters=pl.Series(reporters, dtype=pl.String),
            summary_reporters=pl.Series("ori7", [], pl.String),
            first_months=months.with_columns(first_month=pl.lit(first_month, pl.Int8)),
        ),
        counties or county_list(NO_CENSUS, NO_AREAS, 2022),
    )


def ingested(folder: Path, year: int) -> dict[str, pl.DataFrame]:
    """The datasets of the task that reads the agencies of a folder."""
    found = PublicFolder(folder).of_year(year).tasks()[0].function(year)
    assert isinstance(found, dict)
    return cast("dict[str, pl.DataFrame]", found)


def by_ori(frame: pl.DataFrame) -> dict[str, dict[str, Any]]:
    return {row["ori"]: row for row in frame.to_dicts()}


def test_return_a_comes_before_headers_and_headers_fill_what_it_lacks(tmp_path: Path) -> None:
    summaries = return_a(
        tmp_path / "a",
        record([], ori7="NB00101", state="26", year="22", agency_type="1", counties=[(700, "001", "")]),
        record([], ori7="NB00102", state="26", year="22", agency_type="0", counties=[(0, "001", "")]),
        record([], ori7="NB00104", state="26", year="22", covered_by="NB00101", counties=[(50, "001", "")]),
    )
    found = joined(
        listed=[
            {"ori": "NB0010100", "population": 800, "agency_type_name": "County", "agency_name": "A"},
            {"ori": "NB0010200", "population": 0, "agency_type_name": "Tribal", "agency_name": "B"},
            {"ori": "NB0010300", "population": 30, "population_group_code": "7", "agency_name": "C"},
        ],
        summaries=summaries,
        reporters=["NB0010200"],
    )
    agencies = by_ori(found.agency)
    assert set(agencies) == {"NB0010100", "NB0010200", "NB0010300", "NB0010400"}
    assert (agencies["NB0010100"]["population"], agencies["NB0010100"]["agency_type_name"]) == (700, "City")
    assert agencies["NB0010200"]["agency_type_name"] == "Tribal"
    assert agencies["NB0010200"]["agency_status"] == "A"
    assert agencies["NB0010300"]["population"] == 30
    assert agencies["NB0010400"]["covered_by_ori"] == "NB0010100"
    account = found.universe_account.row(0, named=True)
    assert (account["n_rows"], account["n_eligible"], account["n_covered"], account["n_dormant"]) == (4, 3, 1, 0)
    assert (account["population"], account["population_covered"]) == (730, 50)
    conflicts = found.source_conflict.filter(pl.col("ori") == "NB0010100", ~pl.col("fact").str.ends_with("_code"))
    assert conflicts.select("fact", "used_value", "other_value", "other_source").rows() == [
        ("agency_type_name", "City", "County", "nibrs_master"),
        ("population", "700", "800", "nibrs_master"),
    ]


def test_the_ori_of_a_header_comes_before_that_of_the_list(tmp_path: Path) -> None:
    """The list is of today. Otherwise an agency with another ending than 00 in its header would be there twice."""
    summaries = return_a(tmp_path / "a", record([], ori7="NB00101", state="26", year="22", counties=[(9, "001", "")]))
    agency_list = list_of(tmp_path, "NB0010100,ADAMS,NE,One Police,City,TRUE,2020-01-01")
    found = joined(listed=[{"ori": "NB001010X", "population": 9}], summaries=summaries, agency_list=agency_list)
    assert found.agency.select("ori", "legacy_ori").rows() == [("NB001010X", "NB0010100")]
    endings = found.source_conflict.filter(pl.col("fact") == "ori_ending")
    assert endings.select("used_source", "used_value", "other_value").rows() == [
        ("nibrs_master", "NB001010X", "NB00101: the only agency with these seven characters")
    ]


def test_an_agency_without_residents_and_reports_is_dormant(tmp_path: Path) -> None:
    summaries = return_a(tmp_path / "a", record([], ori7="NB00101", state="26", year="22", counties=[(0, "001", "")]))
    assert joined(summaries=summaries).agency["agency_status"].to_list() == ["D"]
    assert joined(summaries=summaries, reporters=["NB0010100"]).agency["agency_status"].to_list() == ["A"]


def test_agencies_outside_the_states_are_counted_and_left_out(tmp_path: Path) -> None:
    summaries = return_a(
        tmp_path / "a",
        record([], ori7="GM00101", state="55", year="22", counties=[(9, "", "")]),
        record([], ori7="NB00101", state="26", year="22", counties=[(9, "001", "")]),
    )
    found = joined(summaries=summaries)
    assert found.agency["ori"].to_list() == ["NB0010100"]
    assert found.universe_account["n_rows"].sum() == 2
    assert found.universe_account["n_outside_states"].sum() == 1


def list_of(tmp_path: Path, *rows: str) -> pl.DataFrame:
    return read_agency_list(written(tmp_path / "list.csv", LIST + "\n".join(rows) + "\n")).frame.drop("line")


def employees_of(tmp_path: Path, *rows: str) -> pl.DataFrame:
    return read_employees(written(tmp_path / "pe.csv", EMPLOYEES + "\n".join(rows) + "\n"), 2022).frame.drop("line")


def test_beside_zips_the_list_tells_who_sent_nothing(tmp_path: Path) -> None:
    """Residents of agencies that sent nothing come from police employees; of a town without, nobody knows."""
    agency_list = list_of(
        tmp_path,
        "NB0010100,ADAMS,NE,One Police,City,TRUE,2020-01-01",
        "NB0010200,ADAMS,NE,Two Police,City,FALSE,",
        "KS0010200,ADAMS,KS,Other state,City,FALSE,",
    )
    employees = employees_of(
        tmp_path, '2022,NB0010200,Two,,NB,ADAMS,City,"Cities under 2,500",400,3,0,1,0,4', "1999,X,,,,,,,,,,,,"
    )
    zipped = [{"ori": "NB0010100", "population": 900, "population_group_code": "7"}]
    both = joined("state_zip", zipped, agency_list=agency_list, employees=employees)
    agencies = by_ori(both.agency)
    assert set(agencies) == {"NB0010100", "NB0010200"}
    silent = agencies["NB0010200"]
    assert (silent["population"], silent["population_group_code"], silent["agency_status"]) == (400, "7", "A")
    assert (silent["is_nibrs"], silent["male_officers"], silent["has_police_employees"]) == (False, 3, True)
    assert silent["published_agency_name"] == "Two Police"
    assert set(both.agency["universe_scope"]) == {"all"}
    alone = joined("state_zip", zipped, agency_list=agency_list)
    assert by_ori(alone.agency)["NB0010200"]["agency_status"] == "D"
    assert set(alone.agency["universe_scope"]) == {"reporting"}
    assert joined("state_zip", zipped).agency.height == 1


def test_what_a_zip_says_of_its_agency_stands(tmp_path: Path) -> None:
    summaries = return_a(
        tmp_path / "a", record([], ori7="NB00101", state="26", year="22", agency_type="2", counties=[(700, "001", "")])
    )
    found = joined("state_zip", [{"ori": "NB0010100", "population": 900, "agency_status": "A"}], summaries=summaries)
    row = found.agency.row(0, named=True)
    assert (row["population"], row["agency_type_name"], row["universe_scope"]) == (900, "City", "all")
    used = found.source_conflict.select("fact", "used_source", "used_value", "other_value").rows()
    assert ("population", "state_zip", "900", "700") in used


def test_a_start_after_the_first_month_with_incidents_is_not_taken_from_the_list(tmp_path: Path) -> None:
    agency_list = list_of(tmp_path, "NB0010100,ADAMS,NE,One Police,City,TRUE,2022-06-01")
    zipped = [{"ori": "NB0010100", "population": 900}]
    dates = {
        first: joined("state_zip", zipped, agency_list=agency_list, first_month=first).agency["nibrs_start_date"][0]
        for first in (5, 6, 7)
    }
    assert dates == {5: None, 6: datetime.date(2022, 6, 1), 7: datetime.date(2022, 6, 1)}


def test_a_header_that_marks_months_before_its_start_began_with_the_first(tmp_path: Path) -> None:
    """Fairbanks reported eleven months of 2020, and its header has January 2021: the day of certification."""
    start = {"nibrs_start_date": datetime.date(2023, 1, 1)}
    found = joined(listed=[{"ori": "NB0010100", "population": 900, **start}], first_month=3)
    assert found.agency["nibrs_start_date"].to_list() == [datetime.date(2022, 3, 1)]
    assert found.source_conflict.select("fact", "used_value", "other_value").rows() == [
        ("nibrs_start_date", "2022-03, the first month reported", "2023-01-01")
    ]
    assert joined(listed=[{"ori": "NB0010100", **start}]).agency["nibrs_start_date"][0] == start["nibrs_start_date"]


def test_agencies_whose_codes_are_text_are_placed_by_the_list(tmp_path: Path) -> None:
    """Files have had UCR for a county's code: its header places nobody, so the list of agencies does."""
    agency_list = list_of(tmp_path, "NB0010100,ADAMS,NE,One Police,City,TRUE,2020-01-01")
    listed = [{"ori": "NB0010100", "population": 900}]
    assert joined(listed=listed).agency_county.is_empty()
    found = joined(listed=listed, agency_list=agency_list).agency_county
    assert found.select("county_fips", "population", "population_share").rows() == [("31001", 900, 1.0)]


def test_files_that_name_other_counties_are_listed(tmp_path: Path) -> None:
    agency_list = list_of(tmp_path, "NB0010100,CLAY,NE,One Police,City,TRUE,2020-01-01")
    piece = {
        "data_year": 2022, "ori": "NB0010100", "county_fips": "31001", "population": 900, "population_share": 1.0,
    }  # fmt: skip
    found = joined(
        listed=[{"ori": "NB0010100", "population": 900}], agency_county=[piece], agency_list=agency_list
    ).source_conflict.filter(pl.col("fact") == "county")
    assert found.select("used_source", "used_value", "other_source", "other_value").rows() == [
        ("nibrs_master", "31001", "agency_list", "31035")
    ]


def test_an_agency_of_connecticut_is_in_the_region_that_the_list_names(tmp_path: Path) -> None:
    """Return A has the old county, which says nothing of the region; without the list the agency is in no county."""
    regions = areas(("09110", "Capitol Planning Region", "Hartford, CT"))
    summaries = return_a(tmp_path / "a", record([], ori7="CT00101", state="06", year="22", counties=[(9, "002", "")]))
    agency_list = list_of(tmp_path, "CT0010100,CAPITOL PLANNING REGION,CT,One Police,City,TRUE,2020-01-01")
    counties = county_list(NO_CENSUS, regions, 2022)
    found = joined(summaries=summaries, agency_list=agency_list, state="CT", counties=counties)
    columns = ("county_fips", "msa_name", "judicial_district_name")
    assert found.agency_county.select(columns).rows() == [("09110", "Hartford, CT", "Connecticut")]
    assert joined(summaries=summaries, state="CT", counties=counties).agency_county.is_empty()
    before = joined(summaries=summaries, state="CT", counties=county_list(NO_CENSUS, NO_AREAS, 2021))
    assert before.agency_county["county_fips"].to_list() == ["09003"]


def test_a_county_that_the_census_file_does_not_have_is_listed() -> None:
    agencies = pl.DataFrame({"ori": ["AG0", "AG1"], "agency_name": ["A", "B"], "state_abbr": "NB"})
    chosen = chosen_pieces(agencies.select("ori", population=pl.lit(5)), [pieces_at("31001", "31003")], 2022)
    found = county_conflicts(agencies, chosen, [], pl.Series(["31001"]), 2022)
    assert found.select("ori", "used_value", "other_source", "other_value").rows() == [
        ("AG1", "31003", "county_people", "not in the file")
    ]
    assert county_conflicts(agencies, chosen, [], pl.Series([], dtype=pl.String), 2022).is_empty()


# The whole folder


@needs_examples
def test_the_examples_make_one_universe(tmp_path: Path) -> None:
    """Four agencies: a county that only Return A has, a city, an agency that it covers, and one without incidents."""
    source = PublicFolder(public_examples(tmp_path / "downloads")).of_year(2022)
    assert pickle.loads(pickle.dumps(source)) == source
    task = source.tasks()[0]
    found = ingested(tmp_path / "downloads", 2022)
    assert task.name == "ingest_master"
    assert set(found) == {output.name for output in task.writes}
    for dataset in task.datasets:
        if dataset.partition_key is None:
            checked(found[dataset.name], dataset)
    account = found["universe_account"].row(0, named=True)
    assert (account["n_rows"], account["n_eligible"], account["n_covered"]) == (4, 3, 1)
    assert (account["population"], account["population_covered"]) == (43_500, 800)
    agencies = by_ori(found["agency"])
    assert {ori: row["agency_id"] > 0 for ori, row in agencies.items()} == {
        "NB0010000": False, "NB0010100": True, "NB0010200": True, "NB0010300": True,
    }  # fmt: skip
    assert agencies["NB0010200"]["covered_by_ori"] == "NB0010000"
    assert agencies["NB0010100"]["nibrs_start_date"] == datetime.date(2019, 1, 1)
    assert (agencies["NB0010100"]["male_officers"], agencies["NB0010100"]["female_officers"]) == (28, 4)
    assert agencies["NB0010300"]["male_officers"] is None
    months = found["report_month"].group_by("ori", "form_code").agg(pl.col("month").sort(), pl.col("status"))
    reported = {(ori, form): of for ori, form, of, _status in months.rows()}
    assert reported == {
        ("NB0010000", "R"): [6, 7],
        ("NB0010100", "N"): [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12],
        ("NB0010100", "R"): [5],
        ("NB0010300", "R"): [1, 2, 3],
    }
    names = dict(found["agency"].select("agency_id", "ori").rows())
    lines = found["srs_month"].with_columns(ori=pl.col("agency_id").replace_strict(names))
    larcenies = lines.filter(pl.col("item_code") == 20).group_by("ori").agg(pl.col("n").sum())
    assert dict(larcenies.rows()) == {"NB0010000": 58, "NB0010100": 15, "NB0010300": 9}
    counties = found["agency_county"].select("ori", "county_fips", "population").rows()
    assert ("NB0010100", "31001", 15_000) in counties
    assert ("NB0010100", "31003", 2_500) in counties
    assert found["public_fault"].is_empty()
    losses = cast("dict[str, pl.DataFrame]", found["intake_loss"])["NB"]["loss"].to_list()
    assert not {"no_srs", "no_employees"} & set(losses)


@needs_examples
def test_a_return_a_of_an_earlier_year_is_history(tmp_path: Path) -> None:
    """Agencies have one number in all years; months and counts of 2021 are all summaries, as no incidents are there."""
    folder = public_examples(tmp_path / "downloads")
    lines = (folder / "reta_example.txt").read_text(encoding="latin-1").splitlines()
    written(folder / "before.txt", "".join(f"{line[:13]}21{line[15:]}\r\n" for line in lines))
    found = ingested(folder, 2022)
    numbers = found["agency"].group_by("ori").agg(pl.col("agency_id").n_unique(), pl.col("data_year").sort())
    assert {row[1:] for row in ((ori, n, tuple(years)) for ori, n, years in numbers.rows())} == {(1, (2021, 2022))}
    before = found["report_month"].filter(pl.col("data_year") == 2021)
    assert dict(before.group_by("ori", "form_code").len().select("ori", "len").rows()) == {
        "NB0010000": 2, "NB0010100": 12, "NB0010300": 3,
    }  # fmt: skip
    city = found["agency"].filter(pl.col("ori") == "NB0010100")["agency_id"][0]
    larcenies = found["srs_month"].filter(pl.col("agency_id") == city, pl.col("item_code") == 20)
    assert dict(larcenies.group_by("data_year").agg(pl.col("n").sum()).rows()) == {2021: 194, 2022: 15}
    assert found["universe_account"]["data_year"].to_list() == [2021, 2022]


@needs_examples
def test_files_of_several_folders_may_have_one_name_and_one_agency(tmp_path: Path) -> None:
    folder = public_examples(tmp_path / "downloads")
    (folder / "kansas").mkdir()
    rows = "KS0010100,ALLEN,KS,Kansas,City,FALSE,\nNB0010100,ALLEN,KS,Moved,City,FALSE,\n"
    written(folder / "kansas" / "cde_agencies_example.json", LIST + rows)
    found = ingested(folder, 2022)
    names = found["public_file"].filter(pl.col("kind") == "agency_list")["input_name"].sort().to_list()
    assert names == ["cde_agencies_example.json", "cde_agencies_example.json (2)"]
    assert by_ori(found["agency"])["NB0010100"]["published_agency_name"] == "Exampleton Police Department"


@needs_examples
def test_the_page_shows_files_agencies_and_differences(tmp_path: Path) -> None:
    found = ingested(public_examples(tmp_path / "downloads"), 2022)
    names = ("public_file", "public_fault", "source_conflict", "universe_account")
    pages = PAGE_TASK.function(**{name: found[name].lazy() for name in names}, year=2022, identity=IDENTITY)
    assert isinstance(pages, dict)
    pages["public_files.html"](tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    for words in ("reta_example.txt", "43,500", "Differences: FBI field office", "EXAMPLETON", "intake_manifest.json"):
        assert words in text


@needs_examples
def test_a_changed_companion_is_refused(tmp_path: Path) -> None:
    folder = public_examples(tmp_path / "downloads")
    task = PublicFolder(folder).of_year(2022).tasks()[0]
    (folder / "lee_example.csv").write_text(EMPLOYEES, encoding="latin-1")
    with pytest.raises(PipelineError, match="changed since the run was planned"):
        task.function(2022)


def test_a_state_of_zips_and_return_a(tmp_path: Path) -> None:
    """An agency that only Return A has joins those of the zip; its months are summary reports."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    build_zip(folder / "zip", year=2024)
    summary = record(
        [month({1: {20: 3}})] * 2 + [NOT_REPORTED] * 10, ori7="VT00999", state="44", year="24",
        counties=[(500, "001", "")], agency_type="1", group="7 ",
    )  # fmt: skip
    return_a(folder / "reta", summary, record([], ori7="NB00999", state="26", year="24"))
    found = ingested(folder, 2024)
    added = by_ori(found["agency"])["VT0099900"]
    assert (added["population"], added["is_nibrs"], added["has_participated"]) == (500, False, True)
    assert added["agency_id"] < 0
    assert set(found["agency"]["state_abbr"]) == {"VT"}
    months = found["report_month"].filter(pl.col("ori") == "VT0099900")
    assert months.select("month", "form_code", "status").rows() == [(1, "R", "I"), (2, "R", "I")]
    assert found["agency"]["ori"].is_unique().all()
    assert set(code_list("state")["state_abbr"]) >= set(found["universe_account"]["state_abbr"])


def test_a_start_that_only_the_list_tells_makes_zero_reports(tmp_path: Path) -> None:
    folder = tmp_path / "downloads"
    folder.mkdir()
    build_zip(folder / "zip", year=2024)
    before = ingested(folder, 2024)
    listed = before["agency"].filter(pl.col("nibrs_start_date").is_null())["ori"].to_list()
    rows = [f"{ori},ADDISON,VT,Any,City,TRUE,2023-01-01" for ori in before["agency"]["ori"]]
    written(folder / "list.csv", LIST + "\n".join(rows) + "\n")
    after = ingested(folder, 2024)
    added = after["report_month"].filter(pl.col("status_source") == "listed")
    reported = before["report_month"].filter(pl.col("ori").is_in(listed))["ori"].unique()
    assert set(added["ori"]) == set(reported)
    assert after["report_month"].select("ori", "month", "form_code").is_unique().all()
    for ori in reported:
        assert after["report_month"].filter(pl.col("ori") == ori).height == 12


@needs_examples
def test_a_master_file_alone_says_what_it_says_as_a_source(tmp_path: Path) -> None:
    folder = public_examples(tmp_path / "downloads")
    for name in ("reta_example.txt", "lee_example.csv", "cde_agencies_example.json"):
        (folder / name).unlink()
    alone = MasterSource((folder / "nibrs_master_example.txt",)).ingest_master(2022)
    found = ingested(folder, 2022)
    # Of places the header has codes alone, and it has no name as published.
    added = {
        "county_name", "judicial_district_code", "field_office_code", "published_agency_name", "has_police_employees",
    }  # fmt: skip
    same = [name for name in AGENCY.schema if name not in added]
    assert found["agency"].sort("ori").select(same).equals(alone["agency"].sort("ori").select(same))
    assert found["report_month"].equals(alone["report_month"])
    own = ["ori", "county_fips", "population", "population_share"]
    assert found["agency_county"].sort(own).select(own).equals(alone["agency_county"].sort(own).select(own))


_of_return_a = st.one_of(
    st.none(),
    st.tuples(st.integers(0, 2), st.sampled_from([None, "City", "Tribal"]), st.booleans(), st.integers(0, 1)),
)
_of_header = st.one_of(
    st.none(), st.tuples(st.integers(0, 2), st.sampled_from(["Unknown", "County", "Federal"]), st.booleans())
)
_of_employees = st.one_of(st.none(), st.tuples(st.integers(0, 2), st.sampled_from([None, "Other"])))


@settings(deadline=None, max_examples=60)
@given(told=st.lists(st.tuples(_of_return_a, _of_header, _of_employees, st.booleans()), min_size=1, max_size=5))
def test_the_join_agrees_with_a_slow_twin(told: list[tuple[Any, Any, Any, bool]]) -> None:
    """Rows, residents, type, cover and status of agencies that Return A, headers and police employees may have."""
    numbered = [(f"NB0010{number}", *each) for number, each in enumerate(told)]
    summaries = pl.DataFrame(
        [
            {
                "data_year": 2022, "ori7": seven, "ori": f"{seven}00", "state_abbr": "NB", "population": ra[0],
                "agency_type_name": ra[1], "is_covered": ra[2], "covered_by_ori7": "NB00999" if ra[2] else None,
                "is_eligible": not ra[2], "months_reported": ra[3], "county_1_population": ra[0],
                "county_2_population": 0, "county_3_population": 0,
            }
            for seven, ra, *_ in numbered if ra
        ],
        schema=RETURN_A_AGENCY.schema,
    )  # fmt: skip
    listed = [
        {"ori": f"{seven}00", "population": of[0], "agency_type_name": of[1], "is_covered": of[2]}
        for seven, _ra, of, *_ in numbered
        if of
    ]
    employees = pl.DataFrame(
        [
            {"ori": f"{seven}00", "ori7": seven, "state_abbr": "NB", "population": of[0], "agency_type_name": of[1]}
            for seven, _ra, _header, of, _reported in numbered
            if of
        ],
        schema={
            **dict.fromkeys(("ori", "ori7", "state_abbr", "agency_name", "agency_unit", "agency_type_name"), pl.String),
            "population_group_code": pl.String,
            **dict.fromkeys(("population", *COUNTS), pl.Int32),
        },
    )
    reporters = [f"{seven}00" for seven, *_others, reported in numbered if reported]
    found = joined(listed=listed, summaries=summaries, employees=employees, reporters=reporters)
    agencies = {
        row["ori"]: (row["population"], row["agency_type_name"], row["is_covered"], row["agency_status"])
        for row in found.agency.to_dicts()
    }
    expected = {}
    for seven, ra, of_header, of_employees, reported in numbered:
        if ra or of_header:
            first = ra or of_header
            covered = first[2]
            types = [
                ra[1] if ra else None,
                of_header[1] if of_header and of_header[1] != "Unknown" and not of_header[2] else None,
                of_employees[1] if of_employees else None,
                "Unknown",
            ]
            kind = next(each for each in types if each)
            is_active = first[0] > 0 or covered or reported
            status = "F" if kind == "Federal" else "A" if is_active else "D"
            expected[f"{seven}00"] = (first[0], kind, covered, status)
    assert agencies == expected
    account = found.universe_account.sum().row(0, named=True)
    assert account["n_rows"] == len(expected)
    assert account["n_covered"] == sum(covered for _n, _kind, covered, _status in expected.values())
    eligible = [n for n, _kind, covered, status in expected.values() if status == "A" and not covered]
    assert (account["n_eligible"], account["population"]) == (len(eligible), sum(eligible))
