"""Victims and offenders of incidents, and their relationships (README.md of this folder)."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl

from nibrs_estimation.sources.synthetic.demographics import null_unless, person_columns, reported_traits
from nibrs_estimation.sources.synthetic.marginals import (
    Booleans,
    Integers,
    by_offense,
    chance,
    draw,
    draw_number,
    offenses,
    repeated,
)
from nibrs_estimation.sources.synthetic.missingness import Circumstances, is_missing, with_missing

INDIVIDUAL, OFFICER, SOCIETY = "I", "L", "S"
PERSONS = (INDIVIDUAL, OFFICER)
_ROBBERY, _AGGRAVATED_ASSAULT, _SIMPLE_ASSAULT = "120", "13A", "13B"
#: Maximum number of offenders to whom a victim has relationships.
_MOST_RELATIONSHIPS = 10
#: Code of a relationship that nobody knew, and draws after which it stays.
_UNKNOWN, _ATTEMPTS = "RU", 12


def with_suspects(incidents: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Add to incidents the numbers of known ``offenders``, 0 if they are unknown, and of ``arrestees``."""
    unit, main = incidents["incident_id"].to_numpy(), incidents["offense"].to_numpy()
    unknown = by_offense("unknown_offender_share", main)
    offenders = draw_number("offenders", seed, unit) * ~chance("unknown_offender", seed, unit, unknown)
    # The shares of incidents with an arrest are for all incidents, but only known offenders are arrested.
    has_arrest = chance("arrest", seed, unit, by_offense("arrest_share", main) / (1 - unknown))
    arrestees = np.minimum(draw_number("arrestees", seed, unit) * has_arrest, offenders)
    return incidents.with_columns(offenders=offenders, arrestees=arrestees)


def victim_rows(incidents: pl.DataFrame, offense: pl.DataFrame, seed: int, *, by_value: bool) -> pl.DataFrame:
    """Victims: those of the main offense, and society as one victim of all crimes against it.

    Args:
        incidents: ``incident_id``, ``agency_id``, ``arrestees`` and ``offense``, the number of the main offense.
        offense: rows of ``offense_rows`` of these incidents.
        seed: seed of the run.
        by_value: whether it depends on a value whether it is missing.

    Returns:
        The columns of dataset ``victim`` except the state, with ``agency_id``, ``offense`` and ``has_two_assaults``.
    """
    described = incidents.select("incident_id", "agency_id", "offense", "arrestees").join(
        _kinds_of_offenses(offense), on="incident_id", how="left", maintain_order="left"
    )
    others = draw_number("victims", seed, described["incident_id"].to_numpy())
    # No victim has both a simple and an aggravated assault, so incidents with both have at least two victims.
    others = np.maximum(others, 2 * described["has_two_assaults"].to_numpy()) * described["has_others"].to_numpy()
    victim = numbered(described.with_columns(others=others), others + described["has_society"].to_numpy(), "victim_id")
    unit, number = victim["victim_id"].to_numpy(), victim["offense"].to_numpy()
    kind = pl.col("kind")
    victim = victim.with_columns(kind=draw("victim_type", seed, unit, offense=number)).with_columns(
        victim_type_code=pl.when(pl.col("sequence_number") > pl.col("others"))
        .then(pl.lit(SOCIETY))
        # Officers are victims only of assaults and similar offenses.
        .when((kind == OFFICER) & pl.col("has_property_crime"))
        .then(pl.lit(INDIVIDUAL))
        .otherwise(kind)
    )
    agency_id = victim["agency_id"].to_numpy()
    is_person = victim["victim_type_code"].is_in(PERSONS).to_numpy()
    is_officer = (victim["victim_type_code"] == OFFICER).to_numpy()
    circumstances = Circumstances(number, (victim["arrestees"] > 0).to_numpy(), by_value)
    traits = person_columns("victim", seed, unit, number)
    person = reported_traits("victim", traits, seed, unit, agency_id, circumstances)
    true_resident = draw("victim_resident", seed, unit)
    resident = with_missing(true_resident, "victim_resident", seed, unit, agency_id)
    return victim.hstack(
        null_unless(is_person, person.with_columns(resident_code=resident, true_resident_code=true_resident))
    ).with_columns(
        null_unless(
            is_officer,
            pl.DataFrame(
                {
                    "activity_code": draw("officer_activity", seed, unit),
                    "assignment_code": draw("officer_assignment", seed, unit),
                }
            ),
        ).get_columns(),
        outside_agency_id=pl.lit(None, pl.Int32),
    )


def _kinds_of_offenses(offense: pl.DataFrame) -> pl.DataFrame:
    """Kinds of offenses of each incident, one row for each incident."""
    against, code = pl.col("crime_against"), pl.col("offense_code")
    has_aggravated, has_simple = (code == kind for kind in (_AGGRAVATED_ASSAULT, _SIMPLE_ASSAULT))
    return offense.group_by("incident_id").agg(
        has_society=(against == "society").any(),
        has_others=(against != "society").any(),
        has_property_crime=(against == "property").any(),
        has_two_assaults=has_aggravated.any() & has_simple.any(),
    )


