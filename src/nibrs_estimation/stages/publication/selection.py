"""What the report shows of the tables: totals of all columns, and parts of the rows of one column."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.tables.caution import caution_column
from nibrs_estimation.tables.definition import Estimate, TableColumn, TableDefinition
from nibrs_estimation.tables.published import TYPE_NUMBERS, subset_of, table_rows, words
from nibrs_estimation.tables.read import table_definition

#: How the columns of a table stand to each other.
KINDS = {
    "total": "Total",
    "offense": "Offenses",
    "sum": "Sums and parts of the lines above: do not add them to these",
}


def kind_of(column: TableColumn, table: TableDefinition) -> str:
    """Whether a column is the total of its table, an offense, or overlaps with other lines; a key of :data:`KINDS`."""
    if column.position == 1:
        return "total"
    offenses = set(column.offenses)
    is_wider = any(
        other.position not in (1, column.position) and offenses > set(other.offenses) and other.where is None
        for other in table.columns
    )
    return "sum" if is_wider or column.where is not None else "offense"


class Results:
    """Tables of some geographies, each made once.

    Args:
        cell_estimate, cell_gap, permutation_population: datasets of these names.
        places: rows of dataset ``coverage``: estimated geographies.
    """

    def __init__(
        self,
        cell_estimate: pl.LazyFrame,
        cell_gap: pl.LazyFrame,
        places: pl.DataFrame,
        permutation_population: pl.LazyFrame,
    ) -> None:
        self._coverage = places.select("population_coverage", geography="permutation_number")
        self._inputs = (cell_estimate, cell_gap, places, permutation_population)
        self._tables: dict[str, pl.DataFrame] = {}

    def _table(self, name: str) -> pl.DataFrame:
        if name not in self._tables:
            self._tables[name] = table_rows(table_definition(name), *self._inputs)
        return self._tables[name]

    def column(self, table: str, column: str, estimate: Estimate) -> pl.DataFrame:
        """Count or rate of the units of one column: a row for each geography, with ``column_label``."""
        found = next(other for other in table_definition(table).columns if other.name == column)
        number = TYPE_NUMBERS[estimate]
        # A table's first row is its total, the second the rate of that.
        row = {"count": 1, "rate": 2}[estimate]
        return (
            self._table(table)
            .filter(row=row, column=found.position, estimate_type_num=number)
            .with_columns(column_label=pl.lit(words(found.label)))
        )

    def totals(self, table: str) -> pl.DataFrame:
        """Count and rate of every column of a table whose first two rows are these, in order.

        Returns:
            ``label``, ``kind`` (a key of :data:`KINDS`), ``definition`` and ``is_proposed`` of the column,
            ``estimate``, ``low``, ``high``, ``rse``, ``agencies``, ``missing``, ``caution`` (codes), and
            ``rate``, ``rate_low``, ``rate_high``.
        """
        rows = self._table(table)
        definition = table_definition(table)
        about = pl.DataFrame(
            [
                (
                    column.position,
                    words(column.label),
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
        rates = rows.filter(row=2).select(
            "geography",
            "column",
            rate="estimate",
            rate_low="estimate_lower_bound",
            rate_high="estimate_upper_bound",
            rate_missing="missing",
        )
        return (
            rows.filter(row=1)
            .drop("population_coverage", strict=False)
            .join(self._coverage, on="geography", how="left", maintain_order="left")
            .with_columns(caution_column())
            .join(about, on="column", maintain_order="left")
            .join(rates, on=["geography", "column"], how="left", maintain_order="left")
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
                low="estimate_lower_bound",
                high="estimate_upper_bound",
                rse="relative_standard_error",
                agencies="agency_counts",
            )
        )

    def rows(self, table: str, column: str, asked: str, estimate: str) -> pl.DataFrame:
        """Rows of one column that have a label's first part in common.

        Args:
            table: its name.
            column: its name.
            asked: the first part of the label; after a colon what percentages are confined to, if they are.
            estimate: type of estimate.

        Returns:
            ``label``, ``estimate``, ``low``, ``high``, ``missing``, ``is_greyed`` in the order of the table.
        """
        domain, _, subset = asked.partition(": ")
        definition = table_definition(table)
        position = next(other.position for other in definition.columns if other.name == column)
        wanted = {
            row.row: words(row.domain_2 or row.domain_1)
            for row in definition.rows
            if row.domain_1 == domain and (subset_of(row) or "") == subset
        }
        return (
            self._table(table)
            .filter(
                pl.col("row").is_in(list(wanted)),
                pl.col("column") == position,
                pl.col("estimate_type_num") == next(n for name, n in TYPE_NUMBERS.items() if name == estimate),
            )
            .select(
                "estimate",
                "missing",
                "is_greyed",
                label=pl.col("row").replace_strict(wanted, return_dtype=pl.String),
                low="estimate_lower_bound",
                high="estimate_upper_bound",
            )
        )
