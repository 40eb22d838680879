"""The units that tables count, with the offenses that assign them to columns (handbook 10)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.stages.counting.attributes import KEYS, clearance
from nibrs_estimation.stages.counting.segments import Segments
from nibrs_estimation.tables.atoms import atom, imputed_items
from nibrs_estimation.tables.counting import PERSON_UNITS, UNIT_LEVELS

_PERSONS, _OFFICERS = ("I", "L"), ("L",)


def key_of(unit: str) -> tuple[str, ...]:
    """The columns that identify a unit."""
    if unit.startswith("victim_offense"):
        return ("victim_id", "offense_id")
    return KEYS[UNIT_LEVELS[unit][-1]]


def offenses_of_units(unit: str, segments: Segments) -> pl.LazyFrame:
    """The offenses of each unit: the unit's key, ``incident_id``, ``offense_id`` and ``offense_code``.

    An arrestee by arrest code has the code of the arrest, which is not an offense of an incident.
    """
    offense = segments.offense.select("incident_id", "offense_id", "offense_code")
    if unit.endswith("_firearm"):
        offense = offense.join(_firearm_offenses(segments), on="offense_id", how="semi")
    kind = unit.removesuffix("_firearm")
    if kind in ("incident", "offense"):
        return offense
    if kind == "arrestee_by_arrest_code":
        return segments.arrestee.select(
            "is_group_b", "arrestee_id", "incident_id", "offense_code", offense_id=pl.lit(None, dtype=pl.Int64)
        )
    if kind == "arrestee":
        arrestee = segments.arrestee.filter(~pl.col("is_group_b")).select("is_group_b", "arrestee_id", "incident_id")
        return arrestee.join(offense, on="incident_id")
    linked = segments.victim_offense.select("victim_id", "offense_id").join(offense, on="offense_id")
    if kind == "victim_offense":
        return linked
    is_person = pl.col("victim_type_code").is_in(_OFFICERS if kind == "officer_victim" else _PERSONS)
    if kind == "non_person_victim":
        is_person = ~is_person
    return linked.join(segments.victim.filter(is_person).select("victim_id"), on="victim_id", how="semi")


def kind_of(unit: str) -> str:
    """The kind of a unit, which determines its common attributes: those of the victim, arrestee, or incident."""
    if unit not in PERSON_UNITS:
        return "incident"
    return "victim" if "victim" in unit else unit


def common_attributes(kind: str, segments: Segments, year: int) -> pl.LazyFrame:
    """Attributes that all units of a kind have, apart from their columns, in the data year.

    Returns:
        The key of :func:`common_attributes_key`, ``agency_id``, ``date``, ``clearance``, and ``atom`` (missing if units
        are not persons) and ``imputed_items``. The agency may be missing in Group B.
    """
    incident = (
        segments.incident.filter(pl.col("data_year") == year)
        .select("incident_id", "agency_id", date="incident_date")
        .join(clearance(segments), on="incident_id", how="left")
    )
    if kind == "incident":
        return incident.with_columns(atom=pl.lit(None, dtype=pl.Int16), imputed_items=pl.lit(0, dtype=pl.Int8))
    if kind == "victim":
        persons = segments.victim.select("victim_id", "incident_id", atom=atom(), imputed_items=imputed_items())
        return persons.join(incident, on="incident_id").drop("incident_id")
    persons = segments.arrestee.select(
        "is_group_b",
        "arrestee_id",
        "incident_id",
        "agency_id",
        "arrest_date",
        atom=atom(),
        imputed_items=imputed_items(),
    )
    group_a = (
        persons.filter(~pl.col("is_group_b")).drop("agency_id", "arrest_date").join(incident, on="incident_id")
    ).drop("incident_id")
    if kind == "arrestee":
        return group_a
    group_b = persons.filter(pl.col("is_group_b") & (pl.col("arrest_date").dt.year() == year)).select(
        "is_group_b",
        "arrestee_id",
        "atom",
        "imputed_items",
        "agency_id",
        date="arrest_date",
        clearance=pl.lit(None, dtype=pl.Int8),
    )
    return pl.concat([group_a, group_b], how="diagonal")


def common_attributes_key(unit: str) -> tuple[str, ...]:
    """The columns by which :func:`common_attributes` are joined to units."""
    return KEYS[UNIT_LEVELS[unit][-1]] if unit in PERSON_UNITS else KEYS["incident"]


def _firearm_offenses(segments: Segments) -> pl.LazyFrame:
    firearms = code_list("weapon").filter(pl.col("is_firearm") == "true")["code"]
    return segments.offense_weapon.filter(pl.col("weapon_code").is_in(firearms.to_list())).select("offense_id")
