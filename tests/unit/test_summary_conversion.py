"""Incidents as summary counts: the worked example of handbook 16, a slow twin, and what must hold of any incidents."""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.frames import table
from tests.support.summary_incidents import (
    EXPECTED,
    EXPECTED_UNRANKED,
    WORKED_EXAMPLE,
    YEAR,
    Offense,
    Stolen,
    Told,
    Victim,
    segments_of,
)

from nibrs_estimation.model.return_a import PARTS
from nibrs_estimation.model.summary import FAMILIES, MEASURES
from nibrs_estimation.stages.summary.convert import convert_incidents, count_unranked

Months = dict[int, dict[int, int]]
START = date(2010, 1, 1)


def agencies(start: date | None = START, year: int = YEAR) -> pl.LazyFrame:
    rows = [{"agency_id": number, "data_year": year, "nibrs_start_date": start} for number in (1, 2)]
    return table("agency", *rows)


def months_of(counts: pl.DataFrame, agency: int = 1) -> Months:
    found: Months = defaultdict(dict)
    of_agency = counts.filter(pl.col("agency_id") == agency).sort("month", "item_code")
    for month, item, n in of_agency.select("month", "item_code", "n").iter_rows():
        found[month][item] = n
    return dict(found)


def converted(incidents: list[Told], start: date | None = START, year: int = YEAR) -> tuple[pl.DataFrame, pl.DataFrame]:
    made = convert_incidents(agencies(start, year), **segments_of(incidents, year), year=year, partition="VT")
    return made["incident_summary"], made["conversion_account"]


def unranked(incidents: list[Told], year: int = YEAR) -> pl.DataFrame:
    return count_unranked(agencies(START, year), **segments_of(incidents, year), year=year, partition="VT")


def alone(told: Told, year: int = YEAR) -> dict[int, int]:
    """What an incident counts, without totals."""
    of_month = months_of(converted([told], year=year)[0]).get(told.month, {})
    return {item: n for item, n in of_month.items() if item not in PARTS}


def test_worked_example() -> None:
    counts, account = converted([case.told for case in WORKED_EXAMPLE])
    assert months_of(counts) == {month: dict(sorted(items.items())) for month, items in EXPECTED.items()}
    assert dict(account.select("measure", "n").iter_rows()) == {
        "incidents": 36, "before_start": 0, "without_family": 4, "counted": 30, "counted_nothing": 2,
        "vehicular_manslaughter": 2, "fewer_vehicles": 0,
    }  # fmt: skip
    year = Counter[int]()
    for items in months_of(counts).values():
        year.update(items)
    assert year == {
        0: 3, 1: 1, 2: 5, 3: 4, 4: 1, 5: 5, 6: 1, 7: 1, 8: 1, 9: 2, 10: 11, 11: 3, 12: 1, 13: 2, 14: 2, 15: 3, 16: 9,
        17: 3, 18: 5, 19: 1, 20: 2, 21: 11, 22: 4, 23: 3, 24: 4, 25: 47,
    }  # fmt: skip


@pytest.mark.parametrize("number", range(1, len(WORKED_EXAMPLE) + 1))
def test_each_incident_of_the_example(number: int) -> None:
    case = WORKED_EXAMPLE[number - 1]
    assert alone(case.told) == case.counts


def test_worked_example_without_the_hierarchy() -> None:
    counts = unranked([case.told for case in WORKED_EXAMPLE])
    assert months_of(counts) == {month: dict(sorted(items.items())) for month, items in EXPECTED_UNRANKED.items()}


def test_legacy_rape() -> None:
    example = [case.told for case in WORKED_EXAMPLE]
    counts = months_of(converted(example, year=2014)[0])
    assert counts[2] == {2: 3, 3: 2, 4: 1, 25: 3}
    assert {month: items for month, items in counts.items() if month != 2} == {
        month: dict(sorted(items.items())) for month, items in EXPECTED.items() if month != 2
    }


