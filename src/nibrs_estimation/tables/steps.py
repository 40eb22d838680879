"""The order in which a second estimator fills a table: totals, then blocks of rows as shares of a parent (handbook 15).

A block is adjacent rows of the same variable under the same conditions. Its parent is the row that is the denominator
of its percentages, if that is a single one, otherwise the total of the column.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from nibrs_estimation.tables.counting import counted_rows
from nibrs_estimation.tables.definition import TableDefinition, TableRow
from nibrs_estimation.tables.matrices.table_matrix import agency_rows

_TOTALS = ("total", "total_any_column", "total_same_group")


@dataclass(frozen=True)
class Step:
    """Rows that are filled together.

    Attributes:
        rows: numbers of the rows.
        parent: row of which they are shares; None for a total.
        is_of_agencies: the rows are totals of categories of agencies.
    """

    rows: tuple[int, ...]
    parent: int | None
    is_of_agencies: bool = False


def steps_of(table: TableDefinition) -> tuple[Step, ...]:
    """The steps of a column of the table, parents before their parts."""
    rows = counted_rows(table)
    totals = [row for row in rows if row.kind in _TOTALS and not row.where]
    if not totals:
        # Without a total every row is one.
        return tuple(Step((row.row,), None) for row in rows)
    top = totals[0].row
    of_agencies = agency_rows(table)
    rest = [row for row in rows if row not in totals and row.row not in of_agencies]
    blocks = []
    for _, adjacent in groupby(enumerate(rest), lambda pair: (pair[1].row - pair[0], _conditions(pair[1]))):
        of_block = [row for _, row in adjacent]
        denominator = of_block[0].denominator
        blocks.append(Step(tuple(row.row for row in of_block), denominator[0] if len(denominator) == 1 else top))
    found = [Step((row.row,), None) for row in totals]
    known = {row.row for row in totals}
    while blocks:
        ready = [step for step in blocks if step.parent in known] or list(blocks)
        for step in ready:
            # A parent that is no row of its own is the total.
            found.append(step if step.parent in known else Step(step.rows, top))
            known.update(step.rows)
            blocks.remove(step)
    if of_agencies:
        found.append(Step(tuple(of_agencies), top, is_of_agencies=True))
    return tuple(found)


def _conditions(row: TableRow) -> tuple[object, ...]:
    return row.section, row.kind, row.variable, row.where, row.denominator, row.join
