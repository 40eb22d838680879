"""Latent crime: all incidents, reported or not, and those that were reported (sources/synthetic/README.md)."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

import numpy as np
import polars as pl

from nibrs_estimation.sources.synthetic.changes import monthly_factors
from nibrs_estimation.sources.synthetic.faults import sent_factors
from nibrs_estimation.sources.synthetic.marginals import Booleans, Floats, Integers, marginal
from nibrs_estimation.sources.synthetic.nation import IDS_PER_STATE
from nibrs_estimation.sources.synthetic.rates import shares_within_classes, usual_crime
from nibrs_estimation.sources.synthetic.reporting import Form, reports_crime
from nibrs_estimation.stats import random

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
    """Incidents of the year by agency and main offense: (n agencies, k offenses of ``offense.csv``)."""
    counts = monthly_counts(agencies, year, seed).sum(axis=2)
    return np.asarray(counts, dtype=np.int64)


def monthly_counts(agencies: pl.DataFrame, year: int, seed: int) -> Integers:
    """Incidents by agency, main offense and month: (n agencies, k offenses, 12), Poisson given their means."""
    means = monthly_means(agencies, year, seed)
    of_class, share = shares_within_classes()
    unit = agencies["agency_id"].to_numpy()[:, None, None]
    number = (year * 100 + np.arange(len(share)))[:, None] * 12 + np.arange(12)
    return random.poisson(seed, "incidents", unit, number, mean=means[:, of_class] * share[:, None])


def monthly_means(agencies: pl.DataFrame, year: int, seed: int) -> Floats:
    """Mean incidents by agency, class of crime and month, given the agency's level and changes: (n, 8, 12)."""
    usual = usual_crime(agencies, seed)
    reports = reports_crime(agencies).to_numpy()
    means = usual.by_class[:, :, None] * monthly_factors(agencies, usual, year, seed) * reports[:, None, None]
    return np.asarray(means, dtype=np.float64)


def expected_incidents(agencies: pl.DataFrame, seed: int) -> Floats:
    """Mean number of incidents of each agency in a usual year at the national level of 2013: (n,).

    Covered and dormant agencies and those that report officers only (status L) have none.
    """
    total = usual_crime(agencies, seed).by_class.sum(axis=1)
    return np.where(reports_crime(agencies).to_numpy(), total, 0.0)


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
    counts = monthly_counts(agencies, year, seed)
    place, offense, month = np.nonzero(counts)
    times = counts[place, offense, month]
    agency_id = np.repeat(agencies["agency_id"].to_numpy()[place], times)
    month = np.repeat(month, times)
    incident_id = _first_number(agency_id, year) + _serial_within_state(agency_id) + 1
    day = _days(random.uniform(seed, "day", incident_id), month, year)
    first = np.datetime64(dt.date(year, 1, 1), "D")
    return pl.DataFrame(
        {
            "incident_id": incident_id,
            "agency_id": agency_id,
            "offense": np.repeat(offense.astype(np.int16), times),
            "incident_date": first + day,
            "month": (month + 1).astype(np.int8),
        }
    )


def sent_incidents(
    agencies: pl.DataFrame, latent: pl.DataFrame, months: Booleans, year: int, seed: int, form: Form
) -> pl.DataFrame:
    """What the agencies of some states sent on a form: the incidents of its months, changed by the planted faults.

    Of a month multiplied by 1/4, one incident in four came; of one multiplied by 3, each came three times, under new
    numbers.

    Args:
        agencies: the agencies of whole states, by agency_id.
        latent: what :func:`latent_incidents` returns.
        months: (n, 12) the months that they reported on the form.
        year: data year.
        seed: seed of the run.
        form: of the reports.

    Returns:
        Columns of :func:`latent_incidents`.
    """
    factors = sent_factors(agencies, months, year, seed, form)
    place = np.searchsorted(agencies["agency_id"].to_numpy(), latent["agency_id"].to_numpy())
    factor = factors[place, latent["month"].to_numpy() - 1]
    times = np.floor(factor).astype(np.int64)
    some = np.flatnonzero(factor != times)
    point = random.uniform(seed, "sent", latent["incident_id"].to_numpy()[some])
    times[some] += point < (factor - times)[some]
    sent = latent.filter(pl.Series(times > 0))
    again = np.flatnonzero(times > 1)
    more = latent[np.repeat(again, times[again] - 1)]
    # Numbers of copies start above all numbers of original incidents.
    agency_id = more["agency_id"].to_numpy()
    number = _first_number(agency_id, year) + _FIRST_COPY + _serial_within_state(agency_id)
    return pl.concat([sent, more.with_columns(incident_id=pl.Series(number, dtype=pl.Int64))])


def incidents_by_month(incidents: pl.DataFrame, agencies: pl.DataFrame) -> Integers:
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


def _days(point: Floats, month: Integers, year: int) -> Integers:
    """Days of the year from 0, of incidents in given months from 0: more on some weekdays than on others."""
    ends, first = _day_ends(year)
    # Each month's distribution function stands one above that of the month before.
    return np.asarray(np.searchsorted(ends, point + month, side="right").clip(first[month], first[month + 1] - 1))


@lru_cache(maxsize=8)
def _day_ends(year: int) -> tuple[Floats, Integers]:
    """Distribution function over the days of each month, plus the month from 0; and the first day of each month."""
    days = pl.select(day=pl.date_range(dt.date(year, 1, 1), dt.date(year, 12, 31)))["day"]
    month, weekday = days.dt.month().to_numpy() - 1, days.dt.weekday().to_numpy() - 1
    weight = marginal("weekday").shares[0][weekday]
    first = np.searchsorted(month, np.arange(13))
    before = np.concatenate([[0.0], np.cumsum(weight)])
    total = np.diff(before[first])
    return month + (before[1:] - before[first[month]]) / total[month], first
