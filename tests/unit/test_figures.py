"""The figures of units, added up."""

from nibrs_estimation.pipeline.figures import Figures
from nibrs_estimation.pipeline.manifest import Cause, Manifest
from nibrs_estimation.pipeline.table import FileRecord
from nibrs_estimation.pipeline.unit import Outcome


def outcome(state: str, seconds: float, rows: int | None, peak: int | None) -> Outcome:
    files = {"dataset": FileRecord("datasets/dataset.parquet", "0" * 64, 1, 1, rows)}
    manifest = Manifest("task", Cause("code", {}, {}, {}), files, "2026-01-01", seconds, peak, "task", "inline")
    return Outcome("task", "task", state, seconds, manifest=manifest)


def test_time_is_of_what_ran_now_and_rows_are_of_everything() -> None:
    found = Figures.of([outcome("done", 1.5, 1000, 3 * 2**20), outcome("kept", 60.0, 234, 2**20)])
    assert found.text == "1 done, 1 kept; 1.50 s, 1,234 rows, peak memory 3 MiB (task)"


def test_a_failed_unit_has_no_rows_and_memory_may_be_unknown() -> None:
    failed = Outcome("task[VT]", "task", "failed", 2.0, "on purpose")
    assert Figures.of([failed, outcome("done", 1.0, None, None)]).text == "1 failed, 1 done; 3.00 s, 0 rows"
    assert Figures.of([failed]).peak_text == ""
