"""Bias motivations, weapons, locations, activities and completion of offenses, also those of incidents and of victims.

An incident has the records of all its offenses; a victim has those of the offenses to which it is linked.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from nibrs_estimation.stages.counting.attributes.recode import KEYS, Derivation, Records, categorized, one_category
from nibrs_estimation.stages.counting.segments import Segments
from nibrs_estimation.tables.definition import Level
from nibrs_estimation.tables.variables import Variable


def _biases(level: Level, segments: Segments) -> pl.LazyFrame:
    return _linked(segments.offense_bias.select("offense_id", code="bias_code"), level, segments)


def weapons(level: Level, segments: Segments) -> pl.LazyFrame:
    """Weapon codes, without the mark for automatic weapons."""
    code = pl.col("weapon_code").str.strip_suffix("A")
    return _linked(segments.offense_weapon.select("offense_id", code=code), level, segments)


def _locations(level: Level, segments: Segments) -> pl.LazyFrame:
    return _linked(segments.offense.select("offense_id", code="location_code"), level, segments)


def _activities(level: Level, segments: Segments) -> pl.LazyFrame:
    return _linked(segments.offense_activity.select("offense_id", code="activity_code"), level, segments)


def _completions(level: Level, segments: Segments) -> pl.LazyFrame:
    return _linked(segments.offense.select("offense_id", code="attempt_complete_code"), level, segments)


def _linked(records: pl.LazyFrame, level: Level, segments: Segments) -> pl.LazyFrame:
    """Convert records of offenses into records of a level."""
    if level == "offense":
        return records
    links = segments.offense if level == "incident" else segments.victim_offense
    return records.join(links.select("offense_id", *KEYS[level]), on="offense_id").drop("offense_id")


def _firearm_types(variable: Variable, level: Level, segments: Segments) -> pl.LazyFrame:
    """1 if all firearms are of one type of single_gun3, otherwise 2."""
    types = categorized("single_gun3", weapons(level, segments)).group_by(KEYS[level])
    return one_category(types.agg(category=pl.col("category").n_unique().clip(upper_bound=2)))


RECORDS: Mapping[str, Records] = {
    "bias": _biases,
    "weapon": weapons,
    "location": _locations,
    "activity": _activities,
    "attempt_complete": _completions,
}
DERIVATIONS: Mapping[str, Derivation] = {"single_multi_firearm": _firearm_types}
