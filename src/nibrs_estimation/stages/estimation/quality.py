"""Quality of geographies: how many of their key cells are flagged, and what follows for publication (handbook 14)."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from nibrs_estimation.tables.read import table_definition
from nibrs_estimation.tables.suppression import KEY_ROWS, SUMMARY_KEY_ROWS, judged_geographies, key_cells_of
from nibrs_estimation.tables.table_rows import estimated_places, table_rows


def judge_geographies(
    cell_estimate: pl.LazyFrame,
    cell_gap: pl.LazyFrame,
    coverage: pl.LazyFrame,
    geography_population: pl.LazyFrame,
) -> pl.DataFrame:
    """Judge each geography by the flags of its key cells, so that a table can be published without the others."""
    return _judged(KEY_ROWS, cell_estimate, cell_gap, coverage, geography_population)


def judge_summary_geographies(
    cell_estimate: pl.LazyFrame,
    cell_gap: pl.LazyFrame,
    coverage: pl.LazyFrame,
    geography_population: pl.LazyFrame,
) -> pl.DataFrame:
    """Judge each geography by the flags of its summary estimates."""
    return _judged(SUMMARY_KEY_ROWS, cell_estimate, cell_gap, coverage, geography_population)


def _judged(
    key_rows: Mapping[str, tuple[int, ...]],
    cell_estimate: pl.LazyFrame,
    cell_gap: pl.LazyFrame,
    coverage: pl.LazyFrame,
    geography_population: pl.LazyFrame,
) -> pl.DataFrame:
    places = estimated_places(coverage)
    found = []
    for name, only_rows in key_rows.items():
        table = table_definition(name)
        rows = table_rows(table, cell_estimate, cell_gap, places, geography_population, only_rows=only_rows)
        found.append(key_cells_of(rows, table, places))
    return judged_geographies(pl.concat(found), places)
