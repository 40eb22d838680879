"""Checks of the arguments of a calibration; errors name the argument and the value."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nibrs_estimation.stats.calibration.distance import Method

Floats = NDArray[np.float64]


def check_problem(controls: ArrayLike, design_weights: ArrayLike, totals: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return the arguments of a problem as arrays of floats.

    Raises:
        ValueError: shapes do not fit, a number is not finite, or a design weight is not above 0.
    """
    x, d, T = (np.asarray(given, dtype=np.float64) for given in (controls, design_weights, totals))
    if x.ndim != 2 or x.shape[1] == 0:
        raise ValueError(
            f"controls have shape {x.shape}: they need one row for each unit and one column for each control"
        )
    if d.shape != (len(x),):
        raise ValueError(f"{len(x)} units have design weights of shape {d.shape}")
    if T.shape[-1:] != x.shape[1:]:
        raise ValueError(f"{x.shape[1]} controls have totals of shape {T.shape}")
    # The sum is not finite if a term is not; it may also overflow, so the terms are checked then.
    if not np.isfinite(x.sum()) and not np.isfinite(x).all():
        row, column = np.argwhere(~np.isfinite(x))[0].tolist()
        raise ValueError(f"control {column} of unit {row} is {x[row, column]}: controls are finite numbers")
    if not (len(d) == 0 or (d.min() > 0 and d.max() < np.inf)):
        unit = int(np.flatnonzero(~((d > 0) & (d < np.inf)))[0])
        raise ValueError(f"the design weight of unit {unit} is {d[unit]}: design weights are finite and above 0")
    if not np.isfinite(T).all():
        at = np.argwhere(~np.isfinite(T))[0].tolist()
        raise ValueError(f"total {at[-1]}{_of_cell(at)} is {T[tuple(at)]}: totals are finite numbers")
    return x, d, T


def check_cells(cell: ArrayLike, units: int, cells: int) -> NDArray[np.intp]:
    """Count the units of each cell.

    Raises:
        ValueError: the number of cell numbers is not that of the units, they are not sorted, or a cell has no totals.
    """
    of_units = np.asarray(cell)
    if of_units.shape != (units,) or (units and not np.issubdtype(of_units.dtype, np.integer)):
        raise ValueError(f"{units} units have cell numbers of shape {of_units.shape} and type {of_units.dtype}")
    of_units = of_units.astype(np.intp)
    if units:
        if (np.diff(of_units) < 0).any():
            raise ValueError("units are not sorted by cell")
        if of_units[0] < 0 or of_units[-1] >= cells:
            raise ValueError(f"cells run from {of_units[0]} to {of_units[-1]}, but there are totals of {cells} cells")
    return np.bincount(of_units, minlength=cells)


def check_bounds(lower: ArrayLike, upper: ArrayLike, cells: int, method: Method) -> tuple[Floats, Floats]:
    """Return the bounds of g, one pair for each cell.

    Raises:
        ValueError: the method is unknown, or bounds are not numbers, 1 is not between them, or they are infinite where
            the method needs finite ones.
    """
    if method not in ("linear", "raking", "logit"):
        raise ValueError(f"unknown method {method!r}: use linear, raking or logit")
    low, high = (np.asarray(bound, dtype=np.float64) for bound in (lower, upper))
    for bound in (low, high):
        if bound.shape not in ((), (cells,)):
            raise ValueError(f"bounds have shape {bound.shape}: one number, or one for each of {cells} cells")
    low, high = (bound if bound.shape else np.full(cells, bound) for bound in (low, high))
    is_good = (low <= 1) & (high >= 1) & (low < high)
    if not is_good.all():
        at = int(np.argmin(is_good))
        raise ValueError(
            f"bounds {low[at]} and {high[at]}{_of_cell((at, 0) if cells > 1 else ())}: 1, the g-weight that changes "
            "nothing, must be between the bounds"
        )
    if method == "logit" and not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise ValueError("the logit distance needs finite bounds")
    # Raking multiplies weights, so they are never negative.
    return np.maximum(low, 0.0) if method == "raking" else low, high


def _of_cell(at: tuple[int, ...] | list[int]) -> str:
    return f" of cell {at[0]}" if len(at) > 1 else ""
