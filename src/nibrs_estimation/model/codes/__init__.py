"""Code lists: the meaning of the codes in the data. One CSV file for each list, in this folder."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import polars as pl

_TYPES: dict[str, pl.DataType] = {
    "state_id": pl.Int16(),
    "division_code": pl.Int8(),
    "region_code": pl.Int8(),
    "geography_number": pl.Int32(),
    "weight_class": pl.Int8(),
    "super_group": pl.Int8(),
    "substate_class": pl.Int8(),
    "has_population": pl.Boolean(),
    "tile_column": pl.Int8(),
    "tile_row": pl.Int8(),
    "month": pl.Int8(),
    "relative_share": pl.Float64(),
    "share_below": pl.Float64(),
    "correlation": pl.Float64(),
}


@cache
def code_list(name: str) -> pl.DataFrame:
    """A code list by name. Columns are text, except those listed in ``_TYPES``.

    Examples are `state`, `state_tile` (the position of a state in a tile map), `geography`, `place_override`, and the
    weight classes with their rules: `weight_class` for the nation and regions, `substate_class` for all other
    geographies (handbook 07).
    """
    text = pl.read_csv(Path(__file__).parent / f"{name}.csv", infer_schema=False)
    return text.with_columns(
        pl.col(column) == "true" if dtype == pl.Boolean() else pl.col(column).cast(dtype)
        for column, dtype in _TYPES.items()
        if column in text.columns
    )


def labels(name: str) -> dict[str, str]:
    """Labels of a code list by code, read without Polars: declarations need them while modules are imported.

    A module that starts the threads of Polars could no longer be imported before a process is forked.
    """
    with (Path(__file__).parent / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return {row["code"]: row["label"] for row in csv.DictReader(file)}


def ucr_abbr(postal: pl.Expr) -> pl.Expr:
    """UCR abbreviations of states from postal ones: Nebraska is NB, Guam GM (handbook 01 and data dictionary)."""
    states = code_list("state").filter(pl.col("state_abbr") != pl.col("state_postal_abbr"))
    differing = dict(states.select("state_postal_abbr", "state_abbr").rows()) | {"GU": "GM"}
    return postal.replace(differing)


def code_lists() -> list[str]:
    """Names of all code lists, ascending."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.csv"))
