"""Counting: profiles of units, and counts of every variable for the units of each profile."""

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
    columns_of_signatures,
    flags_of,
    has_columns,
    signature_columns,
    union_of_columns,
    with_columns_of_categories,
    with_columns_of_codes,
)
from nibrs_estimation.stages.counting.segments import Segments
from nibrs_estimation.stages.counting.units import (
    common_attributes,
    common_attributes_key,
    key_of,
    kind_of,
    offenses_of_units,
)
from nibrs_estimation.survey.blocks import block_rows, own_rows
from nibrs_estimation.tables.counting import CountingUnit, Feature, all_counting_units
from nibrs_estimation.tables.definition import Level
from nibrs_estimation.tables.variables import derived_variables

Relations = Mapping[tuple[str, Level], pl.DataFrame]
_PROFILE = ("agency_id", "month", "signature_id", "atom", "imputed_items", "clearance")
#: How many times a unit with n records of a category counts in it.
COUNT_MODES = {"indicator": pl.lit(1, pl.Int64), "records": pl.col("n")}
#: The same for records that an imputed item put there: a unit with a reported record would be there anyway.
_IMPUTED_MODES = {"indicator": (pl.col("n_imputed") == pl.col("n")).cast(pl.Int64), "records": pl.col("n_imputed")}
_NONE_IMPUTED = pl.lit(0, pl.Int64)


