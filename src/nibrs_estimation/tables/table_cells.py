"""All cells of a table by type of estimate: from what each is computed, and why it may have no number."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.tables.definition import Estimate, TableDefinition
from nibrs_estimation.tables.series import Series

TYPE_NUMBERS: dict[Estimate, int] = {"count": 1, "percentage": 2, "rate": 3}
COUNT, PERCENTAGE, RATE = TYPE_NUMBERS.values()


def table_cells(table: TableDefinition, gaps: pl.DataFrame, series: Series | None) -> pl.DataFrame:
    """All cells of a table by type of estimate, with stored row, population, and whether they are blank or unknown."""
    types = [
        {
            "row": row.row,
            "count_row": row.of if row.of is not None else row.row,
            "estimate_type_num": TYPE_NUMBERS[estimate],
            "section": row.section,
            "estimate_domain_1": row.domain_1,
            "estimate_domain_2": row.domain_2,
            "detail_percentage": row.percentage_detail if estimate == "percentage" else None,
            "detail_rate": row.rate_detail if estimate == "rate" else None,
            "denominator": row.row if estimate == "percentage" else None,
            "population_key": _population_key(row.population, series) if estimate == "rate" else None,
        }
        for row in table.rows
        for estimate in row.estimates
    ]
    schema = {
        "row": pl.Int16, "count_row": pl.Int16, "estimate_type_num": pl.Int8, "section": pl.Int16,
        "estimate_domain_1": pl.String, "estimate_domain_2": pl.String, "detail_percentage": pl.String,
        "detail_rate": pl.String, "denominator": pl.Int16, "population_key": pl.String,
    }  # fmt: skip
    columns = pl.DataFrame(
        {
            "column": [column.position for column in table.columns],
            "indicator_name": [column.label for column in table.columns],
        },
        schema_overrides={"column": pl.Int16},
    )
    cell = ["row", "column"]
    blank = pl.DataFrame(sorted(table.blank), schema=dict.fromkeys(cell, pl.Int16), orient="row")
    return (
        pl.DataFrame(types, schema=schema)
        .join(columns, how="cross")
        .join(blank.with_columns(is_blank=pl.lit(True)), on=cell, how="left")
        .with_columns(pl.col("is_blank").fill_null(False) | pl.col("row").is_in(_blank_rows(table, series)))
        .join(_gaps(table, gaps), on=[*cell, "estimate_type_num"], how="left")
        .with_columns(gap=pl.when(~pl.col("is_blank")).then("gap"))
    )


def gap_of_geography() -> pl.Expr:
    """Column ``gap``, without gaps that concern only parts of states if the geography is whole."""
    return pl.when(~(pl.col("is_of_parts") & pl.col("is_whole_place"))).then("gap").alias("gap")


def _blank_rows(table: TableDefinition, series: Series | None) -> list[int]:
    dimensions = series.dimensions if series else frozenset()
    return sorted({row for dimension in dimensions for row in table.blank_by_series.get(dimension, ())})


def _population_key(key: str | None, series: Series | None) -> str | None:
    """The population key of a rate. For a series, all residents are replaced by the persons of the series.

    Officers are not replaced. The population of a row's group in that of a series is not known.
    """
    if series is None or key == "OFFICER":
        return key
    if key != "TOTAL":
        return None
    definition = (series.sex_code, ";".join(series.age_bins), ";".join(series.race_codes), series.ethnicity_code)
    groups = code_list("population_key").filter(~pl.col("code").is_in(["TOTAL", "OFFICER"]))
    parts = ("sex_code", "age_bins", "race_codes", "ethnicity_code")
    for code, *group in groups.select("code", pl.col(parts).fill_null("")).iter_rows():
        if tuple(group) == definition:
            return str(code)
    return None


def denominators(table: TableDefinition) -> pl.DataFrame:
    """Rows with percentages (``denominator``) and the rows of their denominators (``count_row``)."""
    pairs = [(row.row, other) for row in table.rows if "percentage" in row.estimates for other in row.denominator]
    return pl.DataFrame(pairs, schema={"denominator": pl.Int16, "count_row": pl.Int16}, orient="row")


def _gaps(table: TableDefinition, gaps: pl.DataFrame) -> pl.DataFrame:
    """Cells that are unknown, or computed from unknown cells: row, column and type, with reason (``gap``) and scope."""
    known = gaps.filter(pl.col("table_name") == table.table).select(
        "column", "is_of_parts", count_row="row", gap="reason"
    )
    of_rows = pl.DataFrame(
        [
            (row.row, TYPE_NUMBERS[estimate], row.of if row.of is not None else row.row)
            for row in table.rows
            for estimate in row.estimates
        ],
        schema={"row": pl.Int16, "estimate_type_num": pl.Int8, "count_row": pl.Int16},
        orient="row",
    )
    of_denominators = denominators(table).select(
        "count_row", row="denominator", estimate_type_num=pl.lit(PERCENTAGE, dtype=pl.Int8)
    )
    key = ["row", "column", "estimate_type_num"]
    return (
        pl.concat([of_rows, of_denominators.select(of_rows.columns)])
        .join(known, on="count_row")
        .select(*key, "is_of_parts", "gap")
        .sort("is_of_parts", maintain_order=True)
        .unique(key, keep="first", maintain_order=True)
    )
