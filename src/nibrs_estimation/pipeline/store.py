"""One store for artifacts and externals: a local folder or `s3://bucket/prefix`.

What is put is read back and compared; what is fetched becomes a file only when it is whole and has the checksum with
which it was put. The client library retries requests, with back-off; a transfer whose content turns out wrong is
repeated as a whole.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import obstore
from obstore import exceptions
from obstore.store import S3Store as S3Client
from pydantic import SecretStr
from typing_extensions import override

from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.files import TEMPORARY_SUFFIX, atomic_path, sha256_of

MAX_RETRIES = 4
# A server that is away or silent is given up within about 20 s: the last try begins before RETRY_SECONDS.
RETRY_SECONDS = 10
CONNECT_SECONDS = 5
SILENCE_SECONDS = 10
# A whole transfer has no time limit of its own: a large file on a slow line may take long, as long as bytes come.
TRANSFER_SECONDS = 24 * 3600
PAUSES_S = (0.2, 0.8)  # before a damaged transfer is repeated
_CHECKSUM = "sha256"
_NO_BUCKET = "NoSuchBucket"
_REFUSALS = (PermissionError, exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]+")


@dataclass(frozen=True)
class S3Options:
    """How to reach S3.

    Without credentials the client looks for them itself: in the environment, then at the container or machine it runs
    on. It does not read profiles (``~/.aws``).
    """

    endpoint_url: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = None
    session_token: SecretStr | None = None


class Store(ABC):
    """Files under keys. ``str`` is the location, free of secrets."""

    @abstractmethod
    def put(self, local: Path, key: str) -> None:
        """Store a file, and check that what is stored is what was given.

        Raises:
            PipelineError: the store cannot be reached or written, or holds something else afterwards.
        """

    @abstractmethod
    def get(self, key: str, local: Path) -> None:
        """Fetch a file; a partial download never becomes a file.

        Raises:
            PipelineError: there is no such key, the store cannot be reached, or what came is not what was put.
        """

    @abstractmethod
    def exists(self, key: str) -> bool:
        """Whether a key is there.

        Raises:
            PipelineError: the store cannot be reached.
        """

    @abstractmethod
    def holds(self, key: str, local: Path) -> bool:
        """Whether a key's content is known to be that of a local file, by size and checksum.

        Raises:
            PipelineError: there is no such key, or the store cannot be reached.
        """

    @abstractmethod
    def keys(self, prefix: str = "") -> Iterator[str]:
        """The keys within a folder, in order.

        Raises:
            PipelineError: the store cannot be reached.
        """

    @abstractmethod
    def check(self) -> None:
        """Find out whether the store can be used, and change nothing.

        Raises:
            PipelineError: it cannot; says what to mend.
        """


def open_store(location: str, s3: S3Options) -> Store:
    """The store at a location; nothing is touched yet.

    Raises:
        UsageError: the location is neither a folder nor ``s3://bucket[/prefix]``, the endpoint is not a URL, or the
            credentials are incomplete or malformed.
    """
    # One letter before a colon is a drive, more are a scheme: `s3:/bucket` is a slip, not a folder.
    if location and not re.match(r"\w{2,}:", location):
        return LocalStore(Path(location))
    scheme, _, rest = location.partition("://")
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" or not _BUCKET.fullmatch(bucket):
        # What stands before an @ may be a password.
        shown = location.rpartition("@")[2]
        raise UsageError(f"{shown!r} is not a store. Write a folder, or s3://bucket or s3://bucket/prefix.")
    _check_endpoint(s3.endpoint_url)
    _check_credentials(s3)
    prefix = prefix.strip("/")
    return S3Store(bucket, checked_key(prefix) if prefix else "", s3)


def _check_endpoint(url: str | None) -> None:
    if url is None:
        return
    try:
        parts = urlsplit(url)
        # A port out of range is told only when it is read.
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.username is None and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        # Not repeated, and not raised within `except`: the value may hold a password.
        raise UsageError("S3_ENDPOINT_URL must look like https://host or http://host:port, without user and password.")


def _check_credentials(s3: S3Options) -> None:
    if (s3.access_key_id is None) != (s3.secret_access_key is None):
        raise UsageError(
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together: set both, or neither to use the role of the "
            "container or machine. Profiles in ~/.aws are not read."
        )
    # The client writes these into HTTP headers, and panics over a line break.
    for name, value in (
        ("AWS_REGION", s3.region),
        ("AWS_ACCESS_KEY_ID", s3.access_key_id),
        ("AWS_SESSION_TOKEN", s3.session_token.get_secret_value() if s3.session_token else None),
    ):
        if value is not None and not re.fullmatch(r"[!-~]+", value):
            raise UsageError(f"{name} is empty or holds a space, a line break or a letter beyond ASCII. Set it again.")


def checked_key(key: str) -> str:
    """Return a key that stays within its store.

    Raises:
        UsageError: it is empty, absolute, climbs, or has an empty part.
    """
    if not {"", ".", ".."}.isdisjoint(key.split("/")):
        raise UsageError(f"{key!r} is not a key of a store: write a relative path such as a/b.csv, without '..'.")
    return key


def _checked_folder(prefix: str) -> str:
    folder = prefix.rstrip("/")
    return checked_key(folder) if folder or prefix else ""


class LocalStore(Store):
    """A folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __str__(self) -> str:
        return str(self.folder)

    @override
    def put(self, local: Path, key: str) -> None:
        _copy(local, self.folder / checked_key(key))

    @override
    def get(self, key: str, local: Path) -> None:
        _copy(self._present(key), local)

    @override
    def exists(self, key: str) -> bool:
        with _reading():
            return (self.folder / checked_key(key)).is_file()

    @override
    def holds(self, key: str, local: Path) -> bool:
        source = self._present(key)
        with _reading():
            same_size = local.is_file() and local.stat().st_size == source.stat().st_size
            return same_size and sha256_of(local) == sha256_of(source)

    @override
    def keys(self, prefix: str = "") -> Iterator[str]:
        paths = (self.folder / _checked_folder(prefix)).rglob("*")
        files = (path for path in paths if path.is_file() and path.suffix != TEMPORARY_SUFFIX)
        return iter(sorted(path.relative_to(self.folder).as_posix() for path in files))

    @override
    def check(self) -> None:
        with _reading():
            nearest = next(path for path in (self.folder, *self.folder.absolute().parents) if path.exists())
        if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
            reason = "cannot be written" if nearest.is_dir() else "is not a folder"
            raise PipelineError(
                f"The store {self} cannot be used: {nearest} {reason}. Mend that, or choose another folder with "
                "ARTIFACT_STORE or EXTERNAL_STORE."
            )

    def _present(self, key: str) -> Path:
        if not self.exists(key):
            raise PipelineError(
                f"There is no {key} in {self}. Put it there, or correct ARTIFACT_STORE or EXTERNAL_STORE."
            )
        return self.folder / key


