"""What a Return A master file adds up to."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from nibrs_estimation.model.return_a import ITEMS_OF_CRIME
from nibrs_estimation.model.return_a_file import ACTUAL, ITEM_COLUMNS


@dataclass(frozen=True)
class Summary:
    """Totals of a file, for people.

    Attributes:
        agencies, covered, eligible, lumped: numbers of agencies.
        population: residents of eligible agencies.
        full_year: eligible agencies that reported twelve months.
        agency_months: months that eligible agencies reported.
        groups: number of eligible agencies by population group.
        offenses: by crime, as eligible agencies reported them; nothing is added for months not reported.
    """

    agencies: int
    covered: int
    eligible: int
    lumped: int
    population: int
    full_year: int
    agency_months: int
    groups: dict[str, int]
    offenses: dict[str, int]


def summarize(agencies: pl.LazyFrame, counts: pl.LazyFrame) -> Summary:
    """Add up datasets ``return_a_agency`` and ``return_a_count``."""
    eligible = agencies.filter("is_eligible")
    months = pl.col("months_reported")
    totals = agencies.select(
        agencies=pl.len(),
        covered=pl.col("is_covered").sum(),
        eligible=pl.col("is_eligible").sum(),
        lumped=pl.col("lumped_kind").count(),
    ).collect()
    of_eligible = eligible.select(
        population=pl.col("population").cast(pl.Int64).sum(),
        full_year=(months == 12).sum(),
        agency_months=months.cast(pl.Int64).sum(),
    ).collect()
    of_year = offenses_of_year(counts).join(eligible.select("ori7"), on="ori7", how="semi")
    offenses = of_year.select(pl.col(*ITEMS_OF_CRIME).sum()).collect()
    groups = eligible.group_by("population_group_code").len().drop_nulls().sort("population_group_code").collect()
    return Summary(
        **totals.row(0, named=True),
        **of_eligible.row(0, named=True),
        groups=dict(groups.rows()),
        offenses=offenses.row(0, named=True),
    )


def offenses_of_year(counts: pl.LazyFrame) -> pl.LazyFrame:
    """Actual offenses of each agency by crime, in the months that it reported.

    Corrections are added with their sign, so a sum may be negative.

    Returns:
        ``data_year``, ``ori7`` and a column for each crime of ``ITEMS_OF_CRIME``; missing values of months count 0.
    """
    columns = {
        crime: pl.sum_horizontal(sign * pl.col(ITEM_COLUMNS[item]).cast(pl.Int64).sum() for item, sign in items.items())
        for crime, items in ITEMS_OF_CRIME.items()
    }
    return counts.filter(pl.col("card") == ACTUAL).group_by("data_year", "ori7", maintain_order=True).agg(**columns)
