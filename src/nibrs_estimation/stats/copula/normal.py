"""The normal distribution function and its inverse, for compiled loops.

Source: Wichura (1988), algorithm AS 241, Applied Statistics 37, 477-484; relative accuracy about 1e-16.
"""

from __future__ import annotations

import math

from numba import njit

_compiled = njit(cache=True, nogil=True, error_model="numpy")
#: Coefficients of the numerator and the denominator, from the highest power: center, middle and tails.
_CENTER = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608),
    (5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
     5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0),
)  # fmt: skip
_MIDDLE = (
    (7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
     3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
     0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0),
)  # fmt: skip
_TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093,
     0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772),
    (2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
     0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1.0),
)  # fmt: skip
_ROOT_HALF = math.sqrt(0.5)


@_compiled
def distribution(x: float) -> float:
    """Φ(x)."""
    return 0.5 * math.erfc(-x * _ROOT_HALF)


@_compiled
def quantile(p: float) -> float:
    """Φ⁻¹(p); minus or plus infinity for p of 0 or below, and of 1 or above."""
    if p <= 0.0:
        return -math.inf
    if p >= 1.0:
        return math.inf
    q = p - 0.5
    if abs(q) <= 0.425:
        return q * _ratio(0.180625 - q * q, _CENTER[0], _CENTER[1])
    r = math.sqrt(-math.log(min(p, 1.0 - p)))
    value = _ratio(r - 1.6, _MIDDLE[0], _MIDDLE[1]) if r <= 5.0 else _ratio(r - 5.0, _TAIL[0], _TAIL[1])
    return -value if q < 0 else value


@_compiled
def _ratio(x: float, above: tuple[float, ...], below: tuple[float, ...]) -> float:
    """Quotient of two polynomials."""
    top, bottom = 0.0, 0.0
    for coefficient in above:
        top = top * x + coefficient
    for coefficient in below:
        bottom = bottom * x + coefficient
    return top / bottom
