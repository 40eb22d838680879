"""The lines of a file, in blocks that fit in memory: which are headers, and the records of each level."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nibrs_estimation.sources.intake.text_member import text_chunks
from nibrs_estimation.sources.master.layout import HEADERS, LEVELS, OLD_HEADERS

#: Characters that are split into records together.
BLOCK_BYTES = 32 * 2**20
#: No record is half as long. A longer line is cut: it is a fault all the same.
LONGEST_LINE = 1000
WANTED = (
    "Name the NIBRS master file of a year, as downloaded from the Crime Data Explorer's master files: a zip, or the "
    f"text in it, whose first line begins with {HEADERS[0]} (before 2013 {OLD_HEADERS[0]})."
)
_NEWLINE, _RETURN, _BLANK = 10, 13, ord(" ")
#: Old programs wrote 0x1A as the end of a file.
_NO_RECORD = b" \x1a\r"

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Block:
    """Whole lines of a file.

    Attributes:
        text: the lines, each with its line break.
        first_line: number of the first of them in the file, from 1.
    """

    text: bytes
    first_line: int


@dataclass(frozen=True)
class Split:
    """The data records of a block that have one level.

    Attributes:
        level: first two characters.
        line: (n,) lines in the file.
        characters: (n, length of the level) characters, filled up with blanks.
        length: (n,) characters of each line without its line break.
        is_whole: (n,) whether the line is a whole record.
    """

    level: str
    line: Integers
    characters: Bytes
    length: Integers
    is_whole: Flags


@dataclass(frozen=True)
class Other:
    """A line that is no header and no record of a level.

    Attributes:
        line: its number.
        text: its beginning.
        is_blank: whether it holds nothing.
    """

    line: int
    text: str
    is_blank: bool


def blocks(path: Path, size: int = BLOCK_BYTES) -> Iterator[Block]:
    """A file in blocks of whole lines.

    Args:
        path: path of the text, or of a zip with one text.
        size: least number of characters of a block, except the last.

    Raises:
        PipelineError: the file cannot be read; see :func:`text_chunks`.
    """
    return _blocks(text_chunks(path, WANTED), size)


def _blocks(chunks: Iterable[bytes], size: int) -> Iterator[Block]:
    parts: list[bytes] = []
    held, line = 0, 1
    for chunk in chunks:
        parts.append(chunk)
        held += len(chunk)
        if held < size or (end := chunk.rfind(b"\n") + 1) == 0:
            continue
        parts[-1] = chunk[:end]
        block = Block(b"".join(parts), line)
        line += block.text.count(b"\n")
        parts, held = [chunk[end:]], len(chunk) - end
        yield block
    if rest := b"".join(parts):
        yield Block(rest if rest.endswith(b"\n") else rest + b"\n", line)


def header_lines(block: Block) -> Iterator[tuple[int, bytes]]:
    """The headers of a block: line and text. No other level begins with a B."""
    text, line, counted = block.text, block.first_line, 0
    place = 0 if text.startswith(b"B") else text.find(b"\nB") + 1
    while place or text.startswith(b"B"):
        line += text.count(b"\n", counted, place)
        end = text.find(b"\n", place)
        counted = place
        if text[place : place + 2].decode("latin-1") in HEADERS:
            yield line, text[place:end].rstrip(b"\r")
        if not (place := text.find(b"\nB", end) + 1):
            return


def split(block: Block, *, has_old_headers: bool, levels: Iterable[str] = tuple(LEVELS)) -> Iterator[Split | Other]:
    """The records of a block by level, and lines that are none; headers are left out.

    Args:
        block: whole lines.
        has_old_headers: whether the file has three headers for an agency, and so older records.
        levels: the levels that are needed; others are left out.
    """
    # A record that is longer than the block would be read beyond its end.
    text = np.frombuffer(block.text + b" " * LONGEST_LINE, np.uint8)
    end = np.flatnonzero(text[: len(block.text)] == _NEWLINE)
    start = np.concatenate([[0], end[:-1] + 1])
    length = end - start
    length -= (length > 0) & (text[end - 1] == _RETURN)
    line = np.arange(block.first_line, block.first_line + len(end))
    code = text[start].astype(np.uint16) << 8 | text[start + 1]
    is_known = np.zeros(len(line), bool)
    for header in HEADERS:
        is_known |= code == _code_of(header)
    for level in LEVELS:
        rows = np.flatnonzero(code == _code_of(level))
        is_known[rows] = True
        if len(rows) and level in levels:
            yield _records(level, text, start[rows], length[rows], line[rows], has_old_headers=has_old_headers)
    for row in np.flatnonzero(~is_known):
        content = block.text[start[row] : start[row] + min(length[row], LONGEST_LINE)]
        yield Other(int(line[row]), content.decode("latin-1"), is_blank=not content.strip(_NO_RECORD))


def _code_of(level: str) -> int:
    return ord(level[0]) << 8 | ord(level[1])


def _records(
    level: str, text: Bytes, start: Integers, length: Integers, line: Integers, *, has_old_headers: bool
) -> Split:
    width = LEVELS[level].length
    characters = np.lib.stride_tricks.sliding_window_view(text, width)[start]
    is_whole = length >= (LEVELS[level].old_least if has_old_headers else LEVELS[level].least)
    # A file has few lengths of each level, so these are few rounds.
    for found in np.unique(length):
        rows = np.flatnonzero(length == found)
        if found < width:
            characters[rows, found:] = _BLANK
        elif found > width:
            beyond = np.lib.stride_tricks.sliding_window_view(text, min(found, LONGEST_LINE) - width)
            is_whole[rows] = (beyond[start[rows] + width] == _BLANK).all(axis=1) & (found <= LONGEST_LINE)
    return Split(level, line, characters, length, is_whole)
