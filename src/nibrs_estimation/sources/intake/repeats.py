"""One row for each key, independent of the order of the rows (docs/develop/adding-a-source.md)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.sources.intake.accounts import Accounts


def without_repeats(
    table: str, dataset: Dataset, frame: pl.DataFrame, accounts: Accounts, position: str | None = None
) -> pl.DataFrame:
    """Keep one row for each key: the first of equal rows; of different rows, the first in order of content.

    Args:
        table: table of the rows.
        dataset: the dataset; its primary key, as far as the frame has it, is the key.
        frame: the rows.
        accounts: receive the other rows, as duplicates or conflicts.
        position: column with the position of a row in the input, which is not compared.
    """
    key = [column for column in dataset.primary_key if column in frame.columns]
    # If different keys have equal hashes, the check below is still right.
    if frame.select(pl.struct(key).hash().n_unique()).item() == frame.height:
        return frame
    content = [column for column in frame.columns if column != position]
    last = [] if position is None else [position]
    ordered = frame.sort(*key, *(column for column in content if column not in key), *last, nulls_last=True)
    for same, reason in ((pl.struct(content), "duplicate"), (pl.struct(key), "conflict")):
        ordered = accounts.set_aside(table, ordered, ordered.select(same == same.shift()).to_series(), reason)
    return ordered
