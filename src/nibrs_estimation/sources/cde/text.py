"""Reading a CSV member: integers and trimmed text, with checks of the format."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.intake.accounts import LINE
from nibrs_estimation.sources.intake.archive import Archive, printable

#: Missing values in R and in databases.
_MISSING = ["NA", "NULL", "null"]
_NULL = re.compile(rb'(?<=[,"\n])(?:NULL|null)(?=[,"\r\n]|\Z)')
#: Far longer than any text of a state-year (the longest, the counties of an agency, have a few hundred characters).
MAX_TEXT_BYTES = 10_000
#: Maximum number of characters of a value in a message.
_MOST_SHOWN = 80
_BLANK = re.compile(rb"\s*")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_QUOTES = "its quotes do not match, so its rows cannot be separated. Download the zip again."
_COMMA, _QUOTE, _NEWLINE = b',"\n'


def header_of(line: bytes) -> list[str]:
    """The lower-cased headers of a member's first line."""
    text = _as_utf8(line).decode("utf-8")
    return [name.strip(' "\r\n').lower() for name in text.split(",")]


def read_text(
    archive: Archive, member: str, kinds: Mapping[str, str], report_nulls: Callable[[int], None] | None = None
) -> pl.DataFrame:
    """Read the named columns of a member, with the line of every row; a blank line is a row of nulls.

    Args:
        archive: an open zip.
        member: lower-cased base name.
        kinds: header -> "int" for whole numbers, "str" for text, which is trimmed; '', R's ``NA`` and the word NULL of
            databases become null.
        report_nulls: called with the number of fields with the word NULL, if there are any.

    Source: docs/develop/adding-a-source.md.

    Raises:
        PipelineError: the member is empty, lacks a column, has other separators or line ends, a row with too many or
            too few fields, unmatched quotes, an invalid integer, or a text that is too long; names the zip, the
            member, and the columns or the line.
    """
    where = archive.where(member)
    content = _as_utf8(archive.read(member))
    first_line = content[: content.find(b"\n") + 1] or content
    _check_form(where, first_line)
    header = header_of(first_line)
    if missing := [name for name in kinds if name not in header]:
        # Without line breaks, the whole file is the header.
        found = printable(textwrap.shorten(", ".join(header), 1000)) or "an empty file"
        raise PipelineError(
            f"{where}: the column{'s' * (len(missing) > 1)} {', '.join(missing)} "
            f"{'are' if len(missing) > 1 else 'is'} missing; found {found}. "
            "The publisher has changed the layout, or the file was edited: download the zip again; "
            "if the error remains, this version cannot read it."
        )
    _check_field_counts(where, content, len(header))
    if report_nulls is not None and (nulls := len(_NULL.findall(content))):
        report_nulls(nulls)
    # The first of several headers with the same name is used (docs/develop/adding-a-source.md).
    places = {name: f"column_{header.index(name) + 1}" for name in kinds}
    # Polars determines the number of columns from the first row, which must not be blank.
    start = content.find(b"\n") + 1
    first = _BLANK.match(content, start).end() if start else len(content)  # type: ignore[union-attr]
    skipped = 1 + content.count(b"\n", start, first)
    if first == len(content):
        dtypes = {name: pl.Int64() if kind == "int" else pl.String() for name, kind in kinds.items()}
        return pl.DataFrame(schema={LINE: pl.UInt32(), **dtypes})
    try:
        frame = _parsed(content, skipped, len(header), {places[name]: kind for name, kind in kinds.items()})
    except pl.exceptions.PolarsError:
        # A value is not an integer, or has spaces around it. Read as text to find it.
        try:
            frame = _parsed(content, skipped, len(header), dict.fromkeys(places.values(), "str"))
        except pl.exceptions.PolarsError as error:
            raise PipelineError(f"{where}: {_QUOTES}") from error
        for name, kind in kinds.items():
            if kind == "int":
                frame = frame.with_columns(_whole_numbers(where, name, frame[places[name]], 1 + skipped))
    named = frame.select(pl.col(place).alias(name) for name, place in places.items())
    numbered = named.with_row_index(LINE, offset=1 + skipped)
    _check_lengths(where, numbered)
    return numbered


def shown(value: str) -> str:
    """A value for a message: quoted, with control characters escaped, and shortened."""
    return repr(value if len(value) <= _MOST_SHOWN else value[:_MOST_SHOWN] + "…")


