"""Calibrated weights are nearer to the truth than N/n; the full study is `benchmarks/weighting.py`."""

import pytest
from tests.support.weight_errors import errors

pytestmark = pytest.mark.slow


def test_calibration_lessens_the_error_of_an_outcome_that_the_benchmark_foretells() -> None:
    found = {row["geography_level"]: row for row in errors(0.1, 4).iter_rows(named=True)}
    assert set(found) == {
        "nation", "region", "state", "university", "tribal", "field_office", "judicial_district", "msa",
    }  # fmt: skip
    for weight, row in found.items():
        if weight in ("university", "tribal"):
            assert row["ratio"] == 1
        else:
            assert row["ratio"] < 0.5, weight
            assert abs(row["bias_calibrated"]) < 0.05, weight
