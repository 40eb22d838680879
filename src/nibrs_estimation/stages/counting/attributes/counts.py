"""Numbers of victims, offenders and offenses of an incident; the last category includes all larger numbers."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from nibrs_estimation.stages.counting.attributes.offenders import IS_KNOWN, IS_UNKNOWN
from nibrs_estimation.stages.counting.attributes.offenses import weapons
from nibrs_estimation.stages.counting.attributes.recode import Derivation, categorized, one_category
from nibrs_estimation.stages.counting.attributes.victims import PERSONS
from nibrs_estimation.stages.counting.segments import Segments
from nibrs_estimation.tables.definition import Level
from nibrs_estimation.tables.variables import Variable

IS_PERSON = pl.col("victim_type_code").is_in(PERSONS)


def _victims(variable: Variable, level: Level, segments: Segments) -> pl.LazyFrame:
    """Victims of any type."""
    return _number(segments.victim, variable)


def _person_victims(variable: Variable, level: Level, segments: Segments) -> pl.LazyFrame:
    return _number(segments.victim.filter(IS_PERSON), variable)


def _firearm_victims(variable: Variable, level: Level, segments: Segments) -> pl.LazyFrame:
    """Persons that are linked to an offense with a firearm."""
    victims = categorized("weapon_subset_firearm", weapons("victim", segments)).select("victim_id")
    return _number(segments.victim.filter(IS_PERSON).join(victims, on="victim_id", how="semi"), variable)


def _offenses(variable: Variable, level: Level, segments: Segments) -> pl.LazyFrame:
    return _number(segments.offense, variable)


def _number(members: pl.LazyFrame, variable: Variable) -> pl.LazyFrame:
    return one_category(
        members.group_by("incident_id").agg(category=pl.len().clip(upper_bound=max(variable.categories)))
    )


def _offenders(variable: Variable, level: Level, segments: Segments) -> pl.LazyFrame:
    """Number of known offenders; the last category if there are only unknown offenders."""
    unknown = max(variable.categories)
    number = pl.when(pl.col("known") > 0).then(pl.col("known").clip(upper_bound=unknown - 1))
    incidents = segments.offender.group_by("incident_id").agg(known=IS_KNOWN.sum(), is_unknown=IS_UNKNOWN.any())
    return one_category(
        incidents.select("incident_id", category=number.when("is_unknown").then(unknown)).drop_nulls("category")
    )


DERIVATIONS: Mapping[str, Derivation] = {
    "victim_count": _victims,
    "n_person_victims": _person_victims,
    "n_firearm_victims": _firearm_victims,
    "offense_count": _offenses,
    "offender_count": _offenders,
    "offender5": _offenders,
}