def _check_form(where: str, first_line: bytes) -> None:
    """Raise an error for line ends or separators that another program has written."""
    # Without line feeds, the whole file would be the header.
    if b"\r" in first_line.rstrip(b"\r\n"):
        raise PipelineError(
            f"{where}: its lines end with a carriage return only, so its rows cannot be separated. "
            "Save it with the line ends of Unix or Windows, or use the zip as downloaded."
        )
    for separator, name in ((b";", "semicolons"), (b"\t", "tabs"), (b"|", "vertical bars")):
        if separator in first_line and b"," not in first_line:
            raise PipelineError(
                f"{where}: its columns are separated by {name}, not by commas; it was saved by another program. "
                "Save it as CSV with commas, or use the zip as downloaded."
            )


def _check_lengths(where: str, frame: pl.DataFrame) -> None:
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    longest = frame.select(pl.col(texts).str.len_bytes().max()).row(0) if texts else ()
    for name, length in zip(texts, longest, strict=True):
        if (length or 0) > MAX_TEXT_BYTES:
            line = frame[LINE][frame[name].str.len_bytes().fill_null(0).arg_max() or 0]
            raise PipelineError(
                f"{where}, column {name}, line {line}: the text has {length:,} bytes, more than any column has (at "
                f"most {MAX_TEXT_BYTES:,}). The file was damaged or edited: download the zip again."
            )


def _as_utf8(content: bytes) -> bytes:
    """Convert to UTF-8 without byte order mark; otherwise from windows-1252 (docs/develop/adding-a-source.md)."""
    content = content.removeprefix(_BYTE_ORDER_MARK)
    if content.isascii():
        return content
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("windows-1252", errors="replace").encode()
    return content


def _parsed(content: bytes, skipped: int, width: int, kinds: Mapping[str, str]) -> pl.DataFrame:
    schema = {
        name: pl.Int64() if kinds.get(name) == "int" else pl.String()
        for name in (f"column_{place}" for place in range(1, width + 1))
    }
    frame = pl.read_csv(
        content, has_header=False, skip_lines=skipped, schema=schema, columns=list(kinds), null_values=_MISSING
    )
    trimmed = {name: pl.col(name).str.strip_chars() for name, dtype in frame.schema.items() if dtype == pl.String}
    return frame.with_columns(**{name: pl.when(text != "").then(text) for name, text in trimmed.items()})


def _whole_numbers(where: str, name: str, text: pl.Series, first_line: int) -> pl.Series:
    # Some programs write 3 as 3.0.
    numbers = text.str.strip_suffix(".0").cast(pl.Int64, strict=False)
    wrong = (numbers.is_null() & text.is_not_null()).arg_true()
    if wrong.len():
        row = wrong[0]
        raise PipelineError(
            f"{where}, column {name}, line {first_line + row}: {shown(text[row])} is not a whole number. "
            "The file was damaged or edited: download the zip again."
        )
    return numbers


def _check_field_counts(where: str, content: bytes, expected: int) -> None:
    # Polars refuses rows that are too long but silently completes short rows. If the total number of commas is right,
    # all rows are. Otherwise each row is checked. Commas and line breaks within quotes do not count.
    has_quotes = b'"' in content
    if not has_quotes:
        lines = content.count(b"\n") + (not content.endswith(b"\n"))
        if content.count(b",") == (expected - 1) * lines:
            return
    characters = np.frombuffer(content, dtype=np.uint8)
    is_comma, is_newline = characters == _COMMA, characters == _NEWLINE
    if has_quotes:
        is_quoted = np.bitwise_xor.accumulate(characters == _QUOTE)
        if is_quoted[-1]:
            raise PipelineError(f"{where}: {_QUOTES}")
        is_comma &= ~is_quoted
        is_newline &= ~is_quoted
        lines = int(np.count_nonzero(is_newline)) + (not content.endswith(b"\n"))
        if np.count_nonzero(is_comma) == (expected - 1) * lines:
            return
    ends = np.append(np.flatnonzero(is_newline), len(characters))
    starts = np.append(0, ends[:-1] + 1)
    counts = np.diff(np.searchsorted(np.flatnonzero(is_comma), ends), prepend=0) + 1
    is_blank = (ends - starts == 0) | (
        (ends - starts == 1) & (characters[np.minimum(starts, len(characters) - 1)] == 13)
    )
    wrong = np.flatnonzero((counts != expected) & ~is_blank)
    if len(wrong):
        line = int(wrong[0])
        raise PipelineError(
            f"{where}, line {line + 1}: the row has {counts[line]} fields where the header has {expected}. "
            "The file was cut short or edited: download the zip again."
        )
