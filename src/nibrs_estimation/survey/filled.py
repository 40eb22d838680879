"""Variance of what was filled: months that an agency did not report, at the level of its own months (handbook 11).

An agency with Y completed offenses, of which it reported the share S, has a month effect beyond chance with variance v.
Effects of neighboring months are correlated, ρ. For a count c of the agency, of which F was filled,

    V = F / S + c² v (1 + ρ)/(1 - ρ) (1 - S) / (12 S),    v = (0.95 Y^(-0.30))², √v at most 0.9.

The first term is chance, in the missing months and in those that fill them; the second is what months differ by beyond
chance. The figures are those of monthly reporters of Part I offenses in 2013.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.stats.sparse import Products
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
        chance, months = sparse.csc_array(completed - own), completed.power(2)
        chance.data *= self._chance[chance.indices]
        months.data *= self._months[months.indices]
        of_agencies = sparse.csc_array(chance + months)
        # Most agencies reported all months.
        of_agencies.eliminate_zeros()
        variances: Floats = self._squares.at([of_agencies], domain, column)[0]
        return variances
