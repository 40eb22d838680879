"""The page of a backtest: what was tried, and how good the estimates were."""

from __future__ import annotations

from html import escape

import altair as alt
import polars as pl

from nibrs_estimation.evaluate.outcomes import BASE, OUTCOMES
from nibrs_estimation.evaluate.patterns import PATTERNS, PATTERNS_OF_NATION
from nibrs_estimation.evaluate.populations.fixed import BENCHMARKS
from nibrs_estimation.evaluate.scores import ALL, SIZES
from nibrs_estimation.model.backtest import COUNT, DIFFERENCE, LEVELS, PERCENTAGE, RULES
from nibrs_estimation.pages import BLUE, GRAY, RED, html_table, page, rows_of, svg, writer
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.task import DocumentWriter

PAGE = "backtest.html"
#: The coverage that intervals promise, in percent.
PROMISED = 95
_LABELS = {
    "outcome": "Outcome", "size": "True offenses", "rule": "Rules", "cells": "Cells",
    "without_interval": "Without interval", "bias_pct": "Bias %", "rmse_pct": "RMSE %",
    "mean_abs_error_pct": "Mean |error| %", "coverage_pct": "Coverage %",
    "coverage_error_pct": "± %", "above_pct": "Truth above %", "below_pct": "Truth below %", "width_pct": "Width %",
    "se_over_rmse": "SE / RMSE",
}  # fmt: skip
_FORMATS = {
    "cells": "integer", "without_interval": "integer", "bias_pct": "fine", "rmse_pct": "fine",
    "mean_abs_error_pct": "fine", "coverage_pct": "number", "coverage_error_pct": "number", "above_pct": "number",
    "below_pct": "number", "width_pct": "number", "se_over_rmse": "fine",
}  # fmt: skip
_LEVEL_NAMES = {"part": "Groups of agencies of a place, such as the cities of a state", "msa": "Metropolitan areas"}
#: With fewer drawings the page says that its figures are rough.
_ENOUGH = 20
_HALF = " So truth and estimates are those of half a year."
_COLORS = {"program": BLUE, "reference": RED, "ratio": GRAY, "reference months": "#e08e0b",
           "reference benchmark": "#7b4f2c", "reference weights": "#8e6bb5", "regression": "#2e8b57",
           "second estimator": "#4aa3a2", "population ratio": "#b0a000"}  # fmt: skip


def write_backtest_page(
    backtest_score: pl.LazyFrame, backtest_estimate: pl.LazyFrame, identity: Identity
) -> dict[str, DocumentWriter]:
    """Show the scores of a backtest by level, and which cells miss the truth most."""
    scores = backtest_score.collect()
    estimates = backtest_estimate.collect()
    parts = dict(part.split("=", 1) for part in identity.source.split(",") if "=" in part)
    drawings = estimates["pattern_number"].n_unique()
    population = identity.source.removeprefix("backtest:").partition(",pattern=")[0]
    pattern = parts["pattern"].partition(":")[0]
    meaning = (PATTERNS if "benchmark" in parts else PATTERNS_OF_NATION)[pattern]
    sections = [
        ("In short", _in_short(scores, drawings)),
        ("What was tried", _tried(population, parts, meaning, drawings, estimates)),
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
    subtitle = f"{drawings} drawings of who responds: {meaning}."
    return {PAGE: writer(page(title, subtitle, sections, identity))}


def _tried(population: str, parts: dict[str, str], meaning: str, drawings: int, estimates: pl.DataFrame) -> str:
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
        f"reports is hidden ({escape(parts['pattern'])}: {meaning}). The stages of this program estimate "
        f"from the rest, and the result is compared with the truth.{agencies}",
        f"The benchmark: {BENCHMARKS[benchmark]}.{_HALF if benchmark == 'halves' else ''}"
        if benchmark
        else "Each drawing is another nation, with its own truth, months, benchmark and response.",
    ]
    if population.startswith("return-a:"):
        lines.append(
            "The population is the agencies that reported every month of the year by itself, with Part I offenses and "
            "simple assaults. States whose agencies send the whole year in one month, as Florida's do, are nearly "
            "absent."
        )
    if population.startswith("universe:"):
        lines.append(
            "The population is all agencies of the file that reported three months or more, with Part I offenses and "
            "simple assaults. Their year is 12 over the months reported times what they reported, taken as it is. "
            "They send the months that they really reported; agencies that lump the months of a year, as Florida's "
            "do, have as many offenses in each."
        )
    if population.startswith("cde:"):
        lines.append("The population is the agencies of the zip of which every month is known. A state is one draw.")
    rules = "".join(f"<li><b>{rule}</b>: {RULES[rule]}</li>" for rule in parts["rules"].split("+"))
    return "".join(f"<p>{line}</p>" for line in lines) + f"<p>Rules:</p><ul>{rules}</ul>"


