"""The form of the definition files; ``docs/develop/adding-a-table.md`` explains each key."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from nibrs_estimation.tables.definition import Against, Join, Level, RowKind, Several, Status, VariableKind

Text = Annotated[str, StringConstraints(min_length=1)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Positive = Annotated[int, Field(ge=1)]
Where = dict[str, list[int]]
Dimension = Literal["AGE", "SEX", "RACE"]
RowRange = Annotated[str, StringConstraints(pattern=r"^[1-9]\d*-[1-9]\d*$")]
Rows = list[Positive | RowRange]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class UnitForm(_Strict):
    """A unit of counting in ``_sets.yaml``."""

    level: Text
    counts: Text


class SetsForm(_Strict):
    """``_sets.yaml``."""

    units: dict[str, UnitForm]
    sets: dict[str, list[Text]]
    populations: dict[str, list[Text]]


class ColumnForm(_Strict):
    """A column in ``_columns.yaml``."""

    label: Text
    offenses: list[Text] | None = None
    except_: list[Text] | None = Field(None, alias="except")
    where: str | None = None
    category: Positive | None = None
    group: Positive | None = None
    new_codes: list[Against] = []
    status: Status | None = None

    @model_validator(mode="after")
    def _has_codes(self) -> ColumnForm:
        if (self.offenses is None) == (self.except_ is None):
            raise ValueError(
                "give the offense codes in `offenses`, or the codes that do not count in `except`; not both"
            )
        return self


class ColumnsForm(_Strict):
    """``_columns.yaml``."""

    columns: dict[str, ColumnForm]
    lists: dict[str, list[Text]]


class VariableForm(_Strict):
    """A derived variable in ``_variables.yaml``."""

    categories: Positive
    tells: Text
    kind: VariableKind = "derived"
    of: Text | None = None
    level: Level | None = None
    codes: dict[int, list[Text]] = {}
    others: Positive | None = None
    without: Positive | None = None
    several: Several = "each"
    smallest_of: Text | None = None
    status: Status | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> VariableForm:
        if (self.kind == "within_column") != (self.smallest_of is not None):
            raise ValueError(
                "variables of kind within_column, and no others, have `smallest_of`, a variable of offenses"
            )
        return self


class FlagForm(_Strict):
    """A flag in ``_variables.yaml``: a variable with category 1, and also category 0 if ``others`` is 0."""

    tells: Text
    of: Text | None = None
    level: Level | None = None
    codes: list[Text] = []
    others: Literal[0] | None = None
    several: Several = "each"
    status: Status | None = None


class VariablesForm(_Strict):
    """``_variables.yaml``."""

    variables: dict[str, VariableForm]
    flags: dict[str, FlagForm]
    multipliers: dict[str, Text]


class VariantForm(_Strict):
    """A variant of a table: the same rows and columns for fewer units, or for units of another kind."""

    title: Text
    counts: Text
    where: Where = {}
    unit: str | None = None
    status: Status | None = None


class ColumnRule(_Strict):
    """How a column of a table is counted differently from the others (handbook 10)."""

    unit: str | None = None
    except_rows: Rows = []
    plus: str | None = None
    multiplier: str | None = None


class BlankCells(_Strict):
    """Cells that are never estimated, or not estimated ``when`` items are imputed; without columns, whole rows."""

    rows: Rows
    when: Literal["imputed"] | None = None
    columns: list[str] | None = None
    except_columns: list[str] | None = None

    @model_validator(mode="after")
    def _names_columns(self) -> BlankCells:
        if self.columns is not None and self.except_columns is not None:
            raise ValueError("give `columns` or `except_columns`, not both")
        return self


class Block(_Strict):
    """Consecutive rows of a table, with an ``id`` if code uses them; several blocks may have the same ``id``."""

    start: Positive
    id: Identifier | None = None
    section: Positive
    label: Text | None = None
    labels: list[Text] | None = None
    set: str | None = None
    cross: tuple[str, str] | None = Field(None, strict=False)
    prefix: str = ""
    kind: RowKind = "category"
    of: Positive | None = None
    variable: str | None = None
    categories: list[Annotated[int, Field(ge=0)]] | None = None
    where: Where = {}
    join: Join | None = None
    unit: str | None = None
    denominator: Literal["self", "total"] | Rows | None = None
    unknown: Rows = []
    detail: Text | None = None
    population: Text | list[Text] | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Block:
        if sum(given is not None for given in (self.label, self.labels, self.set, self.cross)) != 1:
            raise ValueError("give the labels of the rows in one of `label`, `labels`, `set` and `cross`")
        if (self.kind == "category") != (self.variable is not None and self.join is not None):
            raise ValueError("rows of categories, and no others, have `variable` and `join`")
        if (self.kind == "rate") != (self.of is not None):
            raise ValueError("a rate, and no other row, has `of`, the count row from which it is computed")
        if self.kind.startswith("rate") and self.population is None:
            raise ValueError("a rate needs a `population`: a key of code list population_key")
        if self.kind.startswith("total") and self.population is not None:
            raise ValueError("a total has no `population`: add a separate row of kind rate for its rate")
        if self.kind != "category" and self.denominator is not None:
            raise ValueError("totals and rates have no `denominator`")
        if self.unknown and self.denominator is None:
            raise ValueError("`unknown` is subtracted from a `denominator`: give a `denominator`, or remove `unknown`")
        return self


class TableForm(_Strict):
    """The file of a table."""

    table: Text
    title: Text
    unit: str
    universe: Text
    counts: Text
    where: Where = {}
    percentage_detail: Text | None = None
    variants: dict[str, VariantForm] = {}
    demographic: Literal["victim", "arrestee"] | None = None
    columns: str | list[str]
    column_variable: str | None = None
    column_rules: dict[str, ColumnRule] = {}
    rate_specific_domain: bool = False
    drop: list[Positive] = []
    blank: list[BlankCells] = []
    blank_by_series: dict[Dimension, Rows] = {}
    rows_of: str | None = None
    n_rows: Positive | None = None
    blocks: Annotated[list[Block], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> TableForm:
        if (self.blocks is None) == (self.rows_of is None) or (self.blocks is None) != (self.n_rows is None):
            raise ValueError(
                "give the rows in `n_rows` and `blocks`, or a table with the same rows in `rows_of`; not both"
            )
        if self.blank_by_series and self.demographic is None:
            raise ValueError(
                "`blank_by_series` needs `demographic`: only such tables are repeated for groups of persons"
            )
        return self
