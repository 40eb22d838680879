"""What is counted for tables, and of which terms their cells are sums (handbook 10)."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.tables import read
from nibrs_estimation.tables.atoms import atoms_of_variable
from nibrs_estimation.tables.counting import (
    PERSON_UNITS,
    UNIT_LEVELS,
    CountedRow,
    CountingUnit,
    Term,
    counted_rows,
    counting_units,
    table_terms,
)
from nibrs_estimation.tables.read import read_tables, table_definition, table_definitions

FOLDER = Path(read.__file__).parent / "definitions"
UNITS = {unit.name: unit for unit in counting_units(table_definitions().values())}
RELATIONSHIPS = {*range(18, 24), *range(78, 83)}


def names(table: str) -> dict[int, str]:
    return {column.position: column.name for column in table_definition(table).columns}


def summands(table: str, row: int) -> dict[str, set[tuple[str, str]]]:
    """Column -> counting units and keys of the columns whose counts are added up in a row."""
    found: dict[str, set[tuple[str, str]]] = {}
    of_position = names(table)
    for term in table_terms(table_definition(table)):
        if any(counted.row == row for counted in term.rows):
            for position, key in term.columns.items():
                assert (term.counting_unit, key) not in found.get(of_position[position], set())
                found.setdefault(of_position[position], set()).add((term.counting_unit, key))
    return found


def row_of(table: str, row: int) -> CountedRow:
    """The row, counted alike in all terms."""
    (found, *others) = [counted for term in table_terms(table_definition(table)) for counted in term.rows
                        if counted.row == row]  # fmt: skip
    assert all((other.feature, other.category) == (found.feature, found.category) for other in others)
    return found


@pytest.mark.parametrize("row", range(1, 111))
def test_robberies_of_table_2a(row: int) -> None:
    """Robbery and carjacking by offense but for relationships; robbery is added to violent crime (handbook 10)."""
    found = summands("2a", row)
    if row in (2, 53, 60):  # a rate, and rows that are empty by design
        assert not found
        return
    robbery = ("victim_offense" if row in RELATIONSHIPS else "offense", "robbery")
    assert found.pop("robbery") == {robbery}
    assert found.pop("car_jacking") == {(robbery[0], "car_jacking")}
    for violent in ("violent_crime", "violent_crime_2"):
        assert found.pop(violent) == {("victim_offense", f"{violent} without robbery"), robbery}
    assert found == {name: {("victim_offense", name)} for name in found}
    assert len(found) == 16


def test_injuries_of_robberies_are_those_of_the_incident() -> None:
    terms = [term for term in table_terms(table_definition("2a")) if term.rows[0].row == 1]
    levels = {term.counting_unit: {r.row: r.feature for r in term.rows} for term in terms}
    assert (levels["victim_offense"][11], levels["offense"][11]) == ("victim.injury_no_yes", "incident.injury_no_yes")
    assert levels["victim_offense"][3] == levels["offense"][3] == "offense.weapon_no_yes"


@pytest.mark.parametrize("row", [1, *range(3, 20)])
def test_robberies_of_table_gv1a(row: int) -> None:
    """By offense in all rows; added to columns 2, 4 and 5 (handbook 10)."""
    found = summands("GV1a", row)
    for name, keys in found.items():
        if name in ("robbery", "car_jacking"):
            assert keys == {("offense_firearm", name)}
        elif name in ("total_gun_violence", "nonfatal_gun_violence", "nonfatal_gun_violence_2"):
            assert keys == {("victim_offense_firearm", f"{name} without robbery"), ("offense_firearm", "robbery")}
        else:
            assert keys == {("victim_offense_firearm", name)}
    assert len(found) == 13


def test_columns_without_the_codes_of_the_added_one() -> None:
    of_key = {column.key: column for column in UNITS["victim_offense"].columns}
    assert of_key["violent_crime without robbery"].offenses == ("09A", "11A", "11B", "11C", "13A")
    assert of_key["car_jacking"].where == "is_carjacking"


@pytest.mark.parametrize("row", [1, 3, 55, 75])
def test_motor_vehicle_thefts_of_table_2b(row: int) -> None:
    """By stolen vehicles, in the totals too (handbook 10)."""
    thefts = ("offense*stolen_vehicle_count", "vehicle_theft")
    found = summands("2b", row)
    assert found.pop("vehicle_theft") == {thefts}
    for whole in ("against_property", "property_crime"):
        assert found.pop(whole) == {("offense", f"{whole} without vehicle_theft"), thefts}
    assert found == {name: {("offense", name)} for name in found}
    assert UNITS["offense*stolen_vehicle_count"].multiplier == "stolen_vehicle_count"
    assert UNITS["offense"].multiplier is None


@pytest.mark.parametrize("table", ["DM6", "DM7", "DM8", "DM9"])
def test_drug_pairs(table: str) -> None:
    """Row 1 counts units of any column, row 2 those of the drug's, the column total those of the column."""
    (term,) = table_terms(table_definition(table))
    unit = "incident" if table in ("DM6", "DM8") else "arrestee"
    assert term.counting_unit == f"{unit}/{'drug72_single' if table in ('DM6', 'DM7') else 'drug72'}"
    kinds = {row.row: row.columns for row in term.rows}
    assert (kinds.pop(1), kinds.pop(2)) == ("any", "group")
    assert set(kinds.values()) == {"own"}
    assert list(term.groups.values()) == [drug for drug in range(1, 10) for _activity in range(6)]
    of_key = {column.key: column.category for column in UNITS[term.counting_unit].columns}
    activities = (1, 2, 3, 6, 7, 8)
    assert [of_key[key] for key in term.columns.values()] == [8 * drug + a for drug in range(9) for a in activities]


