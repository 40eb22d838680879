"""The agencies of the synthetic nation (sources/synthetic/README.md)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl

from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.geography import AGENCY_COUNTY
from nibrs_estimation.sources.synthetic.employees import employees
from nibrs_estimation.sources.synthetic.geography import agency_counties, counties, with_divisions
from nibrs_estimation.sources.synthetic.marginals import Integers, table
from nibrs_estimation.sources.synthetic.reporting import (
    Response,
    reported_months,
    reported_summaries,
    with_response,
)
from nibrs_estimation.stats import random

LEAST_AGENCIES = 8
#: Agency numbers are the state's number times this, plus a serial number.
IDS_PER_STATE = 10_000


def states() -> tuple[str, ...]:
    """The 51 UCR abbreviations, ascending."""
    return tuple(table("state_population")["state_abbr"].sort())


@dataclass(frozen=True)
class Nation:
    """Attributes that are the same in every year.

    Attributes:
        agencies: every agency with its class, population, status, places and employees, by agency_id.
        county: :func:`~nibrs_estimation.sources.synthetic.geography.counties`, with metropolitan divisions.
        pieces: the agencies' pieces in the counties.
    """

    agencies: pl.DataFrame
    county: pl.DataFrame
    pieces: pl.DataFrame


@lru_cache(maxsize=2)
def nation(seed: int, scale: float) -> Nation:
    """The nation of a seed and a scale; cached, because every state needs it."""
    agencies = _status(_populations(_slots(scale), seed), seed)
    county = counties(agencies, scale)
    pieces = agency_counties(agencies, county, seed)
    county = with_divisions(county, pieces, scale)
    agencies = agencies.hstack(employees(agencies, seed))
    return Nation(_described(_placed(_covered(agencies, seed), county, pieces)), county, pieces)


def agency_frame(year: int, seed: int, scale: float, response: Response = "random") -> pl.DataFrame:
    """All agencies of the nation in a year.

    The agencies, their populations and their status are the same in every year; reporting is not.

    Args:
        year: data year.
        seed: seed of the run.
        scale: share of the real number of agencies, in (0, 1]; a state never has fewer than 8.
        response: on what reporting to NIBRS depends.

    Returns:
        One row per agency with the columns of dataset ``agency``, by agency_id.
    """
    agencies = with_response(nation(seed, scale).agencies, year, seed, response)
    start = pl.col("nibrs_start_date")
    by_incidents = reported_months(agencies, year, seed).any(axis=1)
    agencies = agencies.with_columns(
        data_year=pl.lit(year),
        has_participated_nibrs=pl.Series(by_incidents),
        has_participated=pl.Series(by_incidents | reported_summaries(agencies, year, seed).any(axis=1)),
        nibrs_leoka_start_date=start,
        nibrs_cargo_theft_start_date=start,
        nibrs_multi_bias_start_date=start,
        nibrs_offender_ethnicity_start_date=start,
        nibrs_certification_date=pl.date(1999, 1, 1),
    )
    return agencies.select(pl.col(column.name).cast(column.dtype) for column in AGENCY.columns)


def agency_county(agencies: pl.DataFrame, country: Nation, year: int) -> pl.DataFrame:
    """Dataset ``agency_county`` of a year."""
    located = country.pieces.join(country.county.drop("state_abbr"), on="county_fips", how="left")
    is_city = pl.col("agency_type_name") == "City"
    largest = pl.col("population").filter(is_city).max().over("msa_name")
    return (
        located.join(agencies.select("agency_id", "ori", "agency_type_name"), on="agency_id")
        .with_columns(
            data_year=pl.lit(year),
            is_core_city=(is_city & pl.col("msa_name").is_not_null() & (pl.col("population") == largest)).fill_null(
                False
            ),
        )
        .select(pl.col(column.name).cast(column.dtype) for column in AGENCY_COUNTY.columns)
    )


def _slots(scale: float) -> pl.DataFrame:
    """One row per agency: its number, its state, its class and its stratum of populations within the class.

    The agencies of each state are spread evenly over (0, 1), and the interval is split into classes. So every state has
    nearly the same mix of classes, the nation has exactly that of ``agency_class.csv``, and the rarest classes, which
    come first, are in the states with the most agencies.
    """
    classes = table("agency_class").with_row_index("class")
    state = table("state_population").join(code_list("state"), on="state_abbr")
    by_class = classes["agencies"].to_numpy()
    share = state["population"].to_numpy() / state["population"].to_numpy().sum()
    by_state = np.maximum(LEAST_AGENCIES, np.round(scale * by_class.sum() * share)).astype(np.int64)
    number = np.repeat(np.arange(len(by_state)), by_state)
    serial = np.arange(by_state.sum()) - np.repeat(np.cumsum(by_state) - by_state, by_state)
    position = (serial + 0.5) / by_state[number]
    line = np.lexsort((-share[number], position))

    by_class = _apportion(by_class, int(by_state.sum()))
    class_number = np.repeat(np.arange(len(by_class)), by_class)
    rank = np.arange(by_class.sum()) - np.repeat(np.cumsum(by_class) - by_class, by_class)
    slots = pl.DataFrame(
        {
            "agency_id": state["state_id"].cast(pl.Int32).to_numpy()[number[line]] * IDS_PER_STATE + serial[line] + 1,
            "state_abbr": state["state_abbr"].gather(number[line]),
            "class": class_number.astype(np.uint32),
            # Largest first, because the largest states are first in each class.
            "quantile_low": 1 - (rank + 1) / by_class[class_number],
            "quantile_width": 1 / by_class[class_number],
        }
    )
    return slots.join(classes, on="class", how="left").sort("agency_id")


def _apportion(shares: Integers, total: int) -> Integers:
    """Integers that are nearly proportional to the shares, at least 1 each, and add up to the total."""
    ideal = total * shares / shares.sum()
    numbers: Integers = np.maximum(np.floor(ideal), 1).astype(np.int64)
    missing = total - int(numbers.sum())
    # If classes were raised to 1, the largest class is reduced.
    numbers[np.argmax(numbers)] += min(missing, 0)
    numbers[np.argsort(numbers - ideal, kind="stable")[: max(missing, 0)]] += 1
    return numbers


def _populations(agencies: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Add populations: density within a class is proportional to 1 / population^power, drawn in strata."""
    unit = agencies["agency_id"].to_numpy()
    quantile = agencies["quantile_low"].to_numpy() + agencies["quantile_width"].to_numpy() * random.uniform(
        seed, "population", unit
    )
    some = (agencies["population_high"] > 0).to_numpy()
    low, high, power = (
        agencies[f"population_{name}"].cast(pl.Float64).to_numpy()[some] for name in ("low", "high", "power")
    )
    # The power 1 is the limit: the logarithm is uniform.
    rest = np.where(power == 1, 1e-9, 1 - power)
    population = np.zeros(len(unit), dtype=np.int32)
    population[some] = (low**rest + quantile[some] * (high**rest - low**rest)) ** (1 / rest)
    return agencies.with_columns(population=population)


