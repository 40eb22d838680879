"""Property of incidents: types of loss, seized property, stolen vehicles, carjackings."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from nibrs_estimation.stages.counting.attributes.recode import Derivation, Records, flagged
from nibrs_estimation.stages.counting.segments import Segments
from nibrs_estimation.tables.definition import Level
from nibrs_estimation.tables.variables import Variable

RECOVERED, SEIZED, STOLEN = 5, 6, 7
MOTOR_VEHICLES = ("03", "05", "24", "28", "37")


def _losses(level: Level, segments: Segments) -> pl.LazyFrame:
    return segments.property.select("incident_id", code=pl.col("loss_code").cast(pl.String))


def _seized(level: Level, segments: Segments) -> pl.LazyFrame:
    """Descriptions of seized property."""
    seized = segments.property.filter(pl.col("loss_code") == SEIZED).select("property_id", "incident_id")
    return seized.join(segments.property_item, on="property_id").select("incident_id", code="description_code")


def stolen_vehicles(segments: Segments) -> pl.LazyFrame:
    """Stolen vehicles of an incident, ``n``: the largest number in its property segments, which all repeat it."""
    reported = segments.property.drop_nulls("stolen_vehicles")
    return reported.group_by("incident_id").agg(n=pl.col("stolen_vehicles").max().cast(pl.Int64))


def carjackings(
    offense: pl.LazyFrame,
    victim: pl.LazyFrame,
    victim_offense: pl.LazyFrame,
    property_: pl.LazyFrame,
    property_item: pl.LazyFrame,
) -> pl.LazyFrame:
    """Incidents that are carjackings: one column ``incident_id``, without repeats.

    A carjacking is a completed robbery of an individual in which a motor vehicle was stolen or recovered (handbook 10).
    A robbery only of an officer does not count.
    """
    robbery = offense.filter((pl.col("offense_code") == "120") & (pl.col("attempt_complete_code") == "C"))
    robbed = (
        robbery.join(victim_offense.select("victim_id", "offense_id"), on="offense_id")
        .join(victim.filter(pl.col("victim_type_code") == "I").select("victim_id"), on="victim_id")
        .select("incident_id")
    )
    vehicle_taken = (
        property_.filter(pl.col("loss_code").is_in([RECOVERED, STOLEN]))
        .join(property_item.filter(pl.col("description_code").is_in(MOTOR_VEHICLES)), on="property_id", how="semi")
        .select("incident_id")
    )
    return robbed.join(vehicle_taken, on="incident_id", how="semi").unique()


def _carjacking(variable: Variable, level: Level, segments: Segments) -> pl.LazyFrame:
    return flagged(
        carjackings(
            segments.offense, segments.victim, segments.victim_offense, segments.property, segments.property_item
        )
    )


RECORDS: Mapping[str, Records] = {"loss": _losses, "seized_property": _seized}
DERIVATIONS: Mapping[str, Derivation] = {"is_carjacking": _carjacking}
