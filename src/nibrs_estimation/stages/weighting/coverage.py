"""Coverage: how much of each geography the respondents stand for themselves."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.results import COVERAGE


def measure_coverage(agency_weight: pl.LazyFrame) -> pl.LazyFrame:
    """Count eligible and responding agencies, and their populations, in nation, regions and states.

    A region appears only if all of its states are in the run. Where the frame holds only agencies that reported,
    places are named as such and population coverage is missing: it would be 1 by construction.
    """
    agencies = agency_weight.collect()
    states = code_list("state").select("state_abbr", "region_code")
    run_states = states.filter(pl.col("state_abbr").is_in(agencies["state_abbr"].unique().implode()))
    whole = (
        states.group_by("region_code").len().join(run_states.group_by("region_code").len(), on=["region_code", "len"])
    )
    members = pl.concat(
        [
            agencies.select("agency_id", geography_level=pl.lit("nation"), geography_code=pl.lit("US")),
            agencies.filter(pl.col("region_code").is_in(whole["region_code"].implode())).select(
                "agency_id", geography_level=pl.lit("region"), geography_code=pl.col("region_code").cast(pl.String)
            ),
            agencies.select("agency_id", geography_level=pl.lit("state"), geography_code="state_abbr"),
        ]
    )
    responding = pl.col("is_respondent")
    is_reporting_only = pl.col("universe_scope") == "reporting"
    return (
        members.lazy()
        .join(agencies.lazy(), on="agency_id")
        .group_by("geography_level", "geography_code")
        .agg(
            pl.col("weight_variable").first(),
            eligible_agencies=pl.len().cast(pl.Int32),
            responding_agencies=responding.sum().cast(pl.Int32),
            population=pl.col("population").sum().cast(pl.Int64),
            population_responding=pl.col("population").filter(responding).sum().cast(pl.Int64),
            universe_scope=pl.col("universe_scope").max(),
        )
        .join(code_list("geography").lazy(), on=["geography_level", "geography_code"])
        .with_columns(
            population_coverage=pl.when(~is_reporting_only & (pl.col("population") > 0)).then(
                pl.col("population_responding") / pl.col("population")
            ),
            estimate_geographic_location=pl.when(is_reporting_only)
            .then(pl.format("reporting agencies of {}", _place(run_states.height < states.height)))
            .otherwise(_place(run_states.height < states.height)),
        )
        .select(COVERAGE.schema.names())
    )


def _place(is_partial_nation: bool) -> pl.Expr:
    name = pl.col("estimate_geographic_location")
    if not is_partial_nation:
        return name
    return pl.when(pl.col("geography_level") == "nation").then(pl.lit("all states in this run")).otherwise(name)
