"""The page of a backtest: what was tried, and how good the estimates were."""

from __future__ import annotations

from html import escape

import altair as alt
import polars as pl

from nibrs_estimation.evaluate.outcomes import BASE, OUTCOMES
from nibrs_estimation.evaluate.patterns import PATTERNS
from nibrs_estimation.evaluate.populations.fixed import BENCHMARKS
from nibrs_estimation.evaluate.scores import ALL, SIZES
from nibrs_estimation.model.backtest import COUNT, LEVELS, PERCENTAGE, RULES
from nibrs_estimation.pages import BLUE, GRAY, RED, html_table, page, rows_of, svg, writer
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.task import DocumentWriter

PAGE = "backtest.html"
#: The coverage that intervals promise, in percent.
PROMISED = 95
_LABELS = {
    "outcome": "Outcome", "size": "True offenses", "rule": "Rules", "cells": "Cells",
    "without_interval": "Without interval", "bias_pct": "Bias %", "rmse_pct": "RMSE %", "coverage_pct": "Coverage %",
    "coverage_error_pct": "± %", "above_pct": "Truth above %", "below_pct": "Truth below %", "width_pct": "Width %",
    "se_over_rmse": "SE / RMSE",
}  # fmt: skip
_FORMATS = {
    "cells": "integer", "without_interval": "integer", "bias_pct": "fine", "rmse_pct": "fine",
    "coverage_pct": "number", "coverage_error_pct": "number", "above_pct": "number", "below_pct": "number",
    "width_pct": "number", "se_over_rmse": "fine",
}  # fmt: skip
_LEVEL_NAMES = {"part": "Groups of agencies of a place, such as the cities of a state"}
_COLORS = {"program": BLUE, "reference": RED, "ratio": GRAY, "reference months": "#e08e0b",
           "reference benchmark": "#7b4f2c"}  # fmt: skip


def write_backtest_page(
    backtest_score: pl.LazyFrame, backtest_estimate: pl.LazyFrame, identity: Identity
) -> dict[str, DocumentWriter]:
    """Show the scores of a backtest by level, and which cells miss the truth most."""
    scores = backtest_score.collect()
    estimates = backtest_estimate.collect()
    parts = dict(part.split("=", 1) for part in identity.source.split(",") if "=" in part)
    drawings = estimates["pattern_number"].n_unique()
    population = identity.source.removeprefix("backtest:").partition(",pattern=")[0]
    sections = [
        ("What was tried", _tried(population, parts, drawings, estimates)),
        ("Coverage of the intervals", _chart(scores)),
        *(
            (_LEVEL_NAMES.get(level, level.replace("_", " ").capitalize()), _of_level(scores, level))
            for level in LEVELS
            if level in scores["level"]
        ),
        ("What is not covered", _NOT_COVERED),
        ("Words", _WORDS),
    ]
    title = f"How good are the estimates? Backtest of {population}"
    subtitle = f"{drawings} drawings of who responds: {PATTERNS[parts['pattern'].partition(':')[0]]}."
    return {PAGE: writer(page(title, subtitle, sections, identity))}


def _tried(population: str, parts: dict[str, str], drawings: int, estimates: pl.DataFrame) -> str:
    whole = estimates.filter(
        (pl.col("level") == "nation")
        & (pl.col("measure") == COUNT)
        & (pl.col("outcome") == BASE)
        & (pl.col("rule") == estimates["rule"][0])
    ).select(pl.col("eligible_agencies", "responding_agencies", "truth").mean())
    eligible, responding, truth = whole.row(0)
    agencies = (
        f" On average {responding:,.0f} of {eligible:,.0f} agencies responded; all have {truth:,.0f} {BASE}."
        if truth
        else ""
    )
    benchmark = parts.get("benchmark", "")
    lines = [
        f"The population is {escape(population)}, whose truth is known. In each of {drawings} drawings a part of its "
        f"reports is hidden ({escape(parts['pattern'])}: {PATTERNS[parts['pattern'].partition(':')[0]]}), the rest is "
        f"estimated from by the stages of this program, and the result is compared with the truth.{agencies}",
        f"The benchmark: {BENCHMARKS[benchmark]}."
        if benchmark
        else "Each drawing is another nation, with its own truth, months, benchmark and response.",
    ]
    if population.startswith("return-a:"):
        lines.append(
            "The population is the agencies that reported every month of the year by itself, with Part I offenses and "
            "simple assaults. States whose agencies send the whole year in one month, as Florida's do, are nearly "
            "absent."
        )
    if population.startswith("cde:"):
        lines.append("The population is the agencies of the zip of which every month is known. A state is one draw.")
    rules = "".join(f"<li><b>{rule}</b>: {RULES[rule]}</li>" for rule in parts["rules"].split("+"))
    return "".join(f"<p>{line}</p>" for line in lines) + f"<p>Rules:</p><ul>{rules}</ul>"


