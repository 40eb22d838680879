"""Sections of the reports: tiles, tables of totals, states, coverage, and the page around them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.intake import LOSSES
from nibrs_estimation.pages import STYLE, anchor, contents, html_table, readable
from nibrs_estimation.stages.publication.selection import KINDS, Results
from nibrs_estimation.tables.caution import caution_mark, caution_reasons, cautions, warning_codes
from nibrs_estimation.tables.suppression import SUPPRESSED, suppression_mark
from nibrs_estimation.tables.table_rows import (
    INTERVAL_MEANS,
    MONTHS_INFERRED,
    NOTHING_SAMPLED,
    OWN_WEIGHTS,
)

NATION = 1
#: The title names the states of a run if there are no more than this.
_NAMED = 4
#: Number of states from which a map is drawn.
_STATES_OF_A_MAP = 2
NOTHING = "<p>Nothing was estimated.</p>"
#: How standard errors are computed, by the rule of the variance.
HOW = {
    "prediction": "Standard errors are those of the prediction of what was not reported: they depend on which agencies "
    "are missing, how much agencies of one size differ, and how much the agencies of a state have in common.",
    "reference": "Standard errors are computed by Taylor linearization with finite population correction; the agency "
    "is the sampling unit.",
}
#: Whether intervals know that months were filled, by the rule of the variance.
OF_FILLING = {
    "prediction": "The intervals of counts include the error of filling; those of percentages do not.",
    "reference": "The intervals do not include the error of filling.",
}
LEVELS = pl.col("geography_level").is_in(["nation", "state"]) & pl.col("agency_group").is_null()


def whole_page(title: str, head: str, body: str) -> str:
    """The page; every section has an anchor and a line in the table of contents."""
    sections = [part for part in body.split("<section>") if part.strip()]
    headings = [found[1] for part in sections if (found := re.search(r"<h2>(.*?)</h2>", part))]
    for heading in headings:
        body = body.replace(f"<section><h2>{heading}<", f'<section id="{anchor(heading)}"><h2>{heading}<')
    return _PAGE.format(title=escape(title), style=STYLE, head=head, contents=contents(headings), body=body)


def place_name(places: pl.DataFrame) -> str:
    """Name of the area of the run: one state, a few states, or the name in dataset ``coverage``."""
    about = places.row(0, named=True)
    names = code_list("state").select("state_name", geography_code="state_abbr")
    states = (
        places.filter(LEVELS & (pl.col("geography_level") == "state"))
        .join(names, on="geography_code", how="left", maintain_order="left")
        .select(pl.coalesce("state_name", "estimate_geographic_location"))
        .to_series()
        .to_list()
    )
    whole = str(about["estimate_geographic_location"])
    if "in this run" not in whole or len(states) > _NAMED or not states:
        return capitalized(whole)
    named = " and ".join(filter(None, [", ".join(states[:-1]), states[-1]]))
    return f"{named} (agencies that reported)" if about["universe_scope"] == "reporting" else named


def states_section(chart: str, number: int, shown: pl.DataFrame, heading: str = "Violent crime by state") -> str:
    """Rates of states; empty for a run of one state, for which the first table has the rate."""
    if number == 1:
        return ""
    return (
        f"<section><h2>{escape(heading)}</h2><p>States whose respondents are known to serve less than 80 % of the "
        f"population are omitted here. {escape(OWN_WEIGHTS)}</p><figure>{chart}</figure>"
        f"{''.join([*_marks(_codes(shown)), *suppression_notes(shown)])}"
        "</section>"
    )


def coverage_section(places: pl.DataFrame, about: dict[str, object]) -> str:
    """A map of the coverage of states; empty for a run of one state."""
    from nibrs_estimation.stages.publication import charts  # noqa: PLC0415 (as above)

    if places.filter(LEVELS & (pl.col("geography_level") == "state")).height < _STATES_OF_A_MAP:
        return ""
    return (
        f"<section><h2>Coverage by state</h2><p>{escape(_coverage_note(about))}</p>"
        f"<figure>{charts.coverage_map(places)}</figure></section>"
    )


def capitalized(text: str) -> str:
    """A text with a capital first letter."""
    return text[:1].upper() + text[1:]


def tiles(nation: Results, about: dict[str, object], headlines: Iterable[tuple[str, str]], unit: str) -> str:
    """The main numbers, and below them the cautions that apply to all of them.

    Args:
        nation: tables of the nation.
        about: row of dataset ``coverage`` of the nation.
        headlines: tables and columns.
        unit: what the columns count.
    """
    columns = [nation.column(table, column, "count").drop_nulls("estimate") for table, column in headlines]
    numbers = pl.concat(columns)
    everywhere, found = _codes_of_all(numbers), []
    for row in numbers.iter_rows(named=True):
        low, high = row["estimate_lower_bound"], row["estimate_upper_bound"]
        interval = interval_words(low, high, is_only_inferred=bool(row["is_only_inferred"]))
        own = [code for code in warning_codes(row["caution"]) if code not in everywhere]
        found.append(
            f'<div class="tile"><b>{row["estimate"]:,.0f}</b><span>{escape(row["column_label"])}</span>'
            f"<small>{escape(unit)}; {interval}</small>{f'<small>Caution: {_reasons(own)}</small>' if own else ''}"
            f"{_tile_suppression(row['suppression_reason'])}</div>"
        )
    share = about["population_coverage"]
    covered = "not known from this source" if share is None else f"of the population ({share:.0%})"
    found.append(
        f'<div class="tile"><b>{about["responding_agencies"]:,} of {about["eligible_agencies"]:,}</b>'
        f"<span>agencies with a full year, reported or completed</span><small>coverage {covered}</small></div>"
    )
    note = f'<p class="note">Caution, for all these numbers: {_reasons(everywhere)}.</p>' if everywhere else ""
    return f'<section class="tiles">{"".join(found)}</section>{note}'


def _tile_suppression(reason: str | None) -> str:
    return f"<small>{SUPPRESSED} Suppressed: {escape(reason)}</small>" if reason else ""


def interval_words(low: float | None, high: float | None, *, is_only_inferred: bool) -> str:
    """The interval of a number in words; one without width is described, because it looks like certainty."""
    if is_only_inferred:
        return MONTHS_INFERRED
    if low is None or high is None:
        return "interval not known"
    return "not sampled: all known agencies reported" if low == high else f"95 % interval {low:,.0f} to {high:,.0f}"


def caution_section(coverage: float | None, enough: float, variance_rule: str) -> str:
    """A warning if the coverage of the population is low; otherwise empty."""
    if coverage is None or coverage >= enough:
        return ""
    return (
        f"<section><p><strong>These numbers are based on agencies that serve {coverage:.0%} of the "
        f"population.</strong> {escape(INTERVAL_MEANS[variance_rule])}</p></section>"
    )


def totals_table(nation: Results, table: str, counted_in: str = "Incidents with") -> str:
    """Counts and rates of all columns of a table, under a heading; columns that are 0 are named below it."""
    totals = nation.totals(table)
    if totals.is_empty():
        return NOTHING
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
        "label": counted_in, "estimate": "Count", "interval": "95 % interval", "rse": "Relative SE",
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


def suppression_notes(rows: pl.DataFrame) -> list[str]:
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
    notes.extend(suppression_notes(shown))
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


def groups_table(weight_cell: pl.LazyFrame, variance_rule: str) -> str:
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


def losses_list(intake_count: pl.LazyFrame, intake_loss: pl.LazyFrame) -> str:
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
        f"{capitalized(LOSSES[loss])}{f' ({n:,} rows)' if n else ''}{f', in {states} states' if states > 1 else ''}."
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
