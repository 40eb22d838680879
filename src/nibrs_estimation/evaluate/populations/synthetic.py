"""Synthetic nations: each drawing is another nation, with its own truth, history, benchmark and response."""

from __future__ import annotations

import numpy as np
import polars as pl

from nibrs_estimation.evaluate.estimating import Drawing
from nibrs_estimation.sources.synthetic import SyntheticSource, agency_frame
from nibrs_estimation.sources.synthetic.reporting import Response
from nibrs_estimation.sources.synthetic.truth import true_offenses
from nibrs_estimation.stats import random

#: Pattern of a backtest -> response of the synthetic source.
RESPONSES: dict[str, Response] = {"random": "random", "large-answer-less": "large", "states-missing": "states"}
#: Seeds of nations are below this number.
_SEEDS = 2**31


def draw(scale: float, pattern: str, number: int, year: int, seed: int) -> Drawing:
    """The nation of a drawing, as its agencies report it."""
    of_nation = int(random.uniform(seed, "nation", np.array([number]))[0] * _SEEDS)
    source = SyntheticSource(scale, RESPONSES[pattern])
    reports = source.ingest_agencies(year, of_nation)
    agencies = agency_frame(year, of_nation, scale, RESPONSES[pattern])
    truth = true_offenses(agencies, year, of_nation).group_by("agency_id", "offense_code").agg(pl.col("n").sum())
    return Drawing({name: table.lazy() for name, table in reports.items()}, truth, year)
