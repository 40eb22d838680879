"""The wide file of summary counts ("RETA-MM"): months reported and Return A items of each agency.

Source: handbook 02 and 06.
"""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.return_a import FIRST_NUMBER, MONTH_NAMES, STRIDE

_NAMES = {
    "ORI": "ORI_UNIV",
    "LEGACY_ORI": "ORI",
    "FEMALE_OFFICER+FEMALE_CIVILIAN": "FEMALE_OFFICER_FEMALE_CIVIL_UNIV",
    "MALE_OFFICER+MALE_CIVILIAN": "MALE_OFFICER_MALE_CIVILIAN_UNIV",
    "MSA_NAME": "MSA_UNIV",
    "PE_MALE_OFFICER_COUNT": "MALE_OFFICER_UNIV",
    "PE_MALE_CIVILIAN_COUNT": "MALE_CIVILIAN_UNIV",
    "PE_FEMALE_OFFICER_COUNT": "FEMALE_OFFICER_UNIV",
    "PE_FEMALE_CIVILIAN_COUNT": "FEMALE_CIVILIAN_UNIV",
}


def reta_mm(universe: pl.LazyFrame, report_month: pl.LazyFrame, srs_month: pl.LazyFrame, year: int) -> pl.DataFrame:
    """One row for each agency of the universe file, in its order.

    Args:
        universe: the universe file of the year, upper case (:func:`universe_file`).
        report_month: dataset of that name.
        srs_month: dataset of that name.
        year: the data year.

    Returns:
        The universe's columns by their names here, ``data_year``, twelve flags ``jan_mm_flag`` ... (1 a report of
        either form was received, 0 none; 9 for covered agencies without any report in the year), and ``v70`` ... with
        the 29 items of each month, 0 if nothing was counted.
    """
    agencies = universe.drop("UCR_AGENCY_NAME").collect()
    flags = _flags(report_month.filter(pl.col("data_year") == year).collect())
    items = _items(srs_month.filter(pl.col("data_year") == year).collect())
    joined = agencies.join(flags, on="AGENCY_ID", how="left", maintain_order="left").join(
        items, on="AGENCY_ID", how="left", maintain_order="left"
    )
    none = pl.when(pl.col("COVERED_FLAG") == "Y").then(9).otherwise(0).cast(pl.Int8)
    return joined.with_columns(
        pl.lit(year, pl.Int16).alias("data_year"),
        *(pl.coalesce(name, none) for name in _flag_names()),
        *(pl.col(name).fill_null(0) for name in _number_names()),
    ).select(
        *(pl.col(name).alias(_NAMES.get(name, f"{name}_UNIV")) for name in agencies.columns),
        "data_year",
        *_flag_names(),
        *_number_names(),
    )


def _flag_names() -> list[str]:
    return [f"{month}_mm_flag" for month in MONTH_NAMES]


def _number_names() -> list[str]:
    items = code_list("srs_item").height
    return [f"v{FIRST_NUMBER + STRIDE * month + item}" for month in range(12) for item in range(items)]


def _flags(months: pl.DataFrame) -> pl.DataFrame:
    """1 if a report was received, otherwise 0, for agencies with any report."""
    return months.group_by(AGENCY_ID="agency_id").agg(
        pl.col("month").eq(number).any().cast(pl.Int8).alias(name) for number, name in enumerate(_flag_names(), start=1)
    )


def _items(counts: pl.DataFrame) -> pl.DataFrame:
    name = pl.format("v{}", FIRST_NUMBER + STRIDE * (pl.col("month").cast(pl.Int32) - 1) + pl.col("item_code"))
    wide = (
        counts.select("n", AGENCY_ID="agency_id", name=name)
        .group_by("AGENCY_ID", "name")
        .agg(pl.col("n").sum())
        .pivot("name", index="AGENCY_ID", values="n")
        if counts.height
        else pl.DataFrame(schema={"AGENCY_ID": pl.Int32()})
    )
    absent = [pl.lit(0, pl.Int32).alias(column) for column in _number_names() if column not in wide.columns]
    return wide.with_columns(absent)
