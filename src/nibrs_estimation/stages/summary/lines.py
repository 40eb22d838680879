"""Lines of the Return A as arrays, and their totals (handbook 16)."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.return_a import PARTS
from nibrs_estimation.model.return_a_file import ITEM_COLUMNS, ITEMS
from nibrs_estimation.survey.months import MONTHS_PER_YEAR

Floats = NDArray[np.float64]
Integers = NDArray[np.integer]
#: Totals before the grand total, which is the sum of some of them.
_TOTALS = {total: list(parts) for total, parts in PARTS.items() if total in ITEMS}


def converted_lines(incident_summary: pl.DataFrame, ids: pl.Series) -> Floats:
    """(n, 12, 26) converted incidents of agencies, 0 where there is none.

    Args:
        incident_summary: dataset of that name.
        ids: (n,) agencies, ascending.
    """
    counts = np.zeros((len(ids), MONTHS_PER_YEAR, len(ITEMS)))
    rows = incident_summary.join(pl.DataFrame({"agency_id": ids}).with_row_index("row"), on="agency_id")
    at = tuple(rows[name].to_numpy() - first for name, first in (("row", 0), ("month", 1), ("item_code", 0)))
    counts[at] = rows["n"].to_numpy()
    return counts


def reported_lines(summary: pl.DataFrame, ids: pl.Series) -> Floats:
    """(n, 12, 26) lines of agencies, NaN where a month has no row or a line is missing.

    Args:
        summary: ``agency_id``, ``month`` and columns of lines; a month at most once for an agency.
        ids: (n,) agencies, ascending.
    """
    counts = np.full((len(ids), MONTHS_PER_YEAR, len(ITEMS)), np.nan)
    rows = summary.join(pl.DataFrame({"agency_id": ids}).with_row_index("row"), on="agency_id")
    at = (rows["row"].to_numpy(), rows["month"].to_numpy() - 1)
    counts[at] = rows.select(pl.col(ITEM_COLUMNS).cast(pl.Float64)).to_numpy()
    return counts


def rebuild_totals(lines: Floats) -> Floats:
    """The same lines with all totals as sums of their parts; (..., 26), missing parts are 0."""
    rebuilt = np.nan_to_num(lines)
    for total, parts in _TOTALS.items():
        rebuilt[..., total] = rebuilt[..., parts].sum(axis=-1)
    return rebuilt
