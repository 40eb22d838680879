"""Opens a zip from the outside world and hands out its members, guarding against broken and hostile files."""

from __future__ import annotations

import hashlib
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import IO

from nibrs_estimation.pipeline.errors import PipelineError

#: No member comes near this size (the largest state's victims are about 0.1 GiB, a national Return A master file about
#: 0.2 GiB), and one that did could not be held in memory beside what is made of it.
MAX_MEMBER_BYTES = 2 * 2**30
#: The members of the largest state's year unpack to about 1 GiB.
MAX_ZIP_BYTES = 4 * 2**30
#: CSV compresses 5:1 to 20:1, the tables of real zips at most 40:1; constant bytes reach 1032:1.
MAX_RATIO = 100
#: Below this size any ratio is harmless: of a member, and of all members of a zip together.
FREE_BYTES = 64 * 2**20

_CHUNK_BYTES = 4 * 2**20
_ENCRYPTED_FLAG = 0x1
_DOWNLOAD_AGAIN = "Download it again from the Crime Data Explorer and repeat the command."


@dataclass(frozen=True)
class Archive:
    """An open zip: its members of the kinds asked for, by lower-cased base name without the extension.

    Members lie at the root or in a folder, depending on the year. An excerpt may lack members.

    Attributes:
        path: of the zip.
        file: the open zip.
        members: by lower-cased base name.
        sha256: of the bytes that are read.
        is_excerpt: whether members may be missing.
        repeated: names of members that stand in the zip a second time, with the same content.
    """

    path: Path
    file: zipfile.ZipFile
    members: dict[str, zipfile.ZipInfo]
    sha256: str
    is_excerpt: bool = False
    repeated: tuple[str, ...] = ()

    def where(self, member: str) -> str:
        """The zip and a member, for messages."""
        return _where(self.path, self.members[member])

    def read(self, member: str) -> bytes:
        """The content of a member.

        Raises:
            PipelineError: it is encrypted, too large, damaged, or compressed with an unknown method.
        """
        return _content(self.path, self.file, self.members[member])

    def first_line(self, member: str) -> bytes:
        """The first line of a member; raises as :meth:`read` does."""
        return _content(self.path, self.file, self.members[member], is_line=True)


def printable(text: str) -> str:
    """A name from outside as it may be shown: without the characters that steer a terminal or break a line."""
    return "".join(character for character in text if character.isprintable())


def _content(path: Path, file: zipfile.ZipFile, info: zipfile.ZipInfo, is_line: bool = False) -> bytes:
    where = _where(path, info)
    if info.flag_bits & _ENCRYPTED_FLAG:
        raise PipelineError(
            f"{where}: the member is encrypted. The Crime Data Explorer encrypts nothing: use the zip as downloaded."
        )
    _check_size(where, info.file_size, info.compress_size)
    chunks: list[bytes] = []
    size = 0
    try:
        with file.open(info) as stream:
            if is_line:
                return stream.readline(_CHUNK_BYTES)
            # The header may lie about the size, so what arrives is measured too.
            while chunk := stream.read(_CHUNK_BYTES):
                chunks.append(chunk)
                size += len(chunk)
                _check_size(where, size, info.compress_size)
    except NotImplementedError as error:
        raise PipelineError(
            f"{where}: {error}. Unpack the zip with another program, zip the files again with the usual "
            "method (deflate) and repeat the command."
        ) from error
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError) as error:
        raise PipelineError(f"{where}: the member is damaged ({printable(str(error))}). {_DOWNLOAD_AGAIN}") from error
    return b"".join(chunks)


@contextmanager
def open_archive(
    path: Path, *, is_excerpt: bool = False, sha256: str = "", suffixes: tuple[str, ...] = (".csv",)
) -> Iterator[Archive]:
    """Open a zip; what is read from it is of one file, even where another is put in its place meanwhile.

    Args:
        path: of the zip.
        is_excerpt: whether members may be missing.
        sha256: what the checksum of the file must be, or "" for any.
        suffixes: endings of the names of the members that are asked for, in lower case.

    Raises:
        PipelineError: the path is missing, a folder, empty, not a zip or cut short; the zip names a member that would
            lie outside it, two members with one base name and different contents, unpacks too far, or holds another
            zip in place of tables; or the file is not the one of the checksum, or changed while it was open.
    """
    if path.is_dir():
        raise PipelineError(
            f"{path} is a folder. The source reads zips as downloaded: zip the folder's files and name the zip instead."
        )
    if not path.exists():
        raise PipelineError(f"{path} does not exist. Check the path of the zip.")
    try:
        raw = path.open("rb")
    except OSError as error:
        raise PipelineError(
            f"{path} cannot be read: {error.strerror or error}. Make it readable for this user."
        ) from error
    with raw:
        before = _state_of(raw)
        found = hashlib.file_digest(raw, "sha256").hexdigest()
        if sha256 and found != sha256:
            raise _changed(path)
        try:
            with _opened(path, raw) as file:
                members, repeated = _members(path, file, before[0], suffixes)
                yield Archive(path, file, members, found, is_excerpt, repeated)
        except PipelineError as error:
            # Bytes that change underneath look like damage.
            if _state_of(raw) != before:
                raise _changed(path) from error
            raise
        if _state_of(raw) != before:
            raise _changed(path)


