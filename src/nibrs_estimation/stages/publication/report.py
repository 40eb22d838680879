"""`report.html`: the main results and their coverage, on one self-contained page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Literal

import polars as pl

from nibrs_estimation.model.accounting import GROUP_B, INCIDENTS, account_rows
from nibrs_estimation.pages import counted, html_table, page_head, writer
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.task import DocumentWriter
from nibrs_estimation.stages.publication.report_changes import changes_section, how_to_get_changes
from nibrs_estimation.stages.publication.sections import (
    HOW,
    LEVELS,
    NATION,
    NOTHING,
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
from nibrs_estimation.survey.months import MONTHS_PER_YEAR
from nibrs_estimation.tables.definition import Estimate
from nibrs_estimation.tables.suppression import suppression_mark
from nibrs_estimation.tables.table_rows import (
    INTERVAL_MEANS,
    estimated_places,
)

#: Tables and columns of the main numbers.
HEADLINES = (("1a", "violent_crime"), ("1a", "murder"), ("1b", "property_crime"), ("1c", "drug_narcotic"))
#: Largest number of agencies without any incident that are named; the datasets contain all.
_LISTED = 20


def write_report(
    cell_estimate: pl.LazyFrame,
    cell_gap: pl.LazyFrame,
    coverage: pl.LazyFrame,
    geography_population: pl.LazyFrame,
    geography_quality: pl.LazyFrame,
    weight_cell: pl.LazyFrame,
    intake_count: pl.LazyFrame,
    intake_loss: pl.LazyFrame,
    agency: pl.LazyFrame,
    block_month: pl.LazyFrame,
    reporting_status: pl.LazyFrame,
    universe: pl.LazyFrame,
    incident_account: pl.LazyFrame,
    year_change: pl.LazyFrame,
    year: int,
    identity: Identity,
    small_count: Literal["off", "3", "5", "10"],
    variance_rule: Literal["prediction", "reference"],
) -> dict[str, DocumentWriter]:
    """Write the report: crimes, victims, arrestees, firearms and drugs with 95 % intervals, states, and coverage.

    Charts are SVG in the page, so that it needs no network and no script.
    """
    from nibrs_estimation.stages.publication import charts  # noqa: PLC0415 (takes a second to import, only for this task)

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
    rates = states.column("1a", "violent_crime", "rate").join(
        estimated.select("estimate_geographic_location", "geography_number"),
        on="geography_number",
    )
    about = places.row(0, named=True)
    place, changes = place_name(places), year_change.collect()
    eligible = universe.filter("is_eligible").select("agency_id")
    body = _BODY.format(
        place=escape(place),
        tiles=tiles(nation, about, HEADLINES, "incidents"),
        reporting=_reporting(eligible, reporting_status)
        + _months(agency, eligible, reporting_status, year)
        + _filled(block_month, variance_rule),
        caution=caution_section(about["population_coverage"], charts.LEAST_COVERAGE, variance_rule),
        persons=totals_table(nation, "1a"),
        intervals=charts.intervals_on_log_scale(
            nation.totals("1a").select("label", estimate="rate", low="rate_low", high="rate_high"),
            "Incidents per 100,000 persons (log scale)",
        ),
        property=totals_table(nation, "1b"),
        society=totals_table(nation, "1c"),
        changes=changes_section(changes, year),
        how_to_get_changes=how_to_get_changes(changes),
        states=states_section(
            charts.state_rates(rates, "Incidents with violent crime per 100,000 persons"),
            rates.height,
            charts.with_coverage(rates),
        ),
        coverage=coverage_section(places, about),
        account=_account(incident_account),
        groups=groups_table(weight_cell, variance_rule),
        losses=losses_list(intake_count, intake_loss),
        meaning=escape(INTERVAL_MEANS[variance_rule]),
        how=escape(HOW[variance_rule]),
        of_filling=escape(OF_FILLING[variance_rule]),
        **{name: _charts(nation, wanted) for name, wanted in _CHARTS.items()},
    )
    title = f"Crime in {year}: {place}"
    head = page_head(title, "Estimates from NIBRS incident reports", identity)
    return {"report.html": writer(whole_page(title, head, body))}


def _reporting(eligible: pl.LazyFrame, reporting_status: pl.LazyFrame) -> str:
    """How many of the eligible agencies, and of their months, were reported."""
    months = eligible.join(reporting_status, on="agency_id", how="left").with_columns(
        pl.col("months_reported", "months_with_incidents", "months_inferred").fill_null(0).cast(pl.Int64)
    )
    reported, with_any = pl.col("months_reported"), pl.col("months_with_incidents")
    n = months.select(
        agencies=pl.len(),
        full=(reported == MONTHS_PER_YEAR).sum(),
        partial=reported.is_between(1, MONTHS_PER_YEAR - 1).sum(),
        with_incidents=with_any.sum(),
        inferred=pl.col("months_inferred").sum(),
        empty=(reported - with_any - pl.col("months_inferred")).sum(),
    ).collect()
    agencies, full, partial, with_incidents, inferred, empty = (int(value) for value in n.row(0))
    if agencies == 0:
        return NOTHING
    of_agencies = {
        "Reported all twelve months": full,
        "Reported some months": partial,
        "Reported no month": agencies - full - partial,
    }
    of_months = {
        "Reported, with incidents": with_incidents,
        "Reported as months without incidents": empty,
        "Without incidents, counted as zero": inferred,
        "Not reported": MONTHS_PER_YEAR * agencies - with_incidents - empty - inferred,
    }
    tables = "".join(
        html_table(
            pl.DataFrame({"what": list(part), "n": list(part.values())}).with_columns(share=pl.col("n") / whole),
            name,
            {"what": f"{heading} ({whole:,})", "n": "Number", "share": "Share"},
            n="integer",
            share="percent",
        )
        for name, heading, part, whole in (
            ("reporting-agencies", "Eligible agencies", of_agencies, agencies),
            ("reporting-months", "Their months", of_months, MONTHS_PER_YEAR * agencies),
        )
    )
    note = "Agencies with too few months count as if they had reported nothing: other agencies stand for them."
    return f'<div class="numbers side-by-side">{tables}</div><p class="note">{note}</p>'


def _months(agency: pl.LazyFrame, eligible: pl.LazyFrame, reporting_status: pl.LazyFrame, year: int) -> str:
    """Number of agencies with months without incidents, and agencies without any (docs/develop/adding-a-source.md)."""
    names = agency.filter(pl.col("data_year") == year).select("agency_id", "agency_name", "ori")
    found = (
        reporting_status.join(eligible, on="agency_id", how="semi")
        .join(names, on="agency_id", how="left")
        .sort("agency_name", "ori", "agency_id")
        .collect()
    )
    empty = found.filter(pl.col("months_reported") > pl.col("months_with_incidents"))
    if empty.is_empty():
        return ""
    months = int((empty["months_reported"].cast(pl.Int64) - empty["months_with_incidents"]).sum())
    inferred = int(empty["months_inferred"].cast(pl.Int64).sum())
    how = "all inferred as zero" if inferred == months else f"{inferred:,} of them inferred as zero"
    none = empty.filter(pl.col("months_with_incidents") == 0)
    named = [str(name or ori) for name, ori in none.select("agency_name", "ori").head(_LISTED).iter_rows()]
    more = f", and {none.height - len(named):,} more" if none.height > len(named) else ""
    without_any = f"; {none.height:,} had none all year: {', '.join(named)}{more}" if named else ""
    text = (
        f"{empty.height:,} of {counted(found.height, 'agency', 'agencies')} had months without incidents "
        f"({counted(months, 'agency-month')}, {how}){without_any}."
    )
    return f"<p>{escape(text)}</p>"


def _filled(block_month: pl.LazyFrame, variance_rule: str) -> str:
    """What share of the offenses of agencies with known months was filled in."""
    months = block_month.collect()
    filled = months.filter(pl.col("month_flag").is_not_null())
    if filled.is_empty():
        return ""
    completed = months.select(pl.sum_horizontal(pl.col("^completed_.*$").sum())).item()
    added = (
        completed
        - months.filter(pl.col("month_flag").is_null()).select(pl.sum_horizontal(pl.col("^own_.*$").sum())).item()
    )
    return (
        f"<p><strong>{added / max(completed, 1):.1%} of the offenses are filled in:</strong> "
        f"{counted(filled.height, 'month')} of {counted(filled['agency_id'].n_unique(), 'agency', 'agencies')} "
        f"were missing or incomplete and were filled before weighting. {escape(OF_FILLING[variance_rule])}</p>"
    )


@dataclass(frozen=True)
class Chart:
    """A chart of a block of rows: heading, unit of the axis, table, column, identifier of the block, and estimate."""

    heading: str
    axis: str
    table: str
    column: str
    block: str
    estimate: Estimate = "percentage"


_CHARTS = {
    "victims": (
        Chart("Age", "Percent of victims", "3a", "violent_crime", "victim_age"),
        Chart("Sex", "Percent of victims", "3a", "violent_crime", "victim_sex"),
        Chart("Race", "Percent of victims", "3a", "violent_crime", "victim_race"),
        Chart("Offender is to the victim", "Percent of victims", "3a", "violent_crime", "relationship"),
    ),
    "circumstances": (
        Chart("Place", "Percent of incidents", "1a", "violent_crime", "location"),
        Chart("Time of day", "Percent of incidents", "1a", "violent_crime", "time_of_incident"),
        Chart("Weapon", "Percent of incidents", "1a", "violent_crime", "weapon_involved"),
        Chart("Weapons where any was involved", "Percent of incidents with a weapon", "1a", "violent_crime", "weapon"),
    ),
    "arrestees": (
        Chart("Age", "Percent of arrestees", "4a", "violent_crime", "arrestee_age"),
        Chart("Sex", "Percent of arrestees", "4a", "violent_crime", "arrestee_sex"),
    ),
    "firearms": (
        Chart("Firearms", "Percent of offenses", "GV1a", "total_gun_violence", "firearm_types"),
        Chart("Offenders", "Percent of incidents", "GV3a", "total_gun_violence", "offenders"),
    ),
    "drugs": (
        Chart("Kind of offense", "Percent of incidents", "DM1", "completed_drug_related", "drug_related_offense"),
        Chart("What was done", "Incidents", "DM2", "completed_35A", "criminal_activity", "count"),
        Chart("Drugs", "Incidents", "DM4", "completed_35A", "drug", "count"),
    ),
}


def _charts(nation: Results, wanted: Iterable[Chart]) -> str:
    """Charts one below the other, followed by notes on rows that cannot be estimated."""
    from nibrs_estimation.stages.publication import charts  # noqa: PLC0415 (as above)

    drawn, notes = [], []
    for chart in wanted:
        heading = chart.heading
        found = nation.rows(chart.table, chart.column, chart.block, chart.estimate).filter(~pl.col("is_blank"))
        known = found.drop_nulls("estimate").with_columns(label=pl.concat_str("label", suppression_mark()))
        if known["estimate"].sum() > 0:
            drawn.append(f"<h3>{escape(heading)}</h3><figure>{charts.intervals(known, chart.axis)}</figure>")
            drawn.extend(suppression_notes(known))
        unknown = known.filter(pl.col("label").str.contains("(?i)^unknown"))
        if chart.estimate == "percentage" and unknown["estimate"].sum() > 0:
            share = unknown["estimate"].sum()
            drawn.append(f'<p class="note">{share:.0f} % unknown; shares are of all.</p>')
        not_estimated = found.drop_nulls("missing").group_by("missing", maintain_order=True)
        for (reason,), part in not_estimated:
            what = heading if part.height == found.height else f"{heading}: {', '.join(part['label'])}"
            notes.append(f"<li>{escape(what)}: {escape(str(reason))}.</li>")
    unknown_rows = f'<p class="note">Not known:</p><ul class="note">{"".join(notes)}</ul>' if notes else ""
    return ("".join(drawn) or NOTHING) + unknown_rows


def _account(incident_account: pl.LazyFrame) -> str:
    """The account of all incidents and Group B arrests that were read."""
    rows = account_rows(incident_account)
    kinds = {INCIDENTS: "Incidents", GROUP_B: "Group B arrests"}
    shown = rows.with_columns(
        pl.col("record_type").replace_strict(kinds),
        words=pl.col("words").str.slice(0, 1).str.to_uppercase() + pl.col("words").str.slice(1),
        share=pl.col("share_pct") / 100,
    )
    if shown.is_empty():
        return "<p>The source has no account.</p>"
    labels = {"record_type": "What was read", "words": "Result", "records": "Number", "share": "Share"}
    return html_table(shown, "account", labels, records="integer", share="percent")


_BODY = """{tiles}{caution}
<section><h2>Who reported</h2>{reporting}</section>
<section><h2>Crimes against persons</h2><p>Incidents, counted once in every line that applies to them. Each estimate
comes with its 95 % interval and relative standard error (SE). {meaning}</p>{persons}<figure>{intervals}</figure>
</section>
<section><h2>Crimes against property</h2>{property}</section>
<section><h2>Crimes against society</h2>{society}</section>
{changes}
{states}
<section><h2>Victims of violent crime</h2>{victims}</section>
<section><h2>Where, when and how violent crime happens</h2><p>An incident with several places or weapons counts
with each of them.</p>{circumstances}</section>
<section><h2>Who was arrested for violent crime</h2>{arrestees}</section>
<section><h2>Gun violence</h2>{firearms}</section>
<section><h2>Drugs</h2>{drugs}</section>
{coverage}
<section><h2>Account of the incidents</h2><p>Each incident that was read is in the estimates or left out for one of
these reasons. File agencies.csv gives for each agency what it reported, which months were filled and from which
agency or own month, and its weights.</p><div class="numbers">{account}</div></section>
<section><h2>How the agencies were weighted</h2><p>Agencies of {place}. Respondents reported all twelve months, or
some of them, and the others were filled. {of_filling}
Within each group respondents stand for the agencies that did not report, in proportion to the known crimes of all
eligible agencies, in the data year or an earlier year. Smaller places have their own weights, computed in the same way.
{how}</p>{groups}</section>
<section><h2>What the source does not give</h2><ul>{losses}</ul></section>
<section><h2>More of this run</h2><p>The folder of this page contains, if the run wrote them: all tables as
workbooks (workbooks.zip), estimates.csv and estimates.duckdb, all agencies (agencies.csv), and pages to evaluate the
population covered, outlier months, filled months and weights (names that begin with validation). The page of the run
lists and links all of them.</p>{how_to_get_changes}</section>
"""
