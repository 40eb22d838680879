"""The compiled loops of :mod:`nibrs_estimation.stats.cell_estimates`: sums over the PSUs of one cell after another.

Sums run in the order of PSUs, domains and strata, without re-association, so that neither threads nor the order of the
input change a bit. y, b: columns of y and of the denominators (CSC: first, row, value). G domains.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from nibrs_estimation.stats.variance_form import VarianceForm

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
#: Below this share of the raw sum of squares a variance from moments has lost its digits.
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
        moments: of each pair.
        dense: (PSUs,) the column.
    """

    total: Floats
    unweighted: Floats
    units: Integers
    squares: Floats
    products: Floats
    moments: Floats
    dense: Floats


class Scratch(NamedTuple):
    """What one thread works in.

    Attributes:
        cell: sums of the cell.
        denominator: sums of the denominator.
        variances: (pairs,) of the total of the denominator.
        residuals: (2, largest number of units of a stratum).
    """

    cell: Sums
    denominator: Sums
    variances: Floats
    residuals: Floats


def scratch(form: VarianceForm) -> Scratch:
    """Zeros for one thread."""
    pairs, largest = len(form.domains.pair_stratum), np.diff(form.strata.first_unit).max()
    return Scratch(_no_sums(form), _no_sums(form), np.zeros(pairs), np.zeros((2, largest)))


def _no_sums(form: VarianceForm) -> Sums:
    G, pairs = len(form.domains.is_estimable), len(form.domains.pair_stratum)
    moments, psus = form.domains.pair_moment[-1], len(form.moments.first_place) - 1
    floats = (np.zeros(size) for size in (G, G, pairs, pairs, moments, psus))
    return Sums(next(floats), next(floats), np.zeros(G, dtype=np.int64), *floats)


@_compiled
def domain_counts(form: VarianceForm, y: Columns, counts: Integers) -> None:
    """For each cell the number of domains with a value: into ``counts`` (m,)."""
    moments, domains = form.moments, form.domains
    last = np.full(len(domains.is_estimable), -1)
    for cell in range(len(counts)):
        for i in range(y.first[cell], y.first[cell + 1]):
            for place in range(moments.first_place[y.row[i]], moments.first_place[y.row[i] + 1]):
                for m in range(domains.first_member[place], domains.first_member[place + 1]):
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
    """Estimates of some cells, those with the same denominator next to each other.

    Args:
        form: of the sample.
        y: values.
        b: denominators.
        cells: the cells.
        denominator_of: (m,) column of b of each cell, -1 without.
        first_row: (m,) first row of each cell in the results.
        work: zeros of the thread, and zeros again of the cell at the end.
        domain: (rows,) result.
        numbers: (rows, 5) result: total, its standard error, unweighted total, ratio, its standard error.
        units: (rows,) result: units with a value.
    """
    of_cell, of_denominator = work.cell, work.denominator
    loaded = -1
    for cell in cells:
        denominator = denominator_of[cell]
        if denominator >= 0 and denominator != loaded:
            if loaded >= 0:
                _clear(form, b, loaded, of_denominator)
            _add(form, b, denominator, of_cell.dense, of_denominator)
            _load(form, work)
            loaded = denominator
        _add(form, y, cell, of_denominator.dense, of_cell)
        row = first_row[cell]
        for g in range(len(of_cell.units)):
            if of_cell.units[g] == 0:
                continue
            divisor = of_denominator.total[g] if denominator >= 0 else 0.0
            ratio = of_cell.total[g] / divisor if divisor > 0 else np.nan
            variance, of_ratio = _variances(form, g, ratio, work)
            domain[row] = g
            units[row] = of_cell.units[g]
            numbers[row, 0] = of_cell.total[g]
            numbers[row, 1] = np.sqrt(variance)
            numbers[row, 2] = of_cell.unweighted[g]
            numbers[row, 3] = ratio
            numbers[row, 4] = np.sqrt(of_ratio) / divisor if divisor > 0 else np.nan
            row += 1
        _clear(form, y, cell, of_cell)


@_compiled
def _add(form: VarianceForm, columns: Columns, column: int, other: Floats, sums: Sums) -> None:
    """Sum up a column, with products with the column ``other`` (PSUs,)."""
    moments, domains = form.moments, form.domains
    for i in range(columns.first[column], columns.first[column + 1]):
        row, value = columns.row[i], columns.value[i]
        sums.dense[row] = value
        for place in range(moments.first_place[row], moments.first_place[row + 1]):
            first = moments.first_number[place]
            expanded = moments.numbers[first] * value
            square = moments.numbers[first + 1] * value * value
            product = moments.numbers[first + 1] * value * other[row]
            others = moments.first_number[place + 1] - first - 3
            for m in range(domains.first_member[place], domains.first_member[place + 1]):
                g, q = domains.domain[m], domains.pair[m]
                sums.total[g] += expanded
                sums.unweighted[g] += value
                sums.units[g] += 1
                if q < 0:
                    continue
                sums.squares[q] += square
                sums.products[q] += product
                at = domains.pair_moment[q]
                sums.moments[at] += moments.numbers[first + 2] * value
                at += moments.first_moment[place]
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
def _load(form: VarianceForm, work: Scratch) -> None:
    """Variances of the total of the denominator in every pair."""
    domains = form.domains
    for g in range(len(domains.is_estimable)):
        for q in range(domains.first_pair[g], domains.first_pair[g + 1]):
            work.variances[q] = 0.0
            if work.denominator.squares[q] > 0:
                work.variances[q] = _variance(form, g, q, work.denominator, work.denominator, 0.0, work.residuals)


@_compiled
def _variances(form: VarianceForm, g: int, ratio: float, work: Scratch) -> tuple[float, float]:
    """Variances in a domain: of the total of a cell, and of that of its values less ratio x denominator."""
    domains = form.domains
    if not domains.is_estimable[g]:
        return np.nan, np.nan
    variance, of_difference = 0.0, 0.0
    for q in range(domains.first_pair[g], domains.first_pair[g + 1]):
        if work.cell.squares[q] > 0:
            variance += _variance(form, g, q, work.cell, work.denominator, 0.0, work.residuals)
            if ratio > 0:
                of_difference += _variance(form, g, q, work.cell, work.denominator, ratio, work.residuals)
        elif ratio > 0:
            # Values of 0 leave only the denominator.
            of_difference += ratio * ratio * work.variances[q]
    return variance, of_difference


@_compiled
def _variance(form: VarianceForm, g: int, q: int, a: Sums, b: Sums, ratio: float, buffers: Floats) -> float:
    """Variance of the total of a - ratio x b in a pair, from its moments or, where these cancel, from residuals."""
    domains = form.domains
    stratum = domains.pair_stratum[q]
    # In this order nothing is left of a = b with a ratio of 1.
    squares = a.squares[q] - ratio * (2 * a.products[q] - ratio * b.squares[q])
    raw = a.squares[q] + ratio * (2 * a.products[q] + ratio * b.squares[q])
    added, taken = 0.0, 0.0
    first = domains.pair_moment[q]
    sign = form.moments.first_sign[stratum]
    for j in range(domains.pair_moment[q + 1] - first):
        moment = a.moments[first + j] - ratio * b.moments[first + j]
        if form.moments.signs[sign + j] > 0:
            added += moment * moment
        else:
            taken += moment * moment
    variance = squares + added - taken
    if variance < _CANCELLATION * (raw + added):
        variance = _variance_of_residuals(form, g, stratum, a.dense, b.dense, ratio, buffers)
    return float(variance)


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
        place = moments.of_unit[k]
        for m in range(domains.first_member[place], domains.first_member[place + 1]):
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
