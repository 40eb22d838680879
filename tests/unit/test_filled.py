"""Variance of filled months: by hand, and beside a slow twin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from nibrs_estimation.survey.filled import FilledVariance

#: The first domain and column.
_FIRST = np.array([0]), np.array([0])


def test_by_hand() -> None:
    """Half of 100 offenses was filled; months differ by 0.95 / 100^0.3 = 0.2386; the agency counts twice."""
    found = FilledVariance(sparse.csr_array([[2.0]]), np.array([100.0]), np.array([50.0]))
    variance = found.at(sparse.csc_array([[40.0]]), sparse.csc_array([[20.0]]), *_FIRST)
    months = 40**2 * (0.95 * 100**-0.3) ** 2 * 1.35 / 0.65 * 0.5 / (12 * 0.5)
    assert variance == pytest.approx([4 * (20 / 0.5 + months)])
    assert months == pytest.approx(15.769, abs=5e-4)


COUNTS = st.lists(st.tuples(st.integers(0, 30), st.floats(0, 1)), min_size=3, max_size=3)


@given(COUNTS, st.lists(st.tuples(st.integers(0, 2), st.floats(1, 9), st.floats(0.1, 1)), min_size=1, max_size=6))
def test_as_the_slow_twin(counts: list[tuple[int, float]], rows: list[tuple[int, float, float]]) -> None:
    # Agency 1 is in the first domain only.
    units = [(psu, weight, share, (0,) if psu == 1 else (0, 1)) for psu, weight, share in rows]
    weights = np.zeros((2, 3))
    for psu, weight, share, inside in units:
        weights[list(inside), psu] += weight * share
    completed = np.array([float(n) for n, _ in counts])
    own = np.array([n * share for n, share in counts])
    found = FilledVariance(sparse.csr_array(weights), 3 * completed, 3 * own)
    both = np.array([0, 1]), np.array([0, 0])
    variance = found.at(sparse.csc_array(completed[:, None]), sparse.csc_array(own[:, None]), *both)
    for domain in (0, 1):
        expected = 0.0
        for agency in range(3):
            expansion = sum(w * s for psu, w, s, inside in units if psu == agency and domain in inside)
            c, total = completed[agency], 3 * completed[agency]
            if c > 0:
                share = max(own[agency] / c, 1 / 12)
                v = min(0.95 * total**-0.30, 0.9) ** 2 * 1.35 / 0.65
                expected += expansion**2 * ((c - own[agency]) / share + c * c * v * (1 - share) / (12 * share))
        assert variance[domain] == pytest.approx(expected)


def test_what_was_reported_has_no_variance() -> None:
    found = FilledVariance(sparse.csr_array([[2.0]]), np.array([100.0]), np.array([100.0]))
    counts = sparse.csc_array([[40.0, 0.0]])
    assert not found.at(counts, counts, np.array([0, 0]), np.array([0, 1])).any()
