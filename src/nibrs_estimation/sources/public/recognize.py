"""Which kind of file a content is, of which years and states. Only content decides, never the name of a file."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import fastexcel
import polars as pl

from nibrs_estimation.model.codes import code_list, ucr_abbr
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources import census_population as census
from nibrs_estimation.sources.cde import CdeSource
from nibrs_estimation.sources.cde.layout import AGENCIES, INCIDENT, PARTICIPATION, REPORTERS
from nibrs_estimation.sources.intake.archive import printable
from nibrs_estimation.sources.master import layout as master
from nibrs_estimation.sources.master.headers import SYNTHETIC_CITY
from nibrs_estimation.sources.public import kinds
from nibrs_estimation.sources.public.content import Content
from nibrs_estimation.sources.public.kinds import Kind
from nibrs_estimation.sources.return_a import layout as return_a
from nibrs_estimation.sources.return_a.header import year_of

#: Record of the police employee master file (FBI, "Police employee master file record description"), which has its
#: year where Return A has it.
EMPLOYEES_LENGTH, EMPLOYEES_TYPE = 7689, "5"
#: A record of either file begins with type, state and seven characters of an ORI.
_FIXED_RECORD = re.compile(r"[15]\d\d[A-Z][A-Z0-9]{6}")
_LEAST_FIXED = 1000
WORKBOOK_MARKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_LIST1_COLUMNS = {"cbsa code", "cbsa title", "fips county code"}
_LIST1_ROWS = 10
_MONTH_AND_YEAR = re.compile(
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december)\s+(\d{4})",
    re.IGNORECASE,
)
_EMPLOYEES_COLUMNS = {"data_year", "ori", "male_officer_ct", "total_pe_ct"}
_GROUP_COLUMNS = {mark.lower() for mark in census.MARKS}
_SINGLE_YEAR_COLUMNS = {"state", "county", "year", "age", "tot_pop", "tot_male", "tot_female"}
#: From the census to the base of its estimates, counties hardly change (California 2010: 0.01 %); from the base to July
#: of the census year by some tenths of a percent (California: 0.18 %).
_SAME_DAY_CHANGE = 0.0005
_FIRST_VINTAGE, _LAST_VINTAGE = 2000, 2099


@dataclass(frozen=True)
class Recognized:
    """What a content is.

    Attributes:
        kind: its kind.
        years: the data years that it has, ascending; () if it has no year.
        edition: vintage of the Census Bureau, or year of a list of metropolitan areas; 0 for other kinds.
        states: UCR abbreviations of the states that it has, ascending; () if it is of the nation.
        note: what else is to be told.
    """

    kind: Kind
    years: tuple[int, ...] = ()
    edition: int = 0
    states: tuple[str, ...] = ()
    note: str = ""


def recognize_zip(path: Path, members: Collection[str]) -> Recognized | None:
    """A zip of the Crime Data Explorer for one state; None if it holds none of its tables.

    Raises:
        PipelineError: it has such tables, but is no whole zip of a year that the program reads.
    """
    if not {AGENCIES, REPORTERS, PARTICIPATION, INCIDENT.member} & set(members):
        return None
    (found,) = CdeSource((path,)).contents()
    note = "synthetic" if found.is_synthetic else ""
    return Recognized(kinds.STATE_ZIP, (found.year,), states=(found.state,), note=note)


def recognize(content: Content) -> Recognized | None:
    """The kind of a content; None if it is none. A file of a synthetic nation is noted as such.

    Raises:
        PipelineError: it is of a kind, but damaged, or its year cannot be told.
    """
    found = _kind_of(content)
    if found is None or SYNTHETIC_CITY.encode() not in content.beginning:
        return found
    return replace(found, note=f"{found.note}, synthetic" if found.note else "synthetic")


def _kind_of(content: Content) -> Recognized | None:
    if not content.beginning:
        raise PipelineError(f"{content.where} is empty: the download did not finish. Download it again.")
    if content.beginning.startswith(WORKBOOK_MARKS):
        return _metropolitan_areas(content, _workbook_rows(content))
    if content.beginning.lstrip()[:1] in (b"{", b"["):
        return _agencies_as_json(content)
    line = content.lines(1)[0]
    if line[:2] in master.HEADERS and len(line) >= min(master.OLD_HEADER_LEAST.values()):
        return _nibrs_master(content)
    if _FIXED_RECORD.match(line) and len(line) >= _LEAST_FIXED:
        return _fixed_records(content, line)
    return _table(content)


def _nibrs_master(content: Content) -> Recognized:
    place = {master.BATCH_HEADER: master.YEAR.first} | {
        part.level: part.first + master.YEAR.first - part.first_of_header
        for part in master.HEADER_PARTS
        if part.first_of_header <= master.YEAR.first < part.first_of_header + part.length
    }
    for line in content.beginning.decode("latin-1").splitlines():
        if first := place.get(line[:2]):
            digits = line[first - 1 : first + 3]
            if not re.fullmatch(r"\d{4}", digits):
                break
            return Recognized(kinds.NIBRS_MASTER, (int(digits),))
    raise PipelineError(
        f"{content.where} is a NIBRS master file, but its first batch header has no {master.YEAR.name} (positions "
        f"{master.YEAR.first} to {master.YEAR.last}). Download it again."
    )


def _fixed_records(content: Content, line: str) -> Recognized:
    by_type = {
        return_a.RECORD_TYPE: (kinds.RETURN_A, return_a.RECORD_LENGTH),
        EMPLOYEES_TYPE: (kinds.POLICE_EMPLOYEES_MASTER, EMPLOYEES_LENGTH),
    }
    kind, length = by_type[line[0]]
    if len(line) != length:
        raise PipelineError(
            f"{content.where}, line 1, begins like a record of a {kind.title}, but has {len(line):,} characters "
            f"instead of {length:,}. Download it again; do not edit it."
        )
    return Recognized(kind, (year_of(line),))


def _agencies_as_json(content: Content) -> Recognized | None:
    try:
        rows = list(objects_with_ori(json.loads(content.read())))
    except (ValueError, RecursionError) as error:
        raise PipelineError(
            f"{content.where} is JSON that cannot be read ({printable(str(error))}): the download did not finish. "
            "Download it again."
        ) from error
    if not rows or not all({"ori", "agency_name", "is_nibrs"} <= row.keys() for row in rows):
        return None
    table = pl.DataFrame(
        [{name: _text(row.get(name)) for name in ("ori", "state_abbr", "nibrs_start_date")} for row in rows],
        schema={"ori": pl.String, "state_abbr": pl.String, "nibrs_start_date": pl.String},
    )
    return _agency_list(table)


def objects_with_ori(value: Any) -> Iterator[dict[str, Any]]:
    """The objects that have an ORI: a list of them, or lists by county or state."""
    if isinstance(value, dict) and "ori" in value:
        yield value
    elif isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from objects_with_ori(part)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _agency_list(table: pl.DataFrame) -> Recognized:
    starts = table["nibrs_start_date"] if "nibrs_start_date" in table.columns else pl.Series([None])
    has_starts = starts.is_not_null() & ~starts.is_in(["", "NA", "null"])
    number = f"{table['ori'].n_unique():,} agencies"
    note = number if has_starts.any() else f"{number}, without the dates on which they began with NIBRS"
    return Recognized(kinds.AGENCY_LIST, states=_states(table["state_abbr"]), note=note)


def _table(content: Content) -> Recognized | None:
    lines = content.lines(_LIST1_ROWS)
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines)]
    except csv.Error:
        return None
    names = {name.lower(): name for name in rows[0]} if rows else {}
    if names.keys() >= _EMPLOYEES_COLUMNS:
        table = content.columns(names["data_year"], *([names["state_abbr"]] if "state_abbr" in names else []))
        years = table[names["data_year"]].cast(pl.Int64, strict=False).drop_nulls().unique().sort()
        states = _states(table[names["state_abbr"]]) if "state_abbr" in names else ()
        return Recognized(kinds.POLICE_EMPLOYEES, tuple(years), states=states)
    # A universe file has such columns, too, but also residents.
    is_agency_list = {"ori", "agency_name", "state_abbr"} <= names.keys() and {"is_nibrs", "nibrs"} & names.keys()
    if is_agency_list and "population" not in names:
        wanted = [name for name in ("ori", "state_abbr", "nibrs_start_date") if name in names]
        return _agency_list(content.columns(*(names[name] for name in wanted)).rename({names[n]: n for n in wanted}))
    for kind, columns, age in (
        (kinds.COUNTY_PEOPLE, _GROUP_COLUMNS, "agegrp"),
        (kinds.SINGLE_YEARS, _SINGLE_YEAR_COLUMNS, "age"),
    ):
        if columns <= names.keys():
            return _census(content, kind, names, age)
    return _metropolitan_areas(content, rows)


def _census(content: Content, kind: Kind, names: dict[str, str], age: str) -> Recognized:
    wanted = ("state", "county", "year", age, "tot_pop")
    table = content.columns(*(names[name] for name in wanted)).rename({names[name]: name for name in wanted})
    numbers = table.select("state", "county", pl.col("year", age, "tot_pop").cast(pl.Int64, strict=False))
    vintage = _vintage(content, numbers)
    abbreviations = dict(code_list("state").select("state_fips", "state_abbr").rows())
    states = _states(table["state"].str.zfill(2).replace(abbreviations))
    years = tuple(range(census.first_year(vintage), vintage + 1))
    return Recognized(kind, years, vintage, states, f"vintage {vintage}")


def _vintage(content: Content, numbers: pl.DataFrame) -> int:
    """The vintage that the codes of column YEAR and the residents under the first two of them fit.

    The greatest code stands for the year of the vintage. Vintages of 2021 and later count from the base of the census
    year and its July on, others from the census and its base, which are of the same day.

    Raises:
        PipelineError: no vintage fits, or another than the one in the file's name.
    """
    last = numbers.select(pl.col("year").max()).item()
    by_code = numbers.filter(pl.col("year").is_in([1, 2])).group_by("state", "county", "year").agg(
        pl.col("tot_pop").sum()
    )  # fmt: skip
    both = by_code.filter(pl.col("year") == 1).join(by_code.filter(pl.col("year") == 2), on=["state", "county"])
    change = int((both["tot_pop_right"] - both["tot_pop"]).abs().sum())
    is_same_day = None if both.is_empty() else change < _SAME_DAY_CHANGE * int(both["tot_pop"].sum())
    fitting = [
        vintage
        for vintage in range(_FIRST_VINTAGE, _LAST_VINTAGE + 1)
        if census.code_in_vintage(vintage, vintage) == last and is_same_day in (None, vintage <= 2020)
    ]
    named = re.search(r"cc-est(\d{4})", f"{content.path.name} {content.member}", re.IGNORECASE)
    if named and int(named[1]) in fitting:
        return int(named[1])
    if named and fitting:
        raise PipelineError(
            f"{content.where}: its name says vintage {named[1]}, but its column YEAR goes to {last}, which is "
            f"so in vintage {' or '.join(map(str, fitting))}. Give it the name that it had when it was downloaded."
        )
    # Before 2010 the codes are those of ten years later.
    recent = [vintage for vintage in fitting if vintage >= 2010]
    if len(recent) != 1:
        raise PipelineError(
            f"{content.where}: its vintage cannot be told, as its column YEAR goes to {last}. Give it the name "
            "of the Census Bureau, such as cc-est2023-alldata.csv."
        )
    return recent[0]


def _workbook_rows(content: Content) -> list[list[str]]:
    try:
        sheet = fastexcel.read_excel(content.read()).load_sheet(0, header_row=None, n_rows=_LIST1_ROWS)
    except fastexcel.FastExcelError:
        # A zip of other things, or a document of a word processor.
        return []
    return [[str(cell or "").strip() for cell in row] for row in sheet.to_polars().iter_rows()]


def _metropolitan_areas(content: Content, rows: list[list[str]]) -> Recognized | None:
    if not any({cell.lower() for cell in row} >= _LIST1_COLUMNS for row in rows):
        return None
    title = " ".join(cell for row in rows for cell in row)
    found = _MONTH_AND_YEAR.search(title)
    if not found:
        raise PipelineError(
            f"{content.where} is a list of metropolitan areas, but its first {_LIST1_ROWS} rows have no month and "
            "year. Use the file of the Census Bureau as downloaded, with its title."
        )
    year = int(found[1])
    return Recognized(kinds.METROPOLITAN_AREAS, edition=year, note=found[0].capitalize())


def _states(abbreviations: pl.Series) -> tuple[str, ...]:
    """The states of a column, by UCR or postal abbreviation; () if they are all.

    Other places are told only if there is no state.
    """
    frame = pl.DataFrame({"state_abbr": abbreviations.drop_nulls().unique()})
    found = set(frame.select(ucr_abbr(pl.col("state_abbr").str.to_uppercase())).to_series())
    states = set(code_list("state")["state_abbr"])
    return () if found >= states else tuple(sorted(found & states or found))
