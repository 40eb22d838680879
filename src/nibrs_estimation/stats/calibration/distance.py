"""Distance functions: the measure of change from design weights to calibration weights.

A distance is used through its calibration function g(η), the g-weight of a unit with η = x'λ. All have g(0) = 1 and
g'(0) = 1, and increase from the lower to the upper bound:

    linear   g = 1 + η                                      truncated at the bounds
    raking   g = exp(η)                                     truncated at the bounds
    logit    g = L + (U - L) / (1 + exp(-Aη - c)),          A = (U - L) / [(1 - L)(U - 1)],  c = ln[(1 - L)/(U - 1)]

Sources: Deville and Särndal (1992), JASA 87:376-382, cases 1, 2, 6 and 7; Deville, Särndal and Sautory (1993),
JASA 88:1013-1020. The logit form here is equal to theirs and never overflows.
"""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Method = Literal["linear", "raking", "logit"]


class Distance(Protocol):
    """A distance function with bounds; arrays of η are (m, k), with one pair of bounds for each row, or one for all."""

    def __init__(self, lower: Floats, upper: Floats) -> None: ...

    @staticmethod
    def curvature(lower: Floats, upper: Floats) -> tuple[Floats, Flags]:
        """Smallest S with |g''| ≤ S g', and whether this is true for all η: it is not where g is truncated."""

    def g(self, eta: Floats) -> tuple[Floats, Floats]:
        """g-weights and their derivatives by η."""

    def integral(self, eta: Floats) -> Floats:
        """∫ g from 0 to η: the conjugate of the distance."""


class Linear(Distance):
    """g = 1 + η: the generalized regression estimator, truncated if there are bounds."""

    def __init__(self, lower: Floats, upper: Floats) -> None:
        self._low, self._high = lower[:, None] - 1, upper[:, None] - 1

    @staticmethod
    def curvature(lower: Floats, upper: Floats) -> tuple[Floats, Flags]:  # noqa: D102
        is_smooth = np.isneginf(lower) & np.isposinf(upper)
        # Where g is truncated, η is measured in its own unit.
        return np.where(is_smooth, 0.0, 1.0), is_smooth

    def g(self, eta: Floats) -> tuple[Floats, Floats]:  # noqa: D102
        inside = np.minimum(np.maximum(eta, self._low), self._high)
        return 1 + inside, (inside == eta).astype(np.float64)

    def integral(self, eta: Floats) -> Floats:  # noqa: D102
        inside = np.minimum(np.maximum(eta, self._low), self._high)
        return np.asarray(inside + inside**2 / 2 + (eta - inside) * (1 + inside))


class Raking(Distance):
    """g = exp(η): multiplicative weights, the result of iterative proportional fitting. Needs L ≥ 0."""

    def __init__(self, lower: Floats, upper: Floats) -> None:
        with np.errstate(divide="ignore"):
            self._low, self._high = np.log(lower)[:, None], np.log(upper)[:, None]

    @staticmethod
    def curvature(lower: Floats, upper: Floats) -> tuple[Floats, Flags]:  # noqa: D102
        return np.ones(len(lower)), (lower == 0) & np.isposinf(upper)

    def g(self, eta: Floats) -> tuple[Floats, Floats]:  # noqa: D102
        inside = np.minimum(np.maximum(eta, self._low), self._high)
        g = np.exp(inside)
        return g, np.where(inside == eta, g, 0.0)

    def integral(self, eta: Floats) -> Floats:  # noqa: D102
        inside = np.minimum(np.maximum(eta, self._low), self._high)
        return np.asarray(np.expm1(inside) + (eta - inside) * np.exp(inside))


class Logit(Distance):
    """g follows a logistic curve between its bounds: smooth, and never equal to a bound. Needs L < 1 < U."""

    def __init__(self, lower: Floats, upper: Floats) -> None:
        self._lower, self._span = lower[:, None], (upper - lower)[:, None]
        slope, shift = self.curvature(lower, upper)[0][:, None], np.log((1 - lower) / (upper - 1))[:, None]
        self._slope, self._shift = slope, shift
        self._minus_slope, self._steepest = -slope, slope * self._span

    @staticmethod
    def curvature(lower: Floats, upper: Floats) -> tuple[Floats, Flags]:  # noqa: D102
        return (upper - lower) / ((1 - lower) * (upper - 1)), np.ones(len(lower), dtype=np.bool_)

    def g(self, eta: Floats) -> tuple[Floats, Floats]:  # noqa: D102
        # Above 700 the exponential would overflow; g is equal to its bound there in all digits.
        e = self._minus_slope * eta
        e -= self._shift
        np.exp(np.minimum(e, 700.0, out=e), out=e)
        part = 1 / (e + 1)
        g = self._span * part
        g += self._lower
        e *= part
        e *= part
        e *= self._steepest
        return g, e

    def integral(self, eta: Floats) -> Floats:  # noqa: D102
        area = np.logaddexp(0.0, self._shift + self._slope * eta) - np.logaddexp(0.0, self._shift)
        return np.asarray(self._lower * eta + self._span / self._slope * area)


DISTANCES: dict[Method, type[Distance]] = {"linear": Linear, "raking": Raking, "logit": Logit}
