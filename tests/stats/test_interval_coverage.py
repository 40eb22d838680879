"""Intervals cover the truth about as often as they say. The full study is `benchmarks/interval_coverage.py`."""

import numpy as np
import pytest
from benchmarks.interval_coverage import NATION, SMALL, Frame, coverage, synthetic_frame

PATTERNS = 2000
SHARE = 0.8


def test_intervals_of_nations() -> None:
    """Over five nations; in one alone a city of several millions may cost or lend a few points."""
    results = []
    for seed in range(1, 6):
        frame = synthetic_frame(NATION, seed, SHARE)
        assert len(frame.stratum) > 15_000
        assert frame.respondents_per_stratum.min() >= 2
        results.append(coverage(*frame, n_patterns=PATTERNS))
    assert 0.89 <= np.mean([result["coverage"] for result in results]) <= 0.97
    for result in results:
        assert abs(result["relative_bias"]) < 4 * result["relative_spread"] / np.sqrt(PATTERNS)
        assert result["relative_standard_error"] == pytest.approx(result["relative_spread"], rel=0.1)


def test_estimates_of_a_small_frame_are_unbiased() -> None:
    """Among some 350 agencies one may hold a third of all crime, which no interval of this kind survives."""
    result = coverage(*synthetic_frame(SMALL, share=SHARE), n_patterns=PATTERNS)
    assert 0.5 <= result["coverage"] <= 0.99
    assert abs(result["relative_bias"]) < 4 * result["relative_spread"] / np.sqrt(PATTERNS)


def test_full_response_covers_always() -> None:
    """Without error every interval is the truth itself."""
    truth, stratum, _ = synthetic_frame(SMALL)
    result = coverage(*Frame(truth, stratum, np.bincount(stratum)), n_patterns=3)
    assert result["coverage"] == 1
    assert result["relative_standard_error"] == 0
