"""Latent crime: all incidents, reported or not (sources/synthetic/README.md)."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special

from nibrs_estimation.sources.synthetic.marginals import Floats, Integers, main_shares, marginal, offenses, table
from nibrs_estimation.sources.synthetic.nation import IDS_PER_STATE
from nibrs_estimation.sources.synthetic.reporting import reported_months, reports_crime
from nibrs_estimation.stats import random

#: The first year of the autoregressive series.
FIRST_REMEMBERED_YEAR = 1980
AGENCY_SIGMA = 0.5
#: Size of the negative binomial of an agency's annual total.
DISPERSION = 5.0
YEAR_SIGMA, YEAR_MEMORY = 0.05, 0.7
#: Correlation of an agency's propensity from one year to the next.
AGENCY_MEMORY = 0.99
#: Share of agencies with an outlier month in a year, and the factors of its incidents.
OUTLIER_SHARE, OUTLIER_FACTORS = 0.01, (0, 3, 10)
#: Range of the log-uniform yearly mean of an agency without population.
LEAST_MEAN, LARGEST_MEAN = 5.0, 300.0
_IDS_PER_STATE_YEAR = 10_000_000
_FIRST_COPY = 6_000_000


def latent_totals(agencies: pl.DataFrame, year: int, seed: int) -> pl.DataFrame:
    """The true number of incidents of each agency in the year, without generating the incidents.

    Args:
        agencies: any rows of :func:`agency_frame`.
        year: data year.
        seed: seed of the run.

    Returns:
        ``agency_id`` and ``incidents``, in the order of the agencies.
    """
    return agencies.select("agency_id", incidents=annual_counts(agencies, year, seed).sum(axis=1))


def annual_counts(agencies: pl.DataFrame, year: int, seed: int) -> Integers:
    """Incidents of the year by agency and main offense: (n agencies, k offenses of ``offense.csv``).

    The annual total is negative binomial: Poisson given a gamma propensity of the agency and year that is common to all
    offenses and months; given the total, offenses and months are multinomial.
    """
    unit, kind = agencies["agency_id"].to_numpy()[:, None], year * 100 + np.arange(offenses().height)
    mean = expected_incidents(agencies, seed) * propensity(agencies, year, seed) * year_effect(year, seed)
    return random.poisson(seed, "incidents", unit, kind, mean=mean[:, None] * main_shares())


def propensity(agencies: pl.DataFrame, year: int, seed: int) -> Floats:
    """Factor of each agency's crime in a year: gamma with mean 1, an AR(1) over years.

    The gamma is the quantile of a normal series, so that years of an agency are similar (they differ by about 6 %, not
    by half) while the counts of a year are negative binomial.
    """
    shocks = random.normal(seed, "propensity", agencies["agency_id"].to_numpy()[:, None], _years(year))
    share = special.ndtr(_autoregressive(shocks, AGENCY_MEMORY))
    return np.asarray(special.gammaincinv(DISPERSION, share) / DISPERSION, dtype=np.float64)


def year_effect(year: int, seed: int) -> float:
    """Factor of the nation's crime in a year: exp of an AR(1) with standard deviation 0.05."""
    return float(np.exp(YEAR_SIGMA * _autoregressive(random.normal(seed, "year", _years(year)), YEAR_MEMORY)))


def _years(year: int) -> Integers:
    return np.arange(FIRST_REMEMBERED_YEAR, year + 1)


def _autoregressive(shocks: Floats, memory: float) -> Floats:
    """The last value of a standard normal AR(1) with these shocks; the last axis is years."""
    age = np.arange(shocks.shape[-1] - 1, -1, -1)
    weights = memory**age * np.where(age < len(age) - 1, np.sqrt(1 - memory**2), 1.0)
    return np.asarray((shocks * weights).sum(axis=-1))


def expected_incidents(agencies: pl.DataFrame, seed: int) -> Floats:
    """Mean number of incidents a year of each agency: (n,).

    Population times the rate of its group times a lognormal effect with mean 1; for agencies without population, a
    random mean. Covered and dormant agencies and those that report officers only (status L) have none.
    """
    unit = agencies["agency_id"].to_numpy()
    groups = agencies.join(table("population_group"), on="population_group_code", how="left", maintain_order="left")
    effect = np.exp(AGENCY_SIGMA * random.normal(seed, "agency_effect", unit) - AGENCY_SIGMA**2 / 2)
    by_population = (groups["population"] * groups["incidents_per_1000"] / 1000).to_numpy() * effect
    own = LEAST_MEAN * (LARGEST_MEAN / LEAST_MEAN) ** random.uniform(seed, "own_mean", unit)
    has_crime = reports_crime(groups).to_numpy()
    return np.where(has_crime, np.where(groups["population"].to_numpy() > 0, by_population, own), 0.0)


