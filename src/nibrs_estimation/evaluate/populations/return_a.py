"""The agencies of a Return A master file that reported every month of the year by itself (handbook 13)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.evaluate.patterns import Members, group_of, with_weight_class
from nibrs_estimation.evaluate.populations.fixed import FixedPopulation
from nibrs_estimation.model.benchmark import PROPERTY, VIOLENT
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.return_a import ITEMS_OF_CRIME, OFFENSES_OF_CRIME
from nibrs_estimation.model.return_a_file import ACTUAL, ITEM_COLUMNS
from nibrs_estimation.sources.return_a.core import agency_rows
from nibrs_estimation.survey.months import MEAN_THAT_RULES_OUT_ZERO, MONTHS_PER_YEAR, MonthStatus, judge

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
CRIMES = tuple(ITEMS_OF_CRIME)
#: The offense code under which each crime is counted, where it has several.
CODES = pl.Series([OFFENSES_OF_CRIME[crime][-1 if crime == "larceny" else 0] for crime in CRIMES])
PART_I = [CRIMES.index(crime) for crime in (*VIOLENT, *PROPERTY)]
#: In a state where more than half of the agencies with this many offenses send the year in one month, those with fewer
#: may do so, too: their months do not show it.
_FEWEST_OF_MONTHLY, MOST_LUMPED = 12, 0.5


@dataclass(frozen=True)
class MonthlyReports:
    """The eligible agencies of a file with their months.

    Attributes:
        agencies: rows of dataset ``return_a_agency``, with ``region_code``, by ``ori7``.
        counts: (n, 12, 9) offenses by crime of :data:`CRIMES`, at least 0.
        known: (n, 12) reported months that are not empty against all chance.
        is_monthly: (n,) agencies that do not lump months.
        is_full: (n,) of these, those of which the program takes all months as known.
    """

    agencies: pl.DataFrame
    counts: Floats
    known: Flags
    is_monthly: Flags
    is_full: Flags


def eligible_months(return_a_agency: pl.DataFrame, return_a_count: pl.DataFrame) -> tuple[pl.DataFrame, Floats, Flags]:
    """The eligible agencies of a Return A master file with their months.

    Args:
        return_a_agency: dataset of that name.
        return_a_count: dataset of that name.

    Returns:
        The n agencies with ``region_code``, by ``ori7``; (n, 12, 9) offenses by crime of :data:`CRIMES`, of which
        corrections are below 0; and (n, 12) whether the month was reported.
    """
    states = code_list("state").select("state_abbr", "state_name", "region_code")
    agencies = (
        return_a_agency.filter("is_eligible")
        .join(states, on="state_abbr", how="left", maintain_order="left")
        .sort("ori7")
        .with_row_index("row")
    )
    cards = (
        return_a_count.filter(pl.col("card") == ACTUAL)
        .join(agencies.select("ori7", "row"), on="ori7")
        .sort("row", "month")
    )
    items = cards.select(ITEM_COLUMNS).fill_null(0).to_numpy()
    crimes = np.stack([sum(sign * items[:, item] for item, sign in ITEMS_OF_CRIME[crime].items()) for crime in CRIMES])
    counts = crimes.T.reshape(-1, MONTHS_PER_YEAR, len(CRIMES)).astype(np.float64)
    return agencies.drop("row"), counts, cards["is_reported"].to_numpy().reshape(-1, MONTHS_PER_YEAR)


def monthly_reports(return_a_agency: pl.DataFrame, return_a_count: pl.DataFrame) -> MonthlyReports:
    """Who of a Return A master file reported which months.

    Args:
        return_a_agency: dataset of that name.
        return_a_count: dataset of that name.
    """
    agencies, corrected, reported = eligible_months(return_a_agency, return_a_count)
    counts = np.maximum(corrected, 0.0)
    total = counts[:, :, PART_I].sum(axis=2)
    others = (total.sum(axis=1, keepdims=True) - total) / np.maximum(reported.sum(axis=1, keepdims=True) - 1, 1)
    known = reported & ~((total == 0) & (others >= MEAN_THAT_RULES_OUT_ZERO))
    is_monthly = (
        agencies["lumped_kind"].is_null() & (agencies["last_month_reported"] > 0) & ~_may_lump(agencies, total)
    ).to_numpy()
    status, _ = judge(np.where(known, total, np.nan), np.zeros(total.shape, dtype=np.bool_), agencies)
    # An agency of which the program takes a month as incomplete is no known truth.
    is_full = is_monthly & known.all(axis=1) & (status == MonthStatus.KNOWN).all(axis=1)
    return MonthlyReports(agencies, counts, known, is_monthly, np.asarray(is_full))


def _may_lump(agencies: pl.DataFrame, total: Floats) -> pl.Series:
    """Small agencies of states where most send the year in one month."""
    is_small = pl.Series(total.sum(axis=1) < _FEWEST_OF_MONTHLY)
    lumps = pl.col("lumped_kind").is_not_null()
    share = lumps.filter(~pl.col("is_small")).mean().over("state_abbr").fill_null(0.0)
    frame = agencies.select("state_abbr", "lumped_kind", is_small=is_small)
    return frame.select(pl.col("is_small") & (share > MOST_LUMPED)).to_series()


def return_a_population(
    return_a_agency: pl.DataFrame,
    return_a_count: pl.DataFrame,
    year: int,
    before: tuple[pl.DataFrame, pl.DataFrame] | None = None,
) -> FixedPopulation:
    """The full monthly reporters of a file as a population; the others give the patterns of partial years.

    Args:
        return_a_agency: dataset of that name.
        return_a_count: dataset of that name.
        year: of the file.
        before: the two datasets of the year before, for the benchmark.
    """
    found = monthly_reports(return_a_agency, return_a_count)
    agencies = numbered_agencies(found.agencies.filter(pl.Series(found.is_full)), year)
    counts = found.counts[found.is_full]
    total = found.counts[:, :, PART_I].sum(axis=2)
    annual = np.where(found.known, total, 0.0).sum(axis=1) * MONTHS_PER_YEAR / np.maximum(found.known.sum(axis=1), 1)
    is_partial = found.is_monthly & ~found.known.all(axis=1) & found.known.any(axis=1)
    return FixedPopulation(
        year=year,
        agencies=agencies,
        offenses=offenses_of_months(agencies, counts),
        members=Members(
            with_weight_class(agencies),
            annual[found.is_full],
            found.known[is_partial],
            group_of(found.agencies).filter(pl.Series(is_partial)),
            annual[is_partial],
        ),
        before=None if before is None else _before(agencies, *before),
    )


def _before(agencies: pl.DataFrame, return_a_agency: pl.DataFrame, return_a_count: pl.DataFrame) -> Floats:
    """(n, 9) counts of the year before of agencies that reported all of it, NaN of others."""
    found = monthly_reports(return_a_agency, return_a_count)
    rows = found.agencies.select("ori").with_row_index("row").filter(pl.Series(found.is_full))
    place = agencies.select("ori").join(rows, on="ori", how="left", maintain_order="left")["row"]
    counts = found.counts.sum(axis=1)[place.fill_null(0).to_numpy()]
    counts[place.is_null().to_numpy()] = np.nan
    return np.asarray(counts)


def offenses_of_months(agencies: pl.DataFrame, counts: Floats) -> pl.DataFrame:
    """``agency_id``, ``month``, ``offense_code`` and ``n`` of (n, 12, 9) offenses of n agencies, without zeros."""
    row, month, crime = np.nonzero(counts)
    return pl.DataFrame(
        {
            "agency_id": agencies["agency_id"].gather(row),
            "month": pl.Series(month + 1, dtype=pl.Int8),
            "offense_code": CODES.gather(crime),
            "n": pl.Series(counts[row, month, crime], dtype=pl.Int32),
        }
    )


def numbered_agencies(agencies: pl.DataFrame, year: int) -> pl.DataFrame:
    """Rows of dataset ``agency``, numbered in order."""
    return agency_rows(agencies.with_columns(agency_id=pl.int_range(1, pl.len() + 1)), year)
