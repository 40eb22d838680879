"""Runs that several modules look at: once for all processes of the tests; nobody may change them."""

import fcntl
import os
from pathlib import Path

import pytest

from tests.command import nibrs


def once(factory: pytest.TempPathFactory, name: str, *commands: tuple[str, ...]) -> Path:
    """A folder in which commands have run, by whichever process comes first."""
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / name
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            folder.mkdir(exist_ok=True)
            for command in commands:
                done = nibrs(folder, *command)
                assert done.returncode == 0, done.stderr
                assert "artifacts/" in done.stdout
            (folder / "done").touch()
    return folder


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo, and the truth about its nation."""
    truth = ("run", "all", "demo", "--source", "synthetic:0.01", "--seed", "1", "--until", "keep_truth")
    return once(tmp_path_factory, "demo", ("demo",), truth)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run `whole` of a tiny nation, with everything that a run makes."""
    return once(tmp_path_factory, "whole", ("run", "all", "whole", "--source", "synthetic:0.001", "--seed", "1"))
