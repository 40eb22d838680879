"""Opens what a download holds: the file itself, also compressed with gzip, or the members of a zip."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.intake.archive import (
    MAX_MEMBER_BYTES,
    MAX_STREAM_BYTES,
    open_archive,
    printable,
)
from nibrs_estimation.sources.intake.text_member import TEXT_SUFFIXES, is_zip

_SUFFIXES = (*TEXT_SUFFIXES, ".csv", ".json", ".xls", ".xlsx")
_GZIP_MARK = b"\x1f\x8b"
_CHUNK_BYTES = 4 * 2**20
_WANTED = "Name a folder of downloads, or one of its files."


@dataclass(frozen=True)
class Content:
    """Content that may be of a kind.

    Attributes:
        path: the file.
        member: name of the file in it, if it is a zip; else "".
        key: lower-cased base name of that file.
    """

    path: Path
    member: str = ""
    key: str = ""

    @property
    def where(self) -> str:
        """The file and the member, for messages."""
        return f"{self.path}, member {self.member}" if self.member else str(self.path)

    @cached_property
    def beginning(self) -> bytes:
        """The first MiB or so."""
        return next(self.stream(), b"")

    def stream(self) -> Iterator[bytes]:
        """The content in chunks; what gzip compressed is read as it was before.

        Raises:
            PipelineError: it cannot be read, or is damaged.
        """
        return _member_chunks(self.path, self.key) if self.key else _file_chunks(self.path)

    def checksum(self) -> str:
        """Checksum of the content, which is the same for a text and for a zip that holds it."""
        checksum = hashlib.sha256()
        for chunk in self.stream():
            checksum.update(chunk)
        return checksum.hexdigest()

    def lines(self, number: int) -> list[str]:
        """The first lines, without line breaks."""
        lines = self.beginning.removeprefix(b"\xef\xbb\xbf").split(b"\n", number)[:number]
        return [line.rstrip(b"\r").decode("latin-1") for line in lines]

    def read(self) -> bytes:
        """The whole content; raises PipelineError if it is damaged, or too large for memory."""
        parts, size = [], 0
        for chunk in self.stream():
            size += len(chunk)
            if size > MAX_MEMBER_BYTES:
                raise PipelineError(
                    f"{self.where} has more than {MAX_MEMBER_BYTES:,} bytes, more than a table can have. Download it "
                    "again."
                )
            parts.append(chunk)
        return b"".join(parts)

    def columns(self, *names: str) -> pl.DataFrame:
        """Columns of a CSV as text, by their names in the file.

        Raises:
            PipelineError: it is damaged or no CSV.
        """
        try:
            table = pl.read_csv(io.BytesIO(self.read()), columns=list(names), infer_schema=False, encoding="utf8-lossy")
        except pl.exceptions.PolarsError as error:
            raise PipelineError(
                f"{self.where} cannot be read as CSV with a header line: {str(error).splitlines()[0]}. Download it "
                "again."
            ) from error
        return table.select(pl.col(names).str.strip_chars())


def zip_members(path: Path) -> dict[str, str] | None:
    """The members of a zip that may be tables or texts: lower-cased base name -> name; None for any other file.

    A workbook is a zip, too, but has no such members.

    Raises:
        PipelineError: it cannot be read, or is a zip that is broken, hostile, or holds only other zips.
    """
    if not is_zip(path, _WANTED):
        return None
    with open_archive(path, suffixes=_SUFFIXES, most_bytes=MAX_STREAM_BYTES) as archive:
        return {key: printable(info.filename) for key, info in archive.members.items()} or None


def _member_chunks(path: Path, key: str) -> Iterator[bytes]:
    with open_archive(path, suffixes=_SUFFIXES, most_bytes=MAX_STREAM_BYTES) as archive:
        yield from archive.chunks(key)


def _file_chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            is_gzip = file.read(len(_GZIP_MARK)) == _GZIP_MARK
        with gzip.open(path) if is_gzip else path.open("rb") as content:
            while chunk := content.read(_CHUNK_BYTES):
                yield chunk
    except (OSError, EOFError, zlib.error) as error:
        raise PipelineError(
            f"{path} cannot be read: it is damaged or not finished ({printable(str(error))}). Download it again."
        ) from error
