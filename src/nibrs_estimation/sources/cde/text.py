"""A CSV member as a table of trimmed text, and the checks of its form."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

import polars as pl

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.cde.archive import Archive

#: Column that holds each row's line in the member.
LINE = "line"

_QUOTED = re.compile(r'"[^"]*"')


def header_of(line: str) -> list[str]:
    """The lower-cased headers of a member's first line."""
    return [name.strip(' "\r\n').lower() for name in line.split(",")]


def decoded(content: bytes) -> str:
    """UTF-8, with or without byte order mark; otherwise windows-1252 (02 section 12.1)."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("windows-1252", errors="replace")


def read_text(archive: Archive, member: str, headers: Iterable[str]) -> pl.DataFrame:
    """Read the named columns of a member as text: trimmed, '' as null, with the line of every row.

    Source: 02 section 12.4 steps 2 and 3.

    Raises:
        PipelineError: the member is empty, lacks a column, has a row with too many or too few fields, or its quotes
            do not match; names the zip, the member, and the columns or the line.
    """
    where = f"{archive.path}, member {archive.members[member].filename}"
    content = decoded(archive.read(member))
    header = header_of(content.partition("\n")[0])
    needed = list(dict.fromkeys(headers))
    if missing := [name for name in needed if name not in header]:
        # Without line breaks the whole file is its header.
        found = textwrap.shorten(", ".join(header), 1000) or "an empty file"
        raise PipelineError(
            f"{where}: the column{'s' * (len(missing) > 1)} {', '.join(missing)} "
            f"{'are' if len(missing) > 1 else 'is'} missing; found {found}. "
            "The publisher has changed the layout, or the file was edited: download the zip again; "
            "if it stays so, this version cannot read it."
        )
    _check_field_counts(where, content, len(header))
    positions = sorted({header.index(name) for name in needed})
    try:
        frame = pl.read_csv(content.encode(), columns=positions, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise PipelineError(
            f"{where}: its quotes do not match, so its rows cannot be told apart. Download the zip again."
        ) from error
    frame.columns = [header[position] for position in positions]
    trimmed = pl.all().str.strip_chars()
    return (
        frame.with_columns(pl.when(trimmed != "").then(trimmed))
        .with_row_index(LINE, offset=2)
        .filter(pl.any_horizontal(pl.exclude(LINE).is_not_null()))
    )


def _check_field_counts(where: str, content: str, expected: int) -> None:
    # Polars fills short rows up silently. Commas and line breaks within quotes do not count.
    lines = pl.Series(_QUOTED.sub("", content).split("\n"), dtype=pl.String).str.strip_chars_end("\r")
    counts = lines.str.count_matches(",", literal=True) + 1
    wrong = ((counts != expected) & (lines != "")).arg_true()
    if wrong.len():
        line = wrong[0]
        raise PipelineError(
            f"{where}, line {line + 1}: the row has {counts[line]} fields where the header has {expected}. "
            "The file was cut short or edited: download the zip again."
        )
