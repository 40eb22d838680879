"""What the report shows of the tables: totals of all columns, and parts of the rows of one column."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.tables.definition import Estimate
from nibrs_estimation.tables.published import TYPE_NUMBERS, subset_of, table_rows, words
from nibrs_estimation.tables.read import table_definition


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
            ``label``, ``estimate``, ``low``, ``high``, ``rse``, ``agencies``, ``missing``, and ``rate``, ``rate_low``,
            ``rate_high``.
        """
        rows = self._table(table)
        labels = {column.position: words(column.label) for column in table_definition(table).columns}
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
            .join(rates, on=["geography", "column"], how="left", maintain_order="left")
            .select(
                "estimate",
                pl.coalesce("missing", "rate_missing"),
                "rate",
                "rate_low",
                "rate_high",
                label=pl.col("column").replace_strict(labels, return_dtype=pl.String),
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
