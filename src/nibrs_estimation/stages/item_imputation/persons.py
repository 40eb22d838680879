"""Persons of the incidents that count, with logical edits and one code for each meaning (handbook 05)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.stages.item_imputation.links import (
    age_in_years,
    components,
    is_cleared,
    known_sex,
    people_of,
)
from nibrs_estimation.survey.blocks import own_rows

PERSON_VICTIMS = ("I", "L")
#: Codes of race -> today's code of the same meaning; any other code says nothing.
_RACES = {**{code: code for code in ("W", "B", "I", "A", "P", "O", "M")}, "AP": "A", "C": "A", "J": "A"}
_NO_BIAS, _NO_WEAPON, _UNARMED = ("88", "99"), ("01", "95", "99"), ("01",)
#: Seven kinds of offenses -> categories and codes of code list ``offense``.
OFFENSE_KINDS: dict[str, tuple[str, ...]] = {
    "assault_homicide": ("Assault Offenses", "Homicide Offenses"),
    "kidnapping_trafficking": ("Kidnapping/Abduction", "Human Trafficking"),
    "sex": ("11A", "11B", "11C", "11D", "36A", "36B"),
    "arson_burglary_vandalism": (
        "Arson", "Burglary/Breaking & Entering", "Destruction/Damage/Vandalism of Property",
    ),
    "vehicle_robbery": ("Motor Vehicle Theft", "Robbery"),
    "other_property": (
        "Extortion/Blackmail", "Bribery", "Counterfeiting/Forgery", "Embezzlement", "Fraud Offenses",
        "Larceny/Theft Offenses", "Stolen Property Offenses",
    ),
    "other_society": (
        "90I", "Animal Cruelty", "Drug/Narcotic Offenses", "Gambling Offenses", "Pornography/Obscene Material",
        "Prostitution Offenses", "Weapon Law Violations",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class People:
    """Persons of a state, and what models know of their incidents.

    Attributes:
        incident: one row for each incident that counts: ``incident_id`` and the attributes of :func:`incidents`.
        victim, offender, arrestee: persons of these incidents: ``person_id``, ``incident_id``, ``number``, age, sex,
            race and ethnicity after edits, and those reported with the prefix ``reported_``; offenders and arrestees
            in matched pairs have ``same_person_id``.
        links: rows of dataset ``person_link`` that are not dropped, of these incidents.
        offense: the offenses of victims: ``victim_id``, ``incident_id``, ``is_person``, ``offense_code``.
    """

    incident: pl.DataFrame
    victim: pl.DataFrame
    offender: pl.DataFrame
    arrestee: pl.DataFrame
    links: pl.DataFrame
    offense: pl.DataFrame


def people_of_state(
    incident: pl.LazyFrame,
    offense: pl.LazyFrame,
    offense_bias: pl.LazyFrame,
    offense_weapon: pl.LazyFrame,
    victim: pl.LazyFrame,
    victim_offense: pl.LazyFrame,
    offender: pl.LazyFrame,
    arrestee: pl.LazyFrame,
    arrestee_weapon: pl.LazyFrame,
    person_link: pl.LazyFrame,
    agency: pl.LazyFrame,
    removed_month: pl.LazyFrame,
    year: int,
) -> People:
    """The persons of the incidents of the data year that count, of one state."""
    counted = own_rows(incident.filter(pl.col("data_year") == year), removed_month, "incident_date").collect().lazy()
    victims, offenders, arrestees, links = (
        segment.join(counted.select("incident_id"), on="incident_id", how="semi").collect().lazy()
        for segment in (victim, offender, arrestee.filter(~pl.col("is_group_b")), person_link)
    )
    kept = links.filter(~pl.col("is_dropped")).collect()
    is_person = pl.col("victim_type_code").is_in(PERSON_VICTIMS)
    as_reported = {
        "victim": persons_of(victims.filter(is_person), "victim_id", "victim_type_code", "resident_code"),
        "offender": persons_of(offenders.filter(pl.col("sequence_number").fill_null(-1) != 0), "offender_id"),
        "arrestee": persons_of(arrestees, "arrestee_id", "arrest_type_code", "resident_code"),
    }
    return People(
        incident=incidents(
            counted, offense, offense_bias, offense_weapon, offenders, arrestees, arrestee_weapon, agency, year
        ),
        victim=as_reported["victim"],
        offender=_edited("offender", as_reported, links.collect(), kept),
        arrestee=_edited("arrestee", as_reported, links.collect(), kept),
        links=kept,
        offense=victims.select("victim_id", "incident_id", is_person=is_person)
        .join(victim_offense.select("victim_id", "offense_id"), on="victim_id")
        .join(offense.select("offense_id", "offense_code"), on="offense_id")
        .drop("offense_id")
        .collect(),
    )


def items() -> list[pl.Expr]:
    """Age, sex, race and ethnicity of a segment's persons, one code for each meaning; missing if unknown."""
    return [
        age_in_years(),
        known_sex().alias("sex_code"),
        pl.col("race_code").replace_strict(_RACES, default=None, return_dtype=pl.String),
        pl.when(pl.col("ethnicity_code").is_in(["H", "N", "M"])).then("ethnicity_code").alias("ethnicity_code"),
    ]


