"""The compiled loop of the second estimator: imputed counts of nonrespondents, added up by domain, column by column.

A table's columns are independent of each other. In a column, totals come first. By method ``sound`` a total is imputed
as a ratio to the benchmark, y* = κ x E(y/x), with κ such that respondents' total is met; by ``reference`` as a count.
Rows are shares of their parent b: with p the part of b that a block of rows has in all, and E the means of its rows
among agencies with b > 0,

    y*_j = b E(p) E_j / Σ_j E_j,

so that parts add up to the whole. If no row is expected at all, the mean shares of respondents are used. Source:
handbook 15.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from nibrs_estimation.stats.copula.form import Form
from nibrs_estimation.stats.copula.margin import (
    MOST_STEPS,
    coefficients,
    expectation,
    score_correlations,
    steps,
    tau_b,
)
from nibrs_estimation.stats.linearization.cell_kernels import Columns

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
TOTAL, BLOCK, CATEGORY = 0, 1, 2
#: A column that fewer respondents of a group have is imputed from all groups.
LEAST_POSITIVE = 5
#: Respondents of which a margin is made; with fewer, from all groups.
_LEAST_INSIDE = 10
#: E is a function of μ alone; with more agencies it is tabulated at so many values of μ, between which it is linear.
_NODES = 64
#: Spread of shares below which they are constant.
_CONSTANT = 1e-9

_compiled = njit(cache=True, nogil=True, error_model="numpy")


class Plan(NamedTuple):
    """The order in which the cells of a table's columns are imputed; cells are columns of y.

    Attributes:
        first_step: (columns + 1,) first step of each column of the table.
        kind: (steps,) a total, a block of rows, or totals of categories of agencies.
        parent: (steps,) slot of the parent's values; -1 for totals.
        first_cell: (steps + 1,) first cell of each step.
        cell: (cells,) column of y.
        slot: (cells,) where its values are kept because it is a parent, otherwise -1.
        category: (cells,) category of agencies, or -1.
        slots: largest number of parents of a column.
    """

    first_step: Integers
    kind: Integers
    parent: Integers
    first_cell: Integers
    cell: Integers
    slot: Integers
    category: Integers
    slots: int


class Work(NamedTuple):
    """Working arrays of one thread.

    Attributes:
        kept_r, kept_n: (slots, R), (slots, N) values of parents.
        part: (R,) part of the parent that a block has, or ratio to the benchmark.
        expected: (largest block, N) E of each row; then its imputed counts.
        of_part: (N,) E of the block's part.
        row, value, start: (R,), (R,), (G + 1,) values above 0 by group, ascending.
        inside: (R,) respondents among whom a margin is made.
        x, q, beta, r, sums, squares: as in module ``margin``.
        mean: (R,) E of respondents.
        nodes: (64,) E at values of μ.
        added: (domains,) sums.
    """

    kept_r: Floats
    kept_n: Floats
    part: Floats
    expected: Floats
    of_part: Floats
    row: Integers
    value: Floats
    start: Integers
    inside: Integers
    x: Floats
    q: Floats
    beta: Floats
    r: Floats
    sums: Floats
    squares: Floats
    mean: Floats
    nodes: Floats
    added: Floats


def work_of(form: Form, plan: Plan) -> Work:
    """Working arrays, filled with zeros."""
    R, N, G, p = len(form.size_r), len(form.size_n), len(form.covariates), form.z_r.shape[1]
    largest = int(np.diff(plan.first_cell).max(initial=1))
    return Work(
        kept_r=np.zeros((plan.slots, R)),
        kept_n=np.zeros((plan.slots, N)),
        part=np.zeros(R),
        expected=np.zeros((largest, N)),
        of_part=np.zeros(N),
        row=np.zeros(R, dtype=np.int64),
        value=np.zeros(R),
        start=np.zeros(G + 1, dtype=np.int64),
        inside=np.zeros(R, dtype=np.int64),
        x=np.zeros(MOST_STEPS + 2),
        q=np.zeros(MOST_STEPS + 2),
        beta=np.zeros(p),
        r=np.zeros(p),
        sums=np.zeros(p),
        squares=np.zeros(p),
        mean=np.zeros(R),
        nodes=np.zeros(_NODES),
        added=np.zeros(form.domains),
    )


@_compiled
def impute(
    form: Form,
    plan: Plan,
    y: Columns,
    columns: Integers,
    is_sound: bool,
    first_pair: Integers,
    domain: NDArray[np.int32],
    work: Work,
    values: Floats,
) -> None:
    """Impute some columns of the table, and add nonrespondents' counts up at wanted pairs of cell and domain.

    Args:
        form: the agencies.
        plan: the order.
        y: counts of respondents.
        columns: columns of the table.
        is_sound: totals are ratios to the benchmark, and association is that of normal scores; otherwise tau-b.
        first_pair: (m + 1,) first wanted pair of each cell.
        domain: (pairs,) domains of the wanted pairs.
        work: working arrays.
        values: (pairs,) result.
    """
    for column in columns:
        for step in range(plan.first_step[column], plan.first_step[column + 1]):
            first, last = plan.first_cell[step], plan.first_cell[step + 1]
            if plan.kind[step] == TOTAL:
                _total(form, y, plan.cell[first], is_sound, work)
            elif plan.kind[step] == CATEGORY:
                for k in range(last - first):
                    of_category = form.category_n[:, plan.category[first + k]]
                    for i in range(len(form.size_n)):
                        work.expected[k, i] = work.kept_n[plan.parent[step], i] if of_category[i] else 0.0
            else:
                _block(form, y, plan.cell[first:last], plan.parent[step], is_sound, work)
            for k in range(last - first):
                cell, slot = plan.cell[first + k], plan.slot[first + k]
                _add_up(form, work.expected[k], cell, first_pair, domain, work.added, values)
                if slot >= 0:
                    work.kept_n[slot] = work.expected[k]
                    work.kept_r[slot] = 0.0
                    _add_column(form, y, cell, work.kept_r[slot])


@_compiled
def _add_up(
    form: Form,
    imputed: Floats,
    cell: int,
    first_pair: Integers,
    domain: NDArray[np.int32],
    added: Floats,
    values: Floats,
) -> None:
    if first_pair[cell] == first_pair[cell + 1]:
        return
    added[:] = 0.0
    for i in range(len(imputed)):
        if imputed[i] > 0:
            for m in range(form.first_member[i], form.first_member[i + 1]):
                added[form.domain[m]] += form.share[m] * imputed[i]
    for pair in range(first_pair[cell], first_pair[cell + 1]):
        values[pair] = added[domain[pair]]


@_compiled
def _total(form: Form, y: Columns, cell: int, is_sound: bool, work: Work) -> None:
    """Impute a total into the first row of ``work.expected``."""
    R, G = len(form.size_r), len(form.covariates)
    total = work.mean
    total[:] = 0.0
    _add_column(form, y, cell, total)
    _parts_of(total, form.size_r if is_sound else np.ones(R), work.part)
    work.expected[0] = 0.0
    _by_group(form, work.part, work)
    for g in range(G):
        first, last = form.first_n[g], form.first_n[g + 1]
        if first == last:
            continue
        lo, hi = _range_of_margin(form, g, work, work.part)
        M, sigma, p = _fit(form, g, lo, hi, is_sound, work, work.part)
        if M > 0:
            _predict(form, g, lo, hi, M, sigma, p, work, work.expected[0])
        if not is_sound:
            continue
        factor = _factor(form, g, lo, hi, M, sigma, p, work, total) if M > 0 else 0.0
        without, number = 0.0, 0
        for k in range(lo, hi):
            if form.size_r[k] <= 0:
                without += total[k]
                number += 1
        for i in range(first, last):
            if form.size_n[i] > 0:
                work.expected[0, i] *= factor * form.size_n[i] if M > 0 else 0.0
            else:
                work.expected[0, i] = without / number if number > 0 else 0.0


@_compiled
def _factor(form: Form, g: int, lo: int, hi: int, M: int, sigma: float, p: int, work: Work, total: Floats) -> float:
    """κ: by how much respondents' totals are more than they are expected to be."""
    is_of_all = hi - lo != form.first_r[g + 1] - form.first_r[g]
    mu = np.empty(hi - lo)
    for k in range(lo, hi):
        mu[k - lo] = work.beta[0] * form.all_r[k] if is_of_all else _mu(form.z_r, k, work.beta, p)
    _expectations(mu, M, sigma, work, mu)
    above, below = 0.0, 0.0
    for k in range(lo, hi):
        if form.size_r[k] > 0:
            above += total[k]
            below += form.size_r[k] * mu[k - lo]
    return above / below if below > 0 else 0.0


