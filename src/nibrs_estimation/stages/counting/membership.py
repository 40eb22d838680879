"""The columns to which a unit belongs, as bits of whole numbers: the signature of the unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from nibrs_estimation.stages.counting.attributes import KEYS
from nibrs_estimation.tables.counting import CountingUnit, UnitColumn
from nibrs_estimation.tables.definition import Level
from nibrs_estimation.tables.lookup import looked_up
from nibrs_estimation.tables.variables import derived_variables

#: Number of columns in one whole number; a signature has as many numbers as its unit's columns need.
BITS = 62


def signature_columns(unit: CountingUnit) -> tuple[str, ...]:
    """Names of the numbers that contain the bits of a counting unit's columns."""
    return tuple(f"columns_{number}" for number in range(-(-len(unit.columns) // BITS)))


def flags_of(unit: CountingUnit) -> tuple[tuple[str, Level], ...]:
    """The flags that columns require, with the level at which they are defined: offense or incident."""
    named = {column.where for column in unit.columns if column.where is not None and column.category is None}
    levels = {name: derived_variables()[name].levels for name in sorted(named)}
    return tuple((name, "offense" if "offense" in known else "incident") for name, known in levels.items())


def with_columns_of_codes(
    rows: pl.LazyFrame,
    unit: CountingUnit,
    flags: Mapping[tuple[str, Level], pl.LazyFrame],
    new_offense: pl.LazyFrame,
) -> pl.LazyFrame:
    """Offenses of units with the columns to which each offense assigns its unit.

    Args:
        rows: ``incident_id``, ``offense_id`` and ``offense_code``.
        unit: the counting unit.
        flags: relation of each flag of :func:`flags_of`.
        new_offense: dataset of that name, with codes that are not in the code list.
    """
    new_codes = dict(new_offense.select("offense_code", "crime_against").collect().iter_rows())
    for (name, level), relation in flags.items():
        is_set = relation.filter(pl.col("category") == 1).select(*KEYS[level], pl.lit(True).alias(name))
        rows = rows.join(is_set, on=KEYS[level], how="left")
    expressions = []
    for number, name in enumerate(signature_columns(unit)):
        plain = _bits_of_codes(unit.columns, number, None, new_codes)
        expression = _of_codes(plain)
        for flag, _level in flags:
            flagged = _bits_of_codes(unit.columns, number, flag, new_codes)
            expression = expression | pl.when(pl.col(flag)).then(_of_codes(flagged)).otherwise(pl.lit(0, pl.Int64))
        expressions.append(expression.alias(name))
    return rows.with_columns(expressions).drop([name for name, _level in flags])


def with_columns_of_categories(relation: pl.LazyFrame, unit: CountingUnit) -> pl.LazyFrame:
    """Convert categories of the column variable into columns: the relation's key and the bits of the category."""
    of_category = {column.category: bit for bit, column in enumerate(unit.columns)}
    return relation.filter(pl.col("category").is_in(list(of_category))).with_columns(
        pl.col("category")
        .replace_strict(
            {category: _bit(bit) if bit // BITS == number else 0 for category, bit in of_category.items()},
            return_dtype=pl.Int64,
        )
        .alias(name)
        for number, name in enumerate(signature_columns(unit))
    )


def columns_of_signatures(signatures: pl.DataFrame, unit: CountingUnit) -> pl.DataFrame:
    """The columns of each signature: ``signature_id`` and ``column_key``.

    Args:
        signatures: ``signature_id`` and the numbers of :func:`signature_columns`.
        unit: the counting unit.
    """
    bits_of_keys = {
        column.key: pl.col(signature_columns(unit)[bit // BITS]) & pl.lit(_bit(bit), pl.Int64) != 0
        for bit, column in enumerate(unit.columns)
    }
    return (
        signatures.select("signature_id", **bits_of_keys)
        .unpivot(index="signature_id", variable_name="column_key")
        .filter("value")
        .drop("value")
    )


def has_columns(unit: CountingUnit, keys: frozenset[str]) -> pl.Expr:
    """Whether a unit belongs to at least one of some columns."""
    bits_of_keys = [0 for _name in signature_columns(unit)]
    for bit, column in enumerate(unit.columns):
        if column.key in keys:
            bits_of_keys[bit // BITS] |= _bit(bit)
    return pl.any_horizontal(
        pl.col(name) & pl.lit(bits, pl.Int64) != 0
        for name, bits in zip(signature_columns(unit), bits_of_keys, strict=True)
    )


def _bits_of_codes(
    columns: Sequence[UnitColumn], number: int, where: str | None, new_codes: Mapping[str, str]
) -> dict[str, int]:
    """Offense code -> bits in one number of its columns that require the flag, or no flag."""
    found: dict[str, int] = {}
    for bit, column in enumerate(columns):
        if bit // BITS == number and column.where == where and column.category is None:
            new = [code for code, against in new_codes.items() if against in column.new_codes]
            for code in (*column.offenses, *new):
                found[code] = found.get(code, 0) | _bit(bit)
    return found


def _of_codes(bits: Mapping[str, int]) -> pl.Expr:
    if not bits:
        return pl.lit(0, pl.Int64)
    return looked_up(pl.col("offense_code"), bits, pl.Int64).fill_null(0)


def _bit(number: int) -> int:
    return 1 << (number % BITS)


def union_of_columns(names: Iterable[str]) -> list[pl.Expr]:
    """Union of the columns of the offenses of one unit, for an aggregation."""
    return [pl.col(name).bitwise_or() for name in names]
