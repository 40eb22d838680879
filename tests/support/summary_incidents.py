"""Incidents for the conversion to summary counts: the worked example of handbook 16, and segments of any incidents."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from tests.support.frames import table

YEAR = 2022


@dataclass(frozen=True)
class Offense:
    """An offense segment with its weapons."""

    code: str
    completed: str | None = "C"
    weapons: tuple[str, ...] = ()
    entry: str | None = None
    location: str = "20"
    premises: int | None = None


@dataclass(frozen=True)
class Victim:
    """A victim of the offenses at some positions of the incident."""

    of: tuple[int, ...] = (0,)
    sex: str | None = "F"
    circumstances: tuple[int, ...] = ()
    kind: str = "I"


@dataclass(frozen=True)
class Stolen:
    """A property segment of stolen property."""

    vehicles: int | None
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Told:
    """An incident."""

    month: int
    offenses: tuple[Offense, ...]
    victims: tuple[Victim, ...] = ()
    stolen: Stolen | None = None
    agency: int = 1


Counts = dict[int, int]


@dataclass(frozen=True)
class Case:
    """An incident with what it counts: lines of the Return A without totals."""

    told: Told
    family: str | None
    counts: Counts = field(default_factory=dict)


def _case(month: int, family: str | None, counts: Counts, *parts: Offense | Victim | Stolen) -> Case:
    offenses = tuple(part for part in parts if isinstance(part, Offense))
    victims = tuple(part for part in parts if isinstance(part, Victim))
    stolen = next((part for part in parts if isinstance(part, Stolen)), None)
    return Case(Told(month, offenses, victims, stolen), family, counts)


C, V, S = Offense, Victim, Stolen
#: The 36 incidents of the worked example, in order.
WORKED_EXAMPLE = (
    _case(1, "murder", {0: 2}, C("09A", weapons=("12",)), V(), V()),
    _case(
        1, "murder", {0: 1},
        C("09A", weapons=("11",)), C("13A", weapons=("11",)), C("120", weapons=("11",)), V((0,)), V((1, 2)), V((1,)),
    ),
    _case(1, None, {}, C("09B", weapons=("35",)), V(circumstances=(33,))),
    _case(1, "manslaughter", {1: 1}, C("09B", weapons=("12",)), V(circumstances=(31,))),
    _case(
        1, "aggravated_assault", {13: 1},
        C("09B", weapons=("35",)), C("13A", weapons=("35",)), V((0,), circumstances=(33,)), V((1,)),
    ),
    _case(2, "rape", {3: 1}, C("11A", weapons=("40",)), C("220", entry="F"), V()),
    _case(2, "rape", {4: 1}, C("11A", "A", weapons=("40",)), V()),
    _case(2, "rape", {3: 2}, C("11A"), C("11C", "A"), V((0,)), V((1,), "M")),
    _case(2, "rape", {3: 1}, C("11B"), V(sex="U")),
    _case(3, "robbery", {6: 1}, C("120", weapons=("12", "20")), V(), V()),
    _case(3, "robbery", {7: 1}, C("120", "A", weapons=("20",)), V()),
    _case(3, "robbery", {8: 1}, C("120", weapons=("30", "40")), V()),
    _case(3, "robbery", {9: 1}, C("120", weapons=("40",)), C("13A", weapons=("40",)), V((0, 1))),
    _case(3, "robbery", {}, C("120"), C("23H"), V()),
    _case(4, "aggravated_assault", {11: 3}, C("13A", weapons=("11",)), V(), V(), V()),
    _case(4, "aggravated_assault", {12: 1}, C("13A", weapons=("20",)), C("13B", weapons=("40",)), V((0,)), V((1,))),
    _case(4, "aggravated_assault", {13: 1}, C("13A", weapons=("95",)), V()),
    _case(
        4, "aggravated_assault", {14: 2},
        C("13A", weapons=("40",)), C("220", entry="N"), C("240"), V(), V(), S(1, ("03",)),
    ),
    _case(4, "simple_assault", {15: 3}, C("13B", weapons=("40",)), C("13C"), V((0,)), V((0,)), V((1,))),
    _case(4, "larceny", {20: 1}, C("13B", weapons=("40",)), C("23C"), V()),
    _case(5, "burglary", {17: 1}, C("220", entry="F")),
    _case(5, "burglary", {18: 5}, C("220", entry="N", location="19", premises=5)),
    _case(5, "burglary", {19: 1}, C("220", "A", entry="F")),
    _case(5, "burglary", {17: 1}, C("220", entry="F"), C("23D"), C("240"), S(1, ("03",))),
    _case(5, "burglary", {}, C("220"), C("23H")),
    _case(6, "larceny", {20: 1}, C("23F"), C("23G")),
    _case(6, "vehicle_theft", {22: 1}, C("23H"), C("240"), S(1, ("03",))),
    _case(6, "vehicle_theft", {22: 2, 23: 1, 24: 1}, C("240"), S(4, ("03", "05", "24"))),
    _case(6, "vehicle_theft", {23: 2, 24: 1}, C("240"), S(3, ("05", "24"))),
    _case(6, "vehicle_theft", {24: 2}, C("240"), S(2, ("24",))),
    _case(6, "vehicle_theft", {22: 1}, C("240", "A")),
    _case(7, "burglary", {17: 1}, C("200"), C("220", entry="F")),
    _case(7, "robbery", {9: 1}, C("64A"), C("120", weapons=("40",)), V((0,)), V((0, 1))),
    _case(7, None, {}, C("35A"), V(kind="S")),
    _case(7, None, {}, C("09C"), V()),
    _case(7, None, {}, C("64B"), V(), V(), V()),
)  # fmt: skip
#: Month -> lines that are not 0, totals included.
EXPECTED: dict[int, Counts] = {
    1: {0: 3, 1: 1, 13: 1, 10: 1, 25: 5},
    2: {3: 4, 4: 1, 2: 5, 25: 5},
    3: {6: 1, 7: 1, 8: 1, 9: 1, 5: 4, 25: 4},
    4: {11: 3, 12: 1, 13: 1, 14: 2, 15: 3, 10: 10, 20: 1, 25: 11},
    5: {17: 2, 18: 5, 19: 1, 16: 8, 25: 8},
    6: {20: 1, 22: 4, 23: 3, 24: 4, 21: 11, 25: 12},
    7: {9: 1, 5: 1, 17: 1, 16: 1, 25: 2},
}
#: The same where every offense counts by itself; 29 and 30 are victims of sex and of labor trafficking.
EXPECTED_UNRANKED: dict[int, Counts] = {
    1: {0: 3, 5: 1, 6: 1, 10: 3, 11: 2, 13: 1},
    2: {2: 5, 3: 4, 4: 1, 16: 1, 17: 1},
    3: {5: 4, 6: 1, 7: 1, 8: 1, 9: 1, 10: 1, 14: 1, 20: 1},
    4: {10: 12, 11: 3, 12: 1, 13: 1, 14: 2, 15: 5, 16: 1, 18: 1, 20: 1},
    5: {16: 8, 17: 2, 18: 5, 19: 1, 20: 2},
    6: {20: 2},
    7: {5: 1, 9: 1, 16: 1, 17: 1, 29: 2, 30: 3},
}


def segments_of(incidents: list[Told], year: int = YEAR) -> dict[str, pl.LazyFrame]:
    """The segments that the conversion reads, by name of the dataset."""
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for number, told in enumerate(incidents, start=1):
        rows["incident"].append(
            {
                "incident_id": number, "agency_id": told.agency, "data_year": year,
                "incident_date": date(year, told.month, 10),
            }
        )  # fmt: skip
        keys = [1000 * number + position for position in range(len(told.offenses))]
        for key, offense in zip(keys, told.offenses, strict=True):
            rows["offense"].append(
                {
                    "offense_id": key, "incident_id": number, "offense_code": offense.code,
                    "attempt_complete_code": offense.completed, "location_code": offense.location,
                    "premises_entered": offense.premises, "method_of_entry_code": offense.entry,
                }
            )  # fmt: skip
            rows["offense_weapon"] += [{"offense_id": key, "weapon_code": code} for code in offense.weapons]
        for position, victim in enumerate(told.victims):
            key = 1000 * number + position
            rows["victim"].append(
                {
                    "victim_id": key, "incident_id": number, "victim_type_code": victim.kind, "sex_code": victim.sex,
                }
            )  # fmt: skip
            rows["victim_offense"] += [{"victim_id": key, "offense_id": keys[of]} for of in victim.of if of < len(keys)]
            rows["victim_circumstance"] += [
                {"victim_id": key, "circumstance_code": code} for code in victim.circumstances
            ]
        if told.stolen is not None:
            rows["property"].append(
                {"property_id": number, "incident_id": number, "stolen_vehicles": told.stolen.vehicles}
            )
            rows["property_item"] += [{"property_id": number, "description_code": code} for code in told.stolen.kinds]
    names = (
        "incident", "offense", "offense_weapon", "victim", "victim_offense", "victim_circumstance", "property",
        "property_item",
    )  # fmt: skip
    return {name: table(name, *rows[name]) for name in names}
