"""The compiled loops of module ``cell_estimates``: sums over the PSUs, for one cell after another.

Sums run in the order of PSUs, domains and strata, and are never reordered, so that neither the number of threads nor
the order of the input changes a bit. y, b: columns of y and of the denominators (CSC: first, row, value). G domains.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from nibrs_estimation.stats.linearization.variance_form import VarianceForm

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
#: Below this share of the raw sum of squares a variance from moments has lost its digits by cancellation.
_CANCELLATION = 1e-6

_compiled = njit(cache=True, nogil=True, error_model="numpy")


class Columns(NamedTuple):
    """A sparse matrix by columns, rows ascending, without stored zeros."""

    first: Integers
    row: NDArray[np.int32]
    value: Floats


class Sums(NamedTuple):
    """Sums of one column; zeros between columns.

    Attributes:
        total: (G,) of weight x share x value.
        unweighted: (G,) of the values.
        units: (G,) number of values.
        squares: (pairs,) Σ c W² z².
        products: (pairs,) the same with z of this column times z of the denominator.
        moments: moments of each pair.
        dense: (PSUs,) the column as a dense array.
    """

    total: Floats
    unweighted: Floats
    units: Integers
    squares: Floats
    products: Floats
    moments: Floats
    dense: Floats


class Scratch(NamedTuple):
    """Working arrays of one thread.

    Attributes:
        cell: sums of the cell.
        denominator: sums of the denominator.
        no_ratio: (G,) zeros.
        ratio: (G,) ratios of the cell; NaN where its denominator is 0.
        of_total: (pairs,) variances of the total of the cell.
        of_denominator: (pairs,) variances of the total of the denominator.
        of_difference: (pairs,) variances of the total of cell - ratio x denominator.
        residuals: (2, largest number of units of a stratum).
    """

    cell: Sums
    denominator: Sums
    no_ratio: Floats
    ratio: Floats
    of_total: Floats
    of_denominator: Floats
    of_difference: Floats
    residuals: Floats


def scratch(form: VarianceForm) -> Scratch:
    """Working arrays of one thread, filled with zeros."""
    G, pairs = len(form.domains.is_estimable), len(form.domains.pair_stratum)
    return Scratch(
        cell=_no_sums(form),
        denominator=_no_sums(form),
        no_ratio=np.zeros(G),
        ratio=np.zeros(G),
        of_total=np.zeros(pairs),
        of_denominator=np.zeros(pairs),
        of_difference=np.zeros(pairs),
        residuals=np.zeros((2, np.diff(form.strata.first_unit).max())),
    )


def _no_sums(form: VarianceForm) -> Sums:
    G, pairs = len(form.domains.is_estimable), len(form.domains.pair_stratum)
    return Sums(
        total=np.zeros(G),
        unweighted=np.zeros(G),
        units=np.zeros(G, dtype=np.int64),
        squares=np.zeros(pairs),
        products=np.zeros(pairs),
        moments=np.zeros(form.domains.pair_moment[-1]),
        dense=np.zeros(len(form.moments.first_position) - 1),
    )


@_compiled
def domain_counts(form: VarianceForm, y: Columns, counts: Integers) -> None:
    """Count the domains in which each cell has a value, into ``counts`` (m,)."""
    moments, domains = form.moments, form.domains
    last = np.full(len(domains.is_estimable), -1)
    for cell in range(len(counts)):
        for i in range(y.first[cell], y.first[cell + 1]):
            for position in range(moments.first_position[y.row[i]], moments.first_position[y.row[i] + 1]):
                for m in range(domains.first_member[position], domains.first_member[position + 1]):
                    if last[domains.domain[m]] != cell:
                        last[domains.domain[m]] = cell
                        counts[cell] += 1


@_compiled
def estimate(
    form: VarianceForm,
    y: Columns,
    b: Columns,
    cells: Integers,
    denominator_of: Integers,
    first_row: Integers,
    work: Scratch,
    domain: NDArray[np.int32],
    numbers: Floats,
    units: Integers,
) -> None:
    """Estimate some cells; those with the same denominator are adjacent.

    Args:
        form: form of the sample.
        y: values.
        b: denominators.
        cells: the cells.
        denominator_of: (m,) column of b of each cell, -1 if it has no denominator.
        first_row: (m,) first row of each cell in the results.
        work: working arrays of the thread; those of the cell are zeros at the start and at the end.
        domain: (rows,) result.
        numbers: (rows, 5) result: total, its standard error, unweighted total, ratio, its standard error.
        units: (rows,) result: units with a value.
    """
    first_pair, loaded = form.domains.first_pair, -1
    for cell in cells:
        denominator = denominator_of[cell]
        if denominator >= 0 and denominator != loaded:
            if loaded >= 0:
                _clear(form, b, loaded, work.denominator)
            _add(form, b, denominator, work.cell.dense, work.denominator)
            _variances(form, work.denominator, work.denominator, work.no_ratio, work, work.of_denominator)
            loaded = denominator
        _add(form, y, cell, work.denominator.dense, work.cell)
        _variances(form, work.cell, work.denominator, work.no_ratio, work, work.of_total)
        if denominator >= 0:
            for g in range(len(work.ratio)):
                divisor = work.denominator.total[g]
                work.ratio[g] = work.cell.total[g] / divisor if divisor > 0 else np.nan
            _variances(form, work.cell, work.denominator, work.ratio, work, work.of_difference)
        row = first_row[cell]
        for g in range(len(work.ratio)):
            if work.cell.units[g] == 0:
                continue
            domain[row] = g
            units[row] = work.cell.units[g]
            numbers[row, 0] = work.cell.total[g]
            numbers[row, 1] = _root_of_sum(work.of_total, first_pair[g], first_pair[g + 1])
            numbers[row, 2] = work.cell.unweighted[g]
            numbers[row, 3:] = np.nan
            if denominator >= 0 and work.ratio[g] >= 0:
                numbers[row, 3] = work.ratio[g]
                root = _root_of_sum(work.of_difference, first_pair[g], first_pair[g + 1])
                numbers[row, 4] = root / work.denominator.total[g]
            if not form.domains.is_estimable[g]:
                numbers[row, 1] = np.nan
                numbers[row, 4] = np.nan
            row += 1
        _clear(form, y, cell, work.cell)


@_compiled
def _add(form: VarianceForm, columns: Columns, column: int, other: Floats, sums: Sums) -> None:
    """Add a column to the sums, with its products with the column ``other`` (PSUs,)."""
    moments, domains = form.moments, form.domains
    for i in range(columns.first[column], columns.first[column + 1]):
        row, value = columns.row[i], columns.value[i]
        sums.dense[row] = value
        for position in range(moments.first_position[row], moments.first_position[row + 1]):
            first = moments.first_number[position]
            expanded = moments.numbers[first] * value
            square = moments.numbers[first + 1] * value * value
            product = moments.numbers[first + 1] * value * other[row]
            others = moments.first_number[position + 1] - first - 3
            for m in range(domains.first_member[position], domains.first_member[position + 1]):
                g, q = domains.domain[m], domains.pair[m]
                sums.total[g] += expanded
                if domains.is_first[m]:
                    sums.unweighted[g] += value
                    sums.units[g] += 1
                if q < 0:
                    continue
                sums.squares[q] += square
                sums.products[q] += product
                at = domains.pair_moment[q]
                sums.moments[at] += moments.numbers[first + 2] * value
                at += moments.first_moment[position]
                for j in range(others):
                    sums.moments[at + j] += moments.numbers[first + 3 + j] * value


@_compiled
def _clear(form: VarianceForm, columns: Columns, column: int, sums: Sums) -> None:
    domains = form.domains
    for i in range(columns.first[column], columns.first[column + 1]):
        sums.dense[columns.row[i]] = 0.0
    for g in range(len(sums.units)):
        if sums.units[g] == 0:
            continue
        sums.total[g] = 0.0
        sums.unweighted[g] = 0.0
        sums.units[g] = 0
        for q in range(domains.first_pair[g], domains.first_pair[g + 1]):
            if sums.squares[q] > 0:
                sums.squares[q] = 0.0
                sums.products[q] = 0.0
                for j in range(domains.pair_moment[q], domains.pair_moment[q + 1]):
                    sums.moments[j] = 0.0


@_compiled
def _variances(form: VarianceForm, a: Sums, b: Sums, ratios: Floats, work: Scratch, variances: Floats) -> None:
    """Variances of the total of a - ratio x b, in the pairs of the domains in which a has values and a ratio.

    They are computed from moments or, where these cancel, from residuals. Where a has no values, the variance of b is
    used. One call computes all pairs, because a call takes longer than the variance of a pair.
    """
    moments, domains = form.moments, form.domains
    for g in range(len(ratios)):
        ratio = ratios[g]
        if a.units[g] == 0 or np.isnan(ratio):
            continue
        for q in range(domains.first_pair[g], domains.first_pair[g + 1]):
            if a.squares[q] == 0:
                variances[q] = ratio * ratio * work.of_denominator[q]
                continue
            stratum = domains.pair_stratum[q]
            # In this order of operations the result is exactly 0 if a = b and the ratio is 1.
            squares = a.squares[q] - ratio * (2 * a.products[q] - ratio * b.squares[q])
            raw = a.squares[q] + ratio * (2 * a.products[q] + ratio * b.squares[q])
            added, taken = 0.0, 0.0
            first, sign = domains.pair_moment[q], moments.first_sign[stratum]
            for j in range(domains.pair_moment[q + 1] - first):
                moment = a.moments[first + j] - ratio * b.moments[first + j]
                if moments.signs[sign + j] > 0:
                    added += moment * moment
                else:
                    taken += moment * moment
            variances[q] = squares + added - taken
            if variances[q] < _CANCELLATION * (raw + added):
                variances[q] = _variance_of_residuals(form, g, stratum, a.dense, b.dense, ratio, work.residuals)


@_compiled
def _root_of_sum(values: Floats, first: int, end: int) -> float:
    total = 0.0
    for k in range(first, end):
        total += values[k]
    return float(np.sqrt(total))


@_compiled
def _variance_of_residuals(
    form: VarianceForm, g: int, stratum: int, a: Floats, b: Floats, ratio: float, buffers: Floats
) -> float:
    """C Σ (u - ū)² with u = W (z - Q Qᵀz), z = share x (a - ratio x b) in the domain and 0 outside."""
    strata, moments, domains = form.strata, form.moments, form.domains
    first, last = strata.first_unit[stratum], strata.first_unit[stratum + 1]
    z, u = buffers[0], buffers[1]
    p = strata.basis.shape[1]
    for k in range(first, last):
        z[k - first] = 0.0
        position = moments.of_unit[k]
        for m in range(domains.first_member[position], domains.first_member[position + 1]):
            if domains.domain[m] == g:
                z[k - first] = strata.share[k] * (a[strata.psu[k]] - ratio * b[strata.psu[k]])
        u[k - first] = z[k - first]
    for group in range(strata.first_group[stratum], strata.first_group[stratum + 1]):
        for j in range(p - strata.rank[group], p):
            along = 0.0
            for k in range(strata.group_unit[group], strata.group_unit[group + 1]):
                along += strata.basis[k, j] * z[k - first]
            for k in range(strata.group_unit[group], strata.group_unit[group + 1]):
                u[k - first] -= along * strata.basis[k, j]
    mean = 0.0
    for k in range(first, last):
        u[k - first] *= strata.weight[k]
        mean += u[k - first]
    mean /= last - first
    squares = 0.0
    for k in range(first, last):
        squares += (u[k - first] - mean) ** 2
    return float(strata.scale[stratum] * squares)
