"""Residuals of a group's counts from its controls, as sums of squares that need a few moments of each column.

The counts of a unit with benchmark m are thought to have the variance v = (m + 1)^γ up to a factor. With rows x/√v of
the controls, an orthonormal basis Q of them and leverages g = Σ_j Q_j²,

    ẽ = y/√v - Q Qᵀ(y/√v),    ê² = v ẽ² / (1 - g)

(MacKinnon and White 1985, HC2). The group's dispersion needs Σ ê² (m + 1)^(-γ/2) = Σ c ẽ², c = (m + 1)^(γ/2) / (1 - g).
With Q turned so that QᵀcQ is diagonal, κ, and ỹ = y/√v, b = Qᵀỹ, d = Qᵀ(c∘ỹ),

    Σ c ẽ² = Σ c ỹ² - 2 Σ_j b_j d_j + Σ_j κ_j b_j².

Source: handbook 11.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nibrs_estimation.stats.linearization.control_basis import cross_products, orthonormal_directions

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
#: A regression must leave at least so many degrees of freedom, and as many as it uses; else it is on the total alone.
LEAST_FREEDOM = 4
LARGEST_LEVERAGE = 0.98


@dataclass(frozen=True)
class WeightedBasis:
    """Bases of J groups with n units in total.

    Attributes:
        basis: (n, p) Q, turned so that QᵀcQ is diagonal; in each group its last ``rank`` columns are used, others 0.
        diagonal: (J, p) κ.
        rank: (J,) number of independent controls.
        leverage: (n,) g, at most 0.98.
        multiplier: (n,) c.
    """

    basis: Floats
    diagonal: Floats
    rank: Integers
    leverage: Floats
    multiplier: Floats


def weighted_basis(
    controls: Floats, size: Floats, modeled_size: Floats, starts: Integers, gamma: float
) -> WeightedBasis:
    """Basis of each group's controls in the metric of the model.

    Where a regression would leave fewer than four degrees of freedom, or fewer than it uses, it is on the size alone,
    and so it is in groups without controls, which were not calibrated. Ratio weights have the size as only control.

    Args:
        controls: (n, p) controls, the total first.
        size: (n,) m.
        modeled_size: (n,) m, or what stands for it in the variance.
        starts: (J,) first unit of each group, ascending from 0.
        gamma: γ.
    """
    n = np.diff(starts, append=len(controls))
    group = np.repeat(np.arange(len(starts)), n)
    deviation = (modeled_size + 1) ** (gamma / 2)
    rows = controls / deviation[:, None]
    rank = orthonormal_directions(_unit_columns(rows, starts, group), starts, group)[1]
    is_on_size = (rank == 0) | (n - rank < np.maximum(LEAST_FREEDOM, rank))
    rows[is_on_size[group]] = 0.0
    rows[:, 0] = np.where(is_on_size[group], size / deviation, rows[:, 0])
    nearly, rank = orthonormal_directions(_unit_columns(rows, starts, group), starts, group)
    # Where controls are nearly dependent, the directions have lost digits: they are orthonormalized a second time.
    basis, _ = orthonormal_directions(nearly, starts, group)
    leverage = np.minimum((basis * basis).sum(axis=1), LARGEST_LEVERAGE)
    multiplier = deviation / (1 - leverage)
    basis, diagonal = _turned(basis, rank, multiplier, starts, group)
    return WeightedBasis(basis, diagonal, rank.astype(np.int64), leverage, multiplier)


def _turned(
    basis: Floats, rank: Integers, multiplier: Floats, starts: Integers, group: Integers
) -> tuple[Floats, Floats]:
    """The basis, turned so that QᵀcQ is diagonal, and the diagonal (J, p)."""
    # Eigenvalues are ascending: those of the unused columns, which are 0, are first.
    values, rotation = np.linalg.eigh(cross_products(basis, multiplier[:, None] * basis, starts))
    is_used = np.arange(values.shape[1]) >= (values.shape[1] - rank)[:, None]
    turned = np.where(is_used[group], np.einsum("kj,kji->ki", basis, rotation[group]), 0.0)
    return np.ascontiguousarray(turned), np.where(is_used, values, 0.0)


def _unit_columns(x: Floats, starts: Integers, group: Integers) -> Floats:
    """Columns of each group, divided by their lengths."""
    length = np.sqrt(np.add.reduceat(x * x, starts, axis=0))
    return np.divide(x, length[group], out=np.zeros_like(x), where=length[group] > 0)
