"""What agencies report wrongly: odd months, incomplete months beside gaps, and several months in one report.

Sources of the shares: ``odd_month.csv``, ``lump.csv`` (FBI, Return A master file, 2013). The true counts stand in the
dataset ``synthetic_truth_month``, and what was planted in ``synthetic_outlier``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.sources.synthetic.marginals import Booleans, Floats, Integers, parameter, table
from nibrs_estimation.sources.synthetic.rates import usual_crime
from nibrs_estimation.sources.synthetic.reporting import Form, reported_months, reported_summaries
from nibrs_estimation.stats import random

#: Columns of ``odd_month.csv`` with the shares of agencies that have a month multiplied by so much in a year.
_TIMES = "times_"


def odd_factors(agencies: pl.DataFrame, year: int, seed: int) -> Floats:
    """What each month's incidents are multiplied by as a whole, nearly always 1: (n, 12).

    An agency has at most one odd month in a year, more often if it is small; both its forms tell the same.
    """
    unit = agencies["agency_id"].to_numpy()
    names = [name for name in table("odd_month").columns if name.startswith(_TIMES)]
    ends = np.cumsum([_by_size(agencies, seed, name) for name in names], axis=0)
    kind = (random.uniform(seed, "odd", unit, year) >= ends).sum(axis=0)
    month = np.floor(12 * random.uniform(seed, "odd month", unit, year)).astype(np.int64)
    factors = np.ones((len(unit), 12))
    factors[np.arange(len(unit)), month] = np.array([*(float(name.removeprefix(_TIMES)) for name in names), 1.0])[kind]
    return factors


def edge_factors(agencies: pl.DataFrame, months: Booleans, year: int, seed: int, form: Form) -> Floats:
    """The share of each month's incidents that was sent, below 1 in some months beside a gap: (n, 12).

    Args:
        agencies: rows of :func:`~nibrs_estimation.sources.synthetic.agency_frame`.
        months: (n, 12) the months that they reported on the form.
        year: data year.
        seed: seed of the run.
        form: of the reports.
    """
    unit, index = agencies["agency_id"].to_numpy()[:, None], year * 100 + np.arange(12)
    is_edge = months.copy()
    is_edge[:, 1:-1] &= ~(months[:, :-2] & months[:, 2:])
    is_edge[:, 0] &= ~months[:, 1]
    is_edge[:, -1] &= ~months[:, -2]
    is_short = random.uniform(seed, f"edge_{form}", unit, index) < _by_size(agencies, seed, "edge_share")[:, None]
    least, most = parameter("edge_least"), parameter("edge_most")
    share = least + (most - least) * random.uniform(seed, f"edge_share_{form}", unit, index)
    return np.where(is_edge & is_short, share, 1.0)


def sent_factors(agencies: pl.DataFrame, months: Booleans, year: int, seed: int, form: Form) -> Floats:
    """What the incidents of each month are multiplied by in the reports: (n, 12), 0 in months that were not sent."""
    odd = odd_factors(agencies, year, seed)
    return np.where(odd == 1, edge_factors(agencies, months, year, seed, form), odd) * months


def months_per_report(agencies: pl.DataFrame, year: int, seed: int) -> tuple[Integers, pl.Series]:
    """How many months stand in each summary of an agency, in the last of them, and what that is called.

    Returns:
        Numbers (n,) of months: 1, or 3, 6 or 12 of some agencies that sent every summary; and ``quarterly``,
        ``semiannual``, ``annual`` or null.
    """
    unit = agencies["agency_id"].to_numpy()
    is_full = reported_summaries(agencies, year, seed).all(axis=1)
    kinds = table("lump")
    ends = np.cumsum(kinds["share"].to_numpy())
    # An agency keeps its habit.
    place = np.searchsorted(ends, random.uniform(seed, "lump", unit), side="right")
    place = np.where(is_full, place, len(ends))
    months = np.append(kinds["months"].to_numpy(), 1)[place]
    names = pl.Series([*kinds["kind"].to_list(), None], dtype=pl.String)
    return months, names.gather(place)


def planted_faults(agencies: pl.DataFrame, year: int, seed: int) -> pl.DataFrame:
    """Every report that tells something else than what happened in its month.

    Returns:
        ``agency_id``, ``data_year``, ``form_code``, ``month``, ``kind`` and ``factor``: what the month's incidents
        were multiplied by, or null in a report of several months.
    """
    unit = agencies["agency_id"].to_numpy()
    odd = odd_factors(agencies, year, seed)
    frames = []
    forms: tuple[tuple[Form, Booleans], ...] = (
        ("N", reported_months(agencies, year, seed)),
        ("R", reported_summaries(agencies, year, seed)),
    )
    for form, months in forms:
        factor = sent_factors(agencies, months, year, seed, form)
        place, month = np.nonzero(months & (factor != 1))
        kind = np.where(odd[place, month] != 1, "odd", "edge")
        frames.append(_faults(unit[place], year, form, month + 1, kind, factor[place, month]))
    number, name = months_per_report(agencies, year, seed)
    place, month = np.nonzero((number[:, None] > 1) & (np.arange(1, 13) % number[:, None] == 0))
    frames.append(_faults(unit[place], year, "R", month + 1, name.gather(place), np.full(len(place), np.nan)))
    return pl.concat(frames).unique(["agency_id", "form_code", "month"], keep="last", maintain_order=True)


def _faults(
    unit: Integers, year: int, form: Form, month: Integers, kind: NDArray[Any] | pl.Series, factor: Floats
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "agency_id": unit,
            "data_year": np.full(len(unit), year, dtype=np.int16),
            "form_code": pl.Series([form] * len(unit), dtype=pl.String),
            "month": month.astype(np.int8),
            "kind": pl.Series(kind, dtype=pl.String),
            "factor": pl.Series(factor, nan_to_null=True),
        }
    )


def _by_size(agencies: pl.DataFrame, seed: int, column: str) -> Floats:
    """A share of ``odd_month.csv`` by the Part I offenses of a usual year: (n,)."""
    sizes = table("odd_month")
    size = usual_crime(agencies, seed).part_one
    place = np.searchsorted(sizes["offenses_from"].to_numpy(), size, side="right") - 1
    return np.asarray(sizes[column].to_numpy()[place], dtype=np.float64)
