"""The compiled loops of module ``estimates``: sums over the PSUs, for one column after another.

A column is handled in two passes: sums of its values by group give the dispersion τ² of every group; then the variance
in each domain follows. For groups h with residuals, λ = τ²_P θ_h Σ m²/Σ m and n - p degrees of freedom,

    num_h = Σ_s (ê² - y) (m + 1)^(-γ/2),    den_h = θ_h² Σ_s m^(γ/2),    τ²_P = max(0, Σ num) / Σ den of the pool,
    ν_h = (Σ m^(γ/2))²/Σ m^γ (n - p)/n (λ/(1 + λ))²,
    τ²_h = max(0, (ν_h num_h/den_h + d₀ τ²_P) / (ν_h + d₀)).

θ_h is T_h / X̂_h of the group, or that of its place if the settings say so: Σ (1 + k_h) T_h / Σ (1 + k_h) X̂_h, where T_h
and X̂_h are sums of respondents (module ``expansion``).

A ratio R = T_a/T_b has the variance of the total of z = a - R b over T_b². In it τ²_h is relative to θ of b, and y of
num and of the Poisson part is a(1 - 2R) + R² b. Pooling takes R of the whole place; P and the other terms take R of the
domain. The terms of donors and states take θ of z, θ_a - R θ_b: their deviation is common to a and b.

Sums run in the order of PSUs, domains and groups, and are never reordered, so that neither the number of threads nor
the order of the input changes a bit. y, b: columns of counts and of denominators (CSC: first, row, value). Source:
handbook 11.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from nibrs_estimation.stats.linearization.cell_kernels import Columns
from nibrs_estimation.stats.prediction.layout import Design

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
#: Below this share of the raw sum of squares a sum of residuals from moments has lost its digits by cancellation.
_CANCELLATION = 1e-9
#: Number of columns that are added at a time (W): the design is read from memory once for all of them.
WIDTH = 8
#: Number of results of a cell in a domain.
NUMBERS = 8

_compiled = njit(cache=True, nogil=True, error_model="numpy")


class Model(NamedTuple):
    """Numbers of the model, and choices.

    Attributes:
        prior_freedom: d₀.
        state_variance: σ_s².
        corrects: estimates are corrected.
        floors_ratios: totals within ratios are at least what was reported.
        is_of_place: θ is that of the place, not of the group.
    """

    prior_freedom: float
    state_variance: float
    corrects: bool
    floors_ratios: bool
    is_of_place: bool


class Block(NamedTuple):
    """Sums of up to W columns at a time; zeros between blocks.

    Attributes:
        has_value: (PSUs,) one of the columns has a value.
        dense: (PSUs, 4, W) the columns as dense arrays: value, 1 where there is one, reported value, value of the
            column's denominator.
        moments: (M, W) of each group, as those of one column.
        squares: (H, 2, W)
        values: (H, W) number of values of the group.
        pair_total: (pairs, W)
        sums: (G, 4, W) as those of one column, and PSUs with a value.
    """

    has_value: NDArray[np.bool_]
    dense: Floats
    moments: Floats
    squares: Floats
    values: Floats
    pair_total: Floats
    sums: Floats


class Sums(NamedTuple):
    """Sums of one column.

    Attributes:
        moments: of each group, Σ weight x share x value; Σ s y (m + 1)^(-γ/2), what Poisson noise adds to the
            residuals; b; d.
        squares: (H, 2) Σ c ỹ², and the same with ỹ of this column times ỹ of the denominator.
        pair_total: (pairs,) of weight x share x value.
        sums: (G, 4) Poisson part of the variance, Σ s w max(w - 1, 0) y; Σ share x reported value; Σ value; PSUs with
            a value.
        predicts: (P,) a group that predicts nonrespondents of the place has a value.
        is_estimated: (G,) the domain has a value, or is predicted.
        dense: (PSUs,) the column as a dense array; zeros between columns.
        theta: (H,) θ_h, or θ of the place.
        tau: (H,) τ²_h.
        total: (G,) estimates, corrected where they are, not yet at least what was reported.
        numerator: (H,) num_h.
    """

    moments: Floats
    squares: Floats
    pair_total: Floats
    sums: Floats
    predicts: NDArray[np.bool_]
    is_estimated: NDArray[np.bool_]
    dense: Floats
    theta: Floats
    tau: Floats
    total: Floats
    numerator: Floats


class Scratch(NamedTuple):
    """Working arrays of one thread; z is the cell, or cell - ratio x denominator.

    Attributes:
        cells: sums of cells.
        denominators: sums of denominators.
        cell: sums of the cell.
        denominator: sums of the denominator.
        no_ratio: (P,) zeros.
        ratio: (P,) ratio of each place.
        below_of_place: (P,) total of the denominator of each place.
        numerator: (H,) num_h of cell - ratio x denominator.
        tau: (H,) its τ²_h.
        pools: (2, sums) Σ num and Σ den.
        ratio_of_domain: (G,) ratio of each domain.
        below: (G,) total of the denominator; 0 where there is no ratio.
        poisson: (G,) Poisson part of the variance of z.
        gap: (G,) known miss of z.
        theta: (pairs,) θ_hD of z, for states and donors.
        scale: (pairs,) θ_hD of the column to which τ² is relative.
        of_total: (G,) variances of the cell.
        of_difference: (G,) variances of cell - ratio x denominator.
        residuals: (2, largest number of respondents of a group).
    """

    cells: Block
    denominators: Block
    cell: Sums
    denominator: Sums
    no_ratio: Floats
    ratio: Floats
    below_of_place: Floats
    numerator: Floats
    tau: Floats
    pools: Floats
    ratio_of_domain: Floats
    below: Floats
    poisson: Floats
    gap: Floats
    theta: Floats
    scale: Floats
    of_total: Floats
    of_difference: Floats
    residuals: Floats


def scratch(design: Design) -> Scratch:
    """Working arrays of one thread, filled with zeros."""
    H, P, pairs = len(design.groups.place), design.places, len(design.domains.group)
    G, largest = len(design.domains.place), int(np.diff(design.groups.first_unit).max(initial=0))
    return Scratch(
        cells=_no_block(design),
        denominators=_no_block(design),
        cell=_no_sums(design),
        denominator=_no_sums(design),
        no_ratio=np.zeros(P),
        ratio=np.zeros(P),
        below_of_place=np.zeros(P),
        numerator=np.zeros(H),
        tau=np.zeros(H),
        pools=np.zeros((2, int(design.groups.sums.max()) + 1)),
        ratio_of_domain=np.zeros(G),
        below=np.zeros(G),
        poisson=np.zeros(G),
        gap=np.zeros(G),
        theta=np.zeros(pairs),
        scale=np.zeros(pairs),
        of_total=np.zeros(G),
        of_difference=np.zeros(G),
        residuals=np.zeros((2, largest)),
    )


def _no_block(design: Design) -> Block:
    H, pairs = len(design.groups.place), len(design.domains.group)
    G, psus = len(design.domains.place), len(design.positions.first_position) - 1
    return Block(
        has_value=np.zeros(psus, dtype=np.bool_),
        dense=np.zeros((psus, 4, WIDTH)),
        moments=np.zeros((design.groups.first_moment[-1], WIDTH)),
        squares=np.zeros((H, 2, WIDTH)),
        values=np.zeros((H, WIDTH)),
        pair_total=np.zeros((pairs, WIDTH)),
        sums=np.zeros((G, 4, WIDTH)),
    )


def _no_sums(design: Design) -> Sums:
    H, pairs = len(design.groups.place), len(design.domains.group)
    G, psus = len(design.domains.place), len(design.positions.first_position) - 1
    return Sums(
        moments=np.zeros(design.groups.first_moment[-1]),
        squares=np.zeros((H, 2)),
        pair_total=np.zeros(pairs),
        sums=np.zeros((G, 4)),
        predicts=np.zeros(design.places, dtype=np.bool_),
        is_estimated=np.zeros(G, dtype=np.bool_),
        dense=np.zeros(psus),
        theta=np.zeros(H),
        tau=np.zeros(H),
        total=np.zeros(G),
        numerator=np.zeros(H),
    )


@_compiled
def aligned(y: Columns, own: Columns, values: Floats) -> int:
    """Values of ``own`` where y has values, into ``values``; the number of values of ``own`` where y has none."""
    others = 0
    for cell in range(len(y.first) - 1):
        i, last = y.first[cell], y.first[cell + 1]
        for k in range(own.first[cell], own.first[cell + 1]):
            while i < last and y.row[i] < own.row[k]:
                i += 1
            if i < last and y.row[i] == own.row[k]:
                values[i] = own.value[k]
            else:
                others += 1
    return others


@_compiled
def estimate(
    design: Design,
    model: Model,
    y: Columns,
    own: Floats,
    b: Columns,
    own_b: Floats,
    cells: Integers,
    denominator_of: Integers,
    is_wanted: NDArray[np.bool_],
    work: Scratch,
    is_found: NDArray[np.bool_],
    numbers: Floats,
) -> int:
    """Estimate some cells, sorted by their denominators.

    Args:
        design: the units.
        model: the model.
        y: values.
        own: reported values, one for each value of y.
        b: denominators.
        own_b: their reported values.
        cells: the cells.
        denominator_of: (m,) column of b of each cell, -1 if it has no denominator.
        is_wanted: (G,) domains that are wanted.
        work: working arrays of the thread; blocks and dense arrays are zeros at the start and at the end.
        is_found: (m, G) result: the wanted domains in which a cell has a value or is predicted.
        numbers: (rows, 8) result, by cell and found domain: total, its standard error, reported, unweighted total,
            ratio, its standard error, θ of the domain's first group, and number of units with a value.

    Returns:
        Number of rows.
    """
    row, loaded, added = 0, -1, np.zeros(0, dtype=np.int64)
    for begin in range(0, len(cells), WIDTH):
        block = cells[begin : begin + WIDTH]
        _spread(y, own, b, block, denominator_of[block], work.cells)
        _add(design, work.cells)
        for lane in range(len(block)):
            cell = block[lane]
            k = denominator_of[cell]
            if k >= 0 and k != loaded:
                if len(added) == 0 or k > added[-1]:
                    added = _next_denominators(denominator_of, cells[begin + lane :])
                    _clear_block(work.denominators)
                    _spread(b, own_b, b, added, np.full(len(added), -1), work.denominators)
                    _add(design, work.denominators)
                if loaded >= 0:
                    _clear(b, loaded, work.denominator)
                _take(design, b, k, work.denominators, np.searchsorted(added, k), work.denominator)
                _totals(design, model, work.denominator)
                _numerators(design, work.denominator, work.denominator, work.no_ratio, work, work.denominator.numerator)
                loaded = k
            _take(design, y, cell, work.cells, lane, work.cell)
            _estimate(design, model, k >= 0, work)
            row = _write(design, model, k >= 0, is_wanted, work, is_found[cell], numbers, row)
            _clear(y, cell, work.cell)
        _clear_block(work.cells)
    if loaded >= 0:
        _clear(b, loaded, work.denominator)
    _clear_block(work.denominators)
    return row


@_compiled
def _estimate(design: Design, model: Model, has_denominator: bool, work: Scratch) -> None:
    """Totals and variances of a cell from its sums, and its ratios to the denominator."""
    _totals(design, model, work.cell)
    _numerators(design, work.cell, work.denominator, work.no_ratio, work, work.cell.numerator)
    dispersions(design, model, work.cell.theta, work.cell.numerator, work.pools, work.cell.tau)
    _lay_out_totals(design, model, work)
    _variances(design, model, work.cell.is_estimated, work.cell.tau, work, work.of_total)
    if has_denominator:
        _place_ratios(design, model, work)
        _numerators(design, work.cell, work.denominator, work.ratio, work, work.numerator)
        dispersions(design, model, work.denominator.theta, work.numerator, work.pools, work.tau)
        _lay_out_ratios(design, model, work)
        _variances(design, model, work.cell.is_estimated, work.tau, work, work.of_difference)


@_compiled
def _write(
    design: Design,
    model: Model,
    has_denominator: bool,
    is_wanted: NDArray[np.bool_],
    work: Scratch,
    is_found: NDArray[np.bool_],
    numbers: Floats,
    row: int,
) -> int:
    """Write the estimates of a cell from a row on; the row after the last."""
    domains, cell = design.domains, work.cell
    for g in range(len(domains.place)):
        if not (cell.is_estimated[g] and is_wanted[g]):
            continue
        is_found[g] = True
        total, reported = cell.total[g], cell.sums[g, 1]
        numbers[row, 0] = max(total, reported) if model.corrects else total
        numbers[row, 1] = np.sqrt(work.of_total[g])
        numbers[row, 2] = reported
        numbers[row, 3] = cell.sums[g, 2]
        numbers[row, 4] = np.nan
        numbers[row, 5] = np.nan
        if has_denominator and work.below[g] > 0:
            numbers[row, 4] = work.ratio_of_domain[g]
            numbers[row, 5] = np.sqrt(work.of_difference[g]) / work.below[g]
        numbers[row, 6] = cell.theta[domains.group[domains.first_pair[g]]]
        numbers[row, 7] = cell.sums[g, 3]
        row += 1
    return row


@_compiled
def _next_denominators(denominator_of: Integers, cells: Integers) -> Integers:
    """The first denominators of some cells, of which each is above the one before: at most W."""
    found, number = np.zeros(WIDTH, dtype=np.int64), 0
    for cell in cells:
        k = denominator_of[cell]
        if number == 0 or k != found[number - 1]:
            if number == WIDTH:
                break
            found[number] = k
            number += 1
    return found[:number]


@_compiled
def _spread(columns: Columns, own: Floats, others: Columns, cells: Integers, other_of: Integers, block: Block) -> None:
    """Write some columns into the dense arrays of a block, and the column of ``others`` of each that has one."""
    dense = block.dense
    for lane in range(len(cells)):
        for i in range(columns.first[cells[lane]], columns.first[cells[lane] + 1]):
            row = columns.row[i]
            block.has_value[row] = True
            dense[row, 0, lane] = columns.value[i]
            dense[row, 1, lane] = 1.0
            dense[row, 2, lane] = own[i]
        if other_of[lane] >= 0:
            for i in range(others.first[other_of[lane]], others.first[other_of[lane] + 1]):
                dense[others.row[i], 3, lane] = others.value[i]


@_compiled
def _add(design: Design, block: Block) -> None:
    """Add the columns of a block to its sums, in the order of PSUs."""
    groups, positions = design.groups, design.positions
    for row in range(len(block.has_value)):
        if not block.has_value[row]:
            continue
        of_row = block.dense[row]
        for position in range(positions.first_position[row], positions.first_position[row + 1]):
            h, first = positions.group[position], positions.first_number[position]
            poisson, square, expanded = positions.numbers[first : first + 3]
            share = positions.share[position]
            for w in range(WIDTH):
                product = square * of_row[0, w]
                block.squares[h, 0, w] += product * of_row[0, w]
                block.squares[h, 1, w] += product * of_row[3, w]
                block.values[h, w] += of_row[1, w]
            at = groups.first_moment[h]
            for j in range(positions.first_number[position + 1] - first - 2):
                number = positions.numbers[first + 2 + j]
                for w in range(WIDTH):
                    block.moments[at + j, w] += number * of_row[0, w]
            for m in range(positions.first_member[position], positions.first_member[position + 1]):
                g, pair, counts = positions.domain[m], positions.pair[m], positions.counts[m]
                for w in range(WIDTH):
                    block.pair_total[pair, w] += expanded * of_row[0, w]
                    block.sums[g, 0, w] += poisson * of_row[0, w]
                    block.sums[g, 1, w] += share * of_row[2, w]
                if counts:
                    for w in range(WIDTH):
                        block.sums[g, 2, w] += of_row[0, w]
                        block.sums[g, 3, w] += of_row[1, w]


@_compiled
def _clear_block(block: Block) -> None:
    block.has_value[:] = False
    block.dense[:] = 0.0
    block.moments[:] = 0.0
    block.squares[:] = 0.0
    block.values[:] = 0.0
    block.pair_total[:] = 0.0
    block.sums[:] = 0.0


@_compiled
def _take(design: Design, columns: Columns, column: int, block: Block, lane: int, sums: Sums) -> None:
    """The sums of one column of a block."""
    groups, domains = design.groups, design.domains
    for i in range(columns.first[column], columns.first[column + 1]):
        sums.dense[columns.row[i]] = columns.value[i]
    for i in range(len(sums.moments)):
        sums.moments[i] = block.moments[i, lane]
    sums.predicts[:] = False
    for h in range(len(groups.place)):
        sums.squares[h, 0] = block.squares[h, 0, lane]
        sums.squares[h, 1] = block.squares[h, 1, lane]
        if groups.expands[h] and block.values[h, lane] > 0:
            sums.predicts[groups.place[h]] = True
    for g in range(len(domains.place)):
        has_value = block.sums[g, 3, lane] > 0
        sums.is_estimated[g] = has_value or (domains.is_predicted[g] and sums.predicts[domains.place[g]])
        for j in range(4):
            sums.sums[g, j] = block.sums[g, j, lane]
        for q in range(domains.first_pair[g], domains.first_pair[g + 1]):
            sums.pair_total[q] = block.pair_total[q, lane]


@_compiled
def _clear(columns: Columns, column: int, sums: Sums) -> None:
    for i in range(columns.first[column], columns.first[column + 1]):
        sums.dense[columns.row[i]] = 0.0


@_compiled
def _totals(design: Design, model: Model, sums: Sums) -> None:
    """θ of each group, and the estimates of domains, not yet at least what was reported.

    A domain's estimate is Σ_h [T_hD - θ_h (X̂_hD - X_hD)]. If ratios are those of the place it is Σ_h [T_hD + k_hD T_h].
    The second part is what nonrespondents are expected to have. Respondents' Poisson noise counts k² times, and that of
    nonrespondents once.
    """
    groups, domains = design.groups, design.domains
    if model.is_of_place:
        _ratios_of_places(design, sums)
    else:
        for h in range(len(groups.place)):
            expanded = groups.expanded[h]
            sums.theta[h] = sums.moments[groups.first_moment[h]] / expanded if expanded > 0 else 0.0
    for g in range(len(domains.place)):
        if not sums.is_estimated[g]:
            continue
        total, expected, noise = 0.0, 0.0, 0.0
        for q in range(domains.first_pair[g], domains.first_pair[g + 1]):
            total += sums.pair_total[q]
            if model.is_of_place:
                k, of_group = domains.factor[q], sums.moments[groups.first_moment[domains.group[q]]]
                expected += k * of_group
                noise += k * k * of_group
            elif model.corrects:
                total -= sums.theta[domains.group[q]] * domains.gap[q]
        sums.total[g] = total + expected
        sums.sums[g, 0] += noise + expected


@_compiled
def _ratios_of_places(design: Design, sums: Sums) -> None:
    """θ of each place, for each of its groups; 0 where no respondent of the place has the benchmark."""
    groups = design.groups
    above, below = np.zeros(design.places), np.zeros(design.places)
    for h in range(len(groups.place)):
        if groups.place[h] >= 0:
            above[groups.place[h]] += groups.calibration[h] * sums.moments[groups.first_moment[h]]
            below[groups.place[h]] += groups.calibration[h] * groups.expanded[h]
    for h in range(len(groups.place)):
        place = groups.place[h]
        sums.theta[h] = above[place] / below[place] if place >= 0 and below[place] > 0 else 0.0


@_compiled
def _place_ratios(design: Design, model: Model, work: Scratch) -> None:
    """R of the whole of each place, from its groups."""
    groups, a, b = design.groups, work.cell, work.denominator
    above, below = work.ratio, work.below_of_place
    above[:] = 0.0
    below[:] = 0.0
    for h in range(len(groups.place)):
        place = groups.place[h]
        if place >= 0:
            calibration = groups.calibration[h] if model.corrects or model.is_of_place else 1.0
            above[place] += a.moments[groups.first_moment[h]] * calibration
            below[place] += b.moments[groups.first_moment[h]] * calibration
    for place in range(len(below)):
        above[place] = above[place] / below[place] if below[place] > 0 else 0.0


@_compiled
def _numerators(design: Design, a: Sums, b: Sums, ratio: Floats, work: Scratch, numerator: Floats) -> None:
    """num_h of a - ratio x b, from moments or, where these cancel, from residuals."""
    groups = design.groups
    for h in range(len(groups.place)):
        numerator[h] = 0.0
        if not groups.has_residuals[h]:
            continue
        R = ratio[groups.place[h]]
        if a.squares[h, 0] == 0:
            numerator[h] = R * R * b.numerator[h] if R > 0 else 0.0
            continue
        # In this order of operations the result is exactly 0 if a = b and the ratio is 1.
        squares = a.squares[h, 0] - R * (2 * a.squares[h, 1] - R * b.squares[h, 0])
        raw = a.squares[h, 0] + R * (2 * a.squares[h, 1] + R * b.squares[h, 0])
        explained, returned = 0.0, 0.0
        first, p = groups.first_moment[h] + 2, groups.rank[h]
        last_used = groups.diagonal.shape[1] - p
        for j in range(p):
            along = a.moments[first + j] - R * b.moments[first + j]
            explained += 2 * along * (a.moments[first + p + j] - R * b.moments[first + p + j])
            returned += groups.diagonal[h, last_used + j] * along * along
        residuals = squares - explained + returned
        if residuals < _CANCELLATION * (raw + returned):
            residuals = _sum_of_residuals(design, h, a.dense, b.dense, R, work.residuals)
        noise, noise_of_b = a.moments[first - 1], b.moments[first - 1]
        numerator[h] = residuals - (noise - R * (2 * noise - R * noise_of_b))


@_compiled
def _sum_of_residuals(design: Design, h: int, a: Floats, b: Floats, ratio: float, buffers: Floats) -> float:
    """Σ c ẽ² of a - ratio x b."""
    groups = design.groups
    first, last = groups.first_unit[h], groups.first_unit[h + 1]
    y, e = buffers[0], buffers[1]
    for k in range(first, last):
        y[k - first] = groups.scaled[k] * (a[groups.psu[k]] - ratio * b[groups.psu[k]])
        e[k - first] = y[k - first]
    for j in range(groups.basis.shape[1] - groups.rank[h], groups.basis.shape[1]):
        along = 0.0
        for k in range(first, last):
            along += groups.basis[k, j] * y[k - first]
        for k in range(first, last):
            e[k - first] -= along * groups.basis[k, j]
    squares = 0.0
    for k in range(first, last):
        squares += groups.multiplier[k] * e[k - first] ** 2
    return squares


@_compiled
def dispersions(design: Design, model: Model, theta: Floats, numerator: Floats, pools: Floats, tau: Floats) -> None:
    """τ² of each group, from its own residuals and those of its pool."""
    groups = design.groups
    pools[:] = 0.0
    for h in range(len(groups.place)):
        if groups.has_residuals[h] and theta[h] > 0:
            denominator = theta[h] * theta[h] * groups.root_size[h]
            for j in range(groups.sums.shape[1]):
                pools[0, groups.sums[h, j]] += numerator[h]
                pools[1, groups.sums[h, j]] += denominator
    for h in range(len(groups.place)):
        tau[h] = 0.0
        if theta[h] == 0:
            continue
        below = pools[1, groups.pool[h]]
        pooled = max(0.0, pools[0, groups.pool[h]]) / below if below > 0 else 0.0
        noise = pooled * theta[h] * groups.mean_size[h]
        freedom = groups.freedom[h] * (noise / (1 + noise)) ** 2
        tau[h] = pooled
        if freedom > 0:
            own = numerator[h] / (theta[h] * theta[h] * groups.root_size[h])
            tau[h] = max(0.0, (freedom * own + model.prior_freedom * pooled) / (freedom + model.prior_freedom))


@_compiled
def _lay_out_totals(design: Design, model: Model, work: Scratch) -> None:
    """θ, Poisson part and known miss of each domain of the cell, for function ``_variances``.

    θ_hD = T_hD / X̂_hD, and θ_h where the domain has no respondent in the group or ratios are those of the place.
    """
    domains, a = design.domains, work.cell
    for g in range(len(domains.place)):
        if not a.is_estimated[g]:
            continue
        work.poisson[g], work.gap[g] = a.sums[g, 0], 0.0
        for q in range(domains.first_pair[g], domains.first_pair[g + 1]):
            of_group, expanded = a.theta[domains.group[q]], domains.expanded[q]
            is_of_group = model.is_of_place or expanded <= 0
            work.theta[q] = of_group if is_of_group else a.pair_total[q] / expanded
            work.scale[q] = work.theta[q]
            work.gap[g] += of_group * domains.gap[q]


@_compiled
def _lay_out_ratios(design: Design, model: Model, work: Scratch) -> None:
    """The ratio of each domain; then as function ``_lay_out_totals``, for cell - ratio x denominator."""
    domains, a, b = design.domains, work.cell, work.denominator
    for g in range(len(domains.place)):
        work.below[g] = 0.0
        if not (a.is_estimated[g] and b.is_estimated[g]):
            continue
        above, below = a.total[g], b.total[g]
        if model.floors_ratios and model.corrects:
            above, below = max(above, a.sums[g, 1]), max(below, b.sums[g, 1])
        if below <= 0:
            continue
        R = max(above, 0.0) / below
        work.below[g], work.ratio_of_domain[g], work.gap[g] = below, R, 0.0
        # In this order of operations the results are exactly 0 if a = b and the ratio is 1.
        work.poisson[g] = a.sums[g, 0] - R * (2 * a.sums[g, 0] - R * b.sums[g, 0])
        for q in range(domains.first_pair[g], domains.first_pair[g + 1]):
            h, expanded = domains.group[q], domains.expanded[q]
            of_a, of_b = a.theta[h], b.theta[h]
            work.gap[g] += (of_a - R * of_b) * domains.gap[q]
            if expanded > 0 and not model.is_of_place:
                of_a, of_b = a.pair_total[q] / expanded, b.pair_total[q] / expanded
            work.theta[q] = of_a - R * of_b
            work.scale[q] = of_b


@_compiled
def _variances(
    design: Design, model: Model, is_estimated: NDArray[np.bool_], tau: Floats, work: Scratch, variances: Floats
) -> None:
    """Variances of z in the estimated domains. One call makes all, because a call takes longer than one of them."""
    domains = design.domains
    for g in range(len(domains.place)):
        if not is_estimated[g]:
            continue
        variance = work.poisson[g]
        if not model.corrects:
            variance += work.gap[g] * work.gap[g]
        for q in range(domains.first_pair[g], domains.first_pair[g + 1]):
            variance += tau[domains.group[q]] * work.scale[q] * work.scale[q] * domains.spread[q]
            variance += domains.donor[q] * work.theta[q] * work.theta[q]
        if model.state_variance > 0:
            first, last = domains.first_state[g], domains.first_state[g + 1]
            squares, common = 0.0, 0.0
            for k in range(first, last):
                if k > first and domains.state[k] != domains.state[k - 1]:
                    squares += common * common
                    common = 0.0
                common += work.theta[domains.state_pair[k]] * domains.imbalance[k]
            variance += model.state_variance * (squares + common * common)
        variances[g] = max(variance, 0.0)


@_compiled
def put_in_order(
    is_found: NDArray[np.bool_],
    first_row: Integers,
    cells: Integers,
    is_wanted: NDArray[np.bool_],
    numbers: Floats,
    ordered: Floats,
) -> None:
    """Write the rows of some cells and domains where they belong in ``ordered`` (8, rows of all cells and domains)."""
    i = 0
    for cell in cells:
        row = first_row[cell]
        for g in range(len(is_wanted)):
            if is_found[cell, g]:
                if is_wanted[g]:
                    for j in range(NUMBERS):
                        ordered[j, row] = numbers[i, j]
                    i += 1
                row += 1
