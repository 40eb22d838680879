"""The pieces of agencies in counties, and the geographies to which they belong (handbook 07 and 08)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.survey.geographies import geography_members
from nibrs_estimation.survey.units import AREAS

_COLUMNS = ("geography_number", "agency_id", "county_fips", "is_core_city", "residents")


def geography_pieces(
    geographies: pl.LazyFrame,
    agency_weight: pl.LazyFrame,
    weighting_frame: pl.LazyFrame,
    agency_county: pl.LazyFrame,
    year: int,
) -> pl.DataFrame:
    """The pieces of eligible agencies in each geography, without repeats if an agency has several units.

    In nation, regions and states, and for universities and tribes, the population of an agency is divided among its
    pieces. In areas that consist of counties each piece has its own residents. An agency without a piece in the area
    counts as one piece without county, with its population times its share in the area.

    Args:
        geographies: dataset ``coverage`` or ``geography``.
        agency_weight: dataset of that name.
        weighting_frame: dataset of that name.
        agency_county: dataset of that name.
        year: data year.

    Returns:
        ``geography_number``, ``agency_id``, ``county_fips``, ``is_core_city`` and ``residents``, sorted by the first
        three.
    """
    frame = weighting_frame.select("agency_id", "ori", served="population").collect()
    pieces = county_pieces(frame, agency_county.filter(pl.col("data_year") == year).collect())
    weights = agency_weight.collect()
    members = _agencies(geography_members(geographies, weights.lazy(), weighting_frame), weights)
    members = members.join(frame.select("agency_id", "served"), on="agency_id")
    is_area = pl.col("level").is_in(list(AREAS))
    parts = [_of_whole_agencies(members.filter(~is_area), pieces)]
    for level, column in AREAS.items():
        parts += _of_areas(members.filter(pl.col("level") == level), pieces, column)
    return pl.concat(parts).sort("geography_number", "agency_id", "county_fips")


def county_pieces(frame: pl.DataFrame, counties: pl.DataFrame) -> pl.DataFrame:
    """The pieces of eligible agencies, with their share of the sum of the agency's shares.

    Args:
        frame: ``agency_id`` and ``ori`` of the agencies.
        counties: dataset ``agency_county`` of the data year.

    Returns:
        ``agency_id``, ``county_fips``, ``county_name``, the names of areas, ``is_core_city``, ``people`` and
        ``piece_share``, sorted by the first two.
    """
    pieces = frame.join(counties, on="ori").sort("agency_id", "county_fips")
    share = pl.col("population_share")
    return pieces.select(
        "agency_id",
        "county_fips",
        "county_name",
        *AREAS.values(),
        "is_core_city",
        people="population",
        piece_share=share / share.sum().over("agency_id"),
    )


def _agencies(members: pl.DataFrame, agency_weight: pl.DataFrame) -> pl.DataFrame:
    """The agencies of each geography with their share in it: the sum over their units."""
    unit = ["geography_level", "geography_code", "weight_group", "agency_id"]
    return (
        members.join(agency_weight.select(*unit, "population_share"), on=unit)
        .sort("geography_number", *unit)
        .group_by("geography_number", "geography_level", "geography_code", "agency_id", maintain_order=True)
        .agg(pl.col("population_share").sum())
        .with_columns(level="geography_level")
    )


def _of_whole_agencies(members: pl.DataFrame, pieces: pl.DataFrame) -> pl.DataFrame:
    residents = pl.col("served") * pl.col("piece_share").fill_null(1.0)
    return members.join(pieces, on="agency_id", how="left").with_columns(residents=residents).select(_COLUMNS)


def _of_areas(members: pl.DataFrame, pieces: pl.DataFrame, column: str) -> list[pl.DataFrame]:
    inside = members.join(
        pieces.rename({column: "area"}), left_on=["agency_id", "geography_code"], right_on=["agency_id", "area"]
    )
    outside = members.join(inside, on=["geography_number", "agency_id"], how="anti").with_columns(
        county_fips=pl.lit(None, pl.String),
        is_core_city=pl.lit(None, pl.Boolean),
        # Rounded, so that populations are whole numbers.
        residents=(pl.col("served") * pl.col("population_share")).round(),
    )
    return [
        inside.with_columns(residents=pl.col("people").cast(pl.Float64)).select(_COLUMNS),
        outside.select(_COLUMNS),
    ]
