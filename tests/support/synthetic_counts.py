"""What the agencies of a synthetic nation reported by class of crime and month, without building incidents."""

from __future__ import annotations

import numpy as np
import polars as pl

from nibrs_estimation.sources.synthetic import agency_frame, reported_months
from nibrs_estimation.sources.synthetic.crime import monthly_counts
from nibrs_estimation.sources.synthetic.faults import months_per_report, sent_factors
from nibrs_estimation.sources.synthetic.marginals import offenses
from nibrs_estimation.sources.synthetic.rates import CLASSES
from nibrs_estimation.sources.synthetic.reporting import Response, reported_summaries
from nibrs_estimation.stats import random
from tests.support.realism import Counted


def synthetic_counts(year: int, seed: int, scale: float, response: Response = "random") -> Counted:
    """The reports of all agencies that no other covers: incident reports of NIBRS agencies, summaries of the others."""
    agencies = agency_frame(year, seed, scale, response).filter(~pl.col("is_covered"))
    is_nibrs = agencies["is_nibrs"].to_numpy()[:, None]
    months = reported_months(agencies, year, seed), reported_summaries(agencies, year, seed)
    factor = np.where(
        is_nibrs,
        sent_factors(agencies, months[0], year, seed, "N"),
        sent_factors(agencies, months[1], year, seed, "R"),
    )
    of_class = offenses()["crime_class"].to_numpy()
    true = monthly_counts(agencies, year, seed)
    true = np.stack([true[:, of_class == name].sum(axis=1) for name in CLASSES[:-1]], axis=1)
    point = random.uniform(
        seed,
        "sent count",
        agencies["agency_id"].to_numpy()[:, None, None],
        np.arange(true.shape[1])[:, None] * 12 + np.arange(12),
    )
    counts = np.floor(true * factor[:, None, :] + point * (factor % 1 > 0)[:, None, :]).astype(np.int64)
    number, _ = months_per_report(agencies, year, seed)
    for k in np.unique(number[number > 1]):
        rows = np.flatnonzero((number == k) & ~is_nibrs[:, 0])
        parts = counts[rows].reshape(len(rows), counts.shape[1], 12 // k, k)
        counts[rows] = 0
        counts[rows, :, k - 1 :: k] = parts.sum(axis=3)
    return Counted(
        counts=counts,
        sent=np.where(is_nibrs, *months),
        group=agencies["population_group_code"].to_numpy().astype(np.str_),
        population=agencies["population"].to_numpy().astype(np.int64),
        region=agencies["region_code"].cast(pl.Int64).to_numpy(),
    )
