"""The NIBRS master file: worked examples, real lines, a slow reader, and bad input."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from tests.support.master_file import (
    NO_MONTHS,
    administrative,
    arrestee,
    frames_of,
    group_b,
    header,
    loss,
    offender,
    offense,
    old_headers,
    slow_read,
    victim,
    write_file,
)
from tests.support.master_file import (
    incident as whole_incident,
)
from tests.support.shared_data import SHARED_DATA

from nibrs_estimation.model import incident
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.sources.intake.manifest import MANIFEST_TASK, write_intake_manifest
from nibrs_estimation.sources.master import MasterSource
from nibrs_estimation.sources.master import agency_id as numbering
from nibrs_estimation.sources.master import lines as line_reading
from nibrs_estimation.sources.master.headers import agency_frame, numbered, read_headers, reported_months
from nibrs_estimation.sources.master.incidents import repeats
from nibrs_estimation.sources.master.reading import accounts_of, pass_through, read_state
from nibrs_estimation.sources.registry import open_source

Frames = dict[str, pl.DataFrame]
EXAMPLE = SHARED_DATA / "public" / "made_up_examples" / "nibrs_master_example.txt"
REAL_LINES = SHARED_DATA / "public" / "nibrs_master_lines"
needs_data = pytest.mark.skipif(not EXAMPLE.is_file(), reason=f"{EXAMPLE} is absent: set NIBRS_SHARED_DATA")


def read(path: Path, *states: str) -> Frames:
    """Everything in a file, of states that need not be estimated."""
    [headers] = numbered([read_headers(path)])
    folder = path.parent / "records"
    found = pass_through(headers, states or headers.states, folder, block_bytes=200)
    parts = [read_state(found, state) for state in found.states]
    accounts = [accounts_of(found.accounts[state]) for state in found.states]
    months = reported_months(headers)
    return {
        "agency": agency_frame(headers, months),
        "report_month": months,
        **{name: pl.concat(part[name] for part in parts) for name in parts[0]},
        **{name: pl.concat(account[name] for account in accounts) for name in accounts[0]},
    }


def ingest(path: Path, year: int = 2022, *more: Path) -> Frames:
    """What the source writes."""
    tables = MasterSource((path, *more)).ingest_master(year)
    frames = {
        name: table if isinstance(table, pl.DataFrame) else pl.concat(table.values()) for name, table in tables.items()
    }
    write_intake_manifest(*(frames[dataset.name].lazy() for dataset in MANIFEST_TASK.reads))
    return frames


def faults(frames: Frames) -> list[tuple[str, str, str, str, bool]]:
    """Table, record, column, reason and whether it is a whole row of each fault."""
    columns = ("input_table", "record", "column_name", "reason", "is_row")
    return frames["quarantine"].select(columns).sort(columns).rows()


def losses(frames: Frames) -> dict[tuple[str, str], int | None]:
    kept = frames["intake_loss"].filter(~pl.col("loss").str.starts_with("no_"))
    return {(loss_, subject): n for loss_, subject, n in kept.select("loss", "subject", "n").iter_rows()}


# -- worked examples --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Frames:
    path = tmp_path_factory.mktemp("example") / "example.txt"
    path.write_bytes(EXAMPLE.read_bytes())
    return read(path, "OT")


@needs_data
def test_months_of_the_example(example: Frames) -> None:
    months = example["report_month"]
    assert months["ori"].unique().to_list() == ["ZZ0010100"]
    status = dict(months.select("month", "status").iter_rows())
    assert status == {1: "I", 2: "Z", 3: "I", 4: "I", **dict.fromkeys(range(6, 13), "I")}
    assert ("months_in_conflict", "ZZ0010100") not in losses(example)


@needs_data
def test_agencies_of_the_example(example: Frames) -> None:
    agencies = {row["ori"]: row for row in example["agency"].to_dicts()}
    assert list(agencies) == ["ZZ0010100", "ZZ0010200", "ZZ0010300"]
    assert agencies["ZZ0010100"]["population"] == 17_500
    assert str(agencies["ZZ0010100"]["nibrs_start_date"]) == "2019-01-01"
    assert agencies["ZZ0010200"]["is_covered"]
    assert agencies["ZZ0010200"]["covered_by_ori"] == "ZZ0010000"
    assert not agencies["ZZ0010300"]["has_participated"]


@needs_data
def test_the_incident_of_the_example(example: Frames) -> None:
    [row] = example["incident"].to_dicts()
    assert (str(row["incident_date"]), row["incident_hour"], row["incident_id"]) == ("2022-01-05", 21, 2)
    assert example["offense"]["offense_code"].to_list() == ["13A", "35A"]
    assert example["offense_weapon"].select("offense_id", "weapon_code").rows() == [(3, "12A"), (3, "40")]
    assert example["offense_bias"].select("offense_id", "bias_code").rows() == [(3, "88"), (4, "12"), (4, "41")]
    assert example["drug"].select("drug_code", "quantity", "measure_code").rows() == [("E", 3.5, "GM")]
    officer, society = example["victim"].to_dicts()
    assert (officer["victim_type_code"], officer["activity_code"], officer["assignment_code"]) == ("L", "01", "F")
    outside = numbering.hashed_numbers(pl.Series(["ZZ0020000"]))[0]
    assert (officer["outside_agency_id"], society["outside_agency_id"]) == (outside, None)
    assert society["victim_type_code"] == "S"
    assert example["victim_offender"].select("victim_id", "offender_id", "relationship_code").rows() == [(6, 8, "ST")]
    assert example["victim_offense"].select("victim_id", "offense_id").rows() == [(6, 3), (7, 4)]


@needs_data
def test_arrests_of_the_example(example: Frames) -> None:
    of_group_a, of_group_b = example["arrestee"].to_dicts()
    agency = dict(example["agency"].select("agency_id", "ori").iter_rows())
    assert (str(of_group_a["arrest_date"]), of_group_a["incident_id"]) == ("2022-01-06", 2)
    assert (agency[of_group_b["agency_id"]], of_group_b["offense_code"]) == ("ZZ0010100", "90D")
    assert (of_group_b["is_group_b"], of_group_b["incident_id"], of_group_b["form_month"]) == (True, None, 3)


@needs_data
def test_the_window_of_the_example_is_counted_and_no_incident(example: Frames) -> None:
    assert losses(example) == {("windows", "window_arrestee"): 1}
    assert example["incident"].height == 1
    assert example["quarantine"].is_empty()
    assert example["intake_count"]["rows_read"].sum() == 13


@needs_data
def test_real_lines_of_2020(tmp_path: Path) -> None:
    path = tmp_path / "2020.txt"
    path.write_bytes((REAL_LINES / "2020_excerpt.txt").read_bytes())
    frames = ingest(path, 2020)
    assert frames["quarantine"].is_empty()
    assert frames["intake_count"].select(pl.col("rows_read", "rows_kept").sum()).row(0) == (32, 32)
    assert losses(frames) == {}
    fairbanks = frames["report_month"].filter(ori="AK0010200")
    assert fairbanks["month"].sort().to_list() == [1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12]
    populations = dict(frames["agency"].select("ori", "population").iter_rows())
    assert populations == {"AK0010100": 286_388, "AK0010200": 30_832}


@needs_data
def test_real_lines_of_2021_each_under_its_header(tmp_path: Path) -> None:
    """The lines are single ones of many agencies: with a header before each, no field of any is at fault."""
    lines = (REAL_LINES / "2021_excerpt.txt").read_text("latin-1").splitlines()
    headed = []
    for line in lines:
        if line[0] != "B":
            headed += [header(line[4:13], line[2:4], "2021", group="5 ")]
        headed.append(line)
    # The first header of an ORI is used, so Anchorage and Fairbanks keep theirs.
    frames = ingest(write_file(tmp_path / "2021.txt", headed), 2021)
    of_lines = frames["quarantine"].filter(pl.col("input_table") != "batch_header")
    assert of_lines.filter(~pl.col("is_row")).is_empty()
    # Records without their incident: the excerpt has one of each kind, and three of most.
    assert of_lines["reason"].unique().to_list() == ["orphan"]
    assert frames["arrestee"].filter("is_group_b").height == 3
    assert frames["incident"].height == 4


@needs_data
def test_real_lines_of_2021_as_they_are(tmp_path: Path) -> None:
    """Records of other agencies than the header's are set aside; the rest is read."""
    path = tmp_path / "2021.txt"
    path.write_bytes((REAL_LINES / "2021_excerpt.txt").read_bytes())
    frames = ingest(path, 2021)
    assert frames["intake_count"]["rows_read"].sum() == 31
    by_reason = dict(frames["quarantine"].group_by("reason").len().iter_rows())
    assert by_reason == {"other_agency": 14, "orphan": 1}
    assert {subject: n for (loss_, subject), n in losses(frames).items() if loss_ == "windows"} == {
        "window_administrative": 2, "window_arrestee": 2, "window_property": 3,
    }  # fmt: skip


