"""Killed at any moment and run again, a run gives the bytes of an undisturbed one."""

import json
from pathlib import Path

import pytest

from tests.support.command import ROOT, python

pytestmark = pytest.mark.slow


def test_every_fault_point(tmp_path: Path) -> None:
    done = python(ROOT, "-m", "tests.end_to_end.crash_driver", str(tmp_path))
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    moments = {point.partition(" ")[0] + " " + point.split()[1] for point in result["points"]}
    assert moments == {
        "before write", "before rename", "after rename", "before manifest", "after manifest", "before publication",
    }  # fmt: skip
    assert len(result["points"]) >= 25
    assert result["kills"] == len(result["points"])
    assert result["status"] == 0
    assert result["is_same"]
