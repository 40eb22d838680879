"""Runs that several modules look at."""

import fcntl
import os
from pathlib import Path

import pytest

from tests.command import nibrs


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the demo ran, once for all processes of the tests; nobody may change it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "demo"
    with (shared / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "artifacts").exists():
            folder.mkdir(exist_ok=True)
            done = nibrs(folder, "demo")
            assert done.returncode == 0, done.stderr
            assert "write_report: done" in done.stdout
            assert "artifacts/demo" in done.stdout
    return folder
