"""Codes, numbers and dates from the characters of records, on whole columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pipeline.dataset import Column, Dataset
from nibrs_estimation.sources.intake.fixed_width import Field, decode
from nibrs_estimation.sources.master.accounts import MasterAccounts
from nibrs_estimation.sources.master.layout import Coded
from nibrs_estimation.sources.master.lines import Bytes, Flags, Integers

#: Instead of the place of a code in its list.
MISSING, UNKNOWN = -1, -2
#: Codes for "not specified" are missing values.
_NOT_SPECIFIED = {"age": "NS", "sex": "X", "ethnicity": "X"}
#: Characters that codes may have; all others are one class.
_ALPHABET = b" 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*"
_CLASSES = len(_ALPHABET) + 1
_CLASS = np.full(256, _CLASSES - 1, np.int32)
_CLASS[list(_ALPHABET)] = range(len(_ALPHABET))
_BLANK, _ZERO, _NINE = ord(" "), ord("0"), ord("9")
_OFFENSES = "offense"


@dataclass(frozen=True)
class Records:
    """Records of one level and one state.

    Attributes:
        table: what accounts call the level.
        line: (n,) line of each in the file.
        characters: (n, length) characters.
        agency_id: (n,) agency of the header before each.
    """

    table: str
    line: Integers
    characters: Bytes
    agency_id: NDArray[np.int32]

    def __len__(self) -> int:
        """Number of records."""
        return len(self.line)

    def where(self, chosen: Flags | Integers) -> Records:
        """The chosen records: by mask or by row."""
        return Records(self.table, self.line[chosen], self.characters[chosen], self.agency_id[chosen])


def packed(characters: Bytes) -> NDArray[np.int32]:
    """A number for each code of at most three characters: equal codes have equal numbers, blank is 0.

    Codes with characters that no code has may share a number.

    Args:
        characters: (n, width) characters.
    """
    number = np.zeros(len(characters), np.int32)
    for column in range(characters.shape[1]):
        number *= _CLASSES
        number += _CLASS[characters[:, column]]
    return number


def values_of(column: Column) -> tuple[Any, ...]:
    """The values that a column may have, in the order of their places."""
    codes = column.codes or tuple(code_list(column.code_list)["code"])
    not_specified = _NOT_SPECIFIED.get(column.code_list, "")
    return tuple(int(code) if column.type == "int8" else code for code in codes if code != not_specified)


@cache
def _places(column: Column, width: int) -> NDArray[np.int16]:
    """By packed code: its place among the values of the column."""
    place = np.full(_CLASSES**width, UNKNOWN, np.int16)
    not_specified = _NOT_SPECIFIED.get(column.code_list, "")
    for text in ("", not_specified):
        place[packed(_characters(text, width))] = MISSING
    for number, value in enumerate(values_of(column)):
        text = str(value).zfill(width) if isinstance(value, int) else value
        if len(text) <= width:
            place[packed(_characters(text, width))] = number
    return place


def _characters(text: str, width: int) -> Bytes:
    return np.frombuffer(text.ljust(width).encode("latin-1"), np.uint8)[None, :]


def code_places(records: Records, field: Coded, dataset: Dataset, accounts: MasterAccounts) -> NDArray[np.int16]:
    """The place of each record's code among the values of its column: :data:`MISSING` where blank or unknown.

    Codes that the column does not have are entered in the accounts.
    """
    characters = field.of(records.characters)
    place = _places(dataset.column(field.column), characters.shape[1])[packed(characters)]
    accounts.faulty_values(records, field, place == UNKNOWN, "unknown_code")
    return np.where(place == UNKNOWN, np.int16(MISSING), place)


def chosen(values: Sequence[Any], place: NDArray[np.integer[Any]], dtype: pl.DataType) -> pl.Series:
    """The values at places of a list; null where the place is below 0."""
    return pl.Series([*values, None], dtype=dtype).gather(np.where(place < 0, len(values), place).astype(np.uint32))


def codes(records: Records, field: Coded, dataset: Dataset, accounts: MasterAccounts) -> pl.Series:
    """The code of each record, null where blank or unknown; unknown codes are entered in the accounts."""
    column = dataset.column(field.column)
    return chosen(values_of(column), code_places(records, field, dataset, accounts), column.dtype).alias(field.column)


def offense_codes(records: Records, field: Coded, accounts: MasterAccounts) -> pl.Series:
    """The offense code of each record, null where blank or no code.

    Codes that are newer than the code list are kept if they have the form of a code, and recorded as a loss.
    """
    characters = field.of(records.characters)
    known = tuple(code_list(_OFFENSES)["code"])
    place = _offense_places()[packed(characters)].astype(np.int32)
    unknown = np.flatnonzero(place == UNKNOWN)
    texts = characters[unknown].tobytes().decode("latin-1")
    width = characters.shape[1]
    found = pl.Series([texts[start : start + width] for start in range(0, len(texts), width)], dtype=pl.String())
    is_code = found.str.contains(r"^[0-9A-Z]{3}$")
    new = found.filter(is_code).unique().sort().to_list()
    place[unknown] = found.replace_strict(
        new, list(range(len(known), len(known) + len(new))), default=UNKNOWN, return_dtype=pl.Int32()
    ).to_numpy()
    accounts.faulty_values(records, field, place == UNKNOWN, "unknown_code")
    for code, number in found.filter(is_code).value_counts(name="n").sort(found.name).iter_rows():
        accounts.lost("code_without_row", f"{records.table}, {field.name} {code}", number)
    return chosen((*known, *new), place, pl.String()).alias(field.column)


@cache
def _offense_places() -> NDArray[np.int16]:
    column = Column("offense_code", "str", "", codes=tuple(code_list(_OFFENSES)["code"]))
    return _places(column, 3)


def numbers(records: Records, field: Field, accounts: MasterAccounts) -> tuple[Integers, Flags]:
    """The number of each record, 0 where there is none; and whether there is one.

    What is neither digits nor blank is entered in the accounts.
    """
    characters = field.of(records.characters)
    value, _is_number = decode(characters)
    is_number = _is_digits(characters)
    is_faulty = ~is_number & ~(characters == _BLANK).all(axis=1)
    accounts.faulty_values(records, field, is_faulty, "not_a_number")
    return np.where(is_number, value, 0).astype(np.int64), is_number


def _is_digits(characters: Bytes) -> Flags:
    return np.asarray(((characters >= _ZERO) & (characters <= _NINE)).all(axis=1))


def number_column(records: Records, field: Field, accounts: MasterAccounts, dtype: pl.DataType) -> pl.Series:
    """The number of each record, null where there is none."""
    return nullable(*numbers(records, field, accounts), dtype)


def nullable(value: NDArray[Any], is_present: Flags, dtype: pl.DataType) -> pl.Series:
    """Values, null where they are not present."""
    column = pl.Series(value, dtype=dtype)
    return column if is_present.all() else column.set(pl.Series(~is_present), None)


def date_column(records: Records, field: Field, accounts: MasterAccounts) -> pl.Series:
    """The date of each record (YYYYMMDD), null where blank or 0; impossible dates are entered in the accounts."""
    characters = field.of(records.characters)
    is_digits = _is_digits(characters)
    number = np.where(is_digits, decode(characters)[0], 0)
    year, month, day = number // 10_000, number // 100 % 100, number % 100
    months = (year - 1970) * 12 + month - 1
    first = months.astype("datetime64[M]").astype("datetime64[D]")
    # A month has at least 28 days; the 29th of a shorter one is in the next.
    days = first + (day - 1)
    is_date = (number > 0) & (month >= 1) & (month <= 12) & (day >= 1) & (days.astype("datetime64[M]") == first)
    is_blank = (characters == _BLANK).all(axis=1) | (is_digits & (number == 0))
    accounts.faulty_values(records, field, ~is_date & ~is_blank, "impossible_date")
    return nullable(np.where(is_date, days, np.datetime64(0, "D")), is_date, pl.Date())