def _in_short(scores: pl.DataFrame, drawings: int) -> str:
    """Coverage of counts, all outcomes together, by level and rule; rules without intervals have none."""
    is_pooled = (pl.col("outcome") == ALL) & (pl.col("measure") == COUNT) & pl.col("coverage_pct").is_not_null()
    pooled = (
        scores.filter(is_pooled)
        .group_by("level", "rule")
        # Classes of size weigh as many cells as they have.
        .agg((pl.col("coverage_pct") * pl.col("cells")).sum() / pl.col("cells").sum())
        .pivot("rule", index="level", values="coverage_pct")
    )
    rules = [rule for rule in RULES if rule in pooled.columns]
    ordered = pooled.sort(pl.col("level").replace_strict(list(LEVELS), range(len(LEVELS)), return_dtype=pl.Int64))
    shown = ordered.with_columns(pl.col("level").replace(_LEVEL_NAMES).str.replace_all("_", " "))
    table = html_table(
        shown, "short", {"level": "Level", **{rule: rule for rule in rules}}, **dict.fromkeys(rules, "number")
    )
    few = "" if drawings >= _ENOUGH else f"<p><b>{drawings} drawings are few</b>: these figures are rough.</p>"
    return (
        f"<p>Share of 95 % intervals of counts that hold the truth, in percent, all outcomes together.</p>{few}{table}"
    )


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
        (
            "Differences",
            of_level.filter((pl.col("measure") == DIFFERENCE) & (pl.col("size") == ALL)).sort("outcome"),
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
    "<p><b>Cell</b>: an outcome of a place in a drawing. <b>Drawing</b>: one draw of who responds. "
    "<b>Benchmark</b>: crimes of every agency in a full year, known from elsewhere, to which estimates are ratios. "
    "<b>Part I offenses</b>: murder, manslaughter, rape, robbery, aggravated assault, burglary, larceny and vehicle "
    "theft. <b>Reference</b>: the rules of the pipeline that produced the official estimates. "
    "<b>Truth above</b>: share of intervals that end below the truth. <b>Without interval</b>: cells whose estimate or "
    "standard error is not known. <b>Rule E</b>: the estimates of the program with another standard error, which comes "
    "from the residuals of a regression on the benchmark, and with normal intervals. Rule E and plain ratio estimation "
    "have no percentages. <b>Population ratio</b>: respondents stand for the residents of their region and kind of "
    "place, without a benchmark, standard errors or percentages. <b>Difference</b>: an outcome less another, or a "
    "place less the next of its level, by the program's rules. Its bias, RMSE and width are relative to the sum of "
    "both true numbers.</p>"
    "<p><b>Bias</b>: sum of the estimates over sum of the true numbers, less 1 (percentages: mean relative error), "
    "so that large places and large misses decide it. <b>RMSE</b>: root mean square of the relative errors of a place "
    "over drawings; that of the place in the middle. <b>Mean |error|</b>: of the relative errors of cells without "
    "their sign. <b>Coverage</b>: share of 95 % intervals that hold the truth, "
    "with its Monte-Carlo standard error (±). <b>Width</b>: of the interval in percent of the truth, median. "
    "<b>SE / RMSE</b>: 1 if standard errors are as large as errors. Cells whose true number is 0 are left out; "
    "one that is estimated as 0 counts as missed.</p>"
)
