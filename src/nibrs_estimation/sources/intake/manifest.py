"""The accounts of the input, the same for every source (docs/develop/adding-a-source.md)."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import polars as pl

from nibrs_estimation.model.intake import INTAKE_COUNT, INTAKE_FILE, INTAKE_LOSS, LOSSES, QUARANTINE
from nibrs_estimation.pipeline.dataset import Document
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.task import Task

_log = logging.getLogger(__name__)

INTAKE_MANIFEST = Document("intake_manifest.json", "Input: files, checksums, rows by table, faults and losses.")


def write_intake_manifest(
    intake_file: pl.LazyFrame, intake_count: pl.LazyFrame, quarantine: pl.LazyFrame, intake_loss: pl.LazyFrame
) -> dict[str, Any]:
    """Check that every row that was read is accounted for, and write the accounts.

    Raises:
        PipelineError: the numbers of rows read and of rows kept, quarantined and dropped differ, or dataset quarantine
            has another number of rows; names the table.
    """
    counts = intake_count.collect()
    faults = quarantine.collect()
    _check_balance(counts, faults)
    for row in counts.filter((pl.col("rows_quarantined") > 0) | (pl.col("values_quarantined") > 0)).to_dicts():
        _log.warning(
            "%s, table %s: %d of %d rows and %d values were set aside; see dataset quarantine",
            row["input_name"],
            row["input_table"],
            row["rows_quarantined"],
            row["rows_read"],
            row["values_quarantined"],
        )
    by_reason = faults.group_by("input_name", "input_table", "column_name", "reason", "is_row").len("n")
    losses = intake_loss.collect()
    _log_warnings(by_reason, losses)
    totals = counts.select(
        pl.col("rows_read", "rows_kept", "rows_quarantined", "rows_dropped", "values_quarantined").sum()
    )
    content = {
        "totals": totals.row(0, named=True),
        "files": [
            file
            | {
                "tables": _rows(counts, file["input_name"], "input_table"),
                "faults": _rows(by_reason, file["input_name"], "input_table", "column_name", "reason"),
                "losses": [
                    loss | {"meaning": LOSSES[loss["loss"]]}
                    for loss in _rows(losses, file["input_name"], "loss", "subject")
                ],
            }
            for file in intake_file.sort("input_name").collect().to_dicts()
        ],
    }

    def write(path: Path) -> None:
        path.write_text(json.dumps(content, indent=2, default=str) + "\n", encoding="utf-8")

    return {INTAKE_MANIFEST.name: write}


MANIFEST_TASK = Task(
    name="write_intake_manifest",
    function=write_intake_manifest,
    reads=(INTAKE_FILE, INTAKE_COUNT, QUARANTINE, INTAKE_LOSS),
    writes=(INTAKE_MANIFEST,),
)


def _rows(frame: pl.DataFrame, input_name: str, *order: str) -> list[dict[str, Any]]:
    return frame.filter(pl.col("input_name") == input_name).drop("input_name").sort(order).to_dicts()


def _log_warnings(by_reason: pl.DataFrame, losses: pl.DataFrame) -> None:
    """Log a warning for rows that contradict each other, and for missing rows."""
    for row in by_reason.filter(pl.col("reason") == "conflict").sort("input_name", "input_table").to_dicts():
        _log.warning(
            "%s, table %s: %d rows differ from another row with the same key; the first row by content is kept, "
            "which may not be the right one",
            row["input_name"],
            row["input_table"],
            row["n"],
        )
    for row in (
        losses.filter(pl.col("loss").is_in(["no_child", "empty_table"])).sort("input_name", "subject").to_dicts()
    ):
        _log.warning("%s, %s: %s", row["input_name"], row["subject"], LOSSES[row["loss"]])


def _check_balance(counts: pl.DataFrame, faults: pl.DataFrame) -> None:
    table = ["state_abbr", "input_name", "input_table"]
    listed = faults.group_by(table).agg(
        listed_rows=pl.col("is_row").sum().cast(pl.Int64), listed_values=(~pl.col("is_row")).sum().cast(pl.Int64)
    )
    accounts = counts.join(listed, on=table, how="full", coalesce=True).with_columns(
        pl.selectors.numeric().fill_null(0)
    )
    wrong = accounts.filter(
        (pl.col("rows_read") != pl.sum_horizontal("rows_kept", "rows_quarantined", "rows_dropped"))
        | (pl.col("rows_quarantined") != pl.col("listed_rows"))
        | (pl.col("values_quarantined") != pl.col("listed_values"))
    ).sort(table)
    if wrong.height:
        row = wrong.row(0, named=True)
        raise PipelineError(
            f"{row['input_name']}, table {row['input_table']}: {row['rows_read']:,} rows were read, but "
            f"{row['rows_kept']:,} kept, {row['rows_quarantined']:,} quarantined ({row['listed_rows']:,} listed) and "
            f"{row['rows_dropped']:,} dropped do not account for them. This is an error of the program: please "
            "report it."
        )
