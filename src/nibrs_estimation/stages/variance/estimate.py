"""Estimates of every cell in every geography, with their uncertainty (07 sections 6.2 to 6.6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.geographies import geography_members
from nibrs_estimation.model.results import ESTIMATES
from nibrs_estimation.model.weighting import CONTROLS
from nibrs_estimation.stages.variance.strata import variance_strata
from nibrs_estimation.stats.control_basis import calibration_residuals
from nibrs_estimation.stats.linearisation import variances_within
from nibrs_estimation.tables.definition import Estimate, TableDefinition, TableRow
from nibrs_estimation.tables.read import table_definition

RATE_BASE = 100_000
Z_95 = 1.96

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Totals:
    """Estimated totals; all arrays are (geographies, cells).

    Attributes:
        total: sum of weight times the agency's count in the geography.
        standard_error: of ``total``; NaN where a geography's only group has one respondent out of several.
        unweighted_total: sum of the respondents' counts.
        unit_count: respondents with a count above 0.
    """

    total: Floats
    standard_error: Floats
    unweighted_total: Floats
    unit_count: Floats


def estimate_cells(
    weighting_frame: pl.LazyFrame,
    agency_weight: pl.LazyFrame,
    weight_cell: pl.LazyFrame,
    calibration_variable: pl.LazyFrame,
    agency_cell_count: pl.LazyFrame,
    block_cell_count: pl.LazyFrame,
    block_reference: pl.LazyFrame,
    coverage: pl.LazyFrame,
    year: int,
) -> pl.LazyFrame:
    """Estimate counts and rates of table 1a for every geography that has a respondent.

    The agency is the sampling unit; it enters a geography with its weight before proration and with its count times
    the share of it that lies there. Linearised values are w (y - x B), x being the controls to which its weight group
    was calibrated (:func:`~nibrs_estimation.stats.control_basis.calibration_residuals`), or w y where it was not. A
    part of a geography, such as its cities, is a domain: the other agencies stay in the sample with a count of 0.
    """
    table = table_definition("1a")
    geographies = (
        coverage.filter((pl.col("responding_agencies") > 0) & ~pl.col("is_excluded"))
        .sort("permutation_number")
        .collect()
    )
    sample = _sample(geographies, weighting_frame, agency_weight, weight_cell.collect())
    geographies = geographies.join(sample, on="permutation_number", how="semi", maintain_order="left")
    counts = completed_counts(agency_cell_count, block_cell_count, block_reference)
    y = _counts(counts, sample, table)
    x = _controls(sample, calibration_variable.collect(), weighting_frame.collect())
    totals = _totals(y, x, sample, geographies)
    frames = [
        _row_estimates(table, row, estimate, totals, geographies, year)
        for row in table.rows
        if row.kind in ("total", "rate")
        for estimate in row.estimates
    ]
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


def _sample(
    geographies: pl.DataFrame, frame: pl.LazyFrame, agency_weight: pl.LazyFrame, weight_cell: pl.DataFrame
) -> pl.DataFrame:
    """The sampled units of each geography, by permutation_number, stratum, weight_group and agency_id.

    Every geography has the units of the place that its weight was made for, ``is_member`` telling which of them are
    its own.
    """
    key = ["weight_variable", "geography_code", "weight_group"]
    members = geography_members(geographies.lazy(), agency_weight, frame).select(
        "permutation_number", *key, "agency_id", is_member=pl.lit(True)
    )
    return (
        agency_weight.filter(pl.col("weight").is_not_null())
        .collect()
        .join(geographies.select("permutation_number", "is_model_used", *key[:2]), on=key[:2])
        .join(members, on=["permutation_number", *key, "agency_id"], how="left")
        .join(variance_strata(weight_cell), on=key)
        .join(weight_cell.select(*key, "rule"), on=key)
        .with_columns(pl.col("is_member").fill_null(False))
        .sort("permutation_number", "stratum", "weight_group", "agency_id")
    )


def _counts(counts: pl.LazyFrame, sample: pl.DataFrame, table: TableDefinition) -> Floats:
    """Units x columns of the table: counts of the whole agency, 0 of those that are no members."""
    units = sample["agency_id"].unique().sort()
    cells = (
        counts.filter((pl.col("full_table") == table.table) & (pl.col("row") == 1))
        .join(pl.LazyFrame({"agency_id": units}).with_row_index("unit"), on="agency_id")
        .collect()
    )
    by_agency = np.zeros((len(units), len(table.columns)))
    by_agency[cells["unit"].to_numpy(), cells["column"].to_numpy() - 1] = cells["n"].to_numpy()
    place = np.searchsorted(units.to_numpy(), sample["agency_id"].to_numpy())
    return np.asarray(by_agency[place] * sample["is_member"].to_numpy()[:, None])


def _controls(sample: pl.DataFrame, calibration_variable: pl.DataFrame, frame: pl.DataFrame) -> Floats:
    """Units x controls: what the unit's group was calibrated to, 0 elsewhere and where no model is used.

    Respondents who have nearly all crime of their group stand for themselves: their weight of 1 meets the group's total
    within a hundredth, so the total is taken for known.
    """
    names = [*CONTROLS, "aggrob"]
    x = np.zeros((sample.height, len(names)))
    key = ["weight_variable", "geography_code", "weight_group", "agency_id"]
    values = (
        sample.with_row_index("unit")
        .filter("is_model_used")
        .select("unit", *key)
        .join(calibration_variable, on=key)
        .with_columns(place=pl.col("control").replace_strict(names, range(len(names)), return_dtype=pl.Int64))
    )
    x[values["unit"].to_numpy(), values["place"].to_numpy()] = values["value"].to_numpy()
    total = sample.join(frame.select("agency_id", "n_total"), on="agency_id", how="left", maintain_order="left")
    alone = (total["rule"] == "full_coverage").to_numpy()
    x[alone, 0] = (total["n_total"] * total["population_share"]).to_numpy()[alone]
    return x


def _totals(y: Floats, x: Floats, sample: pl.DataFrame, geographies: pl.DataFrame) -> Totals:
    weight, share = sample["weight"].to_numpy(), sample["population_share"].to_numpy()
    in_geography = y * share[:, None]
    group = _numbered(sample, "permutation_number", "stratum", "weight_group")
    u = weight[:, None] * calibration_residuals(in_geography, x, group)
    stratum = _numbered(sample, "permutation_number", "stratum")
    first = np.flatnonzero(np.diff(stratum, prepend=-1))
    variances = variances_within(u, stratum, sample["stratum_agencies"].to_numpy()[first])
    of_stratum = np.searchsorted(
        geographies["permutation_number"].to_numpy(), sample["permutation_number"].to_numpy()[first]
    )
    of_unit = of_stratum[stratum]
    G = geographies.height
    return Totals(
        total=_sums(weight[:, None] * in_geography, of_unit, G),
        standard_error=np.sqrt(_sums(variances, of_stratum, G)),
        unweighted_total=_sums(y, of_unit, G),
        unit_count=_sums((y > 0).astype(np.float64), of_unit, G),
    )


def _numbered(sample: pl.DataFrame, *key: str) -> NDArray[np.int64]:
    """Numbers from 0 for the values of a key by which the rows are sorted."""
    return sample.select(pl.struct(key).rle_id().cast(pl.Int64)).to_series().to_numpy()


def _sums(values: Floats, place: NDArray[np.int64], number: int) -> Floats:
    return np.column_stack([np.bincount(place, column, minlength=number) for column in values.T])


def _row_estimates(
    table: TableDefinition, row: TableRow, kind: Estimate, totals: Totals, geographies: pl.DataFrame, year: int
) -> pl.DataFrame:
    """One kind of estimate in one row of the table: geographies x columns, as long rows."""
    shape = totals.total.shape
    factor = np.ones((shape[0], 1))
    factor_unweighted = factor
    if kind == "rate":
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
        "population_estimate": populations if kind == "rate" else np.full(shape, np.nan),
    }
    names = [f"t_{table.table}_{row.section}_{row.row}_{position}" for position in range(1, shape[1] + 1)]
    per_geography = geographies.select("permutation_number", "estimate_geographic_location")
    index = pl.DataFrame({"der_variable_name": names, "indicator_name": [column.label for column in table.columns]})
    return (
        per_geography.join(index, how="cross", maintain_order="left_right")
        .with_columns(pl.Series(name, values.ravel()).fill_nan(None) for name, values in numbers.items())
        .with_columns(
            time_series_start_year=pl.lit(year),
            rate_specific_domain=pl.lit(False),
            estimate_type=pl.lit(kind),
            estimate_type_num=pl.lit({"count": 1, "rate": 3}[kind]),
            estimate_type_detail_rate=pl.lit(row.rate_detail, dtype=pl.String),
            estimate_domain_1=pl.lit(row.domain_1),
            estimate_domain_2=pl.lit(row.domain_2, dtype=pl.String),
        )
    )


def _per_population(population: pl.Series) -> NDArray[np.float64]:
    """Factor that turns counts into rates, as a column; missing where nobody lives."""
    persons = population.to_numpy().astype(np.float64)
    factor = np.full(persons.shape, np.nan)
    np.divide(RATE_BASE, persons, out=factor, where=persons > 0)
    return factor[:, None]
