"""What listings say of datasets."""

from nibrs_estimation.flows.catalogue import describe_columns
from nibrs_estimation.pipeline.dataset import Column, Dataset


def test_a_column_that_nothing_fills_is_described_as_empty() -> None:
    columns = (Column("n", "int64", "Number."), Column("later", "str", "Name.", is_nullable=True, is_filled=False))
    n, later = describe_columns(Dataset("d", "Data.", columns, ("n",)))
    assert (n["filled"], n["description"]) == (True, "Number.")
    assert (later["filled"], later["description"]) == (False, "Name. Empty: no stage fills it yet.")
