"""Opens a text: the file itself, or the only text in a zip."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.intake.archive import MAX_STREAM_BYTES, Archive, open_archive, printable

#: Endings of the text in the zips of the FBI's master files, which differ by year.
TEXT_SUFFIXES = (".txt", ".dat")
_ZIP_MARK = b"PK\x03\x04"
_CHUNK_BYTES = 4 * 2**20


def is_zip(path: Path, wanted: str) -> bool:
    """Whether a file is a zip.

    Args:
        path: path of the file.
        wanted: what the user should name instead, for the error.

    Raises:
        PipelineError: it is a folder, does not exist or cannot be read.
    """
    if path.is_dir():
        raise PipelineError(f"{path} is a folder. {wanted}")
    if not path.exists():
        raise PipelineError(f"{path} does not exist. Check the path of the file.")
    try:
        with path.open("rb") as file:
            return file.read(len(_ZIP_MARK)) == _ZIP_MARK
    except OSError as error:
        raise PipelineError(
            f"{path} cannot be read: {error.strerror or error}. Make it readable for this user."
        ) from error


@contextmanager
def open_zipped_text(path: Path, *, sha256: str = "") -> Iterator[tuple[Archive, str]]:
    """A zip and the name of the only text in it.

    Args:
        path: path of the zip.
        sha256: required checksum of the zip, or "" for any.

    Raises:
        PipelineError: the zip is broken, or does not hold one text.
    """
    with open_archive(path, sha256=sha256, suffixes=TEXT_SUFFIXES, most_bytes=MAX_STREAM_BYTES) as archive:
        if len(archive.members) != 1:
            found = ", ".join(printable(info.filename) for info in archive.members.values()) or "none"
            raise PipelineError(
                f"{path} must hold one text ({' or '.join(TEXT_SUFFIXES)}); it holds {found}. Unpack it and name the "
                "text of the year."
            )
        yield archive, next(iter(archive.members))


def sha256_of(path: Path) -> str:
    """The checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def text_chunks(path: Path, wanted: str) -> Iterator[bytes]:
    """The text in chunks of some MiB, without its whole being in memory.

    Args:
        path: path of the text, or of a zip with one text.
        wanted: what the user should name instead, for the error.

    Raises:
        PipelineError: the file cannot be read, or the zip is broken or does not hold one text.
    """
    if is_zip(path, wanted):
        with open_zipped_text(path) as (archive, member):
            yield from archive.chunks(member)
        return
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
