"""Keyed random numbers: the key alone decides, keys do not touch each other, and the distributions are right."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nibrs_estimation.stats import random

MANY = np.arange(200_000)
MASK = (1 << 64) - 1

GOLDEN_UNIFORM = [0.18742598162496515, 0.016223589781650838, 0.011627877579292956, 0.0020790560306854777]
GOLDEN_KEYS = [17865848217481915042, 13020603013274838756, 3404867061047556131]
GOLDEN_POISSON = [0, 23, 3047, 1001969]
GOLDEN_CATEGORICAL = [0, 2, 0, 1, 2, 0, 1, 2, 2, 1, 2, 2]
GOLDEN_NORMAL = [-1.4023046041617113, 0.6834722764373382, 0.8600262065395702, 1.9685694644539622]
GOLDEN_GAMMA = [0.024148248686013365, 0.9711163127458275, 1.1728260478696035, 3.0389329679490595]


def slow_uniform(seed: int, stream: str, unit: int, index: int) -> float:
    """One number in Python's own integers."""

    def mixed(bits: int) -> int:
        bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & MASK
        return bits ^ (bits >> 31)

    bits = int.from_bytes(hashlib.blake2b(f"{seed & MASK}/{stream}".encode(), digest_size=8).digest(), "little")
    for part in (unit, index):
        bits = mixed((bits + 0x9E3779B97F4A7C15 * (part + 1)) & MASK)
    return ((bits >> 12) + 0.5) / 2**52


@given(
    seed=st.integers(-MASK, 2 * MASK),
    stream=st.text(max_size=20),
    units=st.lists(st.integers(0, MASK), min_size=1, max_size=20),
    index=st.integers(0, 2**40),
)
def test_equals_the_slow_twin(seed: int, stream: str, units: list[int], index: int) -> None:
    fast = random.uniform(seed, stream, np.array(units, dtype=np.uint64), index)
    assert fast.tolist() == [slow_uniform(seed, stream, unit, index) for unit in units]


@given(
    units=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=50)
    | st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1, max_size=50),
    data=st.data(),
)
def test_order_and_chunks_change_nothing(units: list[int] | list[str], data: st.DataObject) -> None:
    unit = np.array(units)
    whole = random.uniform(1, "stream", unit, 3)
    order = np.array(data.draw(st.permutations(range(len(units)))))
    cut = data.draw(st.integers(0, len(units) - 1))
    assert np.array_equal(random.uniform(1, "stream", unit[order], 3), whole[order])
    assert np.array_equal(random.uniform(1, "stream", unit[cut:], 3), whole[cut:])
    assert random.uniform(1, "stream", unit[cut], 3) == whole[cut]
    same = unit[:, None] == unit
    assert np.array_equal(whole[:, None] == whole, same)


def test_order_changes_no_distribution() -> None:
    unit, back = np.arange(1000), np.arange(1000)[::-1]
    mean = unit * 30.0
    rows = np.stack([1.0 + unit, 2.0 + 0 * unit, 3.0 + 0 * unit], axis=1)
    pairs = [
        (random.normal(1, "s", unit), random.normal(1, "s", back)),
        (random.gamma(1, "s", unit, shape=mean + 1), random.gamma(1, "s", back, shape=mean[::-1] + 1)),
        (random.poisson(1, "s", unit, mean=mean), random.poisson(1, "s", back, mean=mean[::-1])),
        (
            random.categorical(1, "s", unit, probabilities=rows),
            random.categorical(1, "s", back, probabilities=rows[::-1]),
        ),
    ]
    for forward, backward in pairs:
        assert np.array_equal(forward, backward[::-1])


def test_golden_numbers() -> None:
    """A change of the generator changes every synthetic nation: it must not pass unnoticed."""
    unit = np.array([0, 1, 2**63, MASK], dtype=np.uint64)
    assert random.uniform(2024, "golden", unit, 7).tolist() == GOLDEN_UNIFORM
    assert random.unit_keys(["AB1234500", "", "Ünit"]).tolist() == GOLDEN_KEYS
    assert random.poisson(2024, "golden", unit, mean=[0.5, 20, 3e3, 1e6]).tolist() == GOLDEN_POISSON
    assert random.categorical(2024, "golden", np.arange(12), probabilities=[1, 2, 3]).tolist() == GOLDEN_CATEGORICAL
    np.testing.assert_allclose(random.normal(2024, "golden", unit), GOLDEN_NORMAL, rtol=1e-12)
    np.testing.assert_allclose(random.gamma(2024, "golden", unit, shape=0.7), GOLDEN_GAMMA, rtol=1e-12)


@pytest.mark.parametrize(
    "other",
    [
        random.uniform(2, "stream", MANY),
        random.uniform(1, "stream2", MANY),
        random.uniform(1, "stream", MANY, 1),
        random.uniform(1, "stream", MANY + 1),
        random.uniform(1, "stream", 0, MANY),
        random.uniform(1, "stream", MANY.astype(str)),
    ],
    ids=["seed", "stream", "index", "next unit", "index for unit", "text for number"],
)
def test_different_keys_are_uncorrelated(other: np.ndarray) -> None:
    one = random.uniform(1, "stream", MANY)
    limit = 4 / np.sqrt(len(MANY))
    assert abs(np.corrcoef(one, other)[0, 1]) < limit
    assert abs(np.corrcoef(np.abs(one - 0.5), np.abs(other - 0.5))[0, 1]) < limit
    table = np.histogram2d(one, other, bins=16, range=[[0, 1], [0, 1]])[0]
    assert stats.chisquare(table.ravel()).pvalue > 1e-3


