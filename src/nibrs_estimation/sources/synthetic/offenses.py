"""Offenses with weapons, activities, bias and suspected use (sources/synthetic/README.md)."""

from __future__ import annotations

import numpy as np
import polars as pl

from nibrs_estimation.sources.hierarchy import hierarchy
from nibrs_estimation.sources.synthetic.marginals import (
    Floats,
    Integers,
    by_offense,
    chance,
    draw,
    draw_codes,
    draw_number,
    is_offense,
    main_shares,
    offense_numbers,
    offenses,
    table,
)

_BURGLARY = "220"
#: Locations where a burglary counts premises: hotels and rental storage.
_PREMISES_LOCATIONS = ("14", "19")


def offense_rows(incidents: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The main offense of each incident and its companions.

    Args:
        incidents: ``incident_id`` and ``offense``, the number of the main offense.
        seed: seed of the run.

    Returns:
        ``incident_id``, ``offense_id``, ``offense`` and ``main`` (numbers of the offense and of the incident's main
        offense), ``offense_code`` and ``crime_against``, by offense_id: the main offense first.
    """
    main = incidents.select("incident_id", "offense", main="offense", place=pl.lit(0, pl.Int64))
    pairs = _companions().join(main.select("incident_id", "main"), on="main")
    is_present = chance("companion", seed, pairs["incident_id"].to_numpy(), pairs["share"], pairs["place"].to_numpy())
    rows = pl.concat([main, pairs.filter(pl.Series(is_present)).select(main.columns)])
    names = offenses().select("offense_code", "crime_against", offense=pl.int_range(pl.len(), dtype=pl.Int16))
    return (
        rows.join(names, on="offense", how="left")
        .with_columns(offense_id=pl.col("incident_id") * 10 + pl.col("place"))
        .sort("offense_id")
        .select("incident_id", "offense_id", "offense", "main", "offense_code", "crime_against")
    )


def summary_offenses(incidents: pl.DataFrame, seed: int) -> pl.Series:
    """The offense that a summary counts of each incident: the main one, unless a companion is more serious.

    Companions are drawn as in :func:`offense_rows`, but only those that the hierarchy rule puts above the main offense.

    Args:
        incidents: ``incident_id`` and ``offense``, the number of the main offense.
        seed: seed of the run.

    Returns:
        (n,) numbers of offenses, in the order of the incidents.
    """
    pairs = _more_serious().join(incidents.select("incident_id", main="offense").with_row_index("row"), on="main")
    is_present = chance("companion", seed, pairs["incident_id"].to_numpy(), pairs["share"], pairs["place"].to_numpy())
    # Of several, the most serious comes last and so stays.
    present = pairs.filter(pl.Series(is_present)).sort("rank", descending=True)
    return incidents["offense"].clone().scatter(present["row"], present["offense"])


def summary_counts(counts: Integers) -> Floats:
    """Expected counts of a summary, given incidents by main offense: (n agencies, k offenses) both."""
    told = counts.astype(np.float64)
    for main, offense, share in _more_serious().select("main", "offense", "share").iter_rows():
        told[:, main] -= share * counts[:, main]
        told[:, offense] += share * counts[:, main]
    return told


def offense_details(offense: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Add attempt, location, premises and entry; an incident has one location, that of its main offense."""
    unit = offense["offense_id"].to_numpy()
    is_attempted = chance("attempted", seed, unit, by_offense("attempted_share", offense["offense"].to_numpy()))
    is_burglary = pl.col("offense_code") == _BURGLARY
    return offense.with_columns(
        is_attempted=is_attempted,
        location_code=draw("location", seed, offense["incident_id"].to_numpy(), offense=offense["main"].to_numpy()),
        premises_entered=draw_number("premises", seed, unit),
        method_of_entry_code=draw("entry_method", seed, unit),
    ).with_columns(
        attempt_complete_code=pl.when("is_attempted").then(pl.lit("A")).otherwise(pl.lit("C")),
        premises_entered=pl.when(is_burglary & pl.col("location_code").is_in(_PREMISES_LOCATIONS)).then(
            "premises_entered"
        ),
        method_of_entry_code=pl.when(is_burglary).then("method_of_entry_code"),
    )


def weapon_rows(offense: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Weapons of offenses that may have one: ``offense_id`` and ``weapon_code``."""
    armed = offense.filter(pl.Series(is_offense("has_weapon", offense["offense"].to_numpy())))
    return _code_rows(armed, "weapon", seed, alone=("99",))


def activity_rows(offense: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Criminal activities or gang involvement of offenses that may have one: ``activity_code``."""
    acting = offense.filter(pl.Series(is_offense("has_activity", offense["offense"].to_numpy())))
    return _code_rows(acting, "activity", seed, alone=("N",))


def bias_rows(offense: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Bias motivations of every offense: ``bias_code``, 88 for none and 99 for unknown."""
    return _code_rows(offense, "bias", seed, alone=("88", "99"))


def using_rows(offense: pl.DataFrame, seed: int) -> pl.DataFrame:
    """What the offender of every offense was suspected of using: ``using_code``, N for nothing."""
    return _code_rows(offense, "using", seed, alone=("N",))


def _code_rows(offense: pl.DataFrame, quantity: str, seed: int, *, alone: tuple[str, ...]) -> pl.DataFrame:
    codes = draw_codes(
        quantity, seed, offense["offense_id"].to_numpy(), offense=offense["offense"].to_numpy(), alone=alone
    )
    return codes.select(offense["offense_id"].gather(codes["place"]), pl.col("code").alias(f"{quantity}_code"))


def _more_serious() -> pl.DataFrame:
    """The pairs of :func:`_companions` of which summaries count the companion, with its ``rank`` (hierarchy rule)."""
    rank = [hierarchy().get(code) for code in offenses()["offense_code"]]
    ranks = pl.DataFrame({"rank": rank}, schema={"rank": pl.Int8}).with_row_index("offense").cast({"offense": pl.Int16})
    pairs = (
        _companions().join(ranks, on="offense").join(ranks.rename({"offense": "main", "rank": "main_rank"}), on="main")
    )
    return pairs.filter((pl.col("rank") < pl.col("main_rank")).fill_null(pl.col("rank").is_not_null()))


def _companions() -> pl.DataFrame:
    """Pairs of main and companion offense with the probability of the companion given the main offense.

    ``place`` numbers the companions of a main offense from 1.
    """
    pairs = table("companion")
    main = offense_numbers(pairs["main_code"])
    main_share = main_shares()[main]
    return pairs.select(
        main=pl.Series(main, dtype=pl.Int16),
        offense=pl.Series(offense_numbers(pairs["companion_code"]), dtype=pl.Int16),
        share=pl.col("pairs_per_1000") / 1000 / pl.Series(main_share),
        place=pl.int_range(1, pl.len() + 1).over("main_code"),
    )
