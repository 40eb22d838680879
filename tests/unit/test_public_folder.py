"""A folder of public downloads: every kind by its content, which file serves a year, what is missing, real files."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import xlsxwriter
from tests.support.cde_zip import build_zip
from tests.support.master_file import header, incident, old_headers, write_file
from tests.support.return_a_file import month, record
from tests.support.shared_data import ROOT, SHARED_DATA
from typer.testing import CliRunner

from nibrs_estimation.cli.main import app
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.sources.public import Survey, survey
from nibrs_estimation.sources.public.folder import File
from nibrs_estimation.sources.public.kinds import KINDS

STATES = code_list("state")["state_abbr"].to_list()
EMPLOYEES = (
    "data_year,ori,pub_agency_name,pub_agency_unit,state_abbr,division_name,region_name,county_name,agency_type_name,"
    "population_group_desc,population,male_officer_ct,male_{},male_total_ct,female_officer_ct,female_{},"
    "female_total_ct,officer_ct,civilian_ct,total_pe_ct,pe_ct_per_1000"
)
LIST1 = ["CBSA Code", "CBSA Title", "Metropolitan/Micropolitan Statistical Area", "FIPS State Code", "FIPS County Code"]


def text(path: Path, content: str) -> Path:
    path.write_text(content, encoding="latin-1", newline="")
    return path


def nibrs_master(path: Path, year: str = "2022", name: str = "EXAMPLETON") -> Path:
    return write_file(path, [header(year=year, name=name), *incident(date=f"{year}0105")])


def return_a(path: Path, year: str = "22") -> Path:
    return text(path, record([month({1: {20: 7}})] * 12, year=year) + "\r\n")


def employees_master(path: Path, year: str = "22") -> Path:
    return text(path, f"526NB001005 4{year}".ljust(7689) + "\n")


def employees(path: Path, years: Sequence[int] = (2021, 2022), spelling: str = "cilvilian_ct") -> Path:
    rows = [f"{year},{state}0010100,Any,NULL,{state}" + ",1" * 16 for year in years for state in STATES]
    return text(path, "\n".join([EMPLOYEES.format(spelling, spelling), *rows]))


def agency(state: str, start: str | None = "2019-01-01") -> dict[str, object]:
    return {
        "ori": f"{state}0010100", "counties": "A, B", "is_nibrs": True, "latitude": None, "longitude": None,
        "state_abbr": state, "state_name": "Any", "agency_name": "Any", "agency_type_name": "City",
        "nibrs_start_date": start,
    }  # fmt: skip


def agencies(path: Path, states: Sequence[str] = ("NE",), start: str | None = "2019-01-01") -> Path:
    return text(path, json.dumps({"A": [agency(s, start) for s in states], "B": [agency(s, start) for s in states]}))


def groups(path: Path, vintage: int = 2022, states: Sequence[str] = ("31",), newest: int | None = None) -> Path:
    """All residents of a county of each state, under each code of a vintage."""
    first_code, base = {True: (2, [1]), False: (3, [1, 2])}[vintage > 2020]
    first = 2020 if vintage > 2020 else 2010
    codes = [*base, *range(first_code, first_code + (newest or vintage) - first + 1)]
    # The base of 2020 is of April, the next code of July; the census of 2010 and its base are of one day.
    people = [100_000 + (300 * code if vintage > 2020 or code > 2 else code) for code in codes]
    rows = [
        f"050,{state},001,Any,Any,{code},{age},{number},1,1,1,1"
        for state in states
        for code, number in zip(codes, people, strict=True)
        for age in (0, 1)
    ]
    names = "SUMLEV,STATE,COUNTY,STNAME,CTYNAME,YEAR,AGEGRP,TOT_POP,TOT_MALE,TOT_FEMALE,NHTOM_MALE,NHTOM_FEMALE"
    return text(path, "\n".join([names, *rows]))


def single_years(path: Path, vintage: int = 2022) -> Path:
    content = groups(path, vintage).read_text().replace("AGEGRP", "AGE").replace("NHTOM_MALE,NHTOM_FEMALE", "A,B")
    return text(path, content)


def areas(path: Path, year: int = 2020) -> Path:
    rows = [["List 1."], [f"List 1. CORE BASED STATISTICAL AREAS, MARCH {year}"], LIST1, ["1", "A", "M", "31", "001"]]
    if path.suffix != ".xlsx":
        return text(path, "\n".join(",".join(f'"{cell}"' for cell in row) for row in rows))
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return path


Writer = Callable[[Path], Path]
#: Kind -> a writer, and what is told of the file.
FILES: list[tuple[str, Writer, str]] = [
    ("nibrs_master", nibrs_master, "NIBRS master file, 2022"),
    (
        "nibrs_master",
        lambda path: write_file(path, [*old_headers(year="2011"), *incident(date="20110105")]),
        "NIBRS master file, 2011",
    ),
    ("return_a", return_a, "Return A master file, 2022"),
    ("police_employees", employees, "police employees (table), 2021 to 2022"),
    (
        "police_employees",
        lambda path: employees(path, [2022], "civilian_ct"),
        "police employees (table), 2022",
    ),
    ("police_employees_master", employees_master, "police employees (master file), 2022"),
    ("agency_list", agencies, "list of agencies, NB, 1 agencies"),
    (
        "agency_list",
        lambda path: text(path, "ori,agency_name,state_abbr,nibrs\nVT0010100,Any,VT,1.0\n"),
        "list of agencies, VT, 1 agencies, without the dates on which they began with NIBRS",
    ),
    ("county_people", groups, "residents of counties (cc-est), NB, 2020 to 2022, vintage 2022"),
    ("single_years", single_years, "residents by single years of age (syasex), NB, 2020 to 2022, vintage 2022"),
    ("metropolitan_areas", areas, "metropolitan areas (list1), March 2020"),
]


def the_file(path: Path, year: int = 2022) -> File:
    (found,) = survey(path, year).files
    return found


def uses(folder: Path, year: int = 2022) -> dict[str, str]:
    return {file.where.removeprefix(f"{folder}/"): file.use for file in survey(folder, year).files}


def missing(found: Survey) -> dict[str, tuple[str, ...]]:
    return {each.kind.name: each.states for each in found.missing}


@pytest.mark.parametrize(("kind", "write", "about"), FILES, ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize("door", ["text", "zip", "gzip"])
def test_a_kind_is_known_by_its_content(kind: str, write: Writer, about: str, door: str, tmp_path: Path) -> None:
    path = write(tmp_path / "download.txt")
    if door == "zip":
        with zipfile.ZipFile(tmp_path / "a.bin", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(path, "folder/download.txt")
        path = tmp_path / "a.bin"
    elif door == "gzip":
        path = tmp_path / "a.bin"
        path.write_bytes(gzip.compress((tmp_path / "download.txt").read_bytes()))
    found = the_file(path)
    assert found.recognized, found.reason
    assert (found.recognized.kind.name, found.about) == (kind, about)
    assert found.where == (f"{path}, member folder/download.txt" if door == "zip" else str(path))


def test_every_kind_is_tried() -> None:
    assert {kind for kind, *_ in FILES} | {"state_zip"} == {kind.name for kind in KINDS}


def test_a_workbook_and_a_zip_of_a_state_are_known(tmp_path: Path) -> None:
    areas(tmp_path / "a.xlsx")
    build_zip(tmp_path / "b")
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.write(tmp_path / "a.xlsx", "a.xlsx")
    found = {Path(file.where.split(",")[0]).name: file for file in survey(tmp_path, 2024).files}
    assert found["a.xlsx"].about == "metropolitan areas (list1), March 2020"
    assert found["b"].about == "zip of a state, VT, 2024"
    assert found["c.zip"].use == "repeated"


def test_other_files_are_of_no_kind(tmp_path: Path) -> None:
    text(tmp_path / "notes.md", "# Notes\n")
    text(tmp_path / "short.txt", "1 apple\n")
    text(tmp_path / "universe.csv", "ori,agency_name,state_abbr,is_nibrs,population\nVT0010100,Any,VT,Y,5\n")
    text(tmp_path / "other.json", '{"a": [1, 2]}')
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    text(tmp_path / ".hidden", "any")
    with xlsxwriter.Workbook(str(tmp_path / "other.xlsx")) as book:
        book.add_worksheet().write_row(0, 0, ["a", "b"])
    assert set(uses(tmp_path).values()) == {"unknown"}
    assert len(uses(tmp_path)) == 6


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"1" + b"26NB00101" + b" " * 6990, "begins like a record of a Return A master file, but has 7,000 characters"),
        (b"526NB001005 422".ljust(7680), "police employees (master file), but has 7,680 characters instead of 7,689"),
        (header(year="UCR ").encode(), "its first batch header has no year (positions 230 to 233)"),
        (b'{"A": [{"ori": "VT00', "JSON that cannot be read"),
        (gzip.compress(b"any text" * 1000)[:40], "damaged or not finished"),
        (b"PK\x03\x04 not a zip", "is not a zip, or it is truncated"),
        (",".join(LIST1).encode(), "its first 10 rows have no month and year"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_damaged_file_is_named_with_its_fault(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "download"
    path.write_bytes(content)
    found = the_file(path)
    assert found.use == "damaged"
    assert said in found.reason
    assert str(path) in found.reason


def test_a_part_of_a_zip_of_a_state_is_refused_with_what_it_lacks(tmp_path: Path) -> None:
    with zipfile.ZipFile(build_zip(tmp_path / "whole.zip")) as whole, zipfile.ZipFile(tmp_path / "a.zip", "w") as part:
        for name in whole.namelist():
            if "offender" not in name.lower():
                part.writestr(name, whole.read(name))
    found = the_file(tmp_path / "a.zip", 2024)
    assert found.use == "damaged"
    assert "nibrs_offender.csv" in found.reason.lower()


@pytest.mark.parametrize("vintage", range(2010, 2025))
def test_the_vintage_is_told_by_codes_and_residents(vintage: int, tmp_path: Path) -> None:
    if vintage == 2020:
        # This vintage has July of 2020 after the census of 2020: codes up to 14.
        content = groups(tmp_path / "a.csv", 2019).read_text()
        last = [line for line in content.splitlines() if line.split(",")[5] == "12"]
        more = [",".join([*line.split(",")[:5], code, *line.split(",")[6:]]) for code in ("13", "14") for line in last]
        path = text(tmp_path / "a.csv", "\n".join([content, *more]))
    else:
        path = groups(tmp_path / "a.csv", vintage)
    found = the_file(path, vintage).recognized
    assert found
    assert found.edition == vintage
    assert found.years == tuple(range(2020 if vintage > 2020 else 2010, vintage + 1))


def test_a_name_must_not_contradict_the_vintage(tmp_path: Path) -> None:
    assert the_file(groups(tmp_path / "cc-est2022-alldata.csv", 2022)).use == "used"
    wrong = the_file(groups(tmp_path / "cc-est2021-alldata.csv", 2022))
    assert wrong.use == "damaged"
    assert "its name says vintage 2021" in wrong.reason
    # Vintages before 2010 have the codes of ten years later: only their names tell them.
    old = the_file(groups(tmp_path / "cc-est2009-alldata.csv", 2019), 2009).recognized
    assert old
    assert (old.edition, old.years[0]) == (2009, 2000)


def test_files_of_other_years_and_places_are_not_used(tmp_path: Path) -> None:
    nibrs_master(tmp_path / "new.txt", "2023")
    nibrs_master(tmp_path / "now.txt")
    nibrs_master(tmp_path / "last.txt", "2018")
    nibrs_master(tmp_path / "old.txt", "2017")
    employees(tmp_path / "employees.csv", [2020, 2021])
    agencies(tmp_path / "guam.json", ["GU"])
    groups(tmp_path / "people.csv", 2021)
    areas(tmp_path / "later.csv", 2023)
    assert uses(tmp_path) == {
        "now.txt": "used", "last.txt": "history", "new.txt": "other year", "old.txt": "other year",
        "employees.csv": "other year", "guam.json": "other place", "people.csv": "other year",
        "later.csv": "other year",
    }  # fmt: skip


def test_of_several_files_the_best_is_used(tmp_path: Path) -> None:
    areas(tmp_path / "a.csv", 2018)
    areas(tmp_path / "b.csv", 2020)
    groups(tmp_path / "c.csv", 2023)
    groups(tmp_path / "d.csv", 2022)
    employees(tmp_path / "e.csv", [2021, 2022])
    employees(tmp_path / "f.csv", [2021, 2022, 2023])
    employees_master(tmp_path / "g.txt")
    nibrs_master(tmp_path / "h.txt", "2024")
    build_zip(tmp_path / "i.zip")
    assert uses(tmp_path) == {
        "a.csv": "spare", "b.csv": "used", "c.csv": "spare", "d.csv": "used", "e.csv": "spare", "f.csv": "used",
        "g.txt": "spare", "h.txt": "other year", "i.zip": "other year",
    }  # fmt: skip
    of_2024 = uses(tmp_path, 2024)
    assert (of_2024["h.txt"], of_2024["i.zip"]) == ("used", "spare")


def test_the_same_file_twice_is_used_once_and_different_files_are_a_fault(tmp_path: Path) -> None:
    text_file = nibrs_master(tmp_path / "a.txt")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.write(text_file, "b.txt")
    found = survey(tmp_path, 2022)
    assert [file.use for file in found.files] == ["used", "repeated"]
    assert str(text_file) in found.files[1].reason
    assert not found.faults
    nibrs_master(tmp_path / "c.txt", name="OTHERTON")
    found = survey(tmp_path, 2022)
    assert [file.use for file in found.files] == ["conflict"] * 3
    assert len(found.faults) == 3
    assert "c.txt" in found.files[0].reason
    assert not found.can_estimate
    assert "nibrs_master" not in missing(found)
    # A contradiction in a former year does not take the place of the data year's file.
    assert "nibrs_master" in missing(survey(tmp_path, 2023))


def test_files_of_a_synthetic_nation_are_noted_as_such(tmp_path: Path) -> None:
    nibrs_master(tmp_path / "a.txt", name="SYNTHETIC VERMONT CITY 1")
    assert the_file(tmp_path / "a.txt").about == "NIBRS master file, 2022, synthetic"


def test_the_next_step_follows_from_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("downloads")
    folder.mkdir()

    def last_line(year: int = 2024) -> str:
        done = CliRunner().invoke(app, ["ingest", "public", "downloads", "--year", str(year)])
        return done.output.rstrip("\n").splitlines()[-1]

    text(folder / "notes.txt", "any")
    assert last_line().startswith("Nothing can be estimated for 2024")
    return_a(folder / "reta.txt", "24")
    assert last_line().endswith(": nibrs run srs us --source return-a:downloads/reta.txt")
    build_zip(folder / "vt.zip")
    assert last_line() == "Next: nibrs run all vt --source public:downloads --year 2024"
    nibrs_master(folder / "nation.txt", "2024")
    assert last_line() == "Next: nibrs run all us --source public:downloads --year 2024"
    nibrs_master(folder / "other.txt", "2024", name="OTHERTON")
    assert last_line() == "Next: mend or remove the files with errors, then repeat the command."


def test_what_is_missing_is_told_for_the_states_that_are_estimated(tmp_path: Path) -> None:
    build_zip(tmp_path / "vt.zip")
    agencies(tmp_path / "list.json", ["VT"])
    agencies(tmp_path / "other.json", ["NH"])
    groups(tmp_path / "people.csv", 2024, ["50"])
    employees_master(tmp_path / "employees.txt", "24")
    assert missing(survey(tmp_path, 2024)) == dict.fromkeys(
        ["nibrs_master", "return_a", "single_years", "metropolitan_areas"], ()
    )
    nibrs_master(tmp_path / "nation.txt", "2024")
    of_nation = missing(survey(tmp_path, 2024))
    assert "nibrs_master" not in of_nation
    assert of_nation["county_people"] == tuple(sorted(set(STATES) - {"VT"}))
    assert of_nation["agency_list"] == tuple(sorted(set(STATES) - {"VT", "NH"}))


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is empty"):
        survey(tmp_path, 2022)
    with pytest.raises(UsageError, match="does not exist"):
        survey(tmp_path / "none", 2022)


def test_the_command_tells_files_and_consequences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATA_YEAR", raising=False)
    folder = tmp_path / "downloads"
    folder.mkdir()
    return_a(folder / "a[1].txt")
    run = CliRunner().invoke
    done = run(app, ["ingest", "public", "downloads", "--year", "2022"])
    assert done.exit_code == 0, done.output
    assert "ok a[1].txt: Return A master file, 2022" in done.output
    assert "missing residents of counties (cc-est): There are no rates by sex" in done.output
    assert "Data year 2022: files 1, of use 1, as history 0, at fault 0" in done.output
    assert run(app, ["ingest", "public", "downloads", "--year", "2021"]).exit_code == 1
    assert isinstance(run(app, ["ingest", "public", "downloads"]).exception, UsageError)
    content = json.loads(run(app, ["ingest", "public", "downloads", "--year", "2022", "--json"]).stdout)
    assert [(file["kind"], file["use"], file["years"]) for file in content["files"]] == [("return_a", "used", [2022])]
    assert len(content["missing"]) == 6
    text(folder / "b.txt", "")
    assert run(app, ["ingest", "public", "downloads", "--year", "2022"]).exit_code == 1


def test_the_doctor_tells_what_is_still_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "downloads"
    folder.mkdir()
    return_a(folder / "a.txt")
    run = CliRunner().invoke
    done = run(app, ["doctor", "--public", "downloads", "--year", "2022"])
    assert done.exit_code == 0, done.output
    assert "missing metropolitan areas (list1): There are no estimates for metropolitan areas" in done.output
    assert run(app, ["doctor", "--public", "downloads", "--year", "2020"]).exit_code == 1
    assert isinstance(run(app, ["doctor", "--year", "2022"]).exception, UsageError)


def test_the_handbook_shows_the_table_of_kinds() -> None:
    page = (ROOT / "docs/user-guide/nation-from-public-data.md").read_text(encoding="utf-8")
    for kind in KINDS:
        assert f"| {kind.title} | {kind.gives} | {kind.sign} | {kind.size} | {kind.download} |\n" in page
        assert f"| {kind.title} | {kind.without} |\n" in page


@pytest.mark.parametrize(
    ("name", "year", "about"),
    [
        ("public/RETURNA2013.zip", 2013, "Return A master file, 2013"),
        ("public/cde_agencies_2025.csv.gz", 2013, "list of agencies, 50 states, 19,166 agencies"),
        ("public/pe_2018_TX.csv", 2018, "police employees (table), TX, 2018"),
        ("public/cc-est2019-alldata-06.csv.gz", 2019, "residents of counties (cc-est), CA, 2010 to 2019, vintage 2019"),
        ("public/list1_2020.xls", 2022, "metropolitan areas (list1), March 2020"),
        ("public/list1_2023.xlsx", 2023, "metropolitan areas (list1), July 2023"),
        ("public/nibrs_master_lines/2020_excerpt.txt", 2020, "NIBRS master file, 2020"),
        ("public/nibrs_master_lines/2021_excerpt.txt", 2021, "NIBRS master file, 2021"),
        ("public/made_up_examples/lee_example.csv", 2022, "police employees (table), ZZ, 2022"),
        ("public/made_up_examples/pe_master_example.txt", 2014, "police employees (master file), 2014"),
        ("public/made_up_examples/reta_example.txt", 2014, "Return A master file, 2014"),
        ("public/made_up_examples/cde_agencies_example.json", 2022, "list of agencies, ZZ, 2 agencies"),
        ("cde/VT-2024.zip", 2024, "zip of a state, VT, 2024"),
        ("cde/DC-2020.zip", 2020, "zip of a state, DC, 2020"),
        ("cde/AZ-2016.zip", 2016, "zip of a state, AZ, 2016"),
    ],
)
def test_real_files_are_known_in_any_name(name: str, year: int, about: str, tmp_path: Path) -> None:
    path = SHARED_DATA / name
    if not path.is_file():
        pytest.skip(f"no {name} under NIBRS_SHARED_DATA={SHARED_DATA}")
    (tmp_path / "download").symlink_to(path)
    found = the_file(tmp_path / "download", year)
    assert found.about == about
    assert found.use == ("other place" if " ZZ" in about else "used")
