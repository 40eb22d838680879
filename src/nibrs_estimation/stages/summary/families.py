"""What each offense of an incident counts in a summary report: one group-by for each fact (handbook 16).

A *family* is a crime of the hierarchy; its number is its rank, 0 for murder.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.summary import FAMILIES, LEGACY_RAPE, TRAFFICKING

_RANK = {family: rank for rank, family in enumerate(FAMILIES)}
MURDER, MANSLAUGHTER, RAPE, ROBBERY, ASSAULT, BURGLARY, VEHICLE, LARCENY, SIMPLE = _RANK.values()
#: Families that count one for each incident, and the line of the Return A of the first class of weapon.
_FIRST_LINE = {ROBBERY: 6, ASSAULT: 11}
_WEAPON_CLASSES = ("firearm", "knife", "other", "personal")
#: Lines of families that count victims and have one line.
_LINE_OF_VICTIMS = {MURDER: 0, MANSLAUGHTER: 1, SIMPLE: 15}
_COMPLETED_RAPE, _ATTEMPTED_RAPE, _LARCENY = 3, 4, 20
_FORCE, _NO_FORCE, _ATTEMPTED_ENTRY = 17, 18, 19
_AUTO, _TRUCK, _OTHER_VEHICLE = 22, 23, 24
_PERSONS = ("I", "L")
_STOLEN = 7
_RENTAL_STORAGE = "19"
_MOTOR_VEHICLE = "35"
#: Circumstance "other negligent weapon handling", under which traffic deaths are recorded.
TRAFFIC_CIRCUMSTANCES = (33,)


@dataclass(frozen=True)
class Segments:
    """Segments of the incidents to convert; offenses are those of which it is known whether they were completed."""

    offense: pl.LazyFrame
    offense_weapon: pl.LazyFrame
    victim: pl.LazyFrame
    victim_offense: pl.LazyFrame
    victim_circumstance: pl.LazyFrame
    property: pl.LazyFrame
    property_item: pl.LazyFrame

    def of(self, incidents: pl.DataFrame) -> Self:
        """The segments of some incidents, in memory: many small queries follow."""
        codes = [code for members in (*FAMILIES.values(), TRAFFICKING.values()) for code in members]
        offense = self.offense.filter(
            pl.col("offense_code").is_in(codes) & pl.col("attempt_complete_code").is_in(["A", "C"])
        ).join(incidents.lazy().select("incident_id"), on="incident_id", how="semi")
        kept = {field.name: getattr(self, field.name) for field in fields(self)}
        return type(self)(**kept | {"offense": offense.collect().lazy()})


@dataclass(frozen=True)
class FamilyCounts:
    """What every family of each incident counts.

    Attributes:
        counts: ``incident_id``, ``family``, ``item_code`` and ``n`` above 0; lines without totals.
        fewer_vehicles: ``incident_id`` and ``family`` of thefts of fewer vehicles than kinds of them.
    """

    counts: pl.DataFrame
    fewer_vehicles: pl.DataFrame


def families_of(segments: Segments, is_legacy: bool) -> pl.DataFrame:
    """The families of each incident: ``incident_id`` and ``family``, without repeats."""
    return _offenses(segments, is_legacy).select("incident_id", "family").unique().collect()


def traffic_deaths(segments: Segments, families: pl.DataFrame) -> pl.DataFrame:
    """Incidents whose manslaughter by negligence is a traffic death, ``incident_id``.

    A motor vehicle is the only weapon, and the circumstance of every victim is one of
    :data:`TRAFFIC_CIRCUMSTANCES`. Without victim or weapon the offense counts.
    """
    killing = segments.offense.filter(pl.col("offense_code") == "09B").select("offense_id", "incident_id")
    by_vehicle = (
        killing.join(segments.offense_weapon, on="offense_id")
        .group_by("incident_id")
        .agg(is_only_vehicle=(pl.col("weapon_code") == _MOTOR_VEHICLE).all())
        .filter("is_only_vehicle")
    )
    negligent = (
        segments.victim_circumstance.filter(pl.col("circumstance_code").is_in(TRAFFIC_CIRCUMSTANCES))
        .select("victim_id", is_traffic=pl.lit(True))
        .unique()
    )
    return (
        _persons(killing, segments)
        .join(negligent, on="victim_id", how="left")
        .group_by("incident_id")
        .agg(pl.col("is_traffic").fill_null(False).all())
        .filter("is_traffic")
        .join(by_vehicle, on="incident_id", how="semi")
        .select("incident_id")
        .collect()
    )


def family_counts(segments: Segments, families: pl.DataFrame, is_legacy: bool) -> FamilyCounts:
    """Count every family of each incident as if it were alone.

    Args:
        segments: of the incidents.
        families: those that incidents have, of :func:`families_of`.
        is_legacy: whether rape is counted by its legacy definition.
    """
    offenses = _offenses(segments, is_legacy)
    victims = _victims(offenses, segments)
    vehicles = _vehicles(offenses, segments)
    larceny = families.filter(pl.col("family") == LARCENY).select(
        "incident_id", "family", item_code=pl.lit(_LARCENY), n=pl.lit(1)
    )
    counts = [
        _victim_lines(victims),
        _rapes(offenses, segments, is_legacy),
        _by_weapon(offenses, victims, segments),
        _burglaries(offenses),
        vehicles.select("incident_id", "family", "item_code", "n"),
        larceny.lazy(),
    ]
    types = {"incident_id": pl.Int64, "family": pl.Int8, "item_code": pl.Int8, "n": pl.Int32}
    frames = pl.collect_all(
        [
            pl.concat(
                [each.select(pl.col(name).cast(dtype) for name, dtype in types.items()) for each in counts]
            ).filter(pl.col("n") > 0),
            vehicles.filter("has_fewer").select("incident_id", "family").unique(),
        ]
    )
    return FamilyCounts(*frames)


def trafficking_counts(segments: Segments) -> pl.DataFrame:
    """Victims of human trafficking: ``incident_id``, ``item_code`` and ``n``. A victim of both kinds counts in both."""
    line_of = {code: line for line, code in TRAFFICKING.items()}
    offenses = segments.offense.filter(pl.col("offense_code").is_in(list(line_of))).select(
        "incident_id",
        "offense_id",
        item_code=pl.col("offense_code").replace_strict(line_of, default=None, return_dtype=pl.Int8),
    )
    return (
        _persons(offenses, segments)
        .group_by("incident_id", "item_code")
        .agg(n=pl.col("victim_id").n_unique().cast(pl.Int32))
        .collect()
    )


def _offenses(segments: Segments, is_legacy: bool) -> pl.LazyFrame:
    """The offenses of the hierarchy with their family."""
    family_of = {code: _RANK[family] for family, codes in FAMILIES.items() for code in codes}
    if is_legacy:
        family_of = {code: rank for code, rank in family_of.items() if rank != RAPE or code in LEGACY_RAPE}
    rank = pl.col("offense_code").replace_strict(family_of, default=None, return_dtype=pl.Int8)
    return segments.offense.with_columns(family=rank, is_completed=pl.col("attempt_complete_code") == "C").filter(
        pl.col("family").is_not_null()
    )


def _persons(offenses: pl.LazyFrame, segments: Segments) -> pl.LazyFrame:
    """The person victims of offenses: columns of the offenses, with ``victim_id`` and ``sex_code``."""
    persons = segments.victim.filter(pl.col("victim_type_code").is_in(_PERSONS)).select("victim_id", "sex_code")
    linked = segments.victim_offense.select("victim_id", "offense_id")
    return offenses.join(linked, on="offense_id").join(persons, on="victim_id")


def _victims(offenses: pl.LazyFrame, segments: Segments) -> pl.LazyFrame:
    """Number of victims of each incident and family that counts victims."""
    counted = offenses.filter(pl.col("family").is_in([*_LINE_OF_VICTIMS, ASSAULT]))
    return (
        _persons(counted.select("incident_id", "family", "offense_id"), segments)
        .group_by("incident_id", "family")
        .agg(n=pl.col("victim_id").n_unique())
    )


def _victim_lines(victims: pl.LazyFrame) -> pl.LazyFrame:
    line = pl.col("family").replace_strict(_LINE_OF_VICTIMS, default=None, return_dtype=pl.Int8)
    return victims.with_columns(item_code=line).filter(pl.col("item_code").is_not_null())


def _rapes(offenses: pl.LazyFrame, segments: Segments, is_legacy: bool) -> pl.LazyFrame:
    """Victims of rape: all on the line of completed rapes if one of them was completed."""
    rapes = offenses.filter(pl.col("family") == RAPE).select("incident_id", "family", "offense_id", "is_completed")
    return (
        _persons(rapes, segments)
        .filter(pl.col("sex_code").is_in(["F"] if is_legacy else ["M", "F", "U"]))
        .group_by("incident_id", "family")
        .agg(n=pl.col("victim_id").n_unique(), is_completed=pl.col("is_completed").any())
        .with_columns(item_code=pl.when("is_completed").then(_COMPLETED_RAPE).otherwise(_ATTEMPTED_RAPE))
    )


def _by_weapon(offenses: pl.LazyFrame, victims: pl.LazyFrame, segments: Segments) -> pl.LazyFrame:
    """Robberies and aggravated assaults by their gravest class of weapon; without one they count nothing."""
    weapons = code_list("summary_weapon")
    class_of = {
        code: _WEAPON_CLASSES.index(name) for code, name in weapons.select("code", "summary_weapon").iter_rows()
    }
    rank = pl.col("weapon_code").str.strip_suffix("A").replace_strict(class_of, default=None, return_dtype=pl.Int8)
    # A robbery counts once, an assault for each of its victims.
    counted = pl.when(pl.col("family") == ASSAULT).then(pl.col("n").fill_null(0)).otherwise(1)
    return (
        offenses.filter(pl.col("family").is_in(list(_FIRST_LINE)))
        .select("incident_id", "family", "offense_id")
        .join(segments.offense_weapon.select("offense_id", weapon=rank).drop_nulls(), on="offense_id")
        .group_by("incident_id", "family")
        .agg(pl.col("weapon").min())
        .join(victims, on=["incident_id", "family"], how="left")
        .select(
            "incident_id",
            "family",
            item_code=pl.col("family").replace_strict(_FIRST_LINE, return_dtype=pl.Int8) + pl.col("weapon"),
            n=counted,
        )
    )


def _burglaries(offenses: pl.LazyFrame) -> pl.LazyFrame:
    """Burglaries by entry; a rental storage facility counts its premises, at least one."""
    entry = pl.col("method_of_entry_code")
    premises = pl.when(pl.col("location_code") == _RENTAL_STORAGE).then(pl.col("premises_entered").clip(lower_bound=1))
    return (
        offenses.filter(pl.col("family") == BURGLARY)
        .with_columns(
            item_code=pl.when(~pl.col("is_completed"))
            .then(_ATTEMPTED_ENTRY)
            .when(entry == "F")
            .then(_FORCE)
            .when(entry == "N")
            .then(_NO_FORCE),
            n=premises.fill_null(1),
        )
        .filter(pl.col("item_code").is_not_null())
        .group_by("incident_id", "family", "item_code")
        .agg(pl.col("n").sum())
    )


def _vehicles(offenses: pl.LazyFrame, segments: Segments) -> pl.LazyFrame:
    """Stolen vehicles by kind: those beyond one of each lower kind are of the first kind among auto, truck and other.

    An attempt counts one automobile. Without a number of vehicles, every description counts one.
    """
    thefts = (
        offenses.filter(pl.col("family") == VEHICLE).group_by("incident_id", "family").agg(pl.col("is_completed").any())
    )
    kind_of = dict(code_list("summary_vehicle").select("code", "summary_vehicle").iter_rows())
    stolen = segments.property.filter(pl.col("loss_code") == _STOLEN).join(
        thefts.filter("is_completed").select("incident_id"), on="incident_id", how="semi"
    )
    number = stolen.group_by("incident_id").agg(vehicles=pl.col("stolen_vehicles").max().clip(lower_bound=1))
    kind = pl.col("description_code").replace_strict(kind_of, default=None, return_dtype=pl.String)
    described = (
        stolen.select("incident_id", "property_id")
        .join(segments.property_item.select("property_id", kind=kind).drop_nulls(), on="property_id")
        .group_by("incident_id")
        .agg((pl.col("kind") == name).sum().cast(pl.Int64).alias(name) for name in ("auto", "truck", "other"))
        .join(number, on="incident_id")
    )
    vehicles, auto, truck, other = (pl.col(name) for name in ("vehicles", "auto", "truck", "other"))
    rest_of = {
        "auto": pl.when(auto > 0).then(vehicles - truck - other).otherwise(0),
        "truck": pl.when(auto > 0).then(truck).when(truck > 0).then(vehicles - other).otherwise(0),
        "other": pl.when((auto > 0) | (truck > 0)).then(other).otherwise(vehicles),
    }
    lines = {"auto": _AUTO, "truck": _TRUCK, "other": _OTHER_VEHICLE}
    split = described.with_columns(
        pl.when(vehicles.is_null()).then(pl.col(name)).otherwise(rest).alias(f"n_{name}")
        for name, rest in rest_of.items()
    ).with_columns(has_fewer=pl.min_horizontal("^n_.*$") < 0)
    completed = pl.concat(
        split.select("incident_id", "has_fewer", item_code=pl.lit(line, pl.Int32), n=pl.col(f"n_{name}").cast(pl.Int64))
        for name, line in lines.items()
    )
    attempted = thefts.filter(~pl.col("is_completed")).select(
        "incident_id", has_fewer=pl.lit(False), item_code=pl.lit(_AUTO, pl.Int32), n=pl.lit(1, pl.Int64)
    )
    return pl.concat([completed, attempted]).with_columns(family=pl.lit(VEHICLE, pl.Int8))
