"""Injuries of victims, and circumstances of offenses (sources/synthetic/README.md)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.sources.synthetic.marginals import draw, draw_codes, is_offense
from nibrs_estimation.sources.synthetic.persons import OFFICER, PERSONS

_UNINJURED = "N"
_UNKNOWN_CIRCUMSTANCES = "10"
_ASSAULT_ON_OFFICER, _BY_CITIZEN, _BY_OFFICER = 2, 20, 21


def injury_rows(links: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Injuries of persons who suffered an offense with injuries: ``victim_id`` and ``injury_code``.

    Args:
        links: rows of ``victim_offense_rows``.
        seed: seed of the run.
    """
    hurt = _of_persons(links, "has_injury")
    return _codes(hurt, "injury", seed, alone=(_UNINJURED,))


def circumstance_rows(links: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Circumstances of homicides and aggravated assaults, with the circumstances of justifiable homicides.

    Args:
        links: rows of ``victim_offense_rows``.
        seed: seed of the run.

    Returns:
        ``victim_id``, ``circumstance_code`` and ``justifiable_force_code``.
    """
    struck = _of_persons(links, "has_circumstance")
    of_officer = pl.col("victim_type_code") == OFFICER
    rows = (
        _codes(struck, "circumstance", seed, alone=(_UNKNOWN_CIRCUMSTANCES,))
        .with_columns(pl.col("circumstance_code").cast(pl.Int8))
        .join(struck.select("victim_id", "victim_type_code"), on="victim_id", maintain_order="left")
        .with_columns(circumstance_code=pl.when(of_officer).then(_ASSAULT_ON_OFFICER).otherwise("circumstance_code"))
        .unique(["victim_id", "circumstance_code"], keep="first", maintain_order=True)
    )
    unit, circumstance = rows["victim_id"].to_numpy(), pl.col("circumstance_code")
    return rows.select(
        "victim_id",
        "circumstance_code",
        justifiable_force_code=pl.when(circumstance == _BY_CITIZEN)
        .then(pl.lit(draw("force_by_citizen", seed, unit)))
        .when(circumstance == _BY_OFFICER)
        .then(pl.lit(draw("force_by_officer", seed, unit))),
    )


def _of_persons(links: pl.DataFrame, column: str) -> pl.DataFrame:
    """The links of persons to offenses for which a column of ``offense.csv`` is true, one for each victim."""
    holds = pl.Series(is_offense(column, links["offense"].to_numpy()))
    return links.filter(holds & links["victim_type_code"].is_in(PERSONS)).unique(
        "victim_id", keep="first", maintain_order=True
    )


def _codes(links: pl.DataFrame, quantity: str, seed: int, *, alone: tuple[str, ...]) -> pl.DataFrame:
    codes = draw_codes(quantity, seed, links["victim_id"].to_numpy(), offense=links["offense"].to_numpy(), alone=alone)
    return codes.select(links["victim_id"].gather(codes["place"]), pl.col("code").alias(f"{quantity}_code"))
