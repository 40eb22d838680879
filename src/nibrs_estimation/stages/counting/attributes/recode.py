"""Categories of units from their records, as declared in `_variables.yaml`.

*Records* are lazy frames with the key of a level and ``code``: one row for each record, also if the code is missing.
*Counts* have the key, ``category`` (Int8) and ``n`` (Int64). Both may have a column that says what is imputed:
``is_imputed`` of a record, ``n_imputed`` of ``n`` records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from nibrs_estimation.model.items import IMPUTED
from nibrs_estimation.stages.counting.segments import Segments
from nibrs_estimation.tables.definition import Level
from nibrs_estimation.tables.lookup import looked_up
from nibrs_estimation.tables.variables import Variable, derived_variables

KEYS: Mapping[Level, tuple[str, ...]] = {
    "incident": ("incident_id",),
    "offense": ("offense_id",),
    "victim": ("victim_id",),
    "arrestee": ("is_group_b", "arrestee_id"),
}
IS_IMPUTED, N_IMPUTED = "is_imputed", "n_imputed"
Records = Callable[[Level, Segments], pl.LazyFrame]
"""A function that returns the records of an attribute."""
Derivation = Callable[[Variable, Level, Segments], pl.LazyFrame]
"""A function that returns the counts of a variable that cannot be defined by codes only."""


def category(variable: str, code: str) -> pl.Expr:
    """The category of a variable for a column of codes; missing if the code has none."""
    declared = derived_variables()[variable]
    found = looked_up(pl.col(code), declared.codes, pl.Int8)
    return found if declared.others is None else found.fill_null(declared.others)


def categorized(variable: str, records: pl.LazyFrame) -> pl.LazyFrame:
    """Records with their category instead of the code; records without a category are omitted."""
    return records.with_columns(category=category(variable, "code")).drop("code").drop_nulls("category")


def counted(variable: Variable, records: pl.LazyFrame, level: Level, n: pl.Expr) -> pl.LazyFrame:
    """Counts of a variable from categorized records; ``n`` is the number of records of one key and category."""
    key = KEYS[level]
    if variable.several == "each":
        return records.group_by(*key, "category").agg(n=n.cast(pl.Int64), **_of_imputed(records))
    smallest, largest = pl.col("category").min(), pl.col("category").max()
    found = records.group_by(*key).agg(category=largest if variable.several == "largest" else smallest, last=largest)
    if variable.several == "only":
        found = found.filter(pl.col("category") == pl.col("last"))
    return one_category(found.drop("last"))


def one_category(categories: pl.LazyFrame) -> pl.LazyFrame:
    """Counts of units with only one category each: ``n`` is 1."""
    return categories.with_columns(pl.col("category").cast(pl.Int8), n=pl.lit(1, pl.Int64))


def flagged(units: pl.LazyFrame) -> pl.LazyFrame:
    """Counts of a flag that is true for the units, which may be repeated; imputed if it is so in every row."""
    names = units.collect_schema().names()
    if IS_IMPUTED not in names:
        return one_category(units.unique().with_columns(category=pl.lit(1)))
    key = [name for name in names if name != IS_IMPUTED]
    return one_category(units.group_by(key).agg(category=pl.lit(1), n_imputed=_number(pl.col(IS_IMPUTED).all())))


def is_imputed(*items: str) -> pl.Expr:
    """Whether one of the items of a person is imputed."""
    return pl.any_horizontal(pl.col(f"{item}_flag") == IMPUTED for item in items).alias(IS_IMPUTED)


def _of_imputed(records: pl.LazyFrame) -> dict[str, pl.Expr]:
    names = records.collect_schema().names()
    if N_IMPUTED in names:
        return {N_IMPUTED: pl.col(N_IMPUTED).sum()}
    return {N_IMPUTED: _number(pl.col(IS_IMPUTED).sum())} if IS_IMPUTED in names else {}


def _number(expression: pl.Expr) -> pl.Expr:
    return expression.cast(pl.Int64)


def units_of_level(level: Level, segments: Segments) -> pl.LazyFrame:
    """Keys of all units of a level."""
    frames: Mapping[Level, pl.LazyFrame] = {
        "incident": segments.incident,
        "offense": segments.offense,
        "victim": segments.victim,
        "arrestee": segments.arrestee,
    }
    return frames[level].select(KEYS[level])