@pytest.mark.parametrize(("table", "clearances"), [("clear", (2, 3)), ("unclear", (1,))])
@pytest.mark.parametrize("family", ["3a", "3b"])
def test_variants_by_clearance(family: str, table: str, clearances: tuple[int, ...]) -> None:
    (term,) = table_terms(table_definition(f"{family}{table}"))
    (whole,) = table_terms(table_definition(family))
    assert term.counting_unit == whole.counting_unit == "person_victim"
    assert term.columns == whole.columns
    for row, of_whole in zip(term.rows, whole.rows, strict=True):
        within = set(clearances) & set(of_whole.clearances or (1, 2, 3))
        assert row.clearances == tuple(sorted(within))
        assert (row.row, row.feature, row.category) == (of_whole.row, of_whole.feature, of_whole.category)
    # Rows by clearance keep what the variant leaves: rows 95 to 97 are uncleared, by arrest, exceptional.
    if family == "3a":
        kept = {row.row - 94: row.clearances for row in term.rows if 95 <= row.row <= 97}
        assert kept == {n: (n,) if n in clearances else () for n in (1, 2, 3)}


@pytest.mark.parametrize(
    ("table", "row", "clearances"),
    [("1a", 64, (1,)), ("1a", 66, (3,)), ("2a", 61, (1, 3)), ("2a", 62, (2,)), ("2a", 104, (2, 3)), ("2a", 105, (1,)),
     ("GV3a", 9, (2,))],
)  # fmt: skip
def test_rows_by_clearance(table: str, row: int, clearances: tuple[int, ...]) -> None:
    assert row_of(table, row).clearances == clearances


def atoms_of(row: CountedRow) -> NDArray[np.bool_]:
    """The atoms of a row that counts persons."""
    assert row.atoms is not None
    return row.atoms


def test_victims_of_12_to_17() -> None:
    (term,) = table_terms(table_definition("YT1"))
    of_12_17 = atoms_of_variable("under18_2")[:, 1]
    assert np.array_equal(atoms_of(term.rows[0]), of_12_17)
    for row in term.rows:
        assert not (atoms_of(row) & ~of_12_17).any()
    for first, last in ((2, 3), (4, 6), (7, 9), (10, 21)):
        parts = [atoms_of(row).astype(int) for row in term.rows if first <= row.row <= last]
        assert np.array_equal(sum(parts), of_12_17.astype(int))


