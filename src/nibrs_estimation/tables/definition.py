"""What a table is: its frame of rows and columns, ready to be counted and printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.tables.definition_file import unknown

Estimate = Literal["count", "percentage", "rate"]
RowKind = Literal["total", "total_any_column", "total_same_group", "rate", "rate_total", "category"]
Join = Literal["incident", "incident_offense", "victim_offense", "victim", "arrestee", "agency"]
Level = Literal["incident", "offense", "victim", "arrestee"]
"""What a derived variable tells about."""
VariableKind = Literal["derived", "person", "clearance", "agency", "within_column", "victims_of_column"]
Several = Literal["each", "smallest", "largest", "only"]
Against = Literal["Person", "Property", "Society"]
"""What an offense is against."""
Status = Literal["proposed", "inferred"]
Condition = tuple[str, tuple[int, ...]]
"""A derived variable and the categories of it that are meant."""


@dataclass(frozen=True)
class TableColumn:
    """A column: units that hold one of the offense codes.

    Attributes:
        position: number in the table, from 1.
        name: of the definition in ``_columns.yaml``.
        label: as printed.
        offenses: NIBRS offense codes.
        new_codes: offenses of codes that no code list has count if they are against one of these.
        where: flag that must hold as well, such as ``is_carjacking``.
        category: category of the table's column variable that the unit must have.
        group: number that columns of one kind share (the drug).
        unit: what is counted: the table's unit, or another.
        except_rows: rows in which the table's unit is counted all the same.
        plus: name of the column whose counts are added to those of this one, which is counted without its codes.
        multiplier: number by which each unit counts.
        definition: the offenses of a column that holds several, and its condition, in words; None where the label
            says it all.
        status: "proposed" or "inferred" where the reference's description does not know the codes.
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
        """Whether the list of offenses is this program's proposal, the reference's being unknown."""
        return self.status is not None


@dataclass(frozen=True)
class TableRow:
    """A row.

    Attributes:
        row: number in the table, from 1.
        section: number of the section.
        label: as printed by the reference.
        kind: a total of units (of this column, of any column, of the columns of this one's group), a rate made from
            the count of row ``of``, a rate of the total, or a category of a variable.
        estimates: what is estimated, in the order of the types' numbers; nothing in a dropped row.
        variable: derived variable.
        category: its category.
        where: conditions that the unit must meet.
        join: by which key the variable is joined to the unit.
        unit: what is counted.
        denominator: rows whose sum, in the same column, percentages are of.
        known_denominator: the same sum without units whose item is not known: a factor, 1 or -1, for each of its rows;
            empty where no unknown row belongs to the row's block, and in unknown rows themselves.
        population: key of the population that rates are of.
        of: count row that a rate is made from.
        is_dropped: whether the row is empty by design and never published.
        percentage_detail: text that tells what percentages are of.
        rate_detail: text that tells what rates are of.
        status: "proposed" or "inferred" where the reference's description does not know the codes of the variable.
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
        """Whether the categories are this program's proposal, the reference's being unknown."""
        return self.status is not None

    @property
    def domain_1(self) -> str:
        """What the row divides by: the label up to its first colon."""
        return self.label.partition(":")[0].strip()

    @property
    def domain_2(self) -> str | None:
        """The category: the label after its first colon."""
        return self.label.partition(":")[2].strip() or None


@dataclass(frozen=True)
class TableDefinition:
    """A table.

    Attributes:
        table: its name, such as ``3aclear``.
        title: as printed by the reference.
        unit: what is counted.
        universe: which of these, in words.
        counts: what the table counts, a sentence for people.
        where: conditions that every unit must meet.
        variant_of: the table whose rows and columns this one has, or None.
        demographic: whose demographic groups the table is repeated for, or None.
        column_variable: derived variable that a column's category is of, or None.
        columns: in order.
        rows: in order; row r is ``rows[r - 1]``.
        blank: cells (row, column) that are never estimated.
        unknown: rows of units whose item is not known. They are shown while items are not imputed; once they are,
            the reference leaves blank.
        blank_by_series: rows that are not estimated for series that are divided by age, sex or race.
        blocks: rows of the blocks that have an identifier.
        rate_specific_domain: whether the published ``estimates`` mark its rates as rates of the row's own population.
        status: "proposed" or "inferred" where the reference's description does not know the table's units.
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
            raise PipelineError(f"Table {self.table}: {unknown('block', identifier, self.blocks, 'its blocks')}.")
        return tuple(self.rows[row - 1] for row in self.blocks[identifier])

    def column(self, name: str) -> TableColumn:
        """The column of a name.

        Raises:
            PipelineError: the table has no such column.
        """
        by_name = {column.name: column for column in self.columns}
        if name not in by_name:
            raise PipelineError(f"Table {self.table}: {unknown('column', name, by_name, 'its columns')}.")
        return by_name[name]
