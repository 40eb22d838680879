"""The engine of counting against a slow twin: every table straight from its definition, in loops over units.

Categories of derived variables are those of `derive`, which has twins of its own (test_attributes.py); all else, from
membership in columns to copied months, is written here from the reference's description (handbook 10; handbook 04).
"""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.support.frames import table
from tests.support.incidents import Rows, rows_of, segments_of, worlds_of
from tests.support.person_categories import RACE_OF, WITHIN, groups
from tests.support.person_categories import TWINS as PERSON_TWINS

from nibrs_estimation.model.counts import DATASETS
from nibrs_estimation.model.items import IMPUTED
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.counting.attributes import clearance, derive, multiplier
from nibrs_estimation.stages.counting.count import count_units
from nibrs_estimation.survey.cells import Counts
from nibrs_estimation.tables import read
from nibrs_estimation.tables.atoms import atoms_of_series, atoms_of_variable
from nibrs_estimation.tables.definition import Condition, TableColumn, TableDefinition, TableRow
from nibrs_estimation.tables.matrices.profiles import CountedProfiles
from nibrs_estimation.tables.read import read_tables, table_definitions
from nibrs_estimation.tables.series import demographic_series
from nibrs_estimation.tables.variables import derived_variables

Row = dict[str, Any]
Cells = Counter[tuple[int, int, int]]
"""Counts by agency, row and column; what is not there is 0."""
YEAR = 2024
FIREARMS = {f"{tens}{ones}" for tens in (1, 2) for ones in range(1, 6)}
#: Categories of clearance that the incident's clearance (1 not, 2 by arrest, 3 exceptional) has.
CLEARANCE = {
    "clearance3": {1: 1, 2: 2, 3: 3},
    "cleared_by_arrest": {1: 1, 2: 2, 3: 1},
    "cleared_incident": {1: 2, 2: 1, 3: 1},
}
#: Respondents; agency 4 gives months, but is not one of them.
AGENCIES = [1, 2, 3]


@dataclass(frozen=True)
class Unit:
    """What is counted, with the offenses that put it into columns."""

    keys: Mapping[str, Any]
    offenses: list[Row]
    agency: int | None
    day: date
    person: Row | None = None

    @property
    def incident(self) -> int | None:
        return self.keys.get("incident")

    @property
    def name(self) -> tuple[Any, ...]:
        return tuple(sorted(self.keys.items()))


