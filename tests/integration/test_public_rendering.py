"""The synthetic nation as public files: each read back, by its reader or by the positions of its description."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.support.frames import table
from tests.support.return_a_file import Slow

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.return_a import ITEMS_OF_CRIME, OFFENSES_OF_CRIME, PARTS
from nibrs_estimation.sources.census_population import census_county_population
from nibrs_estimation.sources.public import survey
from nibrs_estimation.sources.public.benchmark import benchmark
from nibrs_estimation.sources.return_a.reading import ReturnA, read_return_a
from nibrs_estimation.sources.synthetic import SyntheticSource, return_a_reports
from nibrs_estimation.sources.synthetic.nation import agency_frame
from nibrs_estimation.sources.synthetic.render_agency_list import render_agency_list
from nibrs_estimation.sources.synthetic.render_census import render_metropolitan_areas, render_residents
from nibrs_estimation.sources.synthetic.render_employees import render_employees_master, render_employees_table
from nibrs_estimation.sources.synthetic.render_return_a import render_return_a

Frames = dict[str, pl.DataFrame]
SCALE, SEED, YEAR = 0.05, 5, 2024
#: Another form of the table of police employees, and another meaning of the Census Bureau's column YEAR.
FORMER_YEAR = 2020
ITEMS = range(26)
DETAILS = sorted(part for total, parts in PARTS.items() if total != 25 for part in parts if part < 26)


@pytest.fixture(scope="module")
def nation() -> Frames:
    return SyntheticSource(SCALE).ingest_agencies(YEAR, SEED)


@pytest.fixture(scope="module")
def agencies(nation: Frames) -> pl.DataFrame:
    return nation["agency"].filter(pl.col("data_year") == YEAR).with_columns(ori7=pl.col("ori").str.head(7))


@pytest.fixture(scope="module")
def lazy(nation: Frames) -> dict[str, pl.LazyFrame]:
    return {name: frame.lazy() for name, frame in nation.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("public")


# ---------------------------------------------------------------- Return A


@pytest.fixture(scope="module")
def return_a(lazy: dict[str, pl.LazyFrame], folder: Path) -> ReturnA:
    path = folder / f"reta-{YEAR}.txt"
    render_return_a(lazy, YEAR, path, SEED)
    return read_return_a(path)


@pytest.fixture(scope="module")
def records(return_a: ReturnA, folder: Path) -> list[str]:
    text = (folder / f"reta-{YEAR}.txt").read_bytes().decode("latin-1")
    assert text.endswith("\r\n")
    return text.removesuffix("\r\n").split("\r\n")


@pytest.fixture(scope="module")
def counts(return_a: ReturnA, agencies: pl.DataFrame) -> dict[tuple[str, int], dict[int, int]]:
    """Card 1 of reported months, by ORI and month: item -> number; details that are missing are left out."""
    oris = dict(agencies.select("ori7", "ori").iter_rows())
    cards = return_a.counts.filter((pl.col("card") == 1) & pl.col("is_reported") & pl.col("ori7").is_in(list(oris)))
    return {
        (oris[row["ori7"]], row["month"]): {item: row[f"item_{item}"] or 0 for item in ITEMS}
        for row in cards.iter_rows(named=True)
    }


@pytest.fixture(scope="module")
def sent(nation: Frames) -> dict[tuple[str, int], str]:
    """Months of the data year -> R, N or RN."""
    forms: dict[tuple[str, int], str] = defaultdict(str)
    months = nation["report_month"].filter(pl.col("data_year") == YEAR).sort("form_code", descending=True)
    for ori, month, form in months.select("ori", "month", "form_code").iter_rows():
        forms[ori, month] += form
    return dict(forms)


@pytest.fixture(scope="module")
def totals_only(return_a: ReturnA) -> set[str]:
    marked = return_a.counts.filter((pl.col("card") == 1) & pl.col("is_totals_only") & pl.col("is_reported"))
    return {f"{ori7}00" for ori7 in marked["ori7"]}


def test_return_a_has_every_agency_once_and_possessions(return_a: ReturnA, agencies: pl.DataFrame) -> None:
    in_states = return_a.agencies.filter(pl.col("state_abbr").is_in(code_list("state")["state_abbr"].implode()))
    assert sorted(in_states["ori7"]) == sorted(agencies["ori7"])
    others = return_a.agencies.join(in_states, on="ori7", how="anti")
    assert set(others["state_abbr"]) == {"PR", "GM", "VI"}
    assert not others["is_eligible"].any()
    eligible = return_a.agencies.filter("is_eligible")
    assert eligible["population"].sum() == agencies.filter(~pl.col("is_covered"))["population"].sum()
    faults = return_a.accounts["quarantine"]
    assert set(faults["reason"]) <= {"duplicate"}


def test_headers_of_return_a_say_what_the_nation_has(return_a: ReturnA, agencies: pl.DataFrame) -> None:
    columns = ["ori7", "state_abbr", "population", "population_group_code", "is_covered", "judicial_district_code",
               "field_office_code"]  # fmt: skip
    found = return_a.agencies.filter(pl.col("ori7").is_in(agencies["ori7"].implode())).select(columns)
    assert_frame_equal(found, agencies.select(columns), check_row_order=False)
    both = return_a.agencies.join(agencies, on="ori7", suffix="_nation")
    covered = both.filter("is_covered")
    assert covered.height
    assert (covered["covered_by_ori7"] == covered["covered_by_ori"].str.head(7)).all()
    uncovered = both.filter(~pl.col("is_covered"))
    assert (uncovered["agency_type_name"] == uncovered["agency_type_name_nation"]).all()


def test_counties_of_return_a(return_a: ReturnA, nation: Frames, agencies: pl.DataFrame) -> None:
    """At most three, which is all that the nation's agencies have; counties that are not in the real nation, blank."""
    listed = code_list("ucr_county").select("ucr_county", fips="county_fips")
    fips = dict(listed.select("fips", "ucr_county").iter_rows())
    own = nation["agency_county"].filter(pl.col("data_year") == YEAR).with_columns(ori7=pl.col("ori").str.head(7))
    expected: dict[str, list[tuple[int, str | None]]] = defaultdict(list)
    for ori7, county, population in own.select("ori7", "county_fips", "population").iter_rows():
        expected[ori7].append((population, fips.get(county)))
    found = {
        row["ori7"]: [(row[f"county_{k}_population"], row[f"county_{k}_code"]) for k in (1, 2, 3)]
        for row in return_a.agencies.iter_rows(named=True)
    }
    for ori7, pieces in expected.items():
        largest_first = sorted(pieces, key=lambda piece: -piece[0])
        assert [population for population, _ in found[ori7]][: len(pieces)] == [one for one, _ in largest_first]
        assert sorted(map(str, found[ori7])) == sorted(map(str, [*pieces, *[(0, None)] * (3 - len(pieces))]))
    assert any(code for pieces in expected.values() for _, code in pieces)
    assert any(len(pieces) == 2 for pieces in expected.values())


