"""One row of each key, the same one whatever the order of the rows (docs/develop/adding-a-source.md)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.sources.intake.accounts import Accounts


def without_repeats(
    table: str, dataset: Dataset, frame: pl.DataFrame, accounts: Accounts, position: str | None = None
) -> pl.DataFrame:
    """Keep one row of each key: of equal rows the first, of different rows with one key the least by content.

    Args:
        table: that the rows are from.
        dataset: whose primary key, as far as the frame has it, tells rows apart.
        frame: the rows.
        accounts: get the others, as duplicates or as conflicts.
        position: column that says where in the input a row stands, and so is no content.
    """
    key = [column for column in dataset.primary_key if column in frame.columns]
    # Equal hashes of different keys only cost the closer look below.
    if frame.select(pl.struct(key).hash().n_unique()).item() == frame.height:
        return frame
    content = [column for column in frame.columns if column != position]
    last = [] if position is None else [position]
    ordered = frame.sort(*key, *(column for column in content if column not in key), *last, nulls_last=True)
    for same, reason in ((pl.struct(content), "duplicate"), (pl.struct(key), "conflict")):
        ordered = accounts.set_aside(table, ordered, ordered.select(same == same.shift()).to_series(), reason)
    return ordered
