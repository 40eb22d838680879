"""The accounts of what was read: rows balance, or the run says where they do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nibrs_estimation.model.intake import INTAKE_COUNT, INTAKE_FILE, INTAKE_LOSS, QUARANTINE
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.intake.manifest import write_intake_manifest

COMMON = {"state_abbr": "VT", "input_name": "VT-2024.zip"}
FILE = {"data_year": 2024, "layout": "cde_2021", "use": "incidents", "is_excerpt": False, "sha256": "0" * 64}
COUNT = {
    "input_table": "nibrs_victim", "dataset": "victim", "rows_read": 10, "rows_kept": 7, "rows_quarantined": 2,
    "rows_dropped": 1, "values_quarantined": 1, "rows_other_year": 0,
}  # fmt: skip
FAULTS = [
    ("line 2", "", "orphan", True),
    ("line 3", "sex_code", "unknown_code", False),
    ("line 4", "", "duplicate", True),
]


def frame(dataset: Dataset, *rows: dict[str, Any]) -> pl.LazyFrame:
    full = [{name: {**COMMON, **row}.get(name) for name in dataset.schema} for row in rows]
    return pl.LazyFrame(full, schema=dataset.schema)


def accounts(**changes: Any) -> tuple[pl.LazyFrame, ...]:
    faults = [
        {"input_table": "nibrs_victim", "record": record, "column_name": column, "reason": reason, "is_row": is_row}
        for record, column, reason, is_row in FAULTS
    ]
    loss = {"loss": "no_agency", "subject": "arrestee", "n": 5}
    return (
        frame(INTAKE_FILE, FILE),
        frame(INTAKE_COUNT, COUNT | changes),
        frame(QUARANTINE, *faults),
        frame(INTAKE_LOSS, loss),
    )


def test_the_manifest_tells_files_rows_faults_and_losses(tmp_path: Path) -> None:
    write_intake_manifest(*accounts())["intake_manifest.json"](tmp_path / "manifest.json")
    (file,) = json.loads((tmp_path / "manifest.json").read_text())["files"]
    assert (file["input_name"], file["layout"], file["sha256"]) == ("VT-2024.zip", "cde_2021", "0" * 64)
    assert file["tables"][0]["rows_kept"] == 7
    assert [(fault["reason"], fault["n"]) for fault in file["faults"]] == [
        ("duplicate", 1),
        ("orphan", 1),
        ("unknown_code", 1),
    ]
    assert file["losses"][0]["meaning"].startswith("Group B arrests name no agency")


@pytest.mark.parametrize(
    "changes",
    [{"rows_read": 11}, {"rows_kept": 6}, {"rows_quarantined": 3, "rows_dropped": 0}, {"values_quarantined": 0}],
)
def test_rows_that_do_not_balance_are_told(changes: dict[str, int]) -> None:
    with pytest.raises(PipelineError, match=r"VT-2024.zip, table nibrs_victim: \d+ rows were read"):
        write_intake_manifest(*accounts(**changes))


def test_faults_of_a_table_that_was_never_counted_are_told() -> None:
    with pytest.raises(PipelineError, match="table nibrs_bias"):
        write_intake_manifest(*accounts(input_table="nibrs_bias"))
