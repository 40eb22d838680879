"""Counting: agency x cell, without weights."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.blocks import block_rows, own_rows
from nibrs_estimation.model.results import AGENCY_CELL_COUNT, BLOCK_CELL_COUNT
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.stages.indicators.attributes import carjackings
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.read import table_definition


def count_cells(
    incident: pl.LazyFrame,
    offense: pl.LazyFrame,
    victim: pl.LazyFrame,
    victim_offense: pl.LazyFrame,
    property: pl.LazyFrame,
    property_item: pl.LazyFrame,
    block_reference: pl.LazyFrame,
    removed_month: pl.LazyFrame,
    year: int,
) -> dict[str, pl.LazyFrame]:
    """Count the incidents of the data year in the total row of table 1a, per agency and column.

    An incident counts once in a column, however many of its offenses belong there (06 section 2.2). Incidents of
    replaced months, or before the start of NIBRS, are left out; those of months that others copy are counted by month,
    too, for the recipients.
    """
    table = table_definition("1a")
    flagged = carjackings(offense, victim, victim_offense, property, property_item)
    offenses = offense.select("incident_id", "offense_code").join(
        flagged.with_columns(is_carjacking=pl.lit(True)), on="incident_id", how="left"
    )
    # Keys are small: offense codes of the table times the columns that hold them.
    units = (
        offenses.join(_membership(table), on="offense_code")
        .filter(pl.col("where").is_null() | pl.col("is_carjacking").fill_null(False))
        .select("incident_id", "column")
        .unique()
    )
    rows = pl.LazyFrame(
        [(row.row, row.section) for row in table.rows if row.kind == "total"],
        schema={"row": pl.Int16, "section": pl.Int16},
        orient="row",
    )
    incidents = incident.filter(pl.col("data_year") == year).select(
        "state_abbr", "agency_id", "incident_id", "incident_date"
    )

    def counted(counting: pl.LazyFrame, dataset: Dataset, *by: str) -> pl.LazyFrame:
        return (
            counting.join(units, on="incident_id")
            .group_by("state_abbr", "agency_id", *by, "column")
            .agg(n=pl.len().cast(pl.Int64))
            .join(rows, how="cross")
            .with_columns(full_table=pl.lit(table.table))
            .select(dataset.schema.names())
        )

    own = own_rows(incidents, removed_month, "incident_date")
    blocks = block_rows(incidents, block_reference, "incident_date")
    return {
        AGENCY_CELL_COUNT.name: counted(own, AGENCY_CELL_COUNT),
        BLOCK_CELL_COUNT.name: counted(blocks, BLOCK_CELL_COUNT, "month"),
    }


def _membership(table: TableDefinition) -> pl.LazyFrame:
    """Which offense code puts a unit into which column."""
    return pl.LazyFrame(
        [(code, column.position, column.where) for column in table.columns for code in column.offenses],
        schema={"offense_code": pl.String, "column": pl.Int16, "where": pl.String},
        orient="row",
    )