def _opened(path: Path, raw: IO[bytes]) -> zipfile.ZipFile:
    if os.fstat(raw.fileno()).st_size == 0:
        raise PipelineError(f"{path} is empty: the download did not finish. {_DOWNLOAD_AGAIN}")
    try:
        return zipfile.ZipFile(raw)
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, OSError) as error:
        raise PipelineError(
            f"{path} is not a zip, or it is cut short ({printable(str(error))}). {_DOWNLOAD_AGAIN}"
        ) from error


def _state_of(raw: IO[bytes]) -> tuple[int, int]:
    status = os.fstat(raw.fileno())
    return status.st_size, status.st_mtime_ns


def _changed(path: Path) -> PipelineError:
    return PipelineError(
        f"{path} changed while the run was reading it: tables of two files would stand side by side, so nothing of it "
        "is kept. Wait until the file is whole and repeat the command."
    )


def _where(path: Path, info: zipfile.ZipInfo) -> str:
    return f"{path}, member {printable(info.filename)}"


def _members(
    path: Path, file: zipfile.ZipFile, size: int, suffixes: tuple[str, ...]
) -> tuple[dict[str, zipfile.ZipInfo], tuple[str, ...]]:
    """The members with these endings by base name, and the names of those that are there twice."""
    members: dict[str, zipfile.ZipInfo] = {}
    repeated: list[str] = []
    zips: list[str] = []
    for info in file.infolist():
        # Windows rules know both separators and drives, so they catch every name that leads elsewhere.
        name = PureWindowsPath(info.filename)
        if name.anchor or ".." in name.parts:
            raise PipelineError(
                f"{_where(path, info)}: the name leads out of the zip, which no download of the Crime Data "
                "Explorer does. Do not use this file; download the zip again from the Crime Data Explorer."
            )
        if name.suffix.lower() == ".zip":
            zips.append(printable(info.filename))
        if name.suffix.lower() not in suffixes or info.is_dir():
            continue
        key = name.stem.lower()
        if key not in members:
            members[key] = info
        elif _is_same(path, file, members[key], info):
            repeated.append(printable(info.filename))
        else:
            raise PipelineError(
                f"{path} holds {printable(info.filename)} and {printable(members[key].filename)}: two files of one "
                "name with different contents. Use the zip of one state and year as downloaded."
            )
    if zips and not members:
        raise PipelineError(
            f"{path} holds no table but another zip, {zips[0]}. Unpack it once and name the zip that was inside."
        )
    total = sum(info.file_size for info in members.values())
    if total > MAX_ZIP_BYTES or (total > 4 * FREE_BYTES and total > MAX_RATIO * size):
        largest = max(members.values(), key=lambda info: info.file_size)
        raise PipelineError(
            f"{path}: the zip unpacks to {total:,} bytes from {size:,} (most of it {printable(largest.filename)}), "
            f"more than its data can be (at most {MAX_ZIP_BYTES:,} bytes and {MAX_RATIO}:1). {_DOWNLOAD_AGAIN}"
        )
    return members, tuple(repeated)


def _is_same(path: Path, file: zipfile.ZipFile, one: zipfile.ZipInfo, other: zipfile.ZipInfo) -> bool:
    if (one.file_size, one.CRC) != (other.file_size, other.CRC):
        return False
    return _content(path, file, one) == _content(path, file, other)


def _check_size(where: str, size: int, compressed_size: int) -> None:
    if size > MAX_MEMBER_BYTES or (size > FREE_BYTES and size > MAX_RATIO * compressed_size):
        raise PipelineError(
            f"{where}: the member unpacks to {size:,} bytes from {compressed_size:,}, more than its data can be "
            f"(at most {MAX_MEMBER_BYTES:,} bytes and {MAX_RATIO}:1). {_DOWNLOAD_AGAIN}"
        )
