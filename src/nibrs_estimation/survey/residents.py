"""Who lives where an agency works."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl


def resident_shares(
    agency_county: pl.LazyFrame, county_population: pl.LazyFrame, year: int, groups: Mapping[str, pl.Expr]
) -> pl.LazyFrame:
    """Shares of groups among the residents of each agency: those of its counties, by its share in each.

    Args:
        agency_county: dataset of that name.
        county_population: dataset of that name.
        year: data year.
        groups: name of each group -> condition on the columns of ``county_population``.

    Returns:
        ``ori`` and a column for each group, from 0 to 1; agencies of unknown counties have no row.
    """
    people = pl.col("population").cast(pl.Float64)
    of_county = (
        county_population.filter(pl.col("data_year") == year)
        .group_by("county_fips")
        .agg(total=people.sum(), **{name: people.filter(group).sum() for name, group in groups.items()})
        .filter(pl.col("total") > 0)
    )
    weight = pl.col("population_share") / pl.col("population_share").sum().over("ori")
    return (
        agency_county.filter(pl.col("data_year") == year)
        .join(of_county, on="county_fips")
        .with_columns(weight=weight)
        .group_by("ori")
        .agg((pl.col(name) / pl.col("total") * pl.col("weight")).sum() for name in groups)
    )