def test_victims_of_offenders_of_12_and_older() -> None:
    condition = " where offender_12plus_or_unknown 1"
    (term,) = table_terms(table_definition("YT2"))
    flags = ("any_offender_12_17", "any_offender_18plus", "any_offender_age_missing", "unknown_offender_incident")
    assert [row.feature for row in term.rows] == [f"units{condition}", *(f"incident.{f}{condition}" for f in flags)]
    features = {feature.name: feature for feature in UNITS["person_victim"].features}
    assert features[f"units{condition}"].where == ((("offender_12plus_or_unknown", (1,)), "incident"),)
    assert UNITS["person_victim"].columns_of[f"units{condition}"] == {"murder"}


def test_persons_of_a_sex_by_race() -> None:
    sex, race = atoms_of_variable("sex3"), atoms_of_variable("race6")
    assert np.array_equal(atoms_of(row_of("3a", 54)), sex[:, 1] & race[:, 1])
    assert np.array_equal(atoms_of(row_of("DM9", 54)), atoms_of_variable("age2")[:, 4])


def test_agency_rows() -> None:
    assert [row_of("1a", row).agency for row in (51, 62, 80)] == [
        ("population_group", 1), ("agency_type", 6), ("msa", 1),
    ]  # fmt: skip


def test_victims_by_incident() -> None:
    """Within 3a and GV2a, without their companions of rates alone."""
    for table, first in (("3a", 154), ("GV2a", 29)):
        by_incident = {
            row.row: row.category for t in table_terms(table_definition(table)) for row in t.rows if row.is_by_incident
        }
        assert by_incident == {first + n: n + 1 for n in range(4)}
    assert {name for name, unit in UNITS.items() if unit.by_incident} == {"person_victim", "person_victim_firearm"}


@pytest.mark.parametrize("table", table_definitions())
def test_every_cell_has_its_terms(table: str) -> None:
    """Each counted row stands in every column, as often as the column has summands; others nowhere."""
    definition = table_definition(table)
    plus = {column.position for column in definition.columns if column.plus}
    terms = table_terms(definition)
    for row in definition.rows:
        found = [position for term in terms for position in term.columns for r in term.rows if r.row == row.row]
        wanted = [*(column.position for column in definition.columns), *plus] if row in counted_rows(definition) else []
        assert sorted(found) == sorted(wanted), row.row


def _is_asked(unit: CountingUnit, term: Term) -> bool:
    return all(set(term.columns.values()) <= unit.columns_of[row.feature] for row in term.rows if row.agency is None)


def test_all_that_terms_ask_for_is_counted() -> None:
    for table in table_definitions().values():
        for term in table_terms(table):
            unit = UNITS[term.counting_unit]
            assert {row.feature for row in term.rows} <= {feature.name for feature in unit.features}
            assert set(term.columns.values()) <= {column.key for column in unit.columns}
            assert _is_asked(unit, term)
            assert all(row.atoms is None for row in term.rows) or unit.unit in PERSON_UNITS
    for unit in UNITS.values():
        assert len({column.key for column in unit.columns}) == len(unit.columns)
        assert unit.features[0].name == "units"
        assert {feature.level for feature in unit.features} <= set(UNIT_LEVELS[unit.unit])


# Rows that a unit cannot have.

TABLE = """
table: X1
title: A table
unit: {unit}
universe: Some
counts: Some units.
columns: {columns}
n_rows: {n_rows}
blocks:
  - {{start: 1, section: 1, label: All, kind: total}}
  - {{start: 2, section: 2, {block}}}
"""


def counted(folder: Path, unit: str, block: str, columns: str = "[robbery, larceny]", n_rows: int = 3) -> None:
    for name in ("_sets", "_columns", "_variables"):
        shutil.copy(FOLDER / f"{name}.yaml", folder)
    text = TABLE.format(unit=unit, block=block, columns=columns, n_rows=n_rows)
    (folder / "X1.yaml").write_text(text, encoding="utf-8")
    counting_units(read_tables(folder).values())


SEX = "labels: [Male, Female], variable: sex3, categories: [1, 2], join: victim"
VICTIMS = "set: N4, variable: n_victims_of_column, join: incident, unit: incident"


