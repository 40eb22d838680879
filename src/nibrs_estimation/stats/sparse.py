"""Values of sparse matrices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


def values_at(matrix: sparse.csr_array, row: NDArray[np.integer], column: NDArray[np.integer]) -> NDArray[np.float64]:
    """Values of a sparse matrix at some rows and columns, 0 where none is stored."""
    matrix.sum_duplicates()
    width = matrix.shape[1]
    stored = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)) * width + matrix.indices
    wanted = row.astype(np.int64) * width + column
    at = np.searchsorted(stored, wanted)
    values = np.append(matrix.data, 0).astype(np.float64)
    return np.where(np.append(stored, -1)[at] == wanted, values[at], 0.0)
