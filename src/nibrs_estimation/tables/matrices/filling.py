"""Counts with what is added for months that are not known (handbook 04)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Integers = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Fills:
    """What is added for months that are not known: Y = (1 + s) Y_own + R Y_blocks (handbook 04).

    Attributes:
        own_scale: (agencies,) s, by which an agency's own counts are multiplied and added.
        references: R, agencies x months of donors.
    """

    own_scale: Floats
    references: sparse.csr_array

    @property
    def are_records(self) -> bool:
        """Whether only whole months are added, so that completed counts are counts of records."""
        return bool((self.own_scale == 0).all() and (self.references.data == 1).all())

    @property
    def add_nothing(self) -> bool:
        """Whether all months are known."""
        return not self.own_scale.any() and self.references.nnz == 0

    def completed(self, counts: sparse.csr_array) -> sparse.csr_array:
        """Completed counts of the agencies, (agencies, cells).

        Args:
            counts: (agencies + months of donors, cells) own counts, cells ascending in each row.
        """
        A, R = len(self.own_scale), self.references
        made = _completed(
            (counts.indptr, counts.indices, counts.data), A, self.own_scale, (R.indptr, R.indices, R.data)
        )
        first, cell, value = made
        completed = sparse.csr_array((value, cell, first), shape=(A, counts.shape[1]))
        completed.has_canonical_format = True
        return completed


@njit(cache=True, nogil=True)
def _completed(
    counts: tuple[Integers, Integers, Floats], A: int, own_scale: Floats, references: tuple[Integers, Integers, Floats]
) -> tuple[Integers, Integers, Floats]:
    """Y by rows: first value of each row, cell, value."""
    first_count, cell_of, n = counts
    first_reference, month, factor = references
    first, most, cells = np.zeros(A + 1, dtype=np.int64), 0, 0
    for y in range(A):
        most += first_count[y + 1] - first_count[y]
        for k in range(first_reference[y], first_reference[y + 1]):
            most += first_count[A + month[k] + 1] - first_count[A + month[k]]
    for i in range(len(cell_of)):
        cells = max(cells, cell_of[i] + 1)
    cell, value = np.empty(most, dtype=np.int32), np.empty(most)
    added, is_in, found = np.zeros(cells), np.zeros(cells, dtype=np.bool_), 0
    for y in range(A):
        scale = own_scale[y]
        if first_reference[y] == first_reference[y + 1]:
            for i in range(first_count[y], first_count[y + 1]):
                cell[found], value[found] = cell_of[i], n[i] + scale * n[i]
                found += 1
            first[y + 1] = found
            continue
        for k in range(first_reference[y], first_reference[y + 1]):
            for i in range(first_count[A + month[k]], first_count[A + month[k] + 1]):
                added[cell_of[i]] += factor[k] * n[i]
                if not is_in[cell_of[i]]:
                    is_in[cell_of[i]] = True
                    cell[found] = cell_of[i]
                    found += 1
        for i in range(first_count[y], first_count[y + 1]):
            added[cell_of[i]] = n[i] + (scale * n[i] + added[cell_of[i]])
            if not is_in[cell_of[i]]:
                is_in[cell_of[i]] = True
                cell[found] = cell_of[i]
                found += 1
        cell[first[y] : found].sort()
        for i in range(first[y], found):
            value[i] = added[cell[i]]
            added[cell[i]], is_in[cell[i]] = 0.0, False
        first[y + 1] = found
    return first, cell[:found].copy(), value[:found].copy()