# -- the slow reader --------------------------------------------------------------------------------------------------

CODES = st.sampled_from(["13A", "13B", "220", "35A", "240", "09A", "64A", "ZZZ", "   ", "1?3"])


def text_of(alphabet: str, width: int) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=width, max_size=width)


def choice(*values: str) -> st.SearchStrategy[str]:
    return st.sampled_from(values)


AGES = choice("34", "00", "99", "NN", "BB", "  ", "X1")
SEXES, RACES, ETHNICITIES = choice(*"MFU Q"), choice(*"WBIAPU 9"), choice(*"HNU Z")
PERSON = st.tuples(AGES, SEXES, RACES, ETHNICITIES).map("".join)
DATES = choice("20220105", "20211231", "20220230", "19990101", "        ", "2022010A")
NUMBERS = choice("A1", "A2", "B7")
DRUGS = choice("E000000003500GM", " " * 15, "X" + " " * 14, "A         XX   ", "9000000001000KG", "B000000002   QQ")


@st.composite
def records(draw: st.DrawFn) -> str:
    """One data record, most of its fields right."""
    level = draw(choice("01", "02", "02", "03", "03", "04", "04", "05", "05", "06", "07"))
    number, date = draw(NUMBERS), draw(choice("20220105", "20220105", "20221203"))
    if level == "01":
        rest = draw(choice(" ", "R")) + draw(choice("21", "  ", "24", "x1")) + "020020101    "
        rest += draw(choice("N", "A", " ", "Q")) + draw(DATES)
        return administrative(number, draw(choice(date, date, draw(DATES))), rest, draw(choice("Y", "N", " ", "?")))
    if level == "02":
        rest = draw(CODES) + draw(choice(*"AC U?")) + draw(text_of("ACDN ", 3)) + draw(choice("20", "  ", "Z1"))
        rest += draw(choice("02", "  ", "x1")) + draw(choice(*"FN ")) + draw(text_of("BCNJ ", 3))
        rest += "".join(draw(st.lists(choice("12A", "12 ", "40 ", "   ", "99X"), min_size=3, max_size=3)))
        rest += "".join(draw(st.lists(choice("88", "12", "  ", "1A"), min_size=1, max_size=5)))
        return offense(number, date, rest)
    return draw(losses_and_persons(level, number, date))


