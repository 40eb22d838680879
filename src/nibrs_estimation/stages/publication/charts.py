"""Charts of the report, as SVG."""

from __future__ import annotations

import altair as alt
import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pages import BLUE, rows_of, svg

_LEAST_RATE = 0.05
#: Below this share of the population the reference pipeline doubts a geography's estimates (07 section 8.5).
LEAST_COVERAGE = 0.8


def headline_rates(headline: pl.DataFrame) -> str:
    """Rates per 100,000 of the nation with 95 % intervals, on a log scale; indicators near 0 are left out."""
    rates = (
        headline.filter((pl.col("estimate_type") == "rate") & (pl.col("estimate") > _LEAST_RATE))
        .with_columns(low=pl.max_horizontal("estimate_lower_bound", pl.lit(_LEAST_RATE)))
        .sort("estimate", descending=True)
    )
    if rates.is_empty():
        return "<p>No rates: nobody lives where the agencies of this run serve.</p>"
    base = alt.Chart(rows_of(rates)).encode(
        y=alt.Y("indicator_name:N", sort=rates["indicator_name"].to_list(), title=None, axis=alt.Axis(labelLimit=320))
    )
    scale = alt.X("estimate:Q", scale=alt.Scale(type="log"), title="Incidents per 100,000 persons (log scale)")
    line = base.mark_rule(color=BLUE, strokeWidth=2).encode(x=alt.X("low:Q", title=""), x2="estimate_upper_bound:Q")
    return svg(alt.layer(line, base.mark_point(filled=True, color=BLUE, size=55).encode(x=scale)).properties(width=560))


def state_rates(estimates: pl.DataFrame, coverage: pl.DataFrame) -> str:
    """Violent crime rates of states with 95 % intervals, highest first; states of low coverage are left out."""
    enough = pl.col("population_coverage").fill_null(1.0) >= LEAST_COVERAGE
    states = coverage.filter((pl.col("geography_level") == "state") & enough)
    rates = (
        estimates.filter((pl.col("estimate_type") == "rate") & (pl.col("indicator_name") == "Violent Crime"))
        .join(states.select("permutation_number"), on="permutation_number")
        .drop_nulls("estimate")
        .sort("estimate", descending=True)
    )
    if rates.is_empty():
        return "<p>No state has enough coverage and a population.</p>"
    base = alt.Chart(rows_of(rates)).encode(
        y=alt.Y(
            "estimate_geographic_location:N",
            sort=rates["estimate_geographic_location"].to_list(),
            title=None,
            axis=alt.Axis(labelLimit=320),
        )
    )
    line = base.mark_rule(color=BLUE).encode(
        x=alt.X("estimate_lower_bound:Q", title="Incidents with violent crime per 100,000 persons"),
        x2="estimate_upper_bound:Q",
    )
    return svg(
        alt.layer(line, base.mark_point(filled=True, color=BLUE, size=40).encode(x="estimate:Q")).properties(width=560)
    )


def coverage_map(coverage: pl.DataFrame) -> str:
    """A tile map of the states, coloured by coverage; states that are not in the run stay grey."""
    known = coverage.filter(pl.col("geography_level") == "state").with_columns(
        share=pl.coalesce("population_coverage", pl.col("responding_agencies") / pl.col("eligible_agencies"))
    )
    tiles = (
        code_list("state_tile")
        .join(known.select("share", state_abbr="geography_code"), on="state_abbr", how="left", maintain_order="left")
        .join(code_list("state").select("state_abbr", "state_postal_abbr"), on="state_abbr", maintain_order="left")
    )
    base = alt.Chart(rows_of(tiles)).encode(x=alt.X("tile_column:O", axis=None), y=alt.Y("tile_row:O", axis=None))
    in_run = base.transform_filter("isValid(datum.share)")
    grey = base.mark_rect(stroke="white", strokeWidth=3, cornerRadius=4, color="#e3e7eb")
    boxes = in_run.mark_rect(stroke="white", strokeWidth=3, cornerRadius=4).encode(
        color=alt.Color(
            "share:Q",
            scale=alt.Scale(scheme="blues", domain=[0, 1]),
            legend=alt.Legend(title="Coverage", format=".0%"),
        )
    )
    dark = "datum.share > 0.6"
    names = base.mark_text(dy=-5, fontWeight="bold").encode(
        text="state_postal_abbr:N", color=alt.condition(dark, alt.value("white"), alt.value("#1b2733"))
    )
    shares = in_run.mark_text(dy=9, fontSize=10).encode(
        text=alt.Text("share:Q", format=".0%"),
        color=alt.condition(dark, alt.value("white"), alt.value("#1b2733")),
    )
    return svg(alt.layer(grey, boxes, names, shares).properties(width=alt.Step(46), height=alt.Step(40)))
