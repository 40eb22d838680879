"""A small synthetic nation's frame with benchmark and respondents drawn at random, for tests and studies of weights."""

from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.benchmark import CRIMES, WEIGHTING_FRAME
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.sources.synthetic import SyntheticSource
from nibrs_estimation.sources.synthetic.crime import annual_counts
from nibrs_estimation.stages.universe.frame import define_universe

YEAR = 2024


@cache
def nation(scale: float, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The frame, everybody a respondent, and the pieces in counties."""
    data = SyntheticSource(scale).ingest_agencies(YEAR, seed)
    smoothed = data["srs_benchmark"].filter(pl.col("period") == "smoothed")
    counts = smoothed.pivot("crime_type", index="ori", values="n_twelve_months")
    frame = (
        define_universe(data["agency"].lazy(), data["agency_month_offense"].lazy(), YEAR)
        .filter("is_eligible")
        .collect()
        .join(counts, on="ori", how="left")
        .with_columns(pl.col(list(CRIMES)).fill_null(0.0))
        .rename(CRIMES)
        .join(
            code_list("substate_class_rule"),
            left_on=["population_group_code", pl.col("population") > 0],
            right_on=["population_group_code", "has_population"],
            how="left",
        )
        .with_columns(
            is_respondent=pl.lit(True),
            benchmark_source=pl.lit("smoothed"),
            months_usable=pl.lit(12),
            benchmark_year=pl.lit(None),
            benchmark_months=pl.lit(None),
            benchmark_donor_id=pl.lit(None),
            nonresponse_reason=pl.lit(None),
        )
    )
    return WEIGHTING_FRAME.cast(frame).sort("agency_id"), data["agency_county"]


def responding(frame: pl.DataFrame, share: float, pattern: int) -> pl.DataFrame:
    """The frame with respondents drawn at random, fewer of the largest agencies."""
    generator = np.random.default_rng([9, pattern])
    large = frame["n_total"].to_numpy() > 1000
    answers = generator.uniform(size=frame.height) < np.where(large, share - 0.1, share)
    return frame.with_columns(is_respondent=pl.Series(answers))


def incidents(frame: pl.DataFrame, scale: float, seed: int) -> NDArray[np.float64]:
    """(n,) true incidents of the data year of the agencies of the frame, reported or not."""
    data = SyntheticSource(scale).ingest_agencies(YEAR, seed)["agency"].filter(pl.col("data_year") == YEAR)
    agencies = data.join(frame.select("agency_id"), on="agency_id", how="semi").sort("agency_id")
    counts: NDArray[np.float64] = annual_counts(agencies, YEAR, seed).sum(axis=1).astype(np.float64)
    return counts
