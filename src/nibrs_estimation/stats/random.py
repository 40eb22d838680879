"""Keyed random numbers: a vectorised counter-based hash.

A value depends only on (seed, stream, unit, index), so the order of computation, partitioning and the number of workers
have no effect, and no generator object is passed around. The mixer is the finalizer of SplitMix64 (Steele, Lea and
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
#: Counts of means below it are found by adding up probabilities.
_SMALL_MEAN = 30.0
#: Above this mean the Poisson quantile is computed from the Cornish-Fisher expansion.
_LARGE_MEAN = 1e4

Floats = NDArray[np.float64]
Keys = NDArray[np.uint64]


def unit_keys(values: ArrayLike | Sequence[str]) -> Keys:
    """Keys of units from integers, or from strings.

    Args:
        values: integers or strings, of any shape.

    Returns:
        Unsigned 64-bit keys of the same shape; equal values have equal keys, in any run and on any machine.

    Raises:
        ValueError: ``values`` are neither integers (of 64 bits at most) nor strings.
    """
    array = np.asarray(values)
    if array.dtype.kind in "iu":
        return array.astype(np.uint64)
    texts = array.dtype.kind == "U" or (array.dtype == object and all(isinstance(value, str) for value in array.flat))
    if not texts:
        raise ValueError(f"units are integers or strings, not {array.dtype}")
    distinct, index = np.unique(array.astype(str), return_inverse=True)
    return np.array([_text_key(text) for text in distinct], dtype=np.uint64)[index]


def uniform(seed: int, stream: str, unit: ArrayLike, index: ArrayLike = 0) -> Floats:
    """Uniform numbers strictly between 0 and 1.

    Args:
        seed: seed of the run.
        stream: purpose of the numbers; different streams are independent.
        unit: integers or strings that identify the units.
        index: distinguishes the numbers of one unit; broadcast against ``unit``.

    Returns:
        float64 of the shape to which ``unit`` and ``index`` broadcast.
    """
    start = np.uint64(_text_key(f"{seed & _MASK}/{stream}"))
    with np.errstate(over="ignore"):
        bits = _mixed(start + _GOLDEN * (unit_keys(unit) + np.uint64(1)))
        bits = _mixed(bits + _GOLDEN * (unit_keys(index) + np.uint64(1)))
    # 52 bits plus one half make the value greater than 0 and less than 1.
    return ((bits >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def normal(seed: int, stream: str, unit: ArrayLike, index: ArrayLike = 0) -> Floats:
    """Standard normal numbers; arguments as in :func:`uniform`."""
    return np.asarray(special.ndtri(uniform(seed, stream, unit, index)), dtype=np.float64)


def gamma(seed: int, stream: str, unit: ArrayLike, index: ArrayLike = 0, *, shape: ArrayLike) -> Floats:
    """Gamma numbers with the given shape, above 0, and scale 1; other arguments as in :func:`uniform`."""
    shapes = np.asarray(shape, dtype=np.float64)
    if not ((shapes > 0) & np.isfinite(shapes)).all():
        raise ValueError("the shape of a gamma distribution is a finite number above 0")
    return np.asarray(special.gammaincinv(shapes, uniform(seed, stream, unit, index)), dtype=np.float64)


def poisson(seed: int, stream: str, unit: ArrayLike, index: ArrayLike = 0, *, mean: ArrayLike) -> NDArray[np.int64]:
    """Poisson numbers with the given mean, at least 0; other arguments as in :func:`uniform`."""
    means = np.asarray(mean, dtype=np.float64)
    if not ((means >= 0) & np.isfinite(means)).all():
        raise ValueError("the mean of a Poisson distribution is a finite number of at least 0")
    return _poisson_quantile(uniform(seed, stream, unit, index), means)


def categorical(
    seed: int, stream: str, unit: ArrayLike, index: ArrayLike = 0, *, probabilities: ArrayLike
) -> NDArray[np.int64]:
    """Numbers of categories drawn with given probabilities.

    ``probabilities`` are (k,) shared by all units, or (n, k) with one row per unit; they are scaled to sum to 1. The
    other arguments are as in :func:`uniform`.

    Returns:
        Integers from 0 to k - 1, of the shape of the uniform numbers.

    Raises:
        ValueError: a probability is negative or not finite, or a row has none above 0.
    """
    weights = np.asarray(probabilities, dtype=np.float64)
    ends = np.cumsum(weights, axis=-1)
    if not ((weights >= 0).all() and (ends[..., -1] > 0).all() and np.isfinite(ends[..., -1]).all()):
        raise ValueError("probabilities are finite numbers of at least 0, and each row has one above 0")
    point = uniform(seed, stream, unit, index)
    if weights.ndim == 1:
        return np.asarray(np.searchsorted(ends, point * ends[-1], side="right"), dtype=np.int64)
    return np.asarray((ends <= point[..., None] * ends[..., -1:]).sum(axis=-1), dtype=np.int64)


def _poisson_quantile(probability: Floats, means: Floats) -> NDArray[np.int64]:
    """The smallest count whose distribution function reaches the probability."""
    probability, means = np.broadcast_arrays(probability, means)
    counts = np.zeros(probability.shape, dtype=np.int64)
    # Most counts of small means are 0; the others of them are found by adding up probabilities from 0.
    some = np.flatnonzero((probability > np.exp(-means)) & (means < _SMALL_MEAN))
    p, m = probability.ravel()[some], means.ravel()[some]
    flat = counts.ravel()
    term = np.exp(-m)
    reached, count = term.copy(), 0
    while some.size:
        count += 1
        term = term * m / count
        # Rounding may keep the sum below the last probabilities before 1; then the last count that adds to it is taken.
        grows = reached + term > reached
        reached = reached + term
        flat[some[grows]] = count
        left = (reached < p) & grows
        some, p, m, term, reached = some[left], p[left], m[left], term[left], reached[left]
    some = np.flatnonzero(means >= _SMALL_MEAN)
    flat[some] = _poisson_quantile_of_large(probability.ravel()[some], means.ravel()[some])
    return flat.reshape(probability.shape)


def _poisson_quantile_of_large(probability: Floats, means: Floats) -> NDArray[np.int64]:
    # pdtrik inverts the continuous extension of the distribution function, but is slow for large means; there the
    # Cornish-Fisher expansion is as close. Both may be off by one, which the two checks correct.
    large = means > _LARGE_MEAN
    z = special.ndtri(probability)
    expansion = means + np.sqrt(means) * z + (z * z - 1) / 6 - 0.5
    start = np.where(large, expansion, special.pdtrik(probability, np.where(large, 0.0, means)))
    counts = np.maximum(np.ceil(start), 0.0)
    counts = counts + (special.pdtr(counts, means) < probability)
    counts = counts - ((counts > 0) & (special.pdtr(counts - 1, means) >= probability))
    return np.asarray(counts, dtype=np.int64)


def _mixed(bits: Keys) -> Keys:
    bits = (bits ^ (bits >> np.uint64(30))) * _FIRST
    bits = (bits ^ (bits >> np.uint64(27))) * _SECOND
    return bits ^ (bits >> np.uint64(31))


def _text_key(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
