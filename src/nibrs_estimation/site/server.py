"""A server for the explorer on this machine: files with range requests, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

_HOST = "127.0.0.1"
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_BLOCK = 64 * 1024
_TYPES = {".js": "text/javascript", ".json": "application/json", ".parquet": "application/vnd.apache.parquet"}


class _Handler(SimpleHTTPRequestHandler):
    """Files of a folder; a request with one range of bytes gets this range."""

    protocol_version = "HTTP/1.1"

    def guess_type(self, path: Any) -> str:
        """The type of a file; scripts and data do not depend on what this machine knows."""
        return _TYPES.get(Path(path).suffix) or super().guess_type(path)

    def end_headers(self) -> None:
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def list_directory(self, path: Any) -> None:
        """A folder is not listed."""
        del path
        self.send_error(HTTPStatus.NOT_FOUND, "This is a folder")

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not printed."""
        del format, args

    def send_head(self) -> Any:
        """Headers, and the file at the first byte that is wanted."""
        self._left: int | None = None
        wanted = _RANGE.fullmatch(self.headers.get("Range", ""))
        path = Path(self.translate_path(self.path))
        if wanted is None or not path.is_file():
            return super().send_head()
        size = path.stat().st_size
        first, last = int(wanted[1]), min(int(wanted[2] or size - 1), size - 1)
        if first > last:
            self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            self.send_header("Content-Range", f"bytes */{size}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        file = path.open("rb")
        file.seek(first)
        self._left = last - first + 1
        self.send_response(HTTPStatus.PARTIAL_CONTENT)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Content-Length", str(self._left))
        self.end_headers()
        return file

    def copyfile(self, source: Any, outputfile: Any) -> None:
        """Send the file, or only the wanted bytes of it."""
        if self._left is None:
            super().copyfile(source, outputfile)
            return
        _copy(source, outputfile, self._left)


def _copy(source: IO[bytes], target: IO[bytes], n_bytes: int) -> None:
    while n_bytes > 0 and (block := source.read(min(_BLOCK, n_bytes))):
        target.write(block)
        n_bytes -= len(block)


def open_server(folder: Path, port: int = 0) -> ThreadingHTTPServer:
    """A server of a folder on 127.0.0.1; port 0 is any free one. ``serve_forever`` starts it."""
    handler: Callable[..., SimpleHTTPRequestHandler] = partial(_Handler, directory=str(folder))
    return ThreadingHTTPServer((_HOST, port), handler)


def address_of(server: ThreadingHTTPServer) -> str:
    """The address of the first page."""
    return f"http://{_HOST}:{server.server_address[1]}/index.html"
