"""Which agencies the estimates are for: one rule for everybody who asks (02 section 1.1; 03 section 0)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.codes import code_list


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
