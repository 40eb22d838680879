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
#: To sort a row takes as long as to look at so many.
_LOG = 32


def product_at(left: Matrix, right: Matrix, row: NDArray[np.integer], column: NDArray[np.integer]) -> Floats:
    """Values of left @ right at some rows and columns, as those of one product of :class:`Products`."""
    values: Floats = Products([left], [(0, 0)]).at([right], row, column)[0]
    return values


class Products:
    """Several products of matrices at the same rows and columns; what is not asked for is not stored.

    Args:
        lefts: (n, k) matrices.
        pairs: of each product, positions of its left and right matrix.
    """

    def __init__(self, lefts: Sequence[Matrix], pairs: Sequence[tuple[int, int]]) -> None:
        self._rows = lefts[0].shape[0]
        self._lefts, self._pairs = [columns_of(left) for left in lefts], pairs

    def at(self, rights: Sequence[Matrix], row: NDArray[np.integer], column: NDArray[np.integer]) -> Floats:
        """(products, places) values of the products.

        Args:
            rights: (k, m) matrices.
            row: (places,) rows of the products.
            column: (places,) columns of the products, in any order; ascending ones take the least time.
        """
        # Terms of a sum are in the order of k, whatever the order in which the input is stored.
        by_column = [columns_of(right) for right in rights]
        order = np.argsort(column, kind="stable")
        first = np.searchsorted(column[order], np.arange(rights[0].shape[1] + 1))
        values = np.zeros((len(self._pairs), len(row)))

        def work(columns: Integers) -> None:
            for product, (left, right) in zip(values, self._pairs, strict=True):
                places = (first, order, row)
                _product(self._lefts[left], by_column[right], columns, places, np.zeros(self._rows), product)

        wanted = np.flatnonzero(np.diff(first))
        if sum(right.nnz for right in rights) < _FEW_VALUES:
            work(wanted)
        else:
            with ThreadPoolExecutor(_THREADS) as pool:
                list(pool.map(work, np.array_split(wanted, 4 * _THREADS)))
        return values


def sums_of_columns(matrix: sparse.csc_array, sums: sparse.csc_array) -> sparse.csc_array:
    """Matrix @ sums with rows in order, for few terms in each sum: (n, m) and (m, K) make (n, K)."""
    terms, columns = columns_of(sums), columns_of(matrix)
    first, row, value = _sums_of_columns(columns, terms, matrix.shape[0])
    made = sparse.csc_array((value, row, first), shape=(matrix.shape[0], sums.shape[1]))
    made.has_canonical_format = True
    return made


def columns_at(matrix: sparse.csc_array, columns: NDArray[np.integer]) -> sparse.csc_array:
    """Matrix[:, columns]; if it leaves out only empty columns, without a copy of the values."""
    is_ascending = bool((np.diff(columns) > 0).all())
    if not (is_ascending and matrix.nnz == np.diff(matrix.indptr)[columns].sum()):
        return matrix[:, columns]
    first = np.append(matrix.indptr[columns], matrix.indptr[-1])
    chosen = sparse.csc_array((matrix.data, matrix.indices, first), shape=(matrix.shape[0], len(columns)))
    chosen.has_canonical_format = matrix.has_canonical_format
    return chosen


def columns_of(matrix: Matrix) -> Columns:
    """Columns with ascending rows; a copy only where the matrix is not so already."""
    columns = sparse.csc_array(matrix, dtype=np.float64)
    if not columns.has_canonical_format:
        columns = columns.copy()
        columns.sum_duplicates()
    return Columns(columns.indptr.astype(np.int64), columns.indices.astype(np.int32, copy=False), columns.data)


@njit(cache=True, nogil=True)
def _product(
    left: Columns,
    right: Columns,
    columns: Integers,
    places: tuple[Integers, Integers, NDArray[np.integer]],
    dense: Floats,
    values: Floats,
) -> None:
    """The places of some columns; ``dense`` (n,) is zeros at the start and at the end."""
    first, order, row = places
    for column in columns:
        for i in range(right.first[column], right.first[column + 1]):
            k, value = right.row[i], right.value[i]
            for j in range(left.first[k], left.first[k + 1]):
                dense[left.row[j]] += left.value[j] * value
        for at in range(first[column], first[column + 1]):
            values[order[at]] = dense[row[order[at]]]
        dense[:] = 0.0


@njit(cache=True, nogil=True)
def _sums_of_columns(matrix: Columns, sums: Columns, n: int) -> tuple[Integers, NDArray[np.int32], Floats]:
    K = len(sums.first) - 1
    first, most = np.zeros(K + 1, dtype=np.int64), 0
    for k in range(K):
        for t in range(sums.first[k], sums.first[k + 1]):
            most += matrix.first[sums.row[t] + 1] - matrix.first[sums.row[t]]
    row, value = np.empty(most, dtype=np.int32), np.empty(most)
    dense, is_in, found = np.zeros(n), np.zeros(n, dtype=np.bool_), 0
    for k in range(K):
        for t in range(sums.first[k], sums.first[k + 1]):
            for i in range(matrix.first[sums.row[t]], matrix.first[sums.row[t] + 1]):
                dense[matrix.row[i]] += sums.value[t] * matrix.value[i]
                if not is_in[matrix.row[i]]:
                    is_in[matrix.row[i]] = True
                    row[found] = matrix.row[i]
                    found += 1
        if (found - first[k]) * _LOG < n:
            row[first[k] : found].sort()
        else:
            found = first[k]
            for i in range(n):
                if is_in[i]:
                    row[found] = i
                    found += 1
        for i in range(first[k], found):
            value[i] = dense[row[i]]
            dense[row[i]], is_in[row[i]] = 0.0, False
        first[k + 1] = found
    return first, row[:found].copy(), value[:found].copy()
