"""A table of estimates as people read it in a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import polars as pl
from rich.table import Table

from nibrs_estimation.cli.console import plain
from nibrs_estimation.tables.definition import TableColumn, TableDefinition, TableRow
from nibrs_estimation.tables.published import NEVER_ESTIMATED, NOTHING_SAMPLED, TYPE_NUMBERS, Z_95, subset_of, words

_LABEL_WIDTH, _HEADING_WIDTH = 46, 13
#: What stands between two columns of text.
_GAP = 2
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_COUNT, _PERCENTAGE, _RATE = TYPE_NUMBERS.values()

Line = tuple[TableRow | None, str]
"""A row with its label, or a heading of several."""
Cell = Mapping[str, Any]


def short_title(table: TableDefinition) -> str:
    """The title without the name of the table that the reference begins it with."""
    return re.sub(r"^Table\S*?\s*-\s*", "", table.title)


def lines_of(table: TableDefinition) -> list[Line]:
    """The rows that are published with short labels, under what they have in common."""
    kept = [row for row in table.rows if not row.is_dropped]
    lines: list[Line] = []
    for (_section, domain, base), group in groupby(kept, lambda row: (row.section, row.domain_1, subset_of(row))):
        rows = list(group)
        if len(rows) == 1 or rows[0].domain_2 is None:
            lines += [(row, words(row.label)) for row in rows]
            continue
        lines.append((None, words(domain) + (f" (% of {base})" if base else "")))
        lines += [(row, f"  {words(row.domain_2 or domain)}") for row in rows]
    return lines


@dataclass(frozen=True)
class _Strip:
    """A column of text: its heading and what stands in each line."""

    heading: str
    texts: list[str]

    @property
    def width(self) -> int:
        return max(len(text) for text in (*self.texts, *self.heading.split(), self.heading[:_HEADING_WIDTH]))


class TableView:
    """Estimates of one table, geography and group of persons.

    Args:
        table: the definition.
        rows: the whole table of one geography, as `tables/published.py` makes it.
    """

    def __init__(self, table: TableDefinition, rows: pl.DataFrame) -> None:
        self._cells = {(row["row"], row["column"], row["estimate_type_num"]): row for row in rows.iter_rows(named=True)}
        self._lines = lines_of(table)
        self._kinds = {kind for _row, _column, kind in self._cells}
        self._has_both = any({"count", "rate"} <= set(row.estimates) for row in table.rows)
        missing = rows["missing"].drop_nulls().unique(maintain_order=True)
        self._reasons = [reason for reason in missing if reason != NEVER_ESTIMATED]
        self._has_greyed = bool(rows["is_greyed"].any())
        is_exact = (pl.col("estimate") > 0) & (pl.col("estimate_standard_error") == 0)
        self._has_exact = not rows.filter(is_exact).is_empty()

    def overview(self, columns: Sequence[TableColumn], width: int) -> Iterator[Table]:
        """Estimate with margin, and percentage, of some columns: blocks that are no wider than ``width``."""
        groups = []
        for column in columns:
            strips = [self._strip(words(column.label), column, self._main, _with_margin)]
            if _PERCENTAGE in self._kinds:
                strips.append(self._strip("%", column, self._of_type(_PERCENTAGE), _estimate))
            if self._has_both:
                strips.append(self._strip("rate", column, self._of_type(_RATE), _estimate))
            groups.append(strips)
        return self._blocks(groups, width)

    def details(self, column: TableColumn, width: int) -> Iterator[Table]:
        """All that is told of one column: intervals, relative standard errors, respondents with any."""
        groups = [
            [
                self._strip("estimate", column, self._main, _estimate),
                self._strip("95 % interval", column, self._main, _interval),
                self._strip("rel. SE", column, self._main, _relative_error),
            ]
        ]
        others = [(_PERCENTAGE, "%")] if _PERCENTAGE in self._kinds else []
        others += [(_RATE, "rate")] if self._has_both else []
        for kind, heading in others:
            cell = self._of_type(kind)
            groups.append(
                [self._strip(heading, column, cell, _estimate), self._strip("95 % interval", column, cell, _interval)]
            )
        return self._blocks([*groups, [self._strip("agencies", column, self._main, _agencies)]], width)

    def notes(self) -> Iterator[str]:
        """What the marks mean."""
        if self._has_greyed:
            yield f"–  {NEVER_ESTIMATED}"
        for number, reason in enumerate(self._reasons, start=1):
            yield f"n/a{_mark(number)}  {reason}"
        if self._has_exact:
            yield f"An estimate without margin: {NOTHING_SAMPLED}."

    def _blocks(self, groups: Sequence[list[_Strip]], width: int) -> Iterator[Table]:
        """Columns of text side by side, those of a group together, in as many tables as the width asks for."""
        room = width - min(_LABEL_WIDTH, max(len(label) for _row, label in self._lines)) - _GAP
        block: list[_Strip] = []
        for group in groups:
            if block and sum(strip.width + _GAP for strip in (*block, *group)) > room:
                yield self._shown(block)
                block = []
            block += group
        yield self._shown(block)

    def _shown(self, strips: Sequence[_Strip]) -> Table:
        shown = Table(box=None, padding=(0, _GAP, 0, 0), header_style="bold", pad_edge=False)
        shown.add_column("", max_width=_LABEL_WIDTH)
        for strip in strips:
            shown.add_column(plain(strip.heading), justify="right", width=strip.width, vertical="top")
        for place, (row, label) in enumerate(self._lines):
            texts = [strip.texts[place] for strip in strips]
            shown.add_row(plain(label), *texts, style="bold" if row is None else "")
        return shown

    def _strip(
        self,
        heading: str,
        column: TableColumn,
        cell: Callable[[TableRow, TableColumn], Cell | None],
        text: Callable[[Cell], str],
    ) -> _Strip:
        cells = [None if row is None else cell(row, column) for row, _label in self._lines]
        return _Strip(heading, ["" if found is None else self._mark_missing(found) or text(found) for found in cells])

    def _main(self, row: TableRow, column: TableColumn) -> Cell | None:
        """The count, or the rate of rows that have no count."""
        kind = _COUNT if "count" in row.estimates else _RATE
        return self._cells.get((row.row, column.position, kind))

    def _of_type(self, kind: int) -> Callable[[TableRow, TableColumn], Cell | None]:
        def find(row: TableRow, column: TableColumn) -> Cell | None:
            is_main = kind == _RATE and "count" not in row.estimates
            return None if is_main else self._cells.get((row.row, column.position, kind))

        return find

    def _mark_missing(self, cell: Cell) -> str:
        if cell["is_greyed"]:
            return "–"
        return f"n/a{_mark(self._reasons.index(cell['missing']) + 1)}" if cell["missing"] else ""


def _mark(number: int) -> str:
    return str(number).translate(_SUPERSCRIPTS)


def _decimals(value: float, kind: int) -> int:
    """Counts are whole but where they are small; percentages have one decimal, rates one or two."""
    if kind == _COUNT:
        return 0 if value >= 10 or value == round(value) else 1
    return 1 if kind == _PERCENTAGE or value >= 10 or value == 0 else 2


def _estimate(cell: Cell) -> str:
    value = cell["estimate"]
    return f"{value:,.{_decimals(value, cell['estimate_type_num'])}f}"


def _with_margin(cell: Cell) -> str:
    error = cell["estimate_standard_error"]
    if error is None:
        return f"{_estimate(cell)} ±?"
    decimals = _decimals(cell["estimate"], cell["estimate_type_num"])
    return f"{_estimate(cell)} ±{Z_95 * error:,.{decimals}f}" if error > 0 else _estimate(cell)


def _interval(cell: Cell) -> str:
    low, high = cell["estimate_lower_bound"], cell["estimate_upper_bound"]
    decimals = _decimals(cell["estimate"], cell["estimate_type_num"])
    return "?" if low is None else f"{low:,.{decimals}f} – {high:,.{decimals}f}"


def _relative_error(cell: Cell) -> str:
    relative = cell["relative_standard_error"]
    return "" if relative is None else f"{relative:.1%}"


def _agencies(cell: Cell) -> str:
    return f"{cell['agency_counts']:,.0f}"
