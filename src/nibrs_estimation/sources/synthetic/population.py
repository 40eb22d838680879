"""Residents of the counties by combination of sex, age, race and ethnicity (handbook 08)."""

from __future__ import annotations

from itertools import product

import numpy as np
import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.sources.synthetic.marginals import Floats, Integers, table
from nibrs_estimation.stats import random

#: Differences between counties: standard deviation of the log odds of each race, and of being Hispanic.
SIGMA = 0.8
SEXES, RACES, ETHNICITIES = ("M", "F"), ("W", "B", "I", "A", "P"), ("H", "N")


def county_population(county_fips: pl.Series, residents: Floats, year: int, seed: int) -> pl.DataFrame:
    """Dataset ``county_population`` of a year.

    Args:
        county_fips: (n,) the counties.
        residents: (n,) their residents, to which the cells of each county add up.
        year: data year.
        seed: seed of the run.
    """
    shares = _shares(county_fips, seed)
    numbers = _apportioned(residents, shares.reshape(len(county_fips), -1))
    bins = [code for code in code_list("age_bin")["code"] if code != "UNK"]
    cells = pl.DataFrame(
        list(product(SEXES, bins, RACES, ETHNICITIES)),
        schema=["sex_code", "age_bin_code", "race_code", "ethnicity_code"],
        orient="row",
    )
    return (
        pl.DataFrame({"county_fips": county_fips, "data_year": pl.Series([year] * len(county_fips), dtype=pl.Int16)})
        .join(cells, how="cross", maintain_order="left_right")
        .with_columns(population=pl.Series(numbers.ravel(), dtype=pl.Int32))
    )


def _shares(county_fips: pl.Series, seed: int) -> Floats:
    """Shares of the cells: (n counties, sexes, ages, races, ethnicities), adding up to 1 in each county."""
    nation = {
        str(key[0]): part["share"].to_numpy() / part["share"].sum()
        for key, part in table("resident").group_by("quantity", maintain_order=True)
    }
    unit = county_fips.to_list()
    race = nation["race"] * np.exp(
        SIGMA * random.normal(seed, "county race", np.array(unit)[:, None], np.arange(len(RACES)))
    )
    race /= race.sum(axis=1, keepdims=True)
    odds = nation["ethnicity"][0] / nation["ethnicity"][1]
    odds = odds * np.exp(SIGMA * random.normal(seed, "county ethnicity", np.array(unit)))
    hispanic = odds / (1 + odds)
    ethnicity = np.stack([hispanic, 1 - hispanic], axis=1)
    cells = np.einsum("s,a,cr,ce->csare", nation["sex"], nation["age"], race, ethnicity)
    return np.asarray(cells, dtype=np.float64)


def _apportioned(totals: Floats, shares: Floats) -> Integers:
    """Integers proportional to the shares of each row that add up to its total (largest remainders)."""
    ideal = totals[:, None] * shares
    numbers = np.floor(ideal)
    left = totals - numbers.sum(axis=1)
    order = np.argsort(-(ideal - numbers), axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(shares.shape[1])[None, :].repeat(len(totals), axis=0), axis=1)
    return np.asarray(numbers + (rank < left[:, None]), dtype=np.int64)
