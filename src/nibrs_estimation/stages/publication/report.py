"""`report.html`: the main results and their coverage, on one self-contained page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Literal

import polars as pl

from nibrs_estimation.model.accounting import GROUP_B, INCIDENTS, account_rows
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.intake import LOSSES
from nibrs_estimation.pages import STYLE, anchor, contents, counted, html_table, page_head, readable, writer
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.task import DocumentWriter
from nibrs_estimation.stages.publication.report_changes import changes_section, how_to_get_changes
from nibrs_estimation.stages.publication.selection import KINDS, NATION, Results
from nibrs_estimation.tables.caution import caution_mark, caution_reasons, cautions, warning_codes
from nibrs_estimation.tables.definition import Estimate
from nibrs_estimation.tables.suppression import SUPPRESSED, suppression_mark
from nibrs_estimation.tables.table_rows import (
    INTERVAL_MEANS,
    MONTHS_INFERRED,
    NOTHING_SAMPLED,
    OWN_WEIGHTS,
    estimated_places,
)

#: The title names the states of a run if there are no more than this.
_NAMED = 4
#: Tables and columns of the main numbers.
HEADLINES = (("1a", "violent_crime"), ("1a", "murder"), ("1b", "property_crime"), ("1c", "drug_narcotic"))
#: Number of states from which a map is drawn.
_STATES_OF_A_MAP = 2
#: Largest number of agencies without any incident that are named; the datasets contain all.
_LISTED = 20
_NOTHING = "<p>Nothing was estimated.</p>"
#: How standard errors are computed, by the rule of the variance.
_HOW = {
    "prediction": "Standard errors are those of the prediction of what was not reported: they depend on which agencies "
    "are missing, how much agencies of one size differ, and how much the agencies of a state have in common.",
    "reference": "Standard errors are computed by Taylor linearization with finite population correction; the agency "
    "is the sampling unit.",
}
#: Whether intervals know that months were filled, by the rule of the variance.
_OF_FILLING = {
    "prediction": "The intervals of counts include the error of filling; those of percentages do not.",
    "reference": "The intervals do not include the error of filling.",
}
_LEVELS = pl.col("geography_level").is_in(["nation", "state"]) & pl.col("agency_group").is_null()


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
    estimated = estimated_places(coverage.filter(_LEVELS))
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
    place, changes = _place(places), year_change.collect()
    eligible = universe.filter("is_eligible").select("agency_id")
    body = _BODY.format(
        place=escape(place),
        tiles=_tiles(nation, about),
        months=_months(agency, eligible, reporting_status, year) + _filled(block_month, variance_rule),
        caution=_caution(about["population_coverage"], charts.LEAST_COVERAGE, variance_rule),
        persons=_totals(nation, "1a"),
        intervals=charts.intervals_on_log_scale(
            nation.totals("1a").select("label", estimate="rate", low="rate_low", high="rate_high"),
            "Incidents per 100,000 persons (log scale)",
        ),
        property=_totals(nation, "1b"),
        society=_totals(nation, "1c"),
        changes=changes_section(changes, year),
        how_to_get_changes=how_to_get_changes(changes),
        states=_states(charts.state_rates(rates), rates.height, charts.with_coverage(rates)),
        coverage=_coverage(places, about),
        account=_account(incident_account),
        groups=_groups_table(weight_cell, variance_rule),
        losses=_losses(intake_count, intake_loss),
        meaning=escape(INTERVAL_MEANS[variance_rule]),
        how=escape(_HOW[variance_rule]),
        of_filling=escape(_OF_FILLING[variance_rule]),
        **{name: _charts(nation, wanted) for name, wanted in _CHARTS.items()},
    )
    title = f"Crime in {year}: {place}"
    head = page_head(title, "Estimates from NIBRS incident reports", identity)
    return {"report.html": writer(_whole(title, head, body))}


def _whole(title: str, head: str, body: str) -> str:
    """The page; every section has an anchor and a line in the table of contents."""
    sections = [part for part in body.split("<section>") if part.strip()]
    headings = [found[1] for part in sections if (found := re.search(r"<h2>(.*?)</h2>", part))]
    for heading in headings:
        body = body.replace(f"<section><h2>{heading}<", f'<section id="{anchor(heading)}"><h2>{heading}<')
    return _PAGE.format(title=escape(title), style=STYLE, head=head, contents=contents(headings), body=body)


def _place(places: pl.DataFrame) -> str:
    """Name of the area of the run: one state, a few states, or the name in dataset ``coverage``."""
    about = places.row(0, named=True)
    names = code_list("state").select("state_name", geography_code="state_abbr")
    states = (
        places.filter(_LEVELS & (pl.col("geography_level") == "state"))
        .join(names, on="geography_code", how="left", maintain_order="left")
        .select(pl.coalesce("state_name", "estimate_geographic_location"))
        .to_series()
        .to_list()
    )
    whole = str(about["estimate_geographic_location"])
    if "in this run" not in whole or len(states) > _NAMED or not states:
        return _capitalized(whole)
    named = " and ".join(filter(None, [", ".join(states[:-1]), states[-1]]))
    return f"{named} (agencies that reported)" if about["universe_scope"] == "reporting" else named


def _states(chart: str, number: int, shown: pl.DataFrame) -> str:
    """Rates of states; empty for a run of one state, for which the first table has the rate."""
    if number == 1:
        return ""
    return (
        "<section><h2>Violent crime by state</h2><p>States whose respondents are known to serve less than 80 % of the "
        f"population are omitted here. {escape(OWN_WEIGHTS)}</p><figure>{chart}</figure>"
        f"{''.join([*_marks(_codes(shown)), *_suppression_notes(shown)])}"
        "</section>"
    )


def _coverage(places: pl.DataFrame, about: dict[str, object]) -> str:
    from nibrs_estimation.stages.publication import charts  # noqa: PLC0415 (as above)

    if places.filter(_LEVELS & (pl.col("geography_level") == "state")).height < _STATES_OF_A_MAP:
        return ""
    return (
        f"<section><h2>Coverage by state</h2><p>{escape(_coverage_note(about))}</p>"
        f"<figure>{charts.coverage_map(places)}</figure></section>"
    )


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
    return f"<section><p>{escape(text)}</p></section>"


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
        f"<section><p><strong>{added / max(completed, 1):.1%} of the offenses are filled in:</strong> "
        f"{counted(filled.height, 'month')} of {counted(filled['agency_id'].n_unique(), 'agency', 'agencies')} "
        f"were missing or incomplete and were filled before weighting. {escape(_OF_FILLING[variance_rule])}</p>"
        "</section>"
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
            drawn.extend(_suppression_notes(known))
        unknown = known.filter(pl.col("label").str.contains("(?i)^unknown"))
        if chart.estimate == "percentage" and unknown["estimate"].sum() > 0:
            share = unknown["estimate"].sum()
            drawn.append(f'<p class="note">{share:.0f} % unknown; shares are of all.</p>')
        not_estimated = found.drop_nulls("missing").group_by("missing", maintain_order=True)
        for (reason,), part in not_estimated:
            what = heading if part.height == found.height else f"{heading}: {', '.join(part['label'])}"
            notes.append(f"<li>{escape(what)}: {escape(str(reason))}.</li>")
    unknown_rows = f'<p class="note">Not known:</p><ul class="note">{"".join(notes)}</ul>' if notes else ""
    return ("".join(drawn) or _NOTHING) + unknown_rows


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def _tiles(nation: Results, about: dict[str, object]) -> str:
    """The main numbers."""
    tiles = []
    for table, column in HEADLINES:
        for row in nation.column(table, column, "count").drop_nulls("estimate").iter_rows(named=True):
            low, high = row["estimate_lower_bound"], row["estimate_upper_bound"]
            interval = interval_words(low, high, is_only_inferred=bool(row["is_only_inferred"]))
            tiles.append(
                f'<div class="tile"><b>{row["estimate"]:,.0f}</b><span>{escape(row["column_label"])}</span>'
                f"<small>incidents; {interval}</small>{_tile_caution(row['caution'])}"
                f"{_tile_suppression(row['suppression_reason'])}</div>"
            )
    share = about["population_coverage"]
    covered = "not known from this source" if share is None else f"of the population ({share:.0%})"
    tiles.append(
        f'<div class="tile"><b>{about["responding_agencies"]:,} of {about["eligible_agencies"]:,}</b>'
        f"<span>agencies with a full year, reported or completed</span><small>coverage {covered}</small></div>"
    )
    return "".join(tiles)


def _tile_caution(codes: str | None) -> str:
    found = warning_codes(codes)
    return f"<small>Caution: {_reasons(found)}</small>" if found else ""


def _tile_suppression(reason: str | None) -> str:
    return f"<small>{SUPPRESSED} Suppressed: {escape(reason)}</small>" if reason else ""


def interval_words(low: float | None, high: float | None, *, is_only_inferred: bool) -> str:
    """The interval of a number in words; one without width is described, because it looks like certainty."""
    if is_only_inferred:
        return MONTHS_INFERRED
    if low is None or high is None:
        return "interval not known"
    return "not sampled: all known agencies reported" if low == high else f"95 % interval {low:,.0f} to {high:,.0f}"


def _caution(coverage: float | None, enough: float, variance_rule: str) -> str:
    """A warning if the coverage of the population is low; otherwise empty."""
    if coverage is None or coverage >= enough:
        return ""
    return (
        f"<section><p><strong>These numbers are based on agencies that serve {coverage:.0%} of the "
        f"population.</strong> {escape(INTERVAL_MEANS[variance_rule])}</p></section>"
    )


def _totals(nation: Results, table: str) -> str:
    """Counts and rates of all columns of a table; columns that are 0 are named below it."""
    totals = nation.totals(table)
    if totals.is_empty():
        return _NOTHING
    shown = totals.filter((pl.col("estimate") > 0) | pl.col("estimate").is_null()).with_columns(
        interval=_interval("low", "high", 0), rate_interval=_interval("rate_low", "rate_high", 1)
    )
    marks = caution_mark(without=_codes_of_all(shown))
    shown = shown.with_columns(
        name="label",
        label=pl.concat_str(
            "label",
            pl.when("is_proposed").then(pl.lit(" ‡")).otherwise(pl.lit("")),
            pl.when(marks != "").then(" " + marks).otherwise(pl.lit("")),
            suppression_mark(),
        ),
    )
    labels = {
        "label": "Incidents with", "estimate": "Count", "interval": "95 % interval", "rse": "Relative SE",
        "rate": "Rate per 100,000", "rate_interval": "95 % interval of the rate",
        "agencies": "Agencies that reported any",
    }  # fmt: skip
    formats = {"estimate": "integer", "rse": "percent", "rate": "number", "agencies": "integer"}
    parts = [
        f'<h3>{escape(heading)}</h3><div class="numbers">'
        f"{html_table(shown.filter(kind=kind), f'table-{table}-{kind}', labels, **formats)}</div>"
        for kind, heading in KINDS.items()
        if not shown.filter(kind=kind).is_empty()
    ]
    return "".join(parts) + _notes(totals, shown)


def _codes_of_all(shown: pl.DataFrame) -> list[str]:
    """The warnings that apply to every line; they are stated once, without marks."""
    rows = [warning_codes(codes) for codes in shown.drop_nulls("estimate")["caution"]]
    return [code for code in rows[0] if all(code in row for row in rows)] if len(rows) > 1 else []


def _codes(rows: pl.DataFrame) -> list[str]:
    """The warnings of some rows, each once."""
    return list(dict.fromkeys(code for row in rows["caution"].drop_nulls() for code in warning_codes(row)))


def _reasons(codes: list[str]) -> str:
    return escape("; ".join(word for code in codes for word in caution_reasons(code)))


def _marks(codes: Iterable[str]) -> list[str]:
    """What the marks of some cautions mean."""
    rules = [cautions()[code] for code in codes]
    return [f'<p class="note">{rule.mark} Caution: {escape(rule.words)}.</p>' for rule in rules]


def _suppression_notes(rows: pl.DataFrame) -> list[str]:
    """Why some of the rows are suppressed."""
    reasons = rows["suppression_reason"].drop_nulls().unique(maintain_order=True)
    return [f'<p class="note">{SUPPRESSED} Suppressed: {escape(reason)}.</p>' for reason in reasons]


def _notes(totals: pl.DataFrame, shown: pl.DataFrame) -> str:
    """Notes below a table: definitions of its lines, and meaning of its marks."""
    notes = []
    defined = shown.drop_nulls("definition").select("name", "definition")
    if not defined.is_empty():
        items = "".join(f"<li><b>{escape(name)}</b>: {escape(text)}.</li>" for name, text in defined.iter_rows())
        notes.append(f'<details class="note" open><summary>Offenses in the sums</summary><ul>{items}</ul></details>')
    if shown["is_proposed"].any():
        notes.append('<p class="note">‡ The offenses of this sum are this program’s proposal.</p>')
    everywhere = _codes_of_all(shown)
    if everywhere:
        notes.append(f'<p class="note">Caution, for all lines: {_reasons(everywhere)}.</p>')
    notes.extend(_marks(code for code in _codes(shown) if code not in everywhere))
    notes.extend(_suppression_notes(shown))
    none = totals.filter(pl.col("estimate") == 0)["label"].to_list()
    if none:
        notes.append(f'<p class="note">None: {escape(", ".join(none))}.</p>')
    if (shown["is_only_inferred"] == 1).any():
        notes.append(f'<p class="note">Without intervals: {escape(MONTHS_INFERRED)}.</p>')
    elif (shown["rse"] == 0).any():
        notes.append(f'<p class="note">Not sampled: {escape(NOTHING_SAMPLED)}.</p>')
    reasons_missing = totals["missing"].drop_nulls().unique(maintain_order=True)
    notes.extend(f'<p class="note">–: {escape(reason)}.</p>' for reason in reasons_missing)
    return "".join(notes)


def _interval(low: str, high: str, decimals: int) -> pl.Expr:
    return pl.struct(low, high).map_elements(
        lambda bounds: (
            None
            if bounds[low] is None or bounds[high] is None
            else "not sampled"
            if bounds[low] == bounds[high] and bounds[low] > 0
            else f"{bounds[low]:,.{decimals}f} – {bounds[high]:,.{decimals}f}"
        ),
        return_dtype=pl.String,
    )


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


def _groups_table(weight_cell: pl.LazyFrame, variance_rule: str) -> str:
    """The weight groups of the whole run; how they were calibrated only where estimates use these weights."""
    cells = weight_cell.filter(pl.col("geography_level") == "nation").sort("weight_group").collect()
    labels = {
        "label": "Weight group", "eligible_agencies": "Eligible agencies", "responding_agencies": "Respondents",
        "crime_coverage": "Share of crime",
    }  # fmt: skip
    if variance_rule == "reference":
        labels["rule"] = "How"
    shown = cells.with_columns(
        rule=pl.col("rule").str.replace_all("_", " ").str.to_titlecase(), label=readable("label")
    )
    whole = dict.fromkeys(("eligible_agencies", "responding_agencies"), "integer")
    return html_table(shown, "groups", labels, **whole, crime_coverage="percent")


def _losses(intake_count: pl.LazyFrame, intake_loss: pl.LazyFrame) -> str:
    """Data that the source does not give, and the number of rows that were set aside as invalid."""
    read, aside = intake_count.select(pl.col("rows_read", "rows_quarantined").sum()).collect().row(0)
    by_kind = (
        intake_loss.filter(pl.col("loss") != "suspicious_gap")
        .group_by("loss")
        .agg(pl.col("state_abbr").n_unique(), pl.col("n").sum())
        .sort("loss")
        .collect()
    )
    gaps = intake_loss.filter(pl.col("loss") == "suspicious_gap").select(pl.len()).collect().item()
    sentences = [
        f"{_capitalized(LOSSES[loss])}{f' ({n:,} rows)' if n else ''}{f', in {states} states' if states > 1 else ''}."
        for loss, states, n in by_kind.rows()
    ]
    if gaps:
        sentences.append(
            f"{gaps:,} empty months of agencies with many incidents look suspicious; they were not changed."
        )
    if read:
        sentences.append(f"Of {read:,} rows read, {aside:,} were set aside as invalid (dataset quarantine).")
    return "".join(f"<li>{escape(text)}</li>" for text in sentences)


def _coverage_note(nation: dict[str, object]) -> str:
    if nation["universe_scope"] == "reporting":
        return (
            "The source lists only agencies that reported something, so the share of the population that they serve "
            "is not known, and the estimates are of reporting agencies only. Color shows the share of the listed "
            "agencies with twelve months, reported or filled."
        )
    return "Share of each state's population that is served by agencies with twelve months, reported or filled."


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>{title}</title><style>{style}</style></head><body>
{head}
{contents}
{body}
</body></html>
"""
_BODY = """{months}
<section class="tiles">{tiles}</section>{caution}
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
