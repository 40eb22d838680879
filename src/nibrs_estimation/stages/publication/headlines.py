"""Headline counts and their changes since the run's predecessor, a run of an earlier year.

A run keeps what a later year needs for the variance of a change: the error of each agency, and its residual, by which
both years are correlated. So the predecessor's publication is enough, and its counts need not be read again. Source:
handbook 11.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from nibrs_estimation.model.headlines import COMPARED, HEADLINE, HEADLINE_ERROR, YEAR_CHANGE
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.table import read_table
from nibrs_estimation.stages.publication.selection import NATION, Results
from nibrs_estimation.stats.prediction import Pieces, YearSide, difference_of_year_sides, year_side
from nibrs_estimation.survey.basis import AgencyAttributes, Survey, estimation_basis
from nibrs_estimation.survey.comparison import Cell, ComparedTable, clear_words, compared
from nibrs_estimation.tables.matrices.profiles import CountedProfiles
from nibrs_estimation.tables.matrices.table_matrix import total_row
from nibrs_estimation.tables.read import table_definition
from nibrs_estimation.tables.table_rows import estimated_places
from nibrs_estimation.tables.variables import derived_variables
from nibrs_estimation.tables.version import definition_version

_REFERENCE = "variances by the reference's rule have no differences"
_KEY = ("table_name", "column")


def measure_headlines(
    cell_estimate: pl.LazyFrame,
    cell_gap: pl.LazyFrame,
    coverage: pl.LazyFrame,
    geography_population: pl.LazyFrame,
    geography_quality: pl.LazyFrame,
    unit_profile: pl.LazyFrame,
    profile_signature: pl.LazyFrame,
    profile_count: pl.LazyFrame,
    incident_profile: pl.LazyFrame,
    block_reference: pl.LazyFrame,
    weighting_frame: pl.LazyFrame,
    agency_weight: pl.LazyFrame,
    weight_cell: pl.LazyFrame,
    calibration_variable: pl.LazyFrame,
    agency: pl.LazyFrame,
    agency_county: pl.LazyFrame,
    year: int,
    control_rule: Literal["corrected", "reference"],
    variance_rule: Literal["prediction", "reference"],
    small_count: Literal["off", "3", "5", "10"],
) -> dict[str, pl.DataFrame]:
    """Keep the main counts with the error of each agency, so that a later year can be compared with them."""
    nation = coverage.filter(pl.col("geography_number") == NATION)
    places = estimated_places(nation)
    results = Results(
        cell_estimate, cell_gap, places, geography_population, geography_quality, variance_rule, small_count
    )
    sides: dict[tuple[str, str], YearSide] = {}
    is_bounded = False
    if variance_rule == "prediction" and places.height:
        survey = Survey(nation, weighting_frame, agency_weight, weight_cell, calibration_variable)
        counted = CountedProfiles(unit_profile, profile_signature, profile_count, incident_profile)
        attributes = AgencyAttributes(agency, agency_county, year)
        basis = estimation_basis(survey, counted, block_reference, attributes, control_rule, variance_rule)
        for name in dict.fromkeys(table for table, _ in COMPARED):
            table = ComparedTable(table_definition(name), basis)
            for column in (column for of, column in COMPARED if of == name):
                cell = Cell(total_row(table.table), table.table.column(column).position, NATION)
                sides[name, column] = year_side(table.side(cell))
                is_bounded = table.is_bounded(cell)
    states = coverage.filter(
        (pl.col("geography_level") == "state") & pl.col("agency_group").is_null() & (pl.col("eligible_agencies") > 0)
    )
    area = ",".join(states.select(pl.col("geography_code").sort()).collect().to_series())
    rows = [
        {"states": area, "has_interval": is_bounded, **_headline(results, *each, sides.get(each))}
        for each in COMPARED
        if places.height
    ]
    errors = [_errors(*each, side) for each, side in sides.items()]
    return {
        HEADLINE.name: pl.DataFrame(rows, schema=HEADLINE.schema),
        HEADLINE_ERROR.name: pl.concat([HEADLINE_ERROR.empty().collect(), *errors]),
    }


def _headline(results: Results, table: str, column: str, side: YearSide | None) -> dict[str, Any]:
    """The row of a count in dataset ``headline``."""
    definition = table_definition(table)
    published = results.column(table, column, "count").row(0, named=True)
    return {
        "table_name": table,
        "column": definition.column(column).position,
        "definition_version": definition_version(definition, derived_variables()),
        "estimate": published["estimate"],
        "standard_error": published["estimate_standard_error"],
        "prediction_variance": side.variance if side else None,
        "known_miss": side.known_miss if side else None,
        "missing": published["missing"],
        "suppression_reason": published["suppression_reason"],
    }


def _errors(table: str, column: str, side: YearSide) -> pl.DataFrame:
    """The rows of a count in dataset ``headline_error``."""

    def frame(pieces: Pieces, **values: np.ndarray[Any, np.dtype[np.float64]]) -> pl.DataFrame:
        return pl.DataFrame({"agency_id": pieces.agency, "piece": pieces.piece, **values})

    units = frame(side.units, error=side.error)
    respondents = frame(side.respondents, residual=side.residual, noise=side.noise)
    position = table_definition(table).column(column).position
    joined = units.join(respondents, on=["agency_id", "piece"], how="full", coalesce=True)
    of_count = {"table_name": pl.lit(table), "column": pl.lit(position)}
    schema = HEADLINE_ERROR.schema
    return joined.with_columns(**of_count).select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def compare_headlines(
    headline: pl.LazyFrame,
    headline_error: pl.LazyFrame,
    identity: Identity,
    predecessor_headline: Path | None,
    predecessor_headline_error: Path | None,
) -> pl.DataFrame:
    """Compute the changes of the headline counts since the run's predecessor, with intervals.

    Raises:
        PipelineError: the predecessor is of the same or a later year, of other states, only one of the two is
            synthetic, or one of its two files is missing.
    """
    if predecessor_headline is None and predecessor_headline_error is None:
        return YEAR_CHANGE.empty().collect()
    if predecessor_headline is None or predecessor_headline_error is None:
        raise PipelineError("Of the predecessor both files are needed, headline and headline_error: list the other.")
    about = _about(predecessor_headline, identity)
    if _about(predecessor_headline_error, identity) != about:
        raise PipelineError(
            f"{predecessor_headline_error} is not of the run of {predecessor_headline}. List both of one."
        )
    now = headline.collect()
    before = read_table([predecessor_headline], HEADLINE).collect()
    _check_area(now, before, about["run_id"])
    errors = {side: _by_headline(frame) for side, frame in (
        ("now", headline_error), ("before", read_table([predecessor_headline_error], HEADLINE_ERROR)))}  # fmt: skip
    earlier = {(row["table_name"], row["column"]): row for row in before.iter_rows(named=True)}
    rows = []
    for row in now.iter_rows(named=True):
        key = row["table_name"], row["column"]
        if key not in earlier:
            continue
        before_row = earlier[key]
        rows.append(
            {
                "table_name": row["table_name"],
                "column": row["column"],
                "earlier_year": int(about["data_year"]),
                "earlier_run_id": about["run_id"],
                "suppression_reason": row["suppression_reason"],
                "earlier_suppression_reason": before_row["suppression_reason"],
                **_change((row, errors["now"].get(key)), (before_row, errors["before"].get(key))),
            }
        )
    return pl.DataFrame(rows, schema=YEAR_CHANGE.schema).fill_nan(None)


def _about(path: Path, identity: Identity) -> dict[str, str]:
    """Identity of the run that published a file.

    Raises:
        PipelineError: it has none, or this run cannot be compared with it.
    """
    about = pl.read_parquet_metadata(path)
    if not {"run_id", "data_year", "is_synthetic"} <= about.keys():
        raise PipelineError(f"{path} does not say of which run it is: use the file in the folder of published files.")
    run = f"Run {about['run_id']} of {about['data_year']}, given as predecessor,"
    if int(about["data_year"]) >= identity.year:
        raise PipelineError(f"{run} is not of a year before {identity.year}. Name a run of an earlier year.")
    if (about["is_synthetic"] == "true") != identity.is_synthetic:
        raise PipelineError(f"{run} and this run are not both of real or both of synthetic data. Name another run.")
    return {name: about[name] for name in ("run_id", "data_source", "data_year")}


def _check_area(now: pl.DataFrame, before: pl.DataFrame, run_id: str) -> None:
    areas = [set(frame["states"].unique()) for frame in (now, before)]
    if all(areas) and areas[0] != areas[1]:
        one, other = (", ".join(sorted(area)) for area in areas)
        raise PipelineError(
            f"This run is of {one}, but its predecessor {run_id} of {other}: their totals are not compared. Name a run "
            "of the same states."
        )


def _by_headline(errors: pl.LazyFrame) -> dict[tuple[Any, ...], pl.DataFrame]:
    return errors.collect().partition_by(_KEY, as_dict=True)


def _side(headline: dict[str, Any], errors: pl.DataFrame) -> YearSide:
    """What was kept of a year."""
    units, respondents = errors.drop_nulls("error"), errors.drop_nulls("residual")
    pieces = [
        Pieces(*(rows[name].cast(pl.Int64).to_numpy() for name in ("agency_id", "piece")))
        for rows in (units, respondents)
    ]
    return YearSide(
        headline["estimate"],
        headline["prediction_variance"],
        headline["known_miss"],
        pieces[0],
        units["error"].to_numpy(),
        pieces[1],
        respondents["residual"].to_numpy(),
        respondents["noise"].to_numpy(),
    )


def _change(
    now: tuple[dict[str, Any], pl.DataFrame | None], before: tuple[dict[str, Any], pl.DataFrame | None]
) -> dict[str, Any]:
    """Numbers of the change of a count; without what the variance needs, the counts alone."""
    counts = {
        "estimate": now[0]["estimate"],
        "earlier_estimate": before[0]["estimate"],
        "clear": clear_words(None, None),
    }
    missing = now[0]["missing"] or before[0]["missing"]
    if missing is None and now[0]["definition_version"] != before[0]["definition_version"]:
        missing = "the table was defined otherwise"
    if missing is None and (now[0]["prediction_variance"] is None or before[0]["prediction_variance"] is None):
        missing = _REFERENCE
    if missing is None and (now[0]["standard_error"] is None or before[0]["standard_error"] is None):
        missing = "no standard error"
    if missing is not None:
        return {**counts, "missing": missing}
    empty = HEADLINE_ERROR.empty().collect()
    sides = [_side(row, empty if errors is None else errors) for row, errors in (now, before)]
    found = compared(
        difference_of_year_sides(*sides),
        (1.0, 1.0),
        (now[0]["standard_error"], before[0]["standard_error"]),
        is_bounded=now[0]["has_interval"] and before[0]["has_interval"],
    )
    return {
        **counts,
        "difference": found.difference,
        "standard_error": found.standard_error,
        "lower_bound": found.lower,
        "upper_bound": found.upper,
        "change_pct": found.change,
        "change_lower_pct": found.change_lower,
        "change_upper_pct": found.change_upper,
        "clear": found.clear,
    }
