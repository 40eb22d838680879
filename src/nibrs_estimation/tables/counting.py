"""What must be counted for tables: units with their columns and variables, and how cells are computed from the counts.

A cell (row, column) is a sum of *terms*: units of one kind that belong to a column and meet the row's conditions. Most
tables are one term. They have more terms if columns are counted by another unit, multiplied, or added to another
column (handbook 10).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import numpy as np

from nibrs_estimation.model.counts import UNITS
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.tables.atoms import Bools, atoms_of_variable
from nibrs_estimation.tables.definition import Against, Condition, Level, TableColumn, TableDefinition, TableRow
from nibrs_estimation.tables.read import table_definitions
from nibrs_estimation.tables.variables import LEVEL_OF_JOIN, Variable, derived_variables

#: Unit -> the levels to which it belongs, its own level last.
UNIT_LEVELS: Mapping[str, tuple[Level, ...]] = {
    "incident": ("incident",),
    "incident_firearm": ("incident",),
    "offense": ("incident", "offense"),
    "offense_firearm": ("incident", "offense"),
    "victim_offense": ("incident", "offense", "victim"),
    "victim_offense_firearm": ("incident", "offense", "victim"),
    "person_victim": ("incident", "victim"),
    "person_victim_firearm": ("incident", "victim"),
    "non_person_victim": ("incident", "victim"),
    "officer_victim": ("incident", "victim"),
    "arrestee": ("incident", "arrestee"),
    "arrestee_by_arrest_code": ("incident", "arrestee"),
    # Counted by agencies, on lines of the Return A, not from incidents.
    "return_a": ("incident",),
    "return_a_reported": ("incident",),
}
#: Units that are persons, and have demographic groups.
PERSON_UNITS = ("person_victim", "person_victim_firearm", "arrestee", "arrestee_by_arrest_code")
_CLEARANCES: Mapping[str, Mapping[int, tuple[int, ...]]] = {
    "clearance3": {1: (1,), 2: (2,), 3: (3,)},
    "cleared_by_arrest": {1: (1, 3), 2: (2,)},
    "cleared_incident": {1: (2, 3), 2: (1,)},
}


@dataclass(frozen=True)
class UnitColumn:
    """Membership of units in a column: units that have one of the codes, or the category.

    Attributes:
        key: name in the counting unit.
        offenses: NIBRS offense codes.
        new_codes: codes that are not in the code list belong to the column if they are against one of these.
        where: flag that must also be true.
        category: category of the counting unit's column variable; if given, codes and flag are not used.
    """

    key: str
    offenses: tuple[str, ...]
    new_codes: tuple[Against, ...]
    where: str | None
    category: int | None


@dataclass(frozen=True)
class Feature:
    """A variable that is counted for units that meet conditions, joined at a level.

    Attributes:
        variable: derived variable, or ``units``.
        level: level of its records.
        where: derived conditions with their level.
    """

    variable: str
    level: Level
    where: tuple[tuple[Condition, Level], ...] = ()

    @property
    def name(self) -> str:
        """Name in dataset ``profile_count``."""
        stem = UNITS if self.variable == UNITS else f"{self.level}.{self.variable}"
        conditions = [f"{name} {' '.join(map(str, categories))}" for (name, categories), _level in self.where]
        return " where ".join([stem, *([" and ".join(conditions)] if conditions else [])])


@dataclass(frozen=True)
class CountingUnit:
    """Units that are counted together.

    Attributes:
        name: name in dataset ``unit_profile``.
        unit: unit of the tables.
        column_variable: variable whose categories are the columns, or None.
        multiplier: factor of each unit, or None.
        columns: all columns of any table.
        features: all variables of any table; ``units`` without conditions first.
        columns_of: feature -> keys of the columns for which a table uses it.
        by_incident: whether a table uses the number of units of a column in an incident.
    """

    name: str
    unit: str
    column_variable: str | None
    multiplier: str | None
    columns: tuple[UnitColumn, ...]
    features: tuple[Feature, ...]
    columns_of: Mapping[str, frozenset[str]]
    by_incident: bool


@dataclass(frozen=True, eq=False)
class CountedRow:
    """How the count of a row is computed from profiles.

    Attributes:
        row: number in the table.
        feature: what is counted.
        category: its category.
        atoms: atoms of persons that count, (594,), or None for all.
        clearances: clearances that count, or None for all.
        agency: variable of the agency and its category, or None.
        columns: units of the column itself ("own"), of any column of the term, or of columns of the same group.
        is_by_incident: whether incidents are counted, by their number of units of the column.
    """

    row: int
    feature: str
    category: int
    atoms: Bools | None = None
    clearances: tuple[int, ...] | None = None
    agency: tuple[str, int] | None = None
    columns: Literal["own", "any", "group"] = "own"
    is_by_incident: bool = False


@dataclass(frozen=True, eq=False)
class Term:
    """Cells that are counted with the same counting unit.

    Attributes:
        counting_unit: name of the counting unit.
        columns: column of the table -> key of the unit's column.
        groups: column of the table -> its group.
        rows: rows in order.
    """

    counting_unit: str
    columns: Mapping[int, str]
    groups: Mapping[int, int | None]
    rows: tuple[CountedRow, ...]


@dataclass
class _UnitBuilder:
    """Columns and features of a counting unit, collected from tables."""

    unit: str
    column_variable: str | None
    multiplier: str | None
    columns: dict[str, UnitColumn] = field(default_factory=dict)
    features: dict[str, Feature] = field(default_factory=dict)
    columns_of: dict[str, set[str]] = field(default_factory=dict)
    by_incident: bool = False


@dataclass(frozen=True)
class _Source:
    """One summand of a column."""

    unit: str
    multiplier: str | None
    column: UnitColumn


def table_terms(table: TableDefinition) -> tuple[Term, ...]:
    """The terms whose sum is the table.

    Raises:
        PipelineError: a row uses a variable that its unit does not have.
    """
    return tuple(term for term, _features in _terms(table))


@cache
def all_counting_units() -> tuple[CountingUnit, ...]:
    """The counting units of all tables."""
    return counting_units(table_definitions().values())


def counting_units(tables: Iterable[TableDefinition]) -> tuple[CountingUnit, ...]:
    """The counting units of tables, sorted by name.

    Raises:
        PipelineError: as for :func:`table_terms`.
    """
    found: dict[str, _UnitBuilder] = {}
    for table in tables:
        for rows in _rows_by_units(table):
            for source in (source for sources in _sources_of(table, rows[0]).values() for source in sources):
                new = _UnitBuilder(source.unit, table.column_variable, source.multiplier)
                unit = found.setdefault(_unit_name(table, source), new)
                unit.columns[source.column.key] = source.column
                unit.features[UNITS] = Feature(UNITS, UNIT_LEVELS[source.unit][-1])
        for term, features in _terms(table):
            unit = found[term.counting_unit]
            for feature in features:
                unit.features[feature.name] = feature
                unit.columns_of.setdefault(feature.name, set()).update(term.columns.values())
            unit.by_incident |= any(row.is_by_incident for row in term.rows)
    return tuple(
        CountingUnit(
            name=name,
            unit=unit.unit,
            column_variable=unit.column_variable,
            multiplier=unit.multiplier,
            columns=tuple(unit.columns[key] for key in sorted(unit.columns)),
            features=tuple(unit.features.values()),
            columns_of={name: frozenset(keys) for name, keys in unit.columns_of.items()}
            | {UNITS: frozenset(unit.columns)},
            by_incident=unit.by_incident,
        )
        for name, unit in sorted(found.items())
    )


def finest_level(variable: Variable, unit: str) -> Level | None:
    """The finest level of a unit at which a variable exists, or None."""
    return next((level for level in reversed(UNIT_LEVELS[unit]) if level in variable.levels), None)


def counted_rows(table: TableDefinition) -> tuple[TableRow, ...]:
    """The rows that have their own count: not rates of another row's count, and not dropped rows."""
    return tuple(row for row in table.rows if row.kind != "rate" and not row.is_dropped)


