"""`report.html` of summary estimates: Part I offenses, regions, states, and where the counts come from."""

from __future__ import annotations

from html import escape
from typing import Literal

import polars as pl

from nibrs_estimation.pages import html_table, page_head, writer
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.task import DocumentWriter
from nibrs_estimation.stages.publication.sections import (
    HOW,
    LEVELS,
    NATION,
    OF_FILLING,
    caution_section,
    coverage_section,
    groups_table,
    losses_list,
    place_name,
    states_section,
    suppression_notes,
    tiles,
    totals_table,
    whole_page,
)
from nibrs_estimation.stages.publication.selection import Results
from nibrs_estimation.tables.table_rows import INTERVAL_MEANS, OWN_WEIGHTS, estimated_places

#: Table of the page, that of what was reported, and that of the shares of regions.
TABLE, RAW_TABLE, REGION_TABLE = "SRS1a", "SRS1araw", "SRS2a"
_HEADLINES = tuple((TABLE, column) for column in ("violent_crime", "murder", "property_crime", "vehicle_theft"))
_ORIGINS = {
    "incidents": "Incident reports, converted by the hierarchy rule",
    "return_a": "Return A of twelve months",
    "return_a_filled": "Return A of three to eleven months, filled",
    "missing": "Nobody knows: weights stand for these",
}


def write_summary_report(
    cell_estimate: pl.LazyFrame,
    cell_gap: pl.LazyFrame,
    coverage: pl.LazyFrame,
    geography_population: pl.LazyFrame,
    geography_quality: pl.LazyFrame,
    weight_cell: pl.LazyFrame,
    intake_count: pl.LazyFrame,
    intake_loss: pl.LazyFrame,
    weighting_frame: pl.LazyFrame,
    summary_agency: pl.LazyFrame,
    report_issue: pl.LazyFrame,
    summary_issue: pl.LazyFrame,
    conversion_account: pl.LazyFrame,
    year: int,
    identity: Identity,
    small_count: Literal["off", "3", "5", "10"],
    variance_rule: Literal["prediction", "reference"],
) -> dict[str, DocumentWriter]:
    """Write the report: Part I counts and rates with 95 % intervals, regions, states, and origin of the counts."""
    from nibrs_estimation.stages.publication import charts  # noqa: PLC0415 (takes a second to import)

    places = coverage.sort("geography_number").collect()
    estimated = estimated_places(coverage.filter(LEVELS))
    nation, states = (
        Results(
            cell_estimate,
            cell_gap,
            estimated.filter(wanted),
            geography_population,
            geography_quality,
            variance_rule,
            small_count,
        )
        for wanted in (pl.col("geography_number") == NATION, pl.col("geography_level") == "state")
    )
    rates = states.column(TABLE, "violent_crime", "rate").join(
        estimated.select("estimate_geographic_location", "geography_number"), on="geography_number"
    )
    about = places.row(0, named=True)
    body = _BODY.format(
        tiles=tiles(nation, about, _HEADLINES, "offenses"),
        caution=caution_section(about["population_coverage"], charts.LEAST_COVERAGE, variance_rule),
        totals=totals_table(nation, TABLE, "Offenses"),
        reported=totals_table(nation, RAW_TABLE, "Offenses as reported"),
        regions=_regions(nation),
        states=states_section(
            charts.state_rates(rates, "Violent crimes per 100,000 persons"),
            rates.height,
            charts.with_coverage(rates),
            "Violent crime rates of states",
        ),
        coverage=coverage_section(places, about),
        origins=_origins(summary_agency, weighting_frame),
        account=_account(conversion_account),
        issues=_issues(report_issue, summary_issue),
        groups=groups_table(weight_cell, variance_rule),
        losses=losses_list(intake_count, intake_loss),
        meaning=escape(INTERVAL_MEANS[variance_rule]),
        own_weights=escape(OWN_WEIGHTS),
        how=escape(HOW[variance_rule]),
        of_filling=escape(OF_FILLING[variance_rule]),
    )
    title = f"Part I offenses in {year}: {place_name(places)}"
    head = page_head(title, "Summary estimates from incident reports and Return A", identity)
    return {"report.html": writer(whole_page(title, head, body))}


