"""The geographies of summary estimates, with their numbers (handbook 16)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.geography import SUMMARY_GEOGRAPHY
from nibrs_estimation.survey.units import AREAS

#: Numbers that areas of counties take in alphabetical order: level -> ranges.
_NUMBERS = {
    "msa": (range(66, 450), range(788, 860)),
    "judicial_district": (range(450, 540),),
    "field_office": (range(540, 595),),
    "metro_division": (range(751, 788),),
}
#: Areas beyond the reference's numbers.
_FIRST_FREE = 1001


def list_nation() -> pl.DataFrame:
    """List the nation alone, for series of many years."""
    wholes = code_list("summary_geography").rename({"estimate_geographic_location": "label"})
    return _listed(wholes.filter(pl.col("geography_level") == "nation"))


def list_geographies(agency_county: pl.LazyFrame, year: int) -> pl.DataFrame:
    """List nation, regions, census divisions, states, and the areas of counties in which agencies are known to be."""
    wholes = code_list("summary_geography").rename({"estimate_geographic_location": "label"})
    located = agency_county.filter(pl.col("data_year") == year).collect()
    parts, free = [wholes], _FIRST_FREE
    for level, ranges in _NUMBERS.items():
        names = located[AREAS[level]].drop_nulls().unique().sort()
        numbers = [number for each in ranges for number in each][: len(names)]
        beyond = len(names) - len(numbers)
        numbers += range(free, free + beyond)
        free += beyond
        parts.append(
            pl.DataFrame(
                {"geography_number": numbers, "geography_level": level, "geography_code": names, "label": names},
                schema=wholes.schema,
            )
        )
    return _listed(pl.concat(parts))


def _listed(geographies: pl.DataFrame) -> pl.DataFrame:
    return SUMMARY_GEOGRAPHY.cast(
        geographies.with_columns(
            agency_group=pl.lit(None, pl.String),
            filter_expression=pl.lit(""),
            is_excluded=pl.lit(False),
        )
    )
