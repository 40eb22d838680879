"""Labels of rows and columns that are safe in spreadsheets.

Spreadsheets change "5-14" to a date, "15" to a number and "+" to a formula; labels avoid these forms.
"""

from __future__ import annotations

import re

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.tables.definition import TableRow

_RANGE, _OPEN, _NUMBER = r"^(\d+) ?- ?(\d+)", r"^(\d+)\+$", r"^(\d+)$"
_SUBSET = re.compile(r"subset to (.*)", re.IGNORECASE)


def plain_label(label: str) -> str:
    """A label without the extra blanks that the reference prints."""
    return " ".join(label.split())


def plain_labels(label: str | pl.Expr) -> pl.Expr:
    """:func:`plain_label` of a column."""
    text = pl.col(label) if isinstance(label, str) else label
    return text.str.replace_all(r"\s+", " ").str.strip_chars()


def subset_of(row: TableRow) -> str | None:
    """The subset of units that is the denominator of a row's percentages, or None if it is all units."""
    found = _SUBSET.search(row.percentage_detail or "")
    return found[1] if found else None


def spreadsheet_label(label: pl.Expr, group: pl.Expr) -> pl.Expr:
    """A label as "5 to 14", "65 or more", "age 15" or "exactly 2"; ``group`` is the attribute of the row."""
    is_age = group.str.contains(r"(?i)\bage\b")
    text = label.str.replace(_RANGE, "${1} to ${2}").str.replace(_OPEN, "${1} or more")
    number = pl.when(is_age).then(text.str.replace(_NUMBER, "age ${1}"))
    return number.otherwise(text.str.replace(_NUMBER, "exactly ${1}"))


def with_states(rows: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """Add ``state_abbr`` (postal) and ``state_fips`` of states to rows with a geography's level and code."""
    states = code_list("state").select(
        geography_level=pl.lit("state"),
        geography_code="state_abbr",
        state_abbr="state_postal_abbr",
        state_fips="state_fips",
    )
    key = ["geography_level", "geography_code"]
    return rows.lazy().join(states.lazy(), on=key, how="left", maintain_order="left").collect()
