"""Property of incidents (specification 02, section 15.2 step 5, rules of sections 2.2 and 4.11)."""

from __future__ import annotations

import numpy as np
import polars as pl

from nibrs_estimation.sources.synthetic.marginals import (
    by_offense,
    chance,
    days_after,
    draw,
    draw_number,
    table,
)
from nibrs_estimation.stats import random

_NONE, _RECOVERED, _STOLEN, _UNKNOWN = 1, 5, 7, 8
_VEHICLE_THEFT = "240"


def property_rows(offense: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Property segments: what the offenses of an incident lost, each type of loss once.

    An attempt loses nothing. Losses of no or unknown kind stand only where there is no other.

    Args:
        offense: rows of ``offense_details``.
        seed: of the run.

    Returns:
        The columns of dataset ``property`` but the state, and ``offense``, the number of the offense that lost it.
    """
    number = offense["offense"].to_numpy()
    lost = offense.filter(pl.Series(by_offense("has_property", number) == 1))
    unit, number = lost["offense_id"].to_numpy(), lost["offense"].to_numpy()
    losses = pl.Series(draw_number("loss", seed, unit, offense=number))
    lost = lost.with_columns(loss_code=pl.when("is_attempted").then(_NONE).otherwise(pl.lit(losses)).cast(pl.Int8))
    is_recovered = chance("recovered", seed, unit, by_offense("recovered_share", number))
    recovered = lost.filter(pl.Series(is_recovered) & (lost["loss_code"] == _STOLEN)).with_columns(
        loss_code=pl.lit(_RECOVERED, pl.Int8)
    )
    is_real = ~pl.col("loss_code").is_in((_NONE, _UNKNOWN))
    is_vehicle_theft = pl.col("offense_code") == _VEHICLE_THEFT
    return (
        pl.concat([lost, recovered])
        .sort("incident_id", ~is_real, "offense_id")
        .filter(is_real | pl.col("incident_id").is_first_distinct())
        .unique(["incident_id", "loss_code"], keep="first", maintain_order=True)
        .select(
            "incident_id",
            "offense",
            "loss_code",
            property_id=pl.col("incident_id") * 10 + pl.col("loss_code"),
            stolen_vehicles=pl.when(is_vehicle_theft & (pl.col("loss_code") == _STOLEN)).then(1),
            recovered_vehicles=pl.when(is_vehicle_theft & (pl.col("loss_code") == _RECOVERED)).then(1),
        )
    )


def item_rows(property_: pl.DataFrame, incidents: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Descriptions of what was lost, with values; what is recovered is among what was stolen.

    Args:
        property_: rows of :func:`property_rows`.
        incidents: ``incident_id`` and ``incident_date``.
        seed: of the run.

    Returns:
        The columns of dataset ``property_item`` but the state.
    """
    described = property_.filter(~pl.col("loss_code").is_in((_NONE, _UNKNOWN)))
    items = draw_number("items", seed, described["incident_id"].to_numpy(), offense=described["offense"].to_numpy())
    row = np.repeat(np.arange(described.height), items)
    index = np.arange(len(row)) - np.repeat(np.cumsum(items) - items, items)
    item = described[row]
    incident, number = item["incident_id"].to_numpy(), item["offense"].to_numpy()
    unit = incident * 10 + index
    item = item.with_columns(
        description_code=draw("item", seed, unit, offense=number),
        knowledge=draw("value", seed, unit, offense=number),
        worth=random.normal(seed, "worth", unit),
    ).unique(["property_id", "description_code"], keep="first", maintain_order=True)
    values = table("item_value")
    other = values.filter(pl.col("description_code") == "*").row(0, named=True)
    item = item.join(values, on="description_code", how="left", maintain_order="left").join(
        incidents.select("incident_id", "incident_date"), on="incident_id", how="left", maintain_order="left"
    )
    recovered_date = days_after("incident_date", "recovery_lag", seed, item["incident_id"].to_numpy())
    median, sigma = pl.col("median_usd").fill_null(other["median_usd"]), pl.col("sigma").fill_null(other["sigma"])
    known = (median * (sigma * pl.col("worth")).exp()).round().clip(2).cast(pl.Int64)
    return item.select(
        "property_id",
        "description_code",
        value_usd=pl.when(pl.col("knowledge") == "known")
        .then(known)
        .when(pl.col("knowledge") == "unknown")
        .then(1)
        .when(pl.col("knowledge") == "zero")
        .then(0),
        recovered_date=pl.when(pl.col("loss_code") == _RECOVERED).then(recovered_date),
    )
