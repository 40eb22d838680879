"""Variance of stratified totals: published numbers, a slow twin, and all samples of a tiny population."""

from itertools import combinations, product
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.stats.linearization.stratified import StratifiedTotals, stratified_totals

Floats = NDArray[np.float64]

# Worked example C of handbook 11, verified there with R's survey package.
Y = np.array([[10.0], [6.0], [4.0], [30.0], [50.0]])
WEIGHTS = np.array([2.0, 2.0, 2.0, 1.5, 1.5])
STRATUM = np.array([0, 0, 0, 1, 1])
POPULATION = np.array([6, 3])
SinglePsu = Literal["refuse", "average", "adjust"]


def totals(
    y: Floats,
    weights: Floats,
    stratum: NDArray[np.integer],
    population: object,
    domains: Floats | None = None,
    single_psu: SinglePsu = "refuse",
) -> StratifiedTotals:
    domains = np.ones((1, len(weights))) if domains is None else domains
    return stratified_totals(
        sparse.csr_array(y), weights, stratum, np.asarray(population), sparse.csr_array(domains), single_psu=single_psu
    )


def slow_standard_error(
    u: Floats, stratum: NDArray[np.integer], population: NDArray[np.integer], single_psu: str
) -> float:
    """One total: the formula, stratum by stratum and unit by unit."""
    variance, strata, good = 0.0, 0, 0
    for h, N in enumerate(population):
        values = [float(value) for value, of in zip(u, stratum, strict=True) if of == h]
        n = len(values)
        if n == 0:
            continue
        strata += 1
        if n == 1 and N > 1:
            assert single_psu != "refuse"
            variance += (1 - 1 / N) * values[0] ** 2 if single_psu == "adjust" else 0
            continue
        good += 1
        if n < N:
            mean = sum(values) / n
            variance += (1 - n / N) * n / (n - 1) * sum((value - mean) ** 2 for value in values)
    return float(np.sqrt(variance * (strata / good if single_psu == "average" else 1)))


def test_worked_example() -> None:
    result = totals(Y, WEIGHTS, STRATUM, POPULATION)
    assert result.total.tolist() == [[160.0]]
    assert result.standard_error[0, 0] == pytest.approx(18.867962, abs=5e-7)
    assert result.unweighted_total.tolist() == [[100.0]]
    assert result.unit_count.tolist() == [[5.0]]


def test_worked_example_with_a_lonely_stratum() -> None:
    y, weights, stratum = np.vstack([Y, [[7.0]]]), np.append(WEIGHTS, 4.0), np.append(STRATUM, 2)
    with pytest.raises(ValueError, match=r"strata \[2\] have one sampled unit .* collapse"):
        totals(y, weights, stratum, [6, 3, 4])
    result = totals(y, weights, stratum, [6, 3, 4], single_psu="average")
    assert result.standard_error[0, 0] == pytest.approx(23.108440, abs=5e-7)
    assert result.standard_error[0, 0] ** 2 == pytest.approx(534)
    assert result.total.tolist() == [[188.0]]
    # An empty stratum of an empty population is no stratum; a domain without the single-PSU one is scaled up too.
    away = totals(y, weights, stratum, [6, 3, 4, 0], np.array([[1.0, 1, 1, 1, 1, 0]]), single_psu="average")
    assert away.standard_error[0, 0] ** 2 == pytest.approx(534)


def test_worked_example_with_a_lonely_stratum_by_the_adjust_rule() -> None:
    """Variances of R's survey 4.1-1, svytotal and svyby: 944 in all, 1415 and 1907 of two domains."""
    y, weights, stratum = np.vstack([Y, [[7.0]]]), np.append(WEIGHTS, 4.0), np.append(STRATUM, 2)
    domains = np.array([[1.0, 1, 1, 1, 1, 1], [1, 1, 0, 1, 0, 1], [0, 0, 1, 0, 1, 0]])
    result = totals(y, weights, stratum, [6, 3, 4], domains, single_psu="adjust")
    assert result.standard_error[:, 0] ** 2 == pytest.approx([944, 1415, 1907], abs=0.5)
    assert result.standard_error[0, 0] ** 2 == pytest.approx(356 + 3 / 4 * 28**2)
    only = totals(y[5:], weights[5:], np.array([0]), [4], single_psu="adjust")
    assert only.standard_error[0, 0] ** 2 == pytest.approx(3 / 4 * 28**2)


def test_full_response_has_no_error() -> None:
    y = np.random.default_rng(1).poisson(3, (9, 40)).astype(float)
    stratum = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2])
    result = totals(y, np.ones(9), stratum, [4, 4, 1])
    assert not result.standard_error.any()
    assert np.array_equal(result.total[0], y.sum(axis=0))


