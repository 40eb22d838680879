"""Lookups of the keys of table `estimates`: what its cells count, and which geographies it has (handbook 12)."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from nibrs_estimation.model.estimates import CELL_GAP
from nibrs_estimation.model.estimates_database import POPULATION_LOOKUP, VARIABLE_LOOKUP
from nibrs_estimation.model.fields import GEOGRAPHY_LEVELS
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.published import is_rate_specific, variable_name
from nibrs_estimation.tables.table_cells import table_cells


def variable_lookup(tables: Iterable[TableDefinition], year: int) -> pl.DataFrame:
    """Rows of dataset ``der_variable_name_lookup``: every cell of some tables that can be estimated."""
    no_gaps = CELL_GAP.empty().collect()
    cells = pl.concat(
        table_cells(table, no_gaps, None)
        .filter(~pl.col("is_blank"))
        .with_columns(
            der_variable_name=variable_name(table),
            rate_specific_domain=is_rate_specific(table),
            full_table=pl.lit(table.table),
        )
        for table in tables
    )
    # Types of estimates of a cell differ only in whether their domain is specific.
    cells = cells.unique(["der_variable_name", "rate_specific_domain"], keep="first", maintain_order=True)
    return VARIABLE_LOOKUP.cast(cells.with_row_index("estimate_pk").with_columns(time_series_start_year=pl.lit(year)))


def population_lookup(places: pl.DataFrame, year: int) -> pl.DataFrame:
    """Rows of dataset ``population_lookup``: the geographies ``places``, rows of dataset ``coverage``, by number.

    Table `estimates` has no demographic series, so their columns are missing.
    """
    rows = places.sort("geography_number").with_row_index("population_pk")
    return POPULATION_LOOKUP.cast(
        rows.with_columns(
            time_series_start_year=pl.lit(year),
            permutation_number="geography_number",
            demographic_permutation=None,
            geographic_permutation="geography_number",
            demographic_description=None,
            geographic_description="estimate_geographic_location",
            analysis_weight_name=pl.col("geography_level").replace_strict(GEOGRAPHY_LEVELS),
            pop_cov="population_coverage",
            poptotal_orig_univ_elig_perm_agency_missing_over_10_percent="is_missing_over_10_percent",
            poptotal_orig_elig_perm_agency_missing_principal_city="is_missing_principal_city",
        )
    )
