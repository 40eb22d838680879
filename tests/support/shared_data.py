"""Real data for tests: read through the setting NIBRS_SHARED_DATA, never committed."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED_DATA = Path(os.environ.get("NIBRS_SHARED_DATA", ROOT / ".." / "shared" / "data")).resolve()
VERMONT = SHARED_DATA / "cde" / "VT-2024.zip"

needs_vermont = pytest.mark.skipif(
    not VERMONT.is_file(), reason=f"no {VERMONT.name} under NIBRS_SHARED_DATA={SHARED_DATA}"
)
