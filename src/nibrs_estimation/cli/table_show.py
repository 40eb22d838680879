"""Output of `nibrs tables show`: the selected part of a table, or as much as fits on a screen."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import polars.selectors as cs
import typer
from rich.console import Console, RenderableType
from rich.text import Text

from nibrs_estimation.cli.console import console
from nibrs_estimation.cli.pager import paged
from nibrs_estimation.cli.settings import load_settings
from nibrs_estimation.cli.table_frame import frame_data, show_frame
from nibrs_estimation.cli.table_view import TableView, headline_rows
from nibrs_estimation.cli.text_table import Block
from nibrs_estimation.cli.year_series import runs_by_year, year_series
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.runs import MAIN_FLOW
from nibrs_estimation.reading.runs import EstimatedRun, find_run, flow_of, required_run
from nibrs_estimation.reading.selection import Selection, describe_place
from nibrs_estimation.tables.definition import TableColumn
from nibrs_estimation.tables.guide import guide
from nibrs_estimation.tables.labels import PROPOSED, heading, plain_label, short_title
from nibrs_estimation.tables.read import table_definition
from nibrs_estimation.tables.table_cells import TYPE_NUMBERS
from nibrs_estimation.tables.table_rows import INTERVAL_MEANS

#: Lines of a screen if there is no terminal, and the minimum for a terminal.
_LINES, _LEAST_LINES = 50, 24
#: Minimum number of lines of the table.
_LEAST_BODY = 4
#: Maximum number of offenses that are listed by name, and of lines that list omitted rows or columns.
_OFFENSES_IN_WORDS, _NAMED_LINES = 8, 2
#: Maximum number of selected rows that are shown with every column.
_ROWS_IN_FULL = 3
#: Maximum number of geographies or columns side by side.
_MOST_BESIDE = 12
_PERCENTAGE = TYPE_NUMBERS["percentage"]


@dataclass(frozen=True)
class Request:
    """The arguments of the command line.

    Attributes:
        geographies: values of `--geography`.
        series: value of `--series`, or None.
        rows: values of `--row`.
        columns: values of `--column`.
        run_id: value of `--run`, or None.
        everything: `--all`: show everything, not only what fits on a screen.
        csv: file to write, or None.
        xlsx: workbook to write, or None.
        shows_suppressed: `--show-suppressed`: show the numbers that should not be published.
    """

    geographies: tuple[str, ...] = ()
    series: str | None = None
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    run_id: str | None = None
    everything: bool = False
    csv: Path | None = None
    xlsx: Path | None = None
    shows_suppressed: bool = False


def show(name: str, request: Request, *, is_of_frame: bool, as_json: bool, is_paged: bool) -> None:
    """Show the estimates of a table; without a run, or if requested, its definition.

    Raises:
        UsageError: an argument matches nothing, or arguments exclude each other.
    """
    table = table_definition(name)
    if is_of_frame and request != Request():
        raise UsageError(
            "--frame shows no estimates: leave out --geography, --series, --row, --column, --run, --all, --csv, --xlsx "
            "and --show-suppressed."
        )
    if sum([request.csv is not None, request.xlsx is not None, as_json]) > 1:
        raise UsageError("--csv and --xlsx write a file, --json prints: give one of them.")
    run = None if is_of_frame else _run(request, flow_of(table))
    if run is None:
        hint = (
            ""
            if is_of_frame
            else "No finished run has estimates, so this is the definition of the table. `nibrs demo` creates a run."
        )
        show_frame(table, hint, as_json=as_json, is_paged=is_paged)
        return
    selection = Selection.of(run, table, request.geographies, request.series, request.rows, request.columns)
    if request.csv is not None:
        console.print(Text(_write_csv(selection, request.csv)), soft_wrap=True)
    elif request.xlsx is not None:
        console.print(Text(_write_workbook(selection, request.xlsx, request.shows_suppressed)), soft_wrap=True)
    elif as_json:
        typer.echo(json.dumps({**frame_data(table), **_estimates_data(selection)}, indent=2))
    else:
        shown = _Shown(**vars(selection), everything=request.everything, shows_suppressed=request.shows_suppressed)
        text = _text(shown, console)
        series = _by_year(selection, request)
        with paged(console, is_wanted=is_paged):
            console.print(text, soft_wrap=True)
            if series is not None:
                console.print(series)


def _by_year(selection: Selection, request: Request) -> RenderableType | None:
    """The nation by year, for summary tables, if no run is named and there are runs of several years."""
    table = selection.table
    if request.run_id is not None or request.geographies or flow_of(table) == MAIN_FLOW:
        return None
    scratch = load_settings().scratch_dir
    runs = runs_by_year(scratch, table, is_synthetic=selection.run.identity.is_synthetic)
    columns = selection.columns if selection.has_chosen_columns else table.columns[:1]
    return year_series(runs, table, columns) if len(runs) > 1 else None


def _run(request: Request, flow: str) -> EstimatedRun | None:
    scratch = load_settings().scratch_dir
    return find_run(scratch, None, flow) if request == Request() else required_run(scratch, request.run_id, flow)


@dataclass(frozen=True)
class _Shown(Selection):
    """A selected part of a table that is shown on a screen.

    Attributes:
        everything: whether to show everything, not only what fits on a screen.
        shows_suppressed: whether to show the numbers that should not be published.
    """

    everything: bool = False
    shows_suppressed: bool = False


def _write_csv(selection: Selection, path: Path) -> str:
    """Write the selection with the columns of ``estimates.csv``; returns a message."""
    return _written(selection, path, selection.write_csv(path), "rows")


def _write_workbook(selection: Selection, path: Path, shows_suppressed: bool) -> str:
    """Write the selection as a workbook; returns a message."""
    # Only this takes the time of its library.
    from nibrs_estimation.reading.workbook import write_workbook  # noqa: PLC0415

    if path.suffix.lower() != ".xlsx":
        raise UsageError(f"{path} is no name of a workbook: spreadsheets open it only if it ends in .xlsx.")
    return _written(selection, path, write_workbook(selection, path, shows_suppressed=shows_suppressed), "lines")


def _written(selection: Selection, path: Path, n_rows: int, noun: str) -> str:
    of = f" of {selection.places.height} geographies" if selection.places.height > 1 else ""
    return "\n".join(
        [f"Wrote {path}: {n_rows:,} {noun}{of}.", _origin(selection.run), *filter(None, [selection.run.choice])]
    )


def _estimates_data(selection: Selection) -> dict[str, Any]:
    """The selection as data."""
    identity, group = selection.run.identity, selection.series
    kept = selection.cells().drop("series_number", "indicator_name", cs.starts_with("detail_", "estimate_domain_"))
    return {
        "run": identity.run_id,
        "year": identity.year,
        "source": identity.source,
        "is_synthetic": identity.is_synthetic,
        "geographies": [
            {"number": place["geography_number"], "name": place["estimate_geographic_location"],
             "level": place["geography_level"], "code": place["geography_code"], "agency_group": place["agency_group"]}
            for place in selection.places.iter_rows(named=True)
        ],
        "interval": INTERVAL_MEANS[selection.run.variance_rule()],
        "series": None if group is None else {"number": group.number, "label": group.label},
        "estimates": kept.to_dicts(),
    }  # fmt: skip


def _text(selection: _Shown, console: Console) -> Text:
    """The selection as text, no wider than the terminal.

    Raises:
        UsageError: there are too many geographies to show side by side.
    """
    if selection.places.height > _MOST_BESIDE:
        raise UsageError(
            f"{selection.places.height} geographies are too many to show side by side (at most {_MOST_BESIDE}): name "
            "fewer, or add --csv FILE or --json."
        )
    names = [
        (number, _name(name))
        for number, name in selection.places.select("geography_number", "estimate_geographic_location").iter_rows()
    ]
    view = TableView(
        selection.cells(), names, selection.run.variance_rule(), shows_suppressed=selection.shows_suppressed
    )
    lines = max(console.height, _LEAST_LINES) if console.is_terminal else _LINES
    return Text("\n").join(_fitting_lines(selection, view, console.width, lines))


def _fitting_lines(selection: _Shown, view: TableView, width: int, lines: int) -> list[Text]:
    """The lines of the view; rows and columns that the user did not choose are limited to a number of lines."""
    text = _all_lines(selection, selection, view, width) if selection.everything else []
    least, most = _LEAST_BODY, lines
    while least <= most and not selection.everything:
        body = (least + most) // 2
        tried = _all_lines(selection, _limit_selection(selection, view, width, body), view, width)
        if len(tried) <= lines:
            text, least = tried, body + 1
        else:
            most = body - 1
    return text or _all_lines(selection, _limit_selection(selection, view, width, _LEAST_BODY), view, width)


def _all_lines(selection: _Shown, shown: _Shown, view: TableView, width: int) -> list[Text]:
    """All lines of the view."""
    view.reset_notes()
    text = [line for part, style in _head(selection) for line in _wrapped(part, width, style)]
    for title, block in _blocks(shown, view, width):
        text += [Text(), *_wrapped(title, width, "bold")]
        text += [Text(line, style="bold" if is_heading else "") for line, is_heading in block.lines]
    notes = (
        *view.notes(),
        *_unknown_note(shown, view),
        *_proposed_note(shown),
        *_definitions(shown),
        *_omitted_notes(selection, shown, view, width),
    )
    return [*text, Text(), *(line for note in notes for line in _wrapped(note, width, "dim", indent="   "))]


def _wrapped(text: str, width: int, style: str, indent: str = "") -> list[Text]:
    return [Text(line, style=style) for line in textwrap.wrap(text, width, subsequent_indent=indent)]


def _head(selection: _Shown) -> Iterator[tuple[str, str]]:
    """Headings: what the table counts, geographies, year and origin."""
    yield "  ".join(dict.fromkeys([selection.table.table, short_title(selection.table)])), "bold"
    yield selection.table.counts, ""
    if selection.series is not None:
        yield f"Only for this group: {selection.series.label} (series {selection.series.number})", ""
    for number in range(selection.places.height):
        yield describe_place(selection.places.slice(number, 1)), ""
    yield _origin(selection.run), "bold red" if selection.run.identity.is_synthetic else ""
    if selection.run.choice:
        yield selection.run.choice, "yellow"


def _name(name: str) -> str:
    return f"{name[:1].upper()}{name[1:]}"


def _origin(run: EstimatedRun) -> str:
    return _name(run.identity.text)


def _blocks(selection: _Shown, view: TableView, width: int) -> Iterator[tuple[str, Block]]:
    """Blocks of the table with their titles. A title names the row or column that is the same in the whole block."""
    rows, columns = selection.rows, selection.columns
    titled = iter(())  # type: Iterator[tuple[str, Iterator[Block]]]
    if selection.places.height > 1 and len(rows) == 1 and len(columns) == 1:
        titled = iter(
            [
                (
                    f"{plain_label(rows[0].label)} · {heading(columns[0])}",
                    view.details_by_place(rows[0], columns[0], width),
                )
            ]
        )
    elif selection.places.height > 1 and len(columns) == 1:
        titled = iter([(heading(columns[0]), view.side_by_side(rows, columns[0], width))])
    elif selection.places.height > 1:
        titled = ((plain_label(row.label), view.by_column(row, columns, width)) for row in rows)
    elif _is_of_one_column(selection):
        found = view.details(rows, columns[0], width)
        titled = iter([(heading(columns[0]), islice(found, 1) if _is_cut(selection) else found)])
    elif selection.has_chosen_columns or not selection.has_chosen_rows or len(rows) > _ROWS_IN_FULL:
        titled = iter([("", view.overview(rows, columns, width))])
    else:
        titled = ((plain_label(row.label), view.details_by_column(row, columns, width)) for row in rows)
    for title, found in titled:
        for number, block in enumerate(found):
            yield "" if number else title, block


def _is_of_one_column(selection: _Shown) -> bool:
    return (
        selection.places.height == 1
        and len(selection.columns) == 1
        and (selection.has_chosen_columns or len(selection.table.columns) == 1)
    )


def _is_cut(selection: _Shown) -> bool:
    """Whether columns that do not fit next to the estimate are omitted; not if the user chose rows or --all."""
    return _is_of_one_column(selection) and not (selection.has_chosen_rows or selection.everything)


def _limit_selection(selection: _Shown, view: TableView, width: int, body: int) -> _Shown:
    """Reduce rows and columns that the user did not choose to what fits.

    Args:
        selection: the selection.
        view: its estimates.
        width: characters of a line.
        body: lines for the table, including headings.
    """
    if selection.everything:
        return selection
    rows, columns = selection.rows, selection.columns
    is_by_column = selection.places.height > 1 or (selection.has_chosen_rows and len(rows) <= _ROWS_IN_FULL)
    if not selection.has_chosen_rows and selection.places.height > 1 and len(columns) > 1:
        rows = tuple(row for row in rows if row.section == 1)
    if not selection.has_chosen_columns and is_by_column:
        columns = _first(columns, max(body // len(rows), 1))
    elif not selection.has_chosen_columns:
        ordered = _first(columns, len(columns), in_order=False)[:_MOST_BESIDE]
        first = rows if selection.has_chosen_rows else headline_rows(selection.table, body, width)
        columns = _first(columns, view.columns_that_fit(first, ordered, width))
    if not selection.has_chosen_rows and not (is_by_column and len(columns) > 1):
        rows = tuple(headline_rows(selection.table, body, width))
    return replace(selection, rows=rows, columns=columns)


def _first(columns: Sequence[TableColumn], number: int, *, in_order: bool = True) -> tuple[TableColumn, ...]:
    """The most important columns, up to a number; in the order of the table, or the most important first."""
    ranks = {name: rank for rank, name in enumerate(guide().headline_columns)}
    ordered = sorted(columns, key=lambda column: (ranks.get(column.name, len(ranks)), column.position))[:number]
    return tuple(sorted(ordered, key=lambda column: column.position) if in_order else ordered)


def _unknown_note(shown: _Shown, view: TableView) -> Iterator[str]:
    """Note on the shares of unknown values in the rows shown, for the first column and geography."""
    column, (place, name) = shown.columns[0], view.places[0]
    sections = {row.section for row in shown.rows}
    shares = []
    for number in sorted(shown.table.unknown):
        row = shown.table.rows[number - 1]
        share = view.value(place, number, column.position, _PERCENTAGE)
        if row.section in sections and share:
            shares.append(f"{plain_label(row.label)} {share:.1f} %")
    if shares:
        yield (
            f"Not known, of {plain_label(column.label)} in {name}: {'; '.join(shares)}. The percentages (%) include "
            "these in the denominator; % of known (shown with --column) does not."
        )


def _proposed_note(shown: _Shown) -> Iterator[str]:
    if shown.table.status or any(row.is_proposed for row in shown.rows) or any(c.is_proposed for c in shown.columns):
        yield f"{PROPOSED}  its codes are a proposal of this program: the list of the reference method is not known"


def _definitions(shown: _Shown) -> Iterator[str]:
    """Contents of sums: in full if the user chose the column; otherwise by name if short, by code if long."""
    for column in shown.columns:
        if column.definition is None:
            continue
        text = column.definition
        if not shown.has_chosen_columns and not column.where:
            is_short = len(column.offenses) <= _OFFENSES_IN_WORDS and len(shown.columns) <= _MOST_BESIDE
            text = re.sub(r" \(\w+\)", "", text).lower() if is_short else f"codes {', '.join(column.offenses)}"
        yield f"{heading(column)}: {text}"


def _omitted_notes(selection: _Shown, shown: _Shown, view: TableView, width: int) -> Iterator[str]:
    """Notes on rows and columns that are not shown, and how to show them."""
    columns = [plain_label(column.label) for column in selection.columns if column not in shown.columns]
    seen = {row.row for row in shown.rows}
    rows = list(dict.fromkeys(plain_label(row.domain_1) for row in selection.rows if row.row not in seen))
    if columns:
        yield f"Not shown, {len(columns)} of {len(selection.columns)} columns: {_join_names(columns, width)}"
    if rows:
        n_rows = len(selection.rows)
        yield f"Not shown, {n_rows - len(shown.rows)} of {n_rows} rows: {_join_names(rows, width)}"
    if _is_cut(shown) and len(list(view.details(shown.rows, shown.columns[0], width))) > 1:
        yield "Not shown for lack of space: relative standard errors, agencies and other intervals"
    if columns or rows or _is_cut(shown):
        yield "--all shows everything, --column NAME or --row LABEL shows one of them in full, --frame lists all names"


def _join_names(names: Sequence[str], width: int) -> str:
    """As many names as fit in two lines."""
    kept: list[str] = []
    for name in names:
        if len("; ".join([*kept, name])) > _NAMED_LINES * width - 60:
            break
        kept.append(name)
    more = len(names) - len(kept)
    return "; ".join(kept) + (f"; and {more} more" if more else "")
