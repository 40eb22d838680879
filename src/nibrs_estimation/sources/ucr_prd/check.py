"""Checks of a `ucr_prd` database against its description, generated from the declarations of its tables.

For every table, the checks are in this order: it exists; its columns exist, are readable and have the declared type; it
has rows; keys, codes and numbers are right; rows that others refer to exist. All of it is one snapshot. A table is read
once for its rows, keys, codes and numbers. What the database itself enforces is not read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nibrs_estimation.model import ucr_prd
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.contract import SAMPLED
from nibrs_estimation.pipeline.database import ConnectionLostError, Database
from nibrs_estimation.pipeline.dataset import Column, Dataset
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.optional import postgresql_module
from nibrs_estimation.sources.ucr_prd.agencies import OPTIONAL_TABLE
from nibrs_estimation.sources.ucr_prd.catalogue import DEFAULT_SCHEMA, TABLES, Found, read_catalogue, type_fault

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

    _Connection = psycopg.Connection[tuple[object, ...]]
else:
    psycopg = postgresql_module("psycopg")
    sql = postgresql_module("psycopg.sql")

MOST_EXAMPLES = 5
#: Columns of a sample beside the key; all others may describe a person or are not needed.
_SAMPLE_COLUMNS = ("incident_id", "agency_id", "data_year")
#: A value that has the form of a code. Anything longer could be a name or a number of a person in a wrong column.
_CODE = re.compile(r"[A-Za-z0-9+*-]{1,4}|-?[0-9]{1,19}(\.[0-9]+)?")
_RESTORE = "Restore the table from the export."
#: Tables in which a repeated key would repeat agencies or codes in every result; of others the importer keeps one row.
_MUST_BE_UNIQUE = {table.name for table in (*ucr_prd.REFERENCE_TABLES, *ucr_prd.LOOKUP_TABLES)}

#: Unique indexes of all rows, and foreign keys, that the database enforces: kind, table, columns.
_ENFORCED = """
SELECT 'unique', c.relname, array(SELECT a.attname::text FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey::int2[]))
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
UNION ALL
SELECT 'reference', c.relname, array(SELECT a.attname::text FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = k.conrelid AND a.attnum = ANY(k.conkey))
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND k.contype = 'f' AND k.convalidated"""


@dataclass(frozen=True)
class Check:
    """One check of a table, passed or failed.

    Attributes:
        table: name of the table.
        column: name of the column, or "" for the whole table.
        rule: a key of :data:`~nibrs_estimation.model.contract.RULES`.
        severity: "error" (the table cannot be used as it is) or "warning".
        count: number of rows, or of columns, that break the rule; of rule "row_count", the number of rows.
        is_passed: whether the rule holds.
        rows: number of rows of the table; None if it is unknown.
        examples: some of the values that break the rule.
        message: text for the user; "" if the check passed.
    """

    table: str
    column: str
    rule: str
    severity: str
    count: int = 0
    is_passed: bool = True
    rows: int | None = None
    examples: tuple[str, ...] = ()
    message: str = ""


@dataclass
class Contract:
    """All checks of a database, and for each failed one the first rows that break it, without personal data."""

    checks: list[Check] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def failures(self) -> list[Check]:
        """The failed checks, in order."""
        return [check for check in self.checks if not check.is_passed]


def check_database(database: Database, schema: str = DEFAULT_SCHEMA) -> Contract:
    """Check all declared tables in one snapshot.

    Raises:
        PipelineError: the database cannot be reached, has no such schema, or the connection is lost.
    """
    contract = Contract()
    try:
        with database.snapshot() as snapshot:
            found = read_catalogue(database, snapshot.connection, schema)
            enforced = snapshot.connection.execute(_ENFORCED, {"schema": schema}).fetchall()
            reader = _Reader(snapshot.connection, schema, found, [_constraint(*row) for row in enforced], contract)
            for table in ucr_prd.DATASETS:
                if table.name in found or table.name != OPTIONAL_TABLE:
                    reader.check(table)
    except (psycopg.Error, ConnectionLostError) as error:
        raise database.timeout_error(error) or PipelineError(
            f"{database} cannot be checked ({database.error_reason(error)}). Check that the server is up and "
            "that this user may SELECT from every table of the schema."
        ) from None
    return contract


def _constraint(kind: object, table: object, columns: object) -> tuple[str, str, frozenset[str]]:
    return str(kind), str(table), frozenset(columns if isinstance(columns, list) else [])


@dataclass
class _Reader:
    """Checks tables one after the other and adds the results to the contract."""

    connection: _Connection
    schema: str
    found: Found
    enforced: Sequence[tuple[str, str, frozenset[str]]]
    contract: Contract

    def check(self, table: Dataset) -> None:
        """Add all checks of a table."""
        if table.name not in self.found:
            message = f"The table {table.name} is missing. Restore it from the export."
            self._add(Check(table.name, "", "table", "error", 1, is_passed=False, message=message))
            return
        self._add(Check(table.name, "", "table", "error"))
        usable = [column for column in table.columns if self._is_usable(table.name, column)]
        if usable:
            self._check_rows(table, usable)

    def _is_usable(self, table: str, column: Column) -> bool:
        """Add the checks of existence, right and type of a column, up to the first that fails."""
        there, name = self.found[table].get(column.name), f"{table}.{column.name}"
        if there is None and (table, column.name) in ucr_prd.OPTIONAL_COLUMNS:
            return False
        faults = {
            "column": there is None and f"The column {name} is missing. {_RESTORE}",
            "right": there
            and not there.is_readable
            and f"This user may not read {name}. Let the owner GRANT SELECT on the table.",
            "type": there and (fault := type_fault(column, there)) and f"The column {name} {fault}. {_RESTORE}",
        }
        for rule, message in faults.items():
            if message:
                self._add(Check(table, column.name, rule, "error", 1, is_passed=False, message=str(message)))
                return False
            self._add(Check(table, column.name, rule, "error"))
        return True

    def _check_rows(self, table: Dataset, usable: list[Column]) -> None:
        """Read the table once for its rows, keys, codes and numbers; then what needs other rows."""
        broken = [(column, rule, condition) for column in usable for rule, condition in _conditions(table, column)]
        counts = self._row(
            sql.SQL("SELECT {} FROM {}").format(
                sql.SQL(", ").join(
                    [
                        sql.SQL("count(*)"),
                        *(sql.SQL("count(*) FILTER (WHERE {})").format(condition) for _, _, condition in broken),
                    ]
                ),
                self._name(table.name),
            )
        )
        rows = counts[0]
        message = "" if rows else f"The table {table.name} has no rows. Restore it from the export."
        self._add(Check(table.name, "", "row_count", "error", rows, rows > 0, rows, message=message))
        if not rows:
            return
        for (column, rule, condition), count in zip(broken, counts[1:], strict=True):
            self._judge(table, column, rule, count, rows, condition)
        if {column.name for column in usable} >= set(table.primary_key):
            self._check_key(table, rows)
        for column in usable:
            self._check_reference(table, column, rows)

    def _judge(
        self, table: Dataset, column: Column, rule: str, count: int, rows: int, condition: sql.Composable
    ) -> None:
        severity = "error" if rule == "null_key" else "warning"
        if not count:
            self._add(Check(table.name, column.name, rule, severity, rows=rows))
            return
        value = sql.SQL("trim({}::text)").format(sql.Identifier(column.name))
        most = self.connection.execute(
            sql.SQL("SELECT {}, count(*) FROM {} WHERE {} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {}").format(
                value, self._name(table.name), condition, MOST_EXAMPLES
            )
        ).fetchall()
        examples = tuple(_shown(text) for text, _ in most if text is not None)
        such = f", such as {', '.join(examples)}" if examples else ""
        told = {
            "invalid_value": f"whose value is in no code list{such}. They are read unchanged; check whether the "
            "delivery has new codes.",
            "out_of_range": f"with a number that cannot be right{such}. Ask the publisher for the right numbers.",
            "null_key": f"without a key. {_RESTORE}",
            "reference": f"that refer to no row of {column.references.partition('.')[0]}{such}. The importer sets rows "
            f"without a parent aside. {_RESTORE}",
        }[rule]
        message = f"The column {table.name}.{column.name} has {count:,} rows {told}"
        self._add(Check(table.name, column.name, rule, severity, count, False, rows, examples, message))
        self._sample(table, column.name, rule, condition, value)

    def _check_key(self, table: Dataset, rows: int) -> None:
        """Whether a key repeats, unless the database enforces that it does not."""
        severity = "error" if table.name in _MUST_BE_UNIQUE else "warning"
        key = sql.SQL(", ").join(sql.Identifier(name) for name in table.primary_key)
        is_enforced = any(
            kind == "unique" and name == table.name and columns and columns <= set(table.primary_key)
            for kind, name, columns in self.enforced
        )
        repeated = sql.SQL("SELECT {key} FROM {table} GROUP BY {key} HAVING count(*) > 1").format(
            key=key, table=self._name(table.name)
        )
        count = 0 if is_enforced else self._row(sql.SQL("SELECT count(*) FROM ({}) repeated").format(repeated))[0]
        if not count:
            self._add(Check(table.name, "", "key", severity, rows=rows))
            return
        message = f"In {table.name}, {count:,} values of the key {', '.join(table.primary_key)} repeat. {_RESTORE}"
        self._add(Check(table.name, "", "key", severity, count, False, rows, message=message))
        condition = sql.SQL("({}) IN ({})").format(key, repeated)
        self._sample(table, "", "key", condition, sql.SQL("NULL::text"))

    def _check_reference(self, table: Dataset, column: Column, rows: int) -> None:
        """Whether rows refer to a row that does not exist, unless the database enforces that it does."""
        parent, _, key = column.references.partition(".")
        there = self.found.get(parent, {}).get(key)
        if there is None or not there.is_readable or type_fault(TABLES[parent].column(key), there):
            return
        if ("reference", table.name, frozenset({column.name})) in self.enforced:
            self._add(Check(table.name, column.name, "reference", "warning", rows=rows))
            return
        exists = sql.SQL("SELECT FROM {} AS parent WHERE {} = {}").format(
            sql.Identifier(self.schema, parent), sql.Identifier("parent", key), sql.Identifier(table.name, column.name)
        )
        condition = sql.SQL("{} IS NOT NULL AND NOT EXISTS ({})").format(sql.Identifier(column.name), exists)
        count = self._row(sql.SQL("SELECT count(*) FROM {} WHERE {}").format(self._name(table.name), condition))[0]
        self._judge(table, column, "reference", count, rows, condition)

    def _sample(self, table: Dataset, column: str, rule: str, condition: sql.Composable, value: sql.Composable) -> None:
        """Add the first rows by key that meet a condition: key, incident, agency, year and the value."""
        keys = [name for name in table.primary_key if name in self.found[table.name]]
        more = [name for name in _SAMPLE_COLUMNS if name in self.found[table.name] and name in table.schema]
        query = sql.SQL("SELECT {} FROM {} WHERE {} ORDER BY {} LIMIT {}").format(
            sql.SQL(", ").join([value, *(sql.Identifier(name) for name in [*more, *keys])]),
            self._name(table.name),
            condition,
            sql.SQL(", ").join([*(sql.Identifier(name) for name in [*keys, *more]), sql.SQL("1")]),
            SAMPLED,
        )
        for number, (text, *rest) in enumerate(self.connection.execute(query).fetchall(), start=1):
            self.contract.samples.append(
                {
                    "table_name": table.name,
                    "column_name": column,
                    "rule": rule,
                    "number": number,
                    "record": ", ".join(
                        f"{name}={_shown(part)}" for name, part in zip(keys, rest[len(more) :], strict=True)
                    ),
                    **dict(zip(more, rest, strict=False)),
                    "value": None if text is None else _shown(text),
                }
            )

    def _add(self, check: Check) -> None:
        self.contract.checks.append(check)

    def _name(self, table: str) -> sql.Composable:
        return sql.SQL("{} AS {}").format(sql.Identifier(self.schema, table), sql.Identifier(table))

    def _row(self, query: sql.Composed) -> list[int]:
        row = self.connection.execute(query).fetchone() or ()
        return [int(str(number)) for number in row]


def _conditions(table: Dataset, column: Column) -> list[tuple[str, sql.Composable]]:
    """Rules of a column that a row alone can break -> the SQL condition under which it does. Blanks are missing."""
    name = sql.Identifier(column.name)
    conditions: list[tuple[str, sql.Composable]] = []
    if column.name in table.primary_key:
        conditions.append(("null_key", sql.SQL("{} IS NULL").format(name)))
    known = [str(code) for code in column.codes]
    if column.code_list and not known:
        known = [str(code) for code in code_list(column.code_list).to_series(0)]
    if known:
        condition = sql.SQL("trim({name}::text) <> '' AND trim({name}::text) <> ALL({known})")
        conditions.append(("invalid_value", condition.format(name=name, known=sql.Literal(known))))
    lowest, highest = ucr_prd.RANGES.get((table.name, column.name), (None, None))
    limits = [
        sql.SQL(f"{{}} {sign} {{}}").format(name, limit)
        for sign, limit in (("<", lowest), (">", highest))
        if limit is not None
    ]
    if limits:
        conditions.append(("out_of_range", sql.SQL(" OR ").join(limits)))
    return conditions


def _shown(value: object) -> str:
    """A code or number; of anything else only its length."""
    text = str(value).strip()
    return text if _CODE.fullmatch(text) else f"(text of {len(text)} characters)"
