"""Do 95 % intervals cover the truth? A Monte-Carlo study of the national total under random response.

Truth is fixed; what varies is who responds. In every pattern a fixed number of agencies of each stratum responds, a
simple random sample without replacement, and the total is estimated with weights N_h / n_h. Run it with

    python benchmarks/interval_coverage.py
"""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.stats import random
from nibrs_estimation.stats.linearisation import stratified_totals

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

Z_95 = 1.96
#: Patterns drawn at once, which bounds the memory at some 100 MB for a nation.
BLOCK = 200
#: Patterns whose moments are compared with the pipeline's own estimator.
COMPARED = 5

#: Made-up frames of each size in the printed table.
FRAMES = 5

#: Strata of a nation: population of the smallest and the largest agency, number of agencies, share that responds.
NATION = (
    (1_000_000, 8_000_000, 10, 0.8),
    (500_000, 1_000_000, 27, 0.8),
    (250_000, 500_000, 53, 0.75),
    (100_000, 250_000, 230, 0.75),
    (50_000, 100_000, 500, 0.75),
    (25_000, 50_000, 900, 0.7),
    (10_000, 25_000, 1_900, 0.7),
    (5_000, 10_000, 2_300, 0.7),
    (2_500, 5_000, 2_600, 0.7),
    (500, 2_500, 5_000, 0.65),
    (100_000, 1_000_000, 330, 0.75),
    (25_000, 100_000, 950, 0.7),
    (10_000, 25_000, 1_200, 0.7),
    (1_000, 10_000, 3_000, 0.65),
)
#: Strata of a state of 350 agencies.
STATE = (
    (100_000, 600_000, 6, 0.8),
    (25_000, 100_000, 34, 0.75),
    (10_000, 25_000, 60, 0.7),
    (2_500, 10_000, 100, 0.7),
    (500, 2_500, 150, 0.65),
)
#: Counts per inhabitant, spread of the agencies' own rates (of their logarithm), and dispersion of the counts.
RATE, SPREAD, DISPERSION = 0.02, 0.5, 4.0


class Frame(NamedTuple):
    """A finite population and how many respond: the arguments of :func:`coverage`.

    Attributes:
        truth_totals: (N,) the true count of every agency.
        stratum: (N,) codes 0 to H - 1.
        respondents_per_stratum: (H,) agencies that respond in every pattern; at least 2, or the whole stratum.
    """

    truth_totals: Floats
    stratum: Integers
    respondents_per_stratum: Integers


def made_frame(strata: tuple[tuple[int, int, int, float], ...], seed: int = 1) -> Frame:
    """A made-up frame: negative binomial counts around lognormal rates of the agencies."""
    smallest, largest, agencies, share = (np.array(column) for column in zip(*strata, strict=True))
    stratum = np.repeat(np.arange(len(strata)), agencies)
    unit = np.arange(len(stratum))
    ratio = (largest / smallest)[stratum]
    population = smallest[stratum] * ratio ** random.uniform(seed, "population", unit)
    rate = RATE * np.exp(SPREAD * random.normal(seed, "agency effect", unit) - SPREAD**2 / 2)
    propensity = random.gamma(seed, "propensity", unit, shape=DISPERSION) / DISPERSION
    truth = random.poisson(seed, "count", unit, mean=population * rate * propensity).astype(np.float64)
    respondents = np.minimum(np.maximum(np.rint(agencies * share), 2), agencies).astype(np.int64)
    return Frame(truth, stratum, respondents)


