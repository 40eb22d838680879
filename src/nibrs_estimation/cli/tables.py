"""`nibrs tables`: the tables as they are defined, and as a run estimated them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import polars.selectors as cs
import typer
from rich.table import Table

from nibrs_estimation.cli.console import console, plain, print_entries
from nibrs_estimation.cli.estimates import (
    EstimatedRun,
    check_series,
    find_column,
    find_geography,
    find_run,
    find_series,
    required_run,
    write_final_csv,
)
from nibrs_estimation.cli.settings import load_settings
from nibrs_estimation.cli.table_view import TableView, short_title
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.tables.definition import Condition, TableColumn, TableDefinition, TableRow
from nibrs_estimation.tables.published import series_places, words
from nibrs_estimation.tables.read import table_definition, table_definitions
from nibrs_estimation.tables.series import Series

tables_app = typer.Typer(
    no_args_is_help=True, help="Show the published tables: how they are defined, and what a run estimated."
)
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


@tables_app.command(
    "show",
    help="Show a table as the last finished run estimated it; without a run, or with --frame, how it is defined.\n\n"
    "A wide table is shown in blocks, each estimate with its margin (half of the 95 % confidence interval) and, beside "
    "it, its percentage. --column shows one column in full.",
    epilog="Examples: nibrs tables show 1a; nibrs tables show 3a --geography VT --column robbery; "
    "nibrs tables show 3a --series male; nibrs tables show 4b --geography all --csv 4b.csv",
)
def show_table(
    table: Annotated[str, typer.Argument(help="Name of the table or variant; `nibrs tables list` lists them.")],
    geography: Annotated[
        str | None,
        typer.Option(
            "--geography",
            help="Code (US, VT), part of the name, or permutation number (no FIPS code); with --csv also all. "
            "Default: US.",
        ),
    ] = None,
    series: Annotated[
        str | None, typer.Option("--series", help="Demographic series: number or part of its label, such as male.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option("--column", help="Only this column, in full: number or part of its name.")
    ] = None,
    run_id: Annotated[str | None, typer.Option("--run", help="Run. Default: the one that finished last.")] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Write the table to this file, with the columns of the final files.")
    ] = None,
    frame: Annotated[bool, typer.Option("--frame", help="Show how the table is defined.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show a table."""
    found = table_definition(table)
    asks_estimates = any(asked is not None for asked in (geography, series, column, run_id, csv))
    if frame and asks_estimates:
        raise UsageError("--frame shows no estimates: leave out --geography, --series, --column, --run and --csv.")
    run = None
    if not frame:
        scratch = load_settings().scratch_dir
        run = required_run(scratch, run_id) if asks_estimates else find_run(scratch, None)
    if run is None:
        _show_frame(found, as_json)
        if not (frame or as_json):
            console.print("[dim]No finished run has estimates of it yet; `nibrs demo` makes some.[/]")
        return
    group = None if series is None else find_series(found, series)
    columns = [find_column(found, asked) for asked in column or []]
    if csv is not None and (columns or as_json):
        raise UsageError("--csv writes all columns of the table to a file: leave out --column and --json.")
    if geography == "all":
        _write_all(run, found, group, csv)
        return
    place = find_geography(run, geography)
    if group is not None:
        check_series(group, place)
    if csv is not None:
        n_rows = write_final_csv(run, found, place, group, csv)
        console.print(f"Wrote {csv}: {n_rows:,} rows.", highlight=False)
        return
    rows = run.rows(found, place, group)
    if columns:
        rows = rows.filter(pl.col("column").is_in([column.position for column in columns]))
    if as_json:
        typer.echo(json.dumps({**_as_data(found), **_estimates_data(run, place, group, rows)}, indent=2))
        return
    _show_estimates(run, found, place, group, columns, rows)


def _write_all(run: EstimatedRun, table: TableDefinition, series: Series | None, csv: Path | None) -> None:
    if csv is None:
        raise UsageError("--geography all is for a file: add --csv FILE, or name one geography.")
    places = run.places if series is None else series_places(run.places, series)
    n_rows = write_final_csv(run, table, places, series, csv)
    console.print(f"Wrote {csv}: {n_rows:,} rows of {places.height} geographies.", highlight=False)


def _show_estimates(
    run: EstimatedRun,
    table: TableDefinition,
    place: pl.DataFrame,
    series: Series | None,
    columns: list[TableColumn],
    rows: pl.DataFrame,
) -> None:
    view = TableView(table, rows)
    console.print(f"[bold]{table.table}[/]: {plain(short_title(table))}", highlight=False)
    name, level, number = place.select("estimate_geographic_location", "geography_level", "permutation_number").row(0)
    where = f"{name[:1].upper()}{name[1:]} ({level.replace('_', ' ')}, geography {number})"
    about = [where, str(run.year), *([series.label] if series else []), f"run {run.run_id}"]
    console.print(plain(" · ".join(about)), highlight=False)
    console.print(f"{plain(table.universe)}{_where(table.where)}.\n", highlight=False)
    if columns or len(table.columns) == 1:
        for column in columns or table.columns:
            console.print(f"[bold]{plain(words(column.label))}[/]", highlight=False)
            for block in view.details(column, console.width):
                console.print(block, "", highlight=False)
    else:
        for block in view.overview(table.columns, console.width):
            console.print(block, "", highlight=False)
        console.print("[dim]±  half of the 95 % confidence interval; --column NAME shows a column in full[/]")
    for note in view.notes():
        console.print(f"[dim]{plain(note)}[/]", highlight=False)


def _estimates_data(
    run: EstimatedRun, place: pl.DataFrame, series: Series | None, rows: pl.DataFrame
) -> dict[str, Any]:
    number, name = place.select("permutation_number", "estimate_geographic_location").row(0)
    kept = rows.drop("geography", "permutation_number", "indicator_name", cs.starts_with("detail_", "estimate_domain_"))
    return {
        "run": run.run_id,
        "year": run.year,
        "geography": {"number": number, "name": name},
        "series": None if series is None else {"number": series.number, "label": series.label},
        "estimates": kept.to_dicts(),
    }


def _show_frame(found: TableDefinition, as_json: bool) -> None:
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