@st.composite
def losses_and_persons(draw: st.DrawFn, level: str, number: str, date: str) -> str:
    """A property, a victim, an offender or an arrest."""
    if level == "03":
        rest = draw(choice(*"1567 9")) + draw(choice("03", "10", "20", "  ", "Q1")) + draw(choice("000000100", " " * 9))
        rest += draw(DATES) + draw(choice("01", "  ", "02")) + draw(choice("  ", "01"))
        drug = choice(
            "E000000003500GM", " " * 15, "X" + " " * 14, "A         XX   ", "9000000001000KG", "B000000002   QQ"
        )
        return loss(number, date, rest + "".join(draw(st.lists(drug, max_size=3))))
    if level == "04":
        rest = draw(choice("001", "002", "   ", "00x"))
        rest += "".join(draw(st.lists(CODES.filter(lambda code: "?" not in code), max_size=3))).ljust(30)
        rest += draw(choice(*"ILBS Q")) + draw(PERSON) + draw(choice(*"RNU ")) + draw(choice("01", "20", "  ", "99"))
        rest += draw(choice("01", "02", "  ")) + draw(choice(*"A B")) + draw(text_of("BMN X", 5))
        pair = choice("01ST", "02SE", "    ", "00  ", "01QQ", "0x  ")
        rest += "".join(draw(st.lists(pair, max_size=4))).ljust(40) + draw(choice("01", "  ")) + draw(choice(*"FH "))
        return victim(number, date, rest)
    if level == "05":
        return offender(number, date, draw(choice("00", "01", "02", "  ", "x1")) + draw(PERSON))
    return draw(arrests(level, number, date))


@st.composite
def arrests(draw: st.DrawFn, level: str, number: str, date: str) -> str:
    """An arrest of either group."""
    weapons = "".join(draw(st.lists(choice("01 ", "12A", "12 ", "   ", "77 "), min_size=2, max_size=2)))
    if level == "06":
        arrest_number = draw(choice("AR0000000001", " " * 12, "AR00000000013"))
        rest = draw(choice("01", "02", "  ")) + arrest_number + draw(choice("20220106", "20220106", "        "))
        rest += draw(choice(*"OST ")) + draw(choice(*"CMN ")) + draw(CODES) + weapons
        return arrestee(number, date, rest + draw(PERSON) + draw(choice(*"RN ")) + draw(choice(*"HR ")))
    rest = draw(choice("01", "02", "  ")) + "    " + draw(choice(*"OST ")) + draw(choice("90D", "90Z", "   ", "9?9"))
    return group_b(number, draw(DATES), rest + weapons + draw(PERSON) + draw(choice(*"RN ")) + draw(choice(*"HR ")))


