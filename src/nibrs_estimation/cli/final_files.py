"""The final estimates of a run in the folders and files of the reference pipeline (handbook 12)."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from nibrs_estimation.cli.estimates import EstimatedRun
from nibrs_estimation.model.final_estimates import UPPER_CASE
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.published import final_rows
from nibrs_estimation.tables.read import table_definitions

FOLDER = "final-estimates"
#: Geographies whose rows are computed together.
_BATCH = 20
_COUNT = 1
Files = Iterator[tuple[str, pl.DataFrame]]


def write_final_files(run: EstimatedRun, folder: Path, done: Callable[[int, int], None]) -> int:
    """Write a folder ``final-estimates`` into ``folder``, all of it or nothing; returns the number of files.

    Files are those of the reference, by table and geography: all rows (``Indicator_Tables``), rows that are not
    suppressed (``_no_supp``), and estimates above 0 without a second estimate; and the names of the cells
    (``der_variable_name``). Persons are not divided into demographic series.

    Args:
        run: the run.
        folder: where to write.
        done: is called with 1 and the number of tables when a table is written.

    Raises:
        UsageError: the folder has final estimates already.
    """
    target, partial = folder / FOLDER, folder / f"{FOLDER}.partial"
    if target.exists():
        raise UsageError(f"{target} exists. Remove it, or write to another folder with --to.")
    shutil.rmtree(partial, ignore_errors=True)
    tables, n_files = list(table_definitions().values()), 0
    for table in tables:
        for batch in run.places.iter_slices(_BATCH):
            for name, rows in _files(run, table, batch):
                path = partial / name
                path.parent.mkdir(parents=True, exist_ok=True)
                rows.rename({column: column.upper() for column in UPPER_CASE if column in rows.columns}).write_csv(path)
                n_files += 1
        done(1, len(tables))
    partial.rename(target)
    return n_files


def _files(run: EstimatedRun, table: TableDefinition, places: pl.DataFrame) -> Files:
    """The files of a table and some geographies: path and rows."""
    final = final_rows(run.rows(table, places, None), table, places, run.year)
    for (number,), rows in final.group_by("permutation_number", maintain_order=True):
        weight, place = rows.select("analysis_weight_name", "estimate_geographic_location").row(0)
        below = f"{weight.removesuffix('Wgt')}/{_file_name(place)}"
        end = f"{number}_{table.table}.csv"
        yield f"Indicator_Tables/{below}/Indicator_Tables_{end}", rows
        shown = rows.filter(~pl.col("suppression_flag_indicator").fill_null(False))
        yield f"Indicator_Tables_no_supp/{below}/Indicator_Tables_no_supp_{end}", shown
        unsure = rows.filter((pl.col("estimate") > 0) & pl.col("estimate_copula").is_null())
        kind = "Indicator_Tables_flag_non_0_est_no_prb"
        yield f"{kind}/Indicator_Tables_flag_non_zero_estimates_with_no_prb_{end}", unsure
        names = pl.col("der_variable_name").str.split_exact("_", 4).struct
        cells = rows.filter(pl.col("estimate_type_num") == _COUNT).select(
            p1=names.field("field_1"), p2=names.field("field_2"), p3=names.field("field_3"), p4=names.field("field_4"),
            der_variable_name="der_variable_name", permutation_number="permutation_number",
        )  # fmt: skip
        yield f"der_variable_name/der_variable_name_{end}", cells


def _file_name(place: str) -> str:
    """The name of a geography as a folder: blanks and hyphens become underscores, commas are left out."""
    return re.sub(r"[ -]", "_", place.replace(",", "")).replace("/", "_")
