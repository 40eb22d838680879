"""Reading of table definitions; each is one YAML file, which is checked when it is read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.tables.definition import TableColumn, TableDefinition
from nibrs_estimation.tables.definition_file import DefinitionFile, unknown_name
from nibrs_estimation.tables.rows import Frame, conditions, expand_rows, identified_rows, row_numbers
from nibrs_estimation.tables.schema import Block, TableForm
from nibrs_estimation.tables.shared import DEFINITIONS, Shared, check_columns, read_shared

#: Tables of summary counts, whose columns are lines of the Return A.
SUMMARY_DEFINITIONS = DEFINITIONS / "summary"
#: Units of counting of these tables: completed and weighted, and as reported, without weights.
RETURN_A, RETURN_A_REPORTED = "return_a", "return_a_reported"


@cache
def table_definitions() -> Mapping[str, TableDefinition]:
    """Every table and variant of incidents by name, in order: 1a, 1b, ..., 3a, 3aclear, 3aunclear, ...

    Raises:
        PipelineError: a file is wrong; gives file, line and how to fix it.
    """
    return read_tables(DEFINITIONS)


@cache
def summary_definitions() -> Mapping[str, TableDefinition]:
    """Every table of summary counts by name: SRS1a, SRS1araw, SRS2a.

    Raises:
        PipelineError: a file is wrong; gives file, line and how to fix it.
    """
    return read_tables(SUMMARY_DEFINITIONS, _shared())


def all_definitions() -> Mapping[str, TableDefinition]:
    """Every table by name, those of incidents first."""
    return {**table_definitions(), **summary_definitions()}


def table_definition(name: str) -> TableDefinition:
    """The definition of a table or variant, such as ``1a``; case is ignored.

    Raises:
        UsageError: there is no such table.
        PipelineError: a file is wrong; gives file, line and how to fix it.
    """
    single = _read_single_table(name.lower())
    if single is not None:
        return single
    tables = all_definitions()
    found = next((table for known, table in tables.items() if known.lower() == name.lower()), None)
    if found is None:
        by_name = {known.lower(): known for known in tables}
        similar = [by_name[known] for known in difflib.get_close_matches(name.lower(), by_name)]
        hint = f" (did you mean {' or '.join(similar)}?)" if similar else ""
        raise UsageError(f"There is no table {name!r}{hint}. The tables are: {', '.join(tables)}.")
    return found


@cache
def _read_single_table(name: str) -> TableDefinition | None:
    """A table that has its own file, read without the others, which take a second; None for a variant.

    Args:
        name: name of the table in lower case.
    """
    path = next((path for path in DEFINITIONS.glob("[!_]*.yaml") if path.stem.lower() == name), None)
    if path is None:
        return None
    files = {path.stem: DefinitionFile(path)}
    forms = {path.stem: files[path.stem].parsed(TableForm)}
    other = forms[path.stem].rows_of
    if other is not None and (DEFINITIONS / f"{other}.yaml").is_file():
        files[other] = DefinitionFile(DEFINITIONS / f"{other}.yaml")
        forms[other] = files[other].parsed(TableForm)
    return _table(path.stem, files, forms, _shared())


@cache
def _shared() -> Shared:
    return read_shared(DEFINITIONS)


def read_tables(folder: Path, shared: Shared | None = None) -> dict[str, TableDefinition]:
    """The tables and variants of a folder of definitions; without ``shared``, it has shared definitions of its own."""
    if shared is None:
        shared = _shared() if folder == DEFINITIONS else read_shared(folder)
    names = sorted((path.stem for path in folder.glob("[!_]*.yaml")), key=_natural)
    files = {name: DefinitionFile(folder / f"{name}.yaml") for name in names}
    forms = {name: file.parsed(TableForm) for name, file in files.items()}
    found: dict[str, TableDefinition] = {}
    for name, form in forms.items():
        file = files[name]
        if form.table != name:
            raise file.error(f"table is {form.table}, but the file is {name}.yaml; give both the same name", "table")
        table = _table(name, files, forms, shared)
        for variant in _with_variants(file, form, table, shared):
            if variant.table in found or (variant.variant_of and variant.table in forms):
                raise file.error(f"there are two tables {variant.table}; rename one", "variants", variant.table)
            found[variant.table] = variant
    return found


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key: DM2 before DM10, numbers before letters."""
    return [(int(part), "") if part.isdigit() else (10**6, part) for part in re.findall(r"\d+|\D+", name)]


