"""One store for artifacts and externals: a local folder or `s3://bucket/prefix`.

Stored files are read back and compared. A fetched file is written only if it is complete and has the checksum with
which it was stored. The client library retries requests with back-off; a transfer with wrong content is repeated.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import obstore
from obstore import exceptions
from obstore.store import S3Store as S3Client
from pydantic import SecretStr
from typing_extensions import override

from nibrs_estimation.pipeline.credentials import mask_credentials
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.files import TEMPORARY_SUFFIX, atomic_path, sha256_of

MAX_RETRIES = 4
# If a server does not answer, requests fail within about 20 s: the last try begins before RETRY_SECONDS.
RETRY_SECONDS = 10
CONNECT_SECONDS = 5
SILENCE_SECONDS = 10
# The time limit of a transfer is long: a large file on a slow connection takes long.
TRANSFER_SECONDS = 24 * 3600
PAUSES_S = (0.2, 0.8)  # before a damaged transfer is repeated
_CHECKSUM = "sha256"
_NO_BUCKET = "NoSuchBucket"
_BROKE_OFF = "Error getting list response body"
_WRONG_CLOCK = "RequestTimeTooSkewed"
#: The settings that name a store.
_SETTINGS = "ARTIFACT_STORE, EXTERNAL_STORE or WORK_STORE"
#: Status codes of a server that is too busy.
_SLOW_DOWN = (429, 503)
THROTTLED_SECONDS = 60.0
#: A lock in a bucket is renewed every LOCK_BEAT_S, and expires if it is not renewed for LOCK_SECONDS.
LOCK_BEAT_S, LOCK_SECONDS = 60.0, 600.0
_ERRORS = (FileNotFoundError, PermissionError, exceptions.BaseError)
_REFUSALS = (PermissionError, exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]+")


T = TypeVar("T")


@dataclass(frozen=True)
class S3Options:
    """How to reach S3.

    Without credentials, the client looks for them in the environment, then in the role of the container or machine. It
    does not read profiles (``~/.aws``).
    """

    endpoint_url: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = None
    session_token: SecretStr | None = None


class Store(ABC):
    """Files under keys. ``str`` is the location, without secrets."""

    @abstractmethod
    def put(self, local: Path, key: str) -> None:
        """Store a file, and check that the stored content is the same.

        Raises:
            PipelineError: the store cannot be reached or written, or the stored content differs.
        """

    @abstractmethod
    def get(self, key: str, local: Path) -> None:
        """Fetch a file; a partial download never replaces the file.

        Raises:
            PipelineError: there is no such key, the store cannot be reached, or the fetched content is wrong.
        """

    @abstractmethod
    def exists(self, key: str) -> bool:
        """Whether a key exists.

        Raises:
            PipelineError: the store cannot be reached.
        """

    @abstractmethod
    def has_same_content(self, key: str, local: Path) -> bool:
        """Whether a key is known to have the same content as a local file, by size and checksum.

        Raises:
            PipelineError: there is no such key, or the store cannot be reached.
        """

    @abstractmethod
    def keys(self, prefix: str = "") -> Iterator[str]:
        """The keys in a folder, in order.

        Raises:
            PipelineError: the store cannot be reached.
        """

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove a key, if it exists.

        Raises:
            PipelineError: the store cannot be reached or written.
        """

    @abstractmethod
    def lock(self, key: str, owner: str) -> AbstractContextManager[None]:
        """Lock the folder of a key against other owners; the same owner can lock it again after a crash.

        Raises:
            PipelineError: another owner has the lock, or the store cannot be reached or written.
        """

    @abstractmethod
    def check(self) -> None:
        """Check that the store can be used, without changing anything.

        Raises:
            PipelineError: it cannot be used; states the fix.
        """


