"""Reading table definitions: each is one YAML file, checked when it is read."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from nibrs_estimation.pipeline.errors import PipelineError

_FOLDER = Path(__file__).parent / "definitions"
_COLUMNS_FILE = "_columns.yaml"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TableColumn(_Strict):
    """A column: units that hold one of the offense codes, and whose incident has the attribute ``where``."""

    name: str
    label: str
    offenses: tuple[str, ...]
    where: Literal["is_carjacking"] | None = None


class TableRow(_Strict):
    """A row: a count of units, or a rate made from the count row ``of``."""

    row: int
    section: int
    label: str
    estimate: Literal["count", "rate"]
    of: int | None = None


class TableDefinition(_Strict):
    """A table: what is counted (unit), in which columns and rows."""

    table: str
    title: str
    unit: Literal["incident"]
    rate_label: str
    columns: tuple[TableColumn, ...]
    rows: tuple[TableRow, ...]

    @model_validator(mode="after")
    def _rates_have_counts(self) -> TableDefinition:
        counts = {row.row for row in self.rows if row.estimate == "count"}
        for row in self.rows:
            if (row.estimate == "rate") != (row.of is not None) or (row.of is not None and row.of not in counts):
                raise ValueError(f"row {row.row}: a rate, and only a rate, names in `of` the count row it is made from")
        return self


@cache
def table_definition(name: str) -> TableDefinition:
    """The definition of a table, such as ``1a``.

    Raises:
        PipelineError: the file does not fit the schema; names file and place.
    """
    shared = _load(_COLUMNS_FILE)
    content = _load(f"{name}.yaml")
    try:
        content["columns"] = [{"name": column, **shared[column]} for column in content["columns"]]
        return TableDefinition(**content)
    except KeyError as error:
        raise PipelineError(f"{name}.yaml uses the column {error}, which {_COLUMNS_FILE} does not define.") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise PipelineError(f"Table definition {name}.yaml is wrong at {problems}.") from error


def _load(file_name: str) -> dict[str, Any]:
    try:
        content: dict[str, Any] = yaml.safe_load((_FOLDER / file_name).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise PipelineError(f"Table definition {file_name} is not valid YAML: {error}") from error
    return content
