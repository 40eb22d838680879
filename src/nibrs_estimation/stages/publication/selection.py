"""The rows of tables that the report shows: totals of all columns, and blocks of rows of one column."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.tables.definition import Estimate, TableColumn, TableDefinition
from nibrs_estimation.tables.labels import plain_label
from nibrs_estimation.tables.read import RETURN_A, RETURN_A_REPORTED, table_definition
from nibrs_estimation.tables.suppression import suppressed_rows
from nibrs_estimation.tables.table_cells import TYPE_NUMBERS
from nibrs_estimation.tables.table_rows import table_rows

#: Number of the geography that is the whole run.
NATION = 1
#: Kinds of columns of a table -> their headings.
KINDS = {
    "total": "Total",
    "offense": "Offenses",
    "sum": "Sums and parts of the lines above: do not add them to these",
}


def kind_of(column: TableColumn, table: TableDefinition) -> str:
    """Kind of a column, a key of :data:`KINDS`: total of the table, an offense, or a sum that overlaps with others."""
    if column.position == 1 and table.unit not in (RETURN_A, RETURN_A_REPORTED):
        return "total"
    offenses = set(column.offenses)
    is_wider = any(
        other.position not in (1, column.position) and offenses > set(other.offenses) and other.where is None
        for other in table.columns
    )
    return "sum" if is_wider or column.where is not None else "offense"


class Results:
    """Tables of some geographies, each computed once.

    Args:
        cell_estimate, cell_gap, geography_population, geography_quality: datasets of these names.
        places: rows of dataset ``coverage``: estimated geographies.
        variance_rule, small_count: parameters of these names.
    """

    def __init__(
        self,
        cell_estimate: pl.LazyFrame,
        cell_gap: pl.LazyFrame,
        places: pl.DataFrame,
        geography_population: pl.LazyFrame,
        geography_quality: pl.LazyFrame,
        variance_rule: str,
        small_count: str,
    ) -> None:
        self._inputs = (cell_estimate, cell_gap, places, geography_population)
        self._places, self._quality, self._small_count = places, geography_quality, small_count
        self._variance_rule = variance_rule
        self._tables: dict[str, pl.DataFrame] = {}

    def _table(self, name: str) -> pl.DataFrame:
        if name not in self._tables:
            table = table_definition(name)
            rows = table_rows(table, *self._inputs, variance_rule=self._variance_rule)
            self._tables[name] = suppressed_rows(rows, table, self._places, self._quality, self._small_count)
        return self._tables[name]

    def column(self, table: str, column: str, estimate: Estimate) -> pl.DataFrame:
        """Count or rate of the units of one column: a row for each geography, with ``column_label`` and ``caution``."""
        definition = table_definition(table)
        found = definition.column(column)
        number = TYPE_NUMBERS[estimate]
        row = _total_row(definition) if estimate == "count" else _rate_row(definition)
        rows = self._table(table).filter(row=row, column=found.position, estimate_type_num=number)
        return rows.with_columns(column_label=pl.lit(plain_label(found.label)))

    def totals(self, table: str) -> pl.DataFrame:
        """Count and rate of every column of a table, in order.

        Returns:
            ``label``, ``kind`` (a key of :data:`KINDS`), ``definition`` and ``is_proposed`` of the column,
            ``estimate``, ``low``, ``high``, ``rse``, ``agencies``, ``missing``, ``caution`` (codes),
            ``is_only_inferred`` (no interval, because nothing is missing but inferred months), ``suppression_reason``,
            and ``rate``, ``rate_low``, ``rate_high``.
        """
        rows = self._table(table)
        definition = table_definition(table)
        about = pl.DataFrame(
            [
                (
                    column.position,
                    plain_label(column.label),
                    kind_of(column, definition),
                    column.definition,
                    column.is_proposed,
                )
                for column in definition.columns
            ],
            schema={
                "column": pl.Int16, "label": pl.String, "kind": pl.String, "definition": pl.String,
                "is_proposed": pl.Boolean,
            },
            orient="row",
        )  # fmt: skip
        rates = rows.filter(row=_rate_row(definition)).select(
            "geography_number",
            "column",
            rate="estimate",
            rate_low="estimate_lower_bound",
            rate_high="estimate_upper_bound",
            rate_missing="missing",
        )
        return (
            rows.filter(row=_total_row(definition))
            .join(about, on="column", maintain_order="left")
            .join(rates, on=["geography_number", "column"], how="left", maintain_order="left")
            .select(
                "estimate",
                pl.coalesce("missing", "rate_missing"),
                "rate",
                "rate_low",
                "rate_high",
                "label",
                "kind",
                "definition",
                "is_proposed",
                "caution",
                "is_only_inferred",
                "suppression_reason",
                low="estimate_lower_bound",
                high="estimate_upper_bound",
                rse="relative_standard_error",
                agencies="agency_counts",
            )
        )

    def rows(self, table: str, column: str, block: str, estimate: Estimate) -> pl.DataFrame:
        """Rows of one column that belong to a block.

        Args:
            table: name of the table.
            column: name of the column.
            block: identifier of the block in the definition of the table.
            estimate: type of estimate.

        Returns:
            ``label``, ``estimate``, ``low``, ``high``, ``missing``, ``is_blank`` and ``suppression_reason``, in order.

        Raises:
            PipelineError: the table has no such column or block.
        """
        definition = table_definition(table)
        position = definition.column(column).position
        wanted = {row.row: plain_label(row.domain_2 or row.domain_1) for row in definition.block(block)}
        return (
            self._table(table)
            .filter(
                pl.col("row").is_in(list(wanted)),
                pl.col("column") == position,
                pl.col("estimate_type_num") == TYPE_NUMBERS[estimate],
            )
            .select(
                "estimate",
                "missing",
                "is_blank",
                "suppression_reason",
                label=pl.col("row").replace_strict(wanted, return_dtype=pl.String),
                low="estimate_lower_bound",
                high="estimate_upper_bound",
            )
        )


def _total_row(table: TableDefinition) -> int:
    """The row of all units."""
    return next(row.row for row in table.rows if row.kind == "total")


def _rate_row(table: TableDefinition) -> int:
    """The row of the rate of all units."""
    return next(row.row for row in table.rows if row.kind == "rate" and row.of == _total_row(table))
