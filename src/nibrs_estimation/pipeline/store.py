"""One store for artifacts and externals: a local folder or `s3://bucket/prefix`.

What is put is read back and compared; what is fetched becomes a file only when it is whole and has the checksum with
which it was put. The client library retries requests, with back-off; a transfer whose content turns out wrong is
repeated as a whole.
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
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import obstore
from obstore import exceptions
from obstore.store import S3Store as S3Client
from pydantic import SecretStr
from typing_extensions import override

from nibrs_estimation.pipeline.credentials import without_credentials
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
#: Answers of a server that is too busy.
_SLOW_DOWN = (429, 503)
THROTTLED_SECONDS = 60.0
#: A lock in a bucket is said again every LOCK_BEAT_S, and is void when it was not for LOCK_SECONDS.
LOCK_BEAT_S, LOCK_SECONDS = 60.0, 600.0
_ERRORS = (FileNotFoundError, PermissionError, exceptions.BaseError)
_REFUSALS = (PermissionError, exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]+")


T = TypeVar("T")


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
    def delete(self, key: str) -> None:
        """Remove a key; one that is not there is as good.

        Raises:
            PipelineError: the store cannot be reached or written.
        """

    @abstractmethod
    def lock(self, key: str, owner: str) -> AbstractContextManager[None]:
        """Keep others from writing under the folder of a key; who is called alike comes in after a crash at once.

        Raises:
            PipelineError: another owner holds it, or the store cannot be reached or written.
        """

    @abstractmethod
    def check(self) -> None:
        """Find out whether the store can be used, and change nothing.

        Raises:
            PipelineError: it cannot; says what to fix.
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
    def delete(self, key: str) -> None:
        path = self.folder / checked_key(key)
        try:
            path.unlink(missing_ok=True)
            for parent in path.relative_to(self.folder).parents[:-1]:
                (self.folder / parent).rmdir()
        except OSError as error:
            # A folder that holds other files stays.
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
                raise _held(self, key, file.read()) from None
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
                f"The store {self} cannot be used: {nearest} {reason}. Fix that, or choose another folder with "
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


def _held(store: Store, key: str, owner: str) -> PipelineError:
    return PipelineError(
        f"Another run publishes to {store}/{key.rpartition('/')[0]} at this moment ({owner}). Wait for it to end, or "
        "choose another run id or ARTIFACT_STORE."
    )


class _DamagedError(PipelineError):
    """A transfer went through, but its content is not what was sent."""


def _until_whole(transfer: Callable[[], None]) -> None:
    for pause in PAUSES_S:
        try:
            return transfer()
        except _DamagedError:
            time.sleep(pause)
    return transfer()


class _Beat:
    """Says again and again that a lock is still held, from a thread of its own."""

    def __init__(self, say: Callable[[], None]) -> None:
        self._say, self._is_over = say, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_details: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over.wait(LOCK_BEAT_S):
            # A beat that fails is made up for by the next one, or the lock runs out.
            with suppress(PipelineError):
                self._say()


