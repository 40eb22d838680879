"""Which months of an agency's year are known, and what share of a normal year they hold (handbook 04).

Everything is for n agencies at once: counts are (n, 12), NaN where a month was not reported.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.return_a_file import LUMPED_MONTHS

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MONTHS_PER_YEAR = 12
#: A difference of fewer offenses from what is expected may be chance.
MIN_DIFFERENCE = 10.0
#: A month without offenses is not chance where the agency's other months have as many on average.
MEAN_THAT_RULES_OUT_ZERO = 10.0
#: A month below this part of the agency's median month is not known.
NEGLIGIBLE = 1 / 20
#: A month next to one that is not known is incomplete below this part of its expectation.
INCOMPLETE = 1 / 2
#: A region's months are measured in the run where its full reporters have as many offenses.
MIN_SEASON_OFFENSES = 10_000
#: An agency with fewer offenses in a year shows no pattern of lumped months.
MIN_LUMPED_OFFENSES = 12

#: Population groups of counties begin with 8 or 9.
COUNTIES = "^[89]"


class MonthStatus(IntEnum):
    """What is known of a month; the names, in lower case, are the values of column ``month_status``."""

    KNOWN = 0
    LUMPED = 1
    NOT_REPORTED = 2
    LOW = 3
    EMPTY = 4
    INCOMPLETE = 5


def month_status(counts: Floats, is_low: Flags, shares: Floats | None = None) -> NDArray[np.int8]:
    """The status of every month.

    The rules apply in this order. An agency that reports all months, but has offenses only in December, in June and
    December, or at the end of each quarter, is lumped. A month is low if it is an outlier, or below 1/20 of the
    agency's median month and 10 or more below it. It is empty if it has no offense, although the other months have 10
    or more on average. A month before or after one that is not known is incomplete if it has less than half of what
    the others lead to expect, and 10 or more fewer.

    Args:
        counts: (n, 12) offenses.
        is_low: (n, 12) the outlier rule found the month too low.
        shares: (n, 12) normal shares of the year, as :func:`month_shares` returns them; without them no month is
            incomplete.
    """
    reported = np.isfinite(counts)
    values = np.where(reported, counts, 0.0)
    status = np.where(reported, MonthStatus.KNOWN, MonthStatus.NOT_REPORTED).astype(np.int8)
    lumped = is_lumped(counts)
    median = _row_medians(counts)[:, None]
    is_negligible = (values < NEGLIGIBLE * median) & (median - values >= MIN_DIFFERENCE)
    others = reported.sum(axis=1)[:, None] - 1
    mean_of_others = (values.sum(axis=1)[:, None] - values) / np.maximum(others, 1)
    is_empty = (values == 0) & (mean_of_others >= MEAN_THAT_RULES_OUT_ZERO)
    status[reported & (is_low | is_negligible)] = MonthStatus.LOW
    status[reported & is_empty] = MonthStatus.EMPTY
    status[lumped] = MonthStatus.LUMPED
    if shares is not None:
        status[~lumped[:, None] & _is_incomplete(values, status == MonthStatus.KNOWN, shares)] = MonthStatus.INCOMPLETE
    return status


def judge(counts: Floats, is_low: Flags, agencies: pl.DataFrame) -> tuple[NDArray[np.int8], Floats]:
    """Status and normal share of each month, (n, 12) both.

    Args:
        counts: (n, 12) offenses, NaN where not reported.
        is_low: (n, 12) the outlier rule found the month too low.
        agencies: n rows with ``region_code`` and ``population_group_code``.
    """
    is_full = (month_status(counts, is_low) == MonthStatus.KNOWN).all(axis=1)
    is_county = agencies["population_group_code"].str.contains(COUNTIES).fill_null(False).to_numpy()
    region = agencies["region_code"].fill_null(0).to_numpy()
    shares = month_shares(counts, is_full, region, is_county)
    return month_status(counts, is_low, shares), shares


def is_lumped(counts: Floats) -> Flags:
    """(n,) agencies that report all months, with the offenses of a whole period in its last month."""
    has_offenses = np.nan_to_num(counts) > 0
    in_last_months = np.zeros(len(counts), dtype=np.bool_)
    for months in LUMPED_MONTHS.values():
        pattern = np.isin(np.arange(1, MONTHS_PER_YEAR + 1), months)
        in_last_months |= (has_offenses == pattern).all(axis=1)
    is_sizeable = np.nansum(counts, axis=1) >= MIN_LUMPED_OFFENSES
    return np.asarray(np.isfinite(counts).all(axis=1) & in_last_months & is_sizeable)


def _is_incomplete(values: Floats, known: Flags, shares: Floats) -> Flags:
    """Known months beside one that is not, which have less than half of their expectation."""
    inner = np.pad(known, ((0, 0), (1, 1)), constant_values=True)
    is_edge = known & ~(inner[:, :-2] & inner[:, 2:])
    counted, share = np.where(known, values, 0.0), np.where(known, shares, 0.0)
    share_of_others = share.sum(axis=1)[:, None] - share
    others = counted.sum(axis=1)[:, None] - counted
    expected = np.divide(others * shares, share_of_others, out=np.zeros_like(values), where=share_of_others > 0)
    return np.asarray(is_edge & (values < INCOMPLETE * expected) & (expected - values >= MIN_DIFFERENCE))


def month_shares(counts: Floats, is_full: Flags, region: NDArray[np.integer], is_county: Flags) -> Floats:
    """Shares of a normal year's offenses by month, for each agency: (n, 12), which add up to 1.

    They are those of the full reporters of the agency's region and kind (city or county), if these have 10,000
    offenses; otherwise those of the region in 2013 (code list ``month_share``).

    Args:
        counts: (n, 12) offenses.
        is_full: (n,) all months of the agency are known, and are its own.
        region: (n,) code of the region.
        is_county: (n,) the agency is of a county, not of a city.
    """
    published = published_month_shares()
    codes = published["region_code"].unique().sort().to_numpy()
    of_region = published["month_share"].to_numpy().reshape(len(codes), MONTHS_PER_YEAR)
    # The last code holds for places outside the four regions.
    place = np.where(np.isin(region, codes), np.searchsorted(codes, region), len(codes) - 1)
    group = 2 * place + is_county
    totals = np.zeros((2 * len(codes), MONTHS_PER_YEAR))
    np.add.at(totals, group[is_full], counts[is_full])
    sums = totals.sum(axis=1, keepdims=True)
    shares = np.where(sums >= MIN_SEASON_OFFENSES, totals / np.maximum(sums, 1.0), np.repeat(of_region, 2, axis=0))
    return np.asarray(shares[group])


def published_month_shares() -> pl.DataFrame:
    """Shares of the year's offenses by region and month in 2013: ``region_code``, ``month``, ``month_share``."""
    share = pl.col("relative_share")
    return (
        code_list("month_share")
        .select("region_code", "month", month_share=share / share.sum().over("region_code"))
        .sort("region_code", "month")
    )


def known_part(status: NDArray[np.int8], start: pl.Series, year: int) -> Floats:
    """The part of each month that is known, (n, 12): 1 or 0, and days of the month in which reporting began.

    Args:
        status: (n, 12) of the months.
        start: (n,) dates on which reporting of incidents began, or missing.
        year: the data year.
    """
    part = np.isin(status, (MonthStatus.KNOWN, MonthStatus.LUMPED)).astype(np.float64)
    within = start.dt.year() == year
    rows = within.fill_null(False).arg_true().to_numpy()
    first, days = start.dt.day().gather(rows).to_numpy(), start.dt.days_in_month().gather(rows).to_numpy()
    part[rows, start.dt.month().gather(rows).to_numpy() - 1] *= (days - first + 1) / days
    return part


def _row_medians(counts: Floats) -> Floats:
    """Medians of the reported months, 0 where there is none."""
    found = np.zeros(len(counts))
    some = np.isfinite(counts).any(axis=1)
    found[some] = np.nanmedian(counts[some], axis=1)
    return found
