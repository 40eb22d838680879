"""Charts of the report, as SVG."""

from __future__ import annotations

import altair as alt
import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pages import BLUE, rows_of, svg

_LEAST_RATE = 0.05
_WIDTH, _LABELS, _LABEL_PIXELS = 520, 320, 260
#: Below this share of the population the reference pipeline doubts a geography's estimates (07 section 8.5).
LEAST_COVERAGE = 0.8


def intervals(rows: pl.DataFrame, axis: str) -> str:
    """Estimates with their 95 % intervals, in the order given.

    Args:
        rows: ``label``, ``estimate``, ``low``, ``high``; none missing but the bounds.
        axis: title of the axis.
    """
    scale = alt.Scale(domainMin=0)
    return _dots(rows, scale, axis, size=45)


def intervals_on_log_scale(rows: pl.DataFrame, axis: str) -> str:
    """The same on a log scale, highest first; estimates near 0 are left out."""
    shown = (
        rows.filter(pl.col("estimate") > _LEAST_RATE)
        .with_columns(pl.col("low").clip(lower_bound=_LEAST_RATE))
        .sort("estimate", descending=True)
    )
    if shown.is_empty():
        return "<p>No rates: nothing happened, or nobody lives where the agencies of this run serve.</p>"
    return _dots(shown, alt.Scale(type="log"), axis, size=55)


def state_rates(rates: pl.DataFrame) -> str:
    """Violent crime rates of states with 95 % intervals, highest first; states of low coverage are left out.

    Args:
        rates: rows of ``tables/published.py`` with the state's name and population coverage.
    """
    enough = pl.col("population_coverage").fill_null(1.0) >= LEAST_COVERAGE
    shown = (
        rates.filter(enough)
        .drop_nulls("estimate")
        .sort("estimate", descending=True)
        .select(
            "estimate",
            label="estimate_geographic_location",
            low="estimate_lower_bound",
            high="estimate_upper_bound",
        )
    )
    if shown.is_empty():
        return "<p>No state has enough coverage and a population.</p>"
    return _dots(shown, alt.Scale(), "Incidents with violent crime per 100,000 persons", size=40)


def _dots(rows: pl.DataFrame, scale: alt.Scale, axis: str, size: int) -> str:
    base = alt.Chart(rows_of(rows.select("label", "estimate", "low", "high"))).encode(
        y=alt.Y(
            "label:N",
            sort=rows["label"].to_list(),
            title=None,
            # Charts below each other line up.
            axis=alt.Axis(labelLimit=_LABELS, minExtent=_LABEL_PIXELS),
        )
    )
    line = base.mark_rule(color=BLUE, strokeWidth=2).encode(x=alt.X("low:Q", title="", scale=scale), x2="high:Q")
    points = base.mark_point(filled=True, color=BLUE, size=size).encode(
        x=alt.X("estimate:Q", scale=scale, title=axis, axis=alt.Axis(tickCount=6))
    )
    return svg(alt.layer(line, points).properties(width=_WIDTH))


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
