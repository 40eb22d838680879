"""Arrestees of groups A and B: type of arrest, disposition, weapons."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from nibrs_estimation.stages.counting.attributes.recode import (
    KEYS,
    Derivation,
    Records,
    category,
    is_imputed,
    one_category,
)
from nibrs_estimation.stages.counting.segments import Segments
from nibrs_estimation.tables.definition import Level
from nibrs_estimation.tables.variables import Variable

KEY = KEYS["arrestee"]
NOT_APPLICABLE, UNKNOWN = 3, 4


def _types(level: Level, segments: Segments) -> pl.LazyFrame:
    return segments.arrestee.select(*KEY, code="arrest_type_code")


def _multiple(level: Level, segments: Segments) -> pl.LazyFrame:
    """Only of Group A arrestees."""
    return segments.arrestee.filter(~pl.col("is_group_b")).select(*KEY, code="multiple_code")


def _dispositions(level: Level, segments: Segments) -> pl.LazyFrame:
    return segments.arrestee.select(*KEY, code="under_18_disposition_code")


def _weapons(level: Level, segments: Segments) -> pl.LazyFrame:
    return segments.arrestee_weapon.select(*KEY, code=pl.col("weapon_code").str.strip_suffix("A"))


def _juvenile_disposition(variable: Variable, level: Level, segments: Segments) -> pl.LazyFrame:
    """Handled or referred; without either, not applicable for adults and unknown for all others."""
    by_age = pl.when(pl.col("age_years") >= 18).then(NOT_APPLICABLE).otherwise(UNKNOWN)
    reported = category(variable.name, "under_18_disposition_code")
    by_imputed_age = reported.is_null() & is_imputed("age")
    return one_category(
        segments.arrestee.select(*KEY, category=pl.coalesce(reported, by_age), n_imputed=by_imputed_age.cast(pl.Int64))
    )


RECORDS: Mapping[str, Records] = {
    "arrest": _types,
    "multiple_indicator": _multiple,
    "disposition": _dispositions,
    "arrestee_weapon": _weapons,
}
DERIVATIONS: Mapping[str, Derivation] = {"juvenile_disposition": _juvenile_disposition}