def _terms(table: TableDefinition) -> list[tuple[Term, list[Feature]]]:
    groups = {column.position: column.group for column in table.columns}
    terms = []
    for rows in _rows_by_units(table):
        # Two summands of a column may have the same unit; then they belong to different terms.
        columns_of: dict[tuple[str, str, int], dict[int, str]] = {}
        for position, sources in _sources_of(table, rows[0]).items():
            for index, source in enumerate(sources):
                columns = columns_of.setdefault((_unit_name(table, source), source.unit, index), {})
                columns[position] = source.column.key
        for (name, unit, _index), columns in columns_of.items():
            counted = [_counted(table, row, unit) for row in rows]
            term = Term(name, columns, groups, tuple(row for row, _feature in counted))
            terms.append((term, [feature for _row, feature in counted if feature is not None]))
    return terms


def _rows_by_units(table: TableDefinition) -> list[list[TableRow]]:
    """The counted rows, grouped by the units that count the columns."""
    found: dict[tuple[int, ...], list[TableRow]] = {}
    for row in counted_rows(table):
        exceptions = tuple(column.position for column in table.columns if row.row in column.except_rows)
        found.setdefault(exceptions, []).append(row)
    return list(found.values())


def _sources_of(table: TableDefinition, row: TableRow) -> dict[int, list[_Source]]:
    """The summands of every column in a row, by position."""
    return {column.position: _sources(table, column, row) for column in table.columns}


def _unit_name(table: TableDefinition, source: _Source) -> str:
    variable = f"/{table.column_variable}" if table.column_variable else ""
    return f"{source.unit}{variable}{f'*{source.multiplier}' if source.multiplier else ''}"


