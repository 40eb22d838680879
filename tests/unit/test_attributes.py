"""Derived variables against slow twins: plain loops over rows, written from the reference's description."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from tests.support.incidents import Rows, every_code, segments_of, worlds

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.stages.counting.attributes import DERIVATIONS, RECORDS, clearance, derive, multiplier
from nibrs_estimation.stages.counting.attributes.recode import KEYS
from nibrs_estimation.tables.definition import Level
from nibrs_estimation.tables.read import table_definitions
from nibrs_estimation.tables.variables import ATTRIBUTES, LEVEL_OF_JOIN, derived_variables

Row = dict[str, Any]
LEVELS: list[Level] = ["incident", "offense", "victim", "arrestee"]
DECLARED = [
    (name, level) for name, variable in derived_variables().items() for level in LEVELS if level in variable.levels
]

FIREARMS = ("11", "12", "13", "14", "15", "21", "22", "23", "24", "25")
OTHER_WEAPONS = ("35", "50", "60", "65", "70", "85", "90")
HIERARCHY = ["12", "11", "13", "14", "15", "20", "30", "35", "40", "85", "70", "50", "60", "65", "90", "99", "95"]
LATER_FIREARMS = {"21": "11", "22": "12", "23": "13", "24": "14", "25": "15"}
PLACES = {
    "home and hotel": ("20", "14"),
    "public": ("01", "10", "13", "16", "18", "42", "45", "50", "51"),
    "school": ("22", "44", "52", "53"),
    "commercial": ("02", "05", "07", "08", "12", "17", "19", "23", "24", "40", "41", "55"),
    "entertainment": ("03", "21", "38", "39", "47"),
    "religious": ("04",),
    "government": ("11", "49", "57"),
    "jail": ("15",),
    "shelter": ("54",),
}
RELATIONSHIPS = [
    "BG CS SE XS XR",
    "CF CH GC GP IL OF PA SB SC SP SS",
    "AQ BE CO EE ER FC FP FR NE OK",
    "ST",
    "VO",
    "RU",
]
DRUGS = ["AB", "CE", "DFGH", "IJK", "LM", "NO", "P", "U", "X"]
#: Bias motivations by category of the FBI, in its order.
BIASES = [
    "11 12 13 14 15 16 31 32 33", "21 22 23 24 25 26 28 29 81 82 83 84 85 27", "41 42 43 44 45", "51 52", "61 62",
    "71 72",
]  # fmt: skip
RACES = {"W": 1, "B": 2, "I": 3, "A": 4, "AP": 4, "C": 4, "J": 4, "P": 5}


class World:
    """Rows that can be asked who belongs to whom."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.found: dict[tuple[str, str], dict[Any, list[Row]]] = {}

    def all(self, field: str, **where: Any) -> list[Row]:
        ((key, value),) = where.items()
        if (field, key) not in self.found:
            by_value = self.found[field, key] = {}
            for row in self.rows[field]:
                by_value.setdefault(row[key], []).append(row)
        return self.found[field, key].get(value, [])

    def one(self, field: str, **where: Any) -> Row:
        (row,) = self.all(field, **where)
        return row

    def units(self, level: Level) -> list[Row]:
        return self.rows[level]

    def offenses(self, level: Level, unit: Row) -> list[Row]:
        if level == "offense":
            return [unit]
        if level == "incident":
            return self.all("offense", incident_id=unit["incident_id"])
        links = self.all("victim_offense", victim_id=unit["victim_id"])
        return [self.one("offense", offense_id=link["offense_id"]) for link in links]

    def victims(self, level: Level, unit: Row) -> list[Row]:
        return [unit] if level == "victim" else self.all("victim", incident_id=unit["incident_id"])

    def offenders(self, unit: Row) -> list[Row]:
        return self.all("offender", incident_id=unit["incident_id"])

    def weapons(self, level: Level, unit: Row) -> list[str]:
        codes = [code.rstrip("A") for offense in self.offenses(level, unit) for code in offense["weapons"]]
        return [LATER_FIREARMS.get(code, code) for code in codes]

    def biases(self, level: Level, unit: Row) -> list[str]:
        return [code for offense in self.offenses(level, unit) for code in offense["biases"]]

    def relationships(self, level: Level, unit: Row) -> list[int]:
        links = [
            link for victim in self.victims(level, unit)
            for link in self.all("victim_offender", victim_id=victim["victim_id"])
        ]  # fmt: skip
        return [
            number
            for link in links
            for number, codes in enumerate(RELATIONSHIPS, start=1)
            if link["relationship_code"] in codes.split()
        ]

    def drug_activities(self, unit: Row) -> list[str]:
        return [
            activity
            for offense in self.offenses("incident", unit)
            if offense["offense_code"] == "35A" and offense["attempt_complete_code"] == "C"
            for activity in offense["activities"]
        ]

    def drugs(self, unit: Row) -> list[str]:
        return [drug for segment in self.all("property", incident_id=unit["incident_id"]) for drug in segment["drugs"]]


