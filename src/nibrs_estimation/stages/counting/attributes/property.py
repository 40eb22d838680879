"""Property of incidents: types of loss, kinds and values by loss, stolen vehicles, carjackings."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from nibrs_estimation.stages.counting.attributes.recode import Derivation, Records, flagged, one_category
from nibrs_estimation.stages.counting.segments import Segments
from nibrs_estimation.tables.definition import Level
from nibrs_estimation.tables.variables import Variable

DAMAGED, RECOVERED, SEIZED, STOLEN = 4, 5, 6, 7
#: Value that stands for an unknown one.
_UNKNOWN_USD = 1
#: Lower ends of the classes of values, from the second on, in dollars; the category after the last is unknown.
VALUE_CLASSES = (50, 200, 1_000, 5_000, 20_000)
MOTOR_VEHICLES = ("03", "05", "24", "28", "37")


def _losses(level: Level, segments: Segments) -> pl.LazyFrame:
    return segments.property.select("incident_id", code=pl.col("loss_code").cast(pl.String))


def _items(loss: int, segments: Segments) -> pl.LazyFrame:
    """Property of a type of loss: ``incident_id``, ``description_code`` and ``value_usd``."""
    lost = segments.property.filter(pl.col("loss_code") == loss).select("property_id", "incident_id")
    return lost.join(segments.property_item, on="property_id").select("incident_id", "description_code", "value_usd")


def _descriptions(loss: int) -> Records:
    """Descriptions of the property of a type of loss."""

    def records(level: Level, segments: Segments) -> pl.LazyFrame:
        return _items(loss, segments).select("incident_id", code="description_code")

    return records


def _value_class(loss: int) -> Derivation:
    """The class of the incident's known values of a type of loss, added up; the last category if none is known."""

    def derivation(variable: Variable, level: Level, segments: Segments) -> pl.LazyFrame:
        value = pl.col("value_usd")
        known = value.filter(value != _UNKNOWN_USD)
        values = _items(loss, segments).group_by("incident_id").agg(usd=known.sum(), n_known=known.count())
        lower = pl.sum_horizontal(pl.col("usd") >= end for end in VALUE_CLASSES)
        unknown = len(VALUE_CLASSES) + 2
        return one_category(
            values.select("incident_id", category=pl.when(pl.col("n_known") > 0).then(lower + 1).otherwise(unknown))
        )

    return derivation


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


RECORDS: Mapping[str, Records] = {
    "loss": _losses,
    "seized_property": _descriptions(SEIZED),
    "stolen_property": _descriptions(STOLEN),
    "recovered_property": _descriptions(RECOVERED),
    "damaged_property": _descriptions(DAMAGED),
}
DERIVATIONS: Mapping[str, Derivation] = {
    "is_carjacking": _carjacking,
    "stolen_value7": _value_class(STOLEN),
    "recovered_value7": _value_class(RECOVERED),
    "damaged_value7": _value_class(DAMAGED),
}
