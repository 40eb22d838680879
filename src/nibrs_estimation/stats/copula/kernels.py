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
    expectation_and_slope,
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
#: E is a smooth function of μ, of scale σ; with many agencies it is computed at values of μ that are so many σ apart,
#: and is a cubic between them.
_NODE_DISTANCE = 0.125
#: Counts below this are sorted by counting.
_SMALL = 64
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


class Taking(NamedTuple):
    """Respondents that take part: those that have the parent of each slot, and last those of a total.

    By group and, last, in all groups.

    Attributes:
        number: (slots + 1, G + 1)
        sums, squares: (slots + 1, G + 1, p) sums of their covariates, and of the squares.
    """

    number: Integers
    sums: Floats
    squares: Floats


class Work(NamedTuple):
    """Working arrays of one thread.

    Attributes:
        kept_r, kept_n: (slots, R), (slots, N) values of parents.
        part: (R,) part of the parent that a block has, or ratio to the benchmark; below 0 of those that take no part.
        expected: (largest block, N) E of each row; then its imputed counts.
        of_part: (N,) E of the block's part.
        sum_of_rows: (N,) sum of E over the rows of a block.
        is_expected: (largest block,) some nonrespondent may have the row; otherwise its E is not set.
        taking: respondents that take part.
        row, start: (R,), (G + 1,) respondents with a value above 0 by group, ascending by value.
        amount: (R,) values of these.
        next, sorted, ends: (G + 1,), (R,), (65,) working arrays of the sorting.
        x, q, beta, r: as in module ``margin``.
        mean: (R,) counts of respondents.
        nodes, slopes: (max(R, N),) E and its slope at some values of μ.
        added: (domains,) sums.
    """

    kept_r: Floats
    kept_n: Floats
    part: Floats
    expected: Floats
    of_part: Floats
    sum_of_rows: Floats
    is_expected: NDArray[np.bool_]
    taking: Taking
    row: Integers
    start: Integers
    amount: Floats
    next: Integers
    sorted: Integers
    ends: Integers
    x: Floats
    q: Floats
    beta: Floats
    r: Floats
    mean: Floats
    nodes: Floats
    slopes: Floats
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
        sum_of_rows=np.zeros(N),
        is_expected=np.zeros(largest, dtype=np.bool_),
        taking=Taking(
            np.zeros((plan.slots + 1, G + 1), dtype=np.int64),
            np.zeros((plan.slots + 1, G + 1, p)),
            np.zeros((plan.slots + 1, G + 1, p)),
        ),
        row=np.zeros(R, dtype=np.int64),
        start=np.zeros(G + 1, dtype=np.int64),
        amount=np.zeros(R),
        next=np.zeros(G + 1, dtype=np.int64),
        sorted=np.zeros(R, dtype=np.int64),
        ends=np.zeros(_SMALL + 1, dtype=np.int64),
        x=np.zeros(MOST_STEPS + 2),
        q=np.zeros(MOST_STEPS + 2),
        beta=np.zeros(p),
        r=np.zeros(p),
        mean=np.zeros(R),
        nodes=np.zeros(max(R, N)),
        slopes=np.zeros(max(R, N)),
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
                work.is_expected[: last - first] = True
                for k in range(last - first):
                    of_category = form.category_n[:, plan.category[first + k]]
                    for i in range(len(form.size_n)):
                        work.expected[k, i] = work.kept_n[plan.parent[step], i] if of_category[i] else 0.0
            else:
                _block(form, y, plan.cell[first:last], plan.parent[step], is_sound, work)
            for k in range(last - first):
                cell, slot = plan.cell[first + k], plan.slot[first + k]
                if work.is_expected[k]:
                    _add_up(form, work.expected[k], cell, first_pair, domain, work.added, values)
                if slot >= 0:
                    _keep(form, y, cell, slot, k, work)


