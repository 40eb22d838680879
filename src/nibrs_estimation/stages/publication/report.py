"""`report.html`: the main results and the coverage behind them, on one self-contained page."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import polars as pl

from nibrs_estimation.model.intake import LOSSES
from nibrs_estimation.pages import STYLE, html_table, writer
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.task import DocumentWriter
from nibrs_estimation.stages.publication.selection import Results
from nibrs_estimation.tables.published import NOTHING_SAMPLED, estimated_places

NATION = 1
_NOTHING = "<p>Nothing was estimated.</p>"
_LEVELS = pl.col("geography_level").is_in(["nation", "state"]) & pl.col("agency_group").is_null()


def write_report(
    cell_estimate: pl.LazyFrame,
    cell_gap: pl.LazyFrame,
    coverage: pl.LazyFrame,
    permutation_population: pl.LazyFrame,
    weight_cell: pl.LazyFrame,
    intake_count: pl.LazyFrame,
    intake_loss: pl.LazyFrame,
    year: int,
    identity: Identity,
) -> dict[str, DocumentWriter]:
    """Draw the report: crimes, victims, arrestees, firearms and drugs with 95 % intervals, states, and coverage.

    Pictures are drawn into the page as SVG, so that it needs no network and no script.
    """
    from nibrs_estimation.stages.publication import charts  # noqa: PLC0415 (a second that only this task should take)

    places = coverage.sort("permutation_number").collect()
    estimated = estimated_places(coverage.filter(_LEVELS))
    nation = Results(
        cell_estimate, cell_gap, estimated.filter(pl.col("permutation_number") == NATION), permutation_population
    )
    states = Results(
        cell_estimate, cell_gap, estimated.filter(pl.col("geography_level") == "state"), permutation_population
    )
    rates = states.column("1a", "violent_crime", "rate").join(
        estimated.select("estimate_geographic_location", "population_coverage", geography="permutation_number"),
        on="geography",
    )
    about = places.row(0, named=True)
    page = _PAGE.format(
        year=year,
        style=STYLE,
        place=escape(_capitalised(about["estimate_geographic_location"])),
        origin=_origin(identity),
        tiles=_tiles(nation, about),
        caution=_caution(about["population_coverage"], charts.LEAST_COVERAGE),
        persons=_totals(nation, "1a"),
        intervals=charts.intervals_on_log_scale(
            nation.totals("1a").select("label", estimate="rate", low="rate_low", high="rate_high"),
            "Incidents per 100,000 persons (log scale)",
        ),
        property=_totals(nation, "1b"),
        society=_totals(nation, "1c"),
        states=charts.state_rates(rates),
        coverage=charts.coverage_map(places),
        coverage_note=escape(_coverage_note(about)),
        groups=_groups_table(weight_cell),
        losses=_losses(intake_count, intake_loss),
        **{name: _charts(nation, wanted) for name, wanted in _CHARTS.items()},
    )
    return {"report.html": writer(page)}


#: Charts of each section: heading, unit of the axis, table, column, part of the rows, and type of estimate.
_CHARTS: dict[str, tuple[tuple[str, str, str, str, str, str], ...]] = {
    "victims": (
        ("Age", "Percent of victims", "3a", "violent_crime", "Victim Age", "percentage"),
        ("Sex", "Percent of victims", "3a", "violent_crime", "Victim sex", "percentage"),
        ("Race", "Percent of victims", "3a", "violent_crime", "Victim race", "percentage"),
        (
            "Offender is to the victim", "Percent of victims", "3a", "violent_crime", "Victim-offender relationship",
            "percentage",
        ),
    ),
    "circumstances": (
        ("Place", "Percent of incidents", "1a", "violent_crime", "Location type", "percentage"),
        ("Time of day", "Percent of incidents", "1a", "violent_crime", "Time of day- Incident time", "percentage"),
        ("Weapon", "Percent of incidents", "1a", "violent_crime", "Weapon involved", "percentage"),
        (
            "Weapons where any was involved", "Percent of incidents with a weapon", "1a", "violent_crime",
            "Weapon involved: weapon involved yes", "percentage",
        ),
    ),
    "arrestees": (
        ("Age", "Percent of arrestees", "4a", "violent_crime", "Arrestee age", "percentage"),
        ("Sex", "Percent of arrestees", "4a", "violent_crime", "Arrestee sex", "percentage"),
    ),
    "firearms": (
        ("Firearms", "Percent of offenses", "GV1a", "total_gun_violence", "Firearm type", "percentage"),
        ("Offenders", "Percent of incidents", "GV3a", "total_gun_violence", "Number of Offenders", "percentage"),
    ),
    "drugs": (
        (
            "Kind of offense", "Percent of incidents", "DM1", "completed_drug_related",
            "Completed drug-related offenses", "percentage",
        ),
        ("What was done", "Incidents", "DM2", "completed_35A", "Criminal activity", "count"),
        ("Drugs", "Incidents", "DM4", "completed_35A", "Suspected type of drug", "count"),
    ),
}  # fmt: skip


def _charts(nation: Results, wanted: Iterable[tuple[str, str, str, str, str, str]]) -> str:
    """Charts one below the other; what cannot be told is said below them."""
    from nibrs_estimation.stages.publication import charts  # noqa: PLC0415 (as above)

    drawn, notes = [], []
    for heading, axis, table, column, rows, estimate in wanted:
        found = nation.rows(table, column, rows, estimate).filter(~pl.col("is_greyed"))
        known = found.drop_nulls("estimate")
        if known["estimate"].sum() > 0:
            drawn.append(f"<h3>{escape(heading)}</h3><figure>{charts.intervals(known, axis)}</figure>")
        untold = found.drop_nulls("missing").group_by("missing", maintain_order=True)
        for (reason,), part in untold:
            what = heading if part.height == found.height else f"{heading}: {', '.join(part['label'])}"
            notes.append(f"<li>{escape(what)}: {escape(str(reason))}.</li>")
    told = f'<p class="note">Not known:</p><ul class="note">{"".join(notes)}</ul>' if notes else ""
    return ("".join(drawn) or _NOTHING) + told


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _origin(identity: Identity) -> str:
    if identity.is_synthetic:
        return '<strong class="synthetic">synthetic data: these numbers describe a nation that does not exist</strong>'
    return "estimates from NIBRS incident reports"


def _tiles(nation: Results, about: dict[str, object]) -> str:
    """The numbers that most readers come for."""
    tiles = []
    for table, column in (("1a", "violent_crime"), ("1a", "murder"), ("1b", "property_crime"), ("1c", "drug_narcotic")):
        for row in nation.column(table, column, "count").drop_nulls("estimate").iter_rows(named=True):
            low, high = row["estimate_lower_bound"], row["estimate_upper_bound"]
            interval = "interval not known" if low is None else f"95 % interval {low:,.0f} to {high:,.0f}"
            tiles.append(
                f'<div class="tile"><b>{row["estimate"]:,.0f}</b><span>{escape(row["column_label"])}</span>'
                f"<small>incidents; {interval}</small></div>"
            )
    share = about["population_coverage"]
    told = "not known from this source" if share is None else f"of the population ({share:.0%})"
    tiles.append(
        f'<div class="tile"><b>{about["responding_agencies"]:,} of {about["eligible_agencies"]:,}</b>'
        f"<span>agencies with a full year, reported or completed</span><small>coverage {told}</small></div>"
    )
    return "".join(tiles)


def _caution(coverage: float | None, enough: float) -> str:
    """What to think of estimates for a nation of which little is covered."""
    if coverage is None or coverage >= enough:
        return ""
    return (
        f"<section><p><strong>Agencies that serve {coverage:.0%} of the population are behind these numbers.</strong> "
        "The intervals tell how much the estimates would vary with which agencies of a group reported; they do not "
        "tell whether those that did not report are like those that did.</p></section>"
    )


def _totals(nation: Results, table: str) -> str:
    """Counts and rates of all columns of a table; columns of 0 are named below it."""
    totals = nation.totals(table)
    if totals.is_empty():
        return _NOTHING
    shown = totals.filter((pl.col("estimate") > 0) | pl.col("estimate").is_null()).with_columns(
        interval=_interval("low", "high", 0), rate_interval=_interval("rate_low", "rate_high", 1)
    )
    labels = {
        "label": "Incidents with", "estimate": "Count", "interval": "95 % interval", "rse": "Relative SE",
        "rate": "Rate per 100,000", "rate_interval": "95 % interval", "agencies": "Agencies with any",
    }  # fmt: skip
    formats = {"estimate": "integer", "rse": "percent", "rate": "number", "agencies": "integer"}
    none = totals.filter(pl.col("estimate") == 0)["label"].to_list()
    said = f'<p class="note">None: {escape(", ".join(none))}.</p>' if none else ""
    if (shown["rse"] == 0).any():
        said += f'<p class="note">An interval of one number: {escape(NOTHING_SAMPLED)}.</p>'
    reasons = totals["missing"].drop_nulls().unique(maintain_order=True)
    said += "".join(f'<p class="note">–: {escape(reason)}.</p>' for reason in reasons)
    return f'<div class="numbers">{html_table(shown, f"table-{table}", labels, **formats)}</div>{said}'


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
<title>Crime, {year}: {place}</title><style>{style}</style></head><body>
<header><h1>Crime in {year}</h1><p>{place} · {origin}</p></header>
<section class="tiles">{tiles}</section>{caution}
<section><h2>Crimes against persons</h2><p>Incidents, counted once in every line that applies to them. Each estimate
comes with its 95 % confidence interval and relative standard error (SE).</p>{persons}<figure>{intervals}</figure>
</section>
<section><h2>Crimes against property</h2>{property}</section>
<section><h2>Crimes against society</h2>{society}</section>
<section><h2>Violent crime by state</h2><p>States whose respondents are known to serve less than 80 % of the
population are left out here: too few answer for too many.</p><figure>{states}</figure></section>
<section><h2>Victims of violent crime</h2>{victims}</section>
<section><h2>Where, when and how violent crime happens</h2><p>An incident with several places or weapons counts
with each of them.</p>{circumstances}</section>
<section><h2>Who was arrested for violent crime</h2>{arrestees}</section>
<section><h2>Gun violence</h2>{firearms}</section>
<section><h2>Drugs</h2>{drugs}</section>
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
