"""Imputed items of a synthetic nation beside the truth, and the time that the stage took.

    nibrs run all items --source synthetic:1 --year 2024 --until validate_items
    python -m benchmarks.item_imputation scratch/items/all

Prints, for every kind of person, the largest difference of shares of imputed values from the true shares, by offense
and value, in cells of at least 10,000 imputed values; the relative bias of the numbers of persons by offense and value,
with imputation and without; and the times and peaks of the stage's tasks.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import polars as pl

from nibrs_estimation.model.items import ITEM_COLUMNS
from nibrs_estimation.stages.validation.age_classes import age_class
from nibrs_estimation.stages.validation.item_truth import LARGE, LIMIT_POINTS, shares_beside_truth

STAGE = (
    "link_persons", "impute_persons", "join_distributions", "impute_ethnicity", "impute_property_relationships",
    "finish_persons",
)  # fmt: skip
LIMIT_BIAS, LIMIT_SECONDS, LIMIT_GIB = 0.01, 1200, 10


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("run", type=Path, help="folder of the run, with datasets/ and manifests/")
    run = options.parse_args().run
    with pl.Config(tbl_rows=60, tbl_cols=20, tbl_width_chars=150, float_precision=3, fmt_str_lengths=30):
        compare(run / "datasets")
        cost(run / "manifests")


def largest(rows: pl.DataFrame, column: str) -> float:
    """The largest absolute number of a column."""
    value: Any = rows[column].abs().max()
    return float(value)


def compare(folder: Path) -> None:
    truth = pl.scan_parquet(folder / "item_truth/*.parquet").collect()
    shares = shares_beside_truth(truth)
    print(f"Shares of imputed values beside the truth; cells of at least {LARGE:,} imputed values:")
    large = shares.filter(pl.col("values") >= LARGE)
    worst = large.sort(pl.col("points").abs(), descending=True)
    print(worst.head(12))
    if large.height:
        within = large.select((pl.col("points").abs() <= LIMIT_POINTS).sum()).item()
        print(f"{within} of {large.height} within {LIMIT_POINTS} point; largest {largest(worst, 'points'):.2f} points")
    print("all cells, by item:")
    print(
        shares.group_by("person_kind", "item")
        .agg(
            cells=pl.len(),
            values=pl.col("values").max(),
            largest_of_large=pl.col("points").abs().filter(pl.col("values") >= LARGE).max(),
            mean_absolute=(pl.col("points").abs() * pl.col("values")).sum() / pl.col("values").sum(),
            spread=pl.col("error").filter(pl.col("values") >= LARGE).std(),
        )
        .sort("person_kind", "item")
    )
    biases = bias_of_numbers(folder, shares)
    print(f"Relative bias of the number of persons by offense and value, nation, cells of at least {LARGE:,} persons:")
    big = biases.filter(pl.col("true") >= LARGE).sort(pl.col("bias").abs(), descending=True)
    print(big.head(12))
    if big.height:
        print(f"largest bias {largest(big, 'bias'):.4f}, of the limit of {LIMIT_BIAS}")
        print(f"without imputation, known persons scaled to all: {largest(big, 'bias_without'):.4f}")


def bias_of_numbers(folder: Path, shares: pl.DataFrame) -> pl.DataFrame:
    """By kind, item, offense and value: true number of persons, and relative biases with and without imputation."""
    frame = pl.scan_parquet(folder / "person_frame/*.parquet")
    counted = []
    for item, column in ITEM_COLUMNS.items():
        if item == "ethnicity":
            continue
        counted.append(
            frame.select(
                "person_kind",
                "offense_code",
                item=pl.lit(item),
                category=age_class(pl.col(column)) if item == "age" else pl.col(column),
            )
            .group_by("person_kind", "item", "offense_code", "category")
            .agg(n=pl.len().cast(pl.Int64))
            .collect(engine="streaming")
        )
    key = ["person_kind", "item", "offense_code"]
    changes = shares.select(
        *key,
        "category",
        n_imputed=(pl.col("imputed") * pl.col("values")).round().cast(pl.Int64),
        n_true=(pl.col("true") * pl.col("values")).round().cast(pl.Int64),
    )
    rows = (
        pl.concat(counted)
        .join(changes, on=[*key, "category"], how="left")
        .with_columns(pl.col("n_imputed", "n_true").fill_null(0))
    )
    true = pl.col("n") - pl.col("n_imputed") + pl.col("n_true")
    known = pl.col("n") - pl.col("n_imputed")
    scaled = known * pl.col("n").sum().over(key) / known.sum().over(key)
    return rows.select(
        *key, "category", true=true, bias=(pl.col("n") - true) / true, bias_without=(scaled - true) / true
    )


def cost(folder: Path) -> None:
    """Seconds and peak memory of the stage's tasks, from the manifests."""
    seconds: dict[str, float] = defaultdict(float)
    peak: dict[str, float] = defaultdict(float)
    for task in STAGE:
        for path in [*folder.glob(f"{task}.json"), *folder.glob(f"{task}/*.json")]:
            manifest = json.loads(path.read_text())
            seconds[task] += manifest["duration_s"]
            peak[task] = max(peak[task], manifest["peak_memory_bytes"] / 2**30)
    print("Task, seconds over all parts, peak of a part in GiB:")
    for task in STAGE:
        print(f"  {task:<32}{seconds[task]:9.1f}{peak[task]:8.2f}")
    total = sum(seconds.values())
    print(f"  all, in one process: {total:.0f} s, {total / LIMIT_SECONDS:.2f} of the limit of {LIMIT_SECONDS} s")
    print(f"  peak: {max(peak.values()):.2f} GiB, {max(peak.values()) / LIMIT_GIB:.2f} of the limit of {LIMIT_GIB} GiB")


if __name__ == "__main__":
    main()
