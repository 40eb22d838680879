"""Totals and ratios of all cells in all domains at once, with the prediction variance of what was not reported.

Values are a sparse matrix PSUs x cells; estimates are computed for each cell and domain in which a respondent has a
value, or whose nonrespondents are predicted by respondents of the place that have one. Formulas are in modules
``layout`` (variance), ``kernels`` (dispersion, ratios) and ``expansion`` (totals by ratios of places). With weights and
ratios of groups, θ_h = T_h / X̂_h, totals are corrected by the known miss of the domain, T_D = Σ_h [T_hD - θ_h (X̂_hD -
X_hD)]; where X̂_h is 0, so is θ_h, and nothing is corrected. Either way parts of a place add up to it. A total is at
least what was reported. Source: handbook 11.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.stats.linearization.cell_kernels import Columns
from nibrs_estimation.stats.prediction.form import PredictionForm
from nibrs_estimation.stats.prediction.kernels import NUMBERS, Model, aligned, estimate, put_in_order, scratch

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
#: Number of parts of the work for each thread.
_PIECES = 4
#: With fewer values of y threads take more time than they save.
_FEW_VALUES = 50_000


@dataclass(frozen=True)
class PredictionEstimates:
    """Estimates by cell and domain, sorted by both; pairs that are 0, without a value or prediction, are omitted.

    Attributes:
        cell: column of y.
        domain: number of the domain.
        total: T, corrected if the settings say so.
        standard_error: √V of the total.
        reported: S = Σ share x reported value.
        unit_count: respondents (PSUs) with a value above 0.
        unweighted_total: Σ value of the respondents, not multiplied by share.
        ratio: R = T / T of the denominator; NaN without a denominator, and where its total is 0.
        ratio_standard_error: standard error of ``ratio``; NaN where ``ratio`` is NaN.
        place_ratio: θ = T / X̂ of the place, if the settings say so, otherwise of the domain's first group; 0 where X̂ is
            0, that is, where no respondent has the benchmark.
    """

    cell: NDArray[np.int32]
    domain: NDArray[np.int32]
    total: Floats
    standard_error: Floats
    reported: Floats
    unit_count: Integers
    unweighted_total: Floats
    ratio: Floats
    ratio_standard_error: Floats
    place_ratio: Floats


class FormUse(NamedTuple):
    """Cells and domains that are estimated by one form.

    Attributes:
        form: units and domains, by :func:`nibrs_estimation.stats.prediction.form.prediction_form`.
        cells: (n,) columns of y.
        is_wanted: (G,) domains.
    """

    form: PredictionForm
    cells: NDArray[np.integer]
    is_wanted: NDArray[np.bool_]


@dataclass(frozen=True)
class _Problem:
    """Columns and their numbers, checked."""

    y: Columns
    own: Floats
    b: Columns
    own_b: Floats
    denominator_of: Integers
    floors_ratios: bool


class _Piece(NamedTuple):
    """Estimates of some cells of a use, as rows of module ``kernels``."""

    use: FormUse
    cells: Integers
    numbers: Floats


def prediction_estimates(
    form: PredictionForm,
    y: sparse.csc_array,
    own: sparse.csc_array,
    denominators: sparse.csc_array | None = None,
    denominator_of: NDArray[np.integer] | None = None,
    *,
    own_denominators: sparse.csc_array | None = None,
    threads: int = 2,
) -> PredictionEstimates:
    """Estimates of every cell in every domain by one form, as :func:`estimates_by_forms`."""
    everywhere = FormUse(form, np.arange(y.shape[1]), np.ones(len(form.design.domains.place), dtype=np.bool_))
    return estimates_by_forms(
        [everywhere], y, own, denominators, denominator_of, own_denominators=own_denominators, threads=threads
    )


def estimates_by_forms(
    uses: Sequence[FormUse],
    y: sparse.csc_array,
    own: sparse.csc_array,
    denominators: sparse.csc_array | None = None,
    denominator_of: NDArray[np.integer] | None = None,
    *,
    own_denominators: sparse.csc_array | None = None,
    threads: int = 2,
) -> PredictionEstimates:
    """Estimates of cells in domains, each pair by one form.

    The results depend, to the last bit, only on the order of the rows of y, not on that of the units or on ``threads``.

    Args:
        uses: at least one form, with its cells and domains; forms are of the same domains.
        y: (PSUs, m) values of whole PSUs, at least 0, completed where months are missing.
        own: (PSUs, m) reported values, not completed; only where y has values.
        denominators: (PSUs, K) values of the denominators.
        denominator_of: (m,) each cell's column of ``denominators``; -1 if it has none.
        own_denominators: (PSUs, K) reported values of the denominators. If omitted, totals within ratios may be below
            what was reported, above and below the line.
        threads: largest number of threads.

    Raises:
        ValueError: shapes do not fit, values are not finite numbers of at least 0, or ``own`` has values where y has
            none.
    """
    psus, m = len(uses[0].form.design.positions.first_position) - 1, y.shape[1]
    if denominators is None or denominator_of is None:
        denominators, denominator_of = sparse.csc_array((psus, 0)), np.full(m, -1)
    K = denominators.shape[1]
    own_b = sparse.csc_array((psus, K)) if own_denominators is None else own_denominators
    for name, matrix, columns in (("y", y, m), ("own", own, m), ("denominators", denominators, K)):
        _check_matrix(name, matrix, psus, columns)
    _check_matrix("own_denominators", own_b, psus, K)
    _check_choice("denominator_of", denominator_of, m, -1, K)
    values, divisors = _columns(y), _columns(denominators)
    problem = _Problem(
        y=values,
        own=_aligned("own", values, _columns(own)),
        b=divisors,
        own_b=_aligned("own_denominators", divisors, _columns(own_b)),
        denominator_of=denominator_of.astype(np.int64),
        floors_ratios=own_denominators is not None,
    )
    is_found = np.zeros((m, len(uses[0].is_wanted)), dtype=np.bool_)
    return _in_order(_estimated(uses, problem, is_found, threads), is_found)


def _estimated(uses: Sequence[FormUse], problem: _Problem, is_found: NDArray[np.bool_], threads: int) -> list[_Piece]:
    """Estimates in any order, and where they are, into ``is_found`` (m, G)."""
    sizes = np.diff(problem.y.first)

    def work(use: FormUse, cells: Integers) -> _Piece:
        form = use.form
        model = Model(
            float(form.settings.prior_freedom),
            float(form.settings.state_variance),
            form.settings.corrects,
            problem.floors_ratios,
            form.settings.is_of_place,
        )
        numbers = np.empty((len(cells) * int(use.is_wanted.sum()), NUMBERS))
        rows = estimate(
            form.design,
            model,
            problem.y,
            problem.own,
            problem.b,
            problem.own_b,
            cells,
            problem.denominator_of,
            use.is_wanted,
            scratch(form.design),
            is_found,
            numbers,
        )
        return _Piece(use, cells, numbers[:rows].copy())

    # Cells that are 0 everywhere are skipped; in a small area these are most cells.
    counted = [use.cells[sizes[use.cells] > 0] for use in uses]
    ordered = [cells[np.argsort(problem.denominator_of[cells], kind="stable")] for cells in counted]
    if sum(int(sizes[cells].sum()) for cells in ordered) < _FEW_VALUES:
        return [work(use, cells) for use, cells in zip(uses, ordered, strict=True)]
    pieces = [
        (use, piece)
        for use, cells in zip(uses, ordered, strict=True)
        for piece in _pieces(cells, sizes, threads * _PIECES)
    ]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda piece: work(*piece), pieces))


def _in_order(pieces: list[_Piece], is_found: NDArray[np.bool_]) -> PredictionEstimates:
    cell, domain = np.nonzero(is_found)
    first_row = np.searchsorted(cell, np.arange(len(is_found)))
    numbers = np.zeros((NUMBERS, len(cell)))
    for use, cells, of_piece in pieces:
        put_in_order(is_found, first_row, cells, use.is_wanted, of_piece, numbers)
    total, error, reported, unweighted, ratio, ratio_error, theta, units = numbers
    return PredictionEstimates(
        cell=cell.astype(np.int32),
        domain=domain.astype(np.int32),
        total=total,
        standard_error=error,
        reported=reported,
        unit_count=units.astype(np.int64),
        unweighted_total=unweighted,
        ratio=ratio,
        ratio_standard_error=ratio_error,
        place_ratio=theta,
    )


def _pieces(cells: Integers, sizes: Integers, number: int) -> list[Integers]:
    """Cells, divided into parts with about equal numbers of values."""
    done = np.cumsum(sizes[cells] + 1)
    cuts = np.searchsorted(done, done[-1] * np.arange(1, number) / number) if len(done) else []
    return [piece for piece in np.split(cells, cuts) if len(piece)]


def _columns(matrix: sparse.csc_array) -> Columns:
    """Columns with ascending rows and without zeros; a copy only where the matrix is not so already."""
    columns = sparse.csc_array(matrix, dtype=np.float64)
    if not (columns.has_canonical_format and columns.data.all()):
        columns = columns.copy()
        columns.sum_duplicates()
        columns.eliminate_zeros()
    return Columns(columns.indptr.astype(np.int64), columns.indices.astype(np.int32, copy=False), columns.data)


def _aligned(name: str, y: Columns, own: Columns) -> Floats:
    """Reported values, one for each value of y."""
    values = np.zeros(len(y.value))
    others = aligned(y, own, values)
    if others:
        raise ValueError(
            f"{name} has {others} values where the completed counts are 0: what was reported is part of them"
        )
    return values


def _check_matrix(name: str, matrix: sparse.csc_array, psus: int, columns: int) -> None:
    if matrix.shape != (psus, columns):
        raise ValueError(f"{name} must be {psus} PSUs x {columns} columns, but it is {matrix.shape}")
    if not (np.isfinite(matrix.data).all() and (matrix.data >= 0).all()):
        raise ValueError(f"values of {name} must be finite numbers of at least 0")


def _check_choice(name: str, numbers: NDArray[np.integer], length: int, least: int, limit: int) -> None:
    if numbers.shape != (length,):
        raise ValueError(f"{name} must be {length} numbers, but its shape is {numbers.shape}")
    if length and not (numbers.min() >= least and numbers.max() < limit):
        raise ValueError(
            f"{name} must go from {least} to {limit - 1}, but goes from {numbers.min()} to {numbers.max()}"
        )