def _status(agencies: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Add status, covered and dormant; an agency is at most one of covered, dormant and LEOKA only."""
    point = random.uniform(seed, "status", agencies["agency_id"].to_numpy())
    covered = pl.col("covered_share")
    dormant = covered + pl.col("dormant_share")
    leoka = dormant + pl.col("leoka_share")
    return agencies.with_columns(point=point).with_columns(
        is_covered=pl.col("point") < covered,
        is_dormant=pl.col("point").is_between(covered, dormant, closed="left"),
        agency_status=pl.when(pl.col("agency_type_name") == "Federal")
        .then(pl.lit("F"))
        .when(pl.col("point").is_between(covered, dormant, closed="left"))
        .then(pl.lit("D"))
        .when(pl.col("point").is_between(dormant, leoka, closed="left"))
        .then(pl.lit("L"))
        .otherwise(pl.lit("A")),
    )


def _covered(agencies: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Add the ORIs, and the agency that covers each covered agency: a county or state police agency of its state."""
    serial = pl.col("agency_id") % IDS_PER_STATE
    agencies = agencies.with_columns(
        ori=pl.format("{}{}00", "state_abbr", serial.cast(pl.String).str.zfill(5))
    ).with_columns(
        # A few agencies were renumbered.
        legacy_ori=pl.when(serial % 50 == 7)
        .then(pl.format("{}{}", pl.col("ori").str.slice(0, 7), pl.lit("X9")))
        .otherwise("ori")
    )
    is_able = ~pl.col("is_covered") & ~pl.col("is_dormant") & (pl.col("agency_status") == "A")
    by_state = agencies.filter(is_able & pl.col("agency_type_name").is_in(["County", "State Police"]))
    others = agencies.filter(is_able & (pl.col("agency_type_name") == "City"))
    able = pl.concat([by_state, others.join(by_state, on="state_abbr", how="anti")])
    able = able.group_by("state_abbr").agg(pl.col("legacy_ori").sort().alias("covering"))
    point = pl.Series(random.uniform(seed, "covered by", agencies["agency_id"].to_numpy()))
    chosen = pl.col("covering").list.get(
        (point * pl.col("covering").list.len()).floor().cast(pl.Int64), null_on_oob=True
    )
    return (
        agencies.join(able, on="state_abbr", how="left", maintain_order="left")
        .with_columns(covered_by_ori=pl.when("is_covered").then(chosen))
        .drop("covering")
    )


def _placed(agencies: pl.DataFrame, county: pl.DataFrame, pieces: pl.DataFrame) -> pl.DataFrame:
    """Add the names of counties and areas, and the codes of district and office of the largest piece."""
    located = pieces.join(county.drop("state_abbr", "sheriff_id"), on="county_fips", how="left", maintain_order="left")
    listed = [
        pl.col(name).drop_nulls().unique().sort().str.join(";").replace("", None)
        for name in ("county_name", "msa_name", "metro_division_name")
    ]
    by_agency = located.group_by("agency_id").agg(
        *listed,
        pl.col("judicial_district_code", "field_office_code").first(),
        is_in_msa=pl.col("msa_name").is_not_null().any(),
    )
    return agencies.join(by_agency, on="agency_id", how="left", maintain_order="left")


def _described(agencies: pl.DataFrame) -> pl.DataFrame:
    """Add names, labels and flags."""
    serial = pl.col("agency_id") % IDS_PER_STATE
    name = pl.format("{} {} {}", "state_name", "agency_type_name", serial)
    return (
        agencies.join(
            table("population_group").select("population_group_code", "population_group_desc"),
            on="population_group_code",
            how="left",
        )
        .join(
            code_list("state").select("state_abbr", "state_name", "region_code", "state_id"),
            on="state_abbr",
            how="left",
        )
        .with_columns(
            agency_name=name,
            ncic_agency_name=name.str.to_uppercase(),
            published_agency_name=name,
            published_agency_unit=pl.lit(None),
            is_direct_contributor=pl.col("agency_type_name") == "Federal",
            is_publishable=pl.lit(True),
            is_suburban=pl.col("is_in_msa") & (pl.col("population") < 50_000),
            is_most_in_population=pl.col("population") >= 100_000,
            submitting_agency_id=900_000 + pl.col("state_id"),
            submitting_agency_sai=pl.format("{}UCR0001", "state_abbr"),
            submitting_agency_name=pl.format("{} Statistical Analysis Center", "state_name"),
            universe_scope=pl.lit("synthetic"),
        )
        .sort("agency_id")
    )
