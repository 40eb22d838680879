"""Figures of a nation's counts by agency and month, by which a synthetic nation is compared with a real one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

CLASSES = ("murder", "rape", "robbery", "aggravated assault", "burglary", "larceny", "vehicle theft")


@dataclass(frozen=True)
class Counted:
    """What the agencies of a nation reported in a year.

    Attributes:
        counts: (n agencies, 7 classes, 12 months) offenses; 0 in months that were not sent.
        sent: (n, 12) whether the month was reported.
        group: (n,) population group.
        population: (n,) residents.
        region: (n,) region code, 1 to 4.
    """

    counts: Integers
    sent: Booleans
    group: NDArray[np.str_]
    population: Integers
    region: Integers
