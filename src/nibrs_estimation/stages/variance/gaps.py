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


def cell_gaps(
    tables: Mapping[str, TableDefinition], intake_loss: pl.LazyFrame, agency_county: pl.LazyFrame
) -> pl.DataFrame:
    """The cells of every table that are not known, with the reason.

    Args:
        tables: all tables.
        intake_loss: dataset of that name: what the source cannot tell.
        agency_county: dataset of that name; empty where no counties are known.
    """
    lost = intake_loss.filter(pl.col("loss").is_in(_NO_GROUP_B)).select(pl.len()).collect().item() > 0
    no_counties = agency_county.select(pl.len()).collect().item() == 0
    rows = []
    for table in tables.values():
        for row in table.rows:
            for column in table.columns:
                if no_counties and row.variable == "msa":
                    reason = "the input does not tell the counties of agencies (dataset agency_county)"
                elif lost and table.unit == _ARRESTS and _has_group_b(column.offenses):
                    reason = "the input does not tell the agencies of Group B arrests"
                else:
                    continue
                rows.append((table.table, row.row, column.position, reason))
    return pl.DataFrame(rows, schema=CELL_GAP.schema, orient="row")


def _has_group_b(offenses: tuple[str, ...]) -> bool:
    return not _group_b().isdisjoint(offenses)


def _group_b() -> frozenset[str]:
    return frozenset(code for code in code_list("offense")["code"] if code.startswith("90"))
