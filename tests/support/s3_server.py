"""An S3 protocol server whose faults and traffic tests control: slow, throttling, losing connections."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.support.s3 import CREDENTIALS

BUCKET = "work"
_SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


@dataclass
class S3Server:
    """moto behind a counter and a source of faults.

    Attributes:
        endpoint: its address.
        throttle_each, break_each: every n-th request is answered with 503 SlowDown, or is served and its answer broken
            off halfway; 0 for none.
        latency_s: delay of every request.
        refused: a method whose requests are answered with 403.
        received, sent: bytes of contents so far.
        requests: number of requests by method.
        faults: number of faults by kind.
    """

    endpoint: str = ""
    throttle_each: int = 0
    break_each: int = 0
    latency_s: float = 0.0
    refused: str = ""
    received: int = 0
    sent: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    _moto: Any = field(default_factory=lambda: DomainDispatcherApplication(create_backend_app))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve a request (WSGI)."""
        time.sleep(self.latency_s)
        with self._lock:
            self.requests[environ["REQUEST_METHOD"]] += 1
            self.received += int(environ.get("CONTENT_LENGTH") or 0)
            number = self.requests.total()
        if environ["REQUEST_METHOD"] == self.refused:
            return self._fault(environ, start_response, "403 Forbidden", b"")
        if self._is_due(self.throttle_each, number):
            self.faults["throttled"] += 1
            return self._fault(environ, start_response, "503 Slow Down", _SLOW_DOWN)
        body = b"".join(self._moto(environ, start_response))
        if self._is_due(self.break_each, number) and len(body) > 1:
            self.faults["broken off"] += 1
            return self._half(body)
        with self._lock:
            self.sent += len(body)
        return [body]

    @staticmethod
    def _is_due(each: int, number: int) -> bool:
        return bool(each) and number % each == 0

    @staticmethod
    def _fault(environ: dict[str, Any], start_response: Callable[..., Any], status: str, body: bytes) -> list[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response(status, [("Content-Length", str(len(body))), ("Connection", "close")])
        return [body]

    @staticmethod
    def _half(body: bytes) -> Iterator[bytes]:
        yield body[: len(body) // 2]
        raise ConnectionResetError

    def heal(self) -> None:
        """Have no more faults."""
        self.throttle_each = self.break_each = 0
        self.latency_s, self.refused = 0.0, ""

    def client(self) -> Any:
        """A plain client of this server."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_arguments: Any, **_more: Any) -> None:
        """Say nothing."""


@contextmanager
def s3_server(host: str = "127.0.0.1") -> Iterator[S3Server]:
    """Serve until the context ends; there is one bucket, ``work``."""
    application = S3Server()
    server = make_server(host, 0, application, threaded=True, request_handler=_Handler)
    application.endpoint = f"http://{host}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    application.client().create_bucket(Bucket=BUCKET)
    try:
        yield application
    finally:
        server.shutdown()
        thread.join()


def main(host: str) -> None:
    """Serve in a process of its own, so that its work is not counted with that of another; ends with its input."""
    with s3_server(host) as server:
        print(server.endpoint, flush=True)
        for _line in sys.stdin:
            print(server.received, server.sent, server.requests.total(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