def _table(
    name: str, files: Mapping[str, DefinitionFile], forms: Mapping[str, TableForm], shared: Shared
) -> TableDefinition:
    file, form = files[name], forms[name]
    if form.unit not in shared.units:
        raise file.error(unknown_name("unit", form.unit, shared.units, "_sets.yaml"), "unit")
    source, blocks, n_rows = _blocks(file, form, files, forms)
    drop = frozenset(row_numbers(file, form.drop, n_rows, "drop"))
    frame = Frame(source, shared, form.unit, drop, form.percentage_detail)
    rows = expand_rows(frame, blocks, n_rows)
    columns = _columns(file, form, shared, n_rows)
    return TableDefinition(
        table=form.table,
        title=form.title,
        unit=form.unit,
        universe=form.universe,
        counts=form.counts,
        where=conditions(file, form.where, shared, "where"),
        variant_of=None,
        demographic=form.demographic,
        column_variable=form.column_variable,
        columns=columns,
        rows=rows,
        blank=_blank_cells(file, form, columns, n_rows),
        unknown=_unknown(file, form, source, blocks, n_rows),
        blank_by_series={
            str(dimension): row_numbers(file, listed, n_rows, "blank_by_series", dimension)
            for dimension, listed in form.blank_by_series.items()
        },
        blocks=identified_rows(blocks, n_rows),
        rate_specific_domain=form.rate_specific_domain,
        status=None,
    )


def _blocks(
    file: DefinitionFile, form: TableForm, files: Mapping[str, DefinitionFile], forms: Mapping[str, TableForm]
) -> tuple[DefinitionFile, list[Block], int]:
    """The file that contains the blocks, the blocks, and their number of rows."""
    name = form.table if form.rows_of is None else form.rows_of
    other = forms.get(name)
    if other is None or other.blocks is None or other.n_rows is None:
        raise file.error(f"there is no table {name} with blocks; use a table that has blocks", "rows_of")
    return files[name], other.blocks, other.n_rows


def _columns(file: DefinitionFile, form: TableForm, shared: Shared, n_rows: int) -> tuple[TableColumn, ...]:
    if isinstance(form.columns, str):
        if form.columns not in shared.lists:
            message = unknown_name("list of columns", form.columns, shared.lists, "_columns.yaml")
            raise file.error(message, "columns")
        names = shared.lists[form.columns]
    else:
        names = form.columns
        check_columns(file, names, shared.columns, "columns")
    if form.column_variable is not None and form.column_variable not in shared.variables:
        message = unknown_name("variable", form.column_variable, shared.variables, "_variables.yaml")
        raise file.error(message, "column_variable")
    for name, rule in form.column_rules.items():
        place = ("column_rules", name)
        for key, known, where in (
            (name, names, "the table's columns"),
            (rule.plus, names, "the table's columns"),
            (rule.unit, shared.units, "_sets.yaml"),
            (rule.multiplier, shared.multipliers, "_variables.yaml"),
        ):
            if key is not None and key not in known:
                raise file.error(unknown_name("name", key, known, where), *place)
    return tuple(_column(file, form, shared, name, position, n_rows) for position, name in enumerate(names, start=1))


