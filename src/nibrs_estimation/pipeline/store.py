"""One store for artifacts and externals: a local folder or `s3://bucket/prefix`.

What is put is read back and compared; what is fetched becomes a file only when it is whole and has the checksum with
which it was put. Requests are retried with back-off by the client library.
"""

from __future__ import annotations

import hashlib
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import obstore
from obstore import exceptions
from obstore.store import S3Store as S3Client
from pydantic import SecretStr
from typing_extensions import override

from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.files import atomic_path, sha256_of

MAX_RETRIES = 4
RETRY_SECONDS = 15
_CHECKSUM = "sha256"


@dataclass(frozen=True)
class S3Options:
    """How to reach S3; without credentials the client looks for them as AWS tools do."""

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
        """Whether a key is there."""

    @abstractmethod
    def keys(self, prefix: str = "") -> Iterator[str]:
        """The keys that start with a folder, in order."""

    @abstractmethod
    def check(self) -> None:
        """Raise a PipelineError that says what to mend if the store cannot be used."""


def open_store(location: str, s3: S3Options) -> Store:
    """The store at a location; nothing is touched yet.

    Raises:
        UsageError: the location is neither a folder nor ``s3://bucket[/prefix]``.
    """
    scheme, found, rest = location.partition("://")
    if not found:
        return LocalStore(Path(location))
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise UsageError(f"{location!r} is not a store. Write a folder, or s3://bucket or s3://bucket/prefix.")
    return S3Store(bucket, prefix.strip("/"), s3)


def checked_key(key: str) -> str:
    """Return a key that stays within its store.

    Raises:
        UsageError: it is empty, absolute or climbs.
    """
    path = PurePosixPath(key)
    if not key or path.is_absolute() or ".." in path.parts:
        raise UsageError(f"{key!r} is not a key of a store: write a relative path without '..'.")
    return path.as_posix()


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
        source = self.folder / checked_key(key)
        if not source.is_file():
            raise PipelineError(f"There is no {key} in {self}.")
        _copy(source, local)

    @override
    def exists(self, key: str) -> bool:
        return (self.folder / checked_key(key)).is_file()

    @override
    def keys(self, prefix: str = "") -> Iterator[str]:
        paths = (path for path in (self.folder / prefix).rglob("*") if path.is_file())
        return iter(sorted(path.relative_to(self.folder).as_posix() for path in paths))

    @override
    def check(self) -> None:
        with atomic_path(self.folder / ".check") as temporary:
            temporary.write_bytes(b"")
        (self.folder / ".check").unlink()


def _copy(source: Path, target: Path) -> None:
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
        if sha256_of(temporary) != sha256_of(source):
            raise PipelineError(f"The copy of {source} to {target} differs from the original: check the disk.")


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
                "connect_timeout": timedelta(seconds=5),
            },
            retry_config={"max_retries": MAX_RETRIES, "retry_timeout": timedelta(seconds=RETRY_SECONDS)},
            **{name: value for name, value in settings.items() if value is not None},
        )

    def __str__(self) -> str:
        return self._location

    @override
    def put(self, local: Path, key: str) -> None:
        checksum = sha256_of(local)
        with self._explained(key):
            obstore.put(self._client, checked_key(key), local, attributes={_CHECKSUM: checksum})
            # Read back: an ETag is a digest of the content only for some servers, sizes and encryptions.
            digest = hashlib.sha256()
            for chunk in obstore.get(self._client, checked_key(key)):
                digest.update(chunk)
        if digest.hexdigest() != checksum:
            raise PipelineError(f"{key} in {self} differs from {local} after the upload. Run the same command again.")

    @override
    def get(self, key: str, local: Path) -> None:
        digest = hashlib.sha256()
        with atomic_path(local) as temporary, self._explained(key):
            result = obstore.get(self._client, checked_key(key))
            with temporary.open("wb") as file:
                for chunk in result:
                    digest.update(chunk)
                    file.write(chunk)
            expected = result.attributes.get(_CHECKSUM)
            if temporary.stat().st_size != result.meta["size"] or (expected and digest.hexdigest() != expected):
                raise PipelineError(f"{key} came from {self} incomplete or changed. Run the same command again.")

    @override
    def exists(self, key: str) -> bool:
        try:
            with self._explained(key):
                obstore.head(self._client, checked_key(key))
        except _NoSuchKeyError:
            return False
        return True

    @override
    def keys(self, prefix: str = "") -> Iterator[str]:
        with self._explained(prefix):
            pages = obstore.list(self._client, prefix or None)
            return iter(sorted(found["path"] for page in pages for found in page))

    @override
    def check(self) -> None:
        with self._explained(""):
            next(iter(obstore.list(self._client, chunk_size=1)), None)

    @contextmanager
    def _explained(self, key: str) -> Iterator[None]:
        """Turn the client's errors into ours; `from None` because its texts may repeat requests with credentials."""
        try:
            yield
        except (FileNotFoundError, PermissionError, exceptions.BaseError) as error:
            raise self._mend(error, key) from None

    def _mend(self, error: Exception, key: str) -> PipelineError:
        if "NoSuchBucket" in str(error):
            return PipelineError(
                f"The bucket of {self} does not exist at {self._endpoint}. Make it, or correct ARTIFACT_STORE or "
                "EXTERNAL_STORE."
            )
        if isinstance(error, FileNotFoundError):
            return _NoSuchKeyError(f"There is no {key} in {self}.")
        if isinstance(error, (PermissionError, exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)):
            return PipelineError(
                f"{self} at {self._endpoint} refuses access. Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the "
                "rights of this user."
            )
        return PipelineError(
            f"{self} cannot be reached at {self._endpoint}. Check ARTIFACT_STORE, EXTERNAL_STORE, S3_ENDPOINT_URL and "
            "AWS_REGION, and that the server is up, and run the same command again."
        )


class _NoSuchKeyError(PipelineError):
    """The bucket is there, the key is not."""
