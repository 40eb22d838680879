"""Labels of rows and columns as people read them.

Spreadsheets turn "5-14" into a date, "15" into a number and "+" into a formula: labels avoid these forms.
"""

from __future__ import annotations

import re

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.tables.definition import TableRow

_RANGE, _OPEN, _NUMBER = r"^(\d+) ?- ?(\d+)", r"^(\d+)\+$", r"^(\d+)$"
_SUBSET = re.compile(r"subset to (.*)", re.IGNORECASE)


def plain_label(label: str) -> str:
    """A label without the blanks that the reference prints."""
    return " ".join(label.split())


def plain_labels(label: str | pl.Expr) -> pl.Expr:
    """:func:`plain_label` of a column."""
    text = pl.col(label) if isinstance(label, str) else label
    return text.str.replace_all(r"\s+", " ").str.strip_chars()


def subset_of(row: TableRow) -> str | None:
    """What percentages of a row are of, where that is a part of the units."""
    found = _SUBSET.search(row.percentage_detail or "")
    return found[1] if found else None


def kept_label(label: pl.Expr, group: pl.Expr) -> pl.Expr:
    """A label as "5 to 14", "65 or more", "age 15" or "exactly 2"; ``group`` says what the row divides by."""
    is_age = group.str.contains(r"(?i)\bage\b")
    text = label.str.replace(_RANGE, "${1} to ${2}").str.replace(_OPEN, "${1} or more")
    number = pl.when(is_age).then(text.str.replace(_NUMBER, "age ${1}"))
    return number.otherwise(text.str.replace(_NUMBER, "exactly ${1}"))


def with_states(rows: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """Rows with a geography's level and code, and of states ``state_abbr`` (postal) and ``state_fips``."""
    states = code_list("state").select(
        geography_level=pl.lit("state"),
        geography_code="state_abbr",
        state_abbr="state_postal_abbr",
        state_fips="state_fips",
    )
    key = ["geography_level", "geography_code"]
    return rows.lazy().join(states.lazy(), on=key, how="left", maintain_order="left").collect()