class World:
    """Incidents whose records can be asked for, and the categories that they have."""

    def __init__(self, rows: Rows, mode: str) -> None:
        self.rows, self.mode, self._segments = rows, mode, segments_of(rows)
        self._told: dict[tuple[str, str], dict[Any, dict[int, int]]] = {}
        self.imputed: dict[tuple[str, str, Any, int], int] = {}
        self._units: dict[str, list[Unit]] = {}
        self.clearance = dict(clearance(self._segments).collect().rows())
        self.vehicles = dict(multiplier("stolen_vehicle_count", self._segments).collect().rows())

    def told(self, variable: str, level: str, key: Any) -> dict[int, int]:
        """Category -> number of records of the unit with that key."""
        if (variable, level) not in self._told:
            found: dict[Any, dict[int, int]] = defaultdict(dict)
            rows = derive(variable, level, self._segments).collect().rows()  # type: ignore[arg-type]
            for *parts, category, n, n_imputed in rows:
                name = tuple(parts) if len(parts) > 1 else parts[0]
                found[name][category] = n
                self.imputed[variable, level, name, category] = n_imputed
            self._told[variable, level] = found
        return self._told[variable, level].get(key, {})

    def units(self, kind: str) -> list[Unit]:
        if kind not in self._units:
            self._units[kind] = list(self._made(kind.removesuffix("_firearm"), kind.endswith("_firearm")))
        return self._units[kind]

    def _made(self, kind: str, firearm: bool) -> Iterator[Unit]:
        if kind == "arrestee_by_arrest_code":
            for arrestee in self.rows["arrestee"]:
                yield from self._of_arrest(arrestee)
        for incident in self.rows["incident"]:
            if incident["data_year"] != YEAR:
                continue
            key, agency, day = incident["incident_id"], incident["agency_id"], incident["incident_date"]
            offenses = [
                offense for offense in self.rows["offense"]
                if offense["incident_id"] == key
                and (not firearm or any(code.rstrip("A") in FIREARMS for code in offense["weapons"]))
            ]  # fmt: skip
            if kind == "incident":
                yield Unit({"incident": key}, offenses, agency, day)
            elif kind == "offense":
                for offense in offenses:
                    yield Unit({"incident": key, "offense": offense["offense_id"]}, [offense], agency, day)
            elif kind == "arrestee":
                for arrestee in self.rows["arrestee"]:
                    if arrestee["incident_id"] == key:
                        keys = {"incident": key, "arrestee": (False, arrestee["arrestee_id"])}
                        yield Unit(keys, offenses, agency, day, arrestee)
            else:
                yield from self._of_victims(kind, incident, offenses)

    def _of_victims(self, kind: str, incident: Row, offenses: list[Row]) -> Iterator[Unit]:
        key, agency, day = incident["incident_id"], incident["agency_id"], incident["incident_date"]
        for victim in self.rows["victim"]:
            if victim["incident_id"] != key:
                continue
            number, type_code = victim["victim_id"], victim["victim_type_code"]
            links = [link["offense_id"] for link in self.rows["victim_offense"] if link["victim_id"] == number]
            suffered = [offense for offense in offenses if offense["offense_id"] in links]
            if kind == "victim_offense":
                for offense in suffered:
                    keys = {"incident": key, "offense": offense["offense_id"], "victim": number}
                    yield Unit(keys, [offense], agency, day)
            wanted = {
                "person_victim": type_code in ("I", "L"),
                "officer_victim": type_code == "L",
                # A victim whose type is not told is none of them.
                "non_person_victim": type_code not in ("I", "L", None),
            }
            if wanted.get(kind):
                person = victim if kind == "person_victim" else None
                yield Unit({"incident": key, "victim": number}, suffered, agency, day, person)

    def _of_arrest(self, arrestee: Row) -> Iterator[Unit]:
        """The arrest's own code; a Group B arrest has no incident, and perhaps no agency."""
        codes = [{"offense_code": arrestee["offense_code"], "offense_id": None}]
        keys = {"arrestee": (arrestee["is_group_b"], arrestee["arrestee_id"])}
        if arrestee["is_group_b"]:
            if arrestee["arrest_date"].year == YEAR:
                yield Unit(keys, codes, arrestee["agency_id"], arrestee["arrest_date"], arrestee)
            return
        (incident,) = [row for row in self.rows["incident"] if row["incident_id"] == arrestee["incident_id"]]
        if incident["data_year"] == YEAR:
            keys["incident"] = incident["incident_id"]
            yield Unit(keys, codes, incident["agency_id"], incident["incident_date"], arrestee)


def categories(world: World, unit: Unit, variable: str, level: str) -> dict[int, int]:
    """How often a unit has each category of a variable."""
    kind = derived_variables()[variable].kind
    if kind == "clearance":
        cleared = world.clearance.get(unit.incident)
        return {} if cleared is None else {CLEARANCE[variable][cleared]: 1}
    if kind == "person":
        assert unit.person is not None
        parts = (unit.person[name] for name in ("age_years", "sex_code", "race_code", "ethnicity_code"))
        return dict.fromkeys(PERSON_TWINS[variable](*parts), 1)
    found = world.told(variable, level, unit.keys.get(level))
    return found if world.mode == "records" else dict.fromkeys(found, 1)


def meets(world: World, unit: Unit, condition: Condition) -> bool:
    """Whether a unit meets a condition, which is told by the finest of its records that know of it."""
    variable, wanted = condition
    levels = [level for level in ("arrestee", "victim", "offense", "incident") if level in unit.keys]
    known = [level for level in levels if level in derived_variables()[variable].levels]
    return bool(set(wanted) & categories(world, unit, variable, known[0] if known else "").keys())


def holds(world: World, flag: str | None, offense: Row, unit: Unit) -> bool:
    if flag is None:
        return True
    if "offense" in derived_variables()[flag].levels:
        return 1 in world.told(flag, "offense", offense["offense_id"])
    return 1 in world.told(flag, "incident", unit.incident)


def level_of(row: TableRow, unit: Unit) -> str:
    """The records from which a row takes its variable; robberies by offense take those of the incident for victims'."""
    level = {"incident_offense": "offense", "victim_offense": "offense"}.get(str(row.join), str(row.join))
    return "incident" if level == "victim" and "victim" not in unit.keys else level


def in_group(unit: Unit, series: int | None) -> bool:
    if series is None:
        return True
    assert unit.person is not None
    age, sex, race, ethnicity = groups()[series]
    return (
        (age is None or unit.person["age_years"] in WITHIN[age])
        and (sex is None or unit.person["sex_code"] == sex)
        and (race is None or RACE_OF.get(unit.person["race_code"]) in race.split())
        and (ethnicity is None or unit.person["ethnicity_code"] == ethnicity)
    )