@_compiled
def _keep(form: Form, y: Columns, cell: int, slot: int, row: int, work: Work) -> None:
    """Keep the counts of a parent, and which respondents have it: these take part in the blocks of its rows."""
    work.kept_n[slot] = 0.0
    if work.is_expected[row]:
        work.kept_n[slot] = work.expected[row]
    counts = work.kept_r[slot]
    counts[:] = 0.0
    _add_column(form, y, cell, counts)
    for k in range(len(counts)):
        if counts[k] <= 0:
            counts[k] = -1.0
    _take_part(form, counts, slot, work.taking)


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
    work.expected[0] = 0.0
    _add_column(form, y, cell, total)
    _parts_of(total, form.size_r if is_sound else np.ones(R), work.part)
    work.is_expected[0] = True
    slot = len(work.taking.number) - 1
    _take_part(form, work.part, slot, work.taking)
    _by_group(form, work.part, work)
    for margin in range(G + 1):
        M, sigma = -1, 1.0
        factor, of_others = 0.0, 0.0
        for g in range(G):
            first, last = form.first_n[g], form.first_n[g + 1]
            if first == last or _margin_of(form, g, slot, work) != margin:
                continue
            if M < 0:
                M, sigma = _fit(form, margin, work.part, slot, is_sound, work, work.part)
                if is_sound:
                    factor, of_others = _factors(form, margin, M, sigma, work, total)
            if M > 0:
                _predict(form, margin, first, last, M, sigma, work, work.expected[0])
            if is_sound:
                for i in range(first, last):
                    if form.size_n[i] > 0:
                        work.expected[0, i] *= factor * form.size_n[i] if M > 0 else 0.0
                    else:
                        work.expected[0, i] = of_others


@_compiled
def _factors(form: Form, margin: int, M: int, sigma: float, work: Work, total: Floats) -> tuple[float, float]:
    """κ, by how much respondents' totals are more than they are expected to be; mean total of those of size 0."""
    is_of_all = margin == len(form.covariates)
    lo, hi = (0, len(total)) if is_of_all else (form.first_r[margin], form.first_r[margin + 1])
    without, number = 0.0, 0
    for k in range(lo, hi):
        if form.size_r[k] <= 0:
            without += total[k]
            number += 1
    above, below = 0.0, 0.0
    if M > 0:
        mu = np.empty(hi - lo)
        for k in range(lo, hi):
            mu[k - lo] = work.beta[0] * form.all_r[k] if is_of_all else _mu(form, margin, k, work.beta)
        _expectations(mu, M, sigma, work, mu)
        for k in range(lo, hi):
            if form.size_r[k] > 0:
                above += total[k]
                below += form.size_r[k] * mu[k - lo]
    return above / below if below > 0 else 0.0, without / number if number > 0 else 0.0


@_compiled
def _block(form: Form, y: Columns, cells: Integers, parent: int, is_sound: bool, work: Work) -> None:
    """Impute the rows of a block as shares of their parent."""
    of_parent, part = work.kept_r[parent], work.part
    work.is_expected[: len(cells)] = False
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
        _by_group(form, part, work)
        _means(form, part, part, parent, is_sound, work, work.of_part)
    work.sum_of_rows[:] = 0.0
    for j in range(len(cells)):
        # A row that no respondent has is not expected of anybody.
        if _positive_counts(form, y, cells[j], part, work):
            work.is_expected[j], expected = True, work.expected[j]
            expected[:] = 0.0
            _means(form, work.amount, part, parent, is_sound, work, expected)
            for i in range(len(expected)):
                work.sum_of_rows[i] += expected[i]
    _share_out(form, y, cells, parent, work)