def victim_offense_rows(victim: pl.DataFrame, offense: pl.DataFrame) -> pl.DataFrame:
    """Links of victims to offenses: society to crimes against it, every other victim to all other offenses.

    If there are both a simple and an aggravated assault, the second victim has the simple one and the others have the
    aggravated one.

    Args:
        victim: rows of :func:`victim_rows`.
        offense: rows of ``offense_rows``.

    Returns:
        ``victim_id``, ``offense_id``, ``offense`` (number of that offense), ``offense_code`` and
        ``victim_type_code``.
    """
    links = victim.select(
        "incident_id",
        "victim_id",
        "victim_type_code",
        "has_two_assaults",
        is_second=pl.col("sequence_number") == 2,
        of_society=pl.col("victim_type_code") == SOCIETY,
    ).join(
        offense.select(
            "incident_id", "offense_id", "offense", "offense_code", of_society=pl.col("crime_against") == "society"
        ),
        on=["incident_id", "of_society"],
        maintain_order="left_right",
    )
    code = pl.col("offense_code")
    is_other_assault = pl.when("is_second").then(code == _AGGRAVATED_ASSAULT).otherwise(code == _SIMPLE_ASSAULT)
    return links.filter(~(pl.col("has_two_assaults") & is_other_assault)).select(
        "victim_id", "offense_id", "offense", "offense_code", "victim_type_code"
    )


def offender_rows(incidents: pl.DataFrame, seed: int, *, by_value: bool) -> pl.DataFrame:
    """Offenders: a single row with sequence 0 if they are unknown, otherwise numbered from 1.

    Some offenders have few known traits, but never those who were arrested, who come first.

    Args:
        incidents: rows of :func:`with_suspects`.
        seed: seed of the run.
        by_value: whether it depends on a value whether it is missing.

    Returns:
        The columns of dataset ``offender`` except the state.
    """
    offender = numbered(incidents, np.maximum(incidents["offenders"].to_numpy(), 1), "offender_id")
    unit, number = offender["offender_id"].to_numpy(), offender["offense"].to_numpy()
    agency_id = offender["agency_id"].to_numpy()
    is_known = (offender["offenders"] > 0).to_numpy()
    is_arrested = (offender["sequence_number"] <= offender["arrestees"]).to_numpy()
    person = person_columns("offender", seed, unit, number)
    circumstances = Circumstances(number, (offender["arrestees"] > 0).to_numpy(), by_value)
    effect = circumstances.effect("offender", seed)
    is_hidden = ~is_arrested & is_missing("offender", seed, unit, agency_id, effect)
    person = reported_traits(
        "offender", person, seed, unit, agency_id, circumstances, is_certain=is_arrested, is_hidden=is_hidden
    )
    # The unknown offender has sequence 0, and a matching identifier.
    moved = pl.Series((~is_known).astype(np.int16))
    return offender.with_columns(pl.col("sequence_number") - moved, pl.col("offender_id") - moved).hstack(
        null_unless(is_known, person)
    )


def relationship_rows(victim: pl.DataFrame, offender: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Relationships of persons to known offenders, in crimes against persons and robberies.

    Where the report says "unknown", ``true_relationship_code`` has another draw of those that are known: that it is
    unknown depends on the offense only.
    """
    is_related = _has_relationships()[victim["offense"].to_numpy()]
    pairs = (
        victim.filter(pl.Series(is_related) & victim["victim_type_code"].is_in(PERSONS))
        .select("incident_id", "victim_id", "victim_type_code", "offense")
        .join(
            offender.filter(pl.col("sequence_number").is_between(1, _MOST_RELATIONSHIPS)).select(
                "incident_id", "offender_id", "sequence_number"
            ),
            on="incident_id",
            maintain_order="left_right",
        )
    )
    unit, index, number = (pairs[name].to_numpy() for name in ("victim_id", "sequence_number", "offense"))
    is_officer = pl.col("victim_type_code") == OFFICER
    reported = pairs.with_columns(
        of_individual=draw("relationship", seed, unit, index, offense=number),
        of_officer=draw("officer_relationship", seed, unit, index),
    ).select(
        "victim_id",
        "offender_id",
        relationship_code=pl.when(is_officer).then("of_officer").otherwise("of_individual"),
    )
    true = reported["relationship_code"].clone()
    for attempt in range(1, _ATTEMPTS):
        rows = np.flatnonzero((true == _UNKNOWN).to_numpy() & ~pairs.select(is_officer).to_series().to_numpy())
        again = draw("relationship", seed, unit[rows], index[rows] + 100 * attempt, offense=number[rows])
        true = true.clone().scatter(rows, again)
    return reported.with_columns(true_relationship_code=true)


@cache
def _has_relationships() -> Booleans:
    """Whether victims of each offense have relationships."""
    is_related = (offenses()["crime_against"] == "person") | (offenses()["offense_code"] == _ROBBERY)
    return np.asarray(is_related.to_numpy(), dtype=np.bool_)


def numbered(incidents: pl.DataFrame, times: Integers, name: str) -> pl.DataFrame:
    """Repeat each incident, numbered from 1 in ``sequence_number``, with an identifier of the given name."""
    row, index = repeated(times)
    sequence = index + 1
    return incidents[row].with_columns(
        pl.Series("sequence_number", sequence, dtype=pl.Int16), (pl.col("incident_id") * 100 + sequence).alias(name)
    )