def test_months_are_reported_as_incidents_or_as_a_summary(
    counts: dict[tuple[str, int], dict[int, int]], sent: dict[tuple[str, int], str], return_a: ReturnA
) -> None:
    assert set(counts) == set(sent)
    assert {"R", "N", "RN"} == set(sent.values())
    last: dict[str, int] = defaultdict(int)
    for ori, month in sent:
        last[ori[:7]] = max(last[ori[:7]], month)
    assert all(row[1] == last.get(row[0], 0) for row in
               return_a.agencies.select("ori7", "last_month_reported").iter_rows())  # fmt: skip


def test_summaries_have_the_nations_counts_but_for_corrections_and_lost_details(
    counts: dict[tuple[str, int], dict[int, int]],
    sent: dict[tuple[str, int], str],
    totals_only: set[str],
    nation: Frames,
    agencies: pl.DataFrame,
) -> None:
    oris = dict(agencies.select("agency_id", "ori").iter_rows())
    own: dict[tuple[str, int], dict[int, int]] = defaultdict(dict)
    for agency_id, month, item, n in (
        nation["srs_month"].filter((pl.col("data_year") == YEAR) & (pl.col("item_code") < 26))
        .select("agency_id", "month", "item_code", "n").iter_rows()
    ):  # fmt: skip
        own[oris[agency_id], month][item] = n
    summaries = sorted(key for key, forms in sent.items() if "R" in forms)
    differences: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    for key in summaries:
        expected = {item: own[key].get(item, 0) for item in ITEMS}
        if key[0] in totals_only:
            expected[10] -= expected[15]
            expected[25] -= expected[15]
            expected |= dict.fromkeys(DETAILS, 0)
            assert counts[key] == expected
            continue
        for item in ITEMS:
            if (difference := counts[key][item] - expected[item]) != 0:
                differences[key[0], item].append((key[1], difference))
    # A correction takes back in a later month what an earlier one has too many, and its number is negative.
    assert differences
    for (ori, item), changes in differences.items():
        (early, more), (late, less) = sorted(changes)
        assert (more, less) == (1, -1)
        assert early < late
        assert 25 in {each for one, each in differences if one == ori}
        assert item == 25 or min(counts[ori, late].values()) == -1
    senders = {ori for ori, _ in summaries} - totals_only
    assert 0 < len({ori for ori, _ in differences}) < 0.06 * len(senders)


