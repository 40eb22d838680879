"""Conversion of text to the types and codes of the datasets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pipeline.dataset import COLUMN_TYPES
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.cde.accounts import FEW_ROWS, ZipAccounts
from nibrs_estimation.sources.cde.codes import with_known_codes
from nibrs_estimation.sources.cde.layout import FILLED, LOOKUPS, Field, Lookup, name_in
from nibrs_estimation.sources.cde.text import header_of, read_text, shown
from nibrs_estimation.sources.intake.accounts import LINE
from nibrs_estimation.sources.intake.archive import Archive
from nibrs_estimation.sources.new_offenses import new_offenses

#: docs/develop/adding-a-source.md; R marks the date of a report in the layout of 2016 to 2020.
_FLAGS = {
    **dict.fromkeys(("t", "T", "Y", "y", "R", "r", "1"), True),
    **dict.fromkeys(("f", "F", "N", "n", "0"), False),
}
#: ISO dates, some with a time of day, and DD-MON-YY of the layout of 2016 to 2020.
_ISO_DATE = r"^(\d{4}-\d{2}-\d{2})(?:[ T]\d{2}:\d{2}:\d{2}(?:\.\d+)?)?$"
_OLD_DATE = r"^\d{2}-[A-Za-z]{3}-\d{2}$"
#: Two-digit years may be up to this many years after the zip's: agencies announce their start; the oldest is 1985.
_YEARS_AHEAD = 20
#: Values of ``age_num``: years, 00 and 99, or a letter code.
_AGE = r"^(\d+|NN|NB|BB|NS)$"
#: "Age in years" of the layout of 2016 to 2020, which is in no list because it needs the number.
IN_YEARS = "AG"
#: The lookup table whose codes may be newer than the code list; it states what each crime is against.
_OFFENSES = "nibrs_offense_type"
#: Maximum length of codes.
_LONGEST_CODE = 8
_INTEGERS = ("int8", "int16", "int32", "int64")
_KINDS = {
    "bool": "a flag (t, f, Y or N)",
    "date": "a date (YYYY-MM-DD or DD-MON-YY)",
    "age": "an age (a number, NN, NB, BB or NS)",
}


def read_typed(
    archive: Archive, member: str, fields: Mapping[str, Field], year: int, accounts: ZipAccounts
) -> pl.DataFrame:
    """Read fields of a member with their types; ids with a lookup table become codes. Keeps the line of every row.

    A field is left out if an excerpt lacks its lookup table, or if it is optional and absent. Rows with a missing or
    invalid value in a required field go to quarantine; other invalid values become null and go to quarantine without
    their row. Codes for "not specified" become null. Codes that are in no code list are invalid, except offense codes,
    which may be newer than the list. A column with too many invalid values, or an empty column that is never empty in
    real zips, stops the run.

    Source: docs/develop/adding-a-source.md.

    Raises:
        PipelineError: see :func:`~nibrs_estimation.sources.cde.text.read_text`; also for a value of another type, a
            column with too many invalid or missing values, or a repeated id in a lookup table; names the zip,
            member, column, line and value.
    """
    where = archive.where(member)
    header = header_of(archive.first_line(member))
    found = {name: name_in(header, field.header) for name, field in fields.items()}
    found = {
        name: column
        for name, column in found.items()
        if (column in header or not fields[name].may_be_absent) and can_decode(archive, column)
    }
    kinds = {column: "int" if _is_number(column, fields[name]) else "str" for name, column in found.items()}
    text = read_text(archive, member, kinds, lambda number: accounts.lost("null_text", member, number))
    is_blank = text.select(pl.all_horizontal(pl.exclude(LINE).is_null())).to_series()
    accounts.read(member, text.height, int(is_blank.sum()))
    if is_blank.any():
        text = text.filter(~is_blank)
    decoded = {LINE: text[LINE]}
    is_removed = pl.repeat(False, text.height, eager=True)
    for name, column in found.items():
        if name in FILLED.get(member, ()) and not archive.is_excerpt:
            _check_filled(where, text[column])
        values, is_faulty, reason = _decoded(archive, member, text, column, fields[name], year, accounts)
        if fields[name].not_specified:
            values = values.set(values == fields[name].not_specified, None)
        decoded[name] = values.alias(name)
        if not fields[name].is_required:
            accounts.blanked(member, text, is_faulty, reason, column)
            if not archive.is_excerpt:
                accounts.check_values(where, text, is_faulty, reason, column)
        elif values.has_nulls():
            accounts.set_aside(member, text, is_faulty & ~is_removed, reason, column)
            accounts.set_aside(member, text, values.is_null() & ~is_faulty & ~is_removed, "missing_value", column)
            is_removed |= values.is_null()
    if not archive.is_excerpt:
        accounts.check_shares(where, member)
    frame = pl.DataFrame(list(decoded.values()))
    return frame.filter(~is_removed) if is_removed.any() else frame


def can_decode(archive: Archive, header: str) -> bool:
    """Whether the lookup table that a header needs exists; it may be missing in excerpts."""
    return header not in LOOKUPS or LOOKUPS[header].member in archive.members


def lookup_codes(archive: Archive, lookup: Lookup) -> dict[int | str, str]:
    """The code of every id in a lookup table of the zip.

    Raises:
        PipelineError: see :func:`~nibrs_estimation.sources.cde.text.read_text`; also for a repeated id.
    """
    header = header_of(archive.first_line(lookup.member))
    key, code = name_in(header, lookup.id), name_in(header, lookup.code)
    rows = read_text(archive, lookup.member, {code: "str", key: "str" if lookup.is_text else "int"}).drop_nulls()
    is_repeated = rows[key].is_duplicated()
    if is_repeated.any():
        first, second = rows.filter(is_repeated).filter(pl.col(key) == pl.col(key).first()).head(2).rows(named=True)
        raise PipelineError(
            f"{archive.where(lookup.member)}, column {key}, lines {first[LINE]} and {second[LINE]}: the id "
            f"{shown(str(first[key]))} is repeated, so its meaning is unknown. The file was damaged or "
            "edited: download the zip again."
        )
    return dict(zip(rows[key], rows[code].cast(pl.String), strict=True))


def _is_number(header: str, field: Field) -> bool:
    if header in LOOKUPS:
        return not LOOKUPS[header].is_text
    return field.type in _INTEGERS


def _decoded(
    archive: Archive, member: str, text: pl.DataFrame, header: str, field: Field, year: int, accounts: ZipAccounts
) -> tuple[pl.Series, pl.Series, str]:
    """Values with their type, a mask of invalid values (now null), and the reason."""
    where = archive.where(member)
    raw = text[header]
    if header in LOOKUPS:
        values = _looked_up(archive, f"{member}.{header}", raw, LOOKUPS[header], field, accounts)
        return _fault(raw, _within(values.cast(COLUMN_TYPES[field.type], strict=False), field), "unknown_code")
    match field.type:
        case "bool":
            values = raw.replace_strict(_FLAGS, default=None, return_dtype=pl.Boolean)
        case "date":
            return _dates(where, text, header, year)
        case "age":
            values = raw.str.extract(_AGE)
            _refuse(where, text, header, values.is_null() & raw.is_not_null(), _KINDS["age"])
            return _fault(raw, values.set(values.str.contains(r"^\d{3}"), None), "out_of_range")
        case "float64":
            number = raw.cast(pl.Float64, strict=False)
            values = number.set(~number.is_finite(), None)
        case "str":
            return _fault(raw, _within(_cased(raw, field), field), "unknown_code")
        case _:
            values = raw.cast(COLUMN_TYPES[field.type], strict=False)
            return _fault(raw, _within(values, field), "out_of_range")
    _refuse(where, text, header, values.is_null() & raw.is_not_null(), _KINDS.get(field.type, "a number"))
    return _fault(raw, values, "out_of_range")


@cache
def _known(field: Field) -> frozenset[str]:
    """The codes that a field may have, as text; empty if any value is allowed."""
    if field.codes:
        codes = [str(code) for code in field.codes]
    elif field.code_list:
        codes = code_list(field.code_list).to_series(0).cast(pl.String).to_list()
    else:
        return frozenset()
    if field.type in _INTEGERS:
        return frozenset(str(int(code)) for code in codes)
    others = [field.not_specified] if field.not_specified else []
    return frozenset([*codes, *others, *([IN_YEARS] if field.code_list == "age" else [])])


def _looked_up(
    archive: Archive, column: str, ids: pl.Series, lookup: Lookup, field: Field, accounts: ZipAccounts
) -> pl.Series:
    """Codes of a column from the zip's lookup table, spelled as in the code lists; null if they are in no list."""
    known, is_offense = _known(field), lookup.member == _OFFENSES
    codes = {
        key: _as_listed(code, known, field) if len(code) <= _LONGEST_CODE else None
        for key, code in lookup_codes(archive, lookup).items()
    }
    values = ids.replace_strict(list(codes), list(codes.values()), default=None, return_dtype=pl.String)
    if field.type not in _INTEGERS:
        values = with_known_codes(values, field.code_list, column, accounts, keeps_new=is_offense)
    if is_offense:
        accounts.add_new_offenses(_new_offenses(archive, lookup))
    return values if is_offense or not known else values.set(~values.is_in(known), None)


