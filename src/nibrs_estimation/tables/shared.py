"""Definitions that tables share: `_sets.yaml`, `_columns.yaml` and `_variables.yaml`, checked with the code lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.tables.definition import Level, Status
from nibrs_estimation.tables.definition_file import DefinitionFile, unknown_name
from nibrs_estimation.tables.schema import ColumnForm, ColumnsForm, SetsForm, UnitForm
from nibrs_estimation.tables.variables import Variable, read_variables

#: Where the tables of this program are defined.
DEFINITIONS = Path(__file__).parent / "definitions"


@dataclass(frozen=True)
class Shared:
    """Definitions that tables share.

    Attributes:
        units: units of counting.
        sets: labels of categories.
        populations: population keys of categories.
        population_keys: every known key.
        columns: definitions of columns.
        offenses: offense codes of each column.
        lists: names of columns.
        variables: categories of each derived variable.
        levels: levels of each variable that is derived from records.
        statuses: statuses of variables whose codes, or whose source's codes, the reference's description does not give.
        tells: description of each variable.
        multipliers: names of factors of units.
    """

    units: Mapping[str, UnitForm]
    sets: Mapping[str, list[str]]
    populations: Mapping[str, list[str]]
    population_keys: frozenset[str]
    columns: Mapping[str, ColumnForm]
    offenses: Mapping[str, tuple[str, ...]]
    lists: Mapping[str, list[str]]
    variables: Mapping[str, frozenset[int]]
    levels: Mapping[str, tuple[Level, ...]]
    statuses: Mapping[str, Status]
    tells: Mapping[str, str]
    multipliers: frozenset[str]


def read_shared(folder: Path) -> Shared:
    """Read and check the shared definitions of a folder.

    Raises:
        PipelineError: something is wrong; gives file, line and how to fix it.
    """
    variables, multipliers = read_variables(DefinitionFile(folder / "_variables.yaml"))
    keys = frozenset(code_list("population_key")["code"])
    sets_file = DefinitionFile(folder / "_sets.yaml")
    sets = sets_file.parsed(SetsForm)
    _check_sets(sets_file, sets, keys)
    columns_file = DefinitionFile(folder / "_columns.yaml")
    columns = columns_file.parsed(ColumnsForm)
    return Shared(
        units=sets.units,
        sets=sets.sets,
        populations=sets.populations,
        population_keys=keys,
        columns=columns.columns,
        offenses=_offenses(columns_file, columns, variables),
        lists=columns.lists,
        variables={name: frozenset(variable.categories) for name, variable in variables.items()},
        levels={name: variable.levels for name, variable in variables.items() if variable.kind == "derived"},
        statuses=_statuses(variables),
        tells={name: variable.tells for name, variable in variables.items()},
        multipliers=multipliers,
    )


@cache
def unit_descriptions() -> Mapping[str, str]:
    """Unit of counting -> its description.

    Raises:
        PipelineError: ``_sets.yaml`` is wrong; gives file, line and how to fix it.
    """
    form = DefinitionFile(DEFINITIONS / "_sets.yaml").parsed(SetsForm)
    return {name: unit.counts for name, unit in form.units.items()}


def _statuses(variables: Mapping[str, Variable]) -> dict[str, Status]:
    """Status of each variable: its own, or that of the variable from which it is derived."""
    found: dict[str, Status] = {}
    for name, variable in variables.items():
        source: Variable | None = variable
        while source is not None and name not in found:
            if source.status is not None:
                found[name] = source.status
            source = variables.get(source.of or source.smallest_of or "")
    return found


def _check_sets(file: DefinitionFile, form: SetsForm, keys: frozenset[str]) -> None:
    for name, labels in form.sets.items():
        if len(set(labels)) < len(labels):
            raise file.error(f"set {name} has a label twice; keep one", "sets", name)
    for name, populations in form.populations.items():
        for number, key in enumerate(populations):
            if key not in keys:
                message = unknown_name("population", key, keys, "code list population_key")
                raise file.error(message, "populations", name, number)
        if name in form.sets and len(populations) != len(form.sets[name]):
            message = f"set {name} has {len(form.sets[name])} categories, but {len(populations)} populations"
            raise file.error(f"{message}; give one for each", "populations", name)


def _offenses(file: DefinitionFile, form: ColumnsForm, variables: Mapping[str, Variable]) -> dict[str, tuple[str, ...]]:
    known: list[str] = code_list("offense")["code"].to_list()
    flags = [name for name, variable in variables.items() if variable.categories in ((1,), (0, 1))]
    found = {}
    for name, column in form.columns.items():
        key = "except" if column.offenses is None else "offenses"
        codes = column.offenses if column.offenses is not None else column.except_ or []
        for number, code in enumerate(codes):
            if code not in known:
                message = f"there is no offense code {code} in code list offense; correct it"
                raise file.error(message, "columns", name, key, number)
            if code in codes[:number]:
                raise file.error(f"code {code} is repeated; keep one", "columns", name, key, number)
        if column.where is not None and column.where not in flags:
            raise file.error(unknown_name("flag", column.where, flags, "_variables.yaml"), "columns", name, "where")
        found[name] = tuple(codes) if key == "offenses" else tuple(code for code in known if code not in codes)
    for name, columns in form.lists.items():
        check_columns(file, columns, form.columns, "lists", name)
    return found


def check_columns(file: DefinitionFile, names: list[str], known: Iterable[str], *place: str | int) -> None:
    """Refuse a list of columns with a repeated or unknown name."""
    for number, name in enumerate(names):
        if name not in known:
            raise file.error(unknown_name("column", name, known, "_columns.yaml"), *place, number)
        if name in names[:number]:
            raise file.error(f"column {name} is repeated; keep one", *place, number)