def coverage(
    truth_totals: Floats,
    stratum: Integers,
    respondents_per_stratum: Integers,
    n_patterns: int = 2000,
    seed: int = 1,
) -> dict[str, float]:
    """Draw response patterns and count the intervals that cover the true total.

    Args:
        truth_totals: (N,) the true count of every agency.
        stratum: (N,) codes 0 to H - 1.
        respondents_per_stratum: (H,) agencies that respond, at least 2 or the whole stratum.
        n_patterns: patterns to draw.
        seed: of the patterns.

    Returns:
        ``coverage`` (share of intervals, estimate ± 1.96 SE, that hold the truth), its Monte-Carlo standard error
        ``coverage_error``, ``relative_bias`` of the mean estimate, ``relative_spread`` (standard deviation of the
        estimates over the truth) and ``relative_standard_error`` (mean of the estimated ones over the truth).
    """
    blocks = [
        _estimates(
            truth_totals, stratum, respondents_per_stratum, np.arange(first, min(first + BLOCK, n_patterns)), seed
        )
        for first in range(0, n_patterns, BLOCK)
    ]
    estimate, error = np.concatenate(blocks, axis=1)
    for pattern in range(min(COMPARED, n_patterns)):
        own = _pipeline_estimate(truth_totals, stratum, respondents_per_stratum, pattern, seed)
        np.testing.assert_allclose((estimate[pattern], error[pattern]), own, rtol=1e-9)

    truth = truth_totals.sum()
    covered = np.mean(np.abs(estimate - truth) <= Z_95 * error)
    return {
        "coverage": float(covered),
        "coverage_error": float(np.sqrt(covered * (1 - covered) / n_patterns)),
        "relative_bias": float(estimate.mean() / truth - 1),
        "relative_spread": float(estimate.std() / truth),
        "relative_standard_error": float(error.mean() / truth),
    }


def _respondents(members: Integers, respondents: int, patterns: Integers, seed: int) -> Integers:
    """The respondents of one stratum, those with the smallest random numbers: (patterns, respondents)."""
    order = random.uniform(seed, "response", members, patterns[:, None])
    return members[np.argpartition(order, respondents - 1, axis=1)[:, :respondents]]


def _estimates(truth: Floats, stratum: Integers, respondents: Integers, patterns: Integers, seed: int) -> Floats:
    """Estimated totals and their standard errors: (2, patterns)."""
    total, variance = np.zeros(len(patterns)), np.zeros(len(patterns))
    for h, n in enumerate(respondents):
        members = np.flatnonzero(stratum == h)
        N = len(members)
        u = truth[_respondents(members, n, patterns, seed)] * (N / n)
        total += u.sum(axis=1)
        if n < N:
            variance += (1 - n / N) * n * u.var(axis=1, ddof=1)
    return np.stack([total, np.sqrt(variance)])


def _pipeline_estimate(
    truth: Floats, stratum: Integers, respondents: Integers, pattern: int, seed: int
) -> tuple[float, float]:
    """The same from the pipeline's own estimator, for one pattern."""
    population = np.bincount(stratum)
    sample = np.concatenate(
        [_respondents(np.flatnonzero(stratum == h), n, np.array([pattern]), seed)[0] for h, n in enumerate(respondents)]
    )
    totals = stratified_totals(
        sparse.csr_array(truth[sample][:, None]),
        (population / respondents)[stratum[sample]],
        stratum[sample],
        population,
        sparse.csr_array(np.ones((1, len(sample)))),
    )
    return float(totals.total[0, 0]), float(totals.standard_error[0, 0])


def main() -> None:
    """Print the study for several nations and several states: with few large agencies it depends on the frame."""
    print(
        f"{'frame':<10}{'agencies':>9}{'coverage':>10}{'± MC':>8}{'bias %':>9}{'spread %':>10}{'SE %':>8}{'seconds':>9}"
    )
    for name, strata in (("nation", NATION), ("state", STATE)):
        for number in range(1, FRAMES + 1):
            frame = made_frame(strata, seed=number)
            start = time.perf_counter()
            result = coverage(*frame)
            seconds = time.perf_counter() - start
            print(
                f"{name + ' ' + str(number):<10}{len(frame.stratum):>9,}"
                f"{result['coverage']:>10.4f}{result['coverage_error']:>8.4f}"
                f"{100 * result['relative_bias']:>9.3f}{100 * result['relative_spread']:>10.3f}"
                f"{100 * result['relative_standard_error']:>8.3f}{seconds:>9.1f}"
            )


if __name__ == "__main__":
    main()
