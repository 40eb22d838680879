"""Variance of what was filled: months that an agency did not report, at the level of its own months (handbook 11).

An agency with Y completed offenses, of which it reported the share S, has a month effect beyond chance with variance v.
Effects of neighboring months are correlated, ρ. For a count c of the agency, of which F was filled,

    V = F / S + c² v (1 + ρ)/(1 - ρ) (1 - S) / (12 S),    v = (0.95 Y^(-0.30))², √v at most 0.9.

The first term is chance, in the missing months and in those that fill them; the second is what months differ by beyond
chance. The figures are those of monthly reporters of Part I offenses in 2013.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.stats.linearization.cell_kernels import Columns
from nibrs_estimation.stats.sparse import Products, columns_of
from nibrs_estimation.survey.months import MONTHS_PER_YEAR

Floats = NDArray[np.float64]
#: Standard deviation of the log of a month's effect: a multiple of a power of the offenses of a year, and its limit.
_SCALE, _POWER, _MOST = 0.95, -0.30, 0.9
#: Correlation of the effects of neighboring months.
_MEMORY = 0.35


class FilledVariance:
    """Variances of filled counts in domains.

    Args:
        weights: (G, A) how often each agency counts in each domain.
        completed: (A,) all offenses or incidents of each agency, completed.
        own: (A,) those that it reported.
    """

    def __init__(self, weights: sparse.csr_array, completed: Floats, own: Floats) -> None:
        self._squares = Products([weights.power(2)], [(0, 0)])
        share = np.divide(own, completed, out=np.ones(len(own)), where=completed > 0)
        share = np.clip(share, 1 / MONTHS_PER_YEAR, 1.0)
        deviation = np.minimum(_SCALE * np.maximum(completed, 1.0) ** _POWER, _MOST)
        months = deviation**2 * (1 + _MEMORY) / (1 - _MEMORY) * (1 - share) / (MONTHS_PER_YEAR * share)
        self._chance, self._months = 1 / share, months

    def at(
        self,
        completed: sparse.csc_array,
        own: sparse.csc_array,
        domain: NDArray[np.integer],
        column: NDArray[np.integer],
    ) -> Floats:
        """(pairs,) variances of the totals of some domains and columns.

        Args:
            completed: (A, m) completed counts.
            own: (A, m) reported counts.
            domain: (pairs,) 0 to G - 1.
            column: (pairs,) 0 to m - 1.
        """
        first, row, value = _of_agencies(columns_of(completed), columns_of(own), self._chance, self._months)
        of_agencies = sparse.csc_array((value, row, first), shape=completed.shape)
        of_agencies.has_canonical_format = True
        variances: Floats = self._squares.at([of_agencies], domain, column)[0]
        return variances


@njit(cache=True, nogil=True)
def _of_agencies(
    completed: Columns, own: Columns, chance: Floats, months: Floats
) -> tuple[NDArray[np.int64], NDArray[np.int32], Floats]:
    """F / S and the second term, by column, of the agencies that have either; most reported all months.

    Own counts are part of the completed ones.
    """
    first = np.zeros(len(completed.first), dtype=np.int64)
    row, value, found = np.empty(len(completed.row), dtype=np.int32), np.empty(len(completed.row)), 0
    for column in range(len(completed.first) - 1):
        k, last = own.first[column], own.first[column + 1]
        for i in range(completed.first[column], completed.first[column + 1]):
            agency, count = completed.row[i], completed.value[i]
            filled = count
            if k < last and own.row[k] == agency:
                filled -= own.value[k]
                k += 1
            variance = filled * chance[agency] + count * count * months[agency]
            if variance != 0:
                row[found], value[found] = agency, variance
                found += 1
        first[column + 1] = found
    return first, row[:found].copy(), value[:found].copy()
