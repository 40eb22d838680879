"""Offenders of an incident: age, and whether they are known.

A known offender has a sequence number of at least 1; a segment with number 0 means that the offenders are unknown.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from nibrs_estimation.stages.counting.attributes.recode import Derivation, flagged, is_imputed
from nibrs_estimation.stages.counting.segments import Segments
from nibrs_estimation.tables.definition import Level
from nibrs_estimation.tables.variables import Variable

IS_KNOWN = pl.col("sequence_number") >= 1
IS_UNKNOWN = pl.col("sequence_number") == 0
AGE = pl.col("age_years")


def unknown_offender_incidents(segments: Segments) -> pl.LazyFrame:
    """Incidents with an unknown offender, without repeats: incident_id."""
    return segments.offender.filter(IS_UNKNOWN).select("incident_id").unique()


def known_offenders(segments: Segments) -> pl.LazyFrame:
    """Known offenders of incidents without an unknown one."""
    return segments.offender.filter(IS_KNOWN).join(unknown_offender_incidents(segments), on="incident_id", how="anti")


def _incidents(segments: Segments, offenders: pl.Expr) -> pl.LazyFrame:
    return segments.offender.filter(offenders).select("incident_id", is_imputed("age"))


def _unknown(variable: Variable, level: Level, segments: Segments) -> pl.LazyFrame:
    return flagged(unknown_offender_incidents(segments))


def _aged_12_to_17(variable: Variable, level: Level, segments: Segments) -> pl.LazyFrame:
    return flagged(_incidents(segments, AGE.is_between(12, 17)))


def _adult(variable: Variable, level: Level, segments: Segments) -> pl.LazyFrame:
    return flagged(_incidents(segments, AGE >= 18))


def _age_missing(variable: Variable, level: Level, segments: Segments) -> pl.LazyFrame:
    return flagged(known_offenders(segments).filter(AGE.is_null()).select("incident_id"))


def _aged_12_or_unknown(variable: Variable, level: Level, segments: Segments) -> pl.LazyFrame:
    return flagged(_incidents(segments, (AGE >= 12) | (IS_KNOWN & AGE.is_null()) | IS_UNKNOWN))


DERIVATIONS: Mapping[str, Derivation] = {
    "unknown_offender_incident": _unknown,
    "any_offender_12_17": _aged_12_to_17,
    "any_offender_18plus": _adult,
    "any_offender_age_missing": _age_missing,
    "offender_12plus_or_unknown": _aged_12_or_unknown,
}
