"""Opens a Return A master file, a text or a zip with one text, and finds its records."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.intake.archive import printable
from nibrs_estimation.sources.intake.text_member import is_zip, open_zipped_text, sha256_of
from nibrs_estimation.sources.return_a.layout import RECORD_LENGTH, RECORD_TYPE

_NEWLINE, _RETURN = b"\n", b"\r"
#: Old programs wrote 0x1A as the end of a file.
_NO_RECORD = b" \x1a\r"
_SHOWN = 40
_WANTED = (
    'Name the file "Return A" of the Crime Data Explorer\'s master files, as downloaded: a zip, or the text in it, '
    f"whose lines have {RECORD_LENGTH:,} characters and begin with {RECORD_TYPE}."
)


@dataclass(frozen=True)
class Records:
    """The lines of a file that may be records.

    Attributes:
        content: the whole text.
        start, end: (n,) where each line begins, and where it ends, without its line break.
        line: (n,) its number in the file, from 1.
        sha256: checksum of the file that was named.
    """

    content: bytes
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    line: NDArray[np.int64]
    sha256: str

    def characters(self, chosen: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """The characters of the chosen lines, all as long as a record: (n, RECORD_LENGTH)."""
        if not chosen.any():
            return np.empty((0, RECORD_LENGTH), np.uint8)
        text = np.frombuffer(self.content, np.uint8)
        return np.lib.stride_tricks.sliding_window_view(text, RECORD_LENGTH)[self.start[chosen]]


def read_records(path: Path) -> Records:
    """Read a file and find its lines; lines of blanks or 0x1A that are shorter than a record are left out.

    Raises:
        PipelineError: the file cannot be read, or the zip is broken or does not hold one text.
    """
    if is_zip(path, _WANTED):
        with open_zipped_text(path) as (archive, member):
            content, sha256 = archive.read(member), archive.sha256
    else:
        content = path.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
    breaks = np.array(list(_line_breaks(content)), np.int64)
    start = np.concatenate([[0], breaks + 1])
    end = np.concatenate([breaks, [len(content)]])
    end -= [content[last - 1 : last] == _RETURN for last in end]
    is_line = end - start >= RECORD_LENGTH
    for row in np.flatnonzero(~is_line):
        is_line[row] = bool(content[start[row] : end[row]].strip(_NO_RECORD))
    line = np.flatnonzero(is_line) + 1
    return Records(content, start[is_line], end[is_line], line, sha256)


def first_line(path: Path) -> tuple[str, str]:
    """The first line of the file and the file's checksum, without reading the whole text.

    Raises:
        PipelineError: as :func:`read_records`.
    """
    if is_zip(path, _WANTED):
        with open_zipped_text(path) as (archive, member):
            return archive.first_line(member).decode("latin-1").rstrip("\r\n"), archive.sha256
    with path.open("rb") as file:
        line = file.readline(2 * RECORD_LENGTH).decode("latin-1").rstrip("\r\n")
    return line, sha256_of(path)


def not_a_return_a_file(path: Path, line: str, why: str) -> PipelineError:
    """The error for a file that is something else, with the first line as found."""
    return PipelineError(
        f"{path} is not a Return A master file: {why}. Its first line has {len(line):,} characters and begins with "
        f"{printable(line[:_SHOWN])!r}. {_WANTED}"
    )


def _line_breaks(content: bytes) -> Iterator[int]:
    place = content.find(_NEWLINE)
    while place >= 0:
        yield place
        place = content.find(_NEWLINE, place + 1)
