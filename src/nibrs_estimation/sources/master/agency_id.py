"""Numbers of agencies, for the file has ORIs alone."""

from __future__ import annotations

import numpy as np
import polars as pl

from nibrs_estimation.stats.random import unit_keys

_MOST = 2**31 - 1


def hashed_numbers(oris: pl.Series) -> pl.Series:
    """A positive number for each ORI, the same in every file and every run; two ORIs may have the same."""
    hashes = unit_keys(oris.to_numpy()) if len(oris) else np.zeros(0, np.uint64)
    return pl.Series("agency_id", (hashes % np.uint64(_MOST)).astype(np.int64) + 1, dtype=pl.Int32())


def agency_numbers(oris: pl.Series) -> pl.DataFrame:
    """The number of each agency of a run: the hash of its ORI, or the next number that no agency has.

    In one of seven nations two agencies have the same hash: the first by ORI keeps it.

    Args:
        oris: the ORIs, each once.

    Returns:
        ``ori`` and ``agency_id``, by ORI.
    """
    oris = oris.sort()
    number = hashed_numbers(oris).to_numpy().astype(np.int64)
    while True:
        order = np.argsort(number, kind="stable")
        is_taken = np.diff(number[order], prepend=0) == 0
        if not is_taken.any():
            return pl.DataFrame({"ori": oris, "agency_id": pl.Series(number, dtype=pl.Int32())})
        number[order[is_taken]] = number[order[is_taken]] % _MOST + 1
