"""Fields of fixed width: where they stand in a record, and the numbers that the FBI's master files write in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

_BLANK, _ZERO = np.uint8(ord(" ")), np.uint8(ord("0"))
#: The last character of a number: a digit; or of a negative number } for 0 and J to R for 1 to 9, of a positive
#: one, which other systems mark too, { and A to I.
_NEGATIVE, _POSITIVE = b"}JKLMNOPQR", b"{ABCDEFGHI"

#: By the last character: its digit, -1 for none; and the sign of the number.
_LAST = np.full(256, -1, np.int8)
for _characters in (b"0123456789", _NEGATIVE, _POSITIVE):
    _LAST[list(_characters)] = range(10)
_SIGN = np.ones(256, np.int32)
_SIGN[list(_NEGATIVE)] = -1


@dataclass(frozen=True)
class Field:
    """One field of a record.

    Attributes:
        name: what it holds, in words.
        first, last: its positions; they count from 1, and the last one belongs to the field.
    """

    name: str
    first: int
    last: int

    @property
    def title(self) -> str:
        """Name and positions, as people are told of a fault."""
        return f"{self.name} (positions {self.first} to {self.last})"

    def of(self, characters: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The field's characters: (n, width) of the (n, length) characters of records."""
        return characters[:, self.first - 1 : self.last]


#: Column that holds the text of a record.
RECORD = "record"


def raw(field: Field) -> pl.Expr:
    """The field's text in column :data:`RECORD`, with its blanks."""
    return pl.col(RECORD).str.slice(field.first - 1, field.last - field.first + 1)


def text(field: Field) -> pl.Expr:
    """The same without blanks around it."""
    return raw(field).str.strip_chars(" ")


def filled(field: Field) -> pl.Expr:
    """The same; null where it is blank."""
    return pl.when(text(field) != "").then(text(field))


def is_digits(field: Field) -> pl.Expr:
    """Whether the field holds digits alone."""
    return raw(field).str.contains(r"^[0-9]+$")


def record_texts(characters: NDArray[np.uint8]) -> pl.Series:
    """Column :data:`RECORD` from the (n, length) characters of records."""
    length = characters.shape[1]
    whole = characters.tobytes().decode("latin-1")
    texts = [whole[start : start + length] for start in range(0, len(whole), length)]
    return pl.Series(RECORD, texts, dtype=pl.String())


def decode(characters: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Numbers from their characters.

    Args:
        characters: (..., w) characters of numbers of w digits, w at most 9.

    Returns:
        (...) the numbers, 0 where blank or not a number; and (...) whether each is a number or blank.
    """
    *leading, last = np.moveaxis(characters, -1, 0)
    last_digit = _LAST[last]
    is_number = last_digit >= 0
    value = np.zeros(last.shape, np.int32)
    for place in leading:
        digit = place - _ZERO  # of other characters than digits above 9
        is_number &= digit < 10
        value *= 10
        value += digit
    value *= 10
    value += last_digit
    value *= _SIGN[last]
    if is_number.all():
        return value, is_number
    value[~is_number] = 0
    return value, is_number | (characters == _BLANK).all(axis=-1)


def encode(values: NDArray[np.integer], width: int) -> NDArray[np.uint8]:
    """Characters of numbers, the inverse of :func:`decode`: zero-filled, the last digit of a negative one a letter.

    Args:
        values: (...) whole numbers.
        width: number of characters of each, w.

    Returns:
        (..., w) characters.

    Raises:
        ValueError: a number has more digits.
    """
    rest = np.abs(values)
    if (rest >= 10**width).any():
        raise ValueError(f"{values.ravel()[rest.argmax()]} has more than {width} digits")
    characters = np.empty((*values.shape, width), np.uint8)
    for place in reversed(range(width)):
        rest, digit = np.divmod(rest, 10)
        characters[..., place] = digit + _ZERO
    is_negative = values < 0
    last = characters[is_negative, -1] - _ZERO
    characters[is_negative, -1] = np.frombuffer(_NEGATIVE, np.uint8)[last]
    return characters
