"""Settings of all tests."""

import os

import pytest
from hypothesis import settings

from tests.support.command import NAMES

# A busy machine is slow, not wrong: a timing never decides a test.
settings.register_profile("default", deadline=None)
settings.load_profile("default")

# Tests say what they set: what a shell or a container has set is not theirs.
for name in (*NAMES, "NIBRS_SOURCE"):
    os.environ.pop(name, None)

#: Fixtures that take minutes; their tests are slow tests: a run with all pages, runs of two years, machines with their
#: own disks, a Prefect server with a worker.
_SLOW = {"whole_run", "two_years", "cluster", "server", "server_url"}
#: Files that wait for a run, each for another; all others that need these runs come last.
_FIRST = ("test_doors.py", "test_vermont.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark slow tests by what they need, and begin with what others wait for."""
    for item in items:
        if _SLOW & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: _turn(item.path.name, item.path.parent.name))


def _turn(file: str, folder: str) -> int:
    return _FIRST.index(file) if file in _FIRST else len(_FIRST) + (folder == "end_to_end")
