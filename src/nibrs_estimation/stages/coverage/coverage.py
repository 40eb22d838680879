"""Coverage: which geographies are estimated, who is behind each, and how much of it the respondents serve."""

from __future__ import annotations

import logging

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.coverage import COVERAGE
from nibrs_estimation.model.fields import WeightRule
from nibrs_estimation.model.weights import variable_name
from nibrs_estimation.stages.coverage.pieces import geography_pieces

_log = logging.getLogger(__name__)

#: Kinds of agency whose response is told apart: name in the columns -> types of agency.
TOLD_APART = {
    "tribal": ("Tribal",),
    "state_police": ("State Police",),
    "other": ("Other", "Other State Agency"),
}
#: Levels of agencies of one type all over the nation.
_TYPE_LEVELS = ("university", "tribal")
_IS_REPORTING_ONLY = pl.col("universe_scope") == "reporting"


def measure_coverage(
    universe: pl.LazyFrame,
    weighting_frame: pl.LazyFrame,
    agency_weight: pl.LazyFrame,
    weight_cell: pl.LazyFrame,
    geography: pl.LazyFrame,
    agency_county: pl.LazyFrame,
    year: int,
) -> pl.DataFrame:
    """Count agencies, pieces and populations behind each geography, and name its calibration model.

    The geographies are those of dataset ``geography``, otherwise nation, regions and states. A region appears
    only if all of its states are in the run, and no geography does that has no eligible agency. Where the frame holds
    only agencies that reported, places are named as such and population coverage is missing: it would be 1 by
    construction.
    """
    frame = weighting_frame.select("agency_id", "state_abbr", "agency_type_name", "is_respondent").collect()
    run_states = set(frame["state_abbr"])
    geographies = _without_partial_regions(_geographies(geography.collect()), run_states)
    pieces = geography_pieces(geographies.lazy(), agency_weight, weighting_frame, agency_county, year)
    scopes = universe.select("agency_id", "universe_scope").collect()
    counted = _counted(pieces, frame.join(scopes, on="agency_id", how="left"))
    _tell_left_out(geographies, counted, set(agency_weight.collect()["geography_level"]))
    is_partial = run_states != set(code_list("state")["state_abbr"])
    return (
        geographies.join(counted, on="geography_number")
        .join(_models(weight_cell.collect()), on=["geography_level", "geography_code"], how="left")
        .with_columns(
            estimate_geographic_location=_location(is_partial),
            population_coverage=pl.when(~_IS_REPORTING_ONLY & (pl.col("population") > 0)).then(
                pl.col("population_responding") / pl.col("population")
            ),
            # Only metropolitan areas have principal cities.
            is_missing_principal_city=pl.when(pl.col("geography_level") == "msa").then("is_missing_principal_city"),
            is_model_used=(pl.col("geography_level") == "nation") | pl.col("calibration_model").is_not_null(),
        )
        .select(COVERAGE.schema.names())
        .sort("geography_number")
    )


def _geographies(listed: pl.DataFrame) -> pl.DataFrame:
    """The geographies to be measured: number, level, code, agency group, label, whether excluded."""
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


def _without_partial_regions(geographies: pl.DataFrame, run_states: set[str]) -> pl.DataFrame:
    """The geographies without the regions of which a state is not in the run."""
    states = code_list("state")
    partial = states.filter(~pl.col("state_abbr").is_in(list(run_states)))["region_code"].cast(pl.String)
    is_partial = (pl.col("geography_level") == "region") & pl.col("geography_code").is_in(partial.implode())
    if number := geographies.filter(is_partial).height:
        _log.info("region: %d geographies are left out, for some of their states are not in the run", number)
    return geographies.filter(~is_partial)


def _counted(pieces: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """Agencies, pieces and populations of each geography."""
    core = pl.col("is_core_city")
    agencies = (
        pieces.group_by("geography_number", "agency_id")
        .agg(
            pieces=pl.len(),
            # The parts of an agency add up to a whole number of people but for the last bits.
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
            for name, types in TOLD_APART.items()
        },
    )


def _tell_left_out(geographies: pl.DataFrame, counted: pl.DataFrame, weighted: set[str]) -> None:
    """One line in the log for each level of which geographies are left out."""
    missing = geographies.join(counted, on="geography_number", how="anti").sort("geography_number")
    for (level,), rows in missing.group_by("geography_level", maintain_order=True):
        reason = "they have no eligible agency" if level in weighted else "no agency has a weight of this level"
        _log.info("%s: %d geographies are left out, for %s", level, rows.height, reason)


def _location(is_partial_nation: bool) -> pl.Expr:
    """The name as published: parts of the nation and frames of reporters alone are called what they are."""
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
    """The calibration variables of each area, of all of its cells (handbook 07 and 08)."""
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