@st.composite
def files(draw: st.DrawFn) -> list[str]:
    """A file of two agencies, with lines that cannot be used between the others."""
    lines = []
    for ori in ("NB0010100", "NB0010200"):
        lines.append(header(ori))
        lines += [text.replace("NB0010100", ori) for text in draw(st.lists(records(), max_size=12))]
        for text in draw(st.lists(records(), max_size=2)):
            broken = choice(
                text[:-9].rstrip(), text + "  ", text + "x", text.replace("NB0010100", "NB0990100"), "zz" + text
            )
            lines.append(draw(broken))
    return lines


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=files(), end=st.sampled_from(["\n", "\r\n"]))
def test_the_fast_reader_reads_what_the_slow_one_reads(tmp_path: Path, lines: list[str], end: str) -> None:
    monkeypatch = pytest.MonkeyPatch()
    with monkeypatch.context() as patch:
        # Every share of faulty records is accepted: the files are small and wrong on purpose.
        patch.setattr("nibrs_estimation.sources.master.accounts.MOST_FAULTY", 1.0)
        patch.setattr("nibrs_estimation.sources.master.accounts.MOST_FAULTY_VALUES", 1.0)
        patch.setattr("nibrs_estimation.sources.master.reading.MOST_FAULTY", 1.0)
        patch.setattr("nibrs_estimation.sources.master.segments.FEW_PARENTS", 1000)
        fast = ingest(write_file(tmp_path / "file.txt", lines, end))
    schemas = {dataset.name: dataset.schema for dataset in incident.DATASETS}
    oris = fast["agency"].select("agency_id", "ori")
    for name, slow in frames_of(slow_read(lines, 2022), schemas).items():
        found = fast[name].join(oris, on="agency_id", how="left") if "ori" in slow.columns else fast[name]
        expected = slow if slow.width else pl.DataFrame(schema=found.drop("state_abbr").schema)
        columns = [column for column in expected.columns if column in found.columns]
        assert_frame_equal(
            found.select(columns), expected.select(columns), check_row_order=False, check_dtypes=bool(slow.height)
        )


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text("ABC\r", max_size=20), max_size=30), st.integers(1, 60), st.integers(1, 9))
def test_blocks_are_the_lines(texts: list[str], size: int, chunk: int) -> None:
    whole = "\n".join(texts).encode()
    chunks = [whole[start : start + chunk] for start in range(0, len(whole), chunk)]
    found = list(line_reading._blocks(chunks, size))
    assert b"".join(block.text for block in found).removesuffix(b"\n") == whole.removesuffix(b"\n")
    number = 1
    for block in found:
        assert block.first_line == number
        assert block.text.endswith(b"\n")
        number += block.text.count(b"\n")


# -- headers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("letters", "status"),
    [
        ("NYN", "I"), ("NYY", "I"), ("YNN", "Z"), ("YNY", "Z"), ("YYN", "I"), ("YYY", "I"), ("NNY", None),
        ("NNN", None), ("   ", None), (" Y ", "I"), ("Y  ", "Z"), ("  Y", None), ("YY ", "I"),
    ],
)  # fmt: skip
def test_a_month_is_reported_if_a_zero_report_or_data_came(tmp_path: Path, letters: str, status: str | None) -> None:
    path = write_file(tmp_path / "file.txt", [header(activity=letters + "NNN" * 11)])
    months = reported_months(numbered([read_headers(path)])[0])
    assert months["status"].to_list() == ([status] if status else [])


def test_three_old_headers_are_one(tmp_path: Path) -> None:
    about: dict[str, Any] = {"year": "2009", "activity": " Y " * 11 + "Y  ", "kind": "2", "group": "9B"}
    [new] = numbered([read_headers(write_file(tmp_path / "new.txt", [header(**about)]))])
    [old] = numbered([read_headers(write_file(tmp_path / "old.txt", old_headers(**about)))])
    assert old.has_old_headers
    assert not new.has_old_headers
    assert_frame_equal(agency_frame(old, reported_months(old)), agency_frame(new, reported_months(new)))
    assert_frame_equal(reported_months(old), reported_months(new))


def test_old_records_are_read(tmp_path: Path) -> None:
    """Padded to 132 characters, without the fields that came later."""
    lines = [f"{text:132}"[:132] for text in whole_incident(date="20090105")]
    path = write_file(tmp_path / "old.txt", [*old_headers(year="2009", activity=" Y " * 12), *lines])
    frames = ingest(path, 2009)
    assert frames["quarantine"].is_empty()
    assert frames["victim_offense"].height == frames["offender"].height == frames["arrestee"].height == 1


def test_what_follows_a_header_is_its_agencys(tmp_path: Path) -> None:
    """The last two characters of a record's ORI do not matter."""
    lines = [header("IA0010000", "14"), *whole_incident(ori="IA00100KZ", state="14")]
    frames = ingest(write_file(tmp_path / "file.txt", lines))
    assert frames["quarantine"].is_empty()
    assert frames["agency"]["ori"].to_list() == ["IA0010000"]
    assert frames["incident"]["agency_id"].to_list() == frames["agency"]["agency_id"].to_list()


