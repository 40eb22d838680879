"""The rows of a table, from the blocks in its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nibrs_estimation.tables.definition import Condition, Estimate, TableRow
from nibrs_estimation.tables.definition_file import DefinitionFile, unknown_name
from nibrs_estimation.tables.schema import Block
from nibrs_estimation.tables.shared import Shared
from nibrs_estimation.tables.variables import LEVEL_OF_JOIN

TOTAL, OFFICER = "TOTAL", "OFFICER"


@dataclass(frozen=True)
class Frame:
    """Data for the rows of one table.

    Attributes:
        file: file that contains the blocks, for errors.
        shared: sets, populations, variables.
        unit: the table's unit.
        dropped: rows that are never published.
        percentage_detail: text of every percentage, or None if the block gives it.
    """

    file: DefinitionFile
    shared: Shared
    unit: str
    dropped: frozenset[int]
    percentage_detail: str | None


def expand_rows(frame: Frame, blocks: Sequence[Block], n_rows: int) -> tuple[TableRow, ...]:
    """The rows of a table, checked.

    Raises:
        PipelineError: blocks overlap or leave a gap, sections are not in order, a label is repeated, or a block uses
            an unknown name; gives file, line and how to fix it.
    """
    labels = [_labels(frame, number, block) for number, block in enumerate(blocks)]
    _check_tiling(frame.file, blocks, labels, n_rows)
    rows = [
        row for number, block in enumerate(blocks) for row in _block_rows(frame, number, block, labels[number], n_rows)
    ]
    by_number = {row.row: row for row in rows}
    seen: set[str] = set()
    for number, block in enumerate(blocks):
        _check_references(frame, number, block, by_number)
        for label in labels[number]:
            if label in seen:
                raise frame.file.error(f"a row {label!r} is repeated; keep one", "blocks", number)
            seen.add(label)
    return tuple(rows)


def identified_rows(blocks: Sequence[Block], n_rows: int) -> dict[str, tuple[int, ...]]:
    """Identifier -> rows of the blocks that have it."""
    ends = [*(block.start for block in blocks[1:]), n_rows + 1]
    found: dict[str, tuple[int, ...]] = {}
    for block, end in zip(blocks, ends, strict=True):
        if block.id is not None:
            found[block.id] = (*found.get(block.id, ()), *range(block.start, end))
    return found


def row_numbers(file: DefinitionFile, rows: Sequence[int | str], n_rows: int, *place: str | int) -> tuple[int, ...]:
    """Numbers from a list of numbers and ranges such as ``5-14``.

    Raises:
        PipelineError: the table has no such row, or it is repeated.
    """
    found: list[int] = []
    for number, item in enumerate(rows):
        first, last = (int(end) for end in str(item).split("-")) if isinstance(item, str) else (item, item)
        if not first <= last <= n_rows:
            raise file.error(f"there is no row {item}; the table has rows 1 to {n_rows}", *place, number)
        if set(found) & set(range(first, last + 1)):
            raise file.error(f"{item} repeats a row; give each row once", *place, number)
        found += range(first, last + 1)
    return tuple(found)


def conditions(
    file: DefinitionFile, where: Mapping[str, list[int]], shared: Shared, *place: str | int
) -> tuple[Condition, ...]:
    """Conditions on derived variables, checked."""
    for variable, categories in where.items():
        _check_categories(file, variable, categories, shared, *place, variable)
    return tuple((variable, tuple(categories)) for variable, categories in where.items())


def _labels(frame: Frame, number: int, block: Block) -> list[str]:
    def of_set(name: str, key: str) -> list[str]:
        if name not in frame.shared.sets:
            raise frame.file.error(unknown_name("set", name, frame.shared.sets, "_sets.yaml"), "blocks", number, key)
        return frame.shared.sets[name]

    if block.cross is not None:
        outer, inner = (of_set(name, "cross") for name in block.cross)
        labels = [f"{first}: {second}" for first in outer for second in inner]
    elif block.set is not None:
        labels = of_set(block.set, "set")
    else:
        labels = block.labels if block.labels is not None else [block.label or ""]
    return [block.prefix + label for label in labels]


def _check_tiling(file: DefinitionFile, blocks: Sequence[Block], labels: list[list[str]], n_rows: int) -> None:
    following, section = 1, 1
    for number, block in enumerate(blocks):
        if block.start != following:
            problem = "overlaps the block before" if block.start < following else "leaves a gap"
            message = f"start {block.start} {problem}; the next row is {following}"
            raise file.error(message, "blocks", number, "start")
        if block.section not in (section, section + 1):
            message = f"section {block.section} follows section {section}; sections increase by 1"
            raise file.error(message, "blocks", number, "section")
        following, section = following + len(labels[number]), block.section
    if following != n_rows + 1:
        raise file.error(f"the blocks have {following - 1} rows, but n_rows is {n_rows}; correct one of them", "n_rows")


def _block_rows(frame: Frame, number: int, block: Block, labels: list[str], n_rows: int) -> list[TableRow]:
    numbers = range(block.start, block.start + len(labels))
    categories = _categories(frame, number, block, len(labels))
    populations = _populations(frame, number, block, len(labels))
    unit = frame.unit if block.unit is None else block.unit
    if unit not in frame.shared.units:
        raise frame.file.error(unknown_name("unit", unit, frame.shared.units, "_sets.yaml"), "blocks", number, "unit")
    level = frame.shared.units[unit].level
    where = conditions(frame.file, block.where, frame.shared, "blocks", number, "where")
    _check_join(frame, number, block)
    denominator = _denominator(frame, number, block, numbers, n_rows)
    not_known = row_numbers(frame.file, block.unknown, n_rows, "blocks", number, "unknown")
    status = frame.shared.statuses.get(str(block.variable))
    detail = frame.percentage_detail or f"{level} Level{f' {block.detail}' if block.detail else ''}"
    rows = []
    for row, label, category, population in zip(numbers, labels, categories, populations, strict=True):
        is_dropped = row in frame.dropped
        rows.append(
            TableRow(
                row=row,
                section=block.section,
                label=label,
                kind=block.kind,
                estimates=() if is_dropped else _estimates(block),
                variable=block.variable,
                category=category,
                where=where,
                join=block.join,
                unit=unit,
                denominator=denominator,
                known_denominator=() if row in not_known else _known_denominator(denominator, not_known),
                population=population,
                of=block.of,
                is_dropped=is_dropped,
                percentage_detail=detail if denominator else None,
                rate_detail=None if population is None else _rate_detail(level, population, label),
                status=status,
            )
        )
    return rows


def _estimates(block: Block) -> tuple[Estimate, ...]:
    """Rows with a population and no denominator have rates only (handbook 10)."""
    has_rate, has_percentage = block.population is not None, block.denominator is not None
    found: list[Estimate] = []
    if not has_rate or has_percentage:
        found.append("count")
    if has_percentage:
        found.append("percentage")
    if has_rate:
        found.append("rate")
    return tuple(found)


def _rate_detail(level: str, population: str, label: str) -> str:
    if population == OFFICER:
        return f"{level} rate per 100,000 law enforcement officers"
    text = f"{level} rate per 100,000 persons"
    return text if population == TOTAL else f"{text} among persons {label.partition(':')[2].strip()}"


def _categories(frame: Frame, number: int, block: Block, size: int) -> list[int | None]:
    if block.variable is None:
        return [None] * size
    categories = list(range(1, size + 1)) if block.categories is None else block.categories
    key = "variable" if block.categories is None else "categories"
    _check_categories(frame.file, block.variable, categories, frame.shared, "blocks", number, key)
    if len(categories) != size:
        message = f"{size} rows have {len(categories)} categories; give one for each"
        raise frame.file.error(message, "blocks", number, "categories")
    return list(categories)


def _check_categories(
    file: DefinitionFile, variable: str, categories: list[int], shared: Shared, *place: str | int
) -> None:
    if variable not in shared.variables:
        raise file.error(unknown_name("variable", variable, shared.variables, "_variables.yaml"), *place)
    known = shared.variables[variable]
    if not set(categories) <= known:
        problem = f"{variable} has the categories {min(known)} to {max(known)}, not all of {categories}"
        raise file.error(f"{problem}; correct one of them", *place)
    if len(set(categories)) < len(categories):
        raise file.error(f"a category of {variable} is repeated; rows must not overlap", *place)


def _check_join(frame: Frame, number: int, block: Block) -> None:
    levels = frame.shared.levels.get(str(block.variable))
    if levels is not None and LEVEL_OF_JOIN.get(str(block.join)) not in levels:
        message = f"{block.variable} cannot be joined by {block.join}; its `join` may be one of"
        known = ", ".join(join for join, level in LEVEL_OF_JOIN.items() if level in levels)
        raise frame.file.error(f"{message}: {known}", "blocks", number, "join")


def _populations(frame: Frame, number: int, block: Block, size: int) -> list[str | None]:
    if block.population is None:
        return [None] * size
    known = frame.shared.population_keys
    keys = block.population
    if isinstance(keys, str):
        keys = frame.shared.populations.get(keys, [keys] * size)
    for key in keys:
        if key not in known:
            message = unknown_name("population", key, known, "code list population_key")
            raise frame.file.error(message, "blocks", number, "population")
    if len(keys) != size:
        message = f"{size} rows have {len(keys)} populations; give one for each"
        raise frame.file.error(message, "blocks", number, "population")
    return list(keys)


def _denominator(frame: Frame, number: int, block: Block, numbers: range, n_rows: int) -> tuple[int, ...]:
    """The rows of a block's denominator; with "self", dropped rows are not included (handbook 10, remarks)."""
    if block.denominator is None:
        return ()
    if block.denominator == "total":
        return (1,)
    if block.denominator == "self":
        return tuple(row for row in numbers if row not in frame.dropped)
    return row_numbers(frame.file, block.denominator, n_rows, "blocks", number, "denominator")


def _known_denominator(denominator: tuple[int, ...], unknown: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """The denominator minus the units whose item is unknown; these are rows of it, or parts of its total."""
    if not unknown:
        return ()
    if set(unknown) <= set(denominator):
        return tuple((row, 1) for row in denominator if row not in unknown)
    return (*((row, 1) for row in denominator), *((row, -1) for row in unknown))


def _check_references(frame: Frame, number: int, block: Block, rows: Mapping[int, TableRow]) -> None:
    own = rows[block.start]
    for row, _factor in own.known_denominator:
        if "count" not in rows[row].estimates:
            message = f"row {row} is not counted, so it cannot be subtracted; give rows that are counted"
            raise frame.file.error(message, "blocks", number, "unknown")
    for row in own.denominator:
        if "count" not in rows[row].estimates:
            message = f"row {row} has no count, so it cannot be a denominator; give rows that are counted"
            raise frame.file.error(message, "blocks", number, "denominator")
    if block.of is not None and (block.of not in rows or rows[block.of].kind != "total"):
        message = f"row {block.of} is not a total, so a rate cannot be computed from it; give a row of kind total"
        raise frame.file.error(message, "blocks", number, "of")
