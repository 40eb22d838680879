"""How tables are defined, in words: the list of them, and the rows and columns of one."""

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
from nibrs_estimation.cli.table_view import PROPOSED, short_title
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.tables.definition import TableColumn, TableDefinition, TableRow
from nibrs_estimation.tables.labels import plain_label
from nibrs_estimation.tables.read import table_definitions
from nibrs_estimation.tables.shared import unit_descriptions
from nibrs_estimation.tables.variables import derived_variables

_SHORT = {"count": "count", "percentage": "%", "rate": "rate"}


def print_list(*, as_json: bool, is_paged: bool) -> None:
    """Each table, not its variants: name and title, what it counts, and how large it is."""
    if as_json:
        typer.echo(json.dumps(_listing_data(), indent=2))
        return
    with paged(console, is_wanted=is_paged):
        for table in table_definitions().values():
            if table.variant_of is None:
                console.print(Text(_titled(table), style="bold"))
                console.print(
                    Padding(Text(table.counts), (0, 0, 0, 2)), Padding(Text(_about(table), style="dim"), (0, 0, 0, 2))
                )
        console.print(Text("`nibrs find WORDS` tells which table answers a question.", style="dim"))


def _titled(table: TableDefinition) -> str:
    return "  ".join(dict.fromkeys([table.table, short_title(table)]))


def _about(table: TableDefinition) -> str:
    """How large it is, and in which forms there is more of it."""
    about = f"{_number(len(table.rows), 'row')}, {_number(len(table.columns), 'column')}"
    if table.demographic:
        about += f"; also for groups of {table.demographic}s (--series)"
    variants = [other.table for other in table_definitions().values() if other.variant_of == table.table]
    return about + (f"; the same for cleared and uncleared incidents: {', '.join(variants)}" if variants else "")


def _number(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _listing_data() -> list[dict[str, Any]]:
    """The same for programs."""
    tables = table_definitions().values()
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
    """The definition for programs."""

    def row_data(row: TableRow) -> dict[str, Any]:
        return {**asdict(row), "domain_1": row.domain_1, "domain_2": row.domain_2}

    return {
        **asdict(table),
        "rows": [row_data(row) for row in table.rows],
        "blank": [list(cell) for cell in sorted(table.blank)],
        "unknown": sorted(table.unknown),
    }


def show_frame(table: TableDefinition, hint: str, *, as_json: bool, is_paged: bool) -> None:
    """Print the definition, and above it a hint."""
    if as_json:
        typer.echo(json.dumps(frame_data(table), indent=2))
        return
    with paged(console, is_wanted=is_paged):
        if hint:
            console.print(Text(hint, style="yellow"), end="\n\n")
        _print_frame(table)


def _print_frame(table: TableDefinition) -> None:
    console.print(Text(_titled(table), style="bold"))
    console.print(Text(table.counts))
    console.print(Text(f"Which units: {table.universe}{''.join(_conditions(table.where))}."))
    if table.demographic:
        console.print(Text(f"Repeated for groups of {table.demographic}s by age, sex, race and ethnicity (--series)."))
    console.print(_rows(table), _columns(table))
    for rows, columns in _blank_cells(table):
        console.print(Text(f"Never estimated: rows {rows} of columns {columns}."))
    for dimension, listed in table.blank_by_series.items():
        console.print(Text(f"Not estimated for groups by {dimension.lower()}: rows {ranges(listed)}."))
    if table.unknown:
        console.print(Text(f"Rows of units whose value is not known: {ranges(sorted(table.unknown))}."))
    if any(row.is_proposed for row in table.rows) or any(column.is_proposed for column in table.columns):
        console.print(
            Text(f"{PROPOSED}  its codes are this program's proposal: the list of the reference is not known")
        )


def ranges(numbers: Iterable[int]) -> str:
    """Ascending numbers as people write them: ``1-3, 7``."""
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
        by_other = f" (counts {unit_descriptions()[row.unit]})" if row.unit != table.unit else ""
        label = f"{plain_label(row.label)}{by_other}{f' {PROPOSED}' if row.is_proposed else ''}"
        denominator, population = ("", "") if row.is_dropped else (ranges(row.denominator), row.population or "")
        shown.add_row(str(row.row), Text(label), estimates, denominator, populations.get(population, population))
    return shown


def _columns(table: TableDefinition) -> Table:
    shown = Table("col.", "label", "holds", "notes", title="Columns", title_justify="left")
    offenses = dict(code_list("offense").select("code", "label").iter_rows())
    for column in table.columns:
        label = f"{plain_label(column.label)}{f' {PROPOSED}' if column.is_proposed else ''}"
        holds = column.definition or "; ".join(f"{offenses[code]} ({code})" for code in column.offenses)
        shown.add_row(str(column.position), Text(label), Text(holds), Text("; ".join(_notes(table, column))))
    return shown


def _notes(table: TableDefinition, column: TableColumn) -> list[str]:
    tells = derived_variables()
    notes = []
    if column.category is not None and table.column_variable is not None:
        notes.append(f"category {column.category} of: {tells[table.column_variable].tells}")
    if column.unit != table.unit:
        rows = f", but in rows {ranges(column.except_rows)}" if column.except_rows else ""
        notes.append(f"counts {unit_descriptions()[column.unit]}{rows}")
    if column.plus:
        label = next(plain_label(other.label) for other in table.columns if other.name == column.plus)
        notes.append(f"the count of column {label} is added")
    if column.multiplier:
        notes.append(f"each times {column.multiplier.replace('_', ' ')}")
    return notes


def _conditions(where: Iterable[tuple[str, tuple[int, ...]]]) -> Iterator[str]:
    tells = derived_variables()
    for variable, categories in where:
        told = tells[variable].tells
        yield f"; only category {ranges(categories)} of: {told[:1].lower()}{told[1:]}"


def _blank_cells(table: TableDefinition) -> list[tuple[str, str]]:
    """Blank cells by the columns that rows have in common: rows and columns as text."""
    by_row: dict[int, list[int]] = {}
    for row, column in sorted(table.blank):
        by_row.setdefault(row, []).append(column)
    alike: dict[tuple[int, ...], list[int]] = {}
    for row, columns in by_row.items():
        alike.setdefault(tuple(columns), []).append(row)
    return [(ranges(rows), ranges(columns)) for columns, rows in alike.items()]
