"""The reporting-pattern dataset: one row for each agency and year (handbook 02)."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.completeness import (
    MIN_MONTHS_REPORTED,
    MONTH_NAMES,
    OFFENSE_GROUPS,
    REPORTING_PATTERN,
)
from nibrs_estimation.stages.completeness.months import MONTHS_PER_YEAR
from nibrs_estimation.survey.covering import covered_populations
from nibrs_estimation.survey.eligibility import ineligible_reason, with_own_reports


def describe_patterns(
    agency: pl.LazyFrame,
    agency_county: pl.LazyFrame,
    agency_month: pl.LazyFrame,
    agency_month_offense: pl.LazyFrame,
) -> pl.LazyFrame:
    """Make one row for each agency and year: attributes, months by offense group, patterns, and reporting class."""
    agencies = with_own_reports(agency, agency_month_offense).sort("data_year", "agency_id").collect()
    months = agencies.select("data_year", "agency_id").join(
        agency_month.collect(), on=["data_year", "agency_id"], how="left", maintain_order="left"
    )
    months = months.sort("data_year", "agency_id", "month")
    is_reported = _matrix(months["is_reported"])
    counties = (
        agency_county.select("data_year", "ori", "county_fips")
        .unique()
        .sort("data_year", "ori", "county_fips")
        .group_by("data_year", "ori")
        .agg(county_fips_codes=pl.col("county_fips").str.join(";"))
        .collect()
    )
    return (
        agencies.join(counties, on=["data_year", "ori"], how="left", maintain_order="left")
        .join(covered_populations(agencies), on=["data_year", "agency_id"], how="left", maintain_order="left")
        .with_columns(
            is_eligible=ineligible_reason().is_null(),
            nibrs_start_month=pl.col("nibrs_start_date").dt.month(),
            nibrs_start_year=pl.col("nibrs_start_date").dt.year().cast(pl.Int16),
            months_reported=pl.Series(is_reported.sum(axis=1), dtype=pl.Int8),
            own_population=pl.col("population") - pl.col("covered_population"),
            has_repaired_flag=pl.Series(_matrix(months["is_flag_repaired"]).any(axis=1)),
        )
        .with_columns(reporting_class=_reporting_class())
        .with_columns(_month_columns(months, is_reported))
        .select(REPORTING_PATTERN.schema.names())
        .lazy()
    )


def longest_run(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Length of the longest run of True in each row: (n,)."""
    run = np.zeros(len(flags), dtype=np.int64)
    longest = run.copy()
    for column in flags.T:
        run = np.where(column, run + 1, 0)
        longest = np.maximum(longest, run)
    return longest


def _reporting_class() -> pl.Expr:
    is_partial = pl.col("is_eligible") & pl.col("is_nibrs") & (pl.col("months_reported") >= MIN_MONTHS_REPORTED)
    return (
        pl.when(pl.col("months_reported") == MONTHS_PER_YEAR)
        .then(pl.lit("full"))
        .when(is_partial)
        .then(pl.lit("partial"))
        .otherwise(pl.lit("none"))
    )


def _matrix(values: pl.Series) -> NDArray[np.bool_]:
    return values.to_numpy().reshape(-1, MONTHS_PER_YEAR)


def _month_columns(months: pl.DataFrame, is_reported: NDArray[np.bool_]) -> list[pl.Series]:
    """The columns by month; ``months`` has twelve rows for each agency and year, in order."""
    columns: list[pl.Series] = []
    by_month = [months.filter(pl.col("month") == month) for month in range(1, MONTHS_PER_YEAR + 1)]
    digits = [pl.Series(np.where(is_reported[:, month], "1", "0")) for month in range(MONTHS_PER_YEAR)]
    quarters = [digits[start] + digits[start + 1] + digits[start + 2] for start in range(0, MONTHS_PER_YEAR, 3)]
    pattern = quarters[0] + "-" + quarters[1] + "-" + quarters[2] + "-" + quarters[3]
    run = pl.Series(longest_run(~is_reported), dtype=pl.Int8)
    totals = {}
    for group in OFFENSE_GROUPS:
        numbers = [month[f"n_{group}"] for month in by_month]
        columns += [number.alias(f"{name}_{group}") for name, number in zip(MONTH_NAMES, numbers, strict=True)]
        totals[group] = pl.DataFrame([n.alias(str(i)) for i, n in enumerate(numbers)]).sum_horizontal()
        columns += [
            totals[group].cast(pl.Int32).alias(f"total_{group}"),
            pattern.alias(f"pattern_{group}"),
            run.alias(f"max_missing_run_{group}"),
        ]
    for name, month in zip(MONTH_NAMES, by_month, strict=True):
        repaired = month["is_flag_repaired"]
        columns += [
            _ratio(month["n_part1v"], month["n_part1p"]).alias(f"{name}_ratio_v_p"),
            month["mm_flag"].alias(f"{name}_mm_flag"),
            pl.Series(np.where(repaired, 0, 1), dtype=pl.Int8).replace(1, None).alias(f"{name}_mm_flag_original"),
            repaired.alias(f"{name}_is_flag_repaired"),
        ]
    columns.append(_ratio(totals["part1v"], totals["part1p"]).alias("total_ratio_v_p"))
    return columns


def _ratio(violent: pl.Series, property_: pl.Series) -> pl.Series:
    """Violent by property offenses; missing if there is no property offense."""
    ratio = violent / property_
    return ratio.zip_with(
        (property_ > 0).fill_null(False), pl.Series([None], dtype=pl.Float64).new_from_index(0, len(ratio))
    )
