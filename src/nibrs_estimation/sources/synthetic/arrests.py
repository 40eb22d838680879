"""Arrests for the offenses of incidents, and arrestees' weapons (README.md of this folder)."""

from __future__ import annotations

import numpy as np
import polars as pl

from nibrs_estimation.sources.synthetic.demographics import null_unless, person_columns, reported_traits
from nibrs_estimation.sources.synthetic.marginals import Integers, days_after, draw, draw_codes, offenses
from nibrs_estimation.sources.synthetic.missingness import Circumstances, with_missing
from nibrs_estimation.sources.synthetic.persons import numbered

ADULT_AGE = 18
_UNARMED = "01"


def arrestee_rows(incidents: pl.DataFrame, seed: int, *, by_value: bool) -> pl.DataFrame:
    """Arrestees: the first known offenders of an incident, with the same traits.

    Args:
        incidents: rows of ``with_suspects``, with ``form_year`` and ``form_month``.
        seed: seed of the run.
        by_value: whether it depends on a value whether it is missing.

    Returns:
        The columns of dataset ``arrestee`` except the state.
    """
    arrestee = numbered(incidents, incidents["arrestees"].to_numpy(), "arrestee_id")
    unit, number = arrestee["arrestee_id"].to_numpy(), arrestee["offense"].to_numpy()
    return arrestee.with_columns(
        is_group_b=pl.lit(False),
        arrest_date=days_after("incident_date", "arrest_lag", seed, unit),
        multiple_code=draw("multiple", seed, unit),
        offense_code=offenses()["offense_code"].gather(number),
    ).hstack(arrested_person("offender", seed, unit, number, arrestee["agency_id"].to_numpy(), by_value=by_value))


def arrested_person(
    role: str, seed: int, unit: Integers, offense: Integers, agency_id: Integers, *, by_value: bool
) -> pl.DataFrame:
    """Traits of arrestees as reported: demographic columns, resident, type of arrest, disposition of minors.

    Args:
        role: prefix of the streams and of the distributions of age, sex, race and ethnicity.
        seed: seed of the run.
        unit: (n,) keys of the arrestees.
        offense: (n,) numbers of the offenses that determine the distributions.
        agency_id: (n,) the agencies.
        by_value: whether it depends on a value whether it is missing.
    """
    circumstances = Circumstances(offense, np.ones(len(unit), dtype=np.bool_), by_value)
    traits = person_columns(role, seed, unit, offense)
    person = reported_traits("arrestee", traits, seed, unit, agency_id, circumstances)
    is_minor = (person["age_years"] < ADULT_AGE).fill_null(False).to_numpy()
    true_resident = draw("arrestee_resident", seed, unit)
    resident = with_missing(true_resident, "arrestee_resident", seed, unit, agency_id)
    disposition = draw("disposition", seed, unit).alias("under_18_disposition_code").to_frame()
    return person.with_columns(
        resident_code=resident, true_resident_code=true_resident, arrest_type_code=draw("arrest_type", seed, unit)
    ).hstack(null_unless(is_minor, disposition))


def arrestee_weapon_rows(arrestee: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Weapons of arrestees, only 01 if there is none: dataset ``arrestee_weapon`` without the state.

    Args:
        arrestee: ``is_group_b`` and ``arrestee_id``, which may be the same in both groups.
        seed: seed of the run.
    """
    unit = arrestee["arrestee_id"].to_numpy() * 2 + arrestee["is_group_b"].to_numpy().astype(np.int64)
    codes = draw_codes("arrest_weapon", seed, unit, alone=(_UNARMED,))
    return arrestee.select("is_group_b", "arrestee_id")[codes["place"]].with_columns(weapon_code=codes["code"])
