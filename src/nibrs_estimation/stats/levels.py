"""One or two levels in short series, and the distance of a value from its level, for all series at once.

Series are the rows of a padded matrix, NaN where there is no value. Single-linkage clustering into two groups is, in
one dimension, a cut at the largest gap between sorted values (Gower and Ross 1969), so all series are clustered in one
array operation. Source: handbook 03.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Makes the median absolute deviation of a normal sample estimate its standard deviation.
NORMAL_CONSISTENT = 1.4826


@dataclass(frozen=True)
class Levels:
    """Whether a series has two levels, and which of them is the main one.

    Attributes:
        is_two: (n,) the series has a second level.
        is_strong: (n,) it has a second level also with the stronger threshold.
        is_main: (n, t) the value belongs to the main level; in a series of one level all values do.
        is_minor_high: (n,) the minor level is above the main one; False for series of one level.
    """

    is_two: Flags
    is_strong: Flags
    is_main: Flags
    is_minor_high: Flags


def row_medians(values: Floats, where: Flags | None = None) -> Floats:
    """Median of each row: (n,), NaN for a row without values; for an even number, the mean of the middle two.

    Args:
        values: (n, t), NaN where there is no value.
        where: (n, t) the values to use; all if None.
    """
    taken = values if where is None else np.where(where, values, np.nan)
    ordered = np.sort(taken, axis=1)  # NaN goes last
    count = np.isfinite(taken).sum(axis=1)
    rows = np.arange(len(taken))
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, max(taken.shape[1] - 1, 0))
    medians = (ordered[rows, low] + ordered[rows, high]) / 2
    return np.where(count > 0, medians, np.nan)


def row_mads(values: Floats, where: Flags | None = None) -> Floats:
    """Median absolute deviation of each row, times 1.4826: (n,); arguments as in :func:`row_medians`."""
    deviations = np.abs(values - row_medians(values, where)[:, None])
    return NORMAL_CONSISTENT * row_medians(deviations, where)


def robust_scores(values: Floats, where: Flags | None = None) -> Floats:
    """(x - median) / MAD of each value, with the median and the MAD of the values used: (n, t).

    Where the MAD is 0 the score is 0 at the median and infinite, with the sign of the difference, elsewhere.
    """
    differences = values - row_medians(values, where)[:, None]
    spread = row_mads(values, where)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = differences / spread
    return np.where((spread == 0) & (differences == 0), 0.0, scores)


def above_largest_gap(values: Floats) -> Flags:
    """Cut each row at the largest gap between its sorted values, at the lowest of equal gaps: (n, t) True above it.

    A row without two different values has nothing above.
    """
    ordered = np.sort(values, axis=1)
    gaps = np.nan_to_num(np.diff(ordered, axis=1), nan=0.0)
    if not gaps.shape[1]:
        return np.zeros(values.shape, dtype=np.bool_)
    largest = np.argmax(gaps, axis=1)  # the first of equal ones
    rows = np.arange(len(values))
    cut = np.where(gaps[rows, largest] > 0, ordered[rows, largest], np.inf)
    return np.asarray(values > cut[:, None])


def distant_share(values: Floats, is_high: Flags, threshold: float) -> Floats:
    """Share of values in clusters that are far from the other cluster: Σ_c 1[r_c > k] n_c / n, of each row: (n,).

    r_c = |median_c - x| / MAD_c, where x is the closest value of the other cluster; infinite where MAD_c = 0.

    Args:
        values: (n, t), NaN where there is no value.
        is_high: (n, t) the values of the upper cluster.
        threshold: k.
    """
    present = np.isfinite(values)
    share = np.zeros(len(values))
    lowest_high = np.min(np.where(is_high, values, np.inf), axis=1, initial=np.inf)
    highest_low = np.max(np.where(present & ~is_high, values, -np.inf), axis=1, initial=-np.inf)
    total = np.maximum(present.sum(axis=1), 1)
    for members, closest in ((is_high, highest_low), (present & ~is_high, lowest_high)):
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = np.abs(row_medians(values, members) - closest) / row_mads(values, members)
        share += np.where(distance > threshold, members.sum(axis=1) / total, 0.0)
    return share


def two_levels(
    values: Floats,
    *,
    threshold: float = 3.5,
    strong_threshold: float = 5.0,
    min_main: int = 4,
    main_share: float = 1 / 3,
) -> Levels:
    """Find the series that have two levels.

    A series has two levels if more than half of the values are in clusters that are farther apart than the threshold,
    the larger cluster has at least ``min_main`` values, and the series has more values than that. The upper level is
    the main one if it has at least max(min_main, main_share n) values; otherwise the lower level is.

    Args:
        values: (n, t), NaN where there is no value.
        threshold: threshold of :func:`distant_share`.
        strong_threshold: the same, for ``is_strong``.
        min_main: smallest number of values of the main level.
        main_share: smallest share of values for the upper level to be the main one.
    """
    present = np.isfinite(values)
    n = present.sum(axis=1)
    is_high = above_largest_gap(values)
    n_high = is_high.sum(axis=1)
    possible = (n > min_main) & (n_high > 0) & (np.maximum(n_high, n - n_high) >= min_main)
    is_two = possible & (distant_share(values, is_high, threshold) > 0.5)
    is_strong = is_two & (distant_share(values, is_high, strong_threshold) > 0.5)
    high_is_main = n_high >= np.maximum(min_main, n * main_share)
    is_main = present & (~is_two[:, None] | (is_high == high_is_main[:, None]))
    return Levels(is_two, is_strong, is_main, is_two & ~high_is_main)
