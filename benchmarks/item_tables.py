"""Cells of tables from imputed items beside the same cells from the true items of a synthetic nation.

    nibrs run all items --source synthetic:1 --year 2024 --until count_units
    python -m benchmarks.item_tables scratch/items/all

Counts the reported units of tables 1a, 3a and 4a for the nation three times, state by state: with imputed items, with
the true value of every item that was imputed or edited, and with unknown items left unknown. Only cells in which an
imputed item puts a unit are compared. The nation is complete in every other respect: no weights, no blocks.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.model.blocks import BLOCK_REFERENCE
from nibrs_estimation.model.counts import DATASETS
from nibrs_estimation.model.items import EDITED, IMPUTED, ITEM_COLUMNS, ITEMS, UNKNOWN
from nibrs_estimation.stages.counting.count import count_units
from nibrs_estimation.tables.labels import plain_label
from nibrs_estimation.tables.matrices.filling import Fills
from nibrs_estimation.tables.matrices.profiles import CountedProfiles, UnitCounts, matrix_rows, read_unit
from nibrs_estimation.tables.matrices.table_matrix import TableMatrix
from nibrs_estimation.tables.read import table_definitions

TABLES = ("1a", "3a", "4a")
WAYS = ("imputed", "true", "unknown")
#: Cells with at least so many true units have a limit of the relative bias.
LARGE, LIMIT_BIAS, LIMIT_ERRORS = 10_000, 0.01, 3
PERSONS = ("victim", "offender", "arrestee")
SEGMENTS = (
    "incident", "offense", "offense_weapon", "offense_activity", "victim_offense", "victim_injury", "property",
    "property_item", "drug", "arrestee_weapon", "new_offense",
)  # fmt: skip
TRUE_ITEMS = {"age_code": "age", "sex_code": "sex", "race_code": "race", "ethnicity_code": "ethnicity"}
Frames = dict[str, pl.LazyFrame]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("run", type=Path, help="folder of the run, with datasets/")
    options.add_argument("--year", type=int, default=2024)
    arguments = options.parse_args()
    folder = arguments.run / "datasets"
    states = sorted(path.stem for path in (folder / "unit_profile").glob("*.parquet"))
    totals: dict[tuple[str, str], Any] = {(way, name): 0.0 for way in WAYS for name in TABLES}
    put: dict[str, Any] = dict.fromkeys(TABLES, 0.0)
    for state in states:
        for way, persons in ways_of(folder, state).items():
            cells, imputed = cells_of(counts_of(folder, state, persons, arguments.year))
            for name in TABLES:
                totals[way, name] = totals[way, name] + cells[name]
                if way == "imputed":
                    put[name] = put[name] + imputed[name]
        print(state, end=" ", flush=True)
    print()
    with pl.Config(tbl_rows=60, tbl_cols=20, tbl_width_chars=170, float_precision=4, fmt_str_lengths=70):
        for name in TABLES:
            imputed, true, unknown = (totals[way, name] for way in WAYS)
            compare(name, imputed, true, unknown, put[name])


def ways_of(folder: Path, state: str) -> dict[str, Frames]:
    """The persons and relationships of a state: with imputed, with true, and with unknown items."""
    run = {name: rows(folder, f"analysis_{name}", state) for name in (*PERSONS, "victim_offender")}
    truth = rows(folder, "synthetic_truth_item", state).collect()
    made: dict[str, Frames] = {way: {} for way in WAYS}
    for name in PERSONS:
        key = f"{name}_id"
        true, unknown = run[name].collect(), run[name].collect()
        for item in ITEMS:
            column, flag = ITEM_COLUMNS[item], pl.col(f"{item}_flag")
            code = next(code for code, of in TRUE_ITEMS.items() if of == item)
            values = truth.filter((pl.col("segment") == name) & (pl.col("item") == code))
            value = years(pl.col("value")) if item == "age" else pl.col("value")
            known = values.select(pl.col("unit_id").alias(key), was=value)
            if name == "arrestee":
                # The two groups of arrests have their own numbers.
                known = values.select(pl.col("unit_id").alias(key), was=value, is_group_b=pl.col("detail_code") == "B")
            is_set = flag.is_in([EDITED, IMPUTED])
            true = true.join(known, on=[c for c in known.columns if c != "was"], how="left").with_columns(
                pl.when(is_set).then(pl.coalesce("was", column)).otherwise(column).alias(column)
            )
            true = true.drop("was")
            unknown = unknown.with_columns(
                pl.when(flag == IMPUTED).then(None).otherwise(column).alias(column),
                pl.when(flag == IMPUTED).then(UNKNOWN).otherwise(flag).cast(pl.Int8).alias(f"{item}_flag"),
            )
        made["imputed"][name], made["true"][name], made["unknown"][name] = run[name], true.lazy(), unknown.lazy()
    pairs = run["victim_offender"].collect()
    of_pairs = truth.filter(pl.col("segment") == "victim_offender").select(
        victim_id="unit_id", offender_id=pl.col("detail_code").cast(pl.Int64), was="value"
    )
    flag = pl.col("relationship_flag")
    true_pairs = pairs.join(of_pairs, on=["victim_id", "offender_id"], how="left")
    made["imputed"]["victim_offender"] = pairs.lazy()
    made["true"]["victim_offender"] = true_pairs.with_columns(
        relationship_code=pl.when(flag == IMPUTED)
        .then(pl.coalesce("was", "relationship_code"))
        .otherwise("relationship_code")
    ).drop("was").lazy()  # fmt: skip
    made["unknown"]["victim_offender"] = pairs.with_columns(
        relationship_code=pl.when(flag == IMPUTED).then(pl.lit("RU")).otherwise("relationship_code"),
        relationship_flag=pl.when(flag == IMPUTED).then(UNKNOWN).otherwise(flag).cast(pl.Int8),
    ).lazy()
    return made


def years(code: pl.Expr) -> pl.Expr:
    """Age in years of a code: babies are 0."""
    return code.replace({"NN": "0", "NB": "0", "BB": "0"}).cast(pl.Int16, strict=False)


def rows(folder: Path, name: str, state: str) -> pl.LazyFrame:
    """A dataset of a state."""
    path = folder / name / f"{state}.parquet"
    return pl.scan_parquet(path if path.exists() else folder / f"{name}.parquet")


def counts_of(folder: Path, state: str, persons: Frames, year: int) -> CountedProfiles:
    """Counts of a state from its segments and persons."""
    counted = count_units(
        **{name: rows(folder, name, state) for name in SEGMENTS},
        **{f"analysis_{name}": frame for name, frame in persons.items()},
        block_reference=BLOCK_REFERENCE.empty(),
        removed_month=pl.scan_parquet(folder / "removed_month.parquet"),
        year=year,
        count_mode="indicator",
        partition=state,
    )
    return CountedProfiles(**{dataset.name: counted[dataset.name] for dataset in DATASETS})


def cells_of(counted: CountedProfiles) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[np.float64]]]:
    """Of each table, the number of units in each cell, and those that an imputed item put there."""
    agencies = counted.unit_profile.select(pl.col("agency_id").unique().sort()).collect()["agency_id"]
    numbered, A = matrix_rows(agencies, BLOCK_REFERENCE.empty()), len(agencies)
    units: dict[str, UnitCounts] = {}

    def unit(name: str) -> UnitCounts:
        return units.setdefault(name, read_unit(name, counted, numbered))

    # Rows by attributes of agencies do not depend on items.
    none = {name: np.zeros(A, dtype=np.int8) for name in ("agency_type", "msa", "population_group")}
    fills = Fills(np.zeros(A), sparse.csr_array((A, 0)))
    found = {name: TableMatrix(table_definitions()[name], unit, fills, none).of() for name in TABLES}
    return (
        {name: np.asarray(counts.own.sum(axis=0)).ravel() for name, counts in found.items()},
        {name: np.asarray(counts.imputed.sum(axis=0)).ravel() for name, counts in found.items()},
    )


def compare(
    name: str,
    imputed: NDArray[np.float64],
    true: NDArray[np.float64],
    unknown: NDArray[np.float64],
    put: NDArray[np.float64],
) -> None:
    """Print the errors of a table's cells in which an imputed item puts a unit."""
    table = table_definitions()[name]
    C = len(table.columns)
    cell = np.flatnonzero(put > 0)
    row, column = np.divmod(cell, C)
    # A true and an imputed number are both draws: twice the variance of the units that were put there.
    error = np.sqrt(2 * put[cell])
    cells = pl.DataFrame(
        {
            "row": [plain_label(table.rows[r].label) for r in row],
            "column": [table.columns[c].label for c in column],
            "true": true[cell],
            "put": put[cell],
            "bias": (imputed[cell] - true[cell]) / np.maximum(true[cell], 1),
            "bias_without": (unknown[cell] - true[cell]) / np.maximum(true[cell], 1),
            "errors": (imputed[cell] - true[cell]) / error,
        }
    )
    large, small = cells.filter(pl.col("true") >= LARGE), cells.filter(pl.col("true") < LARGE)
    print(f"Table {name}: {cells.height} cells with imputed units; {large.height} of at least {LARGE:,} units")
    if large.height:
        print(large.sort(pl.col("bias").abs(), descending=True).head(10))
        within = large.select((pl.col("bias").abs() < LIMIT_BIAS).mean()).item()
        print(f"  within {LIMIT_BIAS:.0%}: {within:.3f} of the large cells; without imputation: "
              f"{large.select((pl.col('bias_without').abs() < LIMIT_BIAS).mean()).item():.3f}")  # fmt: skip
    if small.height:
        within = small.select((pl.col("errors").abs() <= LIMIT_ERRORS).mean()).item()
        print(f"  within {LIMIT_ERRORS} Monte Carlo errors: {within:.3f} of the small cells; largest:")
        print(small.sort(pl.col("errors").abs(), descending=True).head(6))


if __name__ == "__main__":
    main()
