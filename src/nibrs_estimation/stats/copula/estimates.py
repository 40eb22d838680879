"""Counts of nonrespondents, imputed and added up by cell and domain.

Only the mean of the copula's draws is used, so there are none: means are computed (module ``margin``). Source: handbook
15.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.stats.copula.form import Form, Method
from nibrs_estimation.stats.copula.kernels import Plan, impute, work_of
from nibrs_estimation.stats.linearization.cell_kernels import Columns

Floats = NDArray[np.float64]
#: Threads, pieces of work for each, and number of values of y below which one thread is enough.
_THREADS, _PIECES, _FEW_VALUES = 2, 4, 50_000


def imputed_counts(
    form: Form,
    plan: Plan,
    y: sparse.csc_array,
    cell: NDArray[np.integer],
    domain: NDArray[np.integer],
    method: Method = "sound",
) -> Floats:
    """Imputed counts of nonrespondents at some pairs of cell and domain.

    Args:
        form: the agencies.
        plan: the order in which cells are imputed.
        y: (rows, m) counts of respondents, at least 0.
        cell: (pairs,) ascending.
        domain: (pairs,)
        method: ``sound`` or ``reference``.

    Returns:
        (pairs,) sums over the nonrespondents of share x imputed count.
    """
    values = np.zeros(len(cell))
    if not len(form.size_n) or not len(cell):
        return values
    canonical = y if y.has_canonical_format else y.copy()
    canonical.sum_duplicates()
    columns = Columns(canonical.indptr.astype(np.int64), canonical.indices.astype(np.int32), canonical.data)
    at = domain.astype(np.int32)
    first_pair = np.searchsorted(cell, np.arange(y.shape[1] + 1))

    def work(some: NDArray[np.int64]) -> None:
        impute(form, plan, columns, some, method == "sound", first_pair, at, work_of(form, plan), values)

    every = np.arange(len(plan.first_step) - 1)
    if y.nnz < _FEW_VALUES:
        work(every)
    else:
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(work, [piece for piece in np.array_split(every, _THREADS * _PIECES) if len(piece)]))
    return values