def test_population_of_2000_is_that_of_the_census(tmp_path: Path) -> None:
    text = header(year="2000", counties=[(0, "", "001")])
    path = write_file(tmp_path / "file.txt", [text[:120] + f"{1234:09d}" + text[129:]])
    assert ingest(path, 2000)["agency"]["population"].to_list() == [1234]


def test_counties_of_agencies(tmp_path: Path) -> None:
    lines = [
        header("NB0010100", counties=[(15_000, "", "001"), (5_000, "", "003")]),
        header("NB0010200", counties=[(0, "", "005"), (0, "", "007")]),
        header("NB0010300", counties=[(900, "", "001"), (100, "", "")]),
        header("NB0010400", counties=[(900, "", "UCR")]),
        header("NB0010500", counties=[(10, "", "009"), (30, "", "009")]),
    ]
    frames = ingest(write_file(tmp_path / "file.txt", lines))
    columns = ("ori", "county_fips", "population", "population_share")
    assert frames["agency_county"].select(columns).rows() == [
        ("NB0010100", "31001", 15_000, 0.75), ("NB0010100", "31003", 5_000, 0.25), ("NB0010200", "31005", 0, 1.0),
        ("NB0010500", "31009", 40, 1.0),
    ]  # fmt: skip
    assert faults(frames) == [
        ("batch_header", "line 4", "FIPS code of county 1 (positions 270 to 272)", "not_a_number", False)
    ]
    unplaced = frames["intake_loss"].filter(loss="no_county").select("subject", "n").rows()
    assert unplaced == [("agency_county", 2)]
    source = MasterSource((tmp_path / "file.txt",)).without({"agency_county"})
    assert "agency_county" not in source.ingest_master(2022)
    assert "agency_county" not in {output.name for task in source.tasks() for output in task.writes}


@pytest.mark.parametrize(
    ("about", "status", "kind"),
    [
        ({}, "A", "City"),
        ({"counties": [(0, "", "001")]}, "A", "City"),
        ({"counties": [(0, "", "001")], "activity": NO_MONTHS}, "D", "City"),
        ({"activity": NO_MONTHS}, "A", "City"),
        ({"kind": "8"}, "F", "Federal"),
        ({"kind": "0", "group": "9A", "covered_by": "NB0010000"}, "A", "County"),
        ({"kind": "0", "group": "0 "}, "A", "Unknown"),
    ],
)
def test_status_and_kind(tmp_path: Path, about: dict[str, Any], status: str, kind: str) -> None:
    frames = ingest(write_file(tmp_path / "file.txt", [header(**about)]))
    assert frames["agency"].select("agency_status", "agency_type_name").row(0) == (status, kind)
    assert frames["agency"]["is_dormant"].to_list() == [status == "D"]


def test_a_month_with_incidents_counts_although_it_is_not_marked(tmp_path: Path) -> None:
    frames = ingest(write_file(tmp_path / "file.txt", [header(activity=NO_MONTHS), *whole_incident()]))
    assert frames["report_month"].select("month", "status").rows() == [(1, "I")]
    assert losses(frames) == {("unmarked_month", "NB0010100 2022-01"): None}


def test_a_wrong_number_of_months_is_told(tmp_path: Path) -> None:
    frames = ingest(write_file(tmp_path / "file.txt", [header(months="07")]))
    assert frames["report_month"].height == 12
    assert losses(frames) == {("months_in_conflict", "NB0010100, line 1"): 7}


def test_agencies_with_the_same_hash_get_two_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    oris = pl.Series([f"NB{number:05d}00" for number in range(50)])
    monkeypatch.setattr(numbering, "_MOST", 60)
    numbers = numbering.agency_numbers(oris)
    assert numbers["agency_id"].n_unique() == 50
    assert numbers["agency_id"].is_between(1, 60).all()
    assert numbers["ori"].to_list() == oris.to_list()
    own = numbering.hashed_numbers(oris)
    assert (numbers["agency_id"] == own).sum() >= own.n_unique() / 2


# -- bad input --------------------------------------------------------------------------------------------------------


def test_an_agency_with_two_headers_is_one(tmp_path: Path) -> None:
    lines = [header(), *whole_incident("A1"), header(name="OTHERTON"), *whole_incident("A2"), header()]
    frames = ingest(write_file(tmp_path / "file.txt", lines))
    assert frames["agency"]["agency_name"].to_list() == ["EXAMPLETON"]
    assert frames["incident"].height == 2
    assert faults(frames) == [
        ("batch_header", "line 15", "", "duplicate", True), ("batch_header", "line 8", "", "conflict", True),
    ]  # fmt: skip


