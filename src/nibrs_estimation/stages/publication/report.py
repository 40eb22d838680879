"""`report.html`: the headline estimates and the coverage behind them, on one self-contained page."""

from __future__ import annotations

from html import escape

import polars as pl

from nibrs_estimation.model.intake import LOSSES
from nibrs_estimation.pages import STYLE, html_table, writer
from nibrs_estimation.pipeline.task import DocumentWriter

NATION = 1


def write_report(
    estimates: pl.LazyFrame,
    coverage: pl.LazyFrame,
    weight_cell: pl.LazyFrame,
    intake_count: pl.LazyFrame,
    intake_loss: pl.LazyFrame,
    year: int,
) -> dict[str, DocumentWriter]:
    """Draw the report: headline estimates, charts with 95 % intervals, coverage by state, and what was not told.

    Pictures are drawn into the page as SVG, so that it needs no network and no script.
    """
    from nibrs_estimation.stages.publication import charts  # noqa: PLC0415 (a second that only this task should take)

    all_estimates = estimates.collect()
    places = coverage.sort("permutation_number").collect()
    nation = places.row(0, named=True)
    headline = all_estimates.filter(pl.col("permutation_number") == NATION)
    page = _PAGE.format(
        year=year,
        style=STYLE,
        place=escape(_capitalised(nation["estimate_geographic_location"])),
        origin=_origin(nation),
        tiles=_tiles(headline, nation),
        table=_headline_table(headline),
        intervals=charts.headline_rates(headline),
        states=charts.state_rates(all_estimates, places),
        coverage=charts.coverage_map(places),
        coverage_note=escape(_coverage_note(nation)),
        groups=_groups_table(weight_cell),
        losses=_losses(intake_count, intake_loss),
    )
    return {"report.html": writer(page)}


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _origin(nation: dict[str, object]) -> str:
    if nation["universe_scope"] == "synthetic":
        return '<strong class="synthetic">synthetic data: these numbers describe a nation that does not exist</strong>'
    return "estimates from NIBRS incident reports"


def _tiles(headline: pl.DataFrame, nation: dict[str, object]) -> str:
    """The three numbers that most readers come for."""
    wanted = ("NIBRS crimes against persons (Total)", "Violent Crime", "Murder and Non-negligent Manslaughter")
    counts = headline.filter(pl.col("estimate_type") == "count")
    tiles = []
    for name in wanted:
        row = counts.filter(pl.col("indicator_name") == name).row(0, named=True)
        tiles.append(
            f'<div class="tile"><b>{row["estimate"]:,.0f}</b><span>{escape(name)}</span>'
            f"<small>95 % interval {row['estimate_lower_bound']:,.0f} to {row['estimate_upper_bound']:,.0f}</small>"
            "</div>"
        )
    share = nation["population_coverage"]
    told = "not known from this source" if share is None else f"of the population ({share:.0%})"
    tiles.append(
        f'<div class="tile"><b>{nation["responding_agencies"]:,} of {nation["eligible_agencies"]:,}</b>'
        f"<span>agencies with a full year, reported or completed</span><small>coverage {told}</small></div>"
    )
    return "".join(tiles)


def _headline_table(headline: pl.DataFrame) -> str:
    from great_tables import GT  # noqa: PLC0415 (as above)

    counts = headline.filter(pl.col("estimate_type") == "count")
    rates = headline.filter(pl.col("estimate_type") == "rate").select(
        "indicator_name", rate="estimate", rate_low="estimate_lower_bound", rate_high="estimate_upper_bound"
    )
    shown = (
        counts.with_columns(position=pl.col("der_variable_name").str.split("_").list.last().cast(pl.Int32))
        .join(rates, on="indicator_name", maintain_order="left")
        .sort("position")
        .select(
            "indicator_name",
            "estimate",
            interval=_interval("estimate_lower_bound", "estimate_upper_bound", 0),
            rse=pl.col("relative_standard_error"),
            rate="rate",
            rate_interval=_interval("rate_low", "rate_high", 1),
            agencies="agency_counts",
        )
    )
    table = (
        GT(shown, id="headline")
        .fmt_number(["estimate", "agencies"], decimals=0)
        .fmt_number("rate", decimals=1)
        .fmt_percent("rse", decimals=1)
        .sub_missing(missing_text="–")
        .cols_label(
            indicator_name="Incidents with",
            estimate="Count",
            interval="95 % interval",
            rse="Relative SE",
            rate="Rate per 100,000",
            rate_interval="95 % interval",
            agencies="Agencies with any",
        )
        .cols_align("right", ["interval", "rate_interval"])
    )
    return str(table.as_raw_html())