def persons_of(segment: pl.LazyFrame, key: str, *others: str) -> pl.DataFrame:
    """Persons of a segment: ``person_id``, ``incident_id``, ``number``, items, items as reported, and other columns."""
    reported = [
        pl.coalesce(pl.col("age_years").cast(pl.String), "age_code").alias("reported_age"),
        *(pl.col(f"{item}_code").alias(f"reported_{item}") for item in ("sex", "race", "ethnicity")),
    ]
    persons = segment.select(key, "incident_id", *others, *items(), *reported, number="sequence_number")
    return persons.rename({key: "person_id"}).sort("person_id").collect()


def _edited(
    kind: str, as_reported: Mapping[str, pl.DataFrame], links: pl.DataFrame, kept: pl.DataFrame
) -> pl.DataFrame:
    """Offenders or arrestees after the edits, with ``same_person_id``.

    An offender who had a birthday before the arrest takes the arrestee's age. A person takes an unknown race from the
    other one of the pair. Of several pairs the first counts, by level and identifiers.
    """
    other = "arrestee" if kind == "offender" else "offender"
    in_order = links.sort("level", "offender_id", "arrestee_id")
    of_other = as_reported[other].select(
        pl.col("person_id").alias(f"{other}_id"), taken_age="age_years", taken_race="race_code"
    )
    changes = (
        in_order.join(of_other, on=f"{other}_id", how="left", maintain_order="left")
        .group_by(person_id=f"{kind}_id", maintain_order=True)
        .agg(
            pl.col("taken_age").filter("has_birthday" if kind == "offender" else pl.lit(False)).first(),
            pl.col("taken_race").filter(pl.col("race_from") == other).first(),
        )
    )
    return (
        as_reported[kind]
        .join(changes, on="person_id", how="left", maintain_order="left")
        .with_columns(age_years=pl.coalesce("taken_age", "age_years"), race_code=pl.coalesce("race_code", "taken_race"))
        .drop("taken_age", "taken_race")
        .join(people_of(components(kept), kind), on="person_id", how="left", maintain_order="left")
    )


