"""Estimates of every cell in every geography, with their uncertainty (07 sections 6.2 to 6.6)."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.model.results import ESTIMATES
from nibrs_estimation.stats.linearisation import StratifiedTotals, stratified_totals
from nibrs_estimation.tables.definition import TableDefinition, TableRow, table_definition

RATE_BASE = 100_000
Z_95 = 1.96


def estimate_cells(
    agency_weight: pl.LazyFrame,
    agency_cell_count: pl.LazyFrame,
    block_cell_count: pl.LazyFrame,
    block_reference: pl.LazyFrame,
    coverage: pl.LazyFrame,
    year: int,
) -> pl.LazyFrame:
    """Estimate counts and rates of table 1a for every geography that has a respondent.

    With G (geographies x agencies), the weights w and Y (agencies x cells) all totals are G w Y at once; variances
    follow from weighted moments within strata, the agency being the PSU. A geography is a domain: agencies outside
    it stay in the sample with a count of 0.
    """
    table = table_definition("1a")
    weights = agency_weight.filter("is_respondent").sort("agency_id").collect()
    geographies = coverage.filter(pl.col("responding_agencies") > 0).sort("permutation_number").collect()
    strata = agency_weight.select("stratum", "stratum_agencies").unique().sort("stratum").collect()
    totals = stratified_totals(
        _counts(completed_counts(agency_cell_count, block_cell_count, block_reference), weights, table),
        weights["weight"].to_numpy(),
        np.searchsorted(strata["stratum"].to_numpy(), weights["stratum"].to_numpy()),
        strata["stratum_agencies"].to_numpy(),
        _membership(weights, geographies),
    )
    frames = [_row_estimates(table, row, totals, geographies, year) for row in table.rows]
    missing = {name: dtype for name, dtype in ESTIMATES.schema.items() if name not in frames[0].columns}
    return (
        pl.concat(frames)
        .with_columns(pl.lit(None, dtype=dtype).alias(name) for name, dtype in missing.items())
        .select(pl.col(name).cast(dtype) for name, dtype in ESTIMATES.schema.items())
        .lazy()
    )


def completed_counts(
    agency_cell_count: pl.LazyFrame, block_cell_count: pl.LazyFrame, block_reference: pl.LazyFrame
) -> pl.LazyFrame:
    """Y = Y_own + R Y_blocks: each agency's own counts and those of the months that it copies (03 section 7).

    Returns:
        The columns of dataset ``agency_cell_count`` without the state.
    """
    cell = ["full_table", "section", "row", "column"]
    copied = block_reference.select("agency_id", "month", "donor_agency_id").join(
        block_cell_count.select("month", *cell, "n", donor_agency_id="agency_id"), on=["donor_agency_id", "month"]
    )
    both = pl.concat([agency_cell_count.select("agency_id", *cell, "n"), copied.select("agency_id", *cell, "n")])
    return both.group_by("agency_id", *cell).agg(pl.col("n").sum())


def _counts(agency_cell_count: pl.LazyFrame, weights: pl.DataFrame, table: TableDefinition) -> sparse.csr_array:
    """Y: respondents in order of agency_id x columns of the table."""
    cells = (
        agency_cell_count.filter((pl.col("full_table") == table.table) & (pl.col("row") == 1))
        .join(weights.lazy().select("agency_id").with_row_index("unit"), on="agency_id")
        .sort("unit", "column")
        .select("unit", "column", "n")
        .collect()
    )
    shape = (weights.height, len(table.columns))
    position = (cells["unit"].to_numpy(), cells["column"].to_numpy() - 1)
    return sparse.csr_array((cells["n"].to_numpy().astype(np.float64), position), shape=shape)


def _membership(weights: pl.DataFrame, geographies: pl.DataFrame) -> sparse.csr_array:
    """G: geographies x respondents, 1 where the agency lies in the geography."""
    region = weights["region_code"].cast(pl.String)
    code = {"nation": pl.Series(["US"]).new_from_index(0, weights.height), "region": region}
    code["state"] = weights["state_abbr"]
    rows = [
        (code[level] == value).to_numpy()
        for level, value in geographies.select("geography_level", "geography_code").iter_rows()
    ]
    return sparse.csr_array(np.array(rows, dtype=np.float64))


def _row_estimates(
    table: TableDefinition, row: TableRow, totals: StratifiedTotals, geographies: pl.DataFrame, year: int
) -> pl.DataFrame:
    """One row of the table: geographies x columns, as long rows."""
    shape = totals.total.shape
    factor = np.ones((shape[0], 1))
    factor_unweighted = factor
    if row.estimate == "rate":
        factor = _per_population(geographies["population"])
        factor_unweighted = _per_population(geographies["population_responding"])
    estimate = totals.total * factor
    error = totals.standard_error * factor
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.where(totals.total > 0, totals.standard_error / totals.total, np.nan)
    populations = np.broadcast_to(geographies["population"].cast(pl.Float64).to_numpy()[:, None], shape)
    numbers = {
        "estimate": estimate,
        "estimate_unweighted": totals.unweighted_total * factor_unweighted,
        "estimate_standard_error": error,
        "estimate_upper_bound": estimate + Z_95 * error,
        "estimate_lower_bound": np.maximum(estimate - Z_95 * error, 0.0),
        "relative_standard_error": np.where(np.isnan(factor), np.nan, relative),
        "agency_counts": totals.unit_count,
        "population_estimate": populations if row.estimate == "rate" else np.full(shape, np.nan),
    }
    names = [f"t_{table.table}_{row.section}_{row.row}_{position}" for position in range(1, shape[1] + 1)]
    domain_1, _, domain_2 = row.label.partition(":")
    per_geography = geographies.select("permutation_number", "estimate_geographic_location")
    index = pl.DataFrame({"der_variable_name": names, "indicator_name": [column.label for column in table.columns]})
    return (
        per_geography.join(index, how="cross", maintain_order="left_right")
        .with_columns(pl.Series(name, values.ravel()).fill_nan(None) for name, values in numbers.items())
        .with_columns(
            time_series_start_year=pl.lit(year),
            rate_specific_domain=pl.lit(False),
            estimate_type=pl.lit(row.estimate),
            estimate_type_num=pl.lit({"count": 1, "rate": 3}[row.estimate]),
            estimate_type_detail_rate=pl.lit(table.rate_label if row.estimate == "rate" else None, dtype=pl.String),
            estimate_domain_1=pl.lit(domain_1.strip()),
            estimate_domain_2=pl.lit(domain_2.strip() or None, dtype=pl.String),
        )
    )


def _per_population(population: pl.Series) -> NDArray[np.float64]:
    """Factor that turns counts into rates, as a column; missing where nobody lives."""
    persons = population.to_numpy().astype(np.float64)
    factor = np.full(persons.shape, np.nan)
    np.divide(RATE_BASE, persons, out=factor, where=persons > 0)
    return factor[:, None]