def count_units(
    incident: pl.LazyFrame,
    offense: pl.LazyFrame,
    offense_bias: pl.LazyFrame,
    offense_weapon: pl.LazyFrame,
    offense_activity: pl.LazyFrame,
    analysis_victim: pl.LazyFrame,
    victim_offense: pl.LazyFrame,
    victim_injury: pl.LazyFrame,
    analysis_offender: pl.LazyFrame,
    analysis_victim_offender: pl.LazyFrame,
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
    """Count the units of the data year by profile, for all tables, with every variable that a table uses.

    A unit counts once in a column, even if several of its offenses belong to the column. It counts once in a category
    of a variable, even if several of its records have the category, unless ``count_mode`` is "records" (handbook 10).

    Units in replaced months, and before the start of NIBRS, are left out. Units in donor months are counted a second
    time, by month, for the recipients. Group B arrests without an agency get an agency number that represents the
    whole state.
    """
    # Data are read into memory first: many small queries follow, and planning them over files takes longer than
    # running.
    segments = Segments(
        *(
            frame.collect().lazy()
            for frame in (
                incident,
                offense,
                offense_bias,
                offense_weapon,
                offense_activity,
                analysis_victim,
                victim_offense,
                victim_injury,
                analysis_offender,
                analysis_victim_offender,
                property,
                property_item,
                drug,
                analysis_arrestee,
                arrestee_weapon,
                new_offense,
            )
        )
    )
    attributes = _common_attributes(
        segments, block_reference.collect().lazy(), removed_month.collect().lazy(), year, partition
    )
    relations = _relations(segments)
    counted, numbered = _Counted([], [], [], []), 0
    for unit in all_counting_units():
        units = _units(unit, segments, relations, attributes[kind_of(unit.unit)].lazy())
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
    """Parts of the four datasets that are written."""

    profiles: list[pl.DataFrame]
    signatures: list[pl.DataFrame]
    counts: list[pl.DataFrame]
    incidents: list[pl.DataFrame]


def _common_attributes(
    segments: Segments, block_reference: pl.LazyFrame, removed_month: pl.LazyFrame, year: int, state_abbr: str
) -> dict[str, pl.DataFrame]:
    """Common attributes of all units that count, by kind; units of donor months are repeated, with ``month``."""
    agency_id = pl.col("agency_id").fill_null(pl.lit(no_agency(state_abbr), pl.Int32))
    found = {}
    for kind in sorted({kind_of(unit.unit) for unit in all_counting_units()}):
        rows = common_attributes(kind, segments, year).with_columns(agency_id)
        own = own_rows(rows, removed_month, "date").with_columns(month=pl.lit(None, dtype=pl.Int8))
        copied = block_rows(rows, block_reference, "date").with_columns(pl.col("month").cast(pl.Int8))
        found[kind] = pl.concat([own, copied]).drop("date").collect()
    return found


def _relations(segments: Segments) -> Relations:
    """Every variable that tables use, at every level; computed once because several counting units use it."""
    used: dict[tuple[str, Level], None] = {}
    for unit in all_counting_units():
        used |= dict.fromkeys(flags_of(unit))
        if unit.column_variable is not None:
            used[unit.column_variable, "incident"] = None
        for feature in unit.features:
            used |= {(name, level): None for (name, _categories), level in feature.where}
            if feature.variable == UNITS:
                continue
            smallest_of = derived_variables()[feature.variable].smallest_of
            used[(feature.variable, feature.level) if smallest_of is None else (smallest_of, "offense")] = None
    return {(name, level): derive(name, level, segments).collect() for name, level in used}


def _units(unit: CountingUnit, segments: Segments, relations: Relations, attributes: pl.LazyFrame) -> pl.DataFrame:
    """The units with their columns: key, ``incident_id``, profile columns except the signature id, signature, ``m``.

    A unit of a donor month is repeated: once for its own agency, and once with ``month``.
    """
    key, signature = key_of(unit.unit), signature_columns(unit)
    rows = offenses_of_units(unit.unit, segments)
    if unit.column_variable is None:
        flags = {flag: relations[flag].lazy() for flag in flags_of(unit)}
        rows = with_columns_of_codes(rows, unit, flags, segments.new_offense)
    else:
        relation = relations[unit.column_variable, "incident"].lazy()
        rows = rows.select(*{*key, "incident_id"}).unique()
        rows = rows.join(with_columns_of_categories(relation, unit), on="incident_id")
    rows = rows.group_by({*key, "incident_id"}).agg(union_of_columns(signature))
    rows = rows.filter(pl.any_horizontal(pl.col(name) != 0 for name in signature))
    rows = rows.join(attributes, on=common_attributes_key(unit.unit))
    if unit.multiplier is None:
        rows = rows.with_columns(m=pl.lit(1, pl.Int64))
    else:
        times = multiplier(unit.multiplier, segments).select("incident_id", m=pl.col("n"))
        rows = rows.join(times, on="incident_id", how="left").with_columns(pl.col("m").fill_null(1).clip(lower_bound=1))
    own = [name for name in _PROFILE if name != "signature_id"]
    return rows.select(*dict.fromkeys((*key, "incident_id")), *own, *signature, "m").collect()


def _count(
    unit: CountingUnit,
    units: pl.DataFrame,
    segments: Segments,
    relations: Relations,
    count_mode: str,
    first: int,
    into: _Counted,
) -> int:
    """Number the profiles of a counting unit from ``first`` and count their variables; return the next free number."""
    within = [feature for feature in unit.features if _smallest_of(feature) is not None]
    parts = [units, *(_within_columns(unit, feature, units, segments, relations) for feature in within)]
    coded, profiles, signatures = _numbered(parts, signature_columns(unit), first)
    own, of_columns = coded[0].lazy(), {feature.name: part for feature, part in zip(within, coded[1:], strict=True)}
    for feature in unit.features if coded[0].height else ():
        if feature.name in of_columns:
            counts = _of_profiles(of_columns[feature.name].lazy(), pl.lit(1, pl.Int64), _NONE_IMPUTED)
        else:
            counts = _of_profiles(*_with_feature(unit, own, feature, relations, count_mode))
        name, counting_unit = pl.lit(feature.name), pl.lit(unit.name)
        into.counts.append(counts.with_columns(variable=name, counting_unit=counting_unit).collect())
    into.profiles.append(profiles.with_columns(counting_unit=pl.lit(unit.name)))
    into.signatures.append(columns_of_signatures(signatures, unit).with_columns(counting_unit=pl.lit(unit.name)))
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
    """Units by ``category``: in each column, the smallest category over the offenses of the unit in that column."""
    key, signature = key_of(unit.unit), signature_columns(unit)
    values = relations[_smallest_of(feature) or "", "offense"].lazy().select("offense_id", "category")
    flags = {flag: relations[flag].lazy() for flag in flags_of(unit)}
    rows = (
        with_columns_of_codes(offenses_of_units(unit.unit, segments), unit, flags, segments.new_offense)
        .join(values, on="offense_id")
        .group_by(*key, "category")
        .agg(union_of_columns(signature))
        .sort(*key, "category")
        .collect()
    )
    # A column belongs to the first category in which the unit has it.
    rank = rows.select(pl.int_range(pl.len()).over(key)).to_series().to_numpy()
    found = {}
    for name in signature:
        bits = rows[name].to_numpy()
        before = np.zeros_like(bits)
        for later in range(1, int(rank.max(initial=0)) + 1):
            at = np.flatnonzero(rank == later)
            before[at] = before[at - 1] | bits[at - 1]
        found[name] = bits & ~before
    rows = rows.with_columns(**{name: pl.Series(values) for name, values in found.items()})
    rows = rows.filter(pl.any_horizontal(pl.col(name) != 0 for name in signature))
    return units.drop(signature).join(rows, on=key)


def _numbered(
    parts: Sequence[pl.DataFrame], signature: tuple[str, ...], first: int
) -> tuple[list[pl.DataFrame], pl.DataFrame, pl.DataFrame]:
    """Parts with their profiles, the profiles, and the signatures; all numbered in the order of their contents."""
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
) -> tuple[pl.LazyFrame, pl.Expr, pl.Expr]:
    """Units that meet a feature's conditions, repeated for each category; how many times each counts, and imputed."""
    columns = unit.columns_of[feature.name]
    if len(columns) < len(unit.columns):
        units = units.filter(has_columns(unit, columns))
    for (name, categories), level in feature.where:
        meeting = relations[name, level].lazy().filter(pl.col("category").is_in(categories))
        units = units.join(meeting, on=KEYS[level], how="semi")
    if feature.variable == UNITS:
        return units.with_columns(category=pl.lit(1, pl.Int8)), pl.lit(1, pl.Int64), _NONE_IMPUTED
    relation = relations[feature.variable, feature.level].lazy()
    return units.join(relation, on=KEYS[feature.level]), COUNT_MODES[count_mode], _IMPUTED_MODES[count_mode]


def _of_profiles(units: pl.LazyFrame, n: pl.Expr, n_imputed: pl.Expr) -> pl.LazyFrame:
    return units.group_by("profile_id", "category").agg(
        n=(n * pl.col("m")).sum(), n_imputed=(n_imputed * pl.col("m")).sum()
    )
