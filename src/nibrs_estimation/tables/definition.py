"""The definition of a table: its rows and columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.tables.definition_file import unknown_name

Estimate = Literal["count", "percentage", "rate"]
RowKind = Literal["total", "total_any_column", "total_same_group", "rate", "rate_total", "category"]
Join = Literal["incident", "incident_offense", "victim_offense", "victim", "arrestee", "agency"]
Level = Literal["incident", "offense", "victim", "arrestee"]
"""Level of a derived variable."""
VariableKind = Literal["derived", "person", "clearance", "agency", "within_column", "victims_of_column"]
Several = Literal["each", "smallest", "largest", "only"]
Against = Literal["Person", "Property", "Society"]
"""Category of an offense by what it is against."""
Status = Literal["proposed", "inferred"]
Condition = tuple[str, tuple[int, ...]]
"""A derived variable and the selected categories."""


@dataclass(frozen=True)
class TableColumn:
    """A column: units that have one of the offense codes.

    Attributes:
        position: number in the table, from 1.
        name: name of the definition in ``_columns.yaml``.
        label: label as printed.
        offenses: NIBRS offense codes.
        new_codes: offenses with codes that are not in the code list count if they are against one of these.
        where: flag that must also be true, such as ``is_carjacking``.
        category: category of the table's column variable that the unit must have.
        group: number of the group of columns (the drug).
        unit: what is counted: the table's unit, or another.
        except_rows: rows in which the table's unit is counted instead.
        plus: name of a column whose counts are added; the codes of that column are not counted in this one.
        multiplier: factor of each unit.
        definition: the offenses of a column with several offenses, and its condition, in words; None if the label is
            sufficient.
        status: "proposed" or "inferred" if the reference's description does not give the codes.
    """

    position: int
    name: str
    label: str
    offenses: tuple[str, ...]
    new_codes: tuple[Against, ...]
    where: str | None
    category: int | None
    group: int | None
    unit: str
    except_rows: tuple[int, ...]
    plus: str | None
    multiplier: str | None
    definition: str | None
    status: Status | None

    @property
    def is_proposed(self) -> bool:
        """Whether the list of offenses is proposed by this program, because the reference's list is unknown."""
        return self.status is not None


@dataclass(frozen=True)
class TableRow:
    """A row.

    Attributes:
        row: number in the table, from 1.
        section: number of the section.
        label: label as printed by the reference.
        kind: a total of units (of this column, of any column, of the columns of the same group), a rate computed from
            the count of row ``of``, a rate of the total, or a category of a variable.
        estimates: types of estimates, in the order of their numbers; empty in a dropped row.
        variable: derived variable.
        category: category of the variable.
        where: conditions that the unit must meet.
        join: key by which the variable is joined to the unit.
        unit: what is counted.
        denominator: rows whose sum, in the same column, is the denominator of percentages.
        known_denominator: the same sum without units whose item is unknown: a factor, 1 or -1, for each of its rows;
            empty if the row's block has no unknown row, and in unknown rows themselves.
        population: key of the population that is the denominator of rates.
        of: count row from which a rate is computed.
        is_dropped: whether the row is empty by design and never published.
        percentage_detail: text that describes the denominator of percentages.
        rate_detail: text that describes the denominator of rates.
        status: "proposed" or "inferred" if the reference's description does not give the codes of the variable.
    """

    row: int
    section: int
    label: str
    kind: RowKind
    estimates: tuple[Estimate, ...]
    variable: str | None
    category: int | None
    where: tuple[Condition, ...]
    join: Join | None
    unit: str
    denominator: tuple[int, ...]
    known_denominator: tuple[tuple[int, int], ...]
    population: str | None
    of: int | None
    is_dropped: bool
    percentage_detail: str | None
    rate_detail: str | None
    status: Status | None

    @property
    def is_proposed(self) -> bool:
        """Whether the categories are proposed by this program, because the reference's are unknown."""
        return self.status is not None

    @property
    def domain_1(self) -> str:
        """The attribute of the row: the label up to its first colon."""
        return self.label.partition(":")[0].strip()

    @property
    def domain_2(self) -> str | None:
        """The category: the label after its first colon."""
        return self.label.partition(":")[2].strip() or None


@dataclass(frozen=True)
class TableDefinition:
    """A table.

    Attributes:
        table: name of the table, such as ``3aclear``.
        title: title as printed by the reference.
        unit: what is counted.
        universe: which of these units are counted, in words.
        counts: what the table counts, in a sentence.
        where: conditions that every unit must meet.
        variant_of: the table whose rows and columns this one has, or None.
        demographic: persons for whose demographic groups the table is repeated, or None.
        column_variable: derived variable of the columns' categories, or None.
        columns: columns in order.
        rows: rows in order; row r is ``rows[r - 1]``.
        blank: cells (row, column) that are never estimated.
        unknown: rows of units whose item is unknown. They are shown as long as items are not imputed; the reference
            leaves them blank after imputation.
        blank_by_series: age, sex or race -> rows that are not estimated for series by it.
        blocks: rows of the blocks that have an identifier.
        rate_specific_domain: whether the published ``estimates`` mark its rates as rates of the row's own population.
        status: "proposed" or "inferred" if the reference's description does not give the table's units.
    """

    table: str
    title: str
    unit: str
    universe: str
    counts: str
    where: tuple[Condition, ...]
    variant_of: str | None
    demographic: Literal["victim", "arrestee"] | None
    column_variable: str | None
    columns: tuple[TableColumn, ...]
    rows: tuple[TableRow, ...]
    blank: frozenset[tuple[int, int]]
    unknown: tuple[int, ...]
    blank_by_series: Mapping[str, tuple[int, ...]]
    blocks: Mapping[str, tuple[int, ...]]
    rate_specific_domain: bool
    status: Status | None

    def block(self, identifier: str) -> tuple[TableRow, ...]:
        """The rows of a block.

        Raises:
            PipelineError: no block of the table has this identifier.
        """
        if identifier not in self.blocks:
            raise PipelineError(f"Table {self.table}: {unknown_name('block', identifier, self.blocks, 'its blocks')}.")
        return tuple(self.rows[row - 1] for row in self.blocks[identifier])

    def column(self, name: str) -> TableColumn:
        """The column of a name.

        Raises:
            PipelineError: the table has no such column.
        """
        by_name = {column.name: column for column in self.columns}
        if name not in by_name:
            raise PipelineError(f"Table {self.table}: {unknown_name('column', name, by_name, 'its columns')}.")
        return by_name[name]