def test_an_ori_in_two_states_is_of_its_own(tmp_path: Path) -> None:
    lines = [header(state="14"), *whole_incident("A1"), header(), *whole_incident("A2")]
    frames = ingest(write_file(tmp_path / "file.txt", lines))
    assert frames["agency"]["state_abbr"].to_list() == ["NB"]
    assert frames["incident"]["state_abbr"].to_list() == ["NB", "NB"]
    assert faults(frames) == [("batch_header", "line 1", "state (positions 3 to 4)", "two_states", True)]


def test_headers_out_of_order_are_counted(tmp_path: Path) -> None:
    lines = [header("NB0010200"), header("NB0010100"), *whole_incident()]
    frames = ingest(write_file(tmp_path / "file.txt", lines))
    assert losses(frames) == {("headers_out_of_order", "first in line 2"): 1}
    assert frames["incident"].height == 1


@pytest.mark.parametrize("oris", [("NB001A100", "NB0010100"), ("NB0010100", "NB001A100")])
def test_the_order_of_ebcdic_and_that_of_ascii_are_orders(tmp_path: Path, oris: tuple[str, str]) -> None:
    assert losses(ingest(write_file(tmp_path / "file.txt", [header(ori) for ori in oris]))) == {}


def test_a_header_of_another_year_is_set_aside_with_what_follows(tmp_path: Path) -> None:
    lines = [
        header(),
        *whole_incident(),
        header("NB0010200"),
        header("NB0010300", year="2021"),
        group_b(ori="NB0010300"),
    ]
    frames = ingest(write_file(tmp_path / "file.txt", lines))
    assert faults(frames) == [
        ("batch_header", "line 9", "year (positions 230 to 233)", "other_year", True),
        ("group_b_arrest", "line 10", "header before it", "orphan", True),
    ]


def test_a_truncated_last_record_is_named(tmp_path: Path) -> None:
    path = write_file(tmp_path / "file.txt", [header(), *whole_incident()])
    content = path.read_bytes()
    path.write_bytes(content[:-30])
    frames = ingest(path)
    assert faults(frames) == [("arrestee", "line 7", "length 44 of 74", "wrong_record", True)]


def test_a_wrong_length_is_named(tmp_path: Path) -> None:
    lines = [
        header(),
        *whole_incident(),
        offender(rest="0227MBN") + " " * 20 + "x",
        victim()[:100],
        header("NB0010200")[:200],
    ]
    frames = ingest(write_file(tmp_path / "file.txt", lines))
    assert faults(frames) == [
        ("batch_header", "line 10", "", "wrong_record", True),
        ("offender", "line 8", "length 61 of 40", "wrong_record", True),
        ("victim", "line 9", "length 100 of 135", "wrong_record", True),
    ]


def test_a_line_of_no_level_is_named_and_an_empty_one_dropped(tmp_path: Path) -> None:
    frames = ingest(write_file(tmp_path / "file.txt", [header(), "", "99 something", "\x1a"]))
    assert faults(frames) == [("other", "line 3", "level (positions 1 to 2)", "wrong_record", True)]
    other = frames["intake_count"].filter(input_table="other").select("rows_read", "rows_dropped").row(0)
    assert other == (3, 2)


def test_a_record_of_another_agency_is_set_aside(tmp_path: Path) -> None:
    frames = ingest(write_file(tmp_path / "file.txt", [header(), group_b(ori="NB0990100")]))
    assert faults(frames) == [("group_b_arrest", "line 2", "ORI (positions 5 to 13)", "other_agency", True)]


def test_a_record_before_the_first_header_of_its_incident_is_found(tmp_path: Path) -> None:
    """Records need not follow their incident."""
    lines = [header(), offense("A2"), administrative("A1"), administrative("A2"), offense("A1")]
    frames = ingest(write_file(tmp_path / "file.txt", lines))
    assert frames["offense"].select("offense_id", "incident_id").sort("offense_id").rows() == [(2, 4), (5, 3)]


def test_agencies_of_possessions_are_left_out_and_counted(tmp_path: Path) -> None:
    lines = [header(), *whole_incident(), header("GM0010100", "55"), *whole_incident(ori="GM0010100", state="55")]
    frames = ingest(write_file(tmp_path / "file.txt", lines))
    assert frames["agency"]["ori"].to_list() == ["NB0010100"]
    assert frames["incident"].height == 1
    assert losses(frames) == {("outside_states", "records"): 6}
    assert frames["intake_count"]["rows_dropped"].sum() == 7


