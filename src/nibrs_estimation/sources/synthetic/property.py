"""Property of incidents (sources/synthetic/README.md)."""

from __future__ import annotations

import numpy as np
import polars as pl

from nibrs_estimation.sources.synthetic.marginals import (
    by_offense,
    chance,
    days_after,
    draw,
    draw_codes,
    draw_number,
    is_offense,
    repeated,
    table,
)
from nibrs_estimation.sources.synthetic.missingness import is_missing
from nibrs_estimation.stats import random

_NONE, _RECOVERED, _SEIZED, _STOLEN, _UNKNOWN = 1, 5, 6, 7, 8
_BARE = (_NONE, _UNKNOWN)
_VEHICLE_THEFT, _DRUG_OFFENSE = "240", "35A"
_DRUGS = "10"
_UNKNOWN_VALUE, _LEAST_VALUE = 1, 2
#: Code for more drugs than fit in a property segment, used in the last row.
_MOST_DRUG_ROWS, _MANY_DRUGS = 3, "X"
_MEASURE_NOT_REPORTED = "XX"
_MEDIAN_QUANTITY, _SIGMA_QUANTITY = 2.0, 1.8


def loss_rows(offense: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Types of property loss of each offense.

    An attempt has no loss. Part of the stolen property is recovered. A completed offense has loss none or unknown only
    if the incident has no other loss.

    Args:
        offense: rows of ``offense_details``.
        seed: seed of the run.

    Returns:
        ``incident_id``, ``offense_id``, ``offense`` (number), ``offense_code``, ``loss_code`` and ``property_id`` of
        the segment of the loss.
    """
    lost = offense.filter(pl.Series(is_offense("has_property", offense["offense"].to_numpy())))
    unit, number = lost["offense_id"].to_numpy(), lost["offense"].to_numpy()
    losses = pl.Series(draw_number("loss", seed, unit, offense=number))
    lost = lost.with_columns(loss_code=pl.when("is_attempted").then(_NONE).otherwise(pl.lit(losses)).cast(pl.Int8))
    is_recovered = chance("recovered", seed, unit, by_offense("recovered_share", number))
    recovered = lost.filter(pl.Series(is_recovered) & (lost["loss_code"] == _STOLEN)).with_columns(
        loss_code=pl.lit(_RECOVERED, pl.Int8)
    )
    says_little = ~pl.col("is_attempted") & pl.col("loss_code").is_in(_BARE)
    return (
        pl.concat([lost, recovered])
        .sort("incident_id", says_little, "offense_id", "loss_code")
        .filter(~says_little | pl.col("incident_id").is_first_distinct())
        .select(
            "incident_id",
            "offense_id",
            "offense",
            "offense_code",
            "loss_code",
            property_id=pl.col("incident_id") * 10 + pl.col("loss_code"),
        )
    )


def property_rows(losses: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Property segments: one for each type of loss of an incident, with the numbers of vehicles.

    Args:
        losses: rows of :func:`loss_rows`.
        seed: seed of the run.

    Returns:
        The columns of dataset ``property`` except the state.
    """
    code, loss = pl.col("offense_code"), pl.col("loss_code")
    property_ = (
        losses.sort("property_id", code != _VEHICLE_THEFT, maintain_order=True)
        .unique("property_id", keep="first", maintain_order=True)
        .select("incident_id", "property_id", "offense_code", "loss_code")
    )
    unit = property_["incident_id"].to_numpy()
    stolen = draw_number("stolen_vehicles", seed, unit)
    recovered = np.where(chance("all_recovered", seed, unit, 0.5), stolen, 1)
    is_theft = code == _VEHICLE_THEFT
    return property_.with_columns(
        stolen_vehicles=pl.when(is_theft & (loss == _STOLEN)).then(pl.lit(pl.Series(stolen))),
        recovered_vehicles=pl.when(is_theft & (loss == _RECOVERED)).then(pl.lit(pl.Series(recovered))),
    )


def item_rows(losses: pl.DataFrame, incidents: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Descriptions of the property with values; recovered property is the same as stolen.

    Args:
        losses: rows of :func:`loss_rows`.
        incidents: ``incident_id``, ``agency_id`` and ``incident_date``.
        seed: seed of the run.

    Returns:
        The columns of dataset ``property_item`` except the state.
    """
    described = losses.filter(~pl.col("loss_code").is_in(_BARE))
    items = draw_number("items", seed, described["offense_id"].to_numpy(), offense=described["offense"].to_numpy())
    row, index = repeated(items)
    item = described[row].join(
        incidents.select("incident_id", "agency_id", "incident_date"),
        on="incident_id",
        how="left",
        maintain_order="left",
    )
    unit = item["offense_id"].to_numpy() * 10 + index
    item = (
        item.with_columns(
            description_code=draw("item", seed, unit, offense=item["offense"].to_numpy()),
            worth=random.normal(seed, "worth", unit),
            is_value_missing=is_missing("value", seed, unit, item["agency_id"].to_numpy()),
            recovered_date=days_after("incident_date", "recovery_lag", seed, item["incident_id"].to_numpy()),
        )
        .unique(["property_id", "description_code"], keep="first", maintain_order=True)
        .join(_values(), on="description_code", how="left", maintain_order="left")
    )
    other = _values().row(by_predicate=pl.col("description_code") == "*", named=True)
    pricing = pl.col("pricing").fill_null(other["pricing"])
    median, sigma = pl.col("median_usd").fill_null(other["median_usd"]), pl.col("sigma").fill_null(other["sigma"])
    price = (median * (sigma * pl.col("worth")).exp()).round().clip(_LEAST_VALUE).cast(pl.Int64)

    def value(of_priced: pl.Expr) -> pl.Expr:
        return pl.when(pricing == "zero").then(0).when(pricing == "lognormal").then(of_priced)

    return item.select(
        "property_id",
        "description_code",
        value_usd=value(pl.when("is_value_missing").then(_UNKNOWN_VALUE).otherwise(price)),
        true_value_usd=value(price),
        recovered_date=pl.when(pl.col("loss_code") == _RECOVERED).then("recovered_date"),
    )


def drug_rows(losses: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Suspected drugs seized in drug offenses; if there are more than three types, the third row means "more".

    Args:
        losses: rows of :func:`loss_rows`.
        seed: seed of the run.

    Returns:
        The columns of dataset ``drug`` except the state.
    """
    seized = losses.filter((pl.col("offense_code") == _DRUG_OFFENSE) & (pl.col("loss_code") == _SEIZED))
    codes = draw_codes("drug", seed, seized["property_id"].to_numpy()).sort("place", maintain_order=True)
    codes = codes.with_columns(number=pl.int_range(1, pl.len() + 1).over("place")).filter(
        pl.col("number") <= _MOST_DRUG_ROWS
    )
    types = draw_number("drug_rows", seed, seized["property_id"].to_numpy())[codes["place"].to_numpy()]
    has_many = (pl.col("number") == _MOST_DRUG_ROWS) & pl.Series(types > _MOST_DRUG_ROWS)
    drug = codes.select(
        property_id=seized["property_id"].gather(codes["place"]),
        drug_code=pl.when(has_many).then(pl.lit(_MANY_DRUGS)).otherwise("code"),
        drug_id=seized["property_id"].gather(codes["place"]) * 10 + pl.col("number"),
    )
    unit = drug["drug_id"].to_numpy()
    quantity = _MEDIAN_QUANTITY * np.exp(_SIGMA_QUANTITY * random.normal(seed, "drug_quantity", unit))
    return drug.with_columns(
        quantity=pl.Series(np.maximum(quantity, 0.001)).round(3), measure=draw("drug_measure", seed, unit)
    ).with_columns(
        quantity=pl.when((pl.col("drug_code") != _MANY_DRUGS) & (pl.col("measure") != _MEASURE_NOT_REPORTED)).then(
            "quantity"
        ),
        measure_code=pl.when(pl.col("drug_code") != _MANY_DRUGS).then("measure"),
    )


def _values() -> pl.DataFrame:
    return table("item_value").select("description_code", "pricing", "median_usd", "sigma")
