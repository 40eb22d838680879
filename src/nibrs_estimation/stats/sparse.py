"""Products of sparse matrices where they are wanted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
#: Largest number of threads, and the number of values of the right matrix below which one is enough.
_THREADS, _FEW_VALUES = 2, 50_000


def product_at(
    left: sparse.csr_array | sparse.csc_array,
    right: sparse.csr_array | sparse.csc_array,
    row: NDArray[np.integer],
    column: NDArray[np.integer],
) -> Floats:
    """Values of left @ right at some rows and columns; what is not asked for is not stored.

    Args:
        left: (n, k).
        right: (k, m).
        row: (pairs,) rows of the product.
        column: (pairs,) columns of the product, in any order; ascending ones take the least time.
    """
    by_column, of_right = sparse.csc_array(left, dtype=np.float64), sparse.csc_array(right, dtype=np.float64)
    # Terms of a sum are in the order of k, whatever the order in which the input is stored.
    of_right.sort_indices()
    order = np.argsort(column, kind="stable")
    first = np.searchsorted(column[order], np.arange(right.shape[1] + 1))
    values = np.zeros(len(row))

    def work(columns: Integers) -> None:
        _products(
            (by_column.indptr, by_column.indices, by_column.data),
            (of_right.indptr, of_right.indices, of_right.data),
            columns,
            (first, order, row),
            np.zeros(left.shape[0]),
            values,
        )

    wanted = np.flatnonzero(np.diff(first))
    if of_right.nnz < _FEW_VALUES:
        work(wanted)
    else:
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(work, np.array_split(wanted, 4 * _THREADS)))
    return values


@njit(cache=True, nogil=True)
def _products(
    left: tuple[Integers, Integers, Floats],
    right: tuple[Integers, Integers, Floats],
    columns: Integers,
    pairs: tuple[Integers, Integers, NDArray[np.integer]],
    dense: Floats,
    values: Floats,
) -> None:
    """The pairs of some columns; ``dense`` is zeros at the start and at the end."""
    left_first, left_row, left_value = left
    right_first, right_row, right_value = right
    first, order, row = pairs
    for column in columns:
        for i in range(right_first[column], right_first[column + 1]):
            k, value = right_row[i], right_value[i]
            for j in range(left_first[k], left_first[k + 1]):
                dense[left_row[j]] += left_value[j] * value
        for at in range(first[column], first[column + 1]):
            values[order[at]] = dense[row[order[at]]]
        dense[:] = 0.0
