"""Labels of rows and columns that are safe in spreadsheets.

Spreadsheets change "5-14" to a date, "15" to a number and "+" to a formula; labels avoid these forms.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.tables.definition import TableColumn, TableDefinition, TableRow

#: Mark of labels whose codes are a proposal of this program.
PROPOSED = "ᵖ"
_RANGE, _OPEN, _NUMBER = r"^(\d+) ?- ?(\d+)", r"^(\d+)\+$", r"^(\d+)$"
_SUBSET = re.compile(r"subset to (.*)", re.IGNORECASE)


def plain_label(label: str) -> str:
    """A label without the extra blanks that the reference prints."""
    return " ".join(label.split())


def plain_labels(label: str | pl.Expr) -> pl.Expr:
    """:func:`plain_label` of a column."""
    text = pl.col(label) if isinstance(label, str) else label
    return text.str.replace_all(r"\s+", " ").str.strip_chars()


def short_title(table: TableDefinition) -> str:
    """The title without the name of the table at its beginning."""
    return re.sub(r"^Table\S*?\s*-\s*", "", table.title)


def heading(column: TableColumn) -> str:
    """A column's label, with a mark if its codes are proposed."""
    label = plain_label(column.label)
    return marked(label.capitalize() if label.isupper() else label, column.is_proposed)


def marked(text: str, is_proposed: bool) -> str:
    """A label, with a mark if its codes are proposed."""
    return f"{text} {PROPOSED}" if is_proposed else text


class RowGroup(NamedTuple):
    """Published rows under one heading.

    Attributes:
        heading: what the rows have in common; None for a row that needs no heading.
        labels: short label of each row, with a mark if its codes are proposed and those of the others are not.
        rows: the rows.
    """

    heading: str | None
    labels: tuple[str, ...]
    rows: tuple[TableRow, ...]


def row_groups(rows: Sequence[TableRow]) -> list[RowGroup]:
    """Published rows with short labels, grouped under headings."""
    kept = [row for row in rows if not row.is_dropped]
    groups = []
    for (_section, domain, base), found in groupby(kept, lambda row: (row.section, row.domain_1, subset_of(row))):
        members = tuple(found)
        of = f" (% of {base})" if base else ""
        if len(members) == 1 or members[0].domain_2 is None:
            labels = tuple(marked(plain_label(row.label) + of, row.is_proposed) for row in members)
            groups.append(RowGroup(None, labels, members))
            continue
        are_proposed = all(row.is_proposed for row in members)
        labels = tuple(
            marked(plain_label(row.domain_2 or domain), row.is_proposed and not are_proposed) for row in members
        )
        groups.append(RowGroup(marked(plain_label(domain) + of, are_proposed), labels, members))
    return groups


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
