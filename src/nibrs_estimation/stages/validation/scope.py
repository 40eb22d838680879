"""Which agencies a page or check is about: those of the run, and large ones."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.quality import LARGE_OFFICERS, LARGE_POPULATION

_SCOPES = {
    "all": "All agencies of {states}.",
    "reporting": "The source lists only agencies of {states} that reported: the rest of the population is unknown.",
    "synthetic": "A synthetic nation: none of these agencies exists.",
}


def scope_of(agency: pl.LazyFrame, year: int) -> str:
    """A sentence that describes the agencies of the page, from dataset ``agency``."""
    current = agency.filter(pl.col("data_year") == year).select("universe_scope", "state_name").collect()
    names = current["state_name"].unique().sort().to_list()
    states = f"{len(names)} states and territories" if len(names) > 3 else ", ".join(names) or "no state"
    return " ".join(_SCOPES[scope].format(states=states) for scope in current["universe_scope"].unique().sort())


def is_large(police_employees: pl.LazyFrame) -> pl.Expr:
    """Whether an agency has more than 100,000 residents, or 750 officers or more; uses agency_id and population."""
    officers = pl.col("male_officers").fill_null(0) + pl.col("female_officers").fill_null(0)
    many = police_employees.filter(officers >= LARGE_OFFICERS).select("agency_id").collect()["agency_id"]
    return (pl.col("population") > LARGE_POPULATION) | pl.col("agency_id").is_in(many.implode())
