"""Intervals cover the truth about as often as they say. The full study is `benchmarks/interval_coverage.py`."""

import numpy as np
import pytest
from benchmarks.interval_coverage import NATION, STATE, Frame, coverage, made_frame

PATTERNS = 600


def test_intervals_of_a_nation() -> None:
    """With 600 patterns the Monte-Carlo standard error of the coverage is 0.9 points."""
    frame = made_frame(NATION)
    assert len(frame.stratum) == 19_000
    result = coverage(*frame, n_patterns=PATTERNS)
    assert 0.92 <= result["coverage"] <= 0.97
    assert abs(result["relative_bias"]) < 4 * result["relative_spread"] / np.sqrt(PATTERNS)
    assert result["relative_standard_error"] == pytest.approx(result["relative_spread"], rel=0.1)


def test_intervals_of_a_state() -> None:
    """Few agencies in the largest stratum may cost coverage; the estimate is unbiased all the same."""
    result = coverage(*made_frame(STATE), n_patterns=PATTERNS)
    assert 0.85 <= result["coverage"] <= 0.98
    assert abs(result["relative_bias"]) < 4 * result["relative_spread"] / np.sqrt(PATTERNS)


def test_full_response_covers_always() -> None:
    """Without error every interval is the truth itself."""
    truth, stratum, _ = made_frame(STATE)
    result = coverage(*Frame(truth, stratum, np.bincount(stratum)), n_patterns=3)
    assert result["coverage"] == 1
    assert result["relative_standard_error"] == 0
