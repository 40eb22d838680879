"""Texts about the published numbers: their source, what is omitted, and the symbols."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import polars as pl

from nibrs_estimation.pipeline.identity import SYNTHETIC, Identity
from nibrs_estimation.tables.caution import cautions
from nibrs_estimation.tables.suppression import SUPPRESSED
from nibrs_estimation.tables.table_rows import INTERVAL_MEANS, MONTHS_INFERRED

_SCOPES = {
    "all": "All known agencies are in the weighting: the estimates are of the whole population.",
    "reporting": "The source contains only agencies that reported: the estimates are of these; coverage is not known.",
    "synthetic": SYNTHETIC + ".",
}
_FILES = {
    "report.html": "the main results on one page",
    "workbooks.zip": "a spreadsheet for each table, with title, notes and symbols",
    "estimates.csv": "all tables in one file, a row per number; columns in docs/published-files.md",
    "estimates.duckdb": "the same as table published_estimates; table estimates has the 31 columns of the FBI's "
    "estimates database; further tables are lookups of its keys, geography, run and definitions. DuckDB 0.10 and "
    "later open it",
    "definitions.csv": "what each table counts, and the offenses in a column such as Violent Crime 2",
    "agencies.csv": "every agency: what it reported, what was filled or left out and why, its weights",
    "incident_account.json": "incidents read = in the estimates + left out, by reason",
    "run.html": "how the run went, and links to all pages",
    "table_a.csv": "weighted benchmark of respondents compared with that of all eligible agencies",
}


def places_text(places: pl.DataFrame) -> str:
    """The published geographies in a sentence."""
    names = places["estimate_geographic_location"].to_list()
    shown = "; ".join(names[:5]) + (f"; and {len(names) - 5} more" if len(names) > 5 else "")
    return f"Geographies: {shown}." if names else "No geography is estimated: none has a respondent."


def scope_texts(places: pl.DataFrame) -> list[str]:
    """Sentences about the population of the estimates."""
    return [_SCOPES[scope] for scope in places["universe_scope"].unique().sort() if scope in _SCOPES]


def caution_lines() -> Iterator[tuple[str, str, str]]:
    """Every caution: its mark or an empty text, its code, and its description."""
    for rule in cautions().values():
        yield rule.mark or "", rule.code, rule.words


def readme_text(identity: Identity, places: pl.DataFrame, variance_rule: str) -> str:
    """``README.txt`` of a run's published files."""
    cautious = "\n".join(
        f"  {code:<18} {words}" + (f" (mark: {mark})" if mark else "") for mark, code, words in caution_lines()
    )
    files = "\n".join(f"  {name:<18} {words}" for name, words in _FILES.items())
    notes = [
        places_text(places),
        *scope_texts(places),
        "Zeros: estimates.csv and estimates.duckdb omit cells that are 0. A cell that is absent in them is 0, or is "
        "never estimated by design of the table; the workbooks show which.",
        "An empty field is a missing value; column `missing` says why there is no estimate.",
        "Percentages are of all units, including those with an unknown value; columns estimate_known... give the "
        "percentage among units whose item is known.",
        f"{INTERVAL_MEANS[variance_rule]} Bounds that are empty beside an estimate are not known; with caution "
        f"`months_inferred` they are not given, because {MONTHS_INFERRED}.",
        "Column is_suppressed is true for estimates that should not be published, and suppression_reason says why; "
        f"their numbers are in estimates.csv and estimates.duckdb, the workbooks show {SUPPRESSED} instead.",
        "state_fips and geography_code are texts: import them as text, otherwise 01 becomes 1.",
        "Labels of ages and numbers are words (5 to 14, 65 or more, age 15), because spreadsheets change 5-14 to a "
        "date.",
    ]
    paragraphs = "\n\n".join(textwrap.fill(note, 100) for note in notes)
    title = textwrap.fill(f"Estimates from NIBRS: {identity.text}", 100)
    cautions_title = "Codes in column `caution`, joined by semicolons:"
    return f"{title}\n\n{paragraphs}\n\n{cautions_title}\n{cautious}\n\nFiles, if this run wrote them:\n{files}\n"
