"""States of a run that reads a database (handbook 01)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.codes import code_list


def states_of_run(agencies: pl.DataFrame, status: pl.DataFrame, year: int) -> tuple[str, ...]:
    """The UCR abbreviations of the states with active agencies in scope, ascending.

    Args:
        agencies: ``agency_id``, ``data_year``, ``state_abbr``, ``agency_status``, ``agency_type_name``, ``is_covered``
            and ``is_nibrs``, of any years.
        status: ``agency_id`` of the agencies with a status row in the year.
        year: data year.
    """
    is_eligible = (
        (pl.col("data_year") == year)
        & pl.col("is_nibrs").fill_null(False)
        & pl.col("agency_id").is_in(status["agency_id"].implode())
        & (pl.col("agency_status").str.strip_chars() == "A")
        & ~pl.col("is_covered").fill_null(False)
        & (pl.col("agency_type_name").str.strip_chars().str.to_uppercase() != "FEDERAL").fill_null(True)
    )
    found = agencies.filter(is_eligible)["state_abbr"].str.strip_chars()
    known = code_list("state")["state_abbr"]
    return tuple(sorted(found.filter(found.is_in(known.implode())).unique()))
