"""An orthonormal basis of the controls of a group of sampled units, for residuals of the calibrated variables.

The linearized variate of a calibrated total is w e with e = y - xᵀB, B = (Σ d x xᵀ)⁻¹ Σ d x y (handbook 11; Deville
and Särndal 1992, equation 3.4). The design weight d is the same for all units of a group, so it cancels, and with an
orthonormal basis Q of the group's controls e = y - Q Qᵀy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
#: Eigenvalues of scaled cross products below this share of the largest come from linearly dependent controls.
_DEPENDENT = 1e-10
#: With fewer degrees of freedom the regression is on the first control only.
_LEAST_FREEDOM = 2


@dataclass(frozen=True)
class ControlBasis:
    """Bases of J groups with n units in total.

    Attributes:
        basis: (n, p) Q; in each group its last ``rank`` columns are orthonormal and the others are 0.
        rank: (J,) number of independent controls in the regression.
        factor: (J,) factor of the residuals, for the degrees of freedom that the regression uses.
    """

    basis: Floats
    rank: Integers
    factor: Floats


def control_basis(x: Floats, starts: Integers) -> ControlBasis:
    """Compute the basis of each group's controls, and the factor √((n - 1) / (n - rank)) of its residuals.

    With n units and controls of rank r the residuals have n - r degrees of freedom, not n - 1. If these are fewer than
    two, the regression is on the first control, the total, only: residuals from all controls would be close to 0
    because of overfitting, and the variance far too small. Groups whose controls are all 0 are not calibrated: rank 0,
    factor 1.

    Args:
        x: (n, p) controls, the total first; no intercept is added.
        starts: (J,) first unit of each group, ascending from 0.
    """
    n = np.diff(starts, append=len(x))
    group = np.repeat(np.arange(len(starts)), n)
    length = np.sqrt(np.add.reduceat(x * x, starts, axis=0)) if len(x) else np.zeros((0, x.shape[1]))
    scaled = np.divide(x, length[group], out=np.zeros_like(x), where=length[group] > 0)
    is_used_up = n - orthonormal_directions(scaled, starts, group)[1] < _LEAST_FREEDOM
    scaled[:, 1:][is_used_up[group]] = 0.0
    nearly, rank = orthonormal_directions(scaled, starts, group)
    # Where controls are nearly dependent, the directions have lost digits: they are orthonormalized a second time.
    basis, _ = orthonormal_directions(nearly, starts, group)
    freedom = n - np.maximum(rank, 1)
    factor = np.sqrt(np.where(freedom > 0, (n - 1) / np.maximum(freedom, 1), 1.0))
    return ControlBasis(basis, rank, factor)


def calibration_residuals(y: Floats, x: Floats, group: NDArray[np.integer]) -> Floats:
    """Residuals of y from the regression on the controls of each group, times the group's factor.

    See :func:`control_basis`.

    Args:
        y: (n, m) values.
        x: (n, p) controls, the total first; 0 in groups that are not calibrated.
        group: (n,) number of each unit's group, ascending.
    """
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    found = control_basis(x, starts)
    of_unit = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(x)))
    along = cross_products(found.basis, y, starts)
    residuals = y - np.einsum("kj,kjm->km", found.basis, along[of_unit])
    return np.asarray(residuals * found.factor[of_unit, None], dtype=np.float64)


def cross_products(a: Floats, b: Floats, starts: Integers) -> Floats:
    """Σ a bᵀ over the units of each group: (J, columns of a, columns of b), summed in the order of the units."""
    products = np.zeros((len(starts), a.shape[1], b.shape[1]))
    for column in range(a.shape[1] if len(a) else 0):
        products[:, column] = np.add.reduceat(a[:, [column]] * b, starts, axis=0)
    return products


def orthonormal_directions(x: Floats, starts: Integers, group: Integers) -> tuple[Floats, Integers]:
    """Columns as in :class:`ControlBasis`, orthonormal up to rounding of the cross products, and their number."""
    values, vectors = np.linalg.eigh(cross_products(x, x, starts))
    is_kept = values > _DEPENDENT * values[:, -1:] if x.shape[1] else values > 0
    shrink = np.divide(1.0, np.sqrt(np.abs(values)), out=np.zeros_like(values), where=is_kept)
    return np.einsum("kj,kji->ki", x, (vectors * shrink[:, None, :])[group]), is_kept.sum(axis=1)