@_compiled
def _share_out(form: Form, y: Columns, cells: Integers, parent: int, work: Work) -> None:
    """Multiply the rows' E so that they add up to what the block has of its parent."""
    target, factor, nobody = work.of_part, work.sum_of_rows, False
    for i in range(len(target)):
        target[i] *= work.kept_n[parent, i]
        nobody |= factor[i] <= 0
        factor[i] = target[i] / factor[i] if factor[i] > 0 else -1.0
    for j in range(len(cells)):
        if not work.is_expected[j]:
            continue
        share = _mean_share(form, y, cells[j], work.kept_r[parent], work.part) if nobody else 0.0
        expected = work.expected[j]
        for i in range(len(target)):
            expected[i] = expected[i] * factor[i] if factor[i] >= 0 else target[i] * share


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
def _take_part(form: Form, part: Floats, slot: int, taking: Taking) -> None:
    """Number and sums of the respondents whose value is at least 0."""
    G, number, sums, squares = len(form.covariates), taking.number[slot], taking.sums[slot], taking.squares[slot]
    number[:] = 0
    sums[:] = 0.0
    squares[:] = 0.0
    for g in range(G):
        for k in range(form.first_r[g], form.first_r[g + 1]):
            if part[k] < 0:
                continue
            number[g] += 1
            for a in range(form.covariates[g]):
                sums[g, a] += form.z_r[k, a]
                squares[g, a] += form.z_r[k, a] * form.z_r[k, a]
            number[G] += 1
            sums[G, 0] += form.all_r[k]
            squares[G, 0] += form.all_r[k] * form.all_r[k]


@_compiled
def _means(form: Form, values: Floats, part: Floats, slot: int, is_sound: bool, work: Work, result: Floats) -> None:
    """E of nonrespondents of all groups, from the values above 0 of the respondents that take part."""
    G = len(form.covariates)
    for margin in range(G + 1):
        M, sigma = -1, 1.0
        for g in range(G):
            first, last = form.first_n[g], form.first_n[g + 1]
            if first == last or _margin_of(form, g, slot, work) != margin:
                continue
            if M < 0:
                M, sigma = _fit(form, margin, part, slot, is_sound, work, values)
            if M > 0:
                _predict(form, margin, first, last, M, sigma, work, result)


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
def _positive_counts(form: Form, y: Columns, cell: int, part: Floats, work: Work) -> bool:
    """As :func:`_by_group` for the counts of a cell, which become ``work.amount``; whether there are any."""
    G, start = len(form.covariates), work.start
    start[:] = 0
    for i in range(y.first[cell], y.first[cell + 1]):
        at = form.position[y.row[i]]
        if at >= 0 and part[at] >= 0 and y.value[i] > 0:
            work.amount[at] = y.value[i]
            start[form.group_r[at] + 1] += 1
    for g in range(G):
        start[g + 1] += start[g]
    work.next[:] = start
    for i in range(y.first[cell], y.first[cell + 1]):
        at = form.position[y.row[i]]
        if at >= 0 and part[at] >= 0 and y.value[i] > 0:
            g = form.group_r[at]
            work.row[work.next[g]] = at
            work.next[g] += 1
    for g in range(G):
        _sort(work.row[start[g] : start[g + 1]], work.amount, work)
    return bool(start[G] > 0)


@_compiled
def _by_group(form: Form, values: Floats, work: Work) -> None:
    """Respondents with a value above 0, by group and, within it, ascending by value."""
    for g in range(len(form.covariates)):
        start, k = work.start[g], work.start[g]
        for at in range(form.first_r[g], form.first_r[g + 1]):
            if values[at] > 0:
                work.row[k] = at
                k += 1
        _sort(work.row[start:k], values, work)
        work.start[g + 1] = k


@_compiled
def _sort(rows: Integers, values: Floats, work: Work) -> None:
    """Sort respondents by their values above 0: by their whole part, as most counts are whole and small."""
    ends = work.ends
    ends[:] = 0
    for row in rows:
        ends[int(min(values[row], _SMALL))] += 1
    for k in range(1, _SMALL + 1):
        ends[k] += ends[k - 1]
    sorted_ = work.sorted[: len(rows)]
    for i in range(len(rows) - 1, -1, -1):
        k = int(min(values[rows[i]], _SMALL))
        ends[k] -= 1
        sorted_[ends[k]] = rows[i]
    rows[:] = sorted_
    first = 0
    while first < len(rows):
        k, last, is_equal = int(min(values[rows[first]], _SMALL)), first + 1, True
        while last < len(rows) and int(min(values[rows[last]], _SMALL)) == k:
            is_equal = is_equal and values[rows[last]] == values[rows[first]]
            last += 1
        if not is_equal:
            rows[first:last] = rows[first:last][np.argsort(values[rows[first:last]], kind="mergesort")]
        first = last


