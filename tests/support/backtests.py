"""Small made-up populations of backtests."""

from __future__ import annotations

import numpy as np
import polars as pl

from nibrs_estimation.evaluate.patterns import Members
from nibrs_estimation.evaluate.populations.fixed import FixedPopulation
from nibrs_estimation.model.agency import AGENCY

YEAR = 2013
STATES = ("VT", "NY", "CA", "TX")


def agencies_of(n: int) -> pl.DataFrame:
    """Made-up agencies of four states, the largest first."""
    missing = {
        column.name: pl.lit(False) if column.type == "bool" else pl.lit(None, column.dtype) for column in AGENCY.columns
    }
    number = np.arange(n)
    known = pl.DataFrame(
        {
            "agency_id": number + 1,
            "ori": [f"ZZ{place:05d}00" for place in number],
            "state_abbr": [STATES[place % 4] for place in number],
            "region_code": [1, 1, 4, 3] * (n // 4) + [1, 1, 4, 3][: n % 4],
            "population": np.maximum(1_000_000 // (number + 1), 1),
            "population_group_code": ["1A" if place < 4 else "6" for place in number],
            "agency_type_name": ["City"] * n,
        }
    ).with_columns(data_year=pl.lit(YEAR), agency_status=pl.lit("A"), universe_scope=pl.lit("all"))
    return AGENCY.cast(known.with_columns(**{k: v for k, v in missing.items() if k not in known.columns}))


def members_of(agencies: pl.DataFrame, partial: np.ndarray | None = None) -> Members:
    months = np.zeros((0, 12), dtype=np.bool_) if partial is None else partial
    k = len(months)
    groups, annual = pl.Series(["6+"] * k, dtype=pl.String), np.full(k, 50.0)
    described = agencies.with_columns(
        weight_class=pl.when(pl.col("population_group_code") == "1A").then(1).otherwise(8).cast(pl.Int8)
    )
    return Members(described, agencies["population"].to_numpy() / 30, months, groups, annual)


def population(n: int = 40, codes: tuple[str, ...] = ("23H", "09A")) -> FixedPopulation:
    agencies = agencies_of(n)
    month, k = np.arange(1, 13), len(codes)
    offenses = pl.DataFrame(
        {
            "agency_id": np.repeat(agencies["agency_id"].to_numpy(), 12 * k),
            "month": np.tile(np.repeat(month, k), n),
            "offense_code": list(codes) * 12 * n,
            "n": np.arange(12 * k * n) % 7 + 1,
        },
        schema={"agency_id": pl.Int32, "month": pl.Int8, "offense_code": pl.String, "n": pl.Int32},
    )
    return FixedPopulation(YEAR, agencies, offenses, members_of(agencies))
