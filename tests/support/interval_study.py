"""How often 95 % intervals hold the truth, under random response."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.agency import AGENCY_MONTH_OFFENSE
from nibrs_estimation.model.benchmark import CRIMES
from nibrs_estimation.model.weights import CONTROLS
from nibrs_estimation.sources.synthetic import agency_frame, latent_totals, reported_months
from nibrs_estimation.sources.synthetic.srs import benchmark
from nibrs_estimation.stages.universe.frame import define_universe
from nibrs_estimation.stats import random
from nibrs_estimation.stats.linearization.control_basis import calibration_residuals
from nibrs_estimation.stats.linearization.stratified import variances_within
from nibrs_estimation.survey.weights.classes import fit_geography

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Z_95 = 1.96
YEAR = 2024
#: Scales of the synthetic nation: all its eligible agencies, and about 1,700 of them.
WHOLE, TENTH = 1.0, 0.1


class Nation(NamedTuple):
    """Eligible agencies by agency_id: weight class, benchmark (n, 10), true incidents, and whether all months came."""

    weight_class: Integers
    controls: Floats
    truth: Floats
    reported: NDArray[np.bool_]


def synthetic_nation(scale: float, seed: int = 1) -> Nation:
    """A synthetic nation with its smoothed benchmark; agencies that it lacks have none, and weigh nothing there."""
    agencies = agency_frame(YEAR, seed, scale)
    told = benchmark(agencies, YEAR, seed).pivot("crime_type", index="ori", values="n_twelve_months").rename(CRIMES)
    reported = agencies.select("agency_id", reported=pl.Series(reported_months(agencies, YEAR, seed).all(axis=1)))
    frame = (
        define_universe(agencies.lazy(), AGENCY_MONTH_OFFENSE.empty(), YEAR)
        .filter("is_eligible")
        .collect()
        .join(told, on="ori", how="left")
        .join(latent_totals(agencies, YEAR, seed), on="agency_id", how="left")
        .join(reported, on="agency_id")
        .sort("agency_id")
        .fill_null(0)
    )
    return Nation(
        frame["weight_class"].to_numpy().astype(np.int64),
        frame.select(list(CONTROLS.values())).to_numpy(),
        frame["incidents"].to_numpy().astype(np.float64),
        frame["reported"].to_numpy(),
    )


def coverage(nation: Nation, share: float | None, patterns: int, *, is_calibrated: bool = True) -> dict[str, float]:
    """Draw response patterns and count the intervals that hold the true total.

    Args:
        nation: of :func:`synthetic_nation`.
        share: of each class's agencies that respond; None for as many as reported all months, which are fewer of the
            big cities.
        patterns: to draw.
        is_calibrated: calibrated weights, or N_h / n_h.

    Returns:
        ``coverage`` (share of intervals, estimate ± 1.96 SE, that hold the truth), ``relative_bias`` of the mean
        estimate, ``relative_spread`` (standard deviation of the estimates over the truth) and
        ``relative_standard_error`` (mean of the estimated ones over the truth).
    """
    made = np.array(
        [_estimate(nation, _respondents(nation, share, number), is_calibrated) for number in range(patterns)]
    )
    estimate, error = made.T
    truth = nation.truth.sum()
    return {
        "coverage": float(np.mean(np.abs(estimate - truth) <= Z_95 * error)),
        "relative_bias": float(estimate.mean() / truth - 1),
        "relative_spread": float(estimate.std() / truth),
        "relative_standard_error": float(error.mean() / truth),
    }


def _respondents(nation: Nation, share: float | None, pattern: int) -> NDArray[np.bool_]:
    order = random.uniform(1, "response", np.arange(len(nation.truth)), pattern)
    answers = np.zeros(len(nation.truth), dtype=np.bool_)
    for number in np.unique(nation.weight_class):
        members = np.flatnonzero(nation.weight_class == number)
        wanted = nation.reported[members].sum() if share is None else np.rint(share * len(members))
        n = int(np.clip(wanted, min(2, len(members)), len(members)))
        answers[members[np.argsort(order[members], kind="stable")[:n]]] = True
    return answers


def _estimate(nation: Nation, answers: NDArray[np.bool_], is_calibrated: bool) -> tuple[float, float]:
    """The estimated total and its standard error."""
    if is_calibrated:
        fitted = fit_geography(
            nation.weight_class, answers, nation.controls, YEAR, is_region=False, has_giants_apart=False
        )
        group = fitted.cell
        x = fitted.controls * fitted.fit.is_selected[group]
        weights = fitted.fit.weights
    else:
        group = np.unique(nation.weight_class, return_inverse=True)[1]
        x, weights = np.zeros((len(group), 1)), np.full(len(group), np.nan)
    N, n = np.bincount(group), np.bincount(group[answers], minlength=group.max() + 1)
    d = (N / n)[group]
    weights = np.where(np.isnan(weights), d, weights)
    sample = np.flatnonzero(answers)
    sample = sample[np.argsort(group[sample], kind="stable")]
    y, w = nation.truth[sample][:, None], weights[sample][:, None]
    u = w * calibration_residuals(y, x[sample], group[sample])
    return float((w * y).sum()), float(np.sqrt(variances_within(u, group[sample], N).sum()))
