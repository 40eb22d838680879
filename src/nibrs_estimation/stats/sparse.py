"""Products of sparse matrices where they are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.stats.linearization.cell_kernels import Columns

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Matrix: TypeAlias = sparse.csr_array | sparse.csc_array
#: Largest number of threads, and the number of values of the right matrices below which one is enough.
_THREADS, _FEW_VALUES = 2, 50_000


def product_at(left: Matrix, right: Matrix, row: NDArray[np.integer], column: NDArray[np.integer]) -> Floats:
    """Values of left @ right at some rows and columns, as those of one product of :class:`Products`."""
    values: Floats = Products([left], [(0, 0)]).at([right], row, column)[0]
    return values


class Products:
    """Several products of matrices at the same rows and columns, in one pass; what is not asked for is not stored.

    Args:
        lefts: (n, k) matrices.
        pairs: of each product, positions of its left and right matrix.
    """

    def __init__(self, lefts: Sequence[Matrix], pairs: Sequence[tuple[int, int]]) -> None:
        self._shape = lefts[0].shape
        by_column = [_columns(left) for left in lefts]
        column = [np.repeat(np.arange(self._shape[1]), np.diff(left.first)) for left in by_column]
        keys = [at * self._shape[0] + left.row for at, left in zip(column, by_column, strict=True)]
        places = np.unique(np.concatenate(keys)) if len(keys) > 1 else keys[0]
        values = np.zeros((len(places), len(lefts)))
        for number, (key, left) in enumerate(zip(keys, by_column, strict=True)):
            values[np.searchsorted(places, key), number] = left.value
        self._first = np.searchsorted(places, np.arange(self._shape[1] + 1) * self._shape[0])
        self._row = places % max(self._shape[0], 1)
        self._values = np.take(values, [of_left for of_left, _ in pairs], axis=1)
        self._right_of = np.array([of_right for _, of_right in pairs], dtype=np.int64)

    def at(self, rights: Sequence[Matrix], row: NDArray[np.integer], column: NDArray[np.integer]) -> Floats:
        """(products, places) values of the products.

        Args:
            rights: (k, m) matrices.
            row: (places,) rows of the products.
            column: (places,) columns of the products, in any order; ascending ones take the least time.
        """
        # Terms of a sum are in the order of k, whatever the order in which the input is stored.
        by_column = tuple(_columns(right) for right in rights)
        order = np.argsort(column, kind="stable")
        first = np.searchsorted(column[order], np.arange(rights[0].shape[1] + 1))
        values = np.zeros((len(self._right_of), len(row)))

        def work(columns: Integers) -> None:
            _products(
                (self._first, self._row, self._values),
                by_column,
                self._right_of,
                columns,
                (first, order, row),
                np.zeros((self._shape[0], len(self._right_of))),
                values,
            )

        wanted = np.flatnonzero(np.diff(first))
        if sum(right.nnz for right in rights) < _FEW_VALUES:
            work(wanted)
        else:
            with ThreadPoolExecutor(_THREADS) as pool:
                list(pool.map(work, np.array_split(wanted, 4 * _THREADS)))
        return values


def _columns(matrix: Matrix) -> Columns:
    """Columns with ascending rows; a copy only where the matrix is not so already."""
    columns = sparse.csc_array(matrix, dtype=np.float64)
    if not columns.has_canonical_format:
        columns = columns.copy()
        columns.sum_duplicates()
    return Columns(columns.indptr.astype(np.int64), columns.indices.astype(np.int32, copy=False), columns.data)


@njit(cache=True, nogil=True)
def _products(
    left: tuple[Integers, Integers, Floats],
    rights: tuple[Columns, ...],
    right_of: Integers,
    columns: Integers,
    places: tuple[Integers, Integers, NDArray[np.integer]],
    dense: Floats,
    values: Floats,
) -> None:
    """The places of some columns; ``dense`` (n, products) is zeros at the start and at the end."""
    left_first, left_row, left_values = left
    first, order, row = places
    at, right_values = np.zeros(len(rights), dtype=np.int64), np.zeros(len(rights))
    of_k = np.zeros(len(right_of))
    for column in columns:
        for j in range(len(rights)):
            at[j] = rights[j].first[column]
        while True:
            k = _next_values(rights, column, at, right_values)
            if k < 0:
                break
            for t in range(len(of_k)):
                of_k[t] = right_values[right_of[t]]
            for i in range(left_first[k], left_first[k + 1]):
                for t in range(len(of_k)):
                    dense[left_row[i], t] += left_values[i, t] * of_k[t]
        for place in range(first[column], first[column + 1]):
            for t in range(len(of_k)):
                values[t, order[place]] = dense[row[order[place]], t]
        dense[:] = 0.0


@njit(cache=True, nogil=True)
def _next_values(rights: tuple[Columns, ...], column: int, at: Integers, values: Floats) -> int:
    """The next row in which one of the matrices has a value, -1 if there is none, and their values there."""
    k = -1
    for j in range(len(rights)):
        if at[j] < rights[j].first[column + 1] and (k < 0 or rights[j].row[at[j]] < k):
            k = rights[j].row[at[j]]
    for j in range(len(rights)):
        values[j] = 0.0
        if at[j] < rights[j].first[column + 1] and rights[j].row[at[j]] == k:
            values[j] = rights[j].value[at[j]]
            at[j] += 1
    return k
