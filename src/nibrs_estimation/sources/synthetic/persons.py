"""Victims, offenders and arrestees of incidents (specification 02, section 15.2 step 5, rules of section 2.2)."""

from __future__ import annotations

import numpy as np
import polars as pl

from nibrs_estimation.sources.synthetic.marginals import (
    Integers,
    by_offense,
    chance,
    draw,
    draw_number,
    draw_quantile,
    offenses,
)

_INDIVIDUAL, _SOCIETY = "I", "S"
_ROBBERY = "120"


def victim_rows(offense: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Victims: those of the main offense, and society once for all crimes against it.

    Args:
        offense: rows of ``offense_rows``.
        seed: of the run.

    Returns:
        The columns of dataset ``victim`` but the state, and ``main``, the number of the main offense.
    """
    is_society = pl.col("crime_against") == "society"
    incidents = offense.group_by("incident_id", "main", maintain_order=True).agg(
        has_society=is_society.any(), has_others=(~is_society).any()
    )
    others = draw_number("victims", seed, incidents["incident_id"].to_numpy()) * incidents["has_others"].to_numpy()
    victim = _numbered(incidents.with_columns(others=others), others + incidents["has_society"].to_numpy()).with_columns(
        victim_id=pl.col("incident_id") * 100 + pl.col("sequence_number")
    )
    unit, main = victim["victim_id"].to_numpy(), victim["main"].to_numpy()
    victim = victim.with_columns(
        victim_type_code=pl.when(pl.col("sequence_number") > pl.col("others"))
        .then(pl.lit(_SOCIETY))
        .otherwise(draw("victim_type", seed, unit, offense=main))
    )
    is_individual = pl.col("victim_type_code") == _INDIVIDUAL
    has_age = is_individual & (draw("victim_known", seed, unit) == "all")
    age = draw_quantile("victim_age", seed, unit)
    return victim.select(
        "victim_id",
        "incident_id",
        "main",
        "sequence_number",
        "victim_type_code",
        *_age(age, is_individual, has_age),
        sex_code=pl.when(is_individual).then(draw("victim_sex", seed, unit, offense=main)),
        race_code=pl.when(is_individual).then(draw("victim_race", seed, unit)),
        ethnicity_code=pl.when(is_individual).then(draw("victim_ethnicity", seed, unit)),
        resident_code=pl.when(is_individual).then(draw("victim_resident", seed, unit)),
        activity_code=pl.lit(None, pl.String),
        assignment_code=pl.lit(None, pl.String),
        outside_agency_id=pl.lit(None, pl.Int32),
    )


def victim_offense_rows(victim: pl.DataFrame, offense: pl.DataFrame) -> pl.DataFrame:
    """Society suffers the crimes against it; every other victim suffers all others of the incident."""
    links = victim.select("incident_id", "victim_id", of_society=pl.col("victim_type_code") == _SOCIETY).join(
        offense.select("incident_id", "offense_id", of_society=pl.col("crime_against") == "society"),
        on=["incident_id", "of_society"],
    )
    return links.select("victim_id", "offense_id")


def suspects(incidents: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Add to incidents the numbers of known offenders (0 where nothing is known) and of arrestees."""
    unit, main = incidents["incident_id"].to_numpy(), incidents["offense"].to_numpy()
    unknown = by_offense("unknown_offender_share", main)
    is_known = ~chance("unknown_offender", seed, unit, unknown)
    offenders = draw_number("offenders", seed, unit) * is_known
    # The shares of incidents with an arrest hold for all incidents, but only known offenders are arrested.
    is_arrest = chance("arrest", seed, unit, by_offense("arrest_share", main) / (1 - unknown))
    arrestees = np.minimum(draw_number("arrestees", seed, unit) * is_arrest, offenders)
    return incidents.with_columns(offenders=offenders, arrestees=arrestees)


def offender_rows(incidents: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Offenders: a single row with sequence 0 where nothing is known, else numbered from 1.

    Of some offenders little is known, though never of those who were arrested, who come first.

    Args:
        incidents: rows of :func:`suspects`.
        seed: of the run.

    Returns:
        The columns of dataset ``offender`` but the state.
    """
    known = incidents["offenders"].to_numpy()
    offender = _numbered(incidents, np.maximum(known, 1)).with_columns(
        sequence_number=pl.when(pl.col("offenders") > 0).then("sequence_number").otherwise(pl.lit(0, pl.Int16))
    )
    offender = offender.with_columns(offender_id=pl.col("incident_id") * 100 + pl.col("sequence_number"))
    unit = offender["offender_id"].to_numpy()
    offender = offender.with_columns(knowledge=draw("offender_known", seed, unit), age=draw_quantile("offender_age", seed, unit))
    is_someone = pl.col("sequence_number") > 0
    is_arrested = pl.col("sequence_number") <= pl.col("arrestees")
    is_seen = is_arrested | (pl.col("knowledge") != "nothing")
    has_age = is_someone & (is_arrested | (pl.col("knowledge") == "all"))
    ...
    return offender


def _numbered(frame: pl.DataFrame, times: Integers) -> pl.DataFrame:
    """Each row so many times, numbered from 1 in ``sequence_number``."""
    row = np.repeat(np.arange(frame.height), times)
    first = np.repeat(np.cumsum(times) - times, times)
    return frame[row].with_columns(sequence_number=pl.Series(np.arange(len(row)) - first + 1, dtype=pl.Int16))
