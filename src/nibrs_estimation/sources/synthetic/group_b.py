"""Arrests for Group B offenses, which have no incident (sources/synthetic/README.md)."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from nibrs_estimation.sources.synthetic.arrests import arrested_person
from nibrs_estimation.sources.synthetic.changes import year_effect
from nibrs_estimation.sources.synthetic.crime import expected_incidents
from nibrs_estimation.sources.synthetic.marginals import draw
from nibrs_estimation.sources.synthetic.nation import IDS_PER_STATE
from nibrs_estimation.sources.synthetic.reporting import reported_months
from nibrs_estimation.stats import random

#: Mean over agencies of Group B arrests per Group A incident, and its dispersion among agencies.
ARRESTS_PER_INCIDENT = 0.3
DISPERSION = 2.0
_IDS_PER_STATE_YEAR = 10_000_000


def group_b_rows(agencies: pl.DataFrame, year: int, seed: int, *, by_value: bool) -> pl.DataFrame:
    """The arrests of a state's agencies in the months that they reported.

    Args:
        agencies: the agencies of one state, all of them, by agency_id.
        year: data year.
        seed: seed of the run.
        by_value: whether it depends on a value whether it is missing.

    Returns:
        The columns of dataset ``arrestee`` except the state.
    """
    unit = agencies["agency_id"].to_numpy()
    propensity = random.gamma(seed, "group_b_propensity", unit, year, shape=DISPERSION) / DISPERSION
    mean = ARRESTS_PER_INCIDENT * expected_incidents(agencies, seed) * year_effect(year, seed) * propensity
    arrests = random.poisson(seed, "group_b_arrests", unit, year, mean=mean)
    place = np.repeat(np.arange(len(unit)), arrests)
    state_id = unit[:1].astype(np.int64) // IDS_PER_STATE
    arrestee_id = (year % 100 * 100 + state_id) * _IDS_PER_STATE_YEAR + np.arange(1, len(place) + 1)

    first, after = (np.datetime64(dt.date(start, 1, 1), "D") for start in (year, year + 1))
    day = np.floor(random.uniform(seed, "group_b_day", arrestee_id) * (after - first).astype(np.int64))
    arrest_date = first + day.astype(np.int64)
    month = arrest_date.astype("datetime64[M]").astype(np.int64) % 12
    is_reported = reported_months(agencies, year, seed)[place, month]
    arrestee_id, agency_id = arrestee_id[is_reported], unit[place[is_reported]]
    return (
        pl.DataFrame({"arrestee_id": arrestee_id, "agency_id": agency_id, "arrest_date": arrest_date[is_reported]})
        .with_columns(
            is_group_b=pl.lit(True),
            incident_id=pl.lit(None, pl.Int64),
            form_year=pl.col("arrest_date").dt.year(),
            form_month=pl.col("arrest_date").dt.month(),
            sequence_number=pl.lit(1),
            multiple_code=pl.lit(None, pl.String),
            offense_code=draw("group_b", seed, arrestee_id),
        )
        .hstack(arrested_person("group_b", seed, arrestee_id, np.zeros_like(arrestee_id), agency_id, by_value=by_value))
    )
