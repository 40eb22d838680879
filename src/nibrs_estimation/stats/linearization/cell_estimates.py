"""Totals and ratios of all cells in all domains at once, with Taylor-linearized standard errors.

Values are a sparse matrix PSUs x cells; estimates are computed for each cell and domain in which a unit has a value.
For the formulas see :mod:`nibrs_estimation.stats.linearization.variance_form`. Source: handbook 11
and 6.6; Särndal, Swensson and Wretman (1992), sections 5.6 (ratios), 6.6 (calibrated totals) and 10.3 (domains).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.stats.linearization.cell_kernels import Columns, domain_counts, estimate, scratch
from nibrs_estimation.stats.linearization.variance_form import VarianceForm

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
#: Number of parts of the work for each thread.
_PIECES = 4
#: With fewer values of y threads take more time than they save.
_FEW_VALUES = 50_000


@dataclass(frozen=True)
class CellEstimates:
    """Estimates by cell and domain, sorted by both; pairs without a value are omitted.

    Attributes:
        cell: column of y.
        domain: number of the domain.
        total: T = Σ weight x share x value.
        standard_error: standard error of ``total``; NaN where a stratum of the domain's design has only one sampled
            unit out of several.
        unweighted_total: Σ value of the units, not multiplied by share.
        unit_count: units with a value above 0.
        ratio: R = T / T of the denominator; NaN without a denominator, and where its total is 0.
        ratio_standard_error: standard error of ``ratio``; NaN where ``ratio`` or ``standard_error`` is NaN.
    """

    cell: NDArray[np.int32]
    domain: NDArray[np.int32]
    total: Floats
    standard_error: Floats
    unweighted_total: Floats
    unit_count: Integers
    ratio: Floats
    ratio_standard_error: Floats


def cell_estimates(
    form: VarianceForm,
    y: sparse.csc_array,
    denominators: sparse.csc_array | None = None,
    denominator_of: NDArray[np.integer] | None = None,
    *,
    threads: int = 2,
) -> CellEstimates:
    """Estimates of every cell in every domain.

    Residual sums of squares are differences of larger sums; where they are below 1e-6 of these, they are computed from
    residuals. The results depend, to the last bit, only on the order of the rows of y, not on that of the sample or on
    ``threads``.

    Args:
        form: sample and domains, by :func:`nibrs_estimation.stats.linearization.variance_form.variance_form`.
        y: (PSUs, m) values of whole PSUs, at least 0.
        denominators: (PSUs, K) values of the denominators.
        denominator_of: (m,) each cell's column of ``denominators``; -1 if it has none.
        threads: largest number of threads.

    Raises:
        ValueError: shapes do not fit, or values are not finite numbers of at least 0.
    """
    psus, m = len(form.moments.first_position) - 1, y.shape[1]
    if denominators is None or denominator_of is None:
        denominators, denominator_of = sparse.csc_array((psus, 0)), np.full(m, -1)
    _check(psus, y, denominators, denominator_of)
    of_cell = denominator_of.astype(np.int64)
    values, divisors = _columns(y), _columns(denominators)
    counts = np.zeros(m, dtype=np.int64)
    domain_counts(form, values, counts)
    first_row = np.cumsum(counts) - counts
    domain = np.zeros(counts.sum(), dtype=np.int32)
    numbers = np.zeros((len(domain), 5))
    units = np.zeros(len(domain), dtype=np.int64)

    def work(cells: Integers) -> None:
        estimate(form, values, divisors, cells, of_cell, first_row, scratch(form), domain, numbers, units)

    # Cells that are 0 everywhere are skipped; in a small area these are most cells.
    counted = np.flatnonzero(counts)
    ordered = counted[np.argsort(of_cell[counted], kind="stable")]
    if len(values.row) < _FEW_VALUES:
        work(ordered)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, _pieces(ordered, np.diff(values.first), threads * _PIECES)))
    total, error, unweighted, ratio, ratio_error = np.ascontiguousarray(numbers.T)
    return CellEstimates(
        cell=np.repeat(np.arange(m, dtype=np.int32), counts),
        domain=domain,
        total=total,
        standard_error=error,
        unweighted_total=unweighted,
        unit_count=units,
        ratio=ratio,
        ratio_standard_error=ratio_error,
    )


def _pieces(cells: Integers, sizes: Integers, number: int) -> list[Integers]:
    """Cells, divided into parts with about equal numbers of values."""
    done = np.cumsum(sizes[cells] + 1)
    cuts = np.searchsorted(done, done[-1] * np.arange(1, number) / number) if len(done) else []
    return [piece for piece in np.split(cells, cuts) if len(piece)]


def _columns(matrix: sparse.csc_array) -> Columns:
    columns = sparse.csc_array(matrix, dtype=np.float64, copy=True)
    columns.sum_duplicates()
    columns.eliminate_zeros()
    return Columns(columns.indptr.astype(np.int64), columns.indices.astype(np.int32), columns.data)


def _check(psus: int, y: sparse.csc_array, denominators: sparse.csc_array, denominator_of: NDArray[np.integer]) -> None:
    m, K = y.shape[1], denominators.shape[1]
    if y.shape[0] != psus or denominators.shape[0] != psus or denominator_of.shape != (m,):
        raise ValueError(
            f"the sample has {psus} PSUs, but y {y.shape}, denominators {denominators.shape} and denominator_of "
            f"{denominator_of.shape} do not match"
        )
    if m and not (denominator_of.min() >= -1 and denominator_of.max() < K):
        raise ValueError(f"denominator_of must go from -1 to {K - 1}, the columns of the denominators")
    for name, data in (("y", y.data), ("denominators", denominators.data)):
        if not (np.isfinite(data).all() and (data >= 0).all()):
            raise ValueError(f"values of {name} must be finite numbers of at least 0")
