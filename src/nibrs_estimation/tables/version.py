"""Which definition cells were estimated by: they mean nothing under the labels of another."""

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
    """A number made of a table's definition and of the variables that it asks for: 31 bits of their hash."""
    seen: set[str] = set()
    waiting = list(_asked(table))
    while waiting:
        name = waiting.pop()
        if name in variables and name not in seen:
            seen.add(name)
            waiting += [other for other in (variables[name].of, variables[name].smallest_of) if other]
    # Words that explain a number do not change it, nor do names by which code asks for it.
    counted = {name: value for name, value in vars(table).items() if name not in _WITHOUT_EFFECT}
    counted["columns"] = [
        {name: value for name, value in vars(column).items() if name != "definition"} for column in table.columns
    ]
    told = {"table": counted, "variables": [variables[name] for name in sorted(seen)]}
    digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=_plain).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def _plain(value: Any) -> Any:
    """What JSON does not know: rows and variables by their fields, sets in order."""
    return vars(value) if is_dataclass(value) else sorted(value)


def _asked(table: TableDefinition) -> Iterator[str]:
    conditions = [*table.where, *(condition for row in table.rows for condition in row.where)]
    yield from (name for name, _categories in conditions)
    yield from (row.variable for row in table.rows if row.variable)
    yield from (column.where for column in table.columns if column.where)
    yield from [table.column_variable] if table.column_variable else []
