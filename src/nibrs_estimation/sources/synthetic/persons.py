"""Victims, offenders and arrestees of incidents (specification 02, section 15.2 step 5, rules of section 2.2)."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.sources.synthetic.marginals import (
    Integers,
    by_offense,
    chance,
    days_after,
    draw,
    draw_number,
    draw_quantile,
    offenses,
)

Booleans = NDArray[np.bool_]

_INDIVIDUAL, _SOCIETY = "I", "S"
_ROBBERY = "120"


def with_suspects(incidents: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Add to incidents the numbers of known ``offenders``, 0 where nothing is known of them, and of ``arrestees``."""
    unit, main = incidents["incident_id"].to_numpy(), incidents["offense"].to_numpy()
    unknown = by_offense("unknown_offender_share", main)
    offenders = draw_number("offenders", seed, unit) * ~chance("unknown_offender", seed, unit, unknown)
    # The shares of incidents with an arrest hold for all incidents, but only known offenders are arrested.
    has_arrest = chance("arrest", seed, unit, by_offense("arrest_share", main) / (1 - unknown))
    arrestees = np.minimum(draw_number("arrestees", seed, unit) * has_arrest, offenders)
    return incidents.with_columns(offenders=offenders, arrestees=arrestees)


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
    victim = _numbered(incidents.with_columns(others=others), others + incidents["has_society"].to_numpy(), "victim_id")
    unit, main = victim["victim_id"].to_numpy(), victim["main"].to_numpy()
    victim = victim.with_columns(
        victim_type_code=pl.when(pl.col("sequence_number") > pl.col("others"))
        .then(pl.lit(_SOCIETY))
        .otherwise(draw("victim_type", seed, unit, offense=main)),
        activity_code=pl.lit(None, pl.String),
        assignment_code=pl.lit(None, pl.String),
        outside_agency_id=pl.lit(None, pl.Int32),
    )
    is_individual = (victim["victim_type_code"] == _INDIVIDUAL).to_numpy()
    has_age = (draw("victim_known", seed, unit) == "all").to_numpy()
    person = _person("victim", seed, unit, main, is_individual, is_seen=np.ones_like(is_individual), has_age=has_age)
    resident = _where(is_individual, draw("victim_resident", seed, unit)).alias("resident_code")
    return victim.hstack([*person.get_columns(), resident])


def victim_offense_rows(victim: pl.DataFrame, offense: pl.DataFrame) -> pl.DataFrame:
    """Society suffers the crimes against it; every other victim suffers all the others of the incident."""
    links = victim.select("incident_id", "victim_id", of_society=pl.col("victim_type_code") == _SOCIETY).join(
        offense.select("incident_id", "offense_id", of_society=pl.col("crime_against") == "society"),
        on=["incident_id", "of_society"],
    )
    return links.select("victim_id", "offense_id")