class S3Store(Store):
    """A bucket, or a folder in it."""

    def __init__(self, bucket: str, prefix: str, options: S3Options) -> None:
        self._location = f"s3://{bucket}/{prefix}".rstrip("/")
        self._endpoint = without_credentials(options.endpoint_url or "AWS")
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
            _until_whole(lambda: self._put(local, key))
        except _DamagedError:
            # Nobody may take it for the file.
            with suppress(PipelineError):
                self.delete(key)
            raise

    def _put(self, local: Path, key: str) -> None:
        checksum = sha256_of(local)
        attributes = {_CHECKSUM: checksum}
        self._tried(lambda: obstore.put(self._client, checked_key(key), local, attributes=attributes))
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
        def listed() -> list[str]:
            pages = obstore.list(self._client, _checked_folder(prefix) or None)
            return sorted(found["path"] for page in pages for found in page)

        return iter(self._tried(listed))

    @override
    def check(self) -> None:
        self._tried(lambda: next(iter(obstore.list(self._client, chunk_size=1)), None))

    @override
    def delete(self, key: str) -> None:
        self._tried(lambda: obstore.delete(self._client, checked_key(key)))

    @override
    @contextmanager
    def lock(self, key: str, owner: str) -> Iterator[None]:
        content = owner.encode()

        def take() -> None:
            obstore.put(self._client, checked_key(key), content, mode="create", use_multipart=False)

        def beat() -> None:
            self._tried(lambda: obstore.put(self._client, key, content, use_multipart=False))

        try:
            self._tried(take)
        except _TakenError:
            found = self._open(key)
            holder = b"".join(bytes(chunk) for chunk in self._chunks(found)).decode(errors="replace")
            age_s = (datetime.now(UTC) - found.meta["last_modified"]).total_seconds()
            # Who died without giving it back does not beat any more.
            if holder != owner and age_s < LOCK_SECONDS:
                raise _held(self, key, holder) from None
            beat()
        except PipelineError as error:
            # Some servers know no conditional writes: then nothing can be locked.
            if "status 501" not in str(error):
                raise
            yield
            return
        try:
            with _Beat(beat):
                yield
        finally:
            self.delete(key)

    def _open(self, key: str, *, head: bool = False) -> obstore.GetResult:
        def opened() -> obstore.GetResult:
            try:
                return obstore.get(self._client, checked_key(key), options={"head": head})
            except FileNotFoundError as error:
                if _NO_BUCKET in str(error):
                    raise
                raise _NoSuchKeyError(
                    f"There is no {key} in {self}. Put it there, or correct ARTIFACT_STORE or EXTERNAL_STORE."
                ) from None

        return self._tried(opened)

    def _chunks(self, found: obstore.GetResult) -> Iterable[obstore.Bytes]:
        # A generator of its own, so that an error of the local disk is not taken for one of the server.
        with self._explained():
            yield from found

    def _tried(self, operation: Callable[[], T]) -> T:
        """The result of an operation; a server that asks to slow down is asked again for about a minute."""
        pause, until = 1.0, time.monotonic() + THROTTLED_SECONDS
        while True:
            try:
                return operation()
            except _ERRORS as error:
                if _status_of(error) not in _SLOW_DOWN or time.monotonic() + pause > until:
                    raise self._mend(error) from None
            time.sleep(pause)
            pause = min(2 * pause, 8.0)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the client's errors into ours; `from None` because its texts may repeat requests with credentials."""
        try:
            yield
        except _ERRORS as error:
            raise self._mend(error) from None

    def _mend(self, error: Exception) -> PipelineError:
        # A failed listing comes as a GenericError whatever its cause, and only its text tells the cause.
        text = str(error)
        if _NO_BUCKET in text:
            return PipelineError(
                f"The bucket of {self} does not exist at {self._endpoint}. Make it, or correct ARTIFACT_STORE or "
                "EXTERNAL_STORE."
            )
        if isinstance(error, exceptions.AlreadyExistsError):
            return _TakenError(f"{self} holds it already.")
        status = _status_of(error)
        if status in _SLOW_DOWN:
            return PipelineError(
                f"{self} at {self._endpoint} asked to slow down (status {status}) for {THROTTLED_SECONDS:.0f} seconds "
                "and longer. Run the same command again later; what is finished is kept."
            )
        if isinstance(error, _REFUSALS) or status in (401, 403):
            return PipelineError(
                f"{self} at {self._endpoint} refuses access. Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the "
                "rights of this user."
            )
        if status is not None:
            return PipelineError(
                f"{self} at {self._endpoint} answered with status {status}. Check ARTIFACT_STORE, EXTERNAL_STORE, "
                "S3_ENDPOINT_URL and AWS_REGION, and how the server is; then run the same command again."
            )
        return PipelineError(
            f"{self} cannot be reached at {self._endpoint}. Check ARTIFACT_STORE, EXTERNAL_STORE, S3_ENDPOINT_URL, "
            "AWS_REGION and the credentials, and that the server is up, and run the same command again."
        )


def _status_of(error: Exception) -> int | None:
    found = re.search(r"status code: (\d{3})\b", str(error))
    return int(found[1]) if found else None


class _TakenError(PipelineError):
    """The key is there already."""


class _NoSuchKeyError(PipelineError):
    """The bucket is there, the key is not."""
