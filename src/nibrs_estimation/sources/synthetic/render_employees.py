"""Writes the police employees of agencies as the table of the Crime Data Explorer, and as the FBI's master file.

Source: docs/user-guide/nation-from-public-data.md; FBI, "Police employee master file record description". What the
master file cannot hold: the last two characters of ORIs, types of agencies, counties, and names beyond 24 characters;
a few agencies have the numbers of the year before, which are not of this year. Patrols and assaults on officers are 0.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.sources.synthetic.fbi_text import (
    in_file_order,
    marked,
    marked_name,
    padded,
    text_file,
    zeros,
)
from nibrs_estimation.sources.synthetic.marginals import parameter
from nibrs_estimation.stats import random

#: From this year on the table has another spelling and words for what is missing, and only agencies that reported.
FIRST_YEAR_OF_NEW_TABLE = 2022
MASTER_LENGTH = 7689
#: The record up to the assaults on officers.
_HEAD_LENGTH = 273


def render_employees_table(agency: pl.LazyFrame, year: int, path: Path, seed: int) -> int:
    """Write the table of all years up to one; the older form also has agencies that did not report, and repeated rows.

    Args:
        agency: dataset ``agency``.
        year: latest year of the table, which decides on its form.
        path: the CSV file. Equal data give equal bytes.
        seed: seed of which rows are repeated.

    Returns:
        Number of rows.
    """
    is_new = year >= FIRST_YEAR_OF_NEW_TABLE
    years = agency.filter(pl.col("data_year") <= year).select(pl.col("data_year").unique().sort()).collect()
    rows = 0
    with text_file(path, path.name) as file:
        for number, each in enumerate(years.to_series()):
            table = _table(in_file_order(agency, each), is_new=is_new, seed=seed)
            rows += table.height
            table.write_csv(file, include_header=number == 0, null_value="NULL" if is_new else "")
    return rows


def _table(agencies: pl.DataFrame, *, is_new: bool, seed: int) -> pl.DataFrame:
    states = code_list("state").select("state_abbr", "division_name", "region_name")
    if is_new:
        agencies = agencies.filter(pl.col("male_officers").is_not_null())
    else:
        point = random.uniform(seed, "repeated employees", agencies["agency_id"].to_numpy())
        times = 1 + (point < parameter("repeated_employees_share")).astype(int)
        agencies = agencies.select(pl.all().repeat_by(pl.Series(times)).explode())
    civilian, separator, nowhere = ("cilvilian", ", ", "NOT SPECIFIED") if is_new else ("civilian", "; ", "N/A")
    male, female = (pl.col(f"{sex}_officers") + pl.col(f"{sex}_civilians") for sex in ("male", "female"))
    rate = (male + female) / pl.col("population") * 1000
    return agencies.join(states, on="state_abbr", how="left", maintain_order="left").select(
        "data_year",
        "ori",
        pub_agency_name=marked(pl.col("published_agency_name")),
        pub_agency_unit="published_agency_unit",
        state_abbr="state_abbr",
        division_name="division_name",
        region_name="region_name",
        county_name=pl.col("county_name").str.replace_all(";", separator, literal=True).fill_null(nowhere),
        agency_type_name="agency_type_name",
        population_group_desc="population_group_desc",
        population="population",
        male_officer_ct="male_officers",
        **{f"male_{civilian}_ct": pl.col("male_civilians")},
        male_total_ct=male,
        female_officer_ct="female_officers",
        **{f"female_{civilian}_ct": pl.col("female_civilians")},
        female_total_ct=female,
        officer_ct=pl.col("male_officers") + pl.col("female_officers"),
        civilian_ct=pl.col("male_civilians") + pl.col("female_civilians"),
        total_pe_ct=male + female,
        pe_ct_per_1000=pl.when(pl.col("population") > 0).then(rate.round(2)),
    )


def render_employees_master(agency: pl.LazyFrame, year: int, path: Path, seed: int) -> int:
    """Write a year as a police employee master file.

    Args:
        agency: dataset ``agency``.
        year: year of the file.
        path: the file: a zip with one text if its name ends in ``.zip``, else the text. Equal data give equal bytes.
        seed: seed of which agencies have the numbers of the year before.

    Returns:
        Number of records.
    """
    agencies = in_file_order(agency, year)
    with text_file(path, f"pe-{year}.txt") as file:
        for part in agencies.partition_by("state_code", maintain_order=True):
            point = random.uniform(seed, "stale employees", part["agency_id"].to_numpy(), year)
            heads = part.select(_head(year, pl.Series(point) < parameter("stale_employees_share"))).to_series()
            end = "0" * (MASTER_LENGTH - _HEAD_LENGTH) + "\r\n"
            file.write("".join(head + end for head in heads).encode("latin-1", "replace"))
    return agencies.height


def _head(year: int, is_stale: pl.Series) -> pl.Expr:
    """Positions 1 to 273."""
    has_report = pl.col("male_officers").is_not_null()
    male, female = (pl.col(f"{sex}_officers") + pl.col(f"{sex}_civilians") for sex in ("male", "female"))
    officers = pl.col("male_officers") + pl.col("female_officers")
    rates = [
        pl.when(pl.col("population") > 0).then((10_000 * number / pl.col("population")).round().clip(0, 999))
        for number in (officers, male + female)
    ]
    return pl.concat_str(
        pl.lit("5"),
        "state_code",
        pl.col("ori").str.slice(0, 7),
        padded("population_group_code", 2),
        "division",
        pl.lit(f"{year % 100:02d}"),
        pl.int_range(1, pl.len() + 1).cast(pl.String()).str.zfill(5),
        pl.lit(" " * 3),
        zeros("population", 9),
        marked_name(24),
        pl.col("state_name").str.to_uppercase().str.slice(0, 6).str.pad_end(6),
        _digits(pl.col("male_officers"), 5),
        _digits(pl.col("male_civilians"), 5),
        _digits(male, 5),
        _digits(pl.col("female_officers"), 5),
        _digits(pl.col("female_civilians"), 5),
        _digits(female, 5),
        _digits(male + female, 5),
        *(_digits(rate, 3) for rate in rates),
        pl.lit("0" * 151),
        pl.when(~has_report).then(pl.lit("1")).when(is_stale).then(pl.lit("2")).otherwise(pl.lit("0")),
        pl.when(has_report).then(pl.lit("0")).otherwise(pl.lit("1")).repeat_by(12).list.join(""),
        pl.when(has_report).then(pl.lit("12")).otherwise(pl.lit("00")),
        pl.when("is_covered").then(pl.lit("1")).otherwise(pl.lit("0")),
        pl.lit("000"),
    )


def _digits(value: pl.Expr, width: int) -> pl.Expr:
    return value.fill_null(0).cast(pl.Int64()).cast(pl.String()).str.zfill(width)