def _copy(source: Path, target: Path) -> None:
    # Read before anything is written, so that a source that cannot be read is not told as a fault of the target.
    with _reading():
        checksum = sha256_of(source)
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
        if sha256_of(temporary) != checksum:
            raise PipelineError(f"The copy of {source} to {target} differs from the original: check the disk.")


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise PipelineError(
            f"No permission to read {error.filename}. Let this user read it and its folder, or choose another folder "
            "with ARTIFACT_STORE or EXTERNAL_STORE."
        ) from error


class _DamagedError(PipelineError):
    """A transfer went through, but its content is not what was sent."""


def _until_whole(transfer: Callable[[], None]) -> None:
    for pause in PAUSES_S:
        try:
            return transfer()
        except _DamagedError:
            time.sleep(pause)
    return transfer()


class S3Store(Store):
    """A bucket, or a folder in it."""

    def __init__(self, bucket: str, prefix: str, options: S3Options) -> None:
        self._location = f"s3://{bucket}/{prefix}".rstrip("/")
        self._endpoint = options.endpoint_url or "AWS"
        settings: dict[str, Any] = {
            "endpoint": options.endpoint_url,
            "region": options.region,
            "access_key_id": options.access_key_id,
            "secret_access_key": options.secret_access_key and options.secret_access_key.get_secret_value(),
            "session_token": options.session_token and options.session_token.get_secret_value(),
        }
        self._client = S3Client(
            bucket,
            prefix=prefix or None,
            # Servers other than AWS rarely answer under bucket.host.
            virtual_hosted_style_request=options.endpoint_url is None,
            client_options={
                "allow_http": (options.endpoint_url or "").startswith("http://"),
                "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
                "read_timeout": timedelta(seconds=SILENCE_SECONDS),
                "timeout": timedelta(seconds=TRANSFER_SECONDS),
            },
            retry_config={"max_retries": MAX_RETRIES, "retry_timeout": timedelta(seconds=RETRY_SECONDS)},
            **{name: value for name, value in settings.items() if value is not None},
        )

    def __str__(self) -> str:
        return self._location

    @override
    def put(self, local: Path, key: str) -> None:
        _until_whole(lambda: self._put(local, key))

    def _put(self, local: Path, key: str) -> None:
        checksum = sha256_of(local)
        with self._explained():
            obstore.put(self._client, checked_key(key), local, attributes={_CHECKSUM: checksum})
        # Read back: an ETag is a digest of the content only for some servers, sizes and encryptions.
        digest = hashlib.sha256()
        for chunk in self._chunks(self._open(key)):
            digest.update(chunk)
        if digest.hexdigest() != checksum:
            raise _DamagedError(f"{key} in {self} differs from {local} after the upload. Run the same command again.")

    @override
    def get(self, key: str, local: Path) -> None:
        _until_whole(lambda: self._get(key, local))

    def _get(self, key: str, local: Path) -> None:
        found = self._open(key)
        digest = hashlib.sha256()
        with atomic_path(local) as temporary:
            with temporary.open("wb") as file:
                for chunk in self._chunks(found):
                    digest.update(chunk)
                    file.write(chunk)
            # A file that another program has put there has no checksum: then its size must do.
            expected = found.attributes.get(_CHECKSUM, digest.hexdigest())
            if temporary.stat().st_size != found.meta["size"] or digest.hexdigest() != expected:
                raise _DamagedError(f"{key} came from {self} incomplete or changed. Run the same command again.")

    @override
    def exists(self, key: str) -> bool:
        try:
            self._open(key, head=True)
        except _NoSuchKeyError:
            # The answer for a missing key has no text, so a missing bucket looks the same.
            self.check()
            return False
        return True

    @override
    def holds(self, key: str, local: Path) -> bool:
        found = self._open(key, head=True)
        same_size = local.is_file() and local.stat().st_size == found.meta["size"]
        return same_size and sha256_of(local) == found.attributes.get(_CHECKSUM)

    @override
    def keys(self, prefix: str = "") -> Iterator[str]:
        with self._explained():
            pages = obstore.list(self._client, _checked_folder(prefix) or None)
            return iter(sorted(found["path"] for page in pages for found in page))

    @override
    def check(self) -> None:
        with self._explained():
            next(iter(obstore.list(self._client, chunk_size=1)), None)

    def _open(self, key: str, *, head: bool = False) -> obstore.GetResult:
        with self._explained():
            try:
                return obstore.get(self._client, checked_key(key), options={"head": head})
            except FileNotFoundError as error:
                if _NO_BUCKET in str(error):
                    raise
                raise _NoSuchKeyError(
                    f"There is no {key} in {self}. Put it there, or correct ARTIFACT_STORE or EXTERNAL_STORE."
                ) from None

    def _chunks(self, found: obstore.GetResult) -> Iterable[obstore.Bytes]:
        # A generator of its own, so that an error of the local disk is not taken for one of the server.
        with self._explained():
            yield from found

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the client's errors into ours; `from None` because its texts may repeat requests with credentials."""
        try:
            yield
        except (FileNotFoundError, PermissionError, exceptions.BaseError) as error:
            raise self._mend(error) from None

    def _mend(self, error: Exception) -> PipelineError:
        # A failed listing comes as a GenericError whatever its cause, and only its text tells the cause.
        text = str(error)
        if _NO_BUCKET in text:
            return PipelineError(
                f"The bucket of {self} does not exist at {self._endpoint}. Make it, or correct ARTIFACT_STORE or "
                "EXTERNAL_STORE."
            )
        if isinstance(error, _REFUSALS) or re.search(r"status code: 40[13]\b", text):
            return PipelineError(
                f"{self} at {self._endpoint} refuses access. Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the "
                "rights of this user."
            )
        return PipelineError(
            f"{self} cannot be reached at {self._endpoint}. Check ARTIFACT_STORE, EXTERNAL_STORE, S3_ENDPOINT_URL, "
            "AWS_REGION and the credentials, and that the server is up, and run the same command again."
        )


class _NoSuchKeyError(PipelineError):
    """The bucket is there, the key is not."""