def test_an_arrest_number_of_thirteen_characters_moves_the_rest(tmp_path: Path) -> None:
    lines = [header(), *whole_incident()[:-1], arrestee(rest="01AR000000000133" + "20220106TN13A12    27MBNR")]
    lines[-1] = arrestee(rest="01" + "AR00000000013" + "20220106TN13A12    27MBNR")
    frames = ingest(write_file(tmp_path / "file.txt", lines))
    assert frames["quarantine"].is_empty()
    found = frames["arrestee"].select("arrest_date", "offense_code", "sex_code", "resident_code").row(0)
    assert (str(found[0]), *found[1:]) == ("2022-01-06", "13A", "M", "R")


def test_vehicles_of_a_segment_are_the_largest_number_of_its_records(tmp_path: Path) -> None:
    vehicles = [
        loss(rest=f"7{kind}000000100        {stolen}  ") for kind, stolen in (("03", "  "), ("37", "02"), ("24", "01"))
    ]
    frames = ingest(write_file(tmp_path / "file.txt", [header(), administrative(), *vehicles]))
    assert frames["property"].select("property_id", "stolen_vehicles", "recovered_vehicles").rows() == [(3, 2, None)]
    assert frames["property_item"]["property_id"].to_list() == [3, 3, 3]


def test_a_new_offense_code_is_kept_and_told(tmp_path: Path) -> None:
    lines = [header(), administrative(), offense(rest="99QCN  20   N  40       88")]
    frames = ingest(write_file(tmp_path / "file.txt", lines))
    assert frames["offense"]["offense_code"].to_list() == ["99Q"]
    assert losses(frames) == {("code_without_row", "offense, offense code 99Q"): 1}


def many(write: Callable[[int], str]) -> list[str]:
    return [header(), *(text for number in range(40) for text in (administrative(f"N{number}"), write(number)))]


def test_a_field_with_many_odd_values_is_kept_and_one_with_most_is_not(tmp_path: Path) -> None:
    lines = [header()]
    for number in range(40):
        odd = offense(f"N{number}", rest=f"13A{'?' if number < 16 else 'C'}N  20   N  40       88")
        lines += [odd if text.startswith("02") else text for text in whole_incident(f"N{number}")]
    frames = ingest(write_file(tmp_path / "file.txt", lines))
    assert frames["quarantine"].select("column_name", "reason", "is_row").unique().rows() == [
        ("attempted or completed (positions 37 to 37)", "unknown_code", False)
    ]
    assert frames["offense"]["attempt_complete_code"].null_count() == 16


def test_a_file_without_bias_motivations_is_read(tmp_path: Path) -> None:
    """As those of early years: the field is blank in every record."""
    lines = [header()]
    for number in range(40):
        lines += [text[:57] + "  " if text.startswith("02") else text for text in whole_incident(f"N{number}")]
    frames = ingest(write_file(tmp_path / "file.txt", lines))
    assert frames["offense_bias"].is_empty()
    lost = frames["intake_loss"].filter(loss="no_child").select("subject", "n").rows()
    assert lost == [("offense without offense_bias (40 of 40, 100.0 %)", 40)]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (
            many(lambda number: offense(f"N{number}", rest="13A?N  20   N  40       88")),
            "line 3, attempted or completed",
        ),
        (many(lambda number: offense(f"X{number}")), "line 3, incident number"),
        (many(lambda number: offense(f"N{number}")[:50]), "line 3, length 50 of 67"),
        (many(lambda number: f"Q{number}"), "no record"),
        (many(lambda number: offender(f"N{number}")), "incident"),
    ],
)
def test_a_file_that_is_mostly_faulty_is_refused(tmp_path: Path, lines: list[str], words: str) -> None:
    path = write_file(tmp_path / "file.txt", lines)
    with pytest.raises(PipelineError, match=words) as error:
        ingest(path)
    assert str(path) in str(error.value)
    assert "ownload" in str(error.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"ori,name\nNB0010100,A\n", "begins with 'ori,name'"),
        (b"1" + b" " * 7384 + b"\n", "has 7,385 characters"),
        (b"BH\n", "no whole batch header"),
        (header(state="77").encode() + b"\n", "state .positions 3 to 4.: '77'. None of its 1 headers"),
    ],
)
def test_what_is_no_master_file_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes(content)
    with pytest.raises(PipelineError, match=words):
        MasterSource((path,)).probe(2022, 1)


