"""Completed drug violations: activities, suspected drugs, and pairs of both (handbook 10, drug module)."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from nibrs_estimation.stages.counting.attributes.recode import Derivation, Records, categorized, one_category
from nibrs_estimation.stages.counting.segments import Segments
from nibrs_estimation.tables.definition import Level
from nibrs_estimation.tables.variables import Variable

VIOLATION, EQUIPMENT = "35A", "35B"
IS_COMPLETED = pl.col("attempt_complete_code") == "C"
N_ACTIVITIES = 8


def _activities(level: Level, segments: Segments) -> pl.LazyFrame:
    """Activities of completed drug violations (35A)."""
    completed = segments.offense.filter((pl.col("offense_code") == VIOLATION) & IS_COMPLETED)
    links = completed.select("offense_id", "incident_id")
    return links.join(segments.offense_activity, on="offense_id").select("incident_id", code="activity_code")


def _drugs(level: Level, segments: Segments) -> pl.LazyFrame:
    """Drugs among all property of the incident, with any type of loss."""
    links = segments.property.select("property_id", "incident_id")
    return links.join(segments.drug, on="property_id").select("incident_id", code="drug_code")


def _offense_class(variable: Variable, level: Level, segments: Segments) -> pl.LazyFrame:
    """1 completed 35A only, 2 completed 35B only, 3 both."""
    completed = segments.offense.filter(pl.col("offense_code").is_in([VIOLATION, EQUIPMENT]) & IS_COMPLETED)
    number = pl.when(pl.col("offense_code") == VIOLATION).then(1).otherwise(2)
    return one_category(completed.group_by("incident_id").agg(category=number.unique().sum()))


def _pairs(variable: Variable, level: Level, segments: Segments) -> pl.LazyFrame:
    """8 (drug - 1) + activity, for each pair of an activity record and a drug record of the incident."""
    drugs = _counted("drug9", _drugs(level, segments))
    activities = _counted("crim_activity_35A", _activities(level, segments))
    return drugs.join(activities, on="incident_id").select(
        "incident_id",
        category=(N_ACTIVITIES * (pl.col("category") - 1) + pl.col("category_right")).cast(pl.Int8),
        n=pl.col("n") * pl.col("n_right"),
    )


def _single_pairs(variable: Variable, level: Level, segments: Segments) -> pl.LazyFrame:
    """Pairs of incidents with only one drug code or only one activity code, counting also codes without a category."""
    one_code = [
        records.group_by("incident_id").agg(pl.col("code").n_unique()).filter(pl.col("code") == 1).select("incident_id")
        for records in (_drugs(level, segments), _activities(level, segments))
    ]
    return _pairs(variable, level, segments).join(pl.concat(one_code), on="incident_id", how="semi")


def _counted(variable: str, records: pl.LazyFrame) -> pl.LazyFrame:
    return categorized(variable, records).group_by("incident_id", "category").agg(n=pl.len().cast(pl.Int64))


RECORDS: Mapping[str, Records] = {"drug_activity": _activities, "drug": _drugs}
DERIVATIONS: Mapping[str, Derivation] = {
    "drug_equipment_class": _offense_class,
    "drug72": _pairs,
    "drug72_single": _single_pairs,
}
