"""Opens a zip from the outside world and hands out its members, guarding against broken and hostile files."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from nibrs_estimation.pipeline.errors import PipelineError

#: No member of a state-year comes near this size (the largest state's victims are about 0.1 GiB).
MAX_MEMBER_BYTES = 8 * 2**30
#: Deflate reaches 1032:1 on constant bytes alone; CSV compresses 5:1 to 20:1.
MAX_RATIO = 1000
#: Below this size any ratio is harmless.
FREE_BYTES = 64 * 2**20

_CHUNK_BYTES = 4 * 2**20
_ENCRYPTED_FLAG = 0x1
_DOWNLOAD_AGAIN = "Download it again from the Crime Data Explorer and repeat the command."


@dataclass(frozen=True)
class Archive:
    """An open zip: its CSV members by lower-cased base name without the extension.

    Members lie at the root or in a folder, depending on the year (02 section 12.1). An excerpt may lack members.
    """

    path: Path
    file: zipfile.ZipFile
    members: dict[str, zipfile.ZipInfo]
    is_excerpt: bool = False

    def read(self, member: str) -> bytes:
        """The content of a member.

        Raises:
            PipelineError: it is encrypted, too large, damaged, or compressed with an unknown method.
        """
        return self._read(self.members[member])

    def first_line(self, member: str) -> bytes:
        """The first line of a member; raises as :meth:`read` does."""
        return self._read(self.members[member], is_line=True)

    def _read(self, info: zipfile.ZipInfo, is_line: bool = False) -> bytes:
        where = f"{self.path}, member {info.filename}"
        if info.flag_bits & _ENCRYPTED_FLAG:
            raise PipelineError(
                f"{where}: the member is encrypted. The Crime Data Explorer encrypts nothing: "
                "use the zip as downloaded."
            )
        _check_size(where, info.file_size, info.compress_size)
        chunks: list[bytes] = []
        size = 0
        try:
            with self.file.open(info) as stream:
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
            raise PipelineError(f"{where}: the member is damaged ({error}). {_DOWNLOAD_AGAIN}") from error
        return b"".join(chunks)


@contextmanager
def open_archive(path: Path, *, is_excerpt: bool = False) -> Iterator[Archive]:
    """Open a zip.

    Raises:
        PipelineError: the path is missing, a folder, empty, not a zip or cut short, or the zip names a member that
            would lie outside it, or two members with one base name.
    """
    if path.is_dir():
        raise PipelineError(
            f"{path} is a folder. The source reads zips as downloaded: zip the folder's files and name the zip instead."
        )
    if not path.exists():
        raise PipelineError(f"{path} does not exist. Check the path of the zip.")
    try:
        if path.stat().st_size == 0:
            raise PipelineError(f"{path} is empty: the download did not finish. {_DOWNLOAD_AGAIN}")
        file = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as error:
        raise PipelineError(f"{path} is not a zip, or it is cut short ({error}). {_DOWNLOAD_AGAIN}") from error
    except OSError as error:
        raise PipelineError(
            f"{path} cannot be read: {error.strerror or error}. Make it readable for this user."
        ) from error
    with file:
        yield Archive(path, file, _csv_members(path, file), is_excerpt)


def _csv_members(path: Path, file: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    for info in file.infolist():
        # Windows rules know both separators and drives, so they catch every name that leads elsewhere.
        name = PureWindowsPath(info.filename)
        if name.anchor or ".." in name.parts:
            raise PipelineError(
                f"{path}, member {info.filename}: the name leads out of the zip, which no download of the Crime Data "
                "Explorer does. Do not use this file; download the zip again from the Crime Data Explorer."
            )
        if name.suffix.lower() != ".csv" or info.is_dir():
            continue
        key = name.stem.lower()
        if key in members:
            raise PipelineError(
                f"{path} holds {info.filename} and {members[key].filename}: two files of one name. "
                "Use the zip of one state and year as downloaded."
            )
        members[key] = info
    return members


def _check_size(where: str, size: int, compressed_size: int) -> None:
    if size > MAX_MEMBER_BYTES or (size > FREE_BYTES and size > MAX_RATIO * compressed_size):
        raise PipelineError(
            f"{where}: the member unpacks to {size:,} bytes from {compressed_size:,}, more than a state's data can be "
            f"(at most {MAX_MEMBER_BYTES:,} bytes and {MAX_RATIO}:1). {_DOWNLOAD_AGAIN}"
        )
