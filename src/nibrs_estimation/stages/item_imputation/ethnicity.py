"""Hispanic origin, by groups of states (handbook 05)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.items import ETHNICITY_VALUE
from nibrs_estimation.stages.item_imputation.choices import choices_of
from nibrs_estimation.stages.item_imputation.groups import state_groups
from nibrs_estimation.stages.item_imputation.models import Choices, Model, completed
from nibrs_estimation.stages.item_imputation.persons import offense_codes

_MODEL = {
    "items": {"ethnicity": "ethnicity_code"},
    "categorical": ("state_abbr", "race_code", "sex_code", "crime", "population_class"),
    "numeric": ("age_years",),
    "forced": ("race_code",),
    "classes": (("state_abbr", "race_code"), ("race_code",)),
}


def ethnicity_parts() -> tuple[str, ...]:
    """Parts of dataset ``ethnicity_value``: the groups of states."""
    return tuple(state_groups("ethnicity"))


def impute_ethnicity(
    person_frame: pl.LazyFrame, seed: int, item_method: str, item_cycles: str, partition: str
) -> pl.DataFrame:
    """Impute the ethnicity of all persons whose items are imputed, in a group of states.

    In matched pairs the person whose ethnicity is unknown takes that of the other.
    """
    choices = choices_of(seed, item_method, item_cycles)
    if choices is None:
        return ETHNICITY_VALUE.empty().collect()
    found = []
    offender = _persons(person_frame, "offender", partition)
    arrestee = _persons(person_frame, "arrestee", partition)
    offender, taken = _from_pairs(offender, arrestee, "offender")
    found.append(taken)
    modeled = _imputed(offender, "offender", choices)
    found.append(modeled)
    offender = offender.join(
        modeled.select("person_id", imputed="value"), on="person_id", how="left", maintain_order="left"
    ).with_columns(ethnicity_code=pl.coalesce("ethnicity_code", "imputed"))
    arrestee, taken = _from_pairs(arrestee, offender, "arrestee")
    found += [taken, _imputed(arrestee, "arrestee", choices)]
    del offender, arrestee
    found += [_imputed(_persons(person_frame, kind, partition), kind, choices) for kind in ("victim", "arrestee_b")]
    values = pl.concat(found, how="diagonal").with_columns(
        ethnicity_group=pl.lit(partition), other_id=pl.lit(0), donor_other_id=pl.lit(None, pl.Int64)
    )
    return ETHNICITY_VALUE.cast(values).sort(ETHNICITY_VALUE.primary_key)


def _persons(person_frame: pl.LazyFrame, kind: str, group: str) -> pl.DataFrame:
    is_of_group = pl.col("state_abbr").is_in(state_groups("ethnicity")[group])
    return (
        person_frame.filter(is_of_group & (pl.col("person_kind") == kind))
        .join(offense_codes().lazy().select("offense_code", "crime"), on="offense_code", how="left")
        .select(
            "state_abbr",
            "person_id",
            "same_person_id",
            "age_years",
            "sex_code",
            "race_code",
            "ethnicity_code",
            "crime",
            "population_class",
            gives_ethnicity=pl.col("ethnicity_code").is_not_null(),
        )
        .sort("person_id")
        .collect()
    )


def _from_pairs(persons: pl.DataFrame, others: pl.DataFrame, kind: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Persons in matched pairs with the ethnicity of the other, where their own is unknown; and the values taken."""
    known = (
        others.filter(pl.col("same_person_id").is_not_null() & pl.col("ethnicity_code").is_not_null())
        .unique("same_person_id", keep="first", maintain_order=True)
        .select("same_person_id", taken="ethnicity_code", donor_id="person_id")
    )
    joined = persons.join(known, on="same_person_id", how="left", maintain_order="left")
    is_taken = pl.col("ethnicity_code").is_null() & pl.col("taken").is_not_null()
    values = joined.filter(is_taken).select(
        "state_abbr", "person_id", "donor_id", person_kind=pl.lit(kind), item=pl.lit("ethnicity"), value="taken",
        pool=pl.lit("pair"), step=pl.lit("ethnicity"),
    )  # fmt: skip
    return joined.with_columns(pl.coalesce("ethnicity_code", "taken")).drop("taken", "donor_id"), values


def _imputed(persons: pl.DataFrame, kind: str, choices: Choices) -> pl.DataFrame:
    model = Model(step=f"ethnicity/{kind}", **_MODEL)  # type: ignore[arg-type]
    found = completed(persons.with_columns(unit="person_id"), model, choices)
    return found.join(persons.select("state_abbr", unit="person_id"), on="unit", maintain_order="left").select(
        "state_abbr", "item", "value", "pool", person_id="unit", donor_id="donor", person_kind=pl.lit(kind),
        step=pl.lit("ethnicity"),
    )  # fmt: skip
