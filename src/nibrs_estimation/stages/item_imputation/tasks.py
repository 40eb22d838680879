"""The tasks of item imputation, by state (handbook 05)."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from nibrs_estimation.model.items import (
    ITEM_COLUMNS,
    ITEM_VALUE,
    PERSON_FRAME,
    RELATIONSHIP_FRAME,
    RELATIONSHIP_VALUE,
    STATE_ITEM_DISTRIBUTION,
)
from nibrs_estimation.stages.item_imputation.choices import choices_of
from nibrs_estimation.stages.item_imputation.demographics import impute_demographics, overlaid
from nibrs_estimation.stages.item_imputation.group_b import group_b_persons, impute_group_b
from nibrs_estimation.stages.item_imputation.models import NEVER_GIVEN
from nibrs_estimation.stages.item_imputation.persons import (
    People,
    offense_codes,
    offenses_by,
    people_of_state,
)
from nibrs_estimation.stages.item_imputation.property_value import property_values
from nibrs_estimation.stages.item_imputation.relationships import impute_person_relationships, relationship_pairs

_NONE = pl.lit(None, pl.Int64)


def impute_persons(
    incident: pl.LazyFrame,
    offense: pl.LazyFrame,
    offense_bias: pl.LazyFrame,
    offense_weapon: pl.LazyFrame,
    victim: pl.LazyFrame,
    victim_offense: pl.LazyFrame,
    offender: pl.LazyFrame,
    victim_offender: pl.LazyFrame,
    property: pl.LazyFrame,
    property_item: pl.LazyFrame,
    arrestee: pl.LazyFrame,
    arrestee_weapon: pl.LazyFrame,
    person_link: pl.LazyFrame,
    agency: pl.LazyFrame,
    agency_county: pl.LazyFrame,
    county_population: pl.LazyFrame,
    removed_month: pl.LazyFrame,
    year: int,
    seed: int,
    item_method: str,
    item_cycles: str,
    partition: str,
) -> dict[str, pl.DataFrame | pl.LazyFrame]:
    """Impute age, sex and race of the persons of a state, and relationships in crimes against persons.

    In scope are person victims, offenders of cleared incidents, and arrestees, of incidents and arrests that count.
    """
    choices = choices_of(seed, item_method, item_cycles)
    outputs = (PERSON_FRAME, ITEM_VALUE, STATE_ITEM_DISTRIBUTION, RELATIONSHIP_VALUE, RELATIONSHIP_FRAME)
    if choices is None:
        return {dataset.name: dataset.empty() for dataset in outputs}
    people = people_of_state(
        incident,
        offense,
        offense_bias,
        offense_weapon,
        victim,
        victim_offense,
        offender,
        arrestee,
        arrestee_weapon,
        person_link,
        agency,
        removed_month,
        year,
    )
    group_b = group_b_persons(arrestee, agency, agency_county, county_population, removed_month, year)
    persons, values = impute_demographics(people, choices)
    of_group_b = impute_group_b(group_b, choices)
    frame = _person_frame(people, persons, group_b, of_group_b)
    known = people.offense.join(offense_codes(), on="offense_code")
    pairs = relationship_pairs(persons, people.incident, known, people.links, victim_offender)
    relationships = impute_person_relationships(pairs.filter("has_person_offense"), choices)
    worth = property_values(_property_rows(people.incident, property, property_item))
    of_property = pairs.filter(~pl.col("has_person_offense") & pl.col("is_against_property")).join(
        worth.select("incident_id", "property_value"), on="incident_id", how="left"
    )
    values = pl.concat(
        [values, of_group_b.with_columns(person_kind=pl.lit("arrestee_b"), step=pl.lit("group_b"))], how="diagonal"
    ).with_columns(other_id=pl.lit(0), donor_other_id=_NONE)
    found = {
        PERSON_FRAME: frame,
        ITEM_VALUE: values,
        STATE_ITEM_DISTRIBUTION: _distribution(frame, values, pairs),
        RELATIONSHIP_VALUE: relationships,
        RELATIONSHIP_FRAME: of_property,
    }
    return {
        dataset.name: dataset.cast(rows.with_columns(state_abbr=pl.lit(partition))).sort(dataset.primary_key)
        for dataset, rows in found.items()
    }


def join_distributions(state_item_distribution: pl.LazyFrame) -> pl.LazyFrame:
    """Put the distributions of reported values of all states into one table."""
    return state_item_distribution


def _person_frame(
    people: People, persons: Mapping[str, pl.DataFrame], group_b: pl.DataFrame, of_group_b: pl.DataFrame
) -> pl.DataFrame:
    victims = offenses_by(people.offense.filter("is_person"), "victim_id").select("offense_code", person_id="victim_id")
    incidents = offenses_by(people.offense, "incident_id").select("incident_id", "offense_code")
    attributes = people.incident.select("incident_id", "population_class", "is_cleared")
    offender = persons["offender"].join(attributes.filter("is_cleared"), on="incident_id", how="semi")
    columns = [column.name for column in PERSON_FRAME.columns if column.name not in ("state_abbr", "person_kind")]
    parts = {
        "victim": persons["victim"].join(victims, on="person_id", how="left"),
        "offender": offender.join(incidents, on="incident_id", how="left"),
        "arrestee": persons["arrestee"].join(incidents, on="incident_id", how="left"),
    }
    frames = [
        part.join(attributes, on="incident_id", how="left")
        .with_columns(person_kind=pl.lit(kind), **({} if kind != "victim" else {"same_person_id": _NONE}))
        .select("person_kind", *columns)
        for kind, part in parts.items()
    ]
    completed_b = overlaid(group_b, of_group_b).with_columns(person_kind=pl.lit("arrestee_b"), same_person_id=_NONE)
    return pl.concat([*frames, completed_b.select("person_kind", *columns)])


def _property_rows(incident: pl.DataFrame, property: pl.LazyFrame, property_item: pl.LazyFrame) -> pl.DataFrame:
    return (
        property.join(incident.lazy().filter("is_cleared").select("incident_id"), on="incident_id", how="semi")
        .select("incident_id", "property_id", "loss_code")
        .join(property_item, on="property_id", how="left")
        .select("incident_id", "loss_code", pl.col("description_code").cast(pl.Int32, strict=False), "value_usd")
        .collect()
    )


def _distribution(frame: pl.DataFrame, values: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Numbers of reported values that may be given, by kind of person, item and offense."""
    counted = []
    for item, column in ITEM_COLUMNS.items():
        imputed = values.filter(pl.col("item") == item).select("person_kind", "person_id")
        known = frame.filter(
            pl.col(column).is_not_null() & ~pl.col(column).cast(pl.String).is_in(NEVER_GIVEN.get(item, ()))
        )
        known = known.join(imputed, on=["person_kind", "person_id"], how="anti")
        counted.append(
            known.group_by("person_kind", pl.col("offense_code").fill_null(""), value=pl.col(column).cast(pl.String))
            .agg(n=pl.len())
            .with_columns(item=pl.lit(item))
        )
    counted.append(
        pairs.filter(pl.col("relationship").is_not_null())
        .group_by(pl.col("offense_code").fill_null(""), value="relationship_code")
        .agg(n=pl.len())
        .with_columns(item=pl.lit("relationship"), person_kind=pl.lit("victim"))
    )
    return pl.concat(counted, how="diagonal")