def incidents(
    incident: pl.LazyFrame,
    offense: pl.LazyFrame,
    offense_bias: pl.LazyFrame,
    offense_weapon: pl.LazyFrame,
    offender: pl.LazyFrame,
    arrestee: pl.LazyFrame,
    arrestee_weapon: pl.LazyFrame,
    agency: pl.LazyFrame,
    year: int,
) -> pl.DataFrame:
    """What models know of incidents and their agencies.

    Returns:
        ``incident_id``, ``agency_id``, ``population_group`` and its first character ``population_class``,
        ``is_suburban``, ``cargo_theft``, ``entry`` (F, N), ``bias`` and ``weapon`` (0 none, 1 one or more),
        ``arrest_weapon`` (1 if an arrestee had one), ``one_each`` (one offender and one arrestee), numbers of
        ``arrests``, ``offenders``, ``is_cleared``, ``is_offender_unknown`` and ``cleared_code``. What is not known is
        missing.
    """
    of_incident = offense.select("incident_id", "offense_id", "method_of_entry_code")
    bias = (
        of_incident.join(offense_bias, on="offense_id")
        .group_by("incident_id")
        .agg(bias=(~pl.col("bias_code").is_in(_NO_BIAS)).any().cast(pl.Int8))
    )
    weapon = (
        of_incident.join(offense_weapon, on="offense_id")
        .group_by("incident_id")
        .agg(weapon=(~pl.col("weapon_code").is_in(_NO_WEAPON)).any().cast(pl.Int8))
    )
    # The best code of an incident, in the order F, N.
    entry = of_incident.group_by("incident_id").agg(entry=pl.col("method_of_entry_code").min())
    armed = (
        arrestee_weapon.filter(~pl.col("is_group_b") & ~pl.col("weapon_code").is_in(_UNARMED))
        .select("arrestee_id")
        .unique()
    )
    arrests = (
        arrestee.join(armed.with_columns(is_armed=pl.lit(True)), on="arrestee_id", how="left")
        .group_by("incident_id")
        .agg(
            arrestees=pl.len(),
            dated=pl.col("arrest_date").count(),
            arrest_weapon=pl.col("is_armed").fill_null(False).any().cast(pl.Int8),
        )
    )
    number = pl.col("sequence_number").fill_null(-1)
    offenders = offender.group_by("incident_id").agg(
        offenders=(number != 0).sum(), is_offender_unknown=(number == 0).any()
    )
    of_agency = agency.filter(pl.col("data_year") == year).select(
        "agency_id", "is_suburban", population_group="population_group_code"
    )
    found = incident.select(
        "incident_id",
        "agency_id",
        "cleared_exceptionally_code",
        cargo_theft=pl.col("is_cargo_theft").cast(pl.Int8),
    )
    for table, key in (
        (of_agency, "agency_id"),
        (bias, "incident_id"),
        (weapon, "incident_id"),
        (entry, "incident_id"),
        (arrests, "incident_id"),
        (offenders, "incident_id"),
    ):
        found = found.join(table, on=key, how="left")
    return (
        found.with_columns(
            pl.col("arrestees", "dated", "offenders").fill_null(0),
            pl.col("is_offender_unknown").fill_null(False),
            population_class=pl.col("population_group").str.slice(0, 1),
        )
        .with_columns(
            is_cleared=is_cleared(("dated",)),
            one_each=((pl.col("offenders") == 1) & (pl.col("arrestees") == 1)).cast(pl.Int8),
        )
        .drop("dated")
        .sort("incident_id")
        .collect()
    )


@cache
def offense_codes() -> pl.DataFrame:
    """``offense_code``, its ``rank`` in the code list, the ``crime`` it is against, and a flag for each kind."""
    codes = code_list("offense").with_row_index("rank")
    kinds = {kind: pl.col("category").is_in(of) | pl.col("code").is_in(of) for kind, of in OFFENSE_KINDS.items()}
    return codes.select(
        pl.col("rank").cast(pl.Int16),
        offense_code="code",
        crime="crime_against",
        **{k: v.fill_null(False) for k, v in kinds.items()},
    )


def offenses_by(offense: pl.DataFrame, key: str) -> pl.DataFrame:
    """The offenses of each victim, or of each incident.

    Args:
        offense: ``offense_code`` and the key.
        key: name of the key.

    Returns:
        The key, ``offense_code``, the first one of code list ``offense``, its ``crime``, and a flag for each of
        :data:`OFFENSE_KINDS`: whether one of the offenses is of the kind.
    """
    rows = offense.lazy().join(offense_codes().lazy(), on="offense_code")
    first = (
        rows.sort("rank")
        .group_by(key)
        .agg(pl.col("offense_code", "crime").first(), *(pl.col(kind).any().cast(pl.Int8) for kind in OFFENSE_KINDS))
    )
    return first.sort(key).collect()