Twin = Callable[[World, Level, Row], list[int]]


def yes_if_any(found: list[int]) -> list[int]:
    return [max(found)] if found else []


def weapon_no_yes(world: World, level: Level, unit: Row) -> list[int]:
    listed = (*FIREARMS, "20", "30", "40", *OTHER_WEAPONS, "95")
    return yes_if_any([2 if code in listed else 1 for code in world.weapons(level, unit) if code in (*listed, "99")])


def bias_yes_no3(world: World, level: Level, unit: Row) -> list[int]:
    found = [{"99": 2, "88": 3}.get(code, 1) for code in world.biases(level, unit)]
    return [min(found)] if found else []


def bias6(world: World, level: Level, unit: Row) -> list[int]:
    groups = [codes.split() for codes in BIASES]
    return [n for code in world.biases(level, unit) for n, group in enumerate(groups, start=1) if code in group]


def bias34(world: World, level: Level, unit: Row) -> list[int]:
    known = " ".join(BIASES).split()
    return [known.index(code) + 1 for code in world.biases(level, unit) if code in known]


def weapon6(world: World, level: Level, unit: Row) -> list[int]:
    groups = [("40",), FIREARMS, ("20",), ("30",), OTHER_WEAPONS, ("95",)]
    return [n for code in world.weapons(level, unit) for n, group in enumerate(groups, start=1) if code in group]


def weapon4(world: World, level: Level, unit: Row) -> list[int]:
    groups = [("40",), FIREARMS, ("20", "30", *OTHER_WEAPONS), ("95",)]
    return [n for code in world.weapons(level, unit) for n, group in enumerate(groups, start=1) if code in group]


def weapon_cat2(world: World, level: Level, unit: Row) -> list[int]:
    others = ("20", "30", "35", "40", "50", "65", "70", "85", "90")
    groups = [(*FIREARMS, "60"), others, ("95",)]
    return [n for code in world.weapons(level, unit) for n, group in enumerate(groups, start=1) if code in group]


def wh18(world: World, level: Level, unit: Row) -> list[int]:
    return [min([HIERARCHY.index(code) + 1 for code in world.weapons(level, unit) if code in HIERARCHY], default=18)]


def wh5(world: World, level: Level, unit: Row) -> list[int]:
    (gravest,) = wh18(world, level, unit)
    if gravest <= 5:
        return [1]
    return [2] if gravest <= 15 else [gravest - 13]


def firearm_types(world: World, level: Level, unit: Row) -> set[int]:
    types = {"12": 1, "13": 2, "14": 2, "11": 3, "15": 3}
    return {types[code] for code in world.weapons(level, unit) if code in types}


def single_gun3(world: World, level: Level, unit: Row) -> list[int]:
    types = firearm_types(world, level, unit)
    return list(types) if len(types) == 1 else []


def single_multi_firearm(world: World, level: Level, unit: Row) -> list[int]:
    types = firearm_types(world, level, unit)
    return [min(len(types), 2)] if types else []


def weapon_flag(*codes: str) -> Twin:
    return lambda world, level, unit: [1 for code in world.weapons(level, unit) if code in codes]


