"""Which columns a unit belongs to, as bits of whole numbers: the unit's signature."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from nibrs_estimation.stages.counting.attributes import KEYS
from nibrs_estimation.tables.counting import CountingUnit, UnitColumn
from nibrs_estimation.tables.definition import Level
from nibrs_estimation.tables.lookup import looked_up
from nibrs_estimation.tables.variables import derived_variables

#: Columns in one whole number; a signature is as many numbers as its unit's columns need.
BITS = 62


def words(unit: CountingUnit) -> tuple[str, ...]:
    """Names of the numbers that hold the bits of a counting unit's columns."""
    return tuple(f"columns_{place}" for place in range(-(-len(unit.columns) // BITS)))


def flags_of(unit: CountingUnit) -> tuple[tuple[str, Level], ...]:
    """The flags that columns ask for, with the level at which they hold: the offense or its incident."""
    named = {column.where for column in unit.columns if column.where is not None and column.category is None}
    levels = {name: derived_variables()[name].levels for name in sorted(named)}
    return tuple((name, "offense" if "offense" in known else "incident") for name, known in levels.items())


def with_columns_of_codes(
    rows: pl.LazyFrame,
    unit: CountingUnit,
    flags: Mapping[tuple[str, Level], pl.LazyFrame],
    new_offense: pl.LazyFrame,
) -> pl.LazyFrame:
    """Offenses of units with the columns that each puts its unit into.

    Args:
        rows: ``incident_id``, ``offense_id`` and ``offense_code``.
        unit: what is counted.
        flags: relation of each flag of :func:`flags_of`.
        new_offense: what codes that no code list has are against.
    """
    new_codes = dict(new_offense.select("offense_code", "crime_against").collect().iter_rows())
    for (name, level), relation in flags.items():
        holding = relation.filter(pl.col("category") == 1).select(*KEYS[level], pl.lit(True).alias(name))
        rows = rows.join(holding, on=KEYS[level], how="left")
    expressions = []
    for place, name in enumerate(words(unit)):
        plain = _bits_of_codes(unit.columns, place, None, new_codes)
        expression = _of_codes(plain)
        for flag, _level in flags:
            flagged = _bits_of_codes(unit.columns, place, flag, new_codes)
            expression = expression | pl.when(pl.col(flag)).then(_of_codes(flagged)).otherwise(pl.lit(0, pl.Int64))
        expressions.append(expression.alias(name))
    return rows.with_columns(expressions).drop([name for name, _level in flags])


def with_columns_of_categories(relation: pl.LazyFrame, unit: CountingUnit) -> pl.LazyFrame:
    """Categories of the column variable as columns: the relation's key and the bits of one category a row."""
    of_category = {column.category: bit for bit, column in enumerate(unit.columns)}
    return relation.filter(pl.col("category").is_in(list(of_category))).with_columns(
        pl.col("category")
        .replace_strict(
            {category: _bit(bit) if bit // BITS == place else 0 for category, bit in of_category.items()},
            return_dtype=pl.Int64,
        )
        .alias(name)
        for place, name in enumerate(words(unit))
    )


def columns_held(signatures: pl.DataFrame, unit: CountingUnit) -> pl.DataFrame:
    """The columns of each signature: ``signature_id`` and ``column_key``.

    Args:
        signatures: ``signature_id`` and the numbers of :func:`words`.
        unit: what is counted.
    """
    held = {
        column.key: pl.col(words(unit)[bit // BITS]) & pl.lit(_bit(bit), pl.Int64) != 0
        for bit, column in enumerate(unit.columns)
    }
    return (
        signatures.select("signature_id", **held)
        .unpivot(index="signature_id", variable_name="column_key")
        .filter("value")
        .drop("value")
    )


def has_columns(unit: CountingUnit, keys: frozenset[str]) -> pl.Expr:
    """Whether a unit belongs to one of some columns."""
    held = [0 for _name in words(unit)]
    for bit, column in enumerate(unit.columns):
        if column.key in keys:
            held[bit // BITS] |= _bit(bit)
    return pl.any_horizontal(
        pl.col(name) & pl.lit(bits, pl.Int64) != 0 for name, bits in zip(words(unit), held, strict=True)
    )


def _bits_of_codes(
    columns: Sequence[UnitColumn], place: int, where: str | None, new_codes: Mapping[str, str]
) -> dict[str, int]:
    """Offense code -> bits of its columns in one number, of those that ask for the flag, or for none."""
    found: dict[str, int] = {}
    for bit, column in enumerate(columns):
        if bit // BITS == place and column.where == where and column.category is None:
            new = [code for code, against in new_codes.items() if against in column.new_codes]
            for code in (*column.offenses, *new):
                found[code] = found.get(code, 0) | _bit(bit)
    return found


def _of_codes(bits: Mapping[str, int]) -> pl.Expr:
    if not bits:
        return pl.lit(0, pl.Int64)
    return looked_up(pl.col("offense_code"), bits, pl.Int64).fill_null(0)


def _bit(place: int) -> int:
    return 1 << (place % BITS)


def together(names: Iterable[str]) -> list[pl.Expr]:
    """The columns of several offenses of one unit together."""
    return [pl.col(name).bitwise_or() for name in names]
