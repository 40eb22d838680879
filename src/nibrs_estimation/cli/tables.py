"""`nibrs tables`: the tables as they are defined."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from itertools import pairwise
from typing import Annotated, Any

import typer
from rich.table import Table

from nibrs_estimation.cli.console import console, plain, print_entries
from nibrs_estimation.tables.definition import Condition, TableColumn, TableDefinition, TableRow
from nibrs_estimation.tables.read import table_definition, table_definitions

tables_app = typer.Typer(no_args_is_help=True, help="Show how the published tables are defined.")
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
_SHORT = {"count": "count", "percentage": "%", "rate": "rate"}


@tables_app.command("list", epilog="Example: nibrs tables list")
def list_tables(as_json: JsonOption = False) -> None:
    """List the tables: what each counts, its rows, columns and variants."""
    tables = table_definitions().values()
    rows = [
        {
            "table": table.table,
            "description": table.title,
            "unit": table.unit,
            "rows": len(table.rows),
            "columns": len(table.columns),
            "variants": [other.table for other in tables if other.variant_of == table.table],
        }
        for table in tables
        if table.variant_of is None
    ]
    if as_json:
        typer.echo(json.dumps([{"title" if k == "description" else k: row[k] for k in row} for row in rows], indent=2))
    else:
        print_entries(rows)


@tables_app.command("show", epilog="Example: nibrs tables show 1a")
def show_table(
    table: Annotated[str, typer.Argument(help="Name of the table or variant; `nibrs tables list` lists them.")],
    as_json: JsonOption = False,
) -> None:
    """Show the frame of a table: its rows, what is estimated in them, and its columns with their offense codes."""
    found = table_definition(table)
    if as_json:
        typer.echo(json.dumps(_as_data(found), indent=2))
        return
    console.print(f"[bold]{plain(found.table)}[/]: {plain(found.title)}", highlight=False)
    console.print(f"Unit: {found.unit}. Universe: {plain(found.universe)}{_where(found.where)}.", highlight=False)
    if found.demographic:
        console.print(f"Repeated for demographic groups of the {found.demographic}.")
    console.print(_rows(found), _columns(found))
    for rows, columns in _greyed(found):
        console.print(f"Never estimated: rows {rows} of columns {columns}.", highlight=False)
    for dimension, listed in found.greyed_by_series.items():
        console.print(f"Not estimated in series by {dimension.lower()}: rows {ranges(listed)}.", highlight=False)


def ranges(numbers: Iterable[int]) -> str:
    """Ascending numbers as people write them: ``1-3, 7``."""
    ordered = list(numbers)
    starts = [i for i in range(len(ordered)) if i == 0 or ordered[i] != ordered[i - 1] + 1]
    spans = [(ordered[a], ordered[b - 1]) for a, b in pairwise([*starts, len(ordered)])]
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def _rows(table: TableDefinition) -> Table:
    shown = Table("row", "sec.", "label", "estimates", "% of rows", "population", title="Rows", title_justify="left")
    section = 1
    for row in table.rows:
        if row.section != section:
            shown.add_section()
        section = row.section
        estimates = "dropped" if row.is_dropped else ", ".join(_SHORT[estimate] for estimate in row.estimates)
        label = f"{row.label}{f' (by {row.unit})' if row.unit != table.unit else ''}"
        denominator, population = ("", "") if row.is_dropped else (ranges(row.denominator), row.population or "")
        shown.add_row(str(row.row), str(row.section), plain(label), estimates, denominator, population)
    return shown


def _columns(table: TableDefinition) -> Table:
    shown = Table("col.", "name", "label", "offense codes", "notes", title="Columns", title_justify="left")
    for column in table.columns:
        notes = "; ".join(_notes(table, column))
        codes = " ".join(column.offenses)
        shown.add_row(str(column.position), column.name, plain(column.label), codes, plain(notes))
    return shown


def _notes(table: TableDefinition, column: TableColumn) -> list[str]:
    notes = [column.where or ""]
    if column.category is not None:
        notes.append(f"{table.column_variable} {column.category}")
    if column.unit != table.unit:
        rows = f" but rows {ranges(column.except_rows)}" if column.except_rows else ""
        notes.append(f"by {column.unit}{rows}")
    if column.plus:
        notes.append(f"without {column.plus}, whose column is added")
    if column.multiplier:
        notes.append(f"times {column.multiplier}")
    notes.append(f"codes {column.status}" if column.status else "")
    return [note for note in notes if note]


def _where(where: tuple[Condition, ...]) -> str:
    return "".join(f", {variable} {ranges(categories)}" for variable, categories in where)


def _greyed(table: TableDefinition) -> list[tuple[str, str]]:
    """Greyed cells by the columns that rows have in common: rows and columns as text."""
    by_row: dict[int, list[int]] = {}
    for row, column in sorted(table.greyed):
        by_row.setdefault(row, []).append(column)
    alike: dict[tuple[int, ...], list[int]] = {}
    for row, columns in by_row.items():
        alike.setdefault(tuple(columns), []).append(row)
    return [(ranges(rows), ranges(columns)) for columns, rows in alike.items()]


def _as_data(table: TableDefinition) -> dict[str, Any]:
    def row_data(row: TableRow) -> dict[str, Any]:
        return {**asdict(row), "domain_1": row.domain_1, "domain_2": row.domain_2}

    return {
        **asdict(table),
        "rows": [row_data(row) for row in table.rows],
        "greyed": [list(cell) for cell in sorted(table.greyed)],
    }
