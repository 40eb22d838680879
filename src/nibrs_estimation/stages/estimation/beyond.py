"""Agencies whose second estimate is an extrapolation: nonrespondents larger than every respondent (handbook 15)."""

from __future__ import annotations

import logging

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.estimates import AGENCY_BEYOND_RESPONDENTS
from nibrs_estimation.pages import counted

LOG = logging.getLogger(__name__)


def list_agencies_beyond_respondents(weighting_frame: pl.LazyFrame) -> pl.DataFrame:
    """List the nonrespondents that have more residents or crime than every respondent of their classes."""
    from nibrs_estimation.stats.copula import merged  # noqa: PLC0415 (Numba takes a second)
    from nibrs_estimation.survey.second_estimator import WITHOUT_RESIDENTS  # noqa: PLC0415 (as above)

    classes = code_list("population_group").select(population_group_code="code", parent="parent_code")
    frame = (
        weighting_frame.select("agency_id", "ori", "state_abbr", "population", "population_group_code", "n_total",
                               "is_respondent")
        .join(classes.lazy(), on="population_group_code", how="left")
        .with_columns(pl.col("population").fill_null(0), pl.col("n_total").fill_null(0.0))
        .with_columns(
            group=pl.when(pl.col("population") > 0)
            .then(pl.col("parent").cast(pl.Int64, strict=False).fill_null(0))
            .otherwise(WITHOUT_RESIDENTS)
        )
        .collect()
    )  # fmt: skip
    if frame.is_empty():
        return AGENCY_BEYOND_RESPONDENTS.empty().collect()
    number = pl.Series("number", merged(frame["group"].to_numpy(), frame["is_respondent"].to_numpy()))
    responds, of_group = pl.col("is_respondent"), "number"
    found = (
        frame.with_columns(number)
        .with_columns(
            classes=pl.col("group").unique().sort().cast(pl.String).implode().list.join(",").over(of_group),
            largest_population=pl.col("population").filter(responds).max().over(of_group),
            largest_n_total=pl.col("n_total").filter(responds).max().over(of_group),
        )
        .filter(
            ~responds
            & (
                pl.col("largest_population").is_null()
                | (pl.col("population") > pl.col("largest_population"))
                | (pl.col("n_total") > pl.col("largest_n_total"))
            )
        )
    )
    if found.height:
        LOG.info(
            "%s that did not respond %s larger than every respondent of the classes that impute them (dataset %s)",
            counted(found.height, "agency", "agencies"),
            "is" if found.height == 1 else "are",
            AGENCY_BEYOND_RESPONDENTS.name,
        )
    return AGENCY_BEYOND_RESPONDENTS.cast(found.sort("agency_id").select(list(AGENCY_BEYOND_RESPONDENTS.schema)))
