"""Relationships of victims to offenders of cleared incidents (handbook 05)."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from nibrs_estimation.model.items import PROPERTY_RELATIONSHIP_VALUE
from nibrs_estimation.stages.item_imputation.choices import choices_of
from nibrs_estimation.stages.item_imputation.groups import state_groups
from nibrs_estimation.stages.item_imputation.models import Choices, Model, completed
from nibrs_estimation.stages.item_imputation.persons import OFFENSE_KINDS
from nibrs_estimation.stages.item_imputation.property_value import NO_PROPERTY, PENDING, SEIZED_DRUGS

#: Kind of relationship -> codes.
RELATIONSHIPS: Mapping[str, tuple[str, ...]] = {
    "intimate": ("BG", "CS", "SE", "XS", "XR"),
    "family": ("CF", "CH", "GC", "GP", "IL", "OF", "PA", "SB", "SC", "SP", "SS"),
    "known": ("AQ", "BE", "EE", "ER", "FR", "NE", "OK", "CO", "FP", "FC"),
    "stranger": ("ST",),
    "offender": ("VO",),
}
UNKNOWN_RELATIONSHIP = "RU"
#: Offenders above which an incident is modeled apart.
FEW_OFFENDERS = 3
#: Offenses of a victim -> codes; they predict relationships in crimes against property.
PROPERTY_OFFENSES: Mapping[str, tuple[str, ...]] = {
    "arson": ("200",),
    "bribery": ("510",),
    "burglary": ("220",),
    "counterfeiting": ("250",),
    "vandalism": ("290",),
    "embezzlement": ("270",),
    "extortion": ("210",),
    "fraud": ("26A", "26B", "26C", "26D", "26E", "26F", "26G"),
    "larceny": ("23A", "23B", "23C", "23D", "23E", "23F", "23G", "23H"),
    "vehicle_theft": ("240",),
    "stolen_property": ("280",),
    "property_crime": ("220", "23A", "23B", "23C", "23D", "23E", "23F", "23G", "23H", "240"),
}
_CATEGORICAL = (
    "offense_code", "victim_type_code", "resident_code", "population_group", "is_suburban", "cargo_theft", "entry",
    "bias", "weapon", "cleared_exceptionally_code", "victim_sex", "victim_race", "offender_sex", "offender_race",
)  # fmt: skip
_NUMERIC = ("victim_age", "offender_age", "offenders", "victims", "offenses", "one_each")
_CLASSES = (("offense_code", "victim_sex", "offender_sex"), ("offense_code",), ("crime",))


def with_wanted(pairs: pl.DataFrame) -> pl.DataFrame:
    """Add the kind of relationship to pairs, and whether it is to be imputed.

    An unknown relationship (RU) is imputed where the victim has only one offender to be related to, or where the
    offender is known as an arrestee; elsewhere it stays a relationship that nobody knew. A blank is always imputed.

    Args:
        pairs: ``relationship_code``, ``offenders`` (of the incident) and ``is_same_person``.

    Returns:
        ``relationship`` (missing unless known), ``is_wanted`` and ``is_kept`` (unknown and left so).
    """
    kinds = {code: kind for kind, codes in RELATIONSHIPS.items() for code in codes}
    code = pl.col("relationship_code")
    is_unknown = (code == UNKNOWN_RELATIONSHIP).fill_null(False)
    is_kept = is_unknown & ~((pl.col("offenders") == 1) | pl.col("is_same_person"))
    relationship = code.replace_strict(kinds, default=None, return_dtype=pl.String)
    return pairs.with_columns(relationship=relationship, is_kept=is_kept, is_wanted=relationship.is_null() & ~is_kept)


def relationship_pairs(
    persons: Mapping[str, pl.DataFrame],
    incident: pl.DataFrame,
    offense: pl.DataFrame,
    links: pl.DataFrame,
    victim_offender: pl.LazyFrame,
) -> pl.DataFrame:
    """Pairs of a person victim and a known offender of cleared incidents, with what models know of both.

    Args:
        persons: completed victims and offenders.
        incident: rows of ``persons.incidents``.
        offense: offenses of victims with ``crime`` and kinds, as ``persons.People.offense`` has them.
        links: matched offenders and arrestees.
        victim_offender: reported relationships.
    """
    names = {"age_years": "age", "sex_code": "sex", "race_code": "race"}
    victim, offender = (
        persons[kind].rename(
            {"person_id": f"{kind}_id", **{column: f"{kind}_{item}" for column, item in names.items()}}
        )
        for kind in ("victim", "offender")
    )
    same = links.filter("is_same_person").select("offender_id", is_same_person=pl.lit(True)).unique()
    counts = offense.group_by("incident_id").agg(
        offenses=pl.col("offense_code").n_unique().cast(pl.Int32),
        victims=pl.col("victim_id").filter("is_person").n_unique().cast(pl.Int32),
        has_person_offense=(pl.col("crime") == "Person").any(),
    )
    own = offense.group_by("victim_id").agg(
        pl.col("offense_code").sort_by("rank").first(),
        pl.col("crime").sort_by("rank").first(),
        *(pl.col(kind).any().cast(pl.Int8) for kind in OFFENSE_KINDS),
        *(
            pl.col("offense_code").is_in(codes).any().cast(pl.Int8).alias(f"is_{name}")
            for name, codes in PROPERTY_OFFENSES.items()
        ),
        is_against_property=(pl.col("crime") == "Property").any(),
    )
    reported = victim_offender.select("victim_id", "offender_id", "relationship_code").collect()
    pairs = (
        victim.select("victim_id", "incident_id", "victim_type_code", "resident_code", *_of(victim, "victim"))
        .join(incident.filter("is_cleared").drop("agency_id", "arrest_weapon"), on="incident_id")
        .join(offender.select("offender_id", "incident_id", "number", *_of(offender, "offender")), on="incident_id")
        .join(own, on="victim_id")
        .join(counts, on="incident_id")
        .join(same, on="offender_id", how="left")
        .join(reported, on=["victim_id", "offender_id"], how="left")
        .with_columns(pl.col("is_same_person").fill_null(False))
    )
    return numbered(with_wanted(pairs))


#: More than the offenders of any incident: their numbers have two digits.
_MOST_OFFENDERS = 128


def _of(persons: pl.DataFrame, kind: str) -> list[str]:
    return [f"{kind}_{item}" for item in ("age", "sex", "race")]


def impute_person_relationships(pairs: pl.DataFrame, choices: Choices) -> pl.DataFrame:
    """Relationships in incidents with a crime against a person: few and many offenders have models of their own.

    Args:
        pairs: pairs of these incidents.
        choices: how.

    Returns:
        The columns of dataset ``relationship_value`` but the state: every pair to be imputed, without a value where the
        state has too few donors.
    """
    is_few = pl.col("offenders") <= FEW_OFFENDERS
    return pl.concat(
        _imputed(pairs.filter(is_of_model), f"relationship/{name}", choices, ("relationship",))
        for name, is_of_model in (("few", is_few), ("many", ~is_few))
    )


def property_parts() -> tuple[str, ...]:
    """Parts of dataset ``property_relationship_value``: the groups of states."""
    return tuple(state_groups("relationship"))


def impute_property_relationships(
    relationship_frame: pl.LazyFrame, seed: int, item_method: str, item_cycles: str, partition: str
) -> pl.DataFrame:
    """Impute the relationships of victims of crimes against property, in a group of states.

    Incidents of which the property has a value, known or not, are modeled apart, with the value.
    """
    choices = choices_of(seed, item_method, item_cycles)
    if choices is None:
        return PROPERTY_RELATIONSHIP_VALUE.empty().collect()
    is_of_group = pl.col("state_abbr").is_in(state_groups("relationship")[partition])
    pairs = numbered(relationship_frame.filter(is_of_group).collect())
    is_no_value = pl.col("property_value").is_in([NO_PROPERTY, 0, PENDING, SEIZED_DRUGS]).fill_null(False)
    found = [
        _imputed(pairs.filter(is_no_value), "property_relationship/no_value", choices, ("relationship",)),
        _imputed(pairs.filter(~is_no_value), "property_relationship/value", choices, ("value", "relationship")),
    ]
    states = pairs.select("state_abbr", person_id="victim_id").unique("person_id")
    values = (
        pl.concat(found)
        .join(states, on="person_id", how="left", maintain_order="left")
        .with_columns(relationship_group=pl.lit(partition))
    )
    return PROPERTY_RELATIONSHIP_VALUE.cast(values).sort(PROPERTY_RELATIONSHIP_VALUE.primary_key)


def _imputed(pairs: pl.DataFrame, step: str, choices: Choices, items: tuple[str, ...]) -> pl.DataFrame:
    """The pairs to be imputed with donors; without a value where there are too few of them."""
    model = Model(
        step,
        {item: {"relationship": "relationship", "value": "property_value"}[item] for item in items},
        _CATEGORICAL,
        (*_NUMERIC, *OFFENSE_KINDS, *(f"is_{name}" for name in PROPERTY_OFFENSES)),
        forced=("victim_sex", "offender_sex", *OFFENSE_KINDS),
        classes=_CLASSES,
    )
    found = completed(pairs.with_columns(gives_relationship=~pl.col("is_wanted")), model, choices)
    donors = pairs.select(donor="unit", value="relationship_code", donor_id="victim_id", donor_other_id="offender_id")
    given = (
        found.filter(pl.col("item") == "relationship")
        .drop("value")
        .join(donors, on="donor", how="left", maintain_order="left")
    )
    return (
        pairs.filter("is_wanted")
        .select("unit", person_id="victim_id", other_id="offender_id")
        .join(given, on="unit", how="left", maintain_order="left")
        .select(
            "person_id",
            "other_id",
            "value",
            "donor_id",
            "donor_other_id",
            "pool",
            person_kind=pl.lit("victim"),
            item=pl.lit("relationship"),
            step=pl.lit(step),
        )
    )


def numbered(pairs: pl.DataFrame) -> pl.DataFrame:
    """Pairs with ``unit``: the victim's number and the place of the offender among the victim's."""
    in_order = pairs.sort("victim_id", "offender_id")
    return in_order.with_columns(
        unit=pl.col("victim_id") * _MOST_OFFENDERS + pl.int_range(pl.len(), dtype=pl.Int64).over("victim_id")
    )
