"""Populations of the agency file against those by county, the Census Bureau's and the year before."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.quality import NATION, POPULATION_COMPARISON

#: Agencies of this type serve a campus, whose residents are also those of a city.
_UNIVERSITY = "University or College"


def compare_populations(
    reporting_pattern: pl.LazyFrame, agency_county: pl.LazyFrame, county_population: pl.LazyFrame, year: int
) -> pl.DataFrame:
    """Compare populations of agencies that are no universities, and of states, regions and the nation.

    A place is compared with the Census Bureau only if dataset ``county_population`` has counties of all of its states.
    """
    eligible = reporting_pattern.filter("is_eligible").select(
        "data_year", "agency_id", "ori", "agency_name", "agency_type_name", "state_abbr", "region_code", "population"
    )
    counties = (
        agency_county.filter(pl.col("data_year") == year)
        .group_by("ori")
        .agg(county_population=pl.col("population").cast(pl.Int64).sum())
    )
    previous = eligible.filter(pl.col("data_year") == year - 1)
    current = (
        eligible.filter(pl.col("data_year") == year)
        .with_columns(pl.col("population").cast(pl.Int64))
        .join(counties, on="ori", how="left")
        .join(previous.select("agency_id", previous_population="population"), on="agency_id", how="left")
        .collect()
    )
    agencies = current.filter(pl.col("agency_type_name") != _UNIVERSITY).select(
        pl.lit("agency").alias("level"),
        pl.col("ori").alias("code"),
        pl.col("agency_name").alias("label"),
        "population",
        "county_population",
        pl.lit(None, pl.Int64).alias("census_population"),
        pl.col("previous_population").cast(pl.Int64),
    )
    states = (
        code_list("state")
        .select("state_abbr", "state_name", "state_fips", "region_name", region=pl.col("region_code").cast(pl.String))
        .filter(pl.col("state_abbr").is_in(current["state_abbr"].unique().implode()))
    )
    by_state = _by_state(current, previous.collect(), county_population, states, year)
    places = [
        _summed(by_state, pl.lit("nation"), pl.lit(NATION), pl.lit("All states of the run")),
        _summed(by_state, pl.lit("region"), pl.col("region"), pl.col("region_name")),
        _summed(by_state, pl.lit("state"), pl.col("state_abbr"), pl.col("state_name")),
    ]
    return POPULATION_COMPARISON.cast(
        pl.concat([*places, agencies], how="vertical")
        .with_columns(
            county_difference=_difference("county_population"),
            census_difference=_difference("census_population"),
            change=pl.when((pl.col("population") > 0) & (pl.col("previous_population") > 0)).then(
                pl.col("population") / pl.col("previous_population") - 1
            ),
        )
        .sort("level", "code")
    )


def _by_state(
    current: pl.DataFrame, previous: pl.DataFrame, county_population: pl.LazyFrame, states: pl.DataFrame, year: int
) -> pl.DataFrame:
    """Sums of the eligible agencies of each state; a number is missing if the state has no row behind it."""
    census = (
        county_population.filter(pl.col("data_year") == year)
        .group_by(state_fips=pl.col("county_fips").str.head(2))
        .agg(census_population=pl.col("population").cast(pl.Int64).sum())
        .collect()
    )
    known = pl.col("county_population").is_not_null()
    of_year = current.group_by("state_abbr").agg(
        pl.col("population").sum(),
        county_population=pl.when(known.any()).then(pl.col("county_population").sum()),
    )
    of_previous = previous.group_by("state_abbr").agg(previous_population=pl.col("population").cast(pl.Int64).sum())
    return (
        states.join(of_year, on="state_abbr", how="left")
        .join(census, on="state_fips", how="left")
        .join(of_previous, on="state_abbr", how="left")
        .sort("state_abbr")
    )


def _summed(by_state: pl.DataFrame, level: pl.Expr, code: pl.Expr, label: pl.Expr) -> pl.DataFrame:
    """Sums of states; missing if a state has none."""

    def total(name: str) -> pl.Expr:
        return pl.when(pl.col(name).is_not_null().all()).then(pl.col(name).sum()).alias(name)

    numbers = ("population", "county_population", "census_population", "previous_population")
    return (
        by_state.group_by(level=level, code=code, label=label, maintain_order=True)
        .agg(total(name) for name in numbers)
        .select("level", "code", "label", *numbers)
    )


def _difference(column: str) -> pl.Expr:
    """Relative difference 2 (A - B) / (A + B) of another population A and that of the agency file B."""
    other, own = pl.col(column), pl.col("population")
    return pl.when(other + own > 0).then(2 * (other - own) / (other + own))
