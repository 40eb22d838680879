"""Which agencies the estimates are for: one rule for everybody who asks (handbook 01 and 02)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.codes import code_list

#: Dormant, and listed for its officers only: who sends incidents is neither.
_REVIVED = ("D", "L")


def ineligible_reason() -> pl.Expr:
    """The first rule that an agency of dataset ``agency`` fails, or missing if it is eligible."""
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
    """Dataset ``agency``, an agency with incidents of a year on file being one that reports, whatever its flags say.

    It reports incidents, took part, is neither covered nor dormant, and is active if it was listed as dormant or for
    its officers only: what an agency did report must not leave the estimate because of a flag. Whoever covered it keeps
    the rest of its population, so that nobody counts twice; a population that is not larger cannot hold it, and stays.

    Args:
        agency: dataset of that name.
        agency_month_offense: dataset of that name; numbers that are missing or not above 0 say nothing.
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
    held = (
        freed.join(names, on=["data_year", "name"])
        .filter(pl.col("agency_id") != pl.col("covered_id"))
        .group_by(key)
        .agg(freed_population=pl.col("population").sum())
    )
    freed_population = pl.col("freed_population").fill_null(0)
    return (
        flagged.join(held, on=key, how="left", maintain_order="left")
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