@pytest.mark.parametrize(
    ("told", "year", "counts"),
    [
        # A rape without a woman or girl as victim counts nothing by the legacy definition, and hides the larceny.
        (Told(1, (Offense("11A"), Offense("23H")), (Victim(sex="M"),)), 2014, {}),
        (Told(1, (Offense("11B"), Offense("23H")), (Victim(),)), 2014, {20: 1}),
        (Told(1, (Offense("220", "A"),)), YEAR, {19: 1}),
        (Told(1, (Offense("240"),), (), Stolen(None, ("03", "05"))), YEAR, {22: 1, 23: 1}),
        (Told(1, (Offense("240"),), (), Stolen(0, ("03",))), YEAR, {22: 1}),
        (Told(1, (Offense("240"),), (), Stolen(3, ("20",))), YEAR, {}),
        (Told(1, (Offense("240"),)), YEAR, {}),
        # Fewer vehicles than kinds: none is negative.
        (Told(1, (Offense("240"),), (), Stolen(1, ("03", "05", "24"))), YEAR, {23: 1, 24: 1}),
        (Told(1, (Offense("220", entry="F", location="19", premises=0),)), YEAR, {17: 1}),
        (Told(1, (Offense("220", None, entry="F"), Offense("23H"))), YEAR, {20: 1}),
        (Told(1, (Offense("13A", weapons=("55", "12A")),), (Victim(), Victim(kind="S"))), YEAR, {11: 1}),
        (Told(1, (Offense("13A", weapons=("16", "17", "80")),), (Victim(),)), YEAR, {}),
        # Traffic deaths: the vehicle is the only weapon, and the circumstance is that of every victim.
        (Told(1, (Offense("09B", weapons=("35", "12")),), (Victim(circumstances=(33,)),)), YEAR, {1: 1}),
        (Told(1, (Offense("09B", weapons=("35",)),), (Victim(circumstances=(33,)), Victim())), YEAR, {1: 2}),
        (Told(1, (Offense("09B"),), (Victim(circumstances=(33,)),)), YEAR, {1: 1}),
        (Told(1, (Offense("09B", weapons=("35",)),)), YEAR, {}),
    ],
)
def test_odd_incidents(told: Told, year: int, counts: dict[int, int]) -> None:
    assert alone(told, year) == counts


def test_a_vehicle_theft_of_too_few_vehicles_is_counted_in_the_account() -> None:
    _, account = converted([Told(1, (Offense("240"),), (), Stolen(1, ("03", "05", "24")))])
    assert account.filter(pl.col("measure") == "fewer_vehicles")["n"].item() == 1


def test_months_before_the_start_are_left_out() -> None:
    incidents = [case.told for case in WORKED_EXAMPLE]
    counts, account = converted(incidents, date(YEAR, 4, 15))
    assert months_of(counts) == {month: dict(sorted(items.items())) for month, items in EXPECTED.items() if month >= 4}
    assert account.filter(pl.col("measure") == "before_start")["n"].item() == 14
    # Who started in another year, or of whom no start is known, loses nothing.
    others = [months_of(converted(incidents, start)[0]) for start in (START, date(YEAR + 1, 4, 15), None)]
    assert others[0] == others[1] == others[2]


