"""The sampled agencies of all geographies in one sample, as input of the estimation of cells."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.coverage import is_whole_place
from nibrs_estimation.model.fields import WeightRule
from nibrs_estimation.model.weights import CONTROLS
from nibrs_estimation.stats.linearization.variance_form import Memberships, Sample
from nibrs_estimation.survey.geographies import geography_members
from nibrs_estimation.survey.strata import variance_strata

LOG = logging.getLogger(__name__)
_PLACE = ["geography_level", "geography_code"]
_GROUP = [*_PLACE, "weight_group"]
#: Weight group and stratum of arrests without an agency, sorted before all others.
_NO_GROUP = -1


@dataclass(frozen=True, eq=False)
class Design:
    """The sampled agencies, and the geographies to which they belong.

    Attributes:
        sample: respondents of every place that has weights; a place is the nation, a state or an area.
        members: geographies of the sampled agencies; domain k is ``geographies[k]``.
        agencies: identifiers of the respondents, ascending: the rows of the tables' matrices. Identifiers below 0 are
            not agencies; each represents the arrests of a state without an agency.
        geographies: numbers of the geographies, ascending.
        is_whole: which of them are the nation, a region or a state with all of its agencies.
        respondents: geographies x agencies, 1 where the agency is a member, otherwise 0.
    """

    sample: Sample
    members: Memberships
    agencies: pl.Series
    geographies: NDArray[np.int32]
    is_whole: NDArray[np.bool_]
    respondents: sparse.csr_array


def estimation_design(
    coverage: pl.LazyFrame,
    weighting_frame: pl.LazyFrame,
    agency_weight: pl.LazyFrame,
    weight_cell: pl.LazyFrame,
    calibration_variable: pl.LazyFrame,
    unit_profile: pl.LazyFrame,
) -> Design:
    """The design of every geography that is not excluded and has a respondent (handbook 11).

    The agency is the sampling unit. In each place it has its weight before proration, and its counts are multiplied by
    the share of the agency in the place. A part of a place, such as the cities of the nation, is a domain: the other
    agencies stay in the sample with counts of 0.

    Arrests of a state without an agency are in every place that contains the whole state, as one unit of weight 1. Its
    stratum is fully sampled, so it adds nothing to the variance.
    """
    wanted = coverage.filter(~pl.col("is_excluded")).sort("geography_number").collect()
    geographies = wanted.filter(pl.col("responding_agencies") > 0)
    without_respondent = wanted.filter(pl.col("responding_agencies") == 0)["estimate_geographic_location"].to_list()
    if without_respondent:
        names = "; ".join(without_respondent)
        LOG.warning("%d geographies have no respondent and no estimates: %s", len(without_respondent), names)
    without_agency = _units_without_agency(geographies, weighting_frame, unit_profile)
    units = _units(geographies, agency_weight, weight_cell.collect(), without_agency)
    members = (
        geography_members(geographies.lazy(), agency_weight, weighting_frame)
        .join(units.select(*_GROUP, "agency_id", "unit"), on=[*_GROUP, "agency_id"])
        .select("geography_number", "unit")
    )
    of_wholes = geographies.filter(is_whole_place()).join(units.filter(pl.col("weight_group") == _NO_GROUP), on=_PLACE)
    members = pl.concat([members, of_wholes.select(members.columns)]).sort("geography_number", "unit")
    numbers = members["geography_number"].unique().sort()
    agencies = units["agency_id"].unique().sort()
    first = np.flatnonzero(np.diff(units["stratum_number"].to_numpy(), prepend=-1))
    sample = Sample(
        psu=np.searchsorted(agencies.to_numpy(), units["agency_id"].to_numpy()),
        weight=units["weight"].to_numpy(),
        share=units["population_share"].to_numpy(),
        stratum=units["stratum_number"].to_numpy(),
        group=units["weight_group"].cast(pl.Int64).to_numpy(),
        controls=_controls(units, calibration_variable.collect(), weighting_frame.collect()),
        stratum_population=units["stratum_agencies"].to_numpy()[first],
        stratum_design=units["place_number"].to_numpy()[first],
    )
    domain, unit = np.searchsorted(numbers, members["geography_number"]), members["unit"].to_numpy()
    shape = (len(numbers), len(agencies))
    return Design(
        sample=sample,
        members=Memberships(unit, domain, len(numbers)),
        agencies=agencies,
        geographies=numbers.to_numpy(),
        is_whole=numbers.is_in(geographies.filter(is_whole_place())["geography_number"].implode()).to_numpy(),
        respondents=sparse.csr_array((np.ones(len(unit)), (domain, sample.psu[unit])), shape=shape),
    )


def _units_without_agency(
    geographies: pl.DataFrame, weighting_frame: pl.LazyFrame, unit_profile: pl.LazyFrame
) -> pl.DataFrame:
    """Units that represent arrests without an agency, in a separate stratum of each place with their state."""
    regions = code_list("state").select("state_abbr", region=pl.col("region_code").cast(pl.String))
    return (
        unit_profile.filter(pl.col("agency_id") < 0)
        .select("state_abbr", "agency_id")
        .unique()
        .join(weighting_frame, on="state_abbr", how="semi")
        .collect()
        .join(regions, on="state_abbr")
        .select("agency_id", "region", nation=pl.lit("US"), state="state_abbr")
        .unpivot(index="agency_id", variable_name="geography_level", value_name="geography_code")
        .join(geographies.filter(is_whole_place()).unique(_PLACE), on=["geography_level", "geography_code"])
        .select(
            *_PLACE,
            "agency_id",
            weight_group=pl.lit(_NO_GROUP, pl.Int32),
            stratum=pl.lit(_NO_GROUP, pl.Int32),
            stratum_agencies=pl.len().over(_PLACE),
            weight=pl.lit(1.0),
            population_share=pl.lit(1.0),
            is_model_used=pl.lit(False),
            rule=pl.lit(WeightRule.SELF_REPRESENTING),
        )
    )


def _units(
    geographies: pl.DataFrame, agency_weight: pl.LazyFrame, weight_cell: pl.DataFrame, without_agency: pl.DataFrame
) -> pl.DataFrame:
    """The respondents of each place, by place, stratum, weight group and agency, numbered by ``unit``."""
    places = geographies.group_by(_PLACE).agg(pl.col("is_model_used").any())
    respondents = (
        agency_weight.filter(pl.col("weight").is_not_null())
        .collect()
        .join(places, on=_PLACE)
        .join(variance_strata(weight_cell), on=_GROUP)
        .join(weight_cell.select(*_GROUP, "rule"), on=_GROUP)
        .select(without_agency.columns)
    )
    return (
        pl.concat([respondents, without_agency.cast(respondents.schema)])
        .sort(*_PLACE, "stratum", "weight_group", "agency_id")
        .with_columns(
            place_number=pl.struct(_PLACE).rle_id().cast(pl.Int64),
            stratum_number=pl.struct(*_PLACE, "stratum").rle_id().cast(pl.Int64),
            unit=pl.int_range(pl.len(), dtype=pl.Int64),
        )
    )


def _controls(units: pl.DataFrame, calibration_variable: pl.DataFrame, frame: pl.DataFrame) -> NDArray[np.float64]:
    """Units x controls: the controls to which the unit's group was calibrated; otherwise, or without a model, 0.

    Respondents with nearly all crime of their group have weight 1. This meets the group's total within one percent, so
    the group counts as calibrated to its total.
    """
    names = [*CONTROLS, "assault_and_robbery"]
    x = np.zeros((units.height, len(names)))
    key = [*_GROUP, "agency_id"]
    values = (
        units.filter("is_model_used")
        .select("unit", *key)
        .join(calibration_variable, on=key)
        .with_columns(column=pl.col("control").replace_strict(names, range(len(names)), return_dtype=pl.Int64))
    )
    x[values["unit"].to_numpy(), values["column"].to_numpy()] = values["value"].to_numpy()
    total = units.join(frame.select("agency_id", "n_total"), on="agency_id", how="left", maintain_order="left")
    has_full_coverage = (total["rule"] == WeightRule.FULL_COVERAGE).to_numpy()
    x[has_full_coverage, 0] = (total["n_total"] * total["population_share"]).to_numpy()[has_full_coverage]
    return x
