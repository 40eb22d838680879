"""The weights of all geographies, with their cells (handbook 07)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.benchmark import CRIMES
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.fields import INCIDENT_LEVELS, SUMMARY_LEVELS, WeightRule
from nibrs_estimation.model.weights import (
    AGENCY_WEIGHT,
    CALIBRATION_VARIABLE,
    COUNTY_WEIGHT,
    WEIGHT_CELL,
    WEIGHT_CONTROL,
)
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.survey.units import (
    AREAS,
    TYPES,
    Units,
    division_names,
    located_pieces,
    units_of,
)
from nibrs_estimation.survey.weights.classes import ALWAYS_MERGED, fit_geography
from nibrs_estimation.survey.weights.fit import Cells, Fit, assign_by_coverage, fit_with_subsets
from nibrs_estimation.survey.weights.groups import mark_self_representing, place_groups, state_groups
from nibrs_estimation.survey.weights.rows import Keys, Tables, prorated, tables_of, with_crossings, with_names

_log = logging.getLogger(__name__)
#: Levels that are fitted by class of agency.
_BY_CLASS = ("nation", "region", "division")
#: Level -> reason why it may have no units.
_ABSENT = {
    "region": "no region has all of its states in this run",
    "division": "no census division has all of its states in this run",
    **dict.fromkeys(AREAS, "no agency is known to be in one (dataset agency_county)"),
    **dict.fromkeys(TYPES, "no eligible agency is of that type"),
}
_MERGED_LABELS = {1: "All cities 250,000 or over", 11: "MSA counties under 25,000"}
#: Largest accepted difference between a benchmark and the sum of its parts, in offenses.
SUM_TOLERANCE = 0.5


def weight_agencies(
    weighting_frame: pl.LazyFrame,
    agency_county: pl.LazyFrame,
    state_weight_group: pl.LazyFrame,
    year: int,
    control_rule: Literal["corrected", "reference"],
) -> dict[str, pl.DataFrame]:
    """Compute weights of the respondents of every geography that meet the benchmark of all eligible agencies.

    Nation and regions are fitted by class of agency; classes that cannot be fitted are merged. States, field offices,
    judicial districts and metropolitan areas are fitted by a few broad groups, to the largest set of controls that can
    be met. Universities and tribal agencies have the weight N/n.

    Raises:
        PipelineError: no agency responded, a benchmark is negative or is not the sum of its parts, or the shares of an
            agency are not between 0 and 1 with sum 1.
    """
    return _weigh(INCIDENT_LEVELS, weighting_frame, agency_county, state_weight_group, year, control_rule)


def weight_summaries(
    weighting_frame: pl.LazyFrame,
    agency_county: pl.LazyFrame,
    state_weight_group: pl.LazyFrame,
    year: int,
    control_rule: Literal["corrected", "reference"],
) -> dict[str, pl.DataFrame]:
    """Compute the weights of summary estimates: also of census divisions and metropolitan divisions.

    As :func:`weight_agencies`, without universities and tribal agencies.

    Raises:
        PipelineError: as :func:`weight_agencies`.
    """
    return _weigh(SUMMARY_LEVELS, weighting_frame, agency_county, state_weight_group, year, control_rule)


def weight_nation(
    weighting_frame: pl.LazyFrame,
    agency_county: pl.LazyFrame,
    state_weight_group: pl.LazyFrame,
    year: int,
    control_rule: Literal["corrected", "reference"],
) -> dict[str, pl.DataFrame]:
    """Compute the weights of the nation alone, for series of many years.

    Raises:
        PipelineError: as :func:`weight_agencies`.
    """
    return _weigh(("nation",), weighting_frame, agency_county, state_weight_group, year, control_rule)


def _weigh(
    levels: Sequence[str],
    weighting_frame: pl.LazyFrame,
    agency_county: pl.LazyFrame,
    state_weight_group: pl.LazyFrame,
    year: int,
    control_rule: Literal["corrected", "reference"],
) -> dict[str, pl.DataFrame]:
    frame = weighting_frame.sort("agency_id").collect()
    if not frame["is_respondent"].any():
        raise PipelineError(
            f"None of the {frame.height} eligible agencies is a respondent with a complete year, so there is nothing "
            "to estimate from. Check the data year and the source; dataset weighting_frame gives the reason for each "
            "agency."
        )
    _refuse_impossible_benchmarks(frame)
    pieces = located_pieces(agency_county.collect(), frame, year)
    given = {(state, one): group for state, one, group in state_weight_group.collect().iter_rows()}
    tables = []
    for weight in levels:
        is_place = weight == "state" or weight in AREAS
        units = (_place_units if is_place else units_of)(weight, frame, pieces)
        if units.frame.is_empty():
            _log.warning("No weights of level %s: %s.", weight, _ABSENT.get(weight, "no eligible agency"))
        elif weight in _BY_CLASS:
            tables += _by_class(weight, units, year, has_giants_apart=control_rule == "corrected")
        elif weight in TYPES:
            tables.append(_by_number(weight, units))
        else:
            tables.append(_by_group(weight, units, division_names(pieces), given))
    cells, controls, weights, values = (pl.concat(parts) for parts in zip(*tables, strict=True))
    cells = with_crossings(cells)
    for cell in cells.filter(pl.col("rule") == WeightRule.NO_RESPONSE).iter_rows(named=True):
        _log.warning(
            "%s, %s, %s: no weights; by default other groups stand for its %d agencies.",
            cell["geography_level"],
            cell["geography_code"],
            cell["label"],
            cell["eligible_agencies"],
        )
    return {
        WEIGHT_CELL.name: WEIGHT_CELL.cast(cells),
        WEIGHT_CONTROL.name: WEIGHT_CONTROL.cast(controls),
        AGENCY_WEIGHT.name: AGENCY_WEIGHT.cast(weights),
        COUNTY_WEIGHT.name: COUNTY_WEIGHT.cast(prorated(weights, pieces, cells)),
        CALIBRATION_VARIABLE.name: CALIBRATION_VARIABLE.cast(with_names(values, cells)),
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
                f"({wrong.height} agencies). Correct it; the task build_frame writes a dataset without such rows."
            )


def _place_units(weight: str, frame: pl.DataFrame, pieces: pl.DataFrame) -> Units:
    """The units of states and smaller places, with ``total`` and ``is_self_representing``.

    Large agencies of a metropolitan area are found in the whole area, and are not in its divisions.
    """
    if weight != "msa":
        units = units_of(weight, frame, pieces)
        with_total = units.frame.with_columns(total=pl.Series(units.controls[:, 0]))
        if weight == "field_office":
            return replace(units, frame=with_total.with_columns(is_self_representing=pl.lit(False)))
        return replace(units, frame=mark_self_representing(with_total))
    whole = units_of(weight, frame, pieces.with_columns(division=pl.lit(0, pieces.schema["division"])))
    certain = mark_self_representing(whole.frame.with_columns(total=pl.Series(whole.controls[:, 0]))).select(
        "agency_id", "is_self_representing", msa_name="geography_code"
    )
    located = pieces.join(certain, on=["agency_id", "msa_name"], how="left", maintain_order="left")
    division = pl.when(pl.col("is_self_representing").fill_null(False)).then(0).otherwise("division")
    units = units_of(weight, frame, located.with_columns(division=division))
    marked = units.frame.with_columns(total=pl.Series(units.controls[:, 0])).join(
        certain.rename({"msa_name": "geography_code"}),
        on=["agency_id", "geography_code"],
        how="left",
        maintain_order="left",
    )
    return replace(units, frame=marked)


def _by_class(weight: str, units: Units, year: int, *, has_giants_apart: bool) -> list[Tables]:
    """Fit the nation, the regions or the divisions, each separately."""
    tables = []
    codes = units.frame["geography_code"]
    for code in codes.unique().sort():
        rows = np.flatnonzero((codes == code).to_numpy())
        part, controls = units.frame[rows], units.controls[rows]
        fitted = fit_geography(
            part["weight_class"].to_numpy(),
            part["is_respondent"].to_numpy(),
            controls,
            year,
            is_region=weight != "nation",
            has_giants_apart=has_giants_apart,
        )
        keys = pl.DataFrame(
            {
                "geography_code": [code] * len(fitted.groups),
                "weight_group": [group.number for group in fitted.groups],
                "label": [
                    _class_label(np.unique(part["weight_class"].to_numpy()[fitted.cell == cell]))
                    for cell in range(len(fitted.groups))
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
        tables.append(tables_of(Keys(weight, keys), part, cells, fitted.fit))
    return tables


def _by_number(weight: str, units: Units) -> Tables:
    """Weights of universities or tribal agencies: N/n (handbook 07)."""
    keys = pl.DataFrame(
        {
            "geography_code": ["US"],
            "weight_group": [1],
            "label": [f"All {'University' if weight == 'university' else 'Tribal'} LEAs"],
            "merged_from": [None],
        },
        schema_overrides={"merged_from": pl.String},
    )
    is_respondent = units.frame["is_respondent"].to_numpy()
    n = int(is_respondent.sum())
    d = np.array([len(is_respondent) / n if n else np.nan])
    cells = Cells(np.zeros(len(is_respondent), dtype=np.int64), is_respondent, _eleven(units.controls), d)
    fit = Fit.nothing(cells)
    fit.assign(cells, np.array([n == 0]), WeightRule.NO_RESPONSE, None)
    fit.assign(cells, np.array([True]), WeightRule.EQUAL, d)
    return tables_of(Keys(weight, keys), units.frame, cells, fit)


def _by_group(weight: str, units: Units, divisions: list[str], given: Mapping[tuple[str, str], int]) -> Tables:
    """Fit states, field offices, judicial districts or metropolitan areas, from :func:`_place_units`."""
    frame = units.frame
    if weight == "state":
        frame = state_groups(frame, given)
    else:
        frame = place_groups(
            frame, divisions if weight == "msa" else [], has_self_representing=weight != "field_office"
        )
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
    fit.assign(cells, keys["is_self_representing"].to_numpy(), WeightRule.SELF_REPRESENTING, 1.0)
    assign_by_coverage(cells, fit, one_without_crime=weight == "msa")
    fit_with_subsets(cells, fit)
    return tables_of(Keys(weight, keys), frame, cells, fit)


def _eleven(controls: NDArray[np.float64]) -> NDArray[np.float64]:
    """The controls with a column of 0 for the combined control, which only large cities use."""
    return np.column_stack([controls, np.zeros(len(controls))])


def _class_label(classes: NDArray[np.integer]) -> str:
    """The classes of a group in words; classes that are always merged have one name."""
    labels: dict[int, str] = dict(code_list("weight_class").select("weight_class", "label").iter_rows())
    first = dict.fromkeys(ALWAYS_MERGED.get(int(k), int(k)) for k in classes)
    return "; ".join(_MERGED_LABELS.get(k, labels[k]) for k in first)
