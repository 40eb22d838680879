"""How much of each state is served by agencies that report incidents (handbook: quality checks)."""

from __future__ import annotations

from datetime import date

import polars as pl

from nibrs_estimation.model.quality import FEW_AGENCIES, NATION, STATE_COVERAGE

_SHARES = {
    "agency_share": ("nibrs_agencies", "eligible_agencies"),
    "started_share": ("started_agencies", "eligible_agencies"),
    "population_share": ("nibrs_population", "population"),
    "crime_share": ("nibrs_crimes", "crimes"),
}


def describe_coverage(reporting_pattern: pl.LazyFrame, weighting_frame: pl.LazyFrame, year: int) -> pl.DataFrame:
    """Count agencies, population and benchmark crimes, and those of agencies that report incidents, by state."""
    started = pl.col("is_nibrs") & (pl.col("nibrs_start_date") < date(year + 1, 1, 1)).fill_null(False)
    agencies = (
        reporting_pattern.filter((pl.col("data_year") == year) & pl.col("is_eligible"))
        .join(weighting_frame.select("agency_id", crimes="n_total"), on="agency_id", how="left")
        .sort("agency_id")
        .with_columns(pl.col("population").cast(pl.Int64), pl.col("crimes").fill_null(0.0), has_started=started)
    )
    places = pl.concat(
        [agencies.with_columns(place=pl.lit(NATION)), agencies.with_columns(place=pl.col("state_abbr"))], how="vertical"
    )
    of_nibrs = pl.col("is_nibrs")
    totals = places.group_by("place", maintain_order=True).agg(
        eligible_agencies=pl.len(),
        nibrs_agencies=of_nibrs.sum(),
        started_agencies=pl.col("has_started").sum(),
        population=pl.col("population").sum(),
        nibrs_population=pl.col("population").filter(of_nibrs).sum(),
        crimes=pl.col("crimes").sum(),
        nibrs_crimes=pl.col("crimes").filter(of_nibrs).sum(),
    )
    is_known = pl.col("eligible_agencies") > FEW_AGENCIES
    shares = {
        name: pl.when(is_known & (pl.col(whole) > 0)).then(pl.col(part) / pl.col(whole))
        for name, (part, whole) in _SHARES.items()
    }
    return STATE_COVERAGE.cast(totals.with_columns(**shares).sort("place").collect())
