"""The units that are weighted: an agency in a geography, with the share of it that lies there (handbook 07).

An agency whose residents live in several counties enters a field office, judicial district or metropolitan area once,
with the shares of its counties there added up and its benchmark multiplied by them. The reference fits every piece of
it by itself; one agency then has several weights, and its pieces are no units of a sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.weights import CONTROLS
from nibrs_estimation.pipeline.errors import PipelineError

#: How far the shares of an agency may be from 1 in sum.
SHARE_TOLERANCE = 1e-6
#: Sub-state levels, and the column of dataset ``agency_county`` that names their areas.
AREAS = {
    "field_office": "field_office_name",
    "judicial_district": "judicial_district_name",
    "msa": "msa_name",
}
#: What agencies of one type are, by level.
TYPES = {"university": "University or College", "tribal": "Tribal"}


@dataclass(frozen=True)
class Units:
    """The units of one weight, by geography_code, division and agency_id.

    Attributes:
        frame: ``geography_code``, ``division`` (0, or the number of the metropolitan division), ``agency_id``,
            ``population_share``, ``is_respondent`` and the classes of dataset ``weighting_frame``.
        controls: (n, 10) benchmark times share, in the order of ``CONTROLS``.
    """

    frame: pl.DataFrame
    controls: NDArray[np.float64]


def units_of(geography_level: str, frame: pl.DataFrame, pieces: pl.DataFrame) -> Units:
    """The units of a weight.

    Args:
        geography_level: its name.
        frame: dataset ``weighting_frame``.
        pieces: of :func:`located_pieces`; needed for sub-state weights alone.
    """
    if geography_level in AREAS:
        members = (
            pieces.filter(pl.col(AREAS[geography_level]).is_not_null())
            .sort("agency_id", "county_fips")
            .group_by(
                "agency_id",
                geography_code=AREAS[geography_level],
                division="division" if geography_level == "msa" else pl.lit(0),
                maintain_order=True,
            )
            .agg(pl.col("population_share").sum())
        )
    else:
        code = {"nation": pl.lit("US"), "region": pl.col("region_code").cast(pl.String)}
        code |= {"state": pl.col("state_abbr"), **dict.fromkeys(TYPES, pl.lit("US"))}
        is_member = pl.col("agency_type_name") == TYPES.get(geography_level, "")
        if geography_level == "region":
            is_member = pl.col("region_code").is_in(whole_regions(frame))
        elif geography_level not in TYPES:
            is_member = pl.lit(True)
        members = frame.filter(is_member).select(
            "agency_id", geography_code=code[geography_level], division=pl.lit(0), population_share=pl.lit(1.0)
        )
    joined = members.join(frame, on="agency_id").sort("geography_code", "division", "agency_id")
    share = joined["population_share"].to_numpy()
    controls = joined.select(list(CONTROLS.values())).to_numpy() * share[:, None]
    kept = ["geography_code", "division", "agency_id", "population_share", "is_respondent", "state_abbr"]
    return Units(joined.select(*kept, "weight_class", "substate_class"), np.ascontiguousarray(controls))


def whole_regions(frame: pl.DataFrame) -> list[int]:
    """Regions all of whose states have agencies: part of a region is not the region."""
    states = code_list("state").select("state_abbr", "region_code")
    present = states.filter(pl.col("state_abbr").is_in(frame["state_abbr"].unique().implode()))
    whole = states.group_by("region_code").len().join(present.group_by("region_code").len(), on=["region_code", "len"])
    return whole["region_code"].sort().to_list()


def located_pieces(agency_county: pl.DataFrame, frame: pl.DataFrame, year: int) -> pl.DataFrame:
    """The pieces of eligible agencies in counties, with the number of the metropolitan division (handbook 07).

    Divisions of areas that hold more than one are numbered 1 upward in alphabetical order; all else is division 0.

    Returns:
        ``agency_id``, ``county_fips`` (missing for an agency that is known to lie in a district or office but has no
        county), ``population_share``, the names of the areas, ``metro_division_name`` (missing
        where an area is not split) and ``division``.

    Raises:
        PipelineError: a share is below 0 or above 1, or the shares of an agency do not add up to 1.
    """
    pieces = (
        agency_county.filter(pl.col("data_year") == year)
        .join(frame.select("agency_id", "ori"), on="ori")
        .sort("agency_id", "county_fips")
    )
    wrong = (
        pieces.group_by("agency_id", "ori", maintain_order=True)
        .agg(pl.col("population_share").sum())
        .filter((pl.col("population_share") - 1).abs() > SHARE_TOLERANCE)
    )
    if wrong.height:
        raise PipelineError(
            f"Dataset agency_county: the shares of {wrong.height} agencies in their counties do not add up to 1, the "
            f"first {wrong['ori'][0]} with {wrong['population_share'][0]:.6f}. Correct population_share (propMult)."
        )
    beyond = pieces.filter(~pl.col("population_share").is_between(0, 1 + SHARE_TOLERANCE))
    if beyond.height:
        raise PipelineError(
            f"Dataset agency_county: {beyond.height} shares are none, the first {beyond['population_share'][0]} of "
            f"{beyond['ori'][0]} in county {beyond['county_fips'][0]}. Correct population_share (propMult): 0 to 1."
        )
    pieces = _with_known_places(pieces, frame) if pieces.height else pieces
    is_split = pl.col("metro_division_name").drop_nulls().n_unique().over("msa_name") > 1
    pieces = pieces.with_columns(pl.when(is_split & pl.col("msa_name").is_not_null()).then("metro_division_name"))
    names = pieces["metro_division_name"].drop_nulls().unique().sort()
    numbers = pl.DataFrame({"metro_division_name": names, "division": pl.int_range(1, len(names) + 1, eager=True)})
    return (
        pieces.join(numbers, on="metro_division_name", how="left", maintain_order="left")
        .with_columns(pl.col("division").fill_null(0))
        .select("agency_id", "county_fips", "population_share", *AREAS.values(), "metro_division_name", "division")
    )


def _with_known_places(pieces: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """Give the agencies of a short list the district and office that no county tells (handbook 07).

    One that has no county at all gets a piece without one.
    """
    known = code_list("place_override").join(frame.select("agency_id", "ori"), on="ori")
    joined = pieces.join(known.drop("ori"), on="agency_id", how="full", coalesce=True, suffix="_known")
    names = ("judicial_district_name", "field_office_name")
    return joined.with_columns(
        pl.col("population_share").fill_null(1.0), *(pl.coalesce(name, f"{name}_known") for name in names)
    ).sort("agency_id", "county_fips")


def division_names(pieces: pl.DataFrame) -> list[str]:
    """Names of the metropolitan divisions, number 1 upward, from :func:`located_pieces`."""
    return pieces.filter(pl.col("division") > 0).unique("division").sort("division")["metro_division_name"].to_list()
