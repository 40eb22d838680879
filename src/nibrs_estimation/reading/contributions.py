"""What one estimate is made of, agency by agency: for statisticians who compute it again in another program."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.model.benchmark import WEIGHTING_FRAME
from nibrs_estimation.model.estimates import CELL_ESTIMATE
from nibrs_estimation.model.weights import CONTROLS
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.reading.basis import basis_of
from nibrs_estimation.reading.runs import EstimatedRun
from nibrs_estimation.reading.selection import find_column, find_places, find_rows
from nibrs_estimation.stats.linearization.control_basis import control_basis
from nibrs_estimation.stats.prediction import part_of, plain, residuals_of
from nibrs_estimation.survey.basis import Basis
from nibrs_estimation.survey.comparison import Cell, ComparedTable
from nibrs_estimation.survey.filled import FilledVariance
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.labels import plain_label

Floats = NDArray[np.float64]
_CONTROLS = (*CONTROLS, "assault_and_robbery")
#: Of dataset ``weighting_frame``: who an agency is. It lists agencies, not the arrests that name none.
_WHO = ["agency_id", "ori", "state_abbr", "agency_type_name", "population", "benchmark_source"]


def contributions(
    run: EstimatedRun, table: TableDefinition, geography: str | None, row: str, column: str
) -> pl.DataFrame:
    """The agencies that an estimated count is made of, responding or not.

    Args:
        run: a run with the datasets that its estimates were computed from.
        table: definition of the table.
        geography: name of the geography; None for the nation, or the state of a run of one state.
        row: number or label of a row with a count.
        column: number or name of a column.

    Returns:
        A row for each agency of the place by whose weights the geography is estimated: ``agency_id``, ``ori``,
        ``state_abbr``, ``weight_group``, ``is_respondent``, ``is_in_geography``, ``share`` (of the agency in the
        place), ``count`` (completed, times share; 0 of nonrespondents), and what the rule of the run's variance uses:

        * prediction: ``benchmark`` (that explains the column, times share), ``ratio_weight``, ``factor`` (by which the
          count is added for nonrespondents; -1 of nonrespondents), ``dispersion`` (τ² of the group),
          ``size`` (x^γ; 0 where the benchmark is a donor's), ``donor_variance``, ``state_variance`` (σ²),
          ``filled_variance`` (what filled months add).
        * reference: ``weight``, ``stratum``, ``stratum_agencies`` (N), ``freedom_factor``, ``control_...`` (to which
          the group was calibrated, times share). Respondents only.

        And for all rows the published ``estimate``, ``standard_error`` and ``imputation_standard_error`` (its part
        that is of imputed items), with the names of the cell.

    Raises:
        UsageError: a name matches nothing or several things, the row has no count, the datasets are not there, or the
            run has totals by calibration weights with variances of predictions.
    """
    places = find_places(run, () if geography is None else (geography,))
    rows, of_column = find_rows(table, row), find_column(table, column)
    if places.height != 1 or len(rows) != 1 or "count" not in rows[0].estimates:
        raise UsageError(
            f"One count in one geography is taken apart, but {row!r} names {len(rows)} rows, or rows without a count, "
            f"and {places.height} geographies are named. Name one row that has a count, and one geography."
        )
    number, cell_row = int(places["geography_number"][0]), rows[0]
    basis = basis_of(run, None)
    cell = Cell(cell_row.row, of_column.position, number)
    if basis.predictions is None:
        found = _of_sample(basis, table, cell)
    elif run.choices["control_rule"] == "reference":
        raise UsageError(
            f"Run {run.run_id} has totals by calibration weights with variances of predictions: these are not taken "
            "apart. Run it with both rules of one kind."
        )
    else:
        found = _of_predictions(basis, table, cell)
    who = run.read(WEIGHTING_FRAME).select(_WHO).collect()
    named = found.join(who, on="agency_id", how="left", maintain_order="left")
    stored = (
        run.read(CELL_ESTIMATE, table.table)
        .filter(geography_number=number, row=cell.row, column=cell.column)
        .select("estimate", "standard_error", "imputation_standard_error")
        .collect()
    )
    published = stored.row(0, named=True) if stored.height else dict.fromkeys(stored.columns, 0.0)
    return named.select(*_WHO, pl.exclude(_WHO)).with_columns(
        table_name=pl.lit(table.table),
        geography_name=pl.lit(places["estimate_geographic_location"][0]),
        row_label=pl.lit(plain_label(cell_row.label)),
        column_label=pl.lit(plain_label(of_column.label)),
        **{name: pl.lit(value, dtype=pl.Float64) for name, value in published.items()},
        data_year=pl.lit(run.year),
        **{name: pl.lit(value) for name, value in run.identity.columns().items()},
    )


def _of_predictions(basis: Basis, table: TableDefinition, cell: Cell) -> pl.DataFrame:
    """Agencies of the place, by the prediction variance."""
    assert basis.predictions is not None
    side = ComparedTable(table, basis).side(cell)
    form, inside = side.form, side.form.of_domain(side.domain)
    residuals = residuals_of(form, plain(side.values))
    part = part_of(form, plain(side.values), residuals, inside)
    unit, units = part.unit, form.units
    responds = units.psu[unit] >= 0
    donor = units.donor_variance[unit]
    counts = np.where(responds, units.share[unit] * side.values[np.maximum(units.psu[unit], 0)], 0.0)
    # Each agency as a domain of its own.
    weights = basis.predictions.weights[[_domain(basis, cell)]].toarray().ravel()
    incidents = basis.counts.incidents
    filled = FilledVariance(sparse.csr_array(sparse.diags_array(weights)), incidents.completed, incidents.own).at(
        sparse.csc_array(side.values[:, None]),
        sparse.csc_array((side.values if side.own is None else side.own)[:, None]),
        np.arange(len(weights)),
        np.zeros(len(weights), dtype=np.int64),
    )
    # An agency that is several units of a place has what was filled once.
    first = np.isin(np.arange(len(unit)), np.unique(np.where(responds, units.psu[unit], -1), return_index=True)[1])
    return pl.DataFrame(
        {
            "agency_id": form.agency[unit],
            "weight_group": units.group[unit],
            "is_respondent": responds,
            "is_in_geography": np.isin(unit, inside),
            "share": units.share[unit],
            "count": counts,
            "benchmark": units.size[unit],
            "ratio_weight": np.where(responds, form.design.groups.calibration[units.group[unit]], np.nan),
            "factor": part.coefficient,
            "dispersion": residuals.tau[units.group[unit]],
            "size": np.where(donor > 0, 0.0, form.modeled[unit] ** form.settings.gamma),
            "donor_variance": donor,
            "state_variance": form.settings.state_variance,
            "filled_variance": np.where(responds & first, filled[np.maximum(units.psu[unit], 0)], 0.0),
        },
        schema_overrides={"agency_id": pl.Int32},
    ).with_columns(pl.col("ratio_weight").fill_nan(None))


def _of_sample(basis: Basis, table: TableDefinition, cell: Cell) -> pl.DataFrame:
    """Respondents of the place, by the reference's variance."""
    sample, members, domain = basis.design.sample, basis.design.members, _domain(basis, cell)
    inside = members.unit[members.domain == domain]
    of_place = sample.stratum_design[sample.stratum] == sample.stratum_design[sample.stratum[inside[0]]]
    unit = np.flatnonzero(of_place)
    counts = basis.counts.of_table(table).of().completed[:, [(cell.row - 1) * len(table.columns) + cell.column - 1]]
    values = np.where(np.isin(unit, inside), sample.share[unit] * counts.toarray().ravel()[sample.psu[unit]], 0.0)
    group = np.unique(np.stack([sample.stratum[unit], sample.group[unit]]), axis=1, return_inverse=True)[1].ravel()
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    found = control_basis(sample.controls[unit][order], starts)
    factor, rank = np.empty(len(unit)), np.empty(len(unit), dtype=np.int64)
    factor[order], rank[order] = found.factor[group[order]], found.rank[group[order]]
    controls = sample.controls[unit].copy()
    # A group with too few respondents for all of its controls keeps the first.
    controls[rank <= 1, 1:] = 0.0
    return pl.DataFrame(
        {
            "agency_id": basis.design.agencies.to_numpy()[sample.psu[unit]],
            "weight_group": sample.group[unit],
            "is_respondent": np.full(len(unit), fill_value=True),
            "is_in_geography": np.isin(unit, inside),
            "share": sample.share[unit],
            "count": values,
            "weight": sample.weight[unit],
            "stratum": sample.stratum[unit],
            "stratum_agencies": sample.stratum_population[sample.stratum[unit]],
            "freedom_factor": factor,
            **{f"control_{name}": controls[:, k] for k, name in enumerate(_CONTROLS)},
        },
        schema_overrides={"agency_id": pl.Int32},
    )


def _domain(basis: Basis, cell: Cell) -> int:
    return int(np.searchsorted(basis.design.geographies, cell.geography))
