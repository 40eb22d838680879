"""Missing months filled from an agency's own months, scaled by the season (handbook 04).

With S the share of a normal year in the known months and n their offenses, the year has n / S offenses: the known
months are multiplied by 1 + (1 - S)/S. A small agency says little about itself, so part of what is filled comes from a
donor that had as many offenses in the same months. The agency's own part has the weight w = S/(S + 1/m), with m its
offenses in a year; w is taken as 1 from 0.95 on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nibrs_estimation.stats import random
from nibrs_estimation.stats.imputation.matching import draw_nearest

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]

#: From this weight of its own months on an agency needs no donor.
ENOUGH = 0.95
#: Offenses that an agency without any is taken to have in its known months.
_HALF = 0.5


@dataclass(frozen=True)
class Filled:
    """What is added to each of n agencies.

    Attributes:
        own_weight: (n,) w; 1 where nothing is to be filled.
        own_scale: (n,) by which its own known months are multiplied and added: w (1 - S)/S.
        donor: (n,) position of the donor, -1 for none.
        donor_scale: (n,) by which the donor's counts of the missing months are multiplied and added.
        distance: (n,) difference of the donor's offenses in the known months from the agency's; NaN without donor.
    """

    own_weight: Floats
    own_scale: Floats
    donor: Integers
    donor_scale: Floats
    distance: Floats


def fill_from_own_months(
    counts: Floats,
    known: Floats,
    shares: Floats,
    is_recipient: Flags,
    is_donor: Flags,
    donor_class: NDArray[np.integer],
    ids: NDArray[np.integer],
    seed: int,
) -> Filled:
    """What is added to every agency for its months that are not known.

    Args:
        counts: (n, 12) offenses, NaN where not reported.
        known: (n, 12) part of each month that is known.
        shares: (n, 12) shares of a normal year.
        is_recipient: (n,) agencies to be filled; each has a known month.
        is_donor: (n,) agencies of which all months are known.
        donor_class: (n,) what donor and recipient must have in common.
        ids: (n,) identifiers of the agencies, which key the draw among equal donors.
        seed: of the run.
    """
    S = np.where(is_recipient, (known * shares).sum(axis=1), 1.0)
    offenses = np.where(known > 0, counts, 0.0).sum(axis=1)
    annual = (offenses + _HALF) / S
    weight = np.where(is_recipient, S / (S + 1 / annual), 1.0)
    weight[weight >= ENOUGH] = 1.0
    donor = _level_donors(counts, known > 0, is_recipient & (weight < 1), is_donor, donor_class, ids, seed)
    weight[donor < 0] = 1.0
    of_donor = np.where(known > 0, counts[donor], 0.0).sum(axis=1)
    # Two agencies without any offense in the known months are of one level.
    level = np.divide(offenses, of_donor, out=np.ones_like(offenses), where=of_donor > 0)
    return Filled(
        own_weight=weight,
        own_scale=weight * (1 - S) / S,
        donor=donor,
        donor_scale=np.where(donor >= 0, (1 - weight) * level, 0.0),
        distance=np.where(donor >= 0, np.abs(offenses - of_donor), np.nan),
    )


def added_by_month(counts: Floats, known: Floats, shares: Floats, is_recipient: Flags, filled: Filled) -> Floats:
    """What is filled in each month by group of offenses, (n, 12, groups); NaN where nothing is.

    An agency's own part is spread over its months by the part of them that is not known and their normal shares.
    """
    open_share = (1 - known) * shares
    spread = np.divide(
        open_share,
        open_share.sum(axis=1, keepdims=True),
        out=np.zeros_like(shares),
        where=is_recipient[:, None] & (open_share.sum(axis=1, keepdims=True) > 0),
    )
    own = np.where((known > 0)[:, :, None], counts, 0.0).sum(axis=1)
    added = (filled.own_scale[:, None] * own)[:, None, :] * spread[:, :, None]
    of_donor = np.where((known == 0)[:, :, None], counts[filled.donor], 0.0) * filled.donor_scale[:, None, None]
    added += np.where((filled.donor >= 0)[:, None, None], of_donor, 0.0)
    return np.where((is_recipient[:, None] & (known < 1))[:, :, None], added, np.nan)


def _level_donors(
    counts: Floats,
    known: Flags,
    wanted: Flags,
    is_donor: Flags,
    donor_class: NDArray[np.integer],
    ids: NDArray[np.integer],
    seed: int,
) -> Integers:
    """For each wanted agency the donor of its class nearest in the offenses of its known months."""
    donor = np.full(len(counts), -1)
    point = random.uniform(seed, "level donor", ids)
    rows = np.flatnonzero(wanted)
    patterns, of_row = np.unique(
        np.column_stack([donor_class[rows], known[rows].astype(np.int64)]), axis=0, return_inverse=True
    )
    # One step for each set of known months, of which there are a few hundred in a nation.
    for number, (klass, *months) in enumerate(patterns):
        pool = np.flatnonzero(is_donor & (donor_class == klass))
        recipients = rows[of_row.ravel() == number]
        if not len(pool):
            continue
        is_known = np.array(months, dtype=np.bool_)
        theirs, own = counts[pool][:, is_known].sum(axis=1), counts[recipients][:, is_known].sum(axis=1)
        donor[recipients] = pool[draw_nearest(theirs, own, point[recipients])]
    return donor
