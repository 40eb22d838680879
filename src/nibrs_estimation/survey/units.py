"""The units that are weighted: an agency in a geography, with the share of the agency in it (handbook 07).

An agency with residents in several counties is one unit of a field office, judicial district or metropolitan area: the
shares of its counties in the area are added, and its benchmark is multiplied by the sum. The reference fits each piece
(agency in a county) separately; an agency then has several weights, and its pieces are not sampling units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.weights import CONTROLS
from nibrs_estimation.pipeline.errors import PipelineError

#: Largest accepted difference between 1 and the sum of the shares of an agency.
SHARE_TOLERANCE = 1e-6
#: Sub-state levels, and the column of dataset ``agency_county`` that names their areas.
AREAS = {
    "field_office": "field_office_name",
    "judicial_district": "judicial_district_name",
    "msa": "msa_name",
    "metro_division": "metro_division_name",
}
#: Levels with agencies of one type -> the type.
TYPES = {"university": "University or College", "tribal": "Tribal"}


@dataclass(frozen=True)
class Units:
    """The units of one geography level, sorted by geography_code, division and agency_id.

    Attributes:
        frame: ``geography_code``, ``division`` (0, or the number of the metropolitan division), ``agency_id``,
            ``population_share``, ``is_respondent`` and the classes of dataset ``weighting_frame``.
        controls: (n, 10) benchmark times share, in the order of ``CONTROLS``.
    """

    frame: pl.DataFrame
    controls: NDArray[np.float64]


def units_of(geography_level: str, frame: pl.DataFrame, pieces: pl.DataFrame) -> Units:
    """The units of a geography level.

    Args:
        geography_level: name of the level.
        frame: dataset ``weighting_frame``.
        pieces: result of :func:`located_pieces`; used only for sub-state levels.
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
        code |= {"division": _division(), "state": pl.col("state_abbr"), **dict.fromkeys(TYPES, pl.lit("US"))}
        is_member = pl.col("agency_type_name") == TYPES.get(geography_level, "")
        if geography_level == "region":
            is_member = pl.col("region_code").is_in(whole_regions(frame))
        elif geography_level == "division":
            is_member = _division().is_in(whole_divisions(frame))
        elif geography_level not in TYPES:
            is_member = pl.lit(True)
        members = frame.filter(is_member).select(
            "agency_id", geography_code=code[geography_level], division=pl.lit(0), population_share=pl.lit(1.0)
        )
    joined = members.join(frame, on="agency_id").sort("geography_code", "division", "agency_id")
    share = joined["population_share"].to_numpy()
    controls = joined.select(list(CONTROLS.values())).to_numpy() * share[:, None]
    columns = ["geography_code", "division", "agency_id", "population_share", "is_respondent", "state_abbr"]
    return Units(joined.select(*columns, "weight_class", "substate_class"), np.ascontiguousarray(controls))


def whole_regions(frame: pl.DataFrame) -> list[int]:
    """Regions in which all states have agencies; a part of a region is not estimated."""
    return _whole("region_code", frame)


def whole_divisions(frame: pl.DataFrame) -> list[str]:
    """Codes of census divisions in which all states have agencies."""
    return [str(code) for code in _whole("division_code", frame)]


def _whole(column: str, frame: pl.DataFrame) -> list[int]:
    states = code_list("state").select("state_abbr", column)
    present = states.filter(pl.col("state_abbr").is_in(frame["state_abbr"].unique().implode()))
    whole = states.group_by(column).len().join(present.group_by(column).len(), on=[column, "len"])
    return whole[column].sort().to_list()


def _division() -> pl.Expr:
    """Code of the census division of an agency, from its state."""
    states = code_list("state").select("state_abbr", pl.col("division_code").cast(pl.String))
    return pl.col("state_abbr").replace_strict(dict(states.iter_rows()), default=None, return_dtype=pl.String)


def located_pieces(agency_county: pl.DataFrame, frame: pl.DataFrame, year: int) -> pl.DataFrame:
    """The pieces of eligible agencies in counties, with the number of the metropolitan division (handbook 07).

    Divisions of areas with more than one are numbered from 1 in alphabetical order; other pieces have division 0.

    Returns:
        ``agency_id``, ``county_fips`` (missing for an agency that is known to be in a district or office but has no
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
            f"Dataset agency_county: {beyond.height} shares are not between 0 and 1, the first "
            f"{beyond['population_share'][0]} of {beyond['ori'][0]} in county {beyond['county_fips'][0]}. Correct "
            "population_share (propMult)."
        )
    pieces = _with_known_places(pieces, frame) if pieces.height else pieces
    is_split = pl.col("metro_division_name").drop_nulls().n_unique().over("msa_name") > 1
    pieces = pieces.with_columns(pl.when(is_split & pl.col("msa_name").is_not_null()).then("metro_division_name"))
    names = pieces["metro_division_name"].drop_nulls().unique().sort()
    numbers = pl.DataFrame({"metro_division_name": names, "division": pl.int_range(1, len(names) + 1, eager=True)})
    return (
        pieces.join(numbers, on="metro_division_name", how="left", maintain_order="left")
        .with_columns(pl.col("division").fill_null(0))
        .select("agency_id", "county_fips", "population_share", *AREAS.values(), "division")
    )


def _with_known_places(pieces: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """Add the district and office of agencies in code list ``place_override``, which no county gives (handbook 07).

    An agency without a county gets a piece without a county.
    """
    known = code_list("place_override").join(frame.select("agency_id", "ori"), on="ori")
    joined = pieces.join(known.drop("ori"), on="agency_id", how="full", coalesce=True, suffix="_known")
    names = ("judicial_district_name", "field_office_name")
    return joined.with_columns(
        pl.col("population_share").fill_null(1.0), *(pl.coalesce(name, f"{name}_known") for name in names)
    ).sort("agency_id", "county_fips")


def division_names(pieces: pl.DataFrame) -> list[str]:
    """Names of the metropolitan divisions, from number 1, from :func:`located_pieces`."""
    return pieces.filter(pl.col("division") > 0).unique("division").sort("division")["metro_division_name"].to_list()