def offender_rows(incidents: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Offenders: a single row with sequence 0 where nothing is known, else numbered from 1.

    Of some little is known, though never of those who were arrested; they come first.

    Args:
        incidents: rows of :func:`with_suspects`.
        seed: of the run.

    Returns:
        The columns of dataset ``offender`` but the state.
    """
    offender = _numbered(incidents, np.maximum(incidents["offenders"].to_numpy(), 1), "offender_id")
    is_someone = (offender["offenders"] > 0).to_numpy()
    unit, main = offender["offender_id"].to_numpy(), offender["offense"].to_numpy()
    knowledge = draw("offender_known", seed, unit)
    is_arrested = offender["sequence_number"] <= offender["arrestees"]
    person = _person(
        "offender",
        seed,
        unit,
        main,
        is_someone,
        is_seen=(is_arrested | (knowledge != "nothing")).to_numpy(),
        has_age=(is_arrested | (knowledge == "all")).to_numpy(),
    )
    # The unknown offender stands at sequence 0, and its identifier with it.
    moved = (~is_someone).astype(np.int16)
    return offender.with_columns(
        pl.col("sequence_number") - pl.Series(moved), pl.col("offender_id") - pl.Series(moved)
    ).hstack(person.get_columns())


def relationship_rows(victim: pl.DataFrame, offender: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Relationships of individuals to known offenders, in crimes against persons and robberies."""
    against, code = offenses()["crime_against"], offenses()["offense_code"]
    is_related = ((against == "person") | (code == _ROBBERY)).to_numpy()[victim["main"].to_numpy()]
    pairs = (
        victim.filter(pl.Series(is_related) & (victim["victim_type_code"] == _INDIVIDUAL))
        .select("incident_id", "victim_id", "main")
        .join(
            offender.filter(pl.col("sequence_number") > 0).select("incident_id", "offender_id", "sequence_number"),
            on="incident_id",
        )
    )
    unit, index, main = (pairs[name].to_numpy() for name in ("victim_id", "sequence_number", "main"))
    return pairs.select(
        "victim_id", "offender_id", relationship_code=draw("relationship", seed, unit, index, offense=main)
    )


def arrestee_rows(incidents: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Arrestees: the first known offenders of an incident, described alike.

    Args:
        incidents: rows of :func:`with_suspects`.
        seed: of the run.

    Returns:
        The columns of dataset ``arrestee`` but the state.
    """
    arrestee = _numbered(incidents, incidents["arrestees"].to_numpy(), "arrestee_id")
    unit, main = arrestee["arrestee_id"].to_numpy(), arrestee["offense"].to_numpy()
    everyone = np.ones(arrestee.height, dtype=np.bool_)
    person = _person("offender", seed, unit, main, everyone, is_seen=everyone, has_age=everyone)
    is_minor = (person["age_years"] < 18).to_numpy()
    return arrestee.with_columns(
        is_group_b=pl.lit(False),
        arrest_date=days_after("incident_date", "arrest_lag", seed, unit),
        arrest_type_code=draw("arrest_type", seed, unit),
        multiple_code=draw("multiple", seed, unit),
        offense_code=offenses()["offense_code"].gather(main),
        resident_code=draw("arrestee_resident", seed, unit),
        under_18_disposition_code=_where(is_minor, draw("disposition", seed, unit)),
    ).hstack(person.get_columns())


def _numbered(incidents: pl.DataFrame, times: Integers, name: str) -> pl.DataFrame:
    """Each incident so many times, numbered from 1 in ``sequence_number``, with an identifier of that name."""
    row = np.repeat(np.arange(incidents.height), times)
    sequence = np.arange(1, len(row) + 1) - np.repeat(np.cumsum(times) - times, times)
    return incidents[row].with_columns(
        pl.Series("sequence_number", sequence, dtype=pl.Int16), (pl.col("incident_id") * 100 + sequence).alias(name)
    )


def _person(
    role: str,
    seed: int,
    unit: Integers,
    main: Integers,
    is_person: Booleans,
    *,
    is_seen: Booleans,
    has_age: Booleans,
) -> pl.DataFrame:
    """Demographic columns (n rows): null where there is no person, unknown (U, 00) where it was not seen."""
    age = pl.Series(draw_quantile(f"{role}_age", seed, unit))
    traits = {trait: draw(f"{role}_{trait}", seed, unit, offense=main) for trait in ("sex", "race", "ethnicity")}
    is_aged = is_person & has_age
    return pl.DataFrame({"age": age, "is_person": is_person, "is_seen": is_seen, "is_aged": is_aged, **traits}).select(
        age_code=pl.when("is_person").then(
            pl.when("is_aged").then(pl.col("age").cast(pl.String).str.zfill(2)).otherwise(pl.lit("00"))
        ),
        age_years=pl.when("is_aged").then(pl.col("age").cast(pl.Int16)),
        age_low_years=pl.lit(None, pl.Int16),
        age_high_years=pl.lit(None, pl.Int16),
        **{
            f"{trait}_code": pl.when("is_person").then(pl.when("is_seen").then(trait).otherwise(pl.lit("U")))
            for trait in traits
        },
    )


def _where(condition: Booleans, values: pl.Series) -> pl.Series:
    """The values where the condition holds, elsewhere null."""
    return pl.select(pl.when(pl.Series(condition)).then(values)).to_series()
