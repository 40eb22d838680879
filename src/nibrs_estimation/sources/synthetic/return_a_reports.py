"""What the monthly reports of a Return A master file hold of the synthetic nation (sources/synthetic/README.md).

Months of incidents are converted, as the FBI does it; all others are the summaries that agencies sent. What is odd is
as often so as in the file of 2013: corrections by negative numbers, totals without details, and reports of a quarter.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from nibrs_estimation.model.return_a import GRAND_TOTAL, PARTS, PARTS_OF_CRIMES, with_totals
from nibrs_estimation.model.return_a_file import (
    ACTUAL,
    CARDS,
    CLEARED,
    CLEARED_UNDER_18,
    ITEMS,
    LUMPED_MONTHS,
    UNFOUNDED,
)
from nibrs_estimation.sources.synthetic.marginals import Booleans, Integers, offenses, parameter, table
from nibrs_estimation.sources.synthetic.srs import spread_over_items
from nibrs_estimation.stats import random

_log = logging.getLogger(__name__)

_MONTHS = 12
#: What the five digits of a count hold at most.
MOST = 99_999
#: In 2013 the agencies of one state, and nearly no others, sent totals without details, and no simple assaults.
TOTALS_ONLY_STATE = "IL"
_ASSAULTS, _SIMPLE = 10, 15
_TOTAL_OF = {part: total for total, parts in PARTS.items() if total != GRAND_TOTAL for part in parts}
#: With fewer offenses in a year, that they are all in the last months of quarters may be chance.
_FEWEST_LUMPED = 12


@dataclass(frozen=True)
class Reports:
    """The reports of n agencies in a year.

    Attributes:
        counts: (n, 12, 4, 26) offenses by month, card and item; 0 in months that were not reported.
        officers_assaulted: (n, 12).
        is_reported: (n, 12) which months were reported, as incidents or as a summary.
        is_converted: (n, 12) which of them were converted from incidents.
        is_totals_only: (n, 12) which of them have totals without details on the card of actual offenses, and no other.
        included_in: (n, 12) the month whose report has the offenses of this month, 0 if it is this month.
    """

    counts: Integers
    officers_assaulted: Integers
    is_reported: Booleans
    is_converted: Booleans
    is_totals_only: Booleans
    included_in: Integers


def reports_of(agencies: pl.DataFrame, datasets: Mapping[str, pl.DataFrame], year: int, seed: int) -> Reports:
    """The reports of some agencies.

    Args:
        agencies: (n) rows with ``agency_id`` and ``state_abbr``.
        datasets: ``report_month``, ``srs_month`` and ``agency_month_offense`` of the year.
        year: year of the file.
        seed: seed of the nation.
    """
    place = agencies.select("agency_id", place=pl.int_range(pl.len()))
    months = datasets["report_month"]
    by_summary, by_incidents = (_grid(place, months.filter(pl.col("form_code") == form)) for form in ("R", "N"))
    is_converted = by_incidents & ~by_summary
    actual = np.zeros((agencies.height, _MONTHS, len(ITEMS)), np.int64)
    _fill(actual, place, datasets["srs_month"], by_summary)
    _fill(actual, place, _converted(datasets["agency_month_offense"], year, seed), is_converted)

    unit = agencies["agency_id"].to_numpy()
    is_totals_only = by_summary & _sends_totals_only(agencies, seed)[:, None]
    is_lumped = _is_lumped(actual, by_summary)
    may_correct = ~is_lumped & ~is_totals_only.any(axis=1)
    _correct(actual, by_summary & ~by_incidents & may_correct[:, None], unit, year, seed)
    _remove_details(actual, is_totals_only)
    if too_large := int((actual > MOST).sum()):
        _log.warning(
            "Return A of %d: %d monthly counts are above %d, the most that a record holds; %d is written instead.",
            year,
            too_large,
            MOST,
            MOST,
        )
    counts = np.zeros((*actual.shape[:2], len(CARDS), len(ITEMS)), np.int64)
    counts[..., ACTUAL, :] = np.minimum(actual, MOST)
    _fill_other_cards(counts, ~is_totals_only, unit, year, seed)
    assaults = np.maximum(counts[..., ACTUAL, _ASSAULTS], 0) * ~is_totals_only
    point = random.uniform(seed, "officers assaulted", unit[:, None], year * _MONTHS + np.arange(_MONTHS))
    return Reports(
        counts=counts,
        officers_assaulted=np.floor(assaults * parameter("officers_assaulted_share") + point).astype(np.int64)
        * (assaults > 0),
        is_reported=by_summary | by_incidents,
        is_converted=is_converted,
        is_totals_only=is_totals_only,
        included_in=_included_in(actual, is_lumped),
    )


def _grid(place: pl.DataFrame, months: pl.DataFrame) -> Booleans:
    """(n, 12) the months of rows with ``agency_id`` and ``month``."""
    grid = np.zeros((place.height, _MONTHS), np.bool_)
    rows = months.join(place, on="agency_id")
    grid[rows["place"].to_numpy(), rows["month"].to_numpy() - 1] = True
    return grid


def _fill(actual: Integers, place: pl.DataFrame, counts: pl.DataFrame, months: Booleans) -> None:
    """Write the counts of agencies, months and items that are in some months."""
    rows = counts.filter(pl.col("item_code") < len(ITEMS)).join(place, on="agency_id")
    agency, month, item = (rows[name].to_numpy().astype(np.int64) for name in ("place", "month", "item_code"))
    is_in = months[agency, month - 1]
    actual[agency[is_in], month[is_in] - 1, item[is_in]] = rows["n"].to_numpy()[is_in]


def _converted(counts: pl.DataFrame, year: int, seed: int) -> pl.DataFrame:
    """Items of the offenses of incidents that a summary counts; their details, such as weapons, are drawn."""
    codes = offenses().select("offense_code", offense=pl.int_range(pl.len(), dtype=pl.Int16))
    counted = counts.join(codes, on="offense_code").select("agency_id", "month", "offense", incidents="n_summary")
    items = spread_over_items(counted.sort("agency_id", "month", "offense"), year, seed)
    by_item = items.group_by("agency_id", "month", "item_code").agg(pl.col("n").sum())
    return with_totals(by_item.filter(pl.col("n") > 0))


def _sends_totals_only(agencies: pl.DataFrame, seed: int) -> Booleans:
    point = random.uniform(seed, "totals only", agencies["agency_id"].to_numpy())
    is_there = (agencies["state_abbr"] == TOTALS_ONLY_STATE).to_numpy()
    return np.asarray(is_there & (point < parameter("totals_only_share")), np.bool_)


def _is_lumped(actual: Integers, by_summary: Booleans) -> Booleans:
    """(n,) which agencies sent every summary and have offenses only in the last months of quarters."""
    others = [month for month in range(_MONTHS) if month + 1 not in LUMPED_MONTHS["quarterly"]]
    totals = actual[..., GRAND_TOTAL]
    is_lumped = by_summary.all(axis=1) & (totals.sum(axis=1) >= _FEWEST_LUMPED) & ~totals[:, others].any(axis=1)
    return np.asarray(is_lumped, np.bool_)


def _included_in(actual: Integers, is_lumped: Booleans) -> Integers:
    """(n, 12) of agencies that report by quarter, its last month for the two before."""
    half_years = [month - 1 for month in LUMPED_MONTHS["quarterly"] if month not in LUMPED_MONTHS["semiannual"]]
    is_quarterly = is_lumped & actual[:, half_years, GRAND_TOTAL].any(axis=1)
    number = np.arange(1, _MONTHS + 1)
    last = -(-number // 3) * 3
    return np.where(is_quarterly[:, None] & (last != number), last, 0)


def _correct(actual: Integers, may: Booleans, unit: Integers, year: int, seed: int) -> None:
    """Count one offense too many in the first month of some agencies, and take it back in a later month without any.

    The sums of the year stay. Agencies without such a month correct nothing.
    """
    cards = table("return_a_card")
    weights = cards["corrections"].to_numpy() / cards["corrections"].sum()
    drawn = random.categorical(seed, "corrected item", unit, year, probabilities=weights)
    item = cards["item_code"].cast(pl.Int64).to_numpy()[drawn]
    is_correcting = random.uniform(seed, "correction", unit, year) < parameter("correction_share")
    first = may.argmax(axis=1)
    is_later = may & (np.arange(_MONTHS) > first[:, None])
    is_open = is_later & (np.take_along_axis(actual, item[:, None, None], axis=2)[..., 0] == 0)
    last = _MONTHS - 1 - is_open[:, ::-1].argmax(axis=1)
    agency = np.flatnonzero(is_correcting & is_open.any(axis=1))
    for column in (item, np.array([_TOTAL_OF.get(one, -1) for one in item]), np.full_like(item, GRAND_TOTAL)):
        own = agency[column[agency] >= 0]
        actual[own, first[own], column[own]] += 1
        actual[own, last[own], column[own]] -= 1


def _remove_details(actual: Integers, is_totals_only: Booleans) -> None:
    """Leave only totals in some months, and no simple assaults in them."""
    simple = np.where(is_totals_only, actual[..., _SIMPLE], 0)
    actual[..., _ASSAULTS] -= simple
    actual[..., GRAND_TOTAL] -= simple
    details = [item for item in PARTS_OF_CRIMES if item in ITEMS]
    actual[..., details] *= ~is_totals_only[..., None]


def _fill_other_cards(counts: Integers, has_cards: Booleans, unit: Integers, year: int, seed: int) -> None:
    """Draw unfounded and cleared offenses from the details of months, and add them up."""
    cards = table("return_a_card").with_columns(
        cleared_under_18_share=pl.col("cleared_under_18_share") / pl.col("cleared_share")
    )
    items = cards["item_code"].cast(pl.Int64).to_numpy()
    index = (year * _MONTHS + np.arange(_MONTHS))[:, None] * 100 + items
    for card, of, name in (
        (UNFOUNDED, ACTUAL, "unfounded"),
        (CLEARED, ACTUAL, "cleared"),
        (CLEARED_UNDER_18, CLEARED, "cleared_under_18"),
    ):
        base = np.maximum(counts[..., of, :][..., items], 0) * has_cards[..., None]
        point = random.uniform(seed, name, unit[:, None, None], index)
        number = np.floor(base * cards[f"{name}_share"].to_numpy() + point).astype(np.int64)
        counts[..., card, items] = np.where(base > 0, number, 0)
        for total, parts in PARTS.items():
            if total in ITEMS and total != GRAND_TOTAL:
                counts[..., card, total] = counts[..., card, list(parts)].sum(axis=-1)
        counts[..., card, GRAND_TOTAL] = counts[..., card, list(PARTS[GRAND_TOTAL])].sum(axis=-1)
