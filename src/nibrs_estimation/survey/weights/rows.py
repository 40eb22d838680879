"""Rows of the datasets of weights, from cells and their fit (handbook 07)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.fields import WeightRule
from nibrs_estimation.model.weights import variable_name
from nibrs_estimation.survey.units import AREAS, TYPES
from nibrs_estimation.survey.weights.fit import NAMES, Cells, Fit

#: Crossing numbers continue from level to level (handbook 07).
_FIRST_OF_STATES, _GROUPS_OF_STATE, _GROUPS_OF_REGION, _GROUPS_OF_OFFICE, _GROUPS_OF_DISTRICT = 101, 12, 20, 3, 4

#: Rows for the datasets weight_cell, weight_control, agency_weight and calibration_variable.
Tables = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]


@dataclass(frozen=True)
class Keys:
    """The keys of the cells: one row each in ``frame``, with geography_code, weight_group, label and merged_from."""

    geography_level: str
    frame: pl.DataFrame


def tables_of(keys: Keys, units: pl.DataFrame, cells: Cells, fit: Fit) -> Tables:
    """Rows of the datasets from the cells of a geography level; ``units`` are in the order of ``cells``."""
    N, n = cells.counts()
    totals, weighted = cells.totals(), cells.totals(np.nan_to_num(fit.weights, nan=0.0))
    has_weights = ~np.isin(fit.rule, (WeightRule.NO_RESPONSE,))
    scale = np.where(totals == 0, 1.0, totals)
    misses = np.where(fit.is_selected, np.abs(weighted - totals) / scale, -1.0).max(axis=1)
    named = keys.frame.select(
        pl.lit(keys.geography_level).alias("geography_level"),
        "geography_code",
        pl.col("weight_group").cast(pl.Int32),
        "label",
        "merged_from",
    )
    selected: list[str | None] = [
        ",".join(name for name, is_in in zip(NAMES, row, strict=True) if is_in) for row in fit.is_selected
    ]
    cell_rows = named.with_columns(
        rule=pl.Series(fit.rule),
        eligible_agencies=pl.Series(N),
        responding_agencies=pl.Series(n),
        design_weight=_numbers(cells.design_weight),
        crime_coverage=_numbers(cells.coverage()),
        lower_bound=_numbers(fit.lower),
        upper_bound=_numbers(fit.upper),
        controls=pl.Series(selected, dtype=pl.String).replace("", None),
        attempts=pl.Series(fit.attempts),
        giants_apart=pl.Series(fit.giants_apart),
        largest_miss=_numbers(np.where(fit.is_selected.any(axis=1), misses, np.nan)),
    )
    C = cells.number
    shown = np.ones((C, len(NAMES)), dtype=np.bool_)
    shown[:, NAMES.index("assault_and_robbery")] = fit.is_selected[:, NAMES.index("assault_and_robbery")]
    row, column = np.nonzero(shown)
    key = named.select("geography_level", "geography_code", "weight_group")
    control_rows = key[row].with_columns(
        control=pl.Series(np.array(NAMES)[column]),
        is_selected=pl.Series(fit.is_selected[row, column]),
        total=pl.Series(totals[row, column]),
        weighted_total=_numbers(np.where(has_weights[row], weighted[row, column], np.nan)),
    )
    weight_rows = key[cells.cell].with_columns(
        units["agency_id"],
        units["state_abbr"],
        units["population_share"],
        units["is_respondent"],
        weight=_numbers(fit.weights),
    )
    is_value = fit.is_selected[cells.cell] & cells.is_respondent[:, None]
    row, column = np.nonzero(is_value)
    value_rows = key[cells.cell[row]].with_columns(
        units["agency_id"].gather(row),
        control=pl.Series(np.array(NAMES)[column], dtype=pl.String),
        value=pl.Series(cells.controls[row, column]),
    )
    return cell_rows, control_rows, weight_rows, value_rows


def _numbers(values: NDArray[np.float64]) -> pl.Series:
    return pl.Series(values, dtype=pl.Float64).fill_nan(None)


def with_crossings(cells: pl.DataFrame) -> pl.DataFrame:
    """Number the crossings of geographies and groups as the reference does; groups that span divisions have none."""
    group, code = pl.col("weight_group"), pl.col("geography_code")
    names = (
        code_list("state").sort("state_name").with_row_index("index").select(geography_code="state_abbr", index="index")
    )
    states = cells.filter(pl.col("geography_level") == "state").join(names, on="geography_code", how="left")
    of_states = states.with_columns(
        crossing_number=_FIRST_OF_STATES - 1 + _GROUPS_OF_STATE * pl.col("index").cast(pl.Int32) + group
    ).drop("index")
    numbered = [
        cells.filter(pl.col("geography_level") == "nation").with_columns(crossing_number=group),
        cells.filter(pl.col("geography_level") == "region").with_columns(
            crossing_number=_GROUPS_OF_REGION * code.cast(pl.Int32) + group
        ),
        of_states,
    ]
    start = _FIRST_OF_STATES - 1 + _GROUPS_OF_STATE * names.height
    for weight, width in (("field_office", _GROUPS_OF_OFFICE), ("judicial_district", _GROUPS_OF_DISTRICT)):
        part = cells.filter(pl.col("geography_level") == weight)
        index = (code.rank("dense") - 1).cast(pl.Int32)
        numbered.append(part.with_columns(crossing_number=start + width * index + group))
        start += width * part["geography_code"].n_unique()
    areas = cells.filter(pl.col("geography_level") == "msa")
    division = (group - 1) // 3
    is_of_division = pl.col("rule") != WeightRule.SELF_REPRESENTING
    present = areas.filter(is_of_division).select("geography_code", division=division).unique()
    present = present.sort("geography_code", "division").with_row_index("index")
    numbered.append(
        areas.with_columns(division=division)
        .join(present, on=["geography_code", "division"], how="left")
        .with_columns(
            crossing_number=pl.when(is_of_division).then(
                start + 3 * pl.col("index").cast(pl.Int32) + (group - 1) % 3 + 1
            )
        )
        .drop("division", "index")
    )
    start += 3 * present.height
    for weight, width in (("division", _GROUPS_OF_REGION), ("metro_division", _GROUPS_OF_DISTRICT)):
        part = cells.filter(pl.col("geography_level") == weight)
        index = (code.rank("dense") - 1).cast(pl.Int32)
        numbered.append(part.with_columns(crossing_number=start + width * index + group))
        start += width * part["geography_code"].n_unique()
    numbered.append(
        cells.filter(pl.col("geography_level").is_in(list(TYPES))).with_columns(crossing_number=pl.lit(None, pl.Int32))
    )
    return pl.concat(part.with_columns(pl.col("crossing_number").cast(pl.Int32)) for part in numbered)


def prorated(weights: pl.DataFrame, pieces: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
    """The weights of respondents by county: weight times the share of the agency in the county (handbook 07)."""
    located = weights.drop("population_share").filter(pl.col("weight").is_not_null())
    pieces = pieces.drop_nulls("county_fips")
    is_area = pl.col("geography_level").is_in(list(AREAS))
    parts = [located.filter(~is_area).join(pieces, on="agency_id")]
    certain = cells.filter(pl.col("rule") == WeightRule.SELF_REPRESENTING).select(
        "geography_level", "geography_code", "weight_group", is_certain=pl.lit(True)
    )
    for weight, column in AREAS.items():
        inside = (
            located.filter(pl.col("geography_level") == weight)
            .join(certain, on=["geography_level", "geography_code", "weight_group"], how="left")
            .join(pieces.with_columns(geography_code=pl.col(column)), on=["agency_id", "geography_code"])
        )
        if weight == "msa":
            in_division = (pl.col("weight_group") - 1) // 3 == pl.col("division")
            inside = inside.filter(pl.col("is_certain").is_not_null() | in_division)
        parts.append(inside.drop("is_certain"))
    return pl.concat(parts, how="diagonal").with_columns(prorated_weight=pl.col("weight") * pl.col("population_share"))


def with_names(values: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
    """Names of calibration variables, V{crossing}_{letter}; missing where the reference has no letter (handbook 07)."""
    key = ["geography_level", "geography_code", "weight_group"]
    pairs = values.select(*key, "control").unique().join(cells.select(*key, "crossing_number"), on=key)
    names = [
        None if number is None else variable_name(level, number, control)
        for level, number, control in pairs.select("geography_level", "crossing_number", "control").iter_rows()
    ]
    named = pairs.select(*key, "control").with_columns(variable=pl.Series(names, dtype=pl.String))
    return values.join(named, on=[*key, "control"], how="left", maintain_order="left")
