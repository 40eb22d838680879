"""Independent linear combinations (directions) of the controls of each cell, and the totals along them.

With the controls scaled to length one under the design weights, X_s = X diag(1 / scale), the eigenvectors v_j of
X_s' diag(d) X_s give directions z_j = X_s v_j. The length of z_j is computed from z_j itself, because the eigenvalue
has lost half of its digits. Directions longer than 1e-9 are used for the fit. The others are linear dependences among
the controls; the totals must satisfy the same dependences.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from nibrs_estimation.stats.calibration.layout import Layout

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
#: Largest relative error of a total that is met. Directions that are not longer, relative to the controls, are not
#: used.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Basis:
    """Directions of C cells with p controls; unused directions are 0 throughout.

    Attributes:
        z: (m, p, 128) values of the directions at the records of each block; lengths are 1.
        totals: (C, p) totals along the directions.
        back: (C, p, p) converts residuals along directions into residuals of the controls.
        to_lambda: (C, p, p) converts multipliers of directions into multipliers of the controls.
        is_used: (C, p) whether the direction is used.
        vectors: (C, p, p) directions as combinations (columns) of the scaled controls; unused ones give dependences.
        scaled_totals: (C, p) of the scaled controls.
        allowance: (C, p) largest accepted residual of each control; infinite where the control is not selected.
        contradicts: (C,) the totals violate a dependence by more than the accepted errors explain.
    """

    z: Floats
    totals: Floats
    back: Floats
    to_lambda: Floats
    is_used: Flags
    vectors: Floats
    scaled_totals: Floats
    allowance: Floats
    contradicts: Flags

    def keep(self, cells: Flags, blocks: Flags) -> Basis:
        """Directions of some of the cells; ``blocks`` are the blocks of these cells."""
        return Basis(**{f.name: getattr(self, f.name)[blocks if f.name == "z" else cells] for f in fields(self)})


def basis_of(layout: Layout, x: Floats, d: Floats, totals: Floats, is_selected: Flags | None) -> Basis:
    """Compute the directions of the controls of each cell.

    Args:
        layout: layout of the cells.
        x: (m, p, 128) controls.
        d: (m, 128) design weights.
        totals: (C, p) totals to be met.
        is_selected: (C, p) controls that are used, or None for all.
    """
    p = x.shape[1]
    with np.errstate(over="ignore"):
        gram = layout.sum((x * d[:, None, :]) @ x.transpose(0, 2, 1))
    length = np.sqrt(np.diagonal(gram, axis1=1, axis2=2))
    if not np.isfinite(length).all():
        raise ValueError("controls are too large: their squares are not finite")
    is_present = length > 0 if is_selected is None else (length > 0) & is_selected
    all_present = bool(is_present.all())
    if not all_present:
        length = np.where(is_present, length, 1.0)
        totals = totals if is_selected is None else np.where(is_selected, totals, 0.0)
        # An absent control becomes an eigenvector by itself, so it is in no dependence among the others.
        gram = np.where(is_present[:, :, None] & is_present[:, None, :], gram, -np.eye(p))
    gram /= length[:, :, None] * length[:, None, :]
    vectors = np.linalg.eigh(gram)[1]
    to_directions = vectors / length[:, :, None]
    if not all_present:
        to_directions = np.where(is_present[:, :, None], to_directions, 0.0)

    z = layout.spread(to_directions.transpose(0, 2, 1)) @ x
    lengths = np.sqrt(layout.sum((z * z @ d[:, :, None])[:, :, 0]))
    is_used = lengths > TOLERANCE
    all_used = bool(is_used.all())
    inverse = 1 / lengths if all_used else np.where(is_used, 1 / np.where(is_used, lengths, 1.0), 0.0)
    z *= layout.spread(inverse)[:, :, None]

    scaled_totals = totals / length
    along = (vectors * scaled_totals[:, :, None]).sum(axis=1)
    contradicts = np.zeros(len(totals), dtype=np.bool_)
    if not all_used:
        contradicts = (~is_used & (np.abs(along) > _accepted_error(vectors, scaled_totals))).any(axis=1)
    # A total of 0 has no relative error: the length of the control is used instead.
    allowance = np.abs(totals)
    allowance = TOLERANCE * np.where(allowance > 0, allowance, length)
    if is_selected is not None:
        allowance = np.where(is_selected, allowance, np.inf)
    return Basis(
        z=z,
        totals=along * inverse,
        back=length[:, :, None] * vectors * (lengths * is_used)[:, None, :],
        to_lambda=to_directions * inverse[:, None, :],
        is_used=is_used,
        vectors=vectors,
        scaled_totals=scaled_totals,
        allowance=allowance,
        contradicts=contradicts,
    )


def contradiction(basis: Basis, cell: int) -> NDArray[np.intp]:
    """Controls of a cell whose totals violate a dependence among them; of several dependences, the one with fewest."""
    relations = _reduced(basis.vectors[cell][:, ~basis.is_used[cell]].T)
    totals = basis.scaled_totals[cell]
    excess = np.abs(relations @ totals) / np.maximum(_accepted_error(relations.T[None], totals[None])[0], 1e-300)
    relations = relations[excess > min(1.0, excess.max() / 2)]
    takes_part = np.abs(relations) > 1e-6
    return np.flatnonzero(takes_part[np.argmin(takes_part.sum(axis=1))])


def _reduced(rows: Floats) -> Floats:
    """Rows of the same span, reduced by Gauss-Jordan elimination, so that each dependence involves few controls."""
    rows = rows.copy()
    for at in range(len(rows)):
        pivot = np.argmax(np.abs(rows[at]))
        rows[at] /= rows[at, pivot]
        others = np.arange(len(rows)) != at
        rows[others] -= rows[others, pivot][:, None] * rows[at]
    return rows


def _accepted_error(vectors: Floats, scaled_totals: Floats) -> Floats:
    """How far accepted errors and rounding can move the totals along each direction."""
    size = np.abs(scaled_totals)
    moved = (np.abs(vectors) * size[:, :, None]).sum(axis=1)
    return np.asarray(TOLERANCE * moved + 1e-13 * size.max(axis=1, keepdims=True))