def _new_offenses(archive: Archive, lookup: Lookup) -> dict[str, str]:
    """Offense codes that are in no code list -> what they are against, from the zip's lookup table."""
    header = header_of(archive.first_line(lookup.member))
    columns = {"offense_code": name_in(header, lookup.code), "crime_against": "crime_against"}
    columns |= {"offense_group": "offense_group"} if "offense_group" in header else {}
    if columns["crime_against"] not in header:
        return {}
    rows = read_text(archive, lookup.member, dict.fromkeys(columns.values(), "str"))
    group = {} if "offense_group" in columns else {"offense_group": pl.lit(None, pl.String)}
    named = rows.select(**{name: pl.col(column) for name, column in columns.items()}, **group)
    return dict(new_offenses(named).iter_rows())


def _as_listed(code: str, known: Collection[str], field: Field) -> str:
    if field.type in _INTEGERS and code.isascii() and code.isdigit():
        # Leading zeros do not matter.
        return str(int(code))
    return code.upper() if code not in known and code.upper() in known else code


def _cased(values: pl.Series, field: Field) -> pl.Series:
    """One-letter codes in capitals, as in the code lists."""
    known = _known(field)
    if not known or not values.drop_nulls().str.contains("^[a-z]$").any():
        return values
    return values.str.to_uppercase().zip_with(values.str.len_chars() == 1, values)