def test_files_that_the_run_cannot_use_are_refused_before_work_starts(tmp_path: Path) -> None:
    this = write_file(tmp_path / "this.txt", [header()])
    other = write_file(tmp_path / "other.txt", [header(), header("NB0010200")])
    before = write_file(tmp_path / "before.txt", [header(year="2021")])
    long_ago = write_file(tmp_path / "long_ago.txt", [header(year="2012")])
    guam = write_file(tmp_path / "guam.txt", [header("GM0010100", "55")])
    for paths, words in (
        ((this, other), "are both of 2022, with different contents"),
        ((before,), "There is no file of 2022"),
        ((this, long_ago), "needs 2018 to 2022"),
        ((guam,), "no agency of a state"),
        ((), "No file is given"),
        ((tmp_path / "absent.txt",), "does not exist"),
        ((tmp_path,), "is a folder"),
    ):
        with pytest.raises(PipelineError, match=words):
            MasterSource(paths).probe(2022, 1)
    assert MasterSource((this, before)).probe(2022, 1).years == (2021, 2022)


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_file(tmp_path / "file.txt", [header(), *whole_incident()])
    again = tmp_path / "again.txt"
    again.write_bytes(path.read_bytes())
    assert ingest(path, 2022, again)["incident"].height == 1
    assert "is the same file as" in caplog.text


def test_a_file_that_changes_after_planning_is_refused(tmp_path: Path) -> None:
    path = write_file(tmp_path / "file.txt", [header()])
    source = MasterSource((path,))
    source.probe(2022, 1)
    write_file(path, [header(), header("NB0010200")])
    with pytest.raises(PipelineError, match="changed while the run was reading it"):
        source.ingest_master(2022)


def test_a_zip_must_hold_one_text(tmp_path: Path) -> None:
    path = tmp_path / "file.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name in ("a.txt", "b.txt"):
            file.writestr(name, header(name=name))
    with pytest.raises(PipelineError, match=r"must hold one text .* it holds a.txt, b.txt"):
        MasterSource((path,)).probe(2022, 1)


def test_an_earlier_file_is_history(tmp_path: Path) -> None:
    former = [header(year="2021"), *whole_incident(date="20210305"), group_b(date="20210405")]
    before = write_file(tmp_path / "before.txt", former)
    this = write_file(tmp_path / "this.txt", [header(counties=[(0, "", "001")], activity=NO_MONTHS)])
    frames = ingest(this, 2022, before)
    counts = frames["agency_month_offense"].select("data_year", "month", "offense_code", "n", "n_summary")
    assert counts.rows() == [(2021, 3, "13A", 1, 1)]
    assert frames["incident"].is_empty()
    assert frames["arrestee"].is_empty()
    # Reports of the four years before make an agency active.
    assert dict(frames["agency"].select("data_year", "agency_status").iter_rows()) == {2021: "A", 2022: "A"}
    assert frames["agency"]["agency_id"].n_unique() == 1
    assert frames["intake_file"].sort("data_year").select("use").to_series().to_list() == ["history", "incidents"]
    assert frames["report_month"]["data_year"].unique().to_list() == [2021]


def test_a_universe_file_adds_what_headers_lack(tmp_path: Path) -> None:
    path = write_file(tmp_path / "file.txt", [header(), *whole_incident()])
    universe = tmp_path / "universe.csv"
    universe.write_text(
        "ori,state_abbr,agency_type_name,population,population_group_code,pub_agency_name,pe_male_officer_count\n"
        "NB0010100,NB,County,1,9A,Example,12\nNB0990100,NB,City,700,7,Elsewhere,3\n"
    )
    assert "no_employees" in ingest(path)["intake_loss"]["loss"]
    tables = MasterSource((path,)).ingest_master(2022, universe)
    assert "no_employees" not in tables["intake_loss"]["NB"]["loss"]
    columns = ("ori", "agency_type_name", "population", "published_agency_name", "male_officers", "is_nibrs")
    assert tables["agency"].sort("ori").select(columns).rows() == [
        ("NB0010100", "City", 17_500, "Example", 12, True), ("NB0990100", "City", 700, "Elsewhere", 3, False),
    ]  # fmt: skip
    assert tables["agency_county"]["ori"].unique().to_list() == ["NB0010100"]


def test_bytes_that_are_no_ascii_are_read(tmp_path: Path) -> None:
    path = write_file(tmp_path / "file.txt", [header(name="CAÑON"), *whole_incident("A\x001")])
    frames = ingest(path)
    assert frames["agency"]["agency_name"].to_list() == ["CAÑON"]
    assert frames["offense"].height == 1


def test_the_name_of_the_source() -> None:
    assert open_source("master:/x/b.zip,/y/a.txt", None).spec == "master:a.txt,b.zip"
    for spec, is_excerpt, words in (("master:", False, "no file name"), ("master:a.txt", True, "only for zips")):
        with pytest.raises(UsageError, match=words):
            open_source(spec, None, is_excerpt=is_excerpt)


def test_repeats_are_found_in_any_order() -> None:
    repeat, first = repeats(np.array([7, 3, 7, -1, 3, -1, 3]))
    assert (repeat.tolist(), first.tolist()) == ([2, 4, 6], [0, 1, 1])
