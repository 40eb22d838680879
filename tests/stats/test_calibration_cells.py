"""Calibration of many cells at once: each as by itself, to the bit, whatever else there is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from nibrs_estimation.stats.calibration import CellCalibrations, Method, calibrate, calibrate_cells

Floats = NDArray[np.float64]
UPPER = 6.0


@dataclass(frozen=True)
class Cell:
    x: Floats
    d: Floats
    totals: Floats
    lower: float


def some_cells() -> list[Cell]:
    """Cells of 1 to 700 respondents; some cannot be solved, some need no weights, one has a single huge agency."""
    rng = np.random.default_rng(11)
    cells = []
    for number, units in enumerate([4, 1000, 33, 50, 6, 2, 90, 300, 64, 65, 3, 20, 40, 150, 9, 70, 31, 500, 12, 45]):
        size = rng.lognormal(3, 1.3, units)
        parts = rng.poisson(size[:, None] * [0.2, 0.5, 0.02, 0.3]).astype(float)
        x = np.column_stack([parts.sum(axis=1), parts])
        responds = rng.random(units) < 0.7
        responds[:2] = True
        if number == 3:
            x[0] *= 500
        totals = x.sum(axis=0)
        if number == 6:
            totals[0] += 1
        if number == 7:
            totals[1:] *= [1, 1, 9, 1]
            totals[0] = totals[1:].sum()
        n = int(responds.sum())
        cells.append(Cell(x[responds], np.full(n, units / n), totals, 0.999 * n / units))
    # Design weights that meet the totals already, and a cell without crime.
    x = rng.poisson(30, (8, 5)).astype(float)
    cells.append(Cell(x, np.ones(8), x.sum(axis=0), 0.5))
    cells.append(Cell(np.zeros((5, 5)), np.full(5, 1.2), np.zeros(5), 0.8))
    return cells


def together(cells: Sequence[Cell], **options: object) -> CellCalibrations:
    return calibrate_cells(
        np.concatenate([cell.x for cell in cells]),
        np.concatenate([cell.d for cell in cells]),
        np.array([cell.totals for cell in cells]),
        np.repeat(np.arange(len(cells)), [len(cell.x) for cell in cells]),
        **{"bounds": (np.array([cell.lower for cell in cells]), UPPER)} | options,  # type: ignore[arg-type]
    )


def bits_of(made: CellCalibrations, cells: Sequence[Cell]) -> list[tuple[object, ...]]:
    ends = np.cumsum([len(cell.x) for cell in cells])
    weights = np.split(made.weights, ends[:-1])
    return [
        (
            made.status[c], made.reason[c], made.rank[c], made.iterations[c], weights[c].tobytes(),
            made.residuals[c].tobytes(), made.lambda_[c].tobytes(),
        )
        for c in range(len(cells))
    ]  # fmt: skip


@pytest.mark.parametrize("method", ["linear", "raking", "logit"])
def test_same_bits_alone_and_among_others(method: Method) -> None:
    cells = some_cells()
    made = bits_of(together(cells, method=method), cells)
    assert {bits[0] for bits in made} == {"converged", "infeasible"}
    for cell, bits in zip(cells, made, strict=True):
        alone = calibrate(cell.x, cell.d, cell.totals, bounds=(cell.lower, UPPER), method=method)
        assert bits == (
            alone.status, alone.reason, alone.rank, alone.iterations, alone.weights.tobytes(),
            alone.residuals.tobytes(), alone.lambda_.tobytes(),
        )  # fmt: skip


def test_same_bits_in_any_order_and_number_of_cells() -> None:
    cells = some_cells()
    made = bits_of(together(cells), cells)
    rng = np.random.default_rng(5)
    for size in (len(cells), 13, 5, 2):
        order = rng.permutation(len(cells))[:size]
        chosen = [cells[c] for c in order]
        assert bits_of(together(chosen), chosen) == [made[c] for c in order]


def test_order_of_the_records_matters_to_rounding_only() -> None:
    rng = np.random.default_rng(6)
    cells = some_cells()
    orders = [rng.permutation(len(cell.x)) for cell in cells]
    shuffled = [
        Cell(cell.x[order], cell.d[order], cell.totals, cell.lower)
        for cell, order in zip(cells, orders, strict=True)
    ]  # fmt: skip
    one, other = together(cells), together(shuffled)
    np.testing.assert_array_equal(one.status, other.status)
    start = 0
    for order in orders:
        part = slice(start, start + len(order))
        np.testing.assert_allclose(other.weights[part], one.weights[part][order], rtol=1e-8)
        start += len(order)


def test_controls_that_are_not_selected_are_left_alone() -> None:
    cells = some_cells()
    rng = np.random.default_rng(7)
    selected = rng.random((len(cells), 5)) < 0.5
    selected[0] = False
    made = together(cells, is_selected=selected)
    ends = np.cumsum([len(cell.x) for cell in cells])
    weights = np.split(made.weights, ends[:-1])
    np.testing.assert_array_equal(weights[0], cells[0].d)
    for c, cell in enumerate(cells[1:], 1):
        mine = selected[c]
        if not mine.any():
            np.testing.assert_array_equal(weights[c], cell.d)
            continue
        alone = calibrate(cell.x[:, mine], cell.d, cell.totals[mine], bounds=(cell.lower, UPPER))
        assert made.status[c] == alone.status
        assert made.rank[c] == alone.rank
        np.testing.assert_allclose(weights[c], alone.weights, rtol=1e-9)
        if alone.status == "converged":
            np.testing.assert_allclose(made.residuals[c], cell.x.T @ weights[c] - cell.totals, rtol=1e-7, atol=1e-6)
            assert not made.lambda_[c, ~mine].any()


def test_a_cell_without_records_meets_totals_of_zero_only() -> None:
    made = calibrate_cells(
        np.array([[2.0], [3.0]]), [1.5, 1.5], [[0.0], [8.0], [4.0]], [1, 1], bounds=(0.5, [3.0, 3.0, 3.0])
    )
    assert made.status.tolist() == ["converged", "converged", "infeasible"]
    assert made.reason[2] == "control 0 is 0 in every unit, but its total is not"
    assert made.weights @ [2, 3] == pytest.approx(8, rel=1e-9)


def test_no_records_at_all() -> None:
    made = calibrate_cells(np.zeros((0, 2)), [], np.zeros((0, 2)), np.zeros(0, dtype=int), bounds=(0.5, 2))
    assert (len(made.weights), len(made.status)) == (0, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cell": [1, 0]}, "units are not sorted by cell"),
        ({"cell": [0, 2]}, "cells run from 0 to 2, but there are totals of 2 cells"),
        ({"cell": [-1, 0]}, "cells run from -1 to 0"),
        ({"cell": [0]}, "2 units have cell numbers of shape"),
        ({"cell": [0.0, 1.0]}, "type float64"),
        ({"totals": [3.0]}, "one row for each cell"),
        ({"totals": [[3.0], [np.inf]]}, "total 0 of cell 1 is inf"),
        ({"bounds": ([0.5, 1.5], 2.0)}, "bounds 1.5 and 2.0 of cell 1: 1, "),
        ({"bounds": ([0.5, 0.5, 0.5], 2.0)}, "one number, or one for each of 2 cells"),
        ({"is_selected": np.ones((2, 2), dtype=bool)}, "is_selected has shape"),
    ],
)
def test_bad_arguments_are_refused(change: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {
        "controls": [[1.0], [2.0]], "design_weights": [1.5, 1.5], "totals": [[2.0], [3.0]], "cell": [0, 1],
        "bounds": (0.5, 2.0),
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        calibrate_cells(**arguments | change)  # type: ignore[arg-type]
