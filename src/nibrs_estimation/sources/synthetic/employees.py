"""Police employees of the agencies (sources/synthetic/README.md)."""

from __future__ import annotations

import numpy as np
import polars as pl

from nibrs_estimation.sources.synthetic.marginals import Floats, table
from nibrs_estimation.stats import random

SIGMA = 0.4
#: Share of agencies without a police employee report.
MISSING_SHARE = 0.06
#: Range of the log-uniform number of officers of agencies without population.
LEAST_OFFICERS, MOST_OFFICERS = 2.0, 60.0


def employees(agencies: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Police employees of each agency.

    Args:
        agencies: ``agency_id``, ``population`` and ``population_group_code``.
        seed: seed of the run.

    Returns:
        ``male_officers``, ``male_civilians``, ``female_officers``, ``female_civilians`` (null without a report) and
        ``has_police_employees``, in the order of the agencies.
    """
    unit = agencies["agency_id"].to_numpy()
    groups = agencies.join(table("population_group"), on="population_group_code", how="left", maintain_order="left")
    noise = np.exp(SIGMA * random.normal(seed, "officers", unit))
    population = agencies["population"].to_numpy()
    by_population = population / 1000 * groups["officers_per_1000"].to_numpy() * noise
    own = LEAST_OFFICERS * (MOST_OFFICERS / LEAST_OFFICERS) ** random.uniform(seed, "own_officers", unit)
    officers = np.maximum(np.round(np.where(population > 0, by_population, own)), 1.0)
    civilians = (
        officers * groups["civilians_per_officer"].to_numpy() * np.exp(SIGMA * random.normal(seed, "civilians", unit))
    )
    # From 0.09 in the smallest agencies to 0.16 in agencies of a thousand officers or more.
    share = 0.09 + 0.07 * np.minimum(np.log10(officers) / 3, 1.0)
    female = _rounded(officers * share, "female officers", seed, unit)
    female_civilians = _rounded(civilians * 0.6, "female civilians", seed, unit)
    counts = pl.DataFrame(
        {
            "male_officers": officers - female,
            "male_civilians": np.maximum(np.round(civilians) - female_civilians, 0.0),
            "female_officers": female,
            "female_civilians": female_civilians,
        }
    ).cast(pl.Int32)
    has_report = pl.Series(random.uniform(seed, "employee report", unit) >= MISSING_SHARE)
    return counts.select(pl.when(has_report).then(pl.all()).name.keep()).with_columns(has_police_employees=has_report)


def _rounded(value: Floats, stream: str, seed: int, unit: Floats) -> Floats:
    """Round up or down at random, so that the mean is right for small agencies, too."""
    return np.floor(value + random.uniform(seed, stream, unit))
