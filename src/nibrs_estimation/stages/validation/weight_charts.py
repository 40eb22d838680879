"""Charts of the page about weights: distributions, coverage, relative biases."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from nibrs_estimation.model.benchmark import TABLE_A_ROWS
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pages import BLUE, RED, counted, rows_of, svg

LIGHT_BLUE = "#8fb8d4"
#: Relative biases of this many percent have half of the full color; the scale is logarithmic beyond, up to the largest.
BIAS_OF_SCALE = 20
#: Above this share of the largest bias, numbers are white on the color.
_DARK = 0.5
#: Larger biases do not fit into a cell.
_SHORT = 1000


#: Smallest range of an axis of weights.
_AXIS = (0.5, 5.0)


def _weight_axis(weights: list[float]) -> Any:
    """A logarithmic axis that contains all of these weights."""
    import altair as alt  # noqa: PLC0415 (takes a second to import, only for tasks with charts)

    axis = alt.Axis(values=[0.5, 1, 2, 5, 10, 20, 50, 100], format="~g", labelOverlap="greedy")
    # If all weights are equal, the axis would have no length.
    least, most = min(_AXIS[0], *weights), max(_AXIS[1], *weights)
    return {"scale": alt.Scale(type="log", nice=False, domain=[least, most]), "axis": axis}


def boxes(checks: pl.DataFrame) -> str:
    """Quantiles of every group of nation and regions, side by side."""
    import altair as alt  # noqa: PLC0415 (as above)

    shown = checks.filter(pl.col("geography_level").is_in(["nation", "region"]) & pl.col("mean").is_not_null()).select(
        "place", "label", "weight_group", "order", *(f"percentile_{p:02d}" for p in (5, 25, 50, 75, 95))
    )
    if shown.is_empty():
        return "<p>None.</p>"
    labels = shown.sort("weight_group", "label")["label"].unique(maintain_order=True).to_list()
    base = alt.Chart(rows_of(shown)).encode(
        y=alt.Y("label:N", sort=labels, title=None, axis=alt.Axis(labelLimit=0)),
        x=alt.X(
            "percentile_05:Q",
            title="Weight",
            **_weight_axis([*shown["percentile_05"].drop_nulls(), *shown["percentile_95"].drop_nulls()]),
        ),
    )
    layers = alt.layer(
        base.mark_rule(color=BLUE).encode(x2="percentile_95:Q"),
        base.mark_bar(color=LIGHT_BLUE, size=9).encode(x="percentile_25:Q", x2="percentile_75:Q"),
        base.mark_tick(color=RED, thickness=2, size=11).encode(x="percentile_50:Q"),
    ).properties(width=120)
    places = shown["place"].unique(maintain_order=True).to_list()
    chart = layers.facet(column=alt.Column("place:N", sort=places, title=None))
    return (
        "<p>Line: percentiles 5 to 95; bar: quartiles; red: median. Logarithmic scale.</p>"
        f"<figure>{svg(chart)}</figure>"
    )


def strips(checks: pl.DataFrame) -> str:
    """Marks for the median and percentile 95 of every cell below the regions, by geography level and group."""
    import altair as alt  # noqa: PLC0415 (as above)

    shown = (
        checks.filter(~pl.col("geography_level").is_in(["nation", "region"]) & pl.col("mean").is_not_null())
        .with_columns(group=pl.format("{}: {}", "kind", pl.col("label").str.split(" - ").list.last()))
        .select("group", "order", "percentile_50", "percentile_95")
    )
    if shown.is_empty():
        return "<p>None.</p>"
    groups = shown.sort("order", "group")["group"].unique(maintain_order=True).to_list()
    long = shown.rename({"percentile_50": "median", "percentile_95": "95 %"}).unpivot(
        ["median", "95 %"], index="group", variable_name="of", value_name="weight"
    )
    paint = alt.Color("of:N", scale=alt.Scale(domain=["median", "95 %"], range=[BLUE, RED]), legend=None)
    chart = (
        alt.Chart(rows_of(long))
        .mark_tick(opacity=0.45, thickness=1.5)
        .encode(
            y=alt.Y("group:N", sort=groups, title=None, axis=alt.Axis(labelLimit=0)),
            yOffset=alt.YOffset("of:N", sort=["median", "95 %"]),
            x=alt.X("weight:Q", title="Weight", **_weight_axis(long["weight"].drop_nulls().to_list())),
            color=paint,
        )
        .properties(width=430, height=alt.Step(12))
    )
    return (
        f"<p>{counted(shown.height, 'cell')}, two marks each: median (blue) and percentile 95 (red) of its weights.</p>"
        f"<figure>{svg(chart)}</figure>"
    )


def state_coverage(coverage: pl.DataFrame) -> str:
    """Share of crime and of agencies that respond, by state."""
    import altair as alt  # noqa: PLC0415 (as above)

    names = code_list("state").select("state_name", geography_code="state_abbr")
    shown = (
        coverage.filter(pl.col("geography_level") == "state")
        .join(names, on="geography_code")
        .with_columns(
            r=pl.when(pl.col("crimes") > 0).then(pl.col("crimes_responding") / pl.col("crimes")),
            share=pl.col("responding") / pl.col("eligible"),
        )
        .sort("r", "state_name", descending=[True, False], nulls_last=True)
        .select("state_name", "r", "share")
    )
    if shown.is_empty():
        return "<p>There are no weights of states.</p>"
    base = alt.Chart(rows_of(shown)).encode(
        y=alt.Y("state_name:N", sort=shown["state_name"].to_list(), title=None),
    )
    axis = alt.Axis(format=".0%")
    bars = base.mark_bar(color=LIGHT_BLUE, size=9).encode(
        x=alt.X("r:Q", title="Share of the benchmark’s crime (bar) and of agencies (red)", axis=axis)
    )
    ticks = base.mark_tick(color=RED, thickness=2, size=10).encode(x="share:Q")
    return f"<figure>{svg(alt.layer(bars, ticks).properties(width=560, height=alt.Step(12)))}</figure>"


def heat(compared: pl.DataFrame, row: str) -> str:
    """Relative bias of rows x crimes, in the order of the rows."""
    import altair as alt  # noqa: PLC0415 (as above)

    bias = pl.col("relative_bias_pct")
    # The scale ends at the largest bias, so that a bias of 640 % does not look like one of 20 %.
    most = max(BIAS_OF_SCALE, math.ceil(float(compared.select(bias.abs().max().fill_null(0)).item())))
    shown = compared.select(
        row,
        crime=pl.col("crime_type").replace_strict(TABLE_A_ROWS, return_dtype=pl.String),
        bias=bias,
        text=pl.when(bias.abs() < _SHORT)
        .then(bias.round(0).cast(pl.Int64).cast(pl.String))
        .when(bias.is_not_null())
        .then(pl.lit(">999"))
        .otherwise(pl.lit("NC")),
        is_dark=(bias.abs() > most * _DARK).fill_null(False),
    )
    rows, crimes = shown[row].unique(maintain_order=True).to_list(), list(TABLE_A_ROWS.values())
    base = alt.Chart(rows_of(shown)).encode(
        y=alt.Y(f"{row}:N", sort=rows, title=None, axis=alt.Axis(labelLimit=0, grid=False)),
        x=alt.X("crime:N", sort=crimes, title=None, axis=alt.Axis(orient="top", labelAngle=-40, grid=False)),
    )
    scale = alt.Scale(
        type="symlog", constant=BIAS_OF_SCALE, domain=[-most, 0, most], range=[BLUE, "#f7f7f7", RED], clamp=True
    )
    cells = base.mark_rect(stroke="white").encode(
        color=alt.condition(
            "isValid(datum.bias)",
            alt.Color("bias:Q", scale=scale, title="Relative bias, %", legend=alt.Legend(orient="bottom", tickCount=5)),
            alt.value("#dfe5ea"),
        )
    )
    text = base.mark_text(fontSize=9).encode(
        text="text:N", color=alt.condition("datum.is_dark", alt.value("white"), alt.value("#1b2733"))
    )
    return f"<figure>{svg(alt.layer(cells, text).properties(width=alt.Step(44), height=alt.Step(15)))}</figure>"
