"""A table of estimates as text for the terminal: its lines, columns and notes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import polars as pl

from nibrs_estimation.cli.text_table import Block, Label, Strip, blocks, label_lines, label_width, n_groups_that_fit
from nibrs_estimation.model.parameters import VARIANCE_RULE
from nibrs_estimation.tables.caution import cautions, warning_codes
from nibrs_estimation.tables.definition import TableColumn, TableDefinition, TableRow
from nibrs_estimation.tables.labels import heading, row_groups
from nibrs_estimation.tables.suppression import SUPPRESSED
from nibrs_estimation.tables.table_cells import TYPE_NUMBERS
from nibrs_estimation.tables.table_rows import (
    INTERVAL_MEANS,
    MONTHS_INFERRED,
    NEVER_ESTIMATED,
    NOTHING_SAMPLED,
    OWN_WEIGHTS,
)

_NOT_SAMPLED, _INFERRED = "not sampled", "inferred"
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_COUNT, _PERCENTAGE, _RATE = TYPE_NUMBERS.values()

Cell = Mapping[str, Any]
Find = Callable[["Line", TableColumn, int], Cell | None]


@dataclass(frozen=True)
class Line:
    """A line of the view: a row of the table, or a heading of several rows (without ``row``)."""

    label: Label
    row: TableRow | None = None


def lines_of(rows: Sequence[TableRow]) -> list[Line]:
    """Published rows with short labels, grouped under headings."""
    lines: list[Line] = []
    for group in row_groups(rows):
        if group.heading is not None:
            lines.append(Line(Label(group.heading, is_heading=True)))
        indent = "" if group.heading is None else "  "
        lines += [Line(Label(indent + label), row) for label, row in zip(group.labels, group.rows, strict=True)]
    return lines


def headline_rows(table: TableDefinition, n_lines_available: int, width: int) -> list[TableRow]:
    """The first rows that fit in a number of lines: totals and rates, then complete blocks."""
    kept = [row for row in table.rows if not row.is_dropped]
    shown: list[TableRow] = []
    for _block, group in groupby(kept, lambda row: (row.section, row.domain_1)):
        block = list(group)
        if shown and n_lines(lines_of([*shown, *block]), width) > n_lines_available:
            break
        shown += block
    while len(shown) > 1 and n_lines(lines_of(shown), width) > n_lines_available:
        shown.pop()
    return shown


def n_lines(lines: Sequence[Line], width: int) -> int:
    """Number of lines of text of a view; long labels need two lines."""
    labels = [line.label for line in lines]
    return sum(len(label_lines(label, label_width(labels, width))) for label in labels)


class TableView:
    """Estimates of one table for one or several geographies.

    Args:
        rows: rows of the table for these geographies, from `tables/suppression.py`.
        places: number and name of each geography, in order.
        variance_rule: rule by which the run computed its intervals.
        shows_suppressed: whether the numbers of suppressed cells are shown.
    """

    def __init__(
        self,
        rows: pl.DataFrame,
        places: Sequence[tuple[int, str]],
        variance_rule: str = VARIANCE_RULE.default,
        *,
        shows_suppressed: bool = False,
    ) -> None:
        self.places, self._meaning = places, INTERVAL_MEANS[variance_rule]
        key = ("geography_number", "row", "column", "estimate_type_num")
        self._cells = {tuple(row[name] for name in key): row for row in rows.iter_rows(named=True)}
        missing = rows["missing"].drop_nulls().unique(maintain_order=True)
        self._reasons = [reason for reason in missing if reason != NEVER_ESTIMATED]
        self._shows_suppressed = shows_suppressed
        self._suppressions = rows["suppression_reason"].drop_nulls().unique(maintain_order=True).to_list()
        #: Cells that were shown, for the notes.
        self._seen: list[Cell] = []
        self._has_intervals = False

    def overview(self, rows: Sequence[TableRow], columns: Sequence[TableColumn], width: int) -> Iterator[Block]:
        """Some columns of one geography side by side, a line for each row."""
        lines = lines_of(rows)
        yield from blocks([line.label for line in lines], self._overview_groups(lines, columns, width), width)

    def columns_that_fit(self, rows: Sequence[TableRow], columns: Sequence[TableColumn], width: int) -> int:
        """Number of leading columns that fit in one block of the overview."""
        lines = lines_of(rows)
        return n_groups_that_fit(self._overview_groups(lines, columns, width), [line.label for line in lines], width)

    def _overview_groups(self, lines: Sequence[Line], columns: Sequence[TableColumn], width: int) -> list[list[Strip]]:
        place = self.places[0][0]
        labels = [line.label for line in lines]
        whole = [self._group(lines, column, place, heading(column), with_known=True) for column in columns]
        if n_groups_that_fit(whole, labels, width) >= min(2, len(columns)):
            return whole
        return [self._group(lines, column, place, heading(column), with_known=False) for column in columns]

    def side_by_side(self, rows: Sequence[TableRow], column: TableColumn, width: int) -> Iterator[Block]:
        """One column of several geographies side by side, a line for each row."""
        lines = lines_of(rows)
        groups = [self._group(lines, column, place, name, with_known=True) for place, name in self.places]
        yield from blocks([line.label for line in lines], groups, width)

    def by_column(self, row: TableRow, columns: Sequence[TableColumn], width: int) -> Iterator[Block]:
        """One row of several geographies side by side, a line for each column."""
        labels = [Label(heading(column)) for column in columns]
        groups = [
            [
                self._strip(name, [self._main(row, column, place) for column in columns], _with_interval),
                *self._shares([row], [(row, column, place) for column in columns]),
            ]
            for place, name in self.places
        ]
        yield from blocks(labels, groups, width)

    def details(self, rows: Sequence[TableRow], column: TableColumn, width: int) -> Iterator[Block]:
        """All statistics of one column in one geography, a line for each row."""
        lines, place = lines_of(rows), self.places[0][0]
        keys = [None if line.row is None else (line.row, column, place) for line in lines]
        yield from blocks([line.label for line in lines], self._detail_groups(keys), width)

    def details_by_column(self, row: TableRow, columns: Sequence[TableColumn], width: int) -> Iterator[Block]:
        """All statistics of one row in one geography, a line for each column."""
        place = self.places[0][0]
        labels = [Label(heading(column)) for column in columns]
        yield from blocks(labels, self._detail_groups([(row, column, place) for column in columns]), width)

    def details_by_place(self, row: TableRow, column: TableColumn, width: int) -> Iterator[Block]:
        """All statistics of one cell, a line for each geography."""
        labels = [Label(name) for _number, name in self.places]
        keys = [(row, column, place) for place, _name in self.places]
        yield from blocks(labels, self._detail_groups(keys), width)

    def value(self, place: int, row: int, column: int, kind: int) -> float | None:
        """An estimate, or None if there is none."""
        cell = self._cells.get((place, row, column, kind))
        return None if cell is None or self._is_hidden(cell) else cell["estimate"]

    def reset_notes(self) -> None:
        """Forget the cells shown so far, so that notes are about later cells only."""
        self._seen.clear()
        self._has_intervals = False

    def notes(self) -> Iterator[str]:
        """Notes that explain the marks of the cells shown."""
        if self._has_intervals:
            yield self._meaning
        if len(self.places) > 1:
            yield OWN_WEIGHTS
        with_number = [cell for cell in self._seen if not self._is_hidden(cell)]
        codes = {code for cell in with_number for code in warning_codes(cell["caution"])}
        for code, rule in cautions().items():
            if code in codes:
                yield f"{rule.mark}  caution: {rule.words}"
        if any(cell["is_blank"] for cell in self._seen):
            yield f"–  {NEVER_ESTIMATED}"
        suppressed = {cell["suppression_reason"] for cell in self._seen}
        for number, reason in enumerate(self._suppressions, start=1):
            if reason in suppressed:
                yield f"{SUPPRESSED}{_mark(number)}  suppressed: {reason}"
        if len(with_number) < len(self._seen):
            yield "--show-suppressed shows the numbers of suppressed cells"
        shown = {cell["missing"] for cell in self._seen}
        for number, reason in enumerate(self._reasons, start=1):
            if reason in shown:
                yield f"n/a{_mark(number)}  {reason}"
        if any(cell["is_only_inferred"] for cell in with_number):
            yield f"{_INFERRED}, or without interval: {MONTHS_INFERRED}"
        elif any((cell["estimate"] or 0) > 0 and cell["estimate_standard_error"] == 0 for cell in with_number):
            yield f"{_NOT_SAMPLED}, or without interval: {NOTHING_SAMPLED}."

    def _group(
        self, lines: Sequence[Line], column: TableColumn, place: int, name: str, *, with_known: bool
    ) -> list[Strip]:
        keys = [None if line.row is None else (line.row, column, place) for line in lines]
        rows = [line.row for line in lines if line.row is not None]
        strips = [self._strip(name, [None if key is None else self._main(*key) for key in keys], _with_interval)]
        return strips + self._shares(rows, keys, with_known=with_known)

    def _shares(
        self,
        rows: Sequence[TableRow],
        keys: Sequence[tuple[TableRow, TableColumn, int] | None],
        *,
        with_known: bool = True,
    ) -> list[Strip]:
        """Columns of percentages, percentages of known, and rates, for rows that have them in addition to a count."""
        strips: list[Strip] = []
        if any("percentage" in row.estimates for row in rows):
            shares = self._typed(keys, _PERCENTAGE)
            strips.append(self._strip("%", shares, _estimate))
            if with_known and _has_known(shares):
                strips.append(self._strip("% of known", shares, _of_known))
        if any({"count", "rate"} <= set(row.estimates) for row in rows):
            strips.append(self._strip("rate", self._typed(keys, _RATE), _estimate))
        return strips

    def _detail_groups(self, keys: Sequence[tuple[TableRow, TableColumn, int] | None]) -> list[list[Strip]]:
        main = [None if key is None else self._main(*key) for key in keys]
        rows = [key[0] for key in keys if key is not None]
        groups = [[self._strip("estimate", main, _estimate), self._strip("95 % interval", main, _interval)]]
        others = []
        if any("percentage" in row.estimates for row in rows):
            shares = self._typed(keys, _PERCENTAGE)
            groups.append([self._strip("%", shares, _estimate)])
            if _has_known(shares):
                groups[-1].append(self._strip("% of known", shares, _of_known))
            others.append(self._strip("95 % interval of %", shares, _interval))
        if any({"count", "rate"} <= set(row.estimates) for row in rows):
            rates = self._typed(keys, _RATE)
            groups.append([self._strip("rate", rates, _estimate)])
            others.append(self._strip("95 % interval of rate", rates, _interval))
        others += [self._strip("rel. SE", main, _relative_error), self._strip("agencies", main, _agencies)]
        return [*groups, *([strip] for strip in others)]

    def _strip(self, name: str, cells: Sequence[Cell | None], text: Callable[[Cell], str]) -> Strip:
        self._seen += [cell for cell in cells if cell is not None]
        texts = ["" if cell is None else self._missing(cell) or text(cell) for cell in cells]
        self._has_intervals |= any("–" in shown.strip("–") for shown in texts)
        # Only estimates have marks, not the other statistics.
        has_marks = text in (_estimate, _with_interval)
        marks = [self._marks(cell) if has_marks and cell is not None else "" for cell in cells]
        return Strip(name, texts, marks)

    def _main(self, row: TableRow, column: TableColumn, place: int) -> Cell | None:
        """The count, or the rate if the row has no count."""
        kind = _COUNT if "count" in row.estimates else _RATE
        return self._cells.get((place, row.row, column.position, kind))

    def _typed(self, keys: Sequence[tuple[TableRow, TableColumn, int] | None], kind: int) -> list[Cell | None]:
        """The cells of a type; without rates of rows that have no count, which are already in the first column."""
        return [
            None
            if key is None or (kind == _RATE and "count" not in key[0].estimates)
            else self._cells.get((key[2], key[0].row, key[1].position, kind))
            for key in keys
        ]

    def _missing(self, cell: Cell) -> str:
        if cell["is_blank"]:
            return "–"
        if self._is_hidden(cell):
            return self._suppression(cell)
        return f"n/a{_mark(self._reasons.index(cell['missing']) + 1)}" if cell["missing"] else ""

    def _is_hidden(self, cell: Cell) -> bool:
        """Whether the cell is suppressed and its number is not shown."""
        return cell["suppression_reason"] is not None and not self._shows_suppressed

    def _suppression(self, cell: Cell) -> str:
        return f"{SUPPRESSED}{_mark(self._suppressions.index(cell['suppression_reason']) + 1)}"

    def _marks(self, cell: Cell) -> str:
        """The letters of the cautions of an estimate, and the mark of a suppressed one whose number is shown."""
        if self._is_hidden(cell):
            return ""
        letters = "".join(cautions()[code].mark or "" for code in warning_codes(cell["caution"]))
        if cell["suppression_reason"] is not None:
            letters += self._suppression(cell)
        return f" {letters}" if letters else ""


def _has_known(cells: Sequence[Cell | None]) -> bool:
    return any(cell is not None and cell["estimate_known"] is not None for cell in cells)


def _mark(number: int) -> str:
    return str(number).translate(_SUPERSCRIPTS)


def _decimals(value: float, kind: int) -> int:
    """Number of decimals: 0 for counts (1 if small), 1 for percentages, 1 or 2 for rates."""
    if kind == _COUNT:
        return 0 if value >= 10 or value == round(value) else 1
    return 1 if kind == _PERCENTAGE or value >= 10 or value == 0 else 2


def _estimate(cell: Cell) -> str:
    value = cell["estimate"]
    return f"{value:,.{_decimals(value, cell['estimate_type_num'])}f}"


def _of_known(cell: Cell) -> str:
    value = cell["estimate_known"]
    return "" if value is None else f"{value:,.1f}"


def _with_interval(cell: Cell) -> str:
    interval = _interval(cell)
    is_interval = interval not in ("", _INFERRED, _NOT_SAMPLED)
    return f"{_estimate(cell)} ({interval.replace(' – ', '–')})" if is_interval else _estimate(cell)


def _interval(cell: Cell) -> str:
    """The bounds. There is no interval if nothing was sampled, or if months are only inferred."""
    low, high = cell["estimate_lower_bound"], cell["estimate_upper_bound"]
    if cell["is_only_inferred"]:
        return _INFERRED if cell["estimate"] else ""
    if low is not None and low == high:
        return _NOT_SAMPLED if cell["estimate"] else ""
    if low is None and high is None:
        return "?" if cell["estimate"] else ""
    decimals = _decimals(cell["estimate"], cell["estimate_type_num"])
    return " – ".join("?" if end is None else f"{end:,.{decimals}f}" for end in (low, high))


def _relative_error(cell: Cell) -> str:
    relative = cell["relative_standard_error"]
    return f"{relative:.1%}" if relative else ""


def _agencies(cell: Cell) -> str:
    return "?" if cell["agency_counts"] is None else f"{cell['agency_counts']:,.0f}"
