"""Types of victims, injuries, and activities of officers."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from nibrs_estimation.stages.counting.attributes.recode import Derivation, Records, categorized, one_category
from nibrs_estimation.stages.counting.segments import Segments
from nibrs_estimation.tables.definition import Level
from nibrs_estimation.tables.variables import Variable

PERSONS = ("I", "L")
MURDER = ("09A",)
HOMICIDES = ("09A", "09B")


def _types(level: Level, segments: Segments) -> pl.LazyFrame:
    return segments.victim.select("victim_id", code="victim_type_code")


def _officer_activities(level: Level, segments: Segments) -> pl.LazyFrame:
    return segments.victim.select("victim_id", code="activity_code")


def _officer_assignments(level: Level, segments: Segments) -> pl.LazyFrame:
    return segments.victim.select("victim_id", code="assignment_code")


def _injuries(level: Level, segments: Segments) -> pl.LazyFrame:
    """Injuries of a victim, or of all victims of an incident."""
    records = segments.victim_injury.select("victim_id", code="injury_code")
    if level == "victim":
        return records
    return records.join(segments.victim.select("victim_id", "incident_id"), on="victim_id").drop("victim_id")


def _injury_hierarchy(variable: Variable, level: Level, segments: Segments) -> pl.LazyFrame:
    """1 for victims of homicides, with any injury; for others the most serious injury."""
    injuries = categorized(variable.name, _injuries(level, segments))
    killed = _victims_of(HOMICIDES, segments).with_columns(category=pl.lit(1, pl.Int8))
    return one_category(pl.concat([killed, injuries]).group_by("victim_id").agg(pl.col("category").min()))


def _murdered(variable: Variable, level: Level, segments: Segments) -> pl.LazyFrame:
    killed = _victims_of(MURDER, segments).unique().with_columns(category=pl.lit(1))
    victims = segments.victim.select("victim_id").join(killed, on="victim_id", how="left")
    return one_category(victims.with_columns(pl.col("category").fill_null(2)))


def _victims_of(offenses: tuple[str, ...], segments: Segments) -> pl.LazyFrame:
    """Victims that are linked to the offenses; repeated if they are linked to several."""
    of = segments.offense.filter(pl.col("offense_code").is_in(offenses)).select("offense_id")
    return segments.victim_offense.join(of, on="offense_id", how="semi").select("victim_id")


RECORDS: Mapping[str, Records] = {
    "victim_type": _types,
    "officer_activity": _officer_activities,
    "officer_assignment": _officer_assignments,
    "injury": _injuries,
}
DERIVATIONS: Mapping[str, Derivation] = {
    "injury_hierarchy5": _injury_hierarchy,
    "injury_hierarchy6": _injury_hierarchy,
    "murdered": _murdered,
}
