"""Definitions of tables as text: the list of tables, and the rows and columns of one table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from nibrs_estimation.cli.console import console
from nibrs_estimation.cli.pager import paged
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.tables.definition import TableColumn, TableDefinition, TableRow
from nibrs_estimation.tables.labels import PROPOSED, plain_label, short_title
from nibrs_estimation.tables.read import RETURN_A, RETURN_A_REPORTED, all_definitions
from nibrs_estimation.tables.shared import unit_descriptions
from nibrs_estimation.tables.variables import derived_variables

_SHORT = {"count": "count", "percentage": "%", "rate": "rate"}


def print_list(*, as_json: bool, is_paged: bool) -> None:
    """Print each table without its variants: name, title, what it counts, and its size."""
    if as_json:
        typer.echo(json.dumps(_listing_data(), indent=2))
        return
    with paged(console, is_wanted=is_paged):
        for table in all_definitions().values():
            if table.variant_of is None:
                console.print(Text(_title(table), style="bold"))
                console.print(
                    Padding(Text(table.counts), (0, 0, 0, 2)),
                    Padding(Text(_size_text(table), style="dim"), (0, 0, 0, 2)),
                )
        console.print(Text("`nibrs find WORDS` finds the table that answers a question.", style="dim"))


def _title(table: TableDefinition) -> str:
    return "  ".join(dict.fromkeys([table.table, short_title(table)]))


def _size_text(table: TableDefinition) -> str:
    """Numbers of rows and columns, demographic series and variants."""
    about = f"{_number(len(table.rows), 'row')}, {_number(len(table.columns), 'column')}"
    if table.demographic:
        about += f"; also for groups of {table.demographic}s (--series)"
    variants = [other.table for other in all_definitions().values() if other.variant_of == table.table]
    of = "for cleared and uncleared incidents" if table.unit not in (RETURN_A, RETURN_A_REPORTED) else "as reported"
    return about + (f"; the same {of}: {', '.join(variants)}" if variants else "")


def _number(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _listing_data() -> list[dict[str, Any]]:
    """The list of tables as data."""
    tables = all_definitions().values()
    return [
        {
            "table": table.table,
            "title": short_title(table),
            "counts": table.counts,
            "unit": table.unit,
            "rows": len(table.rows),
            "columns": len(table.columns),
            "variants": [other.table for other in tables if other.variant_of == table.table],
        }
        for table in tables
        if table.variant_of is None
    ]


def frame_data(table: TableDefinition) -> dict[str, Any]:
    """The definition of a table as data."""

    def row_data(row: TableRow) -> dict[str, Any]:
        return {**asdict(row), "domain_1": row.domain_1, "domain_2": row.domain_2}

    return {
        **asdict(table),
        "rows": [row_data(row) for row in table.rows],
        "blank": [list(cell) for cell in sorted(table.blank)],
        "unknown": sorted(table.unknown),
    }


def show_frame(table: TableDefinition, hint: str, *, as_json: bool, is_paged: bool) -> None:
    """Print a hint and the definition."""
    if as_json:
        typer.echo(json.dumps(frame_data(table), indent=2))
        return
    with paged(console, is_wanted=is_paged):
        if hint:
            console.print(Text(hint, style="yellow"), end="\n\n")
        _print_frame(table)


def _print_frame(table: TableDefinition) -> None:
    console.print(Text(_title(table), style="bold"))
    console.print(Text(table.counts))
    console.print(Text(f"Which units: {table.universe}{''.join(_conditions(table.where))}."))
    if table.demographic:
        console.print(Text(f"Repeated for groups of {table.demographic}s by age, sex, race and ethnicity (--series)."))
    console.print(_rows(table), _columns(table))
    for rows, columns in _blank_cells(table):
        console.print(Text(f"Never estimated: rows {rows} of columns {columns}."))
    for dimension, listed in table.blank_by_series.items():
        console.print(Text(f"Not estimated for groups by {dimension.lower()}: rows {format_ranges(listed)}."))
    if table.unknown:
        console.print(Text(f"Rows of units with an unknown value: {format_ranges(sorted(table.unknown))}."))
    if any(row.is_proposed for row in table.rows) or any(column.is_proposed for column in table.columns):
        console.print(
            Text(f"{PROPOSED}  its codes are a proposal of this program: the list of the reference method is not known")
        )


def format_ranges(numbers: Iterable[int]) -> str:
    """Ascending numbers as text with ranges, such as ``1-3, 7``."""
    ordered = list(numbers)
    starts = [i for i in range(len(ordered)) if i == 0 or ordered[i] != ordered[i - 1] + 1]
    spans = [(ordered[a], ordered[b - 1]) for a, b in pairwise([*starts, len(ordered)])]
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def _rows(table: TableDefinition) -> Table:
    shown = Table("row", "label", "estimates", "% of rows", "rate per 100,000", title="Rows", title_justify="left")
    populations = dict(code_list("population_key").select("code", "label").iter_rows())
    section = 1
    for row in table.rows:
        if row.section != section:
            shown.add_section()
        section = row.section
        estimates = "never published" if row.is_dropped else ", ".join(_SHORT[estimate] for estimate in row.estimates)
        unit = f" (counts {unit_descriptions()[row.unit]})" if row.unit != table.unit else ""
        label = f"{plain_label(row.label)}{unit}{f' {PROPOSED}' if row.is_proposed else ''}"
        denominator, population = ("", "") if row.is_dropped else (format_ranges(row.denominator), row.population or "")
        shown.add_row(str(row.row), Text(label), estimates, denominator, populations.get(population, population))
    return shown


def _columns(table: TableDefinition) -> Table:
    shown = Table("col.", "label", "contains", "notes", title="Columns", title_justify="left")
    offenses = dict(code_list("offense").select("code", "label").iter_rows())
    for column in table.columns:
        label = f"{plain_label(column.label)}{f' {PROPOSED}' if column.is_proposed else ''}"
        content = column.definition or "; ".join(f"{offenses[code]} ({code})" for code in column.offenses)
        shown.add_row(str(column.position), Text(label), Text(content), Text("; ".join(_notes(table, column))))
    return shown


def _notes(table: TableDefinition, column: TableColumn) -> list[str]:
    variables = derived_variables()
    notes = []
    if column.category is not None and table.column_variable is not None:
        notes.append(f"category {column.category} of: {variables[table.column_variable].tells}")
    if column.unit != table.unit:
        rows = f", but in rows {format_ranges(column.except_rows)}" if column.except_rows else ""
        notes.append(f"counts {unit_descriptions()[column.unit]}{rows}")
    if column.plus:
        label = next(plain_label(other.label) for other in table.columns if other.name == column.plus)
        notes.append(f"the count of column {label} is added")
    if column.multiplier:
        notes.append(f"each multiplied by {column.multiplier.replace('_', ' ')}")
    return notes


def _conditions(where: Iterable[tuple[str, tuple[int, ...]]]) -> Iterator[str]:
    variables = derived_variables()
    for variable, categories in where:
        meaning = variables[variable].tells
        yield f"; only category {format_ranges(categories)} of: {meaning[:1].lower()}{meaning[1:]}"


def _blank_cells(table: TableDefinition) -> list[tuple[str, str]]:
    """Blank cells as pairs of texts: rows, and the columns that are blank in these rows."""
    by_row: dict[int, list[int]] = {}
    for row, column in sorted(table.blank):
        by_row.setdefault(row, []).append(column)
    rows_by_columns: dict[tuple[int, ...], list[int]] = {}
    for row, columns in by_row.items():
        rows_by_columns.setdefault(tuple(columns), []).append(row)
    return [(format_ranges(rows), format_ranges(columns)) for columns, rows in rows_by_columns.items()]
