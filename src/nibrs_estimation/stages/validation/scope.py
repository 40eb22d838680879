"""A description of the agencies of a run, for the pages."""

from __future__ import annotations

import polars as pl

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
