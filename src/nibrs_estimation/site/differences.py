"""The differences of headline numbers that the explorer has in advance: of places of one run, and of two years."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import polars as pl

from nibrs_estimation.model.headlines import COMPARED
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.reading.comparing import Options, Side, differences_of, sides_in
from nibrs_estimation.reading.runs import EstimatedRun
from nibrs_estimation.site.cells import parts_of
from nibrs_estimation.tables.definition import Estimate, TableDefinition
from nibrs_estimation.tables.read import table_definition

_NUMBERS = ("difference", "standard_error", "lower", "upper")
#: Years are compared by counts and rates, places by rates: their counts differ because their populations do.
_ESTIMATES: dict[str, tuple[Estimate, ...]] = {"places": ("rate",), "years": ("count", "rate")}


def write_differences(
    runs: Sequence[EstimatedRun], tables: Sequence[TableDefinition], folder: Path
) -> tuple[list[dict[str, Any]], list[str]]:
    """Write the differences as Parquet files with a row group for each headline number.

    Args:
        runs: the runs of the site.
        tables: the tables of the site.
        folder: folder ``runs`` of the site.

    Returns:
        What the site says of each file, and why the differences of some runs are not there.
    """
    described: list[dict[str, Any]] = []
    why: list[str] = []
    for several in [*((run,) for run in runs), *combinations(sorted(runs, key=lambda run: -run.year), 2)]:
        if len({run.year for run in several}) < len(several):
            continue
        try:
            described += _of_runs(several, {table.table for table in tables}, folder)
        except UsageError as error:
            why.append(str(error))
    return described, why


def _of_runs(runs: tuple[EstimatedRun, ...], tables: set[str], folder: Path) -> Iterator[dict[str, Any]]:
    by = "places" if len(runs) == 1 else "years"
    name = "+".join(run.run_id for run in runs)
    for estimate in _ESTIMATES[by]:
        parts, cells = [], []
        for table in dict.fromkeys(name for name, _column in COMPARED if name in tables):
            for cell, rows in _of_table(runs, table_definition(table), estimate):
                cells.append(cell)
                parts.append(rows)
        if not parts or not parts[0].height:
            continue
        path = folder / name / "differences" / f"{by}-{estimate}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pl.concat(parts).write_parquet(path, compression="zstd", row_group_size=parts[0].height, statistics=False)
        index = path.parent / "index.json"
        known = json.loads(index.read_text(encoding="utf-8")) if index.exists() else {}
        index.write_text(json.dumps({**known, path.stem: parts_of(path)}), encoding="utf-8")
        yield {
            "by": by,
            "type": estimate,
            "runs": [run.run_id for run in runs],
            "folder": f"{name}/differences",
            "file": path.stem,
            "cells": cells,
        }


def _of_table(
    runs: tuple[EstimatedRun, ...], table: TableDefinition, estimate: Estimate
) -> Iterator[tuple[dict[str, Any], pl.DataFrame]]:
    """Each headline number of a table, and the differences of its pairs; pairs are the same for all numbers."""
    total = next(row for row in table.rows if row.kind == "total")
    columns = [column for name, column in COMPARED if name == table.table]
    options = Options(runs, table, _geographies(runs), (str(total.row),), tuple(columns), (), estimate)
    sides = [{(side.column.position, side.geography): side for side in sides_in(options, run)} for run in runs]
    pairs: list[tuple[Side, Side]] = []
    for name in columns:
        position = table.column(name).position
        places = sorted(number for column, number in sides[0] if column == position)
        if len(runs) == 1:
            pairs += [(sides[0][position, one], sides[0][position, other]) for one, other in combinations(places, 2)]
        else:
            pairs += [(sides[0][position, one], sides[1][position, one]) for one in places]
    if not pairs:
        return
    found = differences_of(options, pairs, shows_suppressed=False).select(
        *(pl.col(name).cast(pl.Float64) for name in _NUMBERS),
        first=pl.Series([one.geography for one, _ in pairs], dtype=pl.Int32),
        second=pl.Series([other.geography for _, other in pairs], dtype=pl.Int32),
    )
    row = pairs[0][0].row.row
    for name, rows in zip(columns, found.iter_slices(found.height // len(columns)), strict=True):
        yield {"table": table.table, "row": row, "column": table.column(name).position}, rows


def _geographies(runs: Sequence[EstimatedRun]) -> tuple[str, ...]:
    """The nation, its regions and states that all of the runs estimate."""
    whole = pl.col("agency_group").is_null() & pl.col("geography_level").is_in(["nation", "region", "state"])
    numbers = [set(run.places.filter(whole)["geography_number"].to_list()) for run in runs]
    return tuple(f"geography:{number}" for number in sorted(set.intersection(*numbers)))
