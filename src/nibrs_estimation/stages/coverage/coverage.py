"""Coverage: the geographies that are estimated, their agencies and populations, and the share of respondents."""

from __future__ import annotations

import logging
from typing import Literal

import numpy as np
import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.coverage import COVERAGE
from nibrs_estimation.model.fields import WeightRule
from nibrs_estimation.model.weights import variable_name
from nibrs_estimation.stages.coverage.pieces import geography_pieces
from nibrs_estimation.stats.prediction import unreported_interval
from nibrs_estimation.survey.geographies import geography_members

_log = logging.getLogger(__name__)

#: Kinds of agency for which response is measured separately: name in the columns -> types of agency.
SEPARATE_KINDS = {
    "tribal": ("Tribal",),
    "state_police": ("State Police",),
    "other": ("Other", "Other State Agency"),
}
#: Levels that consist of agencies of one type in the whole nation.
_TYPE_LEVELS = ("university", "tribal")
_IS_REPORTING_ONLY = pl.col("universe_scope") == "reporting"


def measure_coverage(
    universe: pl.LazyFrame,
    weighting_frame: pl.LazyFrame,
    agency_weight: pl.LazyFrame,
    weight_cell: pl.LazyFrame,
    geography: pl.LazyFrame,
    agency_county: pl.LazyFrame,
    reporting_status: pl.LazyFrame,
    year: int,
    variance_rule: Literal["prediction", "reference"],
) -> pl.DataFrame:
    """Count agencies, pieces and populations of each geography, and give its calibration model.

    The geographies are those of dataset ``geography``; if it is empty, nation, regions and states. A region is included
    only if all of its states are in the run. Geographies without eligible agencies are omitted. If the frame contains
    only agencies that reported, the name of the geography states it, and population coverage is missing because it
    would always be 1.
    """
    listed = _geographies(geography.collect())
    return _measured(
        listed,
        universe,
        weighting_frame,
        agency_weight,
        weight_cell,
        agency_county,
        reporting_status,
        year,
        variance_rule,
    )


def measure_summary_coverage(
    universe: pl.LazyFrame,
    weighting_frame: pl.LazyFrame,
    agency_weight: pl.LazyFrame,
    weight_cell: pl.LazyFrame,
    summary_geography: pl.LazyFrame,
    agency_county: pl.LazyFrame,
    reporting_status: pl.LazyFrame,
    year: int,
    variance_rule: Literal["prediction", "reference"],
) -> pl.DataFrame:
    """Count agencies, pieces and populations of each geography of summary estimates, as :func:`measure_coverage`."""
    listed = _geographies(summary_geography.collect())
    return _measured(
        listed,
        universe,
        weighting_frame,
        agency_weight,
        weight_cell,
        agency_county,
        reporting_status,
        year,
        variance_rule,
    )


def _measured(
    listed: pl.DataFrame,
    universe: pl.LazyFrame,
    weighting_frame: pl.LazyFrame,
    agency_weight: pl.LazyFrame,
    weight_cell: pl.LazyFrame,
    agency_county: pl.LazyFrame,
    reporting_status: pl.LazyFrame,
    year: int,
    variance_rule: Literal["prediction", "reference"],
) -> pl.DataFrame:
    frame = weighting_frame.select("agency_id", "state_abbr", "agency_type_name", "is_respondent").collect()
    run_states = set(frame["state_abbr"])
    geographies = _without_partial_groups(listed, run_states)
    pieces = geography_pieces(geographies.lazy(), agency_weight, weighting_frame, agency_county, year)
    scopes = universe.select("agency_id", "universe_scope").collect()
    counted = _counted(pieces, frame.join(scopes, on="agency_id", how="left"))
    _log_omitted(geographies, counted, set(agency_weight.collect()["geography_level"]))
    is_partial = run_states != set(code_list("state")["state_abbr"])
    return (
        geographies.join(counted, on="geography_number")
        .join(_models(weight_cell.collect()), on=["geography_level", "geography_code"], how="left")
        .join(
            unreported_shares(geographies.lazy(), agency_weight, weighting_frame, reporting_status),
            on="geography_number",
        )
        .with_columns(
            estimate_geographic_location=_location(is_partial),
            population_coverage=pl.when(~_IS_REPORTING_ONLY & (pl.col("population") > 0)).then(
                pl.col("population_responding") / pl.col("population")
            ),
            # Only metropolitan areas have principal cities.
            is_missing_principal_city=pl.when(pl.col("geography_level") == "msa").then("is_missing_principal_city"),
            upper_bound_of_zero=pl.lit(0.0) if variance_rule == "reference" else _upper_bound_of_zero(),
            is_model_used=(pl.col("geography_level") == "nation") | pl.col("calibration_model").is_not_null(),
        )
        .select(COVERAGE.schema.names())
        .sort("geography_number")
    )


