"""Distance functions: how far weights may move from the design weights, and at what price.

A distance is used through its calibration function g(η), the g-weight of a unit with η = x'λ. All have g(0) = 1 and
g'(0) = 1, and rise from the lower to the upper bound:

    linear   g = 1 + η                                      cut off at the bounds
    raking   g = exp(η)                                     cut off at the bounds
    logit    g = L + (U - L) / (1 + exp(-Aη - c)),          A = (U - L) / [(1 - L)(U - 1)],  c = ln[(1 - L)/(U - 1)]

Sources: Deville and Särndal (1992), JASA 87:376-382, cases 1, 2, 6 and 7; Deville, Särndal and Sautory (1993),
JASA 88:1013-1020. The logit form here equals theirs and never overflows.
"""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Method = Literal["linear", "raking", "logit"]


class Distance(Protocol):
    """A distance function with bounds; arrays of η are (m, k), with one pair of bounds to a row.

    Attributes:
        sharpness: (m,) smallest S with |g''| ≤ S g'; it scales η. (Bounds that cut off are not seen by it.)
        is_smooth: (m,) whether that holds everywhere, for no bound cuts off.
    """

    sharpness: Floats
    is_smooth: Flags

    def g(self, eta: Floats) -> tuple[Floats, Floats]:
        """g-weights and their derivatives by η."""

    def integral(self, eta: Floats) -> Floats:
        """∫ g from 0 to η: the conjugate of the distance."""


class Linear:
    """g = 1 + η: the generalised regression estimator, or with bounds its truncated form."""

    def __init__(self, lower: Floats, upper: Floats) -> None:
        self._low, self._high = lower[:, None] - 1, upper[:, None] - 1
        self.is_smooth = np.isneginf(lower) & np.isposinf(upper)
        self.sharpness = np.where(self.is_smooth, 0.0, 1.0)

    def g(self, eta: Floats) -> tuple[Floats, Floats]:  # noqa: D102
        inside = np.minimum(np.maximum(eta, self._low), self._high)
        return 1 + inside, (inside == eta).astype(np.float64)

    def integral(self, eta: Floats) -> Floats:
        inside = np.minimum(np.maximum(eta, self._low), self._high)
        return inside + inside**2 / 2 + (eta - inside) * (1 + inside)


class Raking:
    """g = exp(η): multiplicative weights, as raking ratio estimation (iterative proportional fitting) gives them."""

    def __init__(self, lower: Floats, upper: Floats) -> None:
        with np.errstate(divide="ignore"):
            self._low, self._high = np.log(np.maximum(lower, 0.0))[:, None], np.log(upper)[:, None]
        self.is_smooth = (lower <= 0) & np.isposinf(upper)
        self.sharpness = np.ones(len(lower))

    def g(self, eta: Floats) -> tuple[Floats, Floats]:  # noqa: D102
        inside = np.minimum(np.maximum(eta, self._low), self._high)
        g = np.exp(inside)
        return g, np.where(inside == eta, g, 0.0)

    def integral(self, eta: Floats) -> Floats:
        inside = np.minimum(np.maximum(eta, self._low), self._high)
        return np.expm1(inside) + (eta - inside) * np.exp(inside)


class Logit:
    """g between its bounds along a logistic curve: bounded, smooth, never at a bound."""

    def __init__(self, lower: Floats, upper: Floats) -> None:
        # Where a bound is 1 there is no such function; those cells are decided without one.
        room = (lower < 1) & (upper > 1)
        lower, upper = np.where(room, lower, 0.0), np.where(room, upper, 2.0)
        self.sharpness = (upper - lower) / ((1 - lower) * (upper - 1))
        self.is_smooth = np.ones(len(lower), dtype=np.bool_)
        self._lower, self._span = lower[:, None], (upper - lower)[:, None]
        self._slope = self.sharpness[:, None]
        self._shift = np.log((1 - lower) / (upper - 1))[:, None]
        self._minus_slope, self._minus_shift, self._slope_span = -self._slope, -self._shift, self._slope * self._span

    def g(self, eta: Floats) -> tuple[Floats, Floats]:
        # Beyond 700 the exponential would overflow, and g is its bound to the last digit long before.
        e = self._minus_slope * eta
        e += self._minus_shift
        np.exp(np.minimum(e, 700.0, out=e), out=e)
        part = 1 / (e + 1)
        g = self._span * part
        g += self._lower
        e *= part
        e *= part
        e *= self._slope_span
        return g, e

    def integral(self, eta: Floats) -> Floats:
        z = self._shift + self._slope * eta
        area = np.logaddexp(0.0, z) - np.logaddexp(0.0, self._shift)
        return self._lower * eta + self._span / self._slope * area


DISTANCES: dict[Method, type[Linear] | type[Raking] | type[Logit]] = {
    "linear": Linear,
    "raking": Raking,
    "logit": Logit,
}
