"""Age, sex, race and ethnicity of persons, true and as reported."""

from __future__ import annotations

import numpy as np
import polars as pl

from nibrs_estimation.sources.synthetic.marginals import Booleans, Integers, chance, draw, draw_quantile
from nibrs_estimation.sources.synthetic.missingness import (
    MINOR_EFFECT,
    Circumstances,
    is_missing,
    value_effect,
    with_missing,
)
from nibrs_estimation.stats import random

UNKNOWN, UNKNOWN_AGE = "U", "00"
_TRAITS = ("sex", "race", "ethnicity")
_OVER_98 = "99"
_LAST_AGE, _ADULT_AGE = 98, 18
#: Shares of persons with an age range, by role, and the maximum distance of its ends from the age.
_RANGE_SHARES = {"offender": 0.04}
_MOST_YEARS = 5


def person_columns(role: str, seed: int, unit: Integers, offense: Integers) -> pl.DataFrame:
    """True traits of persons.

    Args:
        role: role that determines the distributions, ``victim`` or ``offender``.
        seed: seed of the run.
        unit: (n,) keys of the persons.
        offense: (n,) numbers of the main offenses.

    Returns:
        ``age`` (years, from 0), ``age_code``, ``sex_code``, ``race_code`` and ``ethnicity_code``: (n,) each.
    """
    age = pl.Series("age", draw_quantile(f"{role}_age", seed, unit, offense=offense), dtype=pl.Int16)
    years = pl.col("age").cast(pl.String).str.zfill(2)
    return pl.DataFrame(
        [age, draw("infant_age", seed, unit).alias("infant")]
        + [draw(f"{role}_{trait}", seed, unit, offense=offense).alias(f"{trait}_code") for trait in _TRAITS]
    ).select(
        "age",
        pl.when(pl.col("age") == 0)
        .then("infant")
        .when(pl.col("age") > _LAST_AGE)
        .then(pl.lit(_OVER_98))
        .otherwise(years)
        .alias("age_code"),
        *(f"{trait}_code" for trait in _TRAITS),
    )


def reported_traits(
    role: str,
    person: pl.DataFrame,
    seed: int,
    unit: Integers,
    agency_id: Integers,
    circumstances: Circumstances,
    *,
    is_certain: Booleans | None = None,
    is_hidden: Booleans | None = None,
) -> pl.DataFrame:
    """The demographic columns of the model, as the agency reports them, and their true codes in columns ``true_``.

    Args:
        role: role that determines the items of ``missing.csv``, ``victim``, ``offender`` or ``arrestee``; a trait
            without an item is never missing.
        person: (n,) rows of :func:`person_columns`.
        seed: seed of the run.
        unit: (n,) keys of the persons.
        agency_id: (n,) the agencies.
        circumstances: (n,) on what it depends, beside the agency, whether a trait is missing.
        is_certain: (n,) persons whose age is never missing, by default none.
        is_hidden: (n,) persons with no known trait, by default none.
    """
    nobody = np.zeros(len(unit), dtype=np.bool_)
    hidden = nobody if is_hidden is None else is_hidden
    certain = nobody if is_certain is None else is_certain
    effect = circumstances.effect(f"{role}_age", seed)
    if circumstances.by_value:
        effect = effect + np.where(person["age"].to_numpy() < _ADULT_AGE, MINOR_EFFECT, 0.0)
    is_ageless = hidden | (~certain & is_missing(f"{role}_age", seed, unit, agency_id, effect))
    columns = [pl.Series("is_hidden", hidden), pl.Series("is_ageless", is_ageless), person["age"], person["age_code"]]
    for trait in _TRAITS:
        effect = circumstances.effect(f"{role}_{trait}", seed)
        if circumstances.by_value:
            effect = effect + value_effect(trait, person[f"{trait}_code"])
        known = with_missing(person[f"{trait}_code"], f"{role}_{trait}", seed, unit, agency_id, effect)
        columns.append(known.alias(f"{trait}_code"))
    columns.append(_range_width(role, seed, unit))
    has_years = ~pl.col("is_ageless") & pl.col("age").is_between(1, _LAST_AGE)
    width, age = pl.col("width"), pl.col("age")
    has_range = has_years & (width > 0) & (age > width) & (age + width <= _LAST_AGE)
    return (
        pl.DataFrame(columns)
        .select(
            age_code=pl.when("is_ageless").then(pl.lit(UNKNOWN_AGE)).otherwise("age_code"),
            age_years=pl.when(has_years).then(age),
            age_low_years=pl.when(has_range).then(age - width),
            age_high_years=pl.when(has_range).then(age + width),
            **{
                f"{trait}_code": pl.when("is_hidden").then(pl.lit(UNKNOWN)).otherwise(f"{trait}_code")
                for trait in _TRAITS
            },
        )
        .hstack(person.select(pl.col("age_code", *(f"{trait}_code" for trait in _TRAITS)).name.prefix("true_")))
    )


def null_unless(condition: Booleans, columns: pl.DataFrame) -> pl.DataFrame:
    """The columns where the condition is true, elsewhere null."""
    is_true = pl.lit(pl.Series(condition))
    return columns.select(pl.when(is_true).then(pl.all()).name.keep())


def _range_width(role: str, seed: int, unit: Integers) -> pl.Series:
    """Half the width of the age range, 0 if the age is exact."""
    is_range = chance(f"{role}_age_range", seed, unit, _RANGE_SHARES.get(role, 0.0))
    width = np.floor(1 + _MOST_YEARS * random.uniform(seed, f"{role}_age_width", unit)) * is_range
    return pl.Series("width", width, dtype=pl.Int16)
