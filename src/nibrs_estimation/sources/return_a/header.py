"""The part of a record that describes the agency."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.return_a_file import COUNTIES
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.intake.accounts import LINE
from nibrs_estimation.sources.intake.archive import printable
from nibrs_estimation.sources.intake.fixed_width import RECORD, Field, filled, is_digits, raw, record_texts, text
from nibrs_estimation.sources.return_a import layout
from nibrs_estimation.sources.return_a.faults import faults_in

#: Column that holds each record's place among those that are read, from 0.
PLACE = "place"
#: No agency serves more residents, so a larger number is a slip.
_MOST_RESIDENTS = 99_999_999
#: The population group of agencies in possessions, and the division and the type of agencies that have none.
_NO_GROUP, _NO_DIVISION, _NO_TYPE = "0", "0", "0"
_YES_OR_NO = {"Y": True, "N": False}


def read_headers(characters: NDArray[np.uint8], lines: NDArray[np.int64]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The agencies of records, and their faults.

    Args:
        characters: (n, RECORD_LENGTH) the records.
        lines: (n,) the line of each in the file.

    Returns:
        Agencies, (n) rows in the order of the records: ``place``, ``line``, and the columns of dataset
        ``return_a_agency`` that the header tells. And their faults; a faulty value is missing, or 0 if it is required.
    """
    records = _texts(characters, lines)
    faults = _faults(records)
    agencies = records.select(
        PLACE,
        LINE,
        data_year=_year(),
        ori7=text(layout.ORI7),
        ori=pl.concat_str(text(layout.ORI7), pl.lit("00")),
        state_abbr=_state(),
        division_code=_code(layout.DIVISION, code_list("division")["code"]).cast(pl.Int8),
        agency_name=filled(layout.NAME),
        agency_type_name=text(layout.AGENCY_TYPE).replace_strict(_types(), default=None),
        population_group_code=_code(layout.POPULATION_GROUP, code_list("population_group")["code"]),
        is_covered=text(layout.COVERED_BY) != "",
        covered_by_ori7=filled(layout.COVERED_BY),
        population=pl.sum_horizontal(_number(field) for field in layout.COUNTY_POPULATION).cast(pl.Int32),
        **{f"county_{k}_code": filled(field) for k, field in zip(COUNTIES, layout.COUNTY_CODE, strict=True)},
        **{f"county_{k}_msa_code": filled(field) for k, field in zip(COUNTIES, layout.COUNTY_MSA, strict=True)},
        **{
            f"county_{k}_population": _number(field).cast(pl.Int32)
            for k, field in zip(COUNTIES, layout.COUNTY_POPULATION, strict=True)
        },
        census_population=pl.sum_horizontal(
            (_number(field) for field in layout.CENSUS_POPULATION), ignore_nulls=False
        ).cast(pl.Int32),
        is_core_city=text(layout.CORE_CITY).replace_strict(_YES_OR_NO, default=None),
        judicial_district_code=filled(layout.JUDICIAL_DISTRICT),
        field_office_code=filled(layout.FIELD_OFFICE),
        last_month_reported=_last_month(),
    )
    is_in_states = pl.col("state_abbr").is_in(code_list("state")["state_abbr"].implode())
    return agencies.with_columns(is_eligible=is_in_states & ~pl.col("is_covered")), faults


def year_of(record: str) -> int:
    """The data year of a record; raises PipelineError if it has none."""
    digits = record[layout.YEAR.first - 1 : layout.YEAR.last]
    if not (digits.isascii() and digits.isdigit()):
        raise PipelineError(
            f"The first record has {printable(digits)!r} for its {layout.YEAR.title}. Download the file again."
        )
    return int(digits) + (1900 if int(digits) >= layout.FIRST_YEAR_OF_1900 else 2000)


def _texts(characters: NDArray[np.uint8], lines: NDArray[np.int64]) -> pl.DataFrame:
    header = characters[:, : layout.HEADER_LENGTH]
    return pl.DataFrame({PLACE: np.arange(len(lines)), LINE: lines, RECORD: record_texts(header)})


def _number(field: Field) -> pl.Expr:
    """A number of residents, 0 where blank, null where it is not a number that residents can have."""
    number = pl.when(is_digits(field)).then(raw(field)).cast(pl.Int64, strict=False)
    return pl.when(text(field) == "").then(0).when(number <= _MOST_RESIDENTS).then(number)


def _code(field: Field, codes: pl.Series) -> pl.Expr:
    return pl.when(text(field).is_in(codes.implode())).then(text(field))


def _year() -> pl.Expr:
    digits = text(layout.YEAR).cast(pl.Int16, strict=False)
    century = pl.when(digits >= layout.FIRST_YEAR_OF_1900).then(1900).otherwise(2000)
    return pl.when(is_digits(layout.YEAR)).then(digits + century).cast(pl.Int16)


def _state() -> pl.Expr:
    states = dict(code_list("return_a_state").select("code", "state_abbr").rows())
    return text(layout.STATE).replace_strict(states, default=None)


def _types() -> dict[str, str]:
    return dict(code_list("agency_type").filter(pl.col("code").str.len_chars() == 1).select("code", "label").rows())


def _last_month() -> pl.Expr:
    month = text(layout.LAST_MONTH).cast(pl.Int8, strict=False)
    return pl.when(text(layout.LAST_MONTH) == "").then(0).when(month.is_between(0, 12)).then(month).cast(pl.Int8)


def _faults(records: pl.DataFrame) -> pl.DataFrame:
    def of(field: Field, is_faulty: pl.Expr, reason: str, *, is_row: bool = False) -> pl.DataFrame:
        return faults_in(records, is_faulty, field.title, reason, raw(field), is_row=is_row)

    def unknown(field: Field, codes: pl.Series, *others: str) -> pl.DataFrame:
        return of(field, ~text(field).is_in([*codes, *others, ""]), "unknown_code")

    return pl.concat(
        [
            of(layout.TYPE_OF_RECORD, raw(layout.TYPE_OF_RECORD) != layout.RECORD_TYPE, "wrong_record", is_row=True),
            of(layout.STATE, _state().is_null(), "unknown_code", is_row=True),
            of(layout.ORI7, ~raw(layout.ORI7).str.contains(r"^[0-9A-Z]{7}$"), "missing_value", is_row=True),
            of(layout.YEAR, _year().is_null(), "not_a_number", is_row=True),
            *(of(field, _number(field).is_null(), "not_a_number", is_row=True) for field in layout.COUNTY_POPULATION),
            *(of(field, _number(field).is_null(), "not_a_number") for field in layout.CENSUS_POPULATION),
            of(layout.LAST_MONTH, _last_month().is_null(), "out_of_range"),
            unknown(layout.POPULATION_GROUP, code_list("population_group")["code"], _NO_GROUP),
            unknown(layout.DIVISION, code_list("division")["code"], _NO_DIVISION),
            unknown(layout.AGENCY_TYPE, pl.Series(list(_types())), _NO_TYPE),
            unknown(layout.CORE_CITY, pl.Series(list(_YES_OR_NO))),
        ]
    )