@_compiled
def _margin_of(form: Form, g: int, slot: int, work: Work) -> int:
    """The group whose respondents make the margin of group g: itself, or all, G, where too few of it have the column.

    A single group is all.
    """
    G = len(form.covariates)
    is_enough = work.taking.number[slot, g] >= _LEAST_INSIDE and work.start[g + 1] - work.start[g] >= LEAST_POSITIVE
    return g if G == 1 or is_enough else G


@_compiled
def _fit(
    form: Form, margin: int, part: Floats, slot: int, is_sound: bool, work: Work, values: Floats
) -> tuple[int, float]:
    """The steps of the margin, and β and σ: number of steps (0 if there is nobody), σ."""
    is_of_all = margin == len(form.covariates)
    p = 1 if is_of_all else form.covariates[margin]
    n = work.taking.number[slot, margin]
    if n == 0:
        return 0, 1.0
    if is_of_all:
        chosen = work.row[: work.start[-1]].copy()
        _sort(chosen, values, work)
    else:
        chosen = work.row[work.start[margin] : work.start[margin + 1]]
    ascending = values[chosen]
    M = steps(ascending, n - len(chosen), work.x, work.q)
    if M == 1:
        work.beta[:p] = 0.0
        return 1, 1.0
    z = form.all_r.reshape((len(form.all_r), 1)) if is_of_all else form.z_r
    if is_sound:
        zeros = n - len(chosen)
        score_correlations(
            z, chosen, ascending, zeros, work.taking.sums[slot, margin], work.taking.squares[slot, margin], p, work.r
        )
    else:
        lo, hi = (0, len(part)) if is_of_all else (form.first_r[margin], form.first_r[margin + 1])
        inside = lo + np.flatnonzero(part[lo:hi] >= 0)
        for a in range(p):
            work.r[a] = np.sin(np.pi / 2 * tau_b(z[:, a], chosen, ascending, inside))
    inverse = np.ones((1, 1)) if is_of_all else form.inverse[margin]
    return M, coefficients(work.r, inverse, p, work.beta)


@_compiled
def _predict(form: Form, margin: int, first: int, last: int, M: int, sigma: float, work: Work, result: Floats) -> None:
    """E of some nonrespondents."""
    mu = result[first:last]
    if margin == len(form.covariates):
        for i in range(len(mu)):
            mu[i] = work.beta[0] * form.all_n[first + i]
    else:
        mu[:] = 0.0
        for a in range(form.covariates[margin]):
            z, beta = form.z_n[a, first:last], work.beta[a]
            for i in range(len(mu)):
                mu[i] += beta * z[i]
    _expectations(mu, M, sigma, work, mu)


@_compiled
def _expectations(mu: Floats, M: int, sigma: float, work: Work, result: Floats) -> None:
    """E at many μ: of each, or between values of μ if there are many. Both arrays may be the same."""
    least, most = mu.min(), mu.max()
    nodes = int((most - least) / (_NODE_DISTANCE * sigma)) + 2
    if M == 1 or len(mu) <= 2 * nodes:
        for i in range(len(mu)):
            result[i] = expectation(work.x, work.q, M, mu[i], sigma)
        return
    width = (most - least) / (nodes - 1)
    for node in range(nodes):
        work.nodes[node], slope = expectation_and_slope(work.x, work.q, M, least + node * width, sigma)
        work.slopes[node] = slope * width
    lowest, highest, per_width = work.x[0], work.x[M - 1], 1 / width if width > 0 else 0.0
    for i in range(len(mu)):
        at = (mu[i] - least) * per_width
        below = min(int(at), nodes - 2)
        t, value = at - below, work.nodes[below]
        rise, first, second = work.nodes[below + 1] - value, work.slopes[below], work.slopes[below + 1]
        value += t * (first + t * (3 * rise - 2 * first - second + t * (first + second - 2 * rise)))
        result[i] = min(max(value, lowest), highest)


@_compiled
def _mu(form: Form, g: int, k: int, beta: Floats) -> float:
    """Normal score of the covariates of a respondent."""
    mu = 0.0
    for a in range(form.covariates[g]):
        mu += float(beta[a] * form.z_r[k, a])
    return mu
