"""Victims and offenders: relationships, and pairs by age, sex and race."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from nibrs_estimation.stages.counting.attributes.offenders import known_offenders, unknown_offender_incidents
from nibrs_estimation.stages.counting.attributes.recode import (
    IS_IMPUTED,
    Derivation,
    Records,
    categorized,
    category,
    is_imputed,
    one_category,
)
from nibrs_estimation.stages.counting.attributes.victims import PERSONS
from nibrs_estimation.stages.counting.segments import Segments
from nibrs_estimation.tables.definition import Level
from nibrs_estimation.tables.variables import Variable, derived_variables

UNKNOWN_OFFENDER_INCIDENT, MISSING = 7, 8


def _relationships(level: Level, segments: Segments) -> pl.LazyFrame:
    """Relationships of a victim, or of all victims of an incident."""
    records = segments.victim_offender.select("victim_id", is_imputed("relationship"), code="relationship_code")
    if level == "victim":
        return records
    return records.join(segments.victim.select("victim_id", "incident_id"), on="victim_id").drop("victim_id")


def _nearest(variable: Variable, level: Level, segments: Segments) -> pl.LazyFrame:
    """The smallest category of vor6; for persons without one, 7 if an offender is unknown, otherwise 8."""
    records = categorized("vor6", _relationships(level, segments))
    is_nearest = pl.col("category") == pl.col("category").min()
    nearest = records.group_by("victim_id").agg(
        pl.col("category").min(), n_imputed=pl.col(IS_IMPUTED).filter(is_nearest).all().cast(pl.Int64)
    )
    unknown = unknown_offender_incidents(segments).with_columns(is_unknown=True)
    not_reported = pl.when("is_unknown").then(UNKNOWN_OFFENDER_INCIDENT).otherwise(MISSING)
    is_person = pl.col("victim_type_code").is_in(PERSONS)
    victims = (
        segments.victim.select("victim_id", "incident_id", "victim_type_code")
        .join(nearest, on="victim_id", how="left")
        .join(unknown, on="incident_id", how="left")
        .select(
            "victim_id",
            pl.col("n_imputed").fill_null(0),
            category=pl.coalesce("category", pl.when(is_person).then(not_reported)),
        )
    )
    return one_category(victims.drop_nulls())


def _by_age(variable: Variable, level: Level, segments: Segments) -> pl.LazyFrame:
    group = pl.when(pl.col("age_years") < 18).then(1).when(pl.col("age_years") >= 18).then(2)
    return _pairs(segments, "age", group, _of_two())


def _by_sex(variable: Variable, level: Level, segments: Segments) -> pl.LazyFrame:
    return _pairs(segments, "sex", _known("sex3", "sex_code"), _of_two())


def _by_race(variable: Variable, level: Level, segments: Segments) -> pl.LazyFrame:
    """2k - 1: victim of race k, offender of the same race; 2k: victim of race k, offender of another race."""
    victim, offender = pl.col("group"), pl.col("group_right")
    return _pairs(segments, "race", _known("race6", "race_code"), (2 * victim - (victim == offender)).fill_null(11))


def _of_two() -> pl.Expr:
    """Victim and offender: 1 both first, 2 first and second, 3 both second, 4 second and first, 5 one is unknown."""
    victim, offender = pl.col("group"), pl.col("group_right")
    return pl.when(victim == 1).then(offender).when(victim == 2).then(5 - offender).fill_null(5)


def _known(variable: str, code: str) -> pl.Expr:
    """The category of a person, missing if unknown."""
    found = category(variable, code)
    return pl.when(found != derived_variables()[variable].others).then(found)


def _pairs(segments: Segments, item: str, group: pl.Expr, of_pair: pl.Expr) -> pl.LazyFrame:
    """Count pairs of a victim (``group``) and a known offender (``group_right``) of the same incident, by an item."""
    victims = segments.victim.select("victim_id", "incident_id", is_imputed(item), group=group.cast(pl.Int8))
    offenders = known_offenders(segments).select("incident_id", is_imputed(item), group=group.cast(pl.Int8))
    either = pl.col(IS_IMPUTED) | pl.col(f"{IS_IMPUTED}_right")
    return (
        victims.join(offenders, on="incident_id")
        .group_by("victim_id", category=of_pair.cast(pl.Int8))
        .agg(n=pl.len().cast(pl.Int64), n_imputed=either.sum().cast(pl.Int64))
    )


RECORDS: Mapping[str, Records] = {"relationship": _relationships}
DERIVATIONS: Mapping[str, Derivation] = {
    "vor_hierarchy8": _nearest,
    "vo_age": _by_age,
    "vo_sex": _by_sex,
    "vo_race": _by_race,
}
