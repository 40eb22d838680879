"""What the explorer says about runs, places and tables, and its index for searches, as JSON."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.headlines import COMPARED
from nibrs_estimation.reading.runs import EstimatedRun
from nibrs_estimation.reading.selection import find_series
from nibrs_estimation.site.cells import rows_of_type, types_of
from nibrs_estimation.tables.caution import cautions
from nibrs_estimation.tables.definition import Estimate, TableColumn, TableDefinition, TableRow
from nibrs_estimation.tables.guide import guide, search_index
from nibrs_estimation.tables.labels import heading, plain_label, row_groups, short_title, with_states
from nibrs_estimation.tables.series import Series
from nibrs_estimation.tables.shared import unit_descriptions
from nibrs_estimation.tables.table_rows import (
    INTERVAL_MEANS,
    MONTHS_INFERRED,
    NEVER_ESTIMATED,
    NOTHING_SAMPLED,
    OWN_WEIGHTS,
)
from nibrs_estimation.tables.variables import derived_variables

#: Page of the handbook that explains what a table counts.
_CHAPTER = "methods/10-counting.md"
_OF_PLACE = (
    "eligible_agencies",
    "responding_agencies",
    "population",
    "population_responding",
    "population_coverage",
    "unreported_ratio",
    "largest_missing_share",
)


def run_data(
    run: EstimatedRun,
    files: Sequence[pl.DataFrame],
    tables: Mapping[str, Sequence[Series | None]],
    absent: Mapping[str, str],
    notes: Sequence[Mapping[str, object]],
) -> dict[str, Any]:
    """What the site says about a run.

    Args:
        run: the run.
        files: places of each file of cells.
        tables: the groups of persons that each table has in the site.
        absent: tables that the run has not estimated, with the reason.
        notes: notes of cells.
    """
    identity = run.identity
    return {
        "run": identity.run_id,
        "year": identity.year,
        "source": identity.source,
        "is_synthetic": identity.is_synthetic,
        "text": identity.text,
        "interval": INTERVAL_MEANS[run.variance_rule()],
        "own_weights": OWN_WEIGHTS,
        "inferred": MONTHS_INFERRED,
        "exact": NOTHING_SAMPLED,
        "never": NEVER_ESTIMATED,
        "cautions": {code: {"mark": rule.mark, "words": rule.words} for code, rule in cautions().items()},
        "file_places": [places.height for places in files],
        "places": _places(run, files),
        "left_out": _left_out(run),
        "tables": list(tables),
        "series": {
            name: [{"number": one.number, "label": one.label} for one in several if one is not None]
            for name, several in tables.items()
            if any(several)
        },
        "absent": dict(absent),
        "notes": list(notes),
    }


def _places(run: EstimatedRun, files: Sequence[pl.DataFrame]) -> list[dict[str, Any]]:
    """The places in the order of the files, with their position."""
    found = []
    for number, places in enumerate(files):
        rows = with_states(places).iter_rows(named=True)
        for position, row in enumerate(rows):
            name = row["estimate_geographic_location"]
            found.append(
                {
                    "number": row["geography_number"],
                    "name": f"{name[:1].upper()}{name[1:]}",
                    "level": row["geography_level"],
                    "group": row["agency_group"],
                    "code": row["state_abbr"] or row["geography_code"],
                    "fips": row["state_fips"],
                    "file": number,
                    "position": position,
                    **{name: row[name] for name in _OF_PLACE},
                }
            )
    return found


def _left_out(run: EstimatedRun) -> list[dict[str, Any]]:
    """Places that are not estimated, and why."""
    estimated = run.places["geography_number"].to_list()
    rows = with_states(run.coverage.filter(~pl.col("geography_number").is_in(estimated)))
    return [
        {
            "number": row["geography_number"],
            "name": row["estimate_geographic_location"],
            "code": row["state_abbr"] or row["geography_code"],
            "why": "it is on the year's list of geographies left out" if row["is_excluded"] else "no agency responded",
        }
        for row in rows.iter_rows(named=True)
    ]


def table_data(table: TableDefinition) -> dict[str, Any]:
    """A table for the browser: rows under their headings, columns, and where the cells of a row are in the files."""
    units = unit_descriptions()
    positions = {kind: {row.row: at for at, row in enumerate(rows_of_type(table, kind))} for kind in types_of(table)}
    rows = [
        _row(table, row, label, group.heading, positions, units)
        for group in row_groups(table.rows)
        for label, row in zip(group.labels, group.rows, strict=True)
    ]
    return {
        "table": table.table,
        "title": short_title(table),
        "counts": table.counts,
        "universe": table.universe,
        "unit": units[table.unit],
        "variant_of": table.variant_of,
        "demographic": table.demographic,
        "chapter": _CHAPTER,
        "n_rows": {kind: len(found) for kind, found in positions.items()},
        "rows": rows,
        "columns": [_column(table, column) for column in table.columns],
    }


def _row(
    table: TableDefinition,
    row: TableRow,
    label: str,
    above: str | None,
    positions: Mapping[Estimate, Mapping[int, int]],
    units: Mapping[str, str],
) -> dict[str, Any]:
    tells = derived_variables()[row.variable].tells if row.variable is not None else None
    return {
        "row": row.row,
        "label": label,
        "heading": above,
        "full": plain_label(row.label),
        "at": {kind: found[row.row] for kind, found in positions.items() if row.row in found},
        "section": row.section,
        "tells": tells,
        "unit": units[row.unit] if row.unit != table.unit else None,
        "share_of": list(row.denominator) if "percentage" in row.estimates else None,
        "of": row.of,
        "population": _population(row),
        "is_unknown": row.row in table.unknown,
    }


def _population(row: TableRow) -> str | None:
    labels = dict(code_list("population_key").select("code", "label").iter_rows())
    return None if row.population is None else labels.get(row.population, row.population)


def _column(table: TableDefinition, column: TableColumn) -> dict[str, Any]:
    offenses = dict(code_list("offense").select("code", "label").iter_rows())
    return {
        "column": column.position,
        "name": column.name,
        "label": heading(column),
        "definition": column.definition or "; ".join(f"{offenses[code]} ({code})" for code in column.offenses) or None,
        "is_sum": column.definition is not None,
        "is_proposed": column.is_proposed,
        "is_first": column.name in guide().headline_columns,
        "rank": guide().headline_columns.index(column.name) if column.name in guide().headline_columns else None,
    }


def headline_cells(tables: Iterable[TableDefinition]) -> list[dict[str, Any]]:
    """The cells of the cards on the first page: the totals that are compared over years, and their rates."""
    by_name = {table.table: table for table in tables}
    found = []
    for name, column in COMPARED:
        table = by_name.get(name)
        if table is None:
            continue
        total = next(row for row in table.rows if row.kind == "total")
        rate = next((row for row in table.rows if row.kind == "rate" and row.of == total.row), None)
        found.append(
            {
                "table": name,
                "column": table.column(column).position,
                "row": total.row,
                "rate_row": rate.row if rate is not None else None,
                "label": heading(table.column(column)),
            }
        )
    return found


def search_data(tables: Sequence[TableDefinition]) -> dict[str, Any]:
    """The index for searches, and the questions of the guide with what shows their answers."""
    by_name = {table.table: table for table in tables}
    questions = [
        {
            "ask": question.ask,
            "words": question.words,
            "note": question.note,
            "is_answered": bool(question.answers),
            "answers": [
                {"tells": answer.tells, "command": answer.command, **view}
                for answer in question.answers
                if (view := _view(answer.command, by_name)) is not None
            ],
        }
        for question in guide().questions
    ]
    return {**search_index(tables), "questions": questions}


def _view(command: str, tables: Mapping[str, TableDefinition]) -> dict[str, Any] | None:
    """What the address of a view says that shows the same as a command.

    Returns:
        The view, and its table, rows, columns, places, group of persons and type of estimate; a command that no view
        replaces has the view None. None if the site does not have the table.
    """
    found: dict[str, Any] = {"view": None, "table": None, "rows": [], "columns": [], "places": []}
    match shlex.split(command)[1:]:
        case ["agencies", *words]:
            return {**found, "view": "coverage", "months": "incomplete" if _options(words).incomplete else ""}
        case ["tables", "show", name, *words]:
            view = "table"
        case ["compare", name, *words]:
            view = "compare"
        case _:
            return found
    if name not in tables:
        return None
    table, options = tables[name], _options(words)
    return {
        "view": view,
        "table": table.table,
        "rows": [
            row.row
            for row in table.rows
            if not row.is_dropped
            and set(options.row) & {str(row.row), plain_label(row.label), plain_label(row.domain_1)}
        ],
        "columns": [table.column(name).position for name in options.column],
        "places": options.geography,
        "group": "" if options.series is None else str(find_series(table, options.series).number),
        "show": "rate" if options.rate else "",
    }


def _options(words: Sequence[str]) -> argparse.Namespace:
    """The options of a command of the guide."""
    parser = argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False)
    for name in ("row", "column", "geography"):
        parser.add_argument(f"--{name}", action="append", default=[])
    for name in ("rate", "incomplete"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--series")
    return parser.parse_args(words)