def test_converted_months_have_the_offenses_that_a_summary_counts(
    counts: dict[tuple[str, int], dict[int, int]], sent: dict[tuple[str, int], str], nation: Frames
) -> None:
    crimes = {code: crime for crime, codes in OFFENSES_OF_CRIME.items() for code in codes}
    own: dict[tuple[str, int, str], int] = defaultdict(int)
    offenses = nation["agency_month_offense"].filter(pl.col("data_year") == YEAR)
    for ori, month, code, n in offenses.select("ori", "month", "offense_code", "n_summary").iter_rows():
        if code in crimes:
            own[ori, month, crimes[code]] += n
    converted = [key for key, forms in sent.items() if forms == "N"]
    for ori, month in converted:
        for crime, items in ITEMS_OF_CRIME.items():
            found = sum(sign * counts[ori, month][item] for item, sign in items.items())
            assert found == own[ori, month, crime], (ori, month, crime)
    assert sum(own.values()) > 1000


def test_totals_and_cards(return_a: ReturnA) -> None:
    """In months with details, totals are their sums on every card; others have totals, and no other card."""
    cards = return_a.counts.filter("is_reported")
    detailed = cards.filter(~pl.col("is_totals_only"))
    for total, parts in PARTS.items():
        if total in ITEMS:
            wrong = pl.sum_horizontal(f"item_{part}" for part in parts) != pl.col(f"item_{total}")
            assert detailed.filter(wrong).is_empty(), total
    marked = cards.filter("is_totals_only")
    assert set(marked["card"]) == {1}
    assert marked.select(pl.col([f"item_{item}" for item in DETAILS]).is_null().all()).row(0) == (True,) * len(DETAILS)
    places = marked.join(return_a.agencies, on="ori7")["state_abbr"]
    assert set(places) == {return_a_reports.TOTALS_ONLY_STATE}
    key = ["ori7", "month"]
    wide = {card: detailed.filter(pl.col("card") == card).sort(key) for card in (0, 1, 2, 3)}
    assert wide[1].height == wide[2].height
    for item in ITEMS:
        actual, cleared, young = (wide[card][f"item_{item}"] for card in (1, 2, 3))
        assert ((cleared <= actual) | (actual <= 0) | pl.Series([item in PARTS] * len(actual))).all()
        assert (young <= cleared).all()
    sums = {card: int(frame["item_20"].sum()) for card, frame in wide.items()}
    assert sums[2] / sums[1] == pytest.approx(0.22, abs=0.01)
    assert sums[0] / sums[1] == pytest.approx(0.008, abs=0.002)
    assert return_a.months["officers_assaulted"].sum() > 0


