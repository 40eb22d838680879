"""Faults that are named and counted (handbook 16)."""

from __future__ import annotations

import polars as pl

Issue = tuple[str, int, int, str | None, str]


def issue(name: str, rows: pl.DataFrame, agencies: pl.DataFrame, rule: str) -> list[Issue]:
    """One issue for all rows; an empty list if there are none.

    Args:
        name: kind of fault.
        rows: those affected, with ``agency_id``.
        agencies: ``agency_id`` and ``ori``.
        rule: what is done about it.
    """
    if rows.is_empty():
        return []
    ids = rows["agency_id"].unique().sort()
    ori = agencies.filter(pl.col("agency_id") == ids[0])["ori"]
    return [(name, rows.height, len(ids), ori[0] if len(ori) else str(ids[0]), rule)]