@_compiled
def _block(form: Form, y: Columns, cells: Integers, parent: int, is_sound: bool, work: Work) -> None:
    """Impute the rows of a block as shares of their parent."""
    of_parent, imputed, part = work.kept_r[parent], work.kept_n[parent], work.part
    work.expected[: len(cells)] = 0.0
    work.mean[:] = 0.0
    for cell in cells:
        _add_column(form, y, cell, work.mean)
    _parts_of(work.mean, of_parent, part)
    least, largest = np.inf, -np.inf
    for k in range(len(part)):
        if part[k] >= 0:
            least, largest = min(least, part[k]), max(largest, part[k])
    if not largest > 0:
        return
    if largest - least < _CONSTANT:
        work.of_part[:] = largest
    else:
        _means(form, part, is_sound, work, work.of_part)
    for j in range(len(cells)):
        # Counts among respondents that have the parent; others take no part.
        for k in range(len(part)):
            work.mean[k] = 0.0 if of_parent[k] > 0 else -1.0
        _add_column(form, y, cells[j], work.mean)
        _means(form, work.mean, is_sound, work, work.expected[j])
    share = np.full(len(cells), -1.0)
    for i in range(len(imputed)):
        target = imputed[i] * work.of_part[i]
        expected = work.expected[: len(cells), i].sum()
        for j in range(len(cells)):
            if expected > 0:
                work.expected[j, i] *= target / expected
                continue
            if share[j] < 0:
                share[j] = _mean_share(form, y, cells[j], of_parent, part)
            work.expected[j, i] = target * share[j]


