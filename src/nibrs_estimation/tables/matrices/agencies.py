"""Attributes of agencies that tables use: population group, type, metropolitan status (handbook 10)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.codes import code_list

#: Metropolitan status of an agency whose counties are unknown.
_MISSING = 4
_CITY_IDS = (3, 11)
#: Region of agencies outside the states.
_NO_REGION = 99


def agency_categories(
    agencies: pl.Series,
    weighting_frame: pl.LazyFrame,
    agency: pl.LazyFrame,
    agency_county: pl.LazyFrame,
    year: int,
) -> Mapping[str, NDArray[np.int8]]:
    """Variable -> category of each agency, 0 if none: ``population_group``, ``agency_type``, ``msa``, ``region``.

    Args:
        agencies: identifiers, in the order of the result.
        weighting_frame: dataset of that name.
        agency: dataset of that name, with counties and areas of agencies that are not in ``agency_county``.
        agency_county: dataset of that name; the latest year up to the data year is used.
        year: data year.
    """
    groups = code_list("population_group").select(
        population_group_code="code",
        population_group=pl.col("size_group").cast(pl.Int8),
        population_group_id=pl.col("population_group_id").cast(pl.Int16),
    )
    types = code_list("agency_type").select(
        agency_type_name="label", agency_type=pl.col("der_agency_type_1_7").cast(pl.Int8)
    )
    frame = (
        weighting_frame.select("agency_id", "ori", "population_group_code", "agency_type_name", "region_code")
        .collect()
        .join(groups, on="population_group_code", how="left")
        .join(types, on="agency_type_name", how="left")
    )
    status = _metropolitan_status(frame, agency.filter(pl.col("data_year") == year), agency_county.collect(), year)
    known = (
        pl.DataFrame({"agency_id": agencies})
        .join(frame, on="agency_id", how="left", maintain_order="left")
        .join(status, on="ori", how="left", maintain_order="left")
    )
    return {
        "population_group": known["population_group"].fill_null(0).to_numpy(),
        "agency_type": known["agency_type"].fill_null(0).to_numpy(),
        "msa": known["msa"].fill_null(_MISSING).to_numpy(),
        "region": known["region_code"].replace(_NO_REGION, 0).fill_null(0).to_numpy(),
    }


def _metropolitan_status(
    frame: pl.DataFrame, agency: pl.LazyFrame, agency_county: pl.DataFrame, year: int
) -> pl.DataFrame:
    """Status of each agency whose counties are known; of several, that of most residents, then the smallest."""
    of_year = agency_county.filter(pl.col("data_year") <= year).filter(pl.col("data_year") == pl.col("data_year").max())
    named = of_year.select("ori", "msa_name", "population")
    others = (
        agency.filter(pl.col("county_name").is_not_null())
        .select("ori", "msa_name", population=pl.lit(0, pl.Int32))
        .collect()
        .join(named, on="ori", how="anti")
    )
    is_city = pl.col("population_group_id").is_between(*_CITY_IDS).fill_null(False)
    status = pl.when(pl.col("msa_name").is_not_null()).then(1).when(is_city).then(2).otherwise(3).cast(pl.Int8)
    return (
        pl.concat([named, others])
        .join(frame.select("ori", "population_group_id"), on="ori")
        .with_columns(msa=status)
        .group_by("ori", "msa")
        .agg(pl.col("population").sum())
        .sort("ori", "population", "msa", descending=[False, True, False])
        .unique("ori", keep="first", maintain_order=True)
        .select("ori", "msa")
    )
