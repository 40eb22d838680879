"""Value of the property of an incident, and what kinds of property it has (handbook 05)."""

from __future__ import annotations

import polars as pl

#: Ten kinds of property -> codes of the description.
PROPERTY_KINDS: dict[str, tuple[int, ...]] = {
    "transportation": (1, 3, 4, 5, 24, 28, 37, 38, 39, 41, 78, 79),
    "building": (29, 30, 31, 32, 33, 34, 35, 43),
    "equipment": (7, 11, 12, 14, 15, 16, 23, 26, 27, 36, 42, 44, 67, 68, 69, 70, 72, 74, 75, 76),
    "money": (9, 17, 20, 21, 22, 25, 46),
    "documents": (48, 65, 66),
    "firearm": (13, 49, 59, 80),
    "agricultural": (18, 47, 73),
    "drugs": (2, 10, 45),
    "consumables": (6, 8, 19, 64),
    "other": (71, 77, 88, 99),
}
#: Values with a meaning of their own: no property, an unknown value of pending inventory, seized drugs.
NO_PROPERTY, PENDING, SEIZED_DRUGS = -1, 1, 222_222_222
_MOST = 1_000_000
_RECOVERED, _SEIZED = 5, 6
#: Types of loss that say nothing of a value: none, recovered, unknown.
_WITHOUT_VALUE = (1, 5, 8)
_WORTHLESS = (9, 22, 48, 65, 66, 77)
_INVENTORY, _DRUGS = 88, 10


def property_values(rows: pl.DataFrame) -> pl.DataFrame:
    """The value of the property of each incident.

    A property that was only recovered counts; one that was stolen and recovered counts once.

    Args:
        rows: ``incident_id``, ``loss_code``, ``description_code`` (a number) and ``value_usd``, one row for each
            description within a type of loss.

    Returns:
        ``incident_id``, ``property_value`` (missing if it is unknown; :data:`NO_PROPERTY`, :data:`PENDING` and
        :data:`SEIZED_DRUGS` are no values), and ``property_<kind>`` for each of :data:`PROPERTY_KINDS`.
    """
    described = rows.filter(pl.col("description_code").is_not_null())
    pair = ["incident_id", "description_code"]
    is_only_recovered = (pl.len().over(pair) == 1) & (pl.col("loss_code") == _RECOVERED)
    recovered = described.filter(is_only_recovered)
    lost = described.filter(~is_only_recovered & ~pl.col("loss_code").is_in(_WITHOUT_VALUE))
    several = pl.col("loss_code").n_unique().over("incident_id") > 1
    lost = pl.concat(
        [
            lost.filter(~several),
            # Of a property with several types of loss, equal values are one value.
            lost.filter(several).unique([*pair, "value_usd"], keep="first", maintain_order=True),
        ]
    )
    value, description = pl.col("value_usd"), pl.col("description_code")
    clean = (
        pl.when(description.is_in(_WORTHLESS) & value.is_null())
        .then(0)
        .when((value == 1) & (description != _INVENTORY))
        .then(None)
        .when(value >= _MOST)
        .then(_MOST)
        .when((description == _DRUGS) & (pl.col("loss_code") == _SEIZED) & value.is_null())
        .then(SEIZED_DRUGS)
        .otherwise(value)
    )
    usual = pl.col("clean").filter((pl.col("clean") >= 0) & ~pl.col("clean").is_in([PENDING, SEIZED_DRUGS]))
    of_incident = (
        pl.concat([lost, recovered])
        .with_columns(clean=clean)
        .group_by("incident_id")
        .agg(
            value=pl.when(usual.count() > 0)
            .then(usual.sum())
            .when((pl.col("clean") == SEIZED_DRUGS).any())
            .then(SEIZED_DRUGS)
            .when(((pl.col("clean") == PENDING) & (description == _INVENTORY)).any())
            .then(PENDING)
        )
    )
    kinds = described.group_by("incident_id").agg(
        pl.col("description_code").is_in(codes).any().cast(pl.Int8).alias(f"property_{kind}")
        for kind, codes in PROPERTY_KINDS.items()
    )
    has_kind = pl.any_horizontal(pl.col(f"property_{kind}") == 1 for kind in PROPERTY_KINDS)
    return (
        rows.select("incident_id")
        .unique()
        .join(kinds, on="incident_id", how="left")
        .join(of_incident, on="incident_id", how="left")
        .with_columns(pl.col(f"property_{kind}").fill_null(0) for kind in PROPERTY_KINDS)
        .with_columns(property_value=pl.when(has_kind).then("value").otherwise(NO_PROPERTY))
        .drop("value")
        .sort("incident_id")
    )
