"""Age, sex and race of victims, offenders and arrestees of incidents, step by step (handbook 05)."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from nibrs_estimation.model.items import DEMOGRAPHICS, ITEM_COLUMNS
from nibrs_estimation.stages.item_imputation.models import Choices, Model, completed
from nibrs_estimation.stages.item_imputation.persons import OFFENSE_KINDS, People, offenses_by

#: Items in the order in which the models visit them -> columns.
COLUMNS = {item: ITEM_COLUMNS[item] for item in DEMOGRAPHICS}
_OF_INCIDENT = ("population_group", "cargo_theft", "is_suburban", "entry", "bias", "weapon", "arrest_weapon")
_KINDS = tuple(OFFENSE_KINDS)
_CLASSES = (("offense_code",), ("crime",))
_COUNTS = ("male", "female", "white", "black", "other_race")


def co_persons(others: pl.DataFrame, key: str, name: str) -> pl.DataFrame:
    """What is known of the other persons of an incident, or of a person.

    A count of 0 is missing if not every sex, or race, is known: the unknown ones may be of that sex.

    Args:
        others: the key, ``age_years``, ``sex_code`` and ``race_code``, one row for each other person.
        key: name of the key.
        name: kind of the other persons, the prefix of the columns.

    Returns:
        The key, and with the prefix ``number``, ``mean_age``, ``male``, ``female``, ``white``, ``black`` and
        ``other_race``.
    """
    sex, race = pl.col("sex_code"), pl.col("race_code")
    counted = others.group_by(key).agg(
        number=pl.len().cast(pl.Int32),
        mean_age=pl.col("age_years").mean(),
        male=(sex == "M").sum().cast(pl.Int32),
        female=(sex == "F").sum().cast(pl.Int32),
        white=(race == "W").sum().cast(pl.Int32),
        black=(race == "B").sum().cast(pl.Int32),
        other_race=(race.is_not_null() & ~race.is_in(["W", "B"])).sum().cast(pl.Int32),
    )
    changed = []
    for parts in (_COUNTS[:2], _COUNTS[2:]):
        is_complete = pl.col("number") == pl.sum_horizontal(parts)
        changed += [pl.when(is_complete | (pl.col(part) > 0)).then(part).alias(part) for part in parts]
    return counted.with_columns(changed).rename(
        {column: f"{name}_{column}" for column in counted.columns if column != key}
    )


def of_others(*names: str) -> list[str]:
    """Names of the columns of :func:`co_persons`."""
    return [f"{name}_{column}" for name in names for column in ("number", "mean_age", *_COUNTS)]


def impute_demographics(people: People, choices: Choices) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """Complete age, sex and race of person victims, offenders of cleared incidents and arrestees.

    Persons of incidents with person victims and of incidents with other victims have models of their own; where an
    incident has both, the latter's value is used. In matched pairs offender and arrestee have one value.

    Returns:
        The persons by kind, completed; and ``person_kind``, ``person_id``, ``item``, ``value``, ``donor_id``, ``pool``
        and ``step`` of every imputed value.
    """
    with_victims = _Branch(people, choices, of_persons=True)
    values = [*with_victims.pairs("03"), *with_victims.paired("05", "offender", "arrestee")]
    values += with_victims.victims("07")
    values += with_victims.paired("09", "arrestee", "offender")
    others = _Branch(people, choices, of_persons=False)
    of_others_ = [
        *others.pairs("10"),
        *others.paired("12", "offender", "arrestee"),
        *others.paired("14", "arrestee", "offender"),
    ]
    values += with_victims.all_victims("16")
    found = _preferred(pl.concat([_step(rows, step) for step, rows in values + of_others_]))
    persons = {
        kind: overlaid(getattr(people, kind), found.filter(pl.col("person_kind") == kind))
        for kind in ("victim", "offender", "arrestee")
    }
    return persons, found


#: Steps whose value is used before those of the others, the last one first.
_ORDER = ("05", "07", "09", "12", "14", "16", "03", "10")


def _step(rows: pl.DataFrame, step: str) -> pl.DataFrame:
    return rows.with_columns(step=pl.lit(step))


def _preferred(values: pl.DataFrame) -> pl.DataFrame:
    rank = pl.col("step").replace_strict(_ORDER, list(range(len(_ORDER))), return_dtype=pl.Int8)
    return (
        values.with_columns(rank=rank)
        .sort("person_kind", "person_id", "item", "rank")
        .unique(["person_kind", "person_id", "item"], keep="last", maintain_order=True)
        .drop("rank")
    )


def overlaid(persons: pl.DataFrame, values: pl.DataFrame) -> pl.DataFrame:
    """Persons with imputed values in place of what they have; other persons and the order of rows do not change."""
    for item, column in COLUMNS.items():
        of_item = values.filter(pl.col("item") == item).select(
            "person_id", imputed=pl.col("value").cast(persons.schema[column])
        )
        persons = (
            persons.join(of_item, on="person_id", how="left", maintain_order="left")
            .with_columns(pl.coalesce("imputed", column).alias(column))
            .drop("imputed")
        )
    return persons


Found = list[tuple[str, pl.DataFrame]]


class _Branch:
    """The steps for persons of cleared incidents with person victims, or with other victims."""

    def __init__(self, people: People, choices: Choices, *, of_persons: bool) -> None:
        self.people, self.choices = people, choices
        self.persons = {kind: getattr(people, kind) for kind in ("victim", "offender", "arrestee")}
        self.offenses = offenses_by(people.offense.filter(pl.col("is_person") == of_persons), "incident_id")
        cleared = people.incident.filter("is_cleared").join(self.offenses, on="incident_id")
        self.cleared, self.of_persons = cleared, of_persons

    def pairs(self, step: str) -> Found:
        """Matched pairs: age and sex are known, race may be the same unknown code."""
        offender = self.persons["offender"].filter(pl.col("same_person_id") == pl.col("person_id"))
        first = (
            self.persons["arrestee"]
            .filter(pl.col("same_person_id").is_not_null())
            .unique("same_person_id", keep="first", maintain_order=True)
            .select("same_person_id", "arrest_type_code", "resident_code")
        )
        frame = self._frame(offender.join(first, on="same_person_id", how="left", maintain_order="left"), self.cleared)
        model = Model(
            step,
            {"sex": "sex_code", "age": "age_years", "race": "race_code"},
            ("offense_code", *_OF_INCIDENT, "cleared_exceptionally_code", "resident_code", "arrest_type_code"),
            _KINDS,
            classes=_CLASSES,
        )
        found = completed(frame, model, self.choices).rename({"unit": "same_person_id"})
        rows = []
        for kind in ("offender", "arrestee"):
            of_kind = self.persons[kind].filter(pl.col("race_code").is_null()).select("person_id", "same_person_id")
            rows.append(
                of_kind.join(found, on="same_person_id").select(
                    pl.lit(kind).alias("person_kind"),
                    "person_id",
                    "item",
                    "value",
                    pl.col("donor").alias("donor_id"),
                    "pool",
                )
            )
        return self._kept([(step, pl.concat(rows))])

    def paired(self, step: str, kind: str, other: str) -> Found:
        """Offenders or arrestees, from the other persons with whom they are paired, and from person victims."""
        frame = self._frame(self.persons[kind], self.cleared)
        frame = frame.join(self._of_pairs(kind, other), on="person_id", how="left", maintain_order="left")
        others = [other]
        if self.of_persons:
            others.append("victim")
            of_victims = co_persons(self.persons["victim"], "incident_id", "victim")
            frame = frame.join(of_victims, on="incident_id", how="left", maintain_order="left")
        return self._impute(step, kind, frame, ("one_each", "is_matched"), others)

    def victims(self, step: str) -> Found:
        """Victims of cleared incidents."""
        own = offenses_by(self.people.offense.filter("is_person"), "victim_id").rename({"victim_id": "person_id"})
        frame = self._frame(self.persons["victim"], self.people.incident.filter("is_cleared"), own)
        for other in ("arrestee", "offender"):
            frame = frame.join(
                co_persons(self.persons[other], "incident_id", other),
                on="incident_id",
                how="left",
                maintain_order="left",
            )
        return self._impute(step, "victim", frame, ("one_each", "victim_type_code"), ["arrestee", "offender"])

    def all_victims(self, step: str) -> Found:
        """Victims of all incidents; those of cleared incidents are complete, but give only what was reported."""
        own = offenses_by(self.people.offense.filter("is_person"), "victim_id").rename({"victim_id": "person_id"})
        known = self.people.victim.select(
            "person_id", *(pl.col(column).is_not_null().alias(f"gives_{item}") for item, column in COLUMNS.items())
        )
        frame = self._frame(self.persons["victim"], self.people.incident, own)
        frame = frame.join(known, on="person_id", maintain_order="left").join(
            co_persons(self.persons["offender"], "incident_id", "offender"),
            on="incident_id",
            how="left",
            maintain_order="left",
        )
        categorical = ("one_each", "victim_type_code", "is_cleared", "is_offender_unknown")
        return self._impute(step, "victim", frame, categorical, ["offender"])

    def _frame(
        self, persons: pl.DataFrame, incidents: pl.DataFrame, offenses: pl.DataFrame | None = None
    ) -> pl.DataFrame:
        """Persons of given incidents, with the attributes of the incident and of the offenses."""
        frame = persons.join(incidents, on="incident_id", maintain_order="left")
        if offenses is not None:
            frame = frame.join(offenses, on="person_id", how="left", maintain_order="left")
        if "same_person_id" in frame.columns:
            frame = frame.with_columns(is_matched=pl.col("same_person_id").is_not_null().cast(pl.String))
        return frame.with_columns(unit="person_id", **{kind: pl.col(kind).fill_null(0) for kind in _KINDS})

    def _of_pairs(self, kind: str, other: str) -> pl.DataFrame:
        """What is known of the other persons with whom somebody is paired.

        A matched pair is one person, whose values would predict themselves; and nobody whose age or sex is unknown is
        in one, so donors would have a predictor that no recipient has.
        """
        paired = self.people.links.filter(~pl.col("is_same_person")).select(
            person_id=f"{kind}_id", other_id=f"{other}_id"
        )
        others = self.persons[other].select("age_years", "sex_code", "race_code", other_id="person_id")
        return co_persons(paired.join(others, on="other_id"), "person_id", other)

    def _impute(
        self, step: str, kind: str, frame: pl.DataFrame, categorical: Iterable[str], others: list[str]
    ) -> Found:
        model = Model(
            step,
            COLUMNS,
            ("offense_code", *_OF_INCIDENT, *categorical),
            (*_KINDS, *of_others(*others)),
            classes=_CLASSES if kind == "victim" else (("offense_code", "is_matched"), *_CLASSES),
        )
        found = completed(frame, model, self.choices)
        return self._kept(
            [
                (
                    step,
                    found.select(
                        pl.lit(kind).alias("person_kind"),
                        pl.col("unit").alias("person_id"),
                        "item",
                        "value",
                        pl.col("donor").alias("donor_id"),
                        "pool",
                    ),
                )
            ]
        )

    def _kept(self, found: Found) -> Found:
        """The values, which the steps that follow see."""
        for _, rows in found:
            for kind in self.persons:
                self.persons[kind] = overlaid(self.persons[kind], rows.filter(pl.col("person_kind") == kind))
        return found