def _regions(nation: Results) -> str:
    """Shares of the regions in violent and property crime."""
    from nibrs_estimation.stages.publication import charts  # noqa: PLC0415 (as above)

    drawn = []
    for column, heading in (("violent_crime", "Violent crime"), ("property_crime", "Property crime")):
        shares = nation.rows(REGION_TABLE, column, "region", "percentage").drop_nulls("estimate")
        if shares["estimate"].sum() > 0:
            drawn.append(f"<h3>{heading}</h3><figure>{charts.intervals(shares, 'Percent of offenses')}</figure>")
            drawn.extend(suppression_notes(shares))
    return "".join(drawn) or "<p>No region is estimated: the run has not all states.</p>"


def _origins(summary_agency: pl.LazyFrame, weighting_frame: pl.LazyFrame) -> str:
    """How many agencies, and which share of the benchmark, each kind of report gives."""
    origin = (
        pl.when(~pl.col("is_respondent"))
        .then(pl.lit("missing"))
        .when((pl.col("origin") == "return_a") & ~pl.col("is_full_year"))
        .then(pl.lit("return_a_filled"))
        .otherwise("origin")
    )
    found = (
        summary_agency.join(weighting_frame.select("agency_id", "n_total", "population"), on="agency_id")
        .group_by(kind=origin)
        .agg(pl.len(), pl.col("n_total", "population").sum())
        .collect()
    )
    shares = {
        name: pl.col(name).fill_null(0) / pl.max_horizontal(pl.col(name).sum(), 1) for name in ("n_total", "population")
    }
    shown = (
        pl.DataFrame({"kind": list(_ORIGINS), "words": list(_ORIGINS.values())})
        .join(found, on="kind", how="left", maintain_order="left")
        .with_columns(pl.col("len").fill_null(0), **shares)
    )
    labels = {
        "words": "Counts come from", "len": "Agencies", "population": "Share of residents", "n_total": "Share of crime",
    }  # fmt: skip
    return html_table(shown, "origins", labels, len="integer", population="percent", n_total="percent")


def _account(conversion_account: pl.LazyFrame) -> str:
    """What the hierarchy rule made of the incidents."""
    n = dict(conversion_account.group_by("measure").agg(pl.col("n").sum()).collect().iter_rows())
    if not n.get("incidents"):
        return "<p>The run has no incidents: all counts are of Return A.</p>"
    shown = pl.DataFrame(
        [
            ("In the counts", n["counted"]),
            ("Without an offense of the hierarchy", n["without_family"]),
            ("Highest offense lacks what its count needs, such as a weapon", n["counted_nothing"]),
            ("In months before the agency started NIBRS", n["before_start"]),
        ],
        schema={"words": pl.String, "n": pl.Int64},
        orient="row",
    ).with_columns(share=pl.col("n") / n["incidents"])
    labels = {"words": f"Of {n['incidents']:,} incidents", "n": "Number", "share": "Share"}
    return html_table(shown, "conversion", labels, n="integer", share="percent")


def _issues(*issues: pl.LazyFrame) -> str:
    """Faults that were found, with the rule that was applied."""
    found = pl.concat(issues).collect()
    lines = [
        f"<li><b>{escape(str(name))}</b>: {rows:,} rows of {agencies:,} agencies, the first {escape(str(first))}. "
        f"{escape(str(rule))}</li>"
        for name, rows, agencies, first, rule in found.iter_rows()
    ]
    return f"<ul>{''.join(lines)}</ul>" if lines else "<p>None.</p>"


_BODY = """{tiles}{caution}
<section><h2>Part I offenses</h2><p>Offenses known to the police, as a summary report counts them: of each incident the
most serious offense, with victims of murder, rape and aggravated assault, and stolen vehicles. Each estimate comes with
its 95 % interval and relative standard error (SE). {meaning}</p>{totals}</section>
<section><h2>Regions</h2><p>Shares of the census regions in the nation. {own_weights}</p>{regions}</section>
{states}
{coverage}
<section><h2>Where the counts come from</h2><div class="numbers">{origins}</div></section>
<section><h2>As reported</h2><p>What respondents reported themselves, without weights and without what was filled: no
estimate of the place.</p>{reported}</section>
<section><h2>Incidents in the counts</h2><div class="numbers">{account}</div></section>
<section><h2>Faults in the reports</h2>{issues}</section>
<section><h2>How the agencies were weighted</h2><p>{of_filling} {how}</p>{groups}</section>
<section><h2>What the source does not give</h2><ul>{losses}</ul></section>
"""