_codes = [code for codes in FAMILIES.values() for code in codes] + ["200", "35A", "64A", "64B", "09C"]
_offenses = st.lists(
    st.builds(
        Offense,
        code=st.sampled_from([*_codes, "09B", "11A", "11B", "220", "240", "120", "13A"]),
        completed=st.sampled_from(["C", "C", "A", None, "U"]),
        weapons=st.lists(
            st.sampled_from(["11", "12A", "20", "35", "35", "40", "95", "55"]), max_size=2, unique=True
        ).map(tuple),
        entry=st.sampled_from(["F", "N", None]),
        location=st.sampled_from(["19", "20"]),
        premises=st.sampled_from([None, 0, 4]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda offense: offense.code,
).map(tuple)
_victims = st.lists(
    st.builds(
        Victim,
        of=st.lists(st.integers(0, 2), max_size=3, unique=True).map(tuple),
        sex=st.sampled_from(["F", "M", "U", None]),
        circumstances=st.lists(st.sampled_from([33, 31]), max_size=2, unique=True).map(tuple),
        kind=st.sampled_from(["I", "L", "B"]),
    ),
    max_size=3,
).map(tuple)
_stolen = st.one_of(
    st.none(),
    st.builds(
        Stolen,
        vehicles=st.sampled_from([None, 0, 1, 2, 5]),
        kinds=st.lists(st.sampled_from(["03", "05", "28", "24", "20"]), max_size=3, unique=True).map(tuple),
    ),
)
_incidents = st.lists(
    st.builds(
        Told, month=st.integers(1, 3), offenses=_offenses, victims=_victims, stolen=_stolen, agency=st.integers(1, 2)
    ),
    max_size=6,
)
_GUNS = {f"{family}{kind}" for family in "12" for kind in "12345"}
_OTHER = {"30", "35", "50", "60", "65", "70", "85", "90", "95"}


def twin_families(told: Told, is_legacy: bool) -> dict[str, dict[int, int]]:
    """What each family of an incident counts, offense by offense."""
    usable = [(i, offense) for i, offense in enumerate(told.offenses) if offense.completed in ("A", "C")]
    found: dict[str, dict[int, int]] = {}
    for family, codes in FAMILIES.items():
        of_family = ("11A",) if is_legacy and family == "rape" else codes
        mine = [(i, offense) for i, offense in usable if offense.code in of_family]
        victims = [v for v in told.victims if v.kind in ("I", "L") and {i for i, _ in mine} & set(v.of)]
        if mine and not (family == "manslaughter" and _is_traffic_death(mine[0][1], victims)):
            counts = _twin_counts(told, family, mine, victims, is_legacy)
            found[family] = {line: n for line, n in counts.items() if n > 0}
    return found


def _is_traffic_death(offense: Offense, victims: list[Victim]) -> bool:
    return offense.weapons == ("35",) and bool(victims) and all(33 in v.circumstances for v in victims)


def _twin_counts(
    told: Told, family: str, mine: list[tuple[int, Offense]], victims: list[Victim], is_legacy: bool
) -> dict[int, int]:
    offense = mine[0][1]
    if family == "rape":
        raped = [v for v in victims if v.sex in (("F",) if is_legacy else ("F", "M", "U"))]
        at = {i for i, _ in mine}
        done = any(told.offenses[i].completed == "C" for v in raped for i in v.of if i in at)
        return {3 if done else 4: len(raped)}
    if family in ("robbery", "aggravated_assault"):
        weapons = {code.rstrip("A") for code in offense.weapons}
        classes = [bool(weapons & _GUNS), "20" in weapons, bool(weapons & _OTHER), bool(weapons & {"40", "99"})]
        if not any(classes):
            return {}
        n, first = (1, 6) if family == "robbery" else (len(victims), 11)
        return {first + classes.index(True): n}
    if family == "burglary":
        line = 19 if offense.completed == "A" else {"F": 17, "N": 18}.get(offense.entry or "", 0)
        premises = 1 if offense.location != "19" or offense.premises is None else max(offense.premises, 1)
        return {line: premises} if line else {}
    if family == "vehicle_theft":
        return _twin_vehicles(offense, told.stolen)
    line = {"murder": 0, "manslaughter": 1, "larceny": 20, "simple_assault": 15}[family]
    return {line: 1 if family == "larceny" else len(victims)}


def _twin_vehicles(offense: Offense, stolen: Stolen | None) -> dict[int, int]:
    if offense.completed == "A":
        return {22: 1}
    kinds = [] if stolen is None else list(stolen.kinds)
    autos, trucks, others = kinds.count("03"), sum(k in ("05", "28", "37") for k in kinds), kinds.count("24")
    if stolen is None or not autos + trucks + others:
        return {}
    if stolen.vehicles is None:
        return {22: autos, 23: trucks, 24: others}
    total = max(stolen.vehicles, 1)
    if autos:
        return {22: total - trucks - others, 23: trucks, 24: others}
    return {23: total - others, 24: others} if trucks else {24: total}


def twin(incidents: list[Told], *, is_legacy: bool, has_hierarchy: bool) -> dict[int, Months]:
    found: dict[int, dict[int, Counter[int]]] = {1: defaultdict(Counter), 2: defaultdict(Counter)}
    for told in incidents:
        families = twin_families(told, is_legacy)
        month = found[told.agency][told.month]
        for counts in list(families.values())[:1] if has_hierarchy else families.values():
            for line, n in counts.items():
                month[line] += n
                month[25] += n
                month.update({total: n for total, parts in PARTS.items() if line in parts and total != 25})
        if not has_hierarchy:
            month.update(_twin_trafficking(told))
    left_out = set() if has_hierarchy else {1, 21, 22, 23, 24, 25}
    return {
        agency: {
            month: {line: n for line, n in sorted(counts.items()) if n and line not in left_out}
            for month, counts in sorted(months.items())
            if any(n and line not in left_out for line, n in counts.items())
        }
        for agency, months in found.items()
    }


def _twin_trafficking(told: Told) -> dict[int, int]:
    found = {}
    for line, code in {29: "64A", 30: "64B"}.items():
        at = {i for i, o in enumerate(told.offenses) if o.code == code and o.completed in ("A", "C")}
        found[line] = sum(v.kind in ("I", "L") and bool(at & set(v.of)) for v in told.victims)
    return found


@settings(max_examples=60, deadline=None)
@given(_incidents, st.sampled_from([2014, YEAR]))
def test_twin(incidents: list[Told], year: int) -> None:
    is_legacy = year == 2014
    counts, account = converted(incidents, year=year)
    lines = unranked(incidents, year)
    for agency in (1, 2):
        expected = twin(incidents, is_legacy=is_legacy, has_hierarchy=True)[agency]
        assert months_of(counts, agency) == expected
        expected = twin(incidents, is_legacy=is_legacy, has_hierarchy=False)[agency]
        assert months_of(lines, agency) == expected
    n = dict(account.select("measure", "n").iter_rows())
    assert set(n) == set(MEASURES)
    assert n["incidents"] == len(incidents) == n["counted"] + n["counted_nothing"] + n["without_family"]


@settings(max_examples=25, deadline=None)
@given(_incidents, st.randoms(use_true_random=False))
def test_order_does_not_matter_and_a_simple_assault_hides_nothing(incidents: list[Told], random: st.DataObject) -> None:
    shuffled = []
    for told in incidents:
        order = list(range(len(told.offenses)))
        random.shuffle(order)  # type: ignore[attr-defined]
        moved = {old: new for new, old in enumerate(order)}
        victims = tuple(
            replace(victim, of=tuple(moved[i] for i in victim.of if i in moved)) for victim in reversed(told.victims)
        )
        shuffled.append(replace(told, offenses=tuple(told.offenses[i] for i in order), victims=victims))
    counts = converted(incidents)[0]
    assert (
        converted(shuffled)[0]
        .sort("agency_id", "month", "item_code")
        .equals(counts.sort("agency_id", "month", "item_code"))
    )
    higher = {code for family, codes in FAMILIES.items() if family != "simple_assault" for code in codes}
    ranked = [
        told
        for told in incidents
        if any(o.code in higher - {"09B"} and o.completed in ("A", "C") for o in told.offenses)
        and not any(o.code == "13B" for o in told.offenses)
    ]
    beaten = [replace(told, offenses=(*told.offenses, Offense("13B"))) for told in ranked]
    key = ("agency_id", "month", "item_code")
    assert converted(beaten)[0].sort(key).equals(converted(ranked)[0].sort(key))
    with_hierarchy, without = converted(incidents)[0], unranked(incidents)
    both = with_hierarchy.join(without, on=key, how="inner", suffix="_alone")
    assert (both["n"] <= both["n_alone"]).all()
