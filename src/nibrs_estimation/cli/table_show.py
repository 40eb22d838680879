"""What `nibrs tables show` shows of a run: the part that is asked for, or what fits a screen."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs
import typer
from rich.console import Console
from rich.text import Text

from nibrs_estimation.cli.asked import (
    EVERYWHERE,
    check_series,
    described,
    find_column,
    find_places,
    find_rows,
    find_series,
)
from nibrs_estimation.cli.console import console
from nibrs_estimation.cli.estimates import EstimatedRun, find_run, required_run, write_csv
from nibrs_estimation.cli.pager import paged
from nibrs_estimation.cli.settings import load_settings
from nibrs_estimation.cli.table_frame import frame_data, show_frame
from nibrs_estimation.cli.table_view import PROPOSED, TableView, heading, headline_rows, short_title
from nibrs_estimation.cli.text_table import Block
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.tables.definition import TableColumn, TableDefinition, TableRow
from nibrs_estimation.tables.guide import guide
from nibrs_estimation.tables.labels import plain_label
from nibrs_estimation.tables.read import table_definition
from nibrs_estimation.tables.series import Series
from nibrs_estimation.tables.table_cells import TYPE_NUMBERS
from nibrs_estimation.tables.table_rows import series_places

#: Lines of a screen where there is no terminal that tells how many it has, and how few one of them may have.
_LINES, _LEAST_LINES = 50, 24
#: Rows of a table that are shown at least.
_LEAST_BODY = 4
#: Sums of more offenses than these are defined by codes, and names of what is left out fill so many lines.
_OFFENSES_IN_WORDS, _NAMED_LINES = 8, 2
#: Rows that are shown with every column, if no column is asked for.
_ROWS_IN_FULL = 3
#: Geographies or columns beside each other.
_MOST_BESIDE = 12
_PERCENTAGE = TYPE_NUMBERS["percentage"]


@dataclass(frozen=True)
class Asked:
    """The words of the command line.

    Attributes:
        geographies: as `--geography` takes them.
        series: of `--series`, or None.
        rows: as `--row` takes them.
        columns: as `--column` takes them.
        run_id: of `--run`, or None.
        everything: whether all that is not chosen is to be shown, not only what fits a screen.
        csv: file to write, or None.
    """

    geographies: tuple[str, ...] = ()
    series: str | None = None
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    run_id: str | None = None
    everything: bool = False
    csv: Path | None = None


def show(name: str, asked: Asked, *, is_of_frame: bool, as_json: bool, is_paged: bool) -> None:
    """Show a table as a run estimated it; without a run, or where that is asked for, its definition.

    Raises:
        UsageError: what is asked for does not exist, or does not go together.
    """
    table = table_definition(name)
    if is_of_frame and asked != Asked():
        raise UsageError(
            "--frame shows no estimates: leave out --geography, --series, --row, --column, --run, --all and --csv."
        )
    if asked.csv is not None and as_json:
        raise UsageError("--csv writes a file, --json prints: leave out one of them.")
    run = None if is_of_frame else _run(asked)
    if run is None:
        hint = (
            ""
            if is_of_frame
            else "No finished run here has estimates of it: this is its definition. `nibrs demo` makes some."
        )
        show_frame(table, hint, as_json=as_json, is_paged=is_paged)
        return
    wish = Wish.of(run, table, asked)
    if asked.csv is not None:
        console.print(Text(_write_csv(wish, asked.csv)), soft_wrap=True)
    elif as_json:
        typer.echo(json.dumps({**frame_data(table), **_estimates_data(wish)}, indent=2))
    else:
        text = _text(wish, console)
        with paged(console, is_wanted=is_paged):
            console.print(text, soft_wrap=True)


def _run(asked: Asked) -> EstimatedRun | None:
    scratch = load_settings().scratch_dir
    return find_run(scratch, None) if asked == Asked() else required_run(scratch, asked.run_id)


@dataclass(frozen=True)
class Wish:
    """What of which table is asked for.

    Attributes:
        run: whose estimates.
        table: its definition.
        places: geographies, rows of dataset ``coverage``.
        series: group of persons, or None for everybody.
        rows: published rows.
        columns: columns.
        chose_rows: whether rows were asked for; else they are all.
        chose_columns: whether columns were asked for; else they are all.
        everything: whether all that was not chosen is to be shown, not only what fits a screen.
    """

    run: EstimatedRun
    table: TableDefinition
    places: pl.DataFrame
    series: Series | None
    rows: tuple[TableRow, ...]
    columns: tuple[TableColumn, ...]
    chose_rows: bool
    chose_columns: bool
    everything: bool

    @classmethod
    def of(cls, run: EstimatedRun, table: TableDefinition, asked: Asked) -> Wish:
        """From the words of the command line.

        Raises:
            UsageError: a word names nothing, or several things.
        """
        group = None if asked.series is None else find_series(table, asked.series)
        places = find_places(run, asked.geographies)
        if group is not None and EVERYWHERE in asked.geographies:
            places = series_places(places, group)
        elif group is not None:
            check_series(group, places)
        asked_rows = {row.row for word in asked.rows for row in find_rows(table, word)}
        asked_columns = {find_column(table, word).position for word in asked.columns}
        return cls(
            run=run,
            table=table,
            places=places,
            series=group,
            rows=tuple(row for row in table.rows if not row.is_dropped and (not asked_rows or row.row in asked_rows)),
            columns=tuple(column for column in table.columns if not asked_columns or column.position in asked_columns),
            chose_rows=bool(asked_rows),
            chose_columns=bool(asked_columns),
            everything=asked.everything,
        )

    @property
    def is_of_cell(self) -> pl.Expr:
        """Whether a cell, of columns ``row`` and ``column``, belongs to it."""
        return pl.col("row").is_in([row.row for row in self.rows]) & pl.col("column").is_in(
            [column.position for column in self.columns]
        )

    def cells(self) -> pl.DataFrame:
        """Its estimates."""
        return self.run.rows(self.table, self.places, self.series).filter(self.is_of_cell)


def _write_csv(wish: Wish, path: Path) -> str:
    """Write it with the columns of ``estimates.csv``; returns what to say of that."""
    n_rows = write_csv(wish.run, wish.table, wish.places, wish.series, path, wish.is_of_cell)
    of = f" of {wish.places.height} geographies" if wish.places.height > 1 else ""
    return "\n".join([f"Wrote {path}: {n_rows:,} rows{of}.", _origin(wish.run), *filter(None, [wish.run.choice])])


def _estimates_data(wish: Wish) -> dict[str, Any]:
    """It for programs."""
    identity, group = wish.run.identity, wish.series
    kept = wish.cells().drop("series_number", "indicator_name", cs.starts_with("detail_", "estimate_domain_"))
    return {
        "run": identity.run_id,
        "year": identity.year,
        "source": identity.source,
        "is_synthetic": identity.is_synthetic,
        "geographies": [
            {"number": place["geography_number"], "name": place["estimate_geographic_location"],
             "level": place["geography_level"], "code": place["geography_code"], "agency_group": place["agency_group"]}
            for place in wish.places.iter_rows(named=True)
        ],
        "series": None if group is None else {"number": group.number, "label": group.label},
        "estimates": kept.to_dicts(),
    }  # fmt: skip


def _text(wish: Wish, console: Console) -> Text:
    """It for people, no wider than the terminal.

    Raises:
        UsageError: there are too many geographies to read beside each other.
    """
    if wish.places.height > _MOST_BESIDE:
        raise UsageError(
            f"{wish.places.height} geographies are too many to read beside each other (at most {_MOST_BESIDE}): name "
            "fewer, or add --csv FILE or --json."
        )
    names = [
        (number, _name(name))
        for number, name in wish.places.select("geography_number", "estimate_geographic_location").iter_rows()
    ]
    view = TableView(wish.cells(), names)
    lines = max(console.height, _LEAST_LINES) if console.is_terminal else _LINES
    return Text("\n").join(_fitting(wish, view, console.width, lines))


def _fitting(wish: Wish, view: TableView, width: int, lines: int) -> list[Text]:
    """The lines of the view: of what was not chosen as much as fits in a number of lines."""
    text = _composed(wish, wish, view, width) if wish.everything else []
    least, most = _LEAST_BODY, lines
    while least <= most and not wish.everything:
        body = (least + most) // 2
        tried = _composed(wish, _fitted(wish, view, width, body), view, width)
        if len(tried) <= lines:
            text, least = tried, body + 1
        else:
            most = body - 1
    return text or _composed(wish, _fitted(wish, view, width, _LEAST_BODY), view, width)


def _composed(wish: Wish, shown: Wish, view: TableView, width: int) -> list[Text]:
    """All lines of the view."""
    view.forget()
    text = [line for part, style in _head(wish) for line in _wrapped(part, width, style)]
    for title, block in _blocks(shown, view, width):
        text += [Text(), *_wrapped(title, width, "bold")]
        text += [Text(line, style="bold" if is_heading else "") for line, is_heading in block.lines]
    notes = (
        *view.notes(),
        *_unknown_note(shown, view),
        *_proposed_note(shown),
        *_definitions(shown),
        *_left_out(wish, shown, view, width),
    )
    return [*text, Text(), *(line for note in notes for line in _wrapped(note, width, "dim", indent="   "))]


def _wrapped(text: str, width: int, style: str, indent: str = "") -> list[Text]:
    return [Text(line, style=style) for line in textwrap.wrap(text, width, subsequent_indent=indent)]


def _head(wish: Wish) -> Iterator[tuple[str, str]]:
    """What the table counts, of where and when, and whose numbers these are."""
    yield "  ".join(dict.fromkeys([wish.table.table, short_title(wish.table)])), "bold"
    yield wish.table.counts, ""
    if wish.series is not None:
        yield f"Only of this group: {wish.series.label} (series {wish.series.number})", ""
    for number in range(wish.places.height):
        yield described(wish.places.slice(number, 1)), ""
    yield _origin(wish.run), "bold red" if wish.run.identity.is_synthetic else ""
    if wish.run.choice:
        yield wish.run.choice, "yellow"


def _name(name: str) -> str:
    return f"{name[:1].upper()}{name[1:]}"


def _origin(run: EstimatedRun) -> str:
    return _name(run.identity.text)


def _blocks(wish: Wish, view: TableView, width: int) -> Iterator[tuple[str, Block]]:
    """What is printed, with titles: the part of the table that does not vary stands above."""
    rows, columns = wish.rows, wish.columns
    titled = iter(())  # type: Iterator[tuple[str, Iterator[Block]]]
    if wish.places.height > 1 and len(rows) == 1 and len(columns) == 1:
        titled = iter(
            [
                (
                    f"{plain_label(rows[0].label)} · {heading(columns[0])}",
                    view.details_by_place(rows[0], columns[0], width),
                )
            ]
        )
    elif wish.places.height > 1 and len(columns) == 1:
        titled = iter([(heading(columns[0]), view.side_by_side(rows, columns[0], width))])
    elif wish.places.height > 1:
        titled = ((plain_label(row.label), view.by_column(row, columns, width)) for row in rows)
    elif _is_of_one_column(wish):
        found = view.details(rows, columns[0], width)
        titled = iter([(heading(columns[0]), islice(found, 1) if _is_cut(wish) else found)])
    elif wish.chose_columns or not wish.chose_rows or len(rows) > _ROWS_IN_FULL:
        titled = iter([("", view.overview(rows, columns, width))])
    else:
        titled = ((plain_label(row.label), view.details_by_column(row, columns, width)) for row in rows)
    for title, found in titled:
        for number, block in enumerate(found):
            yield "" if number else title, block


def _is_of_one_column(wish: Wish) -> bool:
    return wish.places.height == 1 and len(wish.columns) == 1 and (wish.chose_columns or len(wish.table.columns) == 1)


def _is_cut(wish: Wish) -> bool:
    """Whether what does not fit beside the estimate is left to wider terminals, and to a wish for all or for a row."""
    return _is_of_one_column(wish) and not (wish.chose_rows or wish.everything)


def _fitted(wish: Wish, view: TableView, width: int, body: int) -> Wish:
    """The part that a table of some lines has room for: what was not chosen gives way.

    Args:
        wish: what is asked for.
        view: its estimates.
        width: characters of a line.
        body: lines for the table, its headings among them.
    """
    if wish.everything:
        return wish
    rows, columns = wish.rows, wish.columns
    is_by_column = wish.places.height > 1 or (wish.chose_rows and len(rows) <= _ROWS_IN_FULL)
    if not wish.chose_rows and wish.places.height > 1 and len(columns) > 1:
        rows = tuple(row for row in rows if row.section == 1)
    if not wish.chose_columns and is_by_column:
        columns = _first(columns, max(body // len(rows), 1))
    elif not wish.chose_columns:
        ordered = _first(columns, len(columns), in_order=False)[:_MOST_BESIDE]
        first = rows if wish.chose_rows else headline_rows(wish.table, body, width)
        columns = _first(columns, view.columns_that_fit(first, ordered, width))
    if not wish.chose_rows and not (is_by_column and len(columns) > 1):
        rows = tuple(headline_rows(wish.table, body, width))
    return replace(wish, rows=rows, columns=columns)


def _first(columns: Sequence[TableColumn], number: int, *, in_order: bool = True) -> tuple[TableColumn, ...]:
    """The main columns, as many as are asked for; in the order of the table, or the most important first."""
    ranks = {name: rank for rank, name in enumerate(guide().headline_columns)}
    ordered = sorted(columns, key=lambda column: (ranks.get(column.name, len(ranks)), column.position))[:number]
    return tuple(sorted(ordered, key=lambda column: column.position) if in_order else ordered)


def _unknown_note(shown: Wish, view: TableView) -> Iterator[str]:
    """How many are unknown in the blocks that are shown, for the first column and geography."""
    column, (place, name) = shown.columns[0], view.places[0]
    sections = {row.section for row in shown.rows}
    told = []
    for number in sorted(shown.table.unknown):
        row = shown.table.rows[number - 1]
        share = view.value(place, number, column.position, _PERCENTAGE)
        if row.section in sections and share:
            told.append(f"{plain_label(row.label)} {share:.1f} %")
    if told:
        yield (
            f"Not known, of {plain_label(column.label)} in {name}: {'; '.join(told)}. The percentages (%) are of all, "
            "these included; % of known (--column shows it) leaves them out."
        )


def _proposed_note(shown: Wish) -> Iterator[str]:
    if shown.table.status or any(row.is_proposed for row in shown.rows) or any(c.is_proposed for c in shown.columns):
        yield f"{PROPOSED}  its codes are this program's proposal: the list of the reference is not known"


def _definitions(shown: Wish) -> Iterator[str]:
    """What the sums hold: in full where they were asked for; else short ones in words, long ones in codes."""
    for column in shown.columns:
        if column.definition is None:
            continue
        told = column.definition
        if not shown.chose_columns and not column.where:
            is_short = len(column.offenses) <= _OFFENSES_IN_WORDS and len(shown.columns) <= _MOST_BESIDE
            told = re.sub(r" \(\w+\)", "", told).lower() if is_short else f"codes {', '.join(column.offenses)}"
        yield f"{heading(column)}: {told}"


def _left_out(wish: Wish, shown: Wish, view: TableView, width: int) -> Iterator[str]:
    """What the table holds beside what is shown, and how to see it."""
    columns = [plain_label(column.label) for column in wish.columns if column not in shown.columns]
    seen = {row.row for row in shown.rows}
    rows = list(dict.fromkeys(plain_label(row.domain_1) for row in wish.rows if row.row not in seen))
    if columns:
        yield f"Left out, {len(columns)} of {len(wish.columns)} columns: {_named(columns, width)}"
    if rows:
        n_rows = len(wish.rows)
        yield f"Left out, {n_rows - len(shown.rows)} of {n_rows} rows: {_named(rows, width)}"
    if _is_cut(shown) and len(list(view.details(shown.rows, shown.columns[0], width))) > 1:
        yield "Left out: what has no room beside the estimate (relative standard errors, agencies and other intervals)"
    if columns or rows or _is_cut(shown):
        yield "--all shows everything, --column NAME or --row LABEL one of them in full, --frame all names"


def _named(names: Sequence[str], width: int) -> str:
    """Names, as many as fit in two lines."""
    kept: list[str] = []
    for name in names:
        if len("; ".join([*kept, name])) > _NAMED_LINES * width - 60:
            break
        kept.append(name)
    more = len(names) - len(kept)
    return "; ".join(kept) + (f"; and {more} more" if more else "")
