"""Nearest donors: probabilities against brute force, by a fine grid of points."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nibrs_estimation.stats.imputation.matching import draw_nearest

SCORES = st.lists(st.integers(0, 8).map(float), min_size=1, max_size=14)
GRID = 2520


def probabilities(donors: list[float], score: float, k: int) -> list[float]:
    """Each of the k nearest 1/k; where several are as far as the k-th, they share what is left."""
    k = min(k, len(donors))
    distance = [abs(d - score) for d in donors]
    last = sorted(distance)[k - 1]
    nearer = sum(d < last for d in distance)
    tied = distance.count(last)
    return [1 / k if d < last else (k - nearer) / tied / k if d == last else 0.0 for d in distance]


@settings(deadline=None, max_examples=150)
@given(SCORES, st.integers(-1, 9).map(float), st.integers(1, 6))
def test_probabilities_equal_brute_force(donors: list[float], score: float, k: int) -> None:
    point = (np.arange(GRID) + 0.5) / GRID
    drawn = draw_nearest(np.array(donors), np.full(GRID, score), point, k=k)
    found = Counter(drawn.tolist())
    for position, probability in enumerate(probabilities(donors, score, k)):
        assert found[position] / GRID == pytest.approx(probability, abs=2 / GRID)


@settings(deadline=None)
@given(SCORES, SCORES, st.integers(1, 6), st.integers(0, 100))
def test_a_recipient_depends_on_itself_alone(donors: list[float], scores: list[float], k: int, seed: int) -> None:
    point = np.random.default_rng(seed).uniform(size=len(scores))
    together = draw_nearest(np.array(donors), np.array(scores), point, k=k)
    alone = [draw_nearest(np.array(donors), np.array([s]), point[[i]], k=k)[0] for i, s in enumerate(scores)]
    assert together.tolist() == alone


@settings(deadline=None)
@given(
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20, unique=True), st.floats(-2e3, 2e3), st.floats(0.01, 0.99)
)
def test_order_of_donors_changes_nothing(donors: list[float], score: float, point: float) -> None:
    one = draw_nearest(np.array(donors), np.array([score]), np.array([point]), k=5)[0]
    turned = donors[::-1]
    other = draw_nearest(np.array(turned), np.array([score]), np.array([point]), k=5)[0]
    assert donors[one] == turned[other]


def test_points_at_the_ends_stay_within() -> None:
    edge = np.array([np.nextafter(0, 1), np.nextafter(1, 0)])
    assert set(draw_nearest(np.array([1.0, 1.0, 2.0]), np.array([1.4, 1.4]), edge, k=3).tolist()) == {0, 2}


def test_bad_scores_are_refused() -> None:
    one = np.array([0.5])
    with pytest.raises(ValueError, match="no donor"):
        draw_nearest(np.zeros(0), one, one)
    with pytest.raises(ValueError, match="finite"):
        draw_nearest(np.array([np.nan]), one, one)
    assert draw_nearest(np.zeros(0), np.zeros(0), np.zeros(0)).size == 0
