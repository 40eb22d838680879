"""The page about the public files of a run: what they hold, where they differ, and the account of agencies."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.public import (
    FACTS,
    KINDS_OF_AGENCIES,
    PUBLIC_FAULT,
    PUBLIC_FILE,
    SOURCE_CONFLICT,
    SOURCES,
    UNIVERSE_ACCOUNT,
)
from nibrs_estimation.pages import counted, html_table, page, writer
from nibrs_estimation.pipeline.dataset import Document
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.task import IDENTITY, YEAR, DocumentWriter, Task
from nibrs_estimation.sources.public.kinds import KINDS

PUBLIC_PAGE = Document("public_files.html", "Public files: rows, agencies by state, and what files say differently.")
#: Largest number of conflicts of a fact in a list on the page; the dataset has all.
LISTED = 20


def show_public_files(
    public_file: pl.LazyFrame,
    public_fault: pl.LazyFrame,
    source_conflict: pl.LazyFrame,
    universe_account: pl.LazyFrame,
    year: int,
    identity: Identity,
) -> dict[str, DocumentWriter]:
    """Show the files beside those of the incidents, the account of agencies, and what files say differently."""
    conflicts = source_conflict.filter(pl.col("data_year") == year).collect()
    sections = [
        ("Files", _files(public_file.collect(), public_fault.collect())),
        ("Agencies", _agencies(universe_account.filter(pl.col("data_year") == year).collect())),
        ("What files say differently", _summary(conflicts)),
        *((f"Differences: {words}", _listed(conflicts, fact)) for fact, words in FACTS.items()
          if fact in set(conflicts["fact"])),
    ]  # fmt: skip
    title = f"Public files, {year}"
    subtitle = (
        "What each file tells of agencies, and whose word is used where files differ. Datasets source_conflict and "
        "public_fault list all."
    )
    return {PUBLIC_PAGE.name: writer(page(title, subtitle, sections, identity))}


PAGE_TASK = Task(
    name="show_public_files",
    function=show_public_files,
    reads=(PUBLIC_FILE, PUBLIC_FAULT, SOURCE_CONFLICT, UNIVERSE_ACCOUNT),
    writes=(PUBLIC_PAGE,),
    parameters=(YEAR, IDENTITY),
)


def _files(files: pl.DataFrame, faults: pl.DataFrame) -> str:
    incidents = "<p>Files with incidents, with their hashes, are in intake_manifest.json.</p>"
    if files.is_empty():
        return f"<p>There are no files beside those of the incidents.</p>{incidents}"
    numbers = ("rows_read", "rows_kept", "rows_set_aside", "rows_dropped")
    headings = {
        "input_name": "File", "kind": "Kind", "data_year": "Data year", "rows_read": "Rows", "rows_kept": "Used",
        "rows_set_aside": "Faulty", "rows_dropped": "Other years, or repeated",
    }  # fmt: skip
    titles = {kind.name: kind.title for kind in KINDS}
    table = html_table(
        files.with_columns(pl.col("kind").replace(titles)), "files", headings, **dict.fromkeys(numbers, "integer")
    )
    table = f"{incidents}{table}"
    if faults.is_empty():
        return table
    words = {"input_name": "File", "record": "Row", "column_name": "Column", "reason": "Reason", "value": "Value"}
    return f"{table}<p>{counted(faults.height, 'fault')}:</p>{html_table(faults.head(LISTED), 'faults', words)}"


def _agencies(account: pl.DataFrame) -> str:
    numbers = [f"n_{kind}" for kind in KINDS_OF_AGENCIES]
    total = account.select(pl.lit("All").alias("state_abbr"), pl.exclude("state_abbr", "data_year").sum())
    shown = pl.concat([total, account.select(total.columns)])
    headings = {
        "state_abbr": "State", "n_rows": "Agencies", "n_eligible": "Eligible", "n_covered": "Covered",
        "n_dormant": "Dormant", "n_federal": "Federal", "n_outside_states": "Outside the states",
        "population": "Residents of eligible", "population_covered": "Residents of covered",
    }  # fmt: skip
    kinds = dict.fromkeys(("n_rows", *numbers, "population", "population_covered"), "integer")
    return (
        "<p>Eligible + covered + dormant + federal + outside the states = agencies. Residents of covered agencies are "
        f"not counted.</p>{html_table(shown, 'agencies', headings, **kinds)}"
    )


def _summary(conflicts: pl.DataFrame) -> str:
    if conflicts.is_empty():
        return "<p>No two files say different things of an agency.</p>"
    counts = conflicts.group_by("fact", "used_source", "other_source").agg(n=pl.col("ori").n_unique())
    shown = counts.sort("fact", "used_source", "other_source").with_columns(
        pl.col("fact").replace(FACTS), pl.col("used_source", "other_source").replace(SOURCES)
    )
    headings = {"fact": "Fact", "used_source": "Used", "other_source": "Says otherwise", "n": "Agencies"}
    return html_table(shown, "conflicts", headings, n="integer")


def _listed(conflicts: pl.DataFrame, fact: str) -> str:
    rows = conflicts.filter(pl.col("fact") == fact).with_columns(
        pl.col("used_source", "other_source").replace(SOURCES)
    )  # fmt: skip
    headings = {
        "ori": "ORI", "agency_name": "Agency", "state_abbr": "State", "used_value": "Used", "used_source": "From",
        "other_value": "Instead of", "other_source": "Which is in",
    }  # fmt: skip
    more = f"<p>{rows.height:,} in all; the first {LISTED}.</p>" if rows.height > LISTED else ""
    return more + html_table(rows.head(LISTED), f"differences-{fact}", headings)
