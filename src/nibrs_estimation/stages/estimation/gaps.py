"""Cells that cannot be computed from the input of a run; they are missing, not 0."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.estimates import CELL_GAP
from nibrs_estimation.tables.definition import TableDefinition

_ARRESTS = "arrestee_by_arrest_code"
#: Reasons: the source has no Group B arrests, or does not give their agencies.
_NONE = "the input holds no Group B arrests"
_OF_NO_AGENCY = "Group B arrests name no agency: nation, regions and states as a whole alone have them"


def cell_gaps(tables: Mapping[str, TableDefinition], intake_loss: pl.LazyFrame) -> pl.DataFrame:
    """The cells of each table that cannot be computed, with the reason.

    Args:
        tables: all tables.
        intake_loss: dataset of that name: data that the source does not give.
    """
    losses = intake_loss.filter(pl.col("loss").is_in(["no_agency", "no_group_b"])).select("loss", "n").collect()
    if losses.is_empty():
        return CELL_GAP.empty().collect()
    # If a state has no Group B arrest at all, it has not reported them.
    is_of_parts = bool((losses["loss"] == "no_agency").all() and (losses["n"].fill_null(1) > 0).all())
    group_b = {code for code in code_list("offense")["code"] if code.startswith("90")}
    rows = [
        (table.table, row.row, column.position, is_of_parts, _OF_NO_AGENCY if is_of_parts else _NONE)
        for table in tables.values()
        if table.unit == _ARRESTS
        for column in table.columns
        if not group_b.isdisjoint(column.offenses)
        for row in table.rows
    ]
    return pl.DataFrame(rows, schema=CELL_GAP.schema, orient="row")
