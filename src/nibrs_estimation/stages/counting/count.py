"""Counting: profiles of units, and what each profile's units have of every variable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from nibrs_estimation.model.counts import (
    INCIDENT_PROFILE,
    PROFILE_COUNT,
    PROFILE_SIGNATURE,
    UNIT_PROFILE,
    UNITS,
    no_agency,
)
from nibrs_estimation.stages.counting.attributes import KEYS, derive, multiplier
from nibrs_estimation.stages.counting.membership import (
    columns_held,
    flags_of,
    has_columns,
    together,
    with_columns_of_categories,
    with_columns_of_codes,
    words,
)
from nibrs_estimation.stages.counting.segments import Segments
from nibrs_estimation.stages.counting.units import fact_key, facts_of, key_of, kind_of, offenses_of_units
from nibrs_estimation.survey.blocks import block_rows, own_rows
from nibrs_estimation.tables.counting import CountingUnit, Feature, all_counting_units
from nibrs_estimation.tables.definition import Level
from nibrs_estimation.tables.variables import derived_variables

Relations = Mapping[tuple[str, Level], pl.DataFrame]
_PROFILE = ("agency_id", "month", "signature_id", "atom", "clearance")
#: How often a unit counts in a category of which it has n records.
COUNT_MODES = {"indicator": pl.lit(1, pl.Int64), "records": pl.col("n")}


def count_units(
    incident: pl.LazyFrame,
    offense: pl.LazyFrame,
    offense_weapon: pl.LazyFrame,
    offense_activity: pl.LazyFrame,
    analysis_victim: pl.LazyFrame,
    victim_offense: pl.LazyFrame,
    victim_injury: pl.LazyFrame,
    analysis_offender: pl.LazyFrame,
    victim_offender: pl.LazyFrame,
    property: pl.LazyFrame,
    property_item: pl.LazyFrame,
    drug: pl.LazyFrame,
    analysis_arrestee: pl.LazyFrame,
    arrestee_weapon: pl.LazyFrame,
    new_offense: pl.LazyFrame,
    block_reference: pl.LazyFrame,
    removed_month: pl.LazyFrame,
    year: int,
    count_mode: str,
    partition: str,
) -> dict[str, pl.LazyFrame]:
    """Count the units of the data year by profile, for all tables, with every variable that a table asks for.

    A unit counts once in a column, however many of its offenses belong there (handbook 10), and once in a category
    of a variable, however many of its records have it, unless ``count_mode`` is "records" (handbook 10).
    Units of replaced months, or before the start of NIBRS, are left out; those of months that others copy are counted
    by month, too, for the recipients. Group B arrests that name no agency are those of a number for the whole state.
    """
    # Read once: many small queries follow, and planning them over files would take longer than running them.
    segments = Segments(
        *(
            frame.collect().lazy()
            for frame in (
                incident,
                offense,
                offense_weapon,
                offense_activity,
                analysis_victim,
                victim_offense,
                victim_injury,
                analysis_offender,
                victim_offender,
                property,
                property_item,
                drug,
                analysis_arrestee,
                arrestee_weapon,
                new_offense,
            )
        )
    )
    facts = _facts(segments, block_reference.collect().lazy(), removed_month.collect().lazy(), year, partition)
    relations = _relations(segments)
    counted, numbered = _Counted([], [], [], []), 0
    for unit in all_counting_units():
        units = _units(unit, segments, relations, facts[kind_of(unit.unit)].lazy())
        numbered = _count(unit, units, segments, relations, count_mode, numbered, counted)
    parts = (
        (UNIT_PROFILE, counted.profiles),
        (PROFILE_SIGNATURE, counted.signatures),
        (PROFILE_COUNT, counted.counts),
        (INCIDENT_PROFILE, counted.incidents),
    )
    return {
        dataset.name: dataset.cast(pl.concat(frames).with_columns(state_abbr=pl.lit(partition))).lazy()
        if frames
        else dataset.empty()
        for dataset, frames in parts
    }


@dataclass(frozen=True)
class _Counted:
    """Parts of the four datasets."""

    profiles: list[pl.DataFrame]
    signatures: list[pl.DataFrame]
    counts: list[pl.DataFrame]
    incidents: list[pl.DataFrame]


def _facts(
    segments: Segments, block_reference: pl.LazyFrame, removed_month: pl.LazyFrame, year: int, state_abbr: str
) -> dict[str, pl.DataFrame]:
    """The facts of all units that count, by kind; those of a month that others copy once more, with ``month``."""
    agency_id = pl.col("agency_id").fill_null(pl.lit(no_agency(state_abbr), pl.Int32))
    found = {}
    for kind in sorted({kind_of(unit.unit) for unit in all_counting_units()}):
        rows = facts_of(kind, segments, year).with_columns(agency_id)
        own = own_rows(rows, removed_month, "date").with_columns(month=pl.lit(None, dtype=pl.Int8))
        copied = block_rows(rows, block_reference, "date").with_columns(pl.col("month").cast(pl.Int8))
        found[kind] = pl.concat([own, copied]).drop("date").collect()
    return found


def _relations(segments: Segments) -> Relations:
    """Every variable that is asked for, at every level: collected once, for several units ask."""
    asked: dict[tuple[str, Level], None] = {}
    for unit in all_counting_units():
        asked |= dict.fromkeys(flags_of(unit))
        if unit.column_variable is not None:
            asked[unit.column_variable, "incident"] = None
        for feature in unit.features:
            asked |= {(name, level): None for (name, _categories), level in feature.where}
            if feature.variable == UNITS:
                continue
            smallest_of = derived_variables()[feature.variable].smallest_of
            asked[(feature.variable, feature.level) if smallest_of is None else (smallest_of, "offense")] = None
    return {(name, level): derive(name, level, segments).collect() for name, level in asked}


def _units(unit: CountingUnit, segments: Segments, relations: Relations, facts: pl.LazyFrame) -> pl.DataFrame:
    """The units with their columns: key, ``incident_id``, profile columns but the signature, its numbers, ``m``.

    A unit of a month that others copy is repeated: as its agency's own, and with ``month``.
    """
    key, signature = key_of(unit.unit), words(unit)
    rows = offenses_of_units(unit.unit, segments)
    if unit.column_variable is None:
        flags = {flag: relations[flag].lazy() for flag in flags_of(unit)}
        rows = with_columns_of_codes(rows, unit, flags, segments.new_offense)
    else:
        relation = relations[unit.column_variable, "incident"].lazy()
        rows = rows.select(*{*key, "incident_id"}).unique()
        rows = rows.join(with_columns_of_categories(relation, unit), on="incident_id")
    rows = rows.group_by({*key, "incident_id"}).agg(together(signature))
    rows = rows.filter(pl.any_horizontal(pl.col(name) != 0 for name in signature))
    rows = rows.join(facts, on=fact_key(unit.unit))
    if unit.multiplier is None:
        rows = rows.with_columns(m=pl.lit(1, pl.Int64))
    else:
        times = multiplier(unit.multiplier, segments).select("incident_id", m=pl.col("n"))
        rows = rows.join(times, on="incident_id", how="left").with_columns(pl.col("m").fill_null(1).clip(lower_bound=1))
    wanted = [*dict.fromkeys((*key, "incident_id")), "agency_id", "month", "atom", "clearance", *signature, "m"]
    return rows.select(wanted).collect()


def _count(
    unit: CountingUnit,
    units: pl.DataFrame,
    segments: Segments,
    relations: Relations,
    count_mode: str,
    first: int,
    into: _Counted,
) -> int:
    """Number the profiles of a counting unit from ``first`` and count what they have; returns the next free number."""
    within = [feature for feature in unit.features if _smallest_of(feature) is not None]
    parts = [units, *(_within_columns(unit, feature, units, segments, relations) for feature in within)]
    coded, profiles, signatures = _numbered(parts, words(unit), first)
    own, of_columns = coded[0].lazy(), {feature.name: part for feature, part in zip(within, coded[1:], strict=True)}
    for feature in unit.features if coded[0].height else ():
        if feature.name in of_columns:
            counts = _of_profiles(of_columns[feature.name].lazy(), pl.lit(1, pl.Int64))
        else:
            counts = _of_profiles(*_with_feature(unit, own, feature, relations, count_mode))
        name, counting_unit = pl.lit(feature.name), pl.lit(unit.name)
        into.counts.append(counts.with_columns(variable=name, counting_unit=counting_unit).collect())
    into.profiles.append(profiles.with_columns(counting_unit=pl.lit(unit.name)))
    into.signatures.append(columns_held(signatures, unit).with_columns(counting_unit=pl.lit(unit.name)))
    if unit.by_incident:
        number = pl.struct("agency_id", "month", "incident_id").rank("dense").cast(pl.Int32)
        into.incidents.append(
            coded[0]
            .group_by("profile_id", incident_number=number)
            .agg(n=pl.len())
            .with_columns(counting_unit=pl.lit(unit.name))
        )
    return first + profiles.height


def _smallest_of(feature: Feature) -> str | None:
    return None if feature.variable == UNITS else derived_variables()[feature.variable].smallest_of


def _within_columns(
    unit: CountingUnit, feature: Feature, units: pl.DataFrame, segments: Segments, relations: Relations
) -> pl.DataFrame:
    """Units by the smallest category over their offenses of each column: with those columns alone, and ``category``."""
    key, signature = key_of(unit.unit), words(unit)
    values = relations[_smallest_of(feature) or "", "offense"].lazy().select("offense_id", "category")
    flags = {flag: relations[flag].lazy() for flag in flags_of(unit)}
    rows = (
        with_columns_of_codes(offenses_of_units(unit.unit, segments), unit, flags, segments.new_offense)
        .join(values, on="offense_id")
        .group_by(*key, "category")
        .agg(together(signature))
        .sort(*key, "category")
        .collect()
    )
    # A column belongs to the first category in which the unit has it.
    place = rows.select(pl.int_range(pl.len()).over(key)).to_series().to_numpy()
    found = {}
    for name in signature:
        held = rows[name].to_numpy()
        before = np.zeros_like(held)
        for later in range(1, int(place.max(initial=0)) + 1):
            at = np.flatnonzero(place == later)
            before[at] = before[at - 1] | held[at - 1]
        found[name] = held & ~before
    rows = rows.with_columns(**{name: pl.Series(values) for name, values in found.items()})
    rows = rows.filter(pl.any_horizontal(pl.col(name) != 0 for name in signature))
    return units.drop(signature).join(rows, on=key)


def _numbered(
    parts: Sequence[pl.DataFrame], signature: tuple[str, ...], first: int
) -> tuple[list[pl.DataFrame], pl.DataFrame, pl.DataFrame]:
    """Parts with their profiles, the profiles and the signatures, numbered in the order of their contents."""
    signatures = (
        pl.concat([part.select(signature).unique() for part in parts])
        .unique()
        .sort(signature)
        .with_columns(signature_id=pl.int_range(pl.len(), dtype=pl.Int32))
    )
    coded = [part.join(signatures, on=signature) for part in parts]
    profiles = (
        pl.concat([part.select(_PROFILE).unique() for part in coded])
        .unique()
        .sort(_PROFILE)
        .with_columns(profile_id=pl.int_range(first, first + pl.len(), dtype=pl.Int32))
    )
    return [part.join(profiles, on=_PROFILE, nulls_equal=True) for part in coded], profiles, signatures


def _with_feature(
    unit: CountingUnit, units: pl.LazyFrame, feature: Feature, relations: Relations, count_mode: str
) -> tuple[pl.LazyFrame, pl.Expr]:
    """Units that meet a feature's conditions, once for each category that they have, and how often each counts."""
    columns = unit.columns_of[feature.name]
    if len(columns) < len(unit.columns):
        units = units.filter(has_columns(unit, columns))
    for (name, categories), level in feature.where:
        meeting = relations[name, level].lazy().filter(pl.col("category").is_in(categories))
        units = units.join(meeting, on=KEYS[level], how="semi")
    if feature.variable == UNITS:
        return units.with_columns(category=pl.lit(1, pl.Int8)), pl.lit(1, pl.Int64)
    relation = relations[feature.variable, feature.level].lazy()
    return units.join(relation, on=KEYS[feature.level]), COUNT_MODES[count_mode]


def _of_profiles(units: pl.LazyFrame, n: pl.Expr) -> pl.LazyFrame:
    return units.group_by("profile_id", "category").agg(n=(n * pl.col("m")).sum())
