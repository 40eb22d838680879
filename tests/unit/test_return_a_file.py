"""The Return A master file: worked examples, a slow twin on made-up records, and files that are wrong."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.return_a_file import (
    BLANK_MONTH,
    LENGTH,
    NOT_REPORTED,
    Slow,
    example_records,
    month,
    number,
    record,
)
from tests.support.shared_data import SHARED_DATA

from nibrs_estimation.model.intake import INTAKE_COUNT, INTAKE_FILE, INTAKE_LOSS, QUARANTINE, REASONS, REMEDIES
from nibrs_estimation.model.return_a_file import DETAIL_COLUMNS, ITEM_COLUMNS, RETURN_A_AGENCY, RETURN_A_COUNT
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.sources.intake.manifest import write_intake_manifest
from nibrs_estimation.sources.registry import open_source
from nibrs_estimation.sources.return_a import ReturnA, ReturnASource, read_return_a
from nibrs_estimation.sources.return_a.summary import offenses_of_year, summarize

EXAMPLES = SHARED_DATA / "public" / "made_up_examples" / "reta_example.txt"


def write(path: Path, records: Sequence[str], end: str = "\r\n") -> Path:
    path.write_bytes("".join(text + end for text in records).encode("latin-1"))
    return path


def read(folder: Path, *records: str) -> ReturnA:
    return read_return_a(write(folder / "reta.txt", records))


def faults(found: ReturnA) -> list[tuple[str, str, str, str | None, bool]]:
    columns = ("record", "column_name", "reason", "value", "is_row")
    return found.accounts[QUARANTINE.name].select(columns).sort("record", "column_name").rows()


@pytest.fixture(params=["written here", "shared file"])
def examples(request: pytest.FixtureRequest, tmp_path: Path) -> ReturnA:
    if request.param == "written here":
        return read(tmp_path, *example_records())
    if not EXAMPLES.is_file():
        pytest.skip(f"no {EXAMPLES.name} under NIBRS_SHARED_DATA={SHARED_DATA}")
    return read_return_a(EXAMPLES)


def test_examples_of_agencies(examples: ReturnA) -> None:
    columns = (
        "ori7", "ori", "state_abbr", "population_group_code", "agency_type_name", "is_covered", "covered_by_ori7",
        "is_eligible", "population", "county_2_code", "last_month_reported", "months_reported", "lumped_kind",
    )  # fmt: skip
    assert examples.data_year == 2014
    assert examples.agencies.select(columns).rows() == [
        ("ZZ00100", "ZZ0010000", "OT", "8C", "County", False, None, False, 22_000, None, 7, 2, None),
        ("ZZ00101", "ZZ0010100", "OT", "5", "City", False, None, False, 17_500, "002", 12, 12, None),
        ("ZZ00102", "ZZ0010200", "OT", "7", None, True, "ZZ00100", False, 800, None, 0, 0, None),
        ("ZZ00103", "ZZ0010300", "OT", "6", "City", False, None, False, 4_000, None, 3, 3, None),
    ]
    assert examples.agencies.filter(~pl.col("is_covered"))["population"].sum() == 43_500


def test_examples_of_a_year(examples: ReturnA) -> None:
    year = offenses_of_year(examples.counts.lazy()).sort("ori7").collect().drop("data_year")
    crimes = (
        "murder",
        "rape",
        "robbery",
        "aggravated_assault",
        "simple_assault",
        "burglary",
        "larceny",
        "vehicle_theft",
    )
    assert year.select("ori7", *crimes).rows() == [
        ("ZZ00100", 1, 0, 0, 4, 0, 32, 58, 6),
        ("ZZ00101", 1, 1, 3, 3, 6, 5, 194, 2),
        ("ZZ00102", 0, 0, 0, 0, 0, 0, 0, 0),
        ("ZZ00103", 0, 0, 0, 0, 0, 0, 9, 0),
    ]
    of_city = examples.counts.filter((pl.col("ori7") == "ZZ00101") & (pl.col("card") == 1))
    assert of_city["item_25"].sum() == 215


def test_examples_of_months(examples: ReturnA) -> None:
    of_agency = examples.months.filter("is_reported").group_by("ori7").agg("month").sort("ori7")
    assert of_agency.rows() == [
        ("ZZ00100", [6, 7]),
        ("ZZ00101", list(range(1, 13))),
        ("ZZ00103", [1, 2, 3]),
    ]
    within = examples.months.filter(pl.col("included_in_month").is_not_null())
    assert within.select("ori7", "month", "included_in_month").rows() == [("ZZ00103", 1, 3), ("ZZ00103", 2, 3)]
    assert within["updated_date"].unique().to_list() == [datetime.date(2015, 2, 10)]
    elsewhere = examples.counts.filter((pl.col("ori7") == "ZZ00103") & (pl.col("month") < 3))
    assert elsewhere.select(pl.col(ITEM_COLUMNS).is_null().all()).row(0) == (True,) * 26


def test_an_empty_month_is_a_report_of_zeros(examples: ReturnA) -> None:
    march = examples.counts.filter((pl.col("ori7") == "ZZ00101") & (pl.col("month") == 3) & (pl.col("card") == 1))
    assert march["is_reported"].to_list() == [True]
    assert march.select(ITEM_COLUMNS).row(0) == (0,) * 26


def test_corrections_stay_negative(examples: ReturnA) -> None:
    february = examples.counts.filter((pl.col("ori7") == "ZZ00101") & (pl.col("month") == 2)).sort("card")
    assert february.select("item_2", "item_3", "item_25").rows()[:2] == [(1, 1, 1), (-1, -1, 11)]


def test_details_of_a_month_of_totals_are_missing(examples: ReturnA) -> None:
    june = examples.counts.filter((pl.col("ori7") == "ZZ00100") & (pl.col("month") == 6) & (pl.col("card") == 1))
    assert june["is_totals_only"].item()
    assert june.select(DETAIL_COLUMNS).row(0) == (None,) * len(DETAIL_COLUMNS)
    assert june.select("item_0", "item_1", "item_2", "item_10", "item_20", "item_25").row(0) == (1, 0, 0, 4, 55, 96)


def test_a_detail_that_a_month_of_totals_has_is_kept(tmp_path: Path) -> None:
    assaults = month({1: {10: 10, 15: 7, 25: 10}}, "05000", " T  ")
    counts = read(tmp_path, record([assaults])).counts
    first = counts.filter((pl.col("month") == 1) & (pl.col("card") == 1))
    assert first.select("item_10", "item_15", "item_11").row(0) == (10, 7, None)


def test_cards_that_were_not_reported_are_missing_in_a_reported_month(tmp_path: Path) -> None:
    counts = read(tmp_path, record([month({1: {20: 3, 25: 3}}, "05000", " T  ")])).counts
    first = counts.filter(pl.col("month") == 1).sort("card")
    assert first.select("is_reported", "item_20").rows() == [(False, None), (True, 3), (False, None), (False, None)]


@pytest.mark.parametrize(
    ("text", "is_reported"),
    [
        (month(types="05000"), True),
        (month(types="02000"), True),
        (month(types="00000"), False),
        (NOT_REPORTED, False),
        (BLANK_MONTH, False),
        (month({1: {20: 4, 25: 4}}, types="00000"), True),
        (month({1: {20: 4, 25: 4}}, types="04000"), False),
        (month(types="04000"), False),
        (month(types="05000", included_in="12"), True),
    ],
)
def test_which_months_were_reported(text: str, is_reported: bool, tmp_path: Path) -> None:
    found = read(tmp_path, record([text]))
    assert found.months.filter(pl.col("month") == 1)["is_reported"].item() is is_reported
    assert found.agencies["months_reported"].item() == int(is_reported)
    numbers = found.counts.filter((pl.col("month") == 1) & (pl.col("card") == 1))["item_20"]
    assert (numbers.item() is None) is (not is_reported or text[:2] == "12")


def test_officers(tmp_path: Path) -> None:
    found = read(tmp_path, record([month(types="55555", officers=(1, 2, 30)), month(officers=(0, 0, 0))]))
    assert found.months.select("officers_killed", "officers_killed_by_accident", "officers_assaulted").rows()[:2] == [
        (1, 2, 30),
        (None, None, None),
    ]


@pytest.mark.parametrize(
    ("busy", "offenses", "kind"),
    [
        ([12], 12, "annual"),
        ([6], 12, "semiannual"),
        ([6, 12], 6, "semiannual"),
        ([3, 12], 6, "quarterly"),
        ([3, 6, 9, 12], 3, "quarterly"),
        ([12], 11, None),
        ([1, 12], 6, None),
    ],
)
def test_counts_of_several_months_in_one(busy: list[int], offenses: int, kind: str | None, tmp_path: Path) -> None:
    full = month({1: {20: offenses, 25: offenses}})
    year = [full if number_ in busy else month() for number_ in range(1, 13)]
    found = read(tmp_path, record(year), record([*year[:-1], NOT_REPORTED], ori7="ZZ00102"))
    assert found.agencies["lumped_kind"].to_list() == [kind, None]


MONTHS = st.builds(
    lambda counts, types, marks, included_in, officers: month(counts, types, marks, included_in, officers=officers),
    st.dictionaries(
        st.integers(0, 3), st.dictionaries(st.integers(0, 27), st.integers(-9_999, 99_999), max_size=4), max_size=4
    ),
    st.text("0245 ", min_size=5, max_size=5),
    st.text("PT0 ", min_size=4, max_size=4),
    st.sampled_from(["00", "  ", "03", "12"]),
    st.tuples(st.integers(0, 999), st.integers(0, 999), st.integers(-99, 9_999)),
)
YEARS = st.lists(st.one_of(st.just(BLANK_MONTH), st.just(NOT_REPORTED), st.just(month()), MONTHS), max_size=12)
RECORDS = st.builds(
    lambda months, counties, covered_by, year: record(months, counties=counties, covered_by=covered_by, year=year),
    YEARS,
    st.lists(st.tuples(st.integers(0, 9_999_999), st.just("001"), st.just("123")), max_size=3),
    st.sampled_from(["", "ZZ99999"]),
    st.just("13"),
)


@settings(max_examples=60)
@given(st.lists(RECORDS, min_size=1, max_size=3), st.sampled_from(["\r\n", "\n"]))
def test_the_reader_agrees_with_its_slow_twin(
    tmp_path_factory: pytest.TempPathFactory, records: list[str], end: str
) -> None:
    named = [text[:3] + f"ZZ{place:05d}" + text[10:] for place, text in enumerate(records)]
    found = read_return_a(write(tmp_path_factory.mktemp("twin") / "reta.txt", named, end))
    slow = [Slow(text) for text in named]
    expected = [twin.agency() for twin in slow]
    assert found.agencies.select(list(expected[0])).to_dicts() == expected
    months = [twin.is_reported(month_, 1) for twin in slow for month_ in range(1, 13)]
    assert found.months["is_reported"].to_list() == months
    places = [(twin, month_, card) for twin in slow for month_ in range(1, 13) for card in range(4)]
    assert found.counts["is_reported"].to_list() == [twin.is_reported(*place) for twin, *place in places]
    assert [list(row) for row in found.counts.select(ITEM_COLUMNS).rows()] == [
        twin.counts(*place) for twin, *place in places
    ]


@given(st.integers(-9_999, 99_999))
def test_numbers_survive_their_text(tmp_path_factory: pytest.TempPathFactory, value: int) -> None:
    found = read(tmp_path_factory.mktemp("number"), record([month({1: {20: value}})]))
    assert found.counts.filter((pl.col("month") == 1) & (pl.col("card") == 1))["item_20"].item() == value
    assert len(number(value)) == 5


def test_positive_numbers_may_be_marked_too(tmp_path: Path) -> None:
    text = record([month({1: {20: 123, 21: 450}})])
    marked = text.replace("00123", "0012C", 1).replace("00450", "0045{", 1)
    counts = read(tmp_path, marked).counts.filter((pl.col("month") == 1) & (pl.col("card") == 1))
    assert counts.select("item_20", "item_21").row(0) == (123, 450)


@pytest.mark.parametrize("year", [("60", 1960), ("74", 1974), ("99", 1999), ("00", 2000), ("59", 2059)])
def test_years_of_two_digits(year: tuple[str, int], tmp_path: Path) -> None:
    path = write(tmp_path / "reta.txt", [record([], year=year[0])])
    assert (read_return_a(path).data_year, ReturnASource(path).newest_year()) == (year[1], year[1])


@pytest.mark.parametrize("rest", ["\x1a", "\x1a\r\n", "   ", "\r\n\r\n", "  \x1a"])
def test_a_rest_of_blanks_or_end_marks_is_no_record(rest: str, tmp_path: Path) -> None:
    path = tmp_path / "reta.txt"
    path.write_bytes((record([]) + "\r\n" + rest).encode())
    found = read_return_a(path)
    assert found.accounts[INTAKE_COUNT.name]["rows_read"].to_list() == [1]
    assert faults(found) == []


def test_eligible_agencies_are_in_the_states_and_not_covered(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        record([], ori7="NB00100", state="26"),
        record([], ori7="DC00100", state="08"),
        record([], ori7="GM00100", state="55", group="0 ", division="0"),
        record([], ori7="TX00100", state="42", covered_by="TX00200"),
    )
    columns = ("state_abbr", "is_eligible", "population_group_code", "division_code")
    assert found.agencies.select(columns).sort("state_abbr").rows() == [
        ("DC", True, "5", 1),
        ("GM", False, None, None),
        ("NB", True, "5", 1),
        ("TX", False, "5", 1),
    ]
    summary = summarize(found.agencies.lazy(), found.counts.lazy())
    assert (summary.agencies, summary.covered, summary.eligible, summary.population) == (4, 1, 2, 30_000)


def changed(text: str, first: int, characters: str) -> str:
    return text[: first - 1] + characters + text[first - 1 + len(characters) :]


GOOD = record([month()])
#: A record as it should be -> how one is wrong, the field and the reason.
WRONG: dict[str, tuple[Callable[[str], str], str, str, str]] = {
    "short": (lambda text: text[:-1], "length 7384 of 7385", "wrong_record", GOOD[:200]),
    "long": (lambda text: text + "0", "length 7386 of 7385", "wrong_record", GOOD[:200]),
    "other type": (lambda text: changed(text, 1, "5"), "record type (positions 1 to 1)", "wrong_record", "5"),
    "state": (lambda text: changed(text, 2, "57"), "state (positions 2 to 3)", "unknown_code", "57"),
    "ori": (lambda text: changed(text, 4, "ZZ 0101"), "ORI (positions 4 to 10)", "missing_value", "ZZ 0101"),
    "year": (lambda text: changed(text, 14, "1X"), "year (positions 14 to 15)", "not_a_number", "1X"),
    "other year": (lambda text: changed(text, 14, "13"), "year (positions 14 to 15)", "other_year", "2013"),
    "population": (
        lambda text: changed(text, 60, "00000A000"),
        "population in county 2 (positions 60 to 68)",
        "not_a_number",
        "00000A000",
    ),
    "count": (
        lambda text: changed(text, 306 + 590 * 2 + 157 + 10, "00?00"),
        "month 3, card 1, item 2 (positions 1653 to 1657)",
        "not_a_number",
        "00?00",
    ),
    "half a number": (
        lambda text: changed(text, 306 + 17, "   12"),
        "month 1, card 0, item 0 (positions 323 to 327)",
        "not_a_number",
        "   12",
    ),
    "officers": (
        lambda text: changed(text, 306 + 590 * 11 + 583, "ABCDEFG"),
        "month 12, officers assaulted (positions 7379 to 7385)",
        "not_a_number",
        "ABCDEFG",
    ),
    "type of card": (
        lambda text: changed(text, 306 + 9, "3"),
        "month 1, type of card 1 (positions 315 to 315)",
        "unknown_code",
        "3",
    ),
    "mark": (
        lambda text: changed(text, 306 + 14, "Q"),
        "month 1, details or totals of card 1 (positions 320 to 320)",
        "unknown_code",
        "Q",
    ),
    "included in": (
        lambda text: changed(text, 306, "13"),
        "month 1, included in month (positions 306 to 307)",
        "out_of_range",
        "13",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_record_that_is_wrong_is_set_aside_with_field_and_remedy(name: str, tmp_path: Path) -> None:
    spoil, field, reason, value = WRONG[name]
    others = [record([month()], ori7=f"ZZ0020{place}") for place in range(3)]
    found = read(tmp_path, *others[:2], spoil(GOOD), others[2])
    assert faults(found) == [("line 3", field, reason, value, True)]
    assert found.accounts[QUARANTINE.name]["remedy"].item() == REMEDIES[reason]
    assert found.agencies["ori7"].to_list() == ["ZZ00200", "ZZ00201", "ZZ00202"]
    assert (found.months.height, found.counts.height) == (36, 144)
    balance(found)


VALUES = {
    "group": (11, "ZZ", "population group (positions 11 to 12)", "unknown_code", "population_group_code"),
    "division": (13, "X", "division (positions 13 to 13)", "unknown_code", "division_code"),
    "core city": (23, "X", "core city (positions 23 to 23)", "unknown_code", "is_core_city"),
    "last month": (42, "13", "last month reported (positions 42 to 43)", "out_of_range", "last_month_reported"),
    "census": (90, "X", "census population in county 1 (positions 90 to 98)", "not_a_number", "census_population"),
    "type": (281, "X", "agency type (positions 281 to 281)", "unknown_code", "agency_type_name"),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_that_is_wrong_is_missing_and_its_record_kept(name: str, tmp_path: Path) -> None:
    first, characters, field, reason, column = VALUES[name]
    found = read(tmp_path, changed(GOOD, first, characters), record([], ori7="ZZ00200"))
    ((line, told, why, _value, is_row),) = faults(found)
    assert (line, told, why, is_row) == ("line 1", field, reason, False)
    assert found.agencies[column][0] is None
    assert found.agencies[column][1] is not None
    balance(found)


def test_a_date_that_is_not_on_the_calendar_is_missing(tmp_path: Path) -> None:
    months = [month(updated=date) for date in ("022914", "130114", "X10114", "000000", "      ", "022916")]
    found = read(tmp_path, record(months))
    assert [fault[1:4] for fault in faults(found)] == [
        ("month 1, month updated (positions 308 to 313)", "impossible_date", "022914"),
        ("month 2, month updated (positions 898 to 903)", "impossible_date", "130114"),
        ("month 3, month updated (positions 1488 to 1493)", "impossible_date", "X10114"),
    ]
    assert found.months["updated_date"].drop_nulls().to_list() == [datetime.date(2016, 2, 29)]
    balance(found)


def test_an_equal_record_is_left_out(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD, record([], ori7="ZZ00200"), GOOD)
    assert faults(found) == [("line 3", "", "duplicate", None, True)]
    assert found.agencies.height == 2
    balance(found)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_different_records_with_one_ori_the_largest_population_is_kept(
    order: tuple[int, int], tmp_path: Path
) -> None:
    both = [record([month()], counties=[(0, "001", "")]), record([month()], counties=[(9_000, "001", "")])]
    found = read(tmp_path, *(both[place] for place in order), record([], ori7="ZZ00200"))
    assert [fault[1:3] for fault in faults(found)] == [("", "conflict")]
    assert found.agencies["population"].to_list() == [9_000, 15_000]
    balance(found)


def balance(found: ReturnA) -> None:
    """What was read is accounted for, and the datasets fit their declarations."""
    row = {
        "input_name": "reta.txt", "state_abbr": "US", "data_year": found.data_year, "layout": "return_a",
        "use": "summary", "is_excerpt": False, "sha256": found.sha256,
    }  # fmt: skip
    file = checked(pl.DataFrame([row], schema=INTAKE_FILE.schema), INTAKE_FILE)
    datasets = (INTAKE_COUNT, QUARANTINE, INTAKE_LOSS)
    accounts = (checked(found.accounts[dataset.name], dataset).lazy() for dataset in datasets)
    write_intake_manifest(file.lazy(), *accounts)
    checked(found.agencies, RETURN_A_AGENCY)
    checked(found.counts, RETURN_A_COUNT)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 3 * 7387 - 1), st.integers(0, 255)), min_size=1, max_size=20))
def test_damaged_files_are_accounted_for_or_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    path = write(tmp_path_factory.mktemp("damage") / "reta.txt", example_records()[:3])
    content = bytearray(path.read_bytes())
    for place, character in changes:
        content[place] = character
    path.write_bytes(content)
    try:
        found = read_return_a(path)
    except PipelineError:
        return
    balance(found)


def test_every_reason_has_a_remedy() -> None:
    assert REASONS.keys() == REMEDIES.keys()


def test_a_zip_reads_as_its_text(tmp_path: Path) -> None:
    text = write(tmp_path / "reta.txt", example_records())
    with zipfile.ZipFile(tmp_path / "reta.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.write(text, "folder/RETA14.DAT")
    zipped, plain = read_return_a(tmp_path / "reta.zip"), read_return_a(text)
    assert zipped.agencies.equals(plain.agencies)
    assert zipped.months.equals(plain.months)
    assert zipped.counts.equals(plain.counts)
    assert ReturnASource(tmp_path / "reta.zip").newest_year() == 2014


NOT_RETURN_A = {
    "nibrs": "BH50AL0010000" + " " * 200,
    "csv": "ori,year\nAL0010000,2014",
    "police employees": "5" + " " * 7688,
    "one line": "".join(example_records()),
    "empty": "",
    "blank": "  \r\n",
}


@pytest.mark.parametrize("name", NOT_RETURN_A)
def test_a_file_that_is_no_return_a_file_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "reta.txt"
    path.write_bytes(NOT_RETURN_A[name].encode())
    with pytest.raises(PipelineError, match=r"reta.txt is not a Return A master file: .* Name the file"):
        read_return_a(path)
    with pytest.raises(PipelineError, match=r"reta.txt is not a Return A master file"):
        ReturnASource(path).newest_year()


def test_a_file_most_of_whose_records_are_faulty_is_refused(tmp_path: Path) -> None:
    spoiled = [changed(record([], ori7=f"ZZ0010{place}"), 2, "57") for place in range(3)]
    with pytest.raises(PipelineError, match=r"line 2, state \(positions 2 to 3\): '57' .* 3 of 4 records are faulty"):
        read(tmp_path, GOOD, *spoiled)


def test_files_that_cannot_be_opened_are_told(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"nothing.zip does not exist"):
        read_return_a(tmp_path / "nothing.zip")
    with pytest.raises(PipelineError, match=r"is a folder"):
        read_return_a(tmp_path)
    for names in ((), ("a.txt", "b.dat"), ("a.csv",)):
        path = tmp_path / f"{len(names)}.zip"
        with zipfile.ZipFile(path, "w") as file:
            for name in names or ("readme.pdf",):
                file.writestr(name, GOOD)
        with pytest.raises(PipelineError, match=r"zip must hold one text \(.txt or .dat\); it holds"):
            read_return_a(path)


def test_the_source_looks_at_the_first_record(tmp_path: Path) -> None:
    path = write(
        tmp_path / "reta.txt", [GOOD, record([], ori7="ZZ00200", year="13"), record([], ori7="ZZ00201", year="13")]
    )
    source = ReturnASource(path)
    probe = source.probe(2014, 1)
    assert (probe.years, probe.partitions, probe.is_synthetic) == ((2014,), {"state_abbr": ("US",)}, False)
    with pytest.raises(PipelineError, match=r"is of 2014, not of 2013"):
        source.probe(2013, 1)
    with pytest.raises(PipelineError, match=r"its first record is of 2014, but most are of 2013"):
        source.ingest_return_a(2014)


def test_a_run_cannot_use_a_return_a_file() -> None:
    with pytest.raises(UsageError, match=r"holds monthly counts and no incidents.*nibrs ingest return-a reta.zip"):
        open_source("return-a:reta.zip", None)


def test_a_record_has_the_length_of_the_description() -> None:
    assert {len(text) for text in example_records()} == {LENGTH}