@dataclass(frozen=True)
class Source:
    """Units that a column counts in a row, by which of their offenses."""

    kind: str
    column: TableColumn
    codes: tuple[str, ...]


def sources(definition: TableDefinition, row: TableRow, column: TableColumn) -> list[Source]:
    """A column that another is added to is counted without its codes."""
    codes, added = column.offenses, []
    if column.plus is not None:
        (other,) = [other for other in definition.columns if other.name == column.plus]
        codes = tuple(code for code in codes if code not in other.offenses)
        added = sources(definition, row, other)
    kind = definition.unit if row.row in column.except_rows else column.unit
    return [Source(kind, column, codes), *added]


def offenses_of(world: World, source: Source, unit: Unit) -> list[Row]:
    return [
        offense for offense in unit.offenses
        if offense["offense_code"] in source.codes and holds(world, source.column.where, offense, unit)
    ]  # fmt: skip


def belongs(world: World, definition: TableDefinition, source: Source, unit: Unit) -> bool:
    if source.column.category is not None:
        return source.column.category in world.told(str(definition.column_variable), "incident", unit.incident)
    return bool(offenses_of(world, source, unit))


def value(world: World, row: TableRow, source: Source, unit: Unit, agency_category: Mapping[str, int]) -> int:
    """How often a unit of the column counts in the row."""
    if row.variable is None:
        return 1
    variable = derived_variables()[row.variable]
    if variable.kind == "agency":
        return int(agency_category[variable.name] == row.category)
    if variable.kind == "within_column":
        keys = [offense["offense_id"] for offense in offenses_of(world, source, unit)]
        smallest = min((c for key in keys for c in world.told(str(variable.smallest_of), "offense", key)), default=0)
        return int(smallest == row.category)
    return categories(world, unit, variable.name, level_of(row, unit)).get(row.category or 0, 0)


@cache
def deciding_items(person_conditions: tuple[Condition, ...], series: int | None) -> frozenset[str]:
    """The items of a person on which it depends whether the conditions are met, by changing one at a time."""
    meeting = np.ones(594, dtype=bool) if series is None else atoms_of_series(SERIES[series])
    for variable, wanted in person_conditions:
        meeting = meeting & atoms_of_variable(variable)[:, [category - 1 for category in wanted]].any(axis=1)
    places = [np.unravel_index(atom, (11, 3, 6, 3)) for atom in range(594)]
    found = set()
    for number, item in enumerate(("age", "sex", "race", "ethnicity")):
        answers = defaultdict(set)
        for atom, place in enumerate(places):
            answers[place[:number] + place[number + 1 :]].add(bool(meeting[atom]))
        if any(len(answer) > 1 for answer in answers.values()):
            found.add(item)
    return frozenset(found)


def imputed_value(
    world: World, definition: TableDefinition, row: TableRow, unit: Unit, n: int, series: int | None
) -> int:
    """How many of the n times that a unit counts in the row it does so only by an imputed item."""
    kinds = {name: variable.kind for name, variable in derived_variables().items()}
    own = () if row.variable is None else ((row.variable, (row.category or 0,)),)
    of_person = tuple(c for c in (*definition.where, *row.where, *own) if kinds[c[0]] == "person")
    items = deciding_items(of_person, series) if unit.person is not None else frozenset()
    if any(unit.person is not None and unit.person.get(f"{item}_flag") == IMPUTED for item in items):
        return n
    if row.variable is None or kinds[row.variable] != "derived":
        return 0
    level = level_of(row, unit)
    key = (row.variable, level, unit.keys.get(level), row.category or 0)
    n_imputed = world.imputed.get(key, 0)
    if world.mode == "records":
        return n_imputed
    return int(n_imputed == world.told(row.variable, level, unit.keys.get(level)).get(row.category or 0))


