"""Nearest donors on a score, with ties broken at random for each recipient separately.

Donors are sorted once, so a recipient needs a binary search and a comparison with its neighbors, not with every
donor. Source: handbook 05, point 6 (donor clumping); handbook 04.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: Number of recipients that are processed together.
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Drawn:
    """Donors that were drawn for r recipients.

    Attributes:
        donor: (r,) positions among the donors.
        pool: (r,) number of the class in which the donor was found: 0 for the finest; the number of classes for all
            donors together.
    """

    donor: NDArray[np.int64]
    pool: NDArray[np.int8]


def draw_within_classes(
    donor_scores: Floats,
    recipient_scores: Floats,
    point: Floats,
    donor_classes: Sequence[NDArray[np.integer]],
    recipient_classes: Sequence[NDArray[np.integer]],
    *,
    k: int = 1,
    min_donors: int = 30,
) -> Drawn:
    """Draw donors as :func:`draw_nearest` does, each from the recipient's own class.

    A recipient's donors are those of the first of its classes that has at least ``min_donors`` donors; if none has,
    all donors.

    Args:
        donor_scores: (d,) as for :func:`draw_nearest`.
        recipient_scores: (r,) the same.
        point: (r,) the same.
        k: number of nearest donors.
        donor_classes: (d,) numbers of classes, 0 upward; one array for each classification, the finest first.
        recipient_classes: (r,) the same of the recipients.
        min_donors: smallest number of donors of a class.
    """
    donor = np.full(len(recipient_scores), -1, dtype=np.int64)
    pool = np.full(len(recipient_scores), len(donor_classes), dtype=np.int8)
    for number, (of_donors, of_recipients) in enumerate(zip(donor_classes, recipient_classes, strict=True)):
        size = 1 + max(int(of_donors.max(initial=0)), int(of_recipients.max(initial=0)))
        count = np.bincount(of_donors, minlength=size)
        rows = np.flatnonzero((donor < 0) & (count[of_recipients] >= min_donors))
        if not len(rows):
            continue
        # Classes are laid so far apart on one line that the nearest donors are always of the recipient's class.
        low = min(donor_scores.min(initial=0.0), recipient_scores.min(initial=0.0))
        span = 4 * (max(donor_scores.max(initial=0.0), recipient_scores.max(initial=0.0)) - low) or 1.0
        donor[rows] = draw_nearest(
            (donor_scores - low) / span + of_donors,
            (recipient_scores[rows] - low) / span + of_recipients[rows],
            point[rows],
            k=min(k, min_donors),
        )
        pool[rows] = number
    rows = np.flatnonzero(donor < 0)
    donor[rows] = draw_nearest(donor_scores, recipient_scores[rows], point[rows], k=k)
    return Drawn(donor, pool)


def draw_nearest(donor_scores: Floats, recipient_scores: Floats, point: Floats, *, k: int = 1) -> NDArray[np.int64]:
    """Draw for each recipient one of the k donors nearest to it in score.

    Each of the k is drawn with probability 1/k. If several donors have exactly the distance of the k-th, the remaining
    places are shared equally among all of them. So the order of the donors matters only to identify which of several
    equal donors is drawn. If there are fewer than k donors, all are used.

    Args:
        donor_scores: (d,) finite; their order identifies donors with the same score.
        recipient_scores: (r,) finite.
        point: (r,) uniform numbers in (0, 1), one for each recipient.
        k: number of nearest donors.

    Returns:
        (r,) positions in ``donor_scores``.

    Raises:
        ValueError: there are recipients but no donors, or a score is not finite.
    """
    if not np.isfinite(donor_scores).all() or not np.isfinite(recipient_scores).all():
        raise ValueError("scores of donors and recipients are finite numbers")
    if len(recipient_scores) == 0:
        return np.zeros(0, dtype=np.int64)
    if len(donor_scores) == 0:
        raise ValueError("there is no donor")
    k = min(k, len(donor_scores))
    order = np.argsort(donor_scores, kind="stable")
    values, first, count = np.unique(donor_scores[order], return_index=True, return_counts=True)
    chosen = [
        _draw(values, first, count, recipient_scores[start : start + _CHUNK], point[start : start + _CHUNK], k)
        for start in range(0, len(recipient_scores), _CHUNK)
    ]
    return np.asarray(order[np.concatenate(chosen)], dtype=np.int64)


def _draw(
    values: Floats, first: NDArray[np.int64], count: NDArray[np.int64], scores: Floats, point: Floats, k: int
) -> NDArray[np.int64]:
    """Positions among the sorted donors; ``values`` are their distinct scores."""
    # The k distinct scores on either side contain the k nearest donors and all that tie with the last of them.
    window = np.searchsorted(values, scores)[:, None] + np.arange(-k, k)
    inside = (window >= 0) & (window < len(values))
    window = np.clip(window, 0, len(values) - 1)
    distance = np.where(inside, np.abs(values[window] - scores[:, None]), np.inf)
    by_distance = np.argsort(distance, axis=1, kind="stable")
    distance = np.take_along_axis(distance, by_distance, axis=1)
    window = np.take_along_axis(window, by_distance, axis=1)
    donors = np.where(np.isfinite(distance), count[window], 0)
    rows = np.arange(len(scores))
    last = distance[rows, np.argmax(np.cumsum(donors, axis=1) >= k, axis=1)][:, None]
    nearer = np.where(distance < last, donors, 0)
    tied = np.where(distance == last, donors, 0)
    places_left = k - nearer.sum(axis=1, keepdims=True)
    places = nearer + tied * (places_left / tied.sum(axis=1, keepdims=True))
    ends = np.cumsum(places, axis=1)
    at = (point * ends[:, -1])[:, None]
    # Rounding of the last end must not select a score without a place.
    chosen = np.minimum((ends <= at).sum(axis=1), (places > 0).cumsum(axis=1).argmax(axis=1))
    share = (at[:, 0] - (ends - places)[rows, chosen]) / places[rows, chosen]
    within = np.clip(np.floor(share * donors[rows, chosen]), 0, donors[rows, chosen] - 1).astype(np.int64)
    return np.asarray(first[window[rows, chosen]] + within, dtype=np.int64)
