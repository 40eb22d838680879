"""Derived attributes of incidents (06 section 6)."""

from __future__ import annotations

import polars as pl

RECOVERED_OR_STOLEN = (5, 7)
MOTOR_VEHICLES = ("03", "05", "24", "28", "37")


def carjackings(
    offense: pl.LazyFrame,
    victim: pl.LazyFrame,
    victim_offense: pl.LazyFrame,
    property_: pl.LazyFrame,
    property_item: pl.LazyFrame,
) -> pl.LazyFrame:
    """Incidents that are carjackings: one column ``incident_id``, each incident once.

    Completed robbery of an individual, with a motor vehicle among what was recovered or stolen (06 section 6.1). An
    officer alone as the victim does not qualify.
    """
    robbery = offense.filter((pl.col("offense_code") == "120") & (pl.col("attempt_complete_code") == "C"))
    robbed = (
        robbery.join(victim_offense.select("victim_id", "offense_id"), on="offense_id")
        .join(victim.filter(pl.col("victim_type_code") == "I").select("victim_id"), on="victim_id")
        .select("incident_id")
    )
    vehicle_taken = (
        property_.filter(pl.col("loss_code").is_in(RECOVERED_OR_STOLEN))
        .join(property_item.filter(pl.col("description_code").is_in(MOTOR_VEHICLES)), on="property_id", how="semi")
        .select("incident_id")
    )
    return robbed.join(vehicle_taken, on="incident_id", how="semi").unique()
