"""Keyed random numbers: a vectorised counter-based hash.

A value depends on (seed, stream, unit, index) and on nothing else, so order, partitioning and the number of workers
change nothing, and no generator object is passed around. The mixer is the finaliser of SplitMix64 (Steele, Lea and
Flood 2014), applied after each part of the key; distributions follow by inverse transformation, one uniform each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_MASK = (1 << 64) - 1
#: Above this mean the Poisson quantile function of SciPy loses digits; there the Cornish-Fisher expansion is exact
#: to well below one unit.
_LARGE_MEAN = 1e4

Floats = NDArray[np.float64]
Keys = NDArray[np.uint64]


def unit_keys(values: ArrayLike | Sequence[str]) -> Keys:
    """Keys of units from integers, or from strings.

    Args:
        values: (n,) integers or strings.

    Returns:
        (n,) unsigned 64-bit keys; equal values have equal keys, in any run and on any machine.
    """
    array = np.asarray(values)
    if array.dtype.kind in "iu":
        return array.astype(np.uint64)
    if array.dtype.kind not in "UO":
        raise ValueError(f"units are integers or strings, not {array.dtype}")
    distinct, place = np.unique(array.astype(str), return_inverse=True)
    return np.array([_text_key(text) for text in distinct], dtype=np.uint64)[place]


def uniform(seed: int, stream: str, unit: ArrayLike, index: ArrayLike = 0) -> Floats:
    """Uniform numbers strictly between 0 and 1.

    Args:
        seed: of the run.
        stream: what the numbers are for; different streams are independent.
        unit: integers or strings that identify the units.
        index: distinguishes the numbers of one unit; broadcast against ``unit``.

    Returns:
        float64 of the shape to which ``unit`` and ``index`` broadcast.
    """
    start = np.uint64(_text_key(f"{seed & _MASK}/{stream}"))
    with np.errstate(over="ignore"):
        bits = _mixed(start + _GOLDEN * (unit_keys(unit) + np.uint64(1)))
        bits = _mixed(bits + _GOLDEN * (unit_keys(index) + np.uint64(1)))
    # 52 bits and the half between two steps keep the value away from both 0 and 1.
    return ((bits >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def normal(seed: int, stream: str, unit: ArrayLike, index: ArrayLike = 0) -> Floats:
    """Standard normal numbers; arguments as in :func:`uniform`."""
    return np.asarray(special.ndtri(uniform(seed, stream, unit, index)), dtype=np.float64)


def gamma(seed: int, stream: str, unit: ArrayLike, index: ArrayLike = 0, *, shape: ArrayLike) -> Floats:
    """Gamma numbers with the given shape and scale 1; arguments as in :func:`uniform`."""
    return np.asarray(special.gammaincinv(shape, uniform(seed, stream, unit, index)), dtype=np.float64)


def poisson(seed: int, stream: str, unit: ArrayLike, index: ArrayLike = 0, *, mean: ArrayLike) -> NDArray[np.int64]:
    """Poisson numbers; arguments as in :func:`uniform`, ``mean`` broadcast and at least 0."""
    probability, means = np.broadcast_arrays(uniform(seed, stream, unit, index), np.asarray(mean, dtype=np.float64))
    counts = np.zeros(means.shape, dtype=np.int64)
    small = (means > 0) & (means <= _LARGE_MEAN)
    counts[small] = _poisson_quantile(probability[small], means[small])
    large = means > _LARGE_MEAN
    z = special.ndtri(probability[large])
    expansion = means[large] + np.sqrt(means[large]) * z + (z * z - 1) / 6
    counts[large] = np.maximum(np.floor(expansion + 0.5), 0).astype(np.int64)
    return counts


def categorical(
    seed: int, stream: str, unit: ArrayLike, index: ArrayLike = 0, *, probabilities: ArrayLike
) -> NDArray[np.int64]:
    """Numbers of categories drawn with given probabilities.

    ``probabilities`` are (k,) shared by all units, or (n, k) with one row per unit; they are scaled to sum to 1. The
    other arguments are as in :func:`uniform`.

    Returns:
        (n,) integers from 0 to k - 1.
    """
    weights = np.asarray(probabilities, dtype=np.float64)
    ends = np.cumsum(weights, axis=-1)
    point = uniform(seed, stream, unit, index)
    if weights.ndim == 1:
        return np.asarray(np.searchsorted(ends, point * ends[-1], side="right"), dtype=np.int64)
    return np.asarray((ends <= point[:, None] * ends[:, -1:]).sum(axis=1), dtype=np.int64)


def _poisson_quantile(probability: Floats, means: Floats) -> NDArray[np.int64]:
    """The smallest count whose distribution function reaches the probability."""
    # pdtrik inverts the continuous extension; rounding may leave it one step off, which the two checks mend.
    counts = np.maximum(np.ceil(special.pdtrik(probability, means)), 0.0)
    counts += special.pdtr(counts, means) < probability
    counts -= (counts > 0) & (special.pdtr(counts - 1, means) >= probability)
    return np.asarray(counts, dtype=np.int64)


def _mixed(bits: Keys) -> Keys:
    bits = (bits ^ (bits >> np.uint64(30))) * _FIRST
    bits = (bits ^ (bits >> np.uint64(27))) * _SECOND
    return bits ^ (bits >> np.uint64(31))


def _text_key(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