@pytest.mark.parametrize("step", [1, 2**32, 2**44])
def test_uniformity(step: int) -> None:
    """Also where units differ in their high bits alone."""
    unit = MANY[: min(len(MANY), 2**63 // step)].astype(np.uint64) * np.uint64(step)
    value = random.uniform(5, "uniform", unit)
    assert 0 < value.min() < value.max() < 1
    assert stats.kstest(value, "uniform").pvalue > 1e-3
    low_bits = (value * 2**44 % 256).astype(int)
    assert stats.chisquare(np.bincount(low_bits, minlength=256)).pvalue > 1e-3


def test_unit_and_index_broadcast() -> None:
    block = random.uniform(1, "stream", np.arange(5)[:, None], np.arange(3))
    assert block.shape == (5, 3)
    assert block[4, 2] == random.uniform(1, "stream", 4, 2)
    assert random.poisson(1, "stream", np.arange(5)[:, None], mean=[1.0, 2.0]).shape == (5, 2)
    assert random.categorical(1, "stream", np.arange(5)[:, None], np.arange(3), probabilities=[1, 1]).shape == (5, 3)


def test_normal_and_gamma_follow_their_distributions() -> None:
    assert stats.kstest(random.normal(1, "normal", MANY), "norm").pvalue > 1e-3
    for shape in (0.3, 1.0, 40.0):
        value = random.gamma(1, f"gamma {shape}", MANY, shape=shape)
        assert stats.kstest(value, stats.gamma(shape).cdf).pvalue > 1e-3
        assert value.mean() == pytest.approx(shape, abs=4 * np.sqrt(shape / len(MANY)))


@pytest.mark.parametrize("mean", [0.0, 1e-9, 0.01, 0.1, 3.0, 80.0, 9_999.0, 10_001.0, 1e6])
def test_poisson_is_the_quantile_of_its_uniform(mean: float) -> None:
    unit = np.arange(20_000)
    value = random.poisson(3, "poisson", unit, mean=mean)
    if mean == 0:
        assert not value.any()
        return
    below, point = stats.poisson.cdf(value - 1, mean), random.uniform(3, "poisson", unit)
    assert ((below < point) & (point <= stats.poisson.cdf(value, mean))).all()
    assert value.mean() == pytest.approx(mean, abs=4 * np.sqrt(mean / len(unit)))
    if mean > 0.05:
        assert value.var() == pytest.approx(mean, rel=4 * np.sqrt((2 + 1 / mean) / len(unit)))


@pytest.mark.parametrize("mean", [0.0, 0.01, 1.0, 20.0, 700.0, 9_999.0, 1e4, 10_001.0, 1e6, 1e9])
def test_poisson_in_the_tails(mean: float) -> None:
    """At the smallest and the largest uniform numbers there are, which no sample reaches."""
    tail = np.array([2.0**-53, 1e-14, 1e-9, 1e-4])
    point = np.concatenate([tail, [0.5], 1 - tail])
    ours, theirs = random._poisson_quantile(point, np.full_like(point, mean)), stats.poisson.ppf(point, mean)
    assert np.abs(ours - theirs).max() <= (mean > 1e4)


def test_categorical_meets_its_probabilities() -> None:
    shares = np.array([0.0, 0.2, 0.0, 0.5, 0.3, 0.0])
    shared = random.categorical(1, "kind", MANY, probabilities=10 * shares)
    count = np.bincount(shared, minlength=6)
    assert not count[shares == 0].any()
    assert stats.chisquare(count[shares > 0], len(MANY) * shares[shares > 0]).pvalue > 1e-3
    per_unit = random.categorical(1, "kind", MANY, probabilities=np.tile(10 * shares, (len(MANY), 1)))
    assert np.array_equal(per_unit, shared)
    certain = random.categorical(1, "kind", np.arange(6), probabilities=np.eye(6)[::-1])
    assert certain.tolist() == [5, 4, 3, 2, 1, 0]


def test_bad_arguments_are_refused() -> None:
    for units in ([1.5], [True], [b"a"], [2**64], [-1, 2**63], np.array(["a", None], dtype=object)):
        with pytest.raises(ValueError, match="integers or strings"):
            random.unit_keys(units)
    for mean in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="mean of a Poisson"):
            random.poisson(1, "s", [1, 2], mean=[1.0, mean])
    for shape in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="shape of a gamma"):
            random.gamma(1, "s", [1, 2], shape=[1.0, shape])
    for probabilities in ([[0.5, 0.5], [0.0, 0.0]], [0.5, -0.1], [np.nan, 1.0], [np.inf, 1.0]):
        with pytest.raises(ValueError, match="probabilities are"):
            random.categorical(1, "s", [1, 2], probabilities=probabilities)
