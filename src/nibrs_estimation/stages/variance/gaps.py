"""Cells that a run's input cannot tell: missing, not 0."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.results import CELL_GAP

#: Losses of the intake after which arrests of Group B are not those of an agency.
_NO_GROUP_B = ("no_agency", "no_group_b")
_ARRESTS = "arrestee_by_arrest_code"


def cell_gaps(tables: Mapping[str, TableDefinition], intake_loss: pl.LazyFrame) -> pl.DataFrame:
    """The cells of every table that are not known, with the reason.

    Args:
        tables: all tables.
        intake_loss: dataset of that name: what the source cannot tell.
    """
    lost = intake_loss.filter(pl.col("loss").is_in(_NO_GROUP_B)).select(pl.len()).collect().item() > 0
    group_b = {code for code in code_list("offense")["code"] if code.startswith("90")}
    rows = [
        (table.table, row.row, column.position, "the input does not tell the agencies of Group B arrests")
        for table in tables.values()
        if lost and table.unit == _ARRESTS
        for column in table.columns
        if not group_b.isdisjoint(column.offenses)
        for row in table.rows
    ]
    return pl.DataFrame(rows, schema=CELL_GAP.schema, orient="row")
