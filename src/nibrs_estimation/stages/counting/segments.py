"""The segments of a state's incidents, as input of the derivation of variables."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Segments:
    """Lazy frames of the datasets of the same names; persons are those of ``analysis_victim`` etc."""

    incident: pl.LazyFrame
    offense: pl.LazyFrame
    offense_bias: pl.LazyFrame
    offense_weapon: pl.LazyFrame
    offense_activity: pl.LazyFrame
    victim: pl.LazyFrame
    victim_offense: pl.LazyFrame
    victim_injury: pl.LazyFrame
    offender: pl.LazyFrame
    victim_offender: pl.LazyFrame
    property: pl.LazyFrame
    property_item: pl.LazyFrame
    drug: pl.LazyFrame
    arrestee: pl.LazyFrame
    arrestee_weapon: pl.LazyFrame
    new_offense: pl.LazyFrame