def place(code: str | None) -> str:
    return next((name for name, codes in PLACES.items() if code in codes), "other")


def location(categories: list[str]) -> Twin:
    """Category by name of the place; drug stores and hospitals, residences and hotels may stand apart."""

    def twin(world: World, level: Level, unit: Row) -> list[int]:
        found = []
        for offense in world.offenses(level, unit):
            code = offense["location_code"]
            names = [{"20": "home", "14": "hotel", "09": "hospital"}.get(code, "-"), place(code), "other"]
            found.append(categories.index(next(name for name in names if name in categories)) + 1)
        return found

    return twin


def residence(world: World, level: Level, unit: Row) -> list[int]:
    return [1 if offense["location_code"] == "20" else 2 for offense in world.offenses(level, unit)]


def cyberspace(world: World, level: Level, unit: Row) -> list[int]:
    return [1 for offense in world.offenses(level, unit) if offense["location_code"] == "58"]


def time_of_day(is_report: bool) -> Twin:
    def twin(world: World, level: Level, unit: Row) -> list[int]:
        if unit["is_report_date"] != is_report:
            return []
        hour = unit["incident_hour"]
        return [7 if hour is None else hour // 4 + 1]

    return twin


def vor5(world: World, level: Level, unit: Row) -> list[int]:
    return [max(number - 1, 1) for number in world.relationships(level, unit)]


def vor_hierarchy8(world: World, level: Level, unit: Row) -> list[int]:
    told = world.relationships("victim", unit)
    if told:
        return [min(told)]
    if unit["victim_type_code"] not in ("I", "L"):
        return []
    return [7 if any(offender["sequence_number"] == 0 for offender in world.offenders(unit)) else 8]


def vor_hierarchy_known6(world: World, level: Level, unit: Row) -> list[int]:
    return [number for number in vor_hierarchy8(world, level, unit) if number <= 6]


def pairs(world: World, victim: Row) -> Iterator[tuple[Row, Row]]:
    offenders = world.offenders(victim)
    if all(offender["sequence_number"] != 0 for offender in offenders):
        for offender in offenders:
            if offender["sequence_number"] is not None:
                yield victim, offender


def vo_age(world: World, level: Level, unit: Row) -> list[int]:
    found = []
    for victim, offender in pairs(world, unit):
        if victim["age_years"] is None or offender["age_years"] is None:
            found.append(5)
        else:
            of = (victim["age_years"] < 18, offender["age_years"] < 18)
            found.append({(True, True): 1, (True, False): 2, (False, False): 3, (False, True): 4}[of])
    return found


def vo_sex(world: World, level: Level, unit: Row) -> list[int]:
    numbers = {("M", "M"): 1, ("M", "F"): 2, ("F", "F"): 3, ("F", "M"): 4}
    return [numbers.get((v["sex_code"], o["sex_code"]), 5) for v, o in pairs(world, unit)]


def vo_race(world: World, level: Level, unit: Row) -> list[int]:
    found = []
    for victim, offender in pairs(world, unit):
        first, second = RACES.get(victim["race_code"]), RACES.get(offender["race_code"])
        if first is None or second is None:
            found.append(11)
        else:
            found.append(2 * first - 1 if first == second else 2 * first)
    return found


def injury_no_yes(world: World, level: Level, unit: Row) -> list[int]:
    injuries = [code for victim in world.victims(level, unit) for code in victim["injuries"]]
    return yes_if_any([1 if code == "N" else 2 for code in injuries])


def injury_hierarchy(*groups: str) -> Twin:
    def twin(world: World, level: Level, unit: Row) -> list[int]:
        if {"09A", "09B"} & {offense["offense_code"] for offense in world.offenses("victim", unit)}:
            return [1]
        for number, codes in enumerate(groups, start=2):
            if any(code in codes for code in unit["injuries"]):
                return [number]
        return []

    return twin


def murdered(world: World, level: Level, unit: Row) -> list[int]:
    return [1 if any(offense["offense_code"] == "09A" for offense in world.offenses("victim", unit)) else 2]


def victim_code(field: str, *groups: str) -> Twin:
    return lambda world, level, unit: [n for n, g in enumerate(groups, start=1) if unit[field] in g.split()]


def number_of(members: Callable[[World, Row], list[Row]], most: int) -> Twin:
    def twin(world: World, level: Level, unit: Row) -> list[int]:
        number = len(members(world, unit))
        return [min(number, most)] if number else []

    return twin


def persons(world: World, unit: Row) -> list[Row]:
    return [victim for victim in world.victims("incident", unit) if victim["victim_type_code"] in ("I", "L")]


def firearm_persons(world: World, unit: Row) -> list[Row]:
    return [victim for victim in persons(world, unit) if set(world.weapons("victim", victim)) & set(FIREARMS)]


def offender_number(most: int) -> Twin:
    def twin(world: World, level: Level, unit: Row) -> list[int]:
        sequence = [offender["sequence_number"] for offender in world.offenders(unit)]
        known = [number for number in sequence if number]
        if known:
            return [min(len(known), most)]
        return [most + 1] if 0 in sequence else []

    return twin


def gang(world: World, level: Level, unit: Row) -> list[int]:
    codes = [code for offense in world.offenses(level, unit) for code in offense["activities"] if code in "NJG"]
    return yes_if_any([1 if code == "N" else 2 for code in codes])


def property_loss(world: World, level: Level, unit: Row) -> list[int]:
    losses = [segment["loss_code"] for segment in world.all("property", incident_id=unit["incident_id"])]
    return [loss for loss in losses if loss is not None]


def property_seized5(world: World, level: Level, unit: Row) -> list[int]:
    seized = [s for s in world.all("property", incident_id=unit["incident_id"]) if s["loss_code"] == 6]
    order = ["10", "11", "45", "20", "13"]
    return [order.index(thing) + 1 for segment in seized for thing in segment["items"] if thing in order]


#: Kinds of property, but the last, which is all other codes.
KINDS = [
    "03 05 24 28 37", "38", "09 20 21 22", "25", "17", "06", "13", "07 23 26 27 74 75", "16", "02 08",
    "12 15 36 43 68 69", "19", "04", "29 30 31 32 33 34 35",
]  # fmt: skip


def property_kind(loss: int) -> Twin:
    def twin(world: World, level: Level, unit: Row) -> list[int]:
        lost = [s for s in world.all("property", incident_id=unit["incident_id"]) if s["loss_code"] == loss]
        of_code = {code: number for number, codes in enumerate(KINDS, start=1) for code in codes.split()}
        return [of_code.get(code, 15) for segment in lost for code in segment["items"]]

    return twin


def property_value(loss: int) -> Twin:
    def twin(world: World, level: Level, unit: Row) -> list[int]:
        lost = [s for s in world.all("property", incident_id=unit["incident_id"]) if s["loss_code"] == loss]
        values = [segment["value_usd"] for segment in lost for _item in segment["items"]]
        known = [value for value in values if value is not None and value != 1]
        if not values:
            return []
        if not known:
            return [7]
        lowest = [0, 50, 200, 1_000, 5_000, 20_000]
        return [max(number for number, low in enumerate(lowest, start=1) if sum(known) >= low)]

    return twin


def property_seized_any(world: World, level: Level, unit: Row) -> list[int]:
    segments = world.all("property", incident_id=unit["incident_id"])
    return [int(any(segment["loss_code"] == 6 for segment in segments))] if segments else []


def is_carjacking(world: World, level: Level, unit: Row) -> list[int]:
    robbed = any(
        victim["victim_type_code"] == "I"
        and any(
            o["offense_code"] == "120" and o["attempt_complete_code"] == "C" for o in world.offenses("victim", victim)
        )
        for victim in world.victims("incident", unit)
    )
    taken = any(
        segment["loss_code"] in (5, 7) and {"03", "05", "24", "28", "37"} & set(segment["items"])
        for segment in world.all("property", incident_id=unit["incident_id"])
    )
    return [1] if robbed and taken else []


def drug_equipment_class(world: World, level: Level, unit: Row) -> list[int]:
    completed = [o["offense_code"] for o in world.offenses("incident", unit) if o["attempt_complete_code"] == "C"]
    found = {code for code in completed if code in ("35A", "35B")}
    return [{"35A": 1, "35B": 2}[next(iter(found))] if len(found) == 1 else 3] if found else []


def activity_number(code: str) -> int | None:
    return "BCDEOPTU".index(code) + 1 if code in "BCDEOPTU" else None


def crim_activity(world: World, level: Level, unit: Row) -> list[int]:
    return [number for code in world.drug_activities(unit) if (number := activity_number(code))]


def drug9(world: World, level: Level, unit: Row) -> list[int]:
    return [n for drug in world.drugs(unit) for n, group in enumerate(DRUGS, start=1) if drug in group]


def drug72(world: World, level: Level, unit: Row) -> list[int]:
    activities = crim_activity(world, level, unit)
    return [8 * (drug - 1) + activity for drug in drug9(world, level, unit) for activity in activities]


def drug72_single(world: World, level: Level, unit: Row) -> list[int]:
    is_single = len(set(world.drugs(unit))) == 1 or len(set(world.drug_activities(unit))) == 1
    return drug72(world, level, unit) if is_single else []


def drug_flag(codes: str) -> Twin:
    return lambda world, level, unit: [1 for code in world.drug_activities(unit) if code in codes]


def has(codes: str) -> Twin:
    return lambda world, level, unit: [1] if set(world.drug_activities(unit)) & set(codes) else []


def juvenile_disposition(world: World, level: Level, unit: Row) -> list[int]:
    if unit["under_18_disposition_code"] is not None:
        return [{"H": 1, "R": 2}[unit["under_18_disposition_code"]]]
    return [3 if unit["age_years"] is not None and unit["age_years"] >= 18 else 4]


def armed_no_yes(world: World, level: Level, unit: Row) -> list[int]:
    return yes_if_any([1 if code == "01" else 2 for code in unit["weapons"]])


def armed3(world: World, level: Level, unit: Row) -> list[int]:
    codes = [code.rstrip("A") for code in unit["weapons"]]
    return [1 if code in FIREARMS else int(code) - 14 for code in codes if code in (*FIREARMS, "16", "17")]


def any_offender(holds: Callable[[Row], bool]) -> Twin:
    return lambda world, level, unit: [1] if any(holds(offender) for offender in world.offenders(unit)) else []


def is_age_missing(world: World, level: Level, unit: Row) -> list[int]:
    offenders = world.offenders(unit)
    if any(offender["sequence_number"] == 0 for offender in offenders):
        return []
    return [1] if any(o["sequence_number"] is not None and o["age_years"] is None for o in offenders) else []


def aged_12_or_unknown(world: World, level: Level, unit: Row) -> list[int]:
    of_12 = any(o["age_years"] is not None and o["age_years"] >= 12 for o in world.offenders(unit))
    is_unknown = any(o["sequence_number"] == 0 for o in world.offenders(unit))
    return [1] if of_12 or is_unknown or is_age_missing(world, level, unit) else []


LOC10 = [*PLACES, "other"]
TWINS: dict[str, Twin] = {
    "bias_yes_no3": bias_yes_no3,
    "bias6": bias6,
    "bias34": bias34,
    "weapon_no_yes": weapon_no_yes,
    "weapon6": weapon6,
    "weapon4": weapon4,
    "weapon_cat2": weapon_cat2,
    "weapon_subset_firearm": weapon_flag(*FIREARMS),
    "weapon_subset_knives": weapon_flag("20"),
    "wh18": wh18,
    "wh5": wh5,
    "single_gun3": single_gun3,
    "single_multi_firearm": single_multi_firearm,
    "loc10": location(LOC10),
    "loc11": location([*PLACES, "hospital", "other"]),
    "loc12": location(["home", "hotel", *list(PLACES)[1:], "hospital", "other"]),
    "residence": residence,
    "cyberspace": cyberspace,
    "month12": lambda world, level, unit: [unit["incident_date"].month],
    "tod_incident": time_of_day(is_report=False),
    "tod_report": time_of_day(is_report=True),
    "vor6": World.relationships,
    "vor5": vor5,
    "vor_hierarchy8": vor_hierarchy8,
    "vor_hierarchy_known6": vor_hierarchy_known6,
    "vo_age": vo_age,
    "vo_sex": vo_sex,
    "vo_race": vo_race,
    "injury_no_yes": injury_no_yes,
    "injury_hierarchy5": injury_hierarchy("OLIG", "UBT", "M", "N"),
    "injury_hierarchy6": injury_hierarchy("OG", "LI", "UBT", "M", "N"),
    "murdered": murdered,
    "leoka_activity": victim_code("activity_code", *(f"{number:02}" for number in range(1, 12))),
    "leoka_assignment": victim_code("assignment_code", "F", "G", "H", "I", "J", "K L"),
    "victim_officer": victim_code("victim_type_code", "L"),
    "victim_business": victim_code("victim_type_code", "B"),
    "victim_other_non_person": victim_code("victim_type_code", "F G R S O U"),
    "victim_count": number_of(lambda world, unit: world.victims("incident", unit), 2),
    "n_person_victims": number_of(persons, 4),
    "n_firearm_victims": number_of(firearm_persons, 4),
    "offense_count": number_of(lambda world, unit: world.offenses("incident", unit), 3),
    "offender_count": offender_number(2),
    "offender5": offender_number(4),
    "gang": gang,
    "property_loss": property_loss,
    "property_seized5": property_seized5,
    "property_seized_any": property_seized_any,
    "stolen_kind15": property_kind(7),
    "recovered_kind15": property_kind(5),
    "damaged_kind15": property_kind(4),
    "stolen_value7": property_value(7),
    "recovered_value7": property_value(5),
    "damaged_value7": property_value(4),
    "exceptional5": victim_code("cleared_exceptionally_code", *"ABCDE"),
    "drug_equipment_class": drug_equipment_class,
    "crim_activity_35A": crim_activity,
    "drug9": drug9,
    "drug72": drug72,
    "drug72_single": drug72_single,
    "drug_poss_personal": drug_flag("BCPU"),
    "drug_poss_traff": drug_flag("BCPUDOT"),
    "drug_traff_not_personal": drug_flag("DOT"),
    "has_possession_for_consumption": has("BCPU"),
    "has_possession_or_trafficking": has("BCPUDOT"),
    "has_trafficking_not_for_consumption": has("DOT"),
    "is_carjacking": is_carjacking,
    "is_completed": lambda world, level, unit: [1] if unit["attempt_complete_code"] == "C" else [],
    "arrest_type": victim_code("arrest_type_code", *"OST"),
    "multiple_arrest": lambda world, level, unit: (
        [] if unit["is_group_b"] else victim_code("multiple_code", *"MCN")(world, level, unit)
    ),
    "juvenile_disposition": juvenile_disposition,
    "armed_no_yes": armed_no_yes,
    "armed3": armed3,
    "any_offender_12_17": any_offender(lambda offender: offender["age_years"] in range(12, 18)),
    "any_offender_18plus": any_offender(lambda offender: (offender["age_years"] or 0) >= 18),
    "any_offender_age_missing": is_age_missing,
    "offender_12plus_or_unknown": aged_12_or_unknown,
    "unknown_offender_incident": any_offender(lambda offender: offender["sequence_number"] == 0),
}


def expected(world: World, variable: str, level: Level) -> dict[tuple[Any, ...], int]:
    """Records by key and category."""
    found: Counter[tuple[Any, ...]] = Counter()
    for unit in world.units(level):
        for category in TWINS[variable](world, level, unit):
            found[*(unit[column] for column in KEYS[level]), category] += 1
    return found


def test_every_variable_has_a_twin() -> None:
    assert set(TWINS) == {name for name, variable in derived_variables().items() if variable.kind == "derived"}


def check_against_twins(rows: Rows) -> dict[tuple[str, Level], set[int]]:
    """The categories that were met, by variable and level."""
    world, segments, met = World(rows), segments_of(rows), {}
    for variable, level in DECLARED:
        found = derive(variable, level, segments).collect()
        assert found.schema.names() == [*KEYS[level], "category", "n", "n_imputed"], variable
        assert found.schema["category"] == pl.Int8 and found.schema["n"] == pl.Int64, variable
        counted = {(*key, category): n for *key, category, n, _ in found.rows()}
        assert found.filter(~pl.col("n_imputed").is_between(0, pl.col("n"))).is_empty()
        assert len(counted) == found.height, variable
        assert counted == expected(world, variable, level), (variable, level)
        met[variable, level] = set(found["category"])
    return met


@settings(deadline=None, max_examples=40)
@given(worlds)
def test_variables_equal_their_twins(rows: Rows) -> None:
    check_against_twins(rows)


def test_every_code() -> None:
    met = check_against_twins(every_code())
    missed = {key: set(derived_variables()[key[0]].categories) - met[key] for key in DECLARED}
    assert {key: categories for key, categories in missed.items() if categories} == {}


@settings(deadline=None, max_examples=30)
@given(worlds)
def test_clearance_and_stolen_vehicles(rows: Rows) -> None:
    cleared = {incident["incident_id"]: 1 for incident in rows["incident"]}
    vehicles: dict[int, int] = {}
    for incident in rows["incident"]:
        if incident["cleared_exceptionally_code"] in ("A", "B", "C", "D", "E"):
            cleared[incident["incident_id"]] = 3
        if incident["arrestees"]:
            cleared[incident["incident_id"]] = 2
        told = [s["stolen_vehicles"] for s in incident["properties"] if s["stolen_vehicles"] is not None]
        if told:
            vehicles[incident["incident_id"]] = max(told)
    found = clearance(segments_of(rows)).collect()
    assert found.schema == {"incident_id": pl.Int64, "clearance": pl.Int8}
    assert dict(found.rows()) == cleared
    assert found.height == len(cleared)
    assert dict(multiplier("stolen_vehicle_count", segments_of(rows)).collect().rows()) == vehicles


def test_all_that_tables_ask_for_is_known() -> None:
    """Columns that are counted by offense ask for what is joined by victim of the incident."""
    variables = derived_variables()
    for table in table_definitions().values():
        by_offense = [column for column in table.columns if column.unit in ("offense", "offense_firearm")]
        for row in table.rows:
            if row.variable is None or row.join == "agency" or variables[row.variable].kind != "derived":
                continue
            levels = {LEVEL_OF_JOIN[str(row.join)]}
            if row.join == "victim" and any(row.row not in column.except_rows for column in by_offense):
                levels.add("incident")
            assert levels <= set(variables[row.variable].levels), (table.table, row.row)


def test_attributes_are_those_that_records_tell() -> None:
    assert set(RECORDS) == {name for name, attribute in ATTRIBUTES.items() if attribute.levels}
    assert set(DERIVATIONS) <= set(derived_variables())


@pytest.mark.parametrize(
    ("variable", "level", "message"),
    [
        ("weapon7", "incident", "There is no variable weapon7. Correct the table that names it"),
        ("age10", "victim", "age10 is of kind person"),
        ("vo_age", "incident", "vo_age does not exist for incidents, only for victims. Correct `join` or `unit`"),
        ("loc10", "arrestee", "does not exist for arrestees, only for incidents and offenses and victims"),
    ],
)
def test_what_cannot_be_derived_is_refused(variable: str, level: Level, message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        derive(variable, level, segments_of({}))


def test_unknown_multiplier() -> None:
    with pytest.raises(PipelineError, match="There is no multiplier cows"):
        multiplier("cows", segments_of({}))


def test_nothing_comes_of_no_incidents() -> None:
    for variable, level in DECLARED:
        assert derive(variable, level, segments_of({})).collect().is_empty()