def latent_incidents(agencies: pl.DataFrame, year: int, seed: int) -> pl.DataFrame:
    """All incidents of the agencies of some states, reported or not.

    Args:
        agencies: the agencies of whole states, by agency_id.
        year: data year.
        seed: seed of the run.

    Returns:
        ``incident_id``, ``agency_id``, ``offense`` (number of the main offense in ``offense.csv``),
        ``incident_date`` and ``month``.
    """
    counts = annual_counts(agencies, year, seed)
    agency_id = np.repeat(agencies["agency_id"].to_numpy(), counts.sum(axis=1))
    offense = np.repeat(np.tile(np.arange(counts.shape[1], dtype=np.int16), counts.shape[0]), counts.ravel())
    incident_id = _first_number(agency_id, year) + _serial_within_state(agency_id) + 1
    day = random.categorical(seed, "day", incident_id, probabilities=_day_shares(year))
    first = np.datetime64(dt.date(year, 1, 1), "D")
    return pl.DataFrame(
        {"incident_id": incident_id, "agency_id": agency_id, "offense": offense, "incident_date": first + day}
    ).with_columns(month=pl.col("incident_date").dt.month())


def planted_outliers(agencies: pl.DataFrame, year: int, seed: int) -> pl.DataFrame:
    """The months of a year with a planted outlier: ``agency_id``, ``data_year``, ``month``, ``factor``."""
    unit = agencies["agency_id"].to_numpy()
    has_one = random.uniform(seed, "outlier", unit, year) < OUTLIER_SHARE
    month = np.floor(1 + 12 * random.uniform(seed, "outlier month", unit, year))
    kind = np.floor(len(OUTLIER_FACTORS) * random.uniform(seed, "outlier factor", unit, year)).astype(np.int64)
    return pl.DataFrame(
        {
            "agency_id": unit[has_one],
            "data_year": np.full(int(has_one.sum()), year, dtype=np.int16),
            "month": month[has_one].astype(np.int8),
            "factor": np.array(OUTLIER_FACTORS, dtype=np.int8)[kind[has_one]],
        }
    )


def reported_incidents(
    agencies: pl.DataFrame, year: int, seed: int, latent: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The reported incidents of the agencies of some states, including planted outliers.

    A month with factor 0 has no incidents; with factor 3 or 10, every incident is repeated under new numbers.

    Args:
        agencies: the agencies of whole states, by agency_id.
        year: data year.
        seed: seed of the run.
        latent: result of :func:`latent_incidents`, if available.
    """
    latent = latent_incidents(agencies, year, seed) if latent is None else latent
    months = reported_months(agencies, year, seed)
    place = np.searchsorted(agencies["agency_id"].to_numpy(), latent["agency_id"].to_numpy())
    sent = latent.filter(pl.Series(months[place, latent["month"].to_numpy() - 1]))
    outliers = planted_outliers(agencies, year, seed).select("agency_id", "month", "factor")
    marked = sent.join(outliers, on=["agency_id", "month"], how="left", maintain_order="left")
    marked = marked.with_columns(pl.col("factor").fill_null(1).cast(pl.Int64))
    copies = marked.filter(pl.col("factor") > 1)
    more = copies.select(pl.exclude("factor").repeat_by(pl.col("factor") - 1).explode())
    # Numbers of copies start above all numbers of original incidents.
    agency_id = more["agency_id"].to_numpy()
    number = _first_number(agency_id, year) + _FIRST_COPY + _serial_within_state(agency_id)
    more = more.with_columns(incident_id=pl.Series(number, dtype=pl.Int64))
    return pl.concat([marked.filter(pl.col("factor") > 0).select(latent.columns), more.select(latent.columns)])


def monthly_counts(incidents: pl.DataFrame, agencies: pl.DataFrame) -> Integers:
    """Incidents by agency and month: (n agencies, 12)."""
    place = np.searchsorted(agencies["agency_id"].to_numpy(), incidents["agency_id"].to_numpy())
    cell = place * 12 + incidents["month"].to_numpy() - 1
    return np.bincount(cell, minlength=agencies.height * 12).reshape(-1, 12)


def _first_number(agency_id: Integers, year: int) -> Integers:
    """The start of the incident numbers of each agency's state and year."""
    return (year % 100 * 100 + agency_id.astype(np.int64) // IDS_PER_STATE) * _IDS_PER_STATE_YEAR


def _serial_within_state(agency_id: Integers) -> Integers:
    """Row numbers from 0 within each state; rows must be sorted by agency."""
    state = agency_id.astype(np.int64) // IDS_PER_STATE
    _, start, number = np.unique(state, return_index=True, return_counts=True)
    return np.arange(len(state)) - np.repeat(start, number)


def _day_shares(year: int) -> NDArray[np.float64]:
    """Probabilities of the days of the year: the share of the month, distributed over its days by weekday."""
    days = pl.select(day=pl.date_range(dt.date(year, 1, 1), dt.date(year, 12, 31)))["day"]
    month, weekday = days.dt.month().to_numpy() - 1, days.dt.weekday().to_numpy() - 1
    weight = marginal("weekday").shares[0][weekday]
    return np.asarray(marginal("month").shares[0][month] * weight / np.bincount(month, weight)[month])
