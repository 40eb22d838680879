"""The version of a table definition, which is stored with estimates so that labels and numbers match."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any

from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.variables import Variable

_WITHOUT_EFFECT = ("counts", "blocks", "rate_specific_domain")


def definition_version(table: TableDefinition, variables: Mapping[str, Variable]) -> int:
    """31 bits of a hash of a table's definition and of the variables that it uses."""
    seen: set[str] = set()
    pending = list(_variable_names(table))
    while pending:
        name = pending.pop()
        if name in variables and name not in seen:
            seen.add(name)
            pending += [other for other in (variables[name].of, variables[name].smallest_of) if other]
    # Explanations, and identifiers that are used in code, do not change the numbers.
    counted = {name: value for name, value in vars(table).items() if name not in _WITHOUT_EFFECT}
    counted["columns"] = [
        {name: value for name, value in vars(column).items() if name != "definition"} for column in table.columns
    ]
    content = {"table": counted, "variables": [variables[name] for name in sorted(seen)]}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True, default=_plain).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def _plain(value: Any) -> Any:
    """Convert objects that JSON does not support: dataclasses to their fields, sets to sorted lists."""
    return vars(value) if is_dataclass(value) else sorted(value)


def _variable_names(table: TableDefinition) -> Iterator[str]:
    conditions = [*table.where, *(condition for row in table.rows for condition in row.where)]
    yield from (name for name, _categories in conditions)
    yield from (row.variable for row in table.rows if row.variable)
    yield from (column.where for column in table.columns if column.where)
    yield from [table.column_variable] if table.column_variable else []
