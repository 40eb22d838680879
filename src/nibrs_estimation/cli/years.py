"""Data years of plain files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from nibrs_estimation.pipeline.table import find_table, read_table
from nibrs_estimation.pipeline.task import Task

_YEAR = "data_year"


def years_of(tasks: Sequence[Task], folder: Path) -> list[int]:
    """The values of ``data_year`` in the datasets that tasks read from a folder, ascending; missing files are ignored.

    Raises:
        PipelineError: a dataset exists in more than one form.
    """
    dated = {dataset.name: dataset for task in tasks for dataset in task.reads if _YEAR in dataset.schema.names()}
    found = {dataset.name: find_table(folder, dataset) for dataset in dated.values()}
    columns = [
        read_table(files, dated[name]).select(pl.col(_YEAR).cast(pl.Int64).unique())
        for name, files in found.items()
        if files
    ]
    if not columns:
        return []
    years: list[int] = pl.concat(columns).collect()[_YEAR].drop_nulls().unique().sort().to_list()
    return years