def _sources(table: TableDefinition, column: TableColumn, row: TableRow) -> list[_Source]:
    """The summands of a column in a row."""
    unit = table.unit if row.row in column.except_rows else column.unit
    added = next((other for other in table.columns if other.name == column.plus), None)
    if added is None:
        return [_Source(unit, column.multiplier, _unit_column(column, column.name, column.offenses))]
    rest = tuple(code for code in column.offenses if code not in added.offenses)
    own = _Source(unit, column.multiplier, _unit_column(column, f"{column.name} without {added.name}", rest))
    return [own, *_sources(table, added, row)]


def _unit_column(column: TableColumn, key: str, offenses: tuple[str, ...]) -> UnitColumn:
    return UnitColumn(key, offenses, column.new_codes, column.where, column.category)


def _counted(table: TableDefinition, row: TableRow, unit: str) -> tuple[CountedRow, Feature | None]:
    """How the row is counted, and the feature that it needs in addition to the units themselves."""
    variables = derived_variables()
    atoms: Bools | None = None
    clearances: set[int] | None = None
    derived: list[tuple[Condition, Level]] = []
    conditions = [*table.where, *row.where]
    own: Variable | None = None if row.variable is None else variables[row.variable]
    if own is not None and own.kind in ("person", "clearance"):
        conditions.append((own.name, (row.category or 0,)))
    for name, categories in conditions:
        variable = variables[name]
        if variable.kind == "person":
            mask = np.asarray(atoms_of_variable(name)[:, np.array(categories) - 1].any(axis=1))
            atoms = mask if atoms is None else np.asarray(atoms & mask)
        elif variable.kind == "clearance":
            allowed = {clearance for category in categories for clearance in _CLEARANCES[name][category]}
            clearances = allowed if clearances is None else clearances & allowed
        else:
            level = finest_level(variable, unit)
            if level is None:
                raise _error(table, row, f"units of {unit} have no variable {name}; use another condition")
            derived.append(((name, categories), level))
    if atoms is not None and unit not in PERSON_UNITS:
        raise _error(table, row, f"units of {unit} have no age, sex or race; count persons")
    feature, category = Feature(UNITS, UNIT_LEVELS[unit][-1], tuple(derived)), 1
    if own is not None and own.kind in ("derived", "within_column"):
        feature = Feature(own.name, _level(table, row, unit, LEVEL_OF_JOIN[row.join or "incident"]), tuple(derived))
        category = 0 if row.category is None else row.category
    is_by_incident = own is not None and own.kind == "victims_of_column"
    _check(table, row, own, unit, has_conditions=bool(derived))
    counted = CountedRow(
        row=row.row,
        feature=feature.name,
        category=row.category or 0 if is_by_incident else category,
        atoms=atoms,
        clearances=None if clearances is None else tuple(sorted(clearances)),
        agency=(own.name, row.category or 0) if own is not None and own.kind == "agency" else None,
        columns={"total_any_column": "any", "total_same_group": "group"}.get(row.kind, "own"),  # type: ignore[arg-type]
        is_by_incident=is_by_incident,
    )
    return counted, None if feature.name == UNITS else feature


def _check(table: TableDefinition, row: TableRow, own: Variable | None, unit: str, *, has_conditions: bool) -> None:
    """Refuse rows that would be counted differently from their definition."""
    kind = None if own is None else own.kind
    if kind == "victims_of_column":
        if unit not in ("person_victim", "person_victim_firearm"):
            raise _error(table, row, "victims by incident are counted only in tables of person victims")
    elif row.unit != table.unit:
        raise _error(
            table, row, "only rows of victims by incident may have their own `unit`; give it in `column_rules`"
        )
    if kind == "within_column" and table.column_variable is not None:
        raise _error(
            table,
            row,
            f"{row.variable} is computed from offenses of the column, but columns of this table are categories",
        )
    if kind in ("victims_of_column", "within_column") and has_conditions:
        raise _error(table, row, f"rows of {row.variable} may have only conditions of person and clearance")
    if kind == "agency":
        if row.where:
            raise _error(table, row, f"rows of {row.variable} divide the table's total and may have no conditions")
        if not any(other.kind == "total" and not other.where for other in table.rows):
            raise _error(table, row, f"rows of {row.variable} divide a total; add a row of kind total without where")


def _level(table: TableDefinition, row: TableRow, unit: str, level: Level) -> Level:
    """The level at which a unit has a variable; offenses without victim use that of the incident (handbook 10)."""
    levels = UNIT_LEVELS[unit]
    if level in levels:
        return level
    if level == "victim" and "offense" in levels:
        return "incident"
    raise _error(table, row, f"units of {unit} are joined by {', '.join(levels)}, not by {level}")


def _error(table: TableDefinition, row: TableRow, problem: str) -> PipelineError:
    return PipelineError(f"Table {table.table}, row {row.row} ({row.label.strip()}): {problem} (definitions/*.yaml).")
