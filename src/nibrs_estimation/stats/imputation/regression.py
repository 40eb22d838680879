"""Ordinary least squares in which factors enter as a whole, and stepwise selection by Akaike's criterion.

Everything is computed from the cross products of the full design, which are computed once. So each round of the
selection solves small systems, independent of the number of rows. Source: handbook 04; Venables and Ripley (2002),
section 6.8, for the direction of the search.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

Floats = NDArray[np.float64]
#: A coefficient is not estimated if the part of its column that is orthogonal to the columns before is shorter than
#: this share of the column.
_RANK_TOLERANCE = 1e-7
#: Below this share of the total sum of squares, the residual sum of squares is only rounding.
_PERFECT = 1e-12


@dataclass(frozen=True)
class LinearModel:
    """A fitted model.

    Attributes:
        terms: names of the terms, in the order of the design.
        intercept: the constant.
        coefficients: term -> (columns of the term,); 0 where a column is determined by the columns before it.
        n_coefficients: number of estimated coefficients, with the intercept.
        aic: n ln(RSS / n) + 2 n_coefficients.
    """

    terms: tuple[str, ...]
    intercept: float
    coefficients: Mapping[str, Floats]
    n_coefficients: int
    aic: float

    def predict(self, design: Mapping[str, Floats]) -> Floats:
        """Predictions for rows of a design, (n,); each row's sum runs over the terms in order."""
        n = len(next(iter(design.values())))
        predicted = np.full(n, self.intercept)
        for term in self.terms:
            # Summed column by column, so that equal rows get exactly equal predictions.
            for column, coefficient in zip(design[term].T, self.coefficients[term], strict=True):
                predicted += column * coefficient
        return predicted


def treatment_dummies(codes: NDArray[np.integer], levels: NDArray[np.integer]) -> Floats:
    """Indicator columns of all levels but the first: (n, levels - 1).

    Raises:
        ValueError: a code is not among the levels.
    """
    if not np.isin(codes, levels).all():
        raise ValueError(f"codes {np.setdiff1d(codes, levels).tolist()} are not among the levels {levels.tolist()}")
    return np.asarray(codes[:, None] == levels[None, 1:], dtype=np.float64)


def fit_linear(y: Floats, design: Mapping[str, Floats], terms: tuple[str, ...] | None = None) -> LinearModel:
    """Ordinary least squares of y on an intercept and the given terms (all of the design if None).

    Args:
        y: (n,) outcome.
        design: term -> (n, columns); a numeric term has one column, a factor one for each level but the first.
        terms: terms of the model.

    Raises:
        ValueError: there is no row, or a number is not finite.
    """
    return _CrossProducts(y, design).fit(tuple(design) if terms is None else terms)


def stepwise(y: Floats, design: Mapping[str, Floats]) -> LinearModel:
    """Stepwise selection in both directions, starting from the full model.

    Each round drops or adds the single term that gives the lowest AIC. The search ends when no change lowers the AIC.
    Of equal changes the first is made, drops before additions. Arguments and errors as in :func:`fit_linear`.
    """
    products = _CrossProducts(y, design)
    best = products.fit(tuple(design))
    while True:
        neighbors = [
            *(tuple(kept for kept in best.terms if kept != term) for term in best.terms),
            *(tuple(t for t in design if t in best.terms or t == term) for term in design if term not in best.terms),
        ]
        models = [products.fit(terms) for terms in neighbors]
        nearest = min(models, key=lambda model: model.aic, default=best)
        if not nearest.aic < best.aic:
            return best
        best = nearest


class _CrossProducts:
    """Centered and scaled cross products of a design, from which any submodel is fitted."""

    def __init__(self, y: Floats, design: Mapping[str, Floats]) -> None:
        self.n = len(y)
        if not self.n:
            raise ValueError("a model needs at least one row")
        columns = np.column_stack([np.ones((self.n, 0)), *design.values()])
        if not (np.isfinite(columns).all() and np.isfinite(y).all()):
            raise ValueError("outcome and design of a model are finite numbers")
        self.mean, self.y_mean = columns.mean(axis=0), float(y.mean())
        centered = columns - self.mean
        self.scale = np.sqrt((centered**2).sum(axis=0))
        self.scale[self.scale <= _RANK_TOLERANCE * np.sqrt((columns**2).sum(axis=0))] = 0.0
        centered = centered / np.where(self.scale > 0, self.scale, np.inf)
        residual = y - self.y_mean
        self.xx, self.xy, self.yy = centered.T @ centered, centered.T @ residual, float(residual @ residual)
        ends = np.cumsum([block.shape[1] for block in design.values()])
        self.columns = {
            term: np.arange(end - block.shape[1], end) for (term, block), end in zip(design.items(), ends, strict=True)
        }

    def fit(self, terms: tuple[str, ...]) -> LinearModel:
        columns = np.concatenate([np.zeros(0, dtype=np.int64), *(self.columns[term] for term in terms)])
        kept = columns[_independent(self.xx[np.ix_(columns, columns)])]
        slopes = np.zeros(len(self.scale))
        rss = self.yy
        if len(kept):
            factor = linalg.cho_factor(self.xx[np.ix_(kept, kept)])
            scaled = linalg.cho_solve(factor, self.xy[kept])
            rss = self.yy - float(self.xy[kept] @ scaled)
            rss = rss if rss > _PERFECT * self.yy else 0.0
            slopes[kept] = scaled / self.scale[kept]
        n_coefficients = len(kept) + 1
        # A perfect fit has AIC minus infinity, and no model beats it.
        with np.errstate(divide="ignore"):
            aic = float(self.n * np.log(rss / self.n) + 2 * n_coefficients)
        return LinearModel(
            terms,
            self.y_mean - float(slopes @ self.mean),
            {term: slopes[self.columns[term]] for term in terms},
            n_coefficients,
            aic,
        )


def _independent(xx: Floats) -> NDArray[np.int64]:
    """Indices of the columns that are not determined by the columns before, by Cholesky's method without pivoting."""
    kept: list[int] = []
    lower = np.zeros_like(xx)
    for j in range(len(xx)):
        row = linalg.solve_triangular(lower[: len(kept), : len(kept)], xx[kept, j], lower=True) if kept else np.zeros(0)
        rest = xx[j, j] - float(row @ row)
        if rest > _RANK_TOLERANCE:
            lower[len(kept), : len(kept)], lower[len(kept), len(kept)] = row, np.sqrt(rest)
            kept.append(j)
    return np.array(kept, dtype=np.int64)
