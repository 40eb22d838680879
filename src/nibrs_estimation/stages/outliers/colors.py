"""The colors of the months of a series: the rules of handbook 03, for all agencies at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nibrs_estimation.stats.levels import robust_scores, row_medians, two_levels

Floats = NDArray[np.float64]
Rule = Literal["intended", "reference"]

#: Numbers of the colors in the matrices; 0 is a month without value.
NONE, GREEN, ORANGE, RED, BLUE, BROWN = range(6)

#: Distance from the median, in MADs, of a moderate and of a strong outlier.
MODERATE, STRONG = 3.5, 5.0
#: A month is an outlier only if it differs by at least this many offenses.
MIN_DIFFERENCE = 10.0
#: A low month of at most this share of the median is red, not orange.
NEARLY_NOTHING = 0.1
#: With fewer values no month is an outlier.
MIN_VALUES = 4


@dataclass(frozen=True)
class Colors:
    """Attributes: ``color`` (n, t) numbers of colors; ``n_levels`` (n,) 1 or 2."""

    color: NDArray[np.int8]
    n_levels: NDArray[np.int8]


def color_months(values: Floats, rule: Rule = "intended") -> Colors:
    """Color the values of each series.

    Args:
        values: (n, t) numbers of offenses, NaN where the month was not reported.
        rule: ``reference`` colors months as the reference pipeline did: moderate outliers of the main level are green,
            and a low month is blue if the MAD is 0. ``intended`` colors months as its rules were intended.

    Raises:
        ValueError: there is no such rule.
    """
    if rule not in ("intended", "reference"):
        raise ValueError(f"unknown outlier rule {rule!r}: use intended or reference")
    present = np.isfinite(values)
    levels = two_levels(values, threshold=MODERATE, strong_threshold=STRONG, min_main=MIN_VALUES)
    main_median = row_medians(values, levels.is_main)[:, None]
    color_main = _main_as_intended if rule == "intended" else _main_as_executed
    color = np.where(levels.is_main, color_main(values, levels.is_main, main_median), GREEN)
    is_minor = present & ~levels.is_main
    minor_median = row_medians(values, is_minor)[:, None]
    nearly_nothing = minor_median <= NEARLY_NOTHING * main_median
    minor = np.where(
        levels.is_minor_high[:, None], BLUE, np.where(levels.is_strong[:, None] | nearly_nothing, RED, ORANGE)
    )
    minor = np.where(np.abs(minor_median - main_median) < MIN_DIFFERENCE, GREEN, minor)
    color = np.where(is_minor, minor, color)
    is_quiet = (present.sum(axis=1) < MIN_VALUES) | ~_varies(values)
    color = np.where(is_quiet[:, None], GREEN, color)
    color = np.where(present, color, NONE)
    return Colors(color.astype(np.int8), np.where(levels.is_two & ~is_quiet, 2, 1).astype(np.int8))


def _main_as_intended(values: Floats, is_main: NDArray[np.bool_], median: Floats) -> NDArray[np.int64]:
    score = robust_scores(values, is_main)
    is_low, is_high = median - values >= MIN_DIFFERENCE, values - median >= MIN_DIFFERENCE
    is_moderate_low = np.where(values <= NEARLY_NOTHING * median, RED, ORANGE)
    return np.select(
        [
            is_low & (score <= -STRONG),
            is_low & (score <= -MODERATE),
            is_high & (score >= STRONG),
            is_high & (score >= MODERATE),
        ],
        [RED, is_moderate_low, BROWN, BLUE],
        default=GREEN,
    )


def _main_as_executed(values: Floats, is_main: NDArray[np.bool_], median: Floats) -> NDArray[np.int64]:
    score = robust_scores(values, is_main)
    # If the MAD is 0, the score of any month that differs from the median is plus infinity.
    score = np.where(np.isinf(score), np.inf, score)
    is_low = median - values >= MIN_DIFFERENCE
    return np.select([is_low & (score <= -STRONG), is_low & (score > STRONG)], [RED, BLUE], default=GREEN)


def _varies(values: Floats) -> NDArray[np.bool_]:
    lowest = np.min(np.where(np.isfinite(values), values, np.inf), axis=1, initial=np.inf)
    highest = np.max(np.where(np.isfinite(values), values, -np.inf), axis=1, initial=-np.inf)
    return np.asarray(lowest < highest)