def open_store(location: str, s3: S3Options) -> Store:
    """The store at a location; it is not accessed yet.

    Raises:
        UsageError: the location is neither a folder nor ``s3://bucket[/prefix]``, the endpoint is not a URL, or the
            credentials are incomplete or malformed.
    """
    # One letter before a colon is a drive, more letters are a scheme: `s3:/bucket` is an error, not a folder.
    if location and not re.match(r"\w{2,}:", location):
        return LocalStore(Path(location))
    scheme, _, rest = location.partition("://")
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" or not _BUCKET.fullmatch(bucket):
        # The part before an @ may be a password.
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
        # A port out of range raises an error only when it is read.
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.username is None and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        # The value is not shown, and the error not chained: it may contain a password.
        raise UsageError("S3_ENDPOINT_URL must look like https://host or http://host:port, without user and password.")


def _check_credentials(s3: S3Options) -> None:
    if (s3.access_key_id is None) != (s3.secret_access_key is None):
        raise UsageError(
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set together: set both, or neither to use the role of "
            "the container or machine. Profiles in ~/.aws are not read."
        )
    # The client writes these to HTTP headers, and crashes on a line break.
    for name, value in (
        ("AWS_REGION", s3.region),
        ("AWS_ACCESS_KEY_ID", s3.access_key_id),
        ("AWS_SESSION_TOKEN", s3.session_token.get_secret_value() if s3.session_token else None),
    ):
        if value is not None and not re.fullmatch(r"[!-~]+", value):
            raise UsageError(f"{name} is empty or contains a space, a line break or a non-ASCII character. Correct it.")


