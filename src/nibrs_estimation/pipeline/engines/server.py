"""A temporary Prefect server for one run.

Prefect could start one itself, but it would not stop when the run is killed, and would use a random port. This server
ends when the run closes its standard input, which the system does when the run ends for any reason.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import uvicorn

from nibrs_estimation.pipeline.errors import PipelineError

#: A slow machine needs more than the 20 s that Prefect allows its own.
START_S = 180


@contextmanager
def temporary_server(host: str = "127.0.0.1") -> Iterator[tuple[str, Path]]:
    """Start a server; yields its address and its home folder, which no other run uses.

    Raises:
        PipelineError: it does not start.
    """
    try:
        home = Path(mkdtemp(prefix="prefect-"))
    except OSError as error:
        raise PipelineError(
            f"Prefect's server cannot write its files ({error.strerror}). Free some space in the folder that "
            "TMPDIR names, or choose another with TMPDIR."
        ) from error
    with socket.create_server((host, 0)) as listener:
        url = f"http://{host}:{listener.getsockname()[1]}/api"
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(home), str(listener.fileno())],
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
            env={**os.environ, "PREFECT_HOME": str(home), "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT_UI_ENABLED": "0"},
            # Ctrl-C must not stop the server: the run still reports its end to it.
            start_new_session=True,
        )
    with process:
        try:
            # The socket listens already: the request waits until the server answers, and fails if the server has died.
            with urllib.request.urlopen(f"{url}/health", timeout=START_S):
                pass
        except OSError as error:
            process.kill()
            shutil.rmtree(home, ignore_errors=True)
            raise PipelineError(
                f"Prefect's server did not start ({error}). The reason is printed above. Set PREFECT_API_URL to use "
                "your own server, or run with NIBRS_ENGINE=inline, which needs none."
            ) from error
        yield url, home


def main(home: str, listener: str) -> None:
    """Serve until standard input ends, then remove the home folder."""
    application = "prefect.server.api.server:create_app"
    server = uvicorn.Server(
        uvicorn.Config(application, factory=True, lifespan="on", log_level="error", timeout_graceful_shutdown=1)
    )

    def stop() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=stop, daemon=True).start()
    try:
        server.run(sockets=[socket.socket(fileno=int(listener))])
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