def test_positions_of_return_a(records: list[str], return_a: ReturnA, agencies: pl.DataFrame) -> None:
    """Every fifth record, cut by the positions of the FBI's description."""
    assert {len(record) for record in records} == {7385}
    found = {row["ori7"]: row for row in return_a.agencies.iter_rows(named=True)}
    monthly = {
        (row["ori7"], row["month"], row["card"]): [row[f"item_{item}"] for item in ITEMS]
        for row in return_a.counts.iter_rows(named=True)
    }
    types: dict[str, int] = defaultdict(int)
    for record in records[::5]:
        slow, row = Slow(record), found[record[3:10]]
        for name, value in slow.agency().items():
            assert row[name] == value, name
        assert record[0] == "1"
        assert record[30] == " "
        assert record[43] == ("0" if row["is_covered"] or not row["is_eligible"] else "1")
        assert record[118] == ("7" if row["is_covered"] else "9")
        assert record[120:130] == "SYNTHETIC "
        assert record[280] in ("0" if row["is_covered"] else "12345678 ")
        for month in range(1, 13):
            area = record[305 + 590 * (month - 1) : 305 + 590 * month]
            types[area[8:17]] += 1
            assert (area.strip() == "") == (month > row["last_month_reported"])
            for card in range(4):
                assert monthly[row["ori7"], month, card] == slow.counts(month, card)
    assert set(types) <= {"22222PPPP", "55550PPPP", "02000 T  ", "000000000", "55550" + "0000", " " * 9}
    assert types["22222PPPP"] and types["55550PPPP"] and types["02000 T  "]


def test_records_are_in_the_order_of_states_and_ebcdic(records: list[str]) -> None:
    order = [(record[1:3], record[3:10].encode("cp037")) for record in records]
    assert order == sorted(order)
    assert 0 < len(order) - len(set(order)) < 0.01 * len(order)


def test_lumped_reporters_stay_lumped(return_a: ReturnA, nation: Frames, agencies: pl.DataFrame) -> None:
    planted = SyntheticSource(SCALE).keep_truth(YEAR, SEED, "TX")["synthetic_outlier"]
    annual = planted.filter((pl.col("data_year") == YEAR) & (pl.col("kind") == "annual"))["agency_id"].unique()
    own = agencies.filter(pl.col("agency_id").is_in(annual.implode()))
    found = return_a.agencies.join(own, on="ori7").filter(pl.col("lumped_kind") == "annual")
    totals = nation["srs_month"].filter((pl.col("item_code") == 25) & (pl.col("data_year") == YEAR))
    large = totals.group_by("agency_id").agg(pl.col("n").sum()).filter(pl.col("n") >= 12)
    assert set(found["agency_id"]) == set(own.join(large, on="agency_id")["agency_id"])
    assert found.height


def test_a_quarterly_report_includes_two_months(tmp_path: Path) -> None:
    """Months 1 and 2 are "included in" month 3; the counts of the year are the agency's."""
    agency = {"agency_id": 1, "data_year": 2022, "state_abbr": "NB", "ori": "NB0010100", "legacy_ori": "NB0010100"}
    report = {"agency_id": 1, "data_year": 2022, "form_code": "R", "status": "U"}
    frames = {
        "agency": table("agency", agency),
        "agency_county": table("agency_county", {"ori": "NB0010100", "county_fips": "31001", "data_year": 2022}),
        "report_month": table("report_month", *({**report, "month": month} for month in range(1, 13))),
        "srs_month": table(
            "srs_month",
            *(
                {"agency_id": 1, "data_year": 2022, "month": month, "item_code": item, "n": 9}
                for month in (3, 6, 9, 12)
                for item in (20, 25)
            ),
        ),
        "agency_month_offense": table("agency_month_offense"),
    }
    path = tmp_path / "reta"
    render_return_a(frames, 2022, path, 1)
    found = read_return_a(path)
    own = found.agencies.filter(pl.col("ori7") == "NB00101")
    assert own["lumped_kind"].to_list() == ["quarterly"]
    assert own["months_reported"].to_list() == [12]
    included = found.months.filter(pl.col("ori7") == "NB00101").sort("month")["included_in_month"].to_list()
    assert included == [3, 3, None, 6, 6, None, 9, 9, None, 12, 12, None]
    cards = found.counts.filter((pl.col("ori7") == "NB00101") & (pl.col("card") == 1)).sort("month")
    assert cards["item_20"].to_list() == [None, None, 9] * 4