def checked_key(key: str) -> str:
    """Check that a key is within its store, and return it.

    Raises:
        UsageError: it is empty, absolute, contains "..", or has an empty part.
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
    def has_same_content(self, key: str, local: Path) -> bool:
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
    def delete(self, key: str) -> None:
        path = self.folder / checked_key(key)
        try:
            path.unlink(missing_ok=True)
            for parent in path.relative_to(self.folder).parents[:-1]:
                (self.folder / parent).rmdir()
        except OSError as error:
            # A folder with other files is not removed.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                raise PipelineError(f"{path} could not be removed: {error.strerror}.") from error

    @override
    @contextmanager
    def lock(self, key: str, owner: str) -> Iterator[None]:
        path = self.folder / checked_key(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise PipelineError(
                f"The store {self} cannot be written ({error.strerror}). Choose another folder with ARTIFACT_STORE."
            ) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                raise _lock_error(self, key, file.read()) from None
            file.truncate(0)
            file.write(owner)
            file.flush()
            yield

    @override
    def check(self) -> None:
        with _reading():
            nearest = next(path for path in (self.folder, *self.folder.absolute().parents) if path.exists())
        if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
            reason = "cannot be written" if nearest.is_dir() else "is not a folder"
            raise PipelineError(
                f"The store {self} cannot be used: {nearest} {reason}. Correct this, or choose another folder with "
                "ARTIFACT_STORE or EXTERNAL_STORE."
            )

    def _present(self, key: str) -> Path:
        if not self.exists(key):
            raise PipelineError(f"There is no {key} in {self}. Put it there, or correct {_SETTINGS}.")
        return self.folder / key


def _copy(source: Path, target: Path) -> None:
    # The source is read first, so that an unreadable source is not reported as an error of the target.
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


def _lock_error(store: Store, key: str, owner: str) -> PipelineError:
    return PipelineError(
        f"Another run is publishing to {store}/{key.rpartition('/')[0]}, or working there ({owner}). Wait for it to "
        "end, or choose another run id or store."
    )


class _DamagedError(PipelineError):
    """The content of a transfer broke off or differs; a repetition may succeed."""


def _retry_damaged(transfer: Callable[[], T]) -> T:
    for pause in PAUSES_S:
        try:
            return transfer()
        except _DamagedError:
            time.sleep(pause)
    return transfer()


class _LockRenewal:
    """Renews a lock regularly in its own thread."""

    def __init__(self, renew: Callable[[], None]) -> None:
        self._renew, self._is_over = renew, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_details: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over.wait(LOCK_BEAT_S):
            # If a renewal fails, the next one may succeed; otherwise the lock expires.
            with suppress(PipelineError):
                self._renew()


class S3Store(Store):
    """A bucket, or a folder in it."""

    def __init__(self, bucket: str, prefix: str, options: S3Options) -> None:
        self._location = f"s3://{bucket}/{prefix}".rstrip("/")
        self._endpoint = mask_credentials(options.endpoint_url or "AWS")
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
            checksum_algorithm="sha256",
            retry_config={"max_retries": MAX_RETRIES, "retry_timeout": timedelta(seconds=RETRY_SECONDS)},
            **{name: value for name, value in settings.items() if value is not None},
        )

    def __str__(self) -> str:
        return self._location

    @override
    def put(self, local: Path, key: str) -> None:
        try:
            _retry_damaged(lambda: self._put(local, key))
        except _DamagedError:
            # The damaged file must not be used.
            with suppress(PipelineError):
                self.delete(key)
            raise

    def _put(self, local: Path, key: str) -> None:
        checksum = sha256_of(local)
        attributes = {_CHECKSUM: checksum}
        self._request(lambda: obstore.put(self._client, checked_key(key), local, attributes=attributes))
        # Read back: an ETag is a digest of the content only for some servers, sizes and encryptions.
        digest = hashlib.sha256()
        for chunk in self._chunks(self._open(key)):
            digest.update(chunk)
        if digest.hexdigest() != checksum:
            raise _DamagedError(f"{key} in {self} differs from {local} after the upload. Run the same command again.")

    @override
    def get(self, key: str, local: Path) -> None:
        _retry_damaged(lambda: self._get(key, local))

    def _get(self, key: str, local: Path) -> None:
        found = self._open(key)
        digest = hashlib.sha256()
        with atomic_path(local) as temporary:
            with temporary.open("wb") as file:
                for chunk in self._chunks(found):
                    digest.update(chunk)
                    file.write(chunk)
            # A file that another program has stored has no checksum: then only its size is compared.
            expected = found.attributes.get(_CHECKSUM, digest.hexdigest())
            if temporary.stat().st_size != found.meta["size"] or digest.hexdigest() != expected:
                raise _DamagedError(f"{key} from {self} is incomplete or changed. Run the same command again.")

    @override
    def exists(self, key: str) -> bool:
        try:
            self._open(key, head=True)
        except _NoSuchKeyError:
            # The answer for a missing key has no text, so it is the same as for a missing bucket.
            self.check()
            return False
        return True

    @override
    def has_same_content(self, key: str, local: Path) -> bool:
        found = self._open(key, head=True)
        same_size = local.is_file() and local.stat().st_size == found.meta["size"]
        return same_size and sha256_of(local) == found.attributes.get(_CHECKSUM)

    @override
    def keys(self, prefix: str = "") -> Iterator[str]:
        folder = _checked_folder(prefix) or None

        def paths() -> list[str]:
            return sorted(found["path"] for page in obstore.list(self._client, folder) for found in page)

        return iter(self._listing(paths))

    @override
    def check(self) -> None:
        self._listing(lambda: next(iter(obstore.list(self._client, chunk_size=1)), None))

    def _listing(self, listing: Callable[[], T]) -> T:
        """The result of a listing; it is repeated if its answer breaks off, which the client does not do."""

        def listed() -> T:
            try:
                return listing()
            except exceptions.GenericError as error:
                if _BROKE_OFF in str(error):
                    raise _DamagedError(str(self._translate(error))) from None
                raise

        return _retry_damaged(lambda: self._request(listed))

    @override
    def delete(self, key: str) -> None:
        self._request(lambda: obstore.delete(self._client, checked_key(key)))

    @override
    @contextmanager
    def lock(self, key: str, owner: str) -> Iterator[None]:
        content = owner.encode()

        def take() -> None:
            obstore.put(self._client, checked_key(key), content, mode="create", use_multipart=False)

        def renew() -> None:
            self._request(lambda: obstore.put(self._client, key, content, use_multipart=False))

        try:
            self._request(take)
        except _TakenError:
            found = self._open(key)
            current_owner = b"".join(bytes(chunk) for chunk in self._chunks(found)).decode(errors="replace")
            age_s = (self._now(key) - found.meta["last_modified"]).total_seconds()
            # An owner that died does not renew its lock.
            if current_owner != owner and age_s < LOCK_SECONDS:
                raise _lock_error(self, key, current_owner) from None
            renew()
        except PipelineError as error:
            # Some servers do not support conditional writes: then locking is not possible.
            if "status 501" not in str(error):
                raise
            yield
            return
        try:
            with _LockRenewal(renew):
                yield
        finally:
            self.delete(key)

    def _now(self, key: str) -> datetime:
        """The time by the clock of the server; that of this machine may be wrong."""
        probe = f"{key}-{uuid.uuid4().hex}"
        self._request(lambda: obstore.put(self._client, probe, b"", use_multipart=False))
        try:
            return self._open(probe, head=True).meta["last_modified"]
        finally:
            self.delete(probe)

    def _open(self, key: str, *, head: bool = False) -> obstore.GetResult:
        def opened() -> obstore.GetResult:
            try:
                return obstore.get(self._client, checked_key(key), options={"head": head})
            except FileNotFoundError as error:
                if _NO_BUCKET in str(error):
                    raise
                raise _NoSuchKeyError(f"There is no {key} in {self}. Put it there, or correct {_SETTINGS}.") from None

        return self._request(opened)

    def _chunks(self, found: obstore.GetResult) -> Iterable[obstore.Bytes]:
        # A separate generator, so that an error of the local disk is not reported as an error of the server.
        try:
            yield from found
        except _ERRORS as error:
            raise _DamagedError(str(self._translate(error))) from None

    def _request(self, operation: Callable[[], T]) -> T:
        """The result of an operation; it is repeated for about a minute if the server is too busy."""
        pause, until = 1.0, time.monotonic() + THROTTLED_SECONDS
        while True:
            try:
                return operation()
            except _ERRORS as error:
                if _status_of(error) not in _SLOW_DOWN or time.monotonic() + pause > until:
                    raise self._translate(error) from None
            time.sleep(pause)
            pause = min(2 * pause, 8.0)

    def _translate(self, error: Exception) -> PipelineError:
        """Translate the client's error; raise it `from None` because its text may contain credentials."""
        # A failed listing raises a GenericError; only its text states the cause.
        text = str(error)
        if _NO_BUCKET in text:
            return PipelineError(
                f"The bucket of {self} does not exist at {self._endpoint}. Make it, or correct {_SETTINGS}."
            )
        if isinstance(error, exceptions.AlreadyExistsError):
            return _TakenError(f"{self} contains it already.")
        status = _status_of(error)
        if status in _SLOW_DOWN:
            return PipelineError(
                f"{self} at {self._endpoint} was too busy (status {status}) for more than {THROTTLED_SECONDS:.0f} "
                "seconds. Run the same command again later; finished tasks are reused."
            )
        if isinstance(error, _REFUSALS) or status in (401, 403):
            remedy = (
                "The clock of this machine differs from that of the server by more than 15 minutes: set it, and run "
                "the same command again."
                if _WRONG_CLOCK in text
                else "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the rights of this user."
            )
            return PipelineError(f"{self} at {self._endpoint} refuses access. {remedy}")
        if status is not None:
            return PipelineError(
                f"{self} at {self._endpoint} answered with status {status}. Check {_SETTINGS}, S3_ENDPOINT_URL and "
                "AWS_REGION, and the state of the server; then run the same command again."
            )
        return PipelineError(
            f"{self} cannot be reached at {self._endpoint}. Check {_SETTINGS}, S3_ENDPOINT_URL, AWS_REGION and "
            "the credentials, and that the server is running; then run the same command again."
        )


def _status_of(error: Exception) -> int | None:
    found = re.search(r"status code: (\d{3})\b", str(error))
    return int(found[1]) if found else None


class _TakenError(PipelineError):
    """The key exists already."""


class _NoSuchKeyError(PipelineError):
    """The bucket exists, but not the key."""
