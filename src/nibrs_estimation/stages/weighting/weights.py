"""The weights of all geographies, with the cells behind them (05 sections 5 to 8 and 12)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.weighting import (
    AGENCY_WEIGHT,
    CALIBRATION_VARIABLE,
    COUNTY_WEIGHT,
    CRIMES,
    WEIGHT_CELL,
    WEIGHT_CONTROL,
    WEIGHT_LEVELS,
    variable_name,
)
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.stages.weighting.classes import ALWAYS_MERGED, fit_geography
from nibrs_estimation.stages.weighting.fit import NAMES, Cells, Fit, fit_with_subsets, settle_by_coverage
from nibrs_estimation.stages.weighting.groups import mark_self_representing, place_groups, state_groups
from nibrs_estimation.stages.weighting.units import (
    AREAS,
    TYPES,
    Units,
    division_names,
    located_pieces,
    units_of,
)

_log = logging.getLogger(__name__)
#: Why a weight may have no units.
_ABSENT = {
    "RegionWgt": "no region has all of its states in this run",
    **dict.fromkeys(AREAS, "no agency is known to lie in one (dataset agency_county)"),
    **dict.fromkeys(TYPES, "no eligible agency is of that type"),
}
_MERGED_LABELS = {1: "All cities 250,000 or over", 11: "MSA counties under 25,000"}
#: How far a benchmark may be from the sum of its parts, in offenses.
SUM_TOLERANCE = 0.5
#: Crossing numbers run on from level to level (05 section 3.2).
_FIRST_OF_STATES, _GROUPS_OF_STATE, _GROUPS_OF_REGION, _GROUPS_OF_OFFICE, _GROUPS_OF_DISTRICT = 101, 12, 20, 3, 4


def weight_agencies(
    weighting_frame: pl.LazyFrame, agency_county: pl.LazyFrame, state_weight_group: pl.LazyFrame, year: int
) -> dict[str, pl.DataFrame]:
    """Give the respondents of every geography weights that meet the benchmark of all eligible agencies.

    Nation and regions are fitted by class of agency, with classes merged where they cannot be; states, field offices,
    judicial districts and metropolitan areas by a few broad groups, to the largest set of controls that can be met;
    universities and tribal agencies by number.

    Raises:
        PipelineError: nobody responded, a benchmark is negative or does not add up, or the shares of an agency are no
            shares.
    """
    frame = weighting_frame.sort("agency_id").collect()
    if not frame["is_respondent"].any():
        raise PipelineError(
            f"None of the {frame.height} eligible agencies is a respondent with a complete year, so there is nothing "
            "to estimate from. Check the data year and the source; dataset weighting_frame tells each agency's reason."
        )
    _refuse_impossible_benchmarks(frame)
    pieces = located_pieces(agency_county.collect(), frame, year)
    given = {(state, one): group for state, one, group in state_weight_group.collect().iter_rows()}
    tables = []
    for weight in WEIGHT_LEVELS:
        units = _units(weight, frame, pieces)
        if units.frame.is_empty():
            _log.warning("No %s: %s.", weight, _ABSENT.get(weight, "no eligible agency"))
        elif weight in ("NationalWgt", "RegionWgt"):
            tables += _by_class(weight, units, year)
        elif weight in TYPES:
            tables.append(_by_number(weight, units))
        else:
            tables.append(_by_group(weight, units, division_names(pieces), given))
    cells, controls, weights, values = (pl.concat(parts) for parts in zip(*tables, strict=True))
    cells = _with_crossings(cells)
    for cell in cells.filter(pl.col("rule") == "no_response").iter_rows(named=True):
        _log.warning(
            "%s, %s, %s: no weights, so its %d agencies are in no estimate of the place.",
            cell["weight_variable"],
            cell["geography_code"],
            cell["label"],
            cell["eligible_agencies"],
        )
    return {
        WEIGHT_CELL.name: WEIGHT_CELL.cast(cells),
        WEIGHT_CONTROL.name: WEIGHT_CONTROL.cast(controls),
        AGENCY_WEIGHT.name: AGENCY_WEIGHT.cast(weights),
        COUNTY_WEIGHT.name: COUNTY_WEIGHT.cast(_prorated(weights, pieces, cells)),
        CALIBRATION_VARIABLE.name: CALIBRATION_VARIABLE.cast(_with_names(values, cells)),
    }


def _refuse_impossible_benchmarks(frame: pl.DataFrame) -> None:
    parts = {"n_total": ("n_violent", "n_property"), "n_property": ("n_burglary", "n_larceny", "n_vehicle_theft")}
    faults = [(column, pl.col(column) < 0, "is negative") for column in CRIMES.values()]
    faults += [
        (whole, (pl.sum_horizontal(of) - pl.col(whole)).abs() > SUM_TOLERANCE, f"is not the sum of {of}")
        for whole, of in parts.items()
    ]
    for column, is_wrong, fault in faults:
        wrong = frame.filter(is_wrong)
        if wrong.height:
            raise PipelineError(
                f"Dataset weighting_frame, column {column}: {wrong[column][0]} of {wrong['ori'][0]} {fault} "
                f"({wrong.height} agencies). Correct it; the task build_frame makes the dataset without such rows."
            )


#: Rows for the datasets weight_cell, weight_control, agency_weight and calibration_variable.
Tables = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]


@dataclass(frozen=True)
class _Keys:
    """What names the cells: one row each in ``frame``, with geography_code, weight_group, label and merged_from."""

    weight_variable: str
    frame: pl.DataFrame


def _units(weight: str, frame: pl.DataFrame, pieces: pl.DataFrame) -> Units:
    """The units of a weight; large agencies of a metropolitan area stand above its divisions."""
    if weight != "MSAWgt":
        return units_of(weight, frame, pieces)
    whole = units_of(weight, frame, pieces.with_columns(division=pl.lit(0, pieces.schema["division"])))
    certain = (
        mark_self_representing(whole.frame.with_columns(total=pl.Series(whole.controls[:, 0])))
        .filter("is_self_representing")
        .select("agency_id", msa_name="geography_code", is_certain=pl.lit(True))
    )
    apart = pieces.join(certain, on=["agency_id", "msa_name"], how="left", maintain_order="left")
    return units_of(
        weight,
        frame,
        apart.with_columns(division=pl.when(pl.col("is_certain").is_null()).then("division").otherwise(0)),
    )


def _by_class(weight: str, units: Units, year: int) -> list[Tables]:
    """Nation or regions, each by itself."""
    made = []
    codes = units.frame["geography_code"]
    for code in codes.unique().sort():
        rows = np.flatnonzero((codes == code).to_numpy())
        part, controls = units.frame[rows], units.controls[rows]
        fitted = fit_geography(
            part["weight_class"].to_numpy(),
            part["is_respondent"].to_numpy(),
            controls,
            year,
            is_region=weight == "RegionWgt",
        )
        keys = pl.DataFrame(
            {
                "geography_code": [code] * len(fitted.groups),
                "weight_group": [group.number for group in fitted.groups],
                "label": [
                    _class_label(np.unique(part["weight_class"].to_numpy()[fitted.cell == place]))
                    for place in range(len(fitted.groups))
                ],
                "merged_from": fitted.merged_from,
            },
            schema_overrides={"merged_from": pl.String},
        )
        cells = Cells(
            fitted.cell,
            part["is_respondent"].to_numpy(),
            fitted.controls,
            np.full(len(fitted.groups), fitted.design_weight),
        )
        made.append(_tables(_Keys(weight, keys), part, cells, fitted.fit))
    return made


def _by_number(weight: str, units: Units) -> Tables:
    """Universities or tribal agencies: every respondent stands for N/n agencies (05 section 6)."""
    keys = pl.DataFrame(
        {
            "geography_code": ["US"],
            "weight_group": [1],
            "label": [f"All {'University' if weight == 'UniversityWgt' else 'Tribal'} LEAs"],
            "merged_from": [None],
        },
        schema_overrides={"merged_from": pl.String},
    )
    is_respondent = units.frame["is_respondent"].to_numpy()
    n = int(is_respondent.sum())
    d = np.array([len(is_respondent) / n if n else np.nan])
    cells = Cells(np.zeros(len(is_respondent), dtype=np.int64), is_respondent, _eleven(units.controls), d)
    fit = Fit.nothing(cells)
    fit.settle(cells, np.array([n == 0]), "no_response", None)
    fit.settle(cells, np.array([True]), "equal", d)
    return _tables(_Keys(weight, keys), units.frame, cells, fit)


def _by_group(weight: str, units: Units, divisions: list[str], given: Mapping[tuple[str, str], int]) -> Tables:
    """States, field offices, judicial districts or metropolitan areas."""
    frame = units.frame.with_columns(total=pl.Series(units.controls[:, 0]))
    if weight == "FOWgt":
        frame = frame.with_columns(is_self_representing=pl.lit(False))
    elif weight == "MSAWgt":
        # Divisions do not matter to who is large: what stands above them was found so.
        over_divisions = mark_self_representing(
            frame.group_by("geography_code", "agency_id", maintain_order=True).agg(
                pl.col("total").sum(), pl.col("is_respondent").first()
            )
        ).select("geography_code", "agency_id", "is_self_representing")
        frame = frame.join(over_divisions, on=["geography_code", "agency_id"], how="left", maintain_order="left")
    else:
        frame = mark_self_representing(frame)
    if weight == "StateWgt":
        frame = state_groups(frame, given)
    else:
        frame = place_groups(frame, divisions if weight == "MSAWgt" else [], has_self_representing=weight != "FOWgt")
    order = frame.with_row_index("row").sort("geography_code", "weight_group", "agency_id")["row"].to_numpy()
    frame = frame[order]
    key = ["geography_code", "weight_group"]
    keys = frame.group_by(key, maintain_order=True).agg(
        pl.col("label", "is_self_representing").first(),
        pl.col("merged_from").drop_nulls().first(),
    )
    cell = frame.select(key).join(keys.with_row_index("cell"), on=key, how="left", maintain_order="left")["cell"]
    number, is_respondent = cell.to_numpy().astype(np.int64), frame["is_respondent"].to_numpy()
    N, n = np.bincount(number, minlength=keys.height), np.bincount(number[is_respondent], minlength=keys.height)
    with np.errstate(divide="ignore"):
        d = np.where(n > 0, N / n, np.nan)
    cells = Cells(number, is_respondent, _eleven(units.controls[order]), d)
    fit = Fit.nothing(cells)
    fit.settle(cells, keys["is_self_representing"].to_numpy(), "self_representing", 1.0)
    settle_by_coverage(cells, fit, no_crime_is_settled=weight == "MSAWgt")
    fit_with_subsets(cells, fit)
    return _tables(_Keys(weight, keys), frame, cells, fit)


def _tables(keys: _Keys, units: pl.DataFrame, cells: Cells, fit: Fit) -> Tables:
    """Rows of the datasets from the cells of a weight; ``units`` are in the order of ``cells``."""
    N, n = cells.counts()
    totals, weighted = cells.totals(), cells.totals(np.nan_to_num(fit.weights, nan=0.0))
    has_weights = ~np.isin(fit.rule, ("no_response",))
    scale = np.where(totals == 0, 1.0, totals)
    misses = np.where(fit.is_selected, np.abs(weighted - totals) / scale, -1.0).max(axis=1)
    named = keys.frame.select(
        pl.lit(keys.weight_variable).alias("weight_variable"),
        pl.lit(WEIGHT_LEVELS[keys.weight_variable]).alias("geography_level"),
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
        largest_miss=_numbers(np.where(fit.is_selected.any(axis=1), misses, np.nan)),
    )
    C = cells.number
    shown = np.ones((C, len(NAMES)), dtype=np.bool_)
    shown[:, NAMES.index("aggrob")] = fit.is_selected[:, NAMES.index("aggrob")]
    row, column = np.nonzero(shown)
    key = named.select("weight_variable", "geography_code", "weight_group")
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


def _eleven(controls: NDArray[np.float64]) -> NDArray[np.float64]:
    """The controls with an empty column for the combined one, which only large cities use."""
    return np.column_stack([controls, np.zeros(len(controls))])


def _class_label(classes: NDArray[np.integer]) -> str:
    """The classes of a group in words; those that always stand together have one name."""
    labels: dict[int, str] = dict(code_list("weight_class").select("weight_class", "label").iter_rows())
    first = dict.fromkeys(ALWAYS_MERGED.get(int(k), int(k)) for k in classes)
    return "; ".join(_MERGED_LABELS.get(k, labels[k]) for k in first)


def _with_crossings(cells: pl.DataFrame) -> pl.DataFrame:
    """Number the crossings of geographies and groups as the reference does; groups above divisions have none."""
    group, code = pl.col("weight_group"), pl.col("geography_code")
    names = (
        code_list("state").sort("state_name").with_row_index("place").select(geography_code="state_abbr", place="place")
    )
    states = cells.filter(pl.col("weight_variable") == "StateWgt").join(names, on="geography_code", how="left")
    of_states = states.with_columns(
        crossing_number=_FIRST_OF_STATES - 1 + _GROUPS_OF_STATE * pl.col("place").cast(pl.Int32) + group
    ).drop("place")
    numbered = [
        cells.filter(pl.col("weight_variable") == "NationalWgt").with_columns(crossing_number=group),
        cells.filter(pl.col("weight_variable") == "RegionWgt").with_columns(
            crossing_number=_GROUPS_OF_REGION * code.cast(pl.Int32) + group
        ),
        of_states,
    ]
    start = _FIRST_OF_STATES - 1 + _GROUPS_OF_STATE * names.height
    for weight, width in (("FOWgt", _GROUPS_OF_OFFICE), ("JDWgt", _GROUPS_OF_DISTRICT)):
        part = cells.filter(pl.col("weight_variable") == weight)
        place = (code.rank("dense") - 1).cast(pl.Int32)
        numbered.append(part.with_columns(crossing_number=start + width * place + group))
        start += width * part["geography_code"].n_unique()
    areas = cells.filter(pl.col("weight_variable") == "MSAWgt")
    division = (group - 1) // 3
    is_of_division = pl.col("rule") != "self_representing"
    present = areas.filter(is_of_division).select("geography_code", division=division).unique()
    present = present.sort("geography_code", "division").with_row_index("place")
    numbered.append(
        areas.with_columns(division=division)
        .join(present, on=["geography_code", "division"], how="left")
        .with_columns(
            crossing_number=pl.when(is_of_division).then(
                start + 3 * pl.col("place").cast(pl.Int32) + (group - 1) % 3 + 1
            )
        )
        .drop("division", "place")
    )
    numbered.append(
        cells.filter(pl.col("weight_variable").is_in(list(TYPES))).with_columns(crossing_number=pl.lit(None, pl.Int32))
    )
    return pl.concat(part.with_columns(pl.col("crossing_number").cast(pl.Int32)) for part in numbered)


def _prorated(weights: pl.DataFrame, pieces: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
    """The weights of respondents by county: weight times the share of the agency in the county (05 section 8)."""
    located = weights.drop("population_share").filter(pl.col("weight").is_not_null())
    pieces = pieces.drop_nulls("county_fips")
    is_area = pl.col("weight_variable").is_in(list(AREAS))
    parts = [located.filter(~is_area).join(pieces, on="agency_id")]
    certain = cells.filter(pl.col("rule") == "self_representing").select(
        "weight_variable", "geography_code", "weight_group", is_certain=pl.lit(True)
    )
    for weight, column in AREAS.items():
        inside = (
            located.filter(pl.col("weight_variable") == weight)
            .join(certain, on=["weight_variable", "geography_code", "weight_group"], how="left")
            .join(pieces.with_columns(geography_code=pl.col(column)), on=["agency_id", "geography_code"])
        )
        if weight == "MSAWgt":
            in_division = (pl.col("weight_group") - 1) // 3 == pl.col("division")
            inside = inside.filter(pl.col("is_certain").is_not_null() | in_division)
        parts.append(inside.drop("is_certain"))
    return pl.concat(parts, how="diagonal").with_columns(prorated_weight=pl.col("weight") * pl.col("population_share"))


def _with_names(values: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
    """Names of calibration variables, V{crossing}_{letter}; none where the reference has no letter (05 section 7)."""
    key = ["weight_variable", "geography_code", "weight_group"]
    pairs = (
        values.select(*key, "control").unique().join(cells.select(*key, "geography_level", "crossing_number"), on=key)
    )
    names = [
        None if number is None else variable_name(level, number, control)
        for level, number, control in pairs.select("geography_level", "crossing_number", "control").iter_rows()
    ]
    named = pairs.select(*key, "control").with_columns(variable=pl.Series(names, dtype=pl.String))
    return values.join(named, on=[*key, "control"], how="left", maintain_order="left")
