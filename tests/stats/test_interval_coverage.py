"""Intervals cover the truth about as often as they say. The full study is `benchmarks/interval_coverage.py`."""

import numpy as np
import pytest
from tests.support.interval_study import TENTH, WHOLE, coverage, synthetic_nation

pytestmark = pytest.mark.slow

SHARE, PATTERNS = 0.8, 30


def test_intervals_of_nations_with_calibrated_weights() -> None:
    """Over three nations; calibration also makes the error much smaller than that of N/n weights."""
    nations = [synthetic_nation(WHOLE, seed) for seed in range(1, 4)]
    assert all(len(nation.truth) > 15_000 for nation in nations)
    calibrated = [coverage(nation, SHARE, PATTERNS) for nation in nations]
    plain = [coverage(nation, SHARE, PATTERNS, is_calibrated=False) for nation in nations]
    for results, least in ((calibrated, 0.85), (plain, 0.8)):
        assert least <= np.mean([result["coverage"] for result in results]) <= 1.0
        for result in results:
            # The mean of the patterns differs from the truth by chance, and by the small bias of calibration.
            chance = 4 * result["relative_spread"] / np.sqrt(PATTERNS)
            assert abs(result["relative_bias"]) < chance + 0.002
            assert result["relative_standard_error"] == pytest.approx(result["relative_spread"], rel=0.5)
    spread = [np.mean([result["relative_spread"] for result in results]) for results in (calibrated, plain)]
    assert spread[0] < 0.5 * spread[1]


def test_full_response_covers_always() -> None:
    """Without nonrespondents every interval is the truth itself."""
    for is_calibrated in (True, False):
        result = coverage(synthetic_nation(TENTH), 1.0, 3, is_calibrated=is_calibrated)
        assert result["coverage"] == 1
        assert result["relative_standard_error"] == 0