def _geographies(listed: pl.DataFrame) -> pl.DataFrame:
    """The geographies: number, level, code, agency group, label, and whether they are excluded."""
    columns = ("geography_number", "geography_level", "geography_code", "agency_group", "label")
    if listed.is_empty():
        return code_list("geography").select(
            "geography_number",
            "geography_level",
            "geography_code",
            agency_group=pl.lit(None, pl.String),
            label="estimate_geographic_location",
            is_excluded=pl.lit(False),
        )
    return listed.select(*columns, "is_excluded")


def _without_partial_groups(geographies: pl.DataFrame, run_states: set[str]) -> pl.DataFrame:
    """The geographies, without regions and census divisions in which a state is not in the run."""
    missing = code_list("state").filter(~pl.col("state_abbr").is_in(list(run_states)))
    for level in ("region", "division"):
        partial = missing[f"{level}_code"].cast(pl.String)
        is_partial = (pl.col("geography_level") == level) & pl.col("geography_code").is_in(partial.implode())
        if number := geographies.filter(is_partial).height:
            _log.info("%s: %d geographies are omitted because some of their states are not in the run", level, number)
        geographies = geographies.filter(~is_partial)
    return geographies


def _counted(pieces: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """Agencies, pieces and populations of each geography."""
    core = pl.col("is_core_city")
    agencies = (
        pieces.group_by("geography_number", "agency_id")
        .agg(
            pieces=pl.len(),
            # The pieces of an agency add up to a whole number of people, except for rounding.
            residents=pl.col("residents").sum().round().cast(pl.Int64),
            is_core_city=core.any(ignore_nulls=False),
            is_core_known=core.is_not_null().any(),
        )
        .join(frame, on="agency_id")
    )
    responds, residents, kind = pl.col("is_respondent"), pl.col("residents"), pl.col("agency_type_name")
    lacks_core_city = (~responds & (kind == "City") & pl.col("is_core_city")).any(ignore_nulls=False)
    largest_missing = residents.filter(~responds).max()
    return agencies.group_by("geography_number").agg(
        eligible_agencies=pl.len().cast(pl.Int32),
        eligible_pieces=pl.col("pieces").sum().cast(pl.Int32),
        responding_agencies=responds.sum().cast(pl.Int32),
        population=residents.sum(),
        population_responding=residents.filter(responds).sum(),
        is_missing_over_10_percent=(10 * largest_missing > residents.sum()).fill_null(False),
        is_missing_principal_city=pl.when(pl.col("is_core_known").any()).then(lacks_core_city),
        universe_scope=pl.col("universe_scope").max(),
        **{
            f"{name}_coverage_pct": 100 * responds.filter(kind.is_in(types)).mean()
            for name, types in SEPARATE_KINDS.items()
        },
    )


def _upper_bound_of_zero() -> pl.Expr:
    """Upper end of the interval of a count of which nothing was reported (handbook 11)."""

    def upper(ratio: pl.Series) -> pl.Series:
        # Without a benchmark of respondents nothing limits it.
        known = ratio.fill_null(np.inf).to_numpy()
        return pl.Series(unreported_interval(0.0, 0.0, 0.0, known)[1])

    ends = pl.col("unreported_ratio").map_batches(upper, return_dtype=pl.Float64)
    return pl.when(ends.is_finite()).then(ends)


def unreported_shares(
    geographies: pl.LazyFrame,
    agency_weight: pl.LazyFrame,
    weighting_frame: pl.LazyFrame,
    reporting_status: pl.LazyFrame,
) -> pl.DataFrame:
    """What part of each geography's benchmark is of agencies without weight, and whether months are inferred.

    Returns:
        ``geography_number``, ``unreported_ratio``, ``largest_missing_share``, ``without_weights_share`` and
        ``has_inferred_months``.
    """
    unit = ["geography_level", "geography_code", "weight_group", "agency_id"]
    weights = agency_weight.select(
        *unit,
        "population_share",
        "weight",
        has_weights=pl.col("weight").is_not_null().any().over(unit[:-1]),
    ).collect()
    inferred = reporting_status.select("agency_id", is_inferred=pl.col("months_inferred") > 0).collect()
    members = (
        geography_members(geographies, agency_weight, weighting_frame)
        .join(weights, on=unit)
        .join(weighting_frame.select("agency_id", "n_total").collect(), on="agency_id")
        .join(inferred, on="agency_id", how="left")
        .sort("geography_number", *unit)
        .with_columns(size=pl.col("n_total") * pl.col("population_share"))
    )
    size, responds = pl.col("size"), pl.col("weight").is_not_null()
    known = size.filter(responds).sum()

    def share(part: pl.Expr) -> pl.Expr:
        return pl.when(size.sum() > 0).then(part / size.sum()).otherwise(0.0)

    return members.group_by("geography_number", maintain_order=True).agg(
        unreported_ratio=pl.when(~responds.any() | ((known == 0) & (size.sum() > 0)))
        .then(None)
        .when(known > 0)
        .then(size.filter(~responds).sum() / known)
        .otherwise((~responds).sum() / responds.sum()),
        largest_missing_share=share(size.filter(~responds).max().fill_null(0.0)),
        without_weights_share=share(size.filter(~pl.col("has_weights")).sum()),
        has_inferred_months=(pl.col("is_inferred").fill_null(False) & responds).any(),
    )


def _log_omitted(geographies: pl.DataFrame, counted: pl.DataFrame, weighted: set[str]) -> None:
    """Log one line for each level with omitted geographies."""
    missing = geographies.join(counted, on="geography_number", how="anti").sort("geography_number")
    for (level,), rows in missing.group_by("geography_level", maintain_order=True):
        reason = "they have no eligible agency" if level in weighted else "no agency has a weight of this level"
        _log.info("%s: %d geographies are omitted because %s", level, rows.height, reason)


def _location(is_partial_nation: bool) -> pl.Expr:
    """The published name; it states if the run is not of all states, or if the frame has only reporting agencies."""
    level, label = pl.col("geography_level"), pl.col("label")
    name = label
    if is_partial_nation:
        states = pl.lit("all states in this run")
        name = (
            pl.when(level == "nation")
            .then(pl.concat_str([states, "agency_group"], separator=", ", ignore_nulls=True))
            .when(level.is_in(_TYPE_LEVELS))
            .then(pl.format("{} of {}", label, states))
            .otherwise(label)
        )
    return pl.when(_IS_REPORTING_ONLY).then(pl.format("reporting agencies of {}", name)).otherwise(name)


def _models(weight_cell: pl.DataFrame) -> pl.DataFrame:
    """The calibration variables of all cells of each area (handbook 07 and 08)."""
    is_fitted = (
        pl.col("rule").is_in([WeightRule.CALIBRATED, WeightRule.INVERSE_COVERAGE])
        & pl.col("crossing_number").is_not_null()
    )
    area = ("geography_level", "geography_code")
    cells = weight_cell.filter(is_fitted).sort(*area, "crossing_number")
    controls = (
        pl.when(pl.col("rule") == WeightRule.CALIBRATED)
        .then(pl.col("controls").fill_null(""))
        .otherwise(pl.lit("total"))
    )
    rows = [
        (level, code, name)
        for level, code, crossing, text in cells.select(*area, "crossing_number", controls).iter_rows()
        for name in sorted(filter(None, (variable_name(level, crossing, c) for c in text.split(","))))
    ]
    names = pl.DataFrame(rows, schema=dict.fromkeys((*area, "name"), pl.String), orient="row")
    return names.group_by(area, maintain_order=True).agg(calibration_model=pl.col("name").str.join(","))
