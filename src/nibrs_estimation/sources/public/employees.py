"""Police employees of a year: the table of the Crime Data Explorer, and the FBI's master file."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from nibrs_estimation.model.codes import code_list, ucr_abbr
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.intake.fixed_width import RECORD, Field, decode, filled, raw, text
from nibrs_estimation.sources.public.content import Content
from nibrs_estimation.sources.public.kinds import POLICE_EMPLOYEES, POLICE_EMPLOYEES_MASTER
from nibrs_estimation.sources.public.recognize import EMPLOYEES_LENGTH, EMPLOYEES_TYPE
from nibrs_estimation.sources.public.rows import LINE, Rows, name_of

COUNTS = ("male_officers", "male_civilians", "female_officers", "female_civilians")
#: Columns of the table -> names here. Since 2023 "civilian" is misspelt.
_COLUMNS = {
    "male_officer_ct": "male_officers",
    "male_civilian_ct": "male_civilians",
    "male_cilvilian_ct": "male_civilians",
    "female_officer_ct": "female_officers",
    "female_civilian_ct": "female_civilians",
    "female_cilvilian_ct": "female_civilians",
    "pub_agency_name": "agency_name",
    "pub_agency_unit": "agency_unit",
    "population_group_desc": "group",
    "data_year": "data_year",
    "ori": "ori",
    "state_abbr": "state_abbr",
    "county_name": "county_names",
    "agency_type_name": "agency_type_name",
    "population": "population",
}
_REQUIRED = {"data_year", "ori", "state_abbr", "agency_type_name", "group", "population", *COUNTS}
#: Words for a value that is missing.
MISSING = ("", "NULL", "NA", "N/A")
#: No agency serves more residents, so a larger number is a slip.
_MOST_RESIDENTS = 99_999_999

# FBI, "Police employee master file record description"; the layout is the same since 1960.
_STATE = Field("state", 2, 3)
_ORI7 = Field("ORI", 4, 10)
_GROUP = Field("population group", 11, 12)
_YEAR = Field("year", 14, 15)
_POPULATION = Field("population", 24, 32)
_NAME = Field("agency name", 33, 56)
_COUNT_FIELDS = {
    "male_officers": Field("male officers", 63, 67),
    "male_civilians": Field("male civilians", 68, 72),
    "female_officers": Field("female officers", 78, 82),
    "female_civilians": Field("female civilians", 83, 87),
}
_EMPLOYEE_DATA = Field("employee data", 255, 255)
#: 1 has no employee data, 2 a copy of the data of the year before.
_OF_THIS_YEAR = "0"
_HEAD_LENGTH = 273
_FIRST_YEAR_OF_1900 = 60
_NO_RECORD = b" \x1a\r\n"


def read_employees(content: Content, year: int) -> Rows:
    """Police employees of a year, from the table or the master file.

    Returns:
        Rows with ``ori`` (nine characters, null in the master file), ``ori7``, ``state_abbr``, ``agency_name``,
        ``agency_unit``, ``agency_type_name``, ``population_group_code``, ``population`` and the four numbers of
        :data:`COUNTS`, missing where an agency did not report.

    Raises:
        PipelineError: a column is missing, the file is damaged, or two different rows are of one agency.
    """
    is_table = content.beginning[:1] != EMPLOYEES_TYPE.encode() or content.lines(1)[0].count(",") > 1
    return _read_table(content, year) if is_table else _read_master(content, year)


def _read_table(content: Content, year: int) -> Rows:
    header = {name.strip().strip('"').lower(): name.strip().strip('"') for name in content.lines(1)[0].split(",")}
    wanted = {header[name]: new for name, new in _COLUMNS.items() if name in header}
    if missing := sorted(_REQUIRED - set(wanted.values())):
        raise PipelineError(
            f"{content.where}, line 1: the column for {missing[0]} is missing. Download the table again "
            "(lee_1960_YEAR.csv, before 2023 pe_1960_YEAR.csv)."
        )
    table = content.columns(*wanted).rename(wanted).with_row_index(LINE, offset=2)
    table = table.with_columns(_known(name) for name in wanted.values())
    for name in ("agency_name", "agency_unit"):
        if name not in table.columns:
            table = table.with_columns(pl.lit(None, pl.String).alias(name))
    rows = Rows(name_of(content), POLICE_EMPLOYEES.name, table)
    rows.set_aside(~pl.col("data_year").str.contains(r"^\d{4}$").fill_null(False), "data_year", "not_a_number",
                   pl.col("data_year"))  # fmt: skip
    rows.drop(pl.col("data_year") != str(year))
    rows.set_aside(~pl.col("ori").str.contains(r"^[0-9A-Z]{9}$").fill_null(False), "ori", "missing_value",
                   pl.col("ori"))  # fmt: skip
    numbers = ("population", *COUNTS)
    for name in numbers:
        value = pl.col(name).cast(pl.Float64, strict=False)
        rows.set_aside(
            pl.col(name).is_not_null() & ~value.is_between(0, _MOST_RESIDENTS).fill_null(False), name,
            "not_a_number", pl.col(name),
        )  # fmt: skip
    rows.once(["ori"], "ori")
    groups = dict(code_list("population_group").select("label", "code").rows())
    rows.frame = rows.frame.select(
        LINE,
        "ori",
        ori7=pl.col("ori").str.head(7),
        state_abbr=ucr_abbr(pl.col("state_abbr").str.to_uppercase()),
        agency_name="agency_name",
        agency_unit="agency_unit",
        agency_type_name=_known_type(pl.col("agency_type_name")),
        population_group_code=pl.col("group").replace_strict(groups, default=None, return_dtype=pl.String),
        **{name: pl.col(name).cast(pl.Float64).cast(pl.Int32) for name in numbers},
    )
    return rows


def _known(name: str) -> pl.Expr:
    return pl.when(~pl.col(name).str.to_uppercase().is_in(MISSING)).then(name).alias(name)


def _known_type(name: pl.Expr) -> pl.Expr:
    """A type of agency that is known; null for others, such as Unknown."""
    known = code_list("agency_type")["label"].to_list()
    return pl.when(name.is_in([label for label in known if label != "Unknown"])).then(name)


def _read_master(content: Content, year: int) -> Rows:
    lines, lengths, heads = [], [], []
    for number, line in enumerate(_lines(content), 1):
        if len(line) >= EMPLOYEES_LENGTH or line.strip(_NO_RECORD):
            lines.append(number)
            lengths.append(len(line))
            heads.append(line[:_HEAD_LENGTH].decode("latin-1").ljust(_HEAD_LENGTH))
    frame = pl.DataFrame({LINE: lines, "length": lengths, RECORD: heads}, schema_overrides={RECORD: pl.String})
    rows = Rows(name_of(content), POLICE_EMPLOYEES_MASTER.name, frame)
    is_wrong = (pl.col("length") != EMPLOYEES_LENGTH) | (pl.col(RECORD).str.head(1) != EMPLOYEES_TYPE)
    rows.set_aside(is_wrong, f"length, which is {EMPLOYEES_LENGTH:,}", "wrong_record", pl.col("length"))
    states = dict(code_list("return_a_state").select("code", "state_abbr").rows())
    groups = code_list("population_group")["code"]
    digits = text(_YEAR).cast(pl.Int16, strict=False)
    century = pl.when(digits >= _FIRST_YEAR_OF_1900).then(1900).otherwise(2000)
    rows.set_aside(digits.is_null(), _YEAR.title, "not_a_number", raw(_YEAR))
    rows.drop(digits + century != year)
    state = text(_STATE).replace_strict(states, default=None, return_dtype=pl.String)
    rows.set_aside(state.is_null(), _STATE.title, "unknown_code", raw(_STATE))
    rows.set_aside(~raw(_ORI7).str.contains(r"^[A-Z]{2}[0-9A-Z]{5}$"), _ORI7.title, "missing_value", raw(_ORI7))
    # Files have had groups such as 2C and 7B, in rows that are of no agency. Possessions have 0.
    is_group = text(_GROUP).is_in([*groups, "", "0"])
    rows.set_aside(~is_group, _GROUP.title, "unknown_code", raw(_GROUP))
    for name, field in {"population": _POPULATION, **_COUNT_FIELDS}.items():
        value, is_number = _numbers(rows.frame[RECORD], field)
        rows.frame = rows.frame.with_columns(value.alias(name), is_number.alias("is_number"))
        is_possible = pl.col("is_number") & pl.col(name).is_between(0, _MOST_RESIDENTS)
        rows.set_aside(~is_possible, field.title, "not_a_number", raw(field))
    is_reported = text(_EMPLOYEE_DATA) == _OF_THIS_YEAR
    rows.frame = rows.frame.select(
        LINE,
        ori=pl.lit(None, pl.String),
        ori7=raw(_ORI7),
        state_abbr=state,
        agency_name=filled(_NAME),
        agency_unit=pl.lit(None, pl.String),
        agency_type_name=pl.lit(None, pl.String),
        population_group_code=pl.when(text(_GROUP).is_in(groups.implode())).then(text(_GROUP)),
        population="population",
        **{name: pl.when(is_reported).then(name) for name in COUNTS},
    )
    rows.once(["ori7"], _ORI7.title)
    return rows


def _numbers(records: pl.Series, field: Field) -> tuple[pl.Series, pl.Series]:
    """The numbers of a field, 0 where blank; and whether each is a number or blank."""
    width = field.last - field.first + 1
    pieces = "".join(records.str.slice(field.first - 1, width).to_list()).encode("latin-1")
    value, is_number = decode(np.frombuffer(pieces, np.uint8).reshape(-1, width))
    return pl.Series(value), pl.Series(is_number)


def _lines(content: Content) -> Iterator[bytes]:
    """The lines of a text without their breaks, with no more in memory than a chunk."""
    rest = b""
    for chunk in content.stream():
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.removesuffix(b"\r") for line in whole)
    if rest:
        yield rest.removesuffix(b"\r")