def _check_filled(where: str, raw: pl.Series) -> None:
    if raw.len() >= FEW_ROWS and raw.null_count() == raw.len():
        raise PipelineError(
            f"{where}, column {raw.name}: it is empty on all {raw.len():,} rows, which is never so in a real zip, so "
            "its values were lost. Use the complete zip as downloaded from the Crime Data Explorer."
        )


def _within(values: pl.Series, field: Field) -> pl.Series:
    if field.codes:
        return values.set(
            ~values.is_in([*field.codes, field.not_specified] if field.not_specified else field.codes), None
        )
    return values.set(values < 0, None) if field.type in _INTEGERS else values


def _dates(where: str, text: pl.DataFrame, header: str, year: int) -> tuple[pl.Series, pl.Series, str]:
    raw = text[header]
    values = raw.str.to_date("%Y-%m-%d", strict=False)
    others = values.is_null() & raw.is_not_null()
    if others.any():
        iso = raw.str.extract(_ISO_DATE)
        is_old = raw.str.contains(_OLD_DATE)
        _refuse(where, text, header, others & iso.is_null() & ~is_old.fill_null(False), _KINDS["date"])
        # A two-digit year is the latest year that is not far after the zip's year.
        short = raw.str.slice(7, 2).cast(pl.Int64, strict=False)
        full = short + 2000 - 100 * (short + 2000 > year + _YEARS_AHEAD).cast(pl.Int64)
        old = (raw.str.slice(0, 7) + full.cast(pl.String)).str.to_titlecase().str.to_date("%d-%b-%Y", strict=False)
        values = values.zip_with(
            ~others, iso.str.to_date("%Y-%m-%d", strict=False).zip_with(~is_old.fill_null(False), old)
        )
    return _fault(raw, values, "impossible_date")


def _fault(raw: pl.Series, values: pl.Series, reason: str) -> tuple[pl.Series, pl.Series, str]:
    return values, values.is_null() & raw.is_not_null(), reason


def _refuse(where: str, text: pl.DataFrame, header: str, is_wrong: pl.Series, kind: str) -> None:
    if is_wrong.any():
        row = is_wrong.arg_true()[0]
        raise PipelineError(
            f"{where}, column {header}, line {text[LINE][row]}: {shown(text[header][row])} is not {kind}. "
            "The file was damaged or edited: download the zip again."
        )
