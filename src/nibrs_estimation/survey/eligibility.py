"""The rule that decides which agencies are eligible for the estimates (handbook 01 and 02)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.codes import code_list

#: Statuses "dormant" and "listed for its officers only"; an agency that reports incidents has neither.
_REVIVED = ("D", "L")


def ineligible_reason() -> pl.Expr:
    """Why an agency of dataset ``agency`` is not eligible: the first rule that it fails; missing if it is eligible."""
    states = code_list("state")["state_abbr"]
    return (
        pl.when(pl.col("agency_status") != "A")
        .then(pl.lit("not active"))
        .when("is_covered")
        .then(pl.lit("covered"))
        .when("is_dormant")
        .then(pl.lit("dormant"))
        .when(pl.col("agency_type_name").str.strip_chars().str.to_uppercase() == "FEDERAL")
        .then(pl.lit("federal"))
        .when(~pl.col("state_abbr").is_in(states.implode()))
        .then(pl.lit("outside the states"))
    )


def with_own_reports(agency: pl.LazyFrame, agency_month_offense: pl.LazyFrame) -> pl.LazyFrame:
    """Dataset ``agency``, corrected so that an agency with incidents on file in a year is one that reports.

    Such an agency reports NIBRS, participates, and is neither covered nor dormant; it is active if it was listed as
    dormant or for its officers only. Otherwise incidents that were reported would be lost because of a flag. Its
    population is subtracted from that of the agency that covered it, so that no person counts twice, unless the latter
    is not larger.

    Args:
        agency: dataset of that name.
        agency_month_offense: dataset of that name; numbers that are missing or not above 0 are ignored.
    """
    key = ["data_year", "agency_id"]
    on_file = agency_month_offense.filter(pl.col("n") > 0).select(*key, reports=pl.lit(True)).unique()
    flagged = agency.join(on_file, on=key, how="left", maintain_order="left").with_columns(
        pl.col("reports").fill_null(False)
    )
    freed = flagged.filter(pl.col("reports") & pl.col("is_covered")).select(
        "data_year", "population", covered_id="agency_id", name=pl.col("covered_by_ori").str.split(";").list.first()
    )
    names = pl.concat(agency.select(*key, name=column) for column in ("ori", "legacy_ori")).drop_nulls("name").unique()
    formerly_covered = (
        freed.join(names, on=["data_year", "name"])
        .filter(pl.col("agency_id") != pl.col("covered_id"))
        .group_by(key)
        .agg(freed_population=pl.col("population").sum())
    )
    freed_population = pl.col("freed_population").fill_null(0)
    return (
        flagged.join(formerly_covered, on=key, how="left", maintain_order="left")
        .with_columns(
            pl.col("is_nibrs", "has_participated", "has_participated_nibrs") | pl.col("reports"),
            pl.col("is_covered", "is_dormant") & ~pl.col("reports"),
            covered_by_ori=pl.when(~pl.col("reports")).then("covered_by_ori"),
            agency_status=pl.when(pl.col("reports") & pl.col("agency_status").is_in(_REVIVED))
            .then(pl.lit("A"))
            .otherwise("agency_status"),
            population=pl.when(pl.col("population") > freed_population)
            .then(pl.col("population") - freed_population)
            .otherwise("population"),
        )
        .drop("reports", "freed_population")
    )
