"""Derived variables of incidents, offenses, victims and arrestees (handbook 10); `_variables.yaml` declares them."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.stages.counting.attributes import (
    arrests,
    counts,
    drugs,
    incidents,
    offenders,
    offenses,
    property,
    relationships,
    victims,
)
from nibrs_estimation.stages.counting.attributes.incidents import clearance
from nibrs_estimation.stages.counting.attributes.recode import (
    KEYS,
    N_IMPUTED,
    Derivation,
    Records,
    categorized,
    counted,
    units_of_level,
)
from nibrs_estimation.stages.counting.segments import Segments
from nibrs_estimation.tables.definition import Level
from nibrs_estimation.tables.variables import Variable, derived_variables

__all__ = ["KEYS", "clearance", "derive", "multiplier"]

RECORDS: Mapping[str, Records] = {
    **offenses.RECORDS,
    **incidents.RECORDS,
    **victims.RECORDS,
    **relationships.RECORDS,
    **property.RECORDS,
    **drugs.RECORDS,
    **arrests.RECORDS,
}
DERIVATIONS: Mapping[str, Derivation] = {
    **offenses.DERIVATIONS,
    **victims.DERIVATIONS,
    **offenders.DERIVATIONS,
    **relationships.DERIVATIONS,
    **counts.DERIVATIONS,
    **property.DERIVATIONS,
    **drugs.DERIVATIONS,
    **arrests.DERIVATIONS,
}
MULTIPLIERS = {"stolen_vehicle_count": property.stolen_vehicles}


def derive(variable: str, level: Level, segments: Segments) -> pl.LazyFrame:
    """The categories of a variable of kind ``derived``.

    Returns:
        The key of the level (incident_id; offense_id; victim_id; is_group_b, arrestee_id), ``category`` (Int8),
        ``n`` (Int64), number of records of the key in the category, and ``n_imputed``, those that an imputed item put
        there. Keys without a category are absent. So are keys for
        which a flag is false, except for flags with ``others: 0``.

    Raises:
        PipelineError: there is no such variable, or it does not exist at this level; states how to fix it.
    """
    declared = _declared(variable, level)
    of = str(declared.of)
    if variable in DERIVATIONS:
        found = DERIVATIONS[variable](declared, level, segments)
    elif of in RECORDS:
        records = categorized(variable, RECORDS[of](level, segments))
        found = counted(declared, records, level, pl.len())
    else:
        records = derive(of, level, segments).with_columns(code=pl.col("category").cast(pl.String))
        found = counted(declared, categorized(variable, records), level, pl.col("n").sum())
    if declared.without is not None:
        found = units_of_level(level, segments).join(found, on=KEYS[level], how="left")
        found = found.with_columns(pl.col("category").fill_null(declared.without), pl.col("n").fill_null(1))
    if N_IMPUTED not in found.collect_schema().names():
        found = found.with_columns(n_imputed=pl.lit(0, pl.Int64))
    return found.select(*KEYS[level], "category", "n", pl.col(N_IMPUTED).fill_null(0))


def multiplier(name: str, segments: Segments) -> pl.LazyFrame:
    """Factor by which the units of an incident count: incident_id, ``n``; absent if not reported (handbook 10).

    Raises:
        PipelineError: there is no such multiplier.
    """
    if name not in MULTIPLIERS:
        raise PipelineError(
            f"There is no multiplier {name}, which _variables.yaml names. Use one of {', '.join(MULTIPLIERS)}."
        )
    return MULTIPLIERS[name](segments)


def _declared(name: str, level: Level) -> Variable:
    declared = derived_variables().get(name)
    if declared is None:
        raise PipelineError(
            f"There is no variable {name}. Correct the table that names it, or add it to definitions/_variables.yaml."
        )
    if declared.kind != "derived":
        raise PipelineError(
            f"Variable {name} is of kind {declared.kind}, which is not derived from records. Correct `kind` in "
            "definitions/_variables.yaml, or count it by kind."
        )
    if level not in declared.levels:
        raise PipelineError(
            f"Variable {name} does not exist for {level}s, only for "
            f"{' and '.join(f'{of}s' for of in declared.levels)}. Correct `join` or `unit` of the rows that use it in "
            "the definitions of tables."
        )
    if name not in DERIVATIONS and not declared.codes:
        raise PipelineError(
            f"Variable {name} has no codes and no function that derives it. Give it `of` and `codes` in "
            "definitions/_variables.yaml."
        )
    return declared
