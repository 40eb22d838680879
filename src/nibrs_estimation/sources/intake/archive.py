"""Opens a zip and reads its members, with protection against broken and hostile files."""

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

#: Far above the size of any member (the victims of the largest state have about 0.1 GiB, a Return A master file about
#: 0.2 GiB). A larger member might not fit in memory.
MAX_MEMBER_BYTES = 2 * 2**30
#: Unpacked, the members of a year of the largest state have about 1 GiB.
MAX_ZIP_BYTES = 4 * 2**30
#: A text that is read in chunks need not fit in memory; the NIBRS master file of a year has about 6 GiB.
MAX_STREAM_BYTES = 32 * 2**30
#: CSV is compressed 5:1 to 20:1, tables of real zips at most 40:1, constant bytes up to 1032:1.
MAX_RATIO = 100
#: Below this size, any ratio is harmless, for one member and for all members of a zip.
FREE_BYTES = 64 * 2**20

_CHUNK_BYTES = 4 * 2**20
_ENCRYPTED_FLAG = 0x1
_DOWNLOAD_AGAIN = "Download it again from the Crime Data Explorer and repeat the command."


@dataclass(frozen=True)
class Archive:
    """An open zip: its members with the endings that are needed, by lower-cased base name without the extension.

    Members are at the root or in a folder, depending on the year. An excerpt may lack members.

    Attributes:
        path: path of the zip.
        file: the open zip.
        members: members by lower-cased base name.
        sha256: checksum of the zip.
        is_excerpt: whether members may be missing.
        repeated: names of members that are in the zip twice, with the same content.
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

    def chunks(self, member: str) -> Iterator[bytes]:
        """The content of a member in chunks, up to :data:`MAX_STREAM_BYTES`; raises like :meth:`read`."""
        return _chunks(self.path, self.file, self.members[member], MAX_STREAM_BYTES)

    def first_line(self, member: str) -> bytes:
        """The first line of a member; raises like :meth:`read`."""
        return next(_chunks(self.path, self.file, self.members[member], MAX_STREAM_BYTES, is_line=True), b"")


def printable(text: str) -> str:
    """A text without unprintable characters, such as terminal control codes and line breaks."""
    return "".join(character for character in text if character.isprintable())


def _content(path: Path, file: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    return b"".join(_chunks(path, file, info, MAX_MEMBER_BYTES))


def _chunks(
    path: Path, file: zipfile.ZipFile, info: zipfile.ZipInfo, most_bytes: int, *, is_line: bool = False
) -> Iterator[bytes]:
    """The content of a member, or only its first line."""
    where = _where(path, info)
    if info.flag_bits & _ENCRYPTED_FLAG:
        raise PipelineError(
            f"{where}: the member is encrypted. The Crime Data Explorer does not encrypt files: use the original zip."
        )
    _check_size(where, info.file_size, info.compress_size, most_bytes)
    size = 0
    try:
        with file.open(info) as stream:
            if is_line:
                yield stream.readline(_CHUNK_BYTES)
                return
            # The size in the header may be wrong, so the content is measured, too.
            while chunk := stream.read(_CHUNK_BYTES):
                size += len(chunk)
                _check_size(where, size, info.compress_size, most_bytes)
                yield chunk
    except NotImplementedError as error:
        raise PipelineError(
            f"{where}: {error}. Unpack the zip with another program, zip the files again with the usual "
            "method (deflate) and repeat the command."
        ) from error
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError) as error:
        raise PipelineError(f"{where}: the member is damaged ({printable(str(error))}). {_DOWNLOAD_AGAIN}") from error


@contextmanager
def open_archive(
    path: Path,
    *,
    is_excerpt: bool = False,
    sha256: str = "",
    suffixes: tuple[str, ...] = (".csv",),
    most_bytes: int = MAX_ZIP_BYTES,
) -> Iterator[Archive]:
    """Open a zip; all reads are from the same file, even if it is replaced meanwhile.

    Args:
        path: path of the zip.
        is_excerpt: whether members may be missing.
        sha256: required checksum of the file, or "" for any.
        suffixes: endings of the names of the members that are needed, in lower case.
        most_bytes: largest unpacked size of these members together.

    Raises:
        PipelineError: the path does not exist, is a folder, empty, not a zip or truncated; a member has a path
            outside the zip, two members have the same base name but different contents, the unpacked size is too
            large, or the zip contains another zip instead of tables; or the checksum is different, or the file
            changed while it was open.
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
                members, repeated = _members(path, file, before[0], suffixes, most_bytes)
                yield Archive(path, file, members, found, is_excerpt, repeated)
        except PipelineError as error:
            # A file that changes while it is read looks damaged.
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
            f"{path} is not a zip, or it is truncated ({printable(str(error))}). {_DOWNLOAD_AGAIN}"
        ) from error


def _state_of(raw: IO[bytes]) -> tuple[int, int]:
    status = os.fstat(raw.fileno())
    return status.st_size, status.st_mtime_ns


def _changed(path: Path) -> PipelineError:
    return PipelineError(
        f"{path} changed while the run was reading it, so nothing from it was kept. Wait until the file is complete "
        "and repeat the command."
    )


def _where(path: Path, info: zipfile.ZipInfo) -> str:
    return f"{path}, member {printable(info.filename)}"


def _members(
    path: Path, file: zipfile.ZipFile, size: int, suffixes: tuple[str, ...], most_bytes: int
) -> tuple[dict[str, zipfile.ZipInfo], tuple[str, ...]]:
    """The members with these endings by base name, and the names of repeated members."""
    members: dict[str, zipfile.ZipInfo] = {}
    repeated: list[str] = []
    zips: list[str] = []
    for info in file.infolist():
        # Windows paths have both separators and drives, so this finds every path outside the zip.
        name = PureWindowsPath(info.filename)
        if name.anchor or ".." in name.parts:
            raise PipelineError(
                f"{_where(path, info)}: the path is outside the zip, which is never so in downloads of the "
                "Crime Data Explorer. Do not use this file; download the zip again from the Crime Data Explorer."
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
                f"{path} contains {printable(info.filename)} and {printable(members[key].filename)}: two files with "
                "the same name and different contents. Use the zip of one state and year as downloaded."
            )
    if zips and not members:
        raise PipelineError(f"{path} contains no table, but another zip, {zips[0]}. Unpack it and use the zip inside.")
    total = sum(info.file_size for info in members.values())
    if total > most_bytes or (total > 4 * FREE_BYTES and total > MAX_RATIO * size):
        largest = max(members.values(), key=lambda info: info.file_size)
        raise PipelineError(
            f"{path}: the zip unpacks to {total:,} bytes from {size:,} (most of it {printable(largest.filename)}), "
            f"more than its data can be (at most {most_bytes:,} bytes and {MAX_RATIO}:1). {_DOWNLOAD_AGAIN}"
        )
    return members, tuple(repeated)


def _is_same(path: Path, file: zipfile.ZipFile, one: zipfile.ZipInfo, other: zipfile.ZipInfo) -> bool:
    if (one.file_size, one.CRC) != (other.file_size, other.CRC):
        return False
    return _content(path, file, one) == _content(path, file, other)


def _check_size(where: str, size: int, compressed_size: int, most_bytes: int) -> None:
    if size > most_bytes or (size > FREE_BYTES and size > MAX_RATIO * compressed_size):
        raise PipelineError(
            f"{where}: the member unpacks to {size:,} bytes from {compressed_size:,}, more than its data can be "
            f"(at most {most_bytes:,} bytes and {MAX_RATIO}:1). {_DOWNLOAD_AGAIN}"
        )
