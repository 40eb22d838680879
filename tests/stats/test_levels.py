"""Medians, MADs and the cut at the largest gap against slow twins and single-linkage clustering."""

import itertools
import statistics

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster import hierarchy

from nibrs_estimation.stats.levels import (
    NORMAL_CONSISTENT,
    above_largest_gap,
    distant_share,
    robust_scores,
    row_mads,
    row_medians,
    two_levels,
)

WIDTH = 12
ROWS = st.lists(
    st.lists(st.one_of(st.none(), st.integers(0, 30)), min_size=WIDTH, max_size=WIDTH), min_size=1, max_size=5
)


def matrix(rows: list[list[int | None]]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array([[np.nan if x is None else x for x in row] for row in rows], dtype=np.float64)


def values_of(row: list[int | None]) -> list[float]:
    return [float(x) for x in row if x is not None]


@settings(deadline=None)
@given(ROWS)
def test_medians_mads_and_scores_equal_the_slow_twin(rows: list[list[int | None]]) -> None:
    values = matrix(rows)
    medians, mads, scores = row_medians(values), row_mads(values), robust_scores(values)
    for i, row in enumerate(rows):
        xs = values_of(row)
        if not xs:
            assert np.isnan(medians[i]) and np.isnan(mads[i])
            continue
        median = statistics.median(xs)
        mad = NORMAL_CONSISTENT * statistics.median(abs(x - median) for x in xs)
        assert (medians[i], mads[i]) == (median, mad)
        for x, score in zip(row, scores[i], strict=True):
            if x is None:
                assert np.isnan(score)
            elif mad:
                assert score == (x - median) / mad
            else:
                assert score == (0 if x == median else np.copysign(np.inf, x - median))


@settings(deadline=None)
@given(ROWS)
def test_cut_is_single_linkage_in_two_clusters(rows: list[list[int | None]]) -> None:
    high = above_largest_gap(matrix(rows))
    for i, row in enumerate(rows):
        xs = values_of(row)
        gaps = [b - a for a, b in itertools.pairwise(sorted(xs))]
        if not gaps or max(gaps) == 0:
            assert not high[i].any()
            continue
        cut = sorted(xs)[gaps.index(max(gaps))]
        assert high[i].tolist() == [x is not None and x > cut for x in row]
        if gaps.count(max(gaps)) == 1:
            tree = hierarchy.linkage(np.array(xs)[:, None], "single")
            cluster = hierarchy.fcluster(tree, 2, "maxclust")
            mine = high[i][[x is not None for x in row]]
            assert len({(bool(h), int(c)) for h, c in zip(mine, cluster, strict=True)}) == 2


def test_example_o_shares() -> None:
    """handbook 03, example O: r_H 3.5564, r_L 26.3051; w(3.5) = 1, w(5) = 0.1304."""
    upper = [80, 82, 84, 86, 88, 90, 92, 94, 96, 100, 104, 106, 108, 110, 112, 114, 116, 118, 120, 100]
    values = np.array([[*upper, 42, 41, 40]], dtype=np.float64)
    high = above_largest_gap(values)
    assert high.sum() == 20
    assert row_mads(values, high)[0] == np.float64(16.3086)
    shares = [round(float(distant_share(values, high, k)[0]), 4) for k in (3.5, 3.56, 5.0, 26.31)]
    assert shares == [1.0, 0.1304, 0.1304, 0.0]
    levels = two_levels(values)
    assert levels.is_two.all() and not levels.is_strong.any() and not levels.is_minor_high.any()


@settings(deadline=None)
@given(ROWS, st.integers(-1000, 1000))
def test_shifting_a_series_moves_nothing(rows: list[list[int | None]], shift: int) -> None:
    values = matrix(rows)
    one, other = two_levels(values), two_levels(values + shift)
    assert (one.is_two == other.is_two).all() and (one.is_main == other.is_main).all()
