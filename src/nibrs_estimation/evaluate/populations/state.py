"""The agencies of a state's zip of which every month is known (handbook 13)."""

from __future__ import annotations

import numpy as np
import polars as pl

from nibrs_estimation.evaluate.outcomes import BASE, OUTCOMES
from nibrs_estimation.evaluate.patterns import Members, with_weight_class
from nibrs_estimation.evaluate.populations.fixed import FixedPopulation
from nibrs_estimation.stages.block_imputation.known import judge_months
from nibrs_estimation.stages.completeness.months import describe_months
from nibrs_estimation.stages.outliers.detect import detect_outliers
from nibrs_estimation.stages.universe.frame import define_universe
from nibrs_estimation.survey.months import MONTHS_PER_YEAR


def state_population(
    agency: pl.LazyFrame, report_month: pl.LazyFrame, agency_month_offense: pl.LazyFrame, year: int
) -> FixedPopulation:
    """The eligible agencies that reported all months of the year; what they reported is taken as the truth.

    Args:
        agency: dataset of that name.
        report_month: dataset of that name.
        agency_month_offense: dataset of that name.
        year: data year.
    """
    months = describe_months(agency, report_month, agency_month_offense, year)["agency_month"].lazy()
    outliers = detect_outliers(agency, months, year, "recent")["outlier_month"].lazy()
    known = judge_months(agency, months, outliers, agency_month_offense, year)
    is_full = (pl.col("month_status") == "known") & (pl.col("known_part") == 1)
    full = known.filter(is_full).group_by("agency_id").len().filter(pl.col("len") == MONTHS_PER_YEAR)
    eligible = define_universe(agency, agency_month_offense, year).filter("is_eligible").select("agency_id")
    agencies = (
        agency.filter(pl.col("data_year") == year)
        .join(eligible, on="agency_id", how="semi")
        .collect()
        .join(full, on="agency_id", how="semi")
        .sort("agency_id")
    )
    offenses = (
        agency_month_offense.filter((pl.col("data_year") == year) & (pl.col("n") > 0))
        .select("agency_id", "month", "offense_code", "n")
        .collect()
        .join(agencies.select("agency_id"), on="agency_id", how="semi")
    )
    of_base = offenses.filter(pl.col("offense_code").is_in(OUTCOMES[BASE])).group_by("agency_id").agg(pl.col("n").sum())
    annual = agencies.join(of_base, on="agency_id", how="left", maintain_order="left")["n"].fill_null(0)
    nobody = Members(
        with_weight_class(agencies),
        annual.to_numpy().astype(np.float64),
        np.zeros((0, MONTHS_PER_YEAR), dtype=np.bool_),
        pl.Series([], dtype=pl.String),
        np.zeros(0),
    )
    return FixedPopulation(year, agencies, offenses, nobody)