def test_a_count_beyond_five_digits_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    december = {"agency_id": 1, "data_year": 2022, "month": 12}
    frames = {
        "report_month": table("report_month", {**december, "form_code": "R"}).collect(),
        "srs_month": table("srs_month", {**december, "item_code": 20, "n": 120_000}).collect(),
        "agency_month_offense": table("agency_month_offense").collect(),
    }
    reports = return_a_reports.reports_of(pl.DataFrame({"agency_id": [1], "state_abbr": ["NB"]}), frames, 2022, 1)
    assert reports.counts[0, 11, 1, 20] == 99_999
    assert "Return A of 2022: 1 monthly counts are above 99999" in caplog.text


# ---------------------------------------------------------------- benchmark


def test_the_benchmark_of_five_files_is_that_of_the_nation(
    lazy: dict[str, pl.LazyFrame], nation: Frames, agencies: pl.DataFrame, folder: Path
) -> None:
    """Beside a slow twin that adds up the nation's own counts, one after the other."""
    years = range(YEAR - 4, YEAR + 1)
    files = []
    for year in years:
        render_return_a(lazy, year, folder / f"b{year}.zip", SEED)
        files.append(read_return_a(folder / f"b{year}.zip"))
    found = benchmark(files, agencies.select("ori", "legacy_ori"))

    months: dict[tuple[int, int], dict[int, str]] = defaultdict(lambda: defaultdict(str))
    for agency, year, month, form in (
        nation["report_month"].select("agency_id", "data_year", "month", "form_code").iter_rows()
    ):  # fmt: skip
        months[agency, year][month] += form
    crimes = {code: crime for crime, codes in OFFENSES_OF_CRIME.items() for code in codes}
    n: dict[tuple[int, int, str], int] = defaultdict(int)
    for agency, year, _month, item, number in (
        nation["srs_month"].select("agency_id", "data_year", "month", "item_code", "n").iter_rows()
    ):  # fmt: skip
        for crime, items in ITEMS_OF_CRIME.items():
            n[agency, year, crime] += items.get(item, 0) * number
    for agency, year, month, code, number in (
        nation["agency_month_offense"].select("agency_id", "data_year", "month", "offense_code", "n_summary")
        .iter_rows()
    ):  # fmt: skip
        if months[agency, year][month] == "N" and code in crimes:
            n[agency, year, crimes[code]] += number
    lost = {
        row for file in files for row in
        file.counts.filter((pl.col("card") == 1) & pl.col("is_totals_only")).select("data_year", "ori7").iter_rows()
    }  # fmt: skip
    expected = {}
    for agency, ori, is_covered in agencies.select("agency_id", "ori", "is_covered").iter_rows():
        known = [year for year in years if len(months[agency, year]) >= 3 and not is_covered]
        for crime in ITEMS_OF_CRIME:
            # Agencies that send totals only send no simple assaults.
            is_lost = [crime == "simple_assault" and (year, ori[:7]) in lost for year in known]
            yearly = [
                0 if gone else n[agency, year, crime] * 12 / len(months[agency, year])
                for year, gone in zip(known, is_lost, strict=True)
            ]
            if known:
                expected[ori, crime] = round(max(float(np.mean(yearly)), 0.0), 3)
    own = found.filter(pl.col("crime_type").is_in(list(ITEMS_OF_CRIME)))
    rows = {(ori, crime): value for ori, crime, value in
            own.select("ori", "crime_type", "n_twelve_months").iter_rows()}  # fmt: skip
    assert set(rows) == set(expected)
    for key, value in expected.items():
        assert rows[key] == pytest.approx(value, abs=0.002), key
    assert sum(expected.values()) > 10_000


