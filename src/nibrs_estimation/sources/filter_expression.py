"""Filter expressions of permutation files: they are parsed and translated to Polars, never evaluated as code.

A filter consists of comparisons, joined by ``&`` and ``|`` and grouped by parentheses; ``&`` has precedence. A
comparison is ``column == value`` or ``column %in% c(value, ...)``; a value is a number or a quoted text. Nothing else
is allowed.
Source: handbook 08.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

Value = int | float | str
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>-?\d+(?:\.\d+)?)(?![\w.])
      | (?P<text>"[^"]*"|'[^']*')
      | (?P<sign>==|%in%|[&|(),])
      | (?P<name>[A-Za-z][A-Za-z0-9_.]*)
    )""",
    re.VERBOSE,
)
#: Far more than any real filter has; more could exhaust the stack.
_MOST_PARENTHESES = 50
_GRAMMAR = "only columns, ==, %in% c(...), &, |, numbers, texts in quotes and parentheses are allowed"


class FilterError(ValueError):
    """An expression outside the grammar; names the wrong part and its position."""


@dataclass(frozen=True)
class Comparison:
    """The condition that a column has one of some values."""

    column: str
    values: tuple[Value, ...]

    @property
    def columns(self) -> frozenset[str]:
        """The columns that the filter needs."""
        return frozenset({self.column})

    def value_of(self, column: str) -> str | None:
        """The only value that the column may have; None if it may have several."""
        return str(self.values[0]) if self.column == column and len(self.values) == 1 else None

    def expression(self) -> pl.Expr:
        """Whether a row passes; a missing value does not."""
        numbers = [value for value in self.values if not isinstance(value, str)]
        column = pl.col(self.column)
        if len(numbers) == len(self.values):
            is_any = column.cast(pl.Float64, strict=False).is_in([float(value) for value in numbers])
        else:
            is_any = column.cast(pl.String).is_in([str(value) for value in self.values])
        return is_any.fill_null(False)


@dataclass(frozen=True)
class Junction:
    """Filters that must all be true (``&``), or at least one (``|``)."""

    sign: str
    parts: tuple[Filter, ...]

    @property
    def columns(self) -> frozenset[str]:
        """The columns that the filter needs."""
        return frozenset().union(*(part.columns for part in self.parts))

    def value_of(self, column: str) -> str | None:
        """The only value that the column may have; None if it may have several."""
        values = {part.value_of(column) for part in self.parts} if self.sign == "&" else set()
        values.discard(None)
        return values.pop() if len(values) == 1 else None

    def expression(self) -> pl.Expr:
        """Whether a row passes."""
        parts = [part.expression() for part in self.parts]
        return pl.all_horizontal(parts) if self.sign == "&" else pl.any_horizontal(parts)


Filter = Comparison | Junction


def parse_filter(text: str) -> Filter:
    """Parse a filter.

    Raises:
        FilterError: the text is outside the grammar; names the position, counted from 1.
    """
    parser = _Parser(text)
    result = parser.junction()
    parser.expect_end()
    return result


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._next = 0

    def junction(self, signs: str = "|&") -> Filter:
        """Parts joined by the first sign, each of which is parts joined by the next sign."""
        part: Callable[[], Filter] = self._primary if len(signs) == 1 else lambda: self.junction(signs[1:])
        parts = [part()]
        while self._take("sign", signs[0]) is not None:
            parts.append(part())
        return parts[0] if len(parts) == 1 else Junction(signs[0], tuple(parts))

    def expect_end(self) -> None:
        if self._next < len(self._tokens):
            raise self._wrong("the end")

    def _primary(self) -> Filter:
        if self._take("sign", "(") is not None:
            inside = self.junction()
            self._must("sign", ")")
            return inside
        column = self._must("name")
        if self._take("sign", "==") is not None:
            return Comparison(column, (self._value(),))
        self._must("sign", "%in%")
        self._must("name", "c")
        self._must("sign", "(")
        values = [self._value()]
        while self._take("sign", ",") is not None:
            values.append(self._value())
        self._must("sign", ")")
        return Comparison(column, tuple(values))

    def _value(self) -> Value:
        if (number := self._take("number")) is not None:
            return float(number) if "." in number else int(number)
        if (text := self._take("text")) is not None:
            return text[1:-1]
        raise self._wrong("a number or a text in quotes")

    def _take(self, kind: str, value: str = "") -> str | None:
        if self._next == len(self._tokens):
            return None
        found_kind, found, _ = self._tokens[self._next]
        if found_kind != kind or (value and found != value):
            return None
        self._next += 1
        return found

    def _must(self, kind: str, value: str = "") -> str:
        found = self._take(kind, value)
        if found is None:
            raise self._wrong(repr(value) if value else "a column")
        return found

    def _wrong(self, expected: str) -> FilterError:
        if self._next == len(self._tokens):
            return FilterError(f"it ends where {expected} is expected; {_GRAMMAR}")
        _, found, place = self._tokens[self._next]
        return FilterError(f"{found!r} at character {place}, where {expected} is expected; {_GRAMMAR}")


def _tokens(text: str) -> list[tuple[str, str, int]]:
    """Kind, text and position of every token."""
    if text.count("(") > _MOST_PARENTHESES:
        raise FilterError(f"it has more than {_MOST_PARENTHESES} parentheses")
    tokens, place, end = [], 0, len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            start = place + len(text[place:]) - len(text[place:].lstrip())
            raise FilterError(f"{text[start]!r} at character {start + 1} is not understood; {_GRAMMAR}")
        tokens.append((match.lastgroup, match[match.lastgroup], match.start(match.lastgroup) + 1))
        place = match.end()
    return tokens
