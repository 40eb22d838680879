"""Derived variables of incidents, offenses, victims and arrestees (06 section 6), as `_variables.yaml` declares them."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.stages.indicators.attributes.carjacking import carjackings
from nibrs_estimation.stages.indicators.segments import Segments
from nibrs_estimation.tables.definition import Level

__all__ = ["carjackings", "clearance", "derive", "multiplier"]


def derive(variable: str, level: Level, segments: Segments) -> pl.LazyFrame:
    """The categories of a variable of kind ``derived``.

    Returns:
        The key of the level (incident_id; offense_id; victim_id; is_group_b, arrestee_id), ``category`` (Int8) and
        ``n`` (Int64): how many records of the key have it. Keys without a category are absent; a flag that does not
        hold is absent, too, but for those with ``others: 0``.

    Raises:
        PipelineError: there is no such variable, or it is not known of this level; names the mend.
    """
    raise NotImplementedError


def multiplier(name: str, segments: Segments) -> pl.LazyFrame:
    """By what the units of an incident count: incident_id, ``n``; absent where nothing is told (06 section 9.3)."""
    raise NotImplementedError


def clearance(segments: Segments) -> pl.LazyFrame:
    """Clearance of every incident: incident_id, ``clearance`` (Int8): 1 not, 2 by arrest, 3 exceptionally."""
    raise NotImplementedError