# ---------------------------------------------------------------- police employees


@pytest.mark.parametrize("year", [FORMER_YEAR, YEAR])
def test_table_of_police_employees(year: int, lazy: dict[str, pl.LazyFrame], nation: Frames, folder: Path) -> None:
    path = folder / f"employees{year}.csv"
    number = render_employees_table(lazy["agency"], year, path, SEED)
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert len(rows) == number
    is_new = year == YEAR
    civilian, missing, separator = ("cilvilian", "NULL", ", ") if is_new else ("civilian", "", "; ")
    own = {(str(row["data_year"]), row["ori"]): row for row in
           nation["agency"].filter(pl.col("data_year") <= year).iter_rows(named=True)}  # fmt: skip
    reporters = {key for key, row in own.items() if row["male_officers"] is not None}
    found = [(row["data_year"], row["ori"]) for row in rows]
    assert set(found) == (reporters if is_new else set(own))
    assert len(found) - len(set(found)) > 0 or is_new
    assert {name.removeprefix("SYNTHETIC ") != name for row in rows for name in [row["pub_agency_name"]]} == {True}
    groups = set(code_list("population_group")["label"])
    for row in rows:
        agency = own[row["data_year"], row["ori"]]
        assert row["population"] == str(agency["population"])
        assert row["population_group_desc"] in groups
        assert row["agency_type_name"] == agency["agency_type_name"]
        assert row["county_name"] == agency["county_name"].replace(";", separator)
        texts = [row["male_officer_ct"], row[f"male_{civilian}_ct"], row["female_officer_ct"],
                 row[f"female_{civilian}_ct"]]  # fmt: skip
        names = ("male_officers", "male_civilians", "female_officers", "female_civilians")
        assert texts == [missing if agency[name] is None else str(agency[name]) for name in names]
        if texts[0] != missing:
            male_o, male_c, female_o, female_c = map(int, texts)
            assert int(row["officer_ct"]) == male_o + female_o
            assert int(row["male_total_ct"]) == male_o + male_c
            assert int(row["total_pe_ct"]) == male_o + male_c + female_o + female_c
            rate = row["pe_ct_per_1000"]
            if agency["population"]:
                assert float(rate) == pytest.approx(int(row["total_pe_ct"]) / agency["population"] * 1000, abs=0.0051)
            else:
                assert rate == missing


def test_police_employee_master_file(lazy: dict[str, pl.LazyFrame], agencies: pl.DataFrame, folder: Path) -> None:
    """Cut by the positions of the FBI's description."""
    path = folder / "pe.txt"
    render_employees_master(lazy["agency"], YEAR, path, SEED)
    lines = path.read_bytes().decode("latin-1").removesuffix("\r\n").split("\r\n")
    own = {row["ori7"]: row for row in agencies.iter_rows(named=True)}
    assert {len(line) for line in lines} == {7689}
    assert sorted(line[3:10] for line in lines) == sorted(own)
    uses = []
    for line in lines:
        agency = own[line[3:10]]
        assert line[0] == "5"
        assert line[10:12].strip() == agency["population_group_code"]
        assert line[13:15] == "24"
        assert int(line[23:32]) == agency["population"]
        assert line[32:42] == "SYNTHETIC "
        uses.append(line[254])
        assert line[269] == str(int(agency["is_covered"]))
        numbers = [int(line[first - 1 : first + 4]) for first in (63, 68, 73, 78, 83, 88, 93)]
        male_o, male_c, male, female_o, female_c, female, total = numbers
        assert (male, female, total) == (male_o + male_c, female_o + female_c, male + female)
        if line[254] == "1":
            assert agency["male_officers"] is None
            assert total == 0
            assert line[255:267] == "1" * 12
        else:
            assert [male_o, male_c, female_o, female_c] == [
                agency[name] for name in ("male_officers", "male_civilians", "female_officers", "female_civilians")
            ]
            assert line[255:267] == "0" * 12
            if agency["population"]:
                rate = min(999, round(10_000 * (male_o + female_o) / agency["population"]))
                assert abs(int(line[97:100]) - rate) <= 1
    assert set(uses) == {"0", "1", "2"}
    assert uses.count("2") < 0.03 * len(uses)