def test_fully_sampled_stratum_adds_nothing_and_a_certain_one_is_not_lonely() -> None:
    y, weights = np.vstack([Y, [[900.0]]]), np.append(WEIGHTS, 1.0)
    result = totals(y, weights, np.append(STRATUM, 2), [6, 3, 1])
    assert result.standard_error[0, 0] == pytest.approx(np.sqrt(356))


def test_units_outside_a_domain_count_as_zero() -> None:
    result = totals(Y, WEIGHTS, STRATUM, POPULATION, np.array([[1.0, 1, 0, 0, 0], [0, 0, 0, 0, 0]]))
    # Stratum A: u = 20, 12, 0, mean 32/3.
    squares = sum((u - 32 / 3) ** 2 for u in (20, 12, 0))
    assert result.standard_error[0, 0] ** 2 == pytest.approx(0.5 * 1.5 * squares)
    assert result.total[:, 0].tolist() == [32.0, 0.0]
    assert result.unit_count[:, 0].tolist() == [2.0, 0.0]
    assert result.standard_error[1, 0] == 0


@st.composite
def designs(draw: st.DrawFn) -> tuple[Floats, Floats, NDArray[np.int64], NDArray[np.int64], Floats, SinglePsu]:
    """Random samples, some fully sampled, some with single-PSU strata, with sparse counts and overlapping domains."""
    sampled = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    population = [n + draw(st.integers(0, 5)) for n in sampled]
    if all(n == 1 and N > 1 for n, N in zip(sampled, population, strict=True)):
        sampled[0], population[0] = 2, population[0] + 1
    single_psu = any(n == 1 and N > 1 for n, N in zip(sampled, population, strict=True))
    rules: list[SinglePsu] = ["average", "adjust"] if single_psu else ["refuse"]
    rule = draw(st.sampled_from(rules))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    stratum = rng.permutation(np.repeat(np.arange(len(sampled)), sampled))
    y = rng.poisson(draw(st.sampled_from([0.3, 5.0, 1e7])), (len(stratum), draw(st.integers(1, 6)))).astype(float)
    weights = rng.uniform(1, 4, len(stratum)) if draw(st.booleans()) else np.ones(len(stratum))
    domains = rng.integers(0, 2, (draw(st.integers(1, 5)), len(stratum))).astype(float)
    domains[0] = 1
    return y, weights, stratum, np.array(population), domains, rule


@given(designs())
def test_equals_the_slow_twin(
    design: tuple[Floats, Floats, NDArray[np.int64], NDArray[np.int64], Floats, SinglePsu],
) -> None:
    y, weights, stratum, population, domains, single_psu = design
    result = totals(y, weights, stratum, population, domains, single_psu=single_psu)
    for g, cell in product(range(len(domains)), range(y.shape[1])):
        u = domains[g] * weights * y[:, cell]
        error = slow_standard_error(u, stratum, population, single_psu)
        # Where all u are equal either computation may leave a residue of rounding.
        assert result.standard_error[g, cell] == pytest.approx(error, rel=1e-8, abs=1e-12 * np.abs(u).sum())
        assert result.total[g, cell] == pytest.approx(u.sum(), rel=1e-12)
        assert result.unweighted_total[g, cell] == pytest.approx((domains[g] * y[:, cell]).sum(), rel=1e-12)
        assert result.unit_count[g, cell] == (domains[g] * (y[:, cell] > 0)).sum()


@given(designs(), st.floats(1e-3, 1e6))
def test_scaling(
    design: tuple[Floats, Floats, NDArray[np.int64], NDArray[np.int64], Floats, SinglePsu], factor: float
) -> None:
    y, weights, stratum, population, domains, single_psu = design
    one, scaled = (totals(each, weights, stratum, population, domains, single_psu) for each in (y, factor * y))
    np.testing.assert_allclose(scaled.total, factor * one.total, rtol=1e-12)
    rounding = 1e-12 * factor * one.total.max()
    np.testing.assert_allclose(scaled.standard_error, factor * one.standard_error, rtol=1e-8, atol=rounding)


def test_sorting_by_key_restores_the_bits() -> None:
    rng = np.random.default_rng(3)
    y, weights = rng.lognormal(0, 2, (200, 30)) * (rng.random((200, 30)) < 0.2), rng.uniform(1, 3, 200)
    stratum, domains = rng.integers(0, 4, 200), rng.integers(0, 2, (5, 200)).astype(float)
    key = np.arange(200)
    order = rng.permutation(200)
    back = np.argsort(key[order])
    one = totals(y, weights, stratum, [90] * 4, domains)
    two = totals(y[order][back], weights[order][back], stratum[order][back], [90] * 4, domains[:, order][:, back])
    for name in ("total", "standard_error", "unweighted_total", "unit_count"):
        assert np.array_equal(getattr(one, name), getattr(two, name))