def test_rows_that_a_unit_has(tmp_path: Path) -> None:
    counted(tmp_path, "person_victim", SEX)
    counted(tmp_path, "person_victim", VICTIMS, n_rows=5)
    counted(tmp_path, "person_victim", f"{VICTIMS}, where: {{sex3: [1]}}", n_rows=5)
    counted(tmp_path, "incident", "set: LOC3, variable: residence, join: incident, where: {clearance3: [2]}")


REFUSED = {
    "persons of incidents": (
        "incident", SEX, 3, r"Table X1, row 2 \(Male\): units of incident have no age, sex or race; count persons",
    ),
    "persons of offenses by victim": ("victim_offense", SEX, 3, "units of victim_offense have no age, sex or race"),
    "an arrestee's attribute": (
        "incident", "set: YN, variable: armed_no_yes, join: arrestee", 3,
        r"row 2 \(No\): units of incident are joined by incident, not by arrestee",
    ),
    "a victim's attribute": (
        "arrestee", "set: YN, variable: injury_no_yes, join: victim", 3,
        "units of arrestee are joined by incident, arrestee, not by victim",
    ),
    "offenses of an incident": (
        "incident", "set: YN, variable: weapon_no_yes, join: incident_offense", 3, "joined by incident, not by offense",
    ),
    "a victim's condition": (
        "incident", "set: YN, variable: weapon_no_yes, join: incident, where: {victim_officer: [1]}", 3,
        "units of incident have no variable victim_officer; use another condition",
    ),
    "an offense's condition": (
        "arrestee", "set: YN, variable: weapon_no_yes, join: incident, where: {is_completed: [1]}", 3,
        "units of arrestee have no variable is_completed",
    ),
    "victims by incident of arrestees": (
        "arrestee", VICTIMS, 5, "victims by incident are counted only in tables of person victims",
    ),
    "victims by incident of incidents": ("incident", VICTIMS, 5, "victims by incident are counted only in tables"),
    "victims by incident that meet conditions of records": (
        "person_victim", f"{VICTIMS}, where: {{victim_officer: [1]}}", 5,
        "rows of n_victims_of_column may have only conditions of person and clearance",
    ),
    "a hierarchy within columns that meets conditions of records": (
        "person_victim",
        "set: LOC3, variable: residence_within_offense, join: victim, where: {victim_officer: [1]}", 3,
        "rows of residence_within_offense may have only conditions of person and clearance",
    ),
    "a unit of its own": (
        "person_victim", "set: LOC3, variable: residence, join: victim, unit: incident", 3,
        "only rows of victims by incident may have their own `unit`",
    ),
    "agencies with a condition": (
        "incident", "set: MSA4, variable: msa, join: agency, where: {clearance3: [2]}", 5,
        r"row 2 \(MSA Counties\): rows of msa divide the table's total and may have no conditions",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_rows_that_a_unit_cannot_have(name: str, tmp_path: Path) -> None:
    unit, block, n_rows, message = REFUSED[name]
    with pytest.raises(PipelineError, match=message):
        counted(tmp_path, unit, block, n_rows=n_rows)


def test_a_hierarchy_within_columns_that_are_categories(tmp_path: Path) -> None:
    block = "set: LOC3, variable: residence_within_offense, join: incident"
    columns = "[cocaine_b, cocaine_c]\ncolumn_variable: drug72"
    with pytest.raises(
        PipelineError, match="is computed from offenses of the column, but columns of this table are categories"
    ):
        counted(tmp_path, "incident", block, columns)


def test_agencies_without_a_total(tmp_path: Path) -> None:
    for name in ("_sets", "_columns", "_variables"):
        shutil.copy(FOLDER / f"{name}.yaml", tmp_path)
    text = TABLE.format(unit="incident", columns="[robbery]", n_rows=5, block="set: MSA4, variable: msa, join: agency")
    (tmp_path / "X1.yaml").write_text(text.replace("kind: total", "kind: total_any_column"), encoding="utf-8")
    with pytest.raises(PipelineError, match="rows of msa divide a total; add a row of kind total without where"):
        counting_units(read_tables(tmp_path).values())