# ---------------------------------------------------------------- list of agencies


def test_list_of_agencies(folder: Path) -> None:
    """Beside data year 2022, a list of 2023 has starts that lie ahead."""
    today = agency_frame(2023, SEED, SCALE)
    path = folder / "list.zip"
    number = render_agency_list(today, path, SEED)
    rows = []
    with zipfile.ZipFile(path) as archive:
        postal = set(code_list("state")["state_postal_abbr"])
        assert {name.removesuffix(".json") for name in archive.namelist()} == postal
        for name in archive.namelist():
            for county, listed in json.loads(archive.read(name)).items():
                for row in listed:
                    assert county in row["counties"].split(", ")
                    assert f"{row['state_abbr']}.json" == name
                    assert row["state_name"].startswith("SYNTHETIC ")
                    rows.append(row)
    by_ori = {row["ori"]: row for row in rows}
    # One in two counties stands under each, equal.
    assert all(by_ori[row["ori"]] == row for row in rows)
    assert len(by_ori) == number < len(rows)
    later = {row["ori"]: row for row in today.iter_rows(named=True)}
    assert not any(later[ori]["is_dormant"] for ori in by_ori)
    covered = [ori for ori, row in later.items() if row["is_covered"]]
    assert 0 < len([ori for ori in covered if ori in by_ori]) < 0.2 * len(covered)
    started = {ori for ori, row in later.items() if row["nibrs_start_date"] is not None}
    assert started <= set(by_ori)
    for ori, row in by_ori.items():
        start = later[ori]["nibrs_start_date"]
        assert row["nibrs_start_date"] == (start.isoformat() if start else None)
        assert row["agency_name"] == later[ori]["published_agency_name"]
        is_typed = row["agency_type_name"] is not None
        assert (row["latitude"] is not None) == is_typed
        assert row["counties"] == (later[ori]["county_name"].replace(";", ", ") if is_typed else "NOT SPECIFIED")
    assert 0.8 < sum(row["agency_type_name"] is not None for row in by_ori.values()) / number < 0.98
    ahead = [row for row in by_ori.values() if (row["nibrs_start_date"] or "") > "2022-12-31"]
    assert sum(row["is_nibrs"] for row in ahead) > 10
    assert any(row["nibrs_start_date"] and not row["is_nibrs"] for row in by_ori.values())


# ---------------------------------------------------------------- Census Bureau


