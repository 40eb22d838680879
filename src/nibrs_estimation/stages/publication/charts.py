"""Charts of the report, as SVG."""

from __future__ import annotations

import math
from html import escape

import altair as alt
import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pages import BLUE, rows_of, svg
from nibrs_estimation.tables.caution import caution_mark
from nibrs_estimation.tables.suppression import suppression_mark

_LEAST_RATE = 0.05
#: Numbers are shown without decimals if the largest is at least this.
_WHOLE = 200
#: Free space at both ends of the axis, in percent of it.
_MARGIN = 3
#: Below this share of the population the reference pipeline considers a geography's estimates unreliable (handbook 11).
LEAST_COVERAGE = 0.8


def intervals(rows: pl.DataFrame, axis: str) -> str:
    """Chart of estimates with their 95 % intervals and numbers, in the given order.

    Args:
        rows: ``label``, ``estimate``, ``low``, ``high``; only bounds may be missing.
        axis: what is measured.
    """
    return _dots(rows, axis, is_log=False)


def intervals_on_log_scale(rows: pl.DataFrame, axis: str) -> str:
    """The same on a log scale, highest first; estimates near 0 are omitted."""
    shown = (
        rows.filter(pl.col("estimate") > _LEAST_RATE)
        .with_columns(pl.col("low").clip(lower_bound=_LEAST_RATE))
        .sort("estimate", descending=True, maintain_order=True)
    )
    if shown.is_empty():
        return "<p>No rates: there were no incidents, or the agencies of this run serve no population.</p>"
    return _dots(shown, axis, is_log=True)


def state_rates(rates: pl.DataFrame, axis: str) -> str:
    """Violent crime rates of states with 95 % intervals, highest first; states of low coverage are omitted.

    Args:
        rates: rows of ``tables/table_rows.py`` with the state's name and population coverage.
        axis: what is measured.
    """
    shown = (
        with_coverage(rates)
        .sort("estimate", "estimate_geographic_location", descending=[True, False])
        .select(
            "estimate",
            label=pl.concat_str(
                "estimate_geographic_location", pl.lit(" "), caution_mark(), suppression_mark()
            ).str.strip_chars_end(),
            low="estimate_lower_bound",
            high="estimate_upper_bound",
        )
    )
    if shown.is_empty():
        return "<p>No state has enough coverage and a population.</p>"
    return _dots(shown, axis, is_log=False)


def with_coverage(rates: pl.DataFrame) -> pl.DataFrame:
    """The states that are in the chart of rates."""
    enough = pl.col("population_coverage").fill_null(1.0) >= LEAST_COVERAGE
    return rates.filter(enough).drop_nulls("estimate")


def _dots(rows: pl.DataFrame, axis: str, *, is_log: bool) -> str:
    """A table with a row for each estimate: label, dot and interval, numbers; it has the full width of the page."""
    known = rows.select("label", "estimate", low=pl.coalesce("low", "estimate"), high=pl.coalesce("high", "estimate"))
    most = float(known.select(pl.max_horizontal("estimate", "high").max()).item())
    least = float(known.select(pl.min_horizontal("estimate", "low").min()).item()) if is_log else 0.0
    decimals = 0 if most >= _WHOLE and not is_log else 1

    def position(value: float) -> str:
        if is_log:
            span = math.log(most / least) or 1.0
            return f"{_MARGIN + (100 - 2 * _MARGIN) * math.log(max(value, least) / least) / span:.2f}%"
        return f"{_MARGIN + (100 - 2 * _MARGIN) * value / (most or 1.0):.2f}%"

    drawn = "".join(
        f'<tr><td>{escape(label)}</td><td><svg role="img" aria-label="{value:,.{decimals}f}">'
        f'<line x1="{position(low)}" x2="{position(high)}" y1="50%" y2="50%" stroke="{BLUE}" stroke-width="2"/>'
        f'<circle cx="{position(value)}" cy="50%" r="3.5" fill="{BLUE}"/></svg></td>'
        f"<td>{value:,.{decimals}f}{'' if low == high else f' ({low:,.{decimals}f} – {high:,.{decimals}f})'}</td></tr>"
        for label, value, low, high in known.iter_rows()
    )
    return f'<table class="dots"><tr><th></th><th colspan="2">{escape(axis)}</th></tr>{drawn}</table>'


def coverage_map(coverage: pl.DataFrame) -> str:
    """A tile map of the states, colored by coverage; states that are not in the run are gray."""
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
    gray = base.mark_rect(stroke="white", strokeWidth=3, cornerRadius=4, color="#e3e7eb")
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
    return svg(alt.layer(gray, boxes, names, shares).properties(width=alt.Step(46), height=alt.Step(40)))
