"""From the records of units to categories, as `_variables.yaml` says.

*Records* are lazy frames with the key of a level and ``code``, one row for each record, missing codes included.
*Counts* have the key, ``category`` (Int8) and ``n`` (Int64).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

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
Records = Callable[[Level, Segments], pl.LazyFrame]
"""What gives the records of an attribute."""
Making = Callable[[Variable, Level, Segments], pl.LazyFrame]
"""What gives the counts of a variable that is more than recoded."""


def category(variable: str, code: str) -> pl.Expr:
    """The category of a variable by a column of codes; missing where the code has none."""
    declared = derived_variables()[variable]
    found = looked_up(pl.col(code), declared.codes, pl.Int8)
    return found if declared.others is None else found.fill_null(declared.others)


def categorized(variable: str, records: pl.LazyFrame) -> pl.LazyFrame:
    """Records with their category instead of the code, those without one left out."""
    return records.with_columns(category=category(variable, "code")).drop("code").drop_nulls("category")


def counted(variable: Variable, records: pl.LazyFrame, level: Level, n: pl.Expr) -> pl.LazyFrame:
    """Counts of a variable from categorized records; ``n`` counts records of one key and category."""
    key = KEYS[level]
    if variable.several == "each":
        return records.group_by(*key, "category").agg(n=n.cast(pl.Int64))
    smallest, largest = pl.col("category").min(), pl.col("category").max()
    found = records.group_by(*key).agg(category=largest if variable.several == "largest" else smallest, last=largest)
    if variable.several == "only":
        found = found.filter(pl.col("category") == pl.col("last"))
    return once(found.drop("last"))


def once(categories: pl.LazyFrame) -> pl.LazyFrame:
    """Counts of units that have one category each."""
    return categories.with_columns(pl.col("category").cast(pl.Int8), n=pl.lit(1, pl.Int64))


def flagged(units: pl.LazyFrame) -> pl.LazyFrame:
    """Counts of a flag that holds for the units; each may stand there several times."""
    return once(units.unique().with_columns(category=pl.lit(1)))


def every(level: Level, segments: Segments) -> pl.LazyFrame:
    """All units of a level by their key."""
    frames: Mapping[Level, pl.LazyFrame] = {
        "incident": segments.incident,
        "offense": segments.offense,
        "victim": segments.victim,
        "arrestee": segments.arrestee,
    }
    return frames[level].select(KEYS[level])
