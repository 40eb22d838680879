"""Do 95 % intervals cover the truth? A Monte-Carlo study of the national total under random response.

Truth is fixed; what varies is who responds. In every pattern a fixed number of agencies of each stratum responds, a
simple random sample without replacement, and the total is estimated with weights N_h / n_h. Run it with

    python benchmarks/interval_coverage.py
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.model.agency import AGENCY_MONTH_OFFENSE
from nibrs_estimation.model.completeness import BLOCK_REFERENCE
from nibrs_estimation.sources.synthetic import agency_frame, latent_totals, reported_months
from nibrs_estimation.stages.completeness.months import describe_months, summarize_reporting
from nibrs_estimation.stages.universe.frame import define_universe
from nibrs_estimation.stages.weighting.design import weight_agencies
from nibrs_estimation.stats import random
from nibrs_estimation.stats.linearisation import stratified_totals

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

Z_95 = 1.96
#: Patterns drawn at once, which bounds the memory at some 100 MB for a nation.
BLOCK = 200
#: Patterns whose moments are compared with the pipeline's own estimator.
COMPARED = 5

#: Nations of each size in the printed table.
FRAMES = 20
YEAR = 2024
#: Scales of the synthetic nation: all its eligible agencies, and about 350 of them.
NATION, SMALL = 1.0, 0.0075


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


def synthetic_frame(scale: float, seed: int = 1, share: float | None = None) -> Frame:
    """The eligible agencies of a synthetic nation: true incidents, and the pipeline's own strata.

    Args:
        scale: of the nation.
        seed: of the nation.
        share: of each stratum's agencies that respond; by default as many as did, which are fewer of the big cities.
    """
    agencies = agency_frame(YEAR, seed, scale)
    universe = define_universe(agencies.lazy(), YEAR)
    # Which months came is enough here; whether they held incidents would cost the incidents.
    place, month = np.nonzero(reported_months(agencies, YEAR, seed))
    months = agencies.select("agency_id", "ori", "data_year")[place].with_columns(
        month=pl.Series(month + 1, dtype=pl.Int8),
        form_code=pl.lit("N"),
        status=pl.lit("I"),
        status_source=pl.lit("reported"),
    )
    described = describe_months(agencies.lazy(), months.lazy(), AGENCY_MONTH_OFFENSE.empty(), YEAR)
    status = summarize_reporting(universe, described["agency_month"].lazy(), months.lazy(), YEAR)
    # The benchmark is of the variance among full-year reporters: no month is copied.
    weights = weight_agencies(universe, status, BLOCK_REFERENCE.empty()).sort("agency_id").collect()
    truth = weights.join(latent_totals(agencies, YEAR, seed), on="agency_id", how="left", maintain_order="left")
    strata = weights.select("stratum", "stratum_agencies", "stratum_respondents").unique().sort("stratum")
    N, n = strata["stratum_agencies"].to_numpy(), strata["stratum_respondents"].to_numpy()
    return Frame(
        truth["incidents"].to_numpy().astype(np.float64),
        np.searchsorted(strata["stratum"].to_numpy(), weights["stratum"].to_numpy()),
        n if share is None else np.minimum(np.maximum(np.rint(share * N), 2), N).astype(np.int64),
    )


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
    """Print the study over several nations of two sizes: where few agencies dominate, it depends on the nation."""
    heads = ("respond", "agencies", "coverage", "lowest", "highest", "bias %", "SE %")
    print(f"{'nations':<10}" + "".join(f"{head:>10}" for head in heads))
    for name, scale in (("whole", NATION), ("small", SMALL)):
        for share in (0.8, 0.7, None):
            frames = [synthetic_frame(scale, seed, share) for seed in range(1, FRAMES + 1)]
            results = [coverage(*frame) for frame in frames]
            held = [result["coverage"] for result in results]
            bias = max((result["relative_bias"] for result in results), key=abs)
            error = np.mean([result["relative_standard_error"] for result in results])
            print(
                f"{name:<10}{'as told' if share is None else f'{share:.0%}':>10}{len(frames[0].stratum):>10,}"
                f"{np.mean(held):>10.4f}{min(held):>10.4f}{max(held):>10.4f}{100 * bias:>10.3f}{100 * error:>10.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