@dataclass(frozen=True)
class Months:
    """Whose months count for whom.

    Attributes:
        donors: (recipient, month) -> agency whose month is copied.
        removed: (agency, month) -> first day that counts, or None.
        categories: category of each agency, by variable.
    """

    donors: Mapping[tuple[int, int], int]
    removed: Mapping[tuple[int, int], date | None]
    categories: Mapping[int, Mapping[str, int]]

    def counting(self, unit: Unit) -> list[int]:
        """The agencies that count a unit: its own, unless the month is replaced, and those that copy the month."""
        month = unit.day.month
        own = unit.agency in AGENCIES
        if (unit.agency, month) in self.donors:
            own = False
        elif (unit.agency, month) in self.removed:
            kept_from = self.removed[unit.agency, month]  # type: ignore[index]
            own = own and kept_from is not None and unit.day >= kept_from
        copies = [who for (who, of), donor in self.donors.items() if (donor, of) == (unit.agency, month)]
        return [*([unit.agency] if own else []), *(who for who in copies if who in AGENCIES)]  # type: ignore[list-item]

    def references(self) -> pl.LazyFrame:
        return table(
            "block_reference",
            *({"agency_id": who, "month": month, "donor_agency_id": donor, "scale": 1.0}
              for (who, month), donor in self.donors.items()),
        )  # fmt: skip

    def removals(self) -> pl.LazyFrame:
        rows = [{"agency_id": who, "month": month, "reason": "missing"} for who, month in self.donors]
        rows += [
            {"agency_id": who, "month": month, "kept_from": day, "reason": "before_start"}
            for (who, month), day in self.removed.items() if (who, month) not in self.donors
        ]  # fmt: skip
        return table("removed_month", *rows)


VARIABLES = {"population_group": 5, "agency_type": 7, "msa": 4}
months_of = st.builds(
    Months,
    st.dictionaries(st.tuples(st.integers(1, 3), st.integers(1, 3)), st.integers(1, 4), max_size=5).map(
        lambda found: {(who, month): donor for (who, month), donor in found.items() if who != donor}
    ),
    st.dictionaries(
        st.tuples(st.integers(1, 4), st.integers(1, 3)), st.sampled_from([None, date(YEAR, 1, 20)]), max_size=3
    ),
    st.fixed_dictionaries(
        {
            agency: st.fixed_dictionaries({name: st.integers(0, most) for name, most in VARIABLES.items()})
            for agency in AGENCIES
        }
    ),
)


def twin(
    definition: TableDefinition, world: World, months: Months, series: int | None = None, *, of_imputed: bool = False
) -> Cells:
    """The counts of the agencies, copied months included; of all units, or of those that an imputed item put there."""
    cells: Cells = Counter()
    held: dict[Source, list[tuple[Unit, int]]] = {}

    def members(source: Source) -> list[tuple[Unit, int]]:
        """Units of the column and of the group with the agencies that count them."""
        if source not in held:
            held[source] = [
                (unit, agency)
                for unit in world.units(source.kind)
                if in_group(unit, series) and belongs(world, definition, source, unit)
                for agency in months.counting(unit)
            ]
        return held[source]

    for row in definition.rows:
        if row.kind == "rate" or row.is_dropped:
            continue
        for column in definition.columns:
            counted = [
                (source, unit, agency)
                for other in columns_counted(definition, row, column)
                for source in sources(definition, row, other)
                for unit, agency in members(source)
                if all(meets(world, unit, condition) for condition in (*definition.where, *row.where))
            ]
            if row.kind in ("total_any_column", "total_same_group"):
                once = {(unit.name, agency): (source, unit, agency) for source, unit, agency in counted}
                counted = list(once.values())
            if row.variable == "n_victims_of_column":
                if of_imputed:
                    continue
                victims = Counter((agency, unit.incident) for _source, unit, agency in counted)
                for (agency, _incident), n in victims.items():
                    cells[agency, row.row, column.position] += int(min(n, 4) == row.category)
                continue
            for source, unit, agency in counted:
                times = max(world.vehicles.get(unit.incident, 1), 1) if source.column.multiplier else 1
                n = value(world, row, source, unit, months.categories[agency])
                if of_imputed and n:
                    n = imputed_value(world, definition, row, unit, n, series)
                cells[agency, row.row, column.position] += n * times
    return Counter({cell: n for cell, n in cells.items() if n})


def twin_in_both(
    definition: TableDefinition, world: World, months: Months, row: TableRow, pair: tuple[TableColumn, TableColumn]
) -> Counter[int]:
    """Units of each agency that are in both of two columns, in a row; both columns have one summand of a unit."""
    (one,), (other,) = (sources(definition, row, column) for column in pair)
    found: Counter[int] = Counter()
    for unit in world.units(one.kind):
        is_in_both = all(belongs(world, definition, source, unit) for source in (one, other))
        if is_in_both and all(meets(world, unit, condition) for condition in (*definition.where, *row.where)):
            times = max(world.vehicles.get(unit.incident, 1), 1) if one.column.multiplier else 1
            for agency in months.counting(unit):
                found[agency] += times * value(world, row, one, unit, months.categories[agency])
    return found