def _chart(scores: pl.DataFrame) -> str:
    """Coverage by level and size of cell, one line for each rule."""
    order = list(SIZES.values())
    rows = scores.filter((pl.col("outcome") == ALL) & (pl.col("measure") == COUNT)).select(
        "rule", "level", "size", "coverage_pct"
    )
    rules = [rule for rule in RULES if rule in rows["rule"]]
    color = alt.Color(
        "rule:N", title=None, scale=alt.Scale(domain=rules, range=[_COLORS[rule] for rule in rules]), sort=rules
    )
    # Rules that agree would hide each other.
    dash = alt.StrokeDash("rule:N", legend=None, sort=rules)
    x = alt.X("size:O", sort=order, title="True offenses of the cell", axis=alt.Axis(labelAngle=-40))
    charts = []
    for level in (level for level in LEVELS if level in rows["level"]):
        lines = alt.Chart(rows_of(rows.filter(pl.col("level") == level))).encode(
            x=x,
            y=alt.Y("coverage_pct:Q", title="Coverage, %", scale=alt.Scale(domain=[0, 100])),
            color=color,
            strokeDash=dash,
        )
        promise = alt.Chart(rows_of(pl.DataFrame({"promised": [PROMISED]}))).mark_rule(color=GRAY, strokeDash=[4, 3])
        both = lines.mark_line(point=True) + promise.encode(y="promised:Q")
        charts.append(both.properties(title=level.replace("_", " "), width=200, height=160))
    text = f"<p>The share of 95 % intervals that hold the truth. The dashed line is the {PROMISED} % they promise.</p>"
    return text + svg(alt.concat(*charts, columns=3))


def _of_level(scores: pl.DataFrame, level: str) -> str:
    of_level = scores.filter(pl.col("level") == level)
    order = {outcome: number for number, outcome in enumerate(OUTCOMES)}
    rank = {rule: number for number, rule in enumerate(RULES)}
    size_rank = {size: number for number, size in enumerate(SIZES.values())}
    html = ""
    for heading, rows, first in (
        (
            "Counts, by outcome",
            of_level.filter((pl.col("measure") == COUNT) & (pl.col("size") == ALL)).sort(
                pl.col("outcome").replace_strict(order), pl.col("rule").replace_strict(rank)
            ),
            "outcome",
        ),
        (
            "Counts, by size of cell",
            of_level.filter((pl.col("measure") == COUNT) & (pl.col("outcome") == ALL)).sort(
                pl.col("size").replace_strict(size_rank, default=-1), pl.col("rule").replace_strict(rank)
            ),
            "size",
        ),
        (
            f"Percentages of {BASE}",
            of_level.filter((pl.col("measure") == PERCENTAGE) & (pl.col("size") == ALL)).sort(
                pl.col("outcome").replace_strict(order), pl.col("rule").replace_strict(rank)
            ),
            "outcome",
        ),
    ):
        if rows.height:
            labels = {name: text for name, text in _LABELS.items() if name not in {"outcome", "size"} - {first}}
            table = html_table(rows, f"{level}-{first}-{rows['measure'][0]}", labels, **_FORMATS)
            html += f"<h3>{escape(heading)}</h3>{table}"
    return html


_NOT_COVERED = (
    "<ul><li>Response that depends on the change of crime itself.</li>"
    "<li>Errors of reports, and blank items of records: here only offenses are counted.</li>"
    "<li>Another year, other states or other patterns of response than those of this page.</li></ul>"
)
_WORDS = (
    "<p><b>Bias</b>: sum of the estimates over sum of the true numbers, less 1 (percentages: mean relative error). "
    "<b>RMSE</b>: root mean square of the relative errors of a place over drawings; median over places. "
    "<b>Coverage</b>: share of 95 % intervals that hold the truth, with its Monte-Carlo standard error (±). "
    "<b>Width</b>: of the interval in percent of the truth, median. <b>SE / RMSE</b>: 1 if standard errors are as "
    "large as errors. Cells whose true number is 0 are left out; one that is estimated as 0 counts as missed.</p>"
)
