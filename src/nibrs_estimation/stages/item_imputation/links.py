"""Who is whom: offenders paired with arrestees, and the logical edits that follow (handbook 05)."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from nibrs_estimation.model.items import PERSON_LINK

#: Level -> what offender and arrestee have in common, the closest level first.
LEVELS: dict[str, tuple[str, ...]] = {
    "a": ("number", "age", "sex", "race"),
    "b": ("age", "sex", "race"),
    "c": ("age", "sex"),
    "d": ("age", "race"),
    "e": ("sex", "race"),
    "f": ("age",),
    "g": ("race",),
    "h": ("sex",),
    "i": (),
}
_LAST_DAY_OF_A_BIRTHDAY = 365
#: Codes of an age that are no number of years -> age in years; ages 1 to 98 are numbers.
AGES = {"NN": 0, "NB": 0, "BB": 0, "99": 99}
_COLUMNS = ("age_code", "age_years", "sex_code", "race_code")


def age_in_years() -> pl.Expr:
    """Age of a person from ``age_years`` and ``age_code``; missing if unknown, or a range."""
    of_code = pl.col("age_code").replace_strict(AGES, default=None, return_dtype=pl.Int16)
    return pl.coalesce("age_years", of_code).alias("age_years")


def known_sex(column: str = "sex_code") -> pl.Expr:
    """M or F; missing if unknown."""
    return pl.when(pl.col(column).is_in(["M", "F"])).then(column)


def is_unknown_race(column: str) -> pl.Expr:
    """Whether a race is blank, unknown or not specified."""
    return pl.col(column).is_null() | pl.col(column).is_in(["U", "NS"])


def link_persons(
    incident: pl.LazyFrame, offender: pl.LazyFrame, arrestee: pl.LazyFrame, partition: str
) -> pl.DataFrame:
    """Pair the offenders of each incident with its arrestees, and say which pairs are one person.

    Pairs are sought from the closest level to the loosest; persons who have a pair are not sought again. Persons
    without a pair have no row.
    """
    offenders = offender.filter(pl.col("sequence_number").fill_null(-1) != 0).select(
        "incident_id", "offender_id", *_COLUMNS, number="sequence_number"
    )
    arrestees = arrestee.filter(~pl.col("is_group_b") & (pl.col("sequence_number").fill_null(-1) != 0)).select(
        "incident_id", "arrestee_id", "arrest_date", *_COLUMNS, number="sequence_number"
    )
    pairs = paired(offenders.join(arrestees, on="incident_id", suffix="_arrestee").collect())
    dated = pairs.lazy().join(incident.select("incident_id", "incident_date"), on="incident_id", how="left")
    return PERSON_LINK.cast(edited(dated).collect().with_columns(state_abbr=pl.lit(partition))).sort(
        PERSON_LINK.primary_key
    )


def paired(candidates: pl.DataFrame) -> pl.DataFrame:
    """The pairs among all offenders and arrestees of the same incidents, with ``level``.

    Args:
        candidates: ``offender_id`` and ``arrestee_id`` with number, age, sex and race of both; of the arrestee with
            suffix ``_arrestee``.
    """
    equal = {
        "number": _same("number"),
        "age": _same("age_code") & _same("age_years"),
        "sex": _same("sex_code"),
        "race": _same("race_code"),
    }
    left = candidates.with_columns(**{f"same_{name}": expression for name, expression in equal.items()})
    found = []
    for level, common in LEVELS.items():
        pairs = left.filter(pl.all_horizontal(pl.lit(True), *(pl.col(f"same_{name}") for name in common)))
        found.append(pairs.with_columns(level=pl.lit(level)))
        for person in ("offender_id", "arrestee_id"):
            left = left.join(pairs.select(person).unique(), on=person, how="anti")
    return pl.concat(found)


def _same(column: str) -> pl.Expr:
    """Unknown equals unknown."""
    return pl.col(column).eq_missing(pl.col(f"{column}_arrestee"))


def edited(pairs: pl.LazyFrame) -> pl.LazyFrame:
    """Add to pairs what follows from the comparison of offender and arrestee.

    Args:
        pairs: rows of :func:`paired` with ``incident_date`` and ``arrest_date``.

    Returns:
        The columns of dataset ``person_link`` but the state.
    """
    days = (pl.col("arrest_date") - pl.col("incident_date")).dt.total_days()
    age, age_arrestee = _age(""), _age("_arrestee")
    race, race_arrestee = pl.col("race_code"), pl.col("race_code_arrestee")
    unknown, unknown_arrestee = is_unknown_race("race_code"), is_unknown_race("race_code_arrestee")
    same_sex = (known_sex() == known_sex("sex_code_arrestee")).fill_null(False)
    return (
        pairs.with_columns(age_difference=pl.col("age_years_arrestee") - pl.col("age_years"))
        .with_columns(
            has_birthday=((pl.col("age_difference") == 1) & days.is_between(1, _LAST_DAY_OF_A_BIRTHDAY)).fill_null(
                False
            )
        )
        .with_columns(is_alike=(pl.col("has_birthday") | (age == age_arrestee).fill_null(False)) & same_sex)
        .with_columns(
            race_from=pl.when(pl.col("is_alike") & unknown_arrestee & ~unknown)
            .then(pl.lit("offender"))
            .when(pl.col("is_alike") & unknown & ~unknown_arrestee)
            .then(pl.lit("arrestee"))
        )
        .with_columns(
            is_same_person=pl.col("is_alike")
            & (pl.col("race_from").is_not_null() | (race == race_arrestee)).fill_null(False),
            has_other_race=pl.col("is_alike") & ~unknown & ~unknown_arrestee & (race != race_arrestee).fill_null(False),
        )
        .with_columns(
            is_dropped=(pl.col("has_birthday") & pl.col("is_same_person")).any().over("arrestee_id")
            & ~pl.col("is_same_person")
        )
        .select(column.name for column in PERSON_LINK.columns if column.name != "state_abbr")
    )


def _age(suffix: str) -> pl.Expr:
    return pl.coalesce(
        f"age_years{suffix}",
        pl.col(f"age_code{suffix}").replace_strict(AGES, default=None, return_dtype=pl.Int16),
    )


def components(links: pl.DataFrame) -> pl.DataFrame:
    """Matched pairs as persons: ``offender_id``, ``arrestee_id`` and ``same_person_id``, for pairs that are one person.

    Pairs that share an offender or arrestee are one person; its number is the smallest offender_id among them.
    """
    pairs = links.filter(pl.col("is_same_person")).select("offender_id", "arrestee_id", same_person_id="offender_id")
    # In most incidents every offender is paired with every arrestee, or one with one; two rounds reach all others.
    for person in ("arrestee_id", "offender_id") * 2:
        pairs = pairs.with_columns(pl.col("same_person_id").min().over(person))
    return pairs


def people_of(components_: pl.DataFrame, kind: str) -> pl.DataFrame:
    """``person_id`` and ``same_person_id`` of the offenders or arrestees in matched pairs."""
    return components_.select(person_id=f"{kind}_id", same_person_id="same_person_id").unique("person_id")


def is_cleared(arrests: Sequence[str]) -> pl.Expr:
    """Whether an incident is cleared, with columns ``cleared_exceptionally_code`` and the given numbers of arrests."""
    exceptionally = pl.col("cleared_exceptionally_code").is_in(["A", "B", "C", "D", "E"]).fill_null(False)
    return exceptionally | pl.any_horizontal(pl.col(name).fill_null(0) > 0 for name in arrests)