@_compiled
def _add_column(form: Form, y: Columns, cell: int, values: Floats) -> None:
    """Add the counts of a cell to respondents that take part."""
    for i in range(y.first[cell], y.first[cell + 1]):
        at = form.position[y.row[i]]
        if at >= 0 and values[at] >= 0:
            values[at] += y.value[i]


@_compiled
def _parts_of(total: Floats, whole: Floats, part: Floats) -> None:
    """Quotients; -1 where the whole is 0."""
    for k in range(len(total)):
        part[k] = total[k] / whole[k] if whole[k] > 0 else -1.0


@_compiled
def _means(form: Form, values: Floats, is_sound: bool, work: Work, result: Floats) -> None:
    """E of nonrespondents of all groups, from the values of respondents; those below 0 take no part."""
    _by_group(form, values, work)
    for g in range(len(form.covariates)):
        if form.first_n[g] < form.first_n[g + 1]:
            lo, hi = _range_of_margin(form, g, work, values)
            M, sigma, p = _fit(form, g, lo, hi, is_sound, work, values)
            if M > 0:
                _predict(form, g, lo, hi, M, sigma, p, work, result)


@_compiled
def _mean_share(form: Form, y: Columns, cell: int, of_parent: Floats, part: Floats) -> float:
    """Mean share of a row in its block, among respondents that have the block."""
    total, number = 0.0, 0
    for k in range(len(part)):
        number += part[k] > 0
    for i in range(y.first[cell], y.first[cell + 1]):
        at = form.position[y.row[i]]
        if at >= 0 and part[at] > 0:
            total += y.value[i] / (of_parent[at] * part[at])
    return total / number if number > 0 else 0.0


@_compiled
def _by_group(form: Form, values: Floats, work: Work) -> None:
    """Respondents with a value above 0, by group and, within it, ascending by value."""
    for g in range(len(form.covariates)):
        start, k = work.start[g], work.start[g]
        for at in range(form.first_r[g], form.first_r[g + 1]):
            if values[at] > 0:
                work.row[k] = at
                k += 1
        chosen = work.row[start:k]
        chosen[:] = chosen[np.argsort(values[chosen], kind="mergesort")]
        work.start[g + 1] = k