@pytest.mark.parametrize("mean", [1e4, 1e6, 1e9])
def test_tiny_variance_around_a_huge_mean(mean: float) -> None:
    """Moments alone lose digits of it, and at last all: 1e9 ± 1 has a residual share of 1e-18."""
    n, N = 50, 80
    noise = np.random.default_rng(4).integers(-2, 3, (n, 3)).astype(float)
    y = np.hstack([mean + noise, noise + 3, np.zeros((n, 1))])
    # Only the middle domain cancels.
    domains = np.vstack([np.arange(n) < n - 5, np.ones(n), np.arange(n) >= 5])
    result = totals(y, np.ones(n), np.zeros(n, dtype=int), [N], domains)
    u = domains[:, :, None] * y
    residual = u - u.mean(axis=1, keepdims=True)
    two_pass = np.sqrt((1 - n / N) * n / (n - 1) * (residual**2).sum(axis=1))
    np.testing.assert_allclose(result.standard_error, two_pass, rtol=1e-9)


def test_cells_of_which_nothing_is_stored_count_in_the_residuals() -> None:
    """One 0 among equal values cancels as soon as the stratum has over a million units."""
    n, N = 1_200_000, 2_000_000
    y = np.ones((n, 1))
    y[7] = 0
    result = totals(y, np.ones(n), np.zeros(n, dtype=int), [N])
    squares = (n - 1) * (1 / n) ** 2 + (1 - 1 / n) ** 2
    assert result.standard_error[0, 0] ** 2 == pytest.approx((1 - n / N) * n / (n - 1) * squares, rel=1e-9)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, bool])
def test_narrow_values_do_not_wrap(dtype: type) -> None:
    y: NDArray[Any] = np.array([[200], [100], [4]]).astype(dtype)
    design = (np.full(3, 2.0), np.zeros(3, dtype=int), [6])
    narrow, wide = totals(y, *design), totals(y.astype(float), *design)
    for name in ("total", "standard_error", "unweighted_total", "unit_count"):
        assert np.array_equal(getattr(narrow, name), getattr(wide, name))
        assert getattr(narrow, name).dtype == np.float64


def test_variance_is_unbiased_over_all_samples() -> None:
    """The mean of the estimated variances is the variance of the estimates, for the whole and for a domain."""
    strata = [np.array([3.0, 0.0, 8.0, 1.0, 5.0]), np.array([20.0, 40.0, 10.0, 70.0])]
    inside = [np.array([1.0, 1.0, 0.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0, 0.0])]
    sampled = [3, 2]
    estimates, variances = [], []
    for picks in product(*(combinations(range(len(y)), n) for y, n in zip(strata, sampled, strict=True))):
        y = np.concatenate([strata[h][list(pick)] for h, pick in enumerate(picks)])
        domain = np.concatenate([inside[h][list(pick)] for h, pick in enumerate(picks)])
        stratum = np.repeat([0, 1], sampled)
        weights = np.array([5 / 3, 4 / 2])[stratum]
        result = totals(y[:, None], weights, stratum, [5, 4], np.vstack([np.ones(5), domain]))
        estimates.append(result.total[:, 0])
        variances.append(result.standard_error[:, 0] ** 2)
    truth = [sum(y.sum() for y in strata), sum((y * d).sum() for y, d in zip(strata, inside, strict=True))]
    np.testing.assert_allclose(np.mean(estimates, axis=0), truth)
    np.testing.assert_allclose(np.mean(variances, axis=0), np.var(estimates, axis=0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"population": [6, 1]}, r"strata \[1\] have more sampled units"),
        ({"population": [6, 3, 2]}, r"strata \[2\] have no sampled unit .* collapse each with a neighbor"),
        ({"population": [6]}, "stratum 1 has no population"),
        ({"population": [6.0, np.nan]}, "finite"),
        ({"weights": np.array([2.0, 2.0, 2.0, 1.5, np.inf])}, "finite"),
        ({"y": np.where(Y == 50, np.nan, Y)}, "finite"),
        ({"weights": WEIGHTS[:1], "domains": np.ones((1, 5))}, "do not match"),
        ({"stratum": STRATUM[:4]}, "do not match"),
        ({"domains": np.ones((1, 4))}, "do not match"),
        ({"domains": np.full((1, 5), 0.5)}, "numbers other than 0 and 1"),
    ],
)
def test_bad_arguments_are_refused(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"y": Y, "weights": WEIGHTS, "stratum": STRATUM, "population": POPULATION} | change
    with pytest.raises(ValueError, match=message):
        totals(**arguments)


def test_nothing_but_lonely_strata_is_refused() -> None:
    with pytest.raises(ValueError, match="no variance to average"):
        totals(Y[:2], WEIGHTS[:2], np.array([0, 1]), [6, 3], single_psu="average")