def _column(
    file: DefinitionFile, form: TableForm, shared: Shared, name: str, position: int, n_rows: int
) -> TableColumn:
    column, rule = shared.columns[name], form.column_rules.get(name)
    if (column.category is not None) != (form.column_variable is not None):
        problem = f"column {name} has {'a' if column.category is not None else 'no'} category"
        raise file.error(f"{problem}; `column_variable` is the variable of the columns' categories", "columns")
    if column.category is not None and column.category not in shared.variables[str(form.column_variable)]:
        raise file.error(
            f"{form.column_variable} has no category {column.category}, which column {name} uses; correct one of them",
            "columns",
        )
    return TableColumn(
        position=position,
        name=name,
        label=column.label,
        offenses=shared.offenses[name],
        new_codes=tuple(column.new_codes),
        where=column.where,
        category=column.category,
        group=column.group,
        unit=rule.unit if rule and rule.unit else form.unit,
        except_rows=row_numbers(file, rule.except_rows, n_rows, "column_rules", name, "except_rows") if rule else (),
        plus=rule.plus if rule else None,
        multiplier=rule.multiplier if rule else None,
        definition=_definition(shared, name),
        status=column.status,
    )


def _definition(shared: Shared, name: str) -> str | None:
    """The offenses of a column with several offenses, and its condition, in words."""
    form, codes = shared.columns[name], shared.offenses[name]
    names = _offense_names()
    condition = None if form.where is None else f"only where: {shared.tells[form.where]}"
    offenses = None
    if form.except_ is not None:
        offenses = "all offenses but " + "; ".join(f"{names[code]} ({code})" for code in form.except_)
    elif len(codes) > 1:
        offenses = "; ".join(f"{names[code]} ({code})" for code in codes)
    return "; ".join(part for part in (offenses, condition) if part) or None


@cache
def _offense_names() -> dict[str, str]:
    return dict(code_list("offense").select("code", "label").iter_rows())


def _unknown(
    file: DefinitionFile, form: TableForm, source: DefinitionFile, blocks: list[Block], n_rows: int
) -> tuple[int, ...]:
    """Rows of units whose item is unknown: those of blocks, and those that are blank when items are imputed."""
    rows: set[int] = set()
    for number, block in enumerate(blocks):
        rows.update(row_numbers(source, block.unknown, n_rows, "blocks", number, "unknown"))
    for number, blank in enumerate(form.blank):
        if blank.when is not None:
            rows.update(row_numbers(file, blank.rows, n_rows, "blank", number, "rows"))
    return tuple(sorted(rows))


def _blank_cells(
    file: DefinitionFile, form: TableForm, columns: tuple[TableColumn, ...], n_rows: int
) -> frozenset[tuple[int, int]]:
    positions = {column.name: column.position for column in columns}
    cells: set[tuple[int, int]] = set()
    for number, blank in enumerate(form.blank):
        for key, names in (("columns", blank.columns), ("except_columns", blank.except_columns)):
            check_columns(file, names or [], positions, "blank", number, key)
        named = blank.columns if blank.columns is not None else positions.keys() - set(blank.except_columns or [])
        rows = row_numbers(file, blank.rows, n_rows, "blank", number, "rows")
        # Items are not imputed yet, so rows that are blank after imputation are shown.
        if blank.when is None:
            cells |= {(row, positions[name]) for row in rows for name in named}
    return frozenset(cells)


def _with_variants(
    file: DefinitionFile, form: TableForm, table: TableDefinition, shared: Shared
) -> list[TableDefinition]:
    variants = []
    for name, variant in form.variants.items():
        if variant.unit is not None and variant.unit not in shared.units:
            message = unknown_name("unit", variant.unit, shared.units, "_sets.yaml")
            raise file.error(message, "variants", name, "unit")
        counted = table if variant.unit is None else _of_unit(table, variant.unit)
        made = replace(
            counted,
            table=name,
            title=variant.title,
            counts=variant.counts,
            status=variant.status,
            where=(*table.where, *conditions(file, variant.where, shared, "variants", name, "where")),
            variant_of=table.table,
        )
        variants.append(made)
    return [table, *variants]


def _of_unit(table: TableDefinition, unit: str) -> TableDefinition:
    """The same table, whose own unit is another."""
    columns = tuple(replace(column, unit=unit) if column.unit == table.unit else column for column in table.columns)
    rows = tuple(replace(row, unit=unit) if row.unit == table.unit else row for row in table.rows)
    return replace(table, unit=unit, columns=columns, rows=rows)