@_compiled
def _range_of_margin(form: Form, g: int, work: Work, values: Floats) -> tuple[int, int]:
    """Respondents of whom a margin is made: of the group, or of all groups where too few of it have the column."""
    lo, hi = form.first_r[g], form.first_r[g + 1]
    inside = 0
    for k in range(lo, hi):
        inside += values[k] >= 0
    if inside < _LEAST_INSIDE or work.start[g + 1] - work.start[g] < LEAST_POSITIVE:
        return 0, len(values)
    return lo, hi


@_compiled
def _fit(form: Form, g: int, lo: int, hi: int, is_sound: bool, work: Work, values: Floats) -> tuple[int, float, int]:
    """The steps of the margin, and β and σ: number of steps (0 if there is nobody), σ, number of covariates."""
    is_of_all = hi - lo != form.first_r[g + 1] - form.first_r[g]
    p = 1 if is_of_all else form.covariates[g]
    n = 0
    for a in range(p):
        work.sums[a], work.squares[a] = 0.0, 0.0
    for k in range(lo, hi):
        if values[k] >= 0:
            work.inside[n] = k
            n += 1
            for a in range(p):
                z = form.all_r[k] if is_of_all else form.z_r[k, a]
                work.sums[a] += z
                work.squares[a] += z * z
    if n == 0:
        return 0, 1.0, p
    chosen = work.row[work.start[g] : work.start[g + 1]]
    if is_of_all:
        chosen = work.row[: work.start[-1]]
        chosen = chosen[np.argsort(values[chosen], kind="mergesort")]
    ascending = values[chosen]
    M = steps(ascending, n - len(chosen), work.x, work.q)
    if M == 1:
        work.beta[:p] = 0.0
        return 1, 1.0, p
    if is_sound:
        z = form.all_r.reshape((len(form.all_r), 1)) if is_of_all else form.z_r
        score_correlations(z, chosen, ascending, n - len(chosen), work.sums, work.squares, p, work.r)
    else:
        for a in range(p):
            z = form.all_r if is_of_all else form.z_r[:, a]
            work.r[a] = np.sin(np.pi / 2 * tau_b(z, chosen, ascending, work.inside[:n]))
    inverse = np.ones((1, 1)) if is_of_all else form.inverse[g]
    return M, coefficients(work.r, inverse, p, work.beta), p


@_compiled
def _predict(form: Form, g: int, lo: int, hi: int, M: int, sigma: float, p: int, work: Work, result: Floats) -> None:
    """E of the nonrespondents of a group."""
    is_of_all = hi - lo != form.first_r[g + 1] - form.first_r[g]
    first, last = form.first_n[g], form.first_n[g + 1]
    for i in range(first, last):
        result[i] = work.beta[0] * form.all_n[i] if is_of_all else _mu(form.z_n, i, work.beta, p)
    _expectations(result[first:last], M, sigma, work, result[first:last])


@_compiled
def _expectations(mu: Floats, M: int, sigma: float, work: Work, result: Floats) -> None:
    """E at many μ: of each, or between tabulated values if there are many. Both arrays may be the same."""
    if M == 1 or len(mu) <= 2 * _NODES:
        for i in range(len(mu)):
            result[i] = expectation(work.x, work.q, M, mu[i], sigma)
        return
    least = mu.min()
    width = (mu.max() - least) / (_NODES - 1)
    for node in range(_NODES):
        work.nodes[node] = expectation(work.x, work.q, M, least + node * width, sigma)
    for i in range(len(mu)):
        at = (mu[i] - least) / width if width > 0 else 0.0
        below = min(int(at), _NODES - 2)
        result[i] = work.nodes[below] + (at - below) * (work.nodes[below + 1] - work.nodes[below])


@_compiled
def _mu(z: Floats, i: int, beta: Floats, p: int) -> float:
    mu = 0.0
    for a in range(p):
        mu += float(beta[a] * z[i, a])
    return mu