def columns_counted(definition: TableDefinition, row: TableRow, column: TableColumn) -> Sequence[TableColumn]:
    if row.kind == "total_any_column":
        return definition.columns
    if row.kind == "total_same_group":
        return [other for other in definition.columns if other.group == column.group]
    return [column]


class Engine:
    """Matrices that the program makes of the same rows."""

    def __init__(self, rows: Rows, months: Months, mode: str, agencies: Sequence[int] = AGENCIES) -> None:
        segments = segments_of(rows)
        given = [getattr(segments, field.name) for field in fields(segments)]
        others: tuple[Any, ...] = (months.references(), months.removals(), YEAR, mode, "VT")
        made = count_units(*given, *others)
        frames = {dataset.name: checked(made[dataset.name], dataset).lazy() for dataset in DATASETS}
        self.agencies = agencies
        self._counts = Counts(
            pl.Series(agencies, dtype=pl.Int32),
            CountedProfiles(**frames),
            months.references(),
            {name: np.array([months.categories[a][name] for a in agencies], dtype=np.int8) for name in VARIABLES},
        )

    def in_both(
        self, definition: TableDefinition, row: TableRow, pair: tuple[TableColumn, TableColumn]
    ) -> Counter[int]:
        """Units of each agency that are in both of two columns."""
        counts = self._counts.in_both(definition, row.row, pair[0].position, pair[1].position)
        return Counter({agency: int(n) for agency, n in zip(self.agencies, counts, strict=True) if n})

    def cells(self, definition: TableDefinition, *series: int | None, of: str = "completed") -> list[Cells]:
        """Cells of all persons (None) and of groups: completed, or imputed."""
        matrices = self._counts.of_table(definition)
        C = len(definition.columns)
        found = []
        for number in series:
            made = matrices.of(None if number is None else atoms_of_series(SERIES[number]))
            matrix = getattr(made, of).tocoo()
            cells: Cells = Counter()
            for place, cell, n in zip(matrix.row, matrix.col, matrix.data, strict=True):
                assert n > 0
                cells[self.agencies[place], cell // C + 1, cell % C + 1] = n
            assert len(cells) == matrix.nnz
            found.append(cells)
        return found


SERIES = {series.number: series for series in demographic_series()}
#: Groups by sex; age; ethnicity and race; all of them.
GROUPS = (11, 18, 147, 229)


def person(age: int | None, sex: str, race: str = "W", ethnicity: str = "N") -> Row:
    return {"age_years": age, "sex_code": sex, "race_code": race, "ethnicity_code": ethnicity}


def offense(*weapons: str, activities: str = "", location: str = "20", biases: Sequence[str] = ("88",)) -> Row:
    return {
        "attempt_complete_code": "C", "location_code": location, "biases": list(biases), "weapons": list(weapons),
        "activities": [*activities],
    }  # fmt: skip


def victim(type_code: str, *suffered: int, who: Row | None = None, injuries: str = "", relation: str = "") -> Row:
    return {
        **(who or person(None, "U")), "victim_type_code": type_code, "suffered": list(suffered),
        "injuries": [*injuries], "relationships": [relation] if relation else [],
        "activity_code": "01" if type_code == "L" else None, "assignment_code": "F" if type_code == "L" else None,
    }  # fmt: skip


def arrestee(code: str, day: date, *weapons: str, who: Row, agency: int | None = None) -> Row:
    return {
        **who, "offense_code": code, "arrest_date": day, "agency_id": agency, "weapons": list(weapons),
        "arrest_type_code": "O", "multiple_code": "N", "under_18_disposition_code": None,
    }  # fmt: skip


def busy(agency: int, day: date) -> Row:
    """An incident that every table counts but those of non-persons' victims and Group B."""
    return {
        "agency_id": agency, "incident_date": day, "is_report_date": False, "incident_hour": 13,
        "cleared_exceptionally_code": None,
        "offenses": {
            "120": offense("12", "20", activities="N"),
            "09A": offense("13A", activities="J", location="13", biases=["12", "21"]),
            "35A": offense(activities="PD"),
        },
        "victims": [
            victim("I", 0, 1, who=person(14, "F", "B", "H"), injuries="G", relation="ST"),
            *[victim("I", 0, who=person(40, "M"), injuries="N", relation="BG")] * 2,
            victim("B", 0), victim("S", 2),
        ],
        "offenders": [{**person(17, "M"), "sequence_number": 1}, {**person(None, "U"), "sequence_number": 2}],
        "properties": [
            {"loss_code": 7, "stolen_vehicles": 2, "items": ["03"], "value_usd": 9_000, "drugs": []},
            {"loss_code": 6, "stolen_vehicles": None, "items": ["10"], "value_usd": None, "drugs": ["A"]},
        ],
        "arrestees": [
            arrestee("120", day, "12", who=person(17, "M", "A")), arrestee("35A", day, "01", who=person(30, "F")),
        ],
    }  # fmt: skip


def quiet(agency: int, day: date, vehicles: int = 3) -> Row:
    """Stolen vehicles and an assaulted officer, cleared by nobody."""
    return {
        "agency_id": agency, "incident_date": day, "is_report_date": True, "incident_hour": None,
        "cleared_exceptionally_code": None,
        "offenses": {"240": offense(location="18"), "13A": offense("40"), "35B": offense()},
        "victims": [
            victim("L", 1, who=person(33, "M"), injuries="M"), victim("I", 0, 1, who=person(11, "F", "P")),
            victim("G", 0),
        ],
        "offenders": [{**person(None, "U"), "sequence_number": 0}],
        "properties": [
            {"loss_code": 7, "stolen_vehicles": vehicles, "items": ["03", "20"], "value_usd": 1, "drugs": []},
        ],
        "arrestees": [],
    }  # fmt: skip


JANUARY, BEGIN, MARCH, MAY = date(YEAR, 1, 10), date(YEAR, 1, 15), date(YEAR, 3, 10), date(YEAR, 5, 5)
LAST_YEAR = date(YEAR - 1, 3, 10)
WORKED = rows_of(
    [
        busy(1, MARCH), quiet(1, MARCH), quiet(1, MAY), busy(2, MARCH), busy(3, JANUARY), quiet(3, MARCH),
        quiet(3, BEGIN, vehicles=0), busy(4, MARCH), quiet(4, MARCH), busy(2, LAST_YEAR),
    ],
    [
        arrestee("90D", MARCH, who=person(50, "M"), agency=4), arrestee("90D", MARCH, who=person(51, "F")),
        arrestee("90D", LAST_YEAR, who=person(50, "M"), agency=4),
    ],
)  # fmt: skip
#: March of agency 4 is copied by 1 and 2, whose own does not count; agency 3 began in the middle of January.
COPIED = Months(
    {(1, 3): 4, (2, 3): 4},
    {(3, 1): BEGIN},
    {
        1: {"population_group": 2, "agency_type": 1, "msa": 1},
        2: {"population_group": 3, "agency_type": 2, "msa": 4},
        3: {"population_group": 4, "agency_type": 0, "msa": 2},
    },
)


@pytest.mark.parametrize("mode", ["indicator", "records"])
def test_worked_months_in_every_table(mode: str) -> None:
    """All tables have something here, so that equality says something of each."""
    world, engine = World(WORKED, mode), Engine(WORKED, COPIED, mode)
    for definition in table_definitions().values():
        (found,) = engine.cells(definition, None)
        assert found == twin(definition, world, COPIED), definition.table
        (imputed,) = engine.cells(definition, None, of="imputed")
        assert imputed == twin(definition, world, COPIED, of_imputed=True), definition.table
        assert found.total() > 0, definition.table


@pytest.mark.parametrize("name", ["1a", "2a", "3a", "3c", "4a", "5a"])
def test_units_in_both_of_two_columns(name: str) -> None:
    """Of all rows that count units of their own columns, whatever the variable; others are said to be unknown: 0."""
    world, engine, definition = (
        World(WORKED, "indicator"),
        Engine(WORKED, COPIED, "indicator"),
        table_definitions()[name],
    )
    kinds = {variable.name: variable.kind for variable in derived_variables().values()}
    pairs = [
        pair
        for pair in combinations(definition.columns[:9], 2)
        if [column.plus for column in pair] == [None, None] and len({(c.unit, c.multiplier) for c in pair}) == 1
    ]
    for row in [row for row in definition.rows if row.kind in ("total", "category") and not row.is_dropped][:40]:
        is_known = row.variable is None or kinds[row.variable] not in ("within_column", "victims_of_column", "agency")
        for pair in pairs:
            if not any(row.row in column.except_rows for column in pair):
                expected = twin_in_both(definition, world, COPIED, row, pair) if is_known else Counter()
                assert engine.in_both(definition, row, pair) == +expected, (row.label, pair[0].name, pair[1].name)


def test_units_in_both_by_hand() -> None:
    """Every murder is a violent crime; months of donors count for those who copy them."""
    engine, definition = Engine(WORKED, COPIED, "indicator"), table_definitions()["1a"]
    columns = {column.name: column for column in definition.columns}
    total = definition.rows[0]
    assert engine.in_both(definition, total, (columns["murder"], columns["violent_crime"])) == {1: 1, 2: 1}
    assert engine.in_both(definition, total, (columns["murder"], columns["kidnapping"])) == Counter()


def cell(found: Cells, agency: int, row: int, column: str, name: str) -> float:
    (position,) = [c.position for c in table_definitions()[name].columns if c.name == column]
    return found[agency, row, position]


def test_copied_months_by_hand() -> None:
    """Recipients count the donor's month once each, as theirs; own months that are replaced do not count."""
    engine = Engine(WORKED, COPIED, "indicator")
    (incidents,) = engine.cells(table_definitions()["1a"], None)
    # 1 has its own May and the donor's March; 2 the donor's March; 3 its own March and January from its beginning on.
    assert [cell(incidents, a, 1, "murder", "1a") for a in AGENCIES] == [1, 1, 0]
    assert [cell(incidents, a, 1, "aggravated_assault", "1a") for a in AGENCIES] == [2, 1, 2]
    # Rows by attributes of the agency are those of the recipient.
    by_size = [[cell(incidents, a, row, "murder", "1a") for row in range(51, 56)] for a in AGENCIES]
    assert by_size == [[0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]]
    assert [cell(incidents, a, 80, "murder", "1a") for a in AGENCIES] == [1, 0, 0]
    (arrests,) = engine.cells(table_definitions()["5a"], None)
    assert [cell(arrests, a, 1, "dui", "5a") for a in AGENCIES] == [1, 1, 0]
    # Three stolen vehicles are three thefts (handbook 10), none are one, also among all crimes against property.
    (property_crimes,) = engine.cells(table_definitions()["2b"], None)
    assert [cell(property_crimes, a, 1, "vehicle_theft", "2b") for a in AGENCIES] == [6, 3, 4]
    assert [cell(property_crimes, a, 1, "against_property", "2b") for a in AGENCIES] == [7, 4, 4]


def test_bias_by_hand() -> None:
    """An incident has a bias if any of its offenses has one: its murder has two, its robbery none (handbook 10)."""
    (found,) = Engine(WORKED, COPIED, "indicator").cells(table_definitions()["BM1"], None)
    for column in ("group_a", "murder", "robbery"):
        # Yes, unknown, no; by race, by religion; against Black or African American, against Jewish.
        assert [cell(found, 1, row, column, "BM1") for row in (3, 4, 5, 6, 7, 13, 21)] == (
            [1, 0, 2, 1, 1, 1, 1] if column == "group_a" else [1, 0, 0, 1, 1, 1, 1]
        )
    assert [cell(found, 1, row, "aggravated_assault", "BM1") for row in (3, 4, 5)] == [0, 0, 2]
    # The places of all three offenses of the incident: two at residences, one on a street.
    assert [cell(found, 1, row, "murder", "BM1") for row in (46, 47, 48)] == [1, 1, 0]


def test_months_by_hand() -> None:
    """A month that is copied is the same month of the recipient, which counts the donor's incidents in it."""
    (found,) = Engine(WORKED, COPIED, "indicator").cells(table_definitions()["IM1"], None)
    months = {a: [cell(found, a, row, "group_a", "IM1") for row in range(3, 15)] for a in AGENCIES}
    assert months == {
        1: [0, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0],
        2: [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        3: [1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    }


def test_group_b_arrests_by_hand() -> None:
    """Agencies 1 and 2 copy the donor's arrest of a man of 50; an arrest without agency is of none of them."""
    (found,) = Engine(WORKED, COPIED, "indicator").cells(table_definitions()["GB1"], None)
    # All; 35 to 64 years; male, female; men of 35 to 64, women of 35 to 64.
    by_agency = [[cell(found, a, row, "dui", "GB1") for row in (1, 13, 16, 17, 45, 55)] for a in AGENCIES]
    assert by_agency == [[1, 1, 1, 0, 1, 0], [1, 1, 1, 0, 1, 0], [0, 0, 0, 0, 0, 0]]
    # Arrests for offenses of Group A are not in this table.
    assert cell(found, 1, 1, "group_b", "GB1") == 1


def test_property_by_hand() -> None:
    """A car worth $9,000 and seized drugs; cars and money whose values are not known."""
    (found,) = Engine(WORKED, COPIED, "indicator").cells(table_definitions()["PL1"], None)
    # All, seized, stolen; vehicles, money; $5,000 to 19,999, unknown value.
    rows = (1, 8, 9, 11, 13, 30, 32)
    assert [cell(found, 2, row, "robbery", "PL1") for row in rows] == [1, 1, 1, 1, 0, 1, 0]
    assert [cell(found, 1, row, "vehicle_theft", "PL1") for row in rows] == [2, 0, 2, 2, 2, 0, 2]


def test_victims_of_the_column_by_incident() -> None:
    """Three persons were robbed, two of them alike, and one killed; of women there is one of each."""
    engine = Engine(WORKED, COPIED, "indicator")
    everybody, women = engine.cells(table_definitions()["3a"], None, 11)
    assert [cell(everybody, 2, row, "robbery", "3a") for row in range(154, 158)] == [0, 0, 1, 0]
    assert [cell(everybody, 2, row, "murder", "3a") for row in range(154, 158)] == [1, 0, 0, 0]
    assert [cell(women, 2, row, "robbery", "3a") for row in range(154, 158)] == [1, 0, 0, 0]


BY_SEX = """
table: X1
title: Incidents by their victims of a sex
unit: person_victim
universe: Victims
counts: Victims.
columns: [robbery, murder]
n_rows: 7
blocks:
  - {start: 1, section: 1, label: All, kind: total}
  - {start: 2, section: 2, set: N4, prefix: 'Men: ', variable: n_victims_of_column, join: incident,
     unit: incident, where: {sex3: [1]}}
  - {start: 6, section: 3, labels: ['1', '2'], prefix: 'Women: ', variable: n_victims_of_column, join: incident,
     unit: incident, where: {sex3: [2]}}
"""


def test_victims_by_incident_in_several_blocks(tmp_path: Path) -> None:
    """Each block counts under its own conditions; one without 3 and 4+ does not count those as 2."""
    for path in Path(read.__file__).parent.glob("definitions/_*.yaml"):
        shutil.copy(path, tmp_path)
    (tmp_path / "X1.yaml").write_text(BY_SEX, encoding="utf-8")
    definition = read_tables(tmp_path)["X1"]
    (found,) = Engine(WORKED, COPIED, "indicator").cells(definition, None)
    assert found == twin(definition, World(WORKED, "indicator"), COPIED)
    assert [found[2, row, 1] for row in range(1, 8)] == [3, 0, 1, 0, 0, 1, 0]
    crowd = rows_of([{**busy(1, MAY), "victims": [victim("I", 0, who=person(age, "F")) for age in (20, 30, 40)]}], [])
    (found,) = Engine(crowd, COPIED, "indicator").cells(definition, None)
    assert [found[1, row, 1] for row in range(1, 8)] == [3, 0, 0, 0, 0, 0, 0]


def test_records_count_each_record() -> None:
    """One incident has a handgun and a knife in its robbery, and a rifle in its murder (handbook 10)."""
    murders = {}
    for mode in ("indicator", "records"):
        (found,) = Engine(WORKED, COPIED, mode).cells(table_definitions()["1a"], None)
        murders[mode] = [cell(found, 2, row, "murder", "1a") for row in range(5, 11)]
    assert murders == {"indicator": [0, 1, 1, 0, 0, 0], "records": [0, 2, 1, 0, 0, 0]}


def test_agencies_without_any_unit() -> None:
    nobody = Engine(WORKED, Months({}, {}, {9: dict.fromkeys(VARIABLES, 1)}), "indicator", [9])
    for definition in table_definitions().values():
        assert nobody.cells(definition, None) == [Counter()]
    nothing = Engine(rows_of([], []), COPIED, "indicator")
    for definition in table_definitions().values():
        assert nothing.cells(definition, None) == [Counter()]


# Shrinking would take minutes; the worked months above are small.
@settings(
    deadline=None,
    max_examples=3,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(worlds_of(8, 3), months_of, st.sampled_from(["indicator", "records"]))
def test_every_table_equals_the_slow_twin(rows: Rows, months: Months, mode: str) -> None:
    world, engine = World(rows, mode), Engine(rows, months, mode)
    for definition in table_definitions().values():
        series = (None, *GROUPS) if definition.demographic else (None,)
        for number, found in zip(series, engine.cells(definition, *series), strict=True):
            assert found == twin(definition, world, months, number), (definition.table, number)
        for number, found in zip(series, engine.cells(definition, *series, of="imputed"), strict=True):
            assert found == twin(definition, world, months, number, of_imputed=True), (definition.table, number)