def _interval(low: str, high: str, decimals: int) -> pl.Expr:
    return pl.struct(low, high).map_elements(
        lambda bounds: None if bounds[low] is None else f"{bounds[low]:,.{decimals}f} – {bounds[high]:,.{decimals}f}",
        return_dtype=pl.String,
    )


def _groups_table(weight_cell: pl.LazyFrame) -> str:
    """The weight groups of the nation."""
    cells = weight_cell.filter(pl.col("weight_variable") == "NationalWgt").sort("weight_group").collect()
    labels = {
        "label": "Weight group", "eligible_agencies": "Eligible agencies", "responding_agencies": "Respondents",
        "crime_coverage": "Share of crime", "rule": "How",
    }  # fmt: skip
    shown = cells.with_columns(rule=pl.col("rule").str.replace_all("_", " "))
    whole = dict.fromkeys(("eligible_agencies", "responding_agencies"), "integer")
    return html_table(shown, "groups", labels, **whole, crime_coverage="percent")


def _losses(intake_count: pl.LazyFrame, intake_loss: pl.LazyFrame) -> str:
    """What the source cannot tell, and how much of it was set aside as faulty."""
    read, aside = intake_count.select(pl.col("rows_read", "rows_quarantined").sum()).collect().row(0)
    by_kind = (
        intake_loss.filter(pl.col("loss") != "suspicious_gap")
        .group_by("loss")
        .agg(pl.col("state_abbr").n_unique(), pl.col("n").sum())
        .sort("loss")
        .collect()
    )
    gaps = intake_loss.filter(pl.col("loss") == "suspicious_gap").select(pl.len()).collect().item()
    said = [
        f"{_capitalised(LOSSES[loss])}{f' ({n:,} rows)' if n else ''}{f', in {states} states' if states > 1 else ''}."
        for loss, states, n in by_kind.rows()
    ]
    if gaps:
        said.append(
            f"{gaps:,} empty months of agencies with many incidents look suspicious; nothing was done about them."
        )
    if read:
        said.append(f"Of {read:,} rows read, {aside:,} were set aside as faulty (dataset quarantine).")
    return "".join(f"<li>{escape(text)}</li>" for text in said)


def _coverage_note(nation: dict[str, object]) -> str:
    if nation["universe_scope"] == "reporting":
        return (
            "The source lists only agencies that reported something, so the share of the population that they serve "
            "is not known, and the estimates speak of reporting agencies only. Colour shows the share of the listed "
            "agencies whose twelve months are there, reported or copied from a donor."
        )
    return (
        "Share of each state's population that is served by agencies whose twelve months are there, reported or copied "
        "from a donor."
    )


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Crimes against persons, {year}: {place}</title><style>{style}</style></head><body>
<header><h1>Crimes against persons, {year}</h1><p>{place} · {origin}</p></header>
<section class="tiles">{tiles}</section>
<section><h2>Headline estimates</h2><p>Incidents, counted once in every line that applies to them. Each estimate comes
with its 95 % confidence interval and relative standard error (SE).</p>{table}</section>
<section><h2>Rates with their intervals</h2><figure>{intervals}</figure></section>
<section><h2>Violent crime by state</h2><p>States whose respondents are known to serve less than 80 % of the
population are left out here: too few answer for too many.</p><figure>{states}</figure></section>
<section><h2>Coverage by state</h2><p>{coverage_note}</p><figure>{coverage}</figure></section>
<section><h2>How the agencies of the nation were weighted</h2><p>Respondents reported all twelve months, or at least
three, the others being copied from a donor; the errors do not yet tell what copying adds. Within a group their weights
are calibrated: they bring the crimes that all eligible agencies are known to have had, in the data year or before, to
their totals. Every region, state and smaller place has weights of its own, made likewise (<a
href="validation_weights.html">how well that went</a>). Standard errors by Taylor linearisation with finite population
correction, the agency being the sampling unit; they say how much the estimate would vary with which agencies of a group
reported, not what reporting itself leaves out.</p>{groups}</section>
<section><h2>What the source cannot tell</h2><ul>{losses}</ul></section>
</body></html>
"""
