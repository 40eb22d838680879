"""From text to the types and codes of the datasets."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import polars as pl

from nibrs_estimation.pipeline.dataset import COLUMN_TYPES
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.cde.archive import Archive
from nibrs_estimation.sources.cde.layout import LOOKUPS, Field
from nibrs_estimation.sources.cde.text import LINE, read_text

_log = logging.getLogger(__name__)

#: 02 section 12.4 step 5.
_FLAGS = {"t": True, "T": True, "Y": True, "y": True, "f": False, "F": False, "N": False, "n": False}
#: ISO dates; other deliveries add a time of day.
_DATE = r"^(\d{4}-\d{2}-\d{2})(?:[ T]\d{2}:\d{2}:\d{2}(?:\.\d+)?)?$"
#: What ``age_num`` holds in the layout of 2021 and later: years, 00 and 99, or a word (3).
_AGE = r"^(\d{1,2}|NN|NB|BB|NS)$"
_ID_TYPE = "int32"
_KINDS = {
    "bool": "a flag (t, f, Y or N)",
    "date": "a date (YYYY-MM-DD)",
    "age": "an age (a number, NN, NB, BB or NS)",
    "float64": "a number",
}


def read_typed(archive: Archive, member: str, fields: Mapping[str, Field]) -> pl.DataFrame:
    """Read fields of a member in their types; ids with a lookup become codes. Keeps the line of every row.

    An id that the lookup does not hold becomes null and is counted in the log; where the code is the row's whole
    point (the field is required), the row goes too.

    Source: 02 section 12.4 steps 3 to 5.

    Raises:
        PipelineError: as :func:`~nibrs_estimation.sources.cde.text.read_text`, and for a value that is not of its
            type or a required value that is missing; names the zip, member, column, line and value.
    """
    text = read_text(archive, member, (field.header for field in fields.values()))
    where = f"{archive.path}, member {archive.members[member].filename}"
    typed = text.select(
        LINE,
        **{
            name: _parsed(pl.col(field.header), _ID_TYPE if field.header in LOOKUPS else field.type)
            for name, field in fields.items()
        },
    )
    for name, field in fields.items():
        _check(where, text, typed, name, field)
    for name, field in fields.items():
        if field.header in LOOKUPS:
            typed = _looked_up(archive, where, typed, name, field)
    return typed


def lookup_codes(archive: Archive, header: str) -> dict[int, str | None]:
    """Code of every id, by the zip's own lookup for a header; raises as :func:`read_text`."""
    lookup = LOOKUPS[header]
    text = read_text(archive, lookup.member, (lookup.id, lookup.code))
    ids = text.select(LINE, id=_parsed(pl.col(lookup.id), _ID_TYPE))
    where = f"{archive.path}, member {archive.members[lookup.member].filename}"
    _check(where, text, ids, "id", Field(lookup.id, _ID_TYPE, is_required=True))
    return dict(zip(ids["id"], text[lookup.code], strict=True))


def _parsed(text: pl.Expr, kind: str) -> pl.Expr:
    match kind:
        case "str":
            return text
        case "age":
            return text.str.extract(_AGE)
        case "bool":
            return text.replace_strict(_FLAGS, default=None, return_dtype=pl.Boolean)
        case "date":
            return text.str.extract(_DATE).str.to_date("%Y-%m-%d", strict=False)
        case "float64":
            number = text.cast(pl.Float64, strict=False)
            return pl.when(number.is_finite()).then(number)
        case _:
            return text.cast(COLUMN_TYPES[kind], strict=False)


def _check(where: str, text: pl.DataFrame, typed: pl.DataFrame, name: str, field: Field) -> None:
    empty = typed[name].is_null()
    if not empty.any():
        return
    unreadable = (empty & text[field.header].is_not_null()).arg_true()
    if unreadable.len():
        row = unreadable[0]
        kind = _KINDS.get(_ID_TYPE if field.header in LOOKUPS else field.type, "a whole number")
        raise PipelineError(
            f"{where}, column {field.header}, line {text[LINE][row]}: {text[field.header][row]!r} is not {kind}. "
            "The file was damaged or edited: download the zip again."
        )
    if field.is_required:
        raise PipelineError(
            f"{where}, column {field.header}, line {text[LINE][empty.arg_true()[0]]}: the value is missing, and a row "
            "means nothing without it. The file was damaged or edited: download the zip again."
        )


def _looked_up(archive: Archive, where: str, typed: pl.DataFrame, name: str, field: Field) -> pl.DataFrame:
    codes = lookup_codes(archive, field.header)
    known = typed[name].replace_strict(list(codes), list(codes.values()), default=None, return_dtype=pl.String)
    decoded = typed.with_columns(known.cast(COLUMN_TYPES[field.type], strict=False).alias(name))
    is_unknown = typed[name].is_not_null() & decoded[name].is_null()
    if not is_unknown.any():
        return decoded
    _log.warning(
        "%s, column %s: %d ids are not in the zip's lookup %s; %s",
        where,
        field.header,
        is_unknown.sum(),
        LOOKUPS[field.header].member,
        "their rows are dropped" if field.is_required else "they count as missing",
    )
    return decoded.filter(~is_unknown) if field.is_required else decoded