@pytest.mark.parametrize("year", [FORMER_YEAR, YEAR])
def test_residents(year: int, nation: Frames, folder: Path) -> None:
    own = nation["county_population"].with_columns(data_year=pl.lit(year, pl.Int16))
    names = nation["agency_county"].select("county_fips", "county_name").unique("county_fips", keep="any")
    groups, single = folder / f"cc-est{year}-alldata.csv", folder / f"cc-est{year}-syasex.csv"
    assert render_residents(own.lazy(), names, year, groups, single, SEED) == own["county_fips"].n_unique()
    found = census_county_population(groups, single, year)
    key = ["county_fips", "sex_code", "age_bin_code", "race_code", "ethnicity_code"]
    both = own.join(found, on=key, suffix="_found")
    assert both.height == own.height == found.height
    difference = (pl.col("population") - pl.col("population_found")).cast(pl.Int64)
    # Nobody is lost or moves to another county; races and ages are rounded.
    by_county = both.group_by("county_fips").agg(difference.sum().alias("d"))
    assert set(by_county["d"]) == {0}
    moved = both.select(difference.abs().sum() / pl.col("population").sum()).item()
    assert moved < 0.002
    by_sex = both.group_by("county_fips", "sex_code").agg(difference.sum().abs().alias("d"))
    assert by_sex.filter(pl.col("d") > 5).is_empty()

    header = groups.open(encoding="latin-1").readline().strip().split(",")
    letters = ("WA", "BA", "IA", "AA", "NA")
    pairs = [*letters, "TOM", *(f"{each}C" for each in letters)]
    pairs = [*pairs, "NH", *(f"NH{each}" for each in pairs), "H", *(f"H{each}" for each in pairs)]
    assert len(header) == 80
    assert header == [
        "SUMLEV", "STATE", "COUNTY", "STNAME", "CTYNAME", "YEAR", "AGEGRP", "TOT_POP", "TOT_MALE", "TOT_FEMALE",
        *(f"{each}_{sex}" for each in pairs for sex in ("MALE", "FEMALE")),
    ]  # fmt: skip
    table = pl.read_csv(groups, schema_overrides={"STATE": pl.String, "COUNTY": pl.String})
    for sex in ("MALE", "FEMALE"):
        alone = [f"{each}_{sex}" for each in (*letters, "TOM")]
        assert table.filter(pl.sum_horizontal(alone) != pl.col(f"TOT_{sex}")).is_empty()
        assert table.filter(pl.col(f"NH_{sex}") + pl.col(f"H_{sex}") != pl.col(f"TOT_{sex}")).is_empty()
        combined = pl.sum_horizontal(f"{each}C_{sex}" for each in letters)
        twice = pl.sum_horizontal(f"{each}_{sex}" for each in letters) + 2 * pl.col(f"TOM_{sex}")
        assert table.filter(combined != twice).is_empty()
    assert table["STNAME"].str.starts_with("SYNTHETIC ").all()
    # Vintage and years are told by the content, whatever the name.
    renamed = folder / f"residents{year}"
    renamed.mkdir()
    for place, path in enumerate((groups, single)):
        (renamed / f"file{place}.csv").write_bytes(path.read_bytes())
    recognized = [file.recognized for file in survey(renamed, year).files]
    assert [file.kind.name for file in recognized if file] == ["county_people", "single_years"]
    assert {file.edition for file in recognized if file} == {year}


def test_metropolitan_areas(nation: Frames, lazy: dict[str, pl.LazyFrame], folder: Path) -> None:
    path = folder / "list1.csv"
    number = render_metropolitan_areas(lazy["agency_county"], YEAR, path)
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
    assert f"July {YEAR}" in rows[1][0]
    assert "SYNTHETIC" in rows[0][0]
    header = rows[2]
    counties = [dict(zip(header, row, strict=True)) for row in rows[3 : 3 + number]]
    assert rows[3 + number][0] == ""
    own = nation["agency_county"].filter(pl.col("data_year") == YEAR)
    areas = {
        county: (area, division)
        for county, area, division in own.select("county_fips", "msa_name", "metro_division_name").iter_rows()
    }
    found = {row["FIPS State Code"] + row["FIPS County Code"]: row for row in counties}
    assert len(found) == number
    kind = "Metropolitan/Micropolitan Statistical Area"
    for county, (area, division) in areas.items():
        if area is None:
            assert county not in found or found[county][kind].startswith("Micro")
        else:
            row = found[county]
            assert (row["CBSA Title"], row["Metropolitan Division Title"]) == (area, division or "")
            assert row[kind].startswith("Metro")
            assert len(row["CBSA Code"]) == 5
    codes = defaultdict(set)
    for row in counties:
        codes[row["CBSA Code"]].add(row["CBSA Title"])
    assert all(len(titles) == 1 for titles in codes.values())
    assert any(row[kind].startswith("Micro") for row in counties)
    assert any(division for _, division in areas.values())


# ---------------------------------------------------------------- all


def test_equal_seeds_give_equal_bytes(lazy: dict[str, pl.LazyFrame], tmp_path: Path) -> None:
    def digest(seed: int, name: str) -> str:
        path = tmp_path / name
        render_return_a(lazy, YEAR, path, seed)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    assert digest(SEED, "one.zip") == digest(SEED, "two.zip")
    assert digest(SEED, "one.zip") != digest(SEED + 1, "three.zip")
